"""GPX 1.0 and 1.1: what hand-held receivers and phones recorded.

A waypoint becomes a report ("waypoint"), a track a report ("track") with the line that was travelled, a route a planned route
of which nobody says whether one can pass. A track's key is its name and first point, so that a longer recording of it is a
newer version; its time is that of its last point, `start` and the number of points stand among the attributes. A point
of a track that cannot be read costs this point, which is counted there too.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

import shapely
from lxml import etree
from shapely.geometry.base import BaseGeometry

from data.records import Record, Report, RouteStatus
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.markup import elements, local_name, texts
from ingest.values import instant, number, shape

POINTS = {"wpt": "wpt", "rte": "rtept", "trk": "trkpt"}
ROOT = re.compile(r"\W*(?:<\?[^<]*\?>\s*|<!--.*?-->\s*|<!DOCTYPE[^<]*)*<(?:\w+:)?gpx[\s>]", re.DOTALL)
OWN = frozenset(("name", "desc", "time"))


def recognise(payload: Payload) -> int:
    head = payload.head_text
    return 90 if ROOT.match(head) else 0


def rows(payload: Payload, source: Source) -> Iterable[etree._Element]:
    yield from elements(payload, POINTS)


def record(row: etree._Element, context: Context) -> Record:
    kind, said = local_name(row), texts(row)
    zone = context.source.timezone
    attributes: dict[str, Any] = {name: value for name, value in said.items() if name not in OWN}
    attributes |= dict(_extensions(row))
    if kind == "wpt":
        lon, lat = _place(row)
        wkb = None
        when = instant(said, "time", zone)
        about = [said.get("name", ""), lon, lat, said.get("time", "")]
    else:
        parts, times, left_out = _parts(row, POINTS[kind], zone)
        lon, lat, wkb = shape(_line(parts))
        when = max(times, default=None)
        count = sum(len(part) for part in parts)
        attributes |= {"points": count, **({"points left out": left_out} if left_out else {})}
        if times:
            attributes["start"] = min(times).isoformat()
        about = [kind, said.get("name", ""), said.get("number", ""), *next(part for part in parts if part)[0]]
        about.append(min(times).isoformat() if times else count)
    digest = hashlib.blake2b(repr(about).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    common: dict[str, Any] = {
        "source_ref": f"{kind}-{digest}",
        "title": said.get("name", "") or {"wpt": "Waypoint", "rte": "Route", "trk": "Track"}[kind],
        "description": said.get("desc", "") or said.get("cmt", ""),
        "event_time": when,
        "version_time": when,
        "lon": lon,
        "lat": lat,
        "wkb": wkb,
        "place_precision": "exact",
        "attributes": attributes,
    }
    if kind == "rte":
        return RouteStatus(**common, category=said.get("type", "") or "route")
    return Report(**common, category="waypoint" if kind == "wpt" else "track", form="GPX")


def _place(element: etree._Element) -> tuple[float, float]:
    lon, lat = number(element.attrib, "lon"), number(element.attrib, "lat")
    if lon is None or lat is None:
        raise Refusal("lon/lat", "one of the two is missing", (element.get("lon"), element.get("lat")))
    if not (-180.0 <= lon <= 180.0 and -90.0 <= lat <= 90.0):
        raise Refusal("lon/lat", "is outside -180..180, -90..90 degrees", (lon, lat))
    return lon, lat


def _parts(row: etree._Element, name: str, zone: str) -> tuple[list[list[tuple[float, float]]], list[Any], int]:
    """The points of each segment, the times said, and how many points could not be read."""
    segments = [segment for segment in row if local_name(segment) == "trkseg"] if name == "trkpt" else [row]
    parts, times, left_out = [], [], 0
    for segment in segments:
        part = []
        for point in (child for child in segment if local_name(child) == name):
            try:
                part.append(_place(point))
                if when := instant(texts(point), "time", zone):
                    times.append(when)
            except Refusal:
                left_out += 1
        parts.append(part)
    if not any(parts):
        raise Refusal("points", "has none that can be read" if left_out else "has none", left_out or None)
    return parts, times, left_out


def _line(parts: list[list[tuple[float, float]]]) -> BaseGeometry:
    lines = [shapely.LineString(part) for part in parts if len(set(part)) > 1]
    if not lines:
        return shapely.Point(next(part for part in parts if part)[0])
    return lines[0] if len(lines) == 1 else shapely.MultiLineString(lines)


def _extensions(row: etree._Element) -> Iterator[tuple[str, str]]:
    for child in row:
        if local_name(child) == "extensions":
            for element in child.iter(etree.Element):
                if element is not child and element.text and element.text.strip():
                    yield local_name(element), element.text.strip()
        elif local_name(child) in ("link", "url") and child.get("href"):
            yield "link", str(child.get("href"))


FEED = Feed(
    name="gpx",
    title="GPX: waypoints, tracks, routes",
    kinds=("report", "route"),
    formats=("gpx",),
    media_types=("application/gpx+xml", "application/xml", "text/xml"),
    recognise=recognise,
    rows=rows,
    record=record,
)
