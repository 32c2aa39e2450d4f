"""Lists of places that serve people or hold goods: health facilities, water points, schools, warehouses, camps.

Partners name their columns as they like, so columns are found by what they are called, in several languages; all others
become attributes. The key is a column of codes that hardly ever repeats, else a digest of name, type and area; a key
that comes again with other content gets `#2`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from data.records import Record, Site
from data.settings import Source
from ingest.feed import Context, Feed, Payload, Refusal
from ingest.headings import area_columns, area_of, bare, called, pick
from ingest.line_lists import of_persons
from ingest.sheets import Row, Table, distinct, plain, preview, rows_of
from ingest.site_words import COLUMNS, NAME, NOT_SITES, OWN_NAME, functionality
from ingest.values import number, text
from ingest.written import moment, month_first, position


def recognise(payload: Payload) -> int:
    return max((_score(table) for table in preview(payload)), default=0)


def _score(table: Table) -> int:
    names = {bare(name) for name in table.header}
    has = {what: pick(table.header, words) is not None for what, words in COLUMNS.items()}
    named, placed = bool(names & {*NAME}), has["lat"] and has["lon"]
    if names & NOT_SITES or not (named or (has["code"] and has["type"])):
        return 0
    if placed:
        return (
            85
            if has["type"] and has["status"]
            else 75
            if has["type"] or has["status"]
            else 40
            if named and not of_persons(table.header)
            else 0
        )
    areas = area_columns(table.header)
    return 60 if names & {*OWN_NAME} and has["type"] and (has["status"] or areas.names or areas.pcodes) else 0


def rows(payload: Payload, source: Source) -> Iterable[dict[str, Any]]:
    return rows_of(payload, _score, _sites, "has no table of sites: a name, and a longitude and latitude or a type")


def _sites(table: Table) -> Iterator[dict[str, Any]]:
    """Each row with `columns` (what is in which column) and `key`."""
    columns = called(table.header, COLUMNS)
    listed = list(table.rows)
    columns.pop("code", None)
    for word in COLUMNS["code"]:
        name = pick(table.header, (word,))
        codes = [code for row in listed if (code := text(row, name or ""))]
        if name and codes and len(set(codes)) >= 0.9 * len(codes):
            columns["code"] = name
            break
    headed = {bare(name): name for name in table.header}
    columns |= {f"name{number}": headed[word] for number, word in enumerate(word for word in NAME if word in headed)}
    seen: dict[str, list[int]] = {}
    order = month_first(row.get(columns.get("date", "")) for row in listed)
    for row in listed:
        key = text(row, columns.get("code", "")) or _digest(row, columns)
        yield {"key": distinct(key, row, seen), "columns": columns, "cells": row, "month_first": order}


def _digest(row: Row, columns: Mapping[str, str]) -> str:
    pcode, names = area_of(row, area_columns(tuple(row)))
    said = [_name(row, columns), text(row, columns.get("type", "")), pcode or "", *names]
    return hashlib.blake2b("\0".join(bare(word) for word in said).encode(), digest_size=8).hexdigest()


def _name(row: Mapping[str, Any], columns: Mapping[str, str]) -> str:
    return next((name for key, column in columns.items() if key.startswith("name") and (name := text(row, column))), "")


def record(row: dict[str, Any], context: Context) -> Record:
    columns, cells = row["columns"], row["cells"]
    areas = area_columns(tuple(cells))
    pcode, names = area_of(cells, areas)
    name, kind = _name(cells, columns), text(cells, columns.get("type", ""))
    lon, lat = position(cells, columns.get("lon", ""), columns.get("lat", ""))
    if not (name or kind or text(cells, columns.get("code", ""))):
        raise Refusal("name", "neither name, type nor code is said")
    if len(cells) == 1:
        raise Refusal("name", "stands alone in its row, as a heading would", name)
    try:
        seen = moment(cells, columns.get("date", ""), context.source.timezone, row["month_first"])
    except Refusal:
        seen = None  # a site is no less there for an unreadable day; the day stays among the attributes
    used = {columns[key] for key in ("type", "lat", "lon", "operator", "beds", "served") if key in columns}
    return Site(
        source_ref=row["key"],
        title=name or f"{kind or 'Site'}, {next((area for area in reversed(names) if area), row['key'])}",
        category=kind,
        event_time=seen,
        lon=lon,
        lat=lat,
        place=text(cells, pick(cells, ("village", "settlement", "town", "location", "address")) or ""),
        adm_pcode=pcode,
        adm_names=names,
        place_precision="exact" if lon is not None else "",
        functionality=functionality(text(cells, columns.get("status", ""))),
        operator=text(cells, columns.get("operator", "")),
        beds=number(cells, columns.get("beds", "")),
        population_served=number(cells, columns.get("served", "")),
        attributes=plain(cells, used | areas.used(cells)),
    )


FEED = Feed(
    name="sites",
    title="Lists of facilities and other sites (Excel, CSV)",
    kinds=("site",),
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
    precedence=lambda payload: -20,
)
