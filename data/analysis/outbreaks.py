"""Disease counts by area and week: what was reported by how many of those who should, beside thresholds and surges.

Method: figures counted in cases are put into weeks (Monday to Sunday, UTC) and areas; what nobody reported is not zero. The
newest week that has ended is looked at. A surge is an alarm of `data.analysis.surge` (EARS C2), asked only of areas that
reported the newest week and every week of its baseline. The epidemic thresholds are those of WHO's guidelines for early warning
in humanitarian emergencies (EWARN, 2012): a single case of what must never be, else twice the mean of the three weeks before.

Limits: a case counted at one site alone and one counted by all look alike, so completeness stands beside every figure; late
reports make the newest week look calm; suspected is not confirmed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.analysis.surge import BASELINE, GUARD, Surge, ears_c2
from data.columns import NO_TIME
from data.places import NOWHERE
from data.seen import DAY_US, Rows, Seen

Floats = NDArray[np.float64]
WEEK_US = 7 * DAY_US
MONDAY_US = 4 * DAY_US
"""1970-01-05, a Monday."""
WEEKS = 12
"""So many are told of: the newest, the two the baseline leaves out, its seven, and two to see where it came from."""
NEVER = re.compile(
    r"choler|measles|rougeole|sarampi|polio|paraly|h[ae]+morrhag|ebola|marburg|lassa|yellow fever|fièvre jaune|diphther|plague"
    r"|peste|rabies|anthrax|كوليرا|حصبة|شلل",
    re.IGNORECASE,
)
"""One case is an alert."""
CUMULATIVE = re.compile(r"cumul|total|to date|depuis", re.IGNORECASE)
GENERAL = frozenset(("", "disease", "cases", "case", "health"))
TIMES = 2.0
BEFORE = 3
"""Weeks of whose mean the newest one is compared."""
LEAST = 5.0
"""Fewer cases than this are not told to have doubled."""


@dataclass(frozen=True)
class Outbreak:
    """One disease by areas of one level. `counts`, `completeness` (areas, WEEKS), NaN where nobody reported or said; the last
    column is the newest week. `threshold` (areas,) NaN unknown; `over` (areas,) at or above it; `surge` of the areas
    in `tested`."""

    disease: str
    level: int
    pcodes: tuple[str, ...]
    counts: Floats
    completeness: Floats
    week_us: int
    """Monday of the newest week, microseconds UTC."""
    threshold: Floats
    over: NDArray[np.bool_]
    single: bool
    """The threshold is a single case."""
    tested: NDArray[np.int64]
    """Positions of the areas that could be compared with their own past."""
    surge: Surge
    rows: Rows
    """The records of the newest week."""
    as_of_us: int
    """When the newest of them was received or its week ended, whichever is earlier."""


def outbreaks(seen: Seen) -> list[Outbreak]:
    """Every disease this viewer sees counts of, by name."""
    rows = _cases(seen)
    if not len(rows):
        return []
    labels = seen.labels("indicator", "indicator"), seen.labels("indicator", "category")
    codes = [seen.column("indicator", name)[rows].astype(np.int64) for name in ("indicator", "category")]
    key, which = np.unique(codes[0] * len(labels[1]) + codes[1], return_inverse=True)
    named: dict[str, list[int]] = {}
    for number, one in enumerate(key.tolist()):
        name = disease_name(labels[0][one // len(labels[1])], labels[1][one % len(labels[1])])
        named.setdefault(name, []).append(number)
    found = (_outbreak(seen, name, rows[np.isin(which, numbers)]) for name, numbers in sorted(named.items()))
    return [one for one in found if one is not None]


def disease_name(indicator: str, category: str) -> str:
    """What a series is of: tables name the disease either as the indicator or as the category."""
    words = indicator.replace("_", " ").strip()
    own = re.sub(r"\b(?:new|weekly|daily|number of|cases?|suspected cases?)\b", "", words, flags=re.IGNORECASE).strip(
        " ,:-"
    )
    if category.casefold() in GENERAL:
        return words[:1].upper() + words[1:] if own else "Disease"
    told = category.replace("_", " ")
    return f"{told}: {own}" if own and own.casefold() not in told.casefold() else told[:1].upper() + told[1:]


def _cases(seen: Seen) -> Rows:
    """Counts of cases of a week or less, up to now."""
    rows = seen.rows("indicator")
    unit = np.array([label.casefold() == "cases" for label in seen.labels("indicator", "unit")], np.bool_)
    whole = np.array([bool(CUMULATIVE.search(label)) for label in seen.labels("indicator", "indicator")], np.bool_)
    if not len(rows) or not unit.any():
        return np.empty(0, np.int64)
    rows = rows[unit[seen.column("indicator", "unit")[rows]] & ~whole[seen.column("indicator", "indicator")[rows]]]
    start, end = (seen.column("indicator", name)[rows] for name in ("period_start", "period_end"))
    stated = (start != NO_TIME) & (end != NO_TIME)
    short = ~stated | (np.where(stated, end, 0) - np.where(stated, start, 0) <= WEEK_US + DAY_US)
    return np.asarray(rows[short & (_moment(seen, rows) != NO_TIME)])


def _moment(seen: Seen, rows: Rows) -> NDArray[np.int64]:
    """A time within each row's period, microseconds UTC or NO_TIME."""
    start = seen.column("indicator", "period_start")[rows]
    end, time = (seen.column("indicator", name)[rows] for name in ("period_end", "time"))
    middle = np.where((start != NO_TIME) & (end != NO_TIME), start // 2 + end // 2, np.where(end != NO_TIME, end, time))
    return np.asarray(middle, np.int64)


def _outbreak(seen: Seen, name: str, rows: Rows) -> Outbreak | None:
    now = int(seen.now.timestamp() * 1_000_000)
    week = (_moment(seen, rows) - MONDAY_US) // WEEK_US
    ended = (week + 1) * WEEK_US + MONDAY_US <= now
    rows, week = rows[ended], week[ended]
    level = next((level for level in (2, 1, 0) if (seen.areas("indicator", rows, level) != NOWHERE).any()), None)
    if level is None:
        return None
    rows, week = _one_source(seen, rows, week)
    newest = int(week.max())
    area = seen.areas("indicator", rows, level)
    near = (area != NOWHERE) & (week > newest - WEEKS)
    places, place = np.unique(area[near], return_inverse=True)
    if not len(places):
        return None
    cell = place * WEEKS + (week[near] - (newest - WEEKS + 1))
    value, complete = (seen.column("indicator", name)[rows[near]] for name in ("value", "completeness_pct"))
    counts = _put(cell, value, len(places), mean=False)
    tested = np.flatnonzero(~np.isnan(counts[:, [*range(-1 - GUARD - BASELINE, -1 - GUARD), -1]]).any(axis=1))
    surge = ears_c2(np.nan_to_num(counts[tested]).astype(np.int64))
    threshold, single = threshold_of(name, counts)
    with np.errstate(invalid="ignore"):
        over = counts[:, -1] >= threshold
    return Outbreak(
        disease=name,
        level=level,
        pcodes=tuple(seen.places.areas[each].pcode for each in places.tolist()),
        counts=counts,
        completeness=_put(cell, complete, len(places), mean=True),
        week_us=newest * WEEK_US + MONDAY_US,
        threshold=threshold,
        over=over,
        single=single,
        tested=tested,
        surge=surge,
        rows=rows[week == newest],
        as_of_us=min((newest + 1) * WEEK_US + MONDAY_US, now),
    )


def _one_source(seen: Seen, rows: Rows, week: NDArray[np.int64]) -> tuple[Rows, NDArray[np.int64]]:
    """Of several sources the one whose newest week is newest, of equals the one with more figures: two tell of the same cases."""
    source = seen.column("indicator", "source")[rows]
    rank = {code: (int(week[source == code].max()), int((source == code).sum())) for code in np.unique(source).tolist()}
    best = max(rank, key=lambda code: (*rank[code], seen.sources.labels[code]))
    return rows[source == best], week[source == best]


def _put(cell: NDArray[np.int64], value: Floats, areas: int, mean: bool) -> Floats:
    """(areas, WEEKS): the sum or mean of the figures in each cell; NaN where there is none, or a sum lacks one."""
    told = ~np.isnan(value)
    size = areas * WEEKS
    total = np.bincount(cell[told], value[told], size)
    number, every = np.bincount(cell[told], minlength=size), np.bincount(cell, minlength=size)
    known = number > 0 if mean else (number > 0) & (number == every)
    found = np.where(known, total / np.maximum(number, 1) if mean else total, np.nan)
    return np.asarray(found.reshape(areas, WEEKS))


def threshold_of(disease: str, counts: Floats) -> tuple[Floats, bool]:
    """From how many cases on the newest week of each area is an alert, and whether that is a single one."""
    if NEVER.search(disease):
        return np.ones(len(counts)), True
    before = counts[:, -1 - BEFORE : -1]
    mean = np.where(np.isnan(before).any(axis=1), np.nan, before.mean(axis=1))
    return np.maximum(np.ceil(TIMES * mean), LEAST), False


def false_alarms(found: Sequence[Outbreak]) -> tuple[int, float]:
    """How many areas and diseases were tested for a surge, and how many alarms chance alone would give."""
    return sum(one.surge.tested for one in found), sum(one.surge.false_alarms for one in found)
