"""Patterns for the incidents page: found in the background on what the viewer sees, and kept while that stays the same."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Waited
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from dashboard.answer import Refused, answer
from dashboard.api import asked
from dashboard.selection import whole_names
from dashboard.services import Services
from data.analysis.patterns import KIND, LEAST_INCIDENTS, LONGEST_DAYS, Patterns, patterns
from data.analysis.scan import SIMULATIONS, Cluster
from data.filters import BadFilter, Filters
from data.records import KINDS
from data.seen import Seen

KEPT, WAITING, WAIT_MOST_S = 64, 8, 10.0
_worker = ThreadPoolExecutor(1, "patterns")
_lock = threading.Lock()
_found: OrderedDict[Hashable, Future[dict[str, Any]]] = OrderedDict()


def found(services: Services, request: Request) -> Response:
    """`?wait=`: what stands out under the filters, or that it is being computed (`state`), after so many seconds at most."""
    seen, filters, query = asked(services, request)
    filters = whole_names(seen, KINDS[KIND], filters, query)
    job = _job(seen, filters)
    try:
        told = job.result(timeout=_wait(query.get("wait", "")))
    except Waited:
        return answer(request, {"state": "computing"})
    return answer(request, {"state": "found", **told})


def _wait(text: str) -> float:
    try:
        return min(max(float(text or 0), 0.05), WAIT_MOST_S)
    except ValueError:
        raise BadFilter(f"wait: '{text[:20]}' is not a number of seconds.") from None


def _job(seen: Seen, filters: Filters) -> Future[dict[str, Any]]:
    # To the hour: the newest week moves on, and an hour of it more or less changes no pattern.
    until = _hour(min(filters.span(seen.now)[1] or seen.now, seen.now))
    fixed = replace(filters, since=None, until=until, window=None)
    rows = seen.rows(KIND)
    newest = int(seen.column(KIND, "rev_from")[rows].max()) if len(rows) else 0
    key = (id(seen.tables), seen.released.number, len(rows), newest, fixed)
    with _lock:
        known = _found.get(key)
        if known is not None and not (known.done() and known.exception()):
            _found.move_to_end(key)
            return known
        if sum(not job.done() for job in _found.values()) >= WAITING:
            raise Refused(503, "Too many patterns are being looked for; ask again shortly.", Retry_After="10")
        seen.rows(KIND, fixed)  # what cannot be understood is said at once
        job = _found[key] = _worker.submit(lambda: _told(seen, patterns(seen, fixed)))
        while len(_found) > KEPT:
            _found.popitem(last=False)
    return job


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def _told(seen: Seen, found: Patterns) -> dict[str, Any]:
    areas = [seen.places.areas[at] for at in found.areas.tolist()]
    surge = found.surge
    alarms = np.flatnonzero(surge.alarm)
    alarms = alarms[np.argsort(-(surge.observed - surge.threshold)[alarms], kind="stable")]
    return {
        "until": found.until,
        "areas": len(areas),
        "least": LEAST_INCIDENTS,
        "surge": {
            "method": surge.method,
            "weeks": found.weeks,
            "tested": surge.tested,
            "unknown": len(areas) - surge.tested,
            "expected_false": round(found.false_alarms, 2),
            "left_out": found.left_out,
            "unplaced": found.unplaced,
            "alarms": [
                {
                    "pcode": areas[at].pcode,
                    "name": areas[at].name,
                    "observed": int(surge.observed[at]),
                    "expected": round(float(surge.expected[at]), 1),
                    "threshold": int(surge.threshold[at]),
                }
                for at in alarms.tolist()
            ],
        },
        "clusters": {
            "days": found.days,
            "longest": LONGEST_DAYS,
            "simulations": SIMULATIONS,
            "scanned": found.scanned,
            "items": [_cluster(found, areas, one) for one in found.clusters],
        },
    }


def _cluster(found: Patterns, areas: list[Any], one: Cluster) -> dict[str, Any]:
    return {
        "lon": float(found.lon[one.centre]),
        "lat": float(found.lat[one.centre]),
        "km": round(one.radius_km, 1),
        "from": found.until + timedelta(days=one.first),
        "to": found.until,
        "observed": round(one.observed),
        "expected": round(one.expected, 1),
        "ratio": round(one.ratio, 2),
        "p": round(one.p, 4),
        "areas": [areas[at].name for at in one.places],
    }
