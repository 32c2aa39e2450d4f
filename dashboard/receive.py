"""What is sent to us: payloads of partners' programs, and field reports. Answered only once it is durable."""

from __future__ import annotations

import asyncio
import logging
import math
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from dashboard.answer import JSON, Refused, encode, refusal
from dashboard.services import Services
from dashboard.sign_in import bearer, remembered_bearer
from data.access import LOCAL_OPERATOR, NOBODY
from data.picture import Picture
from data.records import Severity, Value
from data.settings import Settings, Source
from data.tokens import Token

REPORT_FEED = "report"
REPORTS = "reports"
"""The source of reports written on this machine's own page."""
REPORT_BYTES = 256 * 1024
PHOTO_BYTES = 3 << 20
log = logging.getLogger(__name__)
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,120}\Z")


@dataclass(frozen=True)
class Limits:
    """What one sender may ask of the server."""

    body_bytes: int = 200 << 20
    in_hand_bytes: int = 512 << 20
    """Of all payloads that are being received at once."""
    per_s: float = 2_000.0
    """Requests a second of one token, in the long run."""
    burst: float = 4_000.0
    """At once, after a pause."""


def limits_of(settings: Settings) -> Limits:
    return Limits(per_s=settings.requests_per_s, burst=2 * settings.requests_per_s)


@dataclass
class Gate:
    """Counts requests by token and by source, and bytes in hand."""

    limits: Limits
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _left: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    _in_hand: int = 0

    def pass_token(self, token: Token) -> None:
        """Take one of a token's requests. Raises `Refused`."""
        self._pass("token", token.name, self.limits.per_s, self.limits.burst)

    def pass_source(self, source: Source | None) -> None:
        """Take one of the requests for a source that has a rate of its own, whoever sends. Raises `Refused`."""
        if source is not None and source.requests_per_s is not None:
            self._pass("source", source.name, source.requests_per_s, max(1.0, 2 * source.requests_per_s))

    def _pass(self, what: str, name: str, per_s: float, burst: float) -> None:
        """A bucket that refills."""
        with self._lock:
            now = time.monotonic()
            left, at = self._left.get((what, name), (burst, now))
            left = min(burst, left + (now - at) * per_s)
            if left >= 1.0:
                self._left[what, name] = (left - 1.0, now)
                return
            wait = max(1, math.ceil((1.0 - left) / per_s))
        sentence = f"More than {per_s:g} requests a second of this {what}; send several records in one payload."
        raise Refused(429, sentence, Retry_After=str(wait))

    def take(self, size: int) -> None:
        with self._lock:
            if self._in_hand + size > self.limits.in_hand_bytes:
                raise Refused(503, "Too much is being received at this moment; send it again shortly.", Retry_After="5")
            self._in_hand += size

    def give_back(self, size: int) -> None:
        with self._lock:
            self._in_hand -= size


Post = Callable[[Request], Any]


@dataclass
class Following:
    """Brings the picture up to date, so that whoever is answered finds what they sent; one turn serves all who wait for it."""

    picture: Picture
    _turn: asyncio.Future[Any] | None = None

    async def to(self, revision: int) -> None:
        """What is in hand may have begun before the revision was there: then the next turn brings it."""
        try:
            while self.picture.revision < revision:
                if self._turn is None or self._turn.done():
                    self._turn = asyncio.ensure_future(run_in_threadpool(self.picture.catch_up))
                await asyncio.shield(self._turn)
        except Exception:
            # It is durable, which is what the answer says; the pages' own thread goes on trying to read it.
            log.exception("Revision %d is stored but cannot be read yet.", revision)


