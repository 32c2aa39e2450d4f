"""The watch over HTTP: what lies with whom, what was done, and what has changed since a watch began; handover by two names.

All of it is what one viewer may see. Nothing here sends anything to anybody: what is late is marked and listed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from dashboard import own_alerts, rights
from dashboard.answer import NOT_FOUND, Refused, answer
from dashboard.api import asked, known_states
from dashboard.handling import act_told, choices, standing_told, text_of, write
from dashboard.noted import note_read
from dashboard.services import Services
from data.access import EVERY_AGENCY, Mark, Viewer
from data.filters import BadFilter, moment
from data.handling import HANDLINGS, Standing, first_received, hands, name_of, standing
from data.records import KINDS, Handover, Link, Sensitivity, Severity
from data.seen import Item, Rows, Seen, public_id
from data.times import micros_of
from data.written import Change, marked, new_key

Told = Mapping[str, Any]
SHOWN = 200
LOGGED = 300
CHANGED = 50
SHIFT = timedelta(hours=12)
LONGEST_SINCE = timedelta(days=31)
HANDOVERS = 20
RECENT = timedelta(days=3)
"""What happened longer before a watch began than this is not new to it, whenever it was reported."""
SOURCE = "watch"


def overview(services: Services, request: Request) -> Response:
    """What lies with somebody, overdue first, and the matrix by which."""
    seen, _, _ = asked(services, request)
    every = standing(seen, services.settings.escalation)
    told = [standing_told(seen, one) for one in every]
    shown = every[:SHOWN]
    items = _items(seen, shown)
    note_read(services, seen, items.values())
    may = rights.watches(seen.viewer) and not seen.past
    return answer(
        request,
        {
            "items": [
                {**_brief(seen, items[one.id]), **said, "revision": _revision(seen, one)}
                for one, said in zip(shown, told, strict=False)
            ],
            "counts": _counts(told),
            "may": may,
            "warns": rights.operates(seen.viewer) or rights.warns(seen.viewer, seen.viewer.agency),
            "choices": choices(services, seen.viewer) if may else None,
            "me": {"name": seen.viewer.name, "agency": seen.viewer.agency},
            "matrix": [
                {
                    "name": rule.name,
                    "collections": rule.collections,
                    "severity": rule.severity.name,
                    "category": rule.category,
                    "area": rule.area,
                    "last_h": rule.last / timedelta(hours=1),
                    "levels": [
                        {"who": level.who, "within_min": level.within / timedelta(minutes=1)} for level in rule.levels
                    ],
                }
                for rule in services.settings.escalation
            ],
            "revision": seen.revision,
        },
    )


def count(services: Services, request: Request) -> Response:
    """How much is overdue, and how much lies with somebody: for the head of every page."""
    seen, _, _ = asked(services, request)
    told = [standing_told(seen, one) for one in standing(seen, services.settings.escalation)]
    return answer(request, _counts(told))


def states(services: Services, request: Request) -> Response:
    """Every record that is or was in somebody's hands: public id -> state, with whom it lies, whether it is overdue."""
    seen, _, _ = asked(services, request)
    found = {
        name: {"state": hand.state, "who": hand.assignee, "overdue": False}
        for kind in HANDLINGS
        for name, hand in hands(seen, kind).items()
    }
    for one in standing(seen, services.settings.escalation):
        found[one.id] = {"state": one.state, "who": one.who, "overdue": one.overdue}
    return answer(request, {"states": found, "revision": seen.revision})


