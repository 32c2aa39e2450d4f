"""Cursor on Target events one by one, out of a file or a stream: where each begins and ends, and what it holds."""

from __future__ import annotations

import re

from lxml import etree
from shapely import Point
from shapely.geometry.base import BaseGeometry

from ingest.feed import Refusal
from ingest.geometry import away, ellipse, line, polygon
from ingest.markup import local_name
from ingest.values import number

MAX_EVENT = 1 << 20
UNKNOWN = 999_999.0
"""CoT writes 9999999.0 for what is not known, some clients one 9 less; no height, error or speed is as large."""
_OPEN = re.compile(rb"<event(?=[\s/>])")
_START = re.compile(rb"<event(?=[\s/>])(?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+>")
_NEXT = re.compile(rb"</event\s*>|<event(?=[\s/>])")
# No part of these looks beyond the next "<", so that a megabyte of "<!--" is no work.
_BETWEEN = re.compile(rb"<\?[^<]*?\?>|<!--[^<]*?-->|<events\b[^<>]*>|</events?\s*>|\xef\xbb\xbf|\s+")
_PARSER = etree.XMLParser(
    resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True
)
_STYLE = frozenset({"strokeColor", "strokeWeight", "strokeStyle", "fillColor", "color", "usericon", "labels_on"})
_DRAWN = frozenset({"shape", "archive", "tog"})


def first_start(head: bytes) -> bytes:
    """The start tag of the first event, empty where there is none."""
    found = _START.search(head)
    return found.group() if found else b""


def split(buffer: bytes) -> tuple[list[bytes], bytes]:
    """The whole events in a buffer (and any text between them that is none), and the rest in which one may have begun.

    An event that is interrupted by the start of the next is given out as it is. Raises ValueError at a document type, and
    where the rest is longer than any event may be.
    """
    found: list[bytes] = []
    at = 0
    while start := _START.search(buffer, at):
        end = start.end()
        if not start.group().endswith(b"/>"):
            following = _NEXT.search(buffer, end)
            if following is None:
                break
            end = following.end() if following.group().startswith(b"</") else following.start()
        found += [*between(buffer[at : start.start()]), buffer[start.start() : end].strip()]
        at = end
    if len(buffer) - at > MAX_EVENT:
        raise ValueError(f"there is an event of more than {MAX_EVENT:,} bytes, or none in as many")
    return found, buffer[at:]


def between(chunk: bytes) -> list[bytes]:
    """What stands between events beyond declarations, comments, a root and white space: nothing, or one text."""
    if b"<!DOCTYPE" in chunk:
        raise ValueError("there is a document type (DOCTYPE) among the events; send them without")
    rest = _BETWEEN.sub(b" ", chunk).strip()
    return [rest] if rest else []


def parsed(event: bytes) -> etree._Element:
    """One event as an element; refused where it is none, or is broken."""
    if not _OPEN.match(event):
        raise Refusal("event", "is not a CoT event")
    try:
        return etree.fromstring(event, _PARSER)
    except etree.XMLSyntaxError as error:
        raise Refusal("event", "is not well-formed XML, or was cut off", error.msg) from None


def known(row: dict[str, str], name: str) -> float | None:
    """A number of CoT, None where it is blank or stands for unknown."""
    found = number(row, name)
    return None if found is None or abs(found) >= UNKNOWN else found


def point(event: etree._Element) -> dict[str, float]:
    """lat, lon (degrees), hae, ce (metres), as far as they are known; 0,0 of unknown accuracy is no place."""
    element = event.find("point")
    said = dict(element.attrib) if element is not None else {}
    told = {name: known(said, name) for name in ("lat", "lon", "hae", "ce")}
    if not told["lat"] and not told["lon"] and told["ce"] is None:
        return {}
    return {name: value for name, value in told.items() if value is not None}


def detail(event: etree._Element) -> dict[str, str]:
    """What `detail` says as `element.attribute`, and texts as `element`; of repeated ones all; no styles, no corners."""
    found: dict[str, str] = {}
    for child in event.iterfind("detail/*"):
        if local_name(child) in _STYLE | _DRAWN or child.get("point") is not None:
            continue
        for element in child.iter(etree.Element):
            name = local_name(element)
            for key, value in ((name, element.text or ""), *((f"{name}.{at}", v) for at, v in element.attrib.items())):
                if value.strip():
                    found[key] = f"{found[key]}; {value.strip()}" if key in found else value.strip()
    return found


def drawn(event: etree._Element, closed: bool, open_line: bool) -> BaseGeometry | None:
    """Geometry of a drawing or route in EPSG:4326: from links with a point, a polyline, an ellipse, or range and bearing.

    None where there is but a point. Corners make an area where they end where they began, or `closed`; never where
    `open_line`. The axes of an ellipse are half-axes in metres, as TAK writes them.
    """
    links = [_corner(link.get("point", "")) for link in event.iterfind("detail/link[@point]")]
    if (polyline := event.find("detail/shape/polyline")) is not None:
        links = [_corner(f"{vertex.get('lat')},{vertex.get('lon')}") for vertex in polyline.iterfind("vertex")]
        closed = closed or polyline.get("closed") == "true"
    if links:
        if len(set(links)) == 1:
            return Point(links[0])
        area = (closed or links[0] == links[-1]) and not open_line and len(set(links)) > 2
        return polygon(links, "link") if area else line(links, "link")
    at = point(event)
    if "lon" not in at or "lat" not in at:
        return None
    if (element := event.find("detail/shape/ellipse")) is not None:
        said = dict(element.attrib)
        major, minor, azimuth = known(said, "major"), known(said, "minor"), known(said, "angle")
        return ellipse(at["lon"], at["lat"], major or 0.0, minor or 0.0, "ellipse", azimuth or 0.0)
    said = {name: found.get("value", "") for name in ("range", "bearing") for found in event.iterfind(f"detail/{name}")}
    metres, azimuth = known(said, "range"), known(said, "bearing")
    if not metres or azimuth is None:
        return None
    return line([(at["lon"], at["lat"]), away(at["lon"], at["lat"], azimuth, metres)], "range")


def _corner(said: str) -> tuple[float, float]:
    lat_said, _, rest = said.partition(",")
    lat, lon = number({"link": lat_said}, "link"), number({"link": rest.partition(",")[0]}, "link")
    if lon is None or lat is None:
        raise Refusal("link", "has a point without latitude and longitude", said)
    return lon, lat
