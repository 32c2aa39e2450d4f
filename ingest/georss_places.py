"""Places in entries of RSS and Atom: GeoRSS Simple, GeoRSS GML, and the W3C `geo:lat` and `geo:long`, all latitude first."""

from __future__ import annotations

from typing import Any

import shapely
from shapely import Point
from shapely.geometry.base import BaseGeometry

from ingest.feed import Refusal
from ingest.geometry import box, ellipse, line, polygon
from ingest.markup import local_name
from ingest.values import lon_lat, shape


def place_of(entry: Any) -> tuple[float | None, float | None, bytes | None]:
    """Longitude, latitude and WKB (None for a point) of all places an entry states: of its areas where it has any, else of
    its lines, else of its points; three Nones where it states none. Refuses, by its name, a place that is not whole."""
    points: list[BaseGeometry] = []
    lines: list[BaseGeometry] = []
    areas: list[BaseGeometry] = []
    for element in entry.iter(
        "{*}point", "{*}pos", "{*}line", "{*}polygon", "{*}posList", "{*}box", "{*}circle", "{*}Envelope"
    ):
        name, told = local_name(element), " ".join(element.itertext())
        if not told.strip() or (name == "pos" and local_name(element.getparent()) != "Point"):
            continue
        numbers = _numbers(name, told)
        places = list(zip(numbers[1::2], numbers[::2], strict=True)) if len(numbers) % 2 == 0 else []
        inside = {local_name(parent) for parent in element.iterancestors()}
        if "interior" in inside:
            continue
        if name == "circle" and len(numbers) == 3:
            areas.append(ellipse(numbers[1], numbers[0], numbers[2], numbers[2], name))
        elif name in ("point", "pos") and len(places) == 1:
            points.append(Point(places[0]))
        elif name in ("box", "Envelope") and len(places) == 2:
            (west, south), (east, north) = places
            areas.append(box(west, east, south, north, name))
        elif name == "polygon" or (name == "posList" and "LinearRing" in inside):
            areas.append(polygon(places, name))
        elif name in ("line", "posList"):
            lines.append(line(places, name))
        else:
            raise Refusal(name, "does not have the numbers of its kind (latitude first)", told)
    if areas or lines or points:
        return shape(shapely.union_all(areas or lines or points))
    told_at = {local_name(child): child.text for child in entry.iter("{*}lat", "{*}long", "{*}lon")}
    lon, lat = lon_lat(told_at, "long" if "long" in told_at else "lon", "lat")
    return lon, lat, None


def _numbers(name: str, told: str) -> list[float]:
    try:
        return [float(number) for number in told.replace(",", " ").split()]
    except ValueError:
        raise Refusal(name, "has a coordinate that is no number", told) from None
