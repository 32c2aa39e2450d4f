"""The machine interface by its own door: HTTP over a real store. Who sees what, what is kept, and what is refused."""

from __future__ import annotations

import gzip
import json
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import brotli
import httpx
import pytest
import shapely

from dashboard.receive import Limits
from dashboard.tokens import BadToken, Tokens, create
from data.access import EVERY_AGENCY
from data.records import KINDS, Boundary, Entry, Incident, Retract, Sensitivity, Severity, blake, encoder
from data.records import Site as Place
from data.store import Batch
from tests.pictures import chunks
from tests.program import environment
from tests.servers import free_port
from tests.site import Site, site

NOW = datetime.now(UTC).replace(microsecond=0)
SEEN = 60
WITHHELD = 7
SEVERITIES = list(Severity)


def incident(number: int, **said: Any) -> Incident:
    return Incident(
        **{
            "source_ref": f"i{number}",
            "title": f"Event {number}",
            "category": ("clash", "looting", "protest")[number % 3],
            "severity": SEVERITIES[number % 6],
            "event_time": NOW - timedelta(hours=7 * number),
            "lon": 30 + (number % 10) * 0.35,
            "lat": 5 + (number // 10) * 0.35,
            "fatalities": number % 4,
            "attributes": {"note": f"=1+{number}"},
            **said,
        }
    )


def land() -> list[Boundary]:
    """A country with a western and an eastern half."""
    boxes = {"XT": (29, 4, 34, 10), "XT01": (29, 4, 31.5, 10), "XT02": (31.5, 4, 34, 10)}
    return [
        Boundary(
            source_ref=code,
            title=f"Area {code}",
            pcode=code,
            level=0 if code == "XT" else 1,
            parent_pcode="" if code == "XT" else "XT",
            wkb=shapely.to_wkb(shapely.box(*box)),
            lon=(box[0] + box[2]) / 2,
            lat=7.0,
        )
        for code, box in boxes.items()
    ]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site")) as found:
        found.put(land(), "codab", "OCHA", releasable_to=("mission",))
        found.put([incident(n) for n in range(SEEN)], "usgs", "USGS", releasable_to=("mission",))
        found.put(
            [incident(n, category="raid") for n in range(WITHHELD)], "secret", "Intel", sensitivity=Sensitivity.severe
        )
        clinic = Place(source_ref="s1", title="Clinic", category="hospital", lon=30.1, lat=5.1, functionality="open")
        found.put([clinic, Place(source_ref="s2", title="Post", category="clinic", lon=30.2, lat=5.1)], "usgs", "USGS")
        yield found


@pytest.fixture(scope="module")
def partner(here: Site) -> str:
    """The token of an agency to which only what is released to the mission is released."""
    return here.token("partner", agency="UNHCR", clearance=Sensitivity.moderate)


def test_health_and_status_say_what_is_there(here: Site) -> None:
    assert here.get("/healthz").json() == {"status": "ok", "revision": here.store.revision()}
    told = here.get("/api/status").json()
    assert told["records"]["incidents"] == SEEN + WITHHELD
    assert told["records"]["boundaries"] == 3
    assert told["revision"] == here.store.revision()
    assert {source["name"]: source["state"] for source in told["sources"]}["reports"] == "never"


def test_a_viewer_is_told_only_of_what_is_released_to_them(here: Site, partner: str) -> None:
    told = here.get("/api/status", partner).json()
    assert told["records"]["incidents"] == SEEN
    assert told["records"]["sites"] == 0
    assert [source["name"] for source in told["sources"]] == ["usgs"]
    assert here.get("/api/counts", partner).json()["total"] == SEEN
    by = here.get("/api/counts?by=category,source", partner).json()
    assert "raid" not in {row[0] for row in by["rows"]}
    assert "secret" not in here.get("/api/layers", partner).text
    assert "raid" not in here.get("/api/kpis", partner).text


def test_a_token_without_an_agency_sees_nothing(here: Site) -> None:
    blind = here.token("blind")
    assert set(here.get("/api/status", blind).json()["records"].values()) == {0}
    assert here.get("/ogc/collections/incidents/items", blind).json()["numberMatched"] == 0
    assert here.get("/tiles/incidents/latest/0/0/0.pbf", blind).status_code == 204


def test_withheld_and_absent_are_the_same_to_the_byte(here: Site, partner: str) -> None:
    hidden = here.get("/ogc/collections/incidents/items?source=secret&limit=1").json()["features"][0]["id"]
    for path in ("/api/records/{}", "/ogc/collections/incidents/items/{}"):
        assert here.get(path.format(hidden)).status_code == 200
        answers = [here.get(path.format(each), partner) for each in (hidden, "0123456789abcdef", "no-such-id")]
        assert {answer.status_code for answer in answers} == {404}
        assert len({told(answer) for answer in answers}) == 1
    nothing = here.get("/api/no/such/thing")
    assert nothing.status_code == 404
    assert nothing.json()["code"] == "not-found"


def told(answer: httpx.Response) -> str:
    """Everything an answer says but when it was said."""
    return "\n".join(f"{name}: {value}" for name, value in answer.headers.items() if name != "date") + answer.text


def test_a_wrong_token_is_refused_rather_than_blind(here: Site) -> None:
    for path in ("/api/status", "/ogc/collections/incidents/items", "/tiles/incidents/latest/0/0/0.pbf", "/live"):
        answer = here.get(path, "cg_wrong")
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["description"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/counts?by=day,severity",
        "/api/layers",
        "/ogc/collections/incidents/items?limit=5",
        "/tiles/incidents/latest/0/0/0.pbf",
        "/ogc/api",
    ],
)
def test_every_answer_is_private_and_can_be_asked_for_again(here: Site, partner: str, path: str) -> None:
    for _ in range(3):  # an age in seconds may tick between two answers
        first = here.get(path)
        again = here.get(path, **{"If-None-Match": first.headers["etag"]})
        if again.status_code == 304:
            break
    assert first.headers["cache-control"].startswith("private")
    assert "Authorization" in first.headers["vary"]
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert here.get(path, **{"If-None-Match": '"other"'}).status_code == 200
    if "ogc/api" not in path:
        other = here.get(path, partner, **{"If-None-Match": first.headers["etag"]})
        assert other.status_code == 200, "the tag is over what was released"


