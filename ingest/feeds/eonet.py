"""Natural events from NASA EONET (Earth Observatory Natural Event Tracker), as its JSON or its GeoJSON.

One event has one key and many dated places. Each place is a version of the event: it stands where the event was then,
its line is the way there, and its time is the version's, so that the newest place is where the event is now and the
others are its history; the same in both forms, in whatever order they come. Where an event has ended, `closed` says when.
Severity is told for storms only, from their wind in knots: from 34 moderate, from 64 (hurricane) serious, from 96 (major,
Saffir-Simpson 3) severe, from 137 (5) critical. EONET has no scale of its own for the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from data.records import Incident, Record, Severity
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.geometry import line
from ingest.objects import document, flat, place_of
from ingest.values import instant, needed, number, shape, text

WINDS = ((137, Severity.critical), (96, Severity.severe), (64, Severity.serious), (34, Severity.moderate))
OWN = frozenset({"id", "title", "description", "categories", "date", "geometry", "type", "coordinates", "link"})


def recognise(payload: Payload) -> int:
    head = payload.head_text
    if "EONET_" not in head and "eonet.gsfc.nasa.gov" not in head:
        return 0
    return 95 if '"events"' in head or '"Feature"' in head else 0


def rows(payload: Payload, source: Source) -> Iterable[dict[str, Any]]:
    """One for each dated place of each event, with the places before it as `way`: (date, longitude, latitude) each."""
    found = document(payload)
    if not isinstance(found, dict) or not isinstance(found.get("events", found.get("features")), list):
        raise ValueError(f"{payload.name} is no answer of EONET: it has neither events nor features")
    places = list(_of_events(found["events"]) if "events" in found else _of_features(found["features"]))
    points: dict[str, list[tuple[str, float, float]]] = {}
    for place in places:
        if (point := _point(place)) is not None:
            points.setdefault(str(place.get("id")), []).append(point)
    for place in places:
        way = sorted({p for p in points.get(str(place.get("id")), []) if p[0] <= str(place.get("date"))})
        yield {**place, "way": [list(point) for point in way]}


def _of_events(events: list[Any]) -> Iterator[dict[str, Any]]:
    for event in events:
        said = event if isinstance(event, dict) else {"event": event}
        about = {name: value for name, value in said.items() if name not in ("geometry", "geometries")}
        for place in said.get("geometry") or said.get("geometries") or [{}]:
            dated = dict(place) if isinstance(place, dict) else {"place": place}
            shown = {"type": dated.pop("type", None), "coordinates": dated.pop("coordinates", None)}
            yield {**about, **dated, "geometry": shown if shown["type"] else None}


def _of_features(found: list[Any]) -> Iterator[dict[str, Any]]:
    for feature in found:
        said = feature if isinstance(feature, dict) else {"feature": feature}
        yield {**(said.get("properties") or {}), "geometry": said.get("geometry")}


def _point(place: dict[str, Any]) -> tuple[str, float, float] | None:
    geometry = place.get("geometry")
    if not isinstance(geometry, dict) or geometry.get("type") != "Point" or not text(place, "date"):
        return None
    numbers = geometry.get("coordinates")
    if not isinstance(numbers, list) or len(numbers) < 2 or not all(isinstance(n, (int, float)) for n in numbers[:2]):
        return None
    return text(place, "date"), float(numbers[0]), float(numbers[1])


def record(row: dict[str, Any], context: Context) -> Record:
    event = needed(row, "id")
    moment = instant(row, "date")
    lon, lat, wkb = place_of(row.get("geometry"))
    way = [(float(lon_), float(lat_)) for _, lon_, lat_ in row["way"]]
    if wkb is None and len(set(way)) > 1:
        _, _, wkb = shape(line(way, "geometry"))
    categories = [text(category, "title") or text(category, "id") for category in row.get("categories") or ()]
    wind = number(row, "magnitudeValue") if text(row, "magnitudeUnit") == "kts" else None
    if moment is None:
        raise Refusal("date", "is empty, and every place of an event has one")
    others = flat({name: value for name, value in row.items() if name != "way"}, OWN)
    return Incident(
        source_ref=event,
        title=text(row, "title"),
        description=text(row, "description"),
        category=(categories[0] if categories else "natural event").lower(),
        severity=next((severity for knots, severity in WINDS if (wind or 0) >= knots), Severity.unknown),
        event_time=moment,
        version_time=moment,
        lon=lon,
        lat=lat,
        wkb=wkb,
        place_precision="near" if lon is not None else "",
        attributes={**others, "link": text(row, "link").removesuffix("/geojson"), "categories": "; ".join(categories)},
    )


FEED = Feed(
    name="eonet",
    title="NASA EONET natural events (JSON, GeoJSON)",
    kinds=("incident",),
    formats=("json", "geojson"),
    media_types=("application/json", "application/geo+json"),
    recognise=recognise,
    rows=rows,
    record=record,
)
