"""Server-sent events over HTTP: everybody is told once, only what is theirs, and nobody is forgotten or waited for."""

from __future__ import annotations

import json
import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from data.records import Incident, Sensitivity, Severity
from data.store import Batch, open_store
from tests.pictures import chunks
from tests.site import NOW, Site, incident, site

PATIENCE_S = 30


@dataclass
class Listener:
    """One open page: its events as they come, the latest at the end. `comments` counts pings."""

    events: queue.Queue[tuple[str, str, Any]] = field(default_factory=queue.Queue)
    pinged: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def next(self, name: str) -> Any:
        """Data of the next event of that name; others in between are passed over."""
        while True:
            event, _, data = self.events.get(timeout=PATIENCE_S)
            if event == name:
                return data

    def read(self, answer: httpx.Response) -> None:
        event, identity = "", ""
        try:
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if not line and event:
                    event = ""
                elif line.startswith(":"):
                    self.pinged.set()
                elif name == "id":
                    identity = value
                elif name == "event":
                    event = value
                elif name == "data":
                    self.events.put((event, identity, json.loads(value)))
        except httpx.TransportError:
            pass
        finally:
            self.ended.set()


@contextmanager
def listening(found: Site, token: str = "", query: str = "", **headers: str) -> Iterator[Listener]:
    told = {**headers, **({"Authorization": f"Bearer {token}"} if token else {})}
    listener = Listener()
    with (
        httpx.Client(timeout=PATIENCE_S) as client,
        client.stream("GET", f"{found.url}/live{query}", headers=told) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["x-accel-buffering"] == "no"
        assert "no-store" in answer.headers["cache-control"]
        thread = threading.Thread(target=listener.read, args=(answer,), daemon=True)
        thread.start()
        try:
            yield listener
        finally:
            answer.close()
    thread.join(timeout=PATIENCE_S)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path, status_every_s=0.5, ping_every_s=0.3) as found:
        found.put([incident(n) for n in range(20)], "usgs", "USGS", releasable_to=("mission",))
        yield found


def critical(reference: str, **said: Any) -> Incident:
    return incident(
        0, **{"source_ref": reference, "title": f"Critical {reference}", "severity": Severity.critical, **said}
    )


def test_a_page_is_greeted_told_of_a_commit_and_kept_company(here: Site) -> None:
    with listening(here) as page:
        hello = page.next("hello")
        assert hello["revision"] == 1
        assert hello["interval_s"] == 0.5
        assert hello["server_started"].endswith("Z")
        status = page.next("status")
        assert {source["name"] for source in status["sources"]} >= {"usgs", "secret", "reports"}
        assert status["revision"] == 1
        here.put([critical("now"), critical("old", event_time=NOW - timedelta(days=400))], "usgs", "USGS")
        told = page.next("revision")
        assert told["revision"] == 2
        assert told["kinds"] == ["incidents"]
        assert [item["title"] for item in told["critical"]] == ["Critical now"], "what is long past does not ring"
        assert here.get(f"/api/records/{told['critical'][0]['id']}").json()["title"] == "Critical now"
        assert page.next("status")["revision"] == 2
        assert page.pinged.wait(PATIENCE_S)


def test_what_was_critical_already_does_not_ring_again(here: Site) -> None:
    here.put([critical("a")], "usgs", "USGS")
    with listening(here) as page:
        page.next("hello")
        here.put([critical("a", title="Critical a, updated"), incident(1, severity=Severity.critical)], "usgs", "USGS")
        assert [item["title"] for item in page.next("revision")["critical"]] == ["Event 1"]


def test_nobody_is_told_what_they_may_not_see(here: Site) -> None:
    partner = here.token("partner", agency="UNHCR", clearance=Sensitivity.moderate)
    with listening(here, partner) as theirs, listening(here) as ours:
        theirs.next("hello")
        ours.next("hello")
        here.put([critical("secret")], "secret", "Intel", sensitivity=Sensitivity.severe)
        assert ours.next("revision")["critical"][0]["title"] == "Critical secret"
        here.put([critical("shared")], "usgs", "USGS", releasable_to=("mission",))
        told = theirs.next("revision")  # the first one they hear of
        assert [item["title"] for item in told["critical"]] == ["Critical shared"]
        # Their own view of a record ends when it is no longer released to them: that is theirs to know.
        here.put([critical("shared", title="Withdrawn")], "usgs", "USGS", sensitivity=Sensitivity.severe)
        ended = theirs.next("revision")
        assert (ended["kinds"], ended["critical"]) == (["incidents"], [])
        assert {source["name"] for source in theirs.next("status")["sources"]} <= {"usgs"}


