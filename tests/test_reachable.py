"""Who loses access by a closure, over HTTP, beside networkx; facilities and outbreaks as the page is told of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import networkx as nx
import numpy as np
import pytest
import shapely

from data.access import LOCAL_OPERATOR
from data.analysis.facilities import availability
from data.analysis.outbreaks import disease_name, outbreaks
from data.analysis.reachable import ground, reachable
from data.analysis.roads import BANDS_MIN, NOWHERE, WGS84, neighbours
from data.marks import BadTerms
from data.records import Boundary, Indicator, Record, RouteStatus, Site, SupplyLevel
from data.speeds import SPEEDS, speeds_of
from tests.pictures import picture_of
from tests.site import Site as Served
from tests.site import site

NOW = datetime.now(UTC).replace(microsecond=0)
KM = 1 / 111.32
SIDE = 5
"""Junctions along a side of the town; streets between them are 4 km long, each a record of its own."""
CLINICS, DEPOT = {(0, 0): "Clinic A", (4, 4): "Clinic B"}, (0, 4)
SHUT = (2, 2), (2, 3)
"""The street that is reported closed."""
MARKED = {"releasable_to": ("mission",)}


def at(x: float, y: float) -> tuple[float, float]:
    return 30 + 4 * x * KM, 4 * y * KM


def streets() -> list[tuple[tuple[int, int], tuple[int, int], str]]:
    """Both ends and the class of each street: along x primary, along y tracks."""
    along = [((x, y), (x + 1, y), "primary") for x in range(SIDE - 1) for y in range(SIDE)]
    return along + [((x, y), (x, y + 1), "track") for x in range(SIDE) for y in range(SIDE - 1)]


def street(one: tuple[int, int], other: tuple[int, int], kind: str) -> RouteStatus:
    line = shapely.LineString([at(*one), at(*other)])
    name = f"{one}-{other}"
    status = "closed" if (one, other) == SHUT else "open"
    middle = line.interpolate(0.5, normalized=True)
    return RouteStatus(
        source_ref=name, title=name, category=kind, status=status, wkb=line.wkb, lon=middle.x, lat=middle.y, event_time=NOW
    )  # fmt: skip


def people_at(x: int, y: int) -> int:
    return 100 * (1 + x) + 1_000 * (1 + y)


def town() -> list[Record]:
    """A small box around each junction, with its people; two clinics, one closed one, a depot and stock."""
    whole = shapely.box(*at(-1, -1), *at(SIDE, SIDE))
    boxes = {(x, y): shapely.Point(at(x, y)).buffer(0.4 * KM) for x in range(SIDE) for y in range(SIDE)}
    land: list[Record] = [
        Boundary(source_ref="XT", title="Land", pcode="XT", level=0, wkb=whole.wkb, lon=30.0, lat=0.0)
    ]
    for (x, y), box in boxes.items():
        code = f"XT{x}{y}"
        lon, lat = at(x, y)
        land.append(
            Boundary(
                source_ref=code, title=f"Box {code}", pcode=code, level=1, parent_pcode="XT", wkb=box.wkb, lon=lon, lat=lat
            )
        )  # fmt: skip
        land.append(
            Indicator(
                source_ref=f"p{code}", indicator="population", category="population", unit="people", adm_pcode=code,
                value=float(people_at(x, y)), event_time=NOW - timedelta(days=300),
            )
        )  # fmt: skip
    return land


def sites() -> list[Record]:
    told: list[Record] = [
        Site(source_ref=name, title=name, category="Clinic", functionality="open", lon=at(*where)[0], lat=at(*where)[1],
             beds=4.0, attributes={"WAITING_TIME_MIN": 35, "Service: maternity": "Partially available"})
        for where, name in CLINICS.items()
    ]  # fmt: skip
    told.append(Site(source_ref="C", title="Clinic C", category="Clinic", functionality="closed", lon=30.0, lat=4 * KM))
    told.append(
        Site(
            source_ref="D",
            title="Depot",
            category="Warehouse",
            functionality="open",
            lon=at(*DEPOT)[0],
            lat=at(*DEPOT)[1],
        )
    )
    return told


def stock() -> list[Record]:
    return [
        SupplyLevel(source_ref=f"{name}/{item}", site_ref=name, item=item, stock_on_hand=on_hand, amc=30.4375,
                    event_time=NOW - timedelta(days=2))
        for name, item, on_hand in (("Clinic A", "ORS", 9.0), ("Clinic B", "ORS", 20.0), ("Clinic B", "ACT", 4.0))
    ]  # fmt: skip


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with site(tmp_path_factory.mktemp("town")) as found:
        found.put(town(), "codab", "OCHA", **MARKED)
        found.put([street(*one) for one in streets()], "roads", "LOG", **MARKED)
        found.put([*sites(), *stock()], "moh", "MOH", **MARKED)
        yield found


def asked(here: Served, path: str, **query: str) -> Any:
    answer = here.client.get(here.url + path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def expected(cut: set[tuple[tuple[int, int], tuple[int, int]]], targets: list[tuple[int, int]]) -> dict[Any, float]:
    """Minutes at the slow speeds from every junction, by networkx."""
    graph = nx.Graph()
    graph.add_nodes_from((x, y) for x in range(SIDE) for y in range(SIDE))
    for one, other, kind in streets():
        if (one, other) not in cut | {SHUT}:
            (west, south), (east, north) = at(*one), at(*other)
            metres = WGS84.inv(west, south, east, north)[2]
            graph.add_edge(one, other, weight=metres / (SPEEDS[kind].pessimistic * 1_000 / 60))
    found: dict[Any, float] = nx.multi_source_dijkstra_path_length(graph, set(targets))
    return found


@pytest.mark.parametrize("seed", range(8))
def test_who_loses_access_and_in_which_band_one_is_agree_with_networkx_on_random_cuts(here: Served, seed: int) -> None:
    rng = np.random.default_rng(seed)
    every = streets()
    chosen = {every[n][:2] for n in rng.choice(len(every), 4 + 4 * seed, replace=False)}
    ids = {one["title"]: one["id"] for one in asked(here, "/api/access")["choices"]}
    told = asked(here, "/api/access", closed=",".join(ids[f"{one}-{other}"] for one, other in chosen))
    before, after = expected(set(), list(CLINICS)), expected(chosen, list(CLINICS))
    lost = sum(people_at(*where) for where in before if where not in after)
    assert told["lost"]["people"] == lost
    assert {one["name"]: one["people"] for one in told["lost"]["areas"]} == {
        f"Box XT{x}{y}": people_at(x, y) for x, y in before if (x, y) not in after
    }
    keys = ("b30", "b60", "b120", "b240", "b480", "far")
    wanted = dict.fromkeys((*keys, "none", "off_road"), 0)
    for x, y in before:
        minutes = after.get((x, y), np.inf)
        key = "none" if np.isinf(minutes) else keys[int(np.searchsorted(BANDS_MIN, minutes, "right"))]
        wanted[key] += people_at(x, y)
    assert {one["key"]: one["slow"] for one in told["people"]["bands"]} == wanted
    assert sum(one["tried"] for one in told["closures"]) == len(chosen)


def test_a_closure_that_is_tried_is_written_nowhere_and_shows_what_runs_dry_first(here: Served) -> None:
    revision = here.picture.revision
    ids = {one["title"]: one["id"] for one in asked(here, "/api/access")["choices"]}
    around = ["(3, 4)-(4, 4)", "(4, 3)-(4, 4)"]
    calm = asked(here, "/api/access", goal="hub")
    assert (calm["dry"]["cut_off"], calm["lost"]["people"], calm["cut_sites"]) == (0, 0, [])
    told = asked(here, "/api/access", goal="hub", closed=",".join(ids[name] for name in around))
    assert [one["title"] for one in told["cut_sites"]] == ["Clinic B"]
    assert [(one["title"], one["item"], one["days"], one["tried"]) for one in told["dry"]["sites"]] == [
        ("Clinic B", "ACT", 4.0, True)
    ]
    assert told["lost"]["people"] == people_at(4, 4)
    assert here.picture.revision == revision
    assert asked(here, "/api/access", goal="hub")["dry"]["cut_off"] == 0


def test_a_reported_closure_closes_at_once_and_a_bridge_closes_the_road_it_is_on(here: Served) -> None:
    def reached() -> int:
        bands = {one["key"]: one["slow"] for one in asked(here, "/api/access", goal="hub")["people"]["bands"]}
        return bands["none"]

    assert reached() == 0
    lon, lat = at(3.5, 4)
    bridge = RouteStatus(
        source_ref="b", title="Bridge", category="bridge", status="closed", lon=lon, lat=lat, event_time=NOW
    )
    road = {f"{one}-{other}": (one, other, kind) for one, other, kind in streets()}
    one, other, kind = road["(4, 3)-(4, 4)"]
    shut = street(one, other, kind)
    here.put([bridge], "bridges", "LOG", **MARKED)
    assert reached() == 0, "there is another street"
    # Another list knows the street and says that it is closed: the worse report counts.
    here.put(
        [RouteStatus(**{**shut_fields(shut), "status": "closed", "source_ref": "again"})], "other", "LOG", **MARKED
    )
    assert reached() == people_at(4, 4)
    open_again = RouteStatus(**{**shut_fields(shut), "status": "open", "source_ref": "again"})
    here.put([open_again], "other", "LOG", **MARKED)
    assert reached() == 0
    here.put([RouteStatus(**{**bridge_fields(bridge), "status": "open"})], "bridges", "LOG", **MARKED)


def shut_fields(route: RouteStatus) -> dict[str, Any]:
    names = ("title", "category", "wkb", "lon", "lat", "event_time")
    return {name: getattr(route, name) for name in names}


def bridge_fields(route: RouteStatus) -> dict[str, Any]:
    return {**shut_fields(route), "source_ref": route.source_ref}


def test_the_ways_from_a_site_are_told_in_bands_with_a_second_place_and_a_way_round(here: Served) -> None:
    facilities = {one["title"]: one for one in asked(here, "/api/health")["facilities"]}
    told = asked(here, "/api/access/ways", site=facilities["Clinic A"]["id"], goal="care")
    assert told["first"]["site"]["title"] == "Clinic B"
    assert told["second"] is None, "the only other clinic is closed"
    assert told["round"]["shared_pct"] < 50
    assert {told["first"]["slow"], told["first"]["quick"]} <= {"b30", "b60", "b120", "b240"}
    assert here.get("/api/access/ways?site=0123456789abcdef").status_code == 404
    assert here.get("/api/access?goal=airport").status_code == 400


def test_facilities_are_told_with_services_waiting_catchment_and_where_one_would_go_instead(here: Served) -> None:
    told = asked(here, "/api/health")
    one = {each["title"]: each for each in told["facilities"]}
    assert told["summary"]["states"] == {"open": 2, "partly": 0, "closed": 1, "unknown": 0}
    assert told["facilities"][0]["title"] == "Clinic C", "closed ones first"
    assert (one["Clinic A"]["waiting_min"], one["Clinic A"]["services"]) == (35.0, {"maternity": "partly"})
    assert one["Clinic C"]["beds"] is None
    everybody = sum(people_at(x, y) for x in range(SIDE) for y in range(SIDE))
    assert one["Clinic A"]["catchment"] + one["Clinic B"]["catchment"] == everybody
    assert one["Clinic C"]["catchment"] is None
    assert one["Clinic C"]["alternate"]["title"] == "Clinic A"
    assert one["Clinic A"]["alternate"]["title"] == "Clinic B"


def test_whoever_does_not_see_a_road_goes_by_the_others_and_cannot_close_it(here: Served) -> None:
    detour = shapely.LineString([at(0, 0), at(0, -1)])
    hidden = RouteStatus(
        source_ref="h", title="Hidden", category="primary", status="open", wkb=detour.wkb, lon=30, lat=-0.02
    )
    here.put([hidden], "secret", "INT")
    token = here.token("liaison", agency="MOH")
    mine, theirs = (here.get("/api/access", bearer).json() for bearer in ("", token))
    gone = next(one["id"] for one in mine["choices"] if one["title"] == "Hidden")
    assert all(one["title"] != "Hidden" for one in theirs["choices"])
    tried = here.get(f"/api/access?closed={gone}", token).json()
    assert (tried["lost"], tried["closures"]) == (theirs["lost"], theirs["closures"])


def test_the_next_place_from_each_agrees_with_networkx(tmp_path: Any) -> None:
    rng = np.random.default_rng(3)
    records: list[Record] = [street(*one) for one in streets()]
    spots = {f"S{n}": at(*rng.uniform(0, SIDE - 1, 2).tolist()) for n in range(6)}
    records += [
        Site(source_ref=name, title=name, category="hospital", functionality="open", lon=lon, lat=lat)
        for name, (lon, lat) in spots.items()
    ]
    seen = picture_of(tmp_path, records).seen_by(LOCAL_OPERATOR)
    found = reachable(seen, "care", np.empty(0, np.int64), where=ground(seen))
    network, minutes = found.ground.network, found.minutes[1]
    graph = nx.Graph()
    for a, b, weight, shut in zip(network.a, network.b, minutes, found.closed, strict=True):
        if not shut:
            graph.add_edge(int(a), int(b), weight=float(weight))
    told = neighbours(network, minutes, found.after[1], found.closed)
    targets = set(found.site_node.values())
    assert len(targets) > 3
    for target in targets:
        away = nx.single_source_dijkstra_path_length(graph, target)
        assert told[target][1] == pytest.approx(min(away[other] for other in targets - {target}))
    assert NOWHERE not in {other for other, _ in told.values()}


def cases(area: str, weeks: list[int | None], disease: str = "Suspected cholera") -> list[Record]:
    monday = (NOW - timedelta(days=NOW.weekday())).replace(hour=0, minute=0, second=0)
    return [
        Indicator(
            source_ref=f"{disease}{area}{back}", indicator=disease, category="disease", unit="cases", adm_pcode=area,
            value=None if count is None else float(count), completeness_pct=None if count is None else 80.0,
            period_start=monday - timedelta(weeks=back), period_end=monday - timedelta(weeks=back - 1, seconds=1),
            event_time=monday - timedelta(weeks=back),
        )
        for back, count in zip(range(len(weeks), 0, -1), weeks, strict=True)
    ]  # fmt: skip


def test_what_nobody_reported_is_not_zero_and_only_whole_pasts_are_tested(tmp_path: Any) -> None:
    calm, surge = [2, 1, 2, 2, 1, 2, 2, 1, 2, 2, 2, 2], [2, 1, 2, 2, 1, 2, 2, 1, 2, 2, 2, 40]
    silent: list[int | None] = [2, 1, 2, 2, 1, None, 2, 1, 2, 2, 2, 40]
    away: list[int | None] = [2] * 11 + [None]
    records = [*town(), *cases("XT00", [*calm]), *cases("XT10", [*surge]), *cases("XT20", silent), *cases("XT30", away)]
    malaria = [*cases("XT00", [9, 9, 9, 9, 9, 9, 9, 9, 4, 4, 4, 8], "Malaria"), *cases("XT10", [*calm], "Malaria")]
    seen = picture_of(tmp_path, [*records, *malaria]).seen_by(LOCAL_OPERATOR)
    malaria_found, found = outbreaks(seen)
    by = {code: number for number, code in enumerate(found.pcodes)}
    assert found.counts[by["XT10"], -1] == 40
    assert np.isnan(found.counts[by["XT30"], -1])
    assert [found.pcodes[number] for number in found.tested.tolist()] == ["XT00", "XT10"]
    assert found.surge.alarm.tolist() == [False, True]
    assert (found.single, found.over.tolist()) == (True, [True, True, True, False])
    assert 0 < found.surge.false_alarms < 1
    assert malaria_found.threshold.tolist() == [8.0, 5.0]
    assert malaria_found.over.tolist() == [True, False]
    assert found.completeness[by["XT00"], -1] == 80


def test_words_of_partners_are_understood() -> None:
    words = ["Available", "Partially available", "Not available", "", "maybe", "Oui", "Indisponible", "متوفر"]
    states = ["open", "partly", "closed", "unknown", "unknown", "open", "closed", "open"]
    assert [availability(word) for word in words] == states
    assert disease_name("new_cases", "cholera") == "Cholera"
    assert disease_name("Malaria, confirmed", "disease") == "Malaria, confirmed"
    told = speeds_of({"primary": [80, 40], "other": [25, 8]})
    assert (told["primary"], told[""], told["track"]) == ((80, 40), (25, 8), SPEEDS["track"])
    for bad in ({"rail": [1, 1]}, {"primary": [30, 60]}, {"primary": 30}, {"track": [0, 0]}):
        with pytest.raises(BadTerms):
            speeds_of(bad)
