"""Acute food insecurity by area: IPC's tables on HDX (long), HAPI's food security, and rows with a column for each phase.

People in phase 1 to 5, in phase 3 or worse, and analysed, are one indicator each (`ipc_phase_1` … `ipc_phase_3_plus`,
`ipc_population`, in people); the phase an area is classified in is `ipc_phase`, whose severity is the phase (1 minimal:
minor, to 5 famine: critical). The key is the area, the figure, the period and the day of the analysis, so that each
analysis stands beside the others and a corrected one revises; shares stay among the attributes. Tables that state no
period take `period_start` and `period_end` of the source, and without a named source each is a source of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from data.records import Record, Severity
from ingest.feed import Context, Feed, Payload, Source
from ingest.figures import Row, indicator, key_of, where
from ingest.headings import AreaColumns, area_columns, bare, pick
from ingest.objects import headings
from ingest.sheets import Table, distinct, plain, tables
from ingest.values import number, text

WIDE = re.compile(r"phase_?([1-5])(_?plus)?_(?:num|number|population)|(phase_class|area_phase|overall_phase|ipc_phase)")
LONG = (("phase", "ipc_phase"), ("number", "population_in_phase"))
PERIOD = {"start": ("from", "reference_period_start"), "end": ("to", "reference_period_end")}
ABOUT = ("date_of_analysis", "analysis_date")
COUNTRY = ("location_code", "country", "country_iso3")


def recognise(payload: Payload) -> int:
    return 92 if any(_is_long(names) or _is_wide(names) for names in headings(payload)) else 0


def _is_long(names: Iterable[str]) -> bool:
    names = set(names)
    ipc = {"date_of_analysis", "validity_period"} & names or "ipc_phase" in names or "ipc_type" in names
    return bool(ipc) and all(names & {*words} for words in LONG)


def _is_wide(names: Iterable[str]) -> bool:
    return sum(bool(WIDE.fullmatch(name)) for name in names) >= 3


def rows(payload: Payload, source: Source) -> Iterable[Row]:
    found = False
    for table in tables(payload):
        names = [bare(name) for name in table.header]
        if _is_long(names) or _is_wide(names):
            found = True
            yield from _figures(table, source, _is_long(names))
    if not found:
        raise ValueError(f"{payload.name} has no table of areas and IPC phases")


def _figures(table: Table, source: Source, long: bool) -> Iterator[Row]:
    areas, told = area_columns(table.header), {bare(name): name for name in table.header}
    if "area" in told and not areas.pcodes:  # IPC's own names of what are mostly adm1 and adm2
        names = {level: told[name] for level, name in ((1, "level_1"), (2, "area")) if name in told}
        areas = AreaColumns(areas.pcodes, names, {})
    phase, people = (pick(table.header, words) or "" for words in LONG)
    days = {part: pick(table.header, words) or "" for part, words in PERIOD.items()}
    when, country = pick(table.header, ABOUT) or "", pick(table.header, COUNTRY) or ""
    counted = [people] if long else [name for name in table.header if WIDE.fullmatch(bare(name))]
    used = {*counted, *days.values(), *([phase] if long else [])}
    seen: dict[str, list[int]] = {}
    for row in table.rows:
        period = {part: row.get(name) or source.options.get(f"period_{part}") for part, name in days.items()}
        place = where(row, areas, text(row, country))
        attributes = plain(row, used | areas.used(row))
        for name in counted:
            if name in row or long:
                figure = _name(text(row, phase)) if long else _named(bare(name))
                about = (*(str(day or "")[:10] for day in period.values()), row.get(when, ""))
                key = distinct(key_of(place, figure, *about, country=text(row, country)), row, seen)
                unit = "phase" if figure == "ipc_phase" else "people"
                said = {
                    "key": key,
                    "indicator": figure,
                    "unit": unit,
                    "value": row.get(name),
                    "category": "food security",
                }
                yield {**place, **period, **said, "title": _title(figure), "attributes": attributes}


def _name(phase: str) -> str:
    """`ipc_phase_3_plus` for `3+`, `ipc_population` for `all`."""
    said = phase.strip().lower().replace("phase", "").replace("+", "_plus").strip()
    return "ipc_population" if said in ("all", "") else f"ipc_phase_{said}"


def _named(heading: str) -> str:
    found = WIDE.fullmatch(heading)
    return f"ipc_phase_{found[1]}{'_plus' if found[2] else ''}" if found and found[1] else "ipc_phase"


def _title(figure: str) -> str:
    if figure == "ipc_population":
        return "People analysed by IPC"
    phase = figure.removeprefix("ipc_phase_").replace("_plus", " or worse")
    return "IPC phase" if figure == "ipc_phase" else f"People in IPC phase {phase}"


def record(row: Row, context: Context) -> Record:
    value: Any = number(row, "value") if row["indicator"] == "ipc_phase" else None
    return indicator({**row, "severity": value if value in {*Severity} else 0}, context)


FEED = Feed(
    name="ipc",
    title="IPC acute food insecurity (CSV, JSON)",
    kinds=("indicator",),
    formats=("csv", "json", "xlsx"),
    media_types=("text/csv", "application/json", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    recognise=recognise,
    rows=rows,
    record=record,
    keys="list",
)
