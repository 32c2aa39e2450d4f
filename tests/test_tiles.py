"""Tiles: every selected record with a place is counted in exactly one of them, and what is withheld leaves no trace."""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from data.access import EVERY_AGENCY, LOCAL_OPERATOR, NOBODY, Viewer
from data.filters import EVERYTHING, Filters
from data.picture import Picture
from data.records import (
    Alert,
    Boundary,
    Incident,
    Indicator,
    Record,
    RouteStatus,
    Sensitivity,
    Severity,
    Site,
    SupplyLevel,
    Track,
)
from data.seen import Seen, public_id
from layers.layer import all_layers, layer_list
from layers.tiles import ALONE_ZOOM, BadCell, encode_tile, pick
from tests.pictures import add, picture_of
from tests.tile_reader import Read, features, read

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
INCIDENTS = all_layers()["incidents"]
WEST, EAST = -180.0, 180.0
EDGES = st.sampled_from([-180.0, -179.9999999, -90.0, 0.0, 11.25, 90.0, 179.9999999, 180.0])
LONGITUDES = st.floats(WEST, EAST) | EDGES
LATITUDES = st.floats(-90, 90) | st.sampled_from([-90.0, -85.0511288, 0.0, 66.51326044, 85.0511288, 90.0])
PLACES = st.none() | st.tuples(LONGITUDES, LATITUDES)
CROWDS = st.lists(st.tuples(PLACES, st.sampled_from(list(Severity)), st.integers(1, 4)), max_size=30)


def incident(ref: object, lon: float | None, lat: float | None, **told: object) -> Incident:
    return Incident(source_ref=str(ref), lon=lon, lat=lat, event_time=NOW - timedelta(hours=1), **told)  # type: ignore[arg-type]


def seen_of(folder: Path, records: Iterable[Record]) -> Seen:
    return at_now(picture_of(folder, records))


def at_now(picture: Picture, viewer: Viewer = LOCAL_OPERATOR) -> Seen:
    """As it is seen at one fixed moment, so that ages do not differ between two looks."""
    return replace(picture.seen_by(viewer), now=NOW)


def tile_of(lon: float, lat: float, z: int) -> tuple[int, int]:
    """Column and row of the tile a point is in (OSGeo, Tile Map Service to slippy map, in floating point)."""
    n = 1 << z
    phi = math.radians(max(-85.0511, min(85.0511, lat)))
    x = int((lon + 180) / 360 * n)
    y = int((1 - math.asinh(math.tan(phi)) / math.pi) / 2 * n)
    return min(x, n - 1), min(y, n - 1)


def around(points: Iterable[tuple[float, float]], z: int) -> set[tuple[int, int]]:
    """The tiles of points and all their neighbours: a point counted twice is counted twice in one of these."""
    near = range(-1, 2)
    tiles = {(x + i, y + j) for x, y in (tile_of(lon, lat, z) for lon, lat in points) for i in near for j in near}
    return {(x, y) for x, y in tiles if 0 <= x < 1 << z and 0 <= y < 1 << z}


@settings(max_examples=40)
@given(crowd=CROWDS, z=st.sampled_from([0, 1, 2, 5, 9, 13, 14]))
def test_counts_over_the_tiles_of_a_zoom_are_exact(
    crowd: list[tuple[tuple[float, float] | None, Severity, int]], z: int
) -> None:
    records = [
        incident(f"{number}-{copy}", *(place or (None, None)), severity=severity)
        for number, (place, severity, copies) in enumerate(crowd)
        for copy in range(copies)
    ]
    with tempfile.TemporaryDirectory() as folder:
        seen = seen_of(Path(folder), records)
        every = (
            [(x, y) for x in range(1 << z) for y in range(1 << z)] if z < 3 else around({p for p, *_ in crowd if p}, z)
        )
        drawn = [each for x, y in every for each in features(encode_tile(seen, INCIDENTS, EVERYTHING, z, x, y))]
    expected = Counter(int(record.severity) for record in records if record.lon is not None)
    counted: Counter[int] = Counter()
    for each in drawn:
        told = each.properties
        if told["n"] == 1:
            counted[told["severity"]] += 1
        else:
            assert told["n"] == sum(told[f"s{severity}"] for severity in range(6)) > 1
            counted.update({severity: told[f"s{severity}"] for severity in range(6)})
    assert +counted == expected
    singles = [each.properties["id"] for each in drawn if each.properties["n"] == 1]
    assert len(set(singles)) == len(singles)


