"""Who does what where over HTTP: the matrix, one cell with its activities and whom to ask, and the matrix as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

import openpyxl
from starlette.requests import Request
from starlette.responses import Response

from dashboard import rights
from dashboard.answer import NOT_FOUND, VARY, Refused, answer
from dashboard.api import asked
from dashboard.clauses import marking
from dashboard.downloads import MEDIA
from dashboard.noted import note_read
from dashboard.services import Services
from dashboard.words import dtg, language
from data import contacts
from data.analysis import presence
from data.analysis.presence import Cell, Matrix, Organisation
from data.analysis.sectors import sector
from data.cells import harmless
from data.filters import BadFilter
from data.places import NOWHERE
from data.seen import Item, Seen, public_id
from data.times import NO_TIME, micros_of

TAGS = {
    "sector": "#sector",
    "adm1_name": "#adm1+name",
    "adm2_name": "#adm2+name",
    "adm2_pcode": "#adm2+code",
    "standing": "#status",
    "people_in_need": "#inneed",
    "people_targeted": "#targeted",
    "people_reached": "#reached",
    "figures_from": "#meta+source",
    "figures_as_of": "#date+updated",
    "organisations": "#org+count",
    "organisation_names": "#org+list",
    "reports_due": "#org+list+due",
    "ask": "#contact+office",
    "ask_phone": "#contact+phone",
}
"""Columns of the matrix as a file, with their HXL tags."""
WORST = 40


def overview(services: Services, request: Request) -> Response:
    """The matrix of sectors by areas, what is missing and what is done twice, who has not reported, and the register."""
    seen, _, _ = asked(services, request)
    found = presence.matrix(seen, services.settings.report_every)
    register = contacts.contacts(seen)
    above = _above(seen)
    cells = [one for one in found.cells.values() if _told(one)]
    told = {
        "revision": seen.revision,
        "as_of": seen.now if seen.past else None,
        "report_every_days": services.settings.report_every.total_seconds() / 86_400,
        "sectors": [{"code": code, "name": name} for code, name in found.sectors.items()],
        "areas": [
            {"pcode": pcode, "name": _name(seen, pcode), "parent": _name(seen, _parent(above[pcode]))}
            for pcode in found.areas
        ],
        "cells": [_cell(one) for one in cells],
        "gaps": [_place(one, register, above) for one in _gaps(found)],
        "overlaps": [
            {**_place(one, register, above), "what": what, "who": who}
            for one in found.cells.values()
            for what, who in one.overlaps.items()
        ],
        "organisations": [_organisation(one) for one in found.organisations],
        "unplaced": found.unplaced,
        "contacts": [_contact(services, seen, one) for one in register],
        "keeps": [agency for agency in _agencies(services, seen) if rights.registers(seen.viewer, agency)],
        "exports": rights.exports(seen.viewer),
    }
    return answer(request, told)


def cell(services: Services, request: Request) -> Response:
    """`?sector=&area=`: the activities of a cell with dates, status, source and age, and whom to ask."""
    seen, _, query = asked(services, request)
    found = presence.matrix(seen, services.settings.report_every)
    one = found.cells.get((query.get("sector", ""), query.get("area", "")))
    if one is None:
        raise NOT_FOUND
    items = seen.items(presence.KIND, one.rows)
    note_read(services, seen, items)
    listed = sorted((_activity(seen, item) for item in items), key=_order)
    known = contacts.asked_for(contacts.contacts(seen), one.sector, _above(seen)[one.pcode])
    told = {
        "revision": seen.revision,
        **_cell(one),
        "name": found.sectors[one.sector],
        "place": _name(seen, one.pcode),
        "overlaps": [{"what": what, "who": who} for what, who in one.overlaps.items()],
        "activities": listed,
        "organisations": [
            _organisation(each)
            for each in found.organisations
            if each.name in {item["organisation"] for item in listed}
        ],
        "contacts": [_contact(services, seen, each) for each in known],
    }
    return answer(request, told)


def download(services: Services, request: Request) -> Response:
    """`?format=csv|xlsx`: the matrix with HXL tags, of activities that may leave. 403 without the role for it."""
    viewer = services.viewer(request)
    if not rights.exports(viewer):
        raise Refused(403, "Taking records out as files needs the role 'export'; an administrator gives it.")
    seen, _, query = asked(services, request)
    wanted = query.get("format", "xlsx")
    if wanted not in ("csv", "xlsx"):
        raise BadFilter(f"format: '{wanted[:40]}' is not one of csv, xlsx.")
    used = {
        "activity": seen.rows("activity"),
        "indicator": seen.rows("indicator"),
        "contact": seen.rows(contacts.KIND),
    }
    if any(len(seen.exportable(kind, rows)) < len(rows) for kind, rows in used.items()):
        raise Refused(
            403, "Something in this table may not leave the screen; take the records out that may, by collection."
        )
    found = presence.matrix(seen, services.settings.report_every)
    rows = list(_flat(seen, found))
    mark = seen.marking(*used.items())
    lang = language(query.get("lang"))
    exercise = bool(seen.column("activity", "exercise")[used["activity"]].any())
    told = ("EXERCISE · " if exercise else "") + marking(lang, mark)
    content = _csv(rows) if wanted == "csv" else _xlsx(rows, told, services.settings.mission.name)
    services.exported(
        viewer.name, "activities", {"format": wanted, "table": "matrix", "count": len(rows), "revision": seen.revision}
    )
    name = "-".join(["activities-matrix", *(["exercise"] if exercise else []), dtg(seen.now).replace(" ", "")])
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'attachment; filename="{name}.{wanted}"',
        "Vary": VARY,
    }
    return Response(content, media_type=MEDIA[wanted], headers=headers)


def register(services: Services, request: Request) -> Response:
    """The register of contacts as CSV with HXL tags, to be changed and brought back."""
    viewer = services.viewer(request)
    seen, _, _ = asked(services, request)
    if not (rights.exports(viewer) or any(rights.registers(viewer, agency) for agency in _agencies(services, seen))):
        raise Refused(403, "Taking the register out needs the role 'export', or to keep an agency's entries.")
    known = contacts.contacts(seen)
    services.exported(viewer.name, "contacts", {"format": "csv", "count": len(known), "revision": seen.revision})
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Disposition": 'attachment; filename="contacts.csv"',
        "Vary": VARY,
    }
    return Response(contacts.as_csv(known), media_type="text/csv", headers=headers)


def _told(one: Cell) -> bool:
    return one.standing not in ("no_activity", "no_report") or one.need is not None or bool(one.rows)


def _gaps(found: Matrix) -> list[Cell]:
    """Where people are in need and nobody works, or too few are reached: those with most people unreached first."""
    gaps = [
        one
        for one in found.cells.values()
        if one.gap and (one.standing != "active" or (one.share is not None and one.share < presence.UNDER_REACHED))
    ]
    return sorted(gaps, key=lambda one: -(one.gap or 0))[:WORST]


def _cell(one: Cell) -> dict[str, Any]:
    return {
        "sector": one.sector,
        "area": one.pcode,
        "standing": one.standing,
        "need": one.need,
        "targeted": one.targeted,
        "reached": one.reached,
        "share": one.share,
        "gap": one.gap,
        "summed": one.summed,
        "as_of": one.as_of,
        "who": one.organisations,
        "behind": one.behind,
        "twice": len(one.overlaps),
        "counted": one.counted,
        "fewer_than": one.fewer_than,
    }


def _place(one: Cell, known: Sequence[contacts.Known], above: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    """A cell with whom to ask about it."""
    asked_ = contacts.asked_for(known, one.sector, above[one.pcode])
    return {
        "sector": one.sector,
        "area": one.pcode,
        "standing": one.standing,
        "need": one.need,
        "gap": one.gap,
        "behind": one.behind,
        "ask": [each.id for each in asked_[:2]],
    }


def _organisation(one: Organisation) -> dict[str, Any]:
    return {"name": one.name, "reported": one.reported, "behind": one.behind, "activities": one.activities}


def _activity(seen: Seen, item: Item) -> dict[str, Any]:
    record: Any = item.record
    starts, ends = (NO_TIME if moment is None else micros_of(moment) for moment in (record.start, record.end))
    return {
        "id": public_id(item.id),
        "organisation": record.organisation,
        "partner": record.partner,
        "activity": record.activity,
        "status": record.status,
        "state": presence.state_of(record.status, starts, ends, micros_of(seen.now)),
        "start": record.start,
        "end": record.end,
        "targeted": record.people_targeted,
        "reached": record.people_reached,
        "reported": min(record.event_time or item.received_at, item.received_at),
        "source": record.source,
        "agency": record.agency,
        "grade": record.grade,
    }


STATES = ("underway", "planned", "suspended", "ended")


def _order(told: dict[str, Any]) -> tuple[int, float, str]:
    return STATES.index(told["state"]), -told["reported"].timestamp(), told["organisation"]


def _contact(services: Services, seen: Seen, one: contacts.Known) -> dict[str, Any]:
    told = one.record
    return {
        "id": one.id,
        "revision": one.revision,
        "agency": told.agency,
        "agency_name": services.settings.agencies.get(told.agency, told.agency),
        "sector": told.category,
        "sector_code": sector(told.category) if told.category else "",
        "area": told.adm_pcode,
        "place": _name(seen, told.adm_pcode or "") if told.adm_pcode else "",
        "office": told.title,
        "role": told.role,
        "decides": told.decides,
        "phone": told.phone,
        "email": told.email,
        "note": told.description,
        "at": told.event_time,
        "release": "mission" if told.releasable_to else "agency",
        "may": rights.registers(seen.viewer, told.agency),
    }


def _agencies(services: Services, seen: Seen) -> list[str]:
    """Whose entries this viewer might keep: their own agency's, an administrator any."""
    if rights.runs(seen.viewer):
        return sorted(services.settings.agencies)
    return [seen.viewer.agency] if seen.viewer.agency else []