def test_a_page_that_was_away_hears_what_it_missed_or_is_told_to_reload(here: Site) -> None:
    for number in range(3):
        here.put([critical(f"c{number}")], "usgs", "USGS")
    for query, headers in (("?last_event_id=2", {}), ("", {"Last-Event-ID": "2"})):
        with listening(here, query=query, **headers) as page:
            assert page.next("hello")["revision"] == 4
            missed = page.next("revision")
            assert missed["revision"] == 4
            assert {item["title"] for item in missed["critical"]} == {"Critical c1", "Critical c2"}
    for unknown in ("99", "soon", "-1", "9" * 30, "٣"):
        with listening(here, query=f"?last_event_id={unknown}") as page:
            assert page.next("reload") == {}
    with listening(here, query="?last_event_id=4") as page:
        page.next("hello")
        assert page.events.get(timeout=PATIENCE_S)[0] == "status", "nothing was missed"


def test_fifty_pages_are_all_told_once_and_let_go(here: Site) -> None:
    with listening(here) as first:
        pages = [first]
        stack = [listening(here) for _ in range(49)]
        try:
            pages += [each.__enter__() for each in stack]
            for page in pages:
                page.next("hello")
            for number in range(5):
                here.put([critical(f"n{number}")], "usgs", "USGS")
            for page in pages:
                ids, titles = [], []
                while not ids or ids[-1] < 6:
                    told = page.next("revision")
                    ids.append(told["revision"])
                    titles += [item["title"] for item in told["critical"]]
                assert ids == sorted(set(ids))
                assert sorted(titles) == [f"Critical n{number}" for number in range(5)], "each rings once"
            assert len(here.hub._pages) == 50
        finally:
            for each in stack:
                each.__exit__(None, None, None)
    for _ in range(100):
        if not here.hub._pages:
            break
        threading.Event().wait(0.1)
    assert not here.hub._pages


def test_a_commit_of_another_process_is_heard(here: Site) -> None:
    with listening(here) as page:
        page.next("hello")
        other = open_store(here.services.settings.database_url)
        try:
            other.append(Batch("usgs", "test", "-", "", 0, chunks(iter([incident(77, source="usgs", agency="USGS")]))))
        finally:
            other.close()
        assert page.next("revision")["revision"] == 2


def test_a_page_that_does_not_read_is_told_to_reload_and_holds_nobody_up(tmp_path: Path) -> None:
    with site(tmp_path, queued=8) as found:
        address = urlsplit(found.url)
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect((address.hostname, address.port))
            deaf.sendall(f"GET /live HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
            while not found.hub._pages:
                time.sleep(0.01)
            (slow,) = found.hub._pages
            with listening(found) as page:
                page.next("hello")
                sent, left = 0, 10  # ten more once it has no more room
                while left and sent < 500:  # some 400 kB each, of which the network itself holds a few million
                    sent += 1
                    found.put([critical(f"{sent}-{each}", title="x" * 20_000) for each in range(20)], "usgs", "USGS")
                    while page.next("revision")["revision"] < sent:
                        pass
                    left -= slow.queue.full() or left < 10
                assert not left, "it was fed without end"
            assert slow.queue.qsize() <= 8
            deaf.settimeout(PATIENCE_S)
            heard = b""
            while b"event: reload" not in heard:
                part = deaf.recv(1 << 20)
                assert part
                heard += part


def test_the_streams_end_when_the_server_does(here: Site) -> None:
    with listening(here) as page:
        page.next("hello")
        here.hub.stop()
        assert page.ended.wait(PATIENCE_S)


def test_a_database_that_is_away_for_a_while_is_heard_again(here: Site, caplog: pytest.LogCaptureFixture) -> None:
    """The picture stands still, the page is kept, and afterwards everything comes: one line in the log for each."""
    catch_up, away = here.picture.catch_up, threading.Event()

    def failing() -> Any:
        if away.is_set():
            raise OSError("the disk is gone")
        return catch_up()

    here.picture.catch_up = failing  # type: ignore[method-assign]
    with listening(here) as page:
        page.next("hello")
        away.set()
        received = int(NOW.timestamp() * 1e6)
        here.store.append(
            Batch("usgs", "test", "-", "", received, chunks(iter([incident(88, source="usgs", agency="USGS")])))
        )
        while "brought up to date" not in caplog.text:
            threading.Event().wait(0.05)
        assert here.get("/api/status").json()["revision"] == 1
        away.clear()
        assert page.next("revision")["revision"] == 2
        while "answers again" not in caplog.text:
            threading.Event().wait(0.05)
    assert caplog.text.count("brought up to date") == 1
