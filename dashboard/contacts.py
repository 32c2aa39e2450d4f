"""The register of contacts as its keepers change it: an entry, an entry taken back, or a file of them.

Who may is one of the agency's own (`dashboard.rights.registers`); what is written is marked as that agency's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboard import rights
from dashboard.answer import NOT_FOUND, Refused
from dashboard.services import Services
from data import contacts
from data.access import Viewer
from data.seen import Seen
from data.written import CannotWrite, Change, Overtaken

Told = Mapping[str, Any]


def may(services: Services, viewer: Viewer, told: Told) -> bool:
    """Of a new entry the agency it is for, of one that is there its own."""
    before = _before(services.picture.seen_by(viewer), told)
    agency = before.record.agency if before else _agency(services, viewer, told)
    return rights.registers(viewer, agency)


def save(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    """`{id?, revision?, agency, sector, area, office, role, decides, phone, email, note, release}`"""
    seen = services.picture.seen_by(viewer)
    before = _before(seen, told)
    if told.get("id") and before is None:
        raise NOT_FOUND
    agency = before.record.agency if before else _agency(services, viewer, told)
    exercise = services.settings.mission.exercise
    return _write(
        services,
        viewer,
        "save",
        agency,
        lambda: [contacts.change(agency, viewer.name, _placed(seen, told), before, _looked(told), exercise)],
    )


def take_back(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    """`{id, revision}`"""
    before = _before(services.picture.seen_by(viewer), told)
    if before is None:
        raise NOT_FOUND
    return _write(services, viewer, "take_back", before.record.agency, lambda: [contacts.gone(before, _looked(told))])


def bring(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    """`{agency, content}`: every row of a CSV; a row with the id of an entry changes it, another is new. All or nothing."""
    content = told.get("content")
    if not isinstance(content, str):
        raise Refused(422, "content: send the file's text.")
    seen = services.picture.seen_by(viewer)
    agency = _agency(services, viewer, told)
    known = {one.id: one for one in contacts.contacts(seen) if one.record.agency == agency}
    return _write(services, viewer, "import", agency, lambda: _rows(services, viewer, seen, agency, content, known))


def _rows(
    services: Services,
    viewer: Viewer,
    seen: Seen,
    agency: str,
    content: str,
    known: Mapping[str, contacts.Known],
) -> list[Change]:
    changes = []
    for number, row in enumerate(contacts.from_csv(content), start=1):
        if row.get("agency") not in (None, "", agency):
            continue  # another agency's rows of the same file are that agency's to bring
        before = known.get(row.get("id", ""))
        try:
            fields = contacts.entry(_placed(seen, row))
            if before and all(getattr(before.record, name) == value for name, value in fields.items()):
                continue
            kept = {"release": "mission" if before is None or before.record.releasable_to else "agency"}
            looked = before.revision if before else 0
            exercise = services.settings.mission.exercise
            changes.append(
                contacts.change(agency, viewer.name, {**_placed(seen, row), **kept}, before, looked, exercise)
            )
        except CannotWrite as error:
            raise CannotWrite(f"Row {number}: {error}") from None
    return changes


def _write(services: Services, viewer: Viewer, act: str, agency: str, make: Any) -> Any:
    try:
        changes = make()
        if not changes:
            return {"ids": [], "count": 0}
        details = {"agency": agency, "count": len(changes)}
        ids = services.write(viewer.name, f"contacts.{act}", changes, "", details)
    except Overtaken as error:
        raise Refused(409, str(error)) from None
    except CannotWrite as error:
        raise Refused(422, str(error)) from None
    return {"ids": ids, "count": len(ids)}


def _before(seen: Seen, told: Told) -> contacts.Known | None:
    name = told.get("id")
    return next((one for one in contacts.contacts(seen) if one.id == name), None) if name else None


def _agency(services: Services, viewer: Viewer, told: Told) -> str:
    agency = told.get("agency") or viewer.agency
    if not isinstance(agency, str) or (rights.runs(viewer) and agency not in services.settings.agencies):
        raise Refused(422, "agency: name one of the mission's agencies.")
    return agency


def _looked(told: Told) -> int:
    revision = told.get("revision")
    if isinstance(revision, bool) or not isinstance(revision, int):
        return 0
    return revision


def _placed(seen: Seen, told: Told) -> Told:
    """With the P-code of the area, by code or by name. Raises `CannotWrite`."""
    area = str(told.get("area") or "").strip()
    if not area:
        return told
    known = {one.pcode.casefold(): one.pcode for one in seen.places.areas if one.pcode}
    named = {one.name.casefold(): one.pcode for one in seen.places.areas if one.pcode}
    found = known.get(area.casefold()) or named.get(area.casefold())
    if found is None:
        raise CannotWrite(f"area: no area is called '{area[:30]}'; use a P-code, or nothing for everywhere.")
    return {**told, "area": found}
