"""Health over HTTP: facilities by whether they work, disease counts with how many reported, thresholds, surges, and catchments.

Zero, unknown and not reported stay apart in every figure: null with a word beside it, never 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from dashboard.answer import answer
from dashboard.api import asked, closed_of
from dashboard.getting_there import band_of
from dashboard.noted import note_read
from dashboard.services import Services
from data.analysis.facilities import Listed, listed, records, services, waiting_min
from data.analysis.figures import POPULATION, Value, figure
from data.analysis.outbreaks import WEEK_US, WEEKS, Outbreak, false_alarms, outbreaks
from data.analysis.reachable import Reachable, ground, nodes_of_sites, reachable, rows_of_ids, spot_minutes
from data.analysis.roads import NOWHERE, neighbours
from data.analysis.surge import BASELINE, GUARD
from data.filters import EVERYTHING, Filters
from data.seen import Item, Rows, Seen, public_id
from data.times import moment_of

STATES = ("closed", "partly", "unknown", "open")
"""In the order in which they want attention."""
SHOWN = 400
RATE_OF = 10_000


def overview(services_: Services, request: Request) -> Response:
    """`?area=&agency=&source=&closed=`: facilities ranked by what wants attention, and diseases by area."""
    seen, filters, query = asked(services_, request)
    care = listed(seen, "care")
    chosen = seen.rows("site", Filters(area=filters.area, agency=filters.agency, source=filters.source))
    rows = np.intersect1d(care.rows, chosen)
    tried = rows_of_ids(seen, closed_of(query))
    way = reachable(seen, "care", tried, services_.settings.speeds, ground(seen))
    found = outbreaks(seen)
    facilities, items = _facilities(seen, rows, way)
    note_read(services_, seen, items)
    tested, chance = false_alarms(found)
    return answer(
        request,
        {
            "facilities": facilities,
            "summary": _summary(seen, rows, care, facilities),
            "diseases": [_disease(seen, one, filters.area) for one in found],
            "tests": {
                "tested": tested,
                "alarms": sum(int(one.surge.alarm.sum()) for one in found),
                "false_alarms": round(chance, 1),
                "method": "EARS C2",
                "baseline": BASELINE,
                "guard": GUARD,
            },
            "weeks": WEEKS,
            "revision": seen.revision,
        },
    )


def _summary(seen: Seen, rows: Rows, care: Listed, facilities: list[dict[str, Any]]) -> dict[str, Any]:
    states = [one["functionality"] for one in facilities]
    beds = [one["beds"] for one in facilities if one["functionality"] in ("open", "partly")]
    waits = sorted(one["waiting_min"] for one in facilities if one["waiting_min"] is not None)
    offered: dict[str, dict[str, int]] = {}
    for one in facilities:
        for name, state in one["services"].items():
            counts = offered.setdefault(name, dict.fromkeys(("open", "partly", "closed", "unknown"), 0))
            counts[state] += 1
    return {
        "total": len(rows),
        "shown": len(facilities),
        "states": {state: states.count(state) for state in ("open", "partly", "closed", "unknown")},
        "beds": sum(told for told in beds if told is not None) if any(told is not None for told in beds) else None,
        "beds_unknown": sum(told is None for told in beds),
        "waiting_median_min": waits[len(waits) // 2] if waits else None,
        "waiting_told": len(waits),
        "services": [{"name": name, **counts} for name, counts in sorted(offered.items())],
        "silent": care.silent,
        "assumed": care.assumed,
        "unlocated": int(np.count_nonzero(~np.isfinite(seen.column("site", "lon")[rows]))),
    }


def _facilities(seen: Seen, rows: Rows, way: Reachable) -> tuple[list[dict[str, Any]], list[Item]]:
    """What wants attention first: closed, partly, not reported, open; of equals the larger catchment."""
    people, slow = catchments(way)
    other = neighbours(way.ground.network, way.minutes[1], way.after[1], way.closed)
    pairs = records(seen, rows)
    items = [item for item, _ in pairs]
    titles = dict(zip(rows.tolist(), items, strict=True))
    nodes = dict(zip(rows.tolist(), nodes_of_sites(seen, way.ground, rows).tolist(), strict=True))
    told: list[dict[str, Any]] = []
    for item, record in pairs:
        node = way.site_node.get(item.row)
        instead = _alternate(seen, way, item, node, other, titles) if node is not None else None
        if node is None and nodes[item.row] != NOWHERE:  # it does not work: the nearest that does stands in its place
            instead = _nearest(seen, way, nodes[item.row], titles)
        told.append(
            {
                "id": public_id(item.id),
                "title": record.title,
                "type": record.category,
                "area": next((name for name in reversed(item.area_names) if name), ""),
                "operator": record.operator,
                "functionality": record.functionality,
                "beds": record.beds,
                "waiting_min": waiting_min(record),
                "services": services(record),
                "stated_people": record.population_served,
                "catchment": _shared(way, node, people),
                "catchment_far": _shared(way, node, slow),
                "alternate": instead,
                "on_road": nodes[item.row] != NOWHERE,
                "assessed": record.event_time,
                "lon": record.lon,
                "lat": record.lat,
            }
        )
    told.sort(
        key=lambda one: (
            STATES.index(one["functionality"]),
            -(one["catchment"] or one["stated_people"] or 0),
            one["title"],
        )
    )
    return told[:SHOWN], items


def catchments(way: Reachable) -> tuple[dict[int, float], dict[int, float]]:
    """Node of a facility -> people to whom it is the nearest that works, and those of them over an hour away (slow)."""
    where = way.ground
    minutes = spot_minutes(where, way.after[1])
    known = np.isfinite(minutes)
    target = way.after[1].target[where.spot_node[known]]
    people, far = where.spot_people[known], np.where(minutes[known] > 60, where.spot_people[known], 0.0)
    size = len(where.network.lon)
    every, late = (np.bincount(target, weights, size) for weights in (people, far))
    nodes = np.unique(np.array(list(way.site_node.values()), np.int64)).tolist()
    return {node: float(every[node]) for node in nodes}, {node: float(late[node]) for node in nodes}


def _shared(way: Reachable, node: int | None, people: dict[int, float]) -> int | None:
    """Facilities that stand at one point of the road share its people evenly; None where it is on no road or does not work."""
    return None if node is None else round(people[node] / len(way.sites_at(node)))


def _alternate(
    seen: Seen,
    way: Reachable,
    item: Item,
    node: int,
    other: dict[int, tuple[int, float]],
    titles: dict[int, Item],
) -> dict[str, Any]:
    """Where the people of one that works would go instead."""
    here = [row for row in way.sites_at(node) if row != item.row]
    if not here and node not in other:
        return {"id": None, "title": None, "band": "none"}
    row, minutes = (here[0], 0.0) if here else (way.sites_at(other[node][0])[0], other[node][1])
    return _told_of(seen, row, minutes, titles)


def _nearest(seen: Seen, way: Reachable, node: int, titles: dict[int, Item]) -> dict[str, Any]:
    target = int(way.after[1].target[node])
    if target == NOWHERE:
        return {"id": None, "title": None, "band": "none"}
    return _told_of(seen, way.sites_at(target)[0], float(way.after[1].minutes[node]), titles)


def _told_of(seen: Seen, row: int, minutes: float, titles: dict[int, Item]) -> dict[str, Any]:
    known = titles.get(row) or seen.items("site", [row])[0]
    return {"id": public_id(known.id), "title": known.record.title, "band": band_of(minutes)}


def _disease(seen: Seen, one: Outbreak, area: str) -> dict[str, Any]:
    people = figure(seen, EVERYTHING, POPULATION, one.level).values
    names = {each.pcode: each.name for each in seen.places.areas}
    ups = {each.pcode: each.parent_pcode for each in seen.places.areas}
    tested = {at: number for number, at in enumerate(one.tested.tolist())}
    told: list[dict[str, Any]] = []
    for at, pcode in enumerate(one.pcodes):
        if area and not _within(pcode, area, ups):
            continue
        number = tested.get(at)
        newest, complete = one.counts[at, -1], one.completeness[at, -1]
        known = people.get(pcode)
        told.append(
            {
                "pcode": pcode,
                "name": names.get(pcode, pcode),
                "cases": _whole(newest),
                "completeness_pct": _whole(complete),
                "per_10k": None
                if math.isnan(newest) or known is None or not known.value
                else round(float(newest) / known.value * RATE_OF, 2),
                "weeks": [_whole(value) for value in one.counts[at].tolist()],
                "threshold": _whole(one.threshold[at]),
                "over": bool(one.over[at]),
                "expected": None if number is None else round(float(one.surge.expected[number]), 1),
                "upper": None if number is None else _whole(one.surge.threshold[number]),
                "surge": None if number is None else bool(one.surge.alarm[number]),
            }
        )
    told.sort(
        key=lambda each: (not each["surge"], not each["over"], -(each["cases"] if each["cases"] is not None else -1))
    )
    return {
        "disease": one.disease,
        "level": one.level,
        "week": moment_of(one.week_us),
        "until": moment_of(one.week_us + WEEK_US),
        "single": one.single,
        "sources": sorted(
            {seen.sources.labels[code] for code in np.unique(seen.column("indicator", "source")[one.rows])}
        ),
        "false_alarms": round(one.surge.false_alarms, 2),
        "tested": one.surge.tested,
        "areas": told,
        "population_as_of": _oldest(people),
    }


def _oldest(people: Mapping[str, Value]) -> Any:
    ends = [value.end_us for value in people.values() if value.value is not None]
    return moment_of(min(ends)) if ends and min(ends) > 0 else None


def _within(pcode: str, area: str, ups: dict[str, str]) -> bool:
    while pcode:
        if pcode == area:
            return True
        pcode = ups.get(pcode, "")
    return False


def _whole(value: float) -> int | None:
    return None if math.isnan(value) else round(value)
