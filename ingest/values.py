"""Reading one value of a row: each function returns what the text means, or refuses it by the name of its field."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import shapely
from shapely import Point
from shapely.geometry.base import BaseGeometry

from ingest.feed import Refusal

BLANKS = frozenset({"", "na", "n/a", "nan", "none", "null", "-", "--", "#n/a", "nil"})


def text(row: Mapping[str, Any], name: str, default: str = "") -> str:
    """The field as trimmed text; `default` where it is blank or absent."""
    value = row.get(name)
    if value is None:
        return default
    cleaned = str(value).strip()
    return cleaned or default


def needed(row: Mapping[str, Any], name: str) -> str:
    """The field as trimmed text; refused where it is blank or absent."""
    value = text(row, name)
    if not value:
        raise Refusal(name, "is empty")
    return value


def number(row: Mapping[str, Any], name: str) -> float | None:
    """The field as a finite number ("1,234.5" and "12 %" are read); None where it is blank; refused otherwise."""
    value = row.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        raise Refusal(name, "is not a number", value)
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    except (ValueError, TypeError):
        cleaned = str(value).strip()
        if cleaned.lower() in BLANKS:
            return None
        found = _loose_number(name, cleaned)
    if math.isfinite(found):
        return found
    if math.isnan(found):
        return None
    raise Refusal(name, "is not a finite number", value)


def _loose_number(name: str, value: str) -> float:
    cleaned = value.rstrip("%").replace("\u00a0", "").replace(" ", "").replace("'", "")
    if "," in cleaned and "." not in cleaned and len(cleaned.rsplit(",", 1)[1]) != 3:
        cleaned = cleaned.replace(",", ".")  # 12,5 as written in French
    try:
        return float(cleaned.replace(",", ""))
    except ValueError:
        raise Refusal(name, "is not a number", value) from None


def whole(row: Mapping[str, Any], name: str) -> int | None:
    """The field as a whole number; None where it is blank."""
    found = number(row, name)
    if found is None:
        return None
    if found != int(found):
        raise Refusal(name, "is not a whole number", row.get(name))
    return int(found)


def lon_lat(row: Mapping[str, Any], lon_name: str, lat_name: str) -> tuple[float | None, float | None]:
    """Longitude and latitude in degrees, or two Nones where both are blank; the range is checked by the frame."""
    return degree(row, lon_name), degree(row, lat_name)


_SERIAL_DAY = re.compile(r"[2-7]\d{4}(?:\.\d+)?\Z")
"""A spreadsheet's serial day (1954 to 2119); as seconds since 1970 it would be the first of that January."""
_DECIMAL_COMMA = re.compile(r"-?\d{1,3},\d+\Z")


def degree(row: Mapping[str, Any], name: str) -> float | None:
    """A decimal coordinate: as `number`, but a comma is always a decimal one, because no place has thousands of degrees."""
    said = row.get(name)
    if isinstance(said, str) and _DECIMAL_COMMA.match(said.strip()):
        return float(said.strip().replace(",", "."))
    return number(row, name)


_FORMATS = (
    "%d %B %Y",
    "%d-%b-%y",
    "%d-%b-%Y",
    "%d-%B-%Y",
    "%d/%m/%Y",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d %b %Y",
    "%B %d, %Y",
    "%b %d, %Y",
    "%Y%m%d",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%a, %d %b %Y %H:%M:%S %Z",
    "%a, %d %b %Y %H:%M:%S %z",
    "%a %b %d %H:%M:%S %z %Y",
    "%Y-%m",
)
"""Day before month wherever both could be meant: the field's files are not American."""


def instant(row: Mapping[str, Any], name: str, zone: str = "UTC", default: datetime | None = None) -> datetime | None:
    """The field as a time in UTC, read in `zone` where it has no offset; None where it is blank; refused otherwise."""
    value = row.get(name)
    if value is None or value == "":
        return default
    if isinstance(value, str):
        cleaned = value.strip()
        if cleaned.isdecimal() and len(cleaned) >= 9:
            return epoch(float(cleaned), name)
        if _SERIAL_DAY.match(cleaned):
            return excel_day(float(cleaned))
        found = _instant_of(cleaned, zone)
        if found is not None:
            return found
        if cleaned.lower() in BLANKS:
            return default
    elif isinstance(value, datetime):
        return _aware(value, zone)
    elif isinstance(value, date):
        return _aware(datetime(value.year, value.month, value.day), zone)  # noqa: DTZ001 (given its zone there)
    elif isinstance(value, (int, float)):
        return excel_day(float(value)) if 20_000 <= value < 80_000 else epoch(float(value), name)
    raise Refusal(name, "is not a date or time that can be read (use 2026-11-20 or 2026-11-20T18:00Z)", value)


def epoch(value: float, name: str) -> datetime:
    """A time from seconds (or milliseconds, from 1e11 on) since 1970."""
    seconds = value / 1000 if abs(value) >= 1e11 else value
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise Refusal(name, "is not a time in seconds since 1970", value) from None


@lru_cache(maxsize=65_536)
def _instant_of(value: str, zone: str) -> datetime | None:
    try:
        return _aware(datetime.fromisoformat(value), zone)
    except (ValueError, OverflowError):
        pass
    if value.endswith((" GMT", " UTC")):
        zone = "UTC"
    for form in _FORMATS:
        try:
            return _aware(datetime.strptime(value, form), zone)  # noqa: DTZ007 (given its zone there)
        except (ValueError, OverflowError):
            continue
    return None


def _aware(moment: datetime, zone: str) -> datetime:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC if zone == "UTC" else ZoneInfo(zone))
    return moment.astimezone(UTC)


EXCEL_EPOCH = datetime(1899, 12, 30, tzinfo=UTC)


def excel_day(value: float) -> datetime:
    """A spreadsheet's serial day (1900 date system) as UTC midnight of that day."""
    return EXCEL_EPOCH + timedelta(days=value)


def shape(geometry: BaseGeometry, name: str = "geometry") -> tuple[float, float, bytes | None]:
    """Longitude, latitude and WKB of a geometry in EPSG:4326 (WKB is None for a point); repaired where it is invalid.

    The point of a line or area lies on it (representative point), so that labels and counts fall where it is.
    Refuses an empty geometry and coordinates outside -180..180, -90..90.
    """
    flat = shapely.force_2d(geometry)
    if flat.is_empty:
        raise Refusal(name, "is empty")
    west, south, east, north = flat.bounds
    if not (-180.0 <= west <= east <= 180.0 and -90.0 <= south <= north <= 90.0):
        raise Refusal(name, "is outside -180..180, -90..90 degrees", (west, south, east, north))
    if isinstance(flat, Point):
        return flat.x, flat.y, None
    if not flat.is_valid:
        flat = shapely.make_valid(flat)
    point = flat.representative_point()
    return point.x, point.y, shapely.to_wkb(flat)
