"""Readings of records that are to be logged: who read which ids, by which clause, gathered and written within a second.

Noting never waits for the database. What cannot be written yet is kept and tried again. One person reading one record again
within five minutes (an open page that is kept up to date) is one reading.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from data import audit
from data.store import Store

WRITE_EVERY_S = 1.0
AGAIN_S = 300.0
IDS_PER_ENTRY = 200
REMEMBERED = 200_000
"""Readings kept in memory; past that the oldest is forgotten, and logged again when it is made again."""
log = logging.getLogger(__name__)


class Reading(NamedTuple):
    who: str
    act: str
    collection: str
    clause: str


class Readings:
    """Start with `start`, end with `stop`, which writes what is left. Safe to use from many threads."""

    def __init__(self, store: Store, write_every_s: float = WRITE_EVERY_S) -> None:
        self._store = store
        self._write_every_s = write_every_s
        self._lock = threading.Lock()
        self._waiting: dict[Reading, dict[str, None]] = {}
        self._read: dict[tuple[Reading, str], float] = {}
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def note(self, who: str, act: str, collection: str, ids: Iterable[str], clause: str) -> None:
        """Somebody read these records of a collection: `act` is "read" or "export"."""
        reading, now = Reading(who, act, collection, clause), time.monotonic()
        with self._lock:
            for identity in ids:
                if now - self._read.get((reading, identity), -AGAIN_S) >= AGAIN_S:
                    self._read.pop((reading, identity), None)
                    self._read[(reading, identity)] = now
                    self._waiting.setdefault(reading, {})[identity] = None
            while len(self._read) > REMEMBERED:
                del self._read[next(iter(self._read))]

    def flush(self) -> None:
        """Write what was noted: one short transaction."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        if not waiting:
            return
        try:
            with self._store.transaction() as connection:
                for reading, ids in waiting.items():
                    listed = list(ids)
                    for start in range(0, len(listed), IDS_PER_ENTRY):
                        told: dict[str, audit.Value] = {"ids": listed[start : start + IDS_PER_ENTRY]}
                        audit.append(connection, reading.act, reading.who, reading.collection, reading.clause, told)
        except SQLAlchemyError:
            with self._lock:
                for reading, ids in waiting.items():
                    self._waiting.setdefault(reading, {}).update(ids)
            raise

    def start(self) -> None:
        """Begin to write what is noted."""
        self._thread = threading.Thread(target=self._run, name="readings", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what is left and end."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def _run(self) -> None:
        broken = False
        while not self._stopping.wait(self._write_every_s):
            try:
                self.flush()
                broken = False
            except SQLAlchemyError:
                if not broken:
                    log.exception("Readings cannot be written to the audit log; trying again every second.")
                broken = True
