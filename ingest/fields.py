"""Filling the fields of any kind of record from cells, each by what its type means."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin

import msgspec

from data.records import KINDS, Record, Severity
from ingest.feed import Refusal
from ingest.headings import bare
from ingest.site_words import functionality
from ingest.values import number, text, whole
from ingest.written import moment

Reader = Callable[[Mapping[str, Any], str, str, bool | None], Any]

NOT_TOLD = frozenset(
    (
        "source",
        "agency",
        "sensitivity",
        "releasable_to",
        "own",
        "exercise",
        "wkb",
        "attributes",
        "adm_names",
        "disaggregation",
    )
)
"""Fields that a table cannot set: whose it is and how it is marked comes from the settings; the others have their own way."""
ROUTE_WORDS = {
    "open": r"open|passable|accessible|clear|ouvert|praticable|abiert",
    "restricted": r"restrict|limited|difficult|4x4|season|partial|one lane|light vehicle|slow|dry weather",
    "closed": r"clos|block|impass|cut\b|destroy|washed|inaccess|unpassable|not passable|ferme|coupe|cerrad|bloqu",
}


def _text(said: Mapping[str, Any], name: str, zone: str, month_first: bool | None) -> str:
    value = said.get(name)
    return value.isoformat() if isinstance(value, datetime) else text(said, name)


def _number(said: Mapping[str, Any], name: str, zone: str, month_first: bool | None) -> float | None:
    return number(said, name)


def _whole(said: Mapping[str, Any], name: str, zone: str, month_first: bool | None) -> int | None:
    return whole(said, name)


def _moment(said: Mapping[str, Any], name: str, zone: str, month_first: bool | None) -> datetime | None:
    return moment(said, name, zone, month_first=month_first)


def _flag(said: Mapping[str, Any], name: str, zone: str, month_first: bool | None) -> bool:
    return flag(said, name)


def flag(said: Mapping[str, Any], name: str) -> bool:
    """Yes or no in the languages of forms; nothing said is no. Raises `Refusal`."""
    word = text(said, name).lower()
    if word in ("true", "yes", "y", "1", "oui", "si", "sí", "x"):
        return True
    if word in ("", "false", "no", "n", "0", "non"):
        return False
    raise Refusal(name, "is neither yes nor no", said.get(name))


def _severity(said: Mapping[str, Any], name: str, zone: str, month_first: bool | None) -> Severity:
    word = text(said, name).lower()
    if word in Severity.__members__:
        return Severity[word]
    if re.fullmatch(r"[0-5](\.0)?", word):
        return Severity(int(word[0]))
    raise Refusal(
        name, f"is none of {', '.join(Severity.__members__)}; say in `columns` of the source what it means", word
    )


def _one_of(allowed: tuple[str, ...]) -> Reader:
    def reader(said: Mapping[str, Any], name: str, zone: str, month_first: bool | None) -> str:
        word = text(said, name)
        if word.lower() in allowed:
            return word.lower()
        if name == "functionality":
            return functionality(word)
        if "restricted" in allowed:
            for status in ("closed", "restricted", "open"):
                if re.search(ROUTE_WORDS[status], bare(word).replace("_", " ")):
                    return status
        options = ", ".join(option for option in allowed if option)
        raise Refusal(name, f"is none of {options}; say in `columns` of the source what it means", word)

    return reader


def _reader(annotation: Any) -> Reader | None:
    if get_origin(annotation) is Literal:
        return _one_of(get_args(annotation))
    plain: dict[Any, Reader] = {str: _text, bool: _flag, Severity: _severity, int: _whole}
    optional: dict[Any, Reader] = {datetime: _moment, float: _number, int: _whole, str: _text}
    if annotation in plain:
        return plain[annotation]
    return next(
        (optional[part] for part in get_args(annotation) if part in optional and get_origin(annotation) is not tuple),
        None,
    )


def _readers(kind: type[Record]) -> Mapping[str, Reader]:
    found = {field.name: _reader(field.type) for field in msgspec.structs.fields(kind) if field.name not in NOT_TOLD}
    return MappingProxyType({name: reader for name, reader in found.items() if reader is not None})


FIELDS: Mapping[str, Mapping[str, Reader]] = MappingProxyType(
    {name: _readers(kind.type) for name, kind in KINDS.items()}
)
"""Kind -> field -> how it is read."""


def read(
    kind: str,
    said: Mapping[str, Any],
    zone: str,
    orders: Mapping[str, bool | None],
    lenient: bool,
    rest: dict[str, Any],
) -> dict[str, Any]:
    """The fields that are said, by name; a blank one is left out. Refuses what its type cannot mean.

    `orders` tells of a field of days whether its column puts the month first (see `written.month_first`). Where
    `lenient`, a day that cannot be read goes to `rest` instead, under the field's name.
    """
    found: dict[str, Any] = {}
    for name, reader in FIELDS[kind].items():
        if not text(said, name):
            continue
        try:
            found[name] = reader(said, name, zone, orders.get(name, False))
        except Refusal:
            if not lenient or reader is not _moment:
                raise
            rest[name] = text(said, name)
    return found
