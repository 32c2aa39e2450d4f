"""The exercise's `commonground.toml`: its mission, agencies, and every source with its marks and column mapping."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date

from ingest.exercise import names
from ingest.exercise.clock import ZONE_NAME
from ingest.exercise.coast import HEIGHT_KM, KM_PER_DEGREE_LAT, KM_PER_DEGREE_LON, LAT0, LON0, WIDTH_KM

Value = str | Sequence[str] | Mapping[str, "str | Mapping[str, str]"]

AGENCIES = {
    "JOC": "Joint Operations Centre",
    "NSO": "National Statistics Office",
    "ACLED": "Conflict event monitor",
    "MET": "Meteorological Service",
    "GDACS": "Global disaster alerts",
    "SEISMIC": "Earthquake monitor",
    "MOH": "Ministry of Health",
    "LOG": "Logistics Cluster",
    "DTM": "Displacement monitor",
    "WASH": "Water Authority and WASH Cluster",
    "COORD": "Humanitarian coordination office",
    "CEA": "Community feedback service",
    "FORCE": "Mission force headquarters",
}
WORLDWIDE = ("gdacs", "earthquakes")
"""Sources that may speak of places outside the mission's area; all others have its box, which tells swapped coordinates."""
SCENES = ("overview", "security", "supply", "health", "access", "objectives")
"""What the wall shows in turn; each word stands for its own layers and figures."""
MISSION, LOW, MODERATE, HIGH = ("mission",), "low", "moderate", "high"


def settings_toml() -> str:
    """The text of the settings file; it holds for every seed."""
    margin = 45.0
    west, east = (LON0 + side * (WIDTH_KM / 2 + margin) / KM_PER_DEGREE_LON for side in (-1, 1))
    south, north = (LAT0 + side * (HEIGHT_KM / 2 + margin) / KM_PER_DEGREE_LAT for side in (-1, 1))
    box = f"[{west:.2f}, {south:.2f}, {east:.2f}, {north:.2f}]"
    parts = [
        "# The bundled exercise. Country, people and events are invented; every record is marked as exercise.",
        "[mission]",
        f'name = "{names.COUNTRY} Joint Mission"',
        'marking = "MODERATE · REL MISSION"',
        "exercise = true",
        f'country = "{names.ISO2}"',
        f'timezone = "{ZONE_NAME}"  # UTC+05:00: IANA writes fixed offsets with the sign turned',
        f"bbox = {box}",
        "",
        "[agencies]",
        *(f"{short} = {_text(full)}" for short, full in AGENCIES.items()),
        "",
    ]
    parts += [
        "[thresholds]  # of /supply: days, and what a person needs in a month at the least",
        "supply_lead_time_days = 21",
        "supply_safety_days = 10",
        '"supply_minimum.FOO-CER" = 0.26  # 430 g of cereals a day, of a ration of 2,100 kcal (Sphere 2018), in bags of 50 kg',
        "",
    ]
    for source in SOURCES:
        around = [] if source["name"] in WORLDWIDE else [f"bbox = {box}"]
        parts += ["[[source]]", *(f"{key} = {_text(value)}" for key, value in source.items()), *around, ""]
    for rule in ESCALATION:
        levels = ", ".join(f"{{ who = {_text(who)}, within = {_text(within)} }}" for who, within in rule[2])
        parts += [
            "[[escalation]]",
            f"name = {_text(rule[0])}",
            *(f"{key} = {_text(value)}" for key, value in rule[1].items()),
        ]
        parts += [f"levels = [{levels}]", ""]
    for agreement in AGREEMENTS:
        parts += ["[[agreement]]", *(f"{key} = {_term(value)}" for key, value in agreement.items()), ""]
    for scene in SCENES:
        parts += ["[[scene]]", f'id = "{scene}"', ""]
    return "\n".join(parts)


def _text(value: Value) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        named = ((key if key.isidentifier() else json.dumps(key), _text(each)) for key, each in value.items())
        return "{ " + ", ".join(f"{key} = {each}" for key, each in named) + " }"
    return "[" + ", ".join(_text(each) for each in value) + "]"


