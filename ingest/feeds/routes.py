"""Tables of roads and links: from where to where, whether one can pass, how far it is. Logistics' own lists, without a shape.

A road has the name it is given, else its two ends; that is its key, so that the list sent again revises. The status is told
from the partner's words (open, restricted, closed); what is not understood is unknown, never open. A table of closures, with
a day from which and a day to which, says closed while it lasts and open when it is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from data.records import Record, RouteStatus
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.headings import area_columns, area_of, bare, called, pick
from ingest.route_words import COLUMNS, MEASURES, status_of
from ingest.sheets import Table, distinct, plain, preview, rows_of
from ingest.values import text
from ingest.written import moment, month_first


def recognise(payload: Payload) -> int:
    return max((_score(table) for table in preview(payload)), default=0)


def _score(table: Table) -> int:
    if table.tags:
        return 0
    has = called(table.header, COLUMNS).keys()
    names = {bare(name) for name in table.header}
    ends, measured = {"from", "to"} <= has, bool(names & {*MEASURES}) or "since" in has
    road = "name" in has or bool(names & {*COLUMNS["code"]})
    if ends and measured and not names & {"item", "commodity", "quantity", "waybill"}:
        return 80
    told = pick(table.header, COLUMNS["status"][:5]) or ("status" in has and ("surface" in has or ends))
    return 78 if road and told else 0


def rows(payload: Payload, source: Source) -> Iterable[dict[str, Any]]:
    seen: dict[str, list[int]] = {}
    return rows_of(
        payload,
        _score,
        lambda table: _roads(table, seen),
        "has no table of roads: a road or its two ends, and a status or a distance",
    )


def _roads(table: Table, seen: dict[str, list[int]]) -> Iterator[dict[str, Any]]:
    columns = called(table.header, COLUMNS)
    listed = list(table.rows)
    orders = {
        what: month_first(row.get(columns[what]) for row in listed)
        for what in ("date", "since", "until")
        if what in columns
    }
    for row in listed:
        said = {what: text(row, columns.get(what, "")) for what in COLUMNS}
        ends = " – ".join(end for end in (said["from"], said["to"]) if end)
        key = said["code"] or "/".join(part for part in (said["name"], ends, said["since"]) if part)
        yield {
            "key": distinct(key, row, seen),
            "columns": columns,
            "said": said,
            "ends": ends,
            "cells": row,
            "orders": orders,
        }


def record(row: dict[str, Any], context: Context) -> Record:
    said, cells = row["said"], row["cells"]
    if not said["name"] and not (said["from"] and said["to"]):
        raise Refusal("road", "neither its name nor its two ends are said")
    days = {what: moment(cells, row["columns"].get(what, ""), context.source.timezone, row["orders"].get(what, False))
            for what in ("date", "since", "until")}  # fmt: skip
    status = status_of(said["status"])
    if "since" in row["columns"]:
        over = days["until"] is not None and days["until"] <= context.received_at
        status = "unknown" if days["since"] is None else "open" if over else "closed"
    pcode, names = area_of(cells, area_columns(tuple(cells)))
    when = days["date"] or days["since"]
    return RouteStatus(
        source_ref=row["key"],
        title=" ".join(
            part for part in (said["name"], f"({row['ends']})" if said["name"] and row["ends"] else row["ends"]) if part
        ),
        category=said["class"] or "road",
        event_time=when,
        version_time=days["date"],
        adm_pcode=pcode,
        adm_names=names,
        status=status,
        reason=said["reason"],
        surface=said["surface"],
        attributes=plain(cells),
    )


FEED = Feed(
    name="routes",
    title="Tables of roads, links and closures (Excel, CSV)",
    kinds=("route",),
    formats=("xlsx", "xls", "csv"),
    media_types=("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "text/csv"),
    recognise=recognise,
    rows=rows,
    record=record,
    keys="list",
)
