"""Cursor on Target events (CoT 2.0, as TAK sends them): one, several in a root, or one after another as over TCP.

What an event is becomes, by its type:
    a-…            Track: a unit or vehicle; `source_ref` is its uid, `time` says which report of it is the newest
    b-a-o-…, b-a-… Incident "emergency" (911, in contact, geofence); its cancellation takes it back
    b-r-f-h-c      Incident "medical evacuation"
    b-m-r          RouteStatus with status unknown: a planned route says nothing of whether one can pass
    u-d-…, u-r…    Report "drawing" or "range and bearing", with the drawn geometry
    b-m-p-…        Report "marker"; any other b-… or u-…: Report "other"
    t-x-d-d        takes back the thing it links to (where it does not say what that is: whatever has its uid)
    other t-…, y-…, b-t-f (chat), b-f-t (files): refused, for they are messages between users, not things seen

9999999 stands for unknown, and so does a place at 0,0 of unknown accuracy. An event is read by itself, so that one
that is broken costs no other. `opex` (exercise, simulation) is said first in the title. Attributes carry all of
`detail` but styles, as `element.attribute`. An ellipse's axes are taken as half-axes in metres, as TAK writes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from data.records import Incident, Record, Report, Retract, RouteStatus, Track
from ingest.cot_events import between, detail, drawn, first_start, known, parsed, point, split
from ingest.cot_types import AFFILIATION, DRILL, INCIDENTS, REPORTS, deletions_of, kind_of, sidc
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.markup import BLOCK_BYTES
from ingest.values import instant, needed, shape


def recognise(payload: Payload) -> int:
    start = first_start(payload.head)
    return 95 if b"uid=" in start and b"type=" in start else 0


def rows(payload: Payload, source: Source) -> Iterable[bytes | dict[str, str]]:
    """Each event as it came; of a deletion one dict per kind of thing it may be about."""
    rest, seen = b"", False
    with payload.open() as stream:
        while block := stream.read(BLOCK_BYTES):
            events, rest = split(rest + block)
            for event in events:
                seen = True
                deletions = deletions_of(event)
                yield from deletions
                if not deletions:
                    yield event
    left = between(rest)
    if left and not seen and not left[0].startswith(b"<event"):
        raise ValueError("there is no CoT event (<event ...>) in it")
    yield from left


def record(row: bytes | dict[str, str], context: Context) -> Record | Retract:
    zone = context.source.timezone
    if isinstance(row, dict):
        when = instant({"time": needed(row, "time")}, "time", zone)
        reason = "deleted by its sender"
        return Retract(kind=row["deletes"], source_ref=needed(row, "uid"), reason=reason, version_time=when)
    event = parsed(row)
    said, more, at = dict(event.attrib), detail(event), point(event)
    uid, cot_type, kind = needed(said, "uid"), needed(said, "type"), kind_of(said["type"])
    time = instant({"time": needed(said, "time")}, "time", zone)
    if kind == "message":
        raise Refusal("type", "is a message between users, not a thing seen", cot_type)
    if cot_type.startswith("b-a-") and (cot_type.endswith("-can") or more.get("emergency.cancel") == "true"):
        return Retract(kind=kind, source_ref=uid, reason="cancelled by its sender", version_time=time)
    shown = drawn(event, closed=cot_type == "u-d-r", open_line=kind == "route") if kind != "track" else None
    lon, lat, wkb = shape(shown) if shown is not None else (at.get("lon"), at.get("lat"), None)
    callsign, mark = more.pop("contact.callsign", ""), DRILL.get(said.get("opex", "")[:1], "")
    kept = ("start", "access", "opex", "caveat") if kind == "track" else (*said.keys() - {"uid", "time", "version"},)
    common: dict[str, Any] = {
        "source_ref": uid,
        "title": mark + (callsign or more.get("emergency.type") or uid),
        "description": more.pop("remarks", ""),
        "event_time": time,
        "version_time": time,
        "lon": lon,
        "lat": lat,
        "wkb": wkb,
        "place_precision": "exact" if lon is not None else "",
    }
    moving = {name: more.pop(name, "") for name in ("track.course", "track.speed")}
    attributes = {**{name: said[name] for name in kept if name in said}, **more}
    if kind == "track":
        return Track(
            **common,
            attributes=attributes,
            category=cot_type,
            callsign=callsign,
            sidc=sidc(cot_type),
            affiliation=AFFILIATION.get(cot_type[2:3], "unknown"),
            how=said.get("how", ""),
            course_deg=known(moving, "track.course"),
            speed_m_s=known(moving, "track.speed"),
            altitude_m=at.get("hae"),
            accuracy_m=at.get("ce"),
            stale=instant(said, "stale", zone),
        )
    common["attributes"] = attributes
    if kind == "route":
        return RouteStatus(**common, category=more.get("link_attr.type", "route"))
    if kind == "incident":
        sub, (category, severity) = more.get("emergency.type", ""), INCIDENTS[cot_type.startswith("b-r-")]
        return Incident(**common, category=category, sub_event_type=sub, severity=severity)
    family = next((name for prefix, name in REPORTS.items() if cot_type.startswith(prefix)), "other")
    reporter = more.get("creator.callsign") or more.get("link.parent_callsign", "")
    return Report(**common, category=family, form=cot_type, reporter=reporter)


FEED = Feed(
    name="cot",
    title="Cursor on Target (TAK)",
    kinds=("track", "incident", "report", "route"),
    formats=("cot", "xml"),
    media_types=("application/x-cot+xml", "application/xml", "text/xml"),
    recognise=recognise,
    rows=rows,
    record=record,
)
