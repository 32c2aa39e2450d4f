"""A picture of given records, through the real store."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import msgspec

from data.picture import Picture
from data.records import KIND_OF_TYPE, Entry, Record, Sensitivity, encoder
from data.store import Batch, Store, open_store

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CHUNK = 5000


def picture_of(folder: Path, records: Iterable[Record], source: str = "test", agency: str = "us") -> Picture:
    """A picture that knows these records, all marked as low and this agency's own unless they say otherwise."""
    picture = Picture(open_store(f"sqlite:///{folder / 'commonground.sqlite'}"))
    add(picture, records, source, agency)
    return picture


def add(picture: Picture, records: Iterable[Record], source: str = "test", agency: str = "us") -> None:
    store: Store = picture._store
    marked = (
        msgspec.structs.replace(
            record,
            source=source,
            agency=record.agency or agency,
            sensitivity=record.sensitivity if record.agency else Sensitivity.low,
        )
        for record in records
    )
    received = int((datetime.now(UTC) - EPOCH).total_seconds() * 1e6)
    store.append(Batch(source, "test", "-", "", received, chunks(marked)))
    picture.catch_up()


def chunks(records: Iterator[Record]) -> Iterator[Sequence[Entry]]:
    row = 0
    while chunk := list(islice(records, CHUNK)):
        yield [entry(row + number, record) for number, record in enumerate(chunk, start=1)]
        row += len(chunk)


def entry(row: int, record: Record) -> Entry:
    """A record as the frame of the feeds hands it to the store."""
    body = encoder.encode(msgspec.structs.replace(record, wkb=None))
    digest = hashlib.blake2b(body + (record.wkb or b""), digest_size=8).digest()
    return Entry(
        row,
        KIND_OF_TYPE[type(record)].number,
        record.source_ref,
        int.from_bytes(digest, "big", signed=True),
        micros(record.version_time),
        micros(record.event_time),
        record.lon,
        record.lat,
        record.wkb,
        body,
    )


def micros(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - EPOCH) // timedelta(microseconds=1)
