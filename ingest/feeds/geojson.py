"""Any GeoJSON that no other feed knows: drawings, layers, lists of places, in any CRS it names (RFC 7946 and the 2008 form).

A collection, one feature, or GeoJSON Text Sequences (one feature a line). What a feature becomes is told in
`ingest.features`. Features without geometry are kept where they say anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from data.records import Record
from data.settings import Source
from ingest import features
from ingest.crs import to_degrees
from ingest.feed import Context, Feed, Payload, decode_text

FEATURE = re.compile(r'"type"\s*:\s*"Feature(?:Collection)?"')
GEOMETRY = re.compile(r'\{\s*"type"\s*:\s*"(?:(?:Multi)?(?:Point|LineString|Polygon)|GeometryCollection)"')


def recognise(payload: Payload) -> int:
    head = payload.head_text.lstrip("\x1e \t\r\n")
    if head[:1] != "{":
        return 0
    return 50 if FEATURE.search(head) else 30 if GEOMETRY.match(head) else 0


def rows(payload: Payload, source: Source) -> Iterable[dict[str, Any]]:
    document, crs = _document(payload)
    name = str(document.get("name") or "") if isinstance(document, dict) else ""
    crs = str(source.options.get("crs") or crs)
    for feature in features.told_apart(_features(document, payload)):
        yield {**feature, "layer": name, "crs": crs}


def _document(payload: Payload) -> tuple[Any, str]:
    said = decode_text(payload.read())
    try:
        document: Any = json.loads(said.lstrip("\x1e"))
    except json.JSONDecodeError:
        lines = [line for line in re.split(r"[\x1e\n\r]+", said) if line.strip()]
        if len(lines) < 2 or not lines[0].lstrip().startswith('{"'):
            raise
        document = [_line(line) for line in lines]
    except RecursionError:
        raise ValueError(f"{payload.name} is nested too deeply to be GeoJSON") from None
    crs = document.get("crs") if isinstance(document, dict) else None
    properties = crs.get("properties") if isinstance(crs, dict) else None
    return document, str(properties.get("name") or "") if isinstance(properties, dict) else ""


def _line(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except json.JSONDecodeError:
        found = None
    return found if isinstance(found, dict) else {"geometry": None, "unread": line}


def _features(document: Any, payload: Payload) -> Iterator[dict[str, Any]]:
    listed = document.get("features", [document]) if isinstance(document, dict) else document
    if not isinstance(listed, list):
        raise ValueError(f"{payload.name} is not GeoJSON: `features` is not a list")
    for feature in listed:
        if not isinstance(feature, dict):
            yield {"geometry": None, "unread": json.dumps(feature)}
        elif feature.get("type") == "Feature" or "geometry" in feature or "properties" in feature:
            yield feature
        else:
            yield {"geometry": feature, "properties": {}}


def record(row: dict[str, Any], context: Context) -> Record:
    if "unread" in row:
        raise ValueError("it is not a GeoJSON feature")
    geometry = features.geometry_of(row)
    return features.record(row, context, to_degrees(geometry, row["crs"]) if geometry is not None else None)


FEED = Feed(
    name="geojson",
    title="Any GeoJSON: drawings, layers, places",
    kinds=features.KINDS_OF_FEATURES,
    formats=("geojson", "json", "geojsonl"),
    media_types=("application/geo+json", "application/geo+json-seq", "application/json"),
    recognise=recognise,
    rows=rows,
    record=record,
    keys="list",
)
