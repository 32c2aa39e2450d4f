"""Getting there: a network of roads from lines, travel times as bands, and what is lost when a road or bridge closes.

Method: lines are split where they meet, ends that miss each other by no more than a tolerance are joined (digitised roads
miss each other often), and lengths are measured on the WGS 84 ellipsoid. Times are shortest paths (Dijkstra, as in
scipy.sparse.csgraph) under two speeds for each class of road, so every answer is a band; nothing is told to the minute.

Limits: a road that nobody drew is not there; rain, checkpoints and convoys are not in the speeds; walking to the road is not
counted beyond the distance that is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
import shapely.ops
from numpy.typing import NDArray
from pyproj import Geod
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra
from shapely.geometry.base import BaseGeometry

from data.speeds import SPEEDS as SPEEDS
from data.speeds import Speed as Speed

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
WGS84 = Geod(ellps="WGS84")
METRES_PER_DEGREE = 111_320.0
TOLERANCE_M = 60.0
NOWHERE = -1
DETOUR = 20.0
BANDS_MIN = (30, 60, 120, 240, 480)
"""Ends of the bands in which times are told."""


@dataclass(frozen=True)
class Network:
    """`lon`, `lat` (n,) nodes in degrees; `a`, `b` (m,) the nodes of each edge; `road` (m,) the line it is of."""

    lon: Floats
    lat: Floats
    a: Ints
    b: Ints
    length_m: Floats
    road: Ints
    lines: NDArray[np.object_]
    """(m,) shapely LineStrings in degrees, from `a` to `b`."""
    classes: tuple[str, ...]
    """By line: its class of road."""

    def minutes(self, pessimistic: bool, speeds: Mapping[str, Speed] = SPEEDS) -> Floats:
        """(m,) minutes along each edge."""
        other = speeds.get("", SPEEDS[""])
        by_line = np.array([speeds.get(name, other)[pessimistic] for name in self.classes], np.float64)
        return self.length_m / (by_line[self.road] * 1_000 / 60)

    def components(self) -> Ints:
        """(n,) which connected part each node is in."""
        return np.asarray(connected_components(_graph(self, np.ones(len(self.a))), directed=False)[1], np.int64)


@dataclass(frozen=True)
class Reach:
    """From every node, shape (n,), to the nearest of the targets: minutes (inf: no way) and which target (or NOWHERE)."""

    minutes: Floats
    target: Ints
    before: NDArray[np.int32]
    """The next node on the way to it."""


def build(lines: Sequence[BaseGeometry], classes: Sequence[str], tolerance_m: float = TOLERANCE_M) -> Network:
    """A network from lines in EPSG:4326. Raises `ValueError` where there are not as many classes as lines."""
    if len(lines) != len(classes):
        raise ValueError(f"{len(lines)} lines have {len(classes)} classes; give each line one")
    parts, road = shapely.get_parts(np.array(lines, object), return_index=True)
    kept = (shapely.get_type_id(parts) == 1) & (shapely.length(parts) > 0)
    parts, road = parts[kept], road[kept]
    middle = float(np.mean(shapely.get_y(shapely.centroid(parts)))) if len(parts) else 0.0
    wide = METRES_PER_DEGREE * np.cos(np.radians(middle))
    flat = shapely.transform(parts, lambda at: at * (wide, METRES_PER_DEGREE))
    pieces, of = _split(flat, tolerance_m)
    a, b, nodes = _joined(pieces, tolerance_m)
    lon, lat = nodes[:, 0] / wide, nodes[:, 1] / METRES_PER_DEGREE
    drawn = shapely.transform(pieces, lambda at: at / (wide, METRES_PER_DEGREE))
    keep = a != b
    length = np.array([WGS84.line_length(*line.coords.xy) for line in drawn[keep]], np.float64)
    return Network(lon, lat, a[keep], b[keep], length, road[of[keep]], drawn[keep], tuple(classes))


def _split(lines: NDArray[np.object_], tolerance_m: float) -> tuple[NDArray[np.object_], Ints]:
    """Lines cut where others cross them or end near them, and which line each piece is of."""
    tree = shapely.STRtree(lines)
    cuts: list[list[float]] = [[] for _ in lines]
    ends = _ends(lines)
    for end, line in zip(*tree.query(ends, predicate="dwithin", distance=tolerance_m), strict=True):
        if end % len(lines) != line:
            cuts[line].append(float(shapely.line_locate_point(lines[line], ends[end])))
    for one, other in zip(*tree.query(lines, predicate="intersects"), strict=True):
        if one < other:
            met = shapely.intersection(lines[one], lines[other])
            points = shapely.points(shapely.get_coordinates(met))
            for line in (one, other):
                cuts[line].extend(float(at) for at in np.atleast_1d(shapely.line_locate_point(lines[line], points)))
    pieces: list[BaseGeometry] = []
    of: list[int] = []
    for number, line in enumerate(lines):
        whole = float(line.length)
        inner = sorted(at for at in cuts[number] if tolerance_m / 2 < at < whole - tolerance_m / 2)
        marks = [0.0, *(at for before, at in zip([0.0, *inner], inner, strict=False) if at - before > 1.0), whole]
        for start, end in pairwise(marks):
            pieces.append(shapely.ops.substring(line, start, end))
            of.append(number)
    return np.array(pieces, object), np.array(of, np.int64)


def _joined(pieces: NDArray[np.object_], tolerance_m: float) -> tuple[Ints, Ints, Floats]:
    """The node each piece begins and ends at, and where the nodes are: ends within the tolerance are one node."""
    if not len(pieces):
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 2))
    ends = _ends(pieces)
    one, other = shapely.STRtree(ends.tolist()).query(ends, predicate="dwithin", distance=tolerance_m)
    near = csr_array((np.ones(len(one)), (one, other)), shape=(len(ends), len(ends)))
    count, node = connected_components(near, directed=False)
    at = shapely.get_coordinates(ends)
    members = np.bincount(node, minlength=count)[:, None]
    nodes = np.column_stack([np.bincount(node, at[:, axis], count) for axis in (0, 1)]) / members
    node = np.asarray(node, np.int64)
    return node[: len(pieces)], node[len(pieces) :], nodes


def _ends(lines: NDArray[np.object_]) -> NDArray[np.object_]:
    """The first points of lines, then their last."""
    return np.array([shapely.get_point(line, end) for end in (0, -1) for line in lines], object)


def snap(network: Network, lon: Floats, lat: Floats) -> tuple[Ints, Floats]:
    """The nearest node of each place and the metres to it; NOWHERE and inf where there is no network."""
    if not len(network.lon):
        return np.full(len(lon), NOWHERE, np.int64), np.full(len(lon), np.inf)
    scale = np.cos(np.radians(float(np.mean(network.lat))))
    tree = shapely.STRtree([shapely.Point(at) for at in zip(network.lon * scale, network.lat, strict=True)])
    node = tree.nearest(shapely.points(lon * scale, lat))
    _, _, metres = WGS84.inv(lon, lat, network.lon[node], network.lat[node])
    return np.asarray(node, np.int64), np.asarray(metres, np.float64)


def reach(network: Network, minutes: Floats, targets: Ints, closed: Mask | None = None) -> Reach:
    """The nearest of `targets` (nodes) from every node. `minutes` (m,) by edge; `closed` (m,) edges that cannot be passed."""
    n = len(network.lon)
    if not len(targets):
        return Reach(np.full(n, np.inf), np.full(n, NOWHERE, np.int64), np.full(n, NOWHERE, np.int32))
    away, before, source = dijkstra(
        _graph(network, minutes, closed),
        directed=False,
        indices=np.unique(targets),
        min_only=True,
        return_predecessors=True,
    )
    there = np.isfinite(away)
    target = np.where(there, source, NOWHERE)
    return Reach(np.asarray(away), np.asarray(target, np.int64), np.where(before < 0, NOWHERE, before).astype(np.int32))


def second(network: Network, minutes: Floats, targets: Ints, first: Reach, closed: Mask | None = None) -> Reach:
    """The nearest target other than each node's own nearest: where to go when that one is full, closed or lost."""
    n = len(network.lon)
    found = Reach(np.full(n, np.inf), np.full(n, NOWHERE, np.int64), np.full(n, NOWHERE, np.int32))
    for target in np.unique(first.target[first.target != NOWHERE]):
        others = targets[targets != target]
        again = reach(network, minutes, others, closed)
        own = first.target == target
        for name in ("minutes", "target", "before"):
            getattr(found, name)[own] = getattr(again, name)[own]
    return found


