"""The feed frame: a feed is a frozen value of plain functions; the frame counts, catches and quarantines.

An author writes `rows` (payload -> rows, whatever shape suits) and `record` (one row -> one record). Both are pure,
neither handles errors: a row that cannot be read raises `Refusal` (or ValueError, KeyError, TypeError) and becomes a
`Reject` with its raw text and reason, and the next row is read. `rows` raising means the payload as a whole is
unreadable.
"""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, Literal

import msgspec

from data.marks import raised
from data.records import KIND_OF_TYPE, KINDS, Entry, Record, Reject, Retract, blake, encoder
from data.settings import Source as Source
from ingest.origin import origin
from ingest.raw import NotEnough, TableRow, raw_text, row_of

HEAD_BYTES = 65_536
BATCH_ROWS = 5_000
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
OBSERVED_KINDS = frozenset({"incident", "report", "supply", "feedback", "track", "imagery"})
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
    """One file or message as it came: a path, or bytes in memory. `name` is shown to people, never trusted."""

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
class Context:
    """What `record` may know besides its row."""

    source: Source
    received_at: datetime
    references: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    """(table, source_ref) -> attributes of `Reference` rows this source sent before or earlier in this payload."""

    @cached_property
    def latest(self) -> datetime:
        """The last moment any time may name: a century from now."""
        return self.received_at + timedelta(days=36_525)

    @cached_property
    def latest_observed(self) -> datetime:
        """The last moment at which anything may have been seen: now, and what zones and clocks can be wrong by."""
        return self.received_at + FUTURE_TOLERANCE

    def look_up(self, table: str, ref: str, field_name: str) -> Mapping[str, Any]:
        """The row of a look-up table that `field_name` points to; where it is missing, a refusal says what to load."""
        found = self.references.get((table, ref))
        if found is None:
            raise Refusal(field_name, f"is not in {table}; load {table} of this source, then replay", ref)
        return found


@dataclass(frozen=True)
class Feed:
    """One format. `recognise` gives 0 (not mine) to 100 (surely mine) from content alone, cheaply (`payload.head`)."""

    name: str
    title: str
    kinds: tuple[str, ...]
    formats: tuple[str, ...]
    media_types: tuple[str, ...]
    recognise: Callable[[Payload], int]
    rows: Callable[[Payload, Source], Iterable[Any]]
    record: Callable[[Any, Context], Record | Retract]
    absence: Literal["keep", "retract"] = "keep"
    """Whether what a payload no longer lists is kept, or was taken back (the feed always sends its whole state)."""
    keys: Literal["feed", "list"] = "feed"
    """How far the partner's keys reach: they mean one thing wherever the format is used, or only within one list of theirs
    (row 7 of two facility lists are two sites). Lists that nobody named a source for are sources of their own."""
    precedence: Callable[[Payload], int] = lambda payload: 0
    """Of several payloads at once the lower is read first (boundaries before incidents, look-ups before stock)."""
    tiles: Callable[[Payload], Iterator[tuple[int, int, int, bytes]]] | None = None
    """The pictures in a payload: zoom, column, row from the north, and the image. Kept under the payload's SHA-256."""
    links: Callable[[Payload], Iterable[tuple[str, str]]] | None = None
    """Addresses of payloads that this one only names, each with what moves when it changes there. A source that is polled
    fetches them (`ingest.links`); this one is then read with what became of them in `options.links` of its source."""
    messages: Literal["alone", "together"] = "alone"
    """Of messages that come one by one (MQTT): each is a payload of its own, or all that wait are one, a JSON object a line with
    the `topic` each came under and the `message` itself as text."""


def parse(
    feed: Feed, payload: Payload, context: Context, most_rows: int | None = None
) -> Iterator[list[Entry | Reject]]:
    """Read a payload in batches of `BATCH_ROWS`; every row comes out exactly once, as `Entry` or as `Reject`.

    `most_rows`: only so many from its beginning.

    Each row is read before the next is asked for, so `rows` may clear or reuse behind itself what it has given out.
    Raises whatever `feed.rows` raises: the payload as a whole is then unreadable from there on.
    """
    references = dict(context.references)
    known = Context(context.source, context.received_at, MappingProxyType(references))
    numbered = enumerate(islice(feed.rows(payload, context.source), most_rows), start=1)
    origin.begin()
    alone = partial(_alone, feed, payload.name, known, {})
    while batch := [
        origin.trace(_read(feed, number, row, known, references), alone) for number, row in islice(numbered, BATCH_ROWS)
    ]:
        yield batch