@settings(max_examples=40)
@given(points=st.lists(st.tuples(LONGITUDES, LATITUDES), min_size=1, max_size=20), z=st.integers(0, 14))
def test_a_point_is_where_it_is_and_a_cell_within_itself(points: list[tuple[float, float]], z: int) -> None:
    records = [incident(number, *place) for number, place in enumerate(points)]
    with tempfile.TemporaryDirectory() as folder:
        seen = seen_of(Path(folder), records)
        place = {public_id(int(i)): points[int(n)] for n, i in enumerate(seen.column("incident", "id"))}
        for x, y in around(points, z):
            for each in features(encode_tile(seen, INCIDENTS, EVERYTHING, z, x, y)):
                [[(across, down)]] = each.parts
                assert 0 <= across < 4096
                assert 0 <= down < 4096
                if each.properties["n"] == 1:
                    lon, lat = place[each.properties["id"]]
                    assert (x + across / 4096) / (1 << z) == pytest.approx((lon + 180) / 360, abs=1.1 / 4096 / (1 << z))
                    phi = math.radians(max(-85.0511, min(85.0511, lat)))
                    south = (1 - math.asinh(math.tan(phi)) / math.pi) / 2
                    assert (y + down / 4096) / (1 << z) == pytest.approx(south, abs=1.1 / 4096 / (1 << z) + 1e-6)
                else:
                    cell_z, column, row = (int(part) for part in each.properties["c"].split("/"))
                    side = 256 if z >= ALONE_ZOOM else INCIDENTS.cells
                    assert cell_z == z
                    assert (x * side + across * side // 4096, y * side + down * side // 4096) == (column, row)


def test_gdal_reads_what_we_write(tmp_path: Path) -> None:
    crowd = [incident(number, 30 + number % 5 * 1e-6, 7, severity=Severity(1 + number % 5)) for number in range(12)]
    seen = seen_of(
        tmp_path,
        [*crowd, incident("alone", 31, 7, title="Pont détruit — جسر", category="Bridge", severity=Severity.severe)],
    )
    x, y = tile_of(30, 7, 6)
    path = tmp_path / "tile.pbf"
    path.write_bytes(encode_tile(seen, INCIDENTS, EVERYTHING, 6, x, y))
    assert pyogrio.list_layers(path)[0, 0] == "incidents"
    frame = pyogrio.read_dataframe(path).sort_values("n")
    single, cell = frame.iloc[0], frame.iloc[1]
    assert len(frame) == 2
    assert (single["title"], single["category"], single["severity"]) == ("Pont détruit — جسر", "Bridge", 4)
    assert single["t"] == int((NOW - timedelta(hours=1)).timestamp())
    assert (cell["n"], [cell[f"s{severity}"] for severity in range(6)]) == (12, [0, 3, 3, 2, 2, 2])


def test_newer_is_more_opaque_in_the_window(tmp_path: Path) -> None:
    ages = {"new": 0, "mid": 14, "old": 27.9}
    seen = seen_of(
        tmp_path,
        [
            Incident(source_ref=name, lon=20.0 + days, lat=5, event_time=NOW - timedelta(days=days))
            for name, days in ages.items()
        ]
        + [Incident(source_ref="untimed", lon=0, lat=5)],
    )
    window = Filters(window=timedelta(days=28))
    tiles = around([(20.0, 5), (34.0, 5), (47.9, 5)], 7)
    drawn = [each for tile in tiles for each in features(encode_tile(seen, INCIDENTS, window, 7, *tile))]
    assert sorted(each.properties["fade"] for each in drawn) == [0.0, 0.5, 1.0]
    [untimed] = features(encode_tile(seen, INCIDENTS, EVERYTHING, 7, *tile_of(0, 5, 7)))
    assert untimed.properties["fade"] == 0
    assert "t" not in untimed.properties


def test_outside_the_world_and_the_zooms_there_is_nothing(tmp_path: Path) -> None:
    seen = seen_of(tmp_path, [incident(1, 0, 0)])
    assert encode_tile(seen, INCIDENTS, EVERYTHING, 0, 0, 0)
    for address in ((0, 1, 0), (0, 0, -1), (3, 8, 0), (15, 0, 0), (-1, 0, 0)):
        assert encode_tile(seen, INCIDENTS, EVERYTHING, *address) == b""


def test_pick_gives_the_records_of_a_cell(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    records = [incident(n, rng.uniform(29, 31), rng.uniform(6, 8), title=f"e{n}") for n in range(900)]
    seen = seen_of(tmp_path, records)
    picked: list[str] = []
    for x, y in around([(30, 7)], 7):
        for each in features(encode_tile(seen, INCIDENTS, EVERYTHING, 7, x, y)):
            if each.properties["n"] == 1:
                picked.append(each.properties["title"])
                continue
            found = pick(seen, INCIDENTS, EVERYTHING, each.properties["c"])
            assert found["total"] == each.properties["n"] == len(found["items"])
            picked += [item["title"] for item in found["items"]]
    assert sorted(picked) == sorted(record.title for record in records)
    limited = pick(seen, INCIDENTS, EVERYTHING, "0/8/6", limit=5)
    assert limited["total"] > 5
    assert len(limited["items"]) == 5


def test_picked_newest_first_with_place_and_age(tmp_path: Path) -> None:
    old = Incident(
        source_ref="old", lon=10, lat=10, event_time=NOW - timedelta(days=3), place="Here", severity=Severity.minor
    )
    seen = seen_of(tmp_path, [old, incident("new", 10, 10, title="New")])
    [cell] = features(encode_tile(seen, INCIDENTS, EVERYTHING, 14, *tile_of(10, 10, 14)))
    first, second = pick(seen, INCIDENTS, EVERYTHING, cell.properties["c"])["items"]
    assert (first["title"], first["age_s"]) == ("New", 3600)
    assert (second["place"], second["severity"], second["source"]) == ("Here", 1, "test")
    assert second["id"] == public_id(int(seen.column("incident", "id")[0]))


@pytest.mark.parametrize("cell", ["", "7", "7/1", "a/b/c", "99/0/0", "-1/0/0", "7/1/2/3"])
def test_a_bad_cell_is_told_so(tmp_path: Path, cell: str) -> None:
    with pytest.raises(BadCell, match="is not a cell like"):
        pick(seen_of(tmp_path, []), INCIDENTS, EVERYTHING, cell)


def ring_area(ring: list[tuple[int, int]]) -> float:
    """The surveyor's formula as the specification has it: above zero for an exterior ring, y pointing down."""
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(ring, [*ring[1:], ring[0]], strict=True)) / 2


def polygon_of(each: Read) -> shapely.Geometry:
    """Rings put together by their winding alone, as a renderer does."""
    exteriors: list[tuple[list[tuple[int, int]], list[list[tuple[int, int]]]]] = []
    for ring in each.parts:
        assert len(ring) >= 3
        if ring_area(ring) > 0:
            exteriors.append((ring, []))
        else:
            exteriors[-1][1].append(ring)
    return shapely.MultiPolygon(exteriors)


def area_record(ref: str, shape: shapely.Geometry, level: int = 1, **told: object) -> Boundary:
    inner = shape.representative_point()
    return Boundary(
        source_ref=ref,
        pcode=ref,
        title=f"Area {ref}",
        level=level,
        lon=inner.x,
        lat=inner.y,
        wkb=shape.wkb,
        **told,  # type: ignore[arg-type]
    )


def wiggly_country(seed: int = 5) -> list[shapely.Geometry]:
    """Four areas with shared, crooked borders; one has a hole that a fifth one fills."""
    rng = np.random.default_rng(seed)

    def crooked(start: tuple[float, float], end: tuple[float, float]) -> np.ndarray:
        """From start to end, straying sideways only, and nowhere near the ends."""
        along = np.linspace(start, end, 400)
        sideways = np.array([start[1] - end[1], end[0] - start[0]])
        return along + np.outer(rng.uniform(-0.04, 0.04, 400) * np.sin(np.linspace(0, np.pi, 400)), sideways)

    middle = (30.5, 7.5)
    corners = [(30.0, 7.0), (31.0, 7.0), (31.0, 8.0), (30.0, 8.0)]
    halves = [(30.5, 7.0), (31.0, 7.5), (30.5, 8.0), (30.0, 7.5)]
    spokes = [crooked(half, middle) for half in halves]
    areas = []
    for n, corner in enumerate(corners):
        before, after = spokes[n - 1], spokes[n]
        areas.append(shapely.Polygon(np.vstack((before[::-1], [corner], after))))
    island = shapely.Point(30.2, 7.2).buffer(0.05, 32)
    areas[0] = areas[0].difference(island)
    return [*areas, island]


@pytest.mark.parametrize("z", [5, 7, 9])
def test_rings_wind_as_the_specification_says_and_neighbours_share_edges(tmp_path: Path, z: int) -> None:
    areas = wiggly_country()
    seen = seen_of(tmp_path, [area_record(f"XA0{n}", area) for n, area in enumerate(areas)])
    layer = all_layers()["boundaries"]
    whole = shapely.union_all(areas)
    for x, y in around([(30.1, 7.1), (30.9, 7.9)], z):
        drawn = features(encode_tile(seen, layer, EVERYTHING, z, x, y))
        shapes = [polygon_of(each) for each in drawn]
        if not shapes:
            continue
        tile = shapely.box(0, 0, 4096, 4096)
        cut = [shapely.intersection(shapely.make_valid(shape), tile) for shape in shapes]
        union = shapely.union_all(cut)
        rounding = 4 * sum(shape.length for shape in cut) + 4
        assert abs(sum(shape.area for shape in cut) - union.area) <= rounding  # no overlaps
        assert (
            abs(shapely.MultiPolygon([shapely.Polygon(p.exterior) for p in shapely.get_parts(union)]).area - union.area)
            <= rounding
        )
        expected = shapely.intersection(shapely.transform(whole, partial(in_tile, z=z, x=x, y=y)), tile)
        assert abs(expected.area - union.area) <= rounding + 8 * expected.length
    names = {
        each.properties["pcode"]
        for tile in around([(30.5, 7.5)], 5)
        for each in features(encode_tile(seen, layer, EVERYTHING, 5, *tile))
    }
    assert names == {f"XA0{n}" for n in range(5)}


def in_tile(at: np.ndarray, z: int, x: int, y: int) -> np.ndarray:
    n = 1 << z
    across = (at[:, 0] + 180) / 360 * n - x
    down = (1 - np.arcsinh(np.tan(np.radians(at[:, 1]))) / np.pi) / 2 * n - y
    return np.column_stack((across, down)) * 4096


def test_gdal_finds_the_hole(tmp_path: Path) -> None:
    outer = shapely.Point(30.5, 7.5).buffer(0.4)
    seen = seen_of(tmp_path, [area_record("XA", outer.difference(shapely.Point(30.5, 7.5).buffer(0.2)))])
    path = tmp_path / "tile.pbf"
    path.write_bytes(encode_tile(seen, all_layers()["boundaries"], EVERYTHING, 7, *tile_of(30.5, 7.5, 7)))
    [shape] = pyogrio.read_dataframe(path).geometry
    assert [len(part.interiors) for part in shapely.get_parts(shape)] == [1]
    assert shape.area == pytest.approx(outer.area * 0.75 * (4096 * 128 / 360) ** 2, rel=0.03)


def test_shapes_are_cut_at_the_buffer_of_their_tile(tmp_path: Path) -> None:
    land = shapely.box(-60, -40, 60, 40)
    seen = seen_of(tmp_path, [area_record("XA", land, level=0)])
    for x, y in ((8, 8), (7, 7), (6, 6)):
        for each in features(encode_tile(seen, all_layers()["boundaries"], EVERYTHING, 4, x, y)):
            xs, ys = zip(*(vertex for part in each.parts for vertex in part), strict=True)
            assert min(*xs, *ys) >= -128
            assert max(*xs, *ys) <= 4096 + 128
    [inner] = features(encode_tile(seen, all_layers()["boundaries"], EVERYTHING, 4, 8, 8))
    assert polygon_of(inner).area == (4096 + 256) ** 2


def test_lines_are_cut_and_keep_their_ends(tmp_path: Path) -> None:
    road = shapely.LineString([(30.0 + n / 500, 7.0 + math.sin(n / 20) / 50) for n in range(500)])
    seen = seen_of(
        tmp_path,
        [
            RouteStatus(
                source_ref="R1", title="Road", category="primary", status="closed", lon=30.5, lat=7.0, wkb=road.wkb
            )
        ],
    )
    drawn = {
        tile: features(encode_tile(seen, all_layers()["routes"], EVERYTHING, 10, *tile))
        for tile in around([(30.0, 7.0), (30.998, 7)], 10)
    }
    x, y = tile_of(30.0, 7.0, 10)
    [first] = drawn[x, y]
    assert first.type == 2
    assert first.properties | {"id": ""} == {"id": "", "title": "Road", "cls": "primary", "status": "closed"}
    start = in_tile(np.array([[30.0, 7.0]]), 10, x, y)[0]
    assert first.parts[0][0] == pytest.approx(tuple(start), abs=1)
    assert all(len(part) >= 2 for each in drawn.values() for feature in each for part in feature.parts)


def stock(site: str, item: str, on_hand: float, **told: object) -> SupplyLevel:
    """With a place of its own, so that it needs no list of sites."""
    return SupplyLevel(
        source_ref=f"{site}/{item}",
        site_ref=site,
        item=item,
        stock_on_hand=on_hand,
        amc=10.0,
        event_time=NOW - timedelta(days=2),
        lon=30 + int(site[1:]) / 4,
        lat=7.6,
        **told,  # type: ignore[arg-type]
    )


def withheld() -> list[Record]:
    """What only others may see: one of everything that could show through in a count, a class, a place or an order."""
    shape = shapely.box(29, 6, 32, 9)
    mark = {"agency": "them", "sensitivity": Sensitivity.severe}
    return [
        Incident(
            source_ref="h1", lon=30.1, lat=7.1, severity=Severity.critical, category="Zzz", event_time=NOW, **mark
        ),
        Incident(
            source_ref="h2", lon=30.1, lat=7.1, severity=Severity.critical, category="Battles", event_time=NOW, **mark
        ),
        Alert(source_ref="h3", lon=30.1, lat=7.1, wkb=shape.wkb, severity=Severity.severe, **mark),
        *(area_record(f"XB0{n}", shapely.box(40 + n, 6, 41 + n, 9), level=2, **mark) for n in range(9)),
        RouteStatus(source_ref="h4", title="Secret", status="closed", lon=30.2, lat=7.2, **mark),
        Site(source_ref="S9", title="Depot", functionality="closed", lon=30.2, lat=7.2, **mark),
        stock("S3", "I1", 0, **mark),
        Track(
            source_ref="h6", sidc="SHGPUCI---*****", affiliation="hostile", lon=30.2, lat=7.2, event_time=NOW, **mark
        ),
        Indicator(source_ref="h7", indicator="people_in_need", value=5e6, unit="people", lon=30.2, lat=7.2, **mark),
        Indicator(source_ref="h8", indicator="secret", value=1, lon=30.2, lat=7.2, **mark),
    ]


def shown() -> list[Record]:
    areas = [area_record(f"XA0{n}", area) for n, area in enumerate(wiggly_country())]
    crowd = [
        incident(n, 30 + n % 7 / 10, 7 + n % 5 / 10, severity=Severity(n % 6), category="Battles") for n in range(60)
    ]
    alert = Alert(
        source_ref="a", title="Storm", lon=30.5, lat=7.5, wkb=shapely.box(30, 7, 31, 8).wkb, severity=Severity.serious
    )
    more = [
        RouteStatus(source_ref="r", title="Ford", status="open", lon=30.4, lat=7.4),
        *(
            Site(source_ref=f"S{n}", title=f"Clinic {n}", functionality="open", lon=30 + n / 10, lat=7.3)
            for n in range(2)
        ),
        *(stock(f"S{n}", item, n) for item in ("I1", "I2") for n in range(4)),
        Track(
            source_ref="t",
            callsign="ONE",
            sidc="SFGPUCI---*****",
            affiliation="friend",
            lon=30.3,
            lat=7.2,
            event_time=NOW,
        ),
        *(
            Indicator(
                source_ref=f"n{n}",
                indicator="people_in_need",
                value=n,
                unit="people",
                adm_pcode=f"XA0{n}",
                event_time=NOW,
            )
            for n in range(3)
        ),
    ]
    return [*areas, *crowd, alert, *more]


TILES = [(z, *tile) for z in (0, 4, 7, 11, 14) for tile in sorted(around([(30.1, 7.1), (30.4, 7.4)], z))]


def every_byte(seen: Seen) -> list[bytes]:
    return [encode_tile(seen, layer, EVERYTHING, *tile) for layer in all_layers().values() for tile in TILES]


def test_what_is_withheld_never_changes_a_byte(tmp_path: Path) -> None:
    picture = picture_of(tmp_path, shown())
    viewer = Viewer("a", "us", Sensitivity.low)
    before = every_byte(at_now(picture, viewer)), layer_list(at_now(picture, viewer), EVERYTHING)
    add(picture, withheld(), source="theirs")
    after = every_byte(at_now(picture, viewer)), layer_list(at_now(picture, viewer), EVERYTHING)
    assert after == before
    owner = every_byte(at_now(picture, Viewer("b", "them", Sensitivity.severe)))
    assert any(owner)  # they were there to be seen
    assert owner != before[0]


def test_what_came_first_and_is_withheld_shows_in_no_order(tmp_path: Path) -> None:
    """Another store gives other ids, so all but the ids is compared."""
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    mixed = picture_of(tmp_path / "with", withheld(), source="theirs")
    add(mixed, shown())
    viewer = Viewer("a", "us", Sensitivity.low)
    told = []
    for picture in (mixed, picture_of(tmp_path / "without", shown())):
        drawn = [features(tile) for tile in every_byte(at_now(picture, viewer))]
        told.append([[each._replace(properties={**each.properties, "id": ""}) for each in tile] for tile in drawn])
    assert told[0] == told[1]


def test_who_may_see_nothing_gets_empty_tiles(tmp_path: Path) -> None:
    picture = picture_of(tmp_path, [*shown(), *withheld()])
    assert any(every_byte(at_now(picture)))
    for viewer in (NOBODY, Viewer("guest", "strangers", Sensitivity.severe), Viewer("none", "", Sensitivity.severe)):
        assert not any(every_byte(at_now(picture, viewer)))
        assert all(
            layer["count"] == 0 and layer["sources"] == [] for layer in layer_list(at_now(picture, viewer), EVERYTHING)
        )


def test_as_known_before_anything_there_is_nothing(tmp_path: Path) -> None:
    picture = picture_of(tmp_path, shown())
    past = picture.seen_by(Viewer("a", EVERY_AGENCY, Sensitivity.severe), datetime(2020, 1, 1, tzinfo=UTC))
    assert not any(every_byte(past))


def test_a_tile_is_one_layer_of_its_name(tmp_path: Path) -> None:
    seen = seen_of(tmp_path, shown())
    for layer in all_layers().values():
        for told in read(encode_tile(seen, layer, EVERYTHING, 7, *tile_of(30.4, 7.4, 7))):
            assert (told.name, told.version, told.extent) == (layer.id, 2, 4096)