def _above(seen: Seen) -> dict[str, tuple[str, ...]]:
    """P-code of an area -> those it lies in, the country first, itself last."""
    areas, ancestors = seen.places.areas, seen.places.ancestors
    return {
        area.pcode: tuple(areas[up].pcode for up in ancestors[at].tolist() if up != NOWHERE)
        for at, area in enumerate(areas)
        if area.pcode
    }


def _parent(chain: Sequence[str]) -> str:
    return chain[-2] if len(chain) > 1 else ""


def _name(seen: Seen, pcode: str) -> str:
    return next((area.name for area in seen.places.areas if area.pcode == pcode), pcode)


def _flat(seen: Seen, found: Matrix) -> Iterator[list[Any]]:
    register_, above = contacts.contacts(seen), _above(seen)
    for one in found.cells.values():
        if not _told(one):
            continue
        known = contacts.asked_for(register_, one.sector, above[one.pcode])
        ask = known[0].record if known else None
        yield [
            found.sectors[one.sector],
            _name(seen, _parent(above[one.pcode])),
            _name(seen, one.pcode),
            one.pcode,
            one.standing,
            one.need,
            one.targeted,
            one.reached,
            "activities" if one.summed else "needs overview" if one.as_of else "",
            one.as_of.date() if one.as_of else None,
            len(one.organisations),
            "; ".join(one.organisations),
            "; ".join(one.behind),
            ask.title if ask else "",
            ask.phone if ask else "",
        ]


def _csv(rows: Sequence[Sequence[Any]]) -> bytes:
    out = io.StringIO()
    file = csv.writer(out)
    file.writerows([list(TAGS), list(TAGS.values())])
    file.writerows([harmless(value) if isinstance(value, str) else value for value in row] for row in rows)
    return ("\ufeff" + out.getvalue()).encode()


def _xlsx(rows: Sequence[Sequence[Any]], told: str, title: str) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    book.properties.title, book.properties.description = title, told
    sheet = book.create_sheet("activities")
    sheet.freeze_panes = "E3"
    sheet.append(list(TAGS))
    sheet.append(list(TAGS.values()))
    for row in rows:
        sheet.append([harmless(value) if isinstance(value, str) else value for value in row])
    about = book.create_sheet("about")
    about.append(["title", harmless(title)])
    about.append(["marking", harmless(told)])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
