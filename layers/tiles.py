"""Vector tiles straight from the columns, and the records behind one cell of them.

Points that crowd join in cells of a grid that is the same for the whole world at each zoom, so what is drawn does not depend
on how the map was cut, and no count threshold leaves seams. A point belongs to exactly one cell and a cell to exactly one
tile (half-open on both axes): counts over the tiles of a zoom sum to the selected records that have a place. A cell is drawn
by the tile that owns it, without a buffer: MapLibre draws symbols and circles across tile edges, and would drop or double
those whose point lies outside their tile.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.columns import WORLD
from data.filters import Filters
from data.records import Record
from data.seen import Item, Rows, Seen, public_id
from layers.features import PLAIN_VIEW, Points, Shapes, View, micros, seconds, title_of
from layers.layer import Layer, select
from layers.mvt import EXTENT, POINT, Feature, commands, point, tile
from layers.mvt import POLYGON as RINGS
from layers.shapes import paths, prepared

ALONE_ZOOM = 14
ALONE = 256
"""Cells along a side of a tile from `ALONE_ZOOM` on: 2 px (10 m at the equator), so that only what lies together joins."""
PICKED = 200


class BadCell(ValueError):
    """A cell key that is not one: the sentence says what it looks like."""


def encode_tile(seen: Seen, layer: Layer, filters: Filters, z: int, x: int, y: int, view: View = PLAIN_VIEW) -> bytes:
    """The tile (Mapbox Vector Tile 2.1, 512 px, extent 4096) of a layer for this viewer; b"" where it is empty.

    Raises `BadFilter`.
    """
    if not layer.minzoom <= z <= layer.maxzoom or not 0 <= x < 1 << z or not 0 <= y < 1 << z:
        return b""
    found = select(seen, layer, filters, view)
    if isinstance(found, Points):
        return tile(layer.id, _points(found, layer.cells, z, x, y))
    return tile(layer.id, _shapes(seen, found, z, x, y)) if len(found.rows) else b""


def pick(
    seen: Seen, layer: Layer, filters: Filters, cell: str, view: View = PLAIN_VIEW, limit: int = PICKED
) -> dict[str, Any]:
    """The records in one cell ("z/col/row", property `c`), newest first: {"total", "items"}. Raises `BadCell`, `BadFilter`."""
    try:
        z, column, row = (int(part) for part in cell.split("/"))
        if not 0 <= z <= layer.maxzoom or not layer.cells:
            raise ValueError
    except ValueError:
        raise BadCell(f"cell: '{cell[:40]}' is not a cell like 7/1012/733 of the layer {layer.id}.") from None
    found = select(seen, layer, filters, view)
    if not isinstance(found, Points):
        return {"total": 0, "items": []}
    across = _per_tile(layer.cells, z) << z
    at = _between(found, _edge(column, across), _edge(column + 1, across), _edge(row, across), _edge(row + 1, across))
    at = _shown(found, at, z)
    page = seen.newest(found.kind, found.rows[at], limit)
    return {"total": len(at), "items": [_picked(seen, item) for item in seen.items(found.kind, page)]}


def _points(found: Points, cells: int, z: int, x: int, y: int) -> Iterator[Feature]:
    size = WORLD >> z
    at = _shown(found, _between(found, x * size, (x + 1) * size, y * size, (y + 1) * size), z)
    if not len(at):
        return
    left, top = found.x[at] - np.int32(x * size), found.y[at] - np.int32(y * size)
    lone = np.arange(len(at))
    if cells:
        side = _per_tile(cells, z)
        key = _cell(top, side, size) * side + _cell(left, side, size)
        counts = np.bincount(key * len(found.classes) + found.of_class[at], minlength=side * side * len(found.classes))
        counts = counts.reshape(-1, len(found.classes))
        yield from _joined(found, counts, key, left, top, (z, x, y), side)
        lone = np.flatnonzero(counts.sum(axis=1)[key] == 1)
        lone = lone[np.argsort(key[lone])]  # by place, not by row: the order must not tell of rows that are withheld
    units = np.column_stack((left[lone], top[lone])).astype(np.int64) * EXTENT // size
    for (across, down), properties in zip(units.tolist(), found.properties(at[lone]), strict=True):
        yield Feature(POINT, point(across, down), {"n": 1, **properties} if cells else properties)


def _joined(
    found: Points,
    counts: NDArray[np.int64],
    key: NDArray[np.int64],
    left: NDArray[np.int32],
    top: NDArray[np.int32],
    address: tuple[int, int, int],
    side: int,
) -> Iterator[Feature]:
    """Cells of several, at the mean of their members, kept a sixth of the cell from its edge so that neighbours stand apart.

    Sums are whole numbers below 2^53, so exact in any order.
    """
    z, x, y = address
    totals = counts.sum(axis=1)
    crowded = np.flatnonzero(totals > 1)
    sums = [np.bincount(key, weights=part, minlength=len(totals))[crowded].astype(np.int64) for part in (left, top)]
    rows, columns = np.divmod(crowded, side)
    across, down = (
        _inside(part // totals[crowded] * EXTENT // (WORLD >> z), cell, side)
        for part, cell in zip(sums, (columns, rows), strict=True)
    )
    listed = zip(
        across.tolist(),
        down.tolist(),
        (columns + x * side).tolist(),
        (rows + y * side).tolist(),
        totals[crowded].tolist(),
        counts[crowded].tolist(),
        strict=True,
    )
    for a, d, column, row, n, parts in listed:
        properties = {"c": f"{z}/{column}/{row}", "n": n, **dict(zip(found.counts, parts, strict=True))}
        yield Feature(POINT, point(a, d), properties)


def _inside(units: NDArray[np.int64], cell: NDArray[np.int64], side: int) -> NDArray[np.int64]:
    margin = EXTENT // (6 * side)
    return np.clip(units, -(-cell * EXTENT // side) + margin, (cell + 1) * EXTENT // side - 1 - margin)


def _shapes(seen: Seen, found: Shapes, z: int, x: int, y: int) -> Iterator[Feature]:
    chosen = np.ones(len(found.rows), np.bool_) if found.from_zoom is None else found.from_zoom <= z
    drawn = commands(paths(prepared(seen, found, z), found.type, chosen, z, x, y), found.type == RINGS)
    at = np.fromiter(drawn, np.int64)
    for geometry, properties in zip(drawn.values(), found.properties(at), strict=True):
        yield Feature(found.type, geometry, properties)


def _between(found: Points, west: int, east: int, north: int, south: int) -> NDArray[np.int64]:
    """Positions of points with west <= x < east and north <= y < south."""
    if east <= west or south <= north:
        return np.empty(0, np.int64)
    x, y = found.x, found.y
    # Unsigned, what lies left of the edge (and NO_XY) is very large: one comparison an axis instead of two.
    across = (x - np.int32(west)).view(np.uint32) < np.uint32(east - west)
    return np.flatnonzero(across & ((y - np.int32(north)).view(np.uint32) < np.uint32(south - north)))


def _shown(found: Points, at: Rows, z: int) -> Rows:
    return at if found.from_zoom is None else at[found.from_zoom[at] <= z]


def _per_tile(cells: int, z: int) -> int:
    return cells if z < ALONE_ZOOM else max(cells, ALONE)


def _cell(offset: NDArray[np.int32], side: int, size: int) -> NDArray[np.int64]:
    return offset.astype(np.int64) * side // size


def _edge(number: int, across: int) -> int:
    """The first coordinate that lies in a column (or row) of cells, of which `across` part the world."""
    return min(max(-(-number * WORLD // across), 0), WORLD)


def _picked(seen: Seen, item: Item) -> dict[str, Any]:
    record: Record = item.record
    time = int(seen.column(item.kind, "time")[item.row])
    at = seconds(time)
    return {
        "id": public_id(item.id),
        "title": title_of(item),
        "category": record.category,
        "severity": int(record.severity),
        "t": at,
        "place": record.place or next((name for name in reversed(item.area_names) if name), ""),
        "source": record.source,
        "age_s": None if at is None else max(0, (micros(seen.now) - time) // 1_000_000),
    }
