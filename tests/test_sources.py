"""Sources that are polled, watched and listened to, on real sockets and folders; and how each is said to be doing."""

from __future__ import annotations

import gzip
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from data import health, quarantine
from data.access import LOCAL_OPERATOR
from data.health import SourceState
from data.picture import Picture
from data.records import Reject
from data.settings import BadSettings, Settings, Source, load
from data.store import Batch, Store, Tally, open_store
from ingest import fetch
from ingest.fetch import Unheard
from ingest.run import start
from ingest.schedule import backoff
from tests.servers import free_port

GOLDEN = Path(__file__).parent / "golden"
QUAKES = (GOLDEN / "usgs/summary.geojson").read_bytes()
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PUBLIC, OTHER_PUBLIC = "http://93.184.216.34/feed", "http://8.8.8.8/feed"


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    opened = open_store(load({"COMMONGROUND_HOME": str(home)}).database_url)
    yield opened
    opened.close()


def settings_of(home: Path, feed: str, address: str | Path, more: str = "") -> Settings:
    told = f'[[source]]\nname = "s"\nfeed = "{feed}"\naddress = "{address}"\n{more}\n'
    (home / "commonground.toml").write_text(told)
    return load({"COMMONGROUND_HOME": str(home)})


@contextmanager
def started(store: Store, settings: Settings) -> Iterator[None]:
    running = start(store, settings)
    try:
        yield
    finally:
        running.stop()


def until(test: Callable[[], object]) -> None:
    """Wait for something to come true; fails after a minute."""
    deadline = time.monotonic() + 60
    while not test():
        assert time.monotonic() < deadline, "it did not come true within a minute"
        time.sleep(0.02)


def titles(store: Store, kind: str) -> set[str]:
    picture = Picture(store)
    picture.catch_up()
    seen = picture.seen_by(LOCAL_OPERATOR)
    return {item.record.title for item in seen.items(kind, seen.rows(kind))}


def state(store: Store, settings: Settings) -> SourceState:
    (found,) = [each for each in health.states(store, settings, datetime.now(UTC)) if each.name == "s"]
    return found


# -------------------- polling


