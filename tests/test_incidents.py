"""Incidents as one selection: filters on released ground, facets, comparison, what is new, what is near, views, and the brief."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pypdfium2
import pytest
from shapely import Point, Polygon

from data.access import LOCAL_OPERATOR
from data.crossfilter import FACETS, cross
from data.filters import BadFilter, Filters, parse
from data.records import RouteStatus, Sensitivity, Severity
from data.records import Site as Place
from data.seen import public_id
from data.written import Change, write
from tests.site import NOW, Site, incident, land, site

SEEN = 240
ACTORS = ("Guard", "Rebels", "Militia, eastern", "")
GRADES = ("A1", "B2", "B4", "C3", "F6")


def made(number: int) -> Any:
    return incident(
        number,
        actor1=ACTORS[number % 4],
        actor2=ACTORS[(number // 4) % 4],
        grade=GRADES[number % 5],
        lon=30 + (number % 10) * 0.3,
        lat=5 + (number // 10) * 0.1,
    )


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("incidents")) as found:
        found.put(land(), "codab", "OCHA", releasable_to=("mission",))
        found.put([made(n) for n in range(SEEN)], "usgs", "USGS", releasable_to=("mission",))
        found.put(
            [incident(999, lon=30.0, lat=5.0, title="Kept back")], "secret", "Intel", sensitivity=Sensitivity.severe
        )
        found.put(
            [
                Place(
                    source_ref="c1", title="Clinic of all", category="clinic", lon=30.05, lat=5.0, functionality="open"
                ),
                Place(source_ref="c2", title="Far clinic", category="clinic", lon=33.0, lat=9.0),
            ],
            "usgs",
            "USGS",
            releasable_to=("mission",),
        )
        found.put(
            [Place(source_ref="c3", title="Kept clinic", category="clinic", lon=30.01, lat=5.0)], "secret", "Intel"
        )
        found.put([RouteStatus(source_ref="r1", title="Bridge", status="closed", lon=30.1, lat=5.1)], "usgs", "USGS")
        yield found


def asked(here: Site, query: str, token: str = "") -> dict[str, Any]:
    answer = here.get(f"/api/incidents?{query}", token)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    "query",
    [
        "actor=Rebels",
        "actor=Militia, eastern",
        "grade=B",
        "grade=B2",
        "severity=serious&category=clash,protest&grade=C3",
        "polygon=29.9,4.9,31,4.9,31,6.2,29.9,5.6",
        "radius=31,6,120",
        "actor=Guard&radius=31,6,200&severity=moderate",
    ],
)
def test_every_filter_finds_what_counting_by_hand_finds(here: Site, query: str) -> None:
    """Table, total, map features and OGC agree with a plain reading of the records."""
    told = dict(part.split("=") for part in query.split("&"))
    wanted = {f"Event {n}" for n in range(SEEN) if _fits(made(n), told)}
    if "grade" not in told and "actor" not in told and "category" not in told and ("severity" not in told):
        wanted |= {"Kept back"} if _fits(incident(999, lon=30.0, lat=5.0), told) else set()
    found = asked(here, f"window=all&limit=200&{query}")
    items = here.get(f"/ogc/collections/incidents/items?window=all&limit=1000&{query}").json()
    assert {feature["properties"]["title"] for feature in items["features"]} == wanted
    assert found["total"] == found["table"]["count"] == len(wanted) > 0
    rows = here.get(f"/api/incidents/rows?window=all&limit=200&offset=5&{query}").json()["rows"]
    assert len(rows) == min(200, max(0, len(wanted) - 5))
    assert {row["title"] for row in rows} <= wanted


def _fits(record: Any, told: dict[str, str]) -> bool:
    point = Point(record.lon, record.lat)
    for name, value in told.items():
        match name:
            case "actor":
                fits = value in (record.actor1, record.actor2)
            case "grade":
                fits = record.grade[0] <= value[0] and (len(value) < 2 or record.grade[1] <= value[1])
            case "severity":
                fits = record.severity >= Severity[value]
            case "category":
                fits = record.category in value.split(",")
            case "polygon":
                flat = [float(part) for part in value.split(",")]
                fits = Polygon(list(zip(flat[::2], flat[1::2], strict=True))).intersects(point)
            case _:
                lon, lat, km = (float(part) for part in value.split(","))
                fits = _km(record.lon, record.lat, lon, lat) <= km
        if not fits:
            return False
    return True


def _km(lon: float, lat: float, lon0: float, lat0: float) -> float:
    """By the spherical law of cosines, another formula than the product's."""
    phi, phi0, turn = math.radians(lat), math.radians(lat0), math.radians(lon - lon0)
    return 6371.0088 * math.acos(
        min(1.0, math.sin(phi) * math.sin(phi0) + math.cos(phi) * math.cos(phi0) * math.cos(turn))
    )


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"grade": "G1"}, "grade"),
        ({"polygon": "1,2,3,4"}, "polygon"),
        ({"polygon": "1,2,3,95,4,5"}, "polygon"),
        ({"polygon": ",".join(["1"] * 402)}, "polygon"),
        ({"radius": "1,2"}, "radius"),
        ({"radius": "1,2,nan"}, "radius"),
        ({"radius": "1,99,5"}, "radius"),
        ({"radius": "1,2,-5"}, "radius"),
    ],
)
def test_what_cannot_be_understood_is_said(query: dict[str, str], told: str) -> None:
    with pytest.raises(BadFilter, match=rf"^{told}:"):
        parse(query)


