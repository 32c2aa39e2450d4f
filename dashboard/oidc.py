"""Sign-in at an identity provider: OpenID Connect, authorization code flow with PKCE (OpenID Connect Core 1.0, RFC 9700).

What a browser brings back is believed only where this very browser was sent for it (`state`, in a sealed cookie that one
answer uses up), where the provider hands the code's tokens to us alone (PKCE, the client's secret, the registered address),
and where the ID token is signed by a key the provider publishes and was issued by it, to us, for this sign-in, just now.
"""

from __future__ import annotations

import hmac
import json
import logging
import math
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import anyio
import httpx
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from cryptography.fernet import Fernet, InvalidToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from dashboard.answer import timed
from dashboard.plain import NO_STORE, words_of
from dashboard.sign_in import begin_session, cookie_header, cookie_name, local
from dashboard.throttle import Throttle
from data.identity import Identity
from data.provider import CALLBACK, NotLetIn, Provider, is_safe
from data.vouched import vouched

BEGIN = "/sign-in/oidc"
COOKIE = "commonground-oidc"
SIGNED_WITH = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Signatures by a key that the provider alone has: never `none`, never HMAC, whatever a token says of itself."""
PUBLIC = ("RSA", "EC", "OKP")
LEAST_RSA_BITS = 2048
SKEW_S = 60
"""By how much the provider's clock may differ from ours."""
LASTS_S = 600
"""From leaving for the provider to coming back."""
REFRESHED_S = 3600.0
"""The provider's description and keys are asked for anew after so long, and for a key that is not among them."""
AGAIN_S = 5.0
"""A provider that could not be asked is left alone for so long."""
AT_ONCE = 8
ANSWERS_IN = httpx.Timeout(10.0, connect=5.0)
LARGEST = 1 << 20
USED = 20_000
"""Answers that are remembered as used; they cannot outlive `LASTS_S`."""
LONGEST_CLAUSE = 200
LONGEST_ADDRESS = 2_000
"""Of the view to come back to: a cookie holds 4096 bytes."""
log = logging.getLogger(__name__)


class Unproven(Exception):
    """What is wrong with an answer in the provider's name, in a few words for the log."""


class Unreachable(Exception):
    """Why the provider cannot be asked."""


@dataclass(frozen=True)
class Described:
    """What the provider publishes of itself."""

    at: float
    told: Mapping[str, Any]
    keys: KeySet


Show = Callable[[Request, int, str], Response]
"""The page of signing in, with a status and a sentence."""


