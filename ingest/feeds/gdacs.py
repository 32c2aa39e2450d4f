"""Disasters from the GDACS RSS feed (Global Disaster Alert and Coordination System): one item per event, revised in place.

An item is the event's newest episode. `datemodified` says when that was written; older feeds lack it, and there the end
of the period it covers (`todate`) stands for it, which moves on with every episode. Alert levels are GDACS' own scale of
likely need for international help: Green minor, Orange severe, Red critical. An event that is over is kept and says so
(`status` past). An item without a point is placed by its box, which GDACS writes as lonmin lonmax latmin latmax, and one
without either is kept. Its list of links to maps and papers is left out; `link` leads to them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from data.records import Incident, Record, Severity
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.geometry import box
from ingest.markup import elements, texts
from ingest.values import instant, lon_lat, needed, number, shape, text

LEVEL = {"green": Severity.minor, "orange": Severity.severe, "red": Severity.critical}
EVENTS = {
    "EQ": "earthquake",
    "TC": "tropical cyclone",
    "FL": "flood",
    "DR": "drought",
    "VO": "volcano",
    "WF": "wildfire",
    "TS": "tsunami",
}
OWN = frozenset(
    {"title", "description", "guid", "point", "lat", "long", "fromdate", "pubDate", "iscurrent", "icon", "country"}
)


def recognise(payload: Payload) -> int:
    head = payload.head_text
    return 95 if "www.gdacs.org" in head and "<rss" in head and "gdacs:" in head else 0


def rows(payload: Payload, source: Source) -> Iterable[Any]:
    yield from elements(payload, ("item",))


def record(row: Any, context: Context) -> Record:
    said = texts(row)
    code = text(said, "eventtype") or text(said, "subject")[:2] or text(said, "guid")[:2]
    event_id = text(said, "eventid")
    lon, lat, wkb = _place(row, said)
    return Incident(
        source_ref=f"{code}{event_id}" if code and event_id else needed(said, "guid"),
        title=text(said, "title"),
        description=text(said, "description"),
        category=EVENTS.get(code.upper(), code.lower() or "disaster"),
        severity=LEVEL.get(text(said, "alertlevel").lower(), Severity.unknown),
        event_time=instant(said, "fromdate") or instant(said, "pubDate"),
        version_time=instant(said, "datemodified") or instant(said, "todate"),
        lon=lon,
        lat=lat,
        wkb=wkb,
        place=text(said, "country"),
        attributes={**{name: value for name, value in said.items() if name not in OWN}, **_measures(row, said)},
    )


def _measures(row: Any, said: dict[str, str]) -> dict[str, str]:
    """Figures with their units, which stand in attributes, and whether the event goes on."""
    found = {
        f"{name}.{key}": value
        for name in ("severity", "population", "vulnerability")
        for element in row.iterchildren(f"{{*}}{name}")
        for key, value in element.attrib.items()
        if value
    }
    current = text(said, "iscurrent").lower()
    return {**found, "status": "current" if current == "true" else "past"} if current else found


def _place(row: Any, said: dict[str, str]) -> tuple[float | None, float | None, bytes | None]:
    point = row.find("{*}Point")
    at = {**said, **(texts(point) if point is not None else {})}
    if "lat" not in at and "point" in at:
        at["lat"], _, at["long"] = " ".join(at["point"].replace(",", " ").split()).partition(" ")
    lon, lat = lon_lat(at, "long", "lat")
    if lon is not None or lat is not None or "bbox" not in said:
        return lon, lat, None
    edges = [number({"bbox": edge}, "bbox") for edge in said["bbox"].split()]
    west, east, south, north = edges if len(edges) == 4 else (None,) * 4
    if west is None or east is None or south is None or north is None:
        raise Refusal("bbox", "is not lonmin lonmax latmin latmax", said["bbox"])
    return shape(box(west, east, south, north, "bbox"), "bbox")


FEED = Feed(
    name="gdacs",
    title="GDACS disasters (RSS)",
    kinds=("incident",),
    formats=("rss", "xml"),
    media_types=("application/rss+xml", "application/xml", "text/xml"),
    recognise=recognise,
    rows=rows,
    record=record,
)
