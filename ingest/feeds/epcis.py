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
from collections.abc import Iterable
from typing import Any

from data.records import Record, Report, Retract
from ingest import epcis_xml
from ingest.epcis_events import GEO, events_in, flat_of, goods_of, place_of
from ingest.epcis_xml import EVENTS
from ingest.feed import Context, Feed, Payload, Refusal, Source, decode_text
from ingest.values import instant, needed, text

OWN = frozenset(("type", "isA", "eventID", "eventTime", "bizStep", "errorDeclaration"))


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
    listed = list(events_in(document))
    if not listed:
        raise ValueError(f"{payload.name} holds no EPCIS event")
    yield from listed


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
    place = place_of(row, "bizLocation") or place_of(row, "readPoint")
    at = GEO.match(place_of(row, "readPoint")) or GEO.match(place_of(row, "bizLocation"))
    goods = goods_of(row)
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
        attributes=dict(flat_of({name: value for name, value in row.items() if name not in OWN})),
    )


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
