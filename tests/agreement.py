"""Each door's answer beside what the plain reference says it is. Every function raises where they differ."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from dashboard import live
from dashboard.export import export
from data.filters import Filters
from data.records import COLLECTIONS, KIND_OF_TYPE, Severity
from tests.doors import Asked
from tests.reference import Plain, counted, current, knows_land, listed, released
from tests.tile_reader import features
from tests.worlds import World, now

KINDS = ("incident", "alert", "report", "supply", "site", "track", "route", "feedback", "indicator", "activity")
Check = Callable[[Asked, World, int], None]
_COLLECTION = {kind.name: name for name, kind in COLLECTIONS.items()}


def items(asked: Asked, world: World, turn: int) -> None:
    """Every property of every feature of a collection, and its place."""
    kind = KINDS[turn % len(KINDS)]
    told = asked.client.get(f"/ogc/collections/{_COLLECTION[kind]}/items?limit=1000").json()
    expected = [_as_feature(one) for one in listed(world, kind)]
    found = [_same_names(feature, expected) for feature in told["features"]]
    assert _sorted(found) == _sorted(expected)
    assert told["numberMatched"] == len(expected)


def _as_feature(told: Plain) -> Plain:
    names = [name for name in told if name not in ("area", "attributes", "lon", "lat", "place")]
    plain: Plain = {name: _written(told[name]) for name in names}
    plain |= {"lon": told["lon"], "lat": told["lat"], "adm2_pcode": told["area"]}
    return plain | {f"attributes {name}": value for name, value in told["attributes"].items()}


def _same_names(feature: Plain, expected: list[Plain]) -> Plain:
    """Of a feature what the reference speaks of; attributes all of them."""
    told = feature["properties"]
    known = {name for one in expected for name in one if not name.startswith("attributes ")} - {"lon", "lat"}
    plain = {name: told.get(name) for name in known}
    place = feature["geometry"]
    if place is not None and place["type"] == "Point":
        plain["lon"], plain["lat"] = place["coordinates"]
    elif place is None:
        plain["lon"] = plain["lat"] = None
    else:  # a shape is released whole or not at all: its middle is the record's point
        ring = place["coordinates"][0]
        plain["lon"], plain["lat"] = (round((min(p[i] for p in ring) + max(p[i] for p in ring)) / 2, 5) for i in (0, 1))
    return plain | {f"attributes {name}": value for name, value in told["attributes"].items()}


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if hasattr(value, "name"):
        return value.name
    return None if value == "" else value


def _sorted(found: list[Plain]) -> list[str]:
    return sorted(repr(sorted((name, value or None) for name, value in one.items())) for one in found)


def counts(asked: Asked, world: World, turn: int) -> None:
    kind = KINDS[turn % len(KINDS)]
    tally, lacking = counted(world, kind)
    told = asked.client.get(f"/api/counts?collection={_COLLECTION[kind]}&by=category,agency").json()
    assert {(row[0], row[1]): row[2] for row in told["rows"] if row[2]} == dict(tally)
    assert told["total"] == sum(tally.values())
    assert ("fewer_than" in told) is lacking
    rows = listed(world, kind)
    at = asked.client.get(
        f"/api/counts?collection={_COLLECTION[kind]}&by=severity,adm2_pcode&bbox=-180,-90,180,90"
    ).json()
    placed = Counter((one["severity"].name, one["area"]) for one in rows if one["lon"] is not None)
    assert {(row[0], row[1]): row[2] for row in at["rows"]} == dict(placed)


def search(asked: Asked, world: World, turn: int) -> None:
    kind, word = KINDS[turn % len(KINDS)], ("alpha", "bravo", "clash", "village", "told", "r3")[turn % 6]
    told = asked.client.get(f"/ogc/collections/{_COLLECTION[kind]}/items?limit=1000&q={word}").json()
    texts = ("title", "place", "category", "description", "source_ref")
    assert told["numberMatched"] == sum(word in " ".join(one[name] for name in texts) for one in listed(world, kind))


def filtered(asked: Asked, world: World, turn: int) -> None:
    rows = listed(world, "incident")
    since = now() - timedelta(hours=100)
    cases: list[tuple[str, Callable[[Plain], bool]]] = [
        ("severity=serious", lambda one: one["severity"] >= Severity.serious),
        ("category=clash,flood", lambda one: one["category"] in ("clash", "flood")),
        ("agency=red", lambda one: one["agency"] == "red"),
        ("source=src1", lambda one: one["source"] == "src1"),
        ("area=XT01", lambda one: one["area"] == "XT0101"),
        ("bbox=30.05,5.05,30.5,5.5", lambda one: one["lon"] is not None and _within(one, 30.05, 5.05, 30.5, 5.5)),
        (f"from={since:%Y-%m-%dT%H:%M:%SZ}", lambda one: one["event_time"] is not None and one["event_time"] >= since),
        ("fatalities=3", lambda one: one["fatalities"] == 3),
        ("sensitivity=high", lambda one: one["sensitivity"].name == "high"),
    ]
    query, test = cases[turn % len(cases)]
    answer = asked.client.get(f"/ogc/collections/incidents/items?limit=1000&{query}")
    if query.startswith("area") and not knows_land(world):
        assert answer.status == 400
        return
    told = answer.json()
    assert told["numberMatched"] == sum(test(one) for one in rows), query


def _within(one: Plain, west: float, south: float, east: float, north: float) -> bool:
    return bool(west <= one["lon"] <= east and south <= one["lat"] <= north)


def tiles(asked: Asked, world: World, turn: int) -> None:
    layer, kind = (("incidents", "incident"), ("reports", "report"))[turn % 2]
    drawn = features(asked.client.get(f"/tiles/{layer}/latest/0/0/0.pbf").body)
    rows = [one for one in listed(world, kind) if one["lon"] is not None]
    assert sum(feature.properties["n"] for feature in drawn) == len(rows)
    of_severity: Counter[int] = Counter()
    for feature in drawn:
        if feature.properties["n"] == 1:
            of_severity[feature.properties["severity"]] += 1
        for level in Severity:
            of_severity[int(level)] += feature.properties.get(f"s{int(level)}", 0)
    assert +of_severity == +Counter(int(one["severity"]) for one in rows)


def totals(asked: Asked, world: World, turn: int) -> None:
    status = asked.client.get("/api/status").json()
    for kind in KINDS:
        tally, _ = counted(world, kind)
        assert status["records"][_COLLECTION[kind]] in (len(listed(world, kind)), sum(tally.values())), kind
    layers = {layer["id"]: layer for layer in asked.client.get("/api/layers").json()["layers"]}
    for layer, kind in (("incidents", "incident"), ("reports", "report")):
        assert layers[layer]["count"] == len(listed(world, kind))
        assert layers[layer]["unplaced"] == sum(one["lon"] is None for one in listed(world, kind))


def kpis(asked: Asked, world: World, turn: int) -> None:
    told = {kpi["id"]: kpi for kpi in asked.client.get("/api/kpis?window=28d").json()["kpis"]}
    rows = [one for one in listed(world, "incident") if one["event_time"] is not None]
    recent = [one for one in rows if one["event_time"] >= now() - timedelta(hours=24)]
    critical = [
        one for one in rows if one["severity"] is Severity.critical and one["event_time"] >= now() - timedelta(hours=72)
    ]
    month = [one for one in rows if one["event_time"] >= now() - timedelta(days=28)]
    assert told["incidents_24h"]["count"] == (len(recent) if month else 0)
    assert told["critical"]["count"] == (len(critical) if month else 0)
    assert told["alerts_active"]["count"] == len(listed(world, "alert"))


def pages(asked: Asked, world: World, turn: int) -> None:
    rows = listed(world, "incident")
    page = json.dumps(
        asked.client.callback("cg-page.children", [("url", "pathname", "/")], [("url", "search", "")]).json()
    )
    for name in ("clash", "flood", "looting"):
        assert (f'"value": "{name}"' in page) is any(one["category"] == name for one in rows)
    asking = [("cg-table", "data-asked", "?table=incidents_24h&window=1y")]
    panel = json.dumps(asked.client.callback("cg-table.children", asking).json())
    recent = [one for one in rows if one["event_time"] is not None and one["event_time"] >= now() - timedelta(hours=24)]
    silent = not [one for one in rows if one["event_time"] and one["event_time"] >= now() - timedelta(days=28)]
    assert panel.count('"grade":') == (0 if silent else len(recent))


def by_id(asked: Asked, world: World, turn: int) -> None:
    shown = sum(len(listed(world, kind)) for kind in KINDS)
    answers = [asked.client.get(f"/api/records/{public}") for public in asked.ids]
    assert Counter(answer.status for answer in answers)[200] == shown
    assert {answer.status for answer in answers} <= {200, 404}


def files(asked: Asked, world: World, turn: int) -> None:
    kind = KINDS[turn % len(KINDS)]
    file = asked.folder / "told.csv"
    seen = asked.services.picture.seen_by(asked.services.viewer(None))  # type: ignore[arg-type]
    export(seen, _COLLECTION[kind], Filters(), "csv", file)
    with file.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))[1:]  # less the row of hashtags
    shown = [
        known
        for known in released(world)
        if KIND_OF_TYPE[type(known.record)].name == kind and known.decision.obligations.minimum_count <= 1
    ]
    may_leave = [known for known in shown if not known.decision.obligations.no_export]
    assert len(rows) == len(may_leave)


def events(asked: Asked, world: World, turn: int) -> None:
    """What a page that knows nothing yet is told has come: the kinds that are shown, or counted."""
    _, event = live.resume(asked.services, asked.services.viewer(None), "0")  # type: ignore[arg-type]
    told = json.loads(event.partition(b"data: ")[2] or b"{}")
    shown = {_COLLECTION[kind] for kind in KINDS if listed(world, kind)}
    assert shown <= set(told.get("kinds", ())) or not event
    hidden = {_COLLECTION[kind] for kind in KINDS} - {
        _COLLECTION[KIND_OF_TYPE[type(k.record)].name] for k in released(world)
    }
    ever = {_COLLECTION[KIND_OF_TYPE[type(told.record)].name] for told in world.told if told not in current(world)}
    assert not (hidden - ever) & set(told.get("kinds", ()))
    critical = sum(one["severity"] is Severity.critical for kind in KINDS for one in listed(world, kind))
    assert len(told.get("critical", ())) <= critical


CHECKS: tuple[Check, ...] = (items, counts, search, filtered, tiles, totals, kpis, pages, by_id, files, events)
