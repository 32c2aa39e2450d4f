"""What partners call the columns of a table of roads, and how they say whether one can pass."""

from __future__ import annotations

import re
from typing import Literal

from ingest.headings import words

COLUMNS = {
    "name": words(
        "road_name route_name road route road_segment segment axis axe section troncon itineraire ruta carretera"
        " corridor bridge bridge_name river_crossing crossing"
    ),
    "code": words("road_id route_id road_code route_code segment_id link_id road_no road_number"),
    "from": words("from from_location start_point origin name1 node1 de depart start_location from_town point_a desde"),
    "to": words("to to_location end_point destination name2 node2 a vers arrivee end_location to_town point_b hasta"),
    "status": words(
        "road_status route_status access_status passability accessibility road_condition access status etat condition"
        " praticabilite estado statut"
    ),
    "reason": words("reason constraint constraints obstacle remarks comments comment observations remarque limitation"),
    "surface": words("surface surface_type road_surface pavement revetement"),
    "class": words("road_class route_class road_type route_type link_type class type closure_type"),
    "date": words("date last_updated updated date_updated report_date as_of assessment_date date_de_mise_a_jour"),
    "since": words("closure_start closed_from closed_since"),
    "until": words("closure_end closed_until closed_to"),
}
MEASURES = words(
    "distance distance_km length length_km km travel_time travel_time_hours duration forced_redirection longueur"
)
_CLOSED = re.compile(
    r"clos|impass|block|cut|ferm|barr|destroy|washed|no access|not access|inaccess|cerrad|bloque|coupe|مغلق|مقطوع"
)
_PARTLY = re.compile(
    r"restrict|partial|limit|4x4|4wd|light|only|caution|difficult|slow|damag|season|dry|escort|permit|convoy|partiel|degrad|مقيد"
)
_OPEN = re.compile(r"\bopen|passable|\baccessib|good|clear|normal|motorable|ouvert|praticable|abiert|سالك|مفتوح")


def status_of(said: str) -> Literal["open", "restricted", "closed", "unknown"]:
    """Whether one can pass, from the partner's words; half understood counts as the worse."""
    words = said.casefold()
    if _CLOSED.search(words):
        return "closed"
    if _PARTLY.search(words):
        return "restricted"
    return "open" if _OPEN.search(words) and not re.search(r"\bnot?\b|\bnon\b|\bim", words) else "unknown"
