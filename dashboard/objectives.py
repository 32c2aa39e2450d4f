"""`/objectives` over HTTP: what was agreed and how it stands, one measure closely, and writing any of it.

Reading shows what is released to whoever asks; writing is the watch's, and of what is an agency's own its people's
(`dashboard.rights.plans`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec
import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from dashboard import rights, writing
from dashboard import told as forms
from dashboard.acts import Act
from dashboard.answer import NOT_FOUND, Refused, answer
from dashboard.api import asked
from dashboard.assessments import ACTS as ASSESSING
from dashboard.assessments import assessments
from dashboard.live_figures import WEEKS, exists, named, weekly
from dashboard.noted import note_read
from dashboard.plan import Plan, area_name, measure_told, plan_of, shown, state_in, told
from dashboard.services import Services
from dashboard.words import language
from data.access import MISSION, Viewer
from data.analysis.before_after import Compared, compare
from data.filters import BadFilter, moment
from data.records import Measure, Objective, Reading, Record, Result, Task
from data.seen import Item, Seen, public_id

Told = forms.Told
SOURCE = "objectives"
"""Of what is written here."""
KINDS = ("objective", "result", "task", "measure")
TYPES: Mapping[str, type[Record]] = {"objective": Objective, "result": Result, "task": Task, "measure": Measure}
WITHIN = {"result": "objective", "task": "result", "measure": "result"}
TASK_STATES = ("planned", "underway", "done", "stopped")
MOST_AREAS = 40


def overview(services: Services, request: Request) -> Response:
    """Everything the page lists, and what its forms offer to whoever may write."""
    seen, _, query = asked(services, request)
    plan = plan_of(seen, services.settings.thresholds)
    note_read(services, seen, shown(plan))
    writes = not seen.past and rights.concerned(seen.viewer) and seen.viewer.kind == "person"
    return answer(
        request,
        {
            "revision": seen.revision,
            "now": seen.now.replace(microsecond=0),
            "objectives": told(plan),
            "assessments": assessments(services, seen),
            "choices": choices(services, seen, language(query.get("lang"))) if writes else None,
        },
    )


def choices(services: Services, seen: Seen, lang: str) -> dict[str, Any]:
    """What forms offer to this viewer."""
    known = writing.agencies(services, seen.viewer)
    own = [name for name in known if rights.plans(seen.viewer, name)]
    return {
        "agencies": [{"name": name, "title": known[name]} for name in own],
        "own": "" if seen.viewer.agency not in known else seen.viewer.agency,
        "signs": rights.signs(seen.viewer),
        "areas": writing.areas(seen),
        "figures": named(seen, lang),
    }


def measure(services: Services, request: Request) -> Response:
    """`?id=&at=&area=`: one measure by area, its readings and versions, and before and after a date."""
    seen, _, query = asked(services, request)
    item = seen.find(query.get("id", ""))
    if item is None or item.kind != "measure":
        raise NOT_FOUND
    plan = plan_of(seen, services.settings.thresholds)
    readings = plan.of("reading", item)
    note_read(services, seen, [item, *readings])
    record = cast(Measure, item.record)
    area = query.get("area", record.adm_pcode or "")
    if area and not area_name(seen, area):
        raise BadFilter("area: no area has this P-code; choose one of the list.")
    at = moment(query["at"], "at") if query.get("at") else None
    return answer(
        request,
        {
            "revision": seen.revision,
            "measure": measure_told(plan, item),
            "areas": by_area(plan, record),
            "readings": [_reading(one) for one in reversed(readings)],
            "history": writing.history(seen, item),
            "around": around(seen, record, area, at),
        },
    )


def _reading(item: Item) -> dict[str, Any]:
    record = cast(Reading, item.record)
    return {
        "id": public_id(item.id),
        "revision": item.revision,
        "value": record.value,
        "date": record.event_time,
        "source": record.description,
        "completeness_pct": record.completeness_pct,
        "by": record.by,
    }


def by_area(plan: Plan, record: Measure) -> list[dict[str, Any]]:
    """The live figure in every area one level below the measure's own. Judged by the measure's line only where it is a share:
    an added count of a part has no target of its own."""
    if not record.figure:
        return []
    found = []
    for pcode in areas_below(plan.seen, record.adm_pcode or "")[:MOST_AREAS]:
        value, state = state_in(plan.seen, record, pcode, plan.thresholds)
        share = (value.unit or record.unit) == "%"
        if value.value is None:
            state = "not_reported"
        found.append(
            {
                "area": pcode,
                "name": area_name(plan.seen, pcode),
                "value": value.value,
                "as_of": value.as_of,
                "completeness_pct": value.completeness_pct,
                "state": state if share or value.value is None else None,
            }
        )
    return found


def areas_below(seen: Seen, area: str) -> list[str]:
    """P-codes one level below an area (of the first level where there is none); of their siblings, by name."""
    places = seen.places
    level = next((one.level for one in places.areas if one.pcode == area), 0) + 1
    below = []
    for at, one in enumerate(places.areas):
        ups = [places.areas[up].pcode for up in places.ancestors[at].tolist() if up >= 0]
        if one.level == level and (not area or area in ups):
            below.append(one)
    return [one.pcode for one in sorted(below, key=lambda one: (one.name, one.pcode))]


def around(seen: Seen, record: Measure, area: str, at: datetime | None) -> dict[str, Any] | None:
    """The figure by week, and where a date is asked for, before and after it with the placebo checks. None: it has no weeks."""
    series = weekly(seen, record.figure, area)
    if series is None:
        return None
    begin, values = series
    found: dict[str, Any] = {"begin": begin, "values": [None if np.isnan(one) else float(one) for one in values]}
    if at is None:
        return found
    index = round((at - begin) / timedelta(weeks=1))
    if not 0 < index < WEEKS:
        raise BadFilter("at: choose a day within the two years that are shown.")
    others = [
        other[1]
        for pcode in siblings(seen, area)
        if (other := weekly(seen, record.figure, pcode)) is not None and other[0] == begin
    ]
    return {**found, "at": at, "index": index, **_compared(compare(values, index, others))}


def siblings(seen: Seen, area: str) -> list[str]:
    """Other areas of the same level; of a whole country there is nothing to compare with."""
    level = next((one.level for one in seen.places.areas if one.pcode == area), 0)
    return [one.pcode for one in seen.places.areas if one.level == level and one.pcode != area][:60] if level else []


def _compared(found: Compared) -> dict[str, Any]:
    step = found.step
    return {
        "verdict": found.verdict,
        "step": None
        if step is None
        else {
            "before": step.before,
            "after": step.after,
            "difference": step.difference,
            "low": step.low,
            "high": step.high,
        },
        "dates": {"tried": found.dates.tried, "p": found.dates.p},
        "areas_tried": {"tried": found.areas.tried, "p": found.areas.p},
    }


# -------------------- write


def may(services: Services, viewer: Viewer, told: Told) -> bool:
    """Of what is there its owner decides, of what is new the agency in whose name it is to be; unknown ids are for the act."""
    seen = services.picture.seen_by(viewer)
    item = seen.find(str(told.get("id"))) if told.get("id") else None
    if told.get("id") and item is None:
        return True
    agency = item.mark.agency if item else told.get("agency") or viewer.agency
    return isinstance(agency, str) and rights.plans(viewer, agency)


def save(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    """`{kind, id?, revision, ...}`: an objective, result, task or measure, new or changed."""
    kind = forms.one_of(told, "kind", KINDS)
    seen = services.picture.seen_by(viewer)
    before = writing.standing(seen, told, kind)
    within = None if kind == "objective" else _whole(seen, told, kind, before)
    agency = writing.owner_told(services, viewer, told, before)
    if not rights.plans(viewer, agency):
        raise Refused(422, f"agency: only the watch gives this to {agency}.")
    mark = writing.mark_told(viewer, told, before, agency, within)
    source = before.record.source if before else within.record.source if within else SOURCE
    parts: dict[str, Any] = {
        "source_ref": before.record.source_ref if before else writing.new_key(),
        "title": forms.text(told, "title", 200, required=True),
        "description": forms.text(told, "description", 4_000),
        "event_time": seen.now,
        "by": viewer.name,
        **FIELDS[kind](seen, told),
    }
    if within is not None:
        parts[WITHIN[kind]] = within.record.source_ref
    base = before.record if before else TYPES[kind](source_ref=parts["source_ref"])
    record = msgspec.structs.replace(base, **parts)
    changes = [writing.change(services, record, source, mark, forms.revision(told) if before else 0)]
    if kind == "objective" and before is not None and MISSION not in mark.releasable_to:
        changes += _narrowed(services, seen, before, mark.agency)
    return writing.write(services, viewer, f"objectives.{kind}", changes)


def _whole(seen: Seen, told: Told, kind: str, before: Item | None) -> Item:
    """What a part is part of: as told where it is new, else as it was."""
    name = WITHIN[kind]
    if before is None:
        return writing.whole(seen, told, name, name)
    key, source = getattr(before.record, name), before.record.source
    there = (one for one in seen.items(name, seen.rows(name)) if one.record.source_ref == key)
    found = next((one for one in there if one.record.source == source), None)
    if found is None:
        raise NOT_FOUND
    return found


def _narrowed(services: Services, seen: Seen, objective: Item, agency: str) -> list[Any]:
    """Everything under an objective, released no further than it now is. Raises `Refused` where parts are another's."""
    plan = plan_of(seen, {})
    parts: list[Item] = []
    for result in plan.of("result", objective):
        parts += [result, *plan.of("task", result)]
        for one in plan.of("measure", result):
            parts += [one, *plan.of("reading", one)]
    if others := sorted({one.mark.agency for one in parts} - {agency}):
        raise Refused(422, f"share: parts of it are {', '.join(others)}'s; what only you see can hold only your own.")
    mark = writing.mark_of(agency, "agency")
    return [writing.change(services, one.record, one.record.source, mark, one.revision) for one in parts]


