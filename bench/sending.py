"""What the benches of open pages send and hear: single incidents and positions as partners post them, and other pages that
listen meanwhile."""

import json
import queue
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from data.tokens import FILE

CENTRE = (79.35, -22.3)
"""Of the exercise's country (lon, lat)."""


@dataclass(frozen=True)
class Sender:
    """Posts to a server on a home of this machine, on a connection that stays open."""

    client: httpx.Client
    token: str

    @classmethod
    def to(cls, url: str, home: Path) -> "Sender":
        return cls(httpx.Client(base_url=url, timeout=60), (home / FILE).read_text().strip())

    def incident(self, number: int) -> int:
        """Post incident `number`, which is news each time, somewhere around the centre; the revision it came in."""
        lon, lat = around(number)
        now = time.time_ns()
        event = {
            "event_id_cnty": f"BENCH{number}",
            "event_date": f"{datetime.now(UTC):%Y-%m-%d}",
            "event_type": "Battles",
            "sub_event_type": "Armed clash",
            "actor1": f"Group {number % 9}",
            "location": "Beside the road",
            "latitude": f"{lat:.4f}",
            "longitude": f"{lon:.4f}",
            "geo_precision": "1",
            "fatalities": str(26 if number % 50 == 49 else number % 3),
            "notes": f"Told at {now}.",
            "timestamp": str(now // 1_000_000_000),
        }
        return self._post("acled", "acled", json.dumps({"data": [event]}).encode(), "application/json")

    def position(self, number: int) -> int:
        """Post where one of twenty units is now; the revision it came in."""
        lon, lat = around(number)
        now = datetime.now(UTC)
        times = [f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}" for moment in (now, now, now + timedelta(minutes=10))]
        event = (
            f'<event version="2.0" uid="BENCH.{number % 20}" type="a-f-G-U-C" how="m-g" time="{times[0]}" '
            f'start="{times[1]}" stale="{times[2]}"><point lat="{lat:.5f}" lon="{lon:.5f}" hae="9999999.0" ce="10" '
            f'le="9999999.0"/><detail><contact callsign="BENCH {number % 20}"/><track course="{number % 360}" '
            'speed="8.5"/></detail></event>'
        )
        return self._post("cot", "tak", event.encode(), "application/xml")

    def _post(self, feed: str, source: str, body: bytes, media_type: str) -> int:
        answer = self.client.post(
            f"/api/ingest/{feed}?source={source}",
            content=body,
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": media_type},
        )
        answer.raise_for_status()
        tally = answer.json()
        if tally["accepted"] + tally["revised"] != 1:
            raise RuntimeError(f"what was sent is no news: {tally}")
        return int(tally["revision"])


def around(number: int) -> tuple[float, float]:
    """A place (lon, lat) within about 60 km of the centre, another for each of a thousand numbers."""
    return CENTRE[0] + (number * 37 % 1000 - 500) / 900, CENTRE[1] + (number * 71 % 1000 - 500) / 900


@contextmanager
def listeners(url: str, count: int) -> Iterator["queue.Queue[tuple[int, float]]"]:
    """So many more pages' connections to `/live`. Gives (revision, epoch s) as the first of them hears of it."""
    host, port = urlsplit(url).hostname or "", urlsplit(url).port or 80
    heard: queue.Queue[tuple[int, float]] = queue.Queue()
    over = threading.Event()
    waiting = selectors.DefaultSelector()
    for number in range(count):
        line = socket.create_connection((host, port))
        line.sendall(f"GET /live HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: text/event-stream\r\n\r\n".encode())
        line.setblocking(False)
        waiting.register(line, selectors.EVENT_READ, number == 0)

    def listen() -> None:
        while not over.is_set():
            for key, _ in waiting.select(0.2):
                got = key.fileobj.recv(65_536)  # type: ignore[union-attr]
                if not got:
                    raise RuntimeError("the server ended a listener's connection")
                if key.data:
                    for part in got.split(b"id: ")[1:]:
                        if b"event: revision" in part:
                            heard.put((int(part.split(b"\n", 1)[0]), time.time()))

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        over.set()
        thread.join()
        for key in list(waiting.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
