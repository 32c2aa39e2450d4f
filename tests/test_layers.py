"""What holds for every layer, on a picture that has something of every kind; then what single layers promise.

A new layer is checked here as it is; where it draws a kind or a case that `everything` lacks, add a record there.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import shapely

from data.access import LOCAL_OPERATOR, NOBODY
from data.columns import WORLD
from data.filters import EVERYTHING, BadFilter, Filters
from data.records import (
    KINDS,
    Alert,
    Boundary,
    Imagery,
    Incident,
    Indicator,
    Record,
    Report,
    RouteStatus,
    Severity,
    Site,
    SupplyLevel,
    Track,
)
from data.seen import Seen
from layers.features import Points, View
from layers.layer import GROUPS, MAXZOOM, Layer, all_layers, layer_list, select
from layers.tiles import encode_tile
from layers.words import catalogue, number
from tests.pictures import add, picture_of
from tests.tile_reader import Read, features

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
LAYERS = [pytest.param(layer, id=layer.id) for layer in all_layers().values()]
LANGUAGES = ("fr", "ar")
STATUSES = {"open", "partly", "closed", "restricted", "unknown", "not_reported"}
SUPPLY = {"stockout", "lt7", "d7_14", "d14_30", "gt30", "overstock", "unknown", "not_reported"}

Told = dict[str, type | tuple[type, ...]]
NUMBER = (int, float)
ALONE: dict[str, Told] = {
    "cells": {"n": int, "id": str, "severity": int, "title": str, "category": str, "fade": float},
    "symbols": {"n": int, "id": str, "title": str, "sidc": str, "stale": int, "t": int},
    "status": {"n": int, "id": str, "title": str, "status": str},
    "areas": {"id": str, "title": str, "severity": int, "category": str},
    "choropleth": {"pcode": str, "name": str, "cls": int},
    "boundaries": {"pcode": str, "name": str, "level": int, "disputed": int},
    "labels": {"name": str, "kind": str, "rank": int},
    "lines": {"id": str, "title": str, "cls": str, "status": str},
    "ways": {"id": str, "title": str, "status": str},
    "pictures": {"id": str, "title": str},
}
"""What the browser needs of a feature by how it is drawn (assets/marks.mjs)."""
GEOMETRY = {
    "cells": 1,
    "symbols": 1,
    "status": 1,
    "labels": 1,
    "lines": 2,
    "ways": 2,
    "areas": 3,
    "choropleth": 3,
    "boundaries": 3,
    "pictures": 3,
}


def area(pcode: str, shape: shapely.Geometry, level: int, **told: object) -> Boundary:
    inner = shape.representative_point()
    return Boundary(
        source_ref=pcode,
        pcode=pcode,
        title=f"Area {pcode}",
        level=level,
        lon=inner.x,
        lat=inner.y,
        wkb=shape.wkb,
        **told,  # type: ignore[arg-type]
    )


def country() -> list[Boundary]:
    """Two districts of two counties each, side by side from 30 to 34 degrees east."""
    boxes = [shapely.box(30 + n, 7, 31 + n, 8) for n in range(4)]
    return [
        area("XA", shapely.union_all(boxes), 0),
        area("XA1", shapely.union_all(boxes[:2]), 1, name_local="Ārea wan"),
        area("XA2", shapely.union_all(boxes[2:]), 1),
        *(
            area(f"XA{1 + n // 2}{n % 2}", box, 2, parent_pcode=f"XA{1 + n // 2}", disputed=n == 3)
            for n, box in enumerate(boxes)
        ),
    ]


def stock(
    site: str, item: str, on_hand: float | None, amc: float | None, days_ago: float = 5, **told: object
) -> SupplyLevel:
    when = NOW - timedelta(days=days_ago)
    ref = f"{site}/{item}/{days_ago}"
    return SupplyLevel(
        source_ref=ref, site_ref=site, item=item, stock_on_hand=on_hand, amc=amc, event_time=when, **told
    )  # type: ignore[arg-type]


def everything() -> list[Record]:
    rng = np.random.default_rng(11)
    records: list[Record] = [*country()]
    for n in range(200):
        lon, lat = (float(rng.uniform(30, 34)), float(rng.uniform(7, 8))) if n % 20 else (None, None)
        told = {
            "severity": Severity(n % 6),
            "category": "Battles",
            "event_time": NOW - timedelta(hours=n),
            "lon": lon,
            "lat": lat,
        }
        records.append(Incident(source_ref=f"i{n}", title=f"Event {n}", **told))
        records.append(Report(source_ref=f"r{n}", title=f"Report {n}", **told))
    records += [
        Alert(
            source_ref="a1",
            title="Storm",
            category="Wind",
            severity=Severity.severe,
            lon=31.0,
            lat=7.5,
            wkb=shapely.box(30.5, 7.2, 31.5, 7.8).wkb,
        ),
        Alert(source_ref="a2", title="Flood", category="Flood", severity=Severity.minor, lon=32.0, lat=7.5),
        *(
            Track(
                source_ref=f"t{n}",
                callsign=f"ONE{n}",
                sidc="SFGPUCI---*****",
                affiliation="friend",
                lon=30.2 + n / 9,
                lat=7.4,
                event_time=NOW,
            )
            for n in range(9)
        ),
        *(
            Site(
                source_ref=f"s{n}",
                title=f"Clinic {n}",
                category="clinic",
                functionality=("open", "partly", "closed", "unknown")[n % 4],
                lon=30.1 + n / 7,
                lat=7.6,
            )
            for n in range(20)
        ),
        Site(source_ref="town", title="Tesheni", category="Town", population_served=9000.0, lon=30.7, lat=7.7),
        *(stock(f"s{n}", "NUT", float(n * 5), 60.0) for n in range(15)),
        Imagery(
            source_ref="flood.tif",
            title="Flood extent",
            event_time=NOW - timedelta(days=2),
            lon=31.0,
            lat=7.0,
            wkb=shapely.to_wkb(shapely.box(30.5, 6.5, 31.5, 7.5)),
            tiles="ab" * 32,
            minzoom=6,
            maxzoom=11,
        ),
        RouteStatus(
            source_ref="w1",
            title="Road",
            category="primary",
            status="closed",
            lon=31.0,
            lat=7.5,
            wkb=shapely.LineString([(30, 7.5), (34, 7.6)]).wkb,
        ),
        *(
            RouteStatus(
                source_ref=f"b{n}",
                title=f"Bridge {n}",
                category="bridge",
                status=("open", "closed")[n % 2],
                lon=30.3 + n / 5,
                lat=7.5,
            )
            for n in range(4)
        ),
        *(
            Indicator(
                source_ref=f"p{n}",
                category="population",
                indicator="population",
                value=1000.0 * (n + 1),
                unit="people",
                adm_pcode=f"XA{1 + n // 2}{n % 2}",
                event_time=NOW - timedelta(days=30),
            )
            for n in range(3)
        ),
    ]
    return records


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return seen_of(tmp_path_factory.mktemp("picture"), everything())


def seen_of(folder: Path, records: Iterable[Record]) -> Seen:
    return replace(picture_of(folder, records).seen_by(LOCAL_OPERATOR), now=NOW)


def drawn(seen: Seen, layer: Layer | str, z: int, filters: Filters = EVERYTHING, view: View = View()) -> list[Read]:  # noqa: B008
    """All features of a zoom over the country of these tests; shapes come once for every tile they touch."""
    layer = all_layers()[layer] if isinstance(layer, str) else layer
    n = 1 << z
    columns = range(int((29.9 + 180) / 360 * n), int((34.1 + 180) / 360 * n) + 1)
    rows = range(int(n * 0.47), int(n * 0.49) + 1)
    return [each for x in columns for y in rows for each in features(encode_tile(seen, layer, filters, z, x, y, view))]


def listed(seen: Seen, layer: str, filters: Filters = EVERYTHING, **asked: str) -> dict[str, object]:
    return next(each for each in layer_list(seen, filters, view=View(**asked)) if each["id"] == layer)  # type: ignore[arg-type]


def counts(entry: dict[str, object]) -> dict[str, int]:
    return {line["key"]: line["count"] for line in entry["legend"] if line["count"]}  # type: ignore[attr-defined, union-attr]


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_says_what_it_is(layer: Layer) -> None:
    assert layer.draw in ALONE
    assert layer.group in GROUPS
    assert set(layer.kinds) <= set(KINDS)
    assert 0 <= layer.minzoom <= layer.maxzoom <= MAXZOOM
    assert layer.title == layer.title.strip() != ""
    assert layer.limits.endswith(".")
    assert set(layer.heeds) <= set(Filters.__dataclass_fields__)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_layer_speaks_every_language(seen: Seen, lang: str) -> None:
    words = catalogue(lang)
    for layer in all_layers().values():
        assert {layer.title, layer.group, layer.limits} <= set(words), layer.id
    english, other = layer_list(seen, EVERYTHING), layer_list(seen, EVERYTHING, view=View(lang))
    same = {  # words and names that are the same in French, and figures
        "Incidents", "Sites", "Population", "hostile", "", *(str(n) for n in range(10)),
    }  # fmt: skip
    for ours, theirs in zip(english, other, strict=True):
        for a, b in [
            (ours["title"], theirs["title"]),
            *(  # a thing of its own is called what it is called
                (x["label"], y["label"])
                for x, y in zip(ours["legend"], theirs["legend"], strict=True)
                if "about" not in x
            ),
        ]:
            assert a != b or a in same or not any(ch.isalpha() for ch in a), (ours["id"], a)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_translations_keep_the_places_of_values(lang: str) -> None:
    for english, words in catalogue(lang).items():
        assert sorted(part.split("}")[0] for part in english.split("{")[1:]) == sorted(
            part.split("}")[0] for part in words.split("{")[1:]
        ), english


@pytest.mark.parametrize("layer", LAYERS)
def test_nothing_known_is_nothing_drawn(tmp_path: Path, layer: Layer) -> None:
    empty = seen_of(tmp_path, [])
    assert drawn(empty, layer, 5) == []
    entry = listed(empty, layer.id)
    assert (entry["count"], entry["as_of"], entry["age_s"], entry["state"], entry["sources"]) == (
        0,
        None,
        None,
        "never",
        [],
    )


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("z", [3, 6, 9])
def test_features_carry_what_their_mark_needs(seen: Seen, layer: Layer, z: int) -> None:
    found = drawn(seen, layer, z)
    assert found or z == 3
    for each in found:
        told = each.properties
        assert each.type == GEOMETRY[layer.draw]
        if told.get("n", 1) > 1:
            prefix = "c_" if layer.draw == "status" else "s"
            parts = {key: value for key, value in told.items() if key.startswith(prefix) and key != "status"}
            assert sum(parts.values()) == told["n"]
            assert told["c"].startswith(f"{z}/")
            continue
        for name, kind in ALONE[layer.draw].items():
            assert isinstance(told[name], kind), (name, told)
        if layer.draw == "status":
            assert told["status"] in STATUSES | SUPPLY
        if layer.draw == "cells":
            assert 0 <= told["fade"] <= 1


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("z", [4, 7, 10])
def test_what_is_drawn_sums_to_what_is_selected(seen: Seen, layer: Layer, z: int) -> None:
    found = select(seen, layer, EVERYTHING)
    shown = np.ones(len(found.rows), np.bool_) if found.from_zoom is None else found.from_zoom <= z
    if isinstance(found, Points):
        expected = int(np.count_nonzero(shown & (found.x >= 0)))
        assert sum(each.properties.get("n", 1) for each in drawn(seen, layer, z)) == expected
    else:
        names = {tuple(sorted(each.properties.items())) for each in drawn(seen, layer, z)}
        assert len(names) == np.count_nonzero(shown)


@pytest.mark.parametrize("layer", LAYERS)
def test_the_list_counts_what_is_selected(seen: Seen, layer: Layer) -> None:
    entry = listed(seen, layer.id)
    found = select(seen, layer, EVERYTHING)
    assert entry["count"] == len(found.rows)
    legend: list[dict[str, object]] = entry["legend"]  # type: ignore[assignment]
    counted = [1 if "about" in line else line["count"] for line in legend]
    assert not legend or sum(counted) == entry["count"]  # type: ignore[arg-type]
    assert len({line["key"] for line in legend}) == len(legend)
    told = [str(line["key"]) for line in legend]
    assert "unknown" not in told or told[-1] == "unknown"


def test_the_list_is_plain_json_with_the_words_of_the_interface(seen: Seen) -> None:
    words = {
        "id",
        "title",
        "draw",
        "kind",
        "group",
        "on",
        "minzoom",
        "maxzoom",
        "count",
        "as_of",
        "age_s",
        "state",
        "sources",
        "limits",
        "legend",
    }
    entries = json.loads(json.dumps(layer_list(seen, EVERYTHING)))
    assert [entry["id"] for entry in entries] == list(all_layers())
    for entry in entries:
        assert words <= set(entry)
        assert entry["state"] in ("fresh", "late", "stale", "failed", "never")
        assert entry["age_s"] >= 0
        assert datetime.fromisoformat(entry["as_of"]) <= datetime.now(UTC)


@dataclass(frozen=True)
class State:
    name: str
    title: str
    state: str
    ailing_since: datetime | None = None


def test_a_layer_is_as_well_as_its_worst_source(tmp_path: Path) -> None:
    picture = picture_of(tmp_path, [Incident(source_ref="1", event_time=NOW)], source="one")
    add(picture, [Incident(source_ref="2", event_time=NOW - timedelta(days=2)), Incident(source_ref="3")], source="two")
    seen = replace(picture.seen_by(LOCAL_OPERATOR), now=NOW + timedelta(hours=1))

    def entry(*states: State) -> dict[str, object]:
        return next(each for each in layer_list(seen, EVERYTHING, states) if each["id"] == "incidents")

    assert entry()["sources"] == ["two", "one"]
    assert (entry()["as_of"], entry()["age_s"]) == ("2026-11-20T18:00:00Z", 3600)
    told = entry(State("one", "The One", "fresh"), State("two", "", "late"), State("three", "Three", "failed"))
    assert (told["sources"], told["state"]) == (["two", "The One"], "late")
    assert entry(State("one", "", "failed"), State("two", "", "stale"))["state"] == "failed"
    # It has stopped where all of its sources have, since the last of them did.
    assert told["stopped_since"] is None
    assert entry(State("one", "", "failed", NOW), State("two", "", "fresh"))["stopped_since"] is None
    earlier = State("two", "", "stale", NOW - timedelta(hours=3))
    assert entry(State("one", "", "failed", NOW), earlier)["stopped_since"] == "2026-11-20T18:00:00Z"
    nobody = replace(picture.seen_by(NOBODY), now=NOW)
    assert all(
        each["sources"] == [] and each["as_of"] is None
        for each in layer_list(nobody, EVERYTHING, [State("one", "One", "fresh")])
    )


def test_a_time_to_come_is_not_the_age_of_a_layer(tmp_path: Path) -> None:
    records = [
        Incident(source_ref="past", event_time=NOW - timedelta(hours=3)),
        Incident(source_ref="ahead", event_time=NOW + timedelta(days=2)),
    ]
    assert listed(seen_of(tmp_path, records), "incidents")["age_s"] == 3 * 3600


def test_filters_bear_only_on_layers_that_heed_them(seen: Seen) -> None:
    strict = Filters(window=timedelta(hours=10), category=("Battles",), severity=Severity.critical)
    entries = {entry["id"]: entry["count"] for entry in layer_list(seen, strict)}
    assert entries["incidents"] == 1
    assert entries["sites"] == 20
    assert entries["boundaries"] == 7
    assert {entry["id"]: entry["count"] for entry in layer_list(seen, Filters(area="XA10"))}["sites"] == 7
    with pytest.raises(BadFilter, match="no boundary"):
        layer_list(seen, Filters(area="nowhere"))


def test_records_without_a_place_are_counted_and_said(seen: Seen) -> None:
    entry = listed(seen, "incidents")
    assert (entry["count"], entry["unplaced"]) == (200, 10)
    assert "10 have no place" in str(entry["limits"])
    assert sum(each.properties["n"] for each in drawn(seen, "incidents", 6)) == 190


def test_alerts_leave_when_they_expire(tmp_path: Path) -> None:
    def alert(ref: str, expires: datetime | None, wkb: bytes | None) -> Alert:
        return Alert(source_ref=ref, title=ref, lon=31.0, lat=7.5, wkb=wkb, expires=expires)

    shape = shapely.box(30.5, 7.2, 31.5, 7.8).wkb
    hour = timedelta(hours=1)
    seen = seen_of(
        tmp_path,
        [
            *(
                alert(name, end, shape)
                for name, end in (("over", NOW - hour), ("holds", NOW + hour), ("endless", None))
            ),
            *(alert(name, end, None) for name, end in (("point over", NOW - hour), ("point", NOW + hour))),
        ],
    )
    assert {each.properties["title"] for each in drawn(seen, "alerts", 6)} == {"holds", "endless"}
    assert [each.properties["title"] for each in drawn(seen, "alert_points", 6)] == ["point"]
    later = replace(seen, now=NOW + 2 * hour)
    assert {each.properties["title"] for each in drawn(later, "alerts", 6)} == {"endless"}


def test_tracks_go_stale_and_then_leave(tmp_path: Path) -> None:
    def track(name: str, hours_ago: float, stale_h: float | None, lon: float) -> Track:
        when = NOW - timedelta(hours=hours_ago)
        stale = None if stale_h is None else when + timedelta(hours=stale_h)
        return Track(
            source_ref=name,
            callsign=name,
            sidc="SFGPUCI---*****",
            affiliation="friend",
            lon=lon,
            lat=7.5,
            event_time=when,
            stale=stale,
            course_deg=90.0,
        )

    seen = seen_of(
        tmp_path,
        [
            track("fresh", 0.1, 0.2, 30),
            track("own", 2, 5, 31),
            track("late", 2, 1, 32),
            track("usual", 2, None, 33),
            track("gone", 25, 99, 34),
        ],
    )
    found = {each.properties["title"]: each.properties for each in drawn(seen, "tracks", 6)}
    assert {name: told["stale"] for name, told in found.items()} == {"fresh": 0, "own": 0, "late": 1, "usual": 1}
    assert found["own"]["course_deg"] == 90
    assert "speed_m_s" not in found["own"]  # not said is not zero
    assert counts(listed(seen, "tracks")) == {"friend": 4}


def test_an_older_vintage_gives_way_where_a_newer_one_lies(tmp_path: Path) -> None:
    old, new = datetime(2018, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)
    records = [
        area("OLD1", shapely.box(30, 7, 31, 8), 2, vintage=old),
        area("OLD2", shapely.box(33, 7, 34, 8), 2, vintage=old),
        area("NEW1", shapely.box(30, 7, 30.6, 8), 2, vintage=new),
        area("UP", shapely.box(30, 7, 34, 8), 1, vintage=new),
    ]
    seen = seen_of(tmp_path, records)
    assert {each.properties["pcode"] for each in drawn(seen, "boundaries", 8)} == {"NEW1", "OLD2", "UP"}


def test_levels_come_in_as_one_comes_closer(seen: Seen) -> None:
    levels = {z: {each.properties["level"] for each in drawn(seen, "boundaries", z)} for z in (2, 6)}
    assert levels == {2: {0, 1}, 6: {0, 1, 2}}
    kinds = {z: Counter(each.properties["kind"] for each in drawn(seen, "labels", z)) for z in (3, 5, 8)}
    assert kinds == {3: {"adm1": 2}, 5: {"adm1": 2, "town": 1}, 8: {"adm1": 2, "adm2": 4, "town": 1}}
    assert "Ārea wan" in {each.properties.get("name_local") for each in drawn(seen, "labels", 5)}
    disputed = {each.properties["pcode"] for each in drawn(seen, "boundaries", 6) if each.properties["disputed"]}
    assert disputed == {"XA21"}


def test_names_stand_inside_their_area(tmp_path: Path) -> None:
    crescent = shapely.Point(31, 7.5).buffer(0.5).difference(shapely.Point(31.2, 7.5).buffer(0.45))
    seen = seen_of(tmp_path, [area("XA1", crescent, 1)])
    found = select(seen, all_layers()["labels"], EVERYTHING)
    assert isinstance(found, Points)
    lon = found.x[0] / WORLD * 360 - 180
    lat = np.degrees(2 * np.arctan(np.exp(np.pi * (1 - 2 * found.y[0] / WORLD))) - np.pi / 2)
    assert crescent.contains(shapely.Point(lon, lat))


def test_towns_are_names_and_no_facilities(seen: Seen) -> None:
    assert "Tesheni" not in {each.properties.get("title") for each in drawn(seen, "sites", 10)}
    assert "Tesheni" in {each.properties["name"] for each in drawn(seen, "labels", 8)}


def test_open_bridges_wait_for_the_closer_look(seen: Seen) -> None:
    assert {each.properties["status"] for each in drawn(seen, "crossings", 8)} == {"closed"}
    assert Counter(each.properties["status"] for each in drawn(seen, "crossings", 10)) == {"open": 2, "closed": 2}
    assert counts(listed(seen, "crossings")) == {"open": 2, "closed": 2}


def test_the_worst_item_stands_for_a_site_unless_one_is_asked_for(tmp_path: Path) -> None:
    site = Site(source_ref="s", title="Clinic", lon=31.0, lat=7.5)
    seen = seen_of(
        tmp_path, [site, stock("s", "NUT", 100, 30.4375), stock("s", "ORS", 5, 30.4375), stock("s", "KIT", 0, None)]
    )

    def told(item: str = "") -> dict[str, object]:
        [each] = drawn(seen, "supply", 8, view=View(item=item))
        return each.properties

    assert (told()["title"], told()["item"], told()["status"]) == ("Clinic", "KIT", "stockout")
    assert (told("ORS")["status"], told("ORS")["days"]) == ("lt7", 5.0)
    assert told("NUT")["status"] == "gt30"
    entry = listed(seen, "supply", item="NUT")
    assert (entry["parameter"], entry["choice"], counts(entry)) == ("item", "NUT", {"gt30": 1})
    assert sorted(choice["key"] for choice in entry["choices"]) == ["KIT", "NUT", "ORS"]  # type: ignore[attr-defined]


def test_zero_unknown_and_not_reported_are_three_shades(tmp_path: Path) -> None:
    def cases(n: int, value: float | None) -> Indicator:
        return Indicator(
            source_ref=f"c{n}",
            indicator="cholera",
            value=value,
            unit="cases",
            adm_pcode=f"XA{1 + n // 2}{n % 2}",
            event_time=NOW,
        )

    seen = seen_of(tmp_path, [*country(), cases(0, 0), cases(1, 12), cases(2, None)])
    found = {each.properties["pcode"]: each.properties for each in drawn(seen, "areas", 7, view=View(metric="cholera"))}
    assert {code: told.get("value") for code, told in found.items()} == {
        "XA10": 0.0,
        "XA11": 12.0,
        "XA20": None,
        "XA21": None,
    }
    assert (found["XA20"]["cls"], found["XA21"]["cls"]) == (-2, -1)
    assert 0 <= found["XA10"]["cls"] < found["XA11"]["cls"] <= 4
    entry = listed(seen, "areas", metric="cholera")
    assert entry["title"] == "Cholera, by adm2"
    assert (counts(entry)["-1"], counts(entry)["-2"]) == (1, 1)


def test_classes_hold_equally_many_and_none_is_empty(tmp_path: Path) -> None:
    boxes = [shapely.box(30 + n / 10, 7, 30.1 + n / 10, 8) for n in range(40)]
    people = [
        Indicator(
            source_ref=f"p{n}",
            indicator="population",
            value=float(n**3),
            unit="people",
            adm_pcode=f"X{n:02d}",
            event_time=NOW,
        )
        for n in range(40)
    ]
    seen = seen_of(tmp_path, [*(area(f"X{n:02d}", box, 2) for n, box in enumerate(boxes)), *people])
    entry = listed(seen, "areas", metric="population")
    legend: list[dict[str, object]] = entry["legend"]  # type: ignore[assignment]
    assert [line["key"] for line in legend] == ["0", "1", "2", "3", "4", "-1", "-2"]
    assert all(6 <= line["count"] <= 10 for line in legend[:5])  # type: ignore[operator]
    of = {
        each.properties["value"]: each.properties["cls"]
        for each in drawn(seen, "areas", 7, view=View(metric="population"))
    }
    assert sorted(of) == sorted(float(n**3) for n in range(40))
    assert all(of[a] <= of[b] for a, b in zip(sorted(of), sorted(of)[1:], strict=False))
    assert str(legend[0]["label"]).startswith("0 – ")


def test_no_small_number_stands_in_two_classes_of_a_legend(tmp_path: Path) -> None:
    counts = [0] * 12 + [1] * 8 + [2, 3, 4] * 4 + [9, 16, 70]
    boxes = [shapely.box(30 + n / 10, 7, 30.1 + n / 10, 8) for n in range(len(counts))]
    figures = [
        Indicator(source_ref=f"p{n}", indicator="cases", value=float(count), adm_pcode=f"X{n:02d}", event_time=NOW)
        for n, count in enumerate(counts)
    ]
    seen = seen_of(tmp_path, [*(area(f"X{n:02d}", box, 2) for n, box in enumerate(boxes)), *figures])
    legend: list[dict[str, str]] = listed(seen, "areas", metric="cases")["legend"]  # type: ignore[assignment]
    ends = [[int(end) for end in line["label"].split(" – ")] for line in legend if int(line["key"]) >= 0]
    spans = [(each[0], each[-1]) for each in ends]
    assert spans[0] == (0, 0)
    assert spans[-1][1] == 70
    assert all(low[1] < high[0] for low, high in pairwise(spans))
    assert all(any(low <= count <= high for low, high in spans) for count in counts)


def test_figures_as_a_legend_writes_them() -> None:
    assert [number(value, "en") for value in (0.0, 3.25, 12.6, 12345.0, 2.0)] == ["0", "3.2", "13", "12,345", "2"]
    assert number(12345.6, "fr") == "12\u202f346"
    assert number(3.21, "fr") == "3,2"