class Partner:
    """A server whose next answers are said beforehand; the last one is given again and again."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.asked: list[dict[str, str]] = []
        partner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                partner.asked.append(dict(self.headers))
                status, headers, body = partner.answers.pop(0) if len(partner.answers) > 1 else partner.answers[0]
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/feed"


@pytest.fixture
def partner() -> Iterator[Partner]:
    made = Partner()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


OFTEN = "expected_every_s = 0.1"


def test_what_has_not_changed_is_not_fetched_again(store: Store, home: Path, partner: Partner) -> None:
    partner.answers = [
        (200, {"ETag": '"one"', "Last-Modified": "Fri, 20 Nov 2026 12:00:00 GMT"}, QUAKES),
        (304, {}, b""),
    ]
    settings = settings_of(home, "usgs", partner.url, OFTEN)
    with started(store, settings):
        until(lambda: len(partner.asked) >= 4)
    assert "If-None-Match" not in partner.asked[0]
    for asked in partner.asked[1:]:
        assert (asked["If-None-Match"], asked["If-Modified-Since"]) == ('"one"', "Fri, 20 Nov 2026 12:00:00 GMT")
    assert store.revision() == 1
    how = state(store, settings)
    assert how.state in ("fresh", "late")
    assert how.last_succeeded is not None
    assert how.last_observed is not None
    assert how.last_observed < how.last_succeeded, "when it was heard is not when it happened"
    with started(store, settings):  # another process goes on with what this one knew
        until(lambda: len(partner.asked) >= 6)
    assert all("If-None-Match" in asked for asked in partner.asked[1:])


def test_a_source_that_is_marked_anew_is_read_anew(store: Store, home: Path, partner: Partner) -> None:
    partner.answers = [(200, {"ETag": '"one"'}, QUAKES)]
    with started(store, settings_of(home, "usgs", partner.url, OFTEN)):
        until(store.revision)
    asked = len(partner.asked)
    with started(store, settings_of(home, "usgs", partner.url, f'{OFTEN}\nsensitivity = "severe"')):
        until(lambda: store.revision() == 2)
    assert "If-None-Match" not in partner.asked[asked]


def test_failing_to_hear_is_not_hearing_nothing(
    store: Store, home: Path, partner: Partner, caplog: pytest.LogCaptureFixture
) -> None:
    partner.answers = [(200, {}, QUAKES), (500, {}, b""), (503, {}, b""), (500, {}, b"")]
    settings = settings_of(home, "usgs", partner.url, OFTEN)
    with caplog.at_level(logging.INFO, "ingest.schedule"), started(store, settings):
        until(lambda: state(store, settings).state == "failed")
        until(lambda: len(partner.asked) >= 3)
        known = titles(store, "incident")
        assert known, "the last picture stays"
        how = state(store, settings)
        assert how.last_error in ("answered 500 Internal Server Error.", "answered 503 Service Unavailable.")
        assert how.last_tried is not None
        assert how.last_succeeded is not None
        assert how.last_tried > how.last_succeeded
        partner.answers[:] = [(200, {}, QUAKES)]
        until(lambda: state(store, settings).state == "fresh")
    said = [record.getMessage() for record in caplog.records if record.name == "ingest.schedule"]
    assert said == ["source s is not heard: answered 500 Internal Server Error.", "source s is heard again"]
    assert titles(store, "incident") == known


def test_a_log_in_page_with_200_is_a_failure(store: Store, home: Path, partner: Partner) -> None:
    partner.answers = [(200, {"Content-Type": "text/html"}, b"<html><title>Sign in</title></html>")]
    settings = settings_of(home, "usgs", partner.url, OFTEN)
    with started(store, settings):
        until(lambda: state(store, settings).state == "failed")
    assert "is a web page, not data (its title is “Sign in”)" in state(store, settings).last_error
    assert quarantine.entries(store.reader)[0]["raw"] == b"<html><title>Sign in</title></html>"


def test_an_answer_that_breaks_off_is_not_half_read(store: Store, home: Path) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        client, _ = listener.accept()
        client.recv(65_536)
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + QUAKES[:900])
        client.close()

    thread = threading.Thread(target=answer)
    thread.start()
    settings = settings_of(home, "usgs", f"http://127.0.0.1:{listener.getsockname()[1]}/", "expected_every_s = 1")
    with started(store, settings):
        until(lambda: state(store, settings).state == "failed")
    thread.join()
    listener.close()
    assert state(store, settings).last_error == "broke off in the middle of its answer."
    assert (store.revision(), quarantine.entries(store.reader)) == (0, [])


def test_secrets_are_sent_from_the_home_folder(store: Store, home: Path, partner: Partner) -> None:
    (home / "secrets").mkdir()
    file = home / "secrets" / "s.header"
    file.write_text("Authorization: Bearer abc\nX-Key: 1\n")
    file.chmod(0o640)
    partner.answers = [(200, {}, QUAKES)]
    settings = settings_of(home, "usgs", partner.url, OFTEN)
    with started(store, settings):
        until(lambda: state(store, settings).state == "failed")
        assert (
            state(store, settings).last_error == f"{file} is open to others on this machine (mode 640); chmod 600 it."
        )
        assert partner.asked == []
        file.chmod(0o600)
        until(store.revision)
    assert (partner.asked[0]["Authorization"], partner.asked[0]["X-Key"]) == ("Bearer abc", "1")


def asked(
    answers: dict[str, httpx.Response], address: str, folder: Path, secrets: dict[str, str]
) -> list[httpx.Request]:
    """Fetch over a network that answers as said."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return answers[str(request.url)]

    with (
        httpx.Client(transport=httpx.MockTransport(answer)) as client,
        fetch.fetch(client, address, {}, secrets, folder) as found,
    ):
        assert found.path is not None
        assert found.path.read_bytes() == b"[]"
    return requests


def ok(content: bytes, coding: str = "identity") -> httpx.Response:
    return httpx.Response(200, headers={"Content-Encoding": coding}, stream=httpx.ByteStream(content))


def to(location: str) -> httpx.Response:
    return httpx.Response(302, headers={"Location": location})


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1/",
        "http://10.1.2.3/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://0.0.0.0/",
        "file:///etc/passwd",
        "ftp://8.8.8.8/",
    ],
)
def test_a_public_source_does_not_lead_into_this_network(tmp_path: Path, location: str) -> None:
    with pytest.raises(Unheard, match="is not followed"):
        asked({PUBLIC: to(location)}, PUBLIC, tmp_path, {})


