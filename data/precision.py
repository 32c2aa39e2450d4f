"""Places no finer than they are released: every tier is one fixed set of cells, so asking again or elsewhere tells no more.

`km5`: bands of 1/22 degree of latitude (5.03 km by WGS 84 where a degree is shortest), each parted from 180 degrees west into as
many equal cells as are at least 5 km wide at the band's edge nearer to a pole. `km1`: each of those cells in five times five.
A place becomes the centre of its cell. `adm3`, `adm2`: a point inside the area of that level (or of the lowest known above it)
by the boundaries of today. `none`: no place.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import shapely
from numpy.typing import NDArray

from data.access import Precision
from data.places import NOWHERE, Places

BANDS = 22
"""Of 5 km to a degree of latitude."""
PARTS = 5
"""Cells of 1 km along a side of one of 5 km."""
DIGITS = 6
"""To which points are rounded, degrees: 11 cm."""
LEVEL: Mapping[Precision, int] = MappingProxyType({Precision.adm3: 3, Precision.adm2: 2})
"""The deepest administrative level a tier names."""
STATED: Mapping[Precision, str] = MappingProxyType(
    {Precision.km1: "near", Precision.km5: "near", Precision.adm3: "adm3", Precision.adm2: "adm2", Precision.none: ""}
)
"""What a released record says of its own precision."""


def snapped(
    lon: NDArray[np.float64], lat: NDArray[np.float64], precision: Precision
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres of the cells of `km1` or `km5` in which points lie, degrees, shape (n,); NaN stays NaN."""
    parts = PARTS if precision is Precision.km1 else 1
    there = np.isfinite(lon) & np.isfinite(lat)
    fine = np.clip(np.floor((np.where(there, lat, 0.0) + 90) * BANDS * PARTS), 0, 180 * BANDS * PARTS - 1)
    band = np.floor(fine / PARTS)
    edge = np.maximum(np.abs(band / BANDS - 90), np.abs((band + 1) / BANDS - 90))
    around = np.maximum(np.floor(360 * BANDS * np.cos(np.radians(edge))), 1) * PARTS
    column = np.clip(np.floor((np.where(there, lon, 0.0) + 180) / 360 * around), 0, around - 1)
    side = PARTS // parts
    column, row, around = np.floor(column / side), np.floor(fine / side), around / side
    across = np.round((column + 0.5) * 360 / around - 180, DIGITS)
    down = np.round((row + 0.5) / (BANDS * parts) - 90, DIGITS)
    return np.where(there, across, np.nan), np.where(there, down, np.nan)


def inner_points(places: Places, areas: NDArray[np.int32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A point inside each area (index into `places.areas`, shape (n,)), the same for all of one area; NaN of NOWHERE."""
    lon, lat = np.full(len(areas), np.nan), np.full(len(areas), np.nan)
    for area in np.unique(areas[areas != NOWHERE]).tolist():
        point = shapely.point_on_surface(places.areas[area].geometry)
        if not point.is_empty:
            lon[areas == area], lat[areas == area] = round(point.x, DIGITS), round(point.y, DIGITS)
    return lon, lat
