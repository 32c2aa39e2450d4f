"""Lists of shipments, as logistics keeps them in sheets: waybills, convoys, deliveries; one line of goods a row.

Each row is a report ("shipment"), found by what its columns are called; all others become attributes. The key is the waybill
with its line or item, so that the list sent again says how far it came. Its time is when it arrived, else when it left; what
is only expected stands among the attributes, as does how far it came (`shipment.state`: planned, confirmed, arrived,
cancelled). The place is the destination.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from data.records import Record, Report
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.headings import area_columns, area_of, called
from ingest.sheets import Table, distinct, plain, preview, rows_of
from ingest.shipment_words import COLUMNS, DAYS, GONE, THERE, UNDER_WAY
from ingest.values import number, text
from ingest.written import moment, month_first, position


def recognise(payload: Payload) -> int:
    return max((_score(table) for table in preview(payload)), default=0)


def _score(table: Table) -> int:
    has = called(table.header, COLUMNS).keys()
    if table.tags or not has & {"origin", "destination"} or not has & {"item", "quantity"}:
        return 0
    moved = has & {"sent", "due", "arrived", "received"}
    if "code" in has:
        return 90 if moved else 75
    return 75 if {"item", "quantity", "destination"} <= has and moved else 0


def rows(payload: Payload, source: Source) -> Iterable[dict[str, Any]]:
    seen: dict[str, list[int]] = {}
    return rows_of(
        payload,
        _score,
        lambda table: _lines(table, seen),
        "has no list of shipments: a waybill, goods, and where from or to",
    )


def _lines(table: Table, seen: dict[str, list[int]]) -> Iterator[dict[str, Any]]:
    columns = called(table.header, COLUMNS)
    listed = list(table.rows)
    orders = {what: month_first(row.get(columns[what]) for row in listed) for what in DAYS if what in columns}
    for row in listed:
        about = [text(row, columns.get(what, "")) for what in ("code", "line", "item")]
        if not about[0]:
            more = [text(row, columns.get(what, "")) for what in ("origin", "destination", "sent")]
            about = [hashlib.blake2b(repr((about, more)).encode(), digest_size=8).hexdigest()]
        yield {
            "key": distinct("/".join(part for part in about if part), row, seen),
            "columns": columns,
            "cells": row,
            "orders": orders,
        }


def record(row: dict[str, Any], context: Context) -> Record:
    columns, cells = row["columns"], row["cells"]
    said = {what: text(cells, columns.get(what, "")) for what in COLUMNS}
    if not any(said[what] for what in ("item", "quantity", "destination", "status")):
        raise Refusal("item", "neither goods nor quantity nor destination is said")
    for what in ("quantity", "received", "lost"):
        if (number(cells, columns.get(what, "")) or 0.0) < 0:
            raise Refusal(columns[what], "is below zero", said[what])
    days = {what: _day(row, what, context) for what in DAYS}
    happened = next((when for what in DAYS[:2] if (when := days[what]) and when <= context.latest_observed), None)
    lon, lat = position(cells, columns.get("lon", ""), columns.get("lat", ""))
    areas = area_columns(tuple(cells))
    pcode, names = area_of(cells, areas)
    goods = " ".join(part for part in (said["quantity"], said["unit"], said["item"]) if part)
    way = " to ".join(part for part in (said["origin"], said["destination"]) if part)
    told = ", ".join(part for part in (goods, way, said["status"]) if part)
    return Report(
        source_ref=row["key"],
        title=f"{said['code'] or 'Shipment'}: {told}" if told else said["code"],
        category="shipment",
        form="shipments",
        event_time=happened,
        lon=lon,
        lat=lat,
        place=said["destination"],
        adm_pcode=pcode,
        adm_names=names,
        place_precision="exact" if lon is not None else "",
        attributes={**plain(cells, areas.used(cells)), **_standing(said, cells, columns, days)},
    )


def _standing(
    said: dict[str, str], cells: dict[str, Any], columns: dict[str, str], days: dict[str, datetime | None]
) -> dict[str, Any]:
    """What of it is on its way and to where, in words of our own: what is short of stock is told what comes."""
    status = said["status"].casefold()
    if any(word in status for word in GONE):
        state = "cancelled"
    elif days["arrived"] or any(word in status for word in THERE):
        state = "arrived"
    else:
        state = "confirmed" if days["sent"] or any(word in status for word in UNDER_WAY) else "planned"
    told: dict[str, Any] = {
        "shipment.item": said["item"],
        "shipment.quantity": number(cells, columns.get("quantity", "")),
        "shipment.unit": said["unit"],
        "shipment.destination": said["destination"],
        "shipment.due": days["due"].isoformat() if days["due"] else "",
        "shipment.state": state,
    }
    return {name: value for name, value in told.items() if value not in ("", None)}


def _day(row: dict[str, Any], what: str, context: Context) -> datetime | None:
    name = row["columns"].get(what, "")
    return moment(row["cells"], name, context.source.timezone, row["orders"].get(what, False)) if name else None


FEED = Feed(
    name="shipments",
    title="Shipment lists (Excel, CSV)",
    kinds=("report",),
    formats=("xlsx", "xls", "csv"),
    media_types=(
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.ms-excel",
        "text/csv",
    ),
    recognise=recognise,
    rows=rows,
    record=record,
    keys="list",
)
