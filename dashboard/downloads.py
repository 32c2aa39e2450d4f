"""`GET /api/export/{collection}`: what a page shows under its filters, as a file that its reader takes home.

Made in a folder that is gone again before the first byte leaves: what is sent is read from the open file. Put down in the
audit log before that.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, get_args

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from dashboard import rights
from dashboard.answer import NOT_FOUND, VARY, Refused
from dashboard.export import Format, about, write
from dashboard.guard import COMPRESSED
from dashboard.selection import chosen, refuse_unknown
from dashboard.services import Services
from dashboard.words import dtg, language
from data.filters import BadFilter, parse
from data.records import COLLECTIONS

MEDIA = {
    "geojson": "application/geo+json",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "gpkg": "application/geopackage+sqlite3",
    "parquet": "application/vnd.apache.parquet",
}
PART_BYTES = 1 << 18
AT_ONCE = threading.BoundedSemaphore(2)
"""Files being made: a large one takes a processor for a minute, and the pages are served by the others."""


def download(services: Services, request: Request) -> Response:
    """The file. 403 without the role for it, 503 while others are being made."""
    kind = COLLECTIONS.get(request.path_params["collection"])
    if kind is None:
        raise NOT_FOUND
    viewer = services.viewer(request)
    if not rights.exports(viewer):
        raise Refused(403, "Taking records out as files needs the role 'export'; an administrator gives it.")
    query = dict(request.query_params)
    refuse_unknown(kind, query, ("format",))
    asked = query.pop("format", "csv")
    if asked not in MEDIA:
        raise BadFilter(f"format: '{asked[:40]}' is not one of {', '.join(get_args(Format))}.")
    filters = parse(query, kind.codes)
    seen = services.picture.seen_by(viewer, filters.as_known_at)
    rows = seen.exportable(kind.name, chosen(services, seen, kind, filters, query))
    words = "&".join(f"{name}={value}" for name, value in query.items() if value)
    told = about(seen, kind.collection, rows, words, services.settings.mission.name, language(query.get("lang")))
    mark = seen.marking((kind.name, rows))
    with _turn(), tempfile.TemporaryDirectory(prefix="commonground-") as folder:
        file = Path(folder) / f"{kind.collection}.{asked}"
        write(seen, kind.collection, rows, asked, file, told)  # type: ignore[arg-type]
        details = {"format": asked, "filters": words, "count": len(rows), "revision": seen.revision}
        services.exported(viewer.name, kind.collection, details)
        made, size = file.open("rb"), file.stat().st_size
    level = [mark.sensitivity.name] if mark else []
    exercise = ["exercise"] if told.marking.startswith("EXERCISE") else []
    name = "-".join([kind.collection, *exercise, *level, dtg(seen.now).replace(" ", "")])
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'attachment; filename="{name}.{asked}"',
        "Vary": VARY,
    }
    # What the guard would compress it would first gather whole; without a length it is passed on as it comes.
    if MEDIA[asked] not in COMPRESSED:
        headers["Content-Length"] = str(size)
    return StreamingResponse(_parts(made), media_type=MEDIA[asked], headers=headers)


def _parts(made: BinaryIO) -> Iterator[bytes]:
    with made:
        while part := made.read(PART_BYTES):
            yield part


@contextmanager
def _turn() -> Iterator[None]:
    if not AT_ONCE.acquire(timeout=10):
        raise Refused(503, "Other files are being made; ask again in a minute.", Retry_After="60")
    try:
        yield
    finally:
        AT_ONCE.release()
