"""Layers of vector files through GDAL, which is let loose on nothing but what was looked at here first.

The payload is told by its first bytes; of a zip only the parts of shapefiles are handed on, in a zip of our own making; and
GDAL has no driver but those for shapefiles and GeoPackages where this module is the first to load it, as in the guarded worker.
"""

from __future__ import annotations

import io
import json
import os
import struct
import sys
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import shapely

from ingest import parquet
from ingest.crs import ROUNDING
from ingest.feed import Payload
from ingest.workbooks import DAMAGE, check_zip

ALLOWED = frozenset(("ESRI Shapefile", "GPKG", "MEM"))
SKIPPED = (
    "PCIDSK,PDS4,VICAR,PDF,MBTiles,EEDA,OGCAPI,GDALG,MapInfo File,LVBAG,S57,DGN,OGR_VRT,CSV,GML,GPX,LIBKML,KML,GeoJSON,"
    "GeoJSONSeq,ESRIJSON,TopoJSON,OGR_GMT,SQLite,WAsP,OpenFileGDB,DXF,FlatGeobuf,GeoRSS,VFK,PGDUMP,OSM,GPSBabel,OGR_PDS,WFS,"
    "OAPIF,EDIGEO,Idrisi,ODS,XLSX,Elasticsearch,Carto,AmigoCloud,SXF,Selafin,JML,PLSCENES,CSW,VDV,MVT,NGW,MapML,GTFS,PMTiles,"
    "JSONFG,MiraMonVector,ADBC,AVCBin,AVCE00,AIVector,HTTP"
)
PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
SHP_MAGIC = b"\x00\x00\x27\x0a"
SHX_FIRST = struct.pack(">i", 50)
"""What stands after the header of an index: where the first record begins. In the shapefile itself it is the record's number."""
MOST_FEATURES = 5_000_000


@dataclass(frozen=True)
class Layer:
    name: str
    crs: str
    """As pyproj takes it: `EPSG:32636`, or WKT; empty where the file does not say."""
    in_degrees: bool
    """Whether all coordinates could be longitudes and latitudes."""
    many: bool
    """Whether the file has other layers beside this one."""
    features: Iterable[dict[str, Any]]
    """Each with `properties` and `geometry` (GeoJSON in this layer's CRS, or None)."""


def kind_of(payload: Payload) -> str:
    """`gpkg`, `shp`, `parquet` (GeoParquet) or `zip` (of shapefiles); empty where it is none of them."""
    head = payload.head
    if parquet.is_geographic(payload):
        return "parquet"
    if head.startswith(b"SQLite format 3\x00"):
        told = head[68:72] in (b"GPKG", b"GP10", b"GP11") or (
            b"gpkg_contents" in head and b"gpkg_geometry_columns" in head
        )
        return "gpkg" if told else ""
    if head.startswith(SHP_MAGIC) and len(head) >= 100 and struct.unpack_from("<i", head, 28) == (1000,):
        return "shp" if len(head) < 108 or head[100:104] != SHX_FIRST else ""
    if head.startswith(b"PK\x03\x04"):
        try:
            with payload.open() as stream, zipfile.ZipFile(stream) as archive:
                return "zip" if any(_is_part(name, ".shp") for name in archive.namelist()) else ""
        except (ValueError, *DAMAGE):
            return ""
    return ""


def _is_part(name: str, *suffixes: str) -> bool:
    return name.lower().endswith(suffixes or PARTS) and not name.startswith("__MACOSX") and "/." not in f"/{name}"


@cache
def _gdal() -> Any:
    """pyogrio with no driver but the allowed ones, where it was not loaded before."""
    fresh, before = "pyogrio" not in sys.modules, os.environ.get("OGR_SKIP")
    os.environ["OGR_SKIP"] = SKIPPED
    try:
        import pyogrio
    finally:
        if before is None:
            del os.environ["OGR_SKIP"]
        else:
            os.environ["OGR_SKIP"] = before
    if fresh and (others := set(pyogrio.list_drivers()) - ALLOWED):
        raise RuntimeError(f"GDAL has drivers that are not to read files of strangers: {', '.join(sorted(others))}")
    pyogrio.set_gdal_config_options({"OGR_SQLITE_LOAD_EXTENSIONS": "NO"})
    return pyogrio


def layers_of(payload: Payload) -> Iterator[Layer]:
    """Every layer with features or columns. Raises ValueError where the file is damaged."""
    kind = kind_of(payload)
    if not kind:
        raise ValueError(
            f"{payload.name} is neither a GeoPackage nor a shapefile nor a zip of shapefiles nor GeoParquet"
        )
    if kind == "parquet":
        yield _of_parquet(payload)
        return
    gdal = _gdal()
    contents = {"": payload.read()} if kind == "gpkg" else _shapefiles(payload) if kind == "zip" else _alone(payload)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # measures are dropped, and said so at length
        for name, content in contents.items():
            try:
                listed = gdal.list_layers(content)
                found += [(name or str(layer), str(layer), content) for layer, kind in listed if kind is not None]
            except (gdal.errors.DataSourceError, gdal.errors.DataLayerError) as error:
                raise ValueError(f"{name or payload.name} cannot be read by GDAL: {_words(error)}") from None
        for name, layer, content in found:
            yield _layer(name, layer, content, len(found) > 1)


