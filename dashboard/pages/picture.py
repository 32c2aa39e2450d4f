"""The shared picture: filters as a sentence, the map, layers, KPIs, the time brush, and the records behind a KPI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from dash import Dash, Input, Output, State, ctx, html, no_update

from dashboard import opened, sentence
from dashboard.page import Page, shell
from dashboard.services import Services
from data.seen import Seen


def layout(services: Services, seen: Seen, query: Mapping[str, str]) -> Any:
    return shell(
        "picture",
        html.Main(
            [
                html.Div(id="cg-map"),
                html.Aside(id="cg-layers"),
                html.Aside(id="cg-kpis"),
                html.Div(id="cg-brush"),
            ],
            id="cg-main",
        ),
        html.Section(id="cg-opened"),
        filters=sentence.sentence(seen, services.settings, query),
    )


def register(app: Dash, services: Services) -> None:
    sentence.register(app)

    @app.callback(Output("cg-opened", "children"), Input("url", "search"))
    def open_kpi(search: str | None) -> Any:
        """The records behind the KPI the address names."""
        query = dict(parse_qsl((search or "").removeprefix("?")))
        return opened.panel(services, query) if query.get("kpi") else None

    @app.callback(
        Output("url", "search", allow_duplicate=True),
        Input("cg-opened-grid", "selectedRows"),
        Input("cg-opened-close", "n_clicks"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def from_opened(selected: list[dict[str, Any]] | None, clicks: int | None, search: str | None) -> Any:
        """A row opens its record; the cross closes the panel. Both only change the address."""
        query = dict(parse_qsl((search or "").removeprefix("?")))
        if ctx.triggered_id == "cg-opened-close" and clicks:
            query.pop("kpi", None)
        elif selected:
            query["record"] = selected[0]["id"]
        else:
            return no_update
        return "?" + urlencode(query)


PAGE = Page(id="picture", path="/", layout=layout, register=register, order=10)
