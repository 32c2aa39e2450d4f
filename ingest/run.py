"""From payloads to the store: whose they are, what became of every row, and what could not be read kept for mending.

`ingest` for files, `receive` for what is sent to us; both return one `Result` per payload, after a durable commit.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TypedDict

from data import health
from data.records import KINDS, Entry, Reject
from data.settings import Settings, Source
from data.store import Batch, Store, Tally
from ingest.feed import Context, Feed, Payload, micros
from ingest.feeds import all_feeds
from ingest.guard import STANDARD, Limits, Unreadable, Usage, parse_guarded
from ingest.recognise import precedence

AUTO = "auto"
NOBODYS = "unrecognised"
"""Stands for the source of a payload that no feed recognises and nobody named a source for."""
RAW_IN_STORE = 16 << 20
"""An unreadable payload up to this size lies in the store's quarantine, a larger one as a file in the home folder's."""
Progress = Callable[[str, int], None]
"""Called with a payload's name and how many of its rows have been read."""


class Misuse(ValueError):
    """A feed or source that does not exist or does not fit, in one sentence."""


class Result(TypedDict):
    """What became of one payload: read = accepted + revised + unchanged + retracted + rejected.

    `unreadable` is the sentence of a payload that could not be read as a whole (counted as one rejected row), else empty.
    """

    path: str
    feed: str
    source: str
    read: int
    accepted: int
    revised: int
    unchanged: int
    retracted: int
    rejected: int
    reasons: dict[str, int]
    revision: int
    unreadable: str


def ingest(
    store: Store,
    settings: Settings,
    payloads: Sequence[Payload],
    feed_name: str = AUTO,
    source_name: str | None = None,
    progress: Progress | None = None,
) -> list[Result]:
    """Read payloads through a feed, or each through the one that recognises it; results in the order given.

    Those that others need come first (boundaries, look-up tables). Without a source name it is the settings' only source
    of that feed, else the feed's own name. Raises `Misuse`, and what the store raises; never for what a payload holds.
    """
    named = None if feed_name == AUTO else feed_of(feed_name)
    if source_name is not None and named is not None:
        source_of(settings, named, source_name)
    chosen: list[tuple[int, int, Feed | Unreadable]] = []
    for number, payload in enumerate(payloads):
        try:
            feed, place = precedence(payload, named)
            chosen.append((place, number, feed))
        except Unreadable as error:
            chosen.append((0, number, error))
    results: dict[int, Result] = {}
    for _, number, found in sorted(chosen, key=lambda each: each[:2]):
        payload = payloads[number]
        if isinstance(found, Unreadable):
            source = source_of(settings, named, source_name)
            results[number] = _unreadable(store, settings, payload, feed_name, source, found, datetime.now(UTC))
        else:
            source = source_of(settings, found, source_name)
            results[number] = read(store, settings, payload, found, source, progress)
    health.flush(store)
    return [results[number] for number in range(len(payloads))]


def receive(
    store: Store, settings: Settings, feed_name: str, source_name: str, content: bytes, media_type: str = ""
) -> Result:
    """Read what a partner sent to us; on return it is durably in the store or in quarantine. Raises `Misuse`."""
    feed = feed_of(feed_name)
    source = source_of(settings, feed, source_name)
    payload = Payload(f"sent to {source.name}", content=content, media_type=media_type)
    return read(store, settings, payload, feed, source, limits=Limits(cpu_s=120))


def exit_code(results: Iterable[Result]) -> int:
    """Of the command line: 3 when a payload as a whole was unreadable, else 0."""
    return 3 if any(result["unreadable"] for result in results) else 0


def feed_of(name: str) -> Feed:
    """The feed of that name. Raises `Misuse`."""
    feed = all_feeds().get(name)
    if feed is None:
        raise Misuse(f"there is no feed '{name}'; there are {', '.join(all_feeds())}, or {AUTO}.")
    return feed


def source_of(settings: Settings, feed: Feed | None, name: str | None) -> Source:
    """Whose a payload of a feed is: the source of that name, else the settings' only one of the feed, else the feed's own."""
    feed_name = AUTO if feed is None else feed.name
    if name is None and feed is None:
        return Source(NOBODYS, AUTO)
    if name is None:
        of_feed = [source for source in settings.sources.values() if source.feed == feed_name]
        return of_feed[0] if len(of_feed) == 1 else settings.source(feed_name, feed_name)
    source = settings.source(name, feed_name)
    if source.feed not in (feed_name, AUTO) and feed is not None:
        raise Misuse(f"source '{name}' is read with the feed {source.feed}, not {feed_name}.")
    return source


