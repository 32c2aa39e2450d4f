"""Identifiers, periods and names of DHIS2."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shapely.geometry import shape as geojson_shape

from data.records import Record, Reference
from ingest.feed import Refusal
from ingest.values import shape, text

UID = re.compile(r"[A-Za-z][A-Za-z0-9]{10}\Z")
_PARTS = {"Q": 3, "S": 6, "B": 2}
"""Months of a quarter, six-month and bi-monthly period."""
_FIRST_MONTH = {"April": 4, "July": 7, "Oct": 10, "Nov": 11, "AprilS1": 4, "AprilS2": 10}


NAMED = (
    "organisationUnits",
    "dataElements",
    "categoryOptionCombos",
    "indicators",
    "dataSets",
    "programs",
    "programStages",
)
"""Lists of a metadata export whose names stand for the identifiers in data."""


def names_in(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every item of a metadata export that has a name, as it came, with `names`: the list it is of."""
    for kind in NAMED:
        for item in document.get(kind) or []:
            yield {**item, "names": kind} if isinstance(item, dict) else {"names": kind}


def name_of(row: Mapping[str, Any]) -> Record:
    """A look-up row: identifier -> name and, of an organisation unit, where it is and what it is under."""
    ref = text(row, "id")
    if not ref:
        raise Refusal("id", "is empty")
    lon = lat = None
    if isinstance(row.get("geometry"), dict):
        lon, lat, _ = shape(geojson_shape(row["geometry"]))
    told = {
        "name": text(row, "name") or text(row, "displayName"),
        "code": text(row, "code"),
        "parent": named(row, "parent"),
    }
    return Reference(
        source_ref=ref,
        table="dhis2",
        title=told["name"] or ref,
        category=text(row, "names"),
        lon=lon,
        lat=lat,
        attributes={**{k: v for k, v in told.items() if v}, **({} if lon is None else {"lon": lon, "lat": lat})},
    )


def named(row: Mapping[str, Any], name: str) -> str:
    """A reference of a row: the identifier itself, or what stands within `{"idScheme": …, "identifier": …}`."""
    value = row.get(name)
    if isinstance(value, dict):
        return text(value, "identifier") or text(value, "id")
    return text(row, name)


def period(row: Mapping[str, Any], name: str) -> tuple[datetime, datetime]:
    """First and last day of a period, as `201201`, `2012Q1`, `2012W5`, `20120131`, `2018`, `2012S1`, `2017-01` or, in
    ADX, a day and a duration (`2015-01-01/P1M`). Days are UTC. Refused, by `name`, where it is none of them.
    """
    said = text(row, name)
    try:
        start, following = _span(said)
    except (ValueError, OverflowError):
        raise Refusal(name, "is not a DHIS2 period (such as 201201, 2012Q1, 2012W5, 20120131)", said) from None
    return start, following - timedelta(days=1)


def _span(said: str) -> tuple[datetime, datetime]:
    if adx := re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)(?:T[\d:]+Z?)?/P(\d+)([YMWD])", said):
        start, amount = _day(int(adx[1]), int(adx[2]), int(adx[3])), int(adx[4])
        days = {"W": 7 * amount, "D": amount}.get(adx[5])
        return start, start + timedelta(days=days) if days else _later(start, amount * (12 if adx[5] == "Y" else 1))
    if week := re.fullmatch(r"(\d{4})(Bi)?(?:Wed|Thu|Sat|Sun)?W(\d\d?)", said):
        number_of_week = int(week[3]) * 2 - 1 if week[2] else int(week[3])
        start = datetime.fromisocalendar(int(week[1]), number_of_week, 1).replace(tzinfo=UTC)
        return start, start + timedelta(days=14 if week[2] else 7)
    if part := re.fullmatch(r"(\d{4})([QS])(\d)|(\d{4})(\d\d)(B)", said):
        year, number, letter = (part[1], part[3], part[2]) if part[1] else (part[4], part[5], part[6])
        months = _PARTS[letter]
        if not 1 <= int(number) <= 12 // months:
            raise ValueError(said)
        start = _day(int(year), (int(number) - 1) * months + 1, 1)
        return start, _later(start, months)
    if financial := re.fullmatch(r"(\d{4})(April|July|Oct|Nov|AprilS1|AprilS2)", said):
        start = _day(int(financial[1]), _FIRST_MONTH[financial[2]], 1)
        return start, _later(start, 6 if "S" in financial[2] else 12)
    plain = re.fullmatch(r"(\d{4})(?:-?(\d\d)(?:-?(\d\d))?)?", said)
    if plain is None:
        raise ValueError(said)
    start = _day(int(plain[1]), int(plain[2] or 1), int(plain[3] or 1))
    return start, start + timedelta(days=1) if plain[3] else _later(start, 1 if plain[2] else 12)


def _day(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


def _later(start: datetime, months: int) -> datetime:
    """The same day some months later; the month's last day where it has fewer."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return _day(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))
