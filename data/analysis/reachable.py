"""Getting there: who reaches care, a hospital or a hub, in which band of time, and who does not any more when a road closes.

Roads are the lines of RouteStatus records, joined to a network (`data.analysis.roads`). A record that says "closed" closes
every edge it lies on, also those that another list calls open; a bridge is a point and closes the edge it stands on. A closure
that is only tried ("what if") comes in beside and is written nowhere. The inhabitants of an area are spread evenly over it and
set out from the nearest point of a road (to `PIECE_KM`); those more than `OFF_ROAD_KM` from any are told apart, since nobody
knows how they get to one.

Limits: a road that nobody listed is not there; walking to the road is not in the times; a restricted road takes twice as long in
the slow time and no longer in the quick one; one of unknown status is taken as passable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry
from shapely.ops import substring

from data.analysis.facilities import Listed, listed
from data.analysis.figures import POPULATION, figure
from data.analysis.roads import (
    METRES_PER_DEGREE,
    NOWHERE,
    TOLERANCE_M,
    Floats,
    Ints,
    Mask,
    Network,
    Reach,
    build,
    reach,
    snap,
)
from data.filters import EVERYTHING
from data.places import LEVELS
from data.seen import Rows, Seen
from data.speeds import SPEEDS, Speed, road_class

BRIDGE_M = 300.0
"""A bridge farther than this from every road closes nothing."""
OFF_ROAD_KM = 10.0
PIECE_KM = 2.5
"""Roads are parted into pieces no longer than this, so that one can join them anywhere and not only where they meet."""
SPOTS_ACROSS = 5
"""An area's people are spread over the points of a grid of so many across its longer side, as far as they lie in it."""
RESTRICTED_TAKES = 2.0
NOT_ROADS = ("river", "rivière", "rio", "نهر")


@dataclass(frozen=True)
class Ground:
    """What one viewer may see of roads and people. `rows` (pieces,) the route record each `network.road` is of; `points` the
    route records that are no lines (bridges); `closed` (m,) edges closed as reported; `restricted` (m,)."""

    network: Network
    rows: Rows
    points: Rows
    closed: Mask
    restricted: Mask
    unknown: int
    """Roads and bridges whose status nobody knows."""
    spot_node: Ints
    """(s,) the point of the network from which the people of a spot set out; NOWHERE where they are too far from any."""
    spot_people: Floats
    spot_area: Ints
    """(s,) index into `areas`."""
    areas: tuple[tuple[str, str], ...] = ()
    """P-code and name."""
    level: int = 0
    people_us: int | None = None
    """Of when the oldest of the populations is, microseconds UTC."""


@dataclass(frozen=True)
class Reachable:
    """`before` and `after` the closures that are tried; quick and slow. Nodes are those of `ground.network`."""

    ground: Ground
    goal: Listed
    site_node: Mapping[int, int]
    """Row of a site of the goal that works and has a place -> where it stands on the network."""
    unplaced: int
    shut: Mask
    """(m,) edges closed by what is tried alone."""
    before: tuple[Reach, Reach]
    after: tuple[Reach, Reach]
    minutes: tuple[Floats, Floats] = field(repr=False)
    """(m,) along each edge: quick, slow."""

    @property
    def closed(self) -> Mask:
        """(m,) edges that cannot be passed, what is tried included."""
        return np.asarray(self.ground.closed | self.shut, np.bool_)

    def sites_at(self, node: int) -> list[int]:
        """Rows of the sites of the goal that stand at a node."""
        return [row for row, at in self.site_node.items() if at == node]


def ground(seen: Seen, people: bool = True) -> Ground:
    """Roads, closures and (where wanted) people as this viewer may see them. The network is built once for the same lines."""
    rows = seen.rows("route")
    categories = seen.labels("route", "category")
    wet = np.array([any(word in label.casefold() for word in NOT_ROADS) for label in categories], np.bool_)
    rows = rows[~wet[seen.column("route", "category")[rows]]] if len(rows) else rows
    line = seen.has_shape("route", rows)
    lines, points = rows[line], rows[~line]
    points = points[np.isfinite(seen.column("route", "lon")[points])]
    shapes = [seen.geometry("route", row) or b"" for row in lines.tolist()]
    told = np.array([bool(shape) for shape in shapes], np.bool_)
    lines, shapes = lines[told], [shape for shape in shapes if shape]
    category = seen.column("route", "category")[lines].tolist()
    network, of = _network(tuple(shapes), tuple(road_class(categories[code]) for code in category))
    every, none = np.concatenate((lines, points)), np.zeros(len(network.a), np.bool_)
    lines = lines[of]
    found = Ground(network, lines, points, none, none, 0, *_nobody())
    state = np.array(seen.labels("route", "status") or [""], object)[seen.column("route", "status")[every]]
    settled = _people(seen, network) if people else _nobody()
    return Ground(
        network,
        lines,
        points,
        edges_of(seen, found, every[state == "closed"]),
        edges_of(seen, found, every[state == "restricted"]),
        int(np.count_nonzero(~np.isin(state, ("open", "closed", "restricted")))),
        *settled,
    )


