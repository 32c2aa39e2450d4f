"""One payload into the store: all of it or, where it cannot be read as a whole, nothing, and the payload into quarantine."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import NotRequired, TypedDict

from data import health
from data.quarantine import KEPT_AS_FILE
from data.records import KINDS, Entry, Reject
from data.settings import BadSettings, Settings, Source
from data.source_options import with_options
from data.store import Batch, Store, Tally
from ingest.feed import Context, Feed, Payload, micros
from ingest.feeds import all_feeds
from ingest.guard import STANDARD, Limits, Unreadable, Usage, parse_guarded, printable
from ingest.kept_tiles import keep_tiles
from ingest.version import feed_version

AUTO = "auto"
NOBODYS = "unrecognised"
"""Stands for the source of a payload that no feed recognises and nobody named a source for."""
RAW_IN_STORE = 16 << 20
"""An unreadable payload up to this size lies in the store's quarantine, a larger one as a file in the home folder's."""
LONGEST_NAME = 200

Progress = Callable[[str, int], None]
"""Called with a payload's name and how many of its rows have been read."""


class Misuse(BadSettings):
    """A feed or source that does not exist or does not fit, in one sentence."""


class Result(TypedDict):
    """What became of one payload: read = accepted + revised + unchanged + retracted + rejected.

    `error` is there only where the payload as a whole was unreadable (it counts as one rejected row): why.
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
    error: NotRequired[str]


def feed_of(name: str) -> Feed:
    """The feed of that name. Raises `Misuse`."""
    feed = all_feeds().get(name)
    if feed is None:
        raise Misuse(f"no feed is named '{name}'; use {AUTO}, or one of {', '.join(all_feeds())}.")
    return feed


def source_of(settings: Settings, feed: Feed | None, name: str | None, payload: Payload | None = None) -> Source:
    """Whose a payload of a feed is: the source of that name, else the settings' only one of the feed, else the feed's own
    (the list's own, by the payload's name, where the partner's keys hold within one list only).

    `feed` is None for what no feed recognised. Raises `Misuse` where the named source is read with another feed.
    """
    if name is None and feed is None:
        return Source(NOBODYS, AUTO)
    feed_name = AUTO if feed is None else feed.name
    if name is None:
        of_feed = [source for source in settings.sources.values() if source.feed == feed_name]
        if len(of_feed) == 1:
            return of_feed[0]
        if payload is None or feed is None or feed.keys == "feed":
            return settings.source(feed_name, feed_name)
        own = Path(printable(payload.name)).stem.strip("-") or feed_name
        taken = own in all_feeds() or settings.source(own, feed_name).feed != feed_name
        return settings.source(f"{own} ({feed_name})" if taken and own != feed_name else own, feed_name)
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise Misuse(f"a source's name is 1 to {LONGEST_NAME} printable characters.")
    source = settings.source(name, feed_name)
    if feed is not None and source.feed not in (feed_name, AUTO):
        raise Misuse(f"source '{name}' is read with the feed {source.feed}, not {feed_name}.")
    return source


def take_in(
    store: Store,
    settings: Settings,
    payload: Payload,
    feed: Feed,
    source: Source,
    progress: Progress | None = None,
    limits: Limits = STANDARD,
) -> Result:
    """Read one payload of a source; on return what became of it is durable, in the store or in quarantine."""
    received = datetime.now(UTC)
    try:
        keep_tiles(settings.home, feed, payload, sha256, limits)
        tally = append_payload(store, payload, feed, source, received, progress, limits)
    except Unreadable as error:
        return keep_unreadable(store, settings, payload, feed.name, source, error, received)
    except Exception as error:
        health.record_failure(store, source, f"{type(error).__name__}: {error}", datetime.now(UTC), "here")
        raise
    health.record_success(store, source, datetime.now(UTC), tally)
    return result_of(payload, feed.name, source, tally)


def append_payload(
    store: Store,
    payload: Payload,
    feed: Feed,
    source: Source,
    received: datetime,
    progress: Progress | None = None,
    limits: Limits = STANDARD,
    again: bool = False,
) -> Tally:
    """Parse in a worker and append here, batch by batch, in one transaction. Raises `Unreadable`; nothing is then kept.

    `again`: the payload lay in quarantine since `received`; what was heard since then stands.
    """
    now = datetime.now(UTC) if again else received
    source = with_options(store, source)
    references = store.references(source.name) if "reference" in feed.kinds else {}
    usage = Usage()
    batches = parse_guarded(feed.name, payload, Context(source, now, references), limits, usage)
    try:
        digest = sha256(payload)
        first = next(batches, [])  # read ahead before the store is held
        return store.append(
            Batch(
                source.name,
                feed.name,
                printable(payload.name),
                digest,
                micros(received) or 0,
                _told(chain([first], batches), payload.name, usage, progress),
                "keep" if again else feed.absence,
                tuple(KINDS[kind].number for kind in feed.kinds),
                again,
                feed_version(feed.name),
            )
        )
    finally:
        batches.close()


def keep_unreadable(
    store: Store,
    settings: Settings,
    payload: Payload,
    feed_name: str,
    source: Source,
    error: Unreadable,
    received: datetime,
) -> Result:
    """Keep a payload as it came, with the reason, where somebody will find it."""
    reject = Reject(0, "payload", f"payload: {error.reason}", str(error), _raw(settings, payload))
    name, now_us, version = printable(payload.name), micros(received) or 0, feed_version(feed_name)
    batch = Batch(source.name, feed_name, name, "", now_us, [[reject]], feed_version=version)
    tally = store.append(batch)
    if source.name != NOBODYS:
        health.record_failure(store, source, str(error), datetime.now(UTC), "payload")
    found = result_of(payload, feed_name, source, tally)
    found["error"] = str(error)
    return found


def result_of(payload: Payload, feed_name: str, source: Source, tally: Tally) -> Result:
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
    }


def kept_payload(settings: Settings, name: str, raw: bytes) -> Payload:
    """A payload as quarantine kept it: in the store, or as a file in the home folder."""
    if not raw.startswith(KEPT_AS_FILE):
        return Payload(name, content=raw)
    return Payload(name, path=_folder(settings) / Path(raw.removeprefix(KEPT_AS_FILE).decode()).name)


def sha256(payload: Payload) -> str:
    """Of the payload's bytes, hexadecimal. Raises `Unreadable` where it cannot be opened."""
    digest = hashlib.sha256()
    try:
        with payload.open() as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise Unreadable(payload.name, f"cannot be opened: {error.strerror or error}") from None
    return digest.hexdigest()


def _told(
    batches: Iterable[list[Entry | Reject]], name: str, usage: Usage, progress: Progress | None
) -> Iterator[list[Entry | Reject]]:
    for batch in batches:
        if batch:
            yield batch
        if progress is not None:
            progress(name, usage.rows)


def _raw(settings: Settings, payload: Payload) -> bytes:
    """The raw bytes for quarantine; of a large payload a file in the home folder, and here only its name."""
    try:
        size = payload.path.stat().st_size if payload.path is not None else len(payload.content or b"")
        if size <= RAW_IN_STORE:
            return payload.read()
        digest = sha256(payload)
        target = _folder(settings) / digest
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_suffix(f".{os.getpid()}.part")
            with payload.open() as stream, part.open("wb") as copy:
                while block := stream.read(1 << 20):
                    copy.write(block)
                copy.flush()
                os.fsync(copy.fileno())
            part.replace(target)
        return KEPT_AS_FILE + digest.encode()
    except (OSError, Unreadable):
        return b""  # what cannot be opened has no bytes to keep


def _folder(settings: Settings) -> Path:
    return settings.home / "quarantine"
