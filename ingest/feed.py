"""The feed frame: a feed is a frozen value of plain functions; the frame counts, catches and quarantines.

An author writes `rows` (payload -> rows, whatever shape suits) and `record` (one row -> one record). Both are pure, neither
handles errors: a row that cannot be read raises `Refusal` (or ValueError, KeyError, TypeError) and becomes a `Reject` with its
raw text and reason, and the next row is read. `rows` raising means the payload as a whole is unreadable.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, Literal

import msgspec

from data.records import KIND_OF_TYPE, KINDS, Entry, Record, Reject, Retract, Sensitivity, encoder

HEAD_BYTES = 65_536
BATCH_ROWS = 5_000
RAW_LIMIT = 65_536
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
OBSERVED_KINDS = frozenset({"incident", "report", "supply", "feedback", "track"})
"""Kinds that say what was seen; a time after now means the row is wrong."""
FUTURE_TOLERANCE = timedelta(hours=26)
"""One calendar day in the most eastern time zone (UTC+14) plus half a day of clock error."""


class Refusal(ValueError):
    """A row cannot be read: which field, why (without the value, so that reasons can be counted), and the value."""

    def __init__(self, field_name: str, reason: str, value: object = None) -> None:
        super().__init__(f"{field_name}: {reason}")
        self.field = field_name
        self.reason = reason
        self.value = value


@dataclass(frozen=True)
class Payload:
    """One file or message as it came: from a path, or from bytes in memory. `name` is shown to people, never trusted."""

    name: str
    path: Path | None = None
    content: bytes | None = None
    media_type: str = ""

    def open(self) -> BinaryIO:
        return self.path.open("rb") if self.path is not None else io.BytesIO(self.content or b"")

    def read(self) -> bytes:
        return self.path.read_bytes() if self.path is not None else self.content or b""

    @cached_property
    def head(self) -> bytes:
        """The first 64 KiB, for recognising the format."""
        with self.open() as stream:
            return stream.read(HEAD_BYTES)

    @cached_property
    def head_text(self) -> str:
        """The head as text (UTF-8 with or without BOM, UTF-16 by its BOM, else latin-1)."""
        return decode_text(self.head, cut=True)


def decode_text(content: bytes, cut: bool = False) -> str:
    """Text of bytes: by BOM, else UTF-8, else Windows-1252 (what spreadsheets of the field are saved in)."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="ignore" if cut else "strict")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if cut and error.start > len(content) - 4:
            return content[: error.start].decode("utf-8-sig")
        return content.decode("cp1252", errors="replace")


@dataclass(frozen=True)
class Source:
    """A feed of one agency, from the settings: whose it is and how it is marked. Unmarked means high and owner-only."""

    name: str
    feed: str
    agency: str = "unknown"
    title: str = ""
    address: str = ""
    expected_every_s: float | None = None
    sensitivity: Sensitivity = Sensitivity.high
    releasable_to: tuple[str, ...] = ()
    grade: str = ""
    exercise: bool = False
    timezone: str = "UTC"
    """In which a time without an offset is read."""
    bbox: tuple[float, float, float, float] | None = None
    """West, south, east, north in degrees: where this source reports from; catches swapped coordinates."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The feed's own settings (for `table`: kind, columns)."""


@dataclass(frozen=True)
class Context:
    """What `record` may know besides its row."""

    source: Source
    received_at: datetime
    references: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    """(table, source_ref) -> attributes of `Reference` rows this source sent before or earlier in this payload."""

    def look_up(self, table: str, ref: str, field_name: str) -> Mapping[str, Any]:
        """The row of a look-up table that `field_name` points to; a refusal that says what to load where it is missing."""
        found = self.references.get((table, ref))
        if found is None:
            raise Refusal(field_name, f"is not in {table}; load {table} of this source, then replay", ref)
        return found


@dataclass(frozen=True)
class Feed:
    """One format. `recognise` gives 0 (not mine) to 100 (surely mine) from content alone, cheaply (use `payload.head`)."""

    name: str
    title: str
    kinds: tuple[str, ...]
    formats: tuple[str, ...]
    media_types: tuple[str, ...]
    recognise: Callable[[Payload], int]
    rows: Callable[[Payload, Source], Iterable[Any]]
    record: Callable[[Any, Context], Record | Retract]
    absence: Literal["keep", "retract"] = "keep"
    """Whether what a payload no longer lists is kept, or was taken back (a feed that always sends its whole state)."""
    precedence: Callable[[Payload], int] = lambda payload: 0
    """Of several payloads given at once the lower is read first (boundaries before incidents, look-ups before stock)."""


def parse(feed: Feed, payload: Payload, context: Context) -> Iterator[list[Entry | Reject]]:
    """Read a payload in batches of `BATCH_ROWS`; every row comes out exactly once, as `Entry` or as `Reject`.

    Raises whatever `feed.rows` raises: the payload as a whole is then unreadable from there on.
    """
    references = dict(context.references)
    known = Context(context.source, context.received_at, MappingProxyType(references))
    numbered = enumerate(feed.rows(payload, context.source), start=1)
    while batch := list(islice(numbered, BATCH_ROWS)):
        yield [_read(feed, number, row, known, references) for number, row in batch]


