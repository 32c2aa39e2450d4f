"""Reading payloads in guarded processes, so that whatever a payload does to its reader is one sentence here.

Workers are warm and stay (`ingest.worker`, fenced by `ingest.fence`); one that dies, hangs or passes a limit is ended and
replaced. Parsing there and storing here overlap, batch by batch.
"""

from __future__ import annotations

import atexit
import os
import pickle
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from data.records import Entry, Reject
from ingest.feed import Context, Payload
from ingest.fence import ENVIRONMENT
from ingest.outline import Sheet
from ingest.worker import HEADER, Job, Scores, WireReject

GIB = 1 << 30
START_S = 120.0
"""A worker imports numpy, shapely and lxml; on a busy small machine that has taken half a minute."""
MOST_WORKERS = 4
KEPT_WARM = 2
WORN_BYTES = GIB // 2
"""A worker that has held more than this is not used again: memory it freed may not have gone back to the system."""
LARGEST_FRAME = GIB // 4
AHEAD_BYTES = 32 << 20
"""How much is read ahead before storing begins: a payload no larger holds the store for its writing only, not its reading."""
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Limits:
    """What one payload may ask for while it is read."""

    memory_bytes: int = 2 * GIB
    cpu_s: int = 900
    silent_s: float = 60.0
    """Between one batch and the next."""
    rows: int = 20_000_000


STANDARD = Limits()
LOOKING = Limits(silent_s=20.0)


class Unreadable(ValueError):
    """A payload as a whole cannot be read. `reason` is the sentence without the payload's name."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{printable(name)} {reason}")
        self.reason = reason


def printable(name: str) -> str:
    """A payload's name as every database takes it and every page can show it."""
    return "".join(ch if ch.isprintable() else "\ufffd" for ch in name.encode("utf-8", "replace").decode())[:500]


@dataclass
class Usage:
    """Filled while a payload is read; by it the reading can be ended from another thread."""

    rows: int = 0
    worker_bytes: int = 0
    """The most memory the worker ever held."""
    stopped: bool = False
    _worker: _Worker | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def stop(self) -> None:
        """End the worker that reads; whoever waits for its rows is told `Unreadable`."""
        with self._lock:
            self.stopped = True
            if self._worker is not None:
                self._worker.process.kill()

    @contextmanager
    def held_by(self, worker: _Worker) -> Iterator[None]:
        with self._lock:
            self._worker = worker
        try:
            yield
        finally:
            with self._lock:
                self._worker = None


def parse_guarded(
    feed_name: str,
    payload: Payload,
    context: Context,
    limits: Limits = STANDARD,
    usage: Usage | None = None,
    most_rows: int | None = None,
) -> Generator[list[Entry | Reject]]:
    """What `ingest.feed.parse` gives, read in a worker: the next batches are parsed while the last is being stored.

    Asked for the first batch it reads `AHEAD_BYTES` ahead; ask for it before the store is held. Raises `Unreadable`.
    """
    job = Job("parse", feed_name, payload, context, limits.memory_bytes, limits.cpu_s, most_rows=most_rows)
    return _batches(job, limits, usage or Usage())


def reread_guarded(
    feed_name: str, payload: Payload, raws: Sequence[bytes], context: Context, limits: Limits = STANDARD
) -> Generator[list[Entry | Reject]]:
    """What `ingest.feed.reread` gives for rows in quarantine, read in a worker. Raises `Unreadable`."""
    job = Job("reread", feed_name, payload, context, limits.memory_bytes, limits.cpu_s, tuple(raws))
    return _batches(job, limits, Usage())


