"""The browser parts, kept by browsers for good under an address that changes with their content.

`/assets/v-{version}/...` never changes; anything else is asked for again and answered 304. `dashboard.guard` compresses
each once.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from dashboard.answer import NOT_FOUND, held

FOR_GOOD = "public, max-age=31536000, immutable"
ASK_AGAIN = "public, no-cache"
TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".pbf": "application/vnd.mapbox-vector-tile",
    ".pmtiles": "application/vnd.pmtiles",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


def asset(folder: Path, version: Callable[[], str], request: Request) -> Response:
    """One file of the assets folder. Raises `NOT_FOUND`."""
    path: str = request.path_params["path"]
    lasting = False
    if path.startswith("v-"):
        told, _, path = path.partition("/")
        lasting = told == f"v-{version()}"
    try:
        file = (folder / path).resolve()
        there = file.is_relative_to(folder.resolve()) and file.is_file()
    except (OSError, ValueError):  # no name that a file could have
        there = False
    if not there:
        raise NOT_FOUND
    at = file.stat()
    tag = f'W/"{at.st_mtime_ns:x}-{at.st_size:x}"'
    headers = {"ETag": tag, "Cache-Control": FOR_GOOD if lasting else ASK_AGAIN, "Vary": "Accept-Encoding"}
    if held(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    kind = TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return FileResponse(file, media_type=kind, headers=headers, stat_result=at)
