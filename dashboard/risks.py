"""`/risks` over HTTP: the shared register with each risk's trigger as it stands, and writing it.

A risk is raised while the live figure it is tied to is past its threshold: told from the crossing that was recorded
(`dashboard.triggers`) where that is released to the viewer, and beside it the figure as the viewer sees it now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from dashboard import rights, writing
from dashboard import told as forms
from dashboard.acts import Act
from dashboard.answer import NOT_FOUND, Refused, answer
from dashboard.api import asked
from dashboard.live_figures import exists, value_of
from dashboard.noted import note_read
from dashboard.objectives import choices, may
from dashboard.plan import area_name, head
from dashboard.services import Services
from dashboard.words import language
from data.access import Viewer
from data.escalation import Escalation
from data.records import Crossing, Risk
from data.seen import Item, Seen, public_id

Told = forms.Told
SOURCE = "risks"
STATES = ("open", "closed")
COMPARISONS = ("at_least", "at_most")
SCALE = 5


def register(services: Services, request: Request) -> Response:
    """Every risk released to whoever asks, the highest first; raised ones above all."""
    seen, _, query = asked(services, request)
    items = seen.items("risk", seen.rows("risk"))
    crossings = crossings_of(seen)
    note_read(services, seen, [*items, *(one for each in crossings.values() for one in each)])
    risks = [_risk(services, seen, one, crossings.get(_key(one), ())) for one in items]
    risks.sort(key=lambda one: (one["state"] != "open", not one["raised"], -one["rating"], one["code"], one["title"]))
    writes = not seen.past and rights.concerned(seen.viewer) and seen.viewer.kind == "person"
    return answer(
        request,
        {
            "revision": seen.revision,
            "now": seen.now.replace(microsecond=0),
            "risks": risks,
            "places": _centres(seen, {one.record.adm_pcode or "" for one in items}),
            "choices": choices(services, seen, language(query.get("lang"))) if writes else None,
        },
    )


def one_risk(services: Services, request: Request) -> Response:
    """`?id=`: its versions and every crossing."""
    seen, _, query = asked(services, request)
    item = seen.find(query.get("id", ""))
    if item is None or item.kind != "risk":
        raise NOT_FOUND
    found = crossings_of(seen).get(_key(item), ())
    note_read(services, seen, [item, *found])
    return answer(
        request,
        {
            "id": public_id(item.id),
            "history": writing.history(seen, item),
            "crossings": [_crossing(cast(Crossing, one.record)) for one in reversed(found)],
        },
    )


def crossings_of(seen: Seen) -> Mapping[tuple[str, str], Sequence[Item]]:
    """Of each risk (source and key) its crossings, oldest first."""
    found: dict[tuple[str, str], list[Item]] = defaultdict(list)
    rows = seen.newest("crossing", seen.rows("crossing"))[::-1]
    for item in seen.items("crossing", rows):
        found[item.record.source, cast(Crossing, item.record).risk].append(item)
    return found


def _key(item: Item) -> tuple[str, str]:
    return item.record.source, item.record.source_ref


def _risk(services: Services, seen: Seen, item: Item, crossings: Sequence[Item]) -> dict[str, Any]:
    record = cast(Risk, item.record)
    area = record.adm_pcode or ""
    return {
        **head(seen, item),
        "code": record.code,
        "cause": record.cause,
        "mitigation": record.mitigation,
        "likelihood": record.likelihood,
        "impact": record.impact,
        "rating": rating(record),
        "band": band(record),
        "state": record.state,
        "review": record.review,
        "overdue": record.state == "open" and record.review is not None and record.review < seen.now,
        "area": area,
        "area_name": area_name(seen, area),
        "trigger": _trigger(services, seen, record),
        "raised": _raised(services, item, crossings, seen.now) if record.state == "open" else None,
    }


def rating(record: Risk) -> int:
    return record.likelihood * record.impact


def band(record: Risk) -> str:
    """By likelihood times impact: 15 and more critical, 9 high, 4 medium, else low; not judged where either is not."""
    found = rating(record)
    return "unknown" if found <= 0 else next(name for least, name in BANDS if found >= least)


BANDS = ((15, "critical"), (9, "high"), (4, "medium"), (1, "low"))


def _trigger(services: Services, seen: Seen, record: Risk) -> dict[str, Any] | None:
    """The figure as this viewer sees it now."""
    if not record.figure or record.threshold is None:
        return None
    now = value_of(seen, record.figure, record.adm_pcode or "", services.settings.thresholds)
    return {
        "figure": record.figure,
        "comparison": record.comparison,
        "threshold": record.threshold,
        "value": now.value,
        "as_of": now.as_of,
        "unit": now.unit,
        "past": is_past(record, now.value),
    }


def is_past(record: Risk, value: float | None) -> bool | None:
    """Whether a value is past the risk's threshold; None where either is not known."""
    if value is None or record.threshold is None:
        return None
    return value >= record.threshold if record.comparison == "at_least" else value <= record.threshold