def test_counts_add_up_and_refuse_what_they_cannot(here: Site) -> None:
    found = here.get("/api/counts?collection=incidents&by=adm1_pcode,week,category").json()
    assert found["columns"] == ["adm1_pcode", "week", "category", "count"]
    assert sum(row[-1] for row in found["rows"]) == found["total"] == SEEN + WITHHELD
    assert {row[0] for row in found["rows"]} == {"XT01", "XT02"}
    sites = here.get("/api/counts?collection=sites&by=functionality").json()
    assert sorted(sites["rows"]) == [["open", 1], ["unknown", 1]], "what was not said is unknown"
    filtered = here.get("/api/counts?by=category&severity=severe&window=7d&area=XT01&source=usgs").json()
    items = here.get(
        "/ogc/collections/incidents/items?severity=severe&window=7d&area=XT01&source=usgs&limit=1000"
    ).json()
    assert filtered["total"] == items["numberMatched"] == len(items["features"]) > 0
    for query, word in (
        ("by=nonsense", "nonsense"),
        ("collection=nonsense", "nonsense"),
        ("window=soon", "window"),
        ("severity=awful", "severity"),
        ("area=ZZ99", "ZZ99"),
        ("from=yesterday", "from"),
        ("by=day,day", "twice"),
    ):
        answer = here.get(f"/api/counts?{query}")
        assert answer.status_code == 400, query
        assert word in answer.json()["description"]


def test_kpis_open_to_the_records_behind_them(here: Site) -> None:
    answer = here.get("/api/kpis?window=28d&area=XT01").json()
    assert answer["revision"] == here.store.revision()
    assert answer["kpis"]
    for kpi in answer["kpis"]:
        behind = here.get(kpi["records_href"])
        assert behind.status_code == 200, (kpi["id"], behind.text)
        assert behind.json()["numberMatched"] == kpi["count"], kpi["id"]


