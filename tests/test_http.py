"""The machine interface by its own door: HTTP over a real store. Who sees what, what is kept, and what is refused."""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import brotli
import httpx
import pytest

from data.records import KINDS, Entry, Retract, Sensitivity, Severity, blake, encoder
from data.records import Site as Place
from data.store import Batch
from tests.pictures import chunks
from tests.site import Site, bearer, incident, land, site

SEEN = 60
WITHHELD = 7


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
    assert told["outputs"] == []


def test_a_viewer_is_told_only_of_what_is_released_to_them(here: Site, partner: str) -> None:
    told = here.get("/api/status", partner).json()
    assert told["records"]["incidents"] == SEEN
    assert told["records"]["sites"] == 0
    assert [source["name"] for source in told["sources"]] == ["usgs"]
    assert "outputs" not in told
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
    assert answer["mission"]["marking"] == "SEVERE · OWNERS ONLY", "of what is on it together"
    assert answer["mission"]["utc_offset_min"] == 180
    assert answer["mission"]["bbox"] == [29, 4, 34, 10]
    blind = here.token("sees no boundary")
    unseen = here.get("/api/layers", blind).json()["mission"]
    assert (unseen["bbox"], unseen["marking"]) == (None, "UNCLASSIFIED")
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
        owner = found.token("owner", agency="USGS", clearance=Sensitivity.low)
        assert len(found.get("/api/quarantine", owner).json()["groups"]) == 1
        for stranger in (found.token("outsider", agency="UNHCR", clearance=Sensitivity.low), found.token("blind")):
            assert found.get("/api/quarantine", stranger).json()["groups"] == [], "a refused row bears no mark"


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