def _objective(seen: Seen, told: Told) -> dict[str, Any]:
    starts, ends = forms.moment(told, "starts"), forms.moment(told, "ends")
    _in_order("ends", starts, ends)
    return {"code": forms.text(told, "code", 20), "starts": starts, "ends": ends}


def _result(seen: Seen, told: Told) -> dict[str, Any]:
    return {"code": forms.text(told, "code", 20)}


def _task(seen: Seen, told: Told) -> dict[str, Any]:
    starts, due = forms.moment(told, "starts"), forms.moment(told, "due", required=True)
    _in_order("due", starts, due)
    return {"state": forms.one_of(told, "state", TASK_STATES, "planned"), "starts": starts, "due": due}


def _measure(seen: Seen, told: Told) -> dict[str, Any]:
    figure = forms.text(told, "figure", 120)
    if figure and not exists(figure):
        raise Refused(
            422, "figure: no figure has this name; choose one of the list, or none for figures entered by hand."
        )
    begins, ends = forms.moment(told, "baseline_time"), forms.moment(told, "target_time")
    _in_order("target_time", begins, ends)
    return {
        "category": forms.text(told, "category", 80),
        "unit": forms.text(told, "unit", 40),
        "figure": figure,
        "better": forms.one_of(told, "better", ("up", "down"), "up"),
        "baseline": forms.number(told, "baseline"),
        "baseline_time": begins,
        "target": forms.number(told, "target", required=True),
        "target_time": ends,
        "benchmark": forms.number(told, "benchmark"),
        "benchmark_of": forms.text(told, "benchmark_of", 120),
        "cadence_days": forms.number(told, "cadence_days", 0.04, 3_660),
        **({"adm_pcode": None, "place": "", "place_precision": ""} | writing.area_told(seen, told)),
    }


