"""The administrative areas: the land cut into three nested levels whose shared edges are jagged, not straight.

The finest areas are Voronoi cells around centres that stand closer where people live; every edge between two cells is
roughened once and used by both, so there is neither gap nor overlap. Coarser levels are unions of finer ones and nest
by construction. Rivers follow cell edges to the sea, as borders often follow rivers.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, Point
from shapely.geometry.base import BaseGeometry

from ingest.exercise import noise
from ingest.exercise.coast import Coast
from ingest.exercise.noise import Floats

COUNT = (9, 40, 160)
"""How many areas of level 1, 2 and 3."""
EDGE_STEP_KM = 0.9
RIVERS = 15
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Partition:
    """Areas in km: `level2[i]` is the level-2 area of level-3 area i, `level1[j]` the level-1 area of level-2 j."""

    cells: tuple[BaseGeometry, ...]
    level2: Ints
    level1: Ints
    rivers: tuple[LineString, ...]

    def members(self, level: int, number: int) -> list[int]:
        """Numbers of the level-3 areas within one area of level 1 or 2."""
        upper = self.level2 if level == 2 else self.level1[self.level2]
        return [int(cell) for cell in np.flatnonzero(upper == number)]


def make(rng: np.random.Generator, coast: Coast) -> Partition:
    dense = noise.field(rng, 150.0, 3, 0.6)
    centres = _centres(rng, coast, dense, COUNT[2] - len(coast.isles))
    edges = _edges(rng, np.concatenate([centres, _offshore(rng, coast)]))
    cells = _cells(coast, centres, edges)
    touching = _touching(cells)
    areas = np.array([cell.area for cell in cells])
    middles = np.array([[cell.centroid.x, cell.centroid.y] for cell in cells])
    level2 = _groups(rng, middles, areas, touching, COUNT[1])
    parts2 = [shapely.union_all([cells[i] for i in np.flatnonzero(level2 == j)]) for j in range(COUNT[1])]
    touching2 = _touching(parts2)
    middles2 = np.array([[part.centroid.x, part.centroid.y] for part in parts2])
    level1 = _groups(rng, middles2, np.array([part.area for part in parts2]), touching2, COUNT[0])
    level2, level1 = _isles_in(coast, cells, level2, level1)
    return Partition((*cells, *coast.isles), level2, level1, _rivers(coast, edges))


def _centres(rng: np.random.Generator, coast: Coast, dense: noise.Field, count: int) -> Floats:
    """Cell centres (count, 2): k-means over points drawn more often in lowland and where `dense` is high."""
    west, south, east, north = coast.main.bounds
    points = rng.uniform((west, south), (east, north), (24_000, 2))
    points = points[shapely.contains_xy(coast.main, points[:, 0], points[:, 1])]
    weight = np.clip(1.15 - 0.9 * coast.height(points) + 0.9 * dense(points[:, 0], points[:, 1]), 0.08, None)
    points = points[rng.random(len(points)) < weight / weight.max()]
    return _means(rng, points, np.ones(len(points)), count, rounds=4)  # few rounds: uneven, as real areas are


def _offshore(rng: np.random.Generator, coast: Coast) -> Floats:
    """Centres out at sea, so that edges which run into the sea end soon after the shore."""
    west, south, east, north = coast.main.bounds
    points = rng.uniform((west - 60, south - 60), (east + 60, north + 60), (9_000, 2))
    away = shapely.distance(coast.main, shapely.points(points))
    points = points[(away > 20) & (away < 60)]
    return _means(rng, points, np.ones(len(points)), 70, rounds=5)


def _means(rng: np.random.Generator, points: Floats, weight: Floats, count: int, rounds: int) -> Floats:
    centres = points[rng.choice(len(points), count, replace=False, p=weight / weight.sum())]
    for _ in range(rounds):
        nearest = _nearest(points, centres)
        total = np.bincount(nearest, weight, count)
        kept = total > 0
        for axis in (0, 1):
            moved = np.bincount(nearest, weight * points[:, axis], count)
            centres[kept, axis] = moved[kept] / total[kept]
    return centres


def _nearest(points: Floats, centres: Floats) -> Ints:
    squared = ((points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
    return np.asarray(squared.argmin(axis=1))


@dataclass(frozen=True)
class _Edge:
    start: tuple[float, float]
    end: tuple[float, float]
    line: Floats


def _edges(rng: np.random.Generator, centres: Floats) -> dict[tuple[int, int], list[_Edge]]:
    """The roughened Voronoi edges by the two cells beside them; edges with one cell only lie far out at sea."""
    frame = shapely.box(-500, -400, 500, 400)
    diagram = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(centres), extend_to=frame, ordered=True))
    sides: dict[tuple[tuple[float, float], tuple[float, float]], list[int]] = {}
    for number, face in enumerate(diagram):
        ring = [(float(x), float(y)) for x, y in shapely.get_coordinates(face)]
        for one, other in pairwise(ring):
            if one != other:
                sides.setdefault((min(one, other), max(one, other)), []).append(number)
    edges: dict[tuple[int, int], list[_Edge]] = {}
    for (start, end), beside in sorted(sides.items()):
        if len(beside) == 2:
            left, right = centres[beside[0]], centres[beside[1]]
            line = noise.roughen(rng, np.array(start), np.array(end), left, right, EDGE_STEP_KM)
            edges.setdefault((min(beside), max(beside)), []).append(_Edge(start, end, np.round(line, 5)))
    return edges


def _cells(coast: Coast, centres: Floats, edges: dict[tuple[int, int], list[_Edge]]) -> list[BaseGeometry]:
    """The land cut along the edges, one geometry a centre; scraps cut off by a bay go to the neighbour they touch."""
    lines = [LineString(edge.line) for beside in sorted(edges) for edge in edges[beside]]
    cut = shapely.union_all([*lines, coast.main.exterior], grid_size=1e-5)
    faces = [face for face in shapely.polygonize([cut]).geoms if coast.main.contains(face.representative_point())]
    rough = shapely.polygonize(
        [shapely.union_all([*lines, shapely.box(-480, -380, 480, 380).exterior], grid_size=1e-5)]
    )
    owner: dict[int, int] = {}
    inland = shapely.STRtree(list(rough.geoms))
    for point_number, face_number in zip(*inland.query(shapely.points(centres), predicate="within"), strict=True):
        owner[int(face_number)] = int(point_number)
    pieces: list[list[BaseGeometry]] = [[] for _ in centres]
    scraps: list[BaseGeometry] = []
    for face in faces:
        found = inland.query(face.representative_point(), predicate="within")
        number = owner.get(int(found[0])) if len(found) else None
        if number is None:
            scraps.append(face)
        else:
            pieces[number].append(face)
    for number, held in enumerate(pieces):
        held.sort(key=lambda piece: -piece.area)
        scraps += held[1:]
        pieces[number] = held[:1]
    for scrap in sorted(scraps, key=lambda piece: -piece.area):
        shared = [scrap.intersection(held[0]).length if held else 0.0 for held in pieces]
        best = int(np.argmax(shared))
        pieces[best] = [shapely.union_all([pieces[best][0], scrap])]
    return [held[0] for held in pieces if held]


def _touching(cells: Sequence[BaseGeometry]) -> list[dict[int, float]]:
    """Per cell: neighbour number -> length of the shared border in km."""
    tree = shapely.STRtree(list(cells))
    found: list[dict[int, float]] = [{} for _ in cells]
    for one, other in zip(*tree.query(list(cells), predicate="intersects"), strict=True):
        if one < other:
            length = cells[one].intersection(cells[other]).length
            if length > 0.5:
                found[int(one)][int(other)] = found[int(other)][int(one)] = float(length)
    return found


def _groups(
    rng: np.random.Generator, middles: Floats, areas: Floats, touching: list[dict[int, float]], count: int
) -> Ints:
    """Group numbers (len(middles),) of `count` connected groups: k-means, then what is cut off is handed over."""
    centres = _means(rng, middles, areas, count, rounds=3)
    group = _nearest(middles, centres)
    for number in range(count):
        if not (group == number).any():  # k-means lost it: split the largest group
            largest = int(np.bincount(group, minlength=count).argmax())
            members = np.flatnonzero(group == largest)
            group[members[np.argmax(np.hypot(*(middles[members] - middles[members].mean(axis=0)).T))]] = number
    for _ in range(8):
        moved = False
        for number in range(count):
            for part in _parts(group, touching, number)[1:]:
                border: dict[int, float] = {}
                for cell in part:
                    for neighbour, length in touching[cell].items():
                        if group[neighbour] != number:
                            border[int(group[neighbour])] = border.get(int(group[neighbour]), 0.0) + length
                if border:
                    group[part] = max(sorted(border), key=lambda other: border[other])
                    moved = True
        if not moved:
            break
    return group


def _parts(group: Ints, touching: list[dict[int, float]], number: int) -> list[list[int]]:
    """The connected parts of one group, largest first."""
    left = {int(cell) for cell in np.flatnonzero(group == number)}
    parts: list[list[int]] = []
    while left:
        stack = [min(left)]
        left.discard(stack[0])
        part = []
        while stack:
            cell = stack.pop()
            part.append(cell)
            for neighbour in sorted(touching[cell]):
                if neighbour in left:
                    left.discard(neighbour)
                    stack.append(neighbour)
        parts.append(part)
    return sorted(parts, key=lambda part: (-len(part), part[0]))


def _isles_in(coast: Coast, cells: list[BaseGeometry], level2: Ints, level1: Ints) -> tuple[Ints, Ints]:
    """Each isle is a level-3 area of the level-2 area whose shore is nearest."""
    nearest = [int(np.argmin([isle.distance(cell) for cell in cells])) for isle in coast.isles]
    return np.concatenate([level2, level2[nearest]]), level1


def _rivers(coast: Coast, edges: dict[tuple[int, int], list[_Edge]]) -> tuple[LineString, ...]:
    """Rivers from the heights to the sea along cell edges: longest first, tributaries end where they meet another."""
    graph: dict[tuple[float, float], list[tuple[tuple[float, float], float, Floats]]] = {}
    for beside in sorted(edges):
        for edge in edges[beside]:
            climb = float(coast.height(edge.line).mean())
            weight = float(np.hypot(*np.diff(edge.line, axis=0).T).sum()) * (0.25 + climb)
            graph.setdefault(edge.start, []).append((edge.end, weight, edge.line))
            graph.setdefault(edge.end, []).append((edge.start, weight, edge.line[::-1]))
    inside = {node for node in sorted(graph) if coast.main.contains(Point(node))}
    queue = [(0.0, node) for node in sorted(graph) if node not in inside]
    cost = {node: 0.0 for _, node in queue}
    down: dict[tuple[float, float], tuple[tuple[float, float], Floats]] = {}
    while queue:
        far, node = heapq.heappop(queue)
        if far > cost[node]:
            continue
        for upper, weight, line in graph[node]:
            if upper in inside and far + weight < cost.get(upper, np.inf):
                cost[upper] = far + weight
                down[upper] = (node, line[::-1])
                heapq.heappush(queue, (far + weight, upper))
    taken: set[tuple[float, float]] = set()
    rivers: list[LineString] = []
    for source in sorted(down, key=lambda node: -cost[node]):
        if len(rivers) == RIVERS:
            break
        points: list[Floats] = []
        node = source
        while node in down and node not in taken:
            node, line = down[node]
            points.append(line)
        if len(points) < 3 or any(np.hypot(source[0] - x, source[1] - y) < 17 for x, y in taken):
            continue
        path = LineString(np.concatenate(points)).intersection(coast.main)
        part = max(shapely.get_parts(path), key=lambda piece: piece.length)
        if part.length > 28:
            rivers.append(part)
            node = source
            while node in down and node not in taken:
                taken.add(node)
                node = down[node][0]
    return tuple(rivers)
