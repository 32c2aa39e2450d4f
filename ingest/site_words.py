"""What partners call the columns of a list of sites, and how they say whether a site works.

Headings as `ingest.headings.bare` writes them; of several that are there, the first in the list is taken.
"""

from __future__ import annotations

import re
from typing import Literal

from ingest.headings import LATITUDE, LONGITUDE, bare


def _words(said: str) -> tuple[str, ...]:
    return tuple(said.split())


OWN_NAME = _words(
    "facility_name facil_name name_of_facility health_facility facility hf_name school_name site_name water_point_name"
    " warehouse_name camp_name centre_name center_name facil_name2"
)
"""Names that only a list of sites has."""
NAME = (
    *OWN_NAME,
    "name",
    "nom",
    "nombre",
    "nom_du_site",
    "center",
    "centre",
    "local_name",
    "site",
    "loc",
    "village",
    "boma",
)
COLUMNS: dict[str, tuple[str, ...]] = {
    "code": _words(
        "site_code site_id facility_code facility_id hf_code hf_id center_id centre_id loc_id code id uuid uid ssid objectid fid"
        " gid osm_id q_code reference no"
    ),
    "type": _words(
        "facility_type facil_type hf_type site_type type_of_facility source_type water_source_type type loctype category"
        " amenity class tipo facility_level location_type"
    ),
    "status": _words(
        "functional_status functional functionality operational_status facility_status status etat statut condition"
        " fonctionnalite"
    ),
    "lat": LATITUDE,
    "lon": LONGITUDE,
    "operator": (
        "operator",
        "managed_by",
        "run_by",
        "partner",
        "organisation",
        "organization",
        "org",
        "ownership",
        "owner",
    ),
    "beds": ("beds", "number_of_beds", "bed_capacity", "total_beds", "no_of_beds", "nb_lits", "lits"),
    "served": (
        "population_served",
        "people_served",
        "catchment_population",
        "catchment_pop",
        "catchment",
        "individuals",
        "users",
    ),
    "date": (
        "report_date",
        "date_reported",
        "assessment_date",
        "date_assessed",
        "last_assessed",
        "last_updated",
        "updated",
        "date",
    ),
}
NOT_SITES = frozenset(_words("fatalities event_date event_type price commodity currency reached targeted"))
"""Headings of tables that also have names and places, but are of events, prices or activities."""

_PARTLY = re.compile(
    r"part(?:ly|ial|iel)|parcial|limited|needs? repair|damaged|season|restricted|reduced|not fully|degrad"
)
_CLOSED = re.compile(
    r"\b(?:non|not|no|in|un|dys)[ -]?(?:function|operati|working|open|activ|fonction|in use|yet open)"
    r"|clos|destroy|abandon|looted|ferme|detrui|cerrad|destruid|demolish|under construction|defunct|\A(?:no|non|0|false)\Z"
)
_OPEN = re.compile(r"function|operati|\bopen|working|\bactiv|fonction|ouvert|abiert|in use|\A(?:yes|oui|si|1|true)\Z")


def functionality(said: str) -> Literal["open", "partly", "closed", "unknown"]:
    """Whether a site works, from the partner's words; what is not understood is unknown, not closed."""
    words = bare(said).replace("_", " ")
    if _PARTLY.search(words):
        return "partly"
    return "closed" if _CLOSED.search(words) else "open" if _OPEN.search(words) else "unknown"
