"""What is done on the page of administration: every act by one door, its right asked in one place, audited where it is done.

A request is JSON from a page of this server (`dashboard.guard` checks its origin), and never made while looking as somebody else.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from dashboard import contacts, handling, linking, own_alerts, rights, triage, views, wall, watch
from dashboard.admin import Denied, asker, foreseen, steps_of
from dashboard.answer import NOT_FOUND, Refused, answer, timed
from dashboard.services import Services
from dashboard.words import language
from data.access import EVERY_AGENCY, GLASS_HOURS, Agreement, Viewer
from data.accounts import Account, BadAccount, Profile
from data.agreements import agreement_of
from data.cap_message import BadAlert
from data.marks import BadTerms, marked
from data.passwords import WeakPassword
from data.records import Sensitivity
from data.sharing_changes import CannotShare
from data.tokens import BadToken

Told = Mapping[str, Any]
BODY_BYTES = 64 << 10


@dataclass(frozen=True)
class Act:
    """`may` answers for what is told; `run` does it, and returns what the page is told of it."""

    run: Callable[[Services, Viewer, Told, str], Any]
    may: Callable[[Services, Viewer, Told], bool]


def endpoint(services: Services, act: Act) -> Callable[[Request], Any]:
    """`POST` of one act."""

    async def done(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return await run_in_threadpool(timed, _refuse(Refused(415, "Send this as application/json.")), request)
        body = await request.body()
        return await run_in_threadpool(timed, partial(_do, services, act, body), request)

    return done


def _refuse(error: Refused) -> Callable[[Request], Response]:
    def refused(request: Request) -> Response:
        raise error

    return refused


def _do(services: Services, act: Act, body: bytes, request: Request) -> Response:
    viewer = services.viewer(request)
    if viewer.looking is not None:
        raise Refused(403, "While looking as somebody else nothing can be changed; leave that view first.")
    viewer = asker(services, request)
    told = _told(body)
    if not act.may(services, viewer, told):
        raise Denied
    try:
        found = act.run(services, viewer, told, language(request.query_params.get("lang")))
    except (CannotShare, BadAccount, BadToken, WeakPassword) as error:
        raise Refused(422, str(error)) from None
    except (BadAlert, BadTerms) as error:
        sentence = str(error)
        raise Refused(422, f"{sentence[:1].upper()}{sentence[1:]}.") from None
    return answer(request, found or {"done": True}, cache="private, no-store")


def _told(body: bytes) -> Told:
    if len(body) > BODY_BYTES:
        raise Refused(413, f"The body is larger than {BODY_BYTES:,} bytes.")
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = None
    if not isinstance(found, dict):
        raise Refused(400, "Send one JSON object.")
    return found


def _text(told: Told, name: str, longest: int = 500) -> str:
    value = told.get(name, "")
    if not isinstance(value, str) or len(value) > longest:
        raise Refused(422, f"{name}: use text of at most {longest} characters.")
    return value.strip()


def _runs(services: Services, viewer: Viewer, told: Told) -> bool:
    return rights.runs(viewer)


# Accounts, displays and tokens


def _profile(told: Told, before: Profile | None = None) -> Profile:
    """A profile as the form tells it: what it leaves out stays as it was."""
    parts: dict[str, Any] = {}
    for name in ("name", "kind", "full_name", "email", "agency", "component"):
        if name in told:
            parts[name] = _text(told, name, 200)
    if parts.get("agency") == EVERY_AGENCY and (before is None or before.agency != EVERY_AGENCY):
        raise Refused(422, "What sees for every agency is made at the machine: `commonground token`.")
    for name in ("roles", "compartments", "purposes"):
        if name in told:
            parts[name] = _texts(told, name)
    if "in_mission" in told:
        parts["in_mission"] = told["in_mission"] is True
    if "clearance" in told:
        parts["clearance"] = _sensitivity(told, "clearance")
    for name in ("valid_from", "valid_until"):
        if name in told:
            parts[name] = _moment(told, name)
    return replace(before, **parts) if before else Profile(**{"name": "", **parts})


def _texts(told: Told, name: str) -> tuple[str, ...]:
    value = told.get(name)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Refused(422, f"{name}: use a list of words.")
    return tuple(value)


def _sensitivity(told: Told, name: str) -> Sensitivity:
    found = Sensitivity.__members__.get(str(told.get(name)))
    if found is None:
        raise Refused(422, f"{name}: use one of {', '.join(Sensitivity.__members__)}.")
    return found


def _moment(told: Told, name: str) -> datetime | None:
    """A day (its first moment in UTC) or a time; nothing is no limit."""
    value = told.get(name)
    if not value:
        return None
    try:
        found = datetime.fromisoformat(str(value))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused(422, f"{name}: use a day like 2026-11-20, or a time.") from None


def _account_of(services: Services, told: Told) -> Account:
    found = services.identity.account(_text(told, "name", 200))
    if found is None:
        raise NOT_FOUND
    return found


def _add_account(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    """A person gets a first password, a display or a program its first token; either is told this once."""
    profile = _profile(told)
    if profile.kind == "person":
        password = secrets.token_urlsafe(12)
        made = services.identity.add(profile, viewer.name, password)
        return {"name": made.name, "secret": password, "kind": "password"}
    made = services.identity.add(profile, viewer.name)
    sources = _texts(told, "sources") if told.get("sources") else ()
    secret = services.identity.make_token(made.name, made.name, viewer.name, sources)
    return {"name": made.name, "secret": secret, "kind": made.profile.kind}


def _change_account(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    before = _account_of(services, told)
    services.identity.change(_profile({**told, "kind": before.profile.kind}, before.profile), viewer.name)


def _disable(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    services.identity.disable(_account_of(services, told).name, viewer.name, told.get("disabled") is not False)


def _new_password(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    found = _account_of(services, told)
    password = secrets.token_urlsafe(12)
    services.identity.set_password(found.name, password, viewer.name)
    return {"name": found.name, "secret": password, "kind": "password"}


def _make_token(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    found = _account_of(services, told)
    # A token is its account: with one of somebody else's an administrator would see what they see, and nobody would notice.
    if found.profile.kind == "person" or found.profile.agency == EVERY_AGENCY:
        raise Refused(422, "People make their own tokens, under /account; the machine's own is made at the machine.")
    name = _text(told, "token", 120) or found.name
    sources = _texts(told, "sources") if told.get("sources") else ()
    secret = services.identity.make_token(found.name, name, viewer.name, sources, _moment(told, "expires"))
    return {"name": found.name, "secret": secret, "kind": found.profile.kind}


def _revoke_token(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    number = told.get("id")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 1 << 63:
        raise Refused(422, "id: use the number of a token.")
    services.identity.revoke_token(number, viewer.name)


# Marks and agreements


def _shares_source(services: Services, viewer: Viewer, told: Told) -> bool:
    """Its own agency's source, and it stays that agency's; an administrator any."""
    source = services.known.sharing.sources.get(_text(told, "source"))
    if source is None:
        return rights.runs(viewer)
    owner = told.get("mark", {}).get("agency", source.agency) if isinstance(told.get("mark"), dict) else source.agency
    return rights.shares(viewer, source.agency) and rights.shares(viewer, owner if isinstance(owner, str) else "")


def _mark(services: Services, told: Told) -> tuple[str, Told]:
    name, mark = _text(told, "source"), told.get("mark")
    if name not in services.known.sharing.sources:
        raise NOT_FOUND
    if not isinstance(mark, dict):
        raise Refused(422, "mark: use an object of what is to be changed.")
    return name, mark


def _foresee_mark(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    name, mark = _mark(services, told)
    there = services.known
    before = there.sharing.sources[name]
    after = {name: replace(before, **marked(mark))}
    steps = steps_of(services, viewer, lambda source, _: source == name, after)
    return foreseen(services, viewer, steps, there.sharing.agreements, lang)


def _set_mark(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    name, mark = _mark(services, told)
    services.acts.set_source_mark(viewer.name, name, mark)


def _shares_new(services: Services, viewer: Viewer, told: Told) -> bool:
    terms = told.get("agreement")
    grantor = terms.get("grantor") if isinstance(terms, dict) else None
    return rights.shares(viewer, grantor if isinstance(grantor, str) else "")


def _terms(told: Told) -> Told:
    terms = told.get("agreement")
    if not isinstance(terms, dict):
        raise Refused(422, "agreement: use an object of its terms.")
    return {name: value for name, value in terms.items() if value not in ("", None, [])}


def _foresee_agreement(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    made = agreement_of(_terms(told))
    # Told as from its first day, so that one that is yet to begin shows what it will do.
    now = datetime.now(UTC)
    made = replace(made, starts=min(made.starts, now)) if now < made.ends else made
    agreements = services.known.sharing.agreements
    return foreseen(services, viewer, _steps_of_grantor(services, viewer, made), (*agreements, made), lang)


def _add_agreement(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    made = services.acts.add_agreement(viewer.name, _terms(told))
    return {"name": made.name}


def _shares_agreement(services: Services, viewer: Viewer, told: Told) -> bool:
    name = _text(told, "name")
    found = next((one for one in services.known.sharing.agreements if one.name == name), None)
    return rights.shares(viewer, found.grantor) if found else rights.runs(viewer)


def _agreement_of(services: Services, told: Told) -> Agreement:
    name = _text(told, "name")
    found = next((one for one in services.known.sharing.agreements if one.name == name), None)
    if found is None:
        raise NOT_FOUND
    return found


def _foresee_revocation(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    found = _agreement_of(services, told)
    left = [one for one in services.known.sharing.agreements if one is not found]
    return foreseen(services, viewer, _steps_of_grantor(services, viewer, found), left, lang)


def _revoke_agreement(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    services.acts.revoke_agreement(viewer.name, _agreement_of(services, told).name, _text(told, "reason"))


def _steps_of_grantor(services: Services, viewer: Viewer, of: Agreement) -> Any:
    return steps_of(services, viewer, lambda _, mark: mark.agency == of.grantor, {})


# Break-glass


def _person(services: Services, viewer: Viewer, told: Told) -> bool:
    return viewer.kind == "person" and not rights.operates(viewer)


def _open_glass(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    hours = told.get("hours", GLASS_HOURS)
    if isinstance(hours, bool) or not isinstance(hours, (int, float)):
        raise Refused(422, f"hours: use a number up to {GLASS_HOURS}.")
    owner = _text(told, "owner")
    if owner not in services.known.settings.agencies and not any(
        source.agency == owner for source in services.known.sharing.sources.values()
    ):
        raise Refused(422, "Name one other agency whose records are to be opened.")
    level = _sensitivity(told, "maximum_sensitivity") if "maximum_sensitivity" in told else Sensitivity.high
    made = services.acts.open_glass(viewer, owner, _text(told, "reason"), float(hours), level)
    return {"id": made.id, "state": "waits" if made.starts is None else "open", "ends": made.ends}


def _agrees(services: Services, viewer: Viewer, told: Told) -> bool:
    return rights.approves(viewer)


def _agree_glass(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    services.acts.second_glass(viewer, _text(told, "id"))


def _anybody(services: Services, viewer: Viewer, told: Told) -> bool:
    """Whose it is to close, the act itself asks."""
    return True


def _close_glass(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    services.acts.close_glass(viewer, _text(told, "id"))


ACTS: dict[str, Act] = {
    "/api/admin/accounts/add": Act(_add_account, _runs),
    "/api/admin/accounts/change": Act(_change_account, _runs),
    "/api/admin/accounts/disable": Act(_disable, _runs),
    "/api/admin/accounts/password": Act(_new_password, _runs),
    "/api/admin/tokens/make": Act(_make_token, _runs),
    "/api/admin/tokens/revoke": Act(_revoke_token, _runs),
    "/api/admin/marks/foresee": Act(_foresee_mark, _shares_source),
    "/api/admin/marks/set": Act(_set_mark, _shares_source),
    "/api/admin/agreements/foresee": Act(_foresee_agreement, _shares_new),
    "/api/admin/agreements/add": Act(_add_agreement, _shares_new),
    "/api/admin/agreements/foresee-revocation": Act(_foresee_revocation, _shares_agreement),
    "/api/admin/agreements/revoke": Act(_revoke_agreement, _shares_agreement),
    "/api/admin/glass/open": Act(_open_glass, _person),
    "/api/admin/glass/agree": Act(_agree_glass, _agrees),
    "/api/admin/glass/close": Act(_close_glass, _anybody),
    "/api/triage/promote": Act(triage.promote, triage.may),
    "/api/triage/discard": Act(triage.discard, triage.may),
    "/api/triage/reopen": Act(triage.reopen, triage.may),
    "/api/triage/apart": Act(triage.apart, triage.may),
    "/api/watch/handle": Act(handling.handle, handling.may),
    "/api/watch/link": Act(linking.judge, linking.may),
    "/api/watch/handover/give": Act(watch.give, watch.may),
    "/api/watch/handover/take": Act(watch.take, watch.may),
    "/api/contacts/save": Act(contacts.save, contacts.may),
    "/api/contacts/take-back": Act(contacts.take_back, contacts.may),
    "/api/contacts/import": Act(contacts.bring, contacts.may),
    "/api/views/save": Act(views.save, views.may),
    "/api/views/remove": Act(views.remove, views.may),
    "/api/wall/steer": Act(wall.steer, wall.may),
    "/api/alerts/preview": Act(own_alerts.preview, own_alerts.may),
    "/api/alerts/issue": Act(own_alerts.issue, own_alerts.may),
}
"""Every act and who may do it: the one list."""
