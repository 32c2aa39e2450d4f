"""`/sign-in` and `/sign-out`: forms without scripts, throttled, and saying the same of every way to be wrong."""

from __future__ import annotations

import math
import os
import secrets
from functools import partial
from html import escape
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from dashboard.answer import Answering
from dashboard.plain import GLOBE, NO_STORE, Form, Posting, document, field, hidden, notice, words_of
from dashboard.services import Services
from dashboard.sign_in import (
    begin_session,
    cookie_header,
    cookie_name,
    form_token,
    is_form_token,
    local,
    session_of,
)
from dashboard.throttle import Throttle
from data.accounts import plain_name

FORM = "commonground-form"
"""The cookie that a form shown before anybody signed in is bound to."""
LITE = "/lite/incidents"
"""Where whoever has a weak link goes on to."""
AT_ONCE = max(2, os.cpu_count() or 2)
"""Passwords that are checked at the same time: each takes 64 MiB and a tenth of a second of a core."""


def routes(services: Services, throttle: Throttle) -> list[Route]:
    return [
        Route("/sign-in", Answering(partial(page, services)), methods=["GET"]),
        Route("/sign-in", Posting(partial(sign_in, services, throttle), AT_ONCE), methods=["POST"]),
        Route("/sign-out", Answering(partial(leaving, services)), methods=["GET"]),
        Route("/sign-out", Posting(partial(sign_out, services)), methods=["POST"]),
    ]


def page(services: Services, request: Request, status: int = 200, told: str = "", name: str = "") -> Response:
    """The form; with a status and a sentence where a sign-in did not come about."""
    say = words_of(request)
    onward = request.query_params.get("next", "")
    mission = services.settings.mission
    if not services.identity.people():
        body = f"<p>{escape(say('sign_in.none'))}</p><pre>commonground account add NAME --agency AGENCY</pre>"
        return document(services, request, say("sign_in.title"), _panel(mission.name, say("sign_in.title"), body))
    # A cookie of this form's own: the page that sends it is the page that was shown here.
    cookie = request.cookies.get(cookie_name(request, FORM)) or secrets.token_urlsafe(32)
    there = f"?next={quote(local(onward), safe='')}"
    ways = "".join(
        f'<a class="cg-plain-way" href="{escape(at + there)}">{escape(say("sign_in.with", name=title))}</a>'
        for title, at in services.ways
    )
    body = f"""{notice(told)}
      {ways}
      <form method="post" action="{escape(f"/sign-in?{request.url.query}" if request.url.query else "/sign-in")}">
        {hidden(form=form_token(cookie))}
        {
        field(
            say("sign_in.name"),
            "name",
            autocomplete="username",
            autocapitalize="none",
            spellcheck="false",
            required="",
            maxlength="120",
            value=name,
            **({} if name else {"autofocus": ""}),
        )
    }
        {
        field(
            say("sign_in.password"),
            "password",
            "password",
            autocomplete="current-password",
            required="",
            maxlength="256",
            **({"autofocus": ""} if name else {}),
        )
    }
        <button>{escape(say("sign_in.do"))}</button>
      </form>
      <p class="cg-plain-note">{escape(say("sign_in.help"))}</p>
      <p class="cg-plain-note"><a href="/sign-in?next={quote(LITE, safe="")}">{escape(say("lite.link"))}</a></p>"""
    answer = document(services, request, say("sign_in.title"), _panel(mission.name, say("sign_in.title"), body), status)
    answer.headers.append("set-cookie", cookie_header(request, cookie_name(request, FORM), cookie, same_site="Strict"))
    return answer


def sign_in(services: Services, throttle: Throttle, request: Request, form: Form) -> Response:
    """Check a name and a password. An unknown name, a wrong password and a closed account are one and the same answer."""
    say = words_of(request)
    typed, address = form.get("name", "")[:120], request.client.host if request.client else ""
    if not is_form_token(form.get("form", ""), request.cookies.get(cookie_name(request, FORM), "")):
        return page(services, request, 403, say("sign_in.stale"), typed)
    name = plain_name(typed)
    if wait := throttle.take(name, address):
        answer = page(services, request, 429, say("sign_in.wait", seconds=math.ceil(wait)), typed)
        answer.headers["Retry-After"] = str(math.ceil(wait))
        return answer
    identity = services.identity
    found = identity.check(name, form.get("password", ""))
    if found is None:
        identity.failed(name, "name or password not right, or the account closed")
        return page(services, request, 401, say("sign_in.wrong"), typed)
    throttle.give_back(name, address)
    answer = RedirectResponse(local(request.query_params.get("next", "")), 303, NO_STORE)
    answer.headers.append("set-cookie", begin_session(identity, request, found, "password"))
    answer.headers.append("set-cookie", cookie_header(request, cookie_name(request, FORM), "", 0, "Strict"))
    return answer


def leaving(services: Services, request: Request) -> Response:
    """Who is signed in, and the way out."""
    say = words_of(request)
    found = session_of(services.identity, request)
    if found is None:
        return RedirectResponse("/sign-in", 303, NO_STORE)
    cookie = request.cookies[cookie_name(request)]
    body = f"""<p>{escape(say("sign_out.who", name=found.account.profile.full_name or found.account.name))}</p>
      <form method="post" action="/sign-out">{hidden(form=form_token(cookie))}
        <button>{escape(say("sign_out.do"))}</button></form>
      <p class="cg-plain-note"><a href="/">{escape(say("plain.back"))}</a></p>"""
    return document(
        services, request, say("sign_out.title"), _panel(services.settings.mission.name, say("sign_out.title"), body)
    )


def sign_out(services: Services, request: Request, form: Form) -> Response:
    cookie = request.cookies.get(cookie_name(request), "")
    if not is_form_token(form.get("form", ""), cookie):
        return RedirectResponse("/sign-out", 303, NO_STORE)
    services.identity.end_session(cookie)
    answer = RedirectResponse("/sign-in", 303, {**NO_STORE, "Clear-Site-Data": '"cache"'})
    answer.headers.append("set-cookie", cookie_header(request, cookie_name(request), "", 0))
    return answer


def _panel(mission: str, title: str, body: str) -> str:
    return f"""{GLOBE}<section class="cg-plain-panel"><p class="cg-plain-mission">{escape(mission)}</p><h1>{escape(title)}</h1>
      {body}</section>"""
