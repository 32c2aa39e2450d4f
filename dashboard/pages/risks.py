"""Risks: the shared register as a matrix, a list and a map, with what raised a risk and since when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import html

from dashboard.page import Page, shell
from dashboard.services import Services
from data.seen import Seen

GROUND = "boundaries"
"""Layers under the risks, whose marks carry the names of their areas; an address may ask for others."""


def layout(services: Services, seen: Seen, query: Mapping[str, str]) -> Any:
    return shell("risks", html.Main(id="cg-risks"), html.Div(id="cg-map", **{"data-layers": GROUND}))


PAGE = Page(id="risks", path="/risks", layout=layout, order=55)
"""`/risks?open=ID` opens a risk."""
