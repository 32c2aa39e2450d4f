"""One selection seen from every side: for each facet how many records each choice would leave, the other filters holding.

What is chosen in a facet never narrows that facet's own counts, so that one sees what else could be chosen. Everything runs on
columns as they are released to the viewer. One pass over the rows per filter that is set, one count per facet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.choosing import Rows, good_enough, involved
from data.filters import Filters
from data.places import LEVELS, NOWHERE
from data.records import Severity
from data.seen import Seen

KIND = "incident"
FACETS = ("severity", "category", "area", "actor", "agency", "source", "grade")
RELIABILITY = "ABCDEF"


@dataclass(frozen=True)
class Crossed:
    """`rows` pass every filter; `counts` is facet -> value -> how many. The area facet parts the chosen area (or all) by the
    level below it, `level`; None counts what lies in no area so deep. An incident of two actors counts for both."""

    rows: Rows
    counts: Mapping[str, Mapping[str | None, int]]
    level: int


def cross(seen: Seen, filters: Filters) -> Crossed:
    """Rows and facets of the incidents under these filters. Raises `BadFilter`."""
    open_wide = replace(filters, category=(), severity=Severity.unknown, agency=(), source=(), actor=(), grade="")
    base = seen.rows(KIND, open_wide)
    fits = _fits(seen, base, filters)
    failed = np.zeros(len(base), np.uint8)
    for fit in fits.values():
        failed += ~fit
    rows = base[failed == 0] if fits else base
    level = _level_below(seen, filters.area)
    counts: dict[str, Mapping[str | None, int]] = {}
    for facet in FACETS:
        # What only this facet's own filter shuts out counts for it all the same.
        mine = base[failed == ~fits[facet]] if facet in fits else rows
        counts[facet] = counted(seen, mine, facet, level)
    return Crossed(rows, counts, level)


def _fits(seen: Seen, base: Rows, filters: Filters) -> dict[str, NDArray[np.bool_]]:
    """Of each facet whose filter is set, which of the rows pass that filter."""
    found: dict[str, NDArray[np.bool_]] = {}
    table = seen.tables[KIND]
    if filters.severity:
        found["severity"] = _of(seen, base, "severity") >= filters.severity
    for name, wanted, codes in (
        ("category", filters.category, table.codes["category"]),
        ("agency", filters.agency, seen.agencies),
        ("source", filters.source, seen.sources),
    ):
        if wanted:
            found[name] = codes.mask(wanted)[_of(seen, base, name)]
    if filters.actor:
        found["actor"] = involved(seen, KIND, filters.actor)[base]
    if filters.grade:
        found["grade"] = good_enough(seen, KIND, filters.grade)[_of(seen, base, "grade")]
    return found


def _of(seen: Seen, rows: Rows, name: str) -> NDArray[Any]:
    column = seen.column(KIND, name)
    return column if len(rows) == len(column) else column[rows]


def counted(seen: Seen, rows: Rows, facet: str, level: int) -> Mapping[str | None, int]:
    """How many of the rows have each value of a facet; areas by those of a level."""
    if facet == "severity":
        held = np.bincount(_of(seen, rows, "severity"), minlength=len(Severity))
        return {severity.name: int(held[severity]) for severity in Severity}
    if facet == "area":
        held = np.bincount(_of(seen, rows, "area") + 1, minlength=len(seen.places.areas) + 1)
        return _by_area(seen, held, level)
    if facet == "actor":
        sides = [_by_label(seen, rows, name) for name in ("actor1", "actor2")]
        both = _of(seen, rows, "actor1"), _of(seen, rows, "actor2")
        twice = _twice(seen, *both)
        return {
            name: sides[0].get(name, 0) + sides[1].get(name, 0) - twice.get(name, 0) for name in sides[0] | sides[1]
        }
    found = _by_label(seen, rows, facet)
    if facet != "grade":
        return found
    return {letter: sum(n for grade, n in found.items() if grade and grade[0] == letter) for letter in RELIABILITY}


def _by_label(seen: Seen, rows: Rows, name: str) -> dict[str | None, int]:
    held = np.bincount(_of(seen, rows, name), minlength=1)
    labels = seen.labels(KIND, name)
    return {labels[code]: int(held[code]) for code in np.flatnonzero(held).tolist() if labels[code]}


def _twice(seen: Seen, one: NDArray[np.int32], other: NDArray[np.int32]) -> dict[str | None, int]:
    """Incidents in which an actor stands on both sides count once."""
    codes = seen.tables[KIND].codes
    same = np.array([codes["actor2"].code(label) or 0 for label in list(codes["actor1"].labels)], np.int32)
    held = np.bincount(one[(same[one] == other) & (other > 0)], minlength=1)
    labels = codes["actor1"].labels
    return {labels[code]: int(held[code]) for code in np.flatnonzero(held).tolist()}


def _by_area(seen: Seen, held: NDArray[np.int64], level: int) -> dict[str | None, int]:
    """Counts by area (NOWHERE first) summed up to the areas of one level."""
    if not len(seen.places.ancestors):
        return {None: int(held.sum())}
    up = np.append(NOWHERE, seen.places.ancestors[:, level]) + 1
    summed = np.bincount(up, weights=held, minlength=len(held))
    areas = seen.places.areas
    return {None if at == 0 else areas[at - 1].pcode: int(summed[at]) for at in np.flatnonzero(summed).tolist()}


def _level_below(seen: Seen, pcode: str) -> int:
    """The level by which a chosen area is parted; of everything, the first."""
    wanted = pcode.upper()
    level = next((area.level for area in seen.places.areas if area.pcode.upper() == wanted), 0) if pcode else 0
    return min(level + 1, LEVELS - 1)
