"""Acting on a record: take notice, assign, set a time, comment, close, reopen. Each is a version of the record's handling.

The watch may; of what was assigned, also whoever it was assigned to, and the people of an agency what was assigned to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from dashboard import rights
from dashboard.answer import NOT_FOUND, Refused, answer
from dashboard.api import asked
from dashboard.linking import linked_to
from dashboard.noted import note_read
from dashboard.services import Services
from data.access import Viewer
from data.filters import BadFilter, moment
from data.handling import ACKNOWLEDGED, CLOSED, HANDLINGS, OPEN, Standing, name_of, of_record
from data.judging import clean
from data.records import Handling
from data.seen import Item, Seen, public_id
from data.written import CannotWrite, Change, Overtaken

Told = Mapping[str, Any]
ACTS = ("acknowledge", "assign", "due", "comment", "close", "reopen")
LONGEST = 2_000


def record(services: Services, request: Request) -> Response:
    """How one record is handled, for its drawer: where it stands, every act, what this viewer may do, what it is linked to."""
    seen, _, _ = asked(services, request)
    item = seen.find(request.path_params["id"])
    if item is None or item.kind not in HANDLINGS:
        raise NOT_FOUND
    note_read(services, seen, [item])
    current = handling_of(seen, item)
    stands = of_record(seen, item, services.settings.escalation)
    assignee = current.record.assignee if current and isinstance(current.record, Handling) else ""
    may = rights.handles(seen.viewer, assignee) and not seen.past
    return answer(
        request,
        {
            "id": public_id(item.id),
            "stands": None if stands is None else standing_told(seen, stands),
            "revision": current.revision if current else 0,
            "acts": [act_told(one) for one in seen.history(current)] if current else [],
            "may": may,
            "warns": bool(may and rights.warns(seen.viewer, seen.viewer.agency)) or rights.operates(seen.viewer),
            "choices": choices(services, seen.viewer) if may else None,
            "linked": linked_to(seen, item) if item.kind == "incident" else None,
        },
    )


def handling_of(seen: Seen, item: Item) -> Item | None:
    """What was done about a record, as it stands."""
    name = name_of(item.kind)
    rows = seen.rows(name)
    code = seen.tables[name].codes["about"].code(public_id(item.id))
    hits = rows[seen.column(name, "about")[rows] == (-1 if code is None else code)]
    return seen.items(name, hits[-1:])[0] if len(hits) else None


def standing_told(seen: Seen, one: Standing) -> dict[str, Any]:
    return {
        "state": one.state,
        "overdue": one.overdue,
        "who": one.who,
        "assignee": one.hand.assignee if one.hand else "",
        "due": one.hand.due if one.hand else None,
        "deadline": one.deadline,
        "rule": one.rule,
        "level": one.level,
        "received": one.since,
        "mine": mine(seen.viewer, one.who),
    }


def mine(viewer: Viewer, who: str) -> str:
    """Whether something lies with this person, or with their agency."""
    return "me" if who and who == viewer.name else "agency" if who and who == viewer.agency else ""


def act_told(one: Item) -> dict[str, Any]:
    told = one.record
    if not isinstance(told, Handling):
        raise TypeError(f"{one.kind}: no handling")
    return {
        "act": told.act,
        "state": told.category,
        "by": told.by,
        "agency": told.by_agency,
        "at": told.event_time or one.received_at,
        "comment": told.description,
        "assignee": told.assignee,
        "due": told.due,
        "about": told.about,
        "title": told.title,
    }


def choices(services: Services, viewer: Viewer) -> list[str]:
    """To whom something can be given: the agencies, and the people of one's own (of all, for who runs the place)."""
    people = [
        one.name
        for one in services.identity.accounts()
        if one.profile.kind == "person" and (rights.runs(viewer) or one.profile.agency == viewer.agency)
    ]
    levels = [level.who for rule in services.settings.escalation for level in rule.levels]
    return list(dict.fromkeys([*sorted(services.settings.agencies), *sorted(people), *levels]))


# The act


def may(services: Services, viewer: Viewer, told: Told) -> bool:
    """The watch, or whom it lies with; of a record that is not theirs to see, what it lies with nobody."""
    seen = services.picture.seen_by(viewer)
    item = seen.find(str(told.get("id")))
    current = handling_of(seen, item) if item is not None and item.kind in HANDLINGS else None
    assignee = current.record.assignee if current and isinstance(current.record, Handling) else ""
    return rights.handles(viewer, assignee)