def _read(
    feed: Feed, number: int, row: Any, context: Context, references: dict[tuple[str, str], Mapping[str, Any]]
) -> Entry | Reject:
    try:
        record = feed.record(row, context)
        if isinstance(record, Retract):
            return _retraction(number, record)
        _check(record, context)
        parsed = _mark(number, record, context.source)
        if record.__class__ is REFERENCE:
            references[(record.table, record.source_ref)] = record.attributes  # type: ignore[attr-defined]
        return parsed
    except Refusal as refusal:
        detail = f"row {number}, {refusal}" + ("" if refusal.value is None else f" (it says {_short(refusal.value)})")
        return Reject(number, refusal.field, str(refusal), detail, raw_text(row))
    except KeyError as error:
        missing = str(error.args[0]) if error.args else "?"
        reason = f"{missing}: is missing"
        return Reject(number, missing, reason, f"row {number}, {reason}", raw_text(row))
    except (ValueError, TypeError, AttributeError, ArithmeticError, LookupError, RecursionError) as error:
        reason = f"row: cannot be read as {feed.name} ({type(error).__name__})"
        return Reject(number, "row", reason, f"row {number}, {reason}: {_short(error)}", raw_text(row))


REFERENCE = KINDS["reference"].type
_GRADE = re.compile(r"[A-F][1-6]\Z")


def _check(record: Record, context: Context) -> None:
    """What holds for every record of every feed."""
    if not record.source_ref:
        raise Refusal("source_ref", "is empty; every row needs the source's own key")
    lon, lat = record.lon, record.lat
    if (lon is None) != (lat is None):
        raise Refusal("lon/lat", "one of the two is missing", (lon, lat))
    if lon is not None and lat is not None:
        if not (math.isfinite(lon) and math.isfinite(lat)):
            raise Refusal("lon/lat", "is not a number", (lon, lat))
        if not (-180.0 <= lon <= 180.0 and -90.0 <= lat <= 90.0):
            raise Refusal("lon/lat", "is outside -180..180, -90..90 degrees", (lon, lat))
        box = context.source.bbox
        if box and not _inside(lon, lat, box) and _inside(lat, lon, box):
            raise Refusal("lon/lat", "looks swapped: it lies in this source's area only the other way round", (lon, lat))
    for name in ("event_time", "version_time"):
        moment: datetime | None = getattr(record, name)
        if moment is None:
            continue
        if moment.tzinfo is None:
            raise Refusal(name, "has no time zone", moment)
        if moment < EARLIEST or moment > context.received_at + timedelta(days=36_525):
            raise Refusal(name, "is not in 1900 to a century from now", moment)
    kind = KIND_OF_TYPE[type(record)].name
    if record.event_time and kind in OBSERVED_KINDS and record.event_time > context.received_at + FUTURE_TOLERANCE:
        raise Refusal("event_time", "is in the future", record.event_time)
    if not _GRADE.match(record.grade):
        raise Refusal("grade", "is not an Admiralty grade A-F with 1-6", record.grade)


def _inside(lon: float, lat: float, box: tuple[float, float, float, float]) -> bool:
    return box[0] <= lon <= box[2] and box[1] <= lat <= box[3]


# Control characters, and the bidirectional overrides and isolates that make text show as what it is not (Trojan Source).
_UNSAFE_BODY = re.compile(rb"\\u00[01][0-9a-f]|\x7f|\xe2\x80[\x8e\x8f\xaa-\xae]|\xe2\x81[\xa6-\xa9]|\xef\xbb\xbf")
_UNSAFE_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def _mark(number: int, record: Record, source: Source) -> Entry:
    """Put the source's marks on a record and bring it into stored form."""
    record = msgspec.structs.replace(
        record,
        source=source.name,
        agency=record.agency or source.agency,
        # A record can only be raised above its source, to severe; its default says nothing of its own.
        sensitivity=Sensitivity.severe if record.sensitivity is Sensitivity.severe else source.sensitivity,
        releasable_to=source.releasable_to,
        exercise=source.exercise,
        grade=source.grade if source.grade and record.grade == "F6" else record.grade,
        wkb=None,
    )
    body = encoder.encode(record)
    if _UNSAFE_BODY.search(body):
        plain = json.loads(body)
        body = encoder.encode(msgspec.convert(clean(plain), type(record)))
    digest = blake(body, record.wkb or b"")
    return Entry(
        number,
        KIND_OF_TYPE[type(record)].number,
        record.source_ref,
        digest,
        micros(record.version_time),
        micros(record.event_time),
        record.lon,
        record.lat,
        record.wkb,
        body,
    )


def _retraction(number: int, retract: Retract) -> Entry:
    body = encoder.encode(retract)
    when = micros(retract.version_time)
    return Entry(
        number, KINDS[retract.kind].number, retract.source_ref, blake(body), when, None, None, None, None, body, retracted=True
    )


def clean(value: Any) -> Any:
    """The same JSON value without control characters and bidirectional overrides (line breaks and tabs stay)."""
    if isinstance(value, str):
        return _UNSAFE_TEXT.sub("", value)
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [clean(item) for item in value]
    return value


def blake(*parts: bytes) -> int:
    """Signed 64-bit digest of what a version says (equal digests of one record mean nothing changed)."""
    hasher = hashlib.blake2b(digest_size=8)
    for part in parts:
        hasher.update(part)
    return int.from_bytes(hasher.digest(), "big", signed=True)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(moment: datetime | None) -> int | None:
    """Microseconds since 1970-01-01T00:00Z."""
    return None if moment is None else (moment - _EPOCH) // _MICROSECOND


def _short(value: object, limit: int = 120) -> str:
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    text = _UNSAFE_TEXT.sub("", text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def raw_text(row: Any) -> str:
    """The row as it came, as text, for quarantine."""
    if isinstance(row, str):
        text = row
    elif isinstance(row, bytes):
        text = row.decode("utf-8", "replace")
    elif hasattr(row, "tag") and hasattr(row, "iter"):
        from lxml import etree

        text = etree.tostring(row, encoding="unicode", with_tail=False)
    else:
        text = json.dumps(row, ensure_ascii=False, default=str, allow_nan=True)
    return text if len(text) <= RAW_LIMIT else text[:RAW_LIMIT] + f"… ({len(text):,} characters)"
