"""Records corrected by hand, field by field: a correction is a new version, and only of what its writer looked at.

What may be corrected of a kind is `FIELDS`; where a record is, whose it is and how it is marked are not among it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec
import sqlalchemy as sa

from data.records import KIND_OF_TYPE, AnyRecord, Severity, decode
from data.seen import parse_id
from data.store import Store
from data.tables import head, version
from data.written import CannotWrite, Change, Overtaken, write

FIELDS: Mapping[str, tuple[str, ...]] = {
    "incident": ("title", "description", "category", "severity", "place", "fatalities", "injured", "grade"),
    "supply": ("stock_on_hand", "amc", "consumed", "received", "losses", "unit", "grade"),
    "activity": ("activity", "status", "people_in_need", "people_targeted", "people_reached", "grade"),
}
NUMBERS = frozenset(
    (
        *("fatalities", "injured", "stock_on_hand", "amc", "consumed", "received", "losses"),
        *("people_in_need", "people_targeted", "people_reached"),
    )
)
WHOLE = frozenset(("fatalities", "injured"))
LONGEST = 8_000


def value_of(field: str, text: str) -> Any:
    """What a cell says of a field; an empty one says nothing. Raises `CannotWrite`."""
    text = text.strip()
    if field in NUMBERS:
        if not text:
            return None
        try:
            number = float(text.replace("\u202f", "").replace("\u00a0", "").replace(" ", ""))
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or number < 0 or (field in WHOLE and number != int(number)):
            raise CannotWrite(f"{field}: '{text[:40]}' is not a number of that kind; use digits like 1250.")
        return int(number) if field in WHOLE else number
    if field == "severity":
        if text not in Severity.__members__:
            raise CannotWrite(f"severity: '{text[:40]}' is not one of {', '.join(Severity.__members__)}.")
        return Severity[text]
    if field == "grade":
        if len(text) != 2 or text[0] not in "ABCDEF" or text[1] not in "123456":
            raise CannotWrite(f"grade: '{text[:10]}' is not a grade like B2.")
        return text
    if len(text) > LONGEST:
        raise CannotWrite(f"{field}: has more than {LONGEST:,} characters; shorten it.")
    return text


def text_of(field: str, value: Any) -> str:
    """A field as a cell says it; what `value_of` reads back."""
    if value is None:
        return ""
    if isinstance(value, Severity):
        return value.name
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def correct(store: Store, who: str, public_id: str, looked_at: int, told: Mapping[str, str], reason: str) -> None:
    """Write a record anew with these fields. Raises `CannotWrite`, `Overtaken`."""
    with store.reader.connect() as connection:
        query = (
            sa.select(version.c.body, version.c.wkb, version.c.revision)
            .join(head, head.c.current_seq == version.c.seq)
            .where(head.c.record_id == (parse_id(public_id) or 0), sa.not_(head.c.retracted))
        )
        row = connection.execute(query).first()
    if row is None or row.revision != looked_at:
        raise Overtaken("Meanwhile it was changed or taken back; take the sheet anew.")
    record: AnyRecord = msgspec.structs.replace(decode(row.body), wkb=row.wkb)
    fields = FIELDS.get(KIND_OF_TYPE[type(record)].name, ())
    if strange := [name for name in told if name not in fields]:
        raise CannotWrite(f"{strange[0][:40]}: cannot be corrected by a sheet.")
    values = {name: value_of(name, text) for name, text in told.items()}
    made = msgspec.structs.replace(record, **values)
    details = {name: text_of(name, getattr(record, name))[:200] for name in values}
    write(store, who, "record.correct", [Change(made, looked_at)], reason, details)
