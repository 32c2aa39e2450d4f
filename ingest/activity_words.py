"""What partners call the columns of who does what, where."""

from __future__ import annotations

import re

from ingest.headings import LATITUDE, LONGITUDE, words

COLUMNS = {
    "code": words("activity_id activity_code activityid project_code project_id code registro record_id row_id no id"),
    "organisation": words(
        "organisation organization organizacion lead_organisation lead_organization lead_agency reporting_organisation"
        " reporting_organization reporting_org organisation_name organization_name agency org who ong"
    ),
    "partner": words(
        "implementing_partner implementing_organisation implementing_agency implementer partner partenaire socio"
    ),
    "sector": words("sector cluster sector_cluster cluster_sector secteur sector_name cluster_name grupo_sectorial"),
    "activity": words(
        "activity activities activity_description activity_name activite actividad intervention what subsector sub_sector"
        " sous_secteur project_title project"
    ),
    "status": words("activity_status project_status status statut estado_de_actividad"),
    "start": words("start_date start date_start from_date date_debut fecha_inicio project_start_date"),
    "end": words("end_date end date_end to_date date_fin fecha_fin project_end_date"),
    "date": words("date report_date reporting_date month reporting_month cuando mois mes"),
    "in_need": words("people_in_need in_need pin personnes_dans_le_besoin"),
    "targeted": words("targeted people_targeted target beneficiaries_targeted target_beneficiaries personnes_ciblees"),
    "reached": words(
        "reached people_reached beneficiaries_reached beneficiaries total_beneficiaries achieved personnes_atteintes"
        " beneficiarios"
    ),
    "women": words("women female femmes mujeres"),
    "men": words("men male hommes hombres"),
    "place": words("site location village settlement camp localite localidad"),
    "lat": LATITUDE,
    "lon": LONGITUDE,
}


FIRST_LEVEL = words(
    "departamento_provincia_estado departamento_provincia provincia_estado admin_1 region_state state_region"
)


DAYS = ("start", "end", "date")


ABOUT = ("organisation", "partner", "sector", "activity", "place", "start")


OTHERS = re.compile(
    r"fatalities|event_(date|type)|price|commodity|currency|waybill.*|.*_?(cases?|deaths?)|needs?_score"
)


UNTAGGED = re.compile(r"[a-z_]+(?:\+[a-z_]+)+")
"""What an HXL tag looks like that lost its #."""


MENTIONED = re.compile(r'"(?:[^"]*organi[sz]a|sector|cluster)', re.IGNORECASE)