def test_layers_name_the_mission_and_their_collections(here: Site) -> None:
    answer = here.get("/api/layers").json()
    assert answer["mission"]["banner"] == "EXERCISE"
    assert answer["mission"]["marking"] == "UNCLASSIFIED"
    assert answer["mission"]["utc_offset_min"] == 180
    assert answer["mission"]["bbox"] == [29, 4, 34, 10]
    blind = here.token("sees no boundary")
    assert here.get("/api/layers", blind).json()["mission"]["bbox"] is None
    incidents = next(layer for layer in answer["layers"] if layer["id"] == "incidents")
    assert (incidents["kind"], incidents["count"]) == ("incidents", SEEN + WITHHELD)
    assert sum(entry["count"] for entry in incidents["legend"]) == SEEN + WITHHELD


def test_a_record_tells_its_history_and_where_it_came_from(tmp_path: Path) -> None:
    with site(tmp_path) as found:
        found.put(land(), "codab", "OCHA")
        found.put([incident(1, title="First word")], "usgs", "USGS")
        first = found.get("/ogc/collections/incidents/items").json()["features"][0]
        found.put(
            [incident(1, title="Second word", severity=Severity.critical, attributes={"note": "new"})], "usgs", "USGS"
        )
        drawer = found.get(f"/api/records/{first['id']}").json()
        assert drawer["title"] == "Second word"
        assert drawer["collection"] == "incidents"
        assert drawer["place"]["pcodes"] == ["XT", "XT01"]
        assert [version["revision"] for version in drawer["history"]] == [2, 3]
        changed = {change["field"]: (change["from"], change["to"]) for change in drawer["history"][1]["changes"]}
        assert changed == {
            "title": ("First word", "Second word"),
            "severity": ("minor", "critical"),
            "note": ("=1+1", "new"),
        }
        assert drawer["history"][0]["changes"] == []
        assert drawer["provenance"] == {"feed": "test", "batch": 3, "payload": "usgs.json", "row": 1, "sha256": "00"}
        assert {"label": "note", "name": "note", "value": "new"} in drawer["fields"]
        then = found.get(f"/api/records/{first['id']}?as_known_at={first['properties']['received_at']}")
        assert then.status_code == 404, "it was not known before it was committed"


def test_what_was_taken_back_is_gone_and_its_history_is_kept(tmp_path: Path) -> None:
    with site(tmp_path) as found:
        found.put([incident(1)], "usgs", "USGS")
        identity = found.get("/ogc/collections/incidents/items").json()["features"][0]["id"]
        body = encoder.encode(Retract(kind="incident", source_ref="i1", reason="it did not happen"))
        taken = Entry(1, KINDS["incident"].number, "i1", blake(body), None, None, None, None, None, body, True)
        found.store.append(Batch("usgs", "test", "-", "", 0, [[taken]]))
        found.picture.catch_up()
        assert found.get(f"/api/records/{identity}").status_code == 404
        found.put([incident(1, title="It did happen")], "usgs", "USGS")
        drawer = found.get(f"/api/records/{identity}").json()
        assert [(version["revision"], version["retracted"]) for version in drawer["history"]] == [
            (1, False),
            (2, True),
            (3, False),
        ]


def test_a_cell_of_the_map_opens_to_its_records(here: Site) -> None:
    one = here.get("/api/pick?layer=incidents&z=0&x=0&y=0")
    assert one.status_code == 200
    cells = [
        here.get(f"/api/pick?layer=incidents&cell=0/{x}/{y}").json()["total"] for x in range(12) for y in range(12)
    ]
    assert sum(cells) == SEEN + WITHHELD
    assert here.get("/api/pick?layer=nonsense&z=0&x=0&y=0").status_code == 400
    assert here.get("/api/pick?layer=incidents&z=a&x=0&y=0").status_code == 400


