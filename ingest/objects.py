"""JSON of partners: its objects or features, and what any payload of rows calls its columns, for recognising it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import shapely

from ingest.feed import Payload, Refusal, decode_text
from ingest.headings import bare
from ingest.sheets import MAX_JSON, kind_of, preview
from ingest.values import shape

_KEY = re.compile(r'"([^"\\]{1,80})"\s*:')


def document(payload: Payload) -> Any:
    """The JSON value of a payload. Raises ValueError where it is none, too long, or nested too deeply."""
    content = payload.read()
    if len(content) > MAX_JSON:
        raise ValueError(f"{payload.name} has {len(content):,} bytes of JSON; at most {MAX_JSON:,} are read")
    try:
        return json.loads(decode_text(content))
    except RecursionError:
        raise ValueError(f"{payload.name} is nested too deeply to be read") from None


def features(payload: Payload) -> list[Any]:
    """The features of a GeoJSON collection, or the one feature that a payload is. Raises ValueError where it is neither."""
    found = document(payload)
    if isinstance(found, dict) and isinstance(found.get("features"), list):
        return list(found["features"])
    if isinstance(found, dict) and found.get("type") == "Feature":
        return [found]
    raise ValueError(f"{payload.name} is no GeoJSON: it has no list of features")


def place_of(geometry: Any) -> tuple[float | None, float | None, bytes | None]:
    """Longitude, latitude and WKB (None for a point) of a GeoJSON geometry; three Nones where there is none."""
    if not geometry or (geometry.get("type") == "Point" and not geometry.get("coordinates")):
        return None, None, None
    try:
        return shape(shapely.from_geojson(json.dumps(geometry)))
    except shapely.errors.GEOSException:
        raise Refusal("geometry", "is no GeoJSON geometry", json.dumps(geometry)[:200]) from None


def headings(payload: Payload) -> list[frozenset[str]]:
    """What each table of a payload calls its columns (as `headings.bare` writes them); of JSON, all keys near its start."""
    if kind_of(payload) == "json":
        return [frozenset(bare(key) for key in _KEY.findall(payload.head_text))]
    return [frozenset(bare(name) for name in table.header) for table in preview(payload)]


def flat(said: Mapping[str, Any], without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """An object's members as attributes: lists of words joined, other lists and objects as JSON, blank ones left out."""
    return dict(_flat(said, without))


def _flat(said: Mapping[str, Any], without: frozenset[str]) -> Iterator[tuple[str, Any]]:
    for name, value in said.items():
        if name in without or value is None or value in ("", [], {}):
            continue
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            yield name, "; ".join(value)
        else:
            yield name, value if isinstance(value, (str, int, float, bool)) else json.dumps(value, ensure_ascii=False)
