"""Shapefiles (a zip of them, or a bare .shp), GeoPackages and GeoParquet, every layer, in any CRS; by GDAL's drivers for the
first two only, GeoParquet without GDAL.

Areas with a column of P-codes are boundaries, as in COD-AB; what else a feature becomes is told in `ingest.features`. A
layer that states no CRS is taken as longitude and latitude where its coordinates can be that, else `crs` of the source is
needed. A shapefile without its .dbf has geometries alone, one without .shx is read by what it holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import shapely

from data.records import Record
from ingest import features, layers
from ingest.crs import to_degrees
from ingest.feed import Context, Feed, Payload, Source
from ingest.feeds import boundaries
from ingest.headings import area_columns


def recognise(payload: Payload) -> int:
    return 90 if layers.kind_of(payload) else 0


def rows(payload: Payload, source: Source) -> Iterable[dict[str, Any]]:
    """Each feature with `key`, `layer` and `crs`, its geometry as GeoJSON in that CRS."""
    for layer in layers.layers_of(payload):
        crs = str(source.options.get("crs") or layer.crs)
        if not crs and not layer.in_degrees:
            raise ValueError(
                f"layer {layer.name} of {payload.name} does not say its CRS (.prj); say it in `crs` of the source"
            )
        for feature in features.told_apart(layer.features):
            yield {**feature, "layer": layer.name, "crs": crs, "many": layer.many}


def record(row: dict[str, Any], context: Context) -> Record:
    geometry = features.geometry_of(row)
    if geometry is not None:
        geometry = to_degrees(geometry, row["crs"])
    if geometry is not None and shapely.get_dimensions(geometry) == 2 and area_columns(tuple(row["properties"])).pcodes:
        area = {"properties": row["properties"], "geometry": shapely.geometry.mapping(geometry), "country": ""}
        return boundaries.record(area, context)
    if row["many"]:
        row = {**row, "key": f"{row['layer']}:{row['key']}"}
    return features.record(row, context, geometry)


FEED = Feed(
    name="layers",
    title="Shapefile (zip), GeoPackage and GeoParquet",
    kinds=("boundary", *features.KINDS_OF_FEATURES),
    formats=("zip", "gpkg", "shp", "parquet"),
    media_types=(
        "application/geopackage+sqlite3",
        "application/zip",
        "application/x-shapefile",
        "application/vnd.apache.parquet",
    ),
    recognise=recognise,
    rows=rows,
    record=record,
    keys="list",
    precedence=lambda payload: -90,
)
