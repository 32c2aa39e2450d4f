"""What the page of administration reads: agencies, accounts, sources, agreements, glass, the log; each as far as one may."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dashboard import looking, rights
from dashboard.answer import NOT_FOUND, Refused, answer
from dashboard.clauses import marking, verdict
from dashboard.looking import Known
from dashboard.services import LogEntry, Services
from dashboard.words import language
from data.access import GLASS_HOURS, MISSION, Agreement, Consent, Mark, Precision, Tlp, Viewer
from data.accounts import COMPONENTS, ROLES, Account
from data.consequences import Change, Step, changes
from data.filters import EVERYTHING, parse
from data.glass import Glass
from data.records import SHARED, Sensitivity
from data.seen import Item, Seen
from data.settings import Source
from data.tokens import Issued

ENTRIES_SHOWN = 200
MARK_PARTS = (
    "agency",
    "sensitivity",
    "releasable_to",
    "originator_control",
    "compartments",
    "tlp",
    "purposes",
    "consent",
    "personal_fields",
    "precision",
    "minimum_count",
    "retention",
)


def asker(services: Services, request: Request) -> Viewer:
    """Whoever asks, where there is anything here for them. Raises `Refused`: to others there is no such place."""
    viewer = services.viewer(request)
    if not rights.concerned(viewer):
        raise NOT_FOUND
    return viewer


def overview(services: Services, request: Request) -> Response:
    """Everything the page shows this viewer, in one answer."""
    viewer = asker(services, request)
    lang = language(request.query_params.get("lang"))
    there = services.known
    now = datetime.now(UTC)
    accounts = services.identity.accounts()
    sharing = there.sharing
    own = [one for one in sharing.sources.values() if rights.runs(viewer) or one.agency == viewer.agency]
    told: dict[str, Any] = {
        "me": {
            "name": viewer.name,
            "agency": "" if rights.operates(viewer) else viewer.agency,
            "clearance": viewer.clearance.name,
            "runs": rights.runs(viewer),
            "shares_for": _shares_for(viewer, there),
            "looks": rights.manages(viewer),
            "approves": rights.approves(viewer),
            "breaks": viewer.kind == "person" and not rights.operates(viewer),
        },
        "choices": _choices(there, own),
        "agencies": [
            _agency(name, full, there, accounts, rights.runs(viewer) or name == viewer.agency)
            for name, full in looking.agencies(there).items()
        ],
        "accounts": [_account(one, now) for one in accounts if _may_know(viewer, one)],
        "tokens": [_token(one, now) for one in services.identity.tokens_of()] if rights.runs(viewer) else [],
        "sources": [_source(one, lang) for one in own],
        "agreements": [
            _agreement(one, viewer)
            for one in sharing.agreements
            if rights.runs(viewer) or viewer.agency in (one.grantor, *one.grantees, *one.onward)
        ],
        "glass": [_glass(one, viewer, now) for one in services.acts.glasses() if _may_know_of(one, viewer, accounts)],
        "revision": services.picture.seen_by(viewer).revision,
    }
    if rights.runs(viewer):
        names = {f"account:{one.id}": one.name for one in accounts}
        told["audit"] = [_entry(one, names) for one in services.acts.newest(ENTRIES_SHOWN)]
    return answer(request, told)


def chain(services: Services, request: Request) -> Response:
    """Whether the audit log is whole: every fault in a sentence, none where it is."""
    if not rights.runs(asker(services, request)):
        raise NOT_FOUND
    return answer(
        request, {"faults": list(services.acts.check()), "checked": datetime.now(UTC)}, cache="private, no-store"
    )


def view_as(services: Services, request: Request) -> Response:
    """Whom the page is seen as, and what is withheld from them of what the viewer may see, by clause."""
    viewer = services.viewer(request)
    told = request.query_params.get(looking.VIEW_AS, "")
    if viewer.looking is None or not told:
        raise NOT_FOUND
    query = dict(request.query_params)
    lang = language(query.get("lang"))
    filters = parse(query)
    seen = services.picture.seen_by(viewer.looking, filters.as_known_at)
    there = services.known
    found = looking.withheld(there, seen, filters, told, lang)
    return answer(request, {"title": looking.title(there, told, lang), **found})


def access_of(services: Services, seen: Seen, item: Item, lang: str) -> dict[str, Any]:
    """Of one record: why this viewer sees it and on which terms, how it is marked, and who else may, by clause.

    Who else is told to its owner's people and to administrators; to others what its own mark says.
    """
    viewer = seen.viewer
    why = seen.why(item)
    told: dict[str, Any] = {
        **verdict(lang, why),
        "marking": marking(lang, item.mark),
        "owner": item.mark.agency,
        "others": None,
        "may_ask": viewer.looking is None
        and viewer.kind == "person"
        and why.obligations.alters
        and viewer.agency not in ("", item.mark.agency)
        and not rights.operates(viewer),
    }
    if viewer.looking is None and (rights.runs(viewer) or viewer.agency == item.mark.agency):
        parties = looking.parties(services.known)
        may = dict(seen.who_may(item, [party.viewer for party in parties]))
        decided = [(party, may[party.viewer]) for party in parties if party.viewer in may]
        told["others"] = [
            {"kind": party.kind, "name": party.name, **verdict(lang, decision)}
            for party, decision in decided
            if party.viewer.agency != viewer.agency or party.kind == "display"
        ]
        told["not"] = len(parties) - len(decided)
    return told


def foreseen(services: Services, viewer: Viewer, steps: list[Step], after: Iterable[Agreement], lang: str) -> Any:
    """What a change of sharing would change for whom, as the page lists it."""
    there = services.known
    found = changes(looking.parties(there), steps, there.sharing.agreements, tuple(after), datetime.now(UTC))
    return {"changes": [_change(one, lang) for one in found]}


def steps_of(
    services: Services, viewer: Viewer, concerns: Callable[[str, Mark], bool], after: Mapping[str, Source]
) -> list[Step]:
    """The records that a change concerns, by source and mark, as they are marked and as they would be.

    They are those the viewer may see; a source of which none is seen is told by its own mark, without a count.
    """
    seen = services.picture.seen_by(viewer)
    then = replace(seen.sharing, sources={**seen.sharing.sources, **after})
    steps = []
    for kind in SHARED.values():
        for code, count in looking.by_mark(seen, kind.name, EVERYTHING):
            stamp, mark = seen.stamps[code], seen.marks[code]
            if concerns(stamp.source, mark):
                marked = then.mark_of(stamp.source, stamp.mark, stamp.collection, stamp.own)
                steps.append(Step(stamp.source, mark, marked, count))
    told = {step.source for step in steps}
    for name, source in seen.sharing.sources.items():
        if name not in told and concerns(name, source.mark("")):
            steps += [Step(name, source.mark(each), then.sources[name].mark(each)) for each in SHARED]
    return steps


def _shares_for(viewer: Viewer, there: Known) -> list[str]:
    return [name for name in looking.agencies(there) if rights.shares(viewer, name)]


def _choices(there: Known, sources: Iterable[Source]) -> dict[str, Any]:
    """What the forms offer. Words that others mark their sources with are not told: a compartment's name is one."""
    purposes = {purpose for source in sources for purpose in source.purposes}
    compartments = {name for source in sources for name in source.compartments}
    return {
        "agencies": list(looking.agencies(there)),
        "collections": list(SHARED),
        "sensitivity": list(Sensitivity.__members__),
        "precision": list(Precision.__members__),
        "tlp": list(Tlp.__members__),
        "consent": list(Consent.__members__),
        "retention": ["", *there.settings.retention],
        "roles": list(ROLES),
        "components": ["", *COMPONENTS],
        "purposes": sorted(purposes),
        "compartments": sorted(compartments),
        "releasable_to": [MISSION, *looking.agencies(there)],
        "sources": [source.name for source in sources],
        "glass_hours": GLASS_HOURS,
    }


