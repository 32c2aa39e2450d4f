"""Around every request, of pages and programs alike: who may ask, how large, how it travels, what the browser may do with it.

Plain ASGI: a response is passed on as it comes, so that event streams stream.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import brotli  # type: ignore[import-untyped]
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.answer import VARY, Refused, refusal
from dashboard.sign_in import admit, has_cookie, is_open, remembered_bearer
from data.identity import Identity

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
BODY_BYTES = 4 << 20
"""Of requests of pages; payloads of partners have their own limit (`dashboard.receive`)."""
UNLIMITED = ("/api/ingest/", "/api/upload/file")
COMPRESSED = (
    "application/json",
    "application/geo+json",
    "application/vnd.mapbox-vector-tile",
    "application/vnd.oai.openapi+json",
    "application/javascript",
    "text/javascript",
    "text/css",
    "text/html",
    "text/plain",
    "image/svg+xml",
)
LEAST_BYTES = 600
SANDBOX = "sandbox"
"""Of a policy that an answer bears already: what somebody sent us may do nothing at all."""
INLINE_BYTES = 16_384
"""More than this is compressed in a worker thread, so that no other request waits for it."""
KEPT_BODIES = 128
"""Compressed bodies that are the same for everybody (the browser parts, about a hundred), each compressed once, and well."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), payment=(), usb=()",
}


def content_policy(script_hashes: Sequence[str]) -> str:
    """The Content-Security-Policy of every answer: nothing from outside, no inline script but those with these hashes."""
    scripts = " ".join(["'self'", *script_hashes])
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "font-src 'self'; connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; base-uri 'self'; "
        "form-action 'self'; frame-ancestors 'none'"
    )


class Guard:
    """ASGI middleware. `loopback`: this server is for its own machine only, so until there are accounts requests under
    another name are refused (a page elsewhere can make its own name point here: DNS rebinding). `policy` gives the
    Content-Security-Policy."""

    def __init__(self, app: ASGIApp, loopback: bool, policy: Callable[[], str], identity: Identity) -> None:
        self.app = app
        self.loopback = loopback
        self.policy = policy
        self.identity = identity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        if scope["type"] == "websocket":  # no page of ours opens one, and Dash would take callbacks through it
            await receive()
            await send({"type": "websocket.close", "code": 4003})
            return
        headers = Headers(scope=scope)
        sending = _Sending(send, headers.get("accept-encoding", ""), self.policy())
        refused = _elsewhere(scope, headers)
        other_name = self.loopback and _name(headers.get("host", "")) not in LOOPBACK_NAMES
        if other_name and not await run_in_threadpool(self.identity.people):
            refused = Refused(421, "This server answers on this machine only, as 127.0.0.1 or localhost.")
        if refused is not None:
            await refusal(refused)(scope, receive, sending)
            return
        if not is_open(scope["path"]) and (
            scope["path"] == "/wall" or remembered_bearer(self.identity, headers) is None
        ):
            turned_away = await run_in_threadpool(admit, self.identity, Request(scope))
            if turned_away is not None:
                await turned_away(scope, receive, sending)
                return
        if scope["method"] in ("POST", "PUT", "PATCH", "DELETE") and not scope["path"].startswith(UNLIMITED):
            told = headers.get("content-length", "0")
            if told.isdigit() and int(told) > BODY_BYTES:
                await refusal(_too_large())(scope, receive, sending)
                return
            await self._limited(scope, receive, sending)
            return
        await self.app(scope, receive, sending)

    async def _limited(self, scope: Scope, receive: Receive, sending: _Sending) -> None:
        """Answer a request, and nothing but 413 once its body proves too large: Dash would make 500 of the refusal."""
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > BODY_BYTES:
                raise _too_large()
            return message

        async def send(message: Message) -> None:
            if size <= BODY_BYTES or sending.begun:
                await sending(message)

        try:
            await self.app(scope, counted, send)
        except Exception:
            if size <= BODY_BYTES or sending.begun:
                raise
        if size > BODY_BYTES and not sending.begun:
            await refusal(_too_large())(scope, receive, sending)


