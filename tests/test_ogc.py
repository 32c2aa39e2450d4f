"""OGC API - Features as clients use it: GDAL reads it, the definition describes it, and pages of a moving picture add up."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import jsonschema
import openapi_spec_validator
import pytest

from dashboard.kpis import all_kpis
from data.records import COLLECTIONS, KINDS, Alert, Sensitivity
from tests.site import NOW, Site, incident, land, site

SEEN = 250
CONTRACT = [
    "id",
    "source",
    "source_ref",
    "agency",
    "title",
    "category",
    "severity",
    "grade",
    "sensitivity",
    "event_time",
    "received_at",
    "revision",
    "adm0_pcode",
    "adm1_pcode",
    "adm2_pcode",
    "adm3_pcode",
    "place",
    "exercise",
]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("ogc")) as found:
        found.put(land(), "codab", "OCHA")
        found.put([incident(n, lon=30 + (n % 10) * 0.3, lat=5 + (n // 10) * 0.1) for n in range(SEEN)], "usgs", "USGS")
        found.put(
            [
                incident(900, lon=None, lat=None, title="Nowhere"),
                incident(901, event_time=None, category="fire, arson"),
            ],
            "other",
            "WHO",
            exercise=True,
        )
        found.put(
            [
                Alert(
                    source_ref="a", title="Flood", lon=30.5, lat=6.5, wkb=land()[1].wkb, urgency="Immediate", onset=NOW
                )
            ],
            "cap",
            "MET",
        )
        yield found


def items(here: Site, query: str = "", collection: str = "incidents") -> dict[str, Any]:
    answer = here.get(f"/ogc/collections/{collection}/items?{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/geo+json"
    assert answer.headers["content-crs"] == "<http://www.opengis.net/def/crs/OGC/1.3/CRS84>"
    found: dict[str, Any] = answer.json()
    assert found["numberReturned"] == len(found["features"])
    return found


def link(found: dict[str, Any], rel: str) -> str | None:
    return next((each["href"] for each in found["links"] if each["rel"] == rel), None)


def test_every_link_from_the_landing_page_leads_somewhere(here: Site) -> None:
    to_visit, visited = [here.url + "/ogc"], set()
    while to_visit:
        address = to_visit.pop()
        if address in visited:
            continue
        visited.add(address)
        answer = here.client.get(address)
        assert answer.status_code == 200, address
        told = answer.json()
        for each in [*told.get("links", []), *(each for part in told.get("collections", []) for each in part["links"])]:
            assert {"href", "rel", "type"} <= each.keys()
            if each["rel"] != "next":
                to_visit.append(each["href"])
    for collection in COLLECTIONS:
        assert f"{here.url}/ogc/collections/{collection}/items" in visited
    assert (
        "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core"
        in here.get("/ogc/conformance").json()["conformsTo"]
    )


def test_the_definition_is_valid_and_is_what_is_served(here: Site) -> None:
    answer = here.get("/ogc/api")
    assert answer.headers["content-type"] == "application/vnd.oai.openapi+json;version=3.0"
    definition = answer.json()
    openapi_spec_validator.validate(definition)
    (server,) = definition["servers"]
    for path in definition["paths"]:
        if "{" not in path:
            assert here.client.get(server["url"] + path).status_code == 200, path
    for collection in ("incidents", "alerts", "boundaries"):
        schema = {"$ref": f"#/components/schemas/{collection}", "components": _plain(definition["components"])}
        found = items(here, "limit=300", collection)
        assert found["features"]
        for feature in found["features"]:
            jsonschema.validate(feature, schema)
            assert set(CONTRACT) <= feature["properties"].keys()


def _plain(part: Any) -> Any:
    """OpenAPI 3.0's `nullable` in the words of JSON Schema."""
    if isinstance(part, list):
        return [_plain(each) for each in part]
    if not isinstance(part, dict):
        return part
    told = {key: _plain(value) for key, value in part.items()}
    if told.get("nullable") is True and isinstance(told.get("type"), str):
        told["type"] = [told["type"], "null"]
    return told


def test_every_parameter_of_the_definition_is_taken_and_others_are_refused(here: Site) -> None:
    definition = here.get("/ogc/api").json()
    values = {
        "bbox": "30,5,31,6",
        "datetime": "2020-01-01T00:00:00Z/..",
        "limit": "1",
        "offset": "1",
        "from": "2020-01-01",
        "to": "2030-01-01",
    }
    values |= {
        "window": "7d",
        "area": "XT01",
        "severity": "severe",
        "as_known_at": "2030-01-01",
        "sensitivity": "low",
        "exercise": "true",
        "grade": "B2",
        "polygon": "30,5,31,5,31,6",
        "radius": "30,5,100",
    }
    for collection in COLLECTIONS:
        for name in parameters(definition, collection):
            behind = next((kpi.id for kpi in all_kpis() if KINDS[kpi.kind].collection == collection), "")
            value = behind if name == "kpi" else values.get(name, "1")
            answer = here.get(f"/ogc/collections/{collection}/items?{name}={value}")
            assert answer.status_code == 200, (collection, name, answer.text)
        assert {"severity", "as_known_at", "bbox", "adm1_pcode"} <= set(parameters(definition, collection))
        refused = here.get(f"/ogc/collections/{collection}/items?fatalitys=3")
        assert refused.status_code == 400
        assert "fatalitys" in refused.json()["description"]