def _agency(name: str, full: str, there: Known, accounts: Iterable[Account], whole: bool) -> dict[str, Any]:
    """An agency; how many people it has and what it shares is for its own, and for administrators."""
    if not whole:
        counted = ("people", "displays", "sources", "grants", "granted")
        return {"name": name, "full_name": full, **dict.fromkeys(counted)}
    of = [one for one in accounts if one.profile.agency == name and not one.disabled]
    now = datetime.now(UTC)
    holding = [one for one in there.sharing.agreements if one.holds(now)]
    return {
        "name": name,
        "full_name": full,
        "people": sum(one.profile.kind == "person" for one in of),
        "displays": sum(one.profile.kind == "display" for one in of),
        "sources": sum(source.agency == name for source in there.sharing.sources.values()),
        "grants": sum(one.grantor == name for one in holding),
        "granted": sum(name in (*one.grantees, *one.onward) for one in holding),
    }


def _may_know(viewer: Viewer, of: Account) -> bool:
    own = rights.manages(viewer) and of.profile.agency == viewer.agency
    return (rights.runs(viewer) or own) and not (of.profile.kind == "service" and of.profile.agency == "*")


def _account(of: Account, now: datetime) -> dict[str, Any]:
    told = of.profile
    return {
        "name": told.name,
        "kind": told.kind,
        "full_name": told.full_name,
        "email": told.email,
        "agency": told.agency,
        "in_mission": told.in_mission,
        "component": told.component,
        "roles": told.roles,
        "clearance": told.clearance.name,
        "compartments": told.compartments,
        "purposes": told.purposes,
        "valid_from": told.valid_from,
        "valid_until": told.valid_until,
        "state": "disabled" if of.disabled else "valid" if of.usable(now) else "outside",
        "provider": of.issuer,
    }


