"""Live ingest into the real server on a store on disk, while five pages listen: CoT over TCP, and single records over HTTP.

A second connection to the SQLite file watches it: with `synchronous=FULL` a transaction shows to other connections only after
its part of the WAL has been synced, so whatever the watcher sees is durable. Its times are therefore from outside, and late by
up to `WATCH_EVERY_S`; nothing in the server is instrumented.
"""

import asyncio
import json
import os
import shutil
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvloop
from measure import RESULTS, Row, Times, report
from sending import around, listeners

from data.tokens import FILE
from tests.program import Served, serving
from tests.servers import free_port

PAGES = 5
UNITS = 1_000
BURST_EVENTS = 40_000
PACED_PER_S, PACED_S = 200, 15
CONNECTIONS = 64
POSTS_S = 8.0
WATCH_EVERY_S = 0.0003
LONGEST_S = 60.0


# -------------------- what is sent


def position(number: int) -> bytes:
    """Where one of `UNITS` units is now, as TAK writes it: news each time."""
    lon, lat = around(number)
    now = datetime.now(UTC) + timedelta(microseconds=number)
    time_, stale = (f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}" for moment in (now, now + timedelta(minutes=10)))
    return (
        f'<event version="2.0" uid="LIVE.{number % UNITS}" type="a-f-G-U-C" how="m-g" time="{time_}" start="{time_}" '
        f'stale="{stale}"><point lat="{lat:.5f}" lon="{lon:.5f}" hae="120.0" ce="10.0" le="9999999.0"/><detail>'
        f'<contact callsign="LIVE {number % UNITS}" endpoint="*:-1:stcp"/><__group name="Cyan" role="Team Member"/>'
        f'<track course="{number % 360}" speed="8.5"/><status battery="81"/></detail></event>'
    ).encode()


def field_report(number: int) -> tuple[str, bytes]:
    lon, lat = around(number)
    told = {
        "source_ref": f"live-{number}",
        "title": "Road blocked by a landslide",
        "description": f"Seen at post {number}.",
        "category": "access",
        "severity": "serious",
        "event_time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "lon": round(lon, 5),
        "lat": round(lat, 5),
        "reporter": f"Patrol {number % 40}",
    }
    return "/api/reports?source=reports", json.dumps(told).encode()


def quake(number: int) -> tuple[str, bytes]:
    lon, lat = around(number)
    now = int(time.time() * 1000)
    said = {"mag": 4.5, "place": "Bench", "time": now, "updated": now, "type": "earthquake", "title": f"Bench {number}"}
    place = {"type": "Point", "coordinates": [round(lon, 4), round(lat, 4), 10]}
    body = {"type": "Feature", "id": f"live-{number}", "geometry": place, "properties": said}
    return "/api/ingest/usgs?source=usgs", json.dumps(body).encode()


# -------------------- what is measured from outside


@dataclass(frozen=True)
class Spent:
    """Seconds of processor time: of the server with its reading processes, and of this process with all its clients."""

    server_s: float
    clients_s: float

    @classmethod
    def so_far(cls, server: Served) -> "Spent":
        assert server.process is not None
        return cls(sum(map(_cpu_s, _family(server.process.pid))), time.process_time())

    def since(self, before: "Spent") -> "Spent":
        return Spent(self.server_s - before.server_s, self.clients_s - before.clients_s)

    def told(self, wall_s: float, count: int) -> str:
        return (
            f"{self.server_s / count * 1e6:,.0f} µs of processor time each in the server "
            f"({self.server_s / wall_s:.2f} cores; clients {self.clients_s / wall_s:.2f})"
        )


def _family(pid: int) -> list[int]:
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def _cpu_s(pid: int) -> float:
    try:
        parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


