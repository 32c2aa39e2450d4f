"""The register of whom to ask, kept by the agencies themselves: an office, its role for a sector and area, a duty phone.

Every entry is a record of its agency, released to the mission unless the agency keeps it to itself. No person is named: an
office answers, whoever is on duty.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from data.access import MISSION, Mark
from data.analysis.sectors import sector
from data.cells import harmless, unharmed
from data.records import Contact, Sensitivity
from data.seen import Item, Seen, public_id
from data.written import CannotWrite, Change, marked, new_key

SOURCE = "contacts"
KIND = "contact"
ROLES = ("lead", "co_lead", "liaison", "information")
"""In the order in which one asks them."""
COLUMNS: Mapping[str, str] = {
    "id": "#meta+id",
    "agency": "#org+name",
    "sector": "#sector",
    "area": "#loc+code",
    "office": "#contact+office",
    "role": "#contact+role",
    "decides": "#contact+decides",
    "phone": "#contact+phone",
    "email": "#contact+email",
    "note": "#contact+note",
}
"""Of the register as a file, with their HXL tags."""
LONGEST = {"sector": 80, "area": 30, "office": 120, "phone": 60, "email": 120, "note": 300}
ROWS = 500
PHONE = re.compile(r"[+\d][\d ()/.\-]{2,59}\Z")
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]+\Z")
YES = {"yes", "true", "1", "x", "oui", "نعم"}


@dataclass(frozen=True)
class Known:
    """An entry as one viewer may see it."""

    id: str
    revision: int
    item: Item
    record: Contact
    pcodes: tuple[str, ...]
    """Of the area it answers for, from the country down."""


def contacts(seen: Seen) -> list[Known]:
    """Every entry this viewer may see: those who decide first, then by role, sector, area and agency."""
    found = [
        Known(public_id(item.id), item.revision, item, item.record, tuple(code for code in item.pcodes if code))
        for item in seen.items(KIND, seen.rows(KIND))
        if isinstance(item.record, Contact)
    ]
    return sorted(
        found,
        key=lambda one: (
            not one.record.decides,
            ROLES.index(one.record.role),
            one.record.category,
            one.record.adm_pcode or "",
            one.record.agency,
            one.id,
        ),
    )


def asked_for(known: Iterable[Known], of_sector: str, around: Sequence[str]) -> list[Known]:
    """Of these whom to ask about a sector (as `sector` codes it) in an area: the nearest and most competent first.

    `around` are the area's own P-code and those it lies in.
    """
    found = []
    for one in known:
        area = one.record.adm_pcode or ""
        if one.record.category and sector(one.record.category) != of_sector:
            continue
        if area and area not in around:
            continue
        found.append(one)
    return sorted(found, key=lambda one: (not one.record.category, -len(one.record.adm_pcode or "")))


def entry(told: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an entry as somebody wrote it. Raises `CannotWrite` with what is wrong."""
    said = {name: " ".join(str(told.get(name) or "").split()) for name in LONGEST}
    for name, longest in LONGEST.items():
        if len(said[name]) > longest:
            raise CannotWrite(f"{name}: use at most {longest} characters.")
    if not said["office"]:
        raise CannotWrite("office: name the office or the duty that answers; no person.")
    role = str(told.get("role") or "liaison").strip().casefold().replace("-", "_").replace(" ", "_")
    if role not in ROLES:
        raise CannotWrite(f"role: use one of {', '.join(ROLES)}.")
    if said["phone"] and not PHONE.match(said["phone"]):
        raise CannotWrite("phone: use digits with the country's code, like +252 61 555 0100.")
    if said["email"] and not EMAIL.match(said["email"]):
        raise CannotWrite("email: use an address like duty.logistics@example.org.")
    if not said["phone"] and not said["email"]:
        raise CannotWrite("phone: give a duty phone or an address at which somebody answers.")
    decides = told.get("decides")
    return {
        "category": said["sector"],
        "adm_pcode": said["area"] or None,
        "title": said["office"],
        "role": role,
        "decides": decides is True or str(decides).strip().casefold() in YES,
        "phone": said["phone"],
        "email": said["email"],
        "description": said["note"],
    }


def change(
    agency: str, who: str, told: Mapping[str, Any], before: Known | None, looked_at: int, exercise: bool
) -> Change:
    """An entry of an agency as it is to be. Raises `CannotWrite`."""
    record = Contact(
        source_ref=before.record.source_ref if before else new_key(),
        event_time=datetime.now(UTC).replace(microsecond=0),
        by=who,
        **entry(told),
    )
    kept = told.get("release") == "agency"
    return Change(marked(record, SOURCE, _mark(agency, kept), exercise), looked_at if before else 0)


def gone(before: Known, looked_at: int) -> Change:
    """An entry taken back; what it said stays in its history."""
    return Change(before.record, looked_at, gone=True)


def _mark(agency: str, kept: bool) -> Mark:
    return Mark(agency, Sensitivity.low, () if kept else (MISSION,), collection="contacts")


def as_csv(known: Iterable[Known]) -> str:
    """The register as a file with HXL tags, which `from_csv` takes back."""
    out = io.StringIO()
    file = csv.writer(out)
    file.writerows([list(COLUMNS), list(COLUMNS.values())])
    for one in known:
        told = one.record
        cells = (
            *(one.id, told.agency, told.category, told.adm_pcode or "", told.title, told.role),
            *("yes" if told.decides else "no", told.phone, told.email, told.description),
        )
        # A phone begins with a plus: whatever a spreadsheet would run is written as text.
        file.writerow([harmless(str(cell)) for cell in cells])
    return "\ufeff" + out.getvalue()


def from_csv(content: str) -> list[dict[str, str]]:
    """The rows of such a file, with or without tags, by comma, semicolon or tab. Raises `CannotWrite`."""
    content = content.removeprefix("\ufeff")
    head = content.splitlines()[0] if content.strip() else ""
    if not head:
        raise CannotWrite("The file is empty.")
    delimiter = max(",;\t", key=head.count)
    rows = [row for row in csv.reader(io.StringIO(content), delimiter=delimiter) if any(cell.strip() for cell in row)]
    tagged = next((row for row in rows[:2] if any(cell.strip().startswith("#") for cell in row)), None)
    tag_of = {tag: name for name, tag in COLUMNS.items()}
    heading = [tag_of.get(cell.strip(), "") for cell in tagged] if tagged else []
    names = [cell.strip().casefold() for cell in rows[0]]
    heading = heading or [name if name in COLUMNS else "" for name in names]
    if "office" not in heading:
        raise CannotWrite(f"The file has no column 'office'; it has the columns {', '.join(COLUMNS)}.")
    listed = [row for row in rows[1:] if row is not tagged]
    if len(listed) > ROWS:
        raise CannotWrite(f"The file has {len(listed)} rows; send at most {ROWS} at once.")
    return [{name: unharmed(cell.strip()) for name, cell in zip(heading, row, strict=False) if name} for row in listed]
