"""Supply: what runs out where, when and for how many people, what is on its way, and what could be moved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import html

from dashboard.page import Page, shell
from dashboard.services import Services
from data.seen import Seen


def layout(services: Services, seen: Seen, query: Mapping[str, str]) -> Any:
    return shell(
        "supply",
        html.Div(id="cg-supply-ask"),
        html.Main(id="cg-map"),
        html.Section(id="cg-supply"),
    )


PAGE = Page(id="supply", path="/supply", layout=layout, order=30)
"""`/supply?item=&horizon=30&sort=days&site=`: the item, how far ahead, and the site whose stock is open."""