def _in_order(name: str, first: datetime | None, last: datetime | None) -> None:
    if first and last and last < first:
        raise Refused(422, f"{name}: this is before it begins.")


FIELDS: Mapping[str, Callable[[Seen, Told], dict[str, Any]]] = {
    "objective": _objective,
    "result": _result,
    "task": _task,
    "measure": _measure,
}


def may_read_in(services: Services, viewer: Viewer, told: Told) -> bool:
    item = services.picture.seen_by(viewer).find(str(told.get("measure")))
    return item is None or rights.plans(viewer, item.mark.agency)


def reading(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    """`{measure, value, date, source, completeness_pct}`: a value as somebody knows it; the same day again corrects it."""
    seen = services.picture.seen_by(viewer)
    of = writing.whole(seen, told, "measure", "measure")
    date = cast(datetime, forms.moment(told, "date", required=True))
    if date > seen.now + timedelta(days=1):
        raise Refused(422, "date: of what day is it? It cannot be one to come.")
    record = Reading(
        source_ref=f"{of.record.source_ref}/{date:%Y-%m-%d}",
        measure=of.record.source_ref,
        title=of.record.title,
        event_time=date,
        value=forms.number(told, "value", required=True),
        completeness_pct=forms.number(told, "completeness_pct", 0, 100),
        description=forms.text(told, "source", 300, required=True),
        by=viewer.name,
    )
    change = writing.change(services, record, of.record.source, of.mark, 0)._replace(looked_at=None)
    return writing.write(services, viewer, "objectives.reading", [change])


def withdraw(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    """`{id, revision, reason}`: it is agreed no more; everything that was said of it stays in its history."""
    seen = services.picture.seen_by(viewer)
    item = writing.standing(seen, told, *KINDS)
    if item is None:
        raise NOT_FOUND
    reason = forms.text(told, "reason", 500, required=True)
    if item.kind in ("objective", "result") and plan_of(seen, {}).of(
        "result" if item.kind == "objective" else "measure", item
    ):
        raise Refused(422, "It still has parts; take those back first.")
    change = writing.change(services, item.record, item.record.source, item.mark, forms.revision(told), gone=True)
    return writing.write(services, viewer, f"objectives.withdraw_{item.kind}", [change], reason)


READERS = {"/api/objectives": overview, "/api/objectives/measure": measure}
ACTS: dict[str, Act] = {
    "/api/objectives/save": Act(save, may),
    "/api/objectives/reading": Act(reading, may_read_in),
    "/api/objectives/withdraw": Act(withdraw, may),
    **ASSESSING,
}