def test_a_facet_counts_what_each_choice_would_leave(here: Site) -> None:
    """For every facet and value: the count beside it is the total one gets by choosing it, the other filters holding."""
    seen = here.picture.seen_by(LOCAL_OPERATOR)
    filters = Filters(severity=Severity.moderate, category=("clash", "looting"), actor=("Guard",), grade="C3")
    crossed = cross(seen, filters)
    assert len(crossed.rows) == len(seen.rows("incident", filters)) > 0
    for facet in FACETS:
        for value, count in crossed.counts[facet].items():
            if value is None:
                continue
            chosen: dict[str, Any] = {
                "severity": {"severity": Severity[value]} if facet == "severity" else {},
                "grade": {"grade": value},
                "area": {"area": value},
            }.get(facet, {facet: (value,)})
            found = len(seen.rows("incident", Filters(**{**filters.__dict__, **chosen})))
            if facet == "severity":  # that or worse: the counts of the worse ones with it
                at = list(Severity).index(Severity[value])
                count = sum(crossed.counts[facet][severity.name] for severity in list(Severity)[at:])
            if facet == "grade":
                letters = "ABCDEF"[: "ABCDEF".index(value) + 1]
                count = sum(crossed.counts[facet][letter] for letter in letters)
            assert found == count, (facet, value)


def test_the_period_before_and_a_year_without_data(here: Site) -> None:
    found = asked(here, "window=7d")
    hours = [7 * n for n in [*range(SEEN), 999]]
    assert found["total"] == sum(hour < 168 for hour in hours)
    assert found["before"]["count"] == sum(168 <= hour < 336 for hour in hours)
    assert found["before"]["ratio"] == pytest.approx(found["total"] / found["before"]["count"])
    assert found["year_before"] | {"since": 0, "until": 0} == {
        "since": 0,
        "until": 0,
        "count": None,
        "ratio": None,
        "state": "none",
    }
    assert sum(map(sum, found["trend"]["bars"])) == found["total"]
    counted = Counter(made(n).severity.name for n in range(SEEN) if 7 * n < 168)
    assert {name: n for name, n in found["severities"].items() if n} == dict(counted)


def test_what_is_new_revised_and_retracted_since_a_moment(tmp_path: Any) -> None:
    with site(tmp_path) as here:
        here.put([incident(n, source_ref=f"x{n}") for n in range(4)], "usgs", "USGS")
        since = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
        here.put([incident(1, source_ref="x1", title="Told anew"), incident(7, source_ref="x7")], "usgs", "USGS")
        seen = here.picture.seen_by(LOCAL_OPERATOR)
        items = seen.items("incident", seen.rows("incident"))
        gone = next(item.record for item in items if item.record.source_ref == "x2")
        write(here.store, "ann", "take back", [Change(gone, None, gone=True)])
        here.picture.catch_up()
        found = asked(here, f"window=all&since={since}")
        assert found["changes"] == {"new": 1, "revised": 1, "retracted": 1}
        titles = {
            show: [row["title"] for row in asked(here, f"window=all&since={since}&show={show}")["table"]["rows"]]
            for show in ("new", "revised", "retracted")
        }
        assert titles == {"new": ["Event 7"], "revised": ["Told anew"], "retracted": ["Event 2"]}


