"""For which areas a warning is that states no shape: by its geocodes, else by the names in its description of areas.

CAP 1.2 leaves the naming of geocodes to each country. A geocode means a loaded area when
    it is a P-code, or an ISO 3166-1 or 3166-2 code that a boundary carries
    it is SAME or FIPS: the code of a county or state as the boundaries carry it (a part of a county, SAME's first digit, is
        not the county, and stays unresolved)
    the boundaries carry a column of that very name: EMMA_ID, NUTS, UGC, a nation's own
What is resolved is all areas meant, never a guess at those that are not; these are named in the note.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from data.gazetteer import NOT_SAID, NOWHERE, Area, Gazetteer, Match, common

FIPS = frozenset(("same", "fips", "fips6", "fips5", "fipscode", "fips64", "geoid", "countyfp", "statefp", "stcofips"))
ISO_3166 = frozenset(("iso31662", "iso31661", "iso3166", "isocode", "iso", "iso2", "shapeiso", "countrycode"))
AMERICAN = frozenset(("same", "fips", "fips6", "ugc"))
WITH_COUNTRY = re.compile(r"([A-Z]{2})(?:[-\d]|$)")
NAMED_AT_MOST = 6
"""Codes or names told in a note; how many more there are is said."""


@dataclass(frozen=True)
class Warned:
    """`areas` (indices) that a warning without a shape is for, and how they were found."""

    areas: tuple[int, ...]
    match: Match


def warned(
    gazetteer: Gazetteer,
    areas: Sequence[Area],
    ancestors: NDArray[np.int32],
    geocodes: Sequence[str],
    description: str,
    at: datetime | None,
) -> Warned:
    """The areas of `geocodes` (`name=value`), else of the names in `description`; the match is the area that holds them all."""
    stated = [(scheme(name), value.strip()) for name, _, value in (code.partition("=") for code in geocodes)]
    found = {
        f"{code}": _coded(gazetteer, name, value, at) for code, (name, value) in zip(geocodes, stated, strict=True)
    }
    meant = sorted({index for indices in found.values() for index in indices})
    unresolved = [code for code, indices in found.items() if not indices]
    missing = f"in no loaded boundary: {_some(unresolved)}" if unresolved else ""
    if meant:
        note = "; ".join(["area from geocode", *([missing] if missing else [])])
        return Warned(
            tuple(meant), Match(common(areas, ancestors, meant), "geocode", "partly" if missing else "strong", note)
        )
    country = _country(gazetteer, stated)
    if country is None or not description:
        return Warned((), Match(NOWHERE, "none", "", missing) if missing else NOT_SAID)
    named, why = _named(gazetteer, description, country, at)
    if not named:
        return Warned((), Match(NOWHERE, "none", "", "; ".join(part for part in (missing, why) if part)))
    note = "; ".join(["area from its name", *([missing] if missing else [])])
    return Warned(named, Match(common(areas, ancestors, named), "area name", "probable", note))


def outline(areas: Sequence[Area], meant: Sequence[int]) -> BaseGeometry:
    """The areas joined (EPSG:4326); empty where none of them has a shape."""
    joined: BaseGeometry = shapely.union_all([areas[index].geometry for index in meant])
    return joined


def scheme(name: str) -> str:
    """The name of a code list for comparing: `ISO 3166-2`, `iso_3166_2` and `urn:iso3166-2` are one."""
    return re.sub(r"[^a-z0-9]", "", re.split(r"[:/]", name.casefold())[-1])


def _coded(gazetteer: Gazetteer, name: str, value: str, at: datetime | None) -> tuple[int, ...]:
    if "pcode" in name or name in ISO_3166:
        index = gazetteer.code(value, at)
        if index == NOWHERE and "pcode" in name:
            match = gazetteer.match(value, (), at)
            index = match.area if match.sure != "partly" else NOWHERE
        if index != NOWHERE:
            return (index,)
    if name in FIPS:
        code = _county(value)
        return gazetteer.carrying(FIPS, code, at) if code else ()
    return gazetteer.carrying(ISO_3166 if name in ISO_3166 else frozenset((name,)), value, at)


def _county(value: str) -> str:
    """The FIPS code of the whole county or state that a SAME (PSSCCC) or FIPS code means; empty where it is a part of one."""
    if not re.fullmatch(r"\d{2}|\d{5,6}", value):
        return ""
    if len(value) == 6:
        if value[0] != "0":
            return ""
        value = value[1:]
    return value[:2] if value.endswith("000") and len(value) == 5 else value


def _country(gazetteer: Gazetteer, stated: Sequence[tuple[str, str]]) -> str | None:
    """The loaded country in which names may be sought: the one the codes are of, else the only one; None: do not seek."""
    of = {
        "US" if name in AMERICAN else code[1] if (code := WITH_COUNTRY.match(value.upper())) else ""
        for name, value in stated
    }
    of -= {""}
    if of:
        return of.pop() if len(of) == 1 and of <= gazetteer.countries else None
    return next(iter(gazetteer.countries)) if len(gazetteer.countries) == 1 else None


def _named(gazetteer: Gazetteer, description: str, country: str, at: datetime | None) -> tuple[tuple[int, ...], str]:
    """The areas named in a description; none unless every name is one's: half a warning would be a wrong one."""
    found = []
    for name in _names(description):
        index, why = gazetteer.anywhere(name, country, at)
        if index == NOWHERE:
            return (), why or f"areas not found by name: {name[:80]}"
        found.append(index)
    return tuple(dict.fromkeys(found)), ""


def _names(description: str) -> Iterator[str]:
    for part in re.split(r"[;,\n]|\band\b|\bet\b|(?<=\s)و(?=\s)|،", description):
        if part.strip(" ."):
            yield part.strip(" .")


def _some(codes: Sequence[str]) -> str:
    more = len(codes) - NAMED_AT_MOST
    return ", ".join(codes[:NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
