"""Conflict events counted by area and month: HAPI's conflict events (CSV, JSON) and ACLED's workbooks on HDX.

Each row holds two figures, the events and the people killed in them; each becomes an indicator of its own,
`political_violence_events` and `political_violence_fatalities` by the type of event: attacks on civilians are counted in
political violence too, so that types are never added. The key is the area, the figure and the month, so that a later
export revises. ACLED's workbooks do not say the type within; `options.event_type`
of the source does, and without a named source every workbook is a source of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from ingest.feed import Feed, Payload, Source
from ingest.figures import Row, indicator, key_of, month_of, where, whole_month
from ingest.headings import area_columns, bare, pick
from ingest.objects import headings
from ingest.sheets import Table, distinct, plain, tables
from ingest.values import text

FIGURES = (("events", "events"), ("fatalities", "deaths"))
COUNTRY = ("location_code", "iso3", "country")


def recognise(payload: Payload) -> int:
    return 93 if any(_is_ours(names) for names in headings(payload)) else 0


def _is_ours(names: Iterable[str]) -> bool:
    names = set(names)
    monthly = {"month", "year"} <= names or "reference_period_start" in names
    return {"events", "fatalities"} <= names and monthly and not {"event_id_cnty", "event_date"} & names


def rows(payload: Payload, source: Source) -> Iterable[Row]:
    found = False
    for table in tables(payload):
        if _is_ours(bare(name) for name in table.header):
            found = True
            yield from _figures(table, source)
    if not found:
        raise ValueError(f"{payload.name} has no table with events, fatalities and their month")


def _figures(table: Table, source: Source) -> Iterator[Row]:
    areas, told = area_columns(table.header), {bare(name): name for name in table.header}
    country, kind = pick(table.header, COUNTRY) or "", told.get("event_type", "")
    days = [told[name] for name in ("reference_period_start", "reference_period_end") if name in told]
    months = [] if days else [told["year"], told["month"]]
    used = {*(told[name] for name, _ in FIGURES), kind, *days, *months}
    seen: dict[str, list[int]] = {}
    for row in table.rows:
        of_type = text(row, kind) or str(source.options.get("event_type", ""))
        start, end = (row.get(days[0]), row.get(days[-1])) if days else _month(*(text(row, name) for name in months))
        place = where(row, areas, text(row, country))
        about = {"start": start, "end": end, "category": "conflict", "attributes": plain(row, used | areas.used(row))}
        for name, unit in FIGURES:
            if told[name] in row:
                figure = f"{bare(of_type) or 'conflict'}_{name}"
                key = key_of(place, figure, str(start)[:10], country=text(row, country))
                said = {"key": distinct(key, row, seen), "indicator": figure, "unit": unit, "value": row[told[name]]}
                yield {**place, **about, **said}


def _month(year: str, month: str) -> tuple[datetime | str, datetime | str]:
    """The first and the last day of `2025`, `January`; what cannot be read as it stands."""
    first = month_of(f"{month} {year}")
    return whole_month(first.year, first.month) if first else (f"{month} {year}", "")


FEED = Feed(
    name="conflict_counts",
    title="Conflict events by area and month (HAPI, ACLED on HDX)",
    kinds=("indicator",),
    formats=("csv", "json", "xlsx"),
    media_types=("text/csv", "application/json", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    recognise=recognise,
    rows=rows,
    record=indicator,
    keys="list",
)
