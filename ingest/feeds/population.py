"""Population by administrative area: COD-PS and partners' own tables, one row per area.

The total, and sex and age groups in any of the usual spellings, brought to keys like `F_0_4`, `M_18_59`, `T_60_plus`.
P-codes are often of an older vintage than the boundaries; they are kept as stated, with the names beside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from data.records import Indicator, Record
from data.settings import Source
from ingest.feed import Context, Feed, Payload, Refusal
from ingest.headings import LATITUDE, area_columns, area_of, bare, group_of, pick
from ingest.sheets import Table, distinct, plain, preview, tables
from ingest.values import instant, number, text

TOTAL = ("t_tl", "total_population", "population_total", "pop_total", "total_pop", "population", "pop", "total")
NOT_TOTAL = re.compile(
    r"change|growth|density|percent|%|group|status|source|year|affected|need|displaced", re.IGNORECASE
)
YEAR = ("reference_year", "ref_year", "pop_year", "population_year", "year", "annee", "ano")
OTHER_FIGURES = re.compile(
    r"in_need|targeted|reached|affected|sector|cluster|population_status|population_in_phase|reporting_round|price|(.*_)?(cases?|deaths?|death|confirmed)(_.*)?"
)
"""Headings of tables in which the population is only what other figures are set against."""
A_TOTAL = re.compile(r"((grand|sub|sous)_?)?(totale?s?|totaux)")


def recognise(payload: Payload) -> int:
    return 85 if any(_total(table) for table in preview(payload)) else 0


def rows(payload: Payload, source: Source) -> Iterable[dict[str, Any]]:
    found = False
    for table in tables(payload):
        if total := _total(table):
            found = True
            yield from _areas(table, total, source)
    if not found:
        raise ValueError(f"{payload.name} has no table with areas (P-codes or names) and a population column")


def _total(table: Table) -> str | None:
    """The column of the total, where the table is one of areas and their population."""
    columns, names = area_columns(table.header), [bare(name) for name in table.header]
    by_area = columns.pcodes or columns.names.keys() & {1, 2, 3}
    placed = pick(table.header, LATITUDE) and not columns.pcodes  # a list of places with their people
    if not by_area or placed or any(OTHER_FIGURES.fullmatch(name) for name in names):
        return None
    likely = [name for name in table.header if "population" in name.casefold() and not NOT_TOTAL.search(name)]
    grouped = any(group_of(name) for name in table.header if bare(name) not in TOTAL)
    return pick(table.header, TOTAL if grouped else TOTAL[:-1]) or (likely[-1] if likely else None)


def _areas(table: Table, total: str, source: Source) -> Iterator[dict[str, Any]]:
    columns = area_columns(table.header)
    year, group = pick(table.header, YEAR), pick(table.header, ("population_group",))
    groups = {name: key for name in table.header if name != total and (key := group_of(name))}
    stated = re.search(r"(?:19|20)\d\d", f"{total} {table.sheet}")
    used = {total, *groups, year or "", group or ""}
    seen: dict[str, list[int]] = {}
    for row in table.rows:
        pcode, names = area_of(row, columns)
        of_year = text(row, year or "") or str(source.options.get("year") or (stated[0] if stated else ""))
        part = group_of(text(row, group or ""))  # where the groups are rows
        indicator = f"population_{part}" if part not in ("", "T") else "population"
        key = ":".join(word for word in (pcode or " / ".join(names), indicator, of_year) if word)
        yield {
            "key": distinct(key, row, seen),
            "pcode": pcode,
            "names": names,
            "year": of_year,
            "indicator": indicator,
            "value": row.get(total),
            "groups": {key: row[name] for name, key in groups.items() if name in row},
            "attributes": plain(row, used | columns.used(row)),
        }


def record(row: dict[str, Any], context: Context) -> Record:
    pcode, names = row["pcode"], row["names"]
    if not pcode and (not any(names) or any(A_TOTAL.fullmatch(bare(name)) for name in names)):
        raise Refusal("area", "names no area (a total or a note is not counted again)")
    value = number(row, "value")
    if value is not None and value < 0:
        raise Refusal("value", "is below zero", value)
    year = number(row, "year")
    start = instant({"year": f"{year:.0f}-01-01"}, "year") if year else None
    end = start.replace(year=start.year + 1) - timedelta(days=1) if start else None
    groups = {key: count for key in row["groups"] if (count := number(row["groups"], key)) is not None}
    return Indicator(
        source_ref=row["key"],
        title=f"Population, {next((name for name in reversed(names) if name), pcode)}",
        category="population",
        indicator=row["indicator"],
        value=value,
        unit="people",
        event_time=end,
        period_start=start,
        period_end=end,
        adm_pcode=pcode,
        adm_names=names,
        disaggregation=groups,
        attributes=row["attributes"],
    )


FEED = Feed(
    name="population",
    title="Population by area (Excel, CSV)",
    kinds=("indicator",),
    formats=("xlsx", "xls", "csv"),
    media_types=("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "text/csv"),
    recognise=recognise,
    rows=rows,
    record=record,
    precedence=lambda payload: -50,
)
