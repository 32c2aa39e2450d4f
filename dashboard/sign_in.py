"""How a request becomes a viewer. Never from anything a page sends in its body: from the connection and a bearer token alone."""

from __future__ import annotations

from ipaddress import ip_address

from starlette.requests import HTTPConnection

from dashboard.answer import Refused
from dashboard.tokens import BadToken, Token, Tokens
from data.access import LOCAL_OPERATOR, NOBODY, Viewer
from data.settings import Settings


def viewer_of(tokens: Tokens, request: HTTPConnection) -> Viewer:
    """Whose request this is: its token's; without accounts and without a token, the operator's when it comes from here.

    Raises `Refused` for a token that is not known: a program must learn that its token is wrong, not see less.
    """
    if request.headers.get("authorization") is not None:
        return bearer(tokens, request).viewer
    return LOCAL_OPERATOR if from_here(request) else NOBODY


def bearer(tokens: Tokens, request: HTTPConnection) -> Token:
    """The token a request carries. Raises `Refused`."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Refused(401, "Send a token in the header Authorization: Bearer.", WWW_Authenticate="Bearer")
    try:
        found = tokens.find(secret.strip())
    except BadToken as error:
        raise Refused(503, str(error)) from None
    if found is None:
        raise Refused(401, "This token is not known here.", WWW_Authenticate='Bearer error="invalid_token"')
    return found


def from_here(request: HTTPConnection) -> bool:
    """Whether the connection comes from this machine itself, not through a proxy."""
    if request.client is None or any(name in request.headers for name in ("forwarded", "x-forwarded-for")):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def viewer_named(settings: Settings, name: str | None) -> Viewer:
    """Whom a command runs as: the operator, or whoever holds the token of that name. Raises `LookupError`."""
    if name is None or name == LOCAL_OPERATOR.name:
        return LOCAL_OPERATOR
    viewer = Tokens(settings.home).named(name)
    if viewer is None:
        raise LookupError(f"there is no user '{name}'; use {LOCAL_OPERATOR.name}, or the name of a token.")
    return viewer
