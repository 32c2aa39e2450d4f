"""The island's coast, isles and relief, in a plane of kilometres (x east, y north, the origin amid the island)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely import Polygon, affinity

from ingest.exercise import noise
from ingest.exercise.noise import Floats

WIDTH_KM, HEIGHT_KM = 400.0, 250.0
ISLES = 3
ISLE_GAP_KM, ISLE_SPREAD_KM = 9.0, 90.0
"""Isles keep this far from the main island, so that they are seen as isles, and from each other."""
GRID_KM = 1.4

LON0, LAT0 = 80.6, -22.4
"""Amid the Indian Ocean, more than 1,500 km from any land."""
KM_PER_DEGREE_LON = 111.32 * float(np.cos(np.radians(LAT0)))
KM_PER_DEGREE_LAT = 110.75


def degrees(points: Floats) -> Floats:
    """Longitude, latitude (n, 2) of points (n, 2) in km; equirectangular about LON0, LAT0 (< 1 % out)."""
    return np.round(points / (KM_PER_DEGREE_LON, KM_PER_DEGREE_LAT) + (LON0, LAT0), 6)


@dataclass(frozen=True)
class Coast:
    main: Polygon
    isles: tuple[Polygon, ...]
    ridge: noise.Field

    def height(self, points: Floats) -> Floats:
        """Relief at points (n, 2) in km: 0 at the sea to about 1 on the ridges."""
        away = shapely.distance(self.main.exterior, shapely.points(points))
        rise = np.clip(away / 70.0, 0, 1) ** 0.8
        rugged = 1 - np.abs(self.ridge(points[:, 0], points[:, 1])) * 1.5
        return np.asarray(rise * np.clip(0.35 + 0.65 * rugged, 0.05, 1))


def make(rng: np.random.Generator) -> Coast:
    main = _main_island(rng)
    ridge = noise.field(rng, 190.0, 4, 0.55)
    return Coast(main, _isles(rng, main), ridge)


def _main_island(rng: np.random.Generator) -> Polygon:
    """One land mass with bays and capes: an oval whose rim is pushed in and out by noise from 260 km down to 4 km."""
    rough = noise.field(rng, 260.0, 7, 0.62)
    bend = noise.field(rng, 300.0, 2, 0.5)
    xs = np.arange(-1.35 * WIDTH_KM / 2, 1.35 * WIDTH_KM / 2, GRID_KM)
    ys = np.arange(-1.35 * HEIGHT_KM / 2, 1.35 * HEIGHT_KM / 2, GRID_KM)
    x, y = np.meshgrid(xs, ys)
    shift = 26.0 * bend(x, y)
    oval = (np.abs(x + shift) / (WIDTH_KM / 2)) ** 2.3 + (np.abs(y - shift) / (HEIGHT_KM / 2)) ** 2.3
    far = np.clip(oval ** (1 / 2.3) - 1.05, 0, None) * 4.0  # no land reaches the edge of the grid
    land = noise.level_set(0.84 - oval ** (1 / 2.3) + 0.36 * rough(x, y) - far, xs, ys)[0]
    west, south, east, north = land.bounds
    centred = affinity.translate(land, -(west + east) / 2, -(south + north) / 2)
    sized = affinity.scale(centred, WIDTH_KM / (east - west), HEIGHT_KM / (north - south), origin=(0, 0))
    # Opening drops spits and closes inlets too thin to carry a boundary.
    opened = sized.buffer(-0.8).buffer(1.2).buffer(-0.4).simplify(0.12)
    parts = [Polygon(part.exterior) for part in shapely.get_parts(opened) if isinstance(part, Polygon)]
    return max(parts, key=lambda part: part.area)


def _isles(rng: np.random.Generator, main: Polygon) -> tuple[Polygon, ...]:
    isles: list[Polygon] = []
    spread_km = ISLE_SPREAD_KM
    while len(isles) < ISLES:
        spread_km *= 0.99  # on a small or odd island they may have to stand closer
        corner = rng.integers(len(main.exterior.coords))
        x, y = main.exterior.coords[int(corner)][:2]
        away = rng.uniform(16, 30)
        turn = np.arctan2(y, x) + rng.normal(0, 0.25)
        isle = _isle(rng, x + away * np.cos(turn), y + away * np.sin(turn), rng.uniform(7, 13))
        if ISLE_GAP_KM < isle.distance(main) < 34 and all(isle.distance(other) > spread_km for other in isles):
            isles.append(isle)
    return tuple(isles)


def _isle(rng: np.random.Generator, x0: float, y0: float, radius_km: float) -> Polygon:
    rough = noise.field(rng, radius_km * 2.2, 4, 0.6)
    grid = np.arange(-1.8 * radius_km, 1.8 * radius_km, 0.7)
    x, y = np.meshgrid(grid, grid)
    stretch = rng.uniform(0.6, 1.0)
    land = noise.level_set(1 - np.hypot(x / radius_km, y / radius_km / stretch) + 0.38 * rough(x, y), grid, grid)[0]
    whole = Polygon(shapely.get_coordinates(land.buffer(0.25).buffer(-0.25).simplify(0.1)))
    return affinity.translate(whole, x0, y0)
