"""How people's own records (objectives, risks, assessments) are written: whose, released to whom, over which revision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboard import told as forms
from dashboard.answer import NOT_FOUND, Refused
from dashboard.services import Services
from data.access import EVERY_AGENCY, MISSION, Mark, Viewer
from data.records import KINDS, Record, Sensitivity
from data.seen import Item, Seen
from data.written import CannotWrite, Change, Overtaken, marked
from data.written import new_key as new_key

Told = forms.Told
SHARES = ("mission", "agency")


def standing(seen: Seen, told: Told, *kinds: str) -> Item | None:
    """The record named by `id` as this viewer sees it, or None where a new one is told. Raises `Refused`."""
    if not told.get("id"):
        return None
    item = seen.find(str(told["id"]))
    if item is None or item.kind not in kinds:
        raise NOT_FOUND
    if not seen.terms(item.kind, item.row).plain:
        raise Refused(422, "You are shown only a part of this; ask its owner to change it.")
    return item


def whole(seen: Seen, told: Told, name: str, kind: str) -> Item:
    """The record that a new one is to be part of, by its public id. Raises `Refused`."""
    item = seen.find(str(told.get(name)))
    if item is None or item.kind != kind:
        raise NOT_FOUND
    return item


def owner_told(services: Services, viewer: Viewer, told: Told, before: Item | None) -> str:
    """Whose it is: as told; else as it was; else the viewer's own agency."""
    fallback = before.mark.agency if before else "" if viewer.agency == EVERY_AGENCY else viewer.agency
    agency = forms.text(told, "agency", 80) or fallback
    if agency not in agencies(services, viewer) and not (before and agency == before.mark.agency):
        raise Refused(422, "agency: name one of the mission's agencies.")
    return agency


def agencies(services: Services, viewer: Viewer) -> dict[str, str]:
    """Short and full names of the mission's agencies, and the viewer's own."""
    known = dict(services.settings.agencies)
    for source in services.settings.sources.values():
        known.setdefault(source.agency, source.agency)
    if viewer.agency not in ("", EVERY_AGENCY):
        known.setdefault(viewer.agency, viewer.agency)
    return known


def mark_told(viewer: Viewer, told: Told, before: Item | None, agency: str, within: Item | None = None) -> Mark:
    """Released to the mission, or its owner's alone; who is not its owner changes nothing of it, and a part is never released
    further than its whole. Raises `Refused`."""
    if within is not None and MISSION not in within.mark.releasable_to:
        if agency != within.mark.agency:
            raise Refused(
                422, f"This belongs to what only {within.mark.agency} sees; release that to the mission first."
            )
        return mark_of(agency, "agency")
    if before is not None and agency == before.mark.agency and not viewer.owns(agency):
        return before.mark
    share = forms.one_of(told, "share", SHARES, _share(before))
    if share == "agency" and not viewer.owns(agency):
        raise Refused(
            422, f"share: what is another's is for the mission; {agency} itself may keep it to its own people."
        )
    return mark_of(agency, share)


def _share(before: Item | None) -> str:
    return "mission" if before is None or MISSION in before.mark.releasable_to else "agency"


def mark_of(agency: str, share: str) -> Mark:
    return Mark(agency, Sensitivity.moderate, (MISSION,) if share == "mission" else ())


def change(services: Services, record: Record, source: str, mark: Mark, revision: int, gone: bool = False) -> Change:
    return Change(marked(record, source, mark, services.settings.mission.exercise), revision, gone)


def write(services: Services, viewer: Viewer, act: str, changes: Sequence[Change], reason: str = "") -> dict[str, Any]:
    """Write it and say under which id it is. Raises `Refused`."""
    try:
        ids = services.write(viewer.name, act, changes, reason, {})
    except Overtaken as error:
        raise Refused(409, str(error)) from None
    except CannotWrite as error:
        raise Refused(422, str(error)) from None
    return {"id": ids[0]}


def area_told(seen: Seen, told: Told, name: str = "area") -> dict[str, Any]:
    """`adm_pcode`, `lon`, `lat` and `place` of the area named by its P-code; nothing where none is. Raises `Refused`."""
    pcode = forms.text(told, name, 40)
    if not pcode:
        return {}
    found = next((one for one in seen.places.areas if one.pcode == pcode), None)
    if found is None:
        raise Refused(422, f"{name}: no area has this P-code; choose one of the list.")
    return {"adm_pcode": pcode, "place": found.name, "place_precision": f"adm{min(found.level, 3)}"}


def areas(seen: Seen, deepest: int = 2) -> list[dict[str, Any]]:
    """Areas a form offers, the largest first."""
    known = [one for one in seen.places.areas if one.pcode and one.level <= deepest]
    return [
        {"pcode": one.pcode, "name": one.name, "level": one.level}
        for one in sorted(known, key=lambda one: (one.level, one.name, one.pcode))
    ]


def history(seen: Seen, item: Item) -> list[dict[str, Any]]:
    """Every version of a record, oldest first: when it was written, by whom, and what it then said."""
    names = [name for name in KINDS[item.kind].type.__struct_fields__ if name in TOLD_OF_VERSIONS]
    return [
        {
            "at": one.received_at,
            "by": getattr(one.record, "by", ""),
            "said": {name: getattr(one.record, name) for name in names},
        }
        for one in seen.history(item)
    ]


TOLD_OF_VERSIONS = (
    "title", "description", "state", "likelihood", "impact", "mitigation", "review", "due", "target", "baseline", "threshold",
    "cause", "agency",
)  # fmt: skip
