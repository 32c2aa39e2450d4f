"""What a table looks like before anybody says how to read it: its columns with examples, and what its headings seem to mean.

A suggestion only: the feed `table` reads by what a person then says. Read in the guarded worker, as everything from outside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Literal, get_args, get_origin

import msgspec

from data.records import KINDS, Severity
from ingest import hxl
from ingest.feed import Payload
from ingest.fields import FIELDS
from ingest.headings import LATITUDE, LONGITUDE, LOWEST, area_columns, bare, pick, words
from ingest.sheets import PREVIEW_ROWS, Row, Table, kind_of, preview, tables
from ingest.values import text

TABULAR = ("incident", "report", "supply", "indicator", "feedback", "activity", "site", "route")
"""Kinds of record that partners keep in tables of their own making."""
SELDOM = ("place_precision", "grade", "version_time")
"""Fields that hardly any table has; the settings can map them."""
LEVELS = frozenset((*Severity.__members__, *"012345"))
EXAMPLES = 3
MOST_WORDS = 12
LONGEST = 80
MOST_SHEETS, MOST_COLUMNS = 40, 400

CALLED: Mapping[str, Sequence[str]] = {
    "source_ref": words(
        "id code uuid uid ref reference record_id row_id event_id event_id_cnty activity_id project_code no"
    ),
    "title": words("title name nom nombre headline subject site_name facility_name facility health_facility site"),
    "description": words("description details notes note comments comment remarks narrative text observations"),
    "category": words(
        "category event_type incident_type type sector cluster secteur facility_type site_type theme disease hazard"
    ),
    "severity": words("severity level priority gravity urgency severite"),
    "event_time": words(
        "event_date date date_of_event incident_date report_date date_reported reporting_date occurred observed datetime"
        " timestamp date_incident fecha"
    ),
    "version_time": words("updated last_updated last_modified modified updated_at"),
    "lon": LONGITUDE,
    "lat": LATITUDE,
    "place": words("place location village settlement locality localite town camp site address lieu"),
    "organisation": words("organisation organization org agency lead_organisation reporting_organisation who ong"),
    "partner": words("implementing_partner partner partenaire implementer"),
    "activity": words("activity activity_description activite intervention what project_title project subsector"),
    "status": words("status activity_status project_status road_status statut estado"),
    "start": words("start_date start date_debut from_date"),
    "end": words("end_date end date_fin to_date"),
    "people_in_need": words("people_in_need in_need pin"),
    "people_targeted": words("people_targeted targeted target beneficiaries_targeted personnes_ciblees"),
    "people_reached": words("people_reached reached beneficiaries_reached beneficiaries personnes_atteintes"),
    "functionality": words("functionality functional_status status operational_status functional etat"),
    "operator": words("operator managed_by run_by organisation organization partner ownership"),
    "beds": words("beds number_of_beds no_of_beds lits"),
    "population_served": words("population_served catchment_population population catchment"),
    "site_name": words("site_name facility_name facility health_facility site warehouse location store"),
    "site_ref": words("site_code facility_code site_id facility_id hf_code"),
    "item": words("item_code product_code code item product commodity"),
    "item_name": words("item_name product_name item product commodity description article"),
    "unit": words("unit uom unit_of_measure unite"),
    "stock_on_hand": words("stock_on_hand soh balance stock closing_balance quantity qty on_hand stock_disponible"),
    "amc": words("amc average_monthly_consumption cmm"),
    "consumed": words("consumed consumption issued quantity_issued dispensed"),
    "received": words("received quantity_received qty_received receipts"),
    "losses": words("losses lost adjustments wastage pertes"),
    "expiry": words("expiry expiry_date expiration_date date_peremption"),
    "indicator": words("indicator indicator_name indicateur measure metric"),
    "value": words("value figure number total count cases population valeur individuals idps"),
    "period_start": words("period_start start_date from_date week_start"),
    "period_end": words("period_end end_date to_date week_end"),
    "fatalities": words("fatalities deaths killed dead morts"),
    "injured": words("injured wounded blesses"),
    "actor1": words("actor1 actor perpetrator group"),
    "reporter": words("reporter reported_by enumerator source informant"),
    "channel": words("channel feedback_channel received_through canal"),
    "reason": words("reason cause obstacle remarks"),
    "surface": words("surface road_surface"),
}
"""Words for a field, as `ingest.headings.bare` writes headings; its own name is always one."""


WITHIN: Mapping[str, str] = {
    "source_ref": r"id|code|ref|reference",
    "lat": r"lat|latitude|gps_n|northing",
    "lon": r"lon|long|longitude|gps_e|easting",
    "event_time": r"date|when|jour|fecha",
    "period_start": r"from|start|debut",
    "period_end": r"to|end|fin|until",
    "start": r"from|start|debut",
    "end": r"end|fin|until",
    "severity": r"severity|bad|gravity|urgency|level",
    "category": r"type|category|categorie|theme",
    "fatalities": r"fatalities|deaths|killed|dead",
    "injured": r"injured|wounded",
    "organisation": r"organisation|organization|agency|ngo|ong",
    "activity": r"activity|activite|intervention",
    "people_in_need": r"need",
    "people_targeted": r"target|targeted",
    "people_reached": r"reached|beneficiaries",
    "stock_on_hand": r"stock|balance|soh",
    "item_name": r"item|product|commodity|article",
    "site_name": r"facility|warehouse|store",
    "value": r"value|figure|total|count|cases",
    "title": r"title|name|nom",
    "place": r"place|village|location|boma|settlement|town|camp|site|localite",
    "description": r"description|happened|details|comments?|narrative|notes?|remarks",
}
"""Words within a heading that speak for a field, where no column is called by one of the words above."""


class Column(msgspec.Struct, frozen=True):
    name: str
    tag: str
    examples: tuple[str, ...]
    words: tuple[str, ...]
    """Every different text among the first rows where these are few: what a level or a state may be written as."""


class Sheet(msgspec.Struct, frozen=True):
    """One table. `kind` is what its HXL tags tell it is of; empty without tags."""

    name: str
    kind: str
    columns: tuple[Column, ...]
    meant: dict[str, dict[str, str]]
    """Kind -> field -> the column it seems to be in: by the tags, else by the heading."""


class FieldOf(msgspec.Struct, frozen=True):
    """A field of a kind of record that a column can fill. `words` are all it may say, where these are few."""

    name: str
    part: Literal["what", "when", "where", "figure"]
    words: tuple[str, ...] = ()


def fields_of(kind: str) -> list[FieldOf]:
    """Every field of a kind that a table can fill."""
    types = {field.name: field.type for field in msgspec.structs.fields(KINDS[kind].type)}
    names = [name for name in FIELDS[kind] if name not in SELDOM]
    at = names.index("adm_pcode") if "adm_pcode" in names else len(names)
    names[at:at] = ["adm1_name", "adm2_name", "adm3_name"]
    return [FieldOf(name, _part(name, types.get(name)), _words(types.get(name))) for name in names]


def _part(name: str, hint: Any) -> Literal["what", "when", "where", "figure"]:
    if name in ("lon", "lat", "place", "adm_pcode", "adm1_name", "adm2_name", "adm3_name"):
        return "where"
    kinds = {hint, *get_args(hint)}
    return "when" if datetime in kinds else "figure" if kinds & {int, float} else "what"


def _words(hint: Any) -> tuple[str, ...]:
    if hint is Severity:
        return tuple(Severity.__members__)
    return tuple(word for word in get_args(hint) if word) if get_origin(hint) is Literal else ()


def outline(payload: Payload) -> list[Sheet]:
    """The tables of a payload; none where it is no table. Raises ValueError where it is a damaged one."""
    if not kind_of(payload):
        return []
    found = preview(payload)
    if not found and kind_of(payload) == "json":
        found = tuple(
            Table(one.sheet, one.header, one.tags, tuple(islice(one.rows, PREVIEW_ROWS))) for one in tables(payload)
        )
    return [_sheet(table) for table in found[:MOST_SHEETS]]


def _sheet(table: Table) -> Sheet:
    rows = list(table.rows)
    tags = table.tagged()
    by_column = {column: tag for tag, column in tags.items()}
    header = table.header[:MOST_COLUMNS]
    columns = tuple(_column(name, by_column.get(name, ""), rows) for name in header)
    strange = {one.name for one in columns if not LEVELS.issuperset(word.lower() for word in one.words)}
    meant = {kind: _by_tags(tags, kind) if tags else by_headings(header, kind) for kind in TABULAR}
    for fields in meant.values():
        if not tags and fields.get("severity") in strange:
            del fields["severity"]  # a person must say what its words mean, or every row would be refused
    return Sheet(table.sheet, hxl.kind_of_tags(tags) if tags else "", columns, meant)


def _column(name: str, tag: str, rows: Sequence[Row]) -> Column:
    said = [text(row, name)[:LONGEST] for row in rows if text(row, name)]
    different = tuple(dict.fromkeys(said))
    few = len(different) <= MOST_WORDS and not all(one.replace(".", "").replace(",", "").isdigit() for one in different)
    return Column(name, tag, different[:EXAMPLES], different if few else ())


def _by_tags(tags: Mapping[str, str], kind: str) -> dict[str, str]:
    ways = hxl.mapped(tags, kind)
    return dict(ways[0].columns) if ways else {}


def by_headings(header: Sequence[str], kind: str) -> dict[str, str]:
    """Which column each field of a kind seems to be in; no column is two fields, but for places, which may be named so."""
    areas = area_columns(tuple(header))
    found = {f"adm{level}_name": areas.names[level] for level in (1, 2, 3) if level in areas.names}
    levels = sorted(areas.pcodes, key=lambda level: (level != LOWEST, -level))
    if levels:
        found["adm_pcode"] = areas.pcodes[levels[0]]
    for name in sorted(FIELDS[kind], key=_order):
        left = [column for column in header if column not in found.values()]
        if name not in found and (column := pick(left, (bare(name), *CALLED.get(name, ())))):
            found[name] = column
    for name in sorted(FIELDS[kind], key=_order):
        pattern = re.compile(rf"(?:.*_)?(?:{WITHIN.get(name, '(?!)')})(?:_.*)?")
        left = [column for column in header if column not in found.values()]
        if name not in found and (column := next((one for one in left if pattern.fullmatch(bare(one))), "")):
            found[name] = column
    return found


def _order(name: str) -> int:
    """Fields of one kind alone choose before those that every kind has."""
    common = ("source_ref", "event_time", "lon", "lat", "category", "severity", "title", "place", "description")
    return 1 + common.index(name) if name in common else 0
