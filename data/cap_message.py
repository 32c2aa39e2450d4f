"""A warning of our own as a CAP message: what a person may say, and the XML (OASIS CAP 1.2, 2010-07-01).

The message is the thing that was issued: it is written once, kept as it is, and read by our own feed like anybody's.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
CATEGORIES = (
    "Geo",
    "Met",
    "Safety",
    "Security",
    "Rescue",
    "Fire",
    "Health",
    "Env",
    "Transport",
    "Infra",
    "CBRNE",
    "Other",
)
RESPONSES = ("Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None")
URGENCIES = ("Immediate", "Expected", "Future", "Past", "Unknown")
SEVERITIES = ("Extreme", "Severe", "Moderate", "Minor", "Unknown")
CERTAINTIES = ("Observed", "Likely", "Possible", "Unlikely", "Unknown")
LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*\Z")
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")
LONGEST = {"event": 80, "headline": 160, "description": 4_000, "instruction": 4_000, "area_desc": 500, "contact": 300}
POINTS_MOST, AREAS_MOST = 500, 100


class BadAlert(ValueError):
    """Why a message cannot be issued: the field, and what to do, in one sentence."""


@dataclass(frozen=True)
class Wording:
    """What is said, in one language."""

    language: str
    event: str
    headline: str
    description: str = ""
    instruction: str = ""


@dataclass(frozen=True)
class Said:
    """What the issuer says; the rest of a message follows from who, when and to whom."""

    category: str
    urgency: str
    severity: str
    certainty: str
    area_desc: str
    expires: datetime
    wordings: tuple[Wording, ...]
    response: str = ""
    effective: datetime | None = None
    onset: datetime | None = None
    contact: str = ""
    pcodes: tuple[str, ...] = ()
    polygon: tuple[tuple[float, float], ...] = ()
    """(longitude, latitude) in degrees, closed; empty: none."""


@dataclass(frozen=True)
class Envelope:
    """Who sends it, to whom, and what it takes the place of."""

    identifier: str
    sender: str
    sender_name: str
    sent: datetime
    status: str
    """Actual or Exercise."""
    kind: str
    """Alert, Update or Cancel."""
    scope: str
    restriction: str = ""
    addresses: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    """sender,identifier,sent of every earlier message of the same warning, oldest first."""
    note: str = ""


def said_of(told: Mapping[str, Any], now: datetime) -> Said:
    """What a form tells. Raises `BadAlert`."""
    wordings = tuple(_wording(one) for one in _list(told, "wordings"))
    languages = [one.language.lower() for one in wordings]
    if not wordings:
        raise BadAlert("wordings: say it in at least one language, with an event and a headline")
    if len(set(languages)) < len(languages):
        raise BadAlert("wordings: each language is used once")
    pcodes = tuple(dict.fromkeys(_plain(one, "pcodes", 40).upper() for one in _list(told, "pcodes")))
    if len(pcodes) > AREAS_MOST:
        raise BadAlert(f"pcodes: name at most {AREAS_MOST} areas; take a larger one")
    polygon = _polygon(told.get("polygon"))
    if not pcodes and not polygon:
        raise BadAlert("area: name at least one area by its P-code, or draw a polygon")
    expires = _moment(told, "expires")
    if expires is None:
        raise BadAlert("expires: say until when it holds")
    effective, onset = _moment(told, "effective"), _moment(told, "onset")
    if expires <= max(now, effective or now, onset or now):
        raise BadAlert("expires: lies before it begins; use a later time")
    return Said(
        category=_one(told, "category", CATEGORIES),
        urgency=_one(told, "urgency", URGENCIES),
        severity=_one(told, "severity", SEVERITIES),
        certainty=_one(told, "certainty", CERTAINTIES),
        area_desc=_text(told, "area_desc", needed=True),
        expires=expires,
        wordings=wordings,
        response=_one(told, "response", RESPONSES) if told.get("response") else "",
        effective=effective,
        onset=onset,
        contact=_text(told, "contact"),
        pcodes=pcodes,
        polygon=polygon,
    )


def message(envelope: Envelope, said: Said | None) -> bytes:
    """The XML of a message; a Cancel says nothing anew."""
    alert = ET.Element(f"{{{NAMESPACE}}}alert")
    head = {
        "identifier": envelope.identifier,
        "sender": envelope.sender,
        "sent": cap_time(envelope.sent),
        "status": envelope.status,
        "msgType": envelope.kind,
        "scope": envelope.scope,
        "restriction": envelope.restriction,
        "addresses": " ".join(f'"{name}"' if " " in name else name for name in envelope.addresses),
        "note": envelope.note,
        "references": " ".join(envelope.references),
    }
    _put(alert, head.items())
    if said is not None:
        alert.extend(_info(envelope, said, wording) for wording in said.wordings)
    ET.indent(alert)
    written: bytes = ET.tostring(alert, "utf-8", xml_declaration=True, default_namespace=NAMESPACE)
    return written + b"\n"


def _info(envelope: Envelope, said: Said, wording: Wording) -> ET.Element:
    info = ET.Element(f"{{{NAMESPACE}}}info")
    parts = {
        "language": wording.language,
        "category": said.category,
        "event": wording.event,
        "responseType": said.response,
        "urgency": said.urgency,
        "severity": said.severity,
        "certainty": said.certainty,
        "effective": cap_time(said.effective or envelope.sent),
        "onset": cap_time(said.onset) if said.onset else "",
        "expires": cap_time(said.expires),
        "senderName": envelope.sender_name,
        "headline": wording.headline,
        "description": wording.description,
        "instruction": wording.instruction,
        "contact": said.contact,
    }
    _put(info, parts.items())
    area = ET.SubElement(info, f"{{{NAMESPACE}}}area")
    # CAP writes latitude first.
    ring = " ".join(f"{lat:.6f},{lon:.6f}" for lon, lat in said.polygon)
    _put(area, {"areaDesc": said.area_desc, "polygon": ring}.items())
    for pcode in said.pcodes:
        geocode = ET.SubElement(area, f"{{{NAMESPACE}}}geocode")
        _put(geocode, {"valueName": "P-code", "value": pcode}.items())
    return info


def _put(parent: ET.Element, parts: Iterable[tuple[str, str]]) -> None:
    for name, value in parts:
        if value:
            ET.SubElement(parent, f"{{{NAMESPACE}}}{name}").text = value


def cap_time(moment: datetime) -> str:
    """CAP 1.2, 3.3.2: whole seconds, and UTC as -00:00, never Z."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}-00:00"


