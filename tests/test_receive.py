"""What is sent to us, over HTTP: acknowledged once it is durable, refused with a reason, and only from whom it may come."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from dashboard.receive import Limits
from data.access import EVERY_AGENCY
from data.records import decode
from data.settings import Source
from data.store import open_store
from ingest import together
from ingest.run import Intake, receive_soon
from tests.program import environment
from tests.servers import free_port
from tests.site import NOW, Site, bearer, quake, site


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site")) as found:
        yield found


def test_what_is_sent_is_seen_by_whoever_was_answered_and_a_retry_changes_nothing(tmp_path: Path) -> None:
    with site(tmp_path) as found:
        send = f"{found.url}/api/ingest/usgs?source=usgs"
        first = found.client.post(send, content=quake("a"), headers=bearer(found)).json()
        assert (first["read"], first["accepted"], first["revision"]) == (1, 1, 1)
        assert found.get("/api/counts").json() == {"columns": ["count"], "rows": [[1]], "total": 1, "revision": 1}
        again = found.client.post(send, content=quake("a"), headers=bearer(found)).json()
        assert (again["accepted"], again["unchanged"], again["revision"]) == (0, 1, 1)


def test_who_may_send_what(tmp_path: Path) -> None:
    with site(tmp_path) as found:
        token = found.token("sensor", "usgs", agency="USGS")

        def send(path: str, headers: dict[str, str], content: bytes = quake("a")) -> httpx.Response:
            return found.client.post(found.url + path, content=content, headers=headers)

        told = bearer(found, token)
        expected = {
            401: send("/api/ingest/usgs?source=usgs", {}),
            403: send("/api/ingest/usgs?source=secret", told),
            415: send("/api/ingest/usgs?source=usgs", {**told, "Content-Type": "image/png"}),
            422: send("/api/ingest/usgs?source=usgs", told, b"not a quake"),
        }
        for status, answer in expected.items():
            assert answer.status_code == status, answer.text
            assert answer.json()["description"].endswith("."), answer.text
        assert send("/api/ingest/usgs?source=usgs", {**told, "Content-Encoding": "gzip"}).status_code == 415
        assert send("/api/ingest/nonsense?source=usgs", told).status_code == 422
        assert send("/api/ingest/report?source=usgs", told).status_code == 422, "the source is read with another feed"
        assert send("/api/ingest/usgs", told).json()["source"] == "usgs", "the only source this token has"
        assert (
            send(
                "/api/ingest/usgs?source=usgs", {**told, "Content-Type": "application/x-www-form-urlencoded"}
            ).status_code
            == 200
        )
        assert found.get("/api/quarantine").json()["groups"][0]["reason"].startswith("payload: ")


def test_a_body_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with site(tmp_path, Limits(body_bytes=10_000)) as found:
        send = f"{found.url}/api/ingest/usgs?source=usgs"
        assert found.client.post(send, content=b"x" * 10_001, headers=bearer(found)).status_code == 413
        streamed = found.client.post(send, content=(b"x" * 1_000 for _ in range(50)), headers=bearer(found))
        assert streamed.status_code == 413
        assert found.client.post(send, content=quake("a"), headers=bearer(found)).status_code == 200


def test_a_token_that_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    with site(tmp_path, Limits(per_s=0.001, burst=3)) as found:
        other = found.token("other", "usgs", agency="USGS")
        send = f"{found.url}/api/ingest/usgs?source=usgs"
        statuses = [found.client.post(send, content=quake("a"), headers=bearer(found)).status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        late = found.client.post(send, content=quake("a"), headers=bearer(found))
        assert int(late.headers["retry-after"]) > 0
        assert found.client.post(send, content=quake("a"), headers=bearer(found, other)).status_code == 200


def test_a_source_may_have_a_rate_of_its_own_whoever_sends(tmp_path: Path) -> None:
    slow = Source("usgs", "usgs", agency="USGS", requests_per_s=0.5)
    with site(tmp_path, sources=[slow, Source("other", "usgs", agency="USGS")]) as found:
        tokens = [found.token(name, "usgs", "other", agency="USGS") for name in ("one", "two")]

        def send(token: str, source: str) -> httpx.Response:
            path = f"{found.url}/api/ingest/usgs?source={source}"
            return found.client.post(path, content=quake("a"), headers=bearer(found, token))

        assert [send(token, "usgs").status_code for token in tokens] == [200, 429]
        assert send(tokens[1], "usgs").headers["retry-after"] == "2"
        assert send(tokens[1], "other").status_code == 200


def test_many_at_once_are_each_answered_for_themselves(tmp_path: Path) -> None:
    """What is acknowledged is there, once, also after the store was opened again; what is broken harms nothing beside it."""
    with site(tmp_path) as found:

        async def send() -> list[list[tuple[int, dict[str, Any]]]]:
            limits = httpx.Limits(max_connections=40, max_keepalive_connections=40)
            async with httpx.AsyncClient(
                base_url=found.url, headers=bearer(found), limits=limits, timeout=60
            ) as client:

                async def post(path: str, content: bytes) -> tuple[int, dict[str, Any]]:
                    answer = await client.post(path, content=content, headers={"Content-Type": "application/json"})
                    return answer.status_code, answer.json()

                async def one(number: int) -> list[tuple[int, dict[str, Any]]]:
                    if number % 10 == 7:
                        return [await post("/api/ingest/usgs?source=usgs", b"{not JSON %d" % number)]
                    if number % 10 == 3:
                        report = {"title": f"Report {number}", "source_ref": f"r{number}"}
                        return [
                            await post("/api/reports?source=reports", json.dumps(report).encode()) for _ in range(2)
                        ]
                    return [await post("/api/ingest/usgs?source=usgs", quake(f"q{number}")) for _ in range(2)]

                return await asyncio.gather(*(one(number) for number in range(100)))

        told = asyncio.run(send())
        bad = [each for number, each in enumerate(told) if number % 10 == 7]
        good = [each for number, each in enumerate(told) if number % 10 != 7]
        assert all(len(each) == 1 and each[0][0] == 422 for each in bad)
        assert all("it is not JSON" in each[0][1]["description"] for each in bad)
        assert [[status for status, _ in each] for each in good] == [[200, 200]] * 90
        assert all((first["accepted"], first["read"]) == (1, 1) for (_, first), _ in good)
        assert all((again["unchanged"], again["accepted"]) == (1, 0) for _, (_, again) in good)
        assert len({first["revision"] for (_, first), _ in good}) == 90, "each payload is a revision of its own"
        assert sum(group["count"] for group in found.get("/api/quarantine").json()["groups"]) == 10
        assert {state.name: state.accepted for state in found.services.states()}["usgs"] == 80
    reopened = open_store(f"sqlite:///{tmp_path / 'commonground.sqlite'}")
    try:
        stored = [change for changes in reopened.changes_since(0, reopened.revision()) for change in changes]
        refs = [decode(change.body).source_ref for change in stored if change.kind in (1, 3)]
        assert len(refs) == len(set(refs)) == 90
    finally:
        reopened.close()


def test_a_payload_too_deep_to_read_costs_those_beside_it_nothing(tmp_path: Path) -> None:
    deep = b"[" * 200_000

    async def send(found: Site) -> list[Any]:
        intake = Intake(found.store, found.services.settings)
        contents = [deep if number == 4 else quake(f"q{number}") for number in range(12)]
        try:
            return await asyncio.gather(*(receive_soon(intake, "usgs", "usgs", content) for content in contents))
        finally:
            intake.stop()

    with site(tmp_path) as found:
        told = asyncio.run(send(found))
        assert ["error" in each for each in told] == [number == 4 for number in range(12)]
        assert [each["accepted"] for each in told] == [int(number != 4) for number in range(12)]


def test_where_the_reader_ends_each_is_taken_in_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        together, "QUICK", replace(together.QUICK, silent_s=0.0)
    )  # every turn ends at its first payload

    async def send(found: Site) -> list[Any]:
        intake = Intake(found.store, found.services.settings)
        try:
            return await asyncio.gather(*(receive_soon(intake, "usgs", "usgs", quake(f"q{n}")) for n in range(2)))
        finally:
            intake.stop()

    with site(tmp_path) as found:
        assert [each["accepted"] for each in asyncio.run(send(found))] == [1, 1]


def test_more_than_there_is_room_for_is_turned_away_for_now(tmp_path: Path) -> None:
    with site(tmp_path, Limits(in_hand_bytes=100)) as found:
        answer = found.client.post(
            f"{found.url}/api/ingest/usgs?source=usgs", content=quake("a"), headers=bearer(found)
        )
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


def test_what_was_acknowledged_survives_the_machine_losing_its_mind(home: Path) -> None:
    """Kill -9 right after each 200: everything acknowledged is there, once."""
    acknowledged = []
    for round_ in range(2):
        port = free_port()
        settings = {"COMMONGROUND_PORT": str(port)}
        process = subprocess.Popen(
            [sys.executable, "app.py", "serve"], env=environment(home, settings), cwd=Path(__file__).parent.parent
        )
        try:
            url = f"http://127.0.0.1:{port}"
            while True:
                try:
                    httpx.get(f"{url}/healthz")
                    break
                except httpx.TransportError:
                    assert process.poll() is None
                    time.sleep(0.1)
            token = (home / "secrets" / "ingest-token").read_text().strip()
            for number in range(3):
                name = f"k{round_}-{number}"
                sent = httpx.post(
                    f"{url}/api/ingest/usgs?source=usgs",
                    content=quake(name),
                    headers={"Authorization": f"Bearer {token}"},
                    timeout=60,
                )
                assert sent.status_code == 200
                acknowledged.append(name)
            if round_ == 1:
                found = httpx.get(f"{url}/ogc/collections/incidents/items?limit=100").json()["features"]
                assert sorted(feature["properties"]["source_ref"] for feature in found) == sorted(acknowledged)
        finally:
            process.kill()
            process.wait()


def test_what_cannot_be_stored_is_not_acknowledged_and_reading_goes_on(tmp_path: Path) -> None:
    with site(tmp_path) as found:
        send = f"{found.url}/api/ingest/usgs?source=usgs"
        assert found.client.post(send, content=quake("a"), headers=bearer(found)).status_code == 200
        with sqlite3.connect(tmp_path / "commonground.sqlite") as database:
            database.execute("ALTER TABLE version RENAME TO away")
        refused = found.client.post(send, content=quake("b"), headers=bearer(found))
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
        assert found.get("/healthz").status_code == 200
        assert found.get("/api/counts").json()["total"] == 1
        with sqlite3.connect(tmp_path / "commonground.sqlite") as database:
            database.execute("ALTER TABLE away RENAME TO version")
        again = found.client.post(send, content=quake("b"), headers=bearer(found))
        assert (again.status_code, again.json()["accepted"]) == (200, 1)
        assert found.get("/api/counts").json()["total"] == 2


def test_a_field_report_is_kept_once_however_often_it_is_sent(tmp_path: Path) -> None:
    with site(tmp_path) as found:
        report = {
            "title": "Bridge out",
            "severity": "serious",
            "event_time": NOW.isoformat(),
            "lon": 30.2,
            "lat": 5.2,
            "reporter": "Patrol 4",
        }
        key = {"Idempotency-Key": "phone-7"}
        for expected in ("accepted", "unchanged"):
            answer = found.client.post(f"{found.url}/api/reports", json=report, headers=key)
            assert answer.status_code == 200, answer.text
            assert answer.json()[expected] == 1
            assert answer.json()["source_ref"] == "phone-7"
        (feature,) = found.get("/ogc/collections/reports/items").json()["features"]
        assert feature["properties"]["agency"] == "JOC"
        assert feature["properties"]["exercise"] is True
        assert feature["properties"]["reporter"] == "Patrol 4"
        assert feature["geometry"] == {"type": "Point", "coordinates": [30.2, 5.2]}


@pytest.mark.parametrize(
    ("report", "word"),
    [
        ({}, "title"),
        ({"title": "x", "severity": "awful"}, "severity"),
        ({"title": "x", "event_time": "2026-11-20T18:00:00"}, "time zone"),
        ({"title": "x", "event_time": "2126-11-20T18:00:00Z"}, "event_time"),
        ({"title": "x", "lon": 30.0}, "lon/lat"),
        ({"title": "x", "lon": "east", "lat": 1}, "lon"),
        ({"title": "x", "agency": "Intel"}, "agency"),
        ([1], "object"),
    ],
)
def test_a_report_that_cannot_be_understood_is_refused_by_its_field(here: Site, report: Any, word: str) -> None:
    answer = here.client.post(f"{here.url}/api/reports", json=report)
    assert answer.status_code == 422, answer.text
    assert word in answer.json()["description"]


def test_a_page_of_another_site_may_not_report_and_not_call_itself_by_another_name(here: Site) -> None:
    url = f"{here.url}/api/reports"
    assert here.client.post(url, json={"title": "x"}, headers={"Origin": "https://evil.example"}).status_code == 403
    assert here.client.post(url, json={"title": "x"}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert here.client.post(url, content='{"title": "x"}', headers={"Content-Type": "text/plain"}).status_code == 415
    assert here.client.post(url, json={"title": "x"}, headers={"X-Forwarded-For": "10.0.0.9"}).status_code == 401
    for name in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80"):
        rebound = here.get("/api/status", Host=name)
        assert rebound.status_code == 421, name
        assert "records" not in rebound.text
    own = here.client.post(
        url, json={"title": "own page"}, headers={"Origin": here.url, "Sec-Fetch-Site": "same-origin"}
    )
    assert own.status_code == 200


def test_the_local_token_may_send_for_every_source_and_stays_the_same(here: Site) -> None:
    secret = here.ingest_token
    assert here.ingest_token == secret
    assert oct((here.home / "secrets" / "ingest-token").stat().st_mode & 0o777) == "0o600"
    found = here.services.identity.token(secret)
    assert found is not None
    assert found.may_send("anything")
    assert found.viewer.agency == EVERY_AGENCY
