"""Pages that are forms: made whole by the server, without any script, in the look of all others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape
from math import cos, radians, sin
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from dashboard.answer import Refused, refusal
from dashboard.frame import assets_version
from dashboard.services import Services
from dashboard.words import LANGUAGES, RIGHT_TO_LEFT, language, say

FORM_BYTES = 16_384
FORM_FIELDS = 40
WAITING = 30
DOCUMENT = """<!DOCTYPE html>
<html lang="{lang}" dir="{direction}" data-theme="{theme}">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="robots" content="noindex">
    <title>{title} · {mission}</title>
    <link rel="icon" type="image/svg+xml" href="{assets}/favicon.svg">
    <link rel="stylesheet" href="{assets}/base.css">
    <link rel="stylesheet" href="{assets}/plain.css">
  </head>
  <body class="cg-plain">
    <header>{flag}<a href="/" class="cg-plain-name">{mission}</a><nav aria-label="{switches}">{nav}</nav></header>
    <main>{body}</main>
  </body>
</html>
"""
CURRENT = ' aria-current="true"'
GLOBE = (
    '<svg class="cg-plain-globe" viewBox="-100 -100 200 200" aria-hidden="true"><circle r="96"/>'
    + "".join(f'<ellipse rx="{96 * sin(radians(step)):.2f}" ry="96"/>' for step in range(15, 90, 15))
    + "".join(
        f'<path d="M{-96 * cos(radians(step)):.2f} {96 * sin(radians(step)):.2f}h{192 * cos(radians(step)):.2f}"/>'
        for step in range(-75, 90, 15)
    )
    + '<path d="M0 -96v192"/></svg>'
)
"""Meridians and parallels every 15 degrees, as seen from far above the equator (orthographic)."""
NO_STORE = {"Cache-Control": "private, no-store"}

Form = Mapping[str, str]
Words = Callable[..., str]


def words_of(request: Request) -> Words:
    """Texts in the language of the address, else of where one goes on to, else of the browser."""
    return partial(say, lang_of(request))


def document(
    services: Services, request: Request, title: str, body: str, status: int = 200, **headers: str
) -> HTMLResponse:
    """A whole page around `body`, which is HTML; what came from outside is escaped in it already."""
    lang, theme = lang_of(request), _said(request, "theme")
    theme = theme if theme in ("dark", "light") else "dark"
    mission = services.settings.mission
    tell = partial(say, lang)
    other = "light" if theme == "dark" else "dark"
    links = [
        f'<a href="{_address(request, lang=code)}" lang="{code}"{CURRENT if code == lang else ""}>{code.upper()}</a>'
        for code in LANGUAGES
    ]
    links.append(f'<a href="{_address(request, theme=other)}" title="{escape(tell("plain.theme"))}">◐</a>')
    text = DOCUMENT.format(
        lang=lang,
        direction="rtl" if lang in RIGHT_TO_LEFT else "ltr",
        theme=theme,
        title=escape(title),
        mission=escape(mission.name),
        assets=f"/assets/v-{assets_version()}",
        flag=f'<strong class="cg-plain-flag">{escape(tell("plain.exercise"))}</strong>' if mission.exercise else "",
        switches=escape(tell("plain.switches")),
        nav="".join(links),
        body=body,
    )
    return HTMLResponse(text, status, {**NO_STORE, **{key.replace("_", "-"): value for key, value in headers.items()}})


def field(label: str, name: str, kind: str = "text", **attributes: str) -> str:
    """One labelled input."""
    told = "".join(f' {key.replace("_", "-")}="{escape(value)}"' for key, value in attributes.items())
    return f'<label><span>{escape(label)}</span><input name="{name}" type="{kind}"{told}></label>'


def hidden(**values: str) -> str:
    return "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in values.items())


def notice(text: str, kind: str = "alert") -> str:
    """What happened, where a reader of the screen is told at once."""
    return f'<p class="cg-plain-{kind}" role="{kind}">{escape(text)}</p>' if text else ""


def facts(rows: Sequence[tuple[str, str]]) -> str:
    return (
        "<dl>"
        + "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in rows)
        + "</dl>"
    )


class Posting:
    """An endpoint that takes a form: read whole, then answered by `function` in a worker thread.

    `at_once` bounds how many are answered at the same time; `WAITING` times as many may wait, and hold no thread.
    """

    def __init__(self, function: Callable[[Request, Form], Response], at_once: int = 0) -> None:
        self.function = function
        self.at_once = at_once
        self._limiter: anyio.CapacityLimiter | None = None
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._answer(Request(scope, receive))
        except Refused as error:
            answer = refusal(error)
        except ClientDisconnect:
            return
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        form = await _form(request)
        if not self.at_once:
            return await run_in_threadpool(self.function, request, form)
        self._limiter = self._limiter or anyio.CapacityLimiter(self.at_once)
        if self._waiting >= WAITING * self.at_once:
            raise Refused(503, "Too many people sign in at this moment; try again shortly.", Retry_After="5")
        self._waiting += 1
        try:
            return await anyio.to_thread.run_sync(self.function, request, form, limiter=self._limiter)
        finally:
            self._waiting -= 1


async def _form(request: Request) -> Form:
    """The fields of a form; of one that is named twice, the last. Raises `Refused`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise Refused(415, "Send the form as application/x-www-form-urlencoded.")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > FORM_BYTES:
            raise Refused(413, f"The form is larger than {FORM_BYTES:,} bytes.", Connection="close")
    try:
        read = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=FORM_FIELDS, errors="strict")
    except ValueError:
        raise Refused(422, "The form cannot be read.") from None
    return {name: values[-1] for name, values in read.items()}


def _said(request: Request, name: str) -> str:
    """A part of the view, from this address or from the one that one goes on to."""
    onward = dict(parse_qsl(urlsplit(request.query_params.get("next", "")).query))
    return request.query_params.get(name) or onward.get(name, "")


def lang_of(request: Request) -> str:
    """The language of the address, else of where one goes on to, else of the browser."""
    told = _said(request, "lang")
    if told in LANGUAGES:
        return told
    for part in request.headers.get("accept-language", "").split(","):
        if (code := part.partition(";")[0].strip().partition("-")[0].lower()) in LANGUAGES:
            return code
    return language(None)


def _address(request: Request, **changed: str) -> str:
    """This page's address with another language or theme, here and where one goes on to."""
    query: dict[str, Any] = {**request.query_params, **changed}
    if onward := query.get("next"):
        parts = urlsplit(str(onward))
        query["next"] = f"{parts.path}?{urlencode({**dict(parse_qsl(parts.query)), **changed})}"
    return escape(f"{request.url.path}?{urlencode(query)}")