def parameters(definition: dict[str, Any], collection: str) -> Iterator[str]:
    """Names as they stand in an address; an exploded object is as many parameters as it has members."""
    for told in definition["paths"][f"/collections/{collection}/items"]["get"]["parameters"]:
        parameter = definition["components"]["parameters"][told["$ref"].rpartition("/")[2]] if "$ref" in told else told
        assert parameter["in"] == "query"
        yield from parameter["schema"].get("properties", {parameter["name"]: None})


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=x",
        "limit=-1",
        "offset=-1",
        "offset=1.5",
        "bbox=1,2,3",
        "bbox=1,5,2,4",
        "bbox=a,b,c,d",
        "datetime=x",
        "datetime=2030-01-01/2020-01-01",
        "f=gml",
        "crs=EPSG:3857",
        "exercise=perhaps",
        "sensitivity=secret",
        "fatalities=many",
        "as_known_at=then",
        "window=1",
        "area=ZZ",
        "severity=bad",
    ],
)
def test_a_parameter_that_cannot_be_understood_is_named(here: Site, query: str) -> None:
    answer = here.get(f"/ogc/collections/incidents/items?{query}")
    assert answer.status_code == 400
    told = answer.json()
    assert told["code"] == "bad-request"
    assert query.partition("=")[0] in told["description"]
    assert told["description"].endswith(".")


def test_filters_select_what_they_say(here: Site) -> None:
    everything = items(here, "limit=10000")
    assert everything["numberMatched"] == len(everything["features"]) == SEEN + 2
    told = [(feature["geometry"], feature["properties"]) for feature in everything["features"]]

    def expect(query: str, test: Any) -> None:
        found = items(here, f"{query}&limit=10000")
        wanted = {p["id"] for g, p in told if test(g, p)}
        assert {feature["id"] for feature in found["features"]} == wanted, query
        assert found["numberMatched"] == len(wanted)
        assert 0 < len(wanted) < len(told), query

    since = (NOW - timedelta(days=14)).isoformat().replace("+00:00", "Z")
    until = (NOW - timedelta(days=7)).isoformat().replace("+00:00", "Z")
    expect(
        "bbox=30.5,5.5,31.5,7",
        lambda g, p: g and 30.5 <= g["coordinates"][0] <= 31.5 and 5.5 <= g["coordinates"][1] <= 7,
    )
    expect(f"datetime={since}/..", lambda g, p: p["event_time"] and p["event_time"] >= since)
    expect(f"datetime={since}/{until}", lambda g, p: p["event_time"] and since <= p["event_time"] <= until)
    expect(f"datetime={NOW.isoformat().replace('+00:00', 'Z')}", lambda g, p: p["source_ref"] == "i0")
    expect("category=clash,looting", lambda g, p: p["category"] in ("clash", "looting"))
    expect("category=fire, arson", lambda g, p: p["category"] == "fire, arson")
    expect("severity=severe", lambda g, p: p["severity"] in ("severe", "critical"))
    expect("agency=WHO", lambda g, p: p["agency"] == "WHO")
    expect("source=other", lambda g, p: p["source"] == "other")
    expect("exercise=true", lambda g, p: p["exercise"])
    expect("area=XT02", lambda g, p: p["adm1_pcode"] == "XT02")
    expect("adm1_pcode=XT01,ZZ", lambda g, p: p["adm1_pcode"] == "XT01")
    expect("fatalities=3", lambda g, p: p["fatalities"] == 3)
    expect("q=nowhere", lambda g, p: p["title"] == "Nowhere")
    expect(
        "area=XT01&category=protest&severity=moderate",
        lambda g, p: (
            p["adm1_pcode"] == "XT01"
            and p["category"] == "protest"
            and p["severity"] != "unknown"
            and p["severity"] != "minor"
        ),
    )
    assert items(here, "bbox=20,6,29.5,7", "alerts")["numberMatched"] == 1, "a box touches the area, not its middle"
    for period in ("day", "week", "month"):
        rows = here.get(f"/api/counts?by={period}&source=other").json()["rows"]
        assert [None, 1] in rows, "what has no time is counted as that"
        assert sum(row[1] for row in rows) == 2
    assert items(here, "bbox=170,0,-170,10")["numberMatched"] == 0, "a box across the antimeridian"