def neighbours(
    network: Network, minutes: Floats, first: Reach, closed: Mask | None = None
) -> dict[int, tuple[int, float]]:
    """Target -> the nearest other target and the minutes to it; a target from which no other is reached is not in it.

    The quickest way out of a target's own cell leaves it over one edge, and beyond that edge its nearest target is no farther
    than any other: so the edges between cells tell, without another search.
    """
    open_ = np.ones(len(network.a), np.bool_) if closed is None else ~closed
    ends = [(network.a[open_], network.b[open_]), (network.b[open_], network.a[open_])]
    here, there = (np.concatenate([pair[side] for pair in ends]) for side in (0, 1))
    weight = np.tile(minutes[open_], 2)
    between = (first.target[here] != first.target[there]) & (first.target[here] != NOWHERE)
    here, there, weight = here[between], there[between], weight[between]
    away = first.minutes[here] + weight + first.minutes[there]
    order = np.lexsort((away, first.target[here]))
    own, place = np.unique(first.target[here][order], return_index=True)
    best = order[place]
    other = first.target[there][best]
    return {
        int(target): (int(found), float(took))
        for target, found, took in zip(own, other, away[best], strict=True)
        if found != NOWHERE
    }


def way_round(
    network: Network, minutes: Floats, way: Sequence[int], closed: Mask | None = None
) -> tuple[list[int], float]:
    """Another way between the ends of a way (nodes, minutes), that shares with it only what there is no way round: the
    quickest when every edge of the first takes `DETOUR` times as long. The first itself where there is no other."""
    steps = {frozenset(pair) for pair in pairwise(way)}
    used = np.array([frozenset(pair) in steps for pair in zip(network.a.tolist(), network.b.tolist(), strict=True)])
    other = reach(network, np.where(used, minutes * DETOUR, minutes), np.array([way[-1]]), closed)
    found = path(network, other, way[0])
    return found, along(network, minutes, found, closed)


