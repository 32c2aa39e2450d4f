"""Smooth random fields over the plane and level-set polygons: what coast, relief and settlement are shaped by."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, Polygon

Floats = NDArray[np.float64]
Field = Callable[[Floats, Floats], Floats]
"""x and y in km (any shape) -> values of the same shape, roughly -1 to 1."""

WAVES_PER_OCTAVE = 9


def field(rng: np.random.Generator, longest_km: float, octaves: int, roughness: float) -> Field:
    """A random field: sums of plane waves, each octave half as long and `roughness` times as high as the one before."""
    count = octaves * WAVES_PER_OCTAVE
    octave = np.repeat(np.arange(octaves), WAVES_PER_OCTAVE)
    length = longest_km / 2.0**octave * rng.uniform(0.75, 1.35, count)
    direction = rng.uniform(0, 2 * np.pi, count)
    phase = rng.uniform(0, 2 * np.pi, count)
    height = roughness**octave
    height = height / np.sqrt((height**2).sum() / 2) / 2
    wave_x = 2 * np.pi / length * np.cos(direction)
    wave_y = 2 * np.pi / length * np.sin(direction)

    def value(x: Floats, y: Floats) -> Floats:
        total = np.zeros(np.broadcast(x, y).shape)
        for kx, ky, shift, high in zip(wave_x, wave_y, phase, height, strict=True):
            total += high * np.cos(kx * x + ky * y + shift)
        return total

    return value


def level_set(values: Floats, xs: Floats, ys: Floats) -> list[Polygon]:
    """Polygons where `values` (len(ys), len(xs)) is above zero, largest first, without holes (marching triangles)."""
    ny, nx = values.shape
    node = np.arange(ny * nx).reshape(ny, nx)
    a, b, c, d = node[:-1, :-1], node[:-1, 1:], node[1:, :-1], node[1:, 1:]
    triangles = np.concatenate([np.stack([a, b, d], -1).reshape(-1, 3), np.stack([a, d, c], -1).reshape(-1, 3)])
    flat = values.ravel()
    inside = flat[triangles] > 0
    count = inside.sum(axis=1)
    mixed = (count == 1) | (count == 2)
    triangles, inside, count = triangles[mixed], inside[mixed], count[mixed]
    odd = np.where((count == 1)[:, None], inside, ~inside).argmax(axis=1)  # the corner alone on its side
    rows = np.arange(len(triangles))
    tip = triangles[rows, odd]
    ends = [_crossing(flat, tip, triangles[rows, (odd + turn) % 3], xs, ys) for turn in (1, 2)]
    faces = shapely.polygonize([LineString(pair) for pair in np.stack(ends, axis=1)]).geoms
    shells = [Polygon(face.exterior) for face in faces if isinstance(face, Polygon)]
    land = [shell for shell in shells if _above(values, xs, ys, shell)]
    return sorted(land, key=lambda shell: -shell.area)


def _crossing(flat: Floats, one: NDArray[np.int64], other: NDArray[np.int64], xs: Floats, ys: Floats) -> Floats:
    """Where the level passes between two grid nodes; both triangles of an edge get the very same numbers."""
    low, high = np.minimum(one, other), np.maximum(one, other)
    share = flat[low] / (flat[low] - flat[high])
    x = xs[low % len(xs)] * (1 - share) + xs[high % len(xs)] * share
    y = ys[low // len(xs)] * (1 - share) + ys[high // len(xs)] * share
    return np.round(np.stack([x, y], axis=1), 6)


def _above(values: Floats, xs: Floats, ys: Floats, shell: Polygon) -> bool:
    point = shell.representative_point()
    return bool(values[np.abs(ys - point.y).argmin(), np.abs(xs - point.x).argmin()] > -0.02)


def roughen(
    rng: np.random.Generator, start: Floats, end: Floats, left: Floats, right: Floats, step_km: float
) -> Floats:
    """A jagged line from `start` to `end` that stays within the kite start-left-end-right: points (n, 2) in km.

    Midpoint displacement (Fournier, Fussell and Carpenter 1982) of a height over the edge. Kites of a Voronoi diagram's
    edges (an edge and the two cell centres beside it) do not overlap, so lines made this way never cross each other.
    """
    middle = (start + end) / 2
    length = float(np.hypot(*(end - start)))
    levels = max(1, int(np.ceil(np.log2(max(length / step_km, 2.0)))))
    height = np.zeros(2)
    spread = 0.34
    for _ in range(levels):
        between = (height[:-1] + height[1:]) / 2 + rng.normal(0, spread, len(height) - 1)
        height = np.insert(height, np.arange(1, len(height)), between)
        spread *= 0.54
    along = np.linspace(0, 1, len(height))
    room = 1 - np.abs(2 * along - 1)
    reach = np.hypot(*(left - middle)), np.hypot(*(right - middle))
    km = np.clip(height * length * 0.5, -0.8 * room * reach[1], 0.8 * room * reach[0])
    toward = np.where(km[:, None] >= 0, (left - middle) / max(reach[0], 1e-9), (right - middle) / max(reach[1], 1e-9))
    line: Floats = start + along[:, None] * (end - start) + np.abs(km)[:, None] * toward
    line[0], line[-1] = start, end
    return line