def test_a_tile_is_kept_for_good_under_its_revision(tmp_path: Path) -> None:
    with site(tmp_path) as found:
        found.put([incident(n) for n in range(5)], "usgs", "USGS")
        old = found.store.revision()
        before = found.get(f"/tiles/incidents/{old}/0/0/0.pbf")
        assert before.headers["cache-control"] == "private, max-age=31536000, immutable"
        assert before.headers["content-type"] == "application/vnd.mapbox-vector-tile"
        found.put([incident(n) for n in range(5, 9)], "usgs", "USGS")
        assert found.get(f"/tiles/incidents/{old}/0/0/0.pbf").content == before.content
        latest = found.get("/tiles/incidents/latest/0/0/0.pbf")
        assert latest.content == found.get(f"/tiles/incidents/{old + 1}/0/0/0.pbf").content != before.content
        assert "immutable" not in latest.headers["cache-control"]
        ahead = found.get(f"/tiles/incidents/{old + 2}/0/0/0.pbf")
        assert ahead.content == latest.content
        assert "immutable" not in ahead.headers["cache-control"]
        assert found.get("/tiles/incidents/0/0/0/0.pbf").status_code == 204
        assert found.get("/tiles/incidents/latest/9/0/0.pbf").status_code == 204
        for path in ("nonsense/latest/0/0/0", "incidents/x/0/0/0", "incidents/latest/a/0/0", "incidents/-1/0/0/0"):
            assert found.get(f"/tiles/{path}.pbf").status_code == 404, path


def test_a_tile_waits_for_a_revision_that_another_process_committed(tmp_path: Path) -> None:
    with site(tmp_path) as found:
        found.put([incident(1)], "usgs", "USGS")
        received = int(time.time() * 1e6)
        entries = [[each for chunk in chunks(iter([incident(2)])) for each in chunk]]
        revision = found.store.append(Batch("usgs", "test", "-", "", received, entries)).revision
        # The picture has not been told; the page that asks has.
        answer = found.get(f"/tiles/incidents/{revision}/14/9557/7958.pbf")
        assert found.picture.revision == revision
        assert answer.status_code in (200, 204)
        assert "immutable" in answer.headers["cache-control"]


def test_quarantine_is_told_by_reason_with_an_example(tmp_path: Path) -> None:
    with site(tmp_path) as found:
        payload = json.dumps(
            {
                "type": "Feature",
                "id": "q",
                "geometry": None,
                "properties": {"time": "never", "updated": 1, "place": "", "mag": 1},
            }
        )
        sent = found.client.post(f"{found.url}/api/ingest/usgs?source=usgs", content=payload, headers=bearer(found))
        assert sent.json()["rejected"] == 1
        (group,) = found.get("/api/quarantine?source=usgs").json()["groups"]
        assert group["count"] == 1
        assert group["reason"].startswith("time: ")
        assert group["example"]["row"] == 1
        assert '"never"' in group["example"]["raw"]
        assert found.get("/api/quarantine?source=other").json()["groups"] == []
        outsider = found.token("outsider", agency="UNHCR", clearance=Sensitivity.low)
        assert len(found.get("/api/quarantine", outsider).json()["groups"]) == 1
        blind = found.token("blind")
        assert found.get("/api/quarantine", blind).json()["groups"] == []


# What is sent to us


def quake(reference: str, magnitude: float = 5.5, **said: Any) -> bytes:
    properties = {
        "mag": magnitude,
        "place": "Bor",
        "time": int(NOW.timestamp() * 1000),
        "updated": 1,
        "type": "earthquake",
        "title": "M",
        **said,
    }
    return json.dumps(
        {
            "type": "Feature",
            "id": reference,
            "geometry": {"type": "Point", "coordinates": [30.5, 7.5, 10]},
            "properties": properties,
        }
    ).encode()


def bearer(found: Site, token: str = "") -> dict[str, str]:
    return {"Authorization": f"Bearer {token or found.ingest_token}", "Content-Type": "application/json"}


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


# How it travels


