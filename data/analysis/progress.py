"""How a figure stands against the line from its baseline to its target: on track, at risk, off track, or not reported.

At a moment between the baseline's and the target's day the figure should lie on the straight line between the two; before the
first it should be the baseline, after the last the target. What it lacks is told as a share of the whole way. Where baseline and
target are equal (a level to be held) it is a share of that level. Limits: real programmes do not move in straight lines; a target
of doubtful worth is met as easily as a good one; nothing here says why a figure is where it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

State = Literal["on_track", "at_risk", "off_track", "not_reported"]
WORST_FIRST: tuple[State, ...] = ("off_track", "at_risk", "not_reported", "on_track")
TOLERANCE, LIMIT = 0.10, 0.25
"""So much of the way may be missing and it is on track; beyond the second it is off track."""


@dataclass(frozen=True)
class Way:
    """From where to where, and by when. `better` decides only where baseline and target are equal."""

    baseline: float | None = None
    baseline_time: datetime | None = None
    target: float | None = None
    target_time: datetime | None = None
    better: Literal["up", "down"] = "up"
    cadence_days: float | None = None


def expected(way: Way, now: datetime) -> float | None:
    """Where the figure should be by now; the target where the way has no baseline or no times; None without a target."""
    if way.target is None or way.baseline is None or way.baseline_time is None or way.target_time is None:
        return way.target
    whole = (way.target_time - way.baseline_time).total_seconds()
    gone = (now - way.baseline_time).total_seconds()
    share = 1.0 if whole <= 0 else min(max(gone / whole, 0.0), 1.0)
    return way.baseline + share * (way.target - way.baseline)


def missing(way: Way, actual: float, now: datetime) -> float | None:
    """What is missing to the line as a share of the whole way (negative: ahead of it); None where there is no way to tell."""
    line = expected(way, now)
    if line is None or way.target is None:
        return None
    length = abs(way.target - (way.target if way.baseline is None else way.baseline)) or abs(way.target) or 1.0
    rising = way.better == "up" if way.baseline in (None, way.target) else way.target > (way.baseline or 0.0)
    return (line - actual if rising else actual - line) / length


def state(way: Way, actual: float | None, as_of: datetime | None, now: datetime) -> State:
    """Of one figure. What has no value, no target, or is older than it may be is not reported."""
    if actual is None or as_of is None or stale(way, as_of, now):
        return "not_reported"
    lacks = missing(way, actual, now)
    if lacks is None:
        return "not_reported"
    # Half a millionth: a figure on the very edge is not judged by how floats round.
    return "on_track" if lacks <= TOLERANCE + 5e-7 else "at_risk" if lacks <= LIMIT + 5e-7 else "off_track"


def stale(way: Way, as_of: datetime, now: datetime) -> bool:
    return way.cadence_days is not None and now - as_of > timedelta(days=way.cadence_days)


def together(states: Iterable[State], overdue: bool = False) -> State:
    """Of what these are parts of: the worst of them; with overdue tasks at best at risk; nothing is not reported."""
    there = set(states)
    worst: State = next((one for one in WORST_FIRST if one in there), "not_reported")
    return "at_risk" if overdue and worst in ("on_track", "not_reported") else worst
