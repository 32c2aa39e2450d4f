"""Coordinates of any reference system, brought to longitude and latitude (EPSG:4326)."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError
from shapely.geometry.base import BaseGeometry

from ingest.feed import Refusal

DEGREES = re.compile(r"(?:CRS:?84h?|EPSG:{1,2}(?:4326|4269|4258)|EPSG:[\d.]*:(?:4326|4269))\Z", re.IGNORECASE)
"""Longitude and latitude as they are: WGS 84, and datums that differ from it by a metre or two."""


DECIMALS = 9
"""Of transformed degrees: a tenth of a millimetre, in which every system's arithmetic agrees."""
ROUNDING = 1e-6
"""Degrees beyond the antimeridian or a pole that are somebody's arithmetic, not a place (10 cm)."""


def _trimmed(places: NDArray[np.float64]) -> NDArray[np.float64]:
    whole = np.clip(places, (-180.0, -90.0), (180.0, 90.0))
    return np.where(np.abs(places - whole) <= ROUNDING, whole, places)


@lru_cache(maxsize=32)
def _way(crs: str) -> Transformer:
    try:
        return Transformer.from_crs(CRS.from_user_input(crs), CRS.from_epsg(4326), always_xy=True)
    except CRSError:
        raise ValueError(
            f"the coordinate reference system {crs[:80]!r} is not known; say it in `crs` of the source"
        ) from None


def to_degrees(geometry: BaseGeometry, crs: str) -> BaseGeometry:
    """The geometry in longitude and latitude; as it is where `crs` is empty or says so.

    Raises ValueError where the system is not known, `Refusal` where the coordinates do not fit it.
    """
    flat = shapely.force_2d(geometry)
    if not crs or DEGREES.search(crs):
        return shapely.transform(flat, _trimmed)
    way = _way(crs)

    def turned(places: NDArray[np.float64]) -> NDArray[np.float64]:
        lon, lat = way.transform(places[:, 0], places[:, 1])
        return _trimmed(np.round(np.column_stack([lon, lat]), DECIMALS))

    found = shapely.transform(flat, turned)
    if not np.isfinite(shapely.get_coordinates(found)).all():
        raise Refusal("geometry", f"does not lie in the area of {crs[:60]}", flat.bounds)
    return found
