"""Lines and polygons for tiles: projected and simplified once per zoom, clipped and quantised per tile."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import shapely
from numpy.typing import NDArray

from data.columns import WORLD, Table
from data.seen import Rows, Seen
from layers.features import Shapes
from layers.mvt import EXTENT, LINE, Paths, lines, rings

BUFFER = 128
"""How far beyond its edge a tile carries shapes, in tile units: 16 px, wider than any line is drawn."""
PIXELS = 512
TOLERANCE_PX = 0.6
"""What may be simplified away; a tile is shown at up to twice its size before the next zoom takes over."""
REMEMBERED = 96
T = TypeVar("T")
Geometries = NDArray[np.object_]

_memory: WeakKeyDictionary[Table, OrderedDict[tuple[Any, ...], Any]] = WeakKeyDictionary()
_guard = threading.Lock()


@dataclass(frozen=True)
class Prepared:
    """Shapes of one zoom in `WORLD` units, y down, and where each lies."""

    geometries: Geometries
    bounds: NDArray[np.float64]


def remembered(seen: Seen, kind: str, rows: Rows, what: tuple[Any, ...], make: Callable[[], T]) -> T:
    """`make()`, kept for exactly these versions: a version never changes, so whoever may see the same ones alike gets the
    same."""
    key = (*what, seen.alike(kind), seen.column(kind, "seq")[rows].tobytes())
    with _guard:
        kept = _memory.setdefault(seen.tables[kind], OrderedDict())
        if key in kept:
            kept.move_to_end(key)
            found: T = kept[key]
            return found
    made = make()
    with _guard:
        kept[key] = made
        while len(kept) > REMEMBERED:
            kept.popitem(last=False)
    return made


def prepared(seen: Seen, shapes: Shapes, z: int) -> Prepared:
    """The shapes as zoom z shows them. Shared edges stay shared: coverages are simplified as one (shapely.coverage_simplify,
    Visvalingam-Whyatt), lines and lone polygons each by itself (Douglas-Peucker)."""
    key = (shapes.type, shapes.coverage.tobytes())
    whole = remembered(seen, shapes.kind, shapes.rows, ("whole", *key), lambda: _projected(seen, shapes))
    return remembered(seen, shapes.kind, shapes.rows, (z, *key), lambda: _simplified(whole, shapes, z))


def paths(shape: Prepared, kind: int, chosen: NDArray[np.bool_], z: int, x: int, y: int) -> Paths:
    """The chosen shapes within a tile and its buffer, in tile units; `features` are their positions."""
    size = WORLD >> z
    margin = size * BUFFER / EXTENT
    west, north = x * size - margin, y * size - margin
    east, south = (x + 1) * size + margin, (y + 1) * size + margin
    low_x, low_y, high_x, high_y = shape.bounds.T
    hit = np.flatnonzero(chosen & (low_x <= east) & (high_x >= west) & (low_y <= south) & (high_y >= north))
    geometries = shape.geometries[hit]
    inside = (low_x[hit] >= west) & (high_x[hit] <= east) & (low_y[hit] >= north) & (high_y[hit] <= south)
    geometries[~inside] = clipped(geometries[~inside], west, north, east, south)
    parts, owner = shapely.get_parts(geometries, return_index=True)
    wanted = shapely.get_dimensions(parts) == (1 if kind == LINE else 2)
    parts, owner = parts[wanted], hit[owner[wanted]]
    if kind == LINE:
        tracks, feature, exterior = parts, owner, np.empty(0, np.bool_)
    else:
        tracks, part = shapely.get_rings(parts, return_index=True)
        feature = owner[part]
        exterior = np.diff(part, prepend=-1) != 0
    coordinates, track = shapely.get_coordinates(tracks, return_index=True)
    units = np.floor((coordinates - (x * size, y * size)) * (EXTENT / size) + 0.5).astype(np.int64)
    lengths = np.bincount(track, minlength=len(tracks)).astype(np.int64)
    if kind == LINE:
        return lines(units, lengths, feature)
    closing = np.cumsum(lengths) - 1
    return rings(np.delete(units, closing, axis=0), lengths - 1, feature, exterior)


def clipped(geometries: Geometries, west: float, north: float, east: float, south: float) -> Geometries:
    """Cut to a box; the fast way may refuse a shape that simplifying left touching itself, the thorough one does not."""
    try:
        return np.asarray(shapely.clip_by_rect(geometries, west, north, east, south))
    except shapely.GEOSException:
        return np.asarray(shapely.intersection(shapely.make_valid(geometries), shapely.box(west, north, east, south)))


def _projected(seen: Seen, shapes: Shapes) -> Geometries:
    geometries = shapely.from_wkb([seen.geometry(shapes.kind, int(row)) for row in shapes.rows])
    geometries = np.asarray(shapely.transform(geometries, _mercator), object)
    if shapes.type == LINE:
        return geometries
    broken = ~shapely.is_valid(geometries)
    geometries[broken] = [_polygons(geometry) for geometry in shapely.make_valid(geometries[broken])]
    return geometries


def _polygons(geometry: Any) -> Any:
    """The areas of what mending a polygon gave; lines and points were its faults."""
    parts = shapely.get_parts(geometry)
    while (shapely.get_type_id(parts) == shapely.GeometryType.GEOMETRYCOLLECTION).any():
        parts = shapely.get_parts(parts)
    return shapely.multipolygons(shapely.get_parts(parts[shapely.get_dimensions(parts) == 2]))


def _simplified(whole: Geometries, shapes: Shapes, z: int) -> Prepared:
    tolerance = TOLERANCE_PX * (WORLD >> z) / PIXELS
    geometries = whole.copy()
    if shapes.type == LINE:
        geometries = np.asarray(shapely.simplify(whole, tolerance, preserve_topology=False), object)
    elif not len(shapes.coverage):
        geometries = np.asarray(shapely.simplify(whole, tolerance), object)
    else:
        for number in np.unique(shapes.coverage):
            members = shapes.coverage == number
            geometries[members] = shapely.coverage_simplify(whole[members], tolerance)
    return Prepared(geometries, shapely.bounds(geometries))


def _mercator(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Degrees to `WORLD` units, unrounded."""
    phi = np.radians(np.clip(lonlat[:, 1], -85.05112878, 85.05112878))
    unit = np.column_stack(((lonlat[:, 0] + 180.0) / 360.0, 0.5 - np.log(np.tan(np.pi / 4 + phi / 2)) / (2 * np.pi)))
    return np.asarray(unit * WORLD)
