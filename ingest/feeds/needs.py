"""People in need: the humanitarian needs overviews (HNO, HRP) as HPC Tools and HDX give them out, and HAPI's table.

Each filled cell is one figure: `people_in_need`, `people_targeted`, `people_affected`, `people_reached`, and the people of
whom that was said, `people_assessed` (not `population`: it is the plan's own baseline). The category is the sector, and
for a part of the people (children, people with disabilities) the sector and the part; the same people are in several
sectors, so that these are never added. The key is the area, the sector, the part, the figure and the year, so that a
revised plan revises. HPC's tables state no year, and some no country; `year` and `country` of the source do, and without a
named source every table is a source of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from ingest.feed import Feed, Payload, Source
from ingest.figures import Row, indicator, key_of, where
from ingest.headings import area_columns, bare, pick
from ingest.objects import headings
from ingest.sheets import Table, distinct, plain, tables
from ingest.values import text

WIDE = {
    "population": "people_assessed",
    "in_need": "people_in_need",
    "targeted": "people_targeted",
    "affected": "people_affected",
    "reached": "people_reached",
}
STATUS = {
    "inn": "people_in_need",
    "tgt": "people_targeted",
    "aff": "people_affected",
    "rea": "people_reached",
    "all": "people_assessed",
    "pop": "people_assessed",
}
SECTOR = ("sector_name", "cluster", "sector_code", "sector")
COUNTRY = ("location_code", "country_iso3")
WHO = re.compile(r"(\w+_)?(org|organi[sz]ation|partner|agency|activity|implementing\w*|programming\w*)(_\w+)?")
"""Headings of lists of who does what, which have sectors and people too."""
WHOLE = ("", "total")
"""Words for all the people of a row, not a part of them."""


def recognise(payload: Payload) -> int:
    return 93 if any(_is_ours(names) for names in headings(payload)) else 0


def _is_ours(names: Iterable[str]) -> bool:
    names = set(names)
    if any(WHO.fullmatch(name) for name in names):
        return False
    return {"population_status", "population"} <= names or {"cluster", "in_need", "targeted"} <= names


def rows(payload: Payload, source: Source) -> Iterable[Row]:
    found = False
    for table in tables(payload):
        if _is_ours(bare(name) for name in table.header):
            found = True
            yield from _figures(table, source)
    if not found:
        raise ValueError(f"{payload.name} has no table with sectors and people in need")


def _figures(table: Table, source: Source) -> Iterator[Row]:
    areas, told = area_columns(table.header), {bare(name): name for name in table.header}
    sector, country = pick(table.header, SECTOR) or "", pick(table.header, COUNTRY) or ""
    status, part_of = told.get("population_status", ""), told.get("category", "")
    start, end = told.get("reference_period_start", ""), told.get("reference_period_end", "")
    counted = [told["population"]] if status else [told[name] for name in WIDE if name in told]
    used = {*counted, status, sector, part_of, start, end}
    seen: dict[str, list[int]] = {}
    for row in table.rows:
        year = str(source.options.get("year") or "")
        first: Any = row.get(start) or (f"{year}-01-01" if year else None)
        last: Any = row.get(end) or (f"{year}-12-31" if year else None)
        of_country, part = text(row, country) or str(source.options.get("country", "")), text(row, part_of)
        place = where(row, areas, of_country)
        of_sector = text(row, sector) or text(row, told.get("description", ""))
        whole = part.lower() in WHOLE or part == of_sector
        category = of_sector if whole else f"{of_sector} / {part}"
        about = {**place, "start": first, "end": last, "category": category, "unit": "people"}
        attributes = plain(row, used | areas.used(row))
        for name in counted:
            if name in row or status:
                figure = STATUS.get(text(row, status).lower(), "") if status else WIDE[bare(name)]
                figure = figure or f"people_{bare(text(row, status))}"
                key = key_of(place, of_sector, part, figure, str(first or "")[:4], country=of_country)
                said = {"key": distinct(key, row, seen), "indicator": figure, "value": row.get(name)}
                yield {**about, **said, "attributes": attributes}


FEED = Feed(
    name="needs",
    title="People in need by sector (HNO, HAPI)",
    kinds=("indicator",),
    formats=("csv", "xlsx", "json"),
    media_types=("text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/json"),
    recognise=recognise,
    rows=rows,
    record=indicator,
    keys="list",
)