def _batches(job: Job, limits: Limits, usage: Usage) -> Generator[list[Entry | Reject]]:
    name = job.payload.name
    with _worker() as worker, usage.held_by(worker):
        if usage.stopped:
            raise Unreadable(name, "is no longer asked for")
        worker.ask(job)
        with _read_ahead(worker, name, f"being read as {job.feed}", limits, usage) as frames:
            for body in frames:
                entries, rejects = _BATCH.decode(body)
                usage.rows += len(entries) + len(rejects)
                if usage.rows > limits.rows:
                    raise Unreadable(name, f"has more than {limits.rows:,} rows; send it in parts")
                yield [*entries, *map(Reject._make, rejects)]
        worker.done(usage.worker_bytes)


def parse_several(asked: Sequence[tuple[str, Payload, Context]], limits: Limits) -> list[list[Entry | Reject] | None]:
    """What `ingest.feed.parse` gives for small payloads, each with its feed, read one after another in one turn of a worker.

    None for one that cannot be read; where that was the end of the worker, or it had more rows than `limits` allow, it is the
    last: those behind it were not looked at.
    """
    found: list[list[Entry | Reject] | None] = []
    held = 0
    with _worker() as worker:
        worker.ask(
            *(Job("parse", feed, load, context, limits.memory_bytes, limits.cpu_s) for feed, load, context in asked)
        )
        for feed_name, payload, _ in asked:
            items: list[Entry | Reject] = []
            try:
                while (frame := worker.frame(payload.name, f"being read as {feed_name}", limits))[0] != b"D":
                    entries, rejects = _BATCH.decode(frame[1])
                    items += [*entries, *map(Reject._make, rejects)]
                    if len(items) > limits.rows:
                        return [*found, None]
                held = msgspec.msgpack.decode(frame[1], type=int)
                found.append(items)
            except Unreadable:
                found.append(None)
                if not worker.reusable:
                    return found
                worker.reusable = False
        worker.done(held)
    return found


@contextmanager
def _read_ahead(worker: _Worker, name: str, as_what: str, limits: Limits, usage: Usage) -> Iterator[Iterator[bytes]]:
    """The batches of an answer, taken from the worker by a thread while those before are being stored.

    No more than `AHEAD_BYTES` (and one batch) wait here; the first is given once that much has come, or all of it.
    """
    ahead: deque[bytes] = deque()
    held, over = 0, False
    error: Exception | None = None
    moved = threading.Condition()

    def room() -> bool:
        return held < AHEAD_BYTES or over

    def read() -> None:
        nonlocal held, over, error
        try:
            while (frame := worker.frame(name, as_what, limits))[0] != b"D":
                with moved:
                    ahead.append(frame[1])
                    held += len(frame[1])
                    moved.notify_all()
                    moved.wait_for(room)
                    if over:
                        return
            usage.worker_bytes = msgspec.msgpack.decode(frame[1], type=int)
        except Exception as reason:  # noqa: BLE001 - raised again where the frames are used
            error = reason
        finally:
            with moved:
                over = True
                moved.notify_all()

    def frames() -> Iterator[bytes]:
        nonlocal held
        with moved:
            moved.wait_for(lambda: held >= AHEAD_BYTES or over)
        while True:
            with moved:
                moved.wait_for(lambda: ahead or over)
                if not ahead:
                    break
                body = ahead.popleft()
                held -= len(body)
                moved.notify_all()
            yield body
        if error:
            raise error

    reader = threading.Thread(target=read, name=f"reads {name}", daemon=True)
    reader.start()
    try:
        yield frames()
    finally:
        with moved:
            left_early, over = not over, True
            moved.notify_all()
        if left_early:
            worker.process.kill()  # its pipe closes, so the thread is never left waiting for it
        reader.join()


def tiles_guarded(feed_name: str, payload: Payload, limits: Limits = STANDARD) -> Iterator[tuple[int, int, int, bytes]]:
    """What the feed's `tiles` gives, made in a worker. Raises `Unreadable`."""
    with _worker() as worker:
        worker.ask(Job("tiles", feed_name, payload, None, limits.memory_bytes, limits.cpu_s))
        while (frame := worker.frame(payload.name, "being cut into tiles", limits))[0] == b"I":
            yield from _TILES.decode(frame[1])
        worker.done(msgspec.msgpack.decode(frame[1], type=int))


