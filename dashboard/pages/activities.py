"""Activities: who does what where, what is missing and done twice, and whom to ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import html

from dashboard.page import Page, shell
from dashboard.services import Services
from data.seen import Seen


def layout(services: Services, seen: Seen, query: Mapping[str, str]) -> Any:
    return shell("activities", html.Main(id="cg-activities"))


PAGE = Page(id="activities", path="/activities", layout=layout, order=52)
