"""What columns of tables of P-codes are called, and which columns such a table does not have."""

from __future__ import annotations

import re

from ingest.headings import LATITUDE, LONGITUDE, words

LEVEL = words("admin_level adm_level level administrative_level")


PARENT = words("parent_p_code parent_pcode parent_code parent adm_parent")


NAME = words("name admin_name area_name name_en adm_name")


FROM = words("valid_from_date valid_from valid_on validon valid_on_date date_established effective_from")


TO = words("valid_to_date valid_to validto effective_to")


CENTRE_LAT, CENTRE_LON = (
    (*words("center_lat centre_lat centre_latitude"), *LATITUDE),
    (
        *words("center_lon centre_lon centre_longitude"),
        *LONGITUDE,
    ),
)


FIGURES = re.compile(
    r"popul|rain|pixels|poverty|mpi|risk|funding|(?:^|_)(?:pop|t_tl|total|cases|deaths|price|value|affected|targeted|reached|in_need"
    r"|average|anomaly|pct|percent|index|score|count|number|rate|status|date_of_event|org|organisation|sector|cluster)(?:_|$)"
)
"""Headings of tables that are about areas, not of them."""


COUNTRY = words("location iso3 iso_3 country_code iso3_country_code")
