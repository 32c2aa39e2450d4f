"""What Insecurity Insight's tables call their columns, subjects and precision."""

from __future__ import annotations

import re
from typing import Literal

KEY = ("sind_event_id", "sind_incident_id", "sind_id", "sind_event_id_no", "event_id")


ACTOR = ("reported_perpetrator_name", "actor_name")


PERPETRATOR = ("reported_perpetrator", "actor_type", "perpetrator")


Precision = Literal["exact", "near", "adm2", "adm1", "adm0", ""]


PRECISION: dict[str, Precision] = {"1": "exact", "2": "near", "3": "adm2", "4": "adm1", "5": "adm0"}


SUBJECTS = {
    "education": r"educat|school|student",
    "health care": r"health",
    "food security": r"food",
    "protection": r"protection|camps",
    "aid": r"aid|humanitarian",
}


HURT = re.compile(
    r"(?!.*(?:female|male|international|national|working for|working within|outcome))\w.*"
    r"(?:killed|injured|kidnapped|arrested|assaulted|crsv)"
)


OWN = frozenset(
    {"date", "event_description", "country", "admin_1", "latitude", "longitude", *KEY, *PERPETRATOR}
    | {*ACTOR, "sector_affected"}
)