def ingest(services: Services, gate: Gate, following: Following) -> Post:
    """`POST /api/ingest/{feed}?source=`: one payload of a feed."""

    async def receive(request: Request) -> Response:
        try:
            token = remembered_bearer(services.identity, request.headers)
            token = token or await run_in_threadpool(bearer, services.identity, request)
            gate.pass_token(token)
            feed = request.path_params["feed"]
            source = _source(services, token, feed, request.query_params.get("source", ""))
            gate.pass_source(services.settings.sources.get(source))
            content, held = await _body(request, gate, gate.limits.body_bytes)
            try:
                media_type = request.headers.get("content-type", "")
                tally = await services.receive(feed, source, content, media_type)
            finally:
                gate.give_back(held)
            await following.to(tally["revision"])
            return _told(tally)
        except Refused as error:
            return refusal(error)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it

    return receive


class Told(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A field report as it is sent."""

    title: str = ""
    description: str = ""
    category: str = ""
    severity: str = "unknown"
    event_time: datetime | None = None
    version_time: datetime | None = None
    lon: float | None = None
    lat: float | None = None
    place: str = ""
    adm_pcode: str | None = None
    place_precision: str = ""
    grade: str = "F6"
    reporter: str = ""
    form: str = ""
    needs: str = ""
    attributes: dict[str, Value] = {}
    source_ref: str = ""


def reports(services: Services, gate: Gate, following: Following) -> Post:
    """`POST /api/reports`: one field report. `Idempotency-Key` is its key: the same key again is the same report.

    `?written_by=` says who wrote it, where that may be another than who is signed in by now: it is sent by its writer alone.
    """

    async def receive(request: Request) -> Response:
        try:
            token = remembered_bearer(services.identity, request.headers)
            token = token or await run_in_threadpool(_reporter, services, request)
            _by_its_writer(token, request)
            gate.pass_token(token)
            if request.headers.get("content-type", "").split(";")[0].strip().lower() != JSON:
                raise Refused(415, "Send the report as application/json.")
            source = _source(services, token, "", request.query_params.get("source", ""))
            gate.pass_source(services.settings.sources.get(source))
            content, held = await _body(request, gate, REPORT_BYTES)
            try:
                key = request.headers.get("idempotency-key", "")
                report = _report(content, key)
                tally = await services.receive(REPORT_FEED, source, encode(report), JSON)
            finally:
                gate.give_back(held)
            await following.to(tally["revision"])
            if tally.get("rejected"):
                raise Refused(422, "; ".join(tally["reasons"]) + ".")
            number = services.attachments.report_id(source, report.source_ref)
            return _told({**tally, "source_ref": report.source_ref, "id": number})
        except Refused as error:
            return refusal(error)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it

    return receive


def photos(services: Services, gate: Gate, following: Following) -> Post:
    """`POST /api/reports/photo`: a photo of the report with this `Idempotency-Key`, as image/jpeg, image/png or image/webp.

    `?keep=1` leaves in it where and with what it was taken.
    """

    async def receive(request: Request) -> Response:
        try:
            token = remembered_bearer(services.identity, request.headers)
            token = token or await run_in_threadpool(_reporter, services, request)
            _by_its_writer(token, request)
            gate.pass_token(token)
            source = _source(services, token, "", request.query_params.get("source", ""))
            gate.pass_source(services.settings.sources.get(source))
            key, keep = request.headers.get("idempotency-key", ""), request.query_params.get("keep") == "1"
            if not _NAME.match(key):
                raise Refused(
                    422, "Idempotency-Key: say which report the photo belongs to, by the key it was sent with."
                )
            content, held = await _body(request, gate, PHOTO_BYTES)
            try:
                found = await run_in_threadpool(
                    services.attachments.attach, token.viewer.name, source, key, content, keep
                )
            finally:
                gate.give_back(held)
            await following.to(found[1])
            return _told({"id": found[0], "revision": found[1]})
        except Refused as error:
            return refusal(error)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it

    return receive


def _by_its_writer(token: Token, request: Request) -> None:
    """A report that waited on a phone is sent under its writer's name or not at all. Raises `Refused`."""
    writer = request.query_params.get("written_by", "")
    if writer and writer != token.viewer.name:
        raise Refused(409, "Somebody else wrote this; it can be sent once they have signed in.")


def _told(tally: Mapping[str, Any]) -> Response:
    """200 with the tally; 422 with it where the payload as a whole could not be read (it is in quarantine)."""
    if error := str(tally.get("error", "")):
        return refusal(Refused(422, f"{error[:1].upper()}{error[1:].rstrip('.')}."))
    return Response(encode(tally), media_type=JSON, headers={"Cache-Control": "private, no-store"})


def _reporter(services: Services, request: Request) -> Token:
    """Who reports: a token; or, from a page of ours, whoever is signed in, or the operator where there are no accounts."""
    if request.headers.get("authorization") is not None:
        return bearer(services.identity, request)
    viewer = services.viewer(request)
    if viewer == NOBODY:
        raise Refused(401, "Send a token in the header Authorization: Bearer.", WWW_Authenticate="Bearer")
    if not same_origin(request):
        raise Refused(403, "Reports without a token are taken from this server's own pages only.")
    if viewer.kind == "display":
        raise Refused(403, "A display shows, and sends nothing.")
    return Token(viewer.name, viewer, ("*",) if viewer == LOCAL_OPERATOR else (REPORTS,))


def same_origin(request: Request) -> bool:
    """Whether no browser says that another site's page sent this (Fetch standard: Origin, Sec-Fetch-Site)."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host", "")


def _source(services: Services, token: Token, feed: str, name: str) -> str:
    """The source that is meant: the one named, else the only one this token or, for a feed, the settings leave."""
    if not name:
        only = [source for source in token.sources if source != "*"]
        of_feed = [source.name for source in services.settings.sources.values() if feed and source.feed == feed]
        if len(only) == 1:
            name = only[0]
        elif len(of_feed) == 1 and token.may_send(of_feed[0]):
            name = of_feed[0]
        elif token.may_send(feed or REPORTS):
            name = feed or REPORTS
        else:
            raise Refused(422, "Say whose this is: add ?source=NAME.")
    if not _NAME.match(name):
        raise Refused(422, "source: use a name of 1 to 120 printable characters.")
    if not token.may_send(name):
        raise Refused(403, f"This token may not send for the source '{name}'.")
    return name


async def _body(request: Request, gate: Gate, most: int) -> tuple[bytes, int]:
    """The body and how many bytes of it are held at the gate (to be given back). Raises `Refused`; reads no more than `most`."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(415, "Send the payload as it is, without a Content-Encoding.")
    told = request.headers.get("content-length", "0")
    if told.isdigit() and int(told) > most:
        raise Refused(413, f"The body has {int(told):,} bytes; at most {most:,} are taken.", Connection="close")
    parts, size, held = [], 0, 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > most:
                raise Refused(413, f"The body has more than {most:,} bytes.", Connection="close")
            gate.take(len(part))
            held += len(part)
            parts.append(part)
    except BaseException:
        gate.give_back(held)
        raise
    return b"".join(parts), held


_decoder = msgspec.json.Decoder(Told)
_PRECISIONS = ("exact", "near", "adm3", "adm2", "adm1", "adm0", "")


def _report(content: bytes, key: str) -> Told:
    """What was sent, with its key. Raises `Refused` naming the field."""
    try:
        told = _decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(422, f"The report cannot be read: {str(error).rstrip('.')}.") from None
    if told.severity not in Severity.__members__:
        raise Refused(422, f"severity: use one of {', '.join(Severity.__members__)}.")
    if told.place_precision not in _PRECISIONS:
        raise Refused(422, f"place_precision: use one of {', '.join(_PRECISIONS[:-1])}.")
    if not (told.title.strip() or told.description.strip()):
        raise Refused(422, "title: say what you saw, in the title or the description.")
    for name in ("event_time", "version_time"):
        moment = getattr(told, name)
        if moment is not None and moment.tzinfo is None:
            raise Refused(422, f"{name}: has no time zone; write it like 2026-11-20T18:00:00Z.")
    ref = key or told.source_ref or uuid.uuid4().hex
    if not _NAME.match(ref):
        raise Refused(422, "Idempotency-Key: use 1 to 120 printable characters.")
    return msgspec.structs.replace(told, source_ref=ref)
