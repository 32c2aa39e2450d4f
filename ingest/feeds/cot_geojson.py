"""Cursor on Target as GeoJSON, as CloudTAK and node-CoT write it: one feature per event, its CoT type in `properties.type`.

Each is read as the event it stands for (see `cot`): the feature's id is the uid, the newest `time` of a uid wins. The
geometry is the feature's own; the other properties (sensors, links, missions) become attributes, and styles are left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import msgspec
from lxml import etree

from data.records import Record, Retract
from ingest.features import geometry_of
from ingest.feed import Context, Feed, Payload, Refusal, Source, decode_text
from ingest.feeds import cot
from ingest.headings import words
from ingest.values import needed, shape, text

TYPE = re.compile(r'"type"\s*:\s*"(?:a-[.a-z]-|[bu]-[a-z]-|t-x)')
OWN = words("type how callsign center time start stale remarks course speed metadata id path opex access")
STYLE = re.compile(r"(?:stroke|fill|marker|icon|labels?|minzoom|maxzoom|rotate|archived)(?:-\w+)?\Z")
UNKNOWN = "9999999.0"


def recognise(payload: Payload) -> int:
    head = payload.head_text
    told = '"how"' in head and '"stale"' in head and '"Feature' in head
    return 85 if head.lstrip()[:1] == "{" and told and TYPE.search(head) else 0


def rows(payload: Payload, source: Source) -> Iterable[Any]:
    document = json.loads(decode_text(payload.read()))
    if not isinstance(document, dict):
        raise ValueError(f"{payload.name} is not GeoJSON of CoT events")
    listed = document.get("features", [document])
    if not isinstance(listed, list):
        raise ValueError(f"{payload.name} is not GeoJSON: `features` is not a list")
    yield from listed


def record(row: Any, context: Context) -> Record | Retract:
    properties = row.get("properties") if isinstance(row, dict) else None
    if not isinstance(properties, dict):
        raise Refusal("properties", "are missing, and with them the type of the event")
    geometry = geometry_of(row)
    told = properties.get("center")
    center: list[Any] = told if isinstance(told, list) else []
    if geometry is not None and geometry.geom_type == "Point":
        center = row["geometry"]["coordinates"]
    lon, lat, hae = (*center[:3], UNKNOWN, UNKNOWN, UNKNOWN)[:3] if len(center) >= 2 else (UNKNOWN,) * 3
    said = {name: text(properties, name) for name in ("type", "how", "time", "start", "stale", "opex", "access")}
    uid = text(row, "id") or needed(properties, "id")
    event = etree.Element("event", {"uid": _xml(uid), **{name: _xml(value) for name, value in said.items() if value}})
    etree.SubElement(event, "point", lat=str(lat), lon=str(lon), hae=str(hae), ce=UNKNOWN, le=UNKNOWN)
    detail = etree.SubElement(event, "detail")
    etree.SubElement(detail, "contact", callsign=_xml(text(properties, "callsign")))
    etree.SubElement(detail, "remarks").text = _xml(text(properties, "remarks"))
    moving = {name: text(properties, name) for name in ("course", "speed")}
    etree.SubElement(detail, "track", {name: value for name, value in moving.items() if value})
    found = cot.record(etree.tostring(event), context)
    if isinstance(found, Retract):
        return found
    others = {name: value for name, value in properties.items() if name not in OWN and not STYLE.match(name)}
    metadata = properties.get("metadata")
    flat = dict(_flat({**others, **(metadata if isinstance(metadata, dict) else {})}))
    if geometry is not None and geometry.geom_type != "Point":
        at, up, wkb = shape(geometry)
        found = msgspec.structs.replace(found, lon=at, lat=up, wkb=wkb)
    return msgspec.structs.replace(found, attributes={**found.attributes, **flat})


def _flat(value: Any, name: str = "") -> Iterable[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (str, int, float, bool)) and value != "":
        yield name, value
    elif value:
        yield name, json.dumps(value, ensure_ascii=False)


def _xml(said: str) -> str:
    return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "", said)


FEED = Feed(
    name="cot_geojson",
    title="Cursor on Target as GeoJSON (CloudTAK)",
    kinds=("track", "incident", "report", "route"),
    formats=("geojson", "json"),
    media_types=("application/geo+json", "application/json"),
    recognise=recognise,
    rows=rows,
    record=record,
)
