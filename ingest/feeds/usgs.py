"""Earthquakes from the USGS GeoJSON feeds and its event search (earthquake.usgs.gov, format version 1.0).

`time` and `updated` are milliseconds since 1970, also for events long before. Severity is PAGER's alert where there is
one, else by magnitude, in bands after USGS' descriptions of usual effects. An event with status `deleted` is taken back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from data.records import Incident, Record, Retract, Severity
from ingest.feed import Context, Feed, Payload, Refusal, Source, decode_text
from ingest.values import lon_lat, needed, number, text

PAGER = {"green": Severity.minor, "yellow": Severity.moderate, "orange": Severity.severe, "red": Severity.critical}
BANDS = ((7.0, Severity.critical), (6.0, Severity.severe), (5.0, Severity.serious), (4.0, Severity.moderate))
OWN = frozenset({"title", "place", "time", "updated", "type"})


def recognise(payload: Payload) -> int:
    head = payload.head_text
    if '"Feature' not in head or '"mag"' not in head:
        return 95 if '"FeatureCollection"' in head and "earthquake.usgs.gov" in head else 0
    return 90 if all(f'"{name}"' in head for name in ("place", "time", "updated")) else 0


def rows(payload: Payload, source: Source) -> Iterable[Any]:
    try:
        found = json.loads(decode_text(payload.read()))
    except RecursionError:
        raise ValueError(f"{payload.name} is nested too deeply to be earthquakes") from None
    features = [found] if isinstance(found, dict) and found.get("type") == "Feature" else None
    if isinstance(found, dict) and isinstance(found.get("features"), list):
        features = found["features"]
    if features is None:
        raise ValueError(f"{payload.name} is no GeoJSON of USGS: it has no list of features")
    yield from features


def record(row: Any, context: Context) -> Record | Retract:
    said, event = row["properties"], needed(row, "id")
    updated = _moment(said, "updated")
    if text(said, "status") == "deleted":
        return Retract(kind="incident", source_ref=event, reason="deleted by USGS", version_time=updated)
    geometry = row.get("geometry") or {"type": "Point"}
    if geometry["type"] != "Point":
        raise Refusal("geometry", "is not a point", geometry["type"])
    place = dict(zip(("longitude", "latitude", "depth_km"), geometry.get("coordinates") or (), strict=False))
    lon, lat = lon_lat(place, "longitude", "latitude")
    others = {**said, "depth_km": number(place, "depth_km")}
    return Incident(
        source_ref=event,
        title=text(said, "title"),
        category=text(said, "type", "earthquake"),
        severity=PAGER.get(text(said, "alert")) or _from_magnitude(number(said, "mag")),
        event_time=_moment(said, "time"),
        version_time=updated,
        lon=lon,
        lat=lat,
        place=text(said, "place"),
        place_precision="exact" if lon is not None else "",
        grade="A1" if text(said, "status") == "reviewed" else "A2",
        attributes={name: value for name, value in others.items() if name not in OWN and value not in (None, "")},
    )


def _moment(said: Mapping[str, Any], name: str) -> datetime | None:
    milliseconds = number(said, name)
    if milliseconds is None:
        return None
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        raise Refusal(name, "is not a time in milliseconds since 1970", milliseconds) from None


def _from_magnitude(magnitude: float | None) -> Severity:
    if magnitude is None:
        return Severity.unknown
    return next((severity for floor, severity in BANDS if magnitude >= floor), Severity.minor)


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