def handle(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    """`{id, act, looked_at, comment, assignee, due}`: do one thing about a record; `looked_at` is the revision of its handling
    that was on screen (0: none). What is not told stays as it was."""
    seen = services.picture.seen_by(viewer)
    item = seen.find(str(told.get("id")))
    if item is None or item.kind not in HANDLINGS:
        raise NOT_FOUND
    act = told.get("act")
    if act not in ACTS:
        raise Refused(422, f"act: use one of {', '.join(ACTS)}.")
    current = handling_of(seen, item)
    before = current.record if current and isinstance(current.record, Handling) else None
    now = datetime.now(UTC)
    after = _after(services, viewer, act, told, before, now)
    made = _stamped(seen, item, before, {**after, "act": act, "by": viewer.name, "by_agency": viewer.agency}, now)
    # A comment is nobody's to be overtaken in.
    looked_at = current.revision if current and act == "comment" else told.get("looked_at", 0)
    if not isinstance(looked_at, int) or isinstance(looked_at, bool):
        raise Refused(422, "looked_at: use the revision of the handling that was on screen.")
    details: dict[str, Any] = {"record": public_id(item.id), "kind": item.kind}
    details |= {"assignee": made.assignee} if act == "assign" else {}
    details |= {"due": made.due.isoformat() if made.due else ""} if act == "due" else {}
    write(services, viewer, f"watch.{act}", [Change(made, looked_at)], made.description, details)


def write(
    services: Services, viewer: Viewer, act: str, changes: list[Change], reason: str, details: Mapping[str, Any]
) -> list[str]:
    """Write, and have it on screens at once. Raises `Refused`."""
    try:
        ids = services.write(viewer.name, act, changes, reason[:500], details)
    except Overtaken as error:
        raise Refused(409, str(error)) from None
    except CannotWrite as error:
        raise Refused(422, str(error)) from None
    services.picture.catch_up()
    return ids


def _after(
    services: Services, viewer: Viewer, act: str, told: Told, before: Handling | None, now: datetime
) -> dict[str, Any]:
    state = before.category if before else OPEN
    comment = text_of(told, "comment", LONGEST)
    if act in ("comment", "close") and not comment:
        raise Refused(422, "comment: say in a word or two what was done; whoever looks later will ask.")
    if state == CLOSED and act not in ("comment", "reopen"):
        raise Refused(409, "This was closed meanwhile; reopen it before anything else is done about it.")
    after: dict[str, Any] = {"description": comment}
    match act:
        case "acknowledge" if state == ACKNOWLEDGED and before:
            raise Refused(409, f"{before.acknowledged_by} has taken notice already.")
        case "acknowledge":
            after |= {"category": ACKNOWLEDGED, "acknowledged_by": viewer.name, "acknowledged_time": now}
        case "reopen":
            if state != CLOSED:
                raise Refused(409, "This is not closed.")
            after |= {"category": ACKNOWLEDGED, "acknowledged_by": viewer.name, "acknowledged_time": now}
        case "assign":
            after["assignee"] = text_of(told, "assignee", 80)
        case "due":
            after["due"] = _due(told, now)
        case "close":
            after["category"] = CLOSED
    return {"category": state, **after}


def _due(told: Told, now: datetime) -> datetime | None:
    value = told.get("due")
    if value in (None, ""):
        return None
    try:
        due = moment(str(value), "due")
    except BadFilter as error:
        raise Refused(422, str(error)) from None
    if due <= now:
        raise Refused(422, "due: that time is past; use one that is to come.")
    return due


def text_of(told: Told, name: str, longest: int) -> str:
    value = told.get(name) or ""
    if not isinstance(value, str) or len(value) > longest:
        raise Refused(422, f"{name}: use text of at most {longest} characters.")
    return value.strip()


def _stamped(seen: Seen, item: Item, before: Handling | None, said: Mapping[str, Any], now: datetime) -> Handling:
    """The next version, stamped as the record itself is, so that whoever sees the one sees the other."""
    stamp = seen.stamps[int(seen.column(item.kind, "mark")[item.row])]
    made = before or HANDLINGS[item.kind](source_ref=item.record.source_ref, about=public_id(item.id))
    texts = {name: clean(value) for name, value in said.items() if isinstance(value, str)}
    return msgspec.structs.replace(
        made,
        **{**said, **texts},
        title=item.record.title or item.record.category,
        severity=item.record.severity,
        event_time=now,
        own=stamp.own,
        source=stamp.source,
        agency=stamp.mark.agency,
        sensitivity=stamp.mark.sensitivity,
        releasable_to=stamp.mark.releasable_to,
        exercise=item.record.exercise,
    )
