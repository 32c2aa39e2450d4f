"""Surges and clusters of what one viewer sees under a set of filters: the counts are made here, the methods are `surge`, `scan`.

Areas are those of the second level (or the level below a chosen area). Weeks and days end at the selection's end, so that the
newest is whole. A source whose record begins within the baseline is left out of the surges and named: that it began to be heard
is not that more happened. Nothing here is a forecast.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from data.analysis.scan import SIMULATIONS, Cluster, space_time
from data.analysis.surge import BASELINE, GUARD, Surge, detect
from data.choosing import Rows, micros, within
from data.columns import NO_TIME
from data.filters import Filters
from data.places import LEVELS, NOWHERE
from data.precision import inner_points
from data.seen import DAY_US, Seen

KIND = "incident"
WEEK_US = 7 * DAY_US
MOST_WEEKS = 261
LEAST_WEEKS = BASELINE + GUARD + 1
DAYS = 60
LONGEST_DAYS = 14
SIGNIFICANT = 0.05
LEAST_INCIDENTS = 30
SHUFFLES = 100
LEVEL = 2
KM_PER_DEGREE = 111.195


@dataclass(frozen=True)
class Patterns:
    """Entries of `surge` and the places of `clusters` are areas: indices into `seen.places.areas`, in `areas` shape (n,).

    `until` ends the last week and the last day. `clusters` are those with p <= SIGNIFICANT of a scan over `days` days.
    """

    until: datetime
    areas: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    surge: Surge
    false_alarms: float
    """To be expected among the areas tested if nothing were going on."""
    weeks: int
    left_out: tuple[str, ...]
    clusters: tuple[Cluster, ...]
    days: int
    scanned: int
    """Incidents the scan knew; fewer than LEAST_INCIDENTS are not scanned."""
    unplaced: int
    """Incidents of the last week in no area so exact: in neither."""


def patterns(seen: Seen, filters: Filters) -> Patterns:
    """What stands out among the incidents under these filters, whatever their time filter begins with. Raises `BadFilter`."""
    end, areas, lon, lat, rows, of_area, age_us, unplaced = _placed(seen, filters)
    weekly, left_out = _weekly(seen, rows, of_area, age_us, len(areas))
    recent = age_us < DAYS * DAY_US
    counts = _counted(of_area[recent], age_us[recent] // DAY_US, len(areas), DAYS)
    clusters = _clusters(counts, lon, lat)
    surge = detect(weekly)
    return Patterns(
        end,
        areas,
        lon,
        lat,
        surge,
        false_alarms(weekly, surge),
        weekly.shape[1],
        left_out,
        clusters,
        DAYS,
        int(counts.sum()),
        unplaced,
    )


def false_alarms(weekly: NDArray[np.int64], surge: Surge) -> float:
    """How many alarms to expect if nothing were going on: of the method as such, or where it is more, as many as it raises when
    each area's own weeks are shuffled. Counts that come in bursts raise more than the method allows for."""
    if surge.method != "EARS C2" or not surge.tested:
        return surge.false_alarms  # the other method fits how the counts vary
    rng = np.random.default_rng(1)
    raised = [int(detect(rng.permuted(weekly, axis=1)).alarm.sum()) for _ in range(SHUFFLES)]
    return max(surge.false_alarms, float(np.mean(raised)))


def weekly(seen: Seen, filters: Filters) -> NDArray[np.int64]:
    """Counts by area and week up to the filters' time, shape (areas, weeks), as `detect` takes them. Raises `BadFilter`."""
    _, areas, _, _, rows, of_area, age_us, _ = _placed(seen, filters)
    return _weekly(seen, rows, of_area, age_us, len(areas))[0]