def _of_parquet(payload: Payload) -> Layer:
    crs, listed = parquet.features(payload)
    rows = list(listed)
    geometries = shapely.from_wkb([wkb for _, wkb in rows], on_invalid="ignore")
    return Layer(PurePosixPath(payload.name).stem, crs, _in_degrees(geometries), False, _of_rows(rows, geometries))


def _of_rows(rows: Sequence[tuple[dict[str, Any], bytes | None]], geometries: Any) -> Iterator[dict[str, Any]]:
    for (properties, wkb), geometry in zip(rows, geometries, strict=True):
        shown = json.loads(shapely.to_geojson(geometry)) if geometry is not None else {"damaged": True} if wkb else None
        yield {"properties": {name: _value(cell) for name, cell in properties.items()}, "geometry": shown}


def _in_degrees(geometries: Any) -> bool:
    west, south, east, north = shapely.total_bounds(geometries)
    # NaN where there is no geometry: nothing is outside.
    return not (west < -180 - ROUNDING or south < -90 - ROUNDING or east > 180 + ROUNDING or north > 90 + ROUNDING)


def _layer(name: str, layer: str, content: bytes, many: bool) -> Layer:
    gdal = _gdal()
    try:
        info = gdal.read_info(content, layer=layer, force_feature_count=True, force_total_bounds=False)
        if info["features"] > MOST_FEATURES:
            raise ValueError(f"layer {name} has {info['features']:,} features; at most {MOST_FEATURES:,} are read")
        meta, _, wkb, columns = gdal.raw.read(content, layer=layer, datetime_as_string=True)
    except (gdal.errors.DataSourceError, gdal.errors.DataLayerError, gdal.errors.FeatureError) as error:
        raise ValueError(f"layer {name} cannot be read by GDAL: {_words(error)}") from None
    geometries = shapely.from_wkb(wkb, on_invalid="ignore") if wkb is not None else np.full(info["features"], None)
    return Layer(
        name, str(meta["crs"] or ""), _in_degrees(geometries), many, _features(meta["fields"], columns, geometries, wkb)
    )


def _features(fields: Any, columns: Any, geometries: Any, wkb: Any) -> Iterator[dict[str, Any]]:
    for number, geometry in enumerate(geometries):
        properties = {str(name): _value(column[number]) for name, column in zip(fields, columns, strict=True)}
        damaged = geometry is None and wkb is not None and wkb[number] is not None
        shown = (
            json.loads(shapely.to_geojson(geometry)) if geometry is not None else {"damaged": True} if damaged else None
        )
        yield {"properties": properties, "geometry": shown}


def _value(cell: Any) -> Any:
    """A cell as JSON has it: nothing for what is not said."""
    if isinstance(cell, np.generic):
        cell = cell.item()
    if cell is None or (isinstance(cell, float) and cell != cell):
        return None
    if isinstance(cell, str):
        return cell.strip("\x00 ").rstrip()
    return cell if isinstance(cell, (int, float, bool)) else str(cell)


def _shapefiles(payload: Payload) -> dict[str, bytes]:
    """Name of each shapefile in a zip -> a zip of its parts alone."""
    try:
        with payload.open() as stream, zipfile.ZipFile(stream) as archive:
            check_zip(payload.name, archive)
            parts = {str(PurePosixPath(name)).lower(): name for name in archive.namelist() if _is_part(name)}
            names = {low: name for low, name in parts.items() if low.endswith(".shp")}
            return {PurePosixPath(name).stem: _packed({part: archive.read(parts[low[:-4] + part])
                    for part in PARTS if low[:-4] + part in parts}) for low, name in names.items()}  # fmt: skip
    except DAMAGE as error:
        raise ValueError(f"{payload.name} is a damaged or encrypted zip file: {error}") from None


def _alone(payload: Payload) -> dict[str, bytes]:
    return {PurePosixPath(payload.name).stem: _packed({".shp": payload.read()})}


def _packed(parts: dict[str, bytes]) -> bytes:
    if ".shx" not in parts:
        parts = {**parts, ".shx": _index(parts[".shp"])}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for suffix, content in parts.items():
            archive.writestr(f"layer{suffix}", content)
    return packed.getvalue()


def _index(shp: bytes) -> bytes:
    """The index (.shx) of a shapefile that came without it, from its records (ESRI Shapefile Technical Description, 1998)."""
    entries, at = b"", 100
    while at + 8 <= len(shp):
        words = struct.unpack_from(">i", shp, at + 4)[0]
        if words <= 0 or at + 8 + 2 * words > len(shp):
            break
        entries += struct.pack(">ii", at // 2, words)
        at += 8 + 2 * words
    return shp[:24] + struct.pack(">i", (100 + len(entries)) // 2) + shp[28:100] + entries


def _words(error: Exception) -> str:
    return str(error).split("It might help to specify")[0].replace("/vsimem/", "").strip()[:200]
