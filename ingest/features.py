"""What a feature of a drawing or layer becomes: a geometry and properties, whatever file they came in (GeoJSON, GeoPackage, ...).

The kind is `kind` of the source, else told from what is there: amenities, clinics, wells and the like are sites, lines of
roads are routes, all others are reports with their geometry. The key is the feature's own id, else a column of ids that
never repeats, else its name where no other has it, else a digest of name and geometry.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import shapely
from shapely.geometry import shape as geojson_shape
from shapely.geometry.base import BaseGeometry

from data.records import KINDS, Record
from ingest.feed import EARLIEST, Context, Refusal
from ingest.headings import area_columns, area_of, bare, pick, words
from ingest.sheets import distinct, plain
from ingest.site_words import COLUMNS, functionality
from ingest.values import shape, text
from ingest.written import moment

IDS = words("osm_id globalid uuid uid ssid guid gid objectid feature_id site_id id code pcode ref reference fid fid_1")
NAMES = words(
    "name name_en nameascii title label shapename name_1 nom nombre callsign stop_name locname facility_name settlement"
    " location referendum local_name village town city camp place_name site_name station country state"
)
SITES = words(
    "amenity healthcare man_made aeroway shop office tourism social_facility emergency facility facility_type"
    " facility_name hf_type water_source_type school_name warehouse"
)
ROUTES = words("highway route railway road_class surface_type")
KIND_OF_COLUMN = {**dict.fromkeys(SITES, "site"), **dict.fromkeys(ROUTES, "route")}
KINDS_OF_FEATURES = ("report", "site", "route", "incident")
TYPES = ("type", "category", "class", "featurecla", "fclass", "place", "boundary", "layer_type", "kind", "source_type")
TIMES = ("event_time", "time", "timestamp", "datetime", "date", "observed", "report_date", "begin", "start")
CHANGED = ("updated", "updated_at", "last_updated", "lastupdated", "modified", "last_edited_date", "version_time")


def told_apart(features: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Features (`id`, `properties`, `geometry` as GeoJSON) of one layer, each with its `key`."""
    listed = list(features)
    said = [_properties(feature) for feature in listed]
    columns = {bare(name): name for properties in said[:50] for name in properties}
    own = [str(feature["id"]) if feature.get("id") not in (None, "") else "" for feature in listed]
    for word in (*IDS, *NAMES):
        if len(listed) > 1 and word in columns and not all(own):
            codes = [text(properties, columns[word]) for properties in said]
            own = codes if all(codes) and len(set(codes)) == len(codes) else own
    seen: dict[str, list[int]] = {}
    for feature, code, properties in zip(listed, own, said, strict=True):
        key = code or _digest(feature, properties)
        yield {**feature, "key": distinct(key, {"": json.dumps(feature, default=str, sort_keys=True)}, seen)}


def _properties(feature: dict[str, Any]) -> Mapping[str, Any]:
    properties = feature.get("properties")
    return properties if isinstance(properties, dict) else {}


def _digest(feature: dict[str, Any], properties: Mapping[str, Any]) -> str:
    about = (
        text(properties, pick(properties, NAMES) or ""),
        feature.get("geometry") or sorted(map(str, properties.items())),
    )
    return hashlib.blake2b(json.dumps(about, default=str).encode(), digest_size=8).hexdigest()


def kind_of(properties: Mapping[str, Any], dimensions: int | None) -> str:
    """The kind of record of a feature with these properties; `dimensions` of its geometry (0 point, 1 line, 2 area)."""
    for name, value in properties.items():
        kind = KIND_OF_COLUMN.get(bare(name))
        if kind == "site" and value not in (None, "") and dimensions in (0, 2):
            return "site"
        if kind == "route" and value not in (None, "") and dimensions == 1:
            return "route"
    return "report"


def geometry_of(feature: Mapping[str, Any]) -> BaseGeometry | None:
    """The geometry as it stands, None where there is none (or an empty one); refused where it is not GeoJSON."""
    said = feature.get("geometry")
    if said is None:
        return None
    try:
        found = geojson_shape(said)
    except Exception as error:  # noqa: BLE001 (shapely raises whatever the nesting makes it meet)
        raise Refusal("geometry", f"is not a GeoJSON geometry ({type(error).__name__})", str(said)[:80]) from None
    return None if found.is_empty else found


def record(feature: dict[str, Any], context: Context, geometry: BaseGeometry | None) -> Record:
    """One feature in EPSG:4326 as a record of its kind; what has no field of its own is an attribute."""
    properties, zone = _properties(feature), context.source.timezone
    dimensions = None if geometry is None else int(shapely.get_dimensions(geometry))
    kind = str(context.source.options.get("kind") or kind_of(properties, dimensions))
    if kind not in KINDS_OF_FEATURES:
        raise ValueError(f"kind of source {context.source.name} is {kind!r}; use one of {', '.join(KINDS_OF_FEATURES)}")
    if geometry is None and not any(text(properties, name) for name in properties):
        raise Refusal("geometry", "is missing, and nothing else is said")
    lon, lat, wkb = shape(geometry) if geometry is not None else (None, None, None)
    areas = area_columns(tuple(properties))
    pcode, names = area_of(properties, areas)
    named = pick([name for name in properties if text(properties, name)], NAMES) or ""
    typed = next((name for name in properties if bare(name) in KIND_OF_COLUMN and text(properties, name)), "")
    typed = typed or pick([name for name in properties if text(properties, name)], TYPES) or ""
    category = text(properties, typed) or str(feature.get("layer") or "")
    changed = pick(properties, CHANGED) or ""
    own: dict[str, Any] = {}
    if kind == "site":
        own["functionality"] = functionality(text(properties, pick(properties, COLUMNS["status"]) or ""))
        own["operator"] = text(properties, "operator")
    flat = {name: value if isinstance(value, (str, int, float, bool)) else json.dumps(value, ensure_ascii=False, default=str)
            for name, value in properties.items() if value not in (None, "")}  # fmt: skip
    return KINDS[kind].type(
        source_ref=feature["key"],
        title=text(properties, named)
        or (f"{category or kind}, {names[-1]}" if names else category or kind.capitalize()),
        description=text(properties, pick(properties, ("description", "desc", "remarks", "comment", "comments")) or ""),
        category=category,
        event_time=_when(properties, context),
        version_time=moment(properties, changed, zone) if changed else None,
        lon=lon,
        lat=lat,
        wkb=wkb,
        adm_pcode=pcode,
        adm_names=names,
        place_precision="exact" if lon is not None else "",
        attributes=plain(flat, {named}),
        **own,
    )


def _when(properties: Mapping[str, Any], context: Context) -> datetime | None:
    """The first time that is said, can be read and is past: in a layer of strangers a column named "date" may hold anything."""
    for word in TIMES:
        try:
            found = moment(properties, pick(properties, (word,)) or "", context.source.timezone)
        except Refusal:
            continue
        if found and EARLIEST <= found <= context.latest_observed:
            return found
    return None
