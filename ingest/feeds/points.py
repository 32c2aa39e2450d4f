"""Any other table with coordinates: each row a place with what is said of it, as a feature of a layer is.

The last resort of `auto` for a partner's own list, so that it is on the map with all its columns while somebody decides what
it is; `kind` of the source (report, site, route, incident) says so, `ingest.features` tells the rest. A row without
coordinates is kept where it names an area, else refused. A list of persons is never read so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import shapely

from data.records import Record
from ingest import features
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.headings import LATITUDE, LONGITUDE, area_columns, area_of, bare, pick
from ingest.line_lists import of_persons
from ingest.sheets import Table, plain, preview, rows_of
from ingest.written import position

OF_A_FORM = frozenset(("node", "start", "end", "event"))
"""Columns of the audit log that a telephone keeps while a form is filled in: about the form, no places."""


def recognise(payload: Payload) -> int:
    found = [table for table in preview(payload) if _placed(table)]
    if not found:
        return 0
    return 30 if any(pick(table.header, features.NAMES) for table in found) else 50  # what has names is rather of sites


def _placed(table: Table) -> bool:
    names = {bare(name) for name in table.header}
    if table.tags or names >= OF_A_FORM or of_persons(table.header):
        return False
    return bool(pick(table.header, LATITUDE) and pick(table.header, LONGITUDE))


def rows(payload: Payload, source: Source) -> Iterable[dict[str, Any]]:
    return rows_of(payload, _placed, _features, "has no table with a longitude and a latitude")


def _features(table: Table) -> Iterator[dict[str, Any]]:
    lon, lat = pick(table.header, LONGITUDE) or "", pick(table.header, LATITUDE) or ""
    listed = [{"properties": plain(row), "geometry": None, "layer": table.sheet} for row in table.rows]
    for feature in features.told_apart(listed):
        yield {**feature, "lon": lon, "lat": lat}


def record(row: dict[str, Any], context: Context) -> Record:
    properties = row["properties"]
    lon, lat = position(properties, row["lon"], row["lat"])
    if lon is None or lat is None:
        pcode, names = area_of(properties, area_columns(tuple(properties)))
        if not pcode and not any(names):
            raise Refusal("lon/lat", "is empty, and no area is named")
        return features.record(row, context, None)
    return features.record(row, context, shapely.Point(lon, lat))


FEED = Feed(
    name="points",
    title="Any other table with coordinates (CSV, Excel)",
    kinds=features.KINDS_OF_FEATURES,
    formats=("csv", "xlsx", "xls"),
    media_types=("text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    recognise=recognise,
    rows=rows,
    record=record,
    keys="list",
)
