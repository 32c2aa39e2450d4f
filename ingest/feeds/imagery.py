"""Pictures of the ground: GeoTIFF and Cloud-Optimised GeoTIFF, raster MBTiles and PMTiles; shown under the marks of the map.

Key: the file's name within its source, so that the same name with other content is a newer version of the picture. When it was
taken is what the file says by `ACQUISITIONDATETIME` and its like (GDAL's IMAGERY domain, Landsat, STAC) or the source's
`acquired`, else `TIFFTAG_DATETIME`, which may be when it was written; where nothing says, it is unknown. Bands of more than
eight bits are stretched from their 2nd to their 98th percentile, and that is said. `title`, `category`, `attribution` of the
source say what a file leaves out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import shapely

from data.records import Imagery
from ingest import imagery, imagery_archive
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.imagery import Tile
from ingest.values import instant, shape

TAKEN = ("ACQUISITIONDATETIME", "ACQUISITION_DATETIME", "ACQUISITION_DATE", "DATE_ACQUIRED", "acquired", "datetime")
NAMED = ("TIFFTAG_DOCUMENTNAME", "TIFFTAG_IMAGEDESCRIPTION", "name", "description")
CREDIT = ("attribution", "TIFFTAG_COPYRIGHT", "TIFFTAG_ARTIST")


def recognise(payload: Payload) -> int:
    if imagery_archive.is_archive(payload):
        return 90
    driver = imagery.driver_of(payload)
    if driver == "MBTiles":
        return 80 if b"tiles" in payload.head and b"metadata" in payload.head and b"zoom_level" in payload.head else 0
    return 90 if driver else 0


def rows(payload: Payload, source: Source) -> Iterator[dict[str, Any]]:
    reader = imagery_archive if imagery_archive.is_archive(payload) else imagery
    digest = hashlib.sha256()
    with payload.open() as file:
        while block := file.read(1 << 20):
            digest.update(block)
    yield {"name": Path(payload.name).name, "digest": digest.hexdigest(), **asdict(reader.describe(payload))}


def record(row: dict[str, Any], context: Context) -> Imagery:
    options = context.source.options
    said = {**row["tags"], **{name: str(value) for name, value in options.items()}}
    west, south, east, north = row["bounds"]
    lon, lat, wkb = shape(shapely.box(west, south, east, north))
    return Imagery(
        source_ref=row["name"],
        title=_first(said, ("title", *NAMED)) or Path(row["name"]).stem.replace("_", " "),
        category=_first(said, ("category",)) or "imagery",
        event_time=_taken(said, context),
        lon=lon,
        lat=lat,
        wkb=wkb,
        tiles=row["digest"],
        minzoom=row["minzoom"],
        maxzoom=row["maxzoom"],
        resolution_m=row["resolution_m"],
        crs=row["crs"],
        bands=row["bands"],
        stretch=row["stretch"],
        attribution=_first(said, CREDIT),
        attributes={name: value for name, value in row["tags"].items() if len(value) <= 500},
    )


def _first(said: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((said[name].strip() for name in names if said.get(name, "").strip()), "")


def _taken(said: Mapping[str, str], context: Context) -> datetime | None:
    for name in (*TAKEN, "TIFFTAG_DATETIME"):
        if value := said.get(name, "").strip():
            day, _, clock = value.partition(" ")
            plain = f"{day.replace(':', '-')} {clock}".strip() if name == "TIFFTAG_DATETIME" else value
            try:
                return instant({name: plain}, name, context.source.timezone)
            except Refusal:
                continue  # a tag that says nothing readable is kept as it stands, among the others
    return None


def tiles(payload: Payload) -> Iterator[Tile]:
    yield from (imagery_archive if imagery_archive.is_archive(payload) else imagery).tiles(payload)


FEED = Feed(
    name="imagery",
    title="Pictures of the ground: GeoTIFF, raster MBTiles and PMTiles",
    kinds=("imagery",),
    formats=("GeoTIFF", "COG", "MBTiles", "PMTiles"),
    media_types=("image/tiff", "image/tiff; application=geotiff", "application/vnd.mbtiles", "application/vnd.pmtiles"),
    recognise=recognise,
    rows=rows,
    record=record,
    tiles=tiles,
)