def reread(feed: Feed, name: str, raws: Iterable[bytes], context: Context) -> Iterator[list[Entry | Reject]]:
    """Read rows again from their raw form in quarantine, after a mend; numbered from 1, each comes out at least once.

    `name` is of the payload they came in. A row of a table is a table of its own now, of which a feed may make several rows.
    """
    references = dict(context.references)
    known = Context(context.source, context.received_at, MappingProxyType(references))
    for number, raw in enumerate(raws, start=1):
        yield _reread(feed, name, number, raw, known, references)


def _reread(
    feed: Feed,
    name: str,
    number: int,
    raw: bytes,
    context: Context,
    references: dict[tuple[str, str], Mapping[str, Any]],
) -> list[Entry | Reject]:
    try:
        row = row_of(raw)
        if not isinstance(row, TableRow):
            return [_read(feed, number, row, context, references)]
        found = _alone(feed, name, context, references, row)
        if not found:
            raise NotEnough("nothing is read of it")
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 (as in `_read`: the others are still read)
        why = str(error) if isinstance(error, NotEnough) else f"cannot be read as {feed.name}: {_short(error, 300)}"
        return [Reject(number, "row", f"row: {why}", f"row {number}: {why}", raw)]
    kept = raw_text(row)
    return [
        item._replace(row=number, raw=kept) if isinstance(item, Reject) else item._replace(row=number) for item in found
    ]


def _alone(
    feed: Feed, name: str, context: Context, references: dict[tuple[str, str], Mapping[str, Any]], row: TableRow
) -> list[Entry | Reject]:
    """What is read of one row of a table, as a table of its own. Raises whatever `feed.rows` raises."""
    rows = feed.rows(Payload(name, content=row.csv()), context.source)
    return [_read(feed, number, each, context, references) for number, each in enumerate(rows, start=1)]


def _read(
    feed: Feed, number: int, row: Any, context: Context, references: dict[tuple[str, str], Mapping[str, Any]]
) -> Entry | Reject:
    try:
        record = feed.record(row, context)
        if isinstance(record, Retract):
            return _retraction(number, record, context)
        _check(record, context)
        parsed = _mark(number, record, context.source)
        if record.__class__ is REFERENCE:
            references[(record.table, record.source_ref)] = record.attributes  # type: ignore[attr-defined]
        return parsed
    except Refusal as refusal:
        field_name = _short(refusal.field)  # a partner's heading may be the name of the field
        reason = f"{field_name}: {_short(refusal.reason, 300)}"
        detail = f"row {number}, {reason}" + ("" if refusal.value is None else f" (it says {_short(refusal.value)})")
        return Reject(number, field_name, reason, detail, raw_text(row))
    except KeyError as error:
        missing = _short(error.args[0] if error.args else "?")
        reason = f"{missing}: is missing"
        return Reject(number, missing, reason, f"row {number}, {reason}", raw_text(row))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 (whatever a library makes of one row, the others are still read)
        reason = f"row: cannot be read as {feed.name} ({type(error).__name__})"
        return Reject(number, "row", reason, f"row {number}, {reason}: {_short(error)}", raw_text(row))


REFERENCE = KINDS["reference"].type
OBSERVED = frozenset(KINDS[name].type for name in OBSERVED_KINDS)
GRADES = frozenset(source + information for source in "ABCDEF" for information in "123456")


