"""Administrative areas as layers need them: which ones are on the map, and what they are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from data.records import Boundary
from data.seen import Rows, Seen
from layers.shapes import Geometries, remembered

ROUGHLY_DEG = 0.005
"""To which names are placed: 550 m."""


TOWNS = {"capital", "city", "town", "village", "hamlet"}
"""Categories of sites that are places to live and no facilities (the `place` values of OpenStreetMap)."""


@dataclass(frozen=True)
class Named:
    """What a boundary says of itself."""

    pcode: str
    name: str
    name_local: str
    level: int
    disputed: bool


def on_map(seen: Seen) -> Rows:
    """Rows of the boundaries to draw: of areas of one level that lie over one another only the newest vintage.

    An older area goes where its inner point lies in a newer one of its level, the same rule by which points are placed.
    """
    rows = seen.rows("boundary")
    return remembered(seen, "boundary", rows, ("newest",), lambda: _newest(seen, rows))


def named(seen: Seen, rows: Rows) -> Sequence[Named]:
    """What these boundaries are called, in the same order."""
    return remembered(seen, "boundary", rows, ("named",), lambda: _named(seen, rows))


def towns_of(seen: Seen, rows: Rows) -> NDArray[np.bool_]:
    """Which of these sites are towns."""
    is_town = [label.casefold() in TOWNS for label in seen.labels("site", "category")]
    return np.asarray(np.array([*is_town, False], np.bool_)[seen.column("site", "category")[rows]])


def middles(seen: Seen, rows: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitudes and latitudes where the names of these boundaries stand: the middle of the largest circle within each."""
    return remembered(seen, "boundary", rows, ("middles",), lambda: _middles(seen, rows))


def _middles(seen: Seen, rows: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    outlines = shapely.simplify(outlines_of(seen, rows), ROUGHLY_DEG)
    circles = shapely.maximum_inscribed_circle(outlines, tolerance=ROUGHLY_DEG)
    middle = shapely.get_point(circles, 0)
    return shapely.get_x(middle), shapely.get_y(middle)


def outlines_of(seen: Seen, rows: Rows) -> Geometries:
    """Shapes of these boundaries in degrees; None where one has none."""
    return np.asarray(shapely.from_wkb([seen.geometry("boundary", int(row)) for row in rows]), object)


def _newest(seen: Seen, rows: Rows) -> Rows:
    level, vintage = seen.column("boundary", "level")[rows], seen.column("boundary", "vintage")[rows]
    lon, lat = seen.column("boundary", "lon")[rows], seen.column("boundary", "lat")[rows]
    outlines = outlines_of(seen, rows)
    kept = ~shapely.is_missing(outlines)
    for depth in np.unique(level[kept]):
        same = np.flatnonzero(kept & (level == depth))
        tree = shapely.STRtree(outlines[same])
        points, areas = tree.query(shapely.points(lon[same], lat[same]), predicate="intersects")
        point, area = same[points], same[areas]
        # Equal vintages: what was heard later stands.
        newer = (vintage[area] > vintage[point]) | ((vintage[area] == vintage[point]) & (area > point))
        kept[point[newer]] = False
    return np.asarray(rows[kept])


def _named(seen: Seen, rows: Rows) -> list[Named]:
    records = (item.record for item in seen.items("boundary", rows))
    return [
        Named(record.pcode, record.title, record.name_local, record.level, record.disputed)
        for record in records
        if isinstance(record, Boundary)
    ]
