"""Pictures of the ground that come as tiles already: raster PMTiles, version 3 (github.com/protomaps/PMTiles).

Runs in the guarded worker. The tiles are taken as they are, each looked at first.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from ingest.feed import Payload
from ingest.imagery import TILE_PX, NoPicture, Picture, Tile, counted

IMAGES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}


def is_archive(payload: Payload) -> bool:
    """Whether this is PMTiles, version 3."""
    return payload.head.startswith(b"PMTiles\x03")


def _source(payload: Payload) -> Any:
    from pmtiles.reader import MemorySource, MmapSource

    if payload.path is None:
        return MemorySource(payload.read())
    with payload.path.open("rb") as file:
        return MmapSource(file)


def describe(payload: Payload) -> Picture:
    from pmtiles.reader import Reader
    from pmtiles.tile import TileType

    try:
        reader = Reader(_source(payload))
        header, metadata = reader.header(), reader.metadata()
    except NoPicture:
        raise
    except Exception as error:  # noqa: BLE001 (the library raises whatever its bytes lead to)
        raise NoPicture(f"is damaged PMTiles ({type(error).__name__})") from None
    if header["tile_type"] not in (TileType.PNG, TileType.JPEG, TileType.WEBP):
        raise NoPicture("holds tiles of lines and areas, not pictures; as the base map put it into the home folder")
    bounds = [header[f"{name}_e7"] / 1e7 for name in ("min_lon", "min_lat", "max_lon", "max_lat")]
    if not (-180 <= bounds[0] < bounds[2] <= 180 and -90 <= bounds[1] < bounds[3] <= 90):
        raise NoPicture(f"says it lies at {bounds}, which is nowhere")
    return Picture(
        bounds=(bounds[0], bounds[1], bounds[2], bounds[3]),
        minzoom=header["min_zoom"],
        maxzoom=header["max_zoom"],
        tiles=counted(header["addressed_tiles_count"]),
        resolution_m=None,
        crs="EPSG:3857",
        bands=header["tile_type"].name,
        stretch="",
        tags={key: value for key, value in metadata.items() if isinstance(value, str)},
    )


def tiles(payload: Payload) -> Iterator[Tile]:
    """The tiles of an archive, each looked at: what is no image is not handed on to browsers."""
    from PIL import Image
    from pmtiles.reader import all_tiles

    found = describe(payload)
    count = 0
    for (zoom, x, y), image in all_tiles(_source(payload)):
        count = counted(count + 1)
        if not found.minzoom <= zoom <= found.maxzoom:
            continue
        if not any(image.startswith(magic) for magic in IMAGES):
            raise NoPicture(f"has a tile that is no image (zoom {zoom}, column {x}, row {y})")
        try:
            with Image.open(io.BytesIO(image), formats=("PNG", "JPEG", "WEBP")) as opened:
                if max(opened.size) > 2 * TILE_PX:
                    raise NoPicture(f"has a tile of {opened.width} × {opened.height} pixels")
                opened.verify()
        except (OSError, SyntaxError) as error:
            raise NoPicture(f"has a damaged tile (zoom {zoom}, column {x}, row {y}): {error}") from None
        yield zoom, x, y, image
