"""What TAK sends besides plain XML: protobuf messages (TAK Protocol version 1, mesh and stream) and data packages (zip).

A message is brought back into the CoT event it stands for and read as `cot` reads one; so is every .cot of a data package
with its manifest. Other files in a package (pictures, maps) are attachments of these events, and no records.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from typing import Any

from data.records import Record, Retract
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.feeds import cot
from ingest.tak_messages import MESH, STREAM, event_of, framed
from ingest.workbooks import DAMAGE, check_zip


def recognise(payload: Payload) -> int:
    head = payload.head
    if head.startswith(b"PK\x03\x04"):
        return 98 if _entries(payload) else 0  # an event that is stored as it is shows in the head of the zip too
    if head.startswith(MESH):
        return 95
    first = next(framed(head, whole=False), None) if head[:1] == bytes([STREAM]) else None
    return 90 if first and first[:1] in (b"\x0a", b"\x12") else 0


def _entries(payload: Payload) -> list[str]:
    """The names of the events in a data package; none where it is no data package."""
    try:
        with payload.open() as stream, zipfile.ZipFile(stream) as archive:
            names = archive.namelist()
            manifest = any(name.lower().endswith("manifest/manifest.xml") for name in names)
            return [name for name in names if name.lower().endswith(".cot")] if manifest else []
    except (ValueError, *DAMAGE):
        return []


def rows(payload: Payload, source: Source) -> Iterable[Any]:
    if payload.head.startswith(b"PK\x03\x04"):
        yield from _package(payload, source)
        return
    content = payload.read()
    for message in [content[3:]] if content.startswith(MESH) else framed(content):
        yield event_of(message)


def _package(payload: Payload, source: Source) -> Iterator[Any]:
    names = _entries(payload)
    if not names:
        raise ValueError(f"{payload.name} is no TAK data package: it has no MANIFEST/manifest.xml, or no .cot")
    try:
        with payload.open() as stream, zipfile.ZipFile(stream) as archive:
            check_zip(payload.name, archive)
            for name in names:
                try:
                    yield from cot.rows(Payload(name, content=archive.read(name)), source)
                except ValueError as error:
                    yield {"damaged": f"{name}: {error}"}
    except DAMAGE as error:
        raise ValueError(f"{payload.name} is a damaged or encrypted zip file: {error}") from None


def record(row: Any, context: Context) -> Record | Retract:
    if isinstance(row, dict) and "damaged" in row:
        raise Refusal("message", "is no CoT event", row["damaged"])
    return cot.record(row, context)


FEED = Feed(
    name="tak",
    title="TAK protobuf and data packages",
    kinds=("track", "incident", "report", "route"),
    formats=("bin", "zip"),
    media_types=("application/x-protobuf", "application/zip"),
    recognise=recognise,
    rows=rows,
    record=record,
)