class Watch:
    """The log as another connection sees it: `seen(seq)` is when that version had become durable (perf_counter, s)."""

    def __init__(self, home: Path) -> None:
        self._file = home / "commonground.sqlite"
        self._over = threading.Event()
        self._steps: list[tuple[int, float]] = []
        self.seq = self._now()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _now(self) -> int:
        with sqlite3.connect(f"file:{self._file}?mode=ro", uri=True) as connection:
            return int(connection.execute("SELECT seq FROM counter").fetchone()[0])

    def _run(self) -> None:
        connection = sqlite3.connect(f"file:{self._file}?mode=ro", uri=True, isolation_level=None)
        known = None
        while not self._over.is_set():
            version = connection.execute("PRAGMA data_version").fetchone()[0]
            if version != known:
                known = version
                seq = connection.execute("SELECT seq FROM counter").fetchone()[0]
                if seq > self.seq:
                    self._steps.append((seq, time.perf_counter()))
                    self.seq = seq
            time.sleep(WATCH_EVERY_S)
        connection.close()

    def until(self, seq: int) -> None:
        deadline = time.monotonic() + LONGEST_S
        while self.seq < seq:
            if time.monotonic() > deadline:
                sys.exit(f"only {self.seq} of {seq} versions were stored within {LONGEST_S:g} s")
            time.sleep(0.005)

    def times(self, first: int, count: int) -> list[float]:
        """When versions `first` to `first + count - 1` had become durable."""
        found: list[float] = []
        for seq, at in self._steps:
            while len(found) < count and first + len(found) <= seq:
                found.append(at)
        return found


# -------------------- the three measurements


def burst(server: Served, port: int) -> Row:
    """As many events as it takes, on five connections at once."""
    events = [position(number) for number in range(BURST_EVENTS)]
    streams = [b"\n".join(events[number::PAGES]) + b"\n" for number in range(PAGES)]
    lines = [socket.create_connection(("127.0.0.1", port)) for _ in streams]
    with Watch(server.home) as watch:
        first, before, begin = watch.seq, Spent.so_far(server), time.perf_counter()
        threads = [
            threading.Thread(target=line.sendall, args=(stream,)) for line, stream in zip(lines, streams, strict=True)
        ]
        for thread in threads:
            thread.start()
        watch.until(first + BURST_EVENTS)
        took = watch.times(first + 1, BURST_EVENTS)[-1] - begin
        spent = Spent.so_far(server).since(before)
    for thread, line in zip(threads, lines, strict=True):
        thread.join()
        line.close()
    rate = BURST_EVENTS / took
    told = f"{rate:,.0f} events/s ({BURST_EVENTS:,} in {took:.1f} s); {spent.told(took, BURST_EVENTS)}"
    return Row(f"CoT over TCP, {PAGES} connections, as fast as it goes", told, ">= 3,000 events/s", rate >= 3_000)


def paced(server: Served, port: int) -> Row:
    """One event at a time, each `1 / PACED_PER_S` after the last: from just before it is written to its being durable."""
    count = PACED_PER_S * PACED_S
    line = socket.create_connection(("127.0.0.1", port))
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sent = []
    with Watch(server.home) as watch:
        first, before, begin = watch.seq, Spent.so_far(server), time.perf_counter()
        for number in range(count):
            event = position(number) + b"\n"
            time.sleep(max(0.0, begin + number / PACED_PER_S - time.perf_counter()))
            sent.append(time.perf_counter())
            line.sendall(event)
        watch.until(first + count)
        took = time.perf_counter() - begin
        spent = Spent.so_far(server).since(before)
        durable = watch.times(first + 1, count)
    line.close()
    taken = Times(tuple((at - when) * 1000 for at, when in zip(durable, sent, strict=True)))
    told = f"p50 {taken.p50:.2f} ms, p99 {taken.p99:.2f} ms, most {max(taken.ms):.1f} ms; {spent.told(took, count)}"
    return Row(f"CoT, {PACED_PER_S} a second, sent until durable", told, "p99 <= 5 ms", taken.p99 <= 5.0)


