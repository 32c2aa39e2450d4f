"""What UNHCR's tables call groups of people and the columns of where they are and come from."""

from __future__ import annotations

_REFUGEES, _ASYLUM_SEEKERS, _IDPS, _STATELESS = "refugees", "asylum_seekers", "idps", "stateless"


_OTHERS, _RETURNED, _RETURNED_IDPS = "others_of_concern", "returned_refugees", "returned_idps"


TYPES = {
    "ref": _REFUGEES,
    "refugees": _REFUGEES,
    "asy": _ASYLUM_SEEKERS,
    "asylum_seekers": _ASYLUM_SEEKERS,
    "idp": _IDPS,
    "idps_of_concern_to_unhcr": _IDPS,
    "sta": _STATELESS,
    "stateless_persons": _STATELESS,
    "ooc": _OTHERS,
    "others_of_concern": _OTHERS,
    "idps": _IDPS,
    "stateless": _STATELESS,
    "returned_refugees": _RETURNED,
    "returned_idps": _RETURNED_IDPS,
    "oip": "people_in_need_of_protection",
    "vda": "venezuelans_abroad",
    "hst": "host_community",
    "ret": _RETURNED,
    "rdp": _RETURNED_IDPS,
    "roc": "refugees_and_like",
}


TITLES = {"idps": "Internally displaced people", "ooc": "Others of concern to UNHCR"}


ORIGIN = (
    "iso3coo",
    "coo_iso",
    "country_of_origin_iso",
    "country_of_origin_code",
    "origin_location_code",
    "country_of_origin",
)


ASYLUM = (
    "iso3coa",
    "coa_iso",
    "country_of_asylum_iso",
    "country_of_asylum_code",
    "asylum_location_code",
    "country_of_asylum",
)


APART = ("location", "urbanrural", "accommodationtype", "gender", "age_range")


ALL = frozenset(("", "all"))
