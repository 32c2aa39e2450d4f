"""Incidents: one sentence of filters drives map, facets, trend, table and time together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import html

from dashboard import rights, sentence
from dashboard.page import Page, shell
from dashboard.services import Services
from data.seen import Seen


def layout(services: Services, seen: Seen, query: Mapping[str, str]) -> Any:
    return shell(
        "incidents",
        html.Div(
            [
                sentence.sentence(seen, services.settings, query),
                html.Div(id="cg-views"),
                *([html.Div(id="cg-export")] if rights.exports(seen.viewer) else []),
            ],
            id="cg-filters",
        ),
        html.Main(id="cg-map"),
        html.Aside(id="cg-facets"),
        html.Section(id="cg-incidents"),
        html.Div(id="cg-brush"),
    )


PAGE = Page(id="incidents", path="/incidents", layout=layout, order=20)
