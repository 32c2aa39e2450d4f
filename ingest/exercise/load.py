"""Loads the exercise into an empty home, through the same feeds as any other source, and keeps it playing while the app runs."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from data import health
from data.seal import HEADS
from data.settings import Settings, load
from data.store import Store, open_store
from ingest.exercise.generate import write
from ingest.exercise.plan import write_plan
from ingest.exercise.player import TICK_S, play
from ingest.exercise.register import write_register
from ingest.exercise.settings import settings_toml
from ingest.exercise.watchkeeping import write_watch
from ingest.feed import Payload
from ingest.guard import Unreadable
from ingest.intake import append_payload, feed_of, source_of
from ingest.run import receive

SEED = 7
STATE = "exercise/state.json"
SAVE_EVERY = 12
"""Ticks between notes of how far the exercise was played; what is played twice changes nothing."""
log = logging.getLogger(__name__)


class CannotLoad(ValueError):
    """Why the exercise is not loaded, in one sentence."""


def load_exercise(
    settings: Settings, fresh: bool = False, progress: Callable[[str, int], None] | None = None
) -> Iterator[str]:
    """Load the exercise where the home is empty; one line per payload. Where it is loaded already nothing happens.

    `fresh` puts an exercise that is there aside (its files are renamed, nothing is deleted). Raises `CannotLoad` where the
    home holds anything else: an invented country has no place among real reports.
    """
    store = open_store(settings.database_url)
    held = store.revision()
    if held and settings.mission.exercise and (settings.home / STATE).exists() and not fresh:
        store.close()
        yield f"the exercise is loaded in {settings.home} (revision {held:,})"
        return
    if held and not settings.mission.exercise:
        store.close()
        raise CannotLoad(f"{settings.home} holds other data; set COMMONGROUND_HOME to a new folder for the exercise.")
    if held:
        store.close()
        yield _put_aside(settings)
        store = open_store(settings.database_url)
    try:
        yield from _load(store, settings, progress)
    finally:
        store.close()


def _load(store: Store, settings: Settings, progress: Callable[[str, int], None] | None) -> Iterator[str]:
    now = datetime.now(UTC).replace(microsecond=0)
    file = settings.home / "commonground.toml"
    if file.exists() and file.read_text(encoding="utf-8") != settings_toml():
        raise CannotLoad(f"{file} describes another mission; set COMMONGROUND_HOME to a new folder for the exercise.")
    settings.home.mkdir(parents=True, exist_ok=True)
    file.write_text(settings_toml(), encoding="utf-8")
    settings = load({"COMMONGROUND_HOME": str(settings.home), "COMMONGROUND_DATABASE_URL": settings.database_url})
    yield "writing the exercise's files"
    for each in write(settings.home / "exercise", now, SEED):
        feed = feed_of(each.feed)
        source = source_of(settings, feed, each.source)
        payload = Payload(each.path.name, path=each.path)
        try:
            tally = append_payload(store, payload, feed, source, each.heard, progress)
        except Unreadable as error:
            raise CannotLoad(f"the exercise's own file cannot be read: {error}.") from error
        health.record_success(store, source, each.heard, tally)
        yield f"{each.path.name}: {tally.accepted + tally.revised:,} records" + (
            f", {tally.rejected:,} rejected" if tally.rejected else ""
        )
    yield f"objectives, assessments and risks: {write_plan(store, now, SEED):,} records"
    yield f"contacts of the agencies: {write_register(store, now, SEED):,} records"
    yield f"what the watch did: {write_watch(store, settings, now, SEED):,} records"
    health.flush(store)
    _save(settings.home, now, now)


def _put_aside(settings: Settings) -> str:
    if not settings.database_url.startswith("sqlite:///"):
        raise CannotLoad("--fresh puts files aside; on a database server, name a new database instead.")
    database = Path(settings.database_url.removeprefix("sqlite:///"))
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    files = [database.with_name(database.name + suffix) for suffix in ("", "-wal", "-shm")]
    for file in (*files, settings.home / HEADS):
        if file.exists():
            file.rename(file.with_name(f"{file.name}.{stamp}"))
    return f"put the exercise that was there aside as {database.name}.{stamp}"


def _save(home: Path, started: datetime, played: datetime) -> None:
    part = home / (STATE + ".part")
    part.write_text(json.dumps({"seed": SEED, "started": started.isoformat(), "played": played.isoformat()}))
    part.replace(home / STATE)


@dataclass(frozen=True)
class Playing:
    """The exercise in motion; `stop` returns once the message at hand is durable."""

    _ended: threading.Event
    _thread: threading.Thread

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(timeout=30)


def start_playing(store: Store, settings: Settings) -> Playing | None:
    """Keep sending new payloads in a thread of its own; None where no exercise is loaded."""
    file = settings.home / STATE
    if not settings.mission.exercise or not file.exists():
        return None
    state = json.loads(file.read_text())
    started, played = (datetime.fromisoformat(state[name]) for name in ("started", "played"))
    ended = threading.Event()
    thread = threading.Thread(
        target=_play, args=(store, settings, started, played, ended), name="exercise", daemon=True
    )
    thread.start()
    return Playing(ended, thread)


def _play(store: Store, settings: Settings, started: datetime, played: datetime, ended: threading.Event) -> None:
    ticks = 0
    while not ended.is_set():
        until = datetime.now(UTC)
        for message in play(SEED, started, played, until):
            if ended.is_set():
                return
            receive(store, settings, message.feed, message.source, message.content, message.name)
        played = until
        ticks += 1
        if ticks % SAVE_EVERY == 0:
            _save(settings.home, started, played - timedelta(seconds=TICK_S))
        ended.wait(TICK_S)
