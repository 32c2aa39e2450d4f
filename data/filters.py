"""What is asked for: the filters of a view, the same words in page addresses, tiles, counts and OGC requests."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from data.records import Severity

WINDOW = re.compile(r"(\d{1,4})(h|d|w|m|y)\Z")
GRADE = re.compile(r"[A-F][1-6]?\Z")
CORNERS = 200
HOURS = {"h": 1, "d": 24, "w": 168, "m": 730, "y": 8766}
WHOLE_LIMIT = 100_000
EARLIEST, LATEST = datetime(1000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""Times beyond these are as good as these; so a window can be counted back from any."""


class BadFilter(ValueError):
    """A filter that cannot be understood: the sentence names the parameter and what is allowed."""


@dataclass(frozen=True)
class Filters:
    """Every part that is None or empty asks for everything. Times are UTC; `bbox` is west, south, east, north in degrees."""

    since: datetime | None = None
    until: datetime | None = None
    window: timedelta | None = None
    """Up to the moment the picture is asked for (now, or the time of "as known at")."""
    bbox: tuple[float, float, float, float] | None = None
    area: str = ""
    category: tuple[str, ...] = ()
    severity: Severity = Severity.unknown
    """This severity or worse."""
    agency: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    text: str = ""
    actor: tuple[str, ...] = ()
    """Named as one of the two sides; heeded by kinds that name any."""
    grade: str = ""
    """Admiralty code: a source so reliable or more, and information so credible or more; a letter alone asks for the source."""
    polygon: tuple[tuple[float, float], ...] = ()
    """Corners in lon, lat (degrees), drawn or taken over; the ring closes itself."""
    circle: tuple[float, float, float] | None = None
    """lon, lat (degrees), radius in km on the ground."""
    as_known_at: datetime | None = None
    codes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Equality on the kind's own coded columns: (column, allowed values)."""

    def span(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        """From and until, with the window counted back from `as_known_at` or now."""
        if self.window is None:
            return self.since, self.until
        end = self.until or self.as_known_at or now
        return max(end - min(self.window, end - EARLIEST), EARLIEST), self.until


EVERYTHING = Filters()


def parse(query: Mapping[str, str], own_columns: tuple[str, ...] = ()) -> Filters:
    """Filters of a query string; parameters it does not know are somebody else's. Raises `BadFilter`."""
    since, until = _datetime_interval(query.get("datetime", ""))
    bbox = query.get("bbox", "")
    window = query.get("window", "")
    wanted = query.get("severity", "")
    if wanted and wanted not in Severity.__members__:
        raise BadFilter(f"severity: '{wanted}' is not one of {', '.join(Severity.__members__)}.")
    return Filters(
        since=moment(query["from"], "from") if query.get("from") else since,
        until=moment(query["to"], "to") if query.get("to") else until,
        window=_window(window) if window and window != "all" and not query.get("from") else None,
        bbox=_bbox(bbox) if bbox else None,
        area=query.get("area", "").strip(),
        category=_list(query.get("category", "")),
        severity=Severity[wanted] if wanted else Severity.unknown,
        agency=_list(query.get("agency", "")),
        source=_list(query.get("source", "")),
        text=query.get("q", "").strip(),
        actor=_list(query.get("actor", "")),
        grade=_grade(query.get("grade", "")),
        polygon=_polygon(query["polygon"]) if query.get("polygon") else (),
        circle=_circle(query["radius"]) if query.get("radius") else None,
        as_known_at=moment(query["as_known_at"], "as_known_at") if query.get("as_known_at") else None,
        codes=tuple((name, _list(query[name])) for name in own_columns if name != "grade" and query.get(name)),
    )


def moment(value: str, name: str) -> datetime:
    """An RFC 3339 time (a date alone is its first moment in UTC)."""
    try:
        # A "+" in an address that was not escaped arrives as a space.
        found = datetime.fromisoformat(re.sub(r" (\d\d:\d\d)\Z", r"+\1", value.strip()))
        found = (found.replace(tzinfo=UTC) if found.tzinfo is None else found).astimezone(UTC)
        return min(max(found, EARLIEST), LATEST)
    except (ValueError, OverflowError):
        raise BadFilter(f"{name}: '{value[:40]}' is not a time like 2026-11-20T18:00:00Z.") from None


def _datetime_interval(value: str) -> tuple[datetime | None, datetime | None]:
    """OGC API - Features Core 1.0, section 7.15.4: an instant, or an interval with `..` or nothing for an open end."""
    if not value:
        return None, None
    ends = value.split("/")
    if len(ends) == 1:
        at = moment(ends[0], "datetime")
        return at, at + timedelta(microseconds=1)
    if len(ends) != 2:
        raise BadFilter("datetime: use one time, or two with a / between them.")
    since, until = (None if end in ("", "..") else moment(end, "datetime") for end in ends)
    if since and until and since > until:
        raise BadFilter("datetime: the interval ends before it begins.")
    return since, until + timedelta(microseconds=1) if until else None


def _bbox(value: str) -> tuple[float, float, float, float]:
    try:
        parts = [float(part) for part in value.split(",")]
    except ValueError:
        parts = []
    if len(parts) == 6:  # with heights, which records here do not have
        parts = [parts[0], parts[1], parts[3], parts[4]]
    if len(parts) != 4 or not all(math.isfinite(part) for part in parts) or parts[1] > parts[3]:
        raise BadFilter("bbox: use west,south,east,north in degrees.")
    return parts[0], parts[1], parts[2], parts[3]


def _grade(value: str) -> str:
    if value and not GRADE.match(value.upper()):
        raise BadFilter(f"grade: '{value[:40]}' is not like B or B2 (source A to F, information 1 to 6).")
    return value.upper()


def _degrees(name: str, value: str, allowed: str) -> list[float]:
    """Numbers of which each first two are a longitude and a latitude."""
    try:
        found = [float(part) for part in value.split(",")]
    except ValueError:
        found = [math.nan]
    pairs = zip(found[::2], found[1::2], strict=False)
    if not all(map(math.isfinite, found)) or any(
        abs(lon) > 180 or abs(lat) > 90 for lon, lat in pairs if name == "polygon"
    ):
        raise BadFilter(f"{name}: use {allowed}.")
    return found


def _polygon(value: str) -> tuple[tuple[float, float], ...]:
    allowed = f"lon,lat,lon,lat,... in degrees: from 3 to {CORNERS} corners"
    found = _degrees("polygon", value, allowed)
    corners = tuple(zip(found[::2], found[1::2], strict=False))
    if len(found) % 2 or len(set(corners)) < 3 or len(corners) > CORNERS:
        raise BadFilter(f"polygon: use {allowed}.")
    return corners


def _circle(value: str) -> tuple[float, float, float]:
    allowed = "lon,lat,km: a place in degrees and a distance up to 20,000 km"
    found = _degrees("radius", value, allowed)
    if len(found) != 3 or abs(found[0]) > 180 or abs(found[1]) > 90 or not 0 < found[2] <= 20_000:
        raise BadFilter(f"radius: use {allowed}.")
    return found[0], found[1], found[2]


def _window(value: str) -> timedelta:
    found = WINDOW.match(value)
    if not found:
        raise BadFilter(f"window: '{value[:40]}' is not like 24h, 7d, 4w, 6m, 1y or all.")
    return timedelta(hours=int(found[1]) * HOURS[found[2]])


def _list(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())
