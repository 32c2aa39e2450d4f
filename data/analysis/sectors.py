"""The humanitarian clusters by whatever name a partner writes, so that needs and activities of one sector meet.

Names of the global clusters and their areas of responsibility (IASC), in English, French, Spanish and Arabic.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

CLUSTERS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (code, re.compile(pattern))
    for code, pattern in (
        ("gbv", r"\bgbv\b|gender.based violence|\bvbg\b|violence basee sur le genre|violencia de genero"),
        ("cp", r"child protection|protection de l.enfan|proteccion de (la )?(ninez|infancia)|\bcpie\b"),
        ("mine", r"mine action|lutte anti.?mines|accion contra (las )?minas"),
        (
            "wsh",
            r"\bwash\b|\bwsh\b|\beha\b|\beah\b|water.*(sanitation|hygiene)|eau.*(hygiene|assainissement)|agua.*saneamiento|المياه",
        ),
        ("nut", r"\bnut\b|nutri|التغذية"),
        ("shl", r"\bshl\b|\besnfi\b|shelter|non.?food|\bnfi\b|\babris?\b|\babnas?\b|alojamiento|albergue|المأوى"),
        ("fsc", r"\bfsc\b|\bfsl\b|food|securite alimentaire|seguridad alimentaria|livelihood|الغذا"),
        ("edu", r"\bedu\b|educat|educac|التعليم"),
        (
            "ccm",
            r"\bccm\b|\bcccm\b|camp (coordination|management)|gestion des (camps|sites)|gestion de campamentos|المخيمات",
        ),
        ("pro", r"\bpro\b|protec|الحماية"),
        ("hea", r"\bhea\b|health|\bsante\b|salud|الصحة"),
        ("log", r"\blog\b|logist"),
        ("etc", r"\betc\b|telecommunic"),
        ("ery", r"\bery\b|early recovery|relevement precoce|recuperacion temprana"),
        ("mpc", r"\bmpc\b|multi.?purpose cash|multi.?sector.*cash|transferts? monetaires? a usages? multiples?"),
        ("cor", r"coordinat|coordinac|common services"),
    )
)
"""The first that fits; the narrower stand first."""


@lru_cache(4096)
def sector(name: str) -> str:
    """The code of the cluster a name means, else the name itself, small and without accents; "" of nothing."""
    plain = unicodedata.normalize("NFKD", name.strip().casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return next((code for code, known in CLUSTERS if known.search(plain)), " ".join(plain.split()))
