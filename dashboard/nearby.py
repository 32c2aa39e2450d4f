"""What is near a record, for its drawer: units, sites, stocks and routes with how far and how old, all as they are released."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from dashboard.answer import NOT_FOUND, answer
from dashboard.api import asked
from dashboard.noted import note_read
from dashboard.services import Services
from data.analysis.supply import CLASSES, supply
from data.columns import NO_TIME
from data.filters import BadFilter
from data.nearby import near
from data.seen import Item, Seen, public_id
from data.times import moment_of

WITHIN_KM, MOST_KM = 25.0, 250.0
SHOWN = 8


def nearby(services: Services, request: Request) -> Response:
    """`?km=`: of each kind the nearest, and how many there are within that distance."""
    seen, _, query = asked(services, request)
    item = seen.find(request.path_params["id"])
    if item is None:
        raise NOT_FOUND
    km = _km(query.get("km", ""))
    lon, lat = (float(seen.column(item.kind, name)[item.row]) for name in ("lon", "lat"))
    if not math.isfinite(lon):
        return answer(request, {"placed": False, "km": km, "groups": []})
    shown: list[Item] = [item]
    groups = [
        _group(seen, "units", "track", item, km, shown),
        _group(seen, "sites", "site", item, km, shown),
        _stocks(seen, lon, lat, km),
        _group(seen, "routes", "route", item, km, shown),
    ]
    note_read(services, seen, shown[1:])
    exact = item.record.place_precision in ("", "exact", "near") and item.record.lon is not None
    return answer(request, {"placed": True, "exact": exact, "km": km, "lon": lon, "lat": lat, "groups": groups})


def _km(text: str) -> float:
    try:
        km = float(text) if text else WITHIN_KM
    except ValueError:
        km = math.nan
    if not 0 < km <= MOST_KM:
        raise BadFilter(f"km: '{text[:20]}' is not a distance from 0 to {MOST_KM:g} km.")
    return km


def _group(seen: Seen, name: str, kind: str, of: Item, km: float, shown: list[Item]) -> dict[str, Any]:
    lon, lat = (float(seen.column(of.kind, part)[of.row]) for part in ("lon", "lat"))
    rows, away = near(seen, kind, lon, lat, km)
    others = seen.column(kind, "id")[rows] != of.id
    rows, away = rows[others], away[others]
    items = seen.items(kind, rows[:SHOWN])
    shown += items
    return {
        "name": name,
        "count": len(rows),
        "items": [
            {
                "id": public_id(one.id),
                "title": getattr(one.record, "callsign", "") or one.record.title or one.record.category,
                "told": getattr(one.record, "functionality", "") or getattr(one.record, "status", ""),
                "km": round(distance, 1),
                "t": _heard(one),
                "source": one.record.source,
            }
            for one, distance in zip(items, away[:SHOWN].tolist(), strict=True)
        ],
    }


def _heard(item: Item) -> datetime:
    """When it was so: what the source says, else when it was received."""
    return item.record.event_time or item.record.version_time or item.received_at


def _stocks(seen: Seen, lon: float, lat: float, km: float) -> dict[str, Any]:
    """Sites near with what runs out there first; days of supply as everywhere else (`data.analysis.supply`)."""
    rows, away = near(seen, "site", lon, lat, km)
    distance = dict(zip(rows.tolist(), away.tolist(), strict=True))
    found = supply(seen)
    here = [at for at, site in enumerate(found.site_row.tolist()) if site in distance]
    here.sort(key=lambda at: (distance[int(found.site_row[at])], _days(found.days[at])))
    items = seen.labels("supply", "item")
    sites: dict[int, dict[str, Any]] = {}
    for at in here:
        site = int(found.site_row[at])
        if site in sites:
            sites[site]["items"] += 1
            continue
        time = int(found.time[at])
        sites[site] = {
            "id": public_id(int(seen.column("site", "id")[site])),
            "title": seen.labels("site", "title")[int(seen.column("site", "title")[site])],
            "told": CLASSES[found.status[at]],
            "item": items[int(found.item[at])],
            "days": round(float(found.days[at]), 1) if np.isfinite(found.days[at]) else None,
            "km": round(distance[site], 1),
            "t": None if time == NO_TIME else moment_of(time),
            "items": 1,
        }
    return {"name": "stocks", "count": len(sites), "items": list(sites.values())[:SHOWN]}


def _days(days: float) -> float:
    return days if math.isfinite(days) else math.inf