def _elsewhere(scope: Scope, headers: Headers) -> Refused | None:
    """Why a request that changes something is not taken: another site's page sends it, or may be the one that does.

    A browser says where a sending page is from (Fetch standard: Origin, Sec-Fetch-Site); what comes with a session's cookie
    must be said to be from here. A token is added by no browser.
    """
    if scope["method"] in ("GET", "HEAD", "OPTIONS") or headers.get("authorization", "").lower().startswith("bearer "):
        return None
    host, origin, site = headers.get("host", ""), headers.get("origin"), headers.get("sec-fetch-site")
    if origin is not None and urlsplit(origin).netloc != host:
        return Refused(403, "Another site's page may not send here.")
    if origin is not None and scope["scheme"] == "https" and not origin.startswith("https://"):
        return Refused(403, "A page that came without encryption may not send here.")
    if (site or "same-origin") not in ("same-origin", "none"):
        return Refused(403, "Another site's page may not send here.")
    if origin is None and site is None and has_cookie(headers.get("cookie", "")):
        return Refused(403, "A browser says in Origin where it sends from; programs send a token in place of a cookie.")
    return None


def _name(host: str) -> str:
    """The host without its port."""
    return host[1 : host.index("]")] if host.startswith("[") and "]" in host else host.partition(":")[0].lower()


def _too_large() -> Refused:
    return Refused(413, f"The body is larger than {BODY_BYTES:,} bytes.", Connection="close")


class _Sending:
    """Sends a response on with our headers, compressed where that pays."""

    def __init__(self, send: Send, accepted: str, policy: str) -> None:
        self.send = send
        self.encoding = "br" if "br" in _codings(accepted) else "gzip" if "gzip" in _codings(accepted) else ""
        self.policy = policy
        self.begun = False
        self.start: Message | None = None
        self.parts: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            if message["status"] != 304:  # the browser goes by those of the answer it holds
                for name, value in HEADERS.items():
                    headers[name] = value
                if SANDBOX not in headers.get("content-security-policy", ""):
                    headers["Content-Security-Policy"] = self.policy
            if self._pays(message["status"], headers):
                headers["Vary"] = headers.get("vary") or VARY
                self.start = message
                return
        elif self.start is not None and message["type"] == "http.response.body":
            self.parts.append(message.get("body", b""))
            if message.get("more_body"):
                return
            await self._compressed(self.start)
            return
        await self.send(message)

    def _pays(self, status: int, headers: MutableHeaders) -> bool:
        kind = headers.get("content-type", "").partition(";")[0]
        size = headers.get("content-length", "")
        return bool(
            self.encoding
            and status == 200
            and kind in COMPRESSED
            and "content-encoding" not in headers
            and size.isdigit()
            and int(size) >= LEAST_BYTES
        )

    async def _compressed(self, start: Message) -> None:
        self.start = None
        body = b"".join(self.parts)
        if body:  # none in answer to HEAD
            headers = MutableHeaders(scope=start)
            public = headers.get("cache-control", "").startswith("public")
            if public or len(body) > INLINE_BYTES:
                body = await run_in_threadpool(compressed_for_all if public else compressed, body, self.encoding)
            else:
                body = compressed(body, self.encoding)
            headers["Content-Encoding"] = self.encoding
            headers["Content-Length"] = str(len(body))
        await self.send(start)
        await self.send({"type": "http.response.body", "body": body})


def compressed(body: bytes, encoding: str, small: bool = False) -> bytes:
    """The body in a coding; fast, or `small` for what is compressed once and served often."""
    if encoding == "br":
        done: Any = brotli.compress(body, quality=9 if small else 4)
        return bytes(done)
    return gzip.compress(body, 9 if small else 5, mtime=0)


@lru_cache(KEPT_BODIES)
def compressed_for_all(body: bytes, encoding: str) -> bytes:
    return compressed(body, encoding, small=True)


def _codings(accepted: str) -> set[str]:
    """Codings a client takes (RFC 9110, 12.5.3), those with q=0 left out."""
    found = set()
    for part in accepted.split(","):
        name, _, quality = part.partition(";")
        if quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            found.add(name.strip().lower())
    return found