def _placed(
    seen: Seen, filters: Filters
) -> tuple[datetime, NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], Rows, Rows, NDArray[np.int64], int]:
    """The end, areas with a point in each, and of the incidents in one their rows, its number and age; how many are in none."""
    _, until = filters.span(seen.now)
    end = until or seen.now
    wide = replace(filters, since=end - timedelta(weeks=MOST_WEEKS), until=end, window=None)
    rows = seen.rows(KIND, wide)
    rows = rows[seen.column(KIND, "time")[rows] != NO_TIME]
    level = _level(seen, filters.area)
    areas = _areas(seen, filters.area, level, end)
    lon, lat = inner_points(seen.places, areas.astype(np.int32))
    there = np.isfinite(lon)
    areas, lon, lat = areas[there], lon[there], lat[there]
    of_area = _numbered(seen, areas)[seen.areas(KIND, rows, level)]
    age_us = micros(end) - 1 - seen.column(KIND, "time")[rows]
    unplaced = int(((of_area < 0) & (age_us < WEEK_US)).sum())
    fits = of_area >= 0
    return end, areas, lon, lat, rows[fits], of_area[fits], age_us[fits], unplaced


def _level(seen: Seen, pcode: str) -> int:
    wanted = pcode.upper()
    held = next((area.level for area in seen.places.areas if area.pcode.upper() == wanted), None) if pcode else None
    deepest = max((area.level for area in seen.places.areas), default=0)
    return min(LEVEL if held is None else max(LEVEL, held + 1), deepest, LEVELS - 1)


def _areas(seen: Seen, pcode: str, level: int, at: datetime) -> NDArray[np.int64]:
    """The areas of a level of the boundaries in force at a time, inside the chosen one."""
    inside = within(seen, pcode)[:-1] if pcode else np.ones(len(seen.places.areas), np.bool_)
    at_level = np.array(
        [area.level == level and (area.valid_to is None or area.valid_to > at) for area in seen.places.areas], np.bool_
    )
    return np.flatnonzero(at_level & inside)


def _numbered(seen: Seen, areas: NDArray[np.int64]) -> NDArray[np.int64]:
    """Index of an area -> its place among `areas`, or -1; NOWHERE is the last."""
    table = np.full(len(seen.places.areas) + 1, -1, np.int64)
    table[areas] = np.arange(len(areas))
    table[NOWHERE] = -1
    return table


def _counted(of_area: NDArray[np.int64], back: NDArray[np.int64], areas: int, periods: int) -> NDArray[np.int64]:
    """Counts of shape (areas, periods), the newest last, from how many periods back each incident lies."""
    flat = of_area * periods + (periods - 1 - back)
    return np.bincount(flat, minlength=areas * periods).reshape(areas, periods)


def _weekly(
    seen: Seen, rows: Rows, of_area: NDArray[np.int64], age_us: NDArray[np.int64], areas: int
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    source = seen.column(KIND, "source")[rows]
    oldest = np.zeros(len(seen.sources.labels), np.int64)
    np.maximum.at(oldest, source, age_us)
    young = oldest < LEAST_WEEKS * WEEK_US
    kept = ~young[source]
    heard = np.unique(source)
    left_out = tuple(sorted(seen.sources.labels[code] for code in heard.tolist() if young[code]))
    weeks = int(min(MOST_WEEKS, oldest[heard[~young[heard]]].max() // WEEK_US)) if kept.any() else 0
    back = age_us[kept] // WEEK_US
    fits = back < weeks
    counts = _counted(of_area[kept][fits], back[fits], areas, weeks) if weeks else np.zeros((areas, 0), np.int64)
    return counts, left_out


def _clusters(counts: NDArray[np.int64], lon: NDArray[np.float64], lat: NDArray[np.float64]) -> tuple[Cluster, ...]:
    if int(counts.sum()) < LEAST_INCIDENTS or len(counts) < 3:
        return ()
    scale = float(np.cos(np.radians(np.nanmean(lat))))
    found = space_time(counts, lon * KM_PER_DEGREE * scale, lat * KM_PER_DEGREE, LONGEST_DAYS, SIMULATIONS)
    return tuple(cluster for cluster in found if cluster.p <= SIGNIFICANT)
