"""Who does what where (3W, 4W, 5W) in tables without HXL tags: found by headings, in English, French and Spanish.

Tables with a row of HXL tags are read by `table`. The key is a column of ids, else a digest of who, what, where and when; what
was counted and its status change within it. Women and men add up to all where no total is said.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from data.records import Activity, Record
from ingest.activity_words import ABOUT, COLUMNS, DAYS, FIRST_LEVEL, MENTIONED, OTHERS, UNTAGGED
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.headings import area_columns, area_of, bare, called, pick
from ingest.sheets import Table, distinct, kind_of, plain, preview, rows_of, tables
from ingest.values import number, text
from ingest.written import moment, month_first, position


def recognise(payload: Payload) -> int:
    if kind_of(payload) == "json":
        found = tuple(tables(payload)) if MENTIONED.search(payload.head_text) else ()
    else:
        found = preview(payload)
    if any(table.tags and not _score(table) for table in found):
        return 0  # which only its tags tell
    return max((_score(table) for table in found if not table.tags), default=0)


def _score(table: Table) -> int:
    has = called(table.header, COLUMNS).keys()
    if "organisation" not in has or any(OTHERS.fullmatch(bare(name)) for name in table.header):
        return 0
    what = has & {"sector", "activity"}
    where = area_columns(table.header).names or pick(table.header, FIRST_LEVEL) or "place" in has
    return 80 if len(what) == 2 else 70 if what and (where or has & {"targeted", "reached"}) else 0


def rows(payload: Payload, source: Source) -> Iterable[dict[str, Any]]:
    """Of a workbook in which some sheets have tags and some have none, all that are of activities."""
    seen: dict[str, list[int]] = {}
    return rows_of(
        payload,
        _score,
        lambda table: _listed(table, seen),
        "has no table of activities: an organisation, and a sector or an activity",
    )


def _listed(table: Table, seen: dict[str, list[int]]) -> Iterator[dict[str, Any]]:
    columns = called(table.header, COLUMNS)
    listed = list(table.rows)
    codes = [text(row, columns.get("code", "")) for row in listed]
    if len(set(codes)) < 0.9 * len(codes):
        columns.pop("code", None)  # of the project or the list, not of the row
    orders = {what: month_first(row.get(columns[what]) for row in listed) for what in DAYS if what in columns}
    areas = area_columns(table.header)
    for row in listed:
        about = [text(row, columns.get(what, "")) for what in ABOUT]
        made = hashlib.blake2b(repr((about, area_of(row, areas))).encode(), digest_size=8).hexdigest()
        key = distinct(text(row, columns.get("code", "")) or made, row, seen)
        yield {"key": key, "columns": columns, "cells": row, "orders": orders}


def record(row: dict[str, Any], context: Context) -> Record:
    columns, cells, zone = row["columns"], row["cells"], context.source.timezone
    said = {what: text(cells, columns.get(what, "")) for what in COLUMNS}
    if not any(said[what] for what in ("organisation", "sector", "activity")):
        raise Refusal("organisation", "is empty, and so are sector and activity")
    if UNTAGGED.fullmatch(said["organisation"]) or UNTAGGED.fullmatch(said["sector"]):
        raise Refusal(
            "row", "looks like HXL tags without their #; write them with it", said["organisation"] or said["sector"]
        )
    areas = area_columns(tuple(cells))
    pcode, names = area_of(cells, areas)
    first = pick(cells, FIRST_LEVEL) or ""
    names = names or ((text(cells, first),) if first else ())
    lon, lat = position(cells, columns.get("lon", ""), columns.get("lat", ""))
    days = {w: moment(cells, columns.get(w, ""), zone, row["orders"].get(w, False)) for w in DAYS}
    people = {what: number(cells, columns.get(what, "")) for what in ("in_need", "targeted", "reached", "women", "men")}
    women, men = people["women"], people["men"]
    if people["targeted"] is None and people["reached"] is None and women is not None and men is not None:
        people["targeted"] = women + men
    where = next((name for name in (said["place"], *reversed(names)) if name), "")
    used = {columns[what] for what in ("organisation", "sector", "partner", "status", "lat", "lon") if what in columns}
    return Activity(
        source_ref=row["key"],
        title=", ".join(part for part in (said["activity"] or said["sector"] or said["organisation"], where) if part),
        category=said["sector"],
        organisation=said["organisation"],
        partner=said["partner"],
        activity=said["activity"],
        status=said["status"],
        event_time=days["date"] or days["start"],
        start=days["start"],
        end=days["end"],
        people_in_need=people["in_need"],
        people_targeted=people["targeted"],
        people_reached=people["reached"],
        lon=lon,
        lat=lat,
        place=said["place"],
        adm_pcode=pcode,
        adm_names=names,
        place_precision="exact" if lon is not None else "",
        attributes=plain(cells, used | areas.used(cells) | {first}),
    )


FEED = Feed(
    name="activities",
    title="Who does what where, without tags (Excel, CSV, JSON)",
    kinds=("activity",),
    formats=("xlsx", "xls", "csv", "json", "zip"),
    media_types=(
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.ms-excel",
        "text/csv",
        "application/json",
    ),
    recognise=recognise,
    rows=rows,
    record=record,
    keys="list",
)
