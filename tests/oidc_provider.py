"""An OpenID provider as a process of its own: discovery, login form, tokens, keys, userinfo. It can be told to cheat.

`python tests/oidc_provider.py PORT CLIENT_ID CLIENT_SECRET REDIRECT_URI`, and see `running_provider`. It holds relying parties
to the letter: the registered address, PKCE with S256, the client's secret, a code that counts once. `POST /control` takes
`{"people": {name: claims}, "fault": "...", "rotate": true}`; everybody's password is `PASSWORD`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx
import uvicorn
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

PASSWORD = "a password at the provider"
CODE_LASTS_S = 60


@dataclass
class Grant:
    subject: str
    nonce: str
    challenge: str
    issued: float


@dataclass
class Provider:
    issuer: str
    client_id: str
    secret: str
    redirect_uri: str
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    fault: str = ""
    keys: list[RSAKey] = field(default_factory=list)
    grants: dict[str, Grant] = field(default_factory=dict)
    access: dict[str, str] = field(default_factory=dict)
    kept: str = ""
    """An ID token of an earlier sign-in."""
    asked: dict[str, int] = field(default_factory=dict)
    """How often each address was asked for."""

    def rotate(self) -> None:
        """A new key; the old one is no longer published."""
        self.keys = [RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)]


def routes(provider: Provider) -> list[Route]:
    def described(request: Request) -> Response:
        count("description")
        issuer = provider.issuer
        told = {
            "issuer": issuer if provider.fault != "description of another" else "https://id.elsewhere.example",
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/keys",
            "userinfo_endpoint": f"{issuer}/userinfo",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }
        return JSONResponse(told)

    def keys(request: Request) -> Response:
        count("keys")
        shared = {"kty": "oct", "kid": "shared", "k": _b64(b"a secret that is published"), "use": "sig"}
        return JSONResponse({"keys": [shared, *KeySet(list(provider.keys)).as_dict(private=False)["keys"]]})

    def authorize(request: Request) -> Response:
        asked = request.query_params
        if asked.get("client_id") != provider.client_id or asked.get("redirect_uri") != provider.redirect_uri:
            return HTMLResponse("<h1>This client or its address is not registered.</h1>", 400)
        wrong = [
            name
            for name, held in {
                "response_type": asked.get("response_type") == "code",
                "scope": "openid" in asked.get("scope", "").split(),
                "state": len(asked.get("state", "")) >= 32,
                "nonce": len(asked.get("nonce", "")) >= 32,
                "code_challenge": len(asked.get("code_challenge", "")) == 43,
                "code_challenge_method": asked.get("code_challenge_method") == "S256",
            }.items()
            if not held
        ]
        if wrong:
            return HTMLResponse(f"<h1>Wrong: {html.escape(', '.join(wrong))}</h1>", 400)
        fields = "".join(
            f'<input type="hidden" name="{name}" value="{html.escape(asked[name])}">'
            for name in ("state", "nonce", "code_challenge")
        )
        return HTMLResponse(
            '<!doctype html><html lang="en"><title>Provider</title><h1>Sign in at the provider</h1>'
            f'<form method="post">{fields}<label>Name <input name="name"></label>'
            '<label>Password <input name="password" type="password"></label><button>Sign in</button></form></html>'
        )

    async def login(request: Request) -> Response:
        form = await request.form()
        told = {name: str(form.get(name, "")) for name in ("name", "password", "state", "nonce", "code_challenge")}
        back: dict[str, str] = {"state": told["state"], "iss": provider.issuer}
        if told["name"] not in provider.people or told["password"] != PASSWORD:
            back["error"] = "access_denied"
            back["error_description"] = "<script>document.title = 'owned'</script>"
        else:
            code = secrets.token_urlsafe(24)
            provider.grants[code] = Grant(told["name"], told["nonce"], told["code_challenge"], time.time())
            back["code"] = code
        if provider.fault == "answer of another issuer":
            back["iss"] = "https://id.elsewhere.example"
        if provider.fault == "answer without issuer":
            del back["iss"]
        if provider.fault == "another state":
            back["state"] = secrets.token_urlsafe(32)
        return RedirectResponse(f"{provider.redirect_uri}?{urlencode(back)}", 303)

    async def token(request: Request) -> Response:
        count("token")
        form = {name: str(value) for name, value in (await request.form()).items()}
        given = f"{provider.client_id}:{provider.secret}"
        if request.headers.get("authorization") != f"Basic {base64.b64encode(given.encode()).decode()}":
            return JSONResponse({"error": "invalid_client"}, 401)
        grant = provider.grants.pop(form.get("code", ""), None)
        verifier = _b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if (
            form.get("grant_type") != "authorization_code"
            or grant is None
            or form.get("redirect_uri") != provider.redirect_uri
            or not hmac.compare_digest(verifier, grant.challenge)
            or time.time() - grant.issued > CODE_LASTS_S
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        access = secrets.token_urlsafe(24)
        provider.access[access] = grant.subject
        told = {"access_token": access, "token_type": "Bearer", "expires_in": 300}
        if provider.fault == "token endpoint down":
            return JSONResponse({"error": "server_error"}, 503)
        if provider.fault == "endless answer":
            return Response(b"[" * (4 << 20), media_type="application/json")
        if provider.fault != "no ID token":
            told["id_token"] = id_token(provider, grant, access)
        return JSONResponse(told)

    def userinfo(request: Request) -> Response:
        subject = provider.access.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if subject is None:
            return JSONResponse({"error": "invalid_token"}, 401)
        if provider.fault == "userinfo of another":
            subject = next(name for name in provider.people if name != subject)
        told = {"sub": f"id-{subject}", **provider.people[subject], **provider.people[subject].get("only_userinfo", {})}
        return JSONResponse(told)

    async def control(request: Request) -> Response:
        told = await request.json()
        provider.people |= told.get("people", {})
        provider.fault = told.get("fault", "")
        if told.get("rotate"):
            provider.rotate()
        return JSONResponse(provider.asked)

    def count(name: str) -> None:
        provider.asked[name] = provider.asked.get(name, 0) + 1

    return [
        Route("/.well-known/openid-configuration", described),
        Route("/keys", keys),
        Route("/authorize", authorize, methods=["GET"]),
        Route("/authorize", login, methods=["POST"]),
        Route("/token", token, methods=["POST"]),
        Route("/userinfo", userinfo),
        Route("/control", control, methods=["POST"]),
    ]


def id_token(provider: Provider, grant: Grant, access: str) -> str:
    """What it says of whoever signed in, as its fault has it."""
    now = int(time.time())
    person = provider.people[grant.subject]
    claims: dict[str, Any] = {
        "iss": provider.issuer,
        "sub": f"id-{grant.subject}",
        "aud": provider.client_id,
        "iat": now,
        "exp": now + 300,
        "nonce": grant.nonce,
        "at_hash": _b64(hashlib.sha256(access.encode()).digest()[:16]),
        **{name: value for name, value in person.items() if name != "only_userinfo"},
    }
    changed = FAULTY_CLAIMS.get(provider.fault, {})
    for name, value in changed.items():
        claims[name] = now + value if name in ("exp", "iat", "nbf") and type(value) is int else value
        if value is None:
            del claims[name]
    key = provider.keys[0]
    header: dict[str, Any] = {"alg": "RS256", "kid": key.kid}
    match provider.fault:
        case "alg none":
            return f"{_json({'alg': 'none'})}.{_json(claims)}."
        case "alg none with the kid":
            return f"{_json({'alg': 'None', 'kid': key.kid})}.{_json(claims)}."
        case "HS256 with the public key":
            return _hmac(key.as_pem(private=False), {"alg": "HS256", "kid": key.kid}, claims)
        case "HS256 with the client's secret":
            return _hmac(provider.secret.encode(), {"alg": "HS256"}, claims)
        case "HS256 with a published secret":
            return _hmac(b"a secret that is published", {"alg": "HS256", "kid": "shared"}, claims)
        case "another's key under its kid":
            key = RSAKey.generate_key(2048, {"kid": key.kid})
        case "a key it does not publish":
            key = RSAKey.generate_key(2048, auto_kid=True)
            header["kid"] = key.kid
        case "a key in the token":
            key = RSAKey.generate_key(2048)
            header = {"alg": "RS256", "jwk": key.as_dict(private=False)}
        case "changed after signing":
            head, _, signature = jwt.encode(header, claims, key).split(".")
            return f"{head}.{_json({**claims, 'sub': 'id-somebody-else'})}.{signature}"
        case "the token of another sign-in" if provider.kept:
            return provider.kept
        case "not a token":
            return "a.b.c"
    provider.kept = jwt.encode(header, claims, key)
    return provider.kept


FAULTY_CLAIMS: dict[str, dict[str, Any]] = {
    "another nonce": {"nonce": "n" * 43},
    "no nonce": {"nonce": None},
    "nonce not a text": {"nonce": ["n"]},
    "another audience": {"aud": "another-client"},
    "two audiences, no authorized party": {"aud": ["another-client", "common-ground"]},
    "another audience in our name": {"aud": "another-client", "azp": "common-ground"},
    "another authorized party": {"azp": "another-client"},
    "no audience": {"aud": None},
    "another issuer": {"iss": "https://id.elsewhere.example"},
    "issuers in a list": {"iss": ["https://id.elsewhere.example"]},
    "expired": {"exp": -61, "iat": -400},
    "never expires": {"exp": None},
    "expires at no number": {"exp": "tomorrow"},
    "issued in the future": {"iat": 120},
    "not valid yet": {"nbf": 120},
    "no subject": {"sub": None},
    "subject not a text": {"sub": 7},
    "of another access token": {"at_hash": "A" * 22},
    "hash not a text": {"at_hash": {"a": 1}},
    "clock a little ahead": {"iat": 45, "exp": 345},
    "clock a little behind": {"iat": -345, "exp": -45},
}


def _hmac(secret: bytes, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    text = f"{_json(header)}.{_json(claims)}"
    return f"{text}.{_b64(hmac.digest(secret, text.encode(), 'sha256'))}"


def _json(told: Mapping[str, Any]) -> str:
    return _b64(json.dumps(told).encode())


def _b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@dataclass(frozen=True)
class Running:
    """The process as a test sees it."""

    issuer: str
    client_id: str
    secret: str

    def told(self, fault: str = "", rotate: bool = False, **people: Mapping[str, Any]) -> dict[str, int]:
        """Set people and the fault of the answers to come; returns how often each address was asked for."""
        told = {"people": people, "fault": fault, "rotate": rotate}
        counts: dict[str, int] = httpx.post(f"{self.issuer}/control", json=told).raise_for_status().json()
        return counts


@contextmanager
def running_provider(port: int, redirect_uri: str) -> Iterator[Running]:
    """The provider in a process of its own at `http://localhost:port`, which to a browser is another site than 127.0.0.1."""
    provider = Running(f"http://localhost:{port}", "common-ground", secrets.token_urlsafe(24))
    command = [sys.executable, __file__, str(port), provider.client_id, provider.secret, redirect_uri]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not _answers(provider.issuer):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the OpenID provider did not come up")
            time.sleep(0.05)
        yield provider
    finally:
        process.terminate()
        process.wait(20)


def _answers(issuer: str) -> bool:
    try:
        return httpx.get(f"{issuer}/keys").status_code == 200
    except httpx.HTTPError:
        return False


def main(arguments: Sequence[str]) -> None:
    port, client_id, secret, redirect_uri = arguments
    provider = Provider(f"http://localhost:{port}", client_id, secret, redirect_uri)
    provider.rotate()
    uvicorn.run(Starlette(routes=routes(provider)), host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    main(sys.argv[1:])
