"""The KPI frame: a KPI is a frozen value of one function; the frame adds its age, its sources, its state and its links.

Every figure opens to the records behind it: a KPI names them as a kind with filters, and counts nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlencode

import numpy as np

from dashboard.words import age, figure, say
from data.columns import NO_TIME
from data.filters import BadFilter, Filters
from data.records import KINDS, Severity
from data.seen import DAY_US, Rows, Seen, public_id

NAMED = 8
"""Records named where a list is asked for."""
State = Literal["ok", "watch", "alarm", "unknown", "not_reported"]


@dataclass(frozen=True)
class Asked:
    """What a KPI is computed from: what the viewer may see, under the page's filters."""

    seen: Seen
    filters: Filters
    lang: str
    target: float | None = None

    @property
    def now_us(self) -> int:
        return int(self.seen.now.timestamp() * 1e6)

    def within(self, **window: float) -> Filters:
        """The page's filters over a window of the KPI's own, e.g. `within(hours=24)`."""
        return replace(self.filters, since=None, until=None, window=timedelta(**window))

    def anytime(self) -> Filters:
        """The page's filters without a time, for things that stand until they change. Severity is of events only."""
        return replace(self.filters, since=None, until=None, window=None, severity=Severity.unknown, category=())

    def say(self, key: str, **parts: object) -> str:
        return say(self.lang, key, **parts)


@dataclass(frozen=True)
class Figure:
    """One KPI's answer. `value` None means unknown; a state of "not_reported" means nobody was heard."""

    value: float | None
    rows: Rows
    """The records behind the figure, of the KPI's kind."""
    state: State = "ok"
    caption: str = ""
    spark: Sequence[float | None] = ()
    bars: Sequence[tuple[str, float, float]] = ()
    """(label, value, usual value)."""
    listed: Rows | None = None
    """The few to name, worst or newest first."""
    ranked: Rows | None = None
    """The records, the most pressing first, for where they are asked to be named; else the newest are."""


@dataclass(frozen=True)
class Kpi:
    """`target` is the default; `[thresholds]` in the settings overrides it by id."""

    id: str
    kind: str
    compute: Callable[[Asked], Figure]
    unit: str = ""
    target: float | None = None
    order: int = 100


def kpi_list(
    kpis: Sequence[Kpi],
    seen: Seen,
    filters: Filters,
    query: Mapping[str, str],
    states: Sequence[Any],
    thresholds: Mapping[str, float],
    lang: str,
    lists: Container[str] = (),
) -> list[dict[str, Any]]:
    """Every KPI as `/api/kpis` gives it. `states` are the sources' states (`name`, `title`, `state`); of those in `lists` the
    records are named though they mostly are not."""

    def asked(kpi: Kpi) -> Asked:
        return Asked(seen, filters, lang, thresholds.get(kpi.id, kpi.target))

    return [_answer(kpi, asked(kpi), query, states, kpi.id in lists) for kpi in kpis]


def _answer(
    kpi: Kpi, asked: Asked, query: Mapping[str, str], states: Sequence[Any], named: bool = False
) -> dict[str, Any]:
    seen, lang = asked.seen, asked.lang
    found = kpi.compute(asked)
    as_of = newest(seen, kpi.kind, found.rows)
    # Where nothing is behind a figure it is a zero of those who would have told: of all that ever told of this kind.
    behind = found.rows if len(found.rows) else seen.rows(kpi.kind, replace(asked.anytime(), text=""))
    heard = _sources(seen, kpi.kind, behind, states)
    tired = [entry for entry in heard if entry["state"] in ("stale", "failed")]
    stopped = bool(tired) and len(tired) == len(heard) and found.state not in ("unknown", "not_reported")
    state = "stale" if stopped else found.state
    since = max((entry["since"] for entry in tired if entry["since"]), default=None) if stopped else None
    answer: dict[str, Any] = {
        "id": kpi.id,
        "title": say(lang, f"kpi.{kpi.id}"),
        "value": found.value,
        "display": figure(found.value),
        "unit": kpi.unit,
        "state": state,
        "as_of": None if as_of is None else as_of.isoformat().replace("+00:00", "Z"),
        "age_s": None if as_of is None else max(0, round((seen.now - as_of).total_seconds())),
        "target": asked.target,
        "revision": seen.revision,
        "caption": found.caption if len(found.rows) or not stopped else asked.say("caption.stopped"),
        "stopped_since": since,
        "spark": list(found.spark),
        "source": " · ".join(f"{entry['title']} {entry['age']}".strip() for entry in heard[:3]),
        "method": say(lang, f"kpi.{kpi.id}.method"),
        "href": "/?" + urlencode({**query, "kpi": kpi.id}),
        "records_href": f"/ogc/collections/{KINDS[kpi.kind].collection}/items?" + urlencode({**query, "kpi": kpi.id}),
        "count": len(found.rows),
    }
    if found.bars:
        answer["bars"] = [
            {"label": label, "value": value, "mean": round(float(mean), 1)} for label, value, mean in found.bars
        ]
    few = found.listed
    if named:
        ranked = found.ranked if found.ranked is not None else seen.newest(kpi.kind, found.rows, NAMED)
        few = ranked[:NAMED]
    if few is not None:
        answer["list"] = [listed(seen, item) for item in seen.items(kpi.kind, few)]
    return answer


