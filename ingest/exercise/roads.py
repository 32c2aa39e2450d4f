"""Roads between towns, laid by least cost over the relief so that they share stretches, and their bridges."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from shapely import LineString, Point

from ingest.exercise import noise
from ingest.exercise.coast import Coast
from ingest.exercise.noise import Floats
from ingest.exercise.towns import DISTRICT, PROVINCE, Place

GRID_KM = 3.5
SHORE_KM = 2.1
"""Roads keep this far from the sea."""
LONGEST_KM = 60.0
"""Longer stretches are cut into segments, as road authorities do for reporting."""
MARKETS, MARKET_KM = 16, 18.0
PRIMARY, SECONDARY, TRACK = "primary", "secondary", "track"
CLASSES = (PRIMARY, SECONDARY, TRACK)
SPEED_KM_H = {PRIMARY: 62.0, SECONDARY: 43.0, TRACK: 24.0}
Node = tuple[int, int]


@dataclass(frozen=True)
class Road:
    """One segment; `ends` are the numbers of the junctions it joins."""

    code: str
    name: str
    cls: str
    line: LineString
    ends: tuple[int, int]


@dataclass(frozen=True)
class Bridge:
    code: str
    name: str
    road: int
    river: int
    x: float
    y: float


def make(
    rng: np.random.Generator,
    coast: Coast,
    rivers: Sequence[LineString],
    towns: Sequence[Place],
    villages: Sequence[Place],
) -> tuple[tuple[Road, ...], tuple[Bridge, ...]]:
    joined = [town for town in (*towns, *_markets(towns, villages)) if coast.main.contains(Point(town.x, town.y))]
    grid = _Grid(coast, rivers, joined, noise.field(rng, 60.0, 3, 0.6))
    used: dict[tuple[Node, Node], int] = {}
    for one, other, cls in _wanted(joined):
        path = grid.path(grid.node(joined[one]), grid.node(joined[other]))
        for step in pairwise(path):
            key = (min(step), max(step))
            used[key] = min(used.get(key, cls), cls)
        grid.built(path)
    _drop_triangles(used)
    bend = (noise.field(rng, 24.0, 3, 0.6), noise.field(rng, 24.0, 3, 0.6))
    roads = _segments(grid, used, joined, bend)
    return roads, _bridges(roads, rivers)


def _markets(towns: Sequence[Place], villages: Sequence[Place]) -> list[Place]:
    """Villages that a track leads to: the most populous that stand well apart from every town and each other."""
    chosen: list[Place] = []
    for village in sorted(villages, key=lambda place: (-place.people, place.name)):
        near = min(np.hypot(village.x - place.x, village.y - place.y) for place in (*towns, *chosen))
        if near > MARKET_KM and len(chosen) < MARKETS:
            chosen.append(village)
    return chosen


def _wanted(towns: Sequence[Place]) -> list[tuple[int, int, int]]:
    """Pairs of towns to join, with the class: the trunk between provincial seats first, then districts, then all."""
    xy = np.array([[town.x, town.y] for town in towns])
    wanted: dict[tuple[int, int], int] = {}
    for cls, lowest in enumerate((PROVINCE, DISTRICT, 9)):
        numbers = [number for number, town in enumerate(towns) if town.rank <= lowest]
        for one, other in _gabriel(xy, numbers):
            wanted.setdefault((one, other), cls)
    apart = {pair: float(np.hypot(*(xy[pair[0]] - xy[pair[1]]))) for pair in wanted}
    return sorted(((*pair, cls) for pair, cls in wanted.items()), key=lambda item: (item[2], apart[item[:2]], item))


def _gabriel(xy: Floats, numbers: list[int]) -> list[tuple[int, int]]:
    """Pairs with nobody in the circle between them (Gabriel and Sokal 1969): short links without needless crossings."""
    pairs = []
    for place, one in enumerate(numbers):
        for other in numbers[place + 1 :]:
            middle, radius = (xy[one] + xy[other]) / 2, np.hypot(*(xy[one] - xy[other])) / 2
            away = np.hypot(*(xy[[n for n in numbers if n not in (one, other)]] - middle).T)
            if (away > radius).all():
                pairs.append((one, other))
    return pairs


class _Grid:
    """Cost of building a road through each cell; cheap where there is one already."""

    def __init__(self, coast: Coast, rivers: Sequence[LineString], towns: Sequence[Place], soil: noise.Field) -> None:
        west, south, east, north = coast.main.bounds
        self.x0, self.y0 = west, south
        self.size = int((east - west) / GRID_KM) + 2, int((north - south) / GRID_KM) + 2
        x, y = np.meshgrid(np.arange(self.size[0]), np.arange(self.size[1]), indexing="ij")
        points = np.stack([x.ravel() * GRID_KM + west, y.ravel() * GRID_KM + south], axis=1)
        seen = shapely.points(points)
        core = coast.main.buffer(-SHORE_KM)
        shapely.prepare(core)
        river = np.min([shapely.distance(line, seen) for line in rivers], axis=0)
        rough = np.exp(1.1 * soil(points[:, 0], points[:, 1]))
        cost = rough * (1 + 5 * coast.height(points) ** 2) + np.where(river < 2.2, 0.5, 0)
        self.cost: list[list[float]] = np.where(shapely.contains(core, seen), cost, np.inf).reshape(self.size).tolist()
        for town in towns:
            i, j = self.node(town)
            if self.cost[i][j] == np.inf:
                self.cost[i][j] = 4.0

    def node(self, town: Place) -> Node:
        return round((town.x - self.x0) / GRID_KM), round((town.y - self.y0) / GRID_KM)

    def point(self, node: Node) -> tuple[float, float]:
        return self.x0 + node[0] * GRID_KM, self.y0 + node[1] * GRID_KM

    def built(self, path: list[Node]) -> None:
        for i, j in path:
            self.cost[i][j] = min(self.cost[i][j], 0.45)

    def path(self, start: Node, goal: Node) -> list[Node]:
        """Least-cost path (A*)."""
        queue = [(0.0, 0.0, start)]
        best = {start: 0.0}
        back: dict[Node, Node] = {}
        while queue:
            _, far, node = heapq.heappop(queue)
            if node == goal:
                break
            if far > best[node]:
                continue
            here = self.cost[node[0]][node[1]]
            for di, dj, step in _STEPS:
                i, j = node[0] + di, node[1] + dj
                if not (0 <= i < self.size[0] and 0 <= j < self.size[1]):
                    continue
                total = far + step * (here + self.cost[i][j])
                if total < best.get((i, j), np.inf):
                    best[i, j] = total
                    back[i, j] = node
                    heapq.heappush(queue, (total + 0.4 * max(abs(goal[0] - i), abs(goal[1] - j)), total, (i, j)))
        path = [goal]
        while path[-1] in back:
            path.append(back[path[-1]])
        return path[::-1]


_STEPS = tuple((i, j, 0.5 * float(np.hypot(i, j))) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0))


def _drop_triangles(used: dict[tuple[Node, Node], int]) -> None:
    """Roads that meet a cell early leave small triangles; the long side goes, its class passes to the other two."""
    beside: dict[Node, set[Node]] = {}
    for one, other in used:
        beside.setdefault(one, set()).add(other)
        beside.setdefault(other, set()).add(one)
    for one, other in sorted(used):
        if one[0] != other[0] and one[1] != other[1]:
            for corner in sorted(beside[one] & beside[other]):
                cls = used.pop((one, other))
                beside[one].discard(other)
                beside[other].discard(one)
                for end in (one, other):
                    key = (min(end, corner), max(end, corner))
                    used[key] = min(used[key], cls)
                break


def _segments(
    grid: _Grid, used: dict[tuple[Node, Node], int], towns: Sequence[Place], bend: tuple[noise.Field, noise.Field]
) -> tuple[Road, ...]:
    """The used grid steps as smooth segments between towns and junctions."""
    beside: dict[Node, list[Node]] = {}
    for one, other in sorted(used):
        beside.setdefault(one, []).append(other)
        beside.setdefault(other, []).append(one)
    town_at = {grid.node(town): town for town in reversed(towns)}
    junctions = sorted(node for node in beside if len(beside[node]) != 2 or node in town_at)
    seen: set[tuple[Node, Node]] = set()
    chains: list[list[Node]] = []
    for start in junctions:
        for step in beside[start]:
            if (start, step) in seen:
                continue
            chain = [start, step]
            while chain[-1] not in junctions:
                chain.append(next(node for node in beside[chain[-1]] if node != chain[-2]))
            seen |= {(chain[0], chain[1]), (chain[-1], chain[-2])}
            chains.append(chain)
    number_of: dict[tuple[float, ...], int] = {}
    roads: list[Road] = []
    counts = dict.fromkeys(CLASSES, 0)
    for chain in chains:
        cls = CLASSES[min(used[min(step), max(step)] for step in pairwise(chain))]
        points = np.array([(town_at[n].x, town_at[n].y) if n in town_at else _bent(grid.point(n), bend) for n in chain])
        counts[cls] += 1
        name = _road_name(points, towns)
        parts = _cut(_smooth(points))
        for place, line in enumerate(parts):
            ends = [number_of.setdefault(line.coords[at], len(number_of)) for at in (0, -1)]
            part = f" {place + 1}/{len(parts)}" if len(parts) > 1 else ""
            code = f"{cls[0].upper()}{counts[cls]:03d}" + (chr(97 + place) if part else "")
            roads.append(Road(code, name + part, cls, line, (ends[0], ends[1])))
    return tuple(roads)


def _bent(point: tuple[float, float], bend: tuple[noise.Field, noise.Field]) -> tuple[float, float]:
    """A grid point moved a little, so that no road shows the grid."""
    x, y = np.array(point[0]), np.array(point[1])
    return point[0] + 1.5 * float(bend[0](x, y)), point[1] + 1.5 * float(bend[1](x, y))


def _smooth(points: Floats) -> Floats:
    """Corner cutting (Chaikin 1974), twice, with the ends kept."""
    for _ in range(2):
        if len(points) > 2:
            early = 0.75 * points[:-1] + 0.25 * points[1:]
            late = 0.25 * points[:-1] + 0.75 * points[1:]
            points = np.concatenate([points[:1], np.stack([early, late], axis=1).reshape(-1, 2)[1:-1], points[-1:]])
    return np.round(points, 4)


def _cut(points: Floats) -> list[LineString]:
    line = LineString(points)
    pieces = max(1, int(np.ceil(line.length / LONGEST_KM)))
    share = len(points) / pieces
    marks = [round(place * share) for place in range(pieces)] + [len(points) - 1]
    return [LineString(points[start : end + 1]) for start, end in pairwise(marks)]


def _road_name(points: Floats, towns: Sequence[Place]) -> str:
    xy = np.array([[town.x, town.y] for town in towns])
    one, other = (towns[int(((xy - end) ** 2).sum(axis=1).argmin())].name for end in (points[0], points[-1]))
    return f"{one}–{other}" if one != other else f"{one} link"


def _bridges(roads: Sequence[Road], rivers: Sequence[LineString]) -> tuple[Bridge, ...]:
    """Where a road meets a river; a road that meets it again within 2 km crosses once."""
    bridges: list[Bridge] = []
    for road_number, road in enumerate(roads):
        for river_number, river in enumerate(rivers):
            for part in shapely.get_parts(road.line.intersection(river)):
                if part.is_empty:
                    continue
                x, y = part.representative_point().coords[0][:2]
                if all(np.hypot(x - b.x, y - b.y) > 2 for b in bridges):
                    name = f"{road.name.split(' ')[0]} bridge"
                    code = f"B{len(bridges) + 1:03d}"
                    bridges.append(Bridge(code, name, road_number, river_number, round(x, 4), round(y, 4)))
    return tuple(bridges)
