"""Server-sent events: every open page learns of a new revision, and of nothing that its viewer may not see.

One thread waits for commits, brings the picture up to date and makes one message per viewer; the event loop only hands them
out. A page that cannot keep up is told to reload rather than fed from an ever longer queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from dashboard.answer import Refused, encode, refusal
from dashboard.api import summary
from dashboard.kpi import listed
from dashboard.services import Services
from dashboard.walls import Turn
from data.access import Viewer
from data.columns import NO_TIME
from data.records import KINDS, Severity
from data.seen import Rows, Seen

STATUS_EVERY_S = 15.0
PING_EVERY_S = 10.0
QUEUED = 64
"""Messages a page may lag behind."""
PAGES = 1_000
RESUME_REVISIONS = 10_000
CRITICAL_SHOWN = 20
CRITICAL_AGE = timedelta(days=7)
"""A critical item older than this is news to the record, not to the watch: it is counted, and does not ring."""
AT_MOST_EVERY_S = 0.05
WAIT_S = 2.0
"""How long one wait for a commit lasts; ending takes no longer."""
RELOAD = b"event: reload\ndata: {}\n\n"
PING = b": still here\n\n"
log = logging.getLogger(__name__)


@dataclass(eq=False)
class Page:
    """One open connection."""

    viewer: Viewer
    loop: asyncio.AbstractEventLoop
    queue: asyncio.Queue[bytes | None]
    known: int
    """The revision it was last told of: its viewer's, which stands still while nothing of theirs changes."""

    def put(self, event: bytes | None) -> None:
        """From the loop's own thread."""
        if event is None or self.queue.full():
            while not self.queue.empty():
                self.queue.get_nowait()
            event = event and RELOAD
        self.queue.put_nowait(event)


