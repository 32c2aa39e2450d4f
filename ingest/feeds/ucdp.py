"""Events of organised violence from UCDP GED (Uppsala Conflict Data Program): CSV and zip, API answers (JSON), GeoJSON.

One row is one event with at least one death. The key is `id`, which UCDP keeps through all releases; a later release
revises an event. No row says when it was changed, so that the file read last stands. `fatalities` is UCDP's best
estimate; its low and high ones and the deaths by side stay in the attributes, as does `date_end` of what took longer
than a day. Codes are read by the GED codebook:
    type_of_violence  1 state-based conflict, 2 non-state conflict, 3 one-sided violence
    where_prec        1 the place itself; 2 within about 25 km; 3 the second administrative level; 4 the first; 5 a line or
                      a fuzzy area, taken for as wide as the first; 6 the country; 7 international waters or airspace
Severity follows the deaths as in every feed (`ingest.casualties`); with a best estimate of 0 it is moderate.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from data.records import Incident, Record, Severity
from ingest.casualties import by_deaths
from ingest.feed import Context, Feed, Payload, Source
from ingest.objects import features, flat, headings, place_of
from ingest.sheets import kind_of, plain, tables
from ingest.values import instant, lon_lat, needed, text, whole

KINDS = {"1": "state-based conflict", "2": "non-state conflict", "3": "one-sided violence"}
Precision = Literal["exact", "near", "adm2", "adm1", "adm0", ""]
PRECISION: dict[str, Precision] = {
    "1": "exact",
    "2": "near",
    "3": "adm2",
    "4": "adm1",
    "5": "adm1",
    "6": "adm0",
    "7": "adm0",
}
OWN = frozenset(
    {"id", "type_of_violence", "side_a", "side_b", "where_coordinates", "adm_1", "adm_2", "latitude", "longitude"}
    | {"geom_wkt", "date_start", "best", "where_prec", "conflict_name"}
)
"""Columns that have a field of their own, or say again what another says; all others become attributes."""
SURE = frozenset({"type_of_violence", "side_a", "date_start", "best"})


def recognise(payload: Payload) -> int:
    return 95 if any(names >= SURE for names in headings(payload)) else 0


def rows(payload: Payload, source: Source) -> Iterable[dict[str, Any]]:
    if kind_of(payload) == "json" and '"FeatureCollection"' in payload.head_text:
        yield from features(payload)
        return
    found = False
    for table in tables(payload):
        if {name.lower() for name in table.header} >= SURE:
            found = True
            for row in table.rows:
                yield {name.lower() if name.lower() in OWN else name: value for name, value in plain(row).items()}
    if not found:
        raise ValueError(f"{payload.name} has no table of UCDP events ({', '.join(sorted(SURE))})")


def record(row: dict[str, Any], context: Context) -> Record:
    if row.get("type") == "Feature":
        row = {**flat(row["properties"] or {}), "geometry": row.get("geometry")}
    killed, place = whole(row, "best"), text(row, "where_coordinates")
    kind = KINDS.get(text(row, "type_of_violence"), "")
    lon, lat = lon_lat(row, "longitude", "latitude")
    if lon is None and lat is None:
        lon, lat, _ = place_of(row.get("geometry"))
    about = kind.capitalize() or "Organised violence"
    names = (text(row, "adm_1"), text(row, "adm_2"))
    return Incident(
        source_ref=needed(row, "id"),
        title=f"{about}, {killed:,} killed" if killed else about,
        description=text(row, "source_headline"),
        category=kind,
        sub_event_type=text(row, "conflict_name"),
        severity=by_deaths(killed) or Severity.moderate,
        event_time=instant(row, "date_start", context.source.timezone),
        lon=lon,
        lat=lat,
        place=place,
        adm_names=names if any(names) else (),
        place_precision=PRECISION.get(text(row, "where_prec"), "") if lon is not None else "",
        attributes={name: value for name, value in row.items() if name not in OWN and name != "geometry"},
        actor1=text(row, "side_a"),
        actor2=text(row, "side_b"),
        fatalities=killed,
    )


FEED = Feed(
    name="ucdp",
    title="UCDP GED events (CSV, GeoJSON, JSON)",
    kinds=("incident",),
    formats=("csv", "zip", "json", "geojson"),
    media_types=("text/csv", "application/zip", "application/json", "application/geo+json"),
    recognise=recognise,
    rows=rows,
    record=record,
)