def _check(record: Record, context: Context) -> None:
    """What holds for every record of every feed."""
    if not record.source_ref:
        raise Refusal("source_ref", "is empty; every row needs the source's own key")
    lon, lat = record.lon, record.lat
    if lon is not None and lat is not None:
        if not (-180.0 <= lon <= 180.0 and -90.0 <= lat <= 90.0):  # NaN is within nothing
            finite = math.isfinite(lon) and math.isfinite(lat)
            raise Refusal(
                "lon/lat", "is outside -180..180, -90..90 degrees" if finite else "is not a number", (lon, lat)
            )
        box = context.source.bbox
        if box and not _inside(lon, lat, box) and _inside(lat, lon, box):
            raise Refusal(
                "lon/lat", "looks swapped: it lies in this source's area only the other way round", (lon, lat)
            )
    elif lon is not None or lat is not None:
        raise Refusal("lon/lat", "one of the two is missing", (lon, lat))
    if record.event_time is not None:
        _check_time("event_time", record.event_time, context)
        if record.event_time > context.latest_observed and type(record) in OBSERVED:
            raise Refusal("event_time", "is in the future", record.event_time)
    if record.version_time is not None:
        _check_time("version_time", record.version_time, context)
    if record.grade not in GRADES:
        raise Refusal("grade", "is not an Admiralty grade A-F with 1-6", record.grade)


def _check_time(name: str, moment: datetime, context: Context) -> None:
    if moment.tzinfo is None:
        raise Refusal(name, "has no time zone", moment)
    if not EARLIEST <= moment <= context.latest:
        raise Refusal(name, "is not in 1900 to a century from now", moment)


def _inside(lon: float, lat: float, box: tuple[float, float, float, float]) -> bool:
    return box[0] <= lon <= box[2] and box[1] <= lat <= box[3]


# Control characters, and the bidirectional overrides that make text show as what it is not (Trojan Source).
_UNSAFE_BODY = re.compile(
    rb"\\[bf]|\\u00[01][0-9a-f]|\x7f|\xe2\x80[\x8e\x8f\xaa-\xae]|\xe2\x81[\xa6-\xa9]|\xef\xbb\xbf"
)
_UNSAFE_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def _mark(number: int, record: Record, source: Source) -> Entry:
    """Put the source's marks on a record, raised by what it says of itself, and bring it into stored form."""
    wkb = record.wkb
    mark = source if record.own is None else raised(source.mark(KIND_OF_TYPE[type(record)].collection), record.own)
    marked = msgspec.structs.replace(
        record,
        source=source.name,
        agency=mark.agency,
        sensitivity=mark.sensitivity,
        releasable_to=mark.releasable_to,
        exercise=source.exercise,
        grade=source.grade if source.grade and record.grade == "F6" else record.grade,
        wkb=None,
    )
    body = encoder.encode(marked)
    # Most bodies are ASCII without an escape or DEL, which is told far faster than by the pattern.
    if not (body.isascii() and b"\\" not in body and b"\x7f" not in body) and _UNSAFE_BODY.search(body):
        marked = msgspec.convert(clean(json.loads(body)), type(record))
        body = encoder.encode(marked)
        if not marked.source_ref:
            raise Refusal("source_ref", "has no visible character; every row needs the source's own key")
    return Entry(
        number,
        KIND_OF_TYPE[type(record)].number,
        marked.source_ref,
        blake(body, wkb or b""),
        micros(record.version_time),
        micros(record.event_time),
        record.lon,
        record.lat,
        wkb,
        body,
    )


def _retraction(number: int, retract: Retract, context: Context) -> Entry:
    retract = msgspec.structs.replace(retract, source_ref=clean(retract.source_ref), reason=clean(retract.reason))
    if not retract.source_ref:
        raise Refusal("source_ref", "is empty; what is taken back must be named by the source's own key")
    if retract.version_time is not None:
        _check_time("version_time", retract.version_time, context)
    body = encoder.encode(retract)
    when = micros(retract.version_time)
    return Entry(
        number,
        KINDS[retract.kind].number,
        retract.source_ref,
        blake(body),
        when,
        None,
        None,
        None,
        None,
        body,
        retracted=True,
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


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(moment: datetime | None) -> int | None:
    """Microseconds since 1970-01-01T00:00Z."""
    return None if moment is None else (moment - _EPOCH) // _MICROSECOND


def _short(value: object, limit: int = 120) -> str:
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    text = _UNSAFE_TEXT.sub("", text)
    return text if len(text) <= limit else text[: limit - 1] + "…"
