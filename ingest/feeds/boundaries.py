"""Administrative boundaries as OCHA publishes them (Common Operational Datasets, COD-AB), as GeoJSON.

The columns of P-codes tell the level (`ADM2_PCODE`, `admin2Pcode`, `adm2_pcode`); the deepest is the area's own.
`validOn` is the vintage: the same codes of another vintage are other areas, so both are kept. A country's outline often
comes without any column; its code then is `country` of the source, or begins the file's name (`ssd_adm0`).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from shapely.geometry import shape as geojson_shape

from data.records import Boundary, Record
from data.settings import Source
from ingest.countries import iso2
from ingest.feed import Context, Feed, Payload, Refusal, decode_text
from ingest.headings import area_columns
from ingest.sheets import plain
from ingest.values import instant, needed, shape, text

PCODE_KEY = re.compile(r'"adm(?:in)?_?\d_?p_?cod(?:e|)\w*"\s*:', re.IGNORECASE)
BARE_AREA = re.compile(r'^\s*\{\s*"type"\s*:\s*"Feature"\s*,\s*"properties"\s*:\s*(?:\{\s*\}|null)\s*,')
LONGITUDE_LATITUDE = re.compile(r"CRS:?84$|EPSG:*(?:4326|4269)$", re.IGNORECASE)
VALID_ON = ("validOn", "valid_on", "ValidOn", "VALIDON", "date", "Date")
VALID_TO = ("validTo", "valid_to", "ValidTo", "VALIDTO")
CHANGED = ("date", "Date")


def recognise(payload: Payload) -> int:
    head = payload.head_text
    if '"Feature' not in head or "Polygon" not in head:
        return 0
    if PCODE_KEY.search(head):
        return 95
    if '"properties"' not in head:  # a large outline stands before what it is
        with payload.open() as stream:
            stream.seek(max(stream.seek(0, os.SEEK_END) - 16_384, 0))
            return 95 if PCODE_KEY.search(stream.read().decode("utf-8", "replace")) else 0
    return 55 if BARE_AREA.match(head) else 0


def rows(payload: Payload, source: Source) -> Iterable[Any]:
    document = json.loads(decode_text(payload.read()))
    if not isinstance(document, dict) or document.get("type") not in ("FeatureCollection", "Feature"):
        raise ValueError(f"{payload.name} is not GeoJSON: expected a FeatureCollection or a Feature")
    crs = ((document.get("crs") or {}).get("properties") or {}).get("name") or "CRS84"
    if not LONGITUDE_LATITUDE.search(str(crs)):
        raise ValueError(f"{payload.name} is in {crs}; save it in longitude and latitude (EPSG:4326)")
    hint = re.match(r"([a-z]{3})[_-]", re.split(r"[/\\]", payload.name)[-1], re.IGNORECASE)
    country = str(source.options.get("country") or (hint[1] if hint else ""))
    for feature in document.get("features") or [] if document["type"] == "FeatureCollection" else [document]:
        yield {**feature, "country": country}


def record(row: Any, context: Context) -> Record:
    properties: Mapping[str, Any] = row.get("properties") or {}
    columns = area_columns(tuple(properties))
    levels = [level for level in columns.pcodes if level <= 4]
    level = max(levels, default=0)
    if levels:
        pcode = needed(properties, columns.pcodes[level])
    elif properties and not columns.names.get(0):
        raise Refusal("pcode", "no column of a P-code (such as ADM2_PCODE); name the area's own code column so")
    else:
        pcode = iso2(text(properties, "iso3") or text(properties, "iso2") or row["country"])
        if not pcode:
            raise Refusal("country", "is not said; set `country` of the source to its ISO code")
    if not row.get("geometry"):
        raise Refusal("geometry", "is missing")
    lon, lat, wkb = shape(geojson_shape(row["geometry"]))
    if wkb is None:
        raise Refusal("geometry", "is a point, not an area")
    vintage = _first_day(properties, VALID_ON)
    names = tuple(text(properties, columns.names.get(each, "")) for each in range(1, level + 1))
    own = columns.names.get(level, "")
    local = next((name for name in columns.other_names.get(level, ()) if text(properties, name)), "")
    used = {*(columns.names[each] for each in (1, 2, 3) if each in columns.names), own, local, *VALID_ON}
    used |= {columns.pcodes[each] for each in (level, level - 1) if each in columns.pcodes}
    return Boundary(
        source_ref=f"{pcode}@{vintage.date()}" if vintage else pcode,
        title=text(properties, own) or (str(context.source.options.get("name", "")) if not level else "") or pcode,
        category=f"adm{level}",
        version_time=_first_day(properties, CHANGED),
        lon=lon,
        lat=lat,
        wkb=wkb,
        adm_pcode=pcode,
        adm_names=names[:3],
        attributes=plain({key: _flat(value) for key, value in properties.items() if value is not None}, used),
        pcode=pcode,
        level=level,
        parent_pcode=text(properties, columns.pcodes[level - 1]) if level - 1 in columns.pcodes else "",
        name_local=text(properties, local),
        vintage=vintage,
        valid_to=_first_day(properties, VALID_TO),
        disputed=any("disput" in str(value).casefold() for value in properties.values() if isinstance(value, str)),
    )


def _flat(value: Any) -> str | int | float | bool:
    return value if isinstance(value, (str, int, float, bool)) else json.dumps(value, ensure_ascii=False)


def _first_day(properties: Mapping[str, Any], keys: Iterable[str]) -> datetime | None:
    """A day of the calendar, which is the same in every time zone."""
    return next((instant(properties, key) for key in keys if text(properties, key)), None)


FEED = Feed(
    name="boundaries",
    title="Administrative boundaries (COD-AB GeoJSON)",
    kinds=("boundary",),
    formats=("geojson",),
    media_types=("application/geo+json", "application/json"),
    recognise=recognise,
    rows=rows,
    record=record,
    precedence=lambda payload: -100,
)