def _term(value: Value | date | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else _text(value)


def _source(
    name: str, title: str, feed: str, agency: str, expected: str, sensitivity: str = LOW, grade: str = "", **more: Value
) -> dict[str, Value]:
    told: dict[str, Value] = {"name": name, "title": title, "feed": feed, "agency": agency, "expected": expected}
    told |= {"sensitivity": sensitivity, "releasable_to": MISSION, "timezone": ZONE_NAME}
    return told | ({"grade": grade} if grade else {}) | more


SOURCES = (
    _source("cod-ab", "Boundaries (COD-AB)", "boundaries", "NSO", "365d"),
    _source("census", "Population, projected from the census", "population", "NSO", "3650d"),
    _source("cod-ps", "Population (COD-PS)", "population", "NSO", "365d"),
    _source("rivers", "Rivers", "table", "NSO", "365d", kind="route", columns={
        "source_ref": "#loc+route+code", "title": "#loc+route+name", "category": "#loc+route+type", "lat": "#geo+lat",
        "lon": "#geo+lon", "geometry": "#geo+wkt",
    }),
    _source("places", "Towns", "table", "NSO", "365d", kind="site", columns={
        "source_ref": "#loc+code", "title": "Name", "category": "#loc+type", "population_served": "#population",
        "adm_pcode": "#adm2+code", "lat": "#geo+lat", "lon": "#geo+lon",
    }),
    _source("moh-facilities", "Health facilities", "sites", "MOH", "30d", MODERATE, "B2"),
    _source("logistics-storage", "Storage", "sites", "LOG", "30d", MODERATE, "B2"),
    _source("displacement-sites", "Displacement sites", "sites", "DTM", "14d", MODERATE, "B2"),
    _source("water-points", "Water points", "sites", "WASH", "60d", LOW, "C3"),
    _source("lmis", "Stock (OpenLMIS)", "openlmis", "MOH", "1d", MODERATE, "B2"),
    _source("acled", "ACLED", "acled", "ACLED", "1h", LOW, "C2"),
    _source("joc-log", "JOC incident log", "table", "JOC", "30min", MODERATE, kind="incident", columns={
        "source_ref": "Serial", "event_time": "#date+occurred", "version_time": "#date+reported",
        "category": "#incident+type", "sub_event_type": "#incident+subtype", "title": "#incident+name",
        "description": "#description", "severity": "#severity", "fatalities": "#affected+killed",
        "injured": "#affected+injured", "place": "#loc+name", "adm_pcode": "#adm2+code", "lat": "#geo+lat",
        "lon": "#geo+lon", "place_precision": "#geo+precision", "grade": "#meta+grade",
    }),
    _source("field-reports", "Field reports (Kobo)", "table", "COORD", "12h", MODERATE, kind="report", columns={
        "source_ref": "Report ID", "event_time": "#date+occurred", "version_time": "#date+reported", "form": "#meta+form",
        "category": "#subject", "title": "#description+title", "description": "#description", "needs": "#need",
        "severity": "#severity", "reporter": "#contact+name", "place": "#loc+name", "adm_pcode": "#adm2+code",
        "lat": "#geo+lat", "lon": "#geo+lon", "grade": "#meta+grade",
    }),
    # Nothing listens at this address: the source was heard once, then every poll fails.
    _source("disease", "Disease surveillance (DHIS2)", "table", "MOH", "5min", MODERATE, "B2", kind="indicator",
            address="http://127.0.0.1:9/dhis2/weekly.csv", columns={
        "source_ref": "Report ID", "category": {"value": "disease"}, "indicator": "#indicator+name",
        "value": "#affected+infected", "unit": "#indicator+unit",
        "event_time": "#date+end", "period_start": "#date+start", "period_end": "#date+end",
        "adm_pcode": "#adm2+code", "completeness_pct": "#indicator+completeness+pct",
        "disaggregation.deaths": "#affected+killed",
    }),
    # Not for the mission as a whole: what people told is shared by the agreements below, each on its own terms.
    _source("feedback", "Community feedback", "table", "CEA", "1h", HIGH, releasable_to=(), kind="feedback", columns={
        "source_ref": "Feedback ID", "event_time": "#date+received", "channel": "#channel", "category": "#feedback+theme",
        "description": "#feedback+text", "adm_pcode": "#adm2+code", "place": "#loc+name",
        "sensitive": "#feedback+sensitive", "status": "#status", "answered_time": "#date+answered",
    }),
    # Posts wait in the triage queue: no map and no count knows them until a person promotes them.
    _source("press", "Newspapers (RSS)", "news", "JOC", "1h", LOW, "E6"),
    _source("chatter", "Public posts (Mastodon)", "mastodon", "JOC", "30min", LOW, "F6"),
    _source("radio", "Radio channel (Telegram)", "posts", "JOC", "2h", MODERATE, "E6"),
    _source("activities", "Activities (3W)", "table", "COORD", "30d", kind="activity", columns={
        "source_ref": "Activity ID", "category": "#sector", "activity": "#activity+name", "organisation": "#org+prog",
        "partner": "#org+impl", "adm_pcode": "#adm2+code", "status": "#status", "start": "#date+start", "end": "#date+end",
        "people_in_need": "#inneed", "people_targeted": "#targeted", "people_reached": "#reached",
        "event_time": "#date+updated",
    }),
    _source("needs", "Humanitarian needs", "table", "COORD", "365d", kind="indicator", columns={
        "source_ref": "Row ID", "category": "#sector", "indicator": "#indicator+name", "value": "#indicator+value+num",
        "unit": "#indicator+unit", "period_start": "#date+start", "period_end": "#date+end", "adm_pcode": "#adm2+code",
    }),
    _source("routes", "Roads and bridges", "table", "LOG", "6h", grade="B2", kind="route", columns={
        "source_ref": "#loc+route+code", "title": "#loc+route+name", "category": "#loc+route+type", "status": "#status",
        "reason": "#status+reason", "surface": "#loc+surface", "event_time": "#date+observed",
        "version_time": "#date+observed", "lat": "#geo+lat", "lon": "#geo+lon", "geometry": "#geo+wkt",
    }),
    _source("waybills", "Waybills", "shipments", "LOG", "1d", MODERATE, "B2"),
    _source("gdacs", "GDACS", "gdacs", "GDACS", "1d"),
    _source("earthquakes", "Earthquakes", "usgs", "SEISMIC", "1d"),
    _source("met", "Public warnings (CAP)", "cap", "MET", "1h"),
    _source("tak", "Units (TAK)", "cot", "FORCE", "30s", MODERATE, "B2"),
    # This relay never reports again: a minute after loading it is stale.
    _source("tak-east", "Units (TAK), east relay", "cot", "FORCE", "15s", MODERATE, "B2"),
)  # fmt: skip
"""In load order. `tak-east` goes stale, `disease` fails, `field-reports` comes late, so that these marks are seen."""
AGREEMENTS: tuple[Mapping[str, Value | date | bool], ...] = (
    {
        "name": "CEA-COORD-2026",
        "title": "Community feedback to the coordination office: by district, without words",
        "grantor": "CEA",
        "grantees": ("COORD",),
        "from": date(2026, 6, 1),
        "to": date(2027, 6, 1),
        "collections": ("feedback",),
        "maximum_sensitivity": HIGH,
        "minimum_precision": "adm2",
    },
    {
        "name": "CEA-MISSION-2026",
        "title": "Community feedback to health, logistics and the operations centre: on screen only",
        "grantor": "CEA",
        "grantees": ("MOH", "LOG", "JOC"),
        "from": date(2026, 6, 1),
        "to": date(2026, 12, 15),
        "collections": ("feedback",),
        "maximum_sensitivity": HIGH,
        "minimum_precision": "adm2",
        "export": False,
    },
)
ESCALATION: tuple[tuple[str, Mapping[str, Value], tuple[tuple[str, str], ...]], ...] = (
    (
        "Attack on aid",
        {"collections": ("incidents",), "category": ("Attack on aid",), "severity": "serious", "last": "24h"},
        (("JOC", "10min"), ("Security adviser", "20min"), ("Head of mission", "1h")),
    ),
    (
        "Critical incident",
        {"collections": ("incidents",), "severity": "critical", "last": "24h"},
        (("JOC", "15min"), ("Chief of operations", "45min")),
    ),
    (
        "Severe incident",
        {"collections": ("incidents",), "severity": "severe", "last": "12h"},
        (("JOC", "1h"), ("Chief of operations", "2h")),
    ),
    (
        "Public warning",
        {"collections": ("alerts",), "severity": "severe", "last": "48h"},
        (("COORD", "1h"), ("Chief of operations", "3h")),
    ),
    (
        "Raised risk",
        {"collections": ("risks",)},
        (("Owner of the risk", "2h"), ("Chief of operations", "4h"), ("Head of mission", "12h")),
    ),
)
"""Rows of the escalation matrix: name, conditions, and who is to take notice within how long."""
