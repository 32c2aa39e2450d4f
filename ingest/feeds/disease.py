"""Disease counts in the shapes that ministries, WHO and volunteers publish them in, and lists of patients, counted.

A figure is read from each filled cell of: a column for each measure (cases, deaths, contacts, beds), a line for each area
and day; a column for each area, a line for each measure and day; both in the heading (`Cases_Guinea`); and WHO's lists
with one figure a line, where a blank one is a figure nobody reported. Its indicator is what the partner calls the
measure, its key the place, the measure and the day, so that a corrected day revises. Cumulative figures stay cumulative.
Places that stand as headings are taken for adm1, or for what `level` of the source says. A line whose day cannot be read
is refused once, with all its figures.

A list of patients, or a register of people (see `ingest.line_lists`), becomes counts by area and week; of a person nothing
is kept, not even as a rejected row. `disease` of the source names the disease; it then is the category. Tables do not say
it, so that tables nobody named a source for are sources of their own: cholera never revises measles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from data.records import Record
from ingest.disease_words import (
    DATES,
    LONG,
    MEASURE,
    PLACE,
    VALUE,
    VARIABLE,
    day_column,
    headed,
    own_name,
    shape_of,
    split_heading,
    unit_of,
    words,
)
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.figures import Row, day, indicator, key_of, month_of, months_first, where
from ingest.headings import area_columns, bare, pick
from ingest.line_lists import counts
from ingest.sheets import Table, distinct, plain, preview, tables
from ingest.values import text


def recognise(payload: Payload) -> int:
    found = [shape_of(table) for table in preview(payload)]
    return 92 if "list" in found else 86 if any(found) else 0


def rows(payload: Payload, source: Source) -> Iterator[Row]:
    shown = {table.sheet: (shape_of(table), day_column(table)) for table in preview(payload)}
    if not any(shape for shape, _ in shown.values()):
        raise ValueError(f"{payload.name} has no table of disease counts: days, and cases or deaths")
    for table in tables(payload):
        shape, dated = shown.get(table.sheet, ("", ""))
        if shape == "list":
            days = [name for name in table.header if re.search(r"date|onset|arriv|regist", bare(name))]
            orders = {name: months_first(payload, [name], source) for name in days}
            yield from counts(table, orders, str(source.options.get("disease") or "disease"))
        elif shape:
            dated = dated if shape != "long" else pick(table.header, DATES) or ""
            yield from _figures(table, shape, dated, months_first(payload, [dated], source), source)


def _figures(table: Table, shape: str, dated: str, order: bool | None, source: Source) -> Iterator[Row]:
    header, dated = tuple(own_name(name) for name in table.header), own_name(dated)
    areas, country = area_columns(header), pick(header, ("country", "pays")) or ""
    variable, value, place_of = (pick(header, called) or "" for called in (VARIABLE, VALUE, PLACE))
    long = [name for suffix in LONG for name in header if words(name).replace(" ", "_").endswith(suffix)]
    read = {"long": {*long, value, place_of}, "variables": {variable}, "wide": {place_of}}[shape] | {dated, country}
    year, disease = (pick(header, called) or "" for called in (("year", "annee", "epi_year"), ("disease", "maladie")))
    read |= {year, disease}
    seen: dict[str, list[int]] = {}
    for line in table.rows:
        row = {own_name(name): cell for name, cell in line.items()}
        row[dated] = _told(row, dated, year)
        try:
            moment = day(row, dated, source.timezone, order)
        except Refusal:
            moment = None
        if moment is None:
            yield {"line": plain(row), "dated": dated, "date": row.get(dated), "month_first": order}
            continue
        area = where(row, areas, text(row, country))
        area = {**area, "place": text(row, place_of) or area.get("place", "")}
        rest = {name: cell for name, cell in row.items() if name not in read | areas.used(row)}
        figures: list[tuple[str, Row, Any]]
        if shape == "long":
            figures = [(" ".join(text(row, name) for name in long), area, row.get(value))]
        elif shape == "variables":
            figures = [(text(row, variable), headed(name, source), cell) for name, cell in rest.items()]
            rest = {}
        else:
            figures = [(*split_heading(name, area), cell) for name, cell in rest.items() if MEASURE.search(words(name))]
            rest = {name: cell for name, cell in rest.items() if not MEASURE.search(words(name))}
        for measure, place, cell in figures:
            figure = words(measure).replace(" ", "_")
            key = key_of(place, text(row, disease), figure, moment.date(), country=text(row, country))
            yield {
                **place,
                "key": distinct(key, {measure: cell}, seen),
                "indicator": figure,
                "title": words(measure).capitalize(),
                "category": text(row, disease) or str(source.options.get("disease") or "disease"),
                "unit": unit_of(figure),
                "value": cell,
                "end": moment,
                "attributes": plain(rest),
            }


def _told(row: Row, dated: str, year: str) -> Any:
    """The day as it stands; a week or month that is but a number or a name, with the year that stands beside it."""
    said, of = text(row, dated), text(row, year)
    if not of:
        return row.get(dated)
    if week := re.fullmatch(r"(?:[wW](?:eek)? ?)?(\d{1,2})", said):
        return f"{of}-{int(week[1]):02d}" if bare(dated) == "month" else f"{of}-W{int(week[1]):02d}"
    return month_of(f"{said} {of}") or row.get(dated)


def record(row: Row, context: Context) -> Record:
    if "line" in row:
        day(row, "date", context.source.timezone, row["month_first"])
        raise Refusal(row["dated"] or "date", "is empty, so that its figures are of no day")
    return indicator(row, context)


FEED = Feed(
    name="disease",
    title="Disease counts and lists of patients (CSV, Excel)",
    kinds=("indicator",),
    formats=("csv", "xlsx", "xls"),
    media_types=("text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    recognise=recognise,
    rows=rows,
    record=record,
    keys="list",
)
