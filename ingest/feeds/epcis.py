"""EPCIS (GS1) in JSON-LD (2.0) and XML (1.1 to 2.0): what happened to goods, when and where along their way.

Documents, query results and single events are read. Each event is a report whose category is its business step (shipping,
receiving, ...). The key is the event's id, else a digest of it. An event with an error declaration is taken back, and the
corrective events stand; `declarationTime` is then its version. Places are GS1 numbers or `geo:` addresses; only these have
coordinates. All else is kept as attributes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from data.records import Record, Report, Retract
from ingest import epcis_xml
from ingest.epcis_xml import EVENTS
from ingest.feed import Context, Feed, Payload, Refusal, Source, decode_text
from ingest.values import instant, needed, text

QUANTITIES = ("quantityList", "childQuantityList", "outputQuantityList", "inputQuantityList")
ITEMS = ("epcList", "childEPCs", "outputEPCList", "inputEPCList")
OWN = frozenset(("type", "isA", "eventID", "eventTime", "bizStep", "errorDeclaration"))
GEO = re.compile(r"geo:(-?\d+(?:\.\d+)?),(-?\d+(?:\.\d+)?)")


def recognise(payload: Payload) -> int:
    head = payload.head_text.lstrip()
    if head[:1] == "<":
        return 95 if re.search(r"<(?:\w+:)?EPCIS(?:Query)?Document[\s>]", head[:4_096]) else 0
    if head[:1] not in ("{", "["):
        return 0
    if re.search(r'"EPCIS(?:Query)?Document"', head) or '"epcisBody"' in head:
        return 95
    return 80 if '"eventTimeZoneOffset"' in head and any(f'"{name}"' in head for name in EVENTS) else 0


def rows(payload: Payload, source: Source) -> Iterable[Any]:
    if payload.head_text.lstrip().startswith("<"):
        yield from epcis_xml.events(payload)
        return
    try:
        document = json.loads(decode_text(payload.read()))
    except RecursionError:
        raise ValueError(f"{payload.name} is nested too deeply to be EPCIS") from None
    listed = list(_events(document))
    if not listed:
        raise ValueError(f"{payload.name} holds no EPCIS event")
    yield from listed


def _events(document: Any) -> Iterator[Any]:
    if isinstance(document, list):
        yield from document
    elif isinstance(document, dict):
        body = document.get("epcisBody", document)
        body = body if isinstance(body, dict) else {}
        results = body.get("queryResults")
        found = results.get("resultsBody") if isinstance(results, dict) else body
        if isinstance(found, dict) and isinstance(found.get("eventList"), list):
            yield from found["eventList"]
        elif isinstance(body.get("event"), dict):
            yield body["event"]
        elif text(document, "type") in EVENTS:
            yield document


def record(row: Any, context: Context) -> Record | Retract:
    if not isinstance(row, dict):
        raise Refusal("event", "is not an object", row)
    kind = text(row, "type") or text(row, "isA")
    if kind.rpartition(":")[2] not in EVENTS:
        raise Refusal("type", f"is none of {', '.join(EVENTS)}", kind)
    zone = context.source.timezone
    when = instant({"eventTime": needed(row, "eventTime")}, "eventTime", zone)
    content = {name: value for name, value in row.items() if name not in ("errorDeclaration", "recordTime")}
    digest = hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).hexdigest()
    ref = text(row, "eventID") or digest
    recorded = instant(row, "recordTime", zone)
    if isinstance(error := row.get("errorDeclaration"), dict):
        why = text(error, "reason", "no reason given").rpartition(":")[2].replace("_", " ")
        declared = instant(error, "declarationTime", zone)
        return Retract(
            kind="report", source_ref=ref, reason=f"declared an error by its sender: {why}", version_time=declared
        )
    step = text(row, "bizStep").rpartition("-" if "BizStep" in text(row, "bizStep") else ":")[2].replace("_", " ")
    place = _place(row, "bizLocation") or _place(row, "readPoint")
    at = GEO.match(_place(row, "readPoint")) or GEO.match(_place(row, "bizLocation"))
    goods = _goods(row)
    words = f"{step or kind.removesuffix('Event')}"
    return Report(
        source_ref=ref,
        title=f"{words[:1].upper()}{words[1:]}" + (f", {goods}" if goods else ""),
        category=step or kind,
        form=f"EPCIS {kind}",
        event_time=when,
        version_time=recorded or when,
        lon=float(at[2]) if at else None,
        lat=float(at[1]) if at else None,
        place=place,
        place_precision="exact" if at else "",
        attributes=dict(_flat({name: value for name, value in row.items() if name not in OWN})),
    )


def _place(row: dict[str, Any], name: str) -> str:
    said = row.get(name)
    return text(said, "id") if isinstance(said, dict) else text(row, name)


def _goods(row: dict[str, Any]) -> str:
    """What it was about, in words: `200.5 KGM urn:…, 2 items`."""
    listed = [each for name in QUANTITIES for each in row.get(name) or [] if isinstance(each, dict)]
    said = [" ".join(filter(None, (text(q, "quantity"), text(q, "uom"), text(q, "epcClass")))) for q in listed[:3]]
    items = sum(len(row[name]) for name in ITEMS if isinstance(row.get(name), list))
    said += [f"{items} item{'s' if items != 1 else ''}"] if items else []
    return ", ".join([*said, *(["…"] if len(listed) > 3 else [])])


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and value:
        plain = all(isinstance(item, str) for item in value)
        yield name, "; ".join(value) if plain else json.dumps(value, ensure_ascii=False)
    elif value not in (None, "", []):
        yield name, value


FEED = Feed(
    name="epcis",
    title="EPCIS events (GS1)",
    kinds=("report",),
    formats=("json", "jsonld", "xml"),
    media_types=("application/json", "application/ld+json", "application/xml"),
    recognise=recognise,
    rows=rows,
    record=record,
)
