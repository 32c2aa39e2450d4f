"""A KPI as a table: the records behind the figure as a chart over time and a table, each row opening its record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dash_ag_grid as dag
import numpy as np
import plotly.graph_objects as go
from dash import dcc, html

from dashboard.answer import Refused
from dashboard.kpi import Asked
from dashboard.kpis import all_kpis
from dashboard.looking import VIEW_AS
from dashboard.services import Services
from dashboard.words import dtg, language, say
from data.columns import NO_TIME
from data.filters import BadFilter, parse
from data.seen import Rows, Seen, public_id

SHOWN = 500
CHART_DAYS = 90
DAY_MS = 86_400_000


def panel(services: Services, query: Mapping[str, str]) -> Any:
    """The panel for the KPI `query["table"]` names; nothing where it names none."""
    kpi = next((kpi for kpi in all_kpis() if kpi.id == query["table"]), None)
    if kpi is None:
        return None
    lang = language(query.get("lang"))
    try:
        filters = parse({"window": "28d", **query})
        seen = services.seen(filters, query.get(VIEW_AS, ""))
        found = kpi.compute(Asked(seen, filters, lang, services.settings.thresholds.get(kpi.id, kpi.target)))
    except (BadFilter, Refused) as error:
        return html.P(str(error), className="cg-empty")
    rows = seen.newest(kpi.kind, found.rows, SHOWN)
    title = say(lang, "kpi.open.title", title=say(lang, f"kpi.{kpi.id}"), n=f"{len(found.rows):,}")
    note = say(lang, "kpi.open.newest", n=SHOWN) if len(found.rows) > SHOWN else ""
    return html.Div(
        [
            html.Div(
                [
                    html.H2(title),
                    html.Span(note, className="cg-note"),
                    html.Button("×", id="cg-table-close", type="button", **{"aria-label": say(lang, "kpi.open.close")}),
                ],
                className="cg-table-head",
            ),
            html.P(say(lang, f"kpi.{kpi.id}.method"), className="cg-note"),
            html.Div(
                [_chart(seen, kpi.kind, found.rows, lang), _table(seen, kpi.kind, rows, lang)],
                className="cg-table-body",
            ),
        ],
        className="cg-table-panel",
    )


def _chart(seen: Seen, kind: str, rows: Rows, lang: str) -> Any:
    """Records per day, newest 90 days of them; nothing where no record has a time."""
    times = seen.column(kind, "time")[rows]
    times = times[times != NO_TIME]
    if not len(times):
        return None
    days = times.astype("datetime64[us]").astype("datetime64[D]")
    last = days.max()
    days = days[days > last - CHART_DAYS]
    axis = np.arange(days.min(), last + 1)
    counts = np.bincount((days - days.min()).astype(int), minlength=len(axis))
    figure = go.Figure(
        go.Bar(x=axis.astype(str), y=counts, marker={"color": "#E69F00"}, hovertemplate="%{x}: %{y}<extra></extra>")
    )
    figure.update_layout(
        height=180,
        margin={"l": 32, "r": 8, "t": 24, "b": 24},
        title={"text": say(lang, "chart.title"), "font": {"size": 12}, "x": 0, "xanchor": "left"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "Noto Sans, Noto Sans Arabic, sans-serif", "size": 12, "color": "#8B97A5"},
        xaxis={"showgrid": False, "tickformat": "%d %b", "dtick": DAY_MS * -(-len(axis) // 6)},
        yaxis={"gridcolor": "rgba(139,151,165,.18)", "rangemode": "tozero"},
        bargap=0.15,
        dragmode=False,
    )
    return dcc.Graph(figure=figure, config={"displayModeBar": False, "responsive": True}, className="cg-chart")


def _table(seen: Seen, kind: str, rows: Rows, lang: str) -> dag.AgGrid:
    columns = ("time", "title", "place", "severity", "source", "grade", "received")
    flex = {"title": 3, "place": 2}
    least = {"time": 150, "received": 150}  # a date-time group whole
    return dag.AgGrid(
        id="cg-table-grid",
        columnDefs=[
            {
                "field": name,
                "headerName": say(lang, f"col.{name}"),
                "flex": flex.get(name, 1),
                "minWidth": least.get(name, 80),
            }
            for name in columns
        ],
        rowData=[
            {
                "id": public_id(item.id),
                "time": dtg(item.record.event_time),
                "title": item.record.title or item.record.category,
                "place": " · ".join(part for part in (item.record.place or item.site, _lowest(item.pcodes)) if part),
                "severity": say(lang, f"severity.{item.record.severity.name}"),
                "source": item.record.source,
                "grade": item.record.grade,
                "received": dtg(item.received_at),
            }
            for item in seen.items(kind, rows)
        ],
        getRowId="params.data.id",
        dashGridOptions={
            "rowSelection": {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True},
            "animateRows": False,
            "enableRtl": lang == "ar",
        },
        className="cg-grid",
    )


def _lowest(pcodes: tuple[str | None, ...]) -> str:
    known = [code for code in pcodes if code]
    return known[-1] if known else ""
