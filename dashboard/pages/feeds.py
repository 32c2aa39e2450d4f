"""Every source: tried, succeeded and observed apart; its cadence; and what is in quarantine, by reason, to the raw row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dash_ag_grid as dag
from dash import Dash, Input, Output, html

from dashboard.page import Page, shell
from dashboard.services import Services
from dashboard.words import age, dtg, language, say
from data.seen import Seen


def layout(services: Services, seen: Seen, query: Mapping[str, str]) -> Any:
    lang = language(query.get("lang"))
    groups = services.quarantine_groups()
    return shell(
        "feeds",
        html.Main(
            [
                html.Section(id="cg-sources"),
                html.Section(
                    [
                        html.H2(say(lang, "feeds.quarantine")),
                        _grid(groups, lang) if groups else html.P(say(lang, "feeds.none"), className="cg-empty"),
                        html.Div(
                            html.P(say(lang, "feeds.pick"), className="cg-empty") if groups else None, id="cg-raw"
                        ),
                    ],
                    id="cg-quarantine",
                ),
            ],
            id="cg-main",
        ),
    )


def _grid(groups: list[dict[str, Any]], lang: str) -> dag.AgGrid:
    columns = ("source", "reason", "count", "first", "last")
    widths = {"source": 1.2, "reason": 4, "count": 0.8, "first": 1.2, "last": 1.2}
    return dag.AgGrid(
        id="cg-quarantine-grid",
        columnDefs=[
            {"field": name, "headerName": say(lang, f"feeds.{name}"), "flex": widths[name]} for name in columns
        ],
        rowData=[
            {
                "id": group["example_id"],
                "source": group["source"],
                "reason": group["reason"],
                "count": group["count"],
                "first": dtg(group["first_seen"]),
                "last": dtg(group["last_seen"]),
            }
            for group in groups
        ],
        dashGridOptions={
            "rowSelection": {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True},
            "domLayout": "autoHeight",
            "animateRows": False,
        },
        className="ag-theme-quartz cg-grid",
    )


def register(app: Dash, services: Services) -> None:
    @app.callback(Output("cg-raw", "children"), Input("cg-quarantine-grid", "selectedRows"), prevent_initial_call=True)
    def show_raw(selected: list[dict[str, Any]] | None) -> Any:
        """The newest raw row of the chosen reason, as it came."""
        if not selected:
            return None
        entry = services.quarantine_entry(int(selected[0]["id"]))
        if entry is None:
            return None
        raw = entry["raw"].decode("utf-8", "replace")
        about = f"{entry['payload']} · {entry['detail']} · {entry['seen']}× · {age(entry['age_s'])}"
        return [html.P(about), html.Pre(raw[:20_000], dir="ltr")]


PAGE = Page(id="feeds", path="/feeds", layout=layout, register=register, order=80)
