"""Tables of P-codes, of one or several vintages: COD-AB gazetteers (workbooks, CSV), OCHA's global list, HXL lists of places.

Each row becomes a look-up row of the table `pcode` with code, name, level, parent and from when it holds. The key is the code
with its vintage, so that codes of several vintages stand side by side, and a code that changed its meaning shows both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from data.records import Record, Reference
from ingest import hxl
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.headings import LOWEST, area_columns, area_of, bare, pick
from ingest.pcode_words import CENTRE_LAT, CENTRE_LON, COUNTRY, FIGURES, FROM, LEVEL, NAME, PARENT, TO
from ingest.sheets import Table, distinct, plain, preview, tables
from ingest.table_rows import PLACES
from ingest.values import number, text
from ingest.written import moment, position


def recognise(payload: Payload) -> int:
    return max((_score(table) for table in preview(payload)), default=0)


def _score(table: Table) -> int:
    if tags := table.tagged():
        places = all(PLACES.match(hxl.modern(tag).split("+")[0]) for tag in tags)
        return 65 if places and any(hxl.find(tags, f"#adm{level}+code") for level in (1, 2, 3, 4)) else 0
    columns = area_columns(table.header)
    if not columns.pcodes or any(FIGURES.search(bare(name)) for name in table.header):
        return 0
    if LOWEST in columns.pcodes:
        told = (pick(table.header, NAME), pick(table.header, (*PARENT, *LEVEL)), pick(table.header, FROM))
        return 85 if all(told) else 60 if told[0] and told[1] else 0
    deepest = max(columns.pcodes)
    own = columns.names.get(deepest) or any(bare(name).startswith(f"adm{deepest}_name") for name in table.header)
    return 80 if own and pick(table.header, (*FROM, "version_no", "version")) else 0


def rows(payload: Payload, source: Source) -> Iterable[dict[str, Any]]:
    found = False
    for table in tables(payload):
        if _score(table):
            found = True
            yield from _tagged(table, table.tagged()) if table.tags else _listed(table)
    if not found:
        raise ValueError(f"{payload.name} has no table of P-codes: a code, a name, and a level, a parent or a date")


def _listed(table: Table) -> Iterator[dict[str, Any]]:
    columns = area_columns(table.header)
    deepest = max(columns.pcodes)
    one = deepest == LOWEST
    used = {
        "code": columns.pcodes[deepest],
        "name": pick(table.header, NAME) if one else columns.names.get(deepest),
        "level": pick(table.header, LEVEL) if one else None,
        "parent": pick(table.header, PARENT) if one else columns.pcodes.get(deepest - 1),
    }
    used |= {"from": pick(table.header, FROM), "to": pick(table.header, TO), "country": pick(table.header, COUNTRY)}
    used |= {"lat": pick(table.header, CENTRE_LAT), "lon": pick(table.header, CENTRE_LON)}
    yield from _rows(table, used, None if one else deepest)


def _tagged(table: Table, tags: dict[str, str]) -> Iterator[dict[str, Any]]:
    deepest = max(level for level in (1, 2, 3, 4) if hxl.find(tags, f"#adm{level}+code"))
    patterns = {
        "code": f"#adm{deepest}+code",
        "name": f"#adm{deepest}+name #adm{deepest}-code",
        "parent": f"#adm{deepest - 1}+code" if deepest > 1 else "#country+code",
        "country": "#country+code",
        "lat": "#geo+lat",
        "lon": "#geo+lon",
    }
    yield from _rows(table, {what: hxl.find(tags, pattern) for what, pattern in patterns.items()}, deepest)


def _rows(table: Table, used: dict[str, str | None], level: int | None) -> Iterator[dict[str, Any]]:
    columns = {what: name for what, name in used.items() if name}
    areas = area_columns(table.header)
    seen: dict[str, list[int]] = {}
    for row in table.rows:
        code, since = text(row, columns["code"]), text(row, columns.get("from", ""))[:10]
        key = f"{code}@{since}" if code and since else code
        yield {
            "key": distinct(key, row, seen),
            "columns": columns,
            "level": level,
            "names": area_of(row, areas)[1],
            "cells": row,
        }


def record(row: dict[str, Any], context: Context) -> Record:
    columns, cells = row["columns"], row["cells"]
    code = text(cells, columns["code"])
    if not code:
        raise Refusal(columns["code"], "is empty")
    level = row["level"] if row["level"] is not None else number(cells, columns.get("level", ""))
    if level is not None and (level != int(level) or not 0 <= level <= 9):
        raise Refusal(columns.get("level", "level"), "is not an administrative level", level)
    since, until = (moment(cells, columns.get(what, "")) for what in ("from", "to"))
    if since and until and until < since:
        raise Refusal(columns["to"], "is before the code began to hold", text(cells, columns["to"]))
    lon, lat = position(cells, columns.get("lon", ""), columns.get("lat", ""))
    told = {
        "pcode": code,
        "name": text(cells, columns.get("name", "")),
        "parent": text(cells, columns.get("parent", "")),
    }
    told |= {
        "valid_from": since.date().isoformat() if since else "",
        "valid_to": until.date().isoformat() if until else "",
    }
    return Reference(
        source_ref=row["key"],
        table="pcode",
        title=told["name"] or code,
        category="" if level is None else f"adm{int(level)}",
        lon=lon,
        lat=lat,
        adm_pcode=code,
        adm_names=row["names"],
        attributes={
            **plain(cells, columns.values()),
            **{name: value for name, value in told.items() if value},
            **({"level": int(level)} if level is not None else {}),
            **({"country": text(cells, columns["country"])} if "country" in columns else {}),
        },
    )


FEED = Feed(
    name="pcodes",
    title="Tables of P-codes (Excel, CSV)",
    kinds=("reference",),
    formats=("xlsx", "xls", "csv"),
    media_types=("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "text/csv"),
    recognise=recognise,
    rows=rows,
    record=record,
    precedence=lambda payload: -95,
)