def test_near_a_record_is_only_what_its_reader_may_see(here: Site) -> None:
    rows = asked(here, "window=all&category=clash&radius=30,5,1")["table"]["rows"]
    record = next(row["id"] for row in rows if row["title"] == "Event 0")
    token = here.token("partner", "usgs", agency="WHO")
    for bearer, sites in (("", {"Clinic of all", "Kept clinic"}), (token, {"Clinic of all"})):
        answer = here.get(f"/api/records/{record}/nearby?km=30", bearer)
        assert answer.status_code == 200, answer.text
        groups = {group["name"]: group for group in answer.json()["groups"]}
        assert {item["title"] for item in groups["sites"]["items"]} == sites
        assert groups["sites"]["count"] == len(sites)
        distances = [item["km"] for item in groups["sites"]["items"]]
        assert distances == sorted(distances)
        assert b"Far clinic" not in answer.content
    hidden = here.picture.tables["incident"]
    kept = public_id(int(hidden["id"][-1]))
    assert here.get(f"/api/records/{kept}/nearby", token).content == here.get("/api/records/00/nearby", token).content


def test_a_view_is_saved_shared_and_removed(here: Site) -> None:
    def act(path: str, **told: Any) -> Any:
        return here.client.post(f"{here.url}/api/views/{path}", json=told, headers={"Origin": here.url})

    assert act("save", name="Critical west", page="/incidents", query="severity=critical&view_as=x").status_code == 200
    (view,) = here.get("/api/views").json()["views"]
    assert (view["name"], view["href"], view["mine"]) == ("Critical west", "/incidents?severity=critical", True)
    assert act("save", name="Bad", page="/incidents", query="grade=Z").status_code == 422
    assert act("save", name="Critical west", page="/incidents", query="severity=severe", shared=True).status_code == 200
    (view,) = here.get("/api/views").json()["views"]
    assert view["href"] == "/incidents?severity=severe"
    assert here.get("/api/views", here.token("other", "usgs", agency="WHO")).json()["views"] == []
    assert act("remove", id=view["id"], looked_at=view["revision"]).status_code == 200
    assert here.get("/api/views").json()["views"] == []


@pytest.mark.parametrize("lang", ["en", "ar"])
def test_the_brief_is_one_page_with_map_marking_and_figures(here: Site, lang: str) -> None:
    answer = here.get(f"/api/incidents/brief.pdf?window=28d&lang={lang}&radius=31,6,150")
    assert answer.status_code == 200, answer.text
    document = pypdfium2.PdfDocument(answer.content)
    assert len(document) == 1
    text = document[0].get_textpage().get_text_bounded()
    total = asked(here, "window=28d&radius=31,6,150")["total"]
    assert str(total) in text
    assert "EXERCISE" in text
    if lang == "en":
        assert "within 150 km" in text
    image = np.asarray(document[0].render(scale=1).to_pil().convert("RGB")).astype(int)
    brown = (image[:, :, 0] - image[:, :, 2] > 60).sum()  # severities on the map and in the table
    water = (np.abs(image - (223, 231, 238)).max(axis=2) < 6).sum()
    assert brown > 200
    assert water > 3000
    refused = here.get("/api/incidents/brief.pdf", here.token(f"reader {lang}", "usgs", agency="WHO"))
    assert refused.status_code == 403


def test_patterns_are_found_on_what_is_seen(tmp_path: Any) -> None:
    """Ten quiet months in two halves of a country, then a burst in the west that a partner may not see."""
    with site(tmp_path) as here:
        here.put(land(), "codab", "OCHA", releasable_to=("mission",))
        quiet = [
            incident(n, event_time=NOW - timedelta(days=n), lon=30 if n % 2 else 33, source_ref=f"q{n}", lat=6)
            for n in range(300)
        ]
        here.put(quiet, "usgs", "USGS", releasable_to=("mission",))
        burst = [incident(n, event_time=NOW - timedelta(hours=n), lon=30, lat=6, source_ref=f"b{n}") for n in range(60)]
        old = [incident(9, event_time=NOW - timedelta(days=280), lon=30, lat=6, source_ref="old")]
        here.put([*burst, *old], "secret", "Intel", sensitivity=Sensitivity.high)
        told = {}
        for name, token in (("all", ""), ("partner", here.token("partner", "usgs", agency="WHO"))):
            found = here.get("/api/incidents/patterns?wait=10", token).json()
            assert found["state"] == "found"
            told[name] = [one["pcode"] for one in found["surge"]["alarms"]]
            assert found["surge"]["method"] == "EARS C2"
            assert found["surge"]["tested"] == 2
            assert 0 < found["surge"]["expected_false"] < 1
        assert told == {"all": ["XT01"], "partner": []}
