"""What a row says of its own handling: level, TLP, consent, compartments. What cannot be understood refuses the row.

Read as "nothing said", a misspelt level would show a record to people its sender meant to keep it from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from data.access import Precision, Tlp
from data.records import OwnMark, Sensitivity
from ingest.feed import Refusal
from ingest.fields import flag
from ingest.values import text

PARTS = (
    "sensitivity",
    "releasable_to",
    "originator_control",
    "compartments",
    "tlp",
    "purposes",
    "consent",
    "personal_fields",
    "precision",
    "minimum_count",
)
"""What can be said; whose a record is, is its source's to say."""
PREFIX = "own."
YES = {"yes", "y", "true", "1", "given", "oui", "si", "sí", "x"}
NO = {"no", "n", "false", "0", "withdrawn", "refused", "non"}


def own_mark(said: Mapping[str, Any]) -> OwnMark | None:
    """The mark told in `said` under `own.` and the names of `PARTS`; None where nothing is. Raises `Refusal`.

    Lists are lists, or text with semicolons or commas between.
    """
    for name in said:
        if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in PARTS:
            raise Refusal(name, f"is not said by a record of itself; it may say {', '.join(PARTS)}")
    told = {part: PREFIX + part for part in PARTS if text(said, PREFIX + part) or said.get(PREFIX + part) == []}
    if not told:
        return None
    found: dict[str, Any] = {}
    for part, name in told.items():
        if part in ("releasable_to", "compartments", "purposes", "personal_fields"):
            found[part] = _list(said, name)
        elif part == "consent":
            found[part] = _consent(said, name)
        elif part == "originator_control":
            found[part] = flag(said, name)
        elif part == "minimum_count":
            found[part] = _count(said, name)
        else:
            found[part] = _level(said, name, part)
    return OwnMark(**found)


def _level(said: Mapping[str, Any], name: str, part: str) -> Any:
    word = re.sub(r"\W+", "_", text(said, name).lower().removeprefix("tlp:")).strip("_")
    word = {"white": "clear"}.get(word, word) if part == "tlp" else word
    levels = {"sensitivity": Sensitivity, "tlp": Tlp, "precision": Precision}[part].__members__
    allowed = [level for level in levels if level != "unstated"]
    if word not in allowed:
        raise Refusal(name, f"is none of {', '.join(allowed)}; say in `columns` of the source what it means", word)
    return Sensitivity[word] if part == "sensitivity" else word


def _consent(said: Mapping[str, Any], name: str) -> str:
    word = text(said, name).lower()
    if word in YES:
        return "given"
    if word in NO:
        return "withdrawn"
    raise Refusal(name, "is neither given (yes) nor withdrawn (no)", word)


def _count(said: Mapping[str, Any], name: str) -> int:
    word = text(said, name).removesuffix(".0")
    if not word.isdigit() or int(word) < 1:
        raise Refusal(name, "is not a whole number from 1", word)
    return int(word)


def _list(said: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = said[name]
    parts = value if isinstance(value, list) else re.split(r"[;,]", text(said, name))
    if not all(isinstance(part, str) for part in parts):
        raise Refusal(name, "is not a list of names", value)
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))
