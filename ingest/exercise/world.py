"""The whole country from a seed: land, areas with codes and names, towns, people, roads, rivers and bridges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from ingest.exercise import areas, coast, names, roads, towns
from ingest.exercise.areas import Ints
from ingest.exercise.coast import degrees
from ingest.exercise.noise import Floats
from ingest.exercise.roads import Bridge, Road
from ingest.exercise.towns import Place


@dataclass(frozen=True)
class Area:
    """One administrative area; `shape` in degrees (EPSG:4326)."""

    level: int
    pcode: str
    name: str
    parent: str
    shape: BaseGeometry
    area_km2: float


@dataclass(frozen=True)
class River:
    name: str
    shape: BaseGeometry


@dataclass(frozen=True)
class World:
    """`levels[n]`: the areas of level n in code order; `cell_area[i]`: the place in levels[3] of partition cell i."""

    seed: int
    coast: coast.Coast
    land: areas.Partition
    levels: tuple[tuple[Area, ...], ...]
    by_code: Mapping[str, Area]
    cell_area: Ints
    towns: tuple[Place, ...]
    villages: tuple[Place, ...]
    people: Ints
    """Inhabitants by partition cell."""
    roads: tuple[Road, ...]
    bridges: tuple[Bridge, ...]
    rivers: tuple[River, ...]

    @property
    def places(self) -> tuple[Place, ...]:
        return (*self.towns, *self.villages)

    def area_of(self, cell: int, level: int) -> Area:
        """The area of a level that holds a partition cell."""
        code = self.levels[3][int(self.cell_area[cell])].pcode
        return self.by_code[code[: 2 + 2 * level]]

    def cell_at(self, points: Floats) -> Ints:
        """Partition cell of points (n, 2) in km; -1 at sea."""
        return _cell_at(self.land.cells, points)


def _cell_at(cells: Sequence[BaseGeometry], points: Floats) -> Ints:
    tree = shapely.STRtree(list(cells))
    found = np.full(len(points), -1)
    hits = tree.query(shapely.points(points), predicate="intersects")
    found[hits[0]] = hits[1]
    return found


def random(seed: int, stream: int) -> np.random.Generator:
    """A generator of its own for each part, so that a change in one part does not change the others."""
    return np.random.default_rng([seed, stream])


@cache
def build(seed: int) -> World:
    """The country of a seed; the same seed gives the same country, number by number."""
    shore = coast.make(random(seed, 1))
    land = areas.make(random(seed, 2), shore)
    namer = names.Namer(random(seed, 3))
    towns_, villages, people = towns.make(random(seed, 4), shore, land, namer)
    roads_, bridges = roads.make(random(seed, 5), shore, land.rivers, towns_, villages)
    levels, cell_area = _coded(shore, land, namer, towns_)
    by_code = {area.pcode: area for level in levels for area in level}
    rivers = tuple(River(namer.draw(0.6), _in_degrees(line)) for line in land.rivers)
    return World(seed, shore, land, levels, by_code, cell_area, towns_, villages, people, roads_, bridges, rivers)


def _in_degrees(shape: BaseGeometry) -> BaseGeometry:
    return shapely.transform(shape, degrees)


def _coded(
    shore: coast.Coast, land: areas.Partition, namer: names.Namer, towns_: Sequence[Place]
) -> tuple[tuple[tuple[Area, ...], ...], Ints]:
    """P-codes from west to east within each parent; an area of level 2 or 3 is named after its largest town."""
    seat = {}
    for town in reversed(towns_):
        seat[town.cell] = town.name
        seat[-1 - int(land.level2[town.cell])] = town.name
    levels: list[list[Area]] = [[], [], [], []]
    cell_area = np.zeros(len(land.cells), dtype=np.int64)

    def add(level: int, code: str, name: str, cells: list[int]) -> None:
        shape = shapely.union_all([land.cells[cell] for cell in cells])
        levels[level].append(
            Area(level, code, name, code[: max(0, 2 * level)], _in_degrees(shape), round(shape.area, 3))
        )

    def from_west(groups: list[list[int]]) -> list[list[int]]:
        return sorted(groups, key=lambda cells: float(np.mean([land.cells[cell].centroid.x for cell in cells])))

    add(0, names.ISO2, names.COUNTRY, list(range(len(land.cells))))
    for one, cells1 in enumerate(from_west([land.members(1, j) for j in range(areas.COUNT[0])]), start=1):
        code1 = f"{names.ISO2}{one:02d}"
        add(1, code1, namer.draw(_upland(shore, land, cells1)), cells1)
        inner = [land.members(2, int(j)) for j in np.unique(land.level2[cells1])]
        for two, cells2 in enumerate(from_west(inner), start=1):
            code2 = f"{code1}{two:02d}"
            add(2, code2, seat[-1 - int(land.level2[cells2[0]])], cells2)
            for three, cells3 in enumerate(from_west([[cell] for cell in cells2]), start=1):
                cell = cells3[0]
                cell_area[cell] = len(levels[3])
                add(3, f"{code2}{three:02d}", seat.get(cell) or namer.draw(_upland(shore, land, cells3)), cells3)
    return tuple(tuple(level) for level in levels), cell_area


def _upland(shore: coast.Coast, land: areas.Partition, cells: list[int]) -> float:
    middles = np.array([[land.cells[cell].centroid.x, land.cells[cell].centroid.y] for cell in cells])
    return float(np.clip((shore.height(middles).mean() - 0.15) / 0.4, 0, 1))
