"""Files brought in through the browser: dropped, looked at, previewed, committed. Whoever may is asked at every step.

A drop is known by a random name and belongs to who made it: to everybody else it is not there. What may be filed under a source
is its own agency's to bring in, or an administrator's (`dashboard.rights.feeds`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from dashboard import looking, rights
from dashboard.acts import Act, Told
from dashboard.admin import Denied
from dashboard.answer import NOT_FOUND, Refused, answer, encode, refusal, timed
from dashboard.services import Services
from data.access import EVERY_AGENCY, Viewer

WRITE_BYTES = 1 << 20
BODY_BYTES = 256 << 10
MOST_INCOMING = 6
"""Files on their way in at once, of everybody."""
LOOKED_EVERY_S = 0.5
UNKNOWN = "unknown"
"""The agency of a source of which nobody said whose it is."""


class Filed(NamedTuple):
    """A source there is: what it is called, how it is read, whose it is."""

    title: str
    feed: str
    agency: str


def overview(services: Services, request: Request) -> Response:
    """What the page needs to know before anything is dropped: feeds, sources one may bring in for, fields that can be mapped."""
    viewer = _bringer(services, services.viewer(request))
    sources = [
        {"name": name, "title": one.title, "feed": one.feed, "agency": one.agency}
        for name, one in sorted(known_sources(services).items())
        if rights.feeds(viewer, one.agency)
    ]
    told = {
        "feeds": [
            {"name": feed.name, "title": feed.title, "keys": feed.keys, "formats": feed.formats, "kinds": feed.kinds}
            for feed in services.uploads.feeds()
        ],
        "sources": sources,
        "agencies": _agencies(services, viewer),
        "any_agency": rights.runs(viewer),
        "fields": services.uploads.fields(),
    }
    return answer(request, told)


def known_sources(services: Services) -> dict[str, Filed]:
    """Every source by name: of the settings, marked on screen, or heard of."""
    found: dict[str, Filed] = {}
    for state in services.states():
        found[state.name] = Filed(state.title, state.feed, state.agency)
    for name, source in services.picture.sharing.sources.items():
        before = found.get(name)
        feed = source.feed or (before.feed if before else "")
        found[name] = Filed(source.title or name, feed, source.agency)
    return found


def _agencies(services: Services, viewer: Viewer) -> list[str]:
    """Those whose new sources this viewer may begin."""
    there = list(looking.agencies(services.known))
    return there if rights.runs(viewer) else [viewer.agency]


def _bringer(services: Services, viewer: Viewer) -> Viewer:
    """Whoever may bring in files at all. Raises `Refused`: to others there is no such place."""
    if not rights.feeds(viewer, viewer.agency):
        raise NOT_FOUND
    return viewer


def receiving(services: Services) -> Callable[[Request], Any]:
    """`POST /api/upload/file?id=&name=`: one file as it is, into a drop; written as it comes."""
    incoming = 0

    async def receive(request: Request) -> Response:
        nonlocal incoming
        try:
            viewer = await run_in_threadpool(services.viewer, request)
            if viewer.looking is not None:
                raise Refused(403, "While looking as somebody else nothing can be changed; leave that view first.")
            _bringer(services, viewer)
            if request.headers.get("content-encoding", "identity").lower() != "identity":
                raise Refused(415, "Send the file as it is, without a Content-Encoding.")
            if incoming >= MOST_INCOMING:
                raise Refused(503, "Too many files are on their way in; send it again shortly.", Retry_After="5")
            incoming += 1
            try:
                told = await _taken(services, viewer, request)
            finally:
                incoming -= 1
            return Response(encode(told), media_type="application/json", headers={"Cache-Control": "private, no-store"})
        except Refused as error:
            return refusal(error)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it

    return receive


async def _taken(services: Services, viewer: Viewer, request: Request) -> dict[str, Any]:
    uploads = services.uploads
    staged, name = request.query_params.get("id", ""), request.query_params.get("name", "")
    with _told_apart(services):
        staged, file = await run_in_threadpool(uploads.begin, uploads.owner(viewer.name, viewer.agency), staged, name)
        held = bytearray()
        try:
            async for part in request.stream():
                held += part
                if len(held) >= WRITE_BYTES:
                    await run_in_threadpool(file.write, bytes(held))
                    held.clear()
            await run_in_threadpool(file.write, bytes(held))
            done = await run_in_threadpool(file.done)
        except BaseException:
            await run_in_threadpool(file.drop)
            raise
    return {"id": staged, "file": done.number, "name": done.name, "size": done.size}


@contextmanager
def _told_apart(services: Services) -> Iterator[None]:
    """What `ingest.uploads` raises, as refusals of the request."""
    try:
        yield
    except services.uploads.NOT_THERE:
        raise NOT_FOUND from None
    except services.uploads.REFUSED as error:
        sentence = str(error)
        raise Refused(422, f"{sentence[:1].upper()}{sentence[1:].rstrip('.')}.") from None


def previewing(services: Services) -> Callable[[Request], Any]:
    """`POST /api/upload/preview`: what one file would come to. Its worker is ended when nobody waits for the answer."""

    async def preview(request: Request) -> Response:
        usage = services.uploads.usage()
        body = await request.body()
        work = asyncio.ensure_future(run_in_threadpool(timed, partial(_preview, services, body, usage), request))
        gone = asyncio.ensure_future(_gone(request))
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            usage.stop()
        gone.cancel()
        return await work

    return preview


async def _gone(request: Request) -> None:
    while not await request.is_disconnected():
        await asyncio.sleep(LOOKED_EVERY_S)


def _preview(services: Services, body: bytes, usage: Any, request: Request) -> Response:
    viewer = services.viewer(request)
    if viewer.looking is not None:
        raise NOT_FOUND
    _bringer(services, viewer)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "Send this as application/json.")
    told = _object(body)
    places = services.picture.seen_by(viewer).places
    with _told_apart(services):
        owner = services.uploads.owner(viewer.name, viewer.agency)
        found = services.uploads.preview(
            owner, _text(told, "id"), _choices(services, viewer, told), _number(told, "file"), places, usage
        )
    return answer(request, found, cache="private, no-store")


# -------------------- acts


def _may(services: Services, viewer: Viewer, told: Told) -> bool:
    return rights.feeds(viewer, viewer.agency)


def _looked(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    with _told_apart(services):
        owner = services.uploads.owner(viewer.name, viewer.agency)
        files = services.uploads.look(owner, _text(told, "id"))
    known = known_sources(services)
    names = [feed.name for feed in services.uploads.feeds()]
    return {
        "files": [
            {
                "file": one.number,
                "name": one.name,
                "size": one.size,
                "error": one.error,
                "candidates": [{"feed": each.feed, "score": each.score} for each in one.candidates],
                "sheets": one.sheets,
                "sources": {name: _under(services, known, viewer, name, one.name) for name in names},
            }
            for one in files
        ]
    }


def _under(services: Services, known: Mapping[str, Filed], viewer: Viewer, feed: str, name: str) -> str:
    """Under which source a file of a feed is filed where nobody says one, of those this viewer may take."""
    found: str = services.uploads.source_name(feed, name)
    mine = [one for one, filed in known.items() if filed.feed == feed and rights.feeds(viewer, filed.agency)]
    if found in known and not rights.feeds(viewer, known[found].agency):
        found = mine[0] if len(mine) == 1 else f"{viewer.agency} {found}"
    return found


def _counted(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    places = services.picture.seen_by(viewer).places
    with _told_apart(services):
        owner = services.uploads.owner(viewer.name, viewer.agency)
        choices = _choices(services, viewer, told)
        return services.uploads.count(owner, _text(told, "id"), choices, _number(told, "file"), places)


def _committed(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    with _told_apart(services):
        owner = services.uploads.owner(viewer.name, viewer.agency)
        choices = _choices(services, viewer, told)
        if not choices:
            raise Refused(422, "Choose at least one file to commit.")
        found = services.uploads.commit(owner, _text(told, "id"), choices)
    if found["state"] != "running":
        services.picture.catch_up()
    return found


def _discarded(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    with _told_apart(services):
        services.uploads.discard(services.uploads.owner(viewer.name, viewer.agency), _text(told, "id"))


ACTS: dict[str, Act] = {
    "/api/upload/look": Act(_looked, _may),
    "/api/upload/count": Act(_counted, _may),
    "/api/upload/commit": Act(_committed, _may),
    "/api/upload/discard": Act(_discarded, _may),
}


def _choices(services: Services, viewer: Viewer, told: Told) -> Sequence[Any]:
    """What is chosen for each file, by who may file under that source. Raises `Refused`."""
    listed = told.get("choices")
    if not isinstance(listed, list) or len(listed) > services.uploads.MOST_FILES:
        raise Refused(422, "choices: use a list with what is chosen for each file.")
    known = known_sources(services)
    return [_choice(services, viewer, known, one) for one in listed]


def _choice(services: Services, viewer: Viewer, known: Mapping[str, Filed], told: Any) -> Any:
    try:
        chosen = services.uploads.choice(told)
    except msgspec.ValidationError as error:
        raise Refused(422, f"choices: {str(error).rstrip('.')}.") from None
    name = " ".join(chosen.source.split())
    if name in known:
        if not rights.feeds(viewer, known[name].agency):
            raise Refused(403, f"You may not file under the name '{name}'; choose another.")
        return msgspec.structs.replace(chosen, source=name, agency="")
    agency = chosen.agency.strip()
    if not agency and viewer.agency != EVERY_AGENCY:
        agency = viewer.agency
    if agency and not rights.feeds(viewer, agency):
        raise Denied
    return msgspec.structs.replace(chosen, source=name, agency="" if agency == UNKNOWN else agency)


def _object(body: bytes) -> Told:
    if len(body) > BODY_BYTES:
        raise Refused(413, f"The body is larger than {BODY_BYTES:,} bytes.")
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = None
    if not isinstance(found, dict):
        raise Refused(400, "Send one JSON object.")
    return found


def _text(told: Told, name: str) -> str:
    value = told.get(name, "")
    if not isinstance(value, str) or len(value) > 200:
        raise Refused(422, f"{name}: use text of at most 200 characters.")
    return value


def _number(told: Told, name: str) -> int:
    value = told.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Refused(422, f"{name}: use the number of one of the files.")
    return value
