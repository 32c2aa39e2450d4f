"""A selection held against other times: the period before, the same season a year before, and what a past moment knew.

"No data then" is not "nothing happened": where the viewer's whole record of the kind is silent in a period, no ratio is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from data.choosing import Rows, micros
from data.columns import NO_TIME
from data.filters import EARLIEST, Filters
from data.seen import Seen

YEAR = timedelta(weeks=52)
"""So that the same weekdays stand against each other."""


@dataclass(frozen=True)
class Compared:
    """`state`: "known"; "part" where the record begins within the period; "none" where it is silent. `count` is None then."""

    since: datetime
    until: datetime
    count: int | None
    ratio: float | None
    """Now over then; None where then was none or nothing is known."""
    state: Literal["known", "part", "none"]


@dataclass(frozen=True)
class Changed:
    """What a selection gained and lost since a moment: rows of the picture now, and of `then` those taken back since."""

    new: Rows
    revised: Rows
    retracted: Rows


def compared(
    seen: Seen,
    kind: str,
    filters: Filters,
    shift: timedelta | None,
    count: int,
    only: Callable[[Rows], Rows] = lambda rows: rows,
) -> Compared | None:
    """The same selection one period earlier, or earlier by `shift`, of the rows that `only` leaves; None where the period has no
    begin. Raises `BadFilter`."""
    now = seen.now.replace(microsecond=0)  # what is told of times moves once a second
    since, until = filters.span(now)
    until = until or now
    if since is None or since >= until:
        return None
    back = shift or until - since
    if since - EARLIEST < back:
        return None
    then = replace(filters, since=since - back, until=until - back, window=None)
    everything = seen.rows(kind, Filters(until=then.until))
    times = seen.column(kind, "time")[everything]
    times = times[times != NO_TIME]
    begin = micros(since - back)
    if not (times >= begin).any():
        return Compared(since - back, until - back, None, None, "none")
    found = len(only(seen.rows(kind, then)))
    state: Literal["known", "part"] = (
        "part" if int(times.min()) > begin + (micros(until) - micros(since)) // 20 else "known"
    )
    ratio = count / found if found and state == "known" else None
    return Compared(since - back, until - back, found, ratio, state)


def changed(now: Seen, then: Seen, kind: str, filters: Filters, rows: Rows) -> Changed:
    """What of these rows `then` did not know, or knew otherwise, and what it showed under the same filters that was taken back.

    The filters' window is the one of now for both, so that nothing only moved out of it. Raises `BadFilter`.
    """
    since, until = filters.span(now.now)
    fixed = replace(filters, since=since, until=until, window=None)
    ids, begun = now.column(kind, "id"), now.column(kind, "rev_from")
    fresh = rows[begun[rows] > then.at]
    known = np.isin(ids[fresh], ids[: int(np.searchsorted(begun, then.at, side="right"))])
    shown = then.rows(kind, fixed)
    ended = shown[now.column(kind, "rev_to")[shown] <= now.at]
    standing = ids[now.rows(kind)] if len(ended) else ids[:0]
    return Changed(fresh[~known], fresh[known], ended[~np.isin(ids[ended], standing)])


def trend(
    seen: Seen, kind: str, rows: Rows, filters: Filters, bars: int = 60
) -> tuple[datetime, float, NDArray[np.int64]]:
    """Counts of the rows by equal spans of time and severity: (begin, seconds a bar, shape (bars, 6)).

    Bars are whole hours, days or weeks, so many that there are at most `bars`. Rows without a time are in none.
    """
    times = seen.column(kind, "time")[rows]
    there = times != NO_TIME
    since, until = filters.span(seen.now)
    end = micros(until or seen.now)
    begin = micros(since) if since else int(times[there].min()) if there.any() else end - 86_400_000_000
    spans = (3_600, 6 * 3_600, 86_400, 7 * 86_400, 28 * 86_400, 91 * 86_400, 364 * 86_400)
    needed = max(end - begin, 1) / 1e6
    step_s = next((step for step in spans if needed / step <= bars), spans[-1])
    step = step_s * 1_000_000
    # The newest bar is whole and ends now: a bar cut short would look like calm.
    count = min(max(int(-(-(end - begin) // step)), 1), 2_000)
    first = end - count * step
    at = (times[there] - first) // step
    fits = (at >= 0) & (at < count)
    severity = seen.column(kind, "severity")[rows][there].astype(np.int64)
    held = np.bincount(at[fits] * 6 + severity[fits], minlength=count * 6)
    return datetime.fromtimestamp(first / 1e6, UTC), float(step_s), held.reshape(count, 6)