def scores(payload: Payload, feed_name: str = "", limits: Limits = LOOKING) -> Scores:
    """How surely each feed (or the one named) says a payload is its own, and when by that feed it is to be read.

    Raises `Unreadable` for what no feed could read: nothing at all, a web page, or what brings the reader down.
    """
    with _worker() as worker:
        worker.ask(Job("recognise", feed_name, payload, None, limits.memory_bytes, limits.cpu_s))
        _, body = worker.frame(payload.name, "being looked at", limits)
        worker.done(0)
        return _SCORES.decode(body)


def outline_of(payload: Payload, limits: Limits = LOOKING) -> list[Sheet]:
    """The tables of a payload, none where it holds none: see `ingest.outline`. Raises `Unreadable`."""
    with _worker() as worker:
        worker.ask(Job("outline", "", payload, None, limits.memory_bytes, limits.cpu_s))
        _, body = worker.frame(payload.name, "being looked at", limits)
        worker.done(0)
        return _SHEETS.decode(body)


def links_of(feed_name: str, payload: Payload, limits: Limits = LOOKING) -> list[tuple[str, str]]:
    """What the feed's `links` gives, at most `ingest.worker.MOST_LINKS`. Raises `Unreadable`."""
    with _worker() as worker:
        worker.ask(Job("links", feed_name, payload, None, limits.memory_bytes, limits.cpu_s))
        _, body = worker.frame(payload.name, "being looked at", limits)
        worker.done(0)
        return _LINKS.decode(body)


_LINKS = msgspec.msgpack.Decoder(list[tuple[str, str]])
_BATCH = msgspec.msgpack.Decoder(tuple[list[Entry], list[WireReject]])
_SCORES = msgspec.msgpack.Decoder(Scores)
_TILES = msgspec.msgpack.Decoder(list[tuple[int, int, int, bytes]])
_SHEETS = msgspec.msgpack.Decoder(list[Sheet])


