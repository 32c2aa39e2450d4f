"""What communities say and whether they are answered: counts by theme, channel and area, and week by week.

Method. A voice is due once it was answered, or once it has waited longer than the mission's own limit; answered in time are
those answered within that limit of being received. The share is of those due alone, so that what came yesterday neither
helps nor harms it. Sensitive complaints are in none of these counts: they are counted apart (`Seen.in_confidence`), for those
who are read into them. What is released as counts only has no time of answer and stands beside the counts as `Counted`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from data.columns import NO_TIME
from data.counted import MONDAY_US, WEEK_US
from data.filters import Filters
from data.places import NOWHERE
from data.seen import DAY_US, Rows, Seen
from data.times import micros_of, moment_of

KIND = "feedback"
WEEKS = 26
SPARK_WEEKS = 12
ADM2 = 2


@dataclass(frozen=True)
class Counted:
    """Released as counts only: at least `number`, and where `fewer_than` is told some further ones, fewer than that a cell."""

    number: int = 0
    fewer_than: int | None = None


@dataclass(frozen=True)
class Answered:
    """Some voices together. `share` is of those due, 0 to 1, None where none is due; `median_days` of those answered."""

    received: int
    answered: int
    due: int
    in_time: int
    overdue: int
    """Not answered, and older than the limit."""
    share: float | None
    median_days: float | None
    oldest: datetime | None
    """When the oldest without an answer was received."""
    counted: Counted = Counted()
    weeks: tuple[int, ...] = ()
    """Received in each of the last `SPARK_WEEKS` whole weeks and the current one, whatever window is asked for."""

    @property
    def open(self) -> int:
        return self.received - self.answered


@dataclass(frozen=True)
class Week:
    """A week by the day it began (Monday, UTC); what was received in it and what became of that."""

    begins: datetime
    received: int
    due: int
    in_time: int


@dataclass(frozen=True)
class Voices:
    """`areas` by P-code (adm2), "" for those without one. `waiting` are rows without an answer, the oldest first."""

    whole: Answered
    themes: Mapping[str, Answered] = field(default_factory=dict)
    channels: Mapping[str, Answered] = field(default_factory=dict)
    areas: Mapping[str, Answered] = field(default_factory=dict)
    statuses: Mapping[str, int] = field(default_factory=dict)
    weeks: tuple[Week, ...] = ()
    waiting: Rows = field(default_factory=lambda: np.empty(0, np.int64))
    rows: Rows = field(default_factory=lambda: np.empty(0, np.int64))


class _Times:
    """Received, answered (NO_TIME: not), and by the limit due and in time, of some rows."""

    def __init__(self, seen: Seen, rows: Rows, within: timedelta) -> None:
        limit, now = int(within.total_seconds() * 1e6), micros_of(seen.now)
        self.received: NDArray[np.int64] = seen.column(KIND, "time")[rows]
        self.closed: NDArray[np.int64] = seen.column(KIND, "answered_time")[rows]
        told = self.received != NO_TIME
        self.answered = (self.closed != NO_TIME) & (self.closed <= now)
        took = np.where(self.answered & told, self.closed - np.where(told, self.received, 0), 0)
        self.took_days = took / DAY_US
        self.in_time = self.answered & told & (took <= limit)
        late = told & (now - np.where(told, self.received, now) > limit)
        self.overdue = ~self.answered & late
        self.due = told & (self.answered | late)

    def of(self, mask: NDArray[np.bool_] | slice) -> Answered:
        answered, due, in_time = self.answered[mask], self.due[mask], self.in_time[mask]
        received = self.received[mask]
        waits = received[~answered & (received != NO_TIME)]
        count = int(np.count_nonzero(due))
        return Answered(
            received=len(answered),
            answered=int(np.count_nonzero(answered)),
            due=count,
            in_time=int(np.count_nonzero(in_time)),
            overdue=int(np.count_nonzero(self.overdue[mask])),
            share=float(np.count_nonzero(in_time) / count) if count else None,
            median_days=float(np.median(self.took_days[mask][answered])) if answered.any() else None,
            oldest=moment_of(int(waits.min())) if len(waits) else None,
        )


def voices(seen: Seen, filters: Filters, within: timedelta) -> Voices:
    """Everything under the filters that is no sensitive complaint. Raises `BadFilter`."""
    rows = seen.rows(KIND, filters)
    times = _Times(seen, rows, within)
    cells = seen.cells(KIND, filters)
    ever = replace(filters, window=None, since=None, until=None)
    trend = seen.rows(KIND, ever)
    labels = {name: seen.labels(KIND, name) for name in ("category", "channel", "status")}
    groups = {name: seen.column(KIND, name)[rows] for name in labels}
    theme_of = seen.column(KIND, "category")[trend]
    first = _week_of(micros_of(seen.now)) - SPARK_WEEKS * WEEK_US
    week = (seen.column(KIND, "time")[trend] - first) // WEEK_US
    recent = (seen.column(KIND, "time")[trend] != NO_TIME) & (week >= 0) & (week <= SPARK_WEEKS)

    def spark(code: int) -> tuple[int, ...]:
        return tuple(np.bincount(week[recent & (theme_of == code)], minlength=SPARK_WEEKS + 1).tolist())

    themes = {
        labels["category"][code]: replace(
            times.of(groups["category"] == code),
            counted=_counted(cells.number[at], cells.least[at]),
            weeks=spark(code),
        )
        for code in np.union1d(np.unique(groups["category"]), np.unique(cells.category)).tolist()
        for at in (cells.category == code,)
    }
    status = np.bincount(groups["status"], minlength=len(labels["status"]))
    areas, counted_in = seen.areas(KIND, rows, ADM2), _up(seen, cells.area)
    named = {NOWHERE: "", **{at: area.pcode for at, area in enumerate(seen.places.areas)}}
    open_rows = rows[~times.answered & (times.received != NO_TIME)]
    oldest = np.argsort(seen.column(KIND, "time")[open_rows], kind="stable")
    return Voices(
        whole=replace(times.of(slice(None)), counted=_counted(cells.number, cells.least)),
        themes=themes,
        channels={
            labels["channel"][code]: times.of(groups["channel"] == code)
            for code in np.unique(groups["channel"]).tolist()
        },
        areas={
            named[at]: replace(times.of(areas == at), counted=_counted(cells.number[mine], cells.least[mine]))
            for at in np.union1d(np.unique(areas), np.unique(counted_in)).tolist()
            for mine in (counted_in == at,)
        },
        statuses={labels["status"][code]: int(count) for code, count in enumerate(status.tolist()) if count},
        weeks=_weeks(seen, trend, within),
        waiting=open_rows[oldest],
        rows=rows,
    )


def in_confidence(seen: Seen, filters: Filters, within: timedelta) -> Answered:
    """The sensitive complaints that are released to this viewer, as one count. Raises `BadFilter`."""
    told = seen.in_confidence()
    return _Times(told, told.rows(KIND, filters), within).of(slice(None))


def _weeks(seen: Seen, rows: Rows, within: timedelta) -> tuple[Week, ...]:
    times = _Times(seen, rows, within)
    first = _week_of(micros_of(seen.now)) - (WEEKS - 1) * WEEK_US
    told = (times.received >= first) & (times.received != NO_TIME)
    at = np.where(told, (times.received - first) // WEEK_US, 0)
    told &= at < WEEKS
    received, due, in_time = (
        np.bincount(at[told & each], minlength=WEEKS).tolist()
        for each in (np.ones(len(rows), np.bool_), times.due, times.in_time)
    )
    return tuple(
        Week(moment_of(first + number * WEEK_US), received[number], due[number], in_time[number])
        for number in range(WEEKS)
    )


def _week_of(micros: int) -> int:
    return (micros - MONDAY_US) // WEEK_US * WEEK_US + MONDAY_US


def _up(seen: Seen, areas: NDArray[np.int32]) -> NDArray[np.int32]:
    if not len(seen.places.ancestors):
        return areas
    return np.where(areas == NOWHERE, NOWHERE, seen.places.ancestors[areas, ADM2]).astype(np.int32)


def _counted(number: NDArray[np.int64], least: NDArray[np.int64]) -> Counted:
    few = least[number == 0]
    return Counted(int(number.sum()), int(few.max()) if len(few) else None)