def _token(of: Issued, now: datetime) -> dict[str, Any]:
    return {
        "id": of.id,
        "account": of.account,
        "name": of.name,
        "sources": of.sources,
        "created": of.created,
        "expires": of.expires,
        "revoked": of.revoked,
        "holds": of.holds(now),
    }


def _source(of: Source, lang: str) -> dict[str, Any]:
    return {
        "name": of.name,
        "title": of.title or of.name,
        "feed": of.feed,
        "agency": of.agency,
        "marking": marking(lang, of.mark("")),
        "mark": {part: _plain(getattr(of, part)) for part in MARK_PARTS},
    }


def _agreement(of: Agreement, viewer: Viewer) -> dict[str, Any]:
    return {
        "name": of.name,
        "title": of.title,
        "grantor": of.grantor,
        "grantees": of.grantees,
        "onward": of.onward,
        "from": of.starts,
        "to": of.ends,
        "revoked_at": of.revoked_at,
        "collections": of.collections,
        "purposes": of.purposes,
        "maximum_sensitivity": of.maximum_sensitivity.name,
        "minimum_precision": of.minimum_precision.name,
        "minimum_count": of.minimum_count,
        "personal_data": of.personal_data,
        "export": of.export,
        "sha256": of.sha256,
        "yours": rights.shares(viewer, of.grantor),
    }


def _may_know_of(of: Glass, viewer: Viewer, accounts: Iterable[Account]) -> bool:
    """Who opened it, whose records were opened, and who runs the system; requests also those who may agree to them."""
    return (
        rights.runs(viewer)
        or viewer.agency == of.owner
        or viewer.name == of.account
        or (rights.approves(viewer) and of.waits(datetime.now(UTC)))
    )


def _glass(of: Glass, viewer: Viewer, now: datetime) -> dict[str, Any]:
    waits, holds = of.waits(now), of.holds(now)
    return {
        "id": of.id,
        "account": of.account,
        "owner": of.owner,
        "reason": of.reason,
        "maximum_sensitivity": of.maximum_sensitivity.name,
        "asked": of.asked,
        "starts": of.starts,
        "ends": of.ends,
        "second": of.second,
        "closed": of.closed,
        "closed_by": of.closed_by,
        "state": "open" if holds else "waits" if waits else "ended",
        "mine": of.account == viewer.name,
        "may_close": (holds or waits)
        and (rights.runs(viewer) or viewer.agency == of.owner or viewer.name == of.account),
        "may_agree": waits and rights.approves(viewer) and viewer.name != of.account,
    }


def _entry(of: LogEntry, names: Mapping[str, str]) -> dict[str, Any]:
    """An entry as the page shows it: accounts by their names, and of its details those that say something."""
    details = json.loads(of.details or "{}").items()
    return {
        "seq": of.seq,
        "time": datetime.fromtimestamp(of.time_us / 1e6, UTC),
        "who": of.who,
        "act": of.act,
        "subject": names.get(of.subject, of.subject),
        "clause": of.clause,
        "details": [{"name": name, "value": _shown(value)} for name, value in details if value not in (None, "", [])],
        "hash": of.hash[:12],
    }


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _change(of: Change, lang: str) -> dict[str, Any]:
    return {
        "kind": of.party.kind,
        "name": of.party.name,
        "turn": of.turn,
        "before": verdict(lang, of.before),
        "after": verdict(lang, of.after),
        "sources": of.sources,
        "collections": [] if len(of.collections) == len(SHARED) else of.collections,
        "count": of.count,
    }


def _plain(value: Any) -> Any:
    return value.name if hasattr(value, "name") else value


class Denied(Refused):
    """An act that is not this account's to do."""

    def __init__(self) -> None:
        super().__init__(403, "Your account may not do this; ask an administrator of the mission.")
