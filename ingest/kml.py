"""Placemarks of KML: what a document or a KMZ holds, and the geometry of one."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable
from typing import Any

import shapely
from lxml import etree
from shapely.geometry.base import BaseGeometry

from ingest.feed import Payload, Refusal
from ingest.geometry import box
from ingest.markup import local_name, texts
from ingest.values import number
from ingest.workbooks import DAMAGE, check_zip

ROOT = re.compile(
    r"<(?:\w+:)?[A-Za-z]+\b[^<>]*xmlns(?::\w+)?\s*=\s*[\"']http://(?:www\.)?(?:opengis\.net|earth\.google\.com)/kml|<kml[\s>]"
)
PREFIXES = {
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "gx": "http://www.google.com/kml/ext/2.2",
    "atom": "http://www.w3.org/2005/Atom",
    "xal": "urn:oasis:names:tc:ciq:xsdschema:xAL:2.0",
}
_FIRST = re.compile(rb"<(?![?!])[^\s<>/]+")
OVERLAYS = ("GroundOverlay", "PhotoOverlay")
GEOMETRIES = ("Point", "LineString", "LinearRing", "Polygon", "MultiGeometry", "Track", "MultiTrack", "Model")


def documents(payload: Payload) -> list[Payload]:
    """The document itself or, of a KMZ, every .kml in it: `doc.kml` and what its network links point to inside."""
    if not payload.head.startswith(b"PK\x03\x04"):
        return [payload]
    try:
        with payload.open() as stream, zipfile.ZipFile(stream) as archive:
            check_zip(payload.name, archive)
            names = [entry for entry in archive.namelist() if entry.lower().endswith(".kml")]
            found = [Payload(name, content=archive.read(name)) for name in names if not name.startswith("__MACOSX")]
    except DAMAGE as error:
        raise ValueError(f"{payload.name} is a damaged or encrypted zip file: {error}") from None
    if not found:
        raise ValueError(f"{payload.name} is a zip without a .kml in it")
    return found


def declared(payload: Payload) -> Payload:
    """The document with the prefixes that exporters use and forget to declare, declared at its first element."""
    content = payload.read()
    first = _FIRST.search(content)
    missing = [
        f' xmlns:{prefix}="{uri}"'
        for prefix, uri in PREFIXES.items()
        if f"{prefix}:".encode() in content and f"xmlns:{prefix}=".encode() not in content
    ]
    if not missing or first is None:
        return payload
    at = first.end()
    return Payload(payload.name, content=content[:at] + "".join(missing).encode() + content[at:])


def child(element: etree._Element, name: str) -> etree._Element | None:
    return next((found for found in element if local_name(found) == name), None)


def words(element: etree._Element, name: str) -> str:
    found = next((each for each in element.iter(etree.Element) if local_name(each) == name), None)
    return "" if found is None else " ".join((found.text or "").split())


def geometry(placemark: etree._Element) -> BaseGeometry | None:
    """The geometry of a placemark or overlay in EPSG:4326, None where it has none. Refuses what is no geometry."""
    if local_name(placemark) in GEOMETRIES:
        return _shape(placemark)
    if (sides := child(placemark, "LatLonBox")) is not None:
        said = texts(sides)
        west, east, south, north = (number(said, side) for side in ("west", "east", "south", "north"))
        if west is None or east is None or south is None or north is None:
            raise Refusal("LatLonBox", "lacks one of west, east, south, north")
        return box(west, east, south, north, "LatLonBox")
    for element in placemark:
        if local_name(element) in GEOMETRIES:
            return _shape(element)
    return None


def _shape(element: etree._Element) -> BaseGeometry | None:
    name = local_name(element)
    if name in ("MultiGeometry", "MultiTrack"):
        parts = [_shape(part) for part in element if local_name(part) in GEOMETRIES]
        return _together([part for part in parts if part is not None])
    if name == "Model":
        said = [words(element, part) for part in ("longitude", "latitude")]
        return shapely.Point(_corners([",".join(said)])[0]) if all(said) else None
    if name == "Track":
        places = [",".join((each.text or "").split()) for each in element if local_name(each) == "coord"]
        return _line(_corners(places), name)
    if name == "Polygon":
        rings = [
            _corners(_said(ring)) for ring in element if local_name(ring) in ("outerBoundaryIs", "innerBoundaryIs")
        ]
        if not rings or len(set(rings[0])) < 3:
            raise Refusal("Polygon", "has no outer boundary of three corners or more")
        return shapely.make_valid(shapely.Polygon(rings[0], [ring for ring in rings[1:] if len(set(ring)) > 2]))
    corners = _corners(_said(element))
    if name == "Point":
        return shapely.Point(corners[0]) if corners else None
    return _line(corners + corners[:1] if name == "LinearRing" and corners[:1] != corners[-1:] else corners, name)


def _line(corners: list[tuple[float, float]], name: str) -> BaseGeometry | None:
    if len(set(corners)) == 1:
        return shapely.Point(corners[0])
    if not corners:
        raise Refusal(name, "has no coordinates")
    return shapely.LineString(corners)


def _said(element: etree._Element) -> Iterable[str]:
    """Tuples of coordinates, also where somebody put a space after a comma."""
    text = next((each.text or "" for each in element.iter(etree.Element) if local_name(each) == "coordinates"), "")
    return re.sub(r"\s*,\s*", ",", text).split()


def _corners(said: Iterable[str]) -> list[tuple[float, float]]:
    found = []
    for place in said:
        parts = place.split(",")
        try:
            lon, lat = float(parts[0]), float(parts[1])
        except (ValueError, IndexError):
            raise Refusal("coordinates", "has a place that is not longitude,latitude", place) from None
        if not (-180.0 <= lon <= 180.0 and -90.0 <= lat <= 90.0):
            raise Refusal("coordinates", "is outside -180..180, -90..90 degrees", place)
        found.append((lon, lat))
    return found


def _together(parts: list[BaseGeometry]) -> BaseGeometry | None:
    if not parts:
        return None
    kinds: dict[str, Any] = {"Point": shapely.MultiPoint, "LineString": shapely.MultiLineString}
    kinds["Polygon"] = shapely.MultiPolygon
    types = {part.geom_type for part in parts}
    one = kinds.get(types.pop()) if len(types) == 1 else None
    return parts[0] if len(parts) == 1 else one(parts) if one else shapely.GeometryCollection(parts)
