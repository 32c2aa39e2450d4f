"""Getting there over HTTP: travel-time bands, who loses access by a closure, what runs dry first, and the ways from one site.

A closure that is tried (`closed=ID,ID` in the address) is computed with and written nowhere. Everything is made of what the
viewer sees: an id that is withheld closes as much as one that does not exist.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from dashboard.answer import NOT_FOUND, answer
from dashboard.api import asked, closed_of
from dashboard.noted import note_read
from dashboard.services import Services
from data.analysis.facilities import PURPOSES
from data.analysis.reachable import (
    Reachable,
    ground,
    nodes_of_sites,
    reachable,
    rows_of_ids,
    spot_minutes,
)
from data.analysis.roads import (
    BANDS_MIN,
    NOWHERE,
    Floats,
    along,
    edges_of,
    path,
    reach,
    way_round,
)
from data.analysis.supply import CLASSES, supply
from data.columns import NO_TIME
from data.filters import BadFilter
from data.seen import Item, Rows, Seen, public_id
from data.times import moment_of

BANDS = ("b30", "b60", "b120", "b240", "b480", "far", "none", "off_road")
LISTED = 40
CHOICES_MOST = 2_000


def overview(services: Services, request: Request) -> Response:
    """`?goal=care|hospital|hub&closed=ID,ID`: people by band, closures, who loses access, and what runs dry first."""
    seen, _, query = asked(services, request)
    goal = goal_of(query.get("goal", ""))
    tried = rows_of_ids(seen, closed_of(query))
    where, shown = ground(seen), list[Item]()
    found = reachable(seen, goal, tried, services.settings.speeds, where)
    hub = found if goal == "hub" else reachable(seen, "hub", tried, services.settings.speeds, where)
    told = {
        "goal": goal,
        "goals": list(PURPOSES),
        "targets": {"open": len(found.goal.working), "placed": len(found.site_node), "silent": found.goal.silent},
        "assumed": found.goal.assumed,
        "people": _people(found),
        "roads": {
            "listed": len(np.unique(where.rows)) + len(where.points),
            "km": round(float(where.network.length_m.sum()) / 1_000),
            "unknown": where.unknown,
        },
        "closures": _closures(seen, found, tried, shown),
        "choices": _choices(seen, found),
        "lost": _lost(found),
        "cut_sites": _cut_sites(seen, found, shown),
        "dry": _dry(seen, hub, shown),
        "speeds": {name or "other": list(speed) for name, speed in services.settings.speeds.items()},
        "revision": seen.revision,
    }
    note_read(services, seen, shown)
    return answer(request, told)


def ways(services: Services, request: Request) -> Response:
    """`?site=ID&goal=&closed=`: from one site the nearest working place, the next one, and another way to the first."""
    seen, _, query = asked(services, request)
    item = seen.find(query.get("site", ""))
    if item is None or item.kind != "site":
        raise NOT_FOUND
    goal = goal_of(query.get("goal", ""))
    tried = rows_of_ids(seen, closed_of(query))
    found = reachable(seen, goal, tried, services.settings.speeds, ground(seen, people=False))
    told = {"goal": goal, "goals": list(PURPOSES), "targets": len(found.site_node)}
    note_read(services, seen, [item])
    return answer(request, {**told, **from_site(seen, found, item)})


def goal_of(told: str) -> str:
    if told and told not in PURPOSES:
        raise BadFilter(f"goal: '{told[:20]}' is not one of {', '.join(PURPOSES)}.")
    return told or next(iter(PURPOSES))


def band_of(minutes: float) -> str:
    """The key of the band a time is told in."""
    if np.isnan(minutes):
        return "off_road"
    return "none" if np.isinf(minutes) else BANDS[int(np.searchsorted(BANDS_MIN, minutes, "right"))]


def _people(found: Reachable) -> dict[str, Any]:
    """Inhabitants by band, quick and slow; those too far from any road apart."""
    where = found.ground
    bands = [_by_band(spot_minutes(where, way), where.spot_people) for way in found.after]
    return {
        "total": round(float(where.spot_people.sum())),
        "as_of": moment_of(where.people_us) if where.people_us not in (None, NO_TIME) else None,
        "level": where.level,
        "bands": [
            {"key": key, "quick": round(bands[0][number]), "slow": round(bands[1][number])}
            for number, key in enumerate(BANDS)
        ],
    }


def _by_band(minutes: Floats, people: Floats) -> list[float]:
    at = np.searchsorted(BANDS_MIN, np.nan_to_num(minutes, nan=0.0, posinf=0.0), "right")
    at = np.where(np.isnan(minutes), BANDS.index("off_road"), np.where(np.isinf(minutes), BANDS.index("none"), at))
    counted: list[float] = np.bincount(at, people, len(BANDS)).tolist()
    return counted


def _closures(seen: Seen, found: Reachable, tried: Rows, shown: list[Item]) -> list[dict[str, Any]]:
    """Routes that are closed as reported, and those that are tried, the latter first."""
    where = found.ground
    every = np.concatenate((np.unique(where.rows), where.points))
    state = seen.column("route", "status")[every]
    labels = np.array(seen.labels("route", "status") or [""], object)
    reported = every[labels[state] == "closed"]
    listed = [
        *tried.tolist(),
        *(row for row in seen.newest("route", reported).tolist() if row not in set(tried.tolist())),
    ]
    held, items = set(every.tolist()), seen.items("route", listed[:LISTED])
    shown += items
    return [
        {
            **_named(item),
            "status": getattr(item.record, "status", "unknown"),
            "reason": getattr(item.record, "reason", ""),
            "tried": row in set(tried.tolist()),
            "closes": row in held,
            "observed": item.record.event_time,
            "source": item.record.source,
        }
        for row, item in zip(listed[:LISTED], items, strict=True)
    ]


def _choices(seen: Seen, found: Reachable) -> list[dict[str, str]]:
    """Every road and bridge that may be closed to see what would be, by name."""
    rows = np.concatenate((np.unique(found.ground.rows), found.ground.points)).tolist()
    labels, title, ids = seen.labels("route", "title"), seen.column("route", "title"), seen.column("route", "id")
    told = [{"id": public_id(int(ids[row])), "title": labels[title[row]]} for row in rows[:CHOICES_MOST]]
    return sorted((one for one in told if one["title"]), key=lambda one: one["title"].casefold())


def _lost(found: Reachable) -> dict[str, Any]:
    """People who reached the goal before and do not after what is tried, and those whose way falls into a later band."""
    where = found.ground
    before, after = (spot_minutes(where, way) for way in (found.before[1], found.after[1]))
    cut = np.isfinite(before) & np.isinf(after)
    known = np.isfinite(before) & np.isfinite(after)
    slower = known & (np.searchsorted(BANDS_MIN, before, "right") < np.searchsorted(BANDS_MIN, after, "right"))
    areas = np.bincount(where.spot_area[cut], where.spot_people[cut], len(where.areas))
    order = [at for at in np.argsort(-areas, kind="stable").tolist() if areas[at] > 0]
    return {
        "people": round(float(where.spot_people[cut].sum())),
        "slower": round(float(where.spot_people[slower].sum())),
        "areas": [
            {"pcode": where.areas[at][0], "name": where.areas[at][1], "people": round(float(areas[at]))}
            for at in order[:LISTED]
        ],
        "more": max(0, len(order) - LISTED),
    }


def _cut_sites(seen: Seen, found: Reachable, shown: list[Item]) -> list[dict[str, Any]]:
    """Sites that reached the goal before and do not after what is tried: each place once, whatever list it is on."""
    rows = seen.rows("site")
    node = nodes_of_sites(seen, found.ground, rows)
    if not len(rows) or not found.shut.any():
        return []
    at = np.where(node == NOWHERE, 0, node)
    cut = (node != NOWHERE) & np.isfinite(found.before[1].minutes[at]) & np.isinf(found.after[1].minutes[at])
    told: dict[str, dict[str, Any]] = {}
    items = seen.items("site", rows[cut][: 4 * LISTED])
    shown += items
    for item in items:
        told.setdefault(item.record.title.casefold(), {**_named(item), "category": item.record.category})
    return list(told.values())[:LISTED]


def _dry(seen: Seen, hub: Reachable, shown: list[Item]) -> dict[str, Any]:
    """Stock at sites that no road joins to an open hub, what runs out first on top; with which of them are cut off by what is
    tried. Days are as in `data.analysis.supply`: stock as counted, not run down since."""
    held = supply(seen)
    listed = np.flatnonzero(held.site_row >= 0)
    rows = held.site_row[listed]
    node = nodes_of_sites(seen, hub.ground, rows)
    at = np.where(node == NOWHERE, 0, node)
    after, before = (hub_way[1].minutes[at] if len(at) else np.empty(0) for hub_way in (hub.after, hub.before))
    cut = (node != NOWHERE) & np.isinf(after)
    entries, newly = listed[cut], np.isfinite(before[cut])
    known = np.isfinite(held.days[entries]) | (held.status[entries] == 0)
    days = np.where(held.status[entries] == 0, 0.0, held.days[entries])
    order = np.lexsort((days, ~newly))
    order = order[known[order]]
    unknown = len(np.unique(held.site[entries])) - len(np.unique(held.site[entries[known]]))
    first: dict[int, int] = {}  # each site once, with the item that runs out first
    for one in order.tolist():
        first.setdefault(int(held.site[entries[one]]), one)
    told = list(first.values())[:LISTED]
    items = seen.items("site", held.site_row[entries[told]])
    shown += items
    labels = seen.labels("supply", "item")
    return {
        "sites": [
            {
                **_named(item),
                "item": labels[held.item[entries[one]]],
                "days": None if not np.isfinite(days[one]) else round(float(days[one]), 1),
                "status": CLASSES[held.status[entries[one]]],
                "counted": None if held.time[entries[one]] == NO_TIME else moment_of(int(held.time[entries[one]])),
                "tried": bool(newly[one]),
            }
            for one, item in zip(told, items, strict=True)
        ],
        "cut_off": len(np.unique(held.site[entries])),
        "unknown": int(unknown),
        "hubs": len(hub.site_node),
    }


def from_site(seen: Seen, found: Reachable, item: Item) -> dict[str, Any]:
    """Nearest, second and the way round, in bands of both speeds, from one site."""
    row = item.row
    node = int(nodes_of_sites(seen, found.ground, np.array([row]))[0])
    if node == NOWHERE:
        return {"placed": item.record.lon is not None, "off_road": True, "first": None, "second": None, "round": None}
    others = {site: at for site, at in found.site_node.items() if site != row}
    quick, slow = found.minutes
    network, closed = found.ground.network, found.closed
    targets = np.unique(np.array([at for at in others.values() if at != node], np.int64))
    here = [site for site, at in others.items() if at == node]
    way = reach(network, slow, targets, closed)
    steps = path(network, way, node)
    first = _reached(seen, found, steps, [site for site, at in others.items() if steps and at == steps[-1]])
    if here:
        first = {"site": _named(seen.items("site", here[:1])[0]), "quick": "b30", "slow": "b30", "via": []}
    rest = targets if here else targets[targets != (steps[-1] if steps else NOWHERE)]
    next_steps = path(network, reach(network, slow, rest, closed), node)
    second = _reached(
        seen, found, next_steps, [site for site, at in others.items() if next_steps and at == next_steps[-1]]
    )
    told: dict[str, Any] = {"placed": True, "off_road": False, "first": first, "second": second, "round": None}
    if len(steps) > 1 and not here:
        other, _ = way_round(network, slow, steps, closed)
        used = set(edges_of(network, slow, steps, closed).tolist())
        again = edges_of(network, slow, other, closed)
        shared = np.array([edge in used for edge in again.tolist()], np.bool_)
        length = network.length_m[again]
        told["round"] = {
            "quick": band_of(along(network, quick, other, closed)),
            "slow": band_of(along(network, slow, other, closed)),
            "via": _via(seen, found, other),
            "shared_pct": round(100 * float(length[shared].sum() / length.sum())) if length.sum() else 100,
        }
    return told


def _reached(seen: Seen, found: Reachable, steps: list[int], sites: list[int]) -> dict[str, Any] | None:
    if not steps or not sites:
        return None
    network, closed = found.ground.network, found.closed
    return {
        "site": _named(seen.items("site", sites[:1])[0]),
        "quick": band_of(along(network, found.minutes[0], steps, closed)),
        "slow": band_of(along(network, found.minutes[1], steps, closed)),
        "via": _via(seen, found, steps),
    }


def _via(seen: Seen, found: Reachable, steps: list[int]) -> list[dict[str, Any]]:
    """The roads of a way, each once, in order."""
    where = found.ground
    edges = edges_of(where.network, found.minutes[1], steps, found.closed)
    rows = list(dict.fromkeys(where.rows[where.network.road[edges]].tolist()))
    labels, column = seen.labels("route", "title"), seen.column("route", "title")
    return [{"id": public_id(int(seen.column("route", "id")[row])), "title": labels[column[row]]} for row in rows]


def _named(item: Item) -> dict[str, Any]:
    area = next((name for name in reversed(item.area_names) if name), "")
    return {"id": public_id(item.id), "title": item.record.title or item.record.category, "area": area}