def read(
    store: Store,
    settings: Settings,
    payload: Payload,
    feed: Feed,
    source: Source,
    progress: Progress | None = None,
    limits: Limits = STANDARD,
) -> Result:
    """Read one payload of a source into the store: all of it, or nothing of it and the payload into quarantine."""
    received = datetime.now(UTC)
    health.record_try(store, source, received)
    references = store.references(source.name) if "reference" in feed.kinds else {}
    usage = Usage()
    batches = parse_guarded(feed.name, payload, Context(source, received, references), limits, usage)
    try:
        digest = sha256(payload)
        first = list(next(batches, []))  # read ahead before the store is held
        told = _told(chain([first], batches), payload.name, usage, progress)
        tally = store.append(
            Batch(
                source.name,
                feed.name,
                printable(payload.name),
                digest,
                _us(received),
                told,
                feed.absence,
                tuple(KINDS[kind].number for kind in feed.kinds),
            )
        )
    except Unreadable as error:
        return _unreadable(store, settings, payload, feed.name, source, error, received)
    except OSError as error:
        why = Unreadable(payload.name, f"cannot be opened: {error.strerror or error}")
        return _unreadable(store, settings, payload, feed.name, source, why, received)
    except BaseException as error:
        health.record_failure(store, source, f"{type(error).__name__}: {error}", datetime.now(UTC))
        raise
    finally:
        batches.close()
    health.record_success(store, source, datetime.now(UTC), tally)
    return _result(payload, feed.name, source, tally)


def _told(
    batches: Iterable[list[Entry | Reject]], name: str, usage: Usage, progress: Progress | None
) -> Iterator[list[Entry | Reject]]:
    for batch in batches:
        if batch:
            yield batch
        if progress is not None:
            progress(name, usage.rows)


def _unreadable(
    store: Store,
    settings: Settings,
    payload: Payload,
    feed_name: str,
    source: Source,
    error: Unreadable,
    received: datetime,
) -> Result:
    """Keep a payload as it came, with the reason."""
    reject = Reject(0, "payload", f"payload: {error.reason}", str(error), _kept(settings, payload))
    name = printable(payload.name)
    tally = store.append(Batch(source.name, feed_name, name, "", _us(received), [[reject]]))
    if source.name != NOBODYS:
        health.record_failure(store, source, str(error), datetime.now(UTC))
    return {**_result(payload, feed_name, source, tally), "unreadable": str(error)}


def _kept(settings: Settings, payload: Payload) -> bytes:
    """The raw bytes for quarantine; of a large payload a file in the home folder, and here only its name."""
    try:
        size = payload.path.stat().st_size if payload.path is not None else len(payload.content or b"")
        if size <= RAW_IN_STORE:
            return payload.read()
        digest = sha256(payload)
        target = settings.home / "quarantine" / digest
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_suffix(f".{os.getpid()}.part")
            with payload.open() as stream, part.open("wb") as copy:
                while block := stream.read(1 << 20):
                    copy.write(block)
            part.replace(target)
        return KEPT_AS_FILE + digest.encode()
    except OSError:
        return b""  # what cannot be opened has no bytes to keep


KEPT_AS_FILE = b"kept in the home folder as quarantine/"


def kept_file(settings: Settings, raw: bytes) -> Path | None:
    """The file of a large payload in quarantine, or None where the raw bytes are the payload."""
    return (
        settings.home / "quarantine" / raw.removeprefix(KEPT_AS_FILE).decode() if raw.startswith(KEPT_AS_FILE) else None
    )


def _result(payload: Payload, feed_name: str, source: Source, tally: Tally) -> Result:
    return {
        "path": payload.name,
        "feed": feed_name,
        "source": source.name,
        "read": tally.read,
        "accepted": tally.accepted,
        "revised": tally.revised,
        "unchanged": tally.unchanged,
        "retracted": tally.retracted,
        "rejected": tally.rejected,
        "reasons": tally.reasons,
        "revision": tally.revision,
        "unreadable": "",
    }


def sha256(payload: Payload) -> str:
    digest = hashlib.sha256()
    with payload.open() as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def printable(name: str) -> str:
    """A payload's name as every database takes it and every page can show it."""
    return "".join(ch if ch.isprintable() else "\ufffd" for ch in name.encode("utf-8", "replace").decode())[:500]


def _us(moment: datetime) -> int:
    return micros(moment) or 0
