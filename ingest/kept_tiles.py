"""The pictures of a payload, cut into tiles once and kept as a PMTiles archive in the home folder, under the payload's SHA-256.

The archive is whole before any record points to it, and an archive that is there is never made again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from ingest.feed import Feed, Payload
from ingest.guard import STANDARD, Limits, Unreadable, tiles_guarded

FOLDER = "imagery"
KINDS = {b"RIFF": TileType.WEBP, b"\x89PNG": TileType.PNG, b"\xff\xd8\xff": TileType.JPEG}
LARGEST_BYTES = 2 << 30
"""Of one archive; what is larger is for a tile server, not for an operating picture."""


def keep_tiles(
    home: Path, feed: Feed, payload: Payload, digest: Callable[[Payload], str], limits: Limits = STANDARD
) -> None:
    """Cut and keep, where the feed has pictures and they are not there yet. Raises `ingest.guard.Unreadable`."""
    if feed.tiles is None:
        return
    target = home / FOLDER / f"{digest(payload)}.pmtiles"
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(f".{os.getpid()}.part")
    try:
        with ExitStack() as stack:
            file = stack.enter_context(part.open("wb"))
            writer, kind = Writer(file), TileType.UNKNOWN
            stack.enter_context(writer.tile_f)
            for zoom, x, y, image in tiles_guarded(feed.name, payload, limits):
                writer.write_tile(zxy_to_tileid(zoom, x, y), image)
                kind = next((known for magic, known in KINDS.items() if image.startswith(magic)), kind)
                if writer.offset > LARGEST_BYTES:
                    raise Unreadable(payload.name, f"makes more than {LARGEST_BYTES >> 30} GiB of tiles; cut it up")
            if not writer.tile_entries:
                raise Unreadable(payload.name, "shows nothing: every pixel of it is empty")
            writer.finalize({"tile_type": kind, "tile_compression": Compression.NONE}, {})
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
