"""`GET /imagery/{id}/{version}/{z}/{x}/{y}`: a tile of a picture of the ground, for whoever the picture's record is released to.

The tiles were made when the picture came in (`ingest.kept_tiles`); here they are only handed out, after the record was asked for
as any other is.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pmtiles.reader import MmapSource, Reader
from starlette.requests import Request
from starlette.responses import Response

from dashboard.answer import NOT_FOUND, answer
from dashboard.api import asked
from dashboard.noted import note_read
from dashboard.services import Services
from data.records import Imagery

FOLDER = "imagery"
MEDIA_TYPES = {b"RIFF": "image/webp", b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg"}


def tile(services: Services, request: Request) -> Response:
    """One tile as it lies in the archive; nothing where the picture shows nothing."""
    path = request.path_params
    address = [path[name] for name in ("z", "x", "y")]
    if not all(part.isascii() and part.isdigit() and len(part) < 9 for part in address):
        raise NOT_FOUND
    seen, _, _ = asked(services, request)
    item = seen.find(path["id"])
    if item is None or not isinstance(item.record, Imagery) or not item.record.tiles.startswith(path["version"]):
        raise NOT_FOUND
    archive = _archive(services.settings.home / FOLDER / f"{item.record.tiles}.pmtiles")
    z, x, y = (int(part) for part in address)
    if archive is None or not item.record.minzoom <= z <= item.record.maxzoom or not (x < 1 << z and y < 1 << z):
        raise NOT_FOUND
    note_read(services, seen, [item])
    image = archive.get(z, x, y) or b""
    media_type = next((name for magic, name in MEDIA_TYPES.items() if image.startswith(magic)), "image/webp")
    return answer(request, image, media_type)


@lru_cache(maxsize=32)
def _opened(file: Path, stamp: int) -> Reader:
    with file.open("rb") as stream:
        return Reader(MmapSource(stream))


def _archive(file: Path) -> Reader | None:
    """None where the tiles are not on this machine: a database that was restored elsewhere has the record alone."""
    try:
        return _opened(file, file.stat().st_mtime_ns)
    except OSError:
        return None
