"""The process that reads payloads: asked over a pipe, answers over a pipe, and never trusted by the one that asks.

What comes back is MessagePack of plain values, which cannot run anything in the process that reads it. Frames are a kind, a
length and a body:

    .  ready, warm                       B  a batch: entries, rejects
    S  scores of recognition             E  the payload as a whole cannot be read: why
    D  done: most memory this process ever held, bytes
    T  the tables of a payload: columns, examples, what they seem to be
    I  images: zoom, column, row, bytes
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pickle
import re
import signal
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import msgspec

from data.records import Entry, Reject
from ingest import fence
from ingest.feed import Context, Feed, Payload, clean, parse, reread
from ingest.feeds import all_feeds
from ingest.outline import outline

HEADER = struct.Struct("!cQ")
FRAME_BYTES = 1 << 20
"""About what one frame holds; a frame is never split within a row."""

MOST_LINKS = 10_000
WEB_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL
)

WireReject = tuple[int, str, str, str, bytes, int]
Scores = list[tuple[str, int, int]]
"""Feed, how surely it is the payload's (0-100), and the payload's precedence by that feed."""


class Whole(ValueError):
    """Why a payload is unreadable whatever the feed, as what follows its name."""


@dataclass(frozen=True)
class Job:
    """One question. `feed` is empty where the payload is to be recognised by every feed; only parsing has a context."""

    task: Literal["parse", "reread", "recognise", "links", "outline", "tiles"]
    feed: str
    payload: Payload
    context: Context | None
    memory_bytes: int
    cpu_s: int
    raws: tuple[bytes, ...] = ()
    """Rows in quarantine, to be read again."""
    most_rows: int | None = None
    """Of a payload to be parsed, only so many from its beginning."""


def main() -> None:
    """Answer jobs until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is for the parent, who ends this process
    asked, answers = os.dup(0), os.dup(1)
    os.dup2(2, 1)  # whatever a library prints must not stand among the frames
    os.set_blocking(2, False)
    fence.alone()
    feeds = all_feeds()
    _warm()
    here = Path(__file__).resolve().parent
    fence.raise_fence((here, here.parent / "data"))
    gc.freeze()
    _send(answers, b".", b"")
    while jobs := _receive(asked):
        for job in jobs:
            try:
                fence.allow(job.payload.path, job.memory_bytes, job.cpu_s)
                for kind, body in _answer(feeds, job):
                    _send(answers, kind, body)
            except MemoryError:
                _send(answers, b"E", b"memory")
                return
            except RecursionError:
                _send(answers, b"E", b"is nested too deeply")
            except Exception as error:  # noqa: BLE001 (whatever a library makes of a payload, the next is still read)
                _send(answers, b"E", _sentence(job, error).encode("utf-8", "replace"))


def _warm() -> None:
    """Import what feeds import late, so that the first payload does not pay for it."""
    for name in ("defusedxml.ElementTree", "lxml.etree", "openpyxl", "python_calamine", "shapely", "xlrd", "zoneinfo"):
        importlib.import_module(name)


def _answer(feeds: Mapping[str, Feed], job: Job) -> Iterator[tuple[bytes, bytes]]:
    if job.task != "reread":
        _look(job.payload)
    if job.task == "outline":
        yield b"T", msgspec.msgpack.encode(outline(job.payload))
        return
    if job.task == "tiles":
        yield from _images(feeds[job.feed], job.payload)
        return
    if job.task == "links":
        links = feeds[job.feed].links
        yield b"K", msgspec.msgpack.encode(list(islice(links(job.payload), MOST_LINKS)) if links else [])
        return
    if job.context is None:
        wanted = [feeds[job.feed]] if job.feed else feeds.values()
        yield b"S", msgspec.msgpack.encode([_score(feed, job.payload) for feed in wanted])
        return
    feed = feeds[job.feed]
    batches = (
        reread(feed, job.payload.name, job.raws, job.context)
        if job.task == "reread"
        else parse(feed, job.payload, job.context, job.most_rows)
    )
    for batch in batches:
        yield from _frames(batch)
    yield b"D", msgspec.msgpack.encode(fence.most_held())


