"""Warnings issued by people here: the form's acts, and what went out as CAP 1.2 messages with an Atom feed of them (RFC 4287).

A message is given out as it was issued or not at all: to whom the rule releases it whole, and who may take it away.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dashboard import rights
from dashboard.answer import NOT_FOUND, answer
from dashboard.selection import rfc3339
from dashboard.services import Services
from data.access import EVERY_AGENCY, Decision, Viewer, decide
from data.cap_message import (
    CATEGORIES,
    CERTAINTIES,
    RESPONSES,
    SEVERITIES,
    URGENCIES,
    message,
)
from data.own_alerts import AUDIENCES, COLLECTION, Issued

ATOM = "http://www.w3.org/2005/Atom"
ATOM_TYPE = "application/atom+xml"
CAP_TYPE = "application/cap+xml"
LISTED = timedelta(days=30)
"""How long a message stays in the feed; one that is still in force stays longer."""
Told = Mapping[str, Any]


def released(services: Services, viewer: Viewer) -> Iterator[tuple[Issued, Decision]]:
    """The messages this viewer may have whole, newest first."""
    sharing, now = services.picture.sharing, datetime.now(UTC)
    for one in services.alerts.issued():
        mark = sharing.mark_of(one.source, one.mark, COLLECTION)
        decision = decide(viewer, mark, sharing.agreements, now)
        if decision.permit and not decision.obligations.alters:
            yield one, decision


def _leaving(services: Services, request: Request) -> Iterator[Issued]:
    """Those that may be taken away: a message is a file. Reading them is logged where their mark asks for it."""
    viewer = services.viewer(request)
    for one, decision in released(services, viewer):
        if not decision.obligations.no_export:
            yield one
            if decision.obligations.log:
                services.note((viewer.looking or viewer).name, "read", COLLECTION, [one.identifier], decision.clause)


def atom(services: Services, request: Request) -> Response:
    """The feed: an entry for each message, with the message in it and a link to it alone."""
    now, base = datetime.now(UTC), str(request.url.replace(path="", query="", fragment="")).rstrip("/")
    found = [one for one in _leaving(services, request) if one.in_force(now) or now - one.sent < LISTED]
    feed = ET.Element("feed", {"xmlns": ATOM})
    title = services.settings.mission.name
    _texts(feed, {"id": f"{base}/cap/atom", "title": f"{title}: CAP alerts"})
    newest = max((one.sent for one in found), default=datetime(1970, 1, 1, tzinfo=UTC))
    _texts(feed, {"updated": rfc3339(newest)})
    _texts(ET.SubElement(feed, "author"), {"name": title})
    ET.SubElement(feed, "link", {"rel": "self", "type": ATOM_TYPE, "href": f"{base}/cap/atom"})
    for one in found:
        address = f"{base}/cap/{one.identifier}.xml"
        entry = ET.SubElement(feed, "entry")
        _texts(
            entry, {"id": address, "title": _title(one), "updated": rfc3339(one.sent), "published": rfc3339(one.sent)}
        )
        _texts(ET.SubElement(entry, "author"), {"name": one.mark.agency})
        ET.SubElement(entry, "link", {"rel": "alternate", "type": CAP_TYPE, "href": address})
        ET.SubElement(entry, "content", {"type": CAP_TYPE}).append(ET.fromstring(one.xml))  # noqa: S314 - we wrote it
    return answer(request, ET.tostring(feed, "utf-8", xml_declaration=True), ATOM_TYPE)


def one_message(services: Services, request: Request) -> Response:
    """A message as it was issued."""
    asked = request.path_params["identifier"]
    for one in _leaving(services, request):
        if one.identifier == asked:
            return answer(request, one.xml, CAP_TYPE)
    raise NOT_FOUND


def _title(one: Issued) -> str:
    told = one.headline if one.kind == "Alert" else f"{one.kind}: {one.headline}"
    return told if one.status == "Actual" else f"{one.status}: {told}"


def _texts(parent: ET.Element, parts: Mapping[str, str]) -> None:
    for name, value in parts.items():
        ET.SubElement(parent, name).text = value


# The page


def overview(services: Services, request: Request) -> Response:
    """What the page lists, and what its form offers to whoever may issue."""
    viewer, now = services.viewer(request), datetime.now(UTC)
    seen = services.picture.seen_by(viewer)
    agencies = _agencies(services, viewer)
    areas = {area.pcode: area for area in seen.places.areas if area.pcode and area.level <= 3}
    return answer(
        request,
        {
            "alerts": [
                {
                    "identifier": one.identifier,
                    "agency": one.mark.agency,
                    "sent": one.sent,
                    "status": one.status,
                    "kind": one.kind,
                    "headline": one.headline,
                    "event": one.event,
                    "severity": one.severity,
                    "expires": one.expires,
                    "superseded_by": one.superseded_by,
                    "in_force": one.in_force(now),
                    "may": one.mark.agency in agencies and not one.superseded_by and one.kind != "Cancel",
                    "told": one.told if one.mark.agency in agencies else {},
                    "file": None if decision.obligations.no_export else f"/cap/{one.identifier}.xml",
                }
                for one, decision in released(services, viewer)
            ],
            "choices": {
                "agencies": agencies,
                "others": sorted(services.settings.agencies),
                "audience": AUDIENCES,
                "category": CATEGORIES,
                "response": RESPONSES,
                "urgency": URGENCIES,
                "severity": SEVERITIES,
                "certainty": CERTAINTIES,
                "areas": [{"pcode": code, "name": area.name} for code, area in sorted(areas.items())],
            }
            if agencies
            else None,
            "exercise": services.settings.mission.exercise,
        },
    )


def _agencies(services: Services, viewer: Viewer) -> list[str]:
    """For whom this viewer may issue."""
    named = sorted(services.settings.agencies) or [services.settings.mission.name]
    every = named if viewer.agency == EVERY_AGENCY else [viewer.agency]
    return [agency for agency in every if rights.warns(viewer, agency)]


def may(services: Services, viewer: Viewer, told: Told) -> bool:
    agency = told.get("agency")
    return isinstance(agency, str) and rights.warns(viewer, agency)


def preview(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    """The message as it would go out now, with the identifier under which it will."""
    envelope, said, _ = services.alerts.drafted(told)
    return {
        "identifier": envelope.identifier,
        "status": envelope.status,
        "scope": envelope.scope,
        "restriction": envelope.restriction,
        "addresses": envelope.addresses,
        "kind": envelope.kind,
        "sender": envelope.sender,
        "xml": message(envelope, said).decode(),
    }


def issue(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    identifier = services.alerts.issue(viewer.name, told)
    services.picture.catch_up()
    return {"identifier": identifier}