def _raised(services: Services, item: Item, crossings: Sequence[Item], now: datetime) -> dict[str, Any] | None:
    """Since when, at what value, and with whom it lies: with its owner until somebody wrote the risk anew after the crossing,
    and by the escalation matrix with the next level for each that let its time pass."""
    open_ones = [cast(Crossing, one.record) for one in crossings if cast(Crossing, one.record).ended is None]
    if not open_ones or open_ones[-1].event_time is None:
        return None
    crossed = open_ones[-1]
    since = cast(datetime, crossed.event_time)
    answered = item.received_at > since
    who, by, level = ("", None, 0) if answered else lies_with(services.settings.escalation, item, since, now)
    return {**_crossing(crossed), "since": since, "answered": answered, "who": who, "by": by, "level": level}


def lies_with(
    matrix: Sequence[Escalation], item: Item, since: datetime, now: datetime
) -> tuple[str, datetime | None, int]:
    """(who is to take notice, by when, how many levels let their time pass). Without a row for risks: its owner."""
    area = [code for code in item.pcodes if code]
    rule = next(
        (
            one
            for one in matrix
            if "risks" in one.collections
            and (not one.category or item.record.category in one.category)
            and (not one.area or set(one.area) & set(area))
        ),
        None,
    )
    if rule is None:
        return item.mark.agency, None, 0
    due = since
    for level, one in enumerate(rule.levels):
        due += one.within
        if now <= due:
            return one.who, due, level
    return rule.levels[-1].who, due, len(rule.levels)


def _crossing(record: Crossing) -> dict[str, Any]:
    return {
        "since": record.event_time,
        "value": record.value,
        "threshold": record.threshold,
        "ended": record.ended,
    }


def _centres(seen: Seen, pcodes: set[str]) -> dict[str, Any]:
    """Where areas lie (a point inside each), for the map view."""
    rows = seen.rows("boundary")
    labels = seen.labels("boundary", "pcode")
    wanted = [row for row in rows.tolist() if labels[int(seen.column("boundary", "pcode")[row])] in pcodes]
    found = (one.record for one in seen.items("boundary", wanted))
    return {
        labels_of.pcode: {"lon": labels_of.lon, "lat": labels_of.lat, "name": labels_of.title}  # type: ignore[union-attr]
        for labels_of in found
        if labels_of.lon is not None
    }


# -------------------- write


def save(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    """`{id?, revision, title, cause, area, likelihood, impact, agency, mitigation, review, figure, comparison, threshold}`."""
    seen = services.picture.seen_by(viewer)
    before = writing.standing(seen, told, "risk")
    agency = writing.owner_told(services, viewer, told, before)
    if not rights.plans(viewer, agency):
        raise Refused(422, f"agency: only the watch gives this to {agency}.")
    mark = writing.mark_told(viewer, told, before, agency)
    figure = forms.text(told, "figure", 120)
    if figure and not exists(figure):
        raise Refused(422, "figure: no figure has this name; choose one of the list, or none.")
    threshold = forms.number(told, "threshold", required=bool(figure))
    key = before.record.source_ref if before else writing.new_key()
    base = before.record if before else Risk(source_ref=key)
    place = {"adm_pcode": None, "place": "", "place_precision": ""} | writing.area_told(seen, told)
    record = msgspec.structs.replace(
        base,
        title=forms.text(told, "title", 200, required=True),
        description=forms.text(told, "description", 4_000),
        category=forms.text(told, "category", 80),
        code=forms.text(told, "code", 20),
        cause=forms.text(told, "cause", 2_000),
        mitigation=forms.text(told, "mitigation", 4_000),
        likelihood=int(forms.number(told, "likelihood", 1, SCALE, required=True) or 0),
        impact=int(forms.number(told, "impact", 1, SCALE, required=True) or 0),
        state=forms.one_of(told, "state", STATES, "open"),
        review=forms.moment(told, "review", required=True),
        figure=figure,
        comparison=forms.one_of(told, "comparison", COMPARISONS, "at_least"),
        threshold=threshold if figure else None,
        event_time=seen.now,
        by=viewer.name,
        **place,
    )
    source = before.record.source if before else SOURCE
    change = writing.change(services, record, source, mark, forms.revision(told) if before else 0)
    return writing.write(services, viewer, "risks.write", [change], forms.text(told, "reason", 500))


READERS = {"/api/risks": register, "/api/risks/one": one_risk}
ACTS: dict[str, Act] = {"/api/risks/save": Act(save, may)}