def test_answers_are_compressed_as_the_client_likes_and_streams_are_not(here: Site) -> None:
    path = here.url + "/ogc/collections/incidents/items?limit=60"
    plain = raw(path, "identity")
    assert json.loads(plain[1])["numberReturned"] == 60
    for coding, decode in (("br", brotli.decompress), ("gzip", gzip.decompress)):
        headers, body = raw(path, coding)
        assert headers["content-encoding"] == coding
        assert len(body) < len(plain[1]) / 4
        assert decode(body) == plain[1]
    assert "content-encoding" not in raw(path, "br;q=0")[0]
    with httpx.stream("GET", f"{here.url}/live", headers={"Accept-Encoding": "br, gzip"}) as stream:
        assert "content-encoding" not in stream.headers


def raw(url: str, accepted: str) -> tuple[httpx.Headers, bytes]:
    with httpx.stream("GET", url, headers={"Accept-Encoding": accepted}) as answer:
        return answer.headers, b"".join(answer.iter_raw())


def test_browsers_are_told_to_take_nothing_from_outside(here: Site) -> None:
    for path in ("/api/status", "/api/nothing", "/ogc/collections/incidents/items"):
        headers = here.get(path).headers
        policy = headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-eval" not in policy
        assert re.search(r"script-src 'self'(;| 'sha256)", policy)
        assert headers["x-content-type-options"] == "nosniff"


def test_assets_are_kept_for_good_under_their_version_only(tmp_path: Path) -> None:
    with site(tmp_path) as found:
        plain = found.get("/assets/base.css")
        assert plain.headers["content-type"].startswith("text/css")
        assert "immutable" not in plain.headers["cache-control"]
        assert found.get("/assets/base.css", **{"If-None-Match": plain.headers["etag"]}).status_code == 304
        lasting = found.get(f"/assets/v-{found.version}/base.css")
        assert lasting.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert lasting.content == plain.content
        found.version = "c3d4"
        assert "immutable" not in found.get("/assets/v-a1b2/base.css").headers["cache-control"]
        assert "immutable" in found.get("/assets/v-c3d4/base.css").headers["cache-control"]
        for path in ("../app.py", "%2e%2e/app.py", "v-1/%2e%2e/%2e%2e/app.py", "nothing.js", "vendor"):
            assert found.get(f"/assets/{path}").status_code == 404, path


# Tokens


def test_tokens_are_kept_as_hashes_and_can_be_taken_away(tmp_path: Path) -> None:
    secret = create(tmp_path, "sensor", ("usgs", "other feed"), "USGS", Sensitivity.moderate)
    file = tmp_path / "secrets" / "tokens.toml"
    assert secret not in file.read_text()
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    tokens = Tokens(tmp_path)
    found = tokens.find(secret)
    assert found is not None
    assert (found.viewer.agency, found.viewer.clearance) == ("USGS", Sensitivity.moderate)
    assert [found.may_send(name) for name in ("usgs", "other feed", "else")] == [True, True, False]
    assert tokens.find(secret + "x") is None
    with pytest.raises(BadToken, match="sensor"):
        create(tmp_path, "sensor")
    with pytest.raises(BadToken):
        create(tmp_path, 'x"\nsources = ["*"]')
    file.write_text("")
    assert tokens.find(secret) is None
    file.write_text("nonsense")
    with pytest.raises(BadToken, match=r"tokens\.toml"):
        tokens.find(secret)


def test_the_command_line_makes_a_token_that_is_printed_once(commonground: Callable[..., Any], home: Path) -> None:
    made = commonground("token", "partner feed", "--source", "usgs", "--agency", "USGS", "--clearance", "moderate")
    assert made.returncode == 0, made.stderr
    found = Tokens(home).find(made.stdout.strip())
    assert found is not None
    assert (found.name, found.sources, found.viewer.agency) == ("partner feed", ("usgs",), "USGS")
    again = commonground("token", "partner feed")
    assert (again.returncode, again.stdout) == (2, "")
    assert "partner feed" in again.stderr


def test_the_local_token_may_send_for_every_source_and_stays_the_same(here: Site) -> None:
    secret = here.ingest_token
    assert here.ingest_token == secret
    assert oct((here.home / "secrets" / "ingest-token").stat().st_mode & 0o777) == "0o600"
    found = Tokens(here.home).find(secret)
    assert found is not None
    assert found.may_send("anything")
    assert found.viewer.agency == EVERY_AGENCY
