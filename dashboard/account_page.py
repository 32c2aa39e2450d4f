"""`/account`: who I am here, where I am signed in, my password, and tokens for my own programs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from html import escape

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from dashboard.answer import Answering, Refused
from dashboard.plain import NO_STORE, Form, Posting, Words, document, facts, field, hidden, notice, words_of
from dashboard.services import Services
from dashboard.sign_in import cookie_name, form_token, is_form_token, session_of, sign_in_address
from dashboard.throttle import Throttle
from dashboard.words import dtg
from data.passwords import SHORTEST, WeakPassword
from data.sessions import Session
from data.tokens import BadToken

TOKEN_DAYS = (7, 30, 90, 365)
VOUCHED_DAYS = 30
"""An identity provider is asked at sign-in alone: a token does not outlast by more what it said last."""


def routes(services: Services, throttle: Throttle) -> list[Route]:
    return [
        Route("/account", Answering(partial(page, services)), methods=["GET"]),
        Route("/account", Posting(partial(act, services, throttle), 2), methods=["POST"]),
    ]


def page(
    services: Services, request: Request, status: int = 200, told: str = "", done: str = "", secret: str = ""
) -> Response:
    """The page; with what came of a form."""
    say = words_of(request)
    found = session_of(services.identity, request)
    if found is None:  # without accounts, or with a token: there is nothing to show
        return RedirectResponse(sign_in_address(request), 303, NO_STORE)
    mine = hidden(form=form_token(request.cookies[cookie_name(request)]))
    parts = [_who(say, found), _sessions(services, say, found, mine)]
    if found.account.profile.kind == "person":
        parts += [_tokens(services, say, found, mine)]
    if found.account.has_password:
        parts += [_password(say, found, mine)]
    shown = ""
    if secret:
        shown = f'{notice(say("account.token.once"), "status")}<pre class="cg-plain-secret" tabindex="0">{escape(secret)}</pre>'
    head = f"<h1>{escape(say('account.title'))}</h1>{notice(told)}{notice(done, 'status')}{shown}"
    body = f'<div class="cg-plain-wide">{head}<div class="cg-plain-grid">{"".join(parts)}</div></div>'
    return document(services, request, say("account.title"), body, status)


def act(services: Services, throttle: Throttle, request: Request, form: Form) -> Response:
    """One of the page's forms: `do` says which."""
    say = words_of(request)
    found = session_of(services.identity, request)
    cookie = request.cookies.get(cookie_name(request), "")
    if found is None or not is_form_token(form.get("form", ""), cookie):
        raise Refused(403, "This form is not of your session; open the page again.")
    identity, name = services.identity, found.account.name
    try:
        match form.get("do"):
            case "end-others":
                identity.end_other_sessions(found)
                return page(services, request, done=say("account.sessions.ended"))
            case "password":
                address = request.client.host if request.client else ""
                if throttle.take(name, address):
                    return page(services, request, 429, say("account.password.wait"))
                if identity.check(name, form.get("old", "")) is None:
                    identity.failed(name, "change of password: the old one was not right")
                    return page(services, request, 403, say("account.password.wrong"))
                throttle.give_back(name, address)
                if form.get("new", "") != form.get("again", ""):
                    return page(services, request, 422, say("account.password.differ"))
                identity.set_password(name, form.get("new", ""), name, keep=found.key)
                return page(services, request, done=say("account.password.done"))
            case "token" if found.account.profile.kind == "person":
                choice = [days for days in _days(found) if str(days) == form.get("days")]
                if not choice:
                    raise Refused(422, f"A token holds {', '.join(map(str, _days(found)))} days.")
                expires = datetime.now(UTC) + timedelta(days=choice[0])
                title = form.get("title", "").strip() or name
                return page(services, request, secret=identity.make_token(name, title, name, (), expires))
            case "revoke":
                own = [token.id for token in identity.tokens_of(name) if str(token.id) == form.get("token")]
                if not own:
                    raise Refused(404, "You have no such token.")
                identity.revoke_token(own[0], name)
                return page(services, request, done=say("account.token.revoked"))
    except WeakPassword:
        return page(services, request, 422, say("account.password.weak", shortest=SHORTEST))
    except BadToken as error:
        return page(services, request, 422, str(error))
    raise Refused(422, "The form does not say what to do.")


