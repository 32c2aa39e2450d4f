"""Marks as they are written down: in settings, on screen, and by a record of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from enum import IntEnum
from typing import Any, TypeVar

import msgspec

from data.access import MISSION, NO_PURPOSE, Consent, Mark, Precision, Tlp
from data.records import OwnMark, Sensitivity

MARKED = tuple(field.name for field in fields(Mark) if field.name != "collection")
"""What is said of a source once, for all its records."""

RESERVED = frozenset({MISSION, "*"})
"""Words of `data.access` that name no agency: released to the whole mission, and every agency."""

MOST = 1_000_000
"""The largest minimum count; columns hold these as numbers of bounded size."""

PROTECTION = "protection"
"""The compartment of sensitive complaints (sexual exploitation and abuse, protection): only who is read into it learns that
there are any. See `in_confidence`."""

Level = TypeVar("Level", bound=IntEnum)

LISTS = {
    "releasable_to": 'a list of agency names, or ["mission"]',
    "compartments": "a list of compartments",
    "purposes": "a list of purposes",
    "personal_fields": "a list of fields",
}


class BadTerms(ValueError):
    """What is wrong with a mark or an agreement, in half a sentence: the key, what it says, what is allowed."""


def marked(told: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a mark that are told, each as `Mark` has it; what is not told is left out. Raises `BadTerms`."""
    found: dict[str, Any] = {}
    if "agency" in told:
        found["agency"] = agency(told["agency"])
    if "sensitivity" in told:
        found["sensitivity"] = level(Sensitivity, "sensitivity", told["sensitivity"])
    if "tlp" in told:
        found["tlp"] = level(Tlp, "tlp", told["tlp"])
    if "consent" in told:
        found["consent"] = level(Consent, "consent", told["consent"])
    if "precision" in told:
        found["precision"] = level(Precision, "precision", told["precision"])
    for name, what in LISTS.items():
        if name in told:
            found[name] = texts(name, told[name], what)
    if NO_PURPOSE in found.get("purposes", ()):
        raise BadTerms(f"purposes name '{NO_PURPOSE}', a word of the access rule; leave it out")
    if "originator_control" in told:
        found["originator_control"] = flag("originator_control", told["originator_control"])
    if "minimum_count" in told:
        found["minimum_count"] = at_least_one("minimum_count", told["minimum_count"])
    if "retention" in told:
        if not isinstance(told["retention"], str):
            raise BadTerms(f"retention is {told['retention']!r}; name a class of [retention]")
        found["retention"] = told["retention"]
    return found


def agency(value: Any) -> str:
    if not isinstance(value, str) or value in RESERVED:
        raise BadTerms(f"agency is {value!r}; name an agency (mission and * are words of the access rule)")
    return value


def level(kind: type[Level], name: str, value: Any) -> Level:
    found = kind.__members__.get(value) if isinstance(value, str) else None
    if found is None:
        raise BadTerms(f"{name} is {value!r}; it is one of {', '.join(kind.__members__)}")
    return found


def texts(name: str, value: Any, what: str) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) and item.strip() for item in value):
        raise BadTerms(f"{name} is {value!r}; it is {what}")
    return tuple(dict.fromkeys(value))


def flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadTerms(f"{name} is {value!r}; use true or false")
    return value


def at_least_one(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST:
        raise BadTerms(f"{name} is {value!r}; use a whole number from 1 to {MOST}")
    return value


def in_confidence(own: OwnMark | None) -> OwnMark:
    """What a sensitive complaint says of itself, whatever its source has: it harms whoever made it."""
    own = own or OwnMark()
    return msgspec.structs.replace(
        own,
        sensitivity=Sensitivity.severe,
        compartments=_united(own.compartments, (PROTECTION,)),
        precision="none",
    )


def raised(mark: Mark, own: OwnMark | None) -> Mark:
    """A mark with what a record said of itself: whoever may see the result may see the mark without it."""
    if own is None:
        return mark
    kept = mark.releasable_to
    if own.releasable_to is not None:
        kept = tuple(name for name in kept if name in own.releasable_to)
    purposes = mark.purposes or own.purposes
    if mark.purposes and own.purposes:
        purposes = tuple(sorted({*mark.purposes} & {*own.purposes})) or (NO_PURPOSE,)
    return replace(
        mark,
        sensitivity=max(mark.sensitivity, Sensitivity.low if own.sensitivity is None else own.sensitivity),
        releasable_to=kept,
        originator_control=mark.originator_control or own.originator_control,
        compartments=_united(mark.compartments, own.compartments),
        tlp=max(mark.tlp, Tlp[own.tlp or "unstated"]),
        purposes=purposes,
        consent=max(mark.consent, Consent[own.consent or "not_needed"]),
        personal_fields=_united(mark.personal_fields, own.personal_fields),
        precision=max(mark.precision, Precision[own.precision or "exact"]),
        minimum_count=max(mark.minimum_count, own.minimum_count),
    )


def _united(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*one, *other})) if other else one
