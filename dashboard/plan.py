"""What the mission agreed, as one viewer may see it: objectives, their results, tasks and measures, and how each stands.

A part whose whole is not released to a viewer is not shown either. States are computed when they are asked for
(`data.analysis.progress`, `docs/objectives.md`): nothing of them is stored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from dashboard import rights
from dashboard.live_figures import Value, value_of
from data.access import MISSION
from data.analysis.progress import State, Way, expected, stale, state, together
from data.records import Measure, Objective, Reading, Record, Result, Task
from data.seen import Item, Seen, public_id

TREND = 24


@dataclass(frozen=True)
class Actual:
    """The newest value of a measure, where it is from, and how complete."""

    value: float | None
    as_of: datetime | None
    origin: str
    """"live", "reading" or ""."""
    told_by: str = ""
    completeness_pct: float | None = None


@dataclass(frozen=True)
class Plan:
    """Items by kind, and of each key its parts; keys are (source, source_ref)."""

    seen: Seen
    thresholds: Mapping[str, float]
    objectives: Sequence[Item]
    parts: Mapping[tuple[str, str, str], Sequence[Item]]
    """(kind, source, key of the whole) -> its parts of that kind."""

    def of(self, kind: str, whole: Item) -> Sequence[Item]:
        return self.parts.get((kind, whole.record.source, whole.record.source_ref), ())


WHOLE: Mapping[str, Callable[[Any], str]] = {
    "result": lambda record: record.objective,
    "task": lambda record: record.result,
    "measure": lambda record: record.result,
    "reading": lambda record: record.measure,
}
"""Of each kind of part, how it names its whole."""


def plan_of(seen: Seen, thresholds: Mapping[str, float]) -> Plan:
    parts: dict[tuple[str, str, str], list[Item]] = defaultdict(list)
    for kind, whole in WHOLE.items():
        for item in seen.items(kind, seen.rows(kind)):
            parts[kind, item.record.source, whole(item.record)].append(item)
    for kind, items in ((key[0], items) for key, items in parts.items()):
        items.sort(key=_by_time if kind == "reading" else _by_code)
    found = sorted(seen.items("objective", seen.rows("objective")), key=_by_code)
    return Plan(seen, thresholds, found, parts)


def _by_code(item: Item) -> tuple[str, str]:
    return getattr(item.record, "code", ""), item.record.title


def _by_time(item: Item) -> float:
    return item.record.event_time.timestamp() if item.record.event_time else 0.0


def shown(plan: Plan) -> Iterable[Item]:
    """Every item that the page shows, for the log of what is read."""
    for objective in plan.objectives:
        yield objective
        for result in plan.of("result", objective):
            yield from (result, *plan.of("task", result))
            for measure in plan.of("measure", result):
                yield from (measure, *plan.of("reading", measure)[-1:])


def told(plan: Plan) -> list[dict[str, Any]]:
    """Objectives with everything under them, as the page is told of them."""
    return [_objective(plan, one) for one in plan.objectives]


def _objective(plan: Plan, item: Item) -> dict[str, Any]:
    record = cast(Objective, item.record)
    results = [_result(plan, one) for one in plan.of("result", item)]
    return {
        **head(plan.seen, item),
        "code": record.code,
        "starts": record.starts,
        "ends": record.ends,
        "state": together(one["state"] for one in results),
        "results": results,
    }


def _result(plan: Plan, item: Item) -> dict[str, Any]:
    measures = [measure_told(plan, one) for one in plan.of("measure", item)]
    tasks = [_task(plan, one) for one in plan.of("task", item)]
    return {
        **head(plan.seen, item),
        "code": cast(Result, item.record).code,
        "state": together((one["state"] for one in measures), any(one["overdue"] for one in tasks)),
        "measures": measures,
        "tasks": tasks,
    }


def _task(plan: Plan, item: Item) -> dict[str, Any]:
    record = cast(Task, item.record)
    due = record.due is not None and record.due < plan.seen.now and record.state in ("planned", "underway")
    return {
        **head(plan.seen, item),
        "task_state": record.state,
        "starts": record.starts,
        "due": record.due,
        "overdue": due,
    }


def measure_told(plan: Plan, item: Item) -> dict[str, Any]:
    record, now = cast(Measure, item.record), plan.seen.now
    way, actual = way_of(record), actual_of(plan, item)
    area = record.adm_pcode or ""
    return {
        **head(plan.seen, item),
        "unit": record.unit,
        "figure": record.figure,
        "better": record.better,
        "baseline": record.baseline,
        "baseline_time": record.baseline_time,
        "target": record.target,
        "target_time": record.target_time,
        "benchmark": record.benchmark,
        "benchmark_of": record.benchmark_of,
        "benchmark_met": _met(record, actual.value),
        "cadence_days": record.cadence_days,
        "area": area,
        "area_name": area_name(plan.seen, area),
        "expected": expected(way, now),
        "actual": actual.value,
        "as_of": actual.as_of,
        "stale": actual.as_of is not None and stale(way, actual.as_of, now),
        "origin": actual.origin,
        "told_by": actual.told_by,
        "completeness_pct": actual.completeness_pct,
        "state": state(way, actual.value, actual.as_of, now),
        "trend": [
            {"t": one.record.event_time, "value": cast(Reading, one.record).value}
            for one in plan.of("reading", item)[-TREND:]
        ],
    }


def way_of(record: Measure) -> Way:
    return Way(
        record.baseline,
        record.baseline_time,
        record.target,
        record.target_time,
        record.better,
        record.cadence_days,
    )


def actual_of(plan: Plan, item: Item) -> Actual:
    """The live figure where there is one, else the newest reading; of both the newer."""
    record = cast(Measure, item.record)
    readings = [one for one in plan.of("reading", item) if one.record.event_time is not None]
    entered = readings[-1] if readings else None
    live = (
        value_of(plan.seen, record.figure, record.adm_pcode or "", plan.thresholds)
        if record.figure and (not record.adm_pcode or area_name(plan.seen, record.adm_pcode))
        else Value()
    )
    newer = entered is not None and live.as_of is not None and cast(datetime, entered.record.event_time) > live.as_of
    if live.value is not None and not newer:
        return Actual(live.value, live.as_of, "live", "", live.completeness_pct)
    if entered is None:
        return Actual(None, None, "")
    reading = cast(Reading, entered.record)
    return Actual(reading.value, reading.event_time, "reading", reading.description, reading.completeness_pct)


def _met(record: Measure, value: float | None) -> bool | None:
    if value is None or record.benchmark is None:
        return None
    return value >= record.benchmark if rising(record) else value <= record.benchmark


def rising(record: Measure) -> bool:
    if record.baseline is None or record.target is None or record.baseline == record.target:
        return record.better == "up"
    return record.target > record.baseline


def state_in(seen: Seen, record: Measure, area: str, thresholds: Mapping[str, float]) -> tuple[Value, State]:
    """A measure's live figure in one area, judged by the same line where it is a share or a level (never an added count)."""
    found = value_of(seen, record.figure, area, thresholds)
    return found, state(way_of(record), found.value, found.as_of, seen.now)


def head(seen: Seen, item: Item) -> dict[str, Any]:
    """What every part of a plan says of itself, and whether this viewer may change it."""
    record: Record = item.record
    return {
        "id": public_id(item.id),
        "revision": item.revision,
        "kind": item.kind,
        "title": record.title,
        "description": record.description,
        "category": record.category,
        "agency": record.agency,
        "share": MISSION if MISSION in item.mark.releasable_to else "agency",
        "exercise": record.exercise,
        "changed": item.received_at,
        "by": getattr(record, "by", ""),
        "may": not seen.past and rights.plans(seen.viewer, item.mark.agency),
    }


def area_name(seen: Seen, pcode: str) -> str:
    return next((one.name for one in seen.places.areas if one.pcode == pcode), "") if pcode else ""
