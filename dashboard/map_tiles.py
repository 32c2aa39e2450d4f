"""`GET /tiles/{layer}/{revision}/{z}/{x}/{y}.pbf`: vector tiles for a viewer, kept for good under their revision."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from dashboard.answer import FOR_GOOD, NOT_FOUND, REVALIDATE, answer
from dashboard.api import view_of
from dashboard.selection import revision_time
from dashboard.services import Services
from data.access import Viewer
from data.filters import Filters, parse
from data.seen import Seen
from layers.layer import all_layers
from layers.tiles import encode_tile

MVT = "application/vnd.mapbox-vector-tile"
CATCH_UP_S = 1.0


def tile(services: Services, request: Request) -> Response:
    """The tile as of the revision in its address; `latest` is whatever is newest."""
    path = request.path_params
    layer = all_layers().get(path["layer"])
    address = [path[name] for name in ("z", "x", "y")]
    if layer is None or not all(part.isascii() and part.isdigit() and len(part) < 9 for part in address):
        raise NOT_FOUND
    query = dict(request.query_params)
    filters = parse(query)
    seen, lasting = at_revision(services, services.viewer(request), path["revision"], filters)
    z, x, y = (int(part) for part in address)
    body = encode_tile(seen, layer, filters, z, x, y, view_of(services, query))
    return answer(request, body, MVT, FOR_GOOD if lasting else REVALIDATE)


def at_revision(services: Services, viewer: Viewer, revision: str, filters: Filters) -> tuple[Seen, bool]:
    """The picture as of a revision, and whether asking again would give the same. Raises `Refused`."""
    picture = services.picture
    if revision == "latest":
        return picture.seen_by(viewer, filters.as_known_at), False
    if not revision.isascii() or not revision.isdigit() or len(revision) > 15:
        raise NOT_FOUND
    wanted = int(revision)
    _catch_up(services, viewer, wanted)
    if filters.as_known_at is not None:
        return picture.seen_by(viewer, filters.as_known_at), True
    seen = picture.seen_by(viewer)
    if wanted >= seen.revision:  # a revision that never came: what is newest, but not for good
        return seen, wanted == seen.revision
    return picture.seen_by(viewer, revision_time(seen, wanted) or datetime.fromtimestamp(0, UTC)), True


def _catch_up(services: Services, viewer: Viewer, wanted: int) -> None:
    """A page may hear of a revision from another process before this one has read it: wait for it a little.

    For the viewer's own revision: how long it takes must not tell the picture's.
    """
    deadline = time.monotonic() + CATCH_UP_S
    while services.picture.seen_by(viewer).revision < wanted:
        left = deadline - time.monotonic()
        if left <= 0:
            return
        services.wait(services.picture.revision, left)
        services.picture.catch_up()