def test_a_feature_says_all_there_is_and_null_for_what_was_not_said(here: Site) -> None:
    (nowhere,) = items(here, "q=nowhere")["features"]
    assert nowhere["geometry"] is None
    answer = here.get(f"/ogc/collections/incidents/items/{nowhere['id']}")
    told = answer.json()
    assert told["properties"] == nowhere["properties"]
    assert 'rel="collection"' in answer.headers["link"]
    properties = told["properties"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", properties["received_at"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", properties["event_time"])
    assert properties["adm0_pcode"] is None
    assert properties["injured"] is None
    assert properties["attributes"] == {"note": "=1+900"}
    assert here.get(f"/ogc/collections/alerts/items/{nowhere['id']}").status_code == 404, "of another collection"
    assert here.get("/ogc/collections/secrets/items").content == here.get("/ogc/collections/incidents/items/x").content


def test_pages_add_up_while_the_picture_moves(here: Site) -> None:
    found = items(here, "limit=40&window=52w&source=usgs")
    total = found["numberMatched"]
    assert total == SEEN
    assert link(found, "prev") is None
    listed, pages = [feature["id"] for feature in found["features"]], 1
    while (address := link(found, "next")) is not None:
        # Meanwhile something newer arrives, which would push everything one place on.
        here.put([incident(2_000 + pages, event_time=NOW)], "usgs", "USGS")
        found = here.client.get(address).json()
        assert found["numberMatched"] == total
        assert link(found, "prev") is not None
        listed += [feature["id"] for feature in found["features"]]
        pages += 1
    assert pages == -(-total // 40)
    assert len(set(listed)) == len(listed) == total
    times = [feature["properties"]["event_time"] for feature in items(here, "limit=1000&source=usgs")["features"]]
    assert times == sorted(times, reverse=True)


def test_the_picture_as_it_was_known(here: Site) -> None:
    before = items(here, "source=late")["numberMatched"]
    here.put([incident(3_000, title="Old word")], "late", "WHO")
    (first,) = items(here, "source=late")["features"]
    here.put([incident(3_000, title="New word")], "late", "WHO")
    known = first["properties"]["received_at"]
    later = items(here, "source=late")["features"][0]["properties"]
    assert (before, later["title"]) == (0, "New word")
    then = items(here, f"source=late&as_known_at={later['received_at']}")["features"]
    assert [feature["properties"]["title"] for feature in then] == ["Old word"]
    assert (
        here.get(f"/ogc/collections/incidents/items/{first['id']}?as_known_at={later['received_at']}").json()[
            "properties"
        ]["title"]
        == "Old word"
    )
    assert items(here, f"source=late&as_known_at={known}")["numberMatched"] == 0


def test_limit_has_a_most(here: Site) -> None:
    found = items(here, "limit=1000000")
    assert found["numberReturned"] == found["numberMatched"]
    assert items(here)["numberReturned"] == 100


GDAL = """
import json, sys
import pyogrio
found = []
for asked in json.load(sys.stdin):
    asked = {name: tuple(value) if isinstance(value, list) else value for name, value in asked.items()}
    frame = pyogrio.read_dataframe(sys.argv[1], read_geometry=False, **asked)
    found.append(json.loads(frame.to_json(orient="records", date_format="iso", default_handler=str)))
print(json.dumps(found))
"""


def gdal(address: str, *asked: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """Rows of a collection as GDAL reads them, in a process of its own: it holds Python's lock while it waits for us."""
    done = subprocess.run(
        [sys.executable, "-c", GDAL, f"OAPIF:{address}"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found: list[list[dict[str, Any]]] = json.loads(done.stdout)
    return found


def test_gdal_reads_a_collection_whole_and_by_box_and_attribute(here: Site) -> None:
    wheres: dict[str, Callable[[dict[str, Any]], bool]] = {
        "severity = 'serious'": lambda row: row["severity"] == "serious",
        "category = 'fire, arson'": lambda row: row["category"] == "fire, arson",
        "adm1_pcode = 'XT01' AND fatalities = 2": lambda row: row["adm1_pcode"] == "XT01" and row["fatalities"] == 2,
    }
    box = (30.5, 5.5, 31.5, 7.0)
    address = f"{here.url}/ogc/collections/incidents"
    whole, inside, *chosen = gdal(address, {}, {"bbox": box}, *({"where": where} for where in wheres))
    assert len({row["id"] for row in whole}) == len(whole) == items(here)["numberMatched"]
    assert set(CONTRACT) - {"adm2_pcode", "adm3_pcode"} <= whole[0].keys()
    assert len(inside) == items(here, "bbox=30.5,5.5,31.5,7")["numberMatched"] > 0
    for (where, test), found in zip(wheres.items(), chosen, strict=True):
        assert {row["id"] for row in found} == {row["id"] for row in whole if test(row)}, where
        assert found, where


def test_a_program_with_a_token_is_given_its_own_view(here: Site) -> None:
    token = here.token("who", agency="WHO", clearance=Sensitivity.low)
    answer = here.get("/ogc/collections/incidents/items?limit=1000", token).json()
    assert {feature["properties"]["agency"] for feature in answer["features"]} == {"WHO"}
    extent = here.get("/ogc/collections/alerts", token).json()["extent"]
    assert extent == {}, "where withheld things lie is not told either"


def test_an_address_that_is_not_a_feature_is_json_all_the_same(here: Site) -> None:
    for path in (
        "/ogc/nothing",
        "/ogc/collections/nothing",
        "/ogc/collections/nothing/items",
        "/ogc/collections/incidents/items/x/y",
    ):
        answer: httpx.Response = here.get(path)
        assert answer.status_code == 404
        assert answer.json()["code"] == "not-found"


def test_owslib_finds_its_way(here: Site) -> None:
    from owslib.ogcapi.features import Features

    api = Features(f"{here.url}/ogc")
    assert set(api.feature_collections()) == set(COLLECTIONS)
    assert "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables" in api.conformance()["conformsTo"]
    assert api.api()["openapi"].startswith("3.0")
    assert api.collection("incidents")["links"]
    queryables = api.collection_queryables("incidents")
    assert queryables["properties"]["fatalities"]["type"] == "number"
    found = api.collection_items("incidents", limit=5, bbox=[30, 5, 31, 6], category="clash")
    assert found["numberReturned"] == 5
    assert {feature["properties"]["category"] for feature in found["features"]} == {"clash"}
    identity = found["features"][0]["id"]
    assert api.collection_item("incidents", identity)["id"] == identity


def test_every_queryable_is_a_parameter_and_selects(here: Site) -> None:
    definition = here.get("/ogc/api").json()
    for collection in COLLECTIONS:
        address = f"/ogc/collections/{collection}/queryables"
        answer = here.get(address)
        assert answer.headers["content-type"] == "application/schema+json"
        told = answer.json()
        jsonschema.Draft202012Validator.check_schema(told)
        assert told["$id"] == here.url + address
        assert told["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert told["properties"].pop("geometry")["x-ogc-role"] == "primary-geometry"
        assert told["properties"].keys() <= set(parameters(definition, collection))
        links = here.get(f"/ogc/collections/{collection}").json()["links"]
        assert here.url + address in [
            each["href"] for each in links if each["rel"] == "http://www.opengis.net/def/rel/ogc/1.0/queryables"
        ]
    assert here.get("/ogc/collections/secrets/queryables").status_code == 404


def test_a_box_may_have_heights_or_lie_across_the_antimeridian(here: Site) -> None:
    here.put([incident(5_000 + n, lon=lon, lat=-17) for n, lon in enumerate((178, 180, -180, -179, 0))], "fiji", "WHO")

    def ids(box: str) -> set[str]:
        return {each["properties"]["source_ref"] for each in items(here, f"source=fiji&bbox={box}")["features"]}

    assert ids("177,-18,-178,-16") == {"i5000", "i5001", "i5002", "i5003"}
    assert ids("-178,-18,177,-16") == {"i5004"}
    assert ids("177,-18,-50,-178,-16,9000") == ids("177,-18,-178,-16"), "heights, which records here do not have"
    assert ids("-180,-90,180,90") == {"i5000", "i5001", "i5002", "i5003", "i5004"}


def test_intervals_open_at_either_end(here: Site) -> None:
    since = (NOW - timedelta(days=7)).isoformat().replace("+00:00", "Z")

    def count(interval: str) -> int:
        return int(items(here, f"source=usgs&datetime={interval}")["numberMatched"])

    before, after = count(f"../{since}"), count(f"{since}/..")
    assert (count(f"/{since}"), count(f"{since}/")) == (before, after)
    assert before + after - count(since) == items(here, "source=usgs")["numberMatched"]
    assert min(before, after) > 0
    assert count("../..") == items(here, "source=usgs")["numberMatched"]


@pytest.mark.parametrize(
    "path", ["", "/conformance", "/api", "/collections", "/collections/incidents", "/collections/incidents/queryables"]
)
def test_an_unknown_parameter_is_refused_everywhere(here: Site, path: str) -> None:
    assert here.get(f"/ogc{path}?f=json").status_code == 200
    for query in ("foo=1", "f=html"):
        answer = here.get(f"/ogc{path}?{query}")
        assert answer.status_code == 400
        assert query.partition("=")[0] in answer.json()["description"]
    identity = items(here, "limit=1")["features"][0]["id"]
    assert here.get(f"/ogc/collections/incidents/items/{identity}?foo=1").status_code == 400
