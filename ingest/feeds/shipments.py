"""Lists of shipments, as logistics keeps them in sheets: waybills, convoys, deliveries; one line of goods a row.

Each row is a report ("shipment"), found by what its columns are called; all others become attributes. The key is the waybill
with its line or item, so that the list sent again says how far it came. Its time is when it arrived, else when it left; what
is only expected stands among the attributes. The place is the destination.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from data.records import Record, Report
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.headings import LATITUDE, LONGITUDE, area_columns, area_of, pick, words
from ingest.sheets import Table, distinct, plain, preview, tables
from ingest.values import number, text
from ingest.written import moment, month_first, position

COLUMNS = {
    "code": words(
        "waybill waybill_no waybill_number waybill_ref consignment consignment_no consignment_number shipment shipment_id"
        " shipment_no shipment_number shipment_ref shipment_reference delivery_note delivery_note_no gdn_no gdn dispatch_no"
        " dispatch_id convoy_no tracking_number bordereau no_bordereau lettre_de_voiture"
    ),
    "line": words("line line_no line_number item_no lot batch batch_no"),
    "item": words(
        "commodity item item_name product product_name item_description description_of_goods goods cargo article material"
        " designation produit"
    ),
    "quantity": words(
        "quantity qty quantity_dispatched qty_dispatched dispatched_quantity quantity_sent qty_sent quantity_shipped"
        " qty_shipped net_mt mt tonnage weight_mt net_weight weight quantite"
    ),
    "received": words(
        "quantity_received qty_received received_quantity received_qty quantity_delivered quantite_recue"
    ),
    "lost": words("quantity_lost qty_lost losses lost damaged quantity_damaged missing pertes"),
    "unit": words("unit uom unit_of_measure units packaging unite"),
    "origin": words(
        "origin from from_location dispatch_point loading_point departure departure_location source origine"
    ),
    "destination": words(
        "destination to to_location delivery_point final_destination discharge_point arrival_location consignee_location"
        " delivery_location"
    ),
    "sent": words(
        "dispatch_date date_dispatched departure_date ship_date date_shipped loading_date date_sent etd date_depart"
    ),
    "due": words(
        "eta expected_arrival expected_arrival_date expected_date planned_delivery planned_delivery_date due_date"
    ),
    "arrived": words(
        "arrival_date date_received delivery_date date_delivered received_date ata date_arrived date_arrivee"
    ),
    "status": words("shipment_status delivery_status status statut etat"),
    "lat": (*words("destination_lat destination_latitude dest_lat"), *LATITUDE),
    "lon": (*words("destination_lon destination_longitude dest_lon"), *LONGITUDE),
}
DAYS = ("arrived", "sent", "due")


def recognise(payload: Payload) -> int:
    return max((_score(table) for table in preview(payload)), default=0)


def _score(table: Table) -> int:
    has = {what for what, listed in COLUMNS.items() if pick(table.header, listed)}
    if table.tags or not has & {"origin", "destination"} or not has & {"item", "quantity"}:
        return 0
    moved = has & {"sent", "due", "arrived", "received"}
    if "code" in has:
        return 90 if moved else 75
    return 75 if {"item", "quantity", "destination"} <= has and moved else 0


def rows(payload: Payload, source: Source) -> Iterable[dict[str, Any]]:
    found = False
    seen: dict[str, list[int]] = {}
    for table in tables(payload):
        if _score(table):
            found = True
            yield from _lines(table, seen)
    if not found:
        raise ValueError(f"{payload.name} has no list of shipments: a waybill, goods, and where from or to")


def _lines(table: Table, seen: dict[str, list[int]]) -> Iterator[dict[str, Any]]:
    columns = {what: name for what, listed in COLUMNS.items() if (name := pick(table.header, listed))}
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
        attributes=plain(cells, areas.used(cells)),
    )


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
