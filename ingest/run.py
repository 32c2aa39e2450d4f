"""The doors of ingest: `ingest` for files, `receive` for what is sent to us, `replay` after a mend, `start` for what is fetched.

Each returns one `Result` per payload once what became of it is durable, in the store or in quarantine.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from data import health
from data.settings import Settings
from data.source_options import with_options
from data.store import Store
from ingest.feed import Feed, Payload
from ingest.guard import Unreadable
from ingest.intake import AUTO, Progress, feed_of, keep_unreadable, source_of, take_in
from ingest.intake import Misuse as Misuse
from ingest.intake import Result as Result
from ingest.recognise import precedence
from ingest.replay import replay as replay
from ingest.schedule import Running
from ingest.schedule import start as start_sources
from ingest.together import PUSHED, SMALL_BYTES
from ingest.together import Intake as Intake


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
    of that feed, else the feed's own name or the list's. Raises `Misuse`, and what the store raises; never for what a
    payload holds.
    """
    named = _feed_named(store, settings, feed_name, source_name)
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
            received = datetime.now(UTC)
            results[number] = keep_unreadable(store, settings, payload, feed_name, source, found, received)
        else:
            source = source_of(settings, found, source_name, payload)
            results[number] = take_in(store, settings, payload, found, source, progress)
    health.flush(store)
    return [results[number] for number in range(len(payloads))]


def receive(
    store: Store, settings: Settings, feed_name: str, source_name: str, content: bytes, name: str = ""
) -> Result:
    """Read what a partner sent to us as this source, under a name to show (by default whose it is). Raises `Misuse`."""
    feed = _feed_named(store, settings, feed_name, source_name)
    source = source_of(settings, feed, source_name)
    payload = Payload(name or f"sent by {source.name}", content=content)
    try:
        found = feed or precedence(payload)[0]
    except Unreadable as error:
        return keep_unreadable(store, settings, payload, AUTO, source, error, datetime.now(UTC))
    return take_in(store, settings, payload, found, source_of(settings, found, source_name), limits=PUSHED)


async def receive_soon(intake: Intake, feed_name: str, source_name: str, content: bytes) -> Result:
    """As `receive`, with whatever else is sent at the moment. Raises `Misuse`, and `asyncio.QueueFull` where too much waits."""
    if feed_name == AUTO or len(content) > SMALL_BYTES:
        return await intake.alone(partial(receive, intake.store, intake.settings, feed_name, source_name, content))
    feed = feed_of(feed_name)
    source = source_of(intake.settings, feed, source_name)
    return await intake.take_in(Payload(f"sent by {source.name}", content=content), feed, source)


def start(store: Store, settings: Settings) -> Running:
    """Begin to fetch from, watch and listen to every source that has an address. Raises `BadSettings`."""
    return start_sources(store, settings, lambda payloads, source: ingest(store, settings, payloads, AUTO, source.name))


def _feed_named(store: Store, settings: Settings, feed_name: str, source_name: str | None) -> Feed | None:
    """The feed that is asked for, or that is known of this source; None where the content is to tell."""
    if feed_name == AUTO and source_name:
        feed_name = with_options(store, settings.source(source_name, AUTO)).feed
    feed = None if feed_name == AUTO else feed_of(feed_name)
    source_of(settings, feed, source_name)
    return feed
