"""The wall display: no chrome, readable across the room, unattended for weeks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import html

from dashboard.page import Page, shell
from dashboard.services import Services
from data.seen import Seen


def layout(services: Services, seen: Seen, query: Mapping[str, str]) -> Any:
    return shell("wall", html.Main(id="cg-map"), html.Aside(id="cg-layers"), html.Aside(id="cg-kpis"))


PAGE = Page(id="wall", path="/wall", layout=layout, order=90)
