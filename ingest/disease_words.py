"""What headings of disease tables mean: which are measures, which are days and places, and what shape a table has."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Any

from data.settings import Source
from ingest.figures import Row
from ingest.headings import bare, pick
from ingest.line_lists import kind_of_list
from ingest.sheets import Table
from ingest.values import text

CORE = r"cases?|deaths?|suspect\w*|probables?|confirmed|infected|infections?|cas|deces"
MEASURE = re.compile(
    rf"\b({CORE}|contacts?|admi\w+|discharged?s?|specimens?|samples|tested|hcws?|cfr|fatality|beds?|recover\w+|hospitali\w+"
    r"|vaccinated|follow|seen|treatment|survivors?|noncase|patients?|died|dead|cured)\b"
)
ANY = re.compile(rf"\b({CORE})\b")
SPLIT = re.compile(rf"({CORE}) (.+)")
DATES = (
    *(
        "date",
        "date_as_of",
        "as_of",
        "epi_week",
        "epiweek",
        "epidemiological_week",
        "week",
        "week_ending",
        "date_reported",
    ),
    *("report_date", "date_of_report", "reporting_date", "reporting_week", "month", "period"),
)
VARIABLE = ("variable", "description", "indicator", "measure")
LONG = ("measure", "case_definition", "indicator_type", "data_source")
VALUE = ("numeric", "value", "count", "display_value")
PLACE = ("hospital", "facility", "health_facility", "subcounty", "sub_county", "location", "etu", "site")
TOTALS = re.compile(r"(national|totals?|country|nation_?wide)", re.IGNORECASE)


@lru_cache(maxsize=4_096)
def words(heading: str) -> str:
    """`conf hcw cases` for `ConfHCWcases`, `new cases suspected` for `New Case/s (Suspected)`."""
    said = re.sub(r"HCW(?=[A-Za-z])", "HCW ", heading.replace("#", "number ").replace("/s", "s"))
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", said)
    return " ".join(re.findall(r"\w+", bare(re.sub(r"[()]", " ", apart)).replace("_", " ")))


def shape_of(table: Table) -> str:
    """`list`, `long`, `variables` or `wide`; empty where the table is none of ours (with HXL tags it is the table feed's)."""
    if kind_of_list(table):
        return "list"
    names = [words(name).replace(" ", "_") for name in table.header]
    if table.tags or {"latitude", "lat", "price", "event_date", "type_of_violence"} & {*names}:
        return ""
    if {*names} & {*VALUE} and any(name.endswith("measure") for name in names) and "case_definition" in names:
        return "long"
    if not day_column(table):
        return ""
    variable = pick(table.header, VARIABLE)
    if variable and len(names) >= 4:
        said = [words(text(row, variable)) for row in table.rows if variable in row]
        return "variables" if 2 * sum(bool(MEASURE.search(one)) for one in said) > len(said) else ""
    return "wide" if sum(bool(ANY.search(name.replace("_", " "))) for name in names) >= 2 else ""


def day_column(table: Table) -> str:
    """The column of days: by its name, or one without a name that holds nothing but days in the rows we were shown."""
    for name in table.header:
        if words(own_name(name)).replace(" ", "_") in DATES:
            return name
        cells = [row[name] for row in table.rows if name in row] if name.startswith("column ") else []
        if sum(map(_is_day, cells)) > 0.8 * len(cells) > 0:
            return name
    return ""


def own_name(heading: str) -> str:
    """`case_suspected_new` for `ebola:case_suspected_new`."""
    return re.sub(r"\A[A-Za-z]+:(?=\w)", "", heading)


def _is_day(cell: Any) -> bool:
    return isinstance(cell, datetime) or bool(re.fullmatch(r"\d{4}-\d\d-\d\d.*", str(cell)))


def split_heading(heading: str, area: Row) -> tuple[str, Row]:
    """`Cases_Guinea` is the cases of Guinea; other headings are measures of the row's own area."""
    found = SPLIT.fullmatch(words(heading)) if not any(area.get("names") or ()) and not area.get("place") else None
    if found is None or MEASURE.search(found[2]) or re.search(r"\b(new|total|cum\w*|of|in)\b", found[2]):
        return heading, area
    return found[1], {"place": re.sub(r"(?<=[a-z])(?=[A-Z])", " ", re.split(r"[_ ]", heading, maxsplit=1)[-1])}


def headed(heading: str, source: Source) -> Row:
    level = max(int(source.options.get("level", 1)), 1)
    if TOTALS.fullmatch(heading.strip()):
        return {"place": heading.strip()}
    return {"names": (*[""] * (level - 1), heading.strip())}


@lru_cache(maxsize=4_096)
def unit_of(figure: str) -> str:
    if re.search(r"cfr|rate|percent|pct", figure):
        return "%"
    named = {"beds": r"bed", "deaths": r"death|died|dead|deces", "cases": rf"{CORE}|noncase", "admissions": r"admi"}
    return next((unit for unit, pattern in named.items() if re.search(pattern, figure)), "people")
