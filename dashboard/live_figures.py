"""Live figures by name, as objectives and risks refer to them: a KPI, an indicator, or incidents counted over some days.

Every one is computed from what one viewer may see, so two viewers may be told two values of the same name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from dashboard.kpi import Asked, newest
from dashboard.kpis import all_kpis
from dashboard.words import say
from data.analysis import figures
from data.analysis.figures import COUNTED, HIGHEST
from data.columns import NO_TIME
from data.filters import Filters
from data.seen import DAY_US, Rows, Seen
from data.times import moment_of

WEEKS = 104
DAYS = (1, 7, 28, 90)
WEEK_US = 7 * DAY_US


@dataclass(frozen=True)
class Value:
    """`value` None: unknown, or nobody reported. `rows` of `kind` are the records behind it."""

    value: float | None = None
    as_of: datetime | None = None
    unit: str = ""
    completeness_pct: float | None = None
    """Share of the areas that told, of those that ever did; None where nobody can say."""
    kind: str = ""
    rows: Rows = field(default_factory=lambda: np.empty(0, np.int64))


def named(seen: Seen, lang: str) -> list[dict[str, str]]:
    """Every figure this viewer may refer to: its name here, and its title."""
    kpis = [{"ref": f"kpi:{kpi.id}", "title": say(lang, f"kpi.{kpi.id}"), "unit": kpi.unit} for kpi in all_kpis()]
    told = [name for name in figures.metrics(seen) if name not in (figures.INCIDENTS, figures.RATE)]
    indicators = [{"ref": f"indicator:{name}", "title": name, "unit": ""} for name in told]
    counts = [{"ref": f"incidents:{n}", "title": say(lang, "figure.incidents", days=n), "unit": ""} for n in DAYS]
    return [*kpis, *counts, *indicators]


def exists(ref: str) -> bool:
    """Whether a name means a figure (an indicator may be yet to come)."""
    kind, _, name = ref.partition(":")
    if kind == "kpi":
        return any(kpi.id == name for kpi in all_kpis())
    if kind == "incidents":
        return name.isdigit() and int(name) in DAYS
    return kind == "indicator" and bool(name)


def value_of(seen: Seen, ref: str, area: str = "", thresholds: Mapping[str, float] | None = None) -> Value:
    """The figure for an area (a P-code; empty: everywhere) at the moment `seen` is of."""
    kind, _, name = ref.partition(":")
    if not exists(ref) or (area and not _known(seen, area)):
        return Value()
    if kind == "kpi":
        return _kpi(seen, name, area, thresholds or {})
    if kind == "incidents":
        since = Filters(area=area, window=timedelta(days=int(name)))
        rows = seen.rows("incident", since)
        ever = seen.rows("incident", Filters(area=area, window=timedelta(days=max(28, int(name)))))
        if not len(ever):  # nobody told of any in four weeks, which is not a count of none
            return Value(kind="incident")
        return Value(float(len(rows)), seen.now, "", None, "incident", rows)
    return _indicator(seen, name, area)


def _kpi(seen: Seen, name: str, area: str, thresholds: Mapping[str, float]) -> Value:
    kpi = next(kpi for kpi in all_kpis() if kpi.id == name)
    found = kpi.compute(Asked(seen, Filters(area=area), "en", thresholds.get(kpi.id, kpi.target)))
    if found.value is None:
        return Value(kind=kpi.kind, unit=kpi.unit)
    behind = found.rows if len(found.rows) else seen.rows(kpi.kind, Filters(area=area))
    return Value(found.value, newest(seen, kpi.kind, behind), kpi.unit, None, kpi.kind, found.rows)


def _indicator(seen: Seen, name: str, area: str) -> Value:
    """Put together over the areas of the level the indicator speaks of, as `data.analysis.figures` does."""
    found = figures.figure(seen, Filters(), name)
    inside = {code: told for code, told in found.values.items() if _within(seen, code, area)}
    told = [one.value for one in inside.values() if one.value is not None]
    if not told:
        return Value(kind="indicator", unit=found.unit)
    added = found.unit.casefold() in COUNTED or name in HIGHEST
    ends = [one.end_us for one in inside.values() if one.value is not None and one.end_us != NO_TIME]
    return Value(
        float(sum(told) if added else np.mean(told)),
        moment_of(max(ends)) if ends else None,
        found.unit,
        round(100 * len(told) / len(inside), 1),
        "indicator",
        _rows_in(seen, "indicator", found.rows, area),
    )


def _known(seen: Seen, area: str) -> bool:
    return any(one.pcode == area for one in seen.places.areas)


def _within(seen: Seen, pcode: str, area: str) -> bool:
    if not area or pcode == area:
        return True
    ups = seen.places.ancestors
    at = next((n for n, one in enumerate(seen.places.areas) if one.pcode == pcode), None)
    return at is not None and any(up >= 0 and seen.places.areas[up].pcode == area for up in ups[at])


def _rows_in(seen: Seen, kind: str, rows: Rows, area: str) -> Rows:
    return np.intersect1d(rows, seen.rows(kind, Filters(area=area))) if area else rows


def weekly(seen: Seen, ref: str, area: str) -> tuple[datetime, NDArray[np.float64]] | None:
    """A figure by week: when the first begins, and one value per week, NaN where nobody reported. The week that is not over is
    left out. None for figures that only say how things stand now."""
    kind, _, name = ref.partition(":")
    end = int(seen.now.timestamp() * 1e6)
    begin = end - WEEKS * WEEK_US
    if kind == "incidents" or ref in ("kpi:incidents_24h", "kpi:critical"):
        rows = seen.rows("incident", Filters(area=area))
        times = seen.column("incident", "time")[rows]
        times = times[(times >= begin) & (times < end)]
        if not len(times):
            return None
        counts = np.bincount((times - begin) // WEEK_US, minlength=WEEKS).astype(np.float64)
        counts[: int((times.min() - begin) // WEEK_US)] = math.nan  # before anybody told of anything
        return moment_of(begin), counts
    if kind != "indicator":
        return None
    rows = seen.rows("indicator", replace(Filters(area=area), codes=(("indicator", (name,)),)))
    ends = seen.column("indicator", "period_end")[rows]
    values = seen.column("indicator", "value")[rows]
    told = (ends != NO_TIME) & (ends > begin) & (ends <= end) & ~np.isnan(values)
    if np.count_nonzero(told) < 2:
        return None
    week = np.minimum((ends[told] - 1 - begin) // WEEK_US, WEEKS - 1)
    total, many = np.bincount(week, values[told], WEEKS), np.bincount(week, minlength=WEEKS)
    labels = seen.labels("indicator", "unit")
    added = labels[int(seen.column("indicator", "unit")[rows][told][0])].casefold() in COUNTED
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.where(many > 0, total if added else total / many, math.nan)
    return moment_of(begin), found
