"""What was refused and what should never have come, for the people of the agency whose source it is: seen, mended, taken back.

A refused row bears no mark, so only its owner's people see it (`sees`), whatever else they may do; who of them may act is
`dashboard.rights.feeds`. To everybody else neither row nor source is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dashboard import rights
from dashboard.acts import Act, Told
from dashboard.answer import NOT_FOUND, Refused, answer
from dashboard.api import known_states, owns
from dashboard.services import Services
from data.access import EVERY_AGENCY, Viewer

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True)
class Which:
    """Rejects: these, or of a source, feed and reason."""

    source: str
    feed: str | None = None
    reason: str | None = None
    ids: tuple[int, ...] = ()


def sees(services: Services, viewer: Viewer, source: str) -> bool:
    """Whether this viewer sees what was refused of a source: whoever owns it, or sits at the machine."""
    if viewer.agency == EVERY_AGENCY:
        return True
    seen = services.picture.seen_by(viewer)
    return any(state.name == source and owns(services, seen, state) for state in known_states(services, viewer))


def mends(services: Services, viewer: Viewer, source: str) -> bool:
    """Whether this viewer may act on it as well."""
    return sees(services, viewer, source) and rights.feeds(viewer, _agency(services, source))


def _agency(services: Services, source: str) -> str:
    known = services.picture.sharing.sources.get(source)
    if known is not None:
        return known.agency
    return next((state.agency for state in services.states() if state.name == source), "")


# -------------------- read


def rows(services: Services, request: Request) -> Response:
    """`GET /api/quarantine/rows?source=&feed=&reason=&after=`: a page of open rejects of one group."""
    query = request.query_params
    viewer = services.viewer(request)
    source = query.get("source", "")
    if not sees(services, viewer, source):
        raise NOT_FOUND
    after = query.get("after", "0")
    if not after.isdigit() or len(after) > 18:
        raise Refused(400, "after: use the id of a row.")
    which = Which(source, query.get("feed"), query.get("reason"))
    found = services.mending.rows(which, int(after))
    return answer(request, {"rows": [_timed(row) for row in found], "may": mends(services, viewer, source)})


def export(services: Services, request: Request) -> Response:
    """`GET /api/quarantine/export?source=`: the open rejects of a source as a workbook to send back to the partner."""
    viewer, source = services.viewer(request), request.query_params.get("source", "")
    if not mends(services, viewer, source):
        raise NOT_FOUND
    content, count = services.mending.export(source)
    services.exported(viewer.name, "quarantine", {"format": "xlsx", "source": source, "count": count})
    name = "".join(ch if ch.isascii() and (ch.isalnum() or ch in "-_") else "_" for ch in source)[:60]
    headers = {
        "Content-Disposition": f'attachment; filename="quarantine-{name}.xlsx"',
        "Cache-Control": "private, no-store",
    }
    return Response(content, media_type=XLSX, headers=headers)


def batches(services: Services, request: Request) -> Response:
    """`GET /api/batches?source=`: the newest payloads of a source, what each brought, and how its tables are read."""
    viewer, source = services.viewer(request), request.query_params.get("source", "")
    if not sees(services, viewer, source):
        raise NOT_FOUND
    listed = [
        {
            "revision": one.revision,
            "committed": _moment(one.committed_us),
            "feed": one.feed,
            "payload": one.payload,
            "accepted": one.accepted,
            "revised": one.revised,
            "retracted": one.retracted,
            "undone": None if one.undone_us is None else _moment(one.undone_us),
            "undone_by": one.undone_by,
        }
        for one in services.mending.batches(source)
    ]
    may = mends(services, viewer, source)
    mapping = services.mending.mapping(source, _feed(services, source)) if may else None
    return answer(request, {"batches": listed, "mapping": mapping, "may": may})


def _feed(services: Services, source: str) -> str:
    return next((state.feed for state in services.states() if state.name == source), "")


# -------------------- acts


def _may(services: Services, viewer: Viewer, told: Told) -> bool:
    return mends(services, viewer, _source(services, told))


def _source(services: Services, told: Told) -> str:
    """The one source an act is of, whatever it names: rejects of two sources are not acted on at once."""
    ids = _ids(told)
    named = {services.mending.source_of(number) for number in ids}
    if "revision" in told:
        named.add(services.mending.source_of_batch(_number(told, "revision")))
    if not named:
        return _text(told, "source")
    if len(named) > 1 or None in named or ("source" in told and named != {_text(told, "source")}):
        raise NOT_FOUND
    return str(named.pop())


def _which(services: Services, told: Told) -> Which:
    feed, reason = _text(told, "feed"), _text(told, "reason", 1_000)
    return Which(_source(services, told), feed or None, reason or None, _ids(told))


def _edit(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    cells, text = told.get("cells"), told.get("text")
    if cells is not None and not isinstance(cells, dict):
        raise Refused(422, "cells: use an object of heading and text.")
    if text is not None and not isinstance(text, str):
        raise Refused(422, "text: use the row as text.")
    with _refusing(services):
        (number,) = _ids(told) or (0,)
        return {"row": _timed(services.mending.edit(viewer.name, number, cells, text))}


def _replay(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    with _refusing(services):
        found = services.mending.replay(viewer.name, _which(services, told))
    services.picture.catch_up()
    return {**found, "rows": [_timed(row) for row in found["rows"]]}


def _discard(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    with _refusing(services):
        count = services.mending.discard(viewer.name, _which(services, told), _text(told, "why", 1_000))
        return {"discarded": count}


def _set_mapping(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    columns = told.get("columns")
    if not isinstance(columns, dict):
        raise Refused(422, "columns: use an object of field and heading.")
    source = _source(services, told)
    with _refusing(services):
        return services.mending.set_mapping(viewer.name, source, _feed(services, source), _text(told, "kind"), columns)


def _foresee(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    with _refusing(services):
        return services.mending.foresee(_number(told, "revision"))


def _undo(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    with _refusing(services):
        found = services.mending.undo(viewer.name, _number(told, "revision"), _text(told, "why"))
    services.picture.catch_up()
    return found


ACTS: dict[str, Act] = {
    "/api/quarantine/edit": Act(_edit, _may),
    "/api/quarantine/replay": Act(_replay, _may),
    "/api/quarantine/discard": Act(_discard, _may),
    "/api/quarantine/mapping": Act(_set_mapping, _may),
    "/api/batches/foresee": Act(_foresee, _may),
    "/api/batches/undo": Act(_undo, _may),
}


@contextmanager
def _refusing(services: Services) -> Iterator[None]:
    try:
        yield
    except services.mending.REFUSED as error:
        sentence = str(error)
        raise Refused(422, f"{sentence[:1].upper()}{sentence[1:]}") from None


def _ids(told: Told) -> tuple[int, ...]:
    ids = told.get("ids", [])
    right = isinstance(ids, list) and len(ids) <= 1_000
    if not right or not all(isinstance(one, int) and not isinstance(one, bool) and 0 < one < 1 << 63 for one in ids):
        raise Refused(422, "ids: use a list of up to 1,000 numbers of rows.")
    return tuple(ids)


def _number(told: Told, name: str) -> int:
    value = told.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 63:
        raise Refused(422, f"{name}: use a number.")
    return value


def _text(told: Told, name: str, longest: int = 500) -> str:
    value = told.get(name, "")
    if not isinstance(value, str) or len(value) > longest:
        raise Refused(422, f"{name}: use text of at most {longest} characters.")
    return value.strip()


def _timed(row: Mapping[str, Any]) -> dict[str, Any]:
    told = dict(row)
    told["first_seen"] = _moment(told.pop("first_seen_us"))
    return told


def _moment(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / 1e6, UTC)


Reader = Callable[[Services, Request], Response]
READERS: dict[str, Reader] = {
    "/api/quarantine/rows": rows,
    "/api/quarantine/export": export,
    "/api/batches": batches,
}
