"""Keeping at it: every source with an address has a thread that asks, watches or listens, and none of them gives up.

    https://…   polled at the expected interval, later and later while it fails (an hour at most, or the interval)
    folder:…    or an absolute path: files that appear or change in a folder
    tcp://…     a port that TAK clients connect to (Cursor on Target)
    tls://…     the same for clients that show a certificate (`secrets/<source>.crt`, `.key`, `.ca`)
    mqtt://…    a subscription at an MQTT broker; mqtts:// over TLS

A failure is logged once when it begins and once when it is over; how a source is doing stands in `data.health`.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from data import health
from data.settings import BadSettings, Settings, Source
from data.source_options import with_options
from data.store import Store
from data.tls import BadKeys, Keys, keys_of
from ingest import guard, watch
from ingest.feed import Payload
from ingest.feeds import all_feeds
from ingest.fetch import ONE_EACH, TIMEOUTS, Unheard, Unread, fetch, secret_headers
from ingest.guard import printable
from ingest.intake import AUTO, Result, keep_unreadable, take_in
from ingest.links import Followed, follow
from ingest.recognise import recognise
from ingest.together import Intake

log = logging.getLogger(__name__)

USUAL_EVERY_S = 900.0
"""For a polled source that does not say how often it is to be heard."""
LONGEST_BACKOFF_S = 3_600.0
LOOK_EVERY_S = 1.0
"""Into a watched folder."""
LONGEST_DEAF_S = 15.0
"""Between two tries to open a port."""
STOP_S = 5.0

Read = Callable[[Sequence[Payload], Source], list[Result]]
Turn = Callable[[], float]
"""One try; gives how long to wait at least until the next. Raises `Unheard` where it failed."""


@dataclass
class Running:
    """What `start` set going; `stop` ends it, and what was read by then is stored."""

    store: Store
    stopping: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def stop(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(STOP_S)
        health.flush(self.store)


def start(store: Store, settings: Settings, read: Read) -> Running:
    """Begin to fetch from every source that has an address; `read` takes the files of a watched folder.

    Raises `BadSettings` for a source whose feed or address cannot be used.
    """
    running = Running(store)
    loops = []
    for source in settings.sources.values():
        if source.feed != AUTO and source.feed not in all_feeds():
            raise BadSettings(
                f"source '{source.name}' has the feed '{source.feed}'; use {AUTO}, or one of {', '.join(all_feeds())}."
            )
        if source.address:
            try:
                loops.append((source, _loop(running, settings, source, read)))
            except BadKeys as error:
                raise BadSettings(f"source '{source.name}': {error}") from None
    guard.warm_up()
    for source, loop in loops:
        thread = threading.Thread(target=loop, name=f"source {source.name}", daemon=True)
        running.threads.append(thread)
        thread.start()
    return running


def _loop(running: Running, settings: Settings, source: Source, read: Read) -> Callable[[], None]:
    parts = urlsplit(source.address)
    if parts.scheme in ("http", "https") and parts.hostname:
        turn = _poll(running.store, settings, source)
        return partial(_keep_at, running, source, turn, source.expected_every_s or USUAL_EVERY_S)
    if parts.scheme == "folder" or (not parts.scheme and source.address.startswith(("/", "~"))):
        folder = Path(source.address.removeprefix("folder:")).expanduser()
        turn = _look(running.store, source, settings.home / folder, read)
        return partial(_keep_at, running, source, turn, LOOK_EVERY_S)
    if parts.scheme in ("tcp", "tls") and parts.hostname and parts.port is not None:
        keys = keys_of(settings.home, source.name) if parts.scheme == "tls" else None
        return partial(_keep_listening, running, settings, source, parts.hostname, parts.port, keys)
    if parts.scheme in ("mqtt", "mqtts"):
        from ingest.mqtt_listener import place_of
        from ingest.mqtt_source import keep_subscribed

        place_of(source)
        return partial(keep_subscribed, running, settings, source)
    raise BadSettings(
        f"source '{source.name}' has the address '{source.address}'; "
        "use https://…, folder:/…, mqtt://HOST/TOPIC/#, tcp://HOST:PORT or tls://HOST:PORT."
    )


def _keep_at(
    running: Running, source: Source, turn: Turn, every_s: float, longest_s: float = LONGEST_BACKOFF_S
) -> None:
    """One turn after another until stopping; after failures no later than `longest_s` (or the interval)."""
    failures = 0
    wait_s = _first_wait(running.store, source, every_s)
    while not running.stopping.wait(wait_s):
        try:
            least_s = turn()
        except Exception as error:  # noqa: BLE001 (whatever it is, the next turn may succeed)
            least_s = error.retry_after_s if isinstance(error, Unheard) else 0.0
            broken(running.store, source, error, first=not failures)
            failures += 1
        else:
            if failures:
                log.info("source %s is heard again", source.name)
            failures = 0
        wait_s = max(min(backoff(every_s, failures), max(longest_s, every_s)), least_s)


def backoff(every_s: float, failures: int) -> float:
    """Seconds until the next try: never sooner than expected; after failures twice as long each time, up to an hour."""
    later = min(every_s * 2.0 ** min(failures, 32), LONGEST_BACKOFF_S)
    return max(every_s, later) * random.uniform(1.0, 1.1)  # noqa: S311 (so that many sources do not ask at one instant)


def _first_wait(store: Store, source: Source, every_s: float) -> float:
    """A restart does not ask sooner than the last process would have."""
    tried = health.last_tried(store, source.name)
    if every_s <= LOOK_EVERY_S or tried is None:
        return random.uniform(0.0, min(1.0, every_s))  # noqa: S311
    return min(max((tried - datetime.now(UTC)).total_seconds() + every_s, 0.0), every_s)


def broken(store: Store, source: Source, error: Exception, first: bool) -> None:
    """Write down that a source is not heard, and why; said in the log the `first` time."""
    sentence = str(error) if isinstance(error, Unheard) else f"{type(error).__name__}: {error}"
    if first:
        log.warning("source %s is not heard: %s", source.name, sentence)
    if isinstance(error, Unread):
        return
    try:
        health.record_failure(
            store, source, sentence, datetime.now(UTC), "unreachable" if isinstance(error, Unheard) else "here"
        )
    except Exception as trouble:  # noqa: BLE001 (the database may be what is broken)
        log.error("the state of source %s cannot be written: %s", source.name, trouble)


# -------------------- polling


def _poll(store: Store, settings: Settings, source: Source) -> Turn:
    client = httpx.Client(timeout=TIMEOUTS, limits=ONE_EACH)
    # Names of payloads are shown to people; a key in the address is not for them.
    shown = printable(str(httpx.URL(source.address).copy_with(query=None, userinfo=b"")))

    def turn() -> float:
        health.record_try(store, source, datetime.now(UTC))
        secrets = secret_headers(settings.home, source.name)
        known = _remembered(store, source)
        with fetch(client, source.address, known, secrets, settings.home / "incoming") as answer:
            if answer.path is None:
                health.record_success(store, source, datetime.now(UTC))
                return 0.0
            payload = Payload(shown, path=answer.path, media_type=answer.media_type)
            found = _follow(client, store, settings, payload, source, known.get("links", {}))
            result = _taken_in(store, settings, payload, _with_links(source, found))
        if "error" in result:
            raise Unread(result["error"])
        # A list whose links are not all read is asked for again whole.
        _remember(store, source, {**(answer.validators if found.complete else {}), "links": found.memory})
        if found.tried and len(found.failures) == found.tried:
            raise Unheard(f"{found.tried} linked from {shown} could not be fetched; the first {found.failures[0]}")
        return 0.0

    return turn


def _follow(
    client: httpx.Client, store: Store, settings: Settings, payload: Payload, source: Source, known: Mapping[str, str]
) -> Followed:
    """Take in what the payload only names, if its feed tells."""
    try:
        feed = recognise(payload) if source.feed == AUTO else all_feeds()[source.feed]
        links = guard.links_of(feed.name, payload) if feed.links else []
    except guard.Unreadable:
        return Followed({}, {})  # what is wrong with it is said when it is read
    secrets = secret_headers(settings.home, source.name)

    def read(link: str) -> Result:
        try:
            address = httpx.URL(source.address).join(link)
        except httpx.InvalidURL as error:
            raise Unheard(f"is no address: {error}.") from None
        with fetch(client, str(address), {}, secrets, settings.home / "incoming", source.address) as answer:
            name = printable(str(address.copy_with(query=None, userinfo=b"")))
            linked = Payload(name, path=answer.path, media_type=answer.media_type)
            return take_in(store, settings, linked, feed, source)

    return follow(links, known, read)


def _with_links(source: Source, found: Followed) -> Source:
    return replace(source, options={**source.options, "links": found.fate}) if found.fate else source


def _taken_in(store: Store, settings: Settings, payload: Payload, source: Source) -> Result:
    try:
        feed = recognise(payload) if source.feed == AUTO else all_feeds()[source.feed]
    except guard.Unreadable as error:
        return keep_unreadable(store, settings, payload, AUTO, source, error, datetime.now(UTC))
    return take_in(store, settings, payload, feed, source)


def _remembered(store: Store, source: Source) -> dict[str, Any]:
    """What is remembered of a source, as long as it is read and marked as it was: else all of it is to be read anew."""
    known = health.validators(store, source.name)
    return known if known.pop("of", None) == _digest(store, source) else {}


def _remember(store: Store, source: Source, what: dict[str, Any]) -> None:
    health.record_success(store, source, datetime.now(UTC), validators={**what, "of": _digest(store, source)})


def _digest(store: Store, source: Source) -> str:
    return hashlib.blake2b(repr(with_options(store, source)).encode("utf-8", "replace"), digest_size=8).hexdigest()


# -------------------- watching


def _look(store: Store, source: Source, path: Path, read: Read) -> Turn:
    folder = watch.folder_of(path, _remembered(store, source).get("files", {}))
    missing, read_as = False, _digest(store, source)

    def turn() -> float:
        nonlocal folder, missing, read_as
        if (now_as := _digest(store, source)) != read_as:
            folder, read_as = watch.folder_of(path, {}), now_as  # every file anew
        try:
            payloads = folder.ready()
        except OSError as error:
            missing = True
            raise Unheard(f"the folder {path} cannot be listed: {error.strerror or error}.") from None
        if missing:
            missing = False
            health.record_reachable(store, source, datetime.now(UTC))
        if payloads:
            results = read(payloads, source)
            for payload in payloads:
                folder.done(payload)
            health.record_validators(store, source, {"files": folder.memory(), "of": _digest(store, source)})
            if faults := [result["error"] for result in results if "error" in result]:
                log.warning("source %s: %s", source.name, "; ".join(faults))
        return 0.0

    return turn


# -------------------- listening


def _keep_listening(
    running: Running, settings: Settings, source: Source, host: str, port: int, keys: Keys | None
) -> None:
    def turn() -> float:
        asyncio.run(_listen(running, settings, source, host, port, keys))
        return 0.0

    # A port that is taken or a certificate that is missing is soon mended by a person, who then waits.
    _keep_at(running, source, turn, LOOK_EVERY_S, LONGEST_DEAF_S)


async def _listen(
    running: Running, settings: Settings, source: Source, host: str, port: int, keys: Keys | None
) -> None:
    """Listen until stopping. Raises `Unheard` where the port cannot be had, or its certificates cannot be used."""
    from ingest.cot_listener import PLAIN, listening
    from ingest.tls_door import telling, tls_server

    feed = all_feeds()[source.feed]
    intake = Intake(running.store, settings)

    async def deliver(content: bytes) -> None:
        payload = Payload(source.address, content=content)
        await intake.take_in(payload, feed, source)

    opened = PLAIN
    if keys is not None:
        refused = telling(source.name, partial(health.record_refused, running.store, source))
        opened = partial(tls_server, keys=keys, refused=refused)
    try:
        async with listening(host, port, deliver, opened):
            health.record_reachable(running.store, source, datetime.now(UTC))
            await asyncio.to_thread(running.stopping.wait)
    except BadKeys as error:
        raise Unheard(str(error)) from None
    except OSError as error:
        raise Unheard(f"{source.address} cannot be listened on: {error.strerror or error}.") from None
