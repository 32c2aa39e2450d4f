"""How the machine interface answers: JSON, validators over what was released, and refusals in one sentence."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from data.filters import BadFilter

JSON = "application/json"
REVALIDATE = "private, no-cache"
FOR_GOOD = "private, max-age=31536000, immutable"
log = logging.getLogger(__name__)
VARY = "Accept-Encoding, Authorization, Cookie"
_encoder = msgspec.json.Encoder()
CODES = {
    400: "bad-request",
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    409: "conflict",
    413: "too-large",
    415: "unsupported-media-type",
    421: "misdirected",
    422: "unreadable",
    429: "too-many-requests",
    503: "unavailable",
}


class Refused(Exception):
    """A request that is not served: the HTTP status, and why and what to do, in one sentence."""

    def __init__(self, status: int, reason: str, **headers: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


NOT_FOUND = Refused(404, "There is nothing here that you may see.")
"""Of what does not exist and of what is withheld: the same to the byte."""


def encode(value: Any) -> bytes:
    """JSON. Times are RFC 3339 with Z; NaN is null."""
    return _encoder.encode(value)


def answer(
    request: Request,
    content: Any,
    media_type: str = JSON,
    cache: str = REVALIDATE,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """200 with content (bytes as they are, else as JSON), or 304 when the client holds the same. 204 for no bytes."""
    body = content if isinstance(content, bytes) else encode(content)
    # Weak: the same content travels in several encodings.
    tag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    told = {"ETag": tag, "Cache-Control": cache, "Vary": VARY, **(headers or {})}
    if held(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=told)
    if not body:
        return Response(status_code=204, headers=told)
    return Response(body, media_type=media_type, headers=told)


def held(asked: str | None, tag: str) -> bool:
    """Whether `If-None-Match` names this tag (RFC 9110, 13.1.2: weak comparison)."""
    if not asked:
        return False
    bare = tag.removeprefix("W/")
    return asked.strip() == "*" or any(part.strip().removeprefix("W/") == bare for part in asked.split(","))


def refusal(error: Refused) -> Response:
    """`{"code", "description"}`, the exception schema of OGC API - Features 1.0."""
    told = {"code": CODES.get(error.status, "failed"), "description": error.reason}
    return Response(
        encode(told),
        error.status,
        media_type=JSON,
        headers={"Cache-Control": "private, no-store", "Vary": VARY, **error.headers},
    )


class Answering:
    """An endpoint from a plain function of the request, run in a worker thread; what it refuses is answered in JSON.

    `Server-Timing: app;dur=` is the time in that function, in milliseconds.
    """

    def __init__(self, function: Callable[[Request], Response]) -> None:
        self.function = function

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from starlette.concurrency import run_in_threadpool

        response = await run_in_threadpool(timed, self.function, Request(scope, receive))
        await response(scope, receive, send)


def timed(function: Callable[[Request], Response], request: Request) -> Response:
    start = time.perf_counter()
    try:
        response = function(request)
    except Refused as error:
        return refusal(error)  # without a time: how long "nothing here" took would tell withheld from absent
    except BadFilter as error:
        return refusal(Refused(400, str(error)))
    except Exception:
        log.exception("%s %s could not be answered.", request.method, request.url.path)
        return refusal(Refused(500, "This could not be answered; the fault is in the server's log."))
    response.headers["Server-Timing"] = f"app;dur={(time.perf_counter() - start) * 1000:.2f}"
    return response