def _who(say: Words, found: Session) -> str:
    told = found.account.profile
    rows = [
        (say("account.name"), found.account.name),
        (say("account.full_name"), told.full_name),
        (say("account.agency"), told.agency or say("account.agency.none")),
        (say("account.component"), told.component),
        (say("account.clearance"), say(f"level.{told.clearance.name}")),
        (say("account.roles"), ", ".join(told.roles) or say("account.none")),
        (say("account.compartments"), ", ".join(told.compartments) or say("account.none")),
        (say("account.purposes"), ", ".join(told.purposes) or say("account.none")),
        (say("account.until"), dtg(told.valid_until)),
    ]
    known = [(name, value) for name, value in rows if value]
    note = f'<p class="cg-plain-note">{escape(say("account.note"))}</p>'
    leave = f'<p><a class="cg-plain-way" href="/sign-out">{escape(say("sign_out.do"))}</a></p>'
    return _section(say("account.who"), facts(known) + note + leave)


def _sessions(services: Services, say: Words, found: Session, mine: str) -> str:
    rows = []
    others = 0
    for each in services.identity.sessions_of(found.account.name):
        here = each.key == found.key
        others += not here
        place = say("account.sessions.here") if here else each.user_agent or say("account.sessions.unknown")
        since = say("account.sessions.since", time=dtg(each.created), until=dtg(each.expires))
        rows.append(f"<li><span>{escape(place)}</span><small>{escape(since)}</small></li>")
    button = f'<form method="post">{mine}{hidden(do="end-others")}<button>{escape(say("account.sessions.end"))}</button></form>'
    return _section(say("account.sessions"), f"<ul>{''.join(rows)}</ul>{button if others else ''}")


def _tokens(services: Services, say: Words, found: Session, mine: str) -> str:
    now = datetime.now(UTC)
    rows = [
        f"<li><span>{escape(token.name)}</span><small>{escape(say('account.token.until', time=dtg(token.expires) or '—'))}"
        f'</small><form method="post">{mine}{hidden(do="revoke", token=str(token.id))}'
        f"<button>{escape(say('account.token.revoke'))}</button></form></li>"
        for token in services.identity.tokens_of(found.account.name)
        if token.holds(now)
    ]
    listed = (
        f"<ul>{''.join(rows)}</ul>" if rows else f'<p class="cg-plain-note">{escape(say("account.token.none"))}</p>'
    )
    days = "".join(
        f'<option value="{count}"{" selected" if count == TOKEN_DAYS[1] else ""}>{escape(say("account.token.days", n=count))}'
        "</option>"
        for count in _days(found)
    )
    form = f"""<form method="post">{mine}{hidden(do="token")}
      {field(say("account.token.title"), "title", maxlength="120", required="")}
      <label><span>{escape(say("account.token.holds"))}</span><select name="days">{days}</select></label>
      <button>{escape(say("account.token.make"))}</button></form>"""
    return _section(say("account.tokens"), listed + form)


def _days(found: Session) -> tuple[int, ...]:
    """How long a token of theirs may hold."""
    return tuple(days for days in TOKEN_DAYS if not found.account.issuer or days <= VOUCHED_DAYS)


def _password(say: Words, found: Session, mine: str) -> str:
    whose = f'<input name="name" autocomplete="username" value="{escape(found.account.name)}" readonly hidden>'
    fields = [
        whose,
        field(say("account.password.old"), "old", "password", autocomplete="current-password", required=""),
        field(
            say("account.password.new"),
            "new",
            "password",
            autocomplete="new-password",
            required="",
            minlength=str(SHORTEST),
        ),
        field(say("account.password.again"), "again", "password", autocomplete="new-password", required=""),
    ]
    button = f"<button>{escape(say('account.password.do'))}</button>"
    return _section(
        say("account.password"), f'<form method="post">{mine}{hidden(do="password")}{"".join(fields)}{button}</form>'
    )


def _section(title: str, body: str) -> str:
    return f'<section class="cg-plain-panel"><h2>{escape(title)}</h2>{body}</section>'
