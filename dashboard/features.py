"""Records as features: properties by their field-standard names and GeoJSON geometry. For OGC, the drawer and exports alike."""

from __future__ import annotations

import types
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import shapely

from data.records import KINDS, Record, Sensitivity, Severity
from data.seen import Item, public_id

COMMON: dict[str, str] = {
    "id": "string",
    "source": "string",
    "source_ref": "string",
    "agency": "string",
    "title": "string",
    "description": "string",
    "category": "string",
    "severity": "string",
    "grade": "string",
    "sensitivity": "string",
    "event_time": "date-time",
    "version_time": "date-time",
    "received_at": "date-time",
    "revision": "integer",
    "adm0_pcode": "string",
    "adm1_pcode": "string",
    "adm2_pcode": "string",
    "adm3_pcode": "string",
    "adm_pcode": "string",
    "place": "string",
    "place_match": "string",
    "place_match_sure": "string",
    "place_match_note": "string",
    "place_precision": "string",
    "exercise": "boolean",
}
"""Properties of every feature, with their types: those of JSON, and "date-time" for RFC 3339 UTC.

`adm0_pcode`..`adm3_pcode` are where it is by the boundaries of today; `adm_pcode` is the code the source stated.
`place_match` says how the one was found from the other (position, code, other vintage, name, geocode, area name, none)."""
ENUMS = {
    "severity": [severity.name for severity in Severity],
    "sensitivity": [sensitivity.name for sensitivity in Sensitivity],
}
_BASE = frozenset(Record.__struct_fields__)


@cache
def own_properties(kind: str) -> dict[str, str]:
    """The further properties of a kind: name -> type ("array" and "object" are JSON's)."""
    hints = get_type_hints(KINDS[kind].type)
    return {name: _type(hints[name]) for name in KINDS[kind].type.__struct_fields__ if name not in _BASE}


def properties(item: Item) -> dict[str, Any]:
    """The properties of one record, `None` where nothing was said; times are datetimes."""
    record = item.record
    found: dict[str, Any] = {
        "id": public_id(item.id),
        "source": record.source,
        "source_ref": record.source_ref,
        "agency": record.agency,
        "title": record.title,
        "description": record.description or None,
        "category": record.category,
        "severity": record.severity.name,
        "grade": record.grade,
        "sensitivity": record.sensitivity.name,
        "event_time": record.event_time,
        "version_time": record.version_time,
        "received_at": item.received_at,
        "revision": item.revision,
        "adm0_pcode": item.pcodes[0],
        "adm1_pcode": item.pcodes[1],
        "adm2_pcode": item.pcodes[2],
        "adm3_pcode": item.pcodes[3],
        "adm_pcode": record.adm_pcode,
        "place": record.place or item.site or next((name for name in reversed(item.area_names) if name), None),
        "place_match": item.match.method,
        "place_match_sure": item.match.sure or None,
        "place_match_note": item.match.note or None,
        "place_precision": record.place_precision or None,
        "exercise": record.exercise,
    }
    for name in own_properties(item.kind):
        value = getattr(record, name)
        found[name] = None if value == "" else value
    found["attributes"] = record.attributes
    return found


def feature(item: Item) -> dict[str, Any]:
    """One record as a GeoJSON feature (RFC 7946), to be encoded by `dashboard.answer.encode`."""
    told = properties(item)
    return {"type": "Feature", "id": told["id"], "geometry": geometry(item), "properties": told}


def geometry(item: Item) -> Any:
    """GeoJSON geometry of a record; None where it has no place."""
    if item.wkb is not None:
        return msgspec.Raw(shapely.to_geojson(shapely.from_wkb(item.wkb)).encode())
    lon, lat = item.record.lon, item.record.lat
    return None if lon is None or lat is None else {"type": "Point", "coordinates": (lon, lat)}


def changes(before: Item, after: Item) -> Iterator[dict[str, Any]]:
    """What a newer version says otherwise: field, from, to."""
    old, new = properties(before), properties(after)
    for name in new:
        if name in ("revision", "received_at", "version_time", "attributes"):
            continue
        if old.get(name) != new.get(name):
            yield {"field": name, "from": old.get(name), "to": new.get(name)}
    for name in {**old["attributes"], **new["attributes"]}:
        if old["attributes"].get(name) != new["attributes"].get(name):
            yield {"field": name, "from": old["attributes"].get(name), "to": new["attributes"].get(name)}
    here, there = (before.record.lon, before.record.lat), (after.record.lon, after.record.lat)
    if here != there:
        yield {"field": "position", "from": _position(*here), "to": _position(*there)}
    elif before.wkb != after.wkb:
        yield {"field": "geometry", "from": None, "to": None}


def _position(lon: float | None, lat: float | None) -> str | None:
    return None if lon is None or lat is None else f"{lat:.5f}, {lon:.5f}"


def _type(hint: Any) -> str:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        parts = [part for part in get_args(hint) if part is not type(None)]
        return _type(parts[0])
    if origin is Literal:
        return "string"
    if origin is tuple:
        return "array"
    if origin is dict:
        return "object"
    if hint is datetime:
        return "date-time"
    return {str: "string", bool: "boolean", int: "integer", float: "number"}[hint]
