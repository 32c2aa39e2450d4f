"""Health: facilities and whether they work, diseases and how many reported, and who can get there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import html

from dashboard.page import Page, shell
from dashboard.services import Services
from data.seen import Seen


def layout(services: Services, seen: Seen, query: Mapping[str, str]) -> Any:
    return shell("health", html.Main(id="cg-map"), html.Section(id="cg-health"))


PAGE = Page(id="health", path="/health", layout=layout, order=32)
