"""`[[escalation]]` of the settings: who is to take notice of what, within how long, and who is next where nobody did.

Nothing is sent to anybody and nothing is stored: what is late follows from the time, and is marked and listed where people look.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from data.marks import BadTerms
from data.records import Severity

KEYS = ("name", "collections", "severity", "category", "area", "last", "levels")
COLLECTIONS = ("incidents", "alerts", "reports", "risks")
LAST = timedelta(hours=72)
WHO_LENGTH = 80

Seconds = Callable[[str], float | None]
"""Reads a span like "15min"."""


@dataclass(frozen=True)
class Level:
    """`who` is to take notice `within` so long of when it came to them."""

    who: str
    within: timedelta


@dataclass(frozen=True)
class Escalation:
    """One row of the matrix; the first whose conditions a record meets is the record's."""

    name: str
    levels: tuple[Level, ...]
    collections: tuple[str, ...] = ("incidents", "alerts")
    severity: Severity = Severity.unknown
    """This or worse."""
    category: tuple[str, ...] = ()
    area: tuple[str, ...] = ()
    """P-codes; records in one of these areas."""
    last: timedelta = LAST
    """Only of what happened within so long: a history that is loaded asks nothing of anybody."""


def escalation_of(told: Mapping[str, Any], seconds_of: Seconds) -> Escalation:
    """From a table of the settings. Raises `BadTerms`."""
    for key in told:
        if key not in KEYS:
            raise BadTerms(f"'{key}' is not a setting; allowed are {', '.join(KEYS)}")
    name = told.get("name")
    if not isinstance(name, str) or not name.strip():
        raise BadTerms('the name is missing; add name = "..."')
    collections = _texts(told, "collections") or Escalation.collections
    for one in collections:
        if one not in COLLECTIONS:
            raise BadTerms(f"collections name '{one}'; use {', '.join(COLLECTIONS)}")
    severity = told.get("severity", "unknown")
    if severity not in Severity.__members__:
        raise BadTerms(f"severity is {severity!r}; use one of {', '.join(Severity.__members__)}")
    levels = told.get("levels")
    if not isinstance(levels, list) or not levels:
        raise BadTerms('it has no levels; add levels = [{ who = "Watch officer", within = "15min" }]')
    return Escalation(
        name.strip(),
        tuple(_level(one, at, seconds_of) for at, one in enumerate(levels, start=1)),
        tuple(collections),
        Severity[severity],
        tuple(_texts(told, "category")),
        tuple(_texts(told, "area")),
        _span(told["last"], "last", seconds_of) if "last" in told else LAST,
    )


def _level(told: Any, at: int, seconds_of: Seconds) -> Level:
    if not isinstance(told, dict) or set(told) != {"who", "within"}:
        raise BadTerms(f'level {at} is {told!r}; write {{ who = "...", within = "15min" }}')
    who = told["who"]
    if not isinstance(who, str) or not 0 < len(who.strip()) <= WHO_LENGTH:
        raise BadTerms(f"who of level {at} is {who!r}; name a person, a post or an agency in at most 80 letters")
    return Level(who.strip(), _span(told["within"], f"within of level {at}", seconds_of))


def _span(told: Any, at: str, seconds_of: Seconds) -> timedelta:
    seconds = seconds_of(told) if isinstance(told, str) else None
    if not seconds or seconds > 366 * 86_400:
        raise BadTerms(f'{at} is {told!r}; use a span like "15min", "2h", "3d"')
    return timedelta(seconds=seconds)


def _texts(told: Mapping[str, Any], name: str) -> Sequence[str]:
    value = told.get(name, [])
    value = [value] if isinstance(value, str) else value
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise BadTerms(f"{name} is {value!r}; use a list of texts")
    return value