def _look(payload: Payload) -> None:
    """Raise `Whole` for what is no payload of any feed."""
    if not payload.head:
        raise Whole("is empty")
    if WEB_PAGE.match(payload.head):
        title = re.search(rb"<title[^>]*>([^<]{0,200})", payload.head, re.IGNORECASE)
        named = clean(" ".join(title[1].decode("utf-8", "replace").split())) if title else ""
        raise Whole("is a web page, not data" + (f" (its title is “{named[:80]}”)" if named else ""))


def _score(feed: Feed, payload: Payload) -> tuple[str, int, int]:
    try:
        return feed.name, int(feed.recognise(payload)), int(feed.precedence(payload))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 (a feed that stumbles over a payload does not recognise it)
        return feed.name, 0, 0


def _frames(batch: Sequence[Entry | Reject]) -> Iterator[tuple[bytes, bytes]]:
    """The batch in pieces of about `FRAME_BYTES`, so that one never has to be held whole on the other side."""
    entries: list[Entry] = []
    rejects: list[WireReject] = []
    size = 0
    for item in batch:
        if isinstance(item, Entry):
            entries.append(item)
            size += len(item.body) + len(item.wkb or b"")
        else:
            raw = item.raw if isinstance(item.raw, bytes) else item.raw.encode("utf-8", "surrogatepass")
            rejects.append((item.row, _text(item.field), _text(item.reason), _text(item.detail), raw, item.answers))
            size += len(raw)
        if size >= FRAME_BYTES:
            yield b"B", msgspec.msgpack.encode((entries, rejects))
            entries, rejects, size = [], [], 0
    if entries or rejects:
        yield b"B", msgspec.msgpack.encode((entries, rejects))


def _images(feed: Feed, payload: Payload) -> Iterator[tuple[bytes, bytes]]:
    batch: list[tuple[int, int, int, bytes]] = []
    size = 0
    for tile in feed.tiles(payload) if feed.tiles else ():
        batch.append(tile)
        size += len(tile[3])
        if size >= FRAME_BYTES:
            yield b"I", msgspec.msgpack.encode(batch)
            batch, size = [], 0
    yield b"I", msgspec.msgpack.encode(batch)
    yield b"D", msgspec.msgpack.encode(fence.most_held())


def _text(value: str) -> str:
    """Text that every database takes: no lone surrogates, no NUL."""
    return value.encode("utf-8", "replace").decode().replace("\0", "")


def _sentence(job: Job, error: Exception) -> str:
    """Why a payload cannot be read, as what follows its name, and without it, so that equal reasons count together."""
    if isinstance(error, Whole):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be opened: {error.strerror}"
    if isinstance(error, json.JSONDecodeError):
        error = ValueError(f"it is not JSON (line {error.lineno}, column {error.colno}: {error.msg})")
    own_name = rf"(?<!\w){re.escape(job.payload.name)}(?!\w)"
    told = re.sub(own_name, "it", " ".join(clean(str(error)).split()))
    told = told if len(told) <= 300 else told[:299] + "…"
    if not isinstance(error, ValueError) or not told:
        told = f"{type(error).__name__}: {told}".rstrip(": ")
    return f"cannot be read as {job.feed}: {told}" if job.feed else told


def _receive(source: int) -> tuple[Job, ...]:
    header = _exactly(source, HEADER.size)
    if not header:
        return ()
    jobs: tuple[Job, ...] = pickle.loads(  # noqa: S301 (from the process that started it)
        _exactly(source, HEADER.unpack(header)[1])
    )
    return jobs


def _exactly(source: int, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = os.read(source, min(size - len(parts), 1 << 20))
        if not part:
            return b""
        parts += part
    return bytes(parts)


def _send(target: int, kind: bytes, body: bytes) -> None:
    view = memoryview(HEADER.pack(kind, len(body)) + body)
    while view:
        view = view[os.write(target, view) :]