def test_a_redirect_to_another_host_does_not_get_the_secrets(tmp_path: Path) -> None:
    answers = {PUBLIC: to(OTHER_PUBLIC), OTHER_PUBLIC: ok(b"[]")}
    first, second = asked(answers, PUBLIC, tmp_path, {"Authorization": "Bearer abc"})
    assert first.headers["Authorization"] == "Bearer abc"
    assert "Authorization" not in second.headers
    same = {PUBLIC: to("/other"), "http://93.184.216.34/other": ok(b"[]")}
    assert asked(same, PUBLIC, tmp_path, {"Authorization": "Bearer abc"})[1].headers["Authorization"] == "Bearer abc"
    with pytest.raises(Unheard, match="redirects more than 5 times"):
        asked({PUBLIC: to(PUBLIC)}, PUBLIC, tmp_path, {})


def test_an_answer_that_expands_beyond_measure_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "LARGEST_BYTES", 2 << 20)
    with pytest.raises(Unheard, match="answered with more than 2 MiB"):
        asked({PUBLIC: ok(gzip.compress(bytes(64 << 20)), "gzip")}, PUBLIC, tmp_path, {})
    with pytest.raises(Unheard, match="broke off in the middle"):
        asked({PUBLIC: ok(gzip.compress(QUAKES)[:-20], "gzip")}, PUBLIC, tmp_path, {})
    with pytest.raises(Unheard, match="answered in the coding br, which was not asked for"):
        asked({PUBLIC: ok(b"[]", "br")}, PUBLIC, tmp_path, {})
    asked({PUBLIC: ok(gzip.compress(b"[]"), "gzip")}, PUBLIC, tmp_path, {})
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_asks_to_be_left_alone_is(tmp_path: Path) -> None:
    for said, least in (("120", 120), ("Fri, 31 Dec 2100 23:59:59 GMT", 21_600), ("soon", 0)):
        with pytest.raises(Unheard) as refused:
            asked({PUBLIC: httpx.Response(429, headers={"Retry-After": said})}, PUBLIC, tmp_path, {})
        assert refused.value.retry_after_s == least


@pytest.mark.parametrize("every_s", [1.0, 60.0, 86_400.0])
def test_it_asks_later_and_later_and_never_sooner_than_expected(every_s: float) -> None:
    waits = [backoff(every_s, failures) for failures in range(60)]
    assert all(every_s <= wait <= max(every_s, 3_600) * 1.1 for wait in waits)
    assert waits[0] <= every_s * 1.1
    assert waits[-1] >= 3_600 or every_s > 3_600


# -------------------- watching


