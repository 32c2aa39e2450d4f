"""How a request becomes a viewer: from its session cookie or its bearer token, never from anything a page sends in its body.

Until there is a person's account, the machine itself is the operator's, and only for itself.
"""

from __future__ import annotations

import hashlib
import hmac
from http.cookies import SimpleCookie
from ipaddress import ip_address
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response

from dashboard.answer import Refused, refusal
from data.access import LOCAL_OPERATOR, NOBODY, Viewer
from data.accounts import Account
from data.identity import Identity
from data.sessions import DISPLAY_LASTS, How, Session
from data.tokens import Token

COOKIE = "commonground"
OPEN = ("/healthz", "/sign-in", "/assets", "/report/worker.mjs")
"""Addresses, with what is below them, that answer before anybody has signed in. None of them tells of a record."""
LONGEST_ADDRESS = 4_000
SIGN_IN_FIRST = "Sign in at /sign-in, or send a token in the header Authorization: Bearer."


def viewer_of(identity: Identity, request: HTTPConnection) -> Viewer:
    """Whose request this is; nobody's is `data.access.NOBODY`.

    Raises `Refused` for a token that is not known: a program must learn that its token is wrong, not see less.
    """
    if request.headers.get("authorization") is not None:
        return bearer(identity, request).viewer
    if not identity.people():
        return LOCAL_OPERATOR if from_here(request) else NOBODY
    found = session_of(identity, request)
    return NOBODY if found is None else identity.viewer(found)


def bearer(identity: Identity, request: HTTPConnection) -> Token:
    """The token a request carries. Raises `Refused`."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Refused(401, "Send a token in the header Authorization: Bearer.", WWW_Authenticate="Bearer")
    found = identity.token(secret.strip())
    if found is None:
        raise Refused(401, "This token is not known here.", WWW_Authenticate='Bearer error="invalid_token"')
    return found


def remembered_bearer(identity: Identity, headers: Headers) -> Token | None:
    """The token a request carries, where it was known a moment ago; asked in the event loop, for it never waits."""
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    return identity.remembered_token(secret.strip()) if scheme.lower() == "bearer" else None


def session_of(identity: Identity, request: HTTPConnection) -> Session | None:
    """The session whose cookie came with a request."""
    cookie = request.cookies.get(cookie_name(request))
    return identity.session(cookie) if cookie else None


def begin_session(identity: Identity, request: HTTPConnection, of: Account, how: How) -> str:
    """Sign an account in: the value of the `Set-Cookie` header to answer with. The session before it, if any, ends.

    The caller has made sure of who it is. Every sign-in, by whichever way, ends here.
    """
    before = request.cookies.get(cookie_name(request), "")
    secret = identity.begin_session(of, how, request.headers.get("user-agent", ""), before)
    lasts = int(DISPLAY_LASTS.total_seconds()) if of.profile.kind == "display" else None
    return cookie_header(request, cookie_name(request), secret, lasts)


def cookie_name(request: HTTPConnection, name: str = COOKIE) -> str:
    """With the prefix that makes a browser take it from this very host over TLS alone (RFC 6265bis), where TLS is spoken."""
    return f"__Host-{name}" if request.url.scheme in ("https", "wss") else name


def cookie_header(
    request: HTTPConnection, name: str, value: str, lasts_s: int | None = None, same_site: str = "Lax"
) -> str:
    """A `Set-Cookie` header: out of reach of scripts, sent to this host alone; until the browser ends unless `lasts_s`.

    `Lax`, as links to a view come from mails and chats; what is sent here is checked by its origin (`dashboard.guard`).
    """
    cookie = SimpleCookie({name: value})[name]
    cookie.update({"path": "/", "httponly": True, "samesite": same_site})
    if request.url.scheme in ("https", "wss"):
        cookie["secure"] = True
    if lasts_s is not None:
        cookie["max-age"] = lasts_s
    return cookie.OutputString()


def form_token(cookie: str) -> str:
    """What a form of ours carries, made from the cookie it is answered with: another site's page cannot know it."""
    return hashlib.sha256(f"form {cookie}".encode()).hexdigest()


def is_form_token(told: str, cookie: str) -> bool:
    return bool(cookie) and hmac.compare_digest(told.encode(), form_token(cookie).encode())


def from_here(request: HTTPConnection) -> bool:
    """Whether the connection comes from this machine itself, not through a proxy."""
    if request.client is None or any(name in request.headers for name in ("forwarded", "x-forwarded-for")):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def is_open(path: str) -> bool:
    """Whether an address answers before anybody has signed in."""
    return any(path == first or path.startswith(f"{first}/") for first in OPEN)


def has_cookie(header: str) -> bool:
    """Whether a session's cookie is among those of a `Cookie` header."""
    return any(part.partition("=")[0].strip().removeprefix("__Host-") == COOKIE for part in header.split(";"))


def admit(identity: Identity, request: Request) -> Response | None:
    """What stands before any route or callback that is not open: None to let a request in, else its answer.

    Nobody passes without an account once there are accounts; a wall's link signs its display in.
    """
    if not identity.people():
        return None
    if request.url.path == "/wall" and "display" in request.query_params:
        return _display(identity, request)
    try:
        if viewer_of(identity, request) is not NOBODY:
            return None
    except Refused as error:
        return refusal(error)
    if request.method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(sign_in_address(request), 303, {"Cache-Control": "private, no-store"})
    return refusal(Refused(401, SIGN_IN_FIRST, WWW_Authenticate="Bearer"))


def local(address: str) -> str:
    """An address within this server as a browser understands it, or the first page."""
    plain = address.isascii() and address.isprintable() and "\\" not in address and len(address) <= LONGEST_ADDRESS
    ours = address.startswith("/") and not address.startswith(("//", "/sign-in", "/sign-out"))
    return address if plain and ours else "/"


def sign_in_address(request: HTTPConnection) -> str:
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return "/sign-in" if wanted == "/" else f"/sign-in?next={quote(wanted, safe='')}"


def _display(identity: Identity, request: Request) -> Response:
    """`/wall?display=TOKEN`: the display's session begins, and the address is cleaned of the token."""
    clean = request.url.remove_query_params("display")
    there = clean.path + (f"?{clean.query}" if clean.query else "")
    answer = RedirectResponse(there, 303, {"Cache-Control": "private, no-store"})
    found = identity.token(request.query_params["display"])
    before = session_of(identity, request)
    # A link must not take a person's session away, and a wall that opens it again each morning keeps the one it has.
    anew = before is None or (before.account.profile.kind == "display" and found and before.account.name != found.name)
    if found is not None and found.viewer.kind == "display" and anew:
        of = identity.account(found.name)
        if of is not None:
            answer.headers.append("set-cookie", begin_session(identity, request, of, "display"))
    return answer
