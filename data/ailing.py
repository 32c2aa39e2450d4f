"""What is wrong with a source, told apart: it stopped, it is slow, or what it sends is rubbish; since when, and by which numbers.

stopped   unreachable  it cannot be heard           here   what it sent cannot be stored on this machine
          silent       nothing came for three times its interval
slow      late         what was expected has not come yet
          gaps         what comes, comes later than expected: the middle gap of the last ones
          lag          it is heard, but what it tells is older than `observed_within`
rubbish   payload      its last payload cannot be read at all
          rows         half of its rows and more are refused, in one payload after another
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise, takewhile
from statistics import median
from typing import Any, Literal, NamedTuple

from data.settings import Source

Kind = Literal["", "stopped", "slow", "rubbish"]
Cause = Literal["", "unreachable", "here", "silent", "late", "gaps", "lag", "payload", "rows"]
KEPT = 12
"""How many of what was heard last are remembered."""
RUBBISH_SHARE = 0.5
SLOW = 1.5
"""Times the expected interval, as for a source that is late."""
FEWEST_GAPS = 3


class Heard(NamedTuple):
    """What came within a second: until when (microseconds UTC), payloads, rows, rows refused, payloads that could not be read."""

    time_us: int
    payloads: int
    rows: int
    rejected: int
    unreadable: int

    def and_then(self, later: Heard) -> Heard:
        added = (one + other for one, other in zip(self[1:], later[1:], strict=True))
        return Heard(max(self.time_us, later.time_us), *added)


@dataclass(frozen=True)
class Ailment:
    kind: Kind
    cause: Cause
    since_us: int
    reason: str
    payloads: int | None = None
    rows: int | None = None
    rejected: int | None = None
    gap_s: float | None = None


def ailment(state: str, source: Source, row: Mapping[str, Any], to_mend: int, now_us: int) -> Ailment | None:
    """What ails a source, the worst of it first; None where nothing does.

    `row` is its `source_state`; `to_mend` what of it lies in quarantine still: once that is mended it was no rubbish.
    """
    recent = [Heard(*each) for each in json.loads(row.get("recent") or "[]")]
    heard_us, every_s = row.get("last_succeeded_us"), source.expected_every_s
    if state == "failed":
        return _failing(row, recent)
    if state == "stale" and heard_us is not None:
        return Ailment("stopped", "silent", heard_us, f"silent since {_clock(heard_us)}; expected {_every(every_s)}")
    bad = list(takewhile(_refused, (each for each in reversed(recent) if each.rows)))
    if bad and to_mend:
        payloads, rows, rejected = (sum(each[column] for each in bad) for column in (1, 2, 3))
        told = f"{rejected:,} of {rows:,} rows refused in {_payloads(payloads)}, since {_clock(bad[-1].time_us)}"
        return Ailment("rubbish", "rows", bad[-1].time_us, told, payloads, rows, rejected)
    if state == "late" and heard_us is not None and every_s is not None:
        due_us = heard_us + round(every_s * 1e6)
        return Ailment("slow", "late", due_us, f"due at {_clock(due_us)} and not here; expected {_every(every_s)}")
    return _slow(source, row, recent, now_us)


def _failing(row: Mapping[str, Any], recent: list[Heard]) -> Ailment:
    since_us, error = row["failing_since_us"], str(row.get("last_error", "")).rstrip(".")
    cause: Cause = row.get("cause") or "unreachable"
    told = f"{error}, since {_clock(since_us)}"
    if cause != "payload":
        return Ailment("stopped", cause, since_us, told)
    payloads = sum(each.unreadable for each in recent if each.time_us >= since_us)
    return Ailment("rubbish", "payload", since_us, told, payloads or None)


def _slow(source: Source, row: Mapping[str, Any], recent: list[Heard], now_us: int) -> Ailment | None:
    every_s, observed_us = source.expected_every_s, row.get("last_observed_us")
    gaps = [(later.time_us - earlier.time_us) / 1e6 for earlier, later in pairwise(recent)]
    if every_s is not None and len(gaps) >= FEWEST_GAPS and median(gaps) > SLOW * every_s:
        gap_s = median(gaps)
        told = f"comes {_every(gap_s)}, expected {_every(every_s)}; since {_clock(recent[0].time_us)}"
        return Ailment("slow", "gaps", recent[0].time_us, told, gap_s=gap_s)
    within_s = source.observed_within_s
    if within_s is not None and observed_us is not None and now_us - observed_us > within_s * 1e6:
        since_us = observed_us + round(within_s * 1e6)
        told = f"heard, but nothing it tells is newer than {_clock(observed_us)}"
        return Ailment("slow", "lag", since_us, told)
    return None


def _refused(heard: Heard) -> bool:
    return heard.rejected >= RUBBISH_SHARE * heard.rows


def _payloads(count: int) -> str:
    return "the last payload" if count == 1 else f"the last {count:,} payloads"


def _every(seconds: float | None) -> str:
    for limit, unit, size in ((90, "s", 1), (5_400, "min", 60), (129_600, "h", 3_600)):
        if seconds is not None and seconds < limit:
            return f"every {seconds / size:.3g} {unit}"
    return "" if seconds is None else f"every {seconds / 86_400:.3g} d"


def _clock(time_us: int) -> str:
    moment = datetime.fromtimestamp(time_us / 1e6, UTC)
    return f"{moment:%d%H%M}Z {moment:%b %y}".upper()