def _counts(told: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    told = list(told)
    return {
        "overdue": sum(one["overdue"] for one in told),
        "open": len(told),
        "mine": sum(bool(one["mine"]) for one in told),
        "mine_overdue": sum(bool(one["mine"]) and one["overdue"] for one in told),
    }


def _items(seen: Seen, listed: Iterable[Standing]) -> dict[str, Item]:
    found: dict[str, Item] = {}
    for kind in HANDLINGS:
        rows = [one.row for one in listed if one.kind == kind]
        found |= {public_id(item.id): item for item in seen.items(kind, rows)}
    return found


def _revision(seen: Seen, one: Standing) -> int:
    return int(seen.column(name_of(one.kind), "rev_from")[one.hand.row]) if one.hand else 0


def _brief(seen: Seen, item: Item) -> dict[str, Any]:
    names = [name for name in item.area_names if name]
    return {
        "id": public_id(item.id),
        "kind": KINDS[item.kind].collection,
        "title": item.record.title or item.record.category,
        "place": item.record.place or (names[-1] if names else ""),
        "category": item.record.category,
        "severity": item.record.severity.name,
        "event_time": item.record.event_time,
        "source": item.record.source,
        "agency": item.record.agency,
    }


# The log


def log(services: Services, request: Request) -> Response:
    """`?since=`: what people did and what befell the picture, newest first."""
    seen, _, query = asked(services, request)
    since = _since(services, seen, query)
    found = sorted(_entries(services, seen, since), key=lambda one: one["at"], reverse=True)
    return answer(request, {"since": since, "entries": found[:LOGGED], "total": len(found), "revision": seen.revision})


def _entries(services: Services, seen: Seen, since: datetime) -> Iterator[dict[str, Any]]:
    yield from _acts(seen, since)
    for item in _versions(seen, "link", since):
        if isinstance(item.record, Link) and len(seen.rows_of("incident", [item.record.one, item.record.other])) == 2:
            yield {
                "what": {"linked": "link", "refused": "refuse"}.get(item.record.verdict, "unlink"),
                "at": item.record.event_time or item.received_at,
                "by": item.record.by,
                "comment": item.record.description,
                "about": item.record.one,
                "title": item.record.title,
            }
    for item in _versions(seen, "handover", since):
        if isinstance(item.record, Handover):
            taken = bool(item.record.taken_by)
            yield {
                "what": "take" if taken else "give",
                "at": (item.record.taken_time if taken else item.record.event_time) or item.received_at,
                "by": item.record.taken_by if taken else item.record.given_by,
                "comment": "" if taken else item.record.description,
                "agency": item.record.agency,
            }
    for one, _ in own_alerts.released(services, seen.viewer):
        if since <= one.sent <= seen.now:
            yield {"what": "alert", "at": one.sent, "by": one.mark.agency, "title": one.headline, "comment": one.kind}
    for state in _ailing(services, seen):
        if since <= state["since"]:
            yield {"what": "source", "at": state["since"], "by": "", "title": state["title"], "comment": state["state"]}
    fresh = _recent(seen, _fresh(seen, "incident", since, Severity.critical), since)
    for item in seen.items("incident", fresh[-LOGGED:].tolist()):
        yield {
            "what": "critical",
            "at": item.received_at,
            "by": "",
            "agency": item.record.agency,
            "title": item.record.title or item.record.category,
            "about": public_id(item.id),
        }


def _acts(seen: Seen, since: datetime) -> Iterator[dict[str, Any]]:
    for kind in HANDLINGS:
        for item in _versions(seen, name_of(kind), since):
            told = act_told(item)
            yield {**told, "what": told["act"]}


def _versions(seen: Seen, kind: str, since: datetime) -> list[Item]:
    """Every version of a kind that was written since, the newest of them where there are many."""
    rows = seen.versions(kind)
    rows = rows[seen.column(kind, "time")[rows] >= micros_of(since)]
    return seen.items(kind, rows[-LOGGED:].tolist())


def _fresh(seen: Seen, kind: str, since: datetime, least: Severity) -> Rows:
    """Current records of a kind, so severe or worse, that were first received since."""
    rows = seen.rows(kind)
    rows = rows[seen.column(kind, "severity")[rows] >= least]
    begun = np.array([micros_of(at) for at in first_received(seen, kind, rows)], np.int64)
    return np.asarray(rows[begun >= micros_of(since)])


def _recent(seen: Seen, heard: Rows, since: datetime) -> Rows:
    """A history that was loaded since is not what happened since."""
    return np.asarray(heard[seen.column("incident", "time")[heard] >= micros_of(since - RECENT)])


def _ailing(services: Services, seen: Seen) -> list[dict[str, Any]]:
    """Sources that are not heard as they should be, and since when."""
    found = []
    for state in known_states(services, seen.viewer):
        since = getattr(state, "ailing_since", None) or getattr(state, "failing_since", None)
        if state.state in ("stale", "failed") and since is not None:
            found.append({"name": state.name, "title": state.title, "state": state.state, "since": since})
    return sorted(found, key=lambda one: one["since"], reverse=True)


# Handover


def handover(services: Services, request: Request) -> Response:
    """`?since=` (default: since one's last watch): what is new, what was done, what is open, and the notes of who went."""
    seen, _, query = asked(services, request)
    since = _since(services, seen, query)
    heard = _fresh(seen, "incident", since, Severity.unknown)
    fresh = _recent(seen, heard, since)
    counted = seen.once("incident", fresh)
    severity = seen.column("incident", "severity")[fresh]
    worst = fresh[np.lexsort((-fresh, -severity))][:CHANGED]
    critical = int(np.count_nonzero(seen.column("incident", "severity")[counted] == Severity.critical))
    warnings = _fresh(seen, "alert", since, Severity.unknown)
    every = standing(seen, services.settings.escalation)
    told = {one.id: standing_told(seen, one) for one in every}
    shown = every[:CHANGED]
    items = _items(seen, shown)
    new = seen.items(
        "incident", [int(row) for row in worst if seen.column("incident", "severity")[row] >= Severity.severe]
    )
    note_read(services, seen, [*new, *items.values()])
    acts = sorted(_acts(seen, since), key=lambda one: one["at"], reverse=True)
    notes = _notes(seen)
    return answer(
        request,
        {
            "since": since,
            "until": seen.now.replace(microsecond=0),
            "new": {
                "events": len(counted),
                "reports": len(fresh),
                "late": len(heard) - len(fresh),
                "critical": critical,
                "by_severity": _by_severity(seen, counted),
                "listed": [_brief(seen, item) for item in new],
            },
            "warnings": {
                "count": len(warnings),
                "listed": [_brief(seen, item) for item in seen.items("alert", warnings[-CHANGED:][::-1].tolist())],
                "issued": [
                    {"headline": one.headline, "agency": one.mark.agency, "at": one.sent, "kind": one.kind}
                    for one, _ in own_alerts.released(services, seen.viewer)
                    if since <= one.sent <= seen.now
                ],
            },
            "acts": {
                "counts": dict(Counter(one["act"] for one in acts)),
                "listed": acts[:CHANGED],
            },
            "open": [{**_brief(seen, items[one.id]), **told[one.id]} for one in shown],
            "counts": _counts(told.values()),
            "sources": _ailing(services, seen),
            "notes": notes,
            "may": rights.watches(seen.viewer) and not seen.past,
            "me": seen.viewer.name,
            "mission": services.settings.mission.name,
            "revision": seen.revision,
        },
    )


def _by_severity(seen: Seen, rows: Rows) -> dict[str, int]:
    held = np.bincount(seen.column("incident", "severity")[rows], minlength=len(Severity))
    return {level.name: int(held[level]) for level in sorted(Severity, reverse=True) if held[level]}


def _notes(seen: Seen) -> list[dict[str, Any]]:
    rows = seen.newest("handover", seen.rows("handover"), HANDOVERS)
    return [
        {
            "id": public_id(item.id),
            "revision": item.revision,
            "agency": item.record.agency,
            "note": item.record.description,
            "since": item.record.period_start,
            "at": item.record.event_time,
            "given_by": item.record.given_by,
            "taken_by": item.record.taken_by,
            "taken_at": item.record.taken_time,
        }
        for item in seen.items("handover", rows.tolist())
        if isinstance(item.record, Handover)
    ]


def _since(services: Services, seen: Seen, query: Mapping[str, str]) -> datetime:
    """The time asked for; else when this person's last watch began, which is the sign-in before this one."""
    if query.get("since"):
        since = moment(query["since"], "since")
        if since > seen.now:
            raise BadFilter("since: that time is yet to come.")
        return max(since, seen.now - LONGEST_SINCE)
    viewer = seen.viewer.looking or seen.viewer
    before = services.signed_in(viewer.name)
    last = before[1] if len(before) > 1 else None
    return max(last, seen.now - LONGEST_SINCE) if last else seen.now - SHIFT


def may(services: Services, viewer: Viewer, told: Told) -> bool:
    return rights.watches(viewer)


def give(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    """`{note, since}`: sign the watch over; whoever comes signs it too."""
    note = text_of(told, "note", 4_000)
    if not note:
        raise Refused(422, "note: say what whoever comes has to know; where it is nothing, say so.")
    seen = services.picture.seen_by(viewer)
    if SOURCE in seen.sharing.sources:
        raise Refused(
            422, f"A source of the settings is named '{SOURCE}', the name of what is written here; rename it."
        )
    try:
        since = moment(str(told.get("since")), "since")
    except BadFilter as error:
        raise Refused(422, str(error)) from None
    made = Handover(
        source_ref=new_key(),
        description=note,
        event_time=datetime.now(UTC),
        given_by=viewer.name,
        period_start=since,
    )
    agency = services.settings.mission.name if viewer.agency == EVERY_AGENCY else viewer.agency
    # Nobody else's: an agency shares its notes by an agreement that says so.
    stamped = marked(made, SOURCE, Mark(agency, Sensitivity.low, (), "handovers"), services.settings.mission.exercise)
    (public,) = write(services, viewer, "watch.give", [Change(stamped)], note, {})
    return {"id": public}


def take(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    """`{id, looked_at}`: whoever comes signs what was given over; not the one who gave it."""
    seen = services.picture.seen_by(viewer)
    item = seen.find(str(told.get("id")))
    if item is None or not isinstance(item.record, Handover) or not viewer.owns(item.record.agency):
        raise NOT_FOUND
    if item.record.taken_by:
        raise Refused(409, f"{item.record.taken_by} has signed it already.")
    if item.record.given_by == viewer.name:
        raise Refused(422, "You gave it; whoever takes the watch over signs it too.")
    taken = msgspec.structs.replace(item.record, taken_by=viewer.name, taken_time=datetime.now(UTC))
    looked_at = told.get("looked_at")
    if not isinstance(looked_at, int) or isinstance(looked_at, bool):
        raise Refused(422, "looked_at: use the revision of the note that was on screen.")
    write(services, viewer, "watch.take", [Change(taken, looked_at)], "", {"given_by": item.record.given_by})
