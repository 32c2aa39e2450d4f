"""The shared picture: filters as a sentence, the map, layers, KPIs, the time brush, and a KPI's records as chart and table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from dash import ClientsideFunction, Dash, Input, Output, State, html

from dashboard import rights, sentence, table
from dashboard.page import Page, shell
from dashboard.services import Services
from data.seen import Seen


def layout(services: Services, seen: Seen, query: Mapping[str, str]) -> Any:
    return shell(
        "picture",
        html.Div(
            [
                sentence.sentence(seen, services.settings, query),
                *([html.Div(id="cg-export")] if rights.exports(seen.viewer) else []),
            ],
            id="cg-filters",
        ),
        html.Aside(id="cg-layers"),
        html.Main(id="cg-map"),
        html.Aside(id="cg-kpis"),
        html.Section(id="cg-table"),
        html.Div(id="cg-brush"),
    )


def register(app: Dash, services: Services) -> None:
    sentence.register(app)

    # The browser part of tables is large, and few who look at the map open one: it is fetched before the first is made.
    app.clientside_callback(
        ClientsideFunction("commonground", "grid"),
        Output("cg-table", "data-asked"),
        Input("address", "data"),
        State("cg-table", "data-asked"),
    )

    @app.callback(Output("cg-table", "children"), Input("cg-table", "data-asked"))
    def open_table(search: str | None) -> Any:
        """Chart and table of the KPI that `table` in the address names."""
        query = dict(parse_qsl((search or "").removeprefix("?")))
        return table.panel(services, query) if query.get("table") else None

    app.clientside_callback(
        ClientsideFunction("commonground", "row"),
        Input("cg-table-grid", "selectedRows"),
        Input("cg-table-close", "n_clicks"),
        prevent_initial_call=True,
    )


PAGE = Page(id="picture", path="/", layout=layout, register=register, order=10)
