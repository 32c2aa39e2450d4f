"""What the gazetteer takes from records: rows of tables of P-codes, and the further codes that boundaries carry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from data.gazetteer import Listed
from data.records import Record, Value

LONGEST_CODE = 40


def of_codes(body: bytes) -> bool:
    """Whether a stored body may be a row of a table of P-codes; far cheaper than reading every look-up row."""
    return b'"table":"pcode"' in body


def listed_from(record: Record, mark: int) -> Listed:
    """The row of a table of P-codes that a look-up row of the table `pcode` states."""
    told = record.attributes
    level = told.get("level")
    return Listed(
        pcode=str(told.get("pcode") or record.adm_pcode or ""),
        name=str(told.get("name") or ""),
        level=int(level) if isinstance(level, (int, float)) else None,
        parent=str(told.get("parent") or ""),
        names=record.adm_names,
        since=_day(told.get("valid_from")),
        until=_day(told.get("valid_to")),
        lon=record.lon,
        lat=record.lat,
        mark=mark,
        table=record.source,
    )


def codes_of(attributes: Mapping[str, Value]) -> dict[str, str]:
    """Those of a boundary's other columns that may be codes of the area."""
    found = {}
    for heading, value in attributes.items():
        if isinstance(value, (str, int)) and not isinstance(value, bool) and 0 < len(str(value)) <= LONGEST_CODE:
            found[heading] = str(value)
    return found


def _day(value: Value) -> datetime | None:
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) and value else None
