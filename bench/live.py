"""One incident is sent to the real server with a million in it: how long until each of 50 listening pages has been told, and
until the tile it lies on shows it."""

import asyncio
import json
import queue
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from measure import Row, Times, report
from million import home_of

from tests.program import serving

PAGES = 50
SENT = 40
QUIET_S = 0.3


class Pages(threading.Thread):
    """All pages in one thread, so that listening costs this small machine little: (page, revision, when) as they come."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.address = urlsplit(url)
        self.heard: queue.Queue[tuple[int, int, float]] = queue.Queue()
        self.listening = threading.Semaphore(0)

    def run(self) -> None:
        asyncio.run(self._all())

    async def _all(self) -> None:
        await asyncio.gather(*(self._one(number) for number in range(PAGES)))

    async def _one(self, number: int) -> None:
        reader, writer = await asyncio.open_connection(self.address.hostname, self.address.port)
        writer.write(f"GET /live HTTP/1.1\r\nHost: {self.address.netloc}\r\n\r\n".encode())
        event = ""
        while line := (await reader.readline()).decode():
            now = time.perf_counter()
            name, _, value = line.strip().partition(": ")
            if name == "event":
                event = value
            elif name == "data" and event == "hello":
                self.listening.release()
            elif name == "data" and event == "revision":
                self.heard.put((number, json.loads(value)["revision"], now))


def quake(number: int) -> bytes:
    now = int(time.time() * 1000)
    said = {"mag": 4.5, "place": "Bench", "time": now, "updated": now, "type": "earthquake", "title": f"Bench {number}"}
    place = {"type": "Point", "coordinates": [-26.9, -9.1, 10]}
    return json.dumps(
        {"type": "Feature", "id": f"bench-{now}-{number}", "geometry": place, "properties": said}
    ).encode()


def main() -> None:
    with serving(home_of()) as server, httpx.Client(base_url=server.url, timeout=120) as client:
        token = (Path(server.home) / "secrets" / "ingest-token").read_text().strip()
        pages = Pages(server.url)
        pages.start()
        for _ in range(PAGES):
            pages.listening.acquire()
        answered, told, last_told, shown = [], [], [], []
        for number in range(SENT + 3):
            time.sleep(QUIET_S)
            begin = time.perf_counter()
            answer = client.post(
                "/api/ingest/usgs?source=bench", content=quake(number), headers={"Authorization": f"Bearer {token}"}
            )
            answer.raise_for_status()
            took = time.perf_counter() - begin
            revision = answer.json()["revision"]
            heard: dict[int, float] = {}
            while len(heard) < PAGES:
                page, known, when = pages.heard.get(timeout=30)
                if known >= revision:
                    heard.setdefault(page, when - begin)
            client.get(f"/tiles/incidents/{revision}/5/13/16.pbf?window=28d").raise_for_status()
            if number >= 3:
                answered.append(took * 1000)
                told += [when * 1000 for when in heard.values()]
                last_told.append(max(heard.values()) * 1000)
                shown.append((time.perf_counter() - begin) * 1000)
        rows = [
            row("POST of one incident until its 200 (durable)", answered),
            row(f"until a page of {PAGES} is told", told, 300, 1000),
            row(f"until the last of {PAGES} is told", last_told),
            row("until the tile with it has been read as well", shown, 300, 1000),
        ]
        report("Live events", rows)


def row(what: str, ms: list[float], p50: float | None = None, p99: float | None = None) -> Row:
    taken = Times(tuple(ms))
    if p50 is None or p99 is None:
        return Row(what, str(taken), "", True)
    return Row(what, str(taken), f"p50 <= {p50:g} ms, p99 <= {p99:g} ms", taken.p50 <= p50 and taken.p99 <= p99)


if __name__ == "__main__":
    main()
