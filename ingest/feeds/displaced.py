"""Counts of displaced people: a matrix with one row per site and one column per day and figure, as monitors keep it.

Each filled cell is one figure. Columns are days (`2014-01-30`, counts of IDPs) or say both (`30 Jan 2015 IDPs`,
`9 June Host community`); a day without a year is in the year that brings it nearest to the day before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from data.records import Indicator, Record
from data.settings import Source
from ingest.feed import Context, Feed, Payload, Refusal
from ingest.headings import LATITUDE, LONGITUDE, area_columns, area_of, pick
from ingest.sheets import Table, plain, preview, tables
from ingest.values import lon_lat, number, text

SITE_CODE = ("site_id", "ssid", "site_code", "map_code")
SITE_NAME = ("site_in_settlement", "site_name", "site", "settlement", "settlements", "location", "name")
ABOUT = re.compile(r"\bidps?\b|displac", re.IGNORECASE)
DAY = re.compile(r"(\d{4}-\d\d-\d\d)\Z|(\d{1,2})\s*([A-Za-z]{3})[a-z]*\.?(?:\s+(\d{4}))?\s+(?=\D)")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
FIGURES = {"idp": "idps", "return": "returnees", "host": "host_community", "refugee": "refugees"}
TITLES = {
    "idps": "Internally displaced people",
    "returnees": "Returned people",
    "host_community": "Affected host community",
    "refugees": "Refugees",
}


def recognise(payload: Payload) -> int:
    return 80 if any(_days(table) for table in preview(payload)) else 0


def rows(payload: Payload, source: Source) -> Iterable[dict[str, Any]]:
    found = False
    for table in tables(payload):
        if days := _days(table):
            found = True
            yield from _figures(table, days)
    if not found:
        raise ValueError(f"{payload.name} has no table of sites with three or more columns of displaced people by day")


def _days(table: Table) -> dict[str, tuple[str, datetime]]:
    """Column -> (which figure, which day), where the table is a matrix of displaced people; else empty."""
    if not pick(table.header, SITE_NAME) or not ABOUT.search(f"{table.sheet} {' '.join(table.header)}"):
        return {}
    found: dict[str, tuple[str, datetime]] = {}
    year = re.search(r"\b(?:19|20)\d\d\b", " ".join(table.header))
    day = datetime(int(year[0]), 1, 1, tzinfo=UTC) if year else None
    for name in table.header:
        stated = DAY.match(name)
        if not stated or day is None or (stated[3] and stated[3].lower() not in MONTHS):
            continue
        figure = "idps" if stated[1] else next((key for word, key in FIGURES.items() if word in name.casefold()), "")
        day = _near(stated, day) if figure else day
        if figure:
            found[name] = (figure, day)
    return found if len(found) >= 3 else {}


def _near(stated: re.Match[str], before: datetime) -> datetime:
    if stated[1]:
        return datetime.fromisoformat(stated[1]).replace(tzinfo=UTC)
    years = [int(stated[4])] if stated[4] else [before.year - 1, before.year, before.year + 1]
    month, date = MONTHS.index(stated[3].lower()) + 1, int(stated[2])
    return min((datetime(each, month, date, tzinfo=UTC) for each in years), key=lambda day: abs(day - before))


def _figures(table: Table, days: dict[str, tuple[str, datetime]]) -> Iterator[dict[str, Any]]:
    columns, code, name = area_columns(table.header), pick(table.header, SITE_CODE), pick(table.header, SITE_NAME)
    lat, lon = pick(table.header, LATITUDE), pick(table.header, LONGITUDE)
    used = {*days, code or "", name or "", lat or "", lon or ""}
    for row in table.rows:
        pcode, names = area_of(row, columns)
        place = text(row, name or "")
        site = {"pcode": pcode, "names": names, "site": text(row, code or "") or place, "place": place}
        point = {
            "lat": row.get(lat or ""),
            "lon": row.get(lon or ""),
            "attributes": plain(row, used | columns.used(row)),
        }
        for column, (figure, day) in days.items():
            if column in row:
                yield {**site, **point, "figure": figure, "day": day, "value": row[column]}


def record(row: dict[str, Any], context: Context) -> Record:
    value = number(row, "value")
    if value is not None and value < 0:
        raise Refusal("value", "is below zero", value)
    if not row["site"]:
        raise Refusal("site", "is not named")
    lon, lat = lon_lat(row, "lon", "lat")
    return Indicator(
        source_ref=f"{row['site']}:{row['figure']}:{row['day'].date()}",
        title=f"{TITLES[row['figure']]}, {row['place'] or row['site']}",
        category="displacement",
        indicator=row["figure"],
        value=value,
        unit="people",
        event_time=row["day"],
        period_end=row["day"],
        lon=lon,
        lat=lat,
        place=row["place"],
        adm_pcode=row["pcode"],
        adm_names=row["names"],
        site_ref=row["site"],
        attributes=row["attributes"],
    )


FEED = Feed(
    name="displaced",
    title="Displaced people by site and day (Excel, CSV)",
    kinds=("indicator",),
    formats=("xlsx", "xls", "csv"),
    media_types=("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "text/csv"),
    recognise=recognise,
    rows=rows,
    record=record,
)