def edges_of(seen: Seen, where: Ground, rows: Rows) -> Mask:
    """(m,) the edges that route records lie on: a line's own and those of others along it, a point's nearest."""
    network = where.network
    found = np.zeros(len(network.a), np.bool_)
    if not len(network.a) or not len(rows):
        return found
    found |= np.isin(network.road, np.flatnonzero(np.isin(where.rows, rows)))
    wide = METRES_PER_DEGREE * float(np.cos(np.radians(np.mean(network.lat))))
    middles, tree = _flat(network)
    along = [seen.geometry("route", row) for row in np.intersect1d(where.rows, rows).tolist()]
    if along:
        flat = shapely.transform(shapely.from_wkb(along), lambda at: at * (wide, METRES_PER_DEGREE))
        same = np.unique(shapely.STRtree(middles).query(flat, predicate="dwithin", distance=TOLERANCE_M)[1])
        found[same] = True
    bridges = np.intersect1d(where.points, rows)
    lon, lat = (seen.column("route", name)[bridges] for name in ("lon", "lat"))
    spots = shapely.points(lon * wide, lat * METRES_PER_DEGREE)
    near = tree.query_nearest(spots, max_distance=BRIDGE_M, all_matches=False)[1] if len(bridges) else []
    for edge in np.asarray(near, np.int64).tolist():
        pair = {int(network.a[edge]), int(network.b[edge])}
        found |= np.isin(network.a, list(pair)) & np.isin(network.b, list(pair)) & (network.a != network.b)
    return found


def reachable(
    seen: Seen, to: str, shut: Rows, speeds: Mapping[str, Speed] = SPEEDS, where: Ground | None = None
) -> Reachable:
    """Who reaches a goal of `facilities.PURPOSES`, with the route records `shut` closed as well."""
    where = where or ground(seen)
    network = where.network
    goal = listed(seen, to)
    lon, lat = (seen.column("site", name)[goal.working] for name in ("lon", "lat"))
    placed = np.isfinite(lon)
    node, away = snap(network, lon[placed], lat[placed])
    near = (node != NOWHERE) & (away <= OFF_ROAD_KM * 1_000)
    at = dict(zip(goal.working[placed][near].tolist(), node[near].tolist(), strict=True))
    slow = network.minutes(True, speeds) * np.where(where.restricted, RESTRICTED_TAKES, 1.0)
    minutes = (network.minutes(False, speeds), slow)
    tried = edges_of(seen, where, shut) & ~where.closed
    targets = np.unique(np.array(list(at.values()), np.int64))
    before = tuple(reach(network, each, targets, where.closed) for each in minutes)
    after = tuple(reach(network, each, targets, where.closed | tried) for each in minutes) if tried.any() else before
    return Reachable(
        where,
        goal,
        at,
        int(len(goal.working) - len(at)),
        tried,
        (before[0], before[1]),
        (after[0], after[1]),
        minutes,
    )


def spot_minutes(where: Ground, way: Reach) -> Floats:
    """(s,) minutes from where people live; NaN for those too far from any road, inf where there is no way."""
    off = where.spot_node == NOWHERE
    return np.where(off, np.nan, way.minutes[np.where(off, 0, where.spot_node)]) if len(off) else np.empty(0)


def nodes_of_sites(seen: Seen, where: Ground, rows: Rows) -> Ints:
    """The point of the network nearest to each site; NOWHERE where it has no place or is too far from any road."""
    lon, lat = (seen.column("site", name)[rows] for name in ("lon", "lat"))
    placed = np.isfinite(lon)
    found = np.full(len(rows), NOWHERE, np.int64)
    node, away = snap(where.network, lon[placed], lat[placed])
    found[placed] = np.where(away <= OFF_ROAD_KM * 1_000, node, NOWHERE)
    return found


