"""What a form tells in the body of an act: each value checked by name, refused in one sentence that names it and the remedy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from dashboard.answer import Refused

Told = Mapping[str, Any]
YEARS = (1900, 2200)


def text(told: Told, name: str, longest: int = 200, required: bool = False) -> str:
    value = told.get(name) or ""
    if not isinstance(value, str) or len(value) > longest:
        raise Refused(422, f"{name}: use text of at most {longest} characters.")
    if required and not value.strip():
        raise Refused(422, f"{name}: say something here; it cannot be empty.")
    return value.strip()


def number(
    told: Told, name: str, least: float = -math.inf, most: float = math.inf, required: bool = False
) -> float | None:
    value = told.get(name)
    if value is None or value == "":
        if required:
            raise Refused(422, f"{name}: give a number.")
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Refused(422, f"{name}: use a number.")
    if not least <= value <= most:
        raise Refused(422, f"{name}: use a number from {least:g} to {most:g}.")
    return float(value)


def moment(told: Told, name: str, required: bool = False) -> datetime | None:
    """A day (its first moment in UTC) or a time."""
    value = told.get(name)
    if not value:
        if required:
            raise Refused(422, f"{name}: give a day.")
        return None
    try:
        found = datetime.fromisoformat(str(value))
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        found = None
    if found is None or not YEARS[0] <= found.year <= YEARS[1]:
        raise Refused(422, f"{name}: use a day like 2026-11-20, or a time.")
    return found


def one_of(told: Told, name: str, allowed: Sequence[str], fallback: str = "") -> str:
    value = told.get(name) or fallback
    if value not in allowed:
        raise Refused(422, f"{name}: use one of {', '.join(allowed)}.")
    return str(value)


def revision(told: Told) -> int:
    """Of the record that was on their screen; 0: it is new."""
    value = told.get("revision", 0)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Refused(422, "revision: give the revision you looked at.")
    return value