def reference(envelope: Envelope) -> str:
    """How later messages name this one."""
    return f"{envelope.sender},{envelope.identifier},{cap_time(envelope.sent)}"


def slug(name: str) -> str:
    """A name as a part of an identifier: CAP allows neither spaces, commas, < nor &."""
    return re.sub(r"[^\w]+", "-", name).strip("-").lower() or "mission"


def _wording(told: Any) -> Wording:
    if not isinstance(told, dict):
        raise BadAlert("wordings: use a list of objects, one per language")
    language = _text(told, "language")
    if not LANGUAGE.match(language):
        raise BadAlert(f"language: '{language[:20]}' is not a language tag like en, fr or ar")
    event, headline = _text(told, "event", needed=True), _text(told, "headline", needed=True)
    return Wording(language, event, headline, _text(told, "description"), _text(told, "instruction"))


def _text(told: Mapping[str, Any], name: str, needed: bool = False) -> str:
    found = _plain(told.get(name, ""), name, LONGEST.get(name, 40))
    if needed and not found:
        raise BadAlert(f"{name}: say it")
    return found


def _plain(value: Any, name: str, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest:
        raise BadAlert(f"{name}: use text of at most {longest:,} characters")
    return UNSAFE.sub("", value).strip()


def _list(told: Mapping[str, Any], name: str) -> Sequence[Any]:
    value = told.get(name) or []
    if not isinstance(value, list):
        raise BadAlert(f"{name}: use a list")
    return value


def _one(told: Mapping[str, Any], name: str, allowed: Sequence[str]) -> str:
    value = told.get(name)
    if value not in allowed:
        raise BadAlert(f"{name}: use one of {', '.join(allowed)}")
    return str(value)


def _moment(told: Mapping[str, Any], name: str) -> datetime | None:
    value = told.get(name)
    if not value:
        return None
    try:
        found = datetime.fromisoformat(str(value))
        found = (found.replace(tzinfo=UTC) if found.tzinfo is None else found).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadAlert(f"{name}: use a time like 2026-11-20T18:00Z") from None
    if not 1900 <= found.year < 2100:
        raise BadAlert(f"{name}: use a time of this century")
    return found.replace(microsecond=0)


def _polygon(value: Any) -> tuple[tuple[float, float], ...]:
    """A ring of [longitude, latitude], closed here where it is not."""
    if not value:
        return ()
    try:
        ring = [(float(lon), float(lat)) for lon, lat in value]
    except (TypeError, ValueError):
        raise BadAlert("polygon: use a list of [longitude, latitude] in degrees") from None
    if not all(-180 <= lon <= 180 and -90 <= lat <= 90 for lon, lat in ring):
        raise BadAlert("polygon: a corner lies outside -180..180, -90..90 degrees")
    if ring[0] != ring[-1]:
        ring.append(ring[0])
    if len(set(ring)) < 3 or len(ring) > POINTS_MOST:
        raise BadAlert(f"polygon: use 3 to {POINTS_MOST} corners")
    return tuple(ring)
