"""Agreements as they are written down: in settings and on screen, by the same words and the same checks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from data.access import Agreement, Precision
from data.marks import BadTerms, agency, at_least_one, flag, level, texts
from data.records import SHARED, Sensitivity

LONGEST_NAME = 80
ALLOWED = (
    "name",
    "title",
    "grantor",
    "grantees",
    "from",
    "to",
    "collections",
    "purposes",
    "maximum_sensitivity",
    "minimum_precision",
    "minimum_count",
    "onward",
    "personal_data",
    "export",
    "sha256",
    "revoked_at",
)
"""What an agreement may say."""


def agreement_of(told: Mapping[str, Any]) -> Agreement:
    """An agreement from what is written of it; times are dates (their midnight UTC) or times, as values or ISO 8601 text.

    Raises `BadTerms`.
    """
    for key in told:
        if key not in ALLOWED:
            raise BadTerms(f"'{key}' is not a term; allowed are {', '.join(ALLOWED)}")
    name = told.get("name")
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadTerms(f"name is {name!r}; use 1 to {LONGEST_NAME} printable characters")
    for key in ("grantor", "grantees", "from", "to"):
        if key not in told:
            raise BadTerms(f"{key} is missing")
    found = Agreement(
        name=name.strip(),
        grantor=agency(told["grantor"]),
        grantees=_agencies("grantees", told["grantees"]),
        starts=_moment("from", told["from"]),
        ends=_moment("to", told["to"]),
        **{key: read(key, told[key]) for key, read in _OPTIONAL.items() if key in told},
    )
    _check(found)
    return found


def _check(found: Agreement) -> None:
    if not found.grantor.strip():
        raise BadTerms("grantor is empty; name the agency that grants")
    if not found.grantees:
        raise BadTerms("grantees is empty; name the agencies it is granted to")
    if found.grantor in found.grantees:
        raise BadTerms(f"grantees name the grantor {found.grantor}; its own records it has anyway")
    if found.ends <= found.starts:
        raise BadTerms("to is not after from; the end is exclusive")


def _collections(name: str, value: Any) -> tuple[str, ...]:
    found = texts(name, value, "a list of collections")
    for one in found:
        if one not in SHARED:
            raise BadTerms(f"collections name '{one}'; they are {', '.join(SHARED)}")
    return found


def _agencies(name: str, value: Any) -> tuple[str, ...]:
    return tuple(agency(one) for one in texts(name, value, "a list of agency names"))


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise BadTerms(f"{name} is {value!r}; use text")
    return value


def _sha256(name: str, value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-fA-F]{64}", value):
        raise BadTerms(
            f"{name} is {value!r}; use the 64 hexadecimal digits that sha256sum prints of the signed document"
        )
    return value.lower()


def _moment(name: str, value: Any) -> datetime:
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        if isinstance(value, datetime):
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day, tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    raise BadTerms(f"{name} is {value!r}; use a day like 2026-11-20, or a time like 2026-11-20T06:00:00Z")


_OPTIONAL: Mapping[str, Callable[[str, Any], Any]] = {
    "title": _text,
    "collections": _collections,
    "purposes": lambda name, value: texts(name, value, "a list of purposes"),
    "maximum_sensitivity": lambda name, value: level(Sensitivity, name, value),
    "minimum_precision": lambda name, value: level(Precision, name, value),
    "minimum_count": at_least_one,
    "onward": _agencies,
    "personal_data": flag,
    "export": flag,
    "sha256": _sha256,
    "revoked_at": _moment,
}
