"""Days and positions as people write them by hand into sheets."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ingest.feed import Refusal
from ingest.values import degree, excel_day, instant, text

_MONTHS = {
    word: number
    for number, words in enumerate(
        (
            "jan january janvier enero janeiro",
            "feb february fevrier febrero fevereiro",
            "mar march mars marzo marco",
            "apr april avril abril",
            "may mai mayo maio",
            "jun june juin junio junho",
            "jul july juillet julio julho",
            "aug august aout agosto",
            "sep sept september septembre septiembre setembro",
            "oct october octobre octubre outubro",
            "nov november novembre noviembre novembro",
            "dec december decembre diciembre dezembro",
        ),
        start=1,
    )
    for word in words.split()
}
_SHORT_DAY = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d\d)\Z")
_NAMED_MONTH = re.compile(
    r"(?:(\d{1,2})(?:er|st|nd|rd|th)?[ .-]+)?(?:de )?([^\W\d_]{3,})\.?,?[ -]+(?:de )?(\d{4}|\d\d)\Z"
)


def month_first(cells: Iterable[Any]) -> bool | None:
    """Whether a column of days like 8/22/2014 puts the month first; None where it does both, so that 8/1 is in doubt.

    Day first where nothing tells, as the field's files mostly are, and always with dots (19.08.14).
    """
    by_day = by_month = False
    for cell in cells:
        if isinstance(cell, str) and "." not in cell and (short := _SHORT_DAY.match(cell.strip())):
            by_day = by_day or int(short[1]) > 12
            by_month = by_month or int(short[2]) > 12
    return None if by_day and by_month else by_month


def moment(row: Mapping[str, Any], name: str, zone: str = "UTC", month_first: bool | None = False) -> datetime | None:
    """A day or time as people write it into sheets, in UTC; None where it is blank; refused where it cannot be read.

    Beyond `values.instant`: a year (its first day), `03/2012` and `septembre 2012` (the month's first day), a
    spreadsheet's serial day, `19.08.14`. `month_first` as the function of that name finds it: where it is None, a day that
    could be read both ways is refused.
    """
    value = row.get(name)
    said = str(value).strip() if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""
    parts: tuple[int, int, int] | None = None
    if re.fullmatch(r"(?:19|20)\d\d", said):
        parts = (int(said), 1, 1)
    elif re.fullmatch(r"[2-7]\d{4}(?:\.\d+)?", said):
        return excel_day(float(said))
    elif month := re.fullmatch(r"(\d{1,2})/(\d{4})", said):
        parts = (int(month[2]), int(month[1]), 1)
    elif short := _SHORT_DAY.match(said):
        first, second = int(short[1]), int(short[2])
        month_first = False if "." in said else month_first
        if month_first is None and first <= 12 and second <= 12 and first != second:
            raise Refusal(name, "may be day or month first, for its column has both (use 2026-11-20)", value)
        day, month_number = (second, first) if month_first or (month_first is None and second > 12) else (first, second)
        parts = (int(short[3]) + (2000 if len(short[3]) == 2 else 0), month_number, day)
    elif (named := _NAMED_MONTH.match(unaccented(said))) and named[2].lower() in _MONTHS:
        year = int(named[3]) + (2000 if len(named[3]) == 2 else 0)
        parts = (year, _MONTHS[named[2].lower()], int(named[1] or 1))
    if parts is None:
        return instant(row, name, zone)
    try:
        return instant({name: datetime(*parts)}, name, zone)  # noqa: DTZ001 (the zone is applied by `instant`)
    except ValueError:
        raise Refusal(name, "is not a date or time that can be read (use 2026-11-20)", value) from None


def unaccented(said: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKD", said) if not unicodedata.combining(letter))


_SEXAGESIMAL = re.compile(
    r"""([NSEWO])?\s*(-?\d+(?:[.,]\d+)?)\s*(?:[°ºd]|deg)?\s*(?:(\d+(?:[.,]\d+)?)\s*['′’m]\s*(?:(\d+(?:[.,]\d+)?)\s*(?:["″”s]|''))?)?\s*([NSEWO])?\Z""",
    re.IGNORECASE,
)


def degrees(row: Mapping[str, Any], name: str) -> float | None:
    """A longitude or latitude in degrees, decimal or as `3°25'39.65"E`; None where it is blank; refused otherwise."""
    said = text(row, name)
    found = _SEXAGESIMAL.match(said) if re.search(r"[°ºd'′NSEWO]", said, re.IGNORECASE) else None
    if found is None:
        return degree(row, name)
    whole, minutes, seconds = (float((found[group] or "0").replace(",", ".")) for group in (2, 3, 4))
    side = (found[1] or found[5] or "").upper()
    if minutes >= 60 or seconds >= 60 or (side and whole < 0):
        raise Refusal(name, "is not a position that can be read (use decimal degrees)", said)
    value = abs(whole) + minutes / 60 + seconds / 3600
    return -value if side in ("S", "W", "O") or whole < 0 else value


def position(row: Mapping[str, Any], lon_name: str, lat_name: str) -> tuple[float | None, float | None]:
    """Longitude and latitude in degrees; two Nones where both are blank or both are 0, which is how sheets say nothing."""
    lon, lat = degrees(row, lon_name), degrees(row, lat_name)
    return (None, None) if lon == 0 and lat == 0 else (lon, lat)
