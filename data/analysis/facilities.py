"""Sites by what they are for, and health facilities as the partners' lists tell of them (after WHO's HeRAMS).

Lists name types of site in their own words, so what a site is for is told from them, in several languages. A site is often on
two lists, of which one (a stock system, say) never tells whether it works: where any list of such sites tells, those that do
not are left out, and how many is told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from data.records import Site, Value
from data.seen import Item, Rows, Seen

CARE = re.compile(
    r"hospi|hôpi|health|clinic|clíni|santé|sante\b|salud|saúde|dispens|medic|médic|matern|poste de soins|\bcscom\b|\bphc"
    r"|مستشف|صح[ية]|عياد|مستوصف",
    re.IGNORECASE,
)
HOSPITAL = re.compile(r"hospi|hôpi|مستشف", re.IGNORECASE)
HUB = re.compile(r"wareho|\bhub\b|storage|depot|dépôt|entrep[oô]t|almac[eé]n|bodega|مستودع|مخزن", re.IGNORECASE)
PURPOSES: Mapping[str, re.Pattern[str]] = {"care": CARE, "hospital": HOSPITAL, "hub": HUB}
"""What one may want to reach: any health facility, a hospital, a place that holds goods."""
TOLD = ("open", "partly", "closed")
WORKING = ("open", "partly")
SERVICE = re.compile(r"\A(?:serv(?:ice)?s?)[\s:_.-]+(.+)\Z", re.IGNORECASE)
WAITING = re.compile(r"wait|attente|espera|انتظار", re.IGNORECASE)
_PARTLY = re.compile(r"part|limit|réduit|reduc|جزئ", re.IGNORECASE)
_NOT = re.compile(r"\A(?:no|non|n|0|false|لا)\Z|not |\bun|\bin|none|absent|indispo|closed|غير", re.IGNORECASE)
_YES = re.compile(r"\A(?:yes|oui|si|y|1|true|نعم)\Z|avail|dispo|full|open|متاح|متوفر", re.IGNORECASE)


@dataclass(frozen=True)
class Listed:
    """Rows of sites for a purpose, on lists that tell whether a site works."""

    rows: Rows
    working: Rows
    """Those that are open, at least partly; all of them where no list tells."""
    silent: int
    """Sites of this purpose on lists that never tell whether one works; left out."""
    assumed: bool
    """No list tells: whether they work is not known."""


def listed(seen: Seen, purpose: str) -> Listed:
    """Sites this viewer may see that are for a purpose of `PURPOSES`."""
    rows = seen.rows("site")
    pattern = PURPOSES[purpose]
    fits = np.array([bool(pattern.search(label)) for label in seen.labels("site", "category")], np.bool_)
    rows = rows[fits[seen.column("site", "category")[rows]]] if len(rows) else rows
    if not len(rows):
        return Listed(rows, rows, 0, False)
    states = np.array([label in TOLD for label in seen.labels("site", "functionality")], np.bool_)
    works = np.array([label in WORKING for label in seen.labels("site", "functionality")], np.bool_)
    source, state = seen.column("site", "source")[rows], seen.column("site", "functionality")[rows]
    telling = np.isin(source, np.unique(source[states[state]]))
    if not telling.any():
        return Listed(rows, rows, 0, True)
    kept = rows[telling]
    return Listed(kept, kept[works[state[telling]]], int(np.count_nonzero(~telling)), False)


def services(record: Site) -> dict[str, str]:
    """Service -> open, partly, closed or unknown, from columns like "Service: maternity"."""
    found = {}
    for name, value in record.attributes.items():
        if of := SERVICE.match(name.strip()):
            found[of[1].replace("_", " ").strip()] = availability(value)
    return found


def availability(value: Value) -> str:
    """What a partner's word for a service says; an empty or strange one is unknown, never closed."""
    said = str(value if value is not None else "").strip()
    if not said:
        return "unknown"
    if _PARTLY.search(said):
        return "partly"
    return "closed" if _NOT.search(said) else "open" if _YES.search(said) else "unknown"


def waiting_min(record: Site) -> float | None:
    """How long one waits to be seen, minutes, where the list has such a column; hours are told by their heading."""
    for name, value in record.attributes.items():
        if WAITING.search(name):
            try:
                told = float(str(value).replace(",", "."))
            except ValueError:
                continue
            if 0 <= told < 100_000:
                return told * 60 if re.search(r"hour|\bh\b|heure|hora|_h\b", name, re.IGNORECASE) else told
    return None


def records(seen: Seen, rows: Rows) -> list[tuple[Item, Site]]:
    """Rows as items with their record."""
    return [(item, item.record) for item in seen.items("site", rows) if isinstance(item.record, Site)]
