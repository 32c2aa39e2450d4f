"""Where people live: towns by rank, villages, and how many people each area holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from ingest.exercise.areas import Ints, Partition
from ingest.exercise.coast import Coast
from ingest.exercise.names import Namer
from ingest.exercise.noise import Floats

TOWNS = 60
VILLAGES_PER_AREA = 2.6
PEOPLE = 4_300_000
CAPITAL, PROVINCE, DISTRICT, TOWN, VILLAGE = 1, 2, 3, 4, 5
"""Ranks: seat of the nation, of a level-1 area, of a level-2 area; a town; a village."""
UPLAND_FROM = 0.45
"""Relief from which a place has an upland name."""


@dataclass(frozen=True)
class Place:
    name: str
    rank: int
    x: float
    y: float
    cell: int
    """Number of the level-3 area it lies in."""
    people: int


def make(
    rng: np.random.Generator, coast: Coast, land: Partition, namer: Namer
) -> tuple[tuple[Place, ...], tuple[Place, ...], Ints]:
    """Towns (rank 1-4, larger first), villages, and people by level-3 area."""
    spots: list[tuple[int, float, float, int]] = []
    seats = [_site(rng, coast, land, land.members(2, number)) for number in range(len(land.level1))]
    provincial = {_best_seat(coast, seats, np.flatnonzero(land.level1 == j)) for j in range(land.level1.max() + 1)}
    harbour = min(sorted(provincial), key=lambda j: _harbour_score(coast, seats[j]))
    for number, (x, y, cell) in enumerate(seats):
        rank = CAPITAL if number == harbour else PROVINCE if number in provincial else DISTRICT
        spots.append((rank, x, y, cell))
    taken = {cell for _, _, _, cell in spots}
    free = [cell for cell in range(len(land.cells)) if cell not in taken]
    areas = np.array([land.cells[cell].area for cell in free])
    for cell in rng.choice(free, TOWNS - len(spots), replace=False, p=areas / areas.sum()):
        x, y, _ = _site(rng, coast, land, [int(cell)])
        spots.append((TOWN, x, y, int(cell)))
    spots.sort()
    towns = [Place(_name(coast, namer, x, y), rank, x, y, cell, _townsfolk(rng, rank)) for rank, x, y, cell in spots]
    rural = _rural(rng, coast, land, PEOPLE - sum(town.people for town in towns))
    villages = _villages(rng, coast, land, namer, towns, rural)
    people = rural.copy()
    for town in towns:
        people[town.cell] += town.people
    return tuple(sorted(towns, key=lambda town: (town.rank, -town.people))), tuple(villages), people


def _name(coast: Coast, namer: Namer, x: float, y: float) -> str:
    return namer.draw(upland=float(np.clip((coast.height(np.array([[x, y]]))[0] - 0.15) / 0.4, 0, 1)))


def _site(rng: np.random.Generator, coast: Coast, land: Partition, cells: list[int]) -> tuple[float, float, int]:
    """A likely spot for a town: low, near the shore or a river, not on an edge."""
    area = shapely.union_all([land.cells[cell] for cell in cells])
    points = inside(rng, area, 60, margin_km=2.4)
    seen = shapely.points(points)
    shore = shapely.distance(coast.main.exterior, seen)
    river = np.min([shapely.distance(line, seen) for line in land.rivers], axis=0)
    score = coast.height(points) + 0.25 * np.clip(shore / 40, 0, 1) + 0.2 * np.clip(river / 15, 0, 1)
    best = points[int((score + rng.uniform(0, 0.25, len(points))).argmin())]
    owner = min(cells, key=lambda cell: float(shapely.distance(land.cells[cell], shapely.Point(best))))
    return round(float(best[0]), 3), round(float(best[1]), 3), owner


def inside(rng: np.random.Generator, area: BaseGeometry, count: int, margin_km: float) -> Floats:
    """Random points (count, 2) inside an area, `margin_km` from its edge where there is room for that."""
    core = area.buffer(-margin_km)
    while core.is_empty:
        margin_km /= 2
        core = area.buffer(-margin_km)
    west, south, east, north = core.bounds
    found = np.empty((0, 2))
    while len(found) < count:
        points = rng.uniform((west, south), (east, north), (4 * count + 20, 2))
        found = np.concatenate([found, points[shapely.contains_xy(core, points[:, 0], points[:, 1])]])
    return found[:count]


def _best_seat(coast: Coast, seats: list[tuple[float, float, int]], numbers: Ints) -> int:
    """Of the level-2 seats of one level-1 area the lowest and most central."""
    middle = np.mean([seats[j][:2] for j in numbers], axis=0)
    points = np.array([seats[j][:2] for j in numbers])
    away = np.hypot(*(points - middle).T)
    return int(numbers[int((away / 60 + coast.height(points)).argmin())])


def _harbour_score(coast: Coast, seat: tuple[float, float, int]) -> float:
    """Lower is more of a capital: by the sea and not at the far end of the island."""
    return float(coast.main.exterior.distance(shapely.Point(seat[:2]))) / 20 + abs(seat[0] + 30) / 150


def _townsfolk(rng: np.random.Generator, rank: int) -> int:
    low, high = {CAPITAL: (410_000, 470_000), PROVINCE: (55_000, 170_000), DISTRICT: (8_000, 38_000)}.get(
        rank, (3_000, 12_000)
    )
    return int(low * (high / low) ** rng.random())


def _rural(rng: np.random.Generator, coast: Coast, land: Partition, total: int) -> Ints:
    """People outside towns by level-3 area; lowland holds more, and they sum to `total` exactly."""
    middles = np.array([[cell.representative_point().x, cell.representative_point().y] for cell in land.cells])
    area = np.array([cell.area for cell in land.cells])
    weight = area * (1.25 - coast.height(middles)) * rng.lognormal(0, 0.4, len(area))
    exact = weight / weight.sum() * total
    people: Ints = np.floor(exact).astype(np.int64)
    people[np.argsort(people - exact)[: total - people.sum()]] += 1
    return people


def _villages(
    rng: np.random.Generator, coast: Coast, land: Partition, namer: Namer, towns: list[Place], rural: Ints
) -> list[Place]:
    villages: list[Place] = []
    for number, cell in enumerate(land.cells):
        wanted = 2 + rng.poisson(VILLAGES_PER_AREA - 2)
        taken = [(town.x, town.y) for town in towns if town.cell == number]
        for x, y in inside(rng, cell, 40, margin_km=1.2):
            if wanted and all(np.hypot(x - other[0], y - other[1]) > 4.0 for other in taken):
                people = int(rural[number] * rng.uniform(0.04, 0.12))
                name = _name(coast, namer, float(x), float(y))
                villages.append(Place(name, VILLAGE, round(float(x), 3), round(float(y), 3), number, people))
                taken.append((x, y))
                wanted -= 1
    return villages
