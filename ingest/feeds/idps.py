"""Displaced people by area and round of assessment: IOM's Displacement Tracking Matrix (DTM), and HAPI's table of it.

One row is one count of internally displaced people in an area, present on the day of the round's report. The key is the
area, the operation, the round and the kind of assessment, so that a corrected round revises. The category is the operation,
where the table names one: operations overlap in time, and one is never revised by another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ingest.feed import Feed, Payload, Source
from ingest.figures import Row, indicator, key_of, where
from ingest.headings import area_columns, bare, pick
from ingest.objects import headings
from ingest.sheets import Table, distinct, plain, tables
from ingest.values import text

VALUE = ("numpresentidpind", "num_present_idp_ind", "population")
ROUND = ("reporting_round", "roundnumber", "round_number", "round")
START = ("reference_period_start", "reportingdate", "reporting_date")
END = ("reference_period_end",)
COUNTRY = ("location_code", "admin0pcode", "admin0name", "country")


def recognise(payload: Payload) -> int:
    return 93 if any(_is_ours(names) for names in headings(payload)) else 0


def _is_ours(names: Iterable[str]) -> bool:
    names = set(names)
    dtm = names & {*VALUE[:2]} or {"reporting_round", "population"} <= names
    return bool(dtm) and bool(names & {*START})


def rows(payload: Payload, source: Source) -> Iterable[Row]:
    found = False
    for table in tables(payload):
        if _is_ours(bare(name) for name in table.header):
            found = True
            yield from _counts(table)
    if not found:
        raise ValueError(f"{payload.name} has no table with displaced people, their area and the day of the report")


def _counts(table: Table) -> Iterator[Row]:
    areas = area_columns(table.header)
    value, part, start, end, country = (pick(table.header, of) or "" for of in (VALUE, ROUND, START, END, COUNTRY))
    operation, kind = (pick(table.header, (name,)) or "" for name in ("operation", "assessment_type"))
    seen: dict[str, list[int]] = {}
    for row in table.rows:
        place = where(row, areas, text(row, country))
        about = (text(row, operation), text(row, part) or text(row, start)[:10], text(row, kind))
        key = key_of(place, "idps", *about, country=text(row, country))
        yield {
            **place,
            "key": distinct(key, row, seen),
            "indicator": "idps",
            "title": "Internally displaced people",
            "category": text(row, operation) or "displacement",
            "unit": "people",
            "value": row.get(value),
            "start": row.get(start),
            "end": row.get(end) or row.get(start),
            "attributes": plain(row, {value, operation, start, end} | areas.used(row)),
        }


FEED = Feed(
    name="idps",
    title="Displaced people by area and round (DTM, HAPI)",
    kinds=("indicator",),
    formats=("csv", "xlsx", "json"),
    media_types=("text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/json"),
    recognise=recognise,
    rows=rows,
    record=indicator,
)
