"""The watch: what lies with whom, overdue first; the log; handover; and reports that may be of one event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import html

from dashboard.page import Page, shell
from dashboard.services import Services
from data.seen import Seen


def layout(services: Services, seen: Seen, query: Mapping[str, str]) -> Any:
    return shell("watch", html.Main(id="cg-watch"))


PAGE = Page(id="watch", path="/watch", layout=layout, order=15)
