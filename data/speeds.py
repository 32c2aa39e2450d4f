"""How fast one gets along on each class of road: two speeds, so that a travel time is a band."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from data.marks import BadTerms


class Speed(NamedTuple):
    """km/h on a class of road: when all is well, and in the rains with stops."""

    optimistic: float
    pessimistic: float


SPEEDS: Mapping[str, Speed] = MappingProxyType(
    {
        "primary": Speed(60, 30),
        "secondary": Speed(45, 20),
        "tertiary": Speed(35, 12),
        "track": Speed(20, 6),
        "": Speed(30, 10),
    }
)
"""By class, for missions whose settings say nothing of their own; `""` (in the settings: `other`) is any other class."""


def speeds_of(told: Mapping[str, Any]) -> Mapping[str, Speed]:
    """`primary = [60, 30]` and so on; classes that are not named keep theirs. Raises `BadTerms`."""
    found = dict(SPEEDS)
    for name, value in told.items():
        key = "" if name == "other" else name
        if key not in SPEEDS or name == "":
            allowed = ", ".join(each or "other" for each in SPEEDS)
            raise BadTerms(f"'{name}' is no class of road; allowed are {allowed}")
        pair = value if isinstance(value, list) else []
        if len(pair) != 2 or not all(isinstance(each, (int, float)) and 0 < each <= 200 for each in pair):
            raise BadTerms(f"{name} is {value!r}; use two speeds in km/h, like [60, 30]")
        if pair[1] > pair[0]:
            raise BadTerms(f"{name} is {value!r}; tell the higher speed first")
        found[key] = Speed(float(pair[0]), float(pair[1]))
    return MappingProxyType(found)


def road_class(category: str) -> str:
    """Which of the classes a source's word for a road means; "" where it is none of them."""
    words = category.casefold()
    if words.startswith(("trunk", "motorway", "highway", "national")):
        return "primary"
    if words.startswith(("path", "trail", "foot")):
        return "track"
    return next((name for name in SPEEDS if name and name in words), "")
