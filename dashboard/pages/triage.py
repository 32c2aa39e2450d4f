"""Triage: what was published, folded into stories, with what is suggested and why; a person promotes or discards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import html

from dashboard.page import Page, shell
from dashboard.services import Services
from data.seen import Seen


def layout(services: Services, seen: Seen, query: Mapping[str, str]) -> Any:
    return shell("triage", html.Main(id="cg-triage"))


PAGE = Page(id="triage", path="/triage", layout=layout, order=82)
