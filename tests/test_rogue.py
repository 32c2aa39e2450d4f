"""Polling servers of bad faith and bad luck, on real sockets; and lists of alerts that are elsewhere."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from data import quarantine
from data.access import LOCAL_OPERATOR
from data.picture import Picture
from data.store import Store
from ingest import fetch, links
from ingest.fetch import ONE_EACH, Unheard
from tests.test_sources import GOLDEN, OFTEN, QUAKES, settings_of, started, state, store, titles, until

__all__ = ["store"]

Serve = Callable[[socket.socket], None]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
SHORT = httpx.Timeout(0.3)


@contextmanager
def rogue(serve: Serve, host: str = "127.0.0.1") -> Iterator[str]:
    """A server that does with each connection, once it was asked, what it likes; its address."""
    listener = socket.create_server((host, 0))
    clients: list[socket.socket] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                clients.append(client)
                with suppress(OSError):
                    client.recv(65_536)
                    serve(client)
                client.close()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield f"http://{host}:{listener.getsockname()[1]}/feed"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        for client in clients:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


def says(*parts: bytes) -> Serve:
    return lambda client: client.sendall(b"".join(parts))


def asked(address: str, folder: Path, validators: dict[str, str] | None = None) -> bytes:
    with (
        httpx.Client(timeout=SHORT, limits=ONE_EACH) as client,
        fetch.fetch(client, address, validators or {}, {}, folder) as answer,
    ):
        return answer.path.read_bytes() if answer.path else b""


def stalls(*parts: bytes) -> Serve:
    def serve(client: socket.socket) -> None:
        client.sendall(b"".join(parts))
        client.recv(1)  # until it hangs up

    return serve


def drips(client: socket.socket) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        client.sendall(b"a")
        time.sleep(0.02)


ZIPPED = gzip.compress(QUAKES)
LENGTH = b"Content-Length: %d\r\n\r\n"


@pytest.mark.parametrize(
    ("serve", "told"),
    [
        (stalls(), "did not answer in time."),
        (stalls(HEAD, LENGTH % len(QUAKES), QUAKES[:500]), "fell silent in the middle of its answer."),
        (says(HEAD, LENGTH % (len(QUAKES) + 1), QUAKES), "broke off in the middle of its answer."),
        (says(HEAD, b"Transfer-Encoding: chunked\r\n\r\n5\r\n[1, 2"), "broke off in the middle of its answer."),
        (says(HEAD, b"Content-Encoding: gzip\r\n\r\n", ZIPPED[:-9]), "broke off in the middle of its answer."),
        (says(HEAD, b"Content-Encoding: gzip\r\n\r\nnot gzip"), "answered with damaged gzip: "),
        (drips, "did not come to the end of its headers within 0.4 s."),
        (says(b"HTTP/1.1 304 Not Modified\r\n\r\n"), "answered 304 Not Modified, though it was asked for everything."),
        (says(b"HTTP/1.1 302 Found\r\nLocation: /feed\r\nContent-Length: 0\r\n\r\n"), "redirects more than 5 times."),
        (says(b"SSH-2.0-OpenSSH_9.9\r\n"), "cannot be reached: "),
        (says(b""), "cannot be reached: "),
        (says(HEAD, b"Content-Encoding: gzip\r\n\r\n", gzip.compress(bytes(4 << 20))), "answered with more than 1 MiB"),
    ],
    ids=range(12),
)
def test_what_is_wrong_is_said_and_nothing_is_left(
    serve: Serve, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "HEADERS_S", 0.4)
    monkeypatch.setattr(fetch, "LARGEST_BYTES", 1 << 20)
    with rogue(serve) as address, pytest.raises(Unheard) as refused:
        asked(address, tmp_path)
    assert str(refused.value).startswith(told)
    assert list(tmp_path.iterdir()) == []


def test_what_looks_odd_and_is_whole_is_read(tmp_path: Path) -> None:
    parts = gzip.compress(QUAKES[:700]) + gzip.compress(QUAKES[700:])
    with rogue(says(HEAD, b"Content-Encoding: gzip\r\n\r\n", parts)) as address:
        assert asked(address, tmp_path) == QUAKES
    with rogue(says(b"HTTP/1.1 304 Not Modified\r\n\r\n")) as address:
        assert asked(address, tmp_path, {"etag": '"1"'}) == b""


def test_a_public_source_leads_nobody_into_this_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Of the addresses of this machine one is taken for public here; the servers and the ways between them are real.
    monkeypatch.setattr(fetch, "_is_public", lambda ip: ip == "127.0.0.1")
    inside: list[str] = []
    with rogue(lambda client: inside.append("was asked"), host="127.0.0.2") as private:
        leads = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n" % private.encode()
        with (
            rogue(says(leads)) as public,
            pytest.raises(Unheard, match=r"leads to 127\.0\.0\.2, which is in a private"),
        ):
            asked(public, tmp_path)
        with (
            httpx.Client(timeout=SHORT, limits=ONE_EACH) as client,
            pytest.raises(Unheard, match="is not followed"),
            fetch.fetch(client, private, {}, {}, tmp_path, "http://127.0.0.1:1/list"),
        ):
            pass
    assert inside == []


# -------------------- lists of alerts that are elsewhere

ALERT = """<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>{0}</identifier><sender>met@x.example</sender>
<sent>2026-11-20T12:00:00-00:00</sent><status>Actual</status><msgType>Alert</msgType><scope>Public</scope>
<info><language>en</language><category>Met</category><event>Flood</event><urgency>Immediate</urgency>
<severity>Severe</severity><certainty>Likely</certainty><headline>{1}</headline>
<area><areaDesc>Kelira</areaDesc><polygon>-11,171 -11,172 -12,172 -11,171</polygon></area></info>
<info><language>fr</language><category>Met</category><event>Crue</event><urgency>Immediate</urgency>
<severity>Severe</severity><certainty>Likely</certainty><headline>Crue</headline></info></alert>"""
ENTRY = '<entry><id>{0}</id><updated>{1}</updated><title>Flood</title>{3}<link type="application/cap+xml" href="{2}"/></entry>'
SAID = "<cap:msgType>Alert</cap:msgType><cap:status>Actual</cap:status><cap:event>Flood</cap:event>"


class Met:
    """A server of alerts: what it has by path, and what it was asked for."""

    def __init__(self) -> None:
        self.has: dict[str, bytes] = {}
        self.asked: list[tuple[str, str]] = []
        met = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                met.asked.append((self.path, self.headers.get("Authorization", "")))
                body = met.has.get(self.path)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def lists(self, *entries: tuple[str, str, str], said: str = "") -> None:
        """(id, updated, link) of each."""
        told = "".join(ENTRY.format(*entry, said) for entry in entries)
        space = 'xmlns="http://www.w3.org/2005/Atom" xmlns:cap="urn:oasis:names:tc:emergency:cap:1.2"'
        self.has["/list"] = f"<feed {space}><title>CAP warnings</title>{told}</feed>".encode()

    def count(self, path: str) -> int:
        return [each for each, _ in self.asked].count(path)


@pytest.fixture
def met() -> Iterator[Met]:
    made = Met()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_alerts_that_a_list_links_to_are_read_whole_once(store: Store, home: Path, met: Met) -> None:
    (home / "secrets").mkdir()
    (home / "secrets" / "s.header").touch(0o600)
    (home / "secrets" / "s.header").write_text("Authorization: Bearer abc\n")
    other = Met()
    thread = threading.Thread(target=other.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        other.has["/c.cap"] = ALERT.format("C", "From elsewhere").encode()
        met.has |= {f"/{name}.cap": ALERT.format(name, f"Alert {name}").encode() for name in "ab"}
        met.lists(("1", "T1", "a.cap"), ("2", "T1", "/b.cap"), ("3", "T1", f"{other.url}/c.cap"))
        with started(store, settings_of(home, "cap", f"{met.url}/list", OFTEN)):
            until(lambda: met.count("/list") >= 4)
            assert titles(store, "alert") == {"Alert a", "Alert b", "From elsewhere"}
            assert (met.count("/a.cap"), met.count("/b.cap"), other.count("/c.cap")) == (1, 1, 1)
            met.has["/a.cap"] = ALERT.format("a", "Alert a, changed").encode()
            met.lists(("1", "T2", "a.cap"), ("2", "T1", "/b.cap"))
            until(lambda: "Alert a, changed" in titles(store, "alert"))
            assert met.count("/b.cap") == 1
    finally:
        other.server.shutdown()
        thread.join()
        other.server.server_close()
    assert {told for _, told in met.asked} == {"Bearer abc"}
    assert {told for _, told in other.asked} == {""}, "another origin does not get what is secret"
    assert quarantine.entries(store.reader) == []
    picture = Picture(store)
    picture.catch_up()
    seen = picture.seen_by(LOCAL_OPERATOR)
    items = {item.record.source_ref: item for item in seen.items("alert", seen.rows("alert"))}
    alert = items["met@x.example,b"]
    assert alert.wkb is not None, "the polygon of the alert itself"
    assert "Crue" in alert.record.attributes.values(), "and what it says in its other language"


def test_an_entry_whose_alert_cannot_be_had_says_so_until_it_can(store: Store, home: Path, met: Met) -> None:
    settings = settings_of(home, "cap", f"{met.url}/list", OFTEN)
    met.lists(("1", "2026-11-20T12:00:00Z", "/a.cap"), said=SAID)
    with started(store, settings):
        until(lambda: titles(store, "alert") == {"Flood"})
        until(lambda: state(store, settings).state == "failed")
        assert "could not be fetched; the first answered 404 Not Found." in state(store, settings).last_error
        met.has["/a.cap"] = ALERT.format("a", "Alert a").encode()
        until(lambda: titles(store, "alert") == {"Alert a"})
        until(lambda: state(store, settings).state in ("fresh", "late", "stale"))
        # A page in the place of an alert is kept, and not asked for again until the list says it changed.
        met.has["/b.cap"] = b"<html><title>Sign in</title></html>"
        met.lists(("2", "2026-11-20T13:00:00Z", "/b.cap"))
        until(lambda: len(quarantine.entries(store.reader)) == 2)
        before = met.count("/list")
        until(lambda: met.count("/list") > before + 2)
        assert met.count("/b.cap") == 1
    reasons = sorted(row["reason"] for row in quarantine.entries(store.reader))
    assert reasons[0].startswith("alert: is not in this entry, which at best links to it, and was not fetched")
    assert reasons[1].startswith("payload: is a web page, not data")


def test_a_list_never_makes_many_requests_at_once(
    store: Store, home: Path, met: Met, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "MOST_A_TURN", 2)
    met.has |= {f"/{n}.cap": ALERT.format(n, f"Alert {n}").encode() for n in range(5)}
    met.lists(*((str(n), "T1", f"/{n}.cap") for n in range(5)))
    with started(store, settings_of(home, "cap", f"{met.url}/list", OFTEN)):
        until(lambda: len(titles(store, "alert")) == 5)
    paths = [path for path, _ in met.asked]
    turns = "".join("|" if path == "/list" else "." for path in paths).strip("|")
    assert turns.startswith("..|..|.")
    assert quarantine.entries(store.reader) == []


def test_the_golden_list_names_its_links() -> None:
    from ingest.feed import Payload
    from ingest.feeds.cap import links as links_of

    told = list(links_of(Payload("list.atom", path=GOLDEN / "cap" / "list.atom")))
    assert told
    assert all(address.startswith("http") for address, _ in told)
