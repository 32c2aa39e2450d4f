"""Keeping a TAK server's map as one viewer may see the picture: sent, renewed, and taken back, one thread for each server.

Twice a second what the viewer may see and take out is compared with what stands on their map. What is new or changed is sent,
what is gone is deleted: retracted, revised out of the filter, no longer released, or not to be exported. What stands there is
written down before it is sent and deletions are said again after a lost connection, for TAK acknowledges nothing.

It reads the picture and writes the log of exports; it never waits for whoever ingests, and nobody waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dashboard.outgoing import cot
from dashboard.outgoing.board import OutState, board_of, write_state
from data.access import Decision, Viewer
from data.columns import NO_TIME
from data.outputs import CotOut
from data.picture import Picture
from data.records import COLLECTIONS, KINDS
from data.seen import Seen, public_id
from data.tls import BadKeys, client_context, keys_of

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
WHOLE_EVERY_S = 2.0
"""A window moves and a track goes stale with nothing committed."""
PING_EVERY_S = 20.0
SILENT_S = 90.0
"""A server that has answered before and says nothing for so long is gone."""
CONNECT_S = 10.0
SEND_S = 20.0
CHUNK = 500
LONGEST_PAUSE_S = 60.0
HELD_S = 60.0
"""A connection that lasted so long was a good one: the next try comes soon."""
STOP_S = 5.0
STATE_EVERY_S = 5.0

Note = Callable[[str, str, str, Iterable[str], str], None]
"""(who, act, collection, ids, clause), as `data.readings.Readings.note`."""


class Lost(OSError):
    """The connection cannot be used any more: why, in one sentence."""


class Place(NamedTuple):
    """A record that may stand on their map: which row, and what of it would be sent."""

    kind: str
    row: int
    says: tuple[Any, ...]
    """Version, terms and mark: another one is sent anew."""


class Found(NamedTuple):
    """What a look came to."""

    seen: Seen | None
    """None where there is nobody whose view is sent."""
    fit: dict[str, Place]
    """What their map is to show, by uid."""
    stay: frozenset[str]
    """What may stand there until it goes stale by itself: old tracks."""
    now: datetime


class Sent(NamedTuple):
    says: tuple[Any, ...]
    at: float


@dataclass
class Sending:
    """`start` and `stop`. `viewer` gives whose view is sent as of now, and raises LookupError where there is nobody: then
    everything is taken back."""

    out: CotOut
    home: Path
    picture: Picture
    viewer: Callable[[], Viewer]
    note: Note
    titles: dict[str, str]
    """Source -> its title."""
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __post_init__(self) -> None:
        self._board = board_of(self.home, self.out.name)
        self._sent: dict[str, Sent] = {}
        """On this connection."""
        self._noted: dict[str, tuple[Any, ...]] = {}
        self._again: dict[str, tuple[str, float]] = {}
        """Deletions that a lost connection may have swallowed."""
        self._looked: tuple[int, Viewer | None, Sequence[Decision] | None] | None = None
        self._looked_at = 0.0
        self._heard = 0.0
        self._state = OutState(self.out.name, self.out.address, self.out.viewer, shown=len(self._board.shown))
        self._written = self._state
        self._trouble = ""
        self._nobody = ""

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name=f"cot_out {self.out.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(STOP_S)

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                asyncio.run(self._connection())
            except Exception as error:  # noqa: BLE001 (whatever it is, the next try may succeed)
                failures = 1 if time.monotonic() - began >= HELD_S else failures + 1
                self._failed(_sentence(error), first=self._state.state != "failed")
            pause = min(2.0 ** min(failures - 1, 6), LONGEST_PAUSE_S) if failures else 0.0
            self._pause(pause * random.uniform(0.8, 1.2))  # noqa: S311 (so that many do not knock at one instant)
        self._told(replace(self._state, state="stopped", since=_moment()), force=True)

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._stopping.wait(max(min(until - time.monotonic(), STATE_EVERY_S), 0.0)):
            self._told(self._state)
            if time.monotonic() >= until:
                return

    async def _connection(self) -> None:
        """One connection, until stopping or until it fails."""
        reader, writer = await self._connect()
        listening = asyncio.create_task(self._listen(reader))
        try:
            log.info("%s: connected to %s", self.out.name, self.out.address)
            self._told(replace(self._state, state="connected", since=_moment(), last_error=""), force=True)
            self._begin_anew()
            pinged = 0.0
            while not self._stopping.is_set():
                now = time.monotonic()
                if now - pinged >= PING_EVERY_S:
                    pinged = now
                    await self._write(writer, [cot.ping(self.out.name, datetime.now(UTC))])
                await self._write(writer, await asyncio.to_thread(self._news))
                self._told(self._state)
                await asyncio.wait([listening], timeout=LOOK_EVERY_S)
                if listening.done():
                    raise listening.exception() or Lost("the server closed the connection.")
                if self._heard and now - self._heard > SILENT_S:
                    raise Lost(f"the server has said nothing for {SILENT_S:.0f} s, and used to answer.")
        finally:
            listening.cancel()
            writer.close()
            with suppress(Exception):
                await asyncio.wait_for(writer.wait_closed(), 1.0)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        out = self.out
        context = client_context(keys_of(self.home, out.name)) if out.tls else None
        named = (out.server_name or out.host) if out.tls else None
        async with asyncio.timeout(CONNECT_S):
            return await asyncio.open_connection(out.host, out.port, ssl=context, server_hostname=named)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """What others send there is not for us; it is read so that it does not stand in the way."""
        self._heard = 0.0
        while await reader.read(65_536):
            self._heard = time.monotonic()

    async def _write(self, writer: asyncio.StreamWriter, events: list[bytes]) -> None:
        for start in range(0, len(events), CHUNK):
            writer.writelines(events[start : start + CHUNK])
            try:
                await asyncio.wait_for(writer.drain(), SEND_S)
            except TimeoutError:
                raise Lost(f"the server has taken nothing for {SEND_S:.0f} s.") from None

    def _begin_anew(self) -> None:
        """Nobody knows what arrived of what was said last: everything is said again, deletions too."""
        self._sent = {}
        self._looked = None
        self._board.forget(time.time() - self.out.stale_s)
        self._again = dict(self._board.gone)

    def _news(self) -> list[bytes]:
        """What is to be sent now. Where the picture cannot be read nothing is, and their map goes stale; what is to be taken
        back goes out even where nothing else can."""
        deleted: list[bytes] = []
        try:
            found = self._compared()
            if found is None:
                return []
            deleted = self._taken_back(found)
            said = self._said(found)
        except Exception as error:
            if not self._trouble:
                log.exception("%s: the picture cannot be sent; trying again.", self.out.name)
            self._trouble = f"{type(error).__name__}: {error}"
            self._state = replace(self._state, last_error=self._trouble)
            self._looked = None
            return deleted
        if self._trouble:
            self._trouble = ""
            self._state = replace(self._state, last_error="")
        return deleted + said

    def _compared(self) -> Found | None:
        """What their map is to show; None where nothing can have moved."""
        self.picture.catch_up()
        now, ticks = datetime.now(UTC), time.monotonic()
        viewer, nobody = None, ""
        try:
            viewer = self.viewer()
        except LookupError as error:
            nobody = str(error.args[0])
        seen = None if viewer is None else self.picture.seen_by(viewer)
        decisions = None if seen is None else seen.decisions  # another object when one of them is decided otherwise
        if self._looked is not None and ticks - self._looked_at < WHOLE_EVERY_S:
            revision, as_whom, decided = self._looked
            if revision == self.picture.revision and as_whom == viewer and decided is decisions:
                return None
        self._looked, self._looked_at = (self.picture.revision, viewer, decisions), ticks
        if nobody != self._nobody:
            log.warning(
                "%s: %s", self.out.name, f"{nobody} Everything is taken back." if nobody else "somebody is there."
            )
            self._nobody = nobody
            self._state = replace(self._state, last_error=nobody)
        return Found(None, {}, frozenset(), now) if seen is None else self._fit(seen, now)

    def _fit(self, seen: Seen, now: datetime) -> Found:
        """The newest of what may be sent."""
        found: list[tuple[int, str, int]] = []
        stay: set[str] = set()
        count, now_us = 0, int(now.timestamp() * 1e6)
        for collection in self.out.collections:
            kind = COLLECTIONS[collection].name
            rows = seen.exportable(kind, seen.rows(kind, self.out.filters))
            rows = rows[np.isfinite(seen.column(kind, "lon")[rows])]
            if kind == "track":
                times, stale = seen.column(kind, "time")[rows], seen.column(kind, "stale")[rows]
                usual = np.where(times != NO_TIME, times, 0) + int(cot.TRACK_FRESH.total_seconds() * 1e6)
                old = np.where(stale != NO_TIME, stale, usual) <= now_us
                stay.update(cot.uid_of(number) for number in seen.column(kind, "id")[rows[old]].tolist())
                rows = rows[~old]
            count += len(rows)
            rows = seen.newest(kind, rows, self.out.most)
            found += [(when, kind, row) for when, row in zip(seen.column(kind, "time")[rows], rows, strict=True)]
        found.sort(key=lambda each: -each[0])
        self._state = replace(self._state, left_out=max(count - self.out.most, 0))
        fit = {}
        for _, kind, row in found[: self.out.most]:
            mark = int(seen.column(kind, "mark")[row])
            says = (int(seen.column(kind, "seq")[row]), seen.terms(kind, row), seen.marks[mark])
            fit[cot.uid_of(int(seen.column(kind, "id")[row]))] = Place(kind, int(row), says)
        return Found(seen, fit, frozenset(stay), now)

    def _taken_back(self, found: Found) -> list[bytes]:
        board, unix = self._board, time.time()
        gone = [uid for uid in board.shown if uid not in found.fit and uid not in found.stay]
        for uid in gone:
            self._again[uid] = board.gone[uid] = (board.shown.pop(uid), unix)
            self._sent.pop(uid, None)
            self._noted.pop(uid, None)
        deleted = [cot.deletion(uid, kind, found.now) for uid, (kind, _) in self._again.items() if uid not in found.fit]
        self._again = {}
        self._state = replace(self._state, shown=len(board.shown), deleted=self._state.deleted + len(gone))
        if gone:
            board.forget(unix - self.out.stale_s)
            try:
                board.save()
            except OSError as error:  # a full disk is no reason to leave it there
                log.warning("%s: what stands on their map cannot be written down: %s", self.out.name, error)
        return deleted

    def _said(self, found: Found) -> list[bytes]:
        """The events of what is new, changed or to be renewed. Where the board cannot be written first, nothing is said."""
        if found.seen is None:
            return []
        ticks, board = time.monotonic(), self._board
        due = {uid: place for uid, place in found.fit.items() if self._due(uid, place, ticks)}
        made = self._events(found.seen, due, found.now)
        if added := {uid: kind for uid, kind, _ in made if board.shown.get(uid) != kind}:
            board.shown.update(added)
            board.gone = {uid: told for uid, told in board.gone.items() if uid not in added}
            board.save()
        self._sent.update({uid: Sent(place.says, ticks) for uid, place in due.items()})
        self._state = replace(self._state, shown=len(board.shown), sent=self._state.sent + len(made))
        return [event for _, _, event in made]

    def _due(self, uid: str, place: Place, ticks: float) -> bool:
        last = self._sent.get(uid)
        if last is None or last.says != place.says:
            return True
        # A track stands as long as its source said; everything else until it is not renewed.
        return place.kind != "track" and ticks - last.at >= self.out.stale_s / 3

    def _events(self, seen: Seen, due: dict[str, Place], now: datetime) -> list[tuple[str, str, bytes]]:
        """(uid, CoT type, event) of each; noted as exported, but for what is only renewed."""
        made: list[tuple[str, str, bytes]] = []
        noted: dict[tuple[str, str], list[str]] = {}
        stale = timedelta(seconds=self.out.stale_s)
        for kind in {place.kind for place in due.values()}:
            rows = [place.row for place in due.values() if place.kind == kind]
            for start in range(0, len(rows), CHUNK):
                for item in seen.items(kind, rows[start : start + CHUNK]):
                    title = self.titles.get(item.record.source, item.record.source)
                    uid, told = cot.uid_of(item.id), seen.terms(kind, item.row)
                    made.append((uid, cot.cot_type(item), cot.event(item, told.precision, title, now, stale)))
                    if self._noted.get(uid) != due[uid].says:
                        self._noted[uid] = due[uid].says
                        clause = f"{seen.why(item).clause}; as {self.out.viewer}"
                        noted.setdefault((KINDS[kind].collection, clause), []).append(public_id(item.id))
        for (collection, clause), ids in noted.items():
            self.note(f"cot_out {self.out.name}", "export", collection, ids, clause)
        return made

    def _failed(self, sentence: str, first: bool) -> None:
        if first:
            log.warning("%s: %s cannot be sent to: %s", self.out.name, self.out.address, sentence)
        if self._state.state != "failed":
            self._state = replace(self._state, state="failed", since=_moment())
        self._told(replace(self._state, last_error=sentence), force=True)

    def _told(self, state: OutState, force: bool = False) -> None:
        """Write the state where `status` reads it: when it is another one, and now and then to say that it still is."""
        self._state = state
        age = time.time() - state.written
        if force or age >= STATE_EVERY_S or (age >= 1.0 and replace(state, written=0.0, sent=0) != self._written):
            self._written = replace(state, written=0.0, sent=0)
            self._state = replace(state, written=time.time())
            try:
                write_state(self.home, self._state)
            except OSError as error:
                log.warning("%s: its state cannot be written: %s", self.out.name, error)


def _sentence(error: BaseException) -> str:
    if isinstance(error, (BadKeys, Lost)):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate does not hold: {error.verify_message}."
    if isinstance(error, TimeoutError):
        return f"no answer within {CONNECT_S:.0f} s."
    if isinstance(error, OSError):
        return f"cannot be reached: {os.strerror(error.errno) if error.errno and error.errno > 0 else error}."
    return f"{type(error).__name__}: {error}"


def _moment() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
