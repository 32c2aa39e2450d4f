"""The rule's clauses, obligations and marks in words, in the language of the page."""

from __future__ import annotations

import re
from collections.abc import Callable

from dashboard.words import say
from data.access import MISSION, Decision, Mark, Obligations, Precision, Tlp

CLAUSES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), key)
    for pattern, key in (
        (r"no agency: sees nothing", "clause.nobody"),
        (r"the account is not valid yet", "clause.not_yet"),
        (r"the account is no longer valid", "clause.no_longer"),
        (r"consent was withdrawn", "clause.consent"),
        (r"not read into (?P<name>.+)", "clause.compartment"),
        (r"(?P<level>\w+) is above what a display shows", "clause.display"),
        (r"(?P<level>\w+) is above a clearance of (?P<cleared>\w+)", "clause.clearance"),
        (r"sees for every agency", "clause.every_agency"),
        (r"its owner", "clause.owner"),
        (r"only for (?P<name>.+)", "clause.purpose"),
        (r"not released by its owner", "clause.not_released"),
        (r"released to the mission by its owner", "clause.mission"),
        (r"released to (?P<name>.+) by its owner", "clause.released"),
        (r"onward sharing under agreement '(?P<name>.+)' of (?P<agency>.+)", "clause.onward"),
        (r"agreement '(?P<name>.+)' of (?P<agency>.+)", "clause.agreement"),
        (r"break-glass: (?P<name>.+)", "clause.glass"),
    )
)
"""What `data.access.decide` says -> the text of it; the parts are names, or levels to be said in words."""


def clause(lang: str, told: str) -> str:
    """A clause in words; as the rule says it where no text is known."""
    for pattern, key in CLAUSES:
        if found := pattern.fullmatch(told):
            parts = found.groupdict()
            for name in ("level", "cleared"):
                if name in parts:
                    parts[name] = level(lang, parts[name])
            return say(lang, key, **parts)
    return told


def level(lang: str, name: str) -> str:
    return say(lang, f"sensitivity.{name}")


def duties(lang: str, told: Obligations) -> list[str]:
    """Each obligation as a sentence; none where everything is released as it is known."""
    said: list[tuple[bool, Callable[[], str]]] = [
        (bool(told.hidden), lambda: say(lang, "duty.hidden", names=", ".join(_opened(told.hidden)))),
        (told.precision is not Precision.exact, lambda: say(lang, f"duty.precision.{told.precision.name}")),
        (told.minimum_count > 1, lambda: say(lang, "duty.count", n=told.minimum_count)),
        (told.no_export, lambda: say(lang, "duty.no_export")),
        (told.watermark, lambda: say(lang, "duty.watermark")),
        (told.log, lambda: say(lang, "duty.log")),
    ]
    return [words() for holds, words in said if holds]


def verdict(lang: str, told: Decision) -> dict[str, object]:
    """A decision as the interface gives it: whether, by which clause, with which duties."""
    return {"permit": told.permit, "clause": clause(lang, told.clause), "duties": duties(lang, told.obligations)}


def marking(lang: str, told: Mark | None) -> str:
    """A marking as it stands at the head of a page: the level, to whom it is released, and what else limits it."""
    if told is None:
        return ""
    released = [say(lang, "marking.mission") if name == MISSION else name for name in told.releasable_to]
    if told.agency and told.agency not in released:
        released.insert(0, told.agency)
    parts = [
        level(lang, told.sensitivity.name).upper(),
        "" if told.tlp is Tlp.unstated else f"TLP:{told.tlp.name.upper().replace('_', '+')}",
        *(name.upper() for name in told.compartments),
        say(lang, "marking.released", names=", ".join(released)) if released else say(lang, "marking.owners"),
        say(lang, "marking.control") if told.originator_control else "",
    ]
    return " · ".join(part for part in parts if part)


def _opened(names: tuple[str, ...]) -> list[str]:
    return [name.replace("_", " ") for name in names]
