"""DHIS2 tracker: events, enrollments and registrations, counted, with the persons left out (JSON old and new, CSV).

Of each event there is one indicator of value 1: which program, stage and organisation unit, on which day, in which status.
Whom it was about, what was measured, where exactly, notes and who entered it are dropped before anything is kept, also of a
row that is refused. The key is a digest of the identifier, so that an update revises and a deletion takes back. `updatedAt`
tells the newer version. A CSV has one line per value of an event; its lines are one event.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from data.records import Indicator, Record, Retract
from ingest.dhis2 import named
from ingest.feed import Context, Feed, Payload, Refusal, Source, decode_text
from ingest.headings import words
from ingest.sheets import lines, top_lines
from ingest.values import instant, text

KINDS = {"events": "event", "enrollments": "enrollment", "trackedEntities": "trackedEntity"}
KINDS |= {"trackedEntityInstances": "trackedEntityInstance"}
COUNTED = {"events": "events", "enrollments": "enrollments", "trackedEntities": "registrations"}
KEPT = words(
    "program programStage trackedEntityType orgUnit orgUnitName status occurredAt eventDate enrolledAt enrollmentDate"
    " createdAt created updatedAt lastUpdated deleted completedAt completedDate"
)
TITLES = 5
"""Lines from the top among which the header is looked for."""
LISTS = re.compile(r'"(?:events|enrollments|instances|trackedEntit\w+)"\s*:\s*\[|"event"\s*:\s*"')
WHEN = words("occurredAt eventDate enrolledAt enrollmentDate createdAt created")
CHANGED = words("updatedAt lastUpdated updatedAtClient createdAt created")


def recognise(payload: Payload) -> int:
    head = payload.head_text.lstrip("\ufeff \r\n\t")
    if head[:1] == "{":
        told = re.search(r'"(?:programStage|enrollments|trackedEntit\w+)"', head) and '"orgUnit"' in head
        return (
            90
            if told and re.search(r'"(?:events|enrollments|instances|trackedEntit\w+)"\s*:\s*\[|"event"\s*:\s*"', head)
            else 0
        )
    first = {cell.strip().casefold() for line in top_lines(payload)[:TITLES] for cell in line}
    return 95 if {"event", "programstage", "orgunit"} <= first else 0


def rows(payload: Payload, source: Source) -> Iterable[dict[str, str]]:
    if payload.head_text.lstrip("\ufeff \r\n\t").startswith(("{", "[")):
        document = json.loads(decode_text(payload.read()))
        strategy = text(document, "importStrategy").upper() if isinstance(document, dict) else ""
        return _counted(document if isinstance(document, dict) else {"events": document}, strategy == "DELETE", {})
    return _of_csv(payload)


def _counted(holder: Mapping[str, Any], deletes: bool, known: Mapping[str, str]) -> Iterator[dict[str, str]]:
    alone = [holder] if not known and text(holder, "event") else []
    for name in (*KINDS, "instances"):
        listed = holder.get(name) or (alone if name == "events" else [])
        for item in listed if isinstance(listed, list) else []:
            if not isinstance(item, dict):
                yield {"counts": name, "id": ""}
                continue
            kind = name if name in KINDS else next((kind for kind, own in KINDS.items() if own in item), "events")
            kept = _kept(item, kind, KINDS[kind], known)
            yield {**kept, **({"deleted": "true"} if deletes else {})}
            if item is not holder:
                below: dict[str, str] = {key: kept[key] for key in ("program", "orgUnit") if key in kept}
                yield from _counted(item, deletes, below or {"program": ""})


def _kept(item: Mapping[str, Any], name: str, own: str, known: Mapping[str, str]) -> dict[str, str]:
    """What is kept of an item: never whom it is about."""
    identifier = text(item, own)
    digest = hashlib.blake2b(f"{own}\0{identifier}".encode("utf-8", "replace"), digest_size=12).hexdigest()
    counts = COUNTED["trackedEntities" if name.startswith("tracked") else name]
    found = {"counts": counts, "id": digest if identifier else "", **known}
    return found | {field: said for field in KEPT if (said := named(item, field))}


def _of_csv(payload: Payload) -> Iterator[dict[str, str]]:
    header: list[str] = []
    seen: set[str] = set()
    named = {name.casefold(): name for name in ("event", *KEPT)}
    for number, line in enumerate(lines(payload)):
        if not header:
            cells = [named.get(cell.strip().casefold(), cell.strip()) for cell in line]
            header = cells if "event" in cells else []
            if number >= TITLES:
                raise ValueError(f"{payload.name} has no column `event`")
            continue
        row = dict(zip(header, line, strict=False))
        if any(cell.strip() for cell in line) and row.get("event", "") not in seen:
            seen.add(row.get("event") or f"line without one {len(seen)}")
            yield _kept(row, "events", "event", {})


def record(row: dict[str, str], context: Context) -> Record | Retract:
    if not row["id"]:
        raise Refusal("id", "is empty; an event without its identifier can neither be updated nor deleted")
    zone = context.source.timezone
    changed = next((instant(row, name, zone) for name in CHANGED if row.get(name)), None)
    if row.get("deleted", "").lower() == "true":
        return Retract(kind="indicator", source_ref=row["id"], reason="deleted by its source", version_time=changed)
    site = row.get("orgUnit", "")
    if not site:
        raise Refusal("orgUnit", "is empty")
    when = next((instant(row, name, zone) for name in WHEN if row.get(name)), None)
    program, stage = row.get("program", ""), row.get("programStage", "")
    return Indicator(
        source_ref=row["id"],
        title=f"{row['counts'].capitalize()} of {stage or program or 'a program'}, {row.get('orgUnitName') or site}",
        category=program or "DHIS2",
        indicator=":".join(part for part in (row["counts"], program, stage) if part),
        value=1.0,
        unit=row["counts"],
        event_time=when,
        version_time=changed,
        period_start=when,
        period_end=when,
        site_ref=site,
        attributes={name: row[name] for name in ("status", "orgUnitName", "trackedEntityType") if row.get(name)},
    )


FEED = Feed(
    name="dhis2_events",
    title="DHIS2 tracker, counted (JSON, CSV, Excel)",
    kinds=("indicator",),
    formats=("json", "csv", "xlsx"),
    media_types=("application/json", "text/csv"),
    recognise=recognise,
    rows=rows,
    record=record,
)
