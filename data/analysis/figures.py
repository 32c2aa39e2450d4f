"""A figure by administrative area: the latest value of any indicator, or incidents counted in a window.

Method. Every series (one source, category, and place) gives its latest period that has begun. Where an area has figures of
its own level these are taken, else those of the areas or sites within it are put together: counts are added, everything
else (rates, prices, phases) is averaged without weights; people in need, targeted or reached are the highest of the
sectors, because the same people are in several (the mosaic method of JIAF 2.0). Of several sources the one with the newest
period stands. A series whose latest value is blank, or which stopped two periods before its source's newest, did not
report; an area without any series is unknown. Neither is ever zero.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.columns import NO_TIME, NO_XY
from data.filters import EVERYTHING, Filters
from data.places import LEVELS, NOWHERE
from data.seen import DAY_US, Rows, Seen

Combined = Literal["sum", "mean", "highest"]
COUNTED = {
    "people", "persons", "individuals", "households", "families", "children", "women", "men", "returnees",
    "cases", "deaths", "patients", "admissions", "consultations", "doses", "beds", "sites", "schools", "events",
}  # fmt: skip
"""Units whose figures may be added."""
HIGHEST = frozenset(("people_in_need", "people_targeted", "people_reached", "people_affected", "people_assessed"))
INCIDENTS, RATE = "incidents", "incidents_per_100k"
POPULATION = "population"
PERIOD_US = 31 * DAY_US
"""Taken for the length of a period where the source states none."""


class Value(NamedTuple):
    """One area: None where its series did not report; `end_us` is the end of the period, or when its figure was
    received where that was before; microseconds UTC or NO_TIME. Where `fewer_than` is told there are some, released to this
    viewer as counts only: fewer than that beside the value, or beside nothing."""

    value: float | None
    end_us: int
    fewer_than: int | None = None


@dataclass(frozen=True)
class Figure:
    """`values` by P-code, of areas of `level` that have any series; an area that is not among them is unknown."""

    metric: str
    level: int = 2
    unit: str = ""
    combined: Combined = "sum"
    values: Mapping[str, Value] = field(default_factory=dict)
    rows: Rows = field(default_factory=lambda: np.empty(0, np.int64))
    """The records behind it: indicators, or incidents."""
    kind: str = "indicator"
    unmatched: int = 0
    """Series whose place matches no boundary."""
    oldest_us: int | None = None
    newest_us: int | None = None
    """Of what times the oldest and newest of the values are; None for counts in a window."""
    population_us: int | None = None
    """Of what time the oldest population is by which a rate was divided."""


def metrics(seen: Seen) -> list[str]:
    """What `figure` can be asked for by this viewer: indicator codes in alphabetical order, then counts of incidents."""
    rows = seen.rows("indicator")
    codes = np.unique(seen.column("indicator", "indicator")[rows])
    labels = seen.labels("indicator", "indicator")
    told = sorted(labels[code] for code in codes.tolist() if labels[code])
    return [*told, INCIDENTS, *([RATE] if POPULATION in told else [])]


def figure(seen: Seen, filters: Filters, metric: str, level: int | None = None) -> Figure:
    """The figure by areas of a level: where none is asked for, the one most of its series speak of, at most adm2.

    `filters` bear on incidents; of indicators only `source` and `agency` choose. Raises `BadFilter`.
    """
    if metric == INCIDENTS:
        series = _Series()
    elif metric == RATE:  # a choice of sources of incidents is none of population
        series = _series(seen, EVERYTHING, POPULATION)
    else:
        series = _series(seen, filters, metric)
    if level is not None:
        return _at_level(seen, filters, metric, series, level)
    deepest = _level(seen, metric, series)
    found = (_at_level(seen, filters, metric, series, each) for each in range(deepest, -1, -1))
    return next((each for each in found if each.values), Figure(metric, deepest, unmatched=len(series.rows)))


def by_category(seen: Seen, metric: str, level: int) -> dict[tuple[str, str], Value]:
    """The figure of each category (sector) and area of a level, by (category, P-code). Nothing is made of coarser series."""
    rows, end, depth, _ = _series(seen, EVERYTHING, metric)
    if not len(rows) or not seen.places.areas:
        return {}
    value = np.where(_stopped(seen, rows, end), np.nan, seen.column("indicator", "value")[rows])
    area = seen.areas("indicator", rows, level)
    category, source = seen.column("indicator", "category")[rows], seen.column("indicator", "source")[rows]
    labels, as_of = seen.labels("indicator", "category"), np.minimum(end, _received(seen, rows))
    groups: dict[tuple[int, int], dict[int, list[int]]] = {}
    for at in np.flatnonzero((area != NOWHERE) & (depth >= level)).tolist():
        groups.setdefault((int(category[at]), int(area[at])), {}).setdefault(int(source[at]), []).append(at)
    found = {}
    for (code, place), by_source in groups.items():
        stands = max(by_source, key=lambda each: (max(end[at] for at in by_source[each]), seen.sources.labels[each]))
        members = np.array(by_source[stands])
        members = members[depth[members] == depth[members].min()]
        told = _together(value[members], category[members], "sum")
        found[labels[code], seen.places.areas[place].pcode] = Value(told, int(as_of[members].max()))
    return found


class _Series(NamedTuple):
    """The newest row of each series of an indicator, the end of its period up to now, and the level it speaks of."""

    rows: Rows = np.empty(0, np.int64)
    end: NDArray[np.int64] = np.empty(0, np.int64)
    depth: NDArray[np.int64] = np.empty(0, np.int64)
    unmatched: int = 0


def _level(seen: Seen, metric: str, series: _Series) -> int:
    """The level to show a figure by, of those whose areas this viewer may see."""
    levels = seen.column("boundary", "level")[seen.rows("boundary")]
    deepest = int(levels[levels <= 2].max(initial=0))
    spoken = np.minimum(series.depth, 2)
    counts = np.bincount(spoken[spoken >= 0], minlength=3)[::-1]  # of equals the deeper
    return deepest if metric == INCIDENTS else min(deepest, 2 - int(np.argmax(counts)))


def _at_level(seen: Seen, filters: Filters, metric: str, series: _Series, level: int) -> Figure:
    if metric == INCIDENTS:
        return _incidents(seen, filters, level)
    if metric == RATE:
        return _rate(_incidents(seen, filters, level), _indicator(seen, POPULATION, series, level))
    return _indicator(seen, metric, series, level)


def _incidents(seen: Seen, filters: Filters, level: int) -> Figure:
    """Incidents per area that this viewer may see: none is zero, because every one of them is counted."""
    rows = seen.rows("incident", filters)
    area = seen.column("incident", "area")
    counts = np.bincount((area if len(rows) == len(area) else area[rows]) + 1, minlength=len(seen.places.areas) + 1)
    cells = seen.cells("incident", filters)
    np.add.at(counts, cells.area + 1, cells.number)
    few = np.zeros(len(counts), np.int64)
    np.maximum.at(few, cells.area + 1, np.where(cells.number, 0, cells.least))
    drawn = seen.rows("boundary")
    drawn = drawn[seen.column("boundary", "level")[drawn] == level]
    labels = seen.labels("boundary", "pcode")
    values = dict.fromkeys((labels[code] for code in seen.column("boundary", "pcode")[drawn].tolist()), 0)
    ups = seen.places.ancestors[:, level].tolist() if seen.places.areas else []
    fewer = dict.fromkeys(values, 0)
    for up, count, least in zip(ups, counts[1:].tolist(), few[1:].tolist(), strict=True):
        if up != NOWHERE and (pcode := seen.places.areas[up].pcode) in values:
            values[pcode] += count
            fewer[pcode] = max(fewer[pcode], least)
    found = {
        pcode: Value(float(count) if count or not fewer[pcode] else None, NO_TIME, fewer[pcode] or None)
        for pcode, count in values.items()
    }
    unmatched = int(counts.sum()) - sum(values.values())
    return Figure(INCIDENTS, level, "incidents", "sum", found, rows, "incident", unmatched)


def _rate(counted: Figure, people: Figure) -> Figure:
    """Incidents per 100,000 people; unknown where the population is not known."""
    values = {
        pcode: Value(counted.values[pcode].value / of.value * 100_000, of.end_us)  # type: ignore[operator]
        for pcode, of in people.values.items()
        if of.value and pcode in counted.values and counted.values[pcode].value is not None
    }
    unit, since = "per 100,000", people.oldest_us
    return Figure(
        RATE, counted.level, unit, "sum", values, counted.rows, "incident", counted.unmatched, population_us=since
    )


def _indicator(seen: Seen, metric: str, series: _Series, level: int) -> Figure:
    rows, end, depth, unmatched = series
    if not len(rows) or not seen.places.areas:
        return Figure(metric, level, unmatched=len(rows))
    unit = _unit(seen, rows)
    combined: Combined = "highest" if metric in HIGHEST else "sum" if unit.casefold() in COUNTED else "mean"
    value = np.where(_stopped(seen, rows, end), np.nan, seen.column("indicator", "value")[rows])
    area = seen.areas("indicator", rows, level)
    here = np.flatnonzero((area != NOWHERE) & (depth >= level))
    groups: dict[str, dict[str, list[int]]] = {}
    sources = seen.column("indicator", "source")[rows]
    for at, place, source in zip(here.tolist(), area[here].tolist(), sources[here].tolist(), strict=True):
        by_source = groups.setdefault(seen.places.areas[place].pcode, {})
        by_source.setdefault(seen.sources.labels[source], []).append(at)
    category = seen.column("indicator", "category")[rows]
    as_of = np.minimum(end, _received(seen, rows))  # a year's figure that came in January says nothing of December
    values, used = {}, []
    for pcode, by_source in groups.items():
        stands = max(sorted(by_source), key=lambda source: max(end[at] for at in by_source[source]))
        members = np.array(by_source[stands])
        members = members[depth[members] == depth[members].min()]
        values[pcode] = Value(_together(value[members], category[members], combined), int(as_of[members].max()))
        used.append(members)
    chosen = np.sort(np.concatenate(used)) if used else np.empty(0, np.int64)
    known = [told.end_us for told in values.values() if told.value is not None and told.end_us != NO_TIME]
    return Figure(
        metric,
        level,
        unit,
        combined,
        values,
        rows[chosen],
        "indicator",
        unmatched,
        min(known, default=None),
        max(known, default=None),
    )


def _ends(seen: Seen, rows: Rows) -> NDArray[np.int64]:
    end, time = seen.column("indicator", "period_end")[rows], seen.column("indicator", "time")[rows]
    return np.where(end != NO_TIME, end, time)


def _begins(seen: Seen, rows: Rows, end: NDArray[np.int64]) -> NDArray[np.int64]:
    start = seen.column("indicator", "period_start")[rows]
    return np.where(start != NO_TIME, start, end)


def _series(seen: Seen, filters: Filters, metric: str) -> _Series:
    """Of rows that are equally new the one heard last stands."""
    asked = Filters(source=filters.source, agency=filters.agency, codes=(("indicator", (metric,)),))
    rows = seen.rows("indicator", asked)
    end, now = _ends(seen, rows), int(seen.now.timestamp() * 1_000_000)
    begun = _begins(seen, rows, end) <= now  # what is foretold for a period to come is not yet the case
    rows, end = rows[begun], np.minimum(end[begun], now)
    names = ("source", "category", "area", "adm_pcode", "x", "y")
    columns = [seen.column("indicator", name)[rows] for name in names]
    order = np.lexsort((rows, end, *columns))
    stays = np.zeros(len(rows), np.bool_)
    stays[-1:] = True
    for column in columns:
        stays[:-1] |= np.diff(column[order]) != 0
    newest = np.sort(order[stays])
    return _Series(rows[newest], end[newest], *_depths(seen, rows[newest]))


def _stopped(seen: Seen, rows: Rows, end: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Series that ended two periods or more before the newest one of their source."""
    start, source = seen.column("indicator", "period_start")[rows], seen.column("indicator", "source")[rows]
    stated = (start != NO_TIME) & (end != NO_TIME) & (end > start)
    length = np.where(stated, end - np.where(stated, start, 0), PERIOD_US)
    newest = np.full(len(seen.sources.labels), NO_TIME)
    np.maximum.at(newest, source, end)
    told = end != NO_TIME
    behind = newest[source] - np.where(told, end, newest[source])
    return np.asarray(told & (behind >= 2 * np.maximum(length, DAY_US)))