@lru_cache(maxsize=8)
def _network(shapes: tuple[bytes, ...], classes: tuple[str, ...]) -> tuple[Network, Ints]:
    """For exactly these lines (whoever sees the same ones gets the same), and which of them each of the network's is of."""
    pieces: list[BaseGeometry] = []
    of: list[int] = []
    for number, shape in enumerate(shapely.from_wkb(list(shapes))):
        for line in shapely.get_parts(shape):
            if line.geom_type != "LineString":  # an area is no road
                continue
            count = max(1, int(np.ceil(line.length * METRES_PER_DEGREE / 1_000 / PIECE_KM)))
            marks = np.linspace(0, 1, count + 1)
            pieces += [substring(line, start, end, normalized=True) for start, end in pairwise(marks)]
            of += [number] * count
    return build(pieces, [classes[number] for number in of]), np.array(of, np.int64)


_trees: dict[int, tuple[Network, NDArray[np.object_], shapely.STRtree]] = {}


def _flat(network: Network) -> tuple[NDArray[np.object_], shapely.STRtree]:
    """Middles of the edges, and a tree of the edges, in metres near the network's middle."""
    kept = _trees.get(id(network))
    if kept is None or kept[0] is not network:
        wide = METRES_PER_DEGREE * float(np.cos(np.radians(np.mean(network.lat))))
        flat = shapely.transform(network.lines, lambda at: at * (wide, METRES_PER_DEGREE))
        middles = np.asarray(shapely.line_interpolate_point(flat, 0.5, normalized=True))
        if len(_trees) >= 8:
            _trees.clear()
        kept = _trees[id(network)] = (network, middles, shapely.STRtree(flat))
    return kept[1], kept[2]


People = tuple[Ints, Floats, Ints, tuple[tuple[str, str], ...], int, int | None]


def _nobody() -> People:
    return np.empty(0, np.int64), np.empty(0), np.empty(0, np.int64), (), 0, None


def _people(seen: Seen, network: Network) -> People:
    """Where people live, by the deepest level that has both figures and boundaries."""
    boundaries = seen.rows("boundary")
    levels = seen.column("boundary", "level")[boundaries]
    codes = seen.labels("boundary", "pcode")
    for level in range(LEVELS - 1, -1, -1):
        rows = boundaries[levels == level]
        told = figure(seen, EVERYTHING, POPULATION, level) if len(rows) else None
        if told is None or not any(value.value for value in told.values.values()):
            continue
        pcodes = [codes[code] for code in seen.column("boundary", "pcode")[rows].tolist()]
        shapes = [seen.geometry("boundary", row) for row in rows.tolist()]
        kept = [
            (pcode, shape, value.value)
            for pcode, shape in zip(pcodes, shapes, strict=True)
            if shape and (value := told.values.get(pcode)) is not None and value.value
        ]
        if not kept:
            continue
        names = {area.pcode: area.name for area in seen.places.areas}
        lon, lat, area = _spots(tuple(shape for _, shape, _ in kept))
        people = np.array([value for _, _, value in kept], np.float64)[area] / np.bincount(area)[area]
        node, away = snap(network, lon, lat)
        node = np.where(away <= OFF_ROAD_KM * 1_000, node, NOWHERE)
        areas = tuple((pcode, names.get(pcode, pcode)) for pcode, _, _ in kept)
        return node, people, area, areas, level, told.oldest_us
    return _nobody()


@lru_cache(maxsize=8)
def _spots(shapes: tuple[bytes, ...]) -> tuple[Floats, Floats, Ints]:
    """Points spread over each area, at least one in each: lon, lat, and which area."""
    lon: list[Floats] = []
    lat: list[Floats] = []
    for shape in shapely.from_wkb(list(shapes)):
        west, south, east, north = shape.bounds
        step = max(east - west, north - south) / SPOTS_ACROSS
        grid = np.meshgrid(np.arange(west + step / 2, east, step), np.arange(south + step / 2, north, step))
        x, y = (axis.ravel() for axis in grid)
        inside = shapely.contains_xy(shape, x, y)
        if not inside.any():
            middle = shape.representative_point()
            x, y, inside = np.array([middle.x]), np.array([middle.y]), np.array([True])
        lon.append(x[inside])
        lat.append(y[inside])
    area = np.repeat(np.arange(len(shapes)), [len(part) for part in lon])
    return np.concatenate(lon), np.concatenate(lat), area


def rows_of_ids(seen: Seen, ids: Sequence[str]) -> Rows:
    """Rows of the route records named that this viewer may see; what is withheld or absent is left out."""
    return np.array(sorted(seen.rows_of("route", ids).values()), np.int64)