class Oidc:
    """The sign-in at one provider; safe to use from many threads. Sign-ins under way end with the process."""

    def __init__(self, provider: Provider, identity: Identity, show: Show) -> None:
        self.provider = provider
        self.identity = identity
        self._show = show
        self._client = httpx.Client(timeout=ANSWERS_IN, follow_redirects=False)
        self._seal = Fernet(Fernet.generate_key())
        self._throttle = Throttle()
        self._described: Described | None = None
        self._used: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()
        self._limiter: anyio.CapacityLimiter | None = None
        self._failed: tuple[float, str] = (-AGAIN_S, "")

    def routes(self) -> list[Route]:
        return [
            Route(BEGIN, self._apart(self.begin), methods=["GET"]),
            Route(CALLBACK, self._apart(self.returned), methods=["GET"]),
        ]

    def _apart(self, function: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint whose threads are few and its own: a provider that hangs holds up nobody else."""

        async def endpoint(request: Request) -> Response:
            self._limiter = self._limiter or anyio.CapacityLimiter(AT_ONCE)
            return await anyio.to_thread.run_sync(timed, function, request, limiter=self._limiter)

        return endpoint

    def begin(self, request: Request) -> Response:
        """Send the browser to the provider, with what it must bring back sealed into a cookie."""
        if not _is_at(request, self.provider.redirect_uri):  # the cookie would not come back
            address = self.provider.redirect_uri.removesuffix(CALLBACK)
            return self._told(request, 421, "oidc.here", _onward(request), address=address)
        if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            # Another site may not sign anybody in here, however gladly the provider would do it without asking.
            return RedirectResponse("/sign-in", 303, NO_STORE)
        # Nobody is named yet: it counts against the address alone.
        if wait := self._throttle.take(secrets.token_urlsafe(8), request.client.host if request.client else ""):
            answer = self._told(request, 429, "oidc.busy", _onward(request), seconds=str(math.ceil(wait)))
            answer.headers["Retry-After"] = str(math.ceil(wait))
            return answer
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        try:
            endpoint = self._description().told["authorization_endpoint"]
        except Unreachable as error:
            return self._unreachable(request, error, _onward(request))
        there = prepare_grant_uri(
            endpoint,
            self.provider.client_id,
            "code",
            redirect_uri=self.provider.redirect_uri,
            scope=" ".join(self.provider.scopes),
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        kept = {
            "state": state,
            "nonce": nonce,
            "verifier": verifier,
            "next": _onward(request),
        }
        leaving = RedirectResponse(there, 303, NO_STORE)
        sealed = self._seal.encrypt(json.dumps(kept).encode()).decode()
        leaving.headers.append("set-cookie", cookie_header(request, cookie_name(request, COOKIE), sealed, LASTS_S))
        return leaving

    def returned(self, request: Request) -> Response:
        """The browser is back with a code: prove who it is, and begin the session."""
        kept = self._kept(request)
        if kept is None:
            return self._told(request, 400, "oidc.begin", "/")
        answer = self._proven(request, kept)
        answer.headers.append("set-cookie", cookie_header(request, cookie_name(request, COOKIE), "", 0))
        return answer

    def _proven(self, request: Request, kept: Mapping[str, str]) -> Response:
        try:
            account = vouched(self.identity, self.provider, self._proof(request, kept))
        except Unreachable as error:
            return self._unreachable(request, error, kept["next"])
        except (Unproven, NotLetIn) as error:
            key = error.key if isinstance(error, NotLetIn) else "oidc.unproven"
            clause = key if isinstance(error, NotLetIn) else str(error)
            self.identity.failed("", f"provider: {clause}"[:LONGEST_CLAUSE])
            log.warning("A sign-in at %s was refused: %s.", self.provider.issuer, error)
            return self._told(request, 403, key, kept["next"])
        answer = RedirectResponse(kept["next"], 303, NO_STORE)
        answer.headers.append("set-cookie", begin_session(self.identity, request, account, "provider"))
        return answer

    def _kept(self, request: Request) -> dict[str, str] | None:
        """What this browser was sent away with, once, where the answer is to that."""
        sealed = request.cookies.get(cookie_name(request, COOKIE), "")
        try:
            kept: dict[str, str] = json.loads(self._seal.decrypt(sealed, ttl=LASTS_S))
        except (InvalidToken, ValueError):
            return None
        states = request.query_params.getlist("state")
        if len(states) != 1 or not hmac.compare_digest(states[0].encode(), kept["state"].encode()):
            return None
        with self._lock:
            if kept["state"] in self._used:
                return None
            self._used[kept["state"]] = None
            while len(self._used) > USED:
                self._used.popitem(last=False)
        return kept

    def _proof(self, request: Request, kept: Mapping[str, str]) -> dict[str, Any]:
        """The claims of the person who came back. Raises `Unproven` and `Unreachable`."""
        told = request.query_params
        described = self._description()
        promised = described.told.get("authorization_response_iss_parameter_supported") is True
        if told.get("iss", self.provider.issuer if not promised else "") != self.provider.issuer:
            raise Unproven("the answer is of another issuer")  # RFC 9207
        if "error" in told:
            raise Unproven("it answered with an error")
        if len(told.getlist("code")) != 1 or not told["code"]:
            raise Unproven("its answer has no code")
        tokens = self._tokens(described, told["code"], kept["verifier"])
        claims = self._claims(described, tokens, kept["nonce"])
        return {**self._userinfo(described, tokens, claims), **claims} if self.provider.userinfo else claims

    def _tokens(self, described: Described, code: str, verifier: str) -> dict[str, Any]:
        body = prepare_token_request(
            "authorization_code", redirect_uri=self.provider.redirect_uri, code=code, code_verifier=verifier
        )
        methods = described.told.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        method = "client_secret_basic" if "client_secret_basic" in methods else "client_secret_post"
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        client = ClientAuth(self.provider.client_id, self.provider.secret, method)
        address, headers, body = client.prepare("POST", described.told["token_endpoint"], headers, body)
        status, told = self._asked("POST", address, headers, body)
        if status >= 500:
            raise Unreachable(f"its token endpoint answered {status}")
        if status != 200 or not isinstance(told.get("id_token"), str):
            raise Unproven("it does not take the code")
        return told

    def _claims(self, described: Described, tokens: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        """The claims of the ID token, each check of OpenID Connect Core 1.0, 3.1.3.7 done. Raises `Unproven`."""
        text = tokens["id_token"]
        registry = JWSRegistry(algorithms=SIGNED_WITH, strict_check_header=False)
        try:
            try:
                token = jwt.decode(text, described.keys, registry=registry)
            except InvalidKeyIdError:  # the provider has changed its keys
                token = jwt.decode(text, self._description(anew=True).keys, registry=registry)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise Unproven(f"its ID token is not signed by it ({type(error).__name__})") from None
        client = self.provider.client_id
        claims = CodeIDToken(
            token.claims,
            token.header,
            {"iss": {"essential": True, "value": self.provider.issuer}, "aud": {"essential": True, "value": client}},
            {"client_id": client, "nonce": nonce, "access_token": tokens.get("access_token")},
        )
        try:
            claims.validate(leeway=SKEW_S)
        except (JoseError, ValueError, TypeError) as error:
            raise Unproven(f"its ID token does not hold ({error})") from None
        return dict(claims)

    def _userinfo(self, described: Described, tokens: Mapping[str, Any], claims: Mapping[str, Any]) -> dict[str, Any]:
        address, access = described.told.get("userinfo_endpoint"), tokens.get("access_token")
        if not isinstance(access, str) or not isinstance(address, str) or not is_safe(address):
            raise Unproven("it has no userinfo")
        status, told = self._asked("GET", address, {"Authorization": f"Bearer {access}", "Accept": "application/json"})
        if status != 200:
            raise Unreachable(f"its userinfo endpoint answered {status}")
        if told.get("sub") != claims["sub"]:
            raise Unproven("its userinfo is of somebody else")
        return told

    def _description(self, anew: bool = False) -> Described:
        """The provider's description and keys. Raises `Unreachable`."""
        known = self._described
        if known is not None and not anew and time.monotonic() - known.at < REFRESHED_S:
            return known
        at, why = self._failed
        if time.monotonic() - at < AGAIN_S:
            raise Unreachable(why)
        try:
            self._described = self._published()
        except Unreachable as error:
            self._failed = (time.monotonic(), str(error))
            raise
        return self._described

    def _published(self) -> Described:
        told = self._fetched(get_well_known_url(self.provider.issuer, external=True))
        if told.get("issuer") != self.provider.issuer:
            raise Unreachable("its description names another issuer")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not isinstance(told.get(name), str) or not is_safe(told[name]):
                raise Unreachable(f"its description has no {name} under https")
        return Described(time.monotonic(), told, _keys(self._fetched(told["jwks_uri"])))

    def _fetched(self, address: str) -> dict[str, Any]:
        status, told = self._asked("GET", address, {"Accept": "application/json"})
        if status != 200:
            raise Unreachable(f"{address} answered {status}")
        return told

    def _asked(
        self, method: str, address: str, headers: Mapping[str, str], body: str = ""
    ) -> tuple[int, dict[str, Any]]:
        """Status and JSON object of an answer; none where it is not one. Raises `Unreachable`."""
        content = b""
        try:
            with self._client.stream(method, address, headers=dict(headers), content=body.encode()) as answer:
                for part in answer.iter_bytes():
                    content += part
                    if len(content) > LARGEST:
                        raise Unreachable(f"{address} answered with more than {LARGEST:,} bytes")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise Unreachable(f"{address} cannot be asked ({type(error).__name__})") from None
        try:
            told = json.loads(content)
        except ValueError:
            told = None
        return answer.status_code, told if isinstance(told, dict) else {}

    def _unreachable(self, request: Request, error: Unreachable, onward: str) -> Response:
        log.error("The identity provider %s cannot be used: %s.", self.provider.issuer, error)
        return self._told(request, 503, "oidc.down", onward)

    def _told(self, request: Request, status: int, key: str, onward: str, **parts: str) -> Response:
        """The page of signing in, which is at another address and knows nothing of codes; one goes on from it as before."""
        query = urlencode({"next": onward} if onward != "/" else {})
        plain = Request({**request.scope, "path": "/sign-in", "query_string": query.encode()})
        return self._show(plain, status, words_of(plain)(key, **parts))


def _onward(request: Request) -> str:
    """Where to go once signed in: a view of ours that fits into a cookie, or the first page."""
    there = local(request.query_params.get("next", ""))
    fits = there.isascii() and len(there) <= LONGEST_ADDRESS
    return there if fits and not there.startswith("/sign-in") else "/"


def _is_at(request: Request, address: str) -> bool:
    """Whether the browser asks for the host of an address. A proxy may have taken the TLS off, so the scheme tells nothing."""
    ours = urlsplit(address)
    usual = {None, 443 if ours.scheme == "https" else 80}
    try:
        asked = urlsplit(f"//{request.headers.get('host', '')}")
        ports = {asked.port, ours.port}
    except ValueError:
        return False
    return asked.hostname == ours.hostname and (asked.port == ours.port or ports <= usual)


def _keys(told: Mapping[str, Any]) -> KeySet:
    """The keys that signatures can be proven with. Raises `Unreachable` where there is none."""
    listed = told.get("keys")
    found = []
    for key in listed if isinstance(listed, list) else []:
        if not isinstance(key, dict) or key.get("kty") not in PUBLIC or key.get("use", "sig") != "sig":
            continue
        try:
            read = KeySet.import_key_set({"keys": [key]}).keys[0]
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if key["kty"] != "RSA" or read.raw_value.key_size >= LEAST_RSA_BITS:
            found.append(read)
    if not found:
        raise Unreachable("it publishes no key that signs")
    return KeySet(found)