def _depths(seen: Seen, rows: Rows) -> tuple[NDArray[np.int64], int]:
    """The level each series speaks of (LEVELS for a site), and how many are of a place that no boundary matches.

    Where a code is not known and the name neither, a row is placed in the area above: it is then a part of it, not its
    whole. Only what the row said tells, so those rows are read.
    """
    area = seen.column("indicator", "area")[rows]
    levels = np.array([*(each.level for each in seen.places.areas), NOWHERE], np.int64)  # NOWHERE's is the last
    depth = levels[area]
    site = seen.column("indicator", "x")[rows] != NO_XY
    codes, labels = seen.column("indicator", "adm_pcode")[rows], seen.labels("indicator", "adm_pcode")
    unsure = [
        at
        for at in np.flatnonzero(~site & (area != NOWHERE)).tolist()
        if labels[codes[at]].upper() != seen.places.areas[area[at]].pcode.upper()
    ]
    unmatched = int(np.count_nonzero(area == NOWHERE))
    for at, item in zip(unsure, seen.items("indicator", rows[unsure]), strict=True):
        said = max((n for n, name in enumerate(item.record.adm_names, start=1) if name), default=0)
        if said > depth[at] or (not said and labels[codes[at]]):
            unmatched += 1
            depth[at] = max(said, depth[at] + 1)
    return np.where(site & (area != NOWHERE), LEVELS, depth), unmatched


def _received(seen: Seen, rows: Rows) -> NDArray[np.int64]:
    """When each row was received, microseconds UTC."""
    revisions, which = np.unique(seen.column("indicator", "rev_from")[rows], return_inverse=True)
    at = [bisect_left(seen.commits, revision, key=lambda commit: commit.revision) for revision in revisions.tolist()]
    return np.array([seen.commits[index].received_us for index in at], np.int64)[which]


def _unit(seen: Seen, rows: Rows) -> str:
    """The unit most of the rows state."""
    counts = np.bincount(seen.column("indicator", "unit")[rows])
    labels: Sequence[Any] = seen.labels("indicator", "unit")
    return max(((count, labels[code]) for code, count in enumerate(counts.tolist()) if count), default=(0, ""))[1]


def _together(value: NDArray[np.float64], category: NDArray[np.int32], combined: Combined) -> float | None:
    told = ~np.isnan(value)
    if not told.any():
        return None
    value, category = value[told], category[told]
    if combined == "mean":
        return float(value.mean())
    if combined == "sum":
        return float(value.sum())
    return float(np.bincount(category, value).max())