@dataclass
class Hub:
    """The thread that keeps the picture up to date, and the pages that listen."""

    services: Services
    status_every_s: float = STATUS_EVERY_S
    ping_every_s: float = PING_EVERY_S
    wait_s: float = WAIT_S
    queued: int = QUEUED
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    _pages: set[Page] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)
    _told: int = 0

    def start(self) -> None:
        """Begin to listen; once is enough."""
        with self._lock:
            if self._thread is None:
                self._stopping.clear()
                self._told = self.services.picture.revision
                if self.tell_wall not in self.services.walls.followers:
                    self.services.walls.followers.append(self.tell_wall)
                self._thread = threading.Thread(target=self._run, name="live", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End every stream and the thread."""
        self._stopping.set()
        with self._lock:
            thread, self._thread = self._thread, None
            pages = list(self._pages)
        for page in pages:
            self._end(page)
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=5)

    def _end(self, page: Page) -> None:
        with contextlib.suppress(RuntimeError):  # its loop has ended before us
            page.loop.call_soon_threadsafe(page.put, None)

    def enter(self, viewer: Viewer) -> Page:
        """A new connection, in the running event loop. Raises `Refused`."""
        known = self.services.picture.seen_by(viewer).revision
        page = Page(viewer, asyncio.get_running_loop(), asyncio.Queue(self.queued), known)
        with self._lock:
            if len(self._pages) >= PAGES:
                raise Refused(503, f"{PAGES} pages are listening already; close some of them.", Retry_After="30")
            self._pages.add(page)
        return page

    def leave(self, page: Page) -> None:
        with self._lock:
            self._pages.discard(page)

    def _run(self) -> None:
        broken = False
        next_status = time.monotonic() + self.status_every_s
        while not self._stopping.is_set():
            try:
                picture = self.services.picture
                self.services.wait(picture.revision, max(0.05, min(self.wait_s, next_status - time.monotonic())))
                picture.catch_up()
                if picture.revision > self._told:
                    self._told = picture.revision
                    self._tell_news()
                    self._stopping.wait(AT_MOST_EVERY_S)
                if time.monotonic() >= next_status:
                    next_status = time.monotonic() + self.status_every_s
                    self._tell_status()
                if broken:
                    log.warning("The database answers again.")
                broken = False
            except Exception:
                # Pages keep what they have and see its age; one line when it breaks, one when it recovers.
                if not broken:
                    log.exception("Pages cannot be brought up to date; trying again every second.")
                broken = True
                self._stopping.wait(1.0)

    def _tell_news(self) -> None:
        """One message for all pages of a viewer that know the same revision: mostly one for all there are.

        A page whose viewer's own account or display was changed is let go: it comes back as whoever it then is.
        """
        made: dict[tuple[Viewer, int], tuple[int, bytes]] = {}
        told = self.services.picture.sharing.told
        sending = []
        for page in self._listening():
            names = (each.name for each in (page.viewer, page.viewer.looking) if each is not None)
            if any(told.get(name, 0) > page.known for name in names):
                self._end(page)
                continue
            key = (page.viewer, page.known)
            if key not in made:
                made[key] = news(self.services, *key)
            page.known, event = made[key]
            sending.append((page, event))
        _send(sending)

    def _tell_status(self) -> None:
        pages = self._listening()
        made = {viewer: self.status(viewer) for viewer in {page.viewer for page in pages}}
        _send([(page, made[page.viewer]) for page in pages])

    def tell_wall(self, name: str, turn: Turn) -> None:
        """An order to a wall, at once."""
        told = message("wall", {"scene": turn.scene, "held": turn.held, "since": turn.since})
        _send([(page, told) for page in self._listening() if page.viewer.name == name])

    def _listening(self) -> list[Page]:
        with self._lock:
            return list(self._pages)

    def hello(self, page: Page) -> bytes:
        told = {"revision": page.known, "server_started": self.started, "interval_s": self.status_every_s}
        return message("hello", told, page.known)

    def status(self, viewer: Viewer) -> bytes:
        return message("status", summary(self.services, viewer, self.services.picture.seen_by(viewer)))


def _send(sending: Sequence[tuple[Page, bytes]]) -> None:
    """Hand events to the event loops of their pages; an empty one is none."""
    of_loop: dict[asyncio.AbstractEventLoop, list[tuple[Page, bytes]]] = {}
    for page, event in sending:
        if event:
            of_loop.setdefault(page.loop, []).append((page, event))
    for loop, parts in of_loop.items():
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_put_all, parts)


def _put_all(sending: Sequence[tuple[Page, bytes]]) -> None:
    for page, event in sending:
        page.put(event)


def message(event: str, data: Any, revision: int | None = None) -> bytes:
    """One server-sent event (WHATWG HTML, 9.2)."""
    head = b"" if revision is None else f"id: {revision}\n".encode()
    return head + f"event: {event}\ndata: ".encode() + encode(data) + b"\n\n"


def stream(hub: Hub, viewer: Viewer, last: str | None, still: Callable[[], bool] = lambda: True) -> Response:
    """The stream of one page. `last` is the last event id it has, if any. It ends when the viewer is no longer `still` who
    they were: a session has run out. Raises `Refused`.
    """
    hub.start()
    page = hub.enter(viewer)
    return StreamingResponse(
        _events(hub, page, last, still),
        media_type="text/event-stream",
        headers={"Cache-Control": "private, no-store", "X-Accel-Buffering": "no"},
    )


async def _events(hub: Hub, page: Page, last: str | None, still: Callable[[], bool]) -> AsyncIterator[bytes]:
    try:
        yield hub.hello(page)
        if last:
            known, missed = await asyncio.to_thread(resume, hub.services, page.viewer, last)
            page.known = max(page.known, known)
            if missed:
                yield missed
        yield await asyncio.to_thread(hub.status, page.viewer)
        asked = time.monotonic()
        while True:
            try:
                event = await asyncio.wait_for(page.queue.get(), hub.ping_every_s)
            except TimeoutError:
                event = PING
            if event is None:
                return
            if time.monotonic() - asked >= hub.ping_every_s:
                asked = time.monotonic()
                if not await asyncio.to_thread(still):
                    return
            yield event
    finally:
        hub.leave(page)


def resume(services: Services, viewer: Viewer, last: str) -> tuple[int, bytes]:
    """What a page that knows revision `last` has missed, and up to which revision; `reload` where that cannot be told."""
    revision = services.picture.seen_by(viewer).revision
    if not last.isascii() or not last.isdigit() or len(last) > 15 or not 0 <= revision - int(last) <= RESUME_REVISIONS:
        return revision, RELOAD
    return news(services, viewer, int(last))


def news(services: Services, viewer: Viewer, since: int) -> tuple[int, bytes]:
    """The event of everything after revision `since`, for one viewer, and up to which revision that is.

    The event is empty where none of it is theirs to know: their revision has not moved then.
    """
    seen = services.picture.seen_by(viewer)
    if seen.revision <= since:
        return max(since, seen.revision), b""
    shared = seen.sharing.told_to(viewer) > since
    kinds, critical = [], []
    for name in seen.tables:
        fresh, gone = seen.moved(name, since)
        if len(fresh) or gone or shared:  # another sharing may have shown or withdrawn anything
            kinds.append(KINDS[name].collection)
        critical += _ringing(seen, name, fresh, since)
    critical.sort(key=lambda item: item["t"], reverse=True)
    told = {"revision": seen.revision, "kinds": kinds, "critical": critical[:CRITICAL_SHOWN]}
    return seen.revision, message("revision", told, seen.revision)


def _ringing(seen: Seen, kind: str, fresh: Rows, since: int) -> list[dict[str, Any]]:
    """Of the new rows those that are critical, recent, and were not critical before."""
    severity, times = seen.column(kind, "severity"), seen.column(kind, "time")
    oldest = int((seen.now - CRITICAL_AGE).timestamp() * 1e6)
    fresh = fresh[(severity[fresh] == Severity.critical) & (times[fresh] != NO_TIME) & (times[fresh] >= oldest)]
    fresh = seen.newest(kind, fresh, CRITICAL_SHOWN)
    ids, begin = seen.column(kind, "id"), seen.column(kind, "rev_from")
    allowed = seen.released.allowed(kind, len(ids))
    new = []
    for row in fresh:
        earlier = np.flatnonzero((ids == ids[row]) if allowed is None else (ids == ids[row]) & allowed)
        earlier = earlier[begin[earlier] <= since]
        if not (severity[earlier] == Severity.critical).any():
            new.append(int(row))
    return [listed(seen, item) for item in seen.items(kind, new)]


def _is_still(services: Services, request: Request, viewer: Viewer) -> bool:
    try:
        return services.viewer(request) == viewer
    except Refused:
        return False


def endpoint(hub: Hub) -> Any:
    """`GET /live`."""

    async def live(request: Request) -> Response:
        last = request.headers.get("last-event-id") or request.query_params.get("last_event_id")
        try:
            viewer = await asyncio.to_thread(hub.services.viewer, request)
            return stream(hub, viewer, last, lambda: _is_still(hub.services, request, viewer))
        except Refused as error:
            return refusal(error)

    return live