def rows_behind(
    kpis: Sequence[Kpi], kpi_id: str, kind: str, seen: Seen, filters: Filters, thresholds: Mapping[str, float]
) -> Rows:
    """The very records a KPI's figure was made of. Raises `BadFilter` where that collection has no such KPI."""
    kpi = next((kpi for kpi in kpis if kpi.id == kpi_id and kpi.kind == kind), None)
    if kpi is None:
        known = ", ".join(kpi.id for kpi in kpis if kpi.kind == kind) or "none"
        raise BadFilter(f"kpi: '{kpi_id[:40]}' is not one of this collection's: {known}.")
    return kpi.compute(Asked(seen, filters, "en", thresholds.get(kpi.id, kpi.target))).rows


def newest(seen: Seen, kind: str, rows: Rows) -> datetime | None:
    """The newest event time among rows; periods that end after now do not make a figure younger."""
    times = seen.column(kind, "time")[rows]
    times = times[(times != NO_TIME) & (times <= int(seen.now.timestamp() * 1e6))]
    return datetime.fromtimestamp(int(times.max()) / 1e6, UTC) if len(times) else None


def listed(seen: Seen, item: Any) -> dict[str, Any]:
    """A record as a line of a list."""
    when = item.record.event_time
    names = [name for name in item.area_names if name]
    return {
        "id": public_id(item.id),
        "title": item.record.title or item.record.category,
        "place": item.record.place or item.site or (names[-1] if names else ""),
        "severity": item.record.severity.name,
        "t": None if when is None else int(when.timestamp()),
        "age_s": None if when is None else max(0, round((seen.now - when).total_seconds())),
    }


def per_day(seen: Seen, kind: str, rows: Rows, days: int) -> list[float]:
    """How many of the rows fall in each of the last `days` periods of 24 hours, oldest first."""
    end = int(seen.now.timestamp() * 1e6)
    back = (end - seen.column(kind, "time")[rows]) // DAY_US
    counts = np.bincount(back[(back >= 0) & (back < days)], minlength=days)
    return [float(count) for count in counts[::-1]]


def repeated(asked: Asked, reports: Rows, events: Rows) -> str:
    """Where several reports tell of one event, which counts once: of how many reports the figure is."""
    more = len(reports) - len(events)
    return asked.say("caption.of_reports", reports=len(reports), more=more) if more else ""


def silent(asked: Asked, kind: str, key: str) -> Figure | None:
    """For counts of events: where no source told of any in 28 days, nobody reported, which is not a count of zero."""
    if len(asked.seen.rows(kind, replace(asked.within(days=28), severity=Severity.unknown, category=(), text=""))):
        return None
    rows = asked.seen.rows(kind, replace(asked.anytime(), text=""))
    last = newest(asked.seen, kind, rows)
    told = "" if last is None else age((asked.seen.now - last).total_seconds())
    caption = asked.say(f"{key}.last", age=told) if told else asked.say(f"{key}.never")
    return Figure(None, rows[:0], "not_reported", caption)


def _sources(seen: Seen, kind: str, rows: Rows, states: Sequence[Any]) -> list[dict[str, Any]]:
    """The sources the rows came from, by how many rows, with the age of each one's newest."""
    codes, counts = np.unique(seen.column(kind, "source")[rows], return_counts=True)
    known = {state.name: state for state in states}
    heard = []
    most = sorted(zip((-counts).tolist(), (seen.sources.labels[code] for code in codes), codes, strict=True))
    for _, name, code in most:
        of_source = rows[seen.column(kind, "source")[rows] == code]
        at = newest(seen, kind, of_source)
        state = known.get(name)
        heard.append(
            {
                "title": state.title if state else name,
                "state": state.state if state else "",
                "since": getattr(state, "ailing_since", None),
                "age": "" if at is None else age((seen.now - at).total_seconds()),
            }
        )
    return heard
