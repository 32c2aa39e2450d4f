"""Figures by area and period out of partners' tables: the shape in which feeds of figures hand rows to `indicator`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from data.records import Indicator, Severity
from data.settings import Source
from ingest.countries import iso2
from ingest.feed import Context, Payload, Refusal
from ingest.headings import AreaColumns, area_of
from ingest.sheets import preview, tables
from ingest.values import instant, number, text
from ingest.written import moment, month_first, position

Row = dict[str, Any]
_SHORT = re.compile(r"\d{1,2}[/-]\d{1,2}[/-]\d{2,4}\Z")
_WEEK = re.compile(r"(\d{4})\D{0,3}[wW](?:eek)?\W*(\d{1,2})\Z")


def indicator(row: Row, context: Context) -> Indicator:
    """A row of a feed of figures as a record.

    `row` has `key`, `indicator` and `value`, and what is known of `unit`, `category`, `title`, `start` and `end` (cells;
    days are whole), `pcode`, `names` (adm1 to adm3), `place`, `lon` and `lat`, `site`, `severity`, `groups` (of the value),
    `month_first`, and `attributes`. Refuses a value below zero, and one that is no number.
    """
    value = number(row, "value")
    if value is not None and value < 0:
        raise Refusal("value", "is below zero", value)
    order = row.get("month_first", False)
    start, end = (day(row, name, context.source.timezone, order) for name in ("start", "end"))
    lon, lat = (None, None) if row.get("lon") is None and row.get("lat") is None else position(row, "lon", "lat")
    groups = row.get("groups") or {}
    pcode, names, place = row.get("pcode"), tuple(row.get("names") or ()), text(row, "place")
    area = place or next((name for name in reversed(names) if name), pcode or "")
    about = text(row, "title") or row["indicator"].replace("_", " ").capitalize()
    return Indicator(
        source_ref=row["key"],
        title=", ".join(part for part in (about, area) if part),
        category=text(row, "category"),
        severity=Severity(row.get("severity") or 0),
        indicator=row["indicator"],
        value=value,
        unit=text(row, "unit"),
        event_time=end or start,
        period_start=start,
        period_end=end,
        lon=lon,
        lat=lat,
        place=place,
        adm_pcode=pcode,
        adm_names=names,
        site_ref=text(row, "site"),
        disaggregation={name: count for name in groups if (count := number(groups, name)) is not None},
        attributes=row.get("attributes") or {},
    )


def day(row: Mapping[str, Any], name: str, zone: str, order: bool | None) -> datetime | None:
    """As `written.moment`; `2014-W03` and `2014 week 3` are the Monday of that week (ISO 8601)."""
    value = row.get(name)
    if value is None or isinstance(value, datetime):
        return instant(row, name, zone)
    if isinstance(value, str) and ("w" in value or "W" in value) and (week := _WEEK.match(value.strip())):
        try:
            monday = date.fromisocalendar(int(week[1]), int(week[2]), 1)
        except ValueError:
            raise Refusal(name, "is not a week of that year (ISO 8601)", row[name]) from None
        return datetime(monday.year, monday.month, monday.day, tzinfo=UTC)
    return moment(row, name, zone, order)


def where(row: Mapping[str, Any], columns: AreaColumns, country: str = "") -> Row:
    """`pcode` and `names` of a row: of the lowest area it states, or else of the country (ISO 3166-1 code or name)."""
    pcode, names = area_of(row, columns)
    if not pcode and not any(names) and country:
        code = iso2(country) if len(country) <= 3 else ""
        return {"pcode": code or None, "names": (), "place": "" if code else country}
    return {"pcode": pcode, "names": names}


def key_of(place: Row, *parts: object, country: str = "") -> str:
    """A key of where and what: the P-code, or the country and the names, and then the parts that are not blank."""
    names = " / ".join(name for name in place.get("names") or () if name)
    said = (place.get("pcode") or (country if names else ""), "" if place.get("pcode") else names, place.get("place"))
    return ":".join(str(part) for part in (*said, *parts) if part not in (None, ""))


@lru_cache(maxsize=1_024)
def whole_month(year: int, month: int) -> tuple[datetime, datetime]:
    """The first and the last day of a month. Raises ValueError where there is no such month."""
    first = datetime(year, month, 1, tzinfo=UTC)
    return first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)


@lru_cache(maxsize=1_024)
def month_of(said: str) -> datetime | None:
    """The first day of `January 2025`, `1/2025` or `2025-01`; None where it is no month."""
    try:
        return moment({"month": said.replace(" ", "/") if said[:1].isdigit() and " " in said else said}, "month")
    except Refusal:
        return None


def months_first(payload: Payload, names: Sequence[str], source: Source) -> bool | None:
    """Whether the days in these columns put the month first (see `written.month_first`); `month_first` of the source rules."""
    told = source.options.get("month_first")
    if told is not None:
        return bool(told)
    shown = (row.get(name) for table in preview(payload) for row in table.rows for name in names)
    if not any(isinstance(cell, str) and _SHORT.match(cell) for cell in shown):
        return False
    return month_first(row.get(name) for table in tables(payload) for row in table.rows for name in names)