def test_files_that_appear_in_a_folder_are_read_once(store: Store, home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    settings = settings_of(home, "auto", folder)
    (folder / "quakes.geojson").write_bytes(QUAKES)
    (folder / "broken.bin").write_bytes(b"\x00\x01nothing")
    (folder / "unfinished.csv.part").write_bytes(b"half")
    (folder / ".hidden").write_bytes(b"x")
    with started(store, settings):
        until(lambda: quarantine.groups(store.reader) and store.revision())
        known = titles(store, "incident")
        (folder / "same again.geojson").write_bytes(QUAKES)
        (folder / "quakes.geojson").write_bytes(QUAKES.replace(b"Kelira", b"Nevo"))
        until(lambda: titles(store, "incident") != known)
    known = titles(store, "incident")
    with started(store, settings):
        (folder / "events.csv").write_bytes((GOLDEN / "acled/events.csv").read_bytes())
        until(lambda: titles(store, "incident") > known)
    unread = [row for row in quarantine.entries(store.reader) if row["row"] is None]
    assert [(row["payload"], row["seen"]) for row in unread] == [("broken.bin", 1)]


def test_a_folder_that_is_gone_is_a_failure_and_comes_back(store: Store, home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "drop"
    settings = settings_of(home, "usgs", f"folder:{folder}")
    with started(store, settings):
        until(lambda: state(store, settings).state == "failed")
        assert state(store, settings).last_error == f"the folder {folder} cannot be listed: No such file or directory."
        folder.mkdir()
        until(lambda: state(store, settings).state == "never")
        (folder / "quakes.geojson").write_bytes(QUAKES)
        until(lambda: state(store, settings).state == "fresh")


def test_a_file_is_read_when_it_has_stopped_growing(store: Store, home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    with started(store, settings_of(home, "usgs", folder)):
        with (folder / "quakes.geojson").open("wb") as file:
            for part in range(0, len(QUAKES), len(QUAKES) // 5 + 1):
                file.write(QUAKES[part : part + len(QUAKES) // 5 + 1])
                file.flush()
                os.fsync(file.fileno())
                time.sleep(0.6)
        until(store.revision)
    assert quarantine.groups(store.reader) == [] or all(
        "payload" not in g["reason"] for g in quarantine.groups(store.reader)
    )


# -------------------- listening


def test_what_a_tak_client_sends_is_in_the_store(store: Store, home: Path) -> None:
    port = free_port()
    settings = settings_of(home, "cot", f"tcp://127.0.0.1:{port}")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    event = (
        f'<event version="2.0" uid="U1" type="a-f-G-U-C" time="{now}" start="{now}" stale="{now}" how="m-g">'
        '<point lat="-11.2" lon="171.5" hae="1" ce="1" le="1"/><detail><contact callsign="ALPHA 1"/></detail></event>'
    )

    def connected() -> socket.socket | None:
        try:
            return socket.create_connection(("127.0.0.1", port), 1)
        except OSError:
            return None

    with started(store, settings):
        clients: list[socket.socket] = []
        until(lambda: (client := connected()) and clients.append(client) is None)
        clients[0].sendall(event.encode())
        until(store.revision)
        clients[0].close()
    assert titles(store, "track") == {"ALPHA 1"}
    assert state(store, settings).state == "fresh"


def test_a_port_that_is_taken_is_a_failure(store: Store, home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = settings_of(home, "cot", f"tcp://127.0.0.1:{taken.getsockname()[1]}")
        with started(store, settings):
            until(lambda: state(store, settings).state == "failed")
        assert "cannot be listened on" in state(store, settings).last_error


@pytest.mark.parametrize(
    ("feed", "address", "what"),
    [
        ("usgs", "gopher://x", "has the address 'gopher://x'; use https://"),
        ("usgs", "relative/folder", "has the address 'relative/folder'; use https://"),
        ("nosuch", "https://x.example/", "has the feed 'nosuch'; use auto, or one of acled"),
    ],
)
def test_a_source_that_cannot_be_used_is_said_at_the_start(
    store: Store, home: Path, feed: str, address: str, what: str
) -> None:
    with pytest.raises(BadSettings, match=what):
        start(store, settings_of(home, feed, address))


# -------------------- how a source is doing


@pytest.mark.parametrize(
    ("silent_s", "expected"),
    [(0, "fresh"), (90, "fresh"), (91, "late"), (180, "late"), (181, "stale"), (86_400, "stale")],
)
def test_a_source_grows_old(store: Store, home: Path, silent_s: int, expected: str) -> None:
    settings = settings_of(home, "usgs", "", "expected_every_s = 60")
    assert health.states(store, settings, NOON)[0].state == "never"
    health.record_success(store, settings.sources["s"], NOON, Tally(accepted=1))
    (how,) = health.states(store, settings, NOON + timedelta(seconds=silent_s))
    assert how.state == expected


def ailing(store: Store, settings: Settings, moment: datetime) -> tuple[str, str, datetime | None]:
    (how,) = health.states(store, settings, moment)
    return how.ailment, how.cause, how.ailing_since


def test_stopped_slow_and_rubbish_are_told_apart(store: Store, home: Path) -> None:
    settings = settings_of(home, "usgs", "", 'expected_every_s = 60\nobserved_within = "2h"')
    source, minute = settings.sources["s"], timedelta(minutes=1)

    def heard(moment: datetime, rows: int = 4, rejected: int = 0) -> None:
        seen_us = int((NOON - minute).timestamp()) * 1_000_000
        if rejected:
            rejects = [Reject(n, "x", "x: is wrong", "", f"{moment} {n}") for n in range(rejected)]
            store.append(Batch("s", "usgs", "p", "", 1, [rejects]))
        health.record_success(store, source, moment, Tally(read=rows, rejected=rejected, observed_us=seen_us))
        health.flush(store)

    assert ailing(store, settings, NOON) == ("", "", None)
    health.record_failure(store, source, "answered 503 Service Unavailable.", NOON)
    health.flush(store)
    (how,) = health.states(store, settings, NOON)
    assert (how.ailment, how.cause, how.ailing_since) == ("stopped", "unreachable", NOON)
    assert how.reason == "answered 503 Service Unavailable, since 201200Z NOV 26"
    # It is heard again; then it is late, then silent: each since when it was.
    for n in range(4):
        heard(NOON + n * minute)
    last = NOON + 3 * minute
    assert ailing(store, settings, last + minute) == ("", "", None)
    assert ailing(store, settings, last + 2 * minute) == ("slow", "late", last + minute)
    assert ailing(store, settings, last + 4 * minute) == ("stopped", "silent", last)
    # Half of its rows and more are refused, twice in a row; a good payload ends it, and so does mending what was refused.
    heard(NOON + 4 * minute, rows=10, rejected=9)
    heard(NOON + 5 * minute, rows=10, rejected=5)
    (how,) = health.states(store, settings, NOON + 5 * minute)
    assert (how.ailment, how.cause, how.ailing_since) == ("rubbish", "rows", NOON + 4 * minute)
    assert (how.recent_payloads, how.recent_rows, how.recent_rejected) == (2, 20, 14)
    assert how.state == "fresh", "when it was heard is another matter"
    assert how.reason == "14 of 20 rows refused in the last 2 payloads, since 201204Z NOV 26"
    heard(NOON + 6 * minute, rows=10, rejected=4)
    assert ailing(store, settings, NOON + 6 * minute) == ("", "", None)
    heard(NOON + 7 * minute, rows=10, rejected=9)
    with store.transaction() as connection:
        quarantine.settle(connection, [row["id"] for row in quarantine.entries(store.reader)])
    assert ailing(store, settings, NOON + 7 * minute) == ("", "", None)
    # A payload that cannot be read at all is rubbish too, not silence.
    health.record_failure(store, source, "it is a web page, not data.", NOON + 8 * minute, "payload")
    health.flush(store)
    assert ailing(store, settings, NOON + 8 * minute) == ("rubbish", "payload", NOON + 8 * minute)
    # It is heard, but comes later than expected, or tells of what is long over.
    for n in range(9, 60, 2):
        heard(NOON + n * minute)
    (how,) = health.states(store, settings, NOON + 59 * minute)
    assert (how.ailment, how.cause, how.gap_s) == ("slow", "gaps", 120)
    for n in range(180, 195):
        heard(NOON + n * minute)
    assert ailing(store, settings, NOON + 194 * minute) == ("slow", "lag", NOON + 119 * minute)


def test_failures_last_until_a_success_and_say_since_when(store: Store) -> None:
    source, settings = Source("s", "usgs", agency="us"), Settings(Path(), "")
    health.record_success(store, source, NOON, Tally(accepted=2, observed_us=1))
    for minute in (1, 2, 3):
        health.record_failure(store, source, f"failure {minute}", NOON + timedelta(minutes=minute))
        health.flush(store)
    (how,) = health.states(store, settings, NOON)
    assert (how.state, how.last_error, how.failing_since) == ("failed", "failure 3", NOON + timedelta(minutes=1))
    assert (how.last_succeeded, how.last_tried) == (NOON, NOON + timedelta(minutes=3))
    health.record_success(store, source, NOON + timedelta(minutes=4))
    (how,) = health.states(store, settings, NOON)
    assert (how.state, how.last_error, how.failing_since, how.accepted) == ("fresh", "", None, 2)


def test_nothing_was_observed_after_it_was_heard(store: Store) -> None:
    later = int((NOON + timedelta(hours=20)).timestamp()) * 1_000_000
    health.record_success(store, Source("s", "usgs"), NOON, Tally(accepted=1, observed_us=later))
    assert health.states(store, Settings(Path(), ""), NOON)[0].last_observed == NOON


def test_what_was_gathered_is_the_same_before_and_after_it_is_written(store: Store) -> None:
    source, settings = Source("s", "usgs", agency="us"), Settings(Path(), "")
    for number in range(500):
        moment = NOON + timedelta(milliseconds=number)
        health.record_try(store, source, moment)
        health.record_success(store, source, moment, Tally(accepted=1, revised=1))
    before = health.states(store, settings, NOON)
    health.flush(store)
    assert health.states(store, settings, NOON) == before
    assert before[0].accepted == 1_000