class Poster(asyncio.Protocol):
    """One connection that stays open: the next request is sent when the last is answered."""

    def __init__(self, requests: Iterator[bytes], taken: list[float], over: asyncio.Event) -> None:
        self.requests, self.taken, self.over = requests, taken, over
        self.answer, self.sent = b"", 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        if self.over.is_set():
            self.transport.close()
            return
        request = next(self.requests)
        self.answer, self.sent = b"", time.perf_counter()
        self.transport.write(request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.answer += data
        head, ended, body = self.answer.partition(b"\r\n\r\n")
        if not ended or len(body) < int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self.ended.set_exception(RuntimeError(self.answer.decode()))
            return
        tally = json.loads(body)
        if tally["accepted"] != 1:
            self.ended.set_exception(RuntimeError(f"what was sent is no news: {tally}"))
            return
        self.taken.append((time.perf_counter() - self.sent) * 1000)
        self.ask()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None) if error is None else self.ended.set_exception(error)


def posts(server: Served, what: str, make: Callable[[int], tuple[str, bytes]]) -> Row:
    """One record in each POST, on connections that stay open; an answer means that it is durable."""
    token = (server.home / FILE).read_text().strip()

    def requests() -> Iterator[bytes]:
        number = 0
        while True:
            path, body = make(number)
            number += 1
            yield (
                f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {token}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            ).encode() + body

    taken: list[float] = []

    async def run() -> None:
        over, loop, many = asyncio.Event(), asyncio.get_running_loop(), requests()
        connected = [
            await loop.create_connection(lambda: Poster(many, taken, over), "127.0.0.1", server.port)
            for _ in range(CONNECTIONS)
        ]
        loop.call_later(POSTS_S, over.set)
        await asyncio.gather(*(poster.ended for _, poster in connected))

    with Watch(server.home) as watch:
        first, before, begin = watch.seq, Spent.so_far(server), time.perf_counter()
        uvloop.run(run())
        took, spent = time.perf_counter() - begin, Spent.so_far(server).since(before)
        watch.until(first + len(taken))
        if watch.seq != first + len(taken):
            sys.exit(f"{len(taken)} were acknowledged, {watch.seq - first} are stored")
    rate, ms = len(taken) / took, Times(tuple(taken))
    told = f"{rate:,.0f} posts/s, p50 {ms.p50:.0f} ms, p99 {ms.p99:.0f} ms; {spent.told(took, len(taken))}"
    return Row(f"{what}, {CONNECTIONS} connections", told, ">= 1,500 posts/s", rate >= 1_500)


@contextmanager
def home(port: int) -> Iterator[Path]:
    """A new home whose store lies on this machine's disk."""
    folder = RESULTS / "home-live"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "commonground.toml").write_text(
        f'[[source]]\nname = "tak"\nfeed = "cot"\nagency = "JOC"\naddress = "tcp://127.0.0.1:{port}"\n'
        '[[source]]\nname = "reports"\nfeed = "report"\nagency = "JOC"\n'
        '[[source]]\nname = "usgs"\nfeed = "usgs"\nagency = "USGS"\n',
        encoding="utf-8",
    )
    yield folder


def first_heard(server: Served, port: int) -> None:
    """The port of a source opens a moment after the pages'; what is read first does not count."""
    deadline = time.monotonic() + LONGEST_S
    while True:
        try:
            line = socket.create_connection(("127.0.0.1", port))
            break
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    with line, Watch(server.home) as watch:
        first = watch.seq
        line.sendall(position(0) + b"\n")
        watch.until(first + 1)


def main() -> None:
    port = free_port()
    with home(port) as folder, serving(folder) as server, listeners(server.url, PAGES) as heard:
        first_heard(server, port)
        parts = {
            "paced": lambda: paced(server, port),
            "burst": lambda: burst(server, port),
            "reports": lambda: posts(server, "POST /api/reports", field_report),
            "ingest": lambda: posts(server, "POST /api/ingest/usgs", quake),
        }
        rows = [part() for name, part in parts.items() if name in (sys.argv[1:] or parts)]
        rows.append(
            Row(
                f"revisions that the first of {PAGES} pages heard of meanwhile",
                f"{heard.qsize():,}",
                "> 0",
                not heard.empty(),
            )
        )
        report(f"Live ingest, {PAGES} pages listening", rows)


if __name__ == "__main__":
    main()
