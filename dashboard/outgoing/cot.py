"""A record as a Cursor on Target event (CoT 2.0, as TAK reads it), and the event that takes it off their map.

The uid is made from the record's public id, so a newer version moves the same symbol. `time` is when it was sent, `start` when it
was seen; a track is stale when its source said so, everything else when it was not sent again. What the place is released to
stands in `ce` (metres, 9999999 for an area) and in the remarks, with source, age and grade.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from lxml import etree

from data.access import Precision, Tlp
from data.outputs import OWN_UID
from data.records import Record, Sensitivity, Severity, Track
from data.seen import Item, public_id

UNKNOWN = "9999999.0"
TRACK_FRESH = timedelta(minutes=15)
"""How long a track counts whose source does not say how long."""
ATOM = re.compile(r"a-[puafnshjko](-[A-Za-z0-9]+)+\Z")
AFFILIATION = {"friend": "f", "hostile": "h", "neutral": "n"}
INCIDENT = "a-u-X-i-o"
INCIDENTS: Mapping[str, tuple[str, ...]] = {
    "a-u-X-i-g-e": ("earthquake",),
    "a-u-X-i-g-l": ("landslide", "mudslide"),
    "a-u-X-i-g-v": ("volcan",),
    "a-u-X-i-g-a": ("avalanche",),
    "a-u-X-i-m-c": ("cyclone", "hurricane", "typhoon", "tropical storm"),
    "a-u-X-i-m-d": ("drought",),
    "a-u-X-i-m-n": ("tsunami",),
    "a-u-X-i-m": ("flood", "storm", "wind", "rain", "snow", "heat", "cold"),
    "a-u-X-i-f": ("fire",),
    "a-u-X-i-h": ("health", "medical", "outbreak", "epidemic", "cholera", "measles"),
    "a-u-X-i-t-v-a": ("road accident", "road traffic", "vehicle accident"),
}
"""CoT type -> words of the category; the first that is found."""
REPORT = "b-m-p-s-m"
SITE, HOSPITAL = "a-n-G-I", "a-n-G-I-X-H"
HOSPITAL_WORDS = ("hospital", "clinic", "health", "medical")
PLACE = {
    Precision.km1: ("750.0", "Place released to 1 km."),
    Precision.km5: ("3600.0", "Place released to 5 km."),
    Precision.adm3: (UNKNOWN, "Place released as an area (adm3)."),
    Precision.adm2: (UNKNOWN, "Place released as an area (adm2)."),
}
LONGEST_TITLE, LONGEST_TEXT = 120, 1_000
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def uid_of(number: int) -> str:
    return OWN_UID + public_id(number)


def cot_type(item: Item) -> str:
    """A track's own type, else by the category; `docs/tak.md` has the table."""
    record = item.record
    words = f"{record.category} {getattr(record, 'sub_event_type', '')}".casefold()
    if isinstance(record, Track):
        own = record.category
        return own if ATOM.match(own) else f"a-{AFFILIATION.get(record.affiliation, 'u')}-G"
    if item.kind == "report":
        return REPORT
    if item.kind == "site":
        return HOSPITAL if any(word in words for word in HOSPITAL_WORDS) else SITE
    return next((told for told, found in INCIDENTS.items() if any(word in words for word in found)), INCIDENT)


def event(item: Item, precision: Precision, source_title: str, now: datetime, stale_after: timedelta) -> bytes:
    """A record with a place, as it is released."""
    record = item.record
    seen = record.event_time or item.received_at
    stale = now + stale_after
    if isinstance(record, Track):
        stale = record.stale or seen + TRACK_FRESH
    error, about_place = PLACE.get(precision, (UNKNOWN, ""))
    if isinstance(record, Track) and precision is Precision.exact and record.accuracy_m is not None:
        error = str(record.accuracy_m)
    kind = cot_type(item)
    made = _event(uid_of(item.id), kind, "m-r" if isinstance(record, Track) else "h-e", now, seen, stale)
    if record.exercise:
        made.set("opex", "e")
    height = str(record.altitude_m) if isinstance(record, Track) and record.altitude_m is not None else UNKNOWN
    at = {"lat": f"{record.lat:.6f}", "lon": f"{record.lon:.6f}"}
    etree.SubElement(made, "point", {**at, "hae": height, "ce": error, "le": UNKNOWN})
    detail = etree.SubElement(made, "detail")
    etree.SubElement(detail, "contact", callsign=_title(record))
    if isinstance(record, Track) and record.course_deg is not None and record.speed_m_s is not None:
        etree.SubElement(detail, "track", course=str(record.course_deg), speed=str(record.speed_m_s))
    etree.SubElement(detail, "remarks").text = _clean(_remarks(item, source_title, about_place, now))
    etree.SubElement(detail, "_flow-tags_", CommonGround=_time(now))
    return _line(made)


def deletion(uid: str, of_type: str, now: datetime) -> bytes:
    """Takes a uid off their map (`t-x-d-d`, which ATAK heeds with `__forcedelete`)."""
    made = _event(uid, "t-x-d-d", "m-g", now, now, now + timedelta(minutes=5))
    etree.SubElement(made, "point", lat="0.0", lon="0.0", hae=UNKNOWN, ce=UNKNOWN, le=UNKNOWN)
    detail = etree.SubElement(made, "detail")
    etree.SubElement(detail, "link", uid=uid, relation="p-p", type=of_type)
    etree.SubElement(detail, "__forcedelete")
    return _line(made)


def ping(name: str, now: datetime) -> bytes:
    made = _event(f"{OWN_UID}{_clean(name)}-ping", "t-x-c-t", "m-g", now, now, now + timedelta(minutes=1))
    etree.SubElement(made, "point", lat="0.0", lon="0.0", hae=UNKNOWN, ce=UNKNOWN, le=UNKNOWN)
    etree.SubElement(made, "detail")
    return _line(made)


def _event(uid: str, kind: str, how: str, time: datetime, start: datetime, stale: datetime) -> etree._Element:
    times = {"time": _time(time), "start": _time(start), "stale": _time(stale)}
    return etree.Element("event", {"version": "2.0", "uid": uid, "type": kind, "how": how, **times})


def _line(made: etree._Element) -> bytes:
    told: bytes = etree.tostring(made, encoding="utf-8")
    return told + b"\n"


def _title(record: Record) -> str:
    title = _clean(getattr(record, "callsign", "") or record.title or record.category or "record")
    drill = "EXERCISE " if record.exercise else ""
    return f"{drill}{title}"[:LONGEST_TITLE]


def _remarks(item: Item, source_title: str, about_place: str, now: datetime) -> str:
    record, mark = item.record, item.mark
    seen = record.event_time
    when = f"{seen:%d%H%MZ%b%y}".upper() + f", {_age(now - seen)} before this was sent" if seen else "not said"
    parts = [
        record.description[:LONGEST_TEXT],
        f"Source: {source_title} ({record.agency}). Grade: {record.grade}. Seen: {when}.",
        "" if record.severity is Severity.unknown else f"Severity: {record.severity.name}.",
        about_place,
        f"Sensitivity: {Sensitivity(mark.sensitivity).name}."
        + ("" if mark.tlp is Tlp.unstated else f" TLP:{mark.tlp.name.upper().replace('_', '+')}."),
    ]
    return "\n".join(part for part in parts if part)


def _age(since: timedelta) -> str:
    minutes = max(round(since.total_seconds() / 60), 0)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 2_880 else f"{minutes // 1_440} d"


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _clean(text: str) -> str:
    return NOT_XML.sub("", text)
