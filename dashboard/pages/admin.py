"""Administration: agreements and their calendar, sources and marks, agencies, people, displays, opened glass, the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import html

from dashboard.page import Page, shell
from dashboard.rights import concerned
from dashboard.services import Services
from dashboard.words import language, say
from data.seen import Seen


def layout(services: Services, seen: Seen, query: Mapping[str, str]) -> Any:
    """The empty place for whom there is anything here; what stands in it is read by the browser, act by act checked anew."""
    if not concerned(seen.viewer):
        return html.P(say(language(query.get("lang")), "page.admin.none"), className="cg-empty")
    return shell("admin", html.Main(id="cg-admin"))


PAGE = Page(id="admin", path="/admin", layout=layout, order=85)
