"""What a column means by its heading: which administrative area, and which of several words for the same thing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ingest.values import text
from ingest.written import unaccented

LATITUDE = (
    "latitude",
    "lat",
    "lat_deg",
    "y_lat",
    "gps_latitude",
    "latitude_y",
    "lat_y",
    "site_latitude",
    "point_y",
    "lat_n",
    "y",
)
LONGITUDE = (
    "longitude",
    "lon",
    "long",
    "lng",
    "lon_deg",
    "x_long",
    "gps_longitude",
    "longitude_x",
    "long_x",
    "site_longitude",
    "point_x",
    "lon_e",
    "x",
)

LOWEST = 9
"""The level of a P-code column that does not say its level: the lowest that the row is known to."""

_PCODE = re.compile(r"#?adm(?:in)?_?(\d)_?(?:p_?code?|pcod|code|id)|p_?code_?(\d)|admin(\d)_pcod\w*")
_NAME = re.compile(r"#?adm(?:in)?_?(\d)(?:_?(?:name|nam|na))?_?(?:_?([a-z]{2}))?")
_OTHER_NAME = re.compile(r"adm(?:in)?_?(\d)_?name_?\d")
_WORDS = (
    (0.0, "country country_name pays"),
    (1.0, "state region governorate estado"),
    (1.5, "province departement department departamento provincia"),
    (2.0, "county district locality cercle lga woreda prefecture municipality municipio"),
    (3.0, "payam sub_district subdistrict ward commune chiefdom sous_prefecture union"),
)
"""Words for areas by how large they mostly are. A province is the first level where there is no region above it."""
_RANK = {word: rank for rank, words in _WORDS for word in words.split()}


@dataclass(frozen=True)
class AreaColumns:
    """Columns by administrative level (0 is the country; `LOWEST` where a P-code column does not say)."""

    pcodes: Mapping[int, str]
    names: Mapping[int, str]
    other_names: Mapping[int, tuple[str, ...]]
    """In other languages than `names`."""

    def pcode(self, row: Mapping[str, Any]) -> str:
        """The column of the lowest P-code that a row states; empty where it states none."""
        lowest = sorted(self.pcodes, reverse=True)
        return next((self.pcodes[level] for level in lowest if text(row, self.pcodes[level])), "")

    def used(self, row: Mapping[str, Any]) -> frozenset[str]:
        """The columns that `area_of` reads from a row; the others say more and stay among the attributes."""
        return frozenset(self.names[level] for level in (1, 2, 3) if level in self.names) | {self.pcode(row)}


def words(said: str) -> tuple[str, ...]:
    """Headings given in one line, split at white space."""
    return tuple(said.split())


@lru_cache(maxsize=16_384)
def bare(heading: str) -> str:
    """A heading for comparing: lower case, no accents, words joined by underscores, units in brackets dropped."""
    flat = unaccented(re.sub(r"\(.*?\)", " ", heading)).casefold()
    return "_".join(re.findall(r"[#\w]+", flat)).strip("_")


def pick(header: Iterable[str], words: Sequence[str]) -> str | None:
    """The column called by the first of these words that is there (written as `bare` writes them)."""
    called: dict[str, str] = {}
    for name in header:
        called.setdefault(bare(name), name)
    return next((called[word] for word in words if word in called), None)


def called(header: Iterable[str], columns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """What -> the column called by one of its words, for those that are there."""
    listed = tuple(header)
    return {what: name for what, words in columns.items() if (name := pick(listed, words))}


@lru_cache(maxsize=256)
def area_columns(header: tuple[str, ...]) -> AreaColumns:
    """Which columns state areas, as OCHA spells them (`ADM2_PCODE`, `admin2Pcod`, `adm2_name`) or in words (`County`).

    English names come before names without a language, and these before other languages.
    """
    pcodes: dict[int, str] = {}
    ranked: dict[int, list[tuple[int, str]]] = {}
    in_words: dict[float, str] = {}
    for heading in header:
        name = bare(heading)
        if code := _PCODE.fullmatch(name):
            pcodes.setdefault(int(code[1] or code[2] or code[3]), heading)
        elif name in ("pcode", "p_code", "adm_pcode", "admin_pcode", "place_code"):
            pcodes.setdefault(LOWEST, heading)
        elif stated := _NAME.fullmatch(name):
            rank = {"en": 0, None: 1}.get(stated[2], 2)
            ranked.setdefault(int(stated[1]), []).append((rank, heading))
        elif other := _OTHER_NAME.fullmatch(name):
            ranked.setdefault(int(other[1]), []).append((3, heading))
        elif name in _RANK:
            in_words.setdefault(_RANK[name], heading)
    deepest = -1
    for size, heading in sorted(in_words.items()):
        deepest = max(int(size), deepest + 1)
        ranked.setdefault(deepest, [(4, heading)])
    ordered = {
        level: [heading for _, heading in sorted(found, key=lambda pair: pair[0])] for level, found in ranked.items()
    }
    return AreaColumns(
        dict(sorted(pcodes.items())),
        {level: names[0] for level, names in sorted(ordered.items())},
        {level: tuple(names[1:]) for level, names in ordered.items() if len(names) > 1},
    )


def area_of(row: Mapping[str, Any], columns: AreaColumns) -> tuple[str | None, tuple[str, ...]]:
    """The lowest P-code a row states, and its names of adm1, adm2, adm3 ("" where it skipped one)."""
    names = [text(row, columns.names[level]) if level in columns.names else "" for level in (1, 2, 3)]
    while names and not names[-1]:
        names.pop()
    return text(row, columns.pcode(row)) or None, tuple(names)


_FEMALE = re.compile(r"\b(f|females?|women|woman|girls?|femmes?|filles?)\b")
_MALE = re.compile(r"\b(m|males?|men|man|boys?|hommes?|garcons?)\b")
_EVERYBODY = re.compile(r"\b(t|tl|total|both sexes|all)\b")
_AGED = re.compile(r"\b(age[ds]?|ans|years?|yrs?|children|child|adults?|elderly|infants?|enfants?|plus)\b")


@lru_cache(maxsize=4_096)
def group_of(heading: str) -> str:
    """The sex and age group a heading means, as a key (`F_0_4`, `M_60_plus`, `T_0_17`, `F`); empty where it means none.

    Upper bounds are of completed years: "under 5" is 0 to 4. "Over 60" is kept as it is said, `60_plus`.
    """
    spoken = re.sub(r"<\s*", " under ", re.sub(r"\+|>\s*(?=\d)", " plus ", re.sub(r"[()]", " ", heading)))
    flat = bare(spoken).replace("_", " ")
    female, male = bool(_FEMALE.search(flat)), bool(_MALE.search(flat))
    everybody = bool(_EVERYBODY.search(flat))
    sex = "T" if female == male else "F" if female else "M"
    numbers = [int(digits) for digits in re.findall(r"\d+", flat)]
    if not (female or male or everybody or _AGED.search(flat)) or any(number > 120 for number in numbers):
        return ""
    if "unknown" in flat:
        return f"{sex}_unknown"
    if len(numbers) == 2:
        return f"{sex}_{numbers[0]}_{numbers[1]}"
    if len(numbers) == 1:
        young = re.search(r"\b(under|below|less than|moins de|u)\b", flat)
        return f"{sex}_0_{numbers[0] - 1}" if young else f"{sex}_{numbers[0]}_plus"
    return sex if female or male or everybody else ""
