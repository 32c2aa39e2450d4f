"""What lies near a place, as it is released: rows with their distance on the ground, nearest first."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from data.choosing import KM_PER_DEGREE, Rows, distance_km
from data.filters import Filters
from data.seen import Seen

LONGEST_DEGREES = 1.0
"""How far from its point a line is looked for; roads here are cut into sections far shorter."""


def near(seen: Seen, kind: str, lon: float, lat: float, within_km: float) -> tuple[Rows, NDArray[np.float64]]:
    """Current rows of a kind within so many km of a place (degrees), and how many km; lines by their nearest point."""
    reach = within_km / KM_PER_DEGREE + (LONGEST_DEGREES if seen.has_shapes(kind) else 0)
    wide = reach / max(0.05, float(np.cos(np.radians(min(abs(lat) + reach, 89)))))
    if lon - wide < -180 or lon + wide > 180:
        rows = seen.rows(kind)
    else:
        rows = seen.rows(kind, Filters(bbox=(lon - wide, max(-90, lat - reach), lon + wide, min(90, lat + reach))))
    away = distance_km(seen.column(kind, "lon")[rows], seen.column(kind, "lat")[rows], (lon, lat))
    for at in np.flatnonzero(seen.has_shape(kind, rows)) if seen.has_shapes(kind) else ():
        shape = seen.geometry(kind, int(rows[at]))
        if shape is not None:
            away[at] = _to_shape(shapely.from_wkb(shape), lon, lat)
    fits = np.flatnonzero(away <= within_km)
    fits = fits[np.argsort(away[fits], kind="stable")]
    return rows[fits], away[fits]


def _to_shape(shape: shapely.Geometry, lon: float, lat: float) -> float:
    """Distance to the nearest point of a geometry, looked for in a plane that is true to scale around the place."""
    scale = max(0.05, float(np.cos(np.radians(lat))))
    flat = shapely.transform(shape, lambda xy: xy * (scale, 1.0))
    point = shapely.get_point(shapely.shortest_line(flat, shapely.Point(lon * scale, lat)), 0)
    here = np.array([point.x / scale]), np.array([point.y])
    return float(distance_km(*here, (lon, lat))[0])