def along(network: Network, minutes: Floats, way: Sequence[int], closed: Mask | None = None) -> float:
    """Minutes of a way along its nodes."""
    edges = edges_of(network, minutes, way, closed)
    return float(minutes[edges].sum())


def edges_of(network: Network, minutes: Floats, way: Sequence[int], closed: Mask | None = None) -> Ints:
    """The edges of a way along its nodes: of parallel ones the quickest that is open."""
    best: dict[frozenset[int], int] = {}
    for edge in np.argsort(-minutes).tolist():
        if closed is None or not closed[edge]:
            best[frozenset((int(network.a[edge]), int(network.b[edge])))] = edge
    return np.array([best[frozenset(pair)] for pair in pairwise(way)], np.int64)


def path(network: Network, way: Reach, node: int) -> list[int]:
    """Nodes from a node to its nearest target; empty where there is no way."""
    if not np.isfinite(way.minutes[node]):
        return []
    nodes = [node]
    while way.before[nodes[-1]] != NOWHERE:
        nodes.append(int(way.before[nodes[-1]]))
    return nodes


def lost(before: Reach, after: Reach) -> tuple[Mask, Floats]:
    """Who no longer reaches any target after a closure, and by how many minutes longer the others' way became: both (n,)."""
    cut = np.isfinite(before.minutes) & ~np.isfinite(after.minutes)
    with np.errstate(invalid="ignore"):
        longer = np.where(np.isfinite(after.minutes), after.minutes - before.minutes, np.nan)
    return cut, longer


def band(minutes: float) -> str:
    """A time as it is told: "30-60 min", "2-4 h", "over 8 h", "no way"."""
    if not np.isfinite(minutes):
        return "no way"
    ends = (0, *BANDS_MIN)
    for low, high in pairwise(ends):
        if minutes < high:
            return f"under {high} min" if not low else _between(low, high)
    return f"over {ends[-1] // 60} h"


def _between(low: int, high: int) -> str:
    return f"{low // 60}-{high // 60} h" if low >= 60 else f"{low}-{high} min"


def _graph(network: Network, weights: Floats, closed: Mask | None = None) -> csr_array:
    """Edges both ways; of parallel ones the quickest, since a sparse matrix would add them up. Closed ones are left out."""
    open_ = np.ones(len(network.a), np.bool_) if closed is None else ~closed
    a, b = np.minimum(network.a, network.b)[open_], np.maximum(network.a, network.b)[open_]
    weight = np.maximum(weights[open_], 1e-9)  # an edge of no length would read as no edge
    order = np.lexsort((weight, b, a))
    a, b, weight = a[order], b[order], weight[order]
    first = np.ones(len(a), np.bool_)
    first[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
    n = len(network.lon)
    return csr_array((weight[first], (a[first], b[first])), shape=(n, n))