class _Worker:
    """One process, its pipes, and whether it may be used again."""

    def __init__(self) -> None:
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR")}
        boot = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from ingest.worker import main; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", boot],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**kept, **ENVIRONMENT},
            cwd="/",
        )
        process = self.process
        self._pipes = [pipe for pipe in (process.stdin, process.stdout, process.stderr) if pipe is not None]
        self._asked, self._answers, self._words = (pipe.fileno() for pipe in self._pipes)
        _widen(self._answers)
        self._poll = select.poll()
        self._poll.register(self._answers, select.POLLIN | select.POLLHUP)
        self.warm = False
        self.reusable = False
        _all.add(self)

    def ask(self, *jobs: Job) -> None:
        self.reusable = False
        if not self.warm:
            kind, _ = self._next(time.monotonic() + START_S)
            if kind != b".":
                raise RuntimeError(f"the process that reads payloads does not start: {self._last_words()}")
            self.warm = True
        content = pickle.dumps(jobs, pickle.HIGHEST_PROTOCOL)
        view = memoryview(HEADER.pack(b"J", len(content)) + content)
        with suppress(BrokenPipeError):  # why it is gone is found when its answer is awaited
            while view:
                view = view[os.write(self._asked, view) :]

    def frame(self, name: str, as_what: str, limits: Limits) -> tuple[bytes, bytes]:
        """The next frame of an answer. Raises `Unreadable` for an error told, a death and a silence alike."""
        try:
            kind, body = self._next(time.monotonic() + limits.silent_s)
        except TimeoutError:
            raise Unreadable(name, f"was still {as_what} after {limits.silent_s:g} s without a row") from None
        except _TooLarge:
            raise Unreadable(name, f"gave more than {_size(LARGEST_FRAME)} in one row while {as_what}") from None
        if kind == b"E" and body != b"memory":
            self.reusable = True
            raise Unreadable(name, body.decode("utf-8", "replace"))
        if kind in (b"E", b""):
            raise Unreadable(name, self._cause_of_death(body == b"memory", as_what, limits))
        return kind, body

    def done(self, held_bytes: int) -> None:
        """The answer is complete; the worker may be asked again."""
        self.reusable = held_bytes < WORN_BYTES

    def _next(self, deadline: float) -> tuple[bytes, bytes]:
        header = self._exactly(HEADER.size, deadline)
        if not header:
            return b"", b""
        kind, size = HEADER.unpack(header)
        if size > LARGEST_FRAME:
            raise _TooLarge
        body = self._exactly(size, deadline)
        return (kind, body) if len(body) == size else (b"", b"")

    def _exactly(self, size: int, deadline: float) -> bytes:
        content = bytearray(size)
        view = memoryview(content)
        while view:
            left = deadline - time.monotonic()
            if left <= 0 or not self._poll.poll(left * 1000):
                raise TimeoutError
            got = os.readv(self._answers, [view])
            if not got:
                return b""
            view = view[got:]
        return bytes(content)

    def _cause_of_death(self, told_memory: bool, as_what: str, limits: Limits) -> str:
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(5)  # its pipe is closed; how it ends tells why
        words, code = self._last_words().lower(), self.end()
        starved = ("memory allocation", "bad_alloc", "out of memory", "cannot allocate", "memoryerror")
        if told_memory or any(sign in words for sign in starved):
            return f"asked for more than {_size(limits.memory_bytes)} of memory while {as_what}"
        if code == -signal.SIGXCPU:
            return f"needed more than {limits.cpu_s} s of processor time while {as_what}"
        if code == -signal.SIGKILL:
            return f"was ended by the system while {as_what}, most likely because memory ran out"
        how = signal.Signals(-code).name if code < 0 else f"exit {code}"
        return f"brought its reader down ({how}) while {as_what}"

    def _last_words(self) -> str:
        os.set_blocking(self._words, False)
        with suppress(BlockingIOError):
            return os.read(self._words, 65_536).decode("utf-8", "replace").strip()[-2_000:]
        return ""

    def end(self) -> int:
        """End the process and give its exit code; a negative one is the signal it died of."""
        self.process.kill()
        code = self.process.wait()
        for pipe in self._pipes:
            with suppress(OSError):
                pipe.close()
        _all.discard(self)
        return code


class _TooLarge(Exception):
    pass


def _widen(pipe: int) -> None:
    """A pipe that takes a whole frame, so that the worker goes on while the last is being stored."""
    if sys.platform.startswith("linux"):
        import fcntl

        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 1 << 20)


def _size(amount: int) -> str:
    return f"{amount / GIB:g} GiB" if amount >= GIB else f"{amount / (1 << 20):g} MiB"


_all: set[_Worker] = set()
_idle: list[_Worker] = []
_changed = threading.Condition()
_running = 0


@contextmanager
def _worker() -> Iterator[_Worker]:
    global _running
    with _changed:
        while not _idle and _running >= MOST_WORKERS:
            _changed.wait()
        worker = _idle.pop() if _idle else None
        _running += 1
    try:
        if worker is not None and worker.process.poll() is not None:
            worker.end()  # it died of its own while it was idle
            worker = None
        worker = worker or _Worker()
        yield worker
    finally:
        kept = worker is not None and worker.reusable and worker.process.poll() is None
        with _changed:
            _running -= 1
            if kept and worker and len(_idle) < KEPT_WARM:
                _idle.append(worker)
                worker = None
            _changed.notify()
        if worker is not None:
            worker.end()


def warm_up() -> None:
    """Start one worker now, so that the first payload does not wait for it."""
    with _changed:
        if _idle:
            return
    worker = _Worker()
    with _changed:
        worker.reusable = True
        _idle.append(worker)


@atexit.register
def stop() -> None:
    """End every worker; a payload that is being read is then unreadable."""
    with _changed:
        _idle.clear()
    for worker in list(_all):
        worker.end()
