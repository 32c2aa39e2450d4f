"""Community: what people said, by theme, channel and area, and whether they were answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import html

from dashboard.page import Page, shell
from dashboard.services import Services
from data.seen import Seen


def layout(services: Services, seen: Seen, query: Mapping[str, str]) -> Any:
    return shell("community", html.Main(id="cg-community"))


PAGE = Page(id="community", path="/community", layout=layout, order=50)
