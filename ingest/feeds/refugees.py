"""UNHCR's population statistics and HAPI's refugees: displaced, stateless and asylum-seeking people by country and year.

In the table of totals each filled cell is one figure; in the table by sex and age each row is, its groups as
`disaggregation` (`F_0_4`). To add the one to the other would count people twice, so that the second has names of its own
(`refugees_by_group`). Groups that are all 0 where people were counted say nothing and are left out. The figure is of the
country of asylum, where the people are; where they are from is the category, and both are in the key with the year and
what tells rows of one year apart (place within the country, kind of housing), so that a later release revises. UNHCR
writes 0 both for none and for fewer than five.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ingest.countries import iso2
from ingest.feed import Feed, Payload, Source
from ingest.figures import Row, indicator
from ingest.headings import bare, group_of, pick
from ingest.objects import headings
from ingest.refugee_words import (
    ALL,
    APART,
    ASYLUM,
    ORIGIN,
    TITLES,
    TYPES,
)
from ingest.sheets import Table, distinct, plain, tables
from ingest.values import text

TYPE, TOTAL = ("pt", "population_type", "population_group"), ("total", "population")
START, END = "reference_period_start", "reference_period_end"


def recognise(payload: Payload) -> int:
    return 93 if any(_is_ours(names) for names in headings(payload)) else 0


def _is_ours(names: Iterable[str]) -> bool:
    names = set(names)
    between = names & {*ORIGIN} and names & {*ASYLUM}
    return bool(between and names & {"year", START} and names & {*TYPE, *TYPES})


def rows(payload: Payload, source: Source) -> Iterable[Row]:
    found = False
    for table in tables(payload):
        if _is_ours(bare(name) for name in table.header):
            found = True
            yield from _figures(table)
    if not found:
        raise ValueError(f"{payload.name} has no table with year, countries of origin and asylum, and people")


def _figures(table: Table) -> Iterator[Row]:
    told = {bare(name): name for name in table.header}
    origin, asylum = pick(table.header, ORIGIN) or "", pick(table.header, ASYLUM) or ""
    by_row, total = pick(table.header, TYPE) or "", pick(table.header, TOTAL) or ""
    year, start, end = (told.get(name, "") for name in ("year", START, END))
    hapi = "age_range" in told
    wide = {} if by_row else {name: TYPES[bare(name)] for name in table.header if bare(name) in TYPES}
    # "Female_total" is one of the two sexes; the column of the total is everybody, which is the value.
    grouped = {name: group for name in table.header if by_row and name != total and (group := group_of(name))}
    used = {origin, asylum, by_row, year, start, end, total, *wide, *grouped}
    seen: dict[str, list[int]] = {}
    for row in table.rows:
        where, source_of = text(row, asylum), text(row, origin)
        about: Row = {
            "pcode": iso2(where) or None,
            "place": "" if iso2(where) else where,
            "category": " / ".join([f"from {source_of}" if source_of != where else "within", *_apart(row, told)]),
            "start": f"{text(row, year)}-01-01" if year else row.get(start),
            "end": f"{text(row, year)}-12-31" if year else row.get(end),
            "unit": "people",
            "attributes": {**plain(row, used), "country of origin": source_of, "country of asylum": where},
        }
        kind = bare(text(row, by_row))
        by_group = by_row and not (hapi and not _apart(row, told))
        figures = {total: TYPES.get(kind, kind) + ("_by_group" if by_group else "")} if by_row else wide
        for name, figure in figures.items():
            if name in row or by_row:
                key = ":".join(
                    part for part in (where, source_of, figure, str(about["start"])[:4], *_apart(row, told)) if part
                )
                groups = {group: row[of] for of, group in grouped.items() if of in row}
                if all(str(count) == "0" for count in groups.values()):
                    groups = {}
                said = {"key": distinct(key, row, seen), "indicator": figure, "value": row.get(name), "groups": groups}
                yield {**about, **said, "title": TITLES.get(figure.removesuffix("_by_group"), "")}


def _apart(row: Row, told: Mapping[str, str]) -> list[str]:
    return [said for name in APART if name in told and (said := text(row, told[name])).lower() not in ALL]


FEED = Feed(
    name="refugees",
    title="UNHCR population statistics (CSV, Excel, JSON)",
    kinds=("indicator",),
    formats=("csv", "xlsx", "json"),
    media_types=("text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/json"),
    recognise=recognise,
    rows=rows,
    record=indicator,
)
