"""Earthquakes from the USGS real-time GeoJSON summary feeds (earthquake.usgs.gov, format version 1.0)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from data.records import Incident, Record, Severity
from ingest.feed import Context, Feed, Payload, Source
from ingest.values import instant, needed, number, shape, text
from shapely.geometry import shape as geojson_shape

PAGER = {"green": Severity.minor, "yellow": Severity.moderate, "orange": Severity.severe, "red": Severity.critical}


def recognise(payload: Payload) -> int:
    head = payload.head_text
    return 95 if '"FeatureCollection"' in head and ('"magType"' in head or "earthquake.usgs.gov" in head) else 0


def rows(payload: Payload, source: Source) -> Iterable[Any]:
    yield from json.loads(payload.read())["features"]


def record(row: Any, context: Context) -> Record:
    properties = row["properties"]
    geometry = row.get("geometry")
    lon, lat, _ = shape(geojson_shape(geometry)) if geometry else (None, None, None)
    magnitude = number(properties, "mag")
    return Incident(
        source_ref=needed(row, "id"),
        title=text(properties, "title"),
        category=text(properties, "type", "earthquake"),
        severity=PAGER.get(text(properties, "alert")) or _from_magnitude(magnitude),
        event_time=instant(properties, "time"),
        version_time=instant(properties, "updated"),
        lon=lon,
        lat=lat,
        place=text(properties, "place"),
        place_precision="exact" if lon is not None else "",
        grade="A1" if text(properties, "status") == "reviewed" else "A2",
        attributes={**properties, "depth_km": geometry["coordinates"][2] if geometry and len(geometry["coordinates"]) > 2 else None},
    )


def _from_magnitude(magnitude: float | None) -> Severity:
    """Moment magnitude bands as USGS describes their usual effects (Earthquake Magnitude, Energy Release, and Shaking Intensity)."""
    if magnitude is None:
        return Severity.unknown
    bands = ((7.0, Severity.critical), (6.0, Severity.severe), (5.0, Severity.serious), (4.0, Severity.moderate))
    return next((severity for floor, severity in bands if magnitude >= floor), Severity.minor)


FEED = Feed(
    name="usgs",
    title="USGS earthquakes (GeoJSON)",
    kinds=("incident",),
    formats=("geojson",),
    media_types=("application/geo+json", "application/json"),
    recognise=recognise,
    rows=rows,
    record=record,
)
