"""Areas that formats give as corners or as a radius, in EPSG:4326, whole on both sides of the antimeridian."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from pyproj import Geod
from shapely import LineString, Point, Polygon
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from ingest.feed import Refusal

GEOD = Geod(ellps="WGS84")
CORNERS = 64
HALF_ROUND_M = 20_003_931.0
"""From pole to pole, in metres: no radius on Earth is larger."""
WORLD = shapely.box(-180.0, -90.0, 180.0, 90.0)

Places = Sequence[tuple[float, float]]
"""Longitude and latitude in degrees."""


def polygon(corners: Places, name: str) -> BaseGeometry:
    """The area within corners, closed where the source left that out; refuses, by `name`, what encloses nothing."""
    if len(set(corners)) < 3:
        raise Refusal(name, "has fewer than three corners", len(corners))
    return _cut(shapely.make_valid(Polygon(_unrolled(corners, name))))


def line(places: Places, name: str) -> BaseGeometry:
    """The line through places; refuses, by `name`, fewer than two."""
    if len(set(places)) < 2:
        raise Refusal(name, "has fewer than two different points", len(places))
    return _cut(LineString(_unrolled(places, name)))


def box(west: float, east: float, south: float, north: float, name: str) -> BaseGeometry:
    """The area between two longitudes and two latitudes; it crosses the antimeridian where west is beyond east."""
    if not (-360.0 <= west <= 360.0 and -360.0 <= east <= 360.0 and -90.0 <= south <= north <= 90.0):
        raise Refusal(name, "is outside -180..180, -90..90 degrees", (west, east, south, north))
    return _cut(shapely.box(west, south, east + 360.0 if east < west else east, north))


def ellipse(
    lon: float, lat: float, major_m: float, minor_m: float, name: str, major_azimuth_deg: float = 0.0
) -> BaseGeometry:
    """The area around a place with these half-axes in metres on the WGS 84 ellipsoid; the place itself where one is 0.

    `major_azimuth_deg` is the direction of the major axis, clockwise from north.
    """
    if not (0.0 <= minor_m <= HALF_ROUND_M and 0.0 <= major_m <= HALF_ROUND_M):
        raise Refusal(name, "is not a radius on Earth (below 0, or beyond half the way round)", (major_m, minor_m))
    _in_range([(lon, lat)], name)
    if minor_m == 0.0 or major_m == 0.0:
        return Point(lon, lat)
    pole = 90.0 if lat >= 0.0 else -90.0
    if GEOD.inv(lon, lat, lon, pole)[2] <= max(major_m, minor_m):
        # A pole lies within it, and with it every longitude.
        edge = GEOD.fwd(lon, lat, 180.0 if lat >= 0.0 else 0.0, max(major_m, minor_m))[1]
        return shapely.box(-180.0, min(edge, pole), 180.0, max(edge, pole))
    off_axis = np.linspace(0.0, 2.0 * np.pi, CORNERS, endpoint=False)
    reach = major_m * minor_m / np.hypot(minor_m * np.cos(off_axis), major_m * np.sin(off_axis))
    azimuth = np.degrees(off_axis) + major_azimuth_deg
    lons, lats, _ = GEOD.fwd(np.full(CORNERS, lon), np.full(CORNERS, lat), azimuth, reach)
    return polygon(list(zip(lons.tolist(), lats.tolist(), strict=True)), name)


def away(lon: float, lat: float, azimuth_deg: float, metres: float) -> tuple[float, float]:
    """Longitude and latitude of the place that far away in that direction (clockwise from true north)."""
    there_lon, there_lat, _ = GEOD.fwd(lon, lat, azimuth_deg, metres)
    return there_lon, there_lat


def _in_range(places: Places, name: str) -> None:
    for lon, lat in places:
        if not (-180.0 <= lon <= 180.0 and -90.0 <= lat <= 90.0):
            raise Refusal(name, "is outside -180..180, -90..90 degrees", (lon, lat))


def _unrolled(places: Places, name: str) -> Places:
    """The same places with longitudes beyond +-180 where two neighbours are on either side of the antimeridian.

    Neighbours more than 180 degrees of longitude apart are taken as meant the short way round (RFC 7946, 3.1.9).
    """
    _in_range(places, name)
    lons = np.unwrap([lon for lon, _ in places], period=360.0)
    if abs(lons[-1] - lons[0]) >= 360.0:  # once round a pole: no outline in these coordinates
        return places
    return [(float(lon), lat) for lon, (_, lat) in zip(lons, places, strict=True)]


def _cut(geometry: BaseGeometry) -> BaseGeometry:
    """What lies beyond +-180 degrees, moved to where it belongs."""
    west, _, east, _ = geometry.bounds
    if west >= -180.0 and east <= 180.0:
        return geometry
    pieces = [shapely.intersection(translate(geometry, xoff=turn), WORLD) for turn in (-360.0, 0.0, 360.0)]
    return shapely.union_all([piece for piece in pieces if not piece.is_empty])
