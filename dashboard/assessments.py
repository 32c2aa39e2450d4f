"""Joint assessments: a text of an area at a time, signed by the agencies that agree, each by a person of its own, dissent kept.

A signature is of the text as it was read: once that is changed, it says so until it is given anew.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from dashboard import rights, writing
from dashboard import told as forms
from dashboard.acts import Act
from dashboard.answer import NOT_FOUND, Refused
from dashboard.noted import note_read
from dashboard.plan import area_name, head
from dashboard.services import Services
from data.access import Viewer
from data.records import Assessment, Signature
from data.seen import Item, Seen

Told = forms.Told
SOURCE = "assessments"
POSITIONS = ("agrees", "dissents", "withdrawn")


def assessments(services: Services, seen: Seen) -> list[dict[str, Any]]:
    """Newest first, each with what every agency says of it now and said before."""
    items = seen.items("assessment", seen.newest("assessment", seen.rows("assessment")))
    signed = seen.items("signature", seen.rows("signature"))
    note_read(services, seen, [*items, *signed])
    return [_told(seen, one, [of for of in signed if _of(of, one)]) for one in items]


def _of(signature: Item, assessment: Item) -> bool:
    record = cast(Signature, signature.record)
    return (record.source, record.assessment) == (assessment.record.source, assessment.record.source_ref)


def _told(seen: Seen, item: Item, signed: list[Item]) -> dict[str, Any]:
    area = item.record.adm_pcode or ""
    return {
        **head(seen, item),
        "at": item.record.event_time,
        "area": area,
        "area_name": area_name(seen, area),
        "signatures": sorted((_signature(seen, item, one) for one in signed), key=lambda one: str(one["agency"])),
    }


def _signature(seen: Seen, assessment: Item, item: Item) -> dict[str, Any]:
    record = cast(Signature, item.record)
    return {
        "agency": record.by_agency,
        "by": record.by,
        "position": record.position,
        "text": record.description,
        "at": record.event_time,
        "revision": item.revision,
        "of_this_text": record.assessment_revision == assessment.revision,
        "before": [
            {"position": before.position, "text": before.description, "at": before.event_time, "by": before.by}
            for one in seen.history(item)[:-1]
            if isinstance(before := one.record, Signature)
        ],
    }


def may_assess(services: Services, viewer: Viewer, told: Told) -> bool:
    item = services.picture.seen_by(viewer).find(str(told.get("id"))) if told.get("id") else None
    if told.get("id") and item is None:
        return True
    agency = item.mark.agency if item else told.get("agency") or viewer.agency
    return isinstance(agency, str) and rights.plans(viewer, agency)


def assess(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    """`{id?, revision, title, description, area, at, agency, share}`: a text, new or changed."""
    seen = services.picture.seen_by(viewer)
    before = writing.standing(seen, told, "assessment")
    agency = writing.owner_told(services, viewer, told, before)
    if not rights.plans(viewer, agency):
        raise Refused(422, f"agency: only the watch gives this to {agency}.")
    mark = writing.mark_told(viewer, told, before, agency)
    if before is not None and mark.releasable_to != before.mark.releasable_to:
        raise Refused(422, "share: others have read and may have signed it; write a new one for other readers.")
    place = writing.area_told(seen, told)
    if not place:
        raise Refused(422, "area: say which area this is of.")
    record = Assessment(
        source_ref=before.record.source_ref if before else writing.new_key(),
        title=forms.text(told, "title", 200, required=True),
        description=forms.text(told, "description", 8_000, required=True),
        event_time=forms.moment(told, "at", required=True),
        by=viewer.name,
        **place,
    )
    source = before.record.source if before else SOURCE
    change = writing.change(services, record, source, mark, forms.revision(told) if before else 0)
    return writing.write(services, viewer, "assessments.write", [change])


def may_sign(services: Services, viewer: Viewer, told: Told) -> bool:
    return rights.signs(viewer)


def sign(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    """`{id, revision, position, text}`: the viewer's agency agrees, dissents (and says why), or takes its word back."""
    seen = services.picture.seen_by(viewer)
    item = writing.standing(seen, told, "assessment")
    if item is None:
        raise NOT_FOUND
    if forms.revision(told) != item.revision:
        raise Refused(409, "The text was changed meanwhile; read it again before you sign it.")
    position = forms.one_of(told, "position", POSITIONS)
    text = forms.text(told, "text", 4_000, required=position == "dissents")
    signed = [one for one in seen.items("signature", seen.rows("signature")) if _of(one, item)]
    before = next((one for one in signed if cast(Signature, one.record).by_agency == viewer.agency), None)
    if before is None and position == "withdrawn":
        raise Refused(422, "position: your agency has said nothing of it yet.")
    record = Signature(
        source_ref=f"{item.record.source_ref}/{viewer.agency}",
        assessment=item.record.source_ref,
        assessment_revision=item.revision,
        title=item.record.title,
        description=text,
        position=position,  # type: ignore[arg-type]
        event_time=seen.now,
        by=viewer.name,
        by_agency=viewer.agency,
    )
    record = msgspec.structs.replace(record, adm_pcode=item.record.adm_pcode, place=item.record.place)
    standing = before.revision if before else 0
    change = writing.change(services, record, item.record.source, item.mark, standing)
    return writing.write(services, viewer, f"assessments.{position}", [change], text)


ACTS: dict[str, Act] = {
    "/api/assessments/write": Act(assess, may_assess),
    "/api/assessments/sign": Act(sign, may_sign),
}
