"""Views that people save: personal, or shared with their agency; each is an address, so that it is sent on like any other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import Response

from dashboard import rights
from dashboard.answer import NOT_FOUND, Refused, answer
from dashboard.api import asked
from dashboard.handling import text_of, write
from dashboard.services import Services
from data.access import EVERY_AGENCY, Mark, Viewer
from data.filters import BadFilter, parse
from data.records import Sensitivity, View
from data.seen import Item, Seen, public_id
from data.written import Change, marked, new_key

Told = Mapping[str, Any]
SOURCE = "views"
PAGES = ("/incidents", "/")
MOST_EACH = 100
NOT_KEPT = frozenset(("view_as", "record"))
"""As whom one looks and what happens to be open are no part of a view."""


def listed(services: Services, request: Request) -> Response:
    """The views one may open: one's own, and those shared within one's agency."""
    seen, _, _ = asked(services, request)
    found = [_told(seen, item, item.record) for item in _views(seen) if isinstance(item.record, View)]
    found = [one for one in found if one["mine"] or (one["shared"] and seen.viewer.owns(str(one["agency"])))]
    found.sort(key=lambda one: str(one["name"]).casefold())
    return answer(request, {"views": found, "may": rights.keeps(seen.viewer), "revision": seen.revision})


def _views(seen: Seen) -> list[Item]:
    return seen.items("view", seen.rows("view"))


def _told(seen: Seen, item: Item, record: View) -> dict[str, Any]:
    return {
        "id": public_id(item.id),
        "revision": item.revision,
        "name": record.title,
        "href": f"{record.page}?{record.query}" if record.query else record.page,
        "shared": record.shared,
        "agency": record.agency,
        "by": record.by,
        "saved": record.event_time,
        "mine": record.by == seen.viewer.name,
    }


def may(services: Services, viewer: Viewer, told: Told) -> bool:
    return rights.keeps(viewer)


def save(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    """`{name, page, query, shared}`: keep this address under a name; one's own of the same name becomes this one."""
    name = text_of(told, "name", 80)
    if not name:
        raise Refused(422, "name: say what the view shall be called.")
    page = text_of(told, "page", 40)
    if page not in PAGES:
        raise Refused(422, f"page: use one of {', '.join(PAGES)}.")
    query = [(key, value) for key, value in parse_qsl(text_of(told, "query", 4_000)) if key not in NOT_KEPT]
    try:
        parse(dict(query))
    except BadFilter as error:
        raise Refused(422, str(error)) from None
    seen = services.picture.seen_by(viewer)
    if SOURCE in seen.sharing.sources:
        raise Refused(422, f"A source of the settings is named '{SOURCE}', the name of what is kept here; rename it.")
    own = [item for item in _views(seen) if isinstance(item.record, View) and item.record.by == viewer.name]
    before = next((item for item in own if item.record.title == name), None)
    if before is None and len(own) >= MOST_EACH:
        raise Refused(422, f"You keep {MOST_EACH} views already; remove one first.")
    made = View(
        source_ref=before.record.source_ref if before else new_key(),
        title=name,
        event_time=datetime.now(UTC).replace(microsecond=0),
        page=page,
        query=urlencode(query, safe=",:"),
        by=viewer.name,
        shared=told.get("shared") is True,
    )
    agency = services.settings.mission.name if viewer.agency == EVERY_AGENCY else viewer.agency
    stamped = marked(made, SOURCE, Mark(agency, Sensitivity.low, (), "views"), services.settings.mission.exercise)
    (public,) = write(services, viewer, "view.save", [Change(stamped, before.revision if before else 0)], name, {})
    return {"id": public}


def remove(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    """`{id, looked_at}`: one's own view is no more."""
    item = services.picture.seen_by(viewer).find(str(told.get("id")))
    if item is None or not isinstance(item.record, View) or item.record.by != viewer.name:
        raise NOT_FOUND
    looked_at = told.get("looked_at")
    change = Change(item.record, looked_at if isinstance(looked_at, int) else item.revision, gone=True)
    write(services, viewer, "view.remove", [change], item.record.title, {})
