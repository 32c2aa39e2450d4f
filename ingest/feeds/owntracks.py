"""OwnTracks: where telephones of staff are, as their app publishes it over MQTT, and as the OwnTracks recorder gives it.

    location, transition   Track: `source_ref` is the telephone's topic (owntracks/USER/DEVICE), the newest `tst` wins; a
                           transition is where the telephone was when it entered or left a region, which it says
    waypoint, waypoints    Report "waypoint": a region that a telephone watches, keyed by its topic and `rid` (else its `tst`)
    encrypted              refused: nobody here has the key
    lwt, card, cmd, configuration, dump, status, steps, … are about the app or its owner, no thing seen: not rows, not kept

A telephone is a person. Whatever names it (topic, name, description) is personal on every record, whatever its source is
marked with; the networks it is in (SSID, BSSID) are not kept. Nobody says on which side a telephone is, but it was let into
the mission's own broker: `a-a-G` (assumed friend), unless `cot_type` of the source says otherwise. `vel` is km/h.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from data.records import OwnMark, Record, Report, Track
from ingest.cot_types import AFFILIATION, sidc
from ingest.feed import Context, Feed, Payload, Refusal, Source, decode_text
from ingest.objects import flat
from ingest.values import instant, needed, number, text

SEEN = ("location", "transition", "waypoint", "encrypted")
OF_THE_APP = frozenset(
    ("lwt", "card", "cmd", "configuration", "dump", "status", "steps", "request", "beacon", "log", "tour", "tours")
)
TYPE = re.compile(r'\\?"_type\\?"\s*:\s*\\?"(?:' + "|".join((*SEEN, "waypoints", *sorted(OF_THE_APP))) + r')\\?"')
BELOW = re.compile(r"/(?:event|waypoints?|beacon)\Z")
"""What the app adds to its topic for messages other than its place."""
NOT_KEPT = frozenset(("SSID", "BSSID", "_id", "_http", "face", "username", "user", "device", "name"))
OWN = frozenset(("_type", "topic", "tst", "lat", "lon", "acc", "alt", "vel", "cog", "desc", "isotst", "disptst"))
PERSONAL = OwnMark(
    personal_fields=("source_ref", "title", "callsign", "description", "tid", "poi", "tag", "event", "inregions")
)
NEAR_M = 500.0
"""A place known no better than this came from a mast or a network, not from satellites."""


def recognise(payload: Payload) -> int:
    head = payload.head_text
    return 92 if head.lstrip()[:1] in ("{", "[") and TYPE.search(head) else 0


def rows(payload: Payload, source: Source) -> Iterable[Any]:
    content = decode_text(payload.read())
    try:
        listed = json.loads(content)
    except json.JSONDecodeError:  # one message a line
        lines = [line for line in content.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
        listed = [_read(line) for line in lines]
    if isinstance(listed, dict) and isinstance(listed.get("data"), list):
        listed = listed["data"]  # what the recorder answers
    for message in listed if isinstance(listed, list) else [listed]:
        yield from _seen(message)


def _read(line: str) -> Any:
    try:
        return json.loads(line)
    except (json.JSONDecodeError, RecursionError):
        return line


def _seen(message: Any) -> Iterator[Any]:
    """The things seen in a message, each with the topic it came under and without what is not kept."""
    if isinstance(message, dict) and isinstance(message.get("message"), str):
        inner = _read(message["message"])
        message = {**inner, "topic": message.get("topic", "")} if isinstance(inner, dict) else message
    if not isinstance(message, dict):
        yield message
    elif message.get("_type") == "waypoints" and isinstance(message.get("waypoints"), list):
        for place in message["waypoints"]:
            yield {**place, "topic": message.get("topic", "")} if isinstance(place, dict) else place
    elif message.get("_type") not in OF_THE_APP:
        yield {name: value for name, value in message.items() if name not in NOT_KEPT}


def record(row: Any, context: Context) -> Record:
    if not isinstance(row, dict) or "_type" not in row:
        raise Refusal("_type", "is missing; this is no message of OwnTracks")
    kind = text(row, "_type")
    if kind == "encrypted":
        raise Refusal("_type", "is encrypted; take the encryption key out of the app and use mqtts instead")
    if kind not in SEEN:
        raise Refusal("_type", "is none that OwnTracks uses for places", kind)
    topic, when = BELOW.sub("", needed(row, "topic")), instant(row, "tst")
    if when is None:
        raise Refusal("tst", "is missing; without the time nobody can tell which place is the newest")
    lon, lat, accuracy = number(row, "lon"), number(row, "lat"), _positive(row, "acc")
    if lon is None or lat is None:
        raise Refusal("lon/lat", "is missing")
    told = flat(row, OWN)
    if event := text(row, "event"):
        told["event"] = " ".join([event, text(row, "desc")]).strip()
    common: dict[str, Any] = {
        "event_time": when,
        "version_time": when,
        "lon": lon,
        "lat": lat,
        "place_precision": "near" if accuracy is not None and accuracy > NEAR_M else "exact",
        "attributes": told,
        "own": PERSONAL,
    }
    if kind == "waypoint":
        place = text(row, "rid") or str(int(when.timestamp()))
        name = text(row, "desc") or "Waypoint"
        return Report(**common, source_ref=f"{topic}#{place}", title=name, category="waypoint", form="OwnTracks")
    cot_type = str(context.source.options.get("cot_type", "a-a-G"))
    name = "/".join(topic.split("/")[-2:])
    speed_km_h = _positive(row, "vel")
    return Track(
        **common,
        source_ref=topic,
        title=name,
        callsign=name,
        category=cot_type,
        sidc=sidc(cot_type),
        affiliation=AFFILIATION.get(cot_type[2:3], "unknown"),
        how="m-g",
        course_deg=_positive(row, "cog"),
        speed_m_s=None if speed_km_h is None else round(speed_km_h / 3.6, 2),
        altitude_m=number(row, "alt"),
        accuracy_m=accuracy,
    )


def _positive(row: dict[str, Any], name: str) -> float | None:
    """The app writes -1 for what the telephone does not know."""
    found = number(row, name)
    return None if found is None or found < 0 else found


FEED = Feed(
    name="owntracks",
    title="OwnTracks (telephones over MQTT)",
    kinds=("track", "report"),
    formats=("json", "jsonl"),
    media_types=("application/json", "application/x-ndjson"),
    recognise=recognise,
    rows=rows,
    record=record,
    messages="together",
)
