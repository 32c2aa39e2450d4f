"""An optional `basemap.pmtiles` in the home folder: street detail under the mission's own layers, served from this machine.

PMTiles version 3 (github.com/protomaps/PMTiles), vector (MVT) or raster (PNG, JPEG, WebP). Nothing is drawn from it that the
browser's style does not know; the file's attribution is shown on the map.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pmtiles.reader import MmapSource, Reader
from pmtiles.tile import Compression, TileType
from starlette.requests import Request
from starlette.responses import Response

from dashboard.answer import FOR_GOOD, NOT_FOUND, answer
from dashboard.services import Services

FILE = "basemap.pmtiles"
MEDIA_TYPES = {
    TileType.MVT: "application/vnd.mapbox-vector-tile",
    TileType.PNG: "image/png",
    TileType.JPEG: "image/jpeg",
    TileType.WEBP: "image/webp",
}
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Basemap:
    """An opened archive and what the browser must know of it."""

    reader: Reader
    media_type: str
    gzipped: bool
    told: dict[str, Any]
    """`kind` vector or raster, `minzoom`, `maxzoom`, `bounds`, `attribution`, `layers` (of a vector one), `version`."""


def basemap(home: Path) -> Basemap | None:
    """The home's base map, or None where there is none that can be read (said once in the log)."""
    file = home / FILE
    try:
        stamp = file.stat().st_mtime_ns
    except OSError:
        return None
    return _opened(file, stamp)


@lru_cache(maxsize=2)
def _opened(file: Path, stamp: int) -> Basemap | None:
    try:
        with file.open("rb") as stream:
            reader = Reader(MmapSource(stream))
        header, metadata = reader.header(), reader.metadata()
        media_type = MEDIA_TYPES[header["tile_type"]]
        compression = header["tile_compression"]
        if compression not in (Compression.NONE, Compression.GZIP):
            raise ValueError(f"its tiles are packed with {compression.name.lower()}, not gzip")
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a file somebody put there, the map goes on without it
        log.warning("%s cannot be used as a base map: %s", file, error or type(error).__name__)
        return None
    told = {
        "kind": "vector" if header["tile_type"] is TileType.MVT else "raster",
        "minzoom": header["min_zoom"],
        "maxzoom": header["max_zoom"],
        "bounds": [header[f"{name}_e7"] / 1e7 for name in ("min_lon", "min_lat", "max_lon", "max_lat")],
        "attribution": re.sub(r"<[^>]*>", "", str(metadata.get("attribution", ""))),
        "layers": [str(layer.get("id", "")) for layer in metadata.get("vector_layers", [])],
        "version": f"{stamp:x}",
    }
    return Basemap(reader, media_type, compression is Compression.GZIP, told)


def tile(services: Services, request: Request) -> Response:
    """`GET /basemap/{version}/{z}/{x}/{y}`: one tile as it lies in the archive, kept for good under its version."""
    found = basemap(services.settings.home)
    parts = [request.path_params[name] for name in ("z", "x", "y")]
    if found is None or not all(part.isascii() and part.isdigit() and len(part) < 9 for part in parts):
        raise NOT_FOUND
    z, x, y = (int(part) for part in parts)
    if z > found.told["maxzoom"] or not (x < 1 << z and y < 1 << z):
        raise NOT_FOUND
    body = found.reader.get(z, x, y) or b""
    packed = {"Content-Encoding": "gzip"} if found.gzipped and body else {}
    return answer(request, body, found.media_type, FOR_GOOD, packed)
