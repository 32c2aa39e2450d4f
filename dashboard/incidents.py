"""The incidents page in one answer: facets with counts, trend, comparison, what is new, totals, first rows of the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from dashboard.answer import answer
from dashboard.api import as_of, asked
from dashboard.noted import note_read
from dashboard.selection import whole_names
from dashboard.services import Services
from data.choosing import Rows
from data.crossfilter import FACETS, KIND, Crossed, cross
from data.filters import BadFilter, Filters, moment
from data.periods import YEAR, Changed, changed, compared, trend
from data.records import KINDS, Severity
from data.seen import Item, Seen, public_id

SORTS = ("time", "severity", "received")
SHOWS = ("", "new", "revised", "retracted")
PAGE, PAGE_MOST = 60, 200
FACET_SHOWN = 40
"""Values a facet lists, most frequent first; those chosen are always among them."""


def overview(services: Services, request: Request) -> Response:
    """`?since=&show=new|revised|retracted&sort=`: everything the page shows under the filters but the map."""
    seen, filters, query = _asked(services, request)
    since, then = _since(services, request, seen, query)
    told, items = page_told(seen, then, filters, since, query)
    note_read(services, seen, items)
    return answer(request, told)


def page_told(
    seen: Seen, then: Seen, filters: Filters, since: datetime | None, query: Mapping[str, str]
) -> tuple[dict[str, Any], list[Item]]:
    """What the page shows, and the records in it. Raises `BadFilter`."""
    crossed = cross(seen, filters)
    count = len(crossed.rows)
    begin, step_s, bars = trend(seen, KIND, crossed.rows, filters)
    changes = changed(seen, then, KIND, filters, crossed.rows) if since else None
    shown, items = _table(seen, then, crossed.rows, changes, query)
    return {
        "revision": seen.revision,
        "as_of": as_of(seen),
        "total": count,
        "known": len(seen.rows(KIND)),
        "severities": _severities(seen, crossed.rows),
        "fatalities": _fatalities(seen, crossed.rows),
        "placed": int(np.isfinite(seen.column(KIND, "lon")[crossed.rows]).sum()),
        "facets": {facet: _facet(seen, crossed, facet, filters) for facet in FACETS},
        "trend": {
            "from": begin.replace(microsecond=0),
            "step_s": step_s,
            "severities": [s.name for s in Severity],
            "bars": bars.tolist(),
        },
        "before": _plain(compared(seen, KIND, filters, None, count)),
        "year_before": _plain(compared(seen, KIND, filters, YEAR, count)),
        "since": since,
        "changes": changes and {name: len(rows) for name, rows in asdict(changes).items()},
        "table": shown,
    }, items


def table(services: Services, request: Request) -> Response:
    """`?offset=&limit=` beside the same: further rows of the table."""
    seen, filters, query = _asked(services, request)
    rows = seen.rows(KIND, filters)
    since, then = _since(services, request, seen, query)
    changes = changed(seen, then, KIND, filters, rows) if since else None
    told, items = _table(seen, then, rows, changes, query)
    note_read(services, seen, items)
    return answer(request, {"revision": seen.revision, **told})


def _asked(services: Services, request: Request) -> tuple[Seen, Filters, Mapping[str, str]]:
    seen, filters, query = asked(services, request)
    return seen, whole_names(seen, KINDS[KIND], filters, query), query


def _since(services: Services, request: Request, seen: Seen, query: Mapping[str, str]) -> tuple[datetime | None, Seen]:
    """The moment since which changes are asked for, and what was seen then."""
    if not query.get("since"):
        return None, seen
    since = moment(query["since"], "since")
    return since, services.picture.seen_by(services.viewer(request), since)


def _plain(value: Any) -> dict[str, Any] | None:
    return None if value is None else asdict(value)


def _severities(seen: Seen, rows: Rows) -> dict[str, int]:
    held = np.bincount(seen.column(KIND, "severity")[rows], minlength=len(Severity))
    return {severity.name: int(held[severity]) for severity in Severity}


def _fatalities(seen: Seen, rows: Rows) -> dict[str, int]:
    """Their sum, and of how many incidents anybody said: what is not said is not none."""
    values = seen.column(KIND, "fatalities")[rows]
    said = np.isfinite(values)
    return {"sum": int(values[said].sum()), "said_of": int(said.sum())}


def _facet(seen: Seen, crossed: Crossed, facet: str, filters: Filters) -> dict[str, Any]:
    counts = crossed.counts[facet]
    wanted: Mapping[str, tuple[str, ...]] = {
        **{name: getattr(filters, name) for name in ("category", "agency", "source", "actor")},
        "severity": (filters.severity.name,) if filters.severity else (),
        "grade": (filters.grade,) if filters.grade else (),
        "area": (filters.area,) if filters.area else (),
    }
    chosen = set(wanted[facet])
    listed = list(counts.items())
    if facet not in ("severity", "grade"):
        listed.sort(key=lambda one: (one[0] is None, -one[1], one[0] or ""))
    kept = [one for at, one in enumerate(listed) if at < FACET_SHOWN or one[0] in chosen]
    kept += [(name, 0) for name in wanted[facet] if facet not in ("area", "grade") and name not in counts]
    names = _area_names(seen) if facet == "area" else {}
    return {
        "values": [
            {"value": value, "label": names.get(value or "", value), "count": count, "chosen": value in chosen}
            for value, count in kept
        ],
        "more": len(listed) - min(len(listed), FACET_SHOWN),
        **({"level": crossed.level, "inside": names.get(filters.area, filters.area)} if facet == "area" else {}),
    }


def _area_names(seen: Seen) -> dict[str, str]:
    return {area.pcode: area.name for area in seen.places.areas if area.pcode}


def _table(
    seen: Seen,
    then: Seen,
    rows: Rows,
    changes: Changed | None,
    query: Mapping[str, str],
) -> tuple[dict[str, Any], list[Item]]:
    """One page of the table, and its records. What was taken back is told as it was last known at that moment."""
    show, sort = query.get("show", ""), query.get("sort") or "time"
    if show not in SHOWS or sort not in SORTS:
        name, allowed = ("sort", SORTS) if sort not in SORTS else ("show", SHOWS[1:])
        raise BadFilter(f"{name}: '{query[name][:40]}' is not one of {', '.join(allowed)}.")
    offset, limit = _whole(query, "offset", 0, 10**9), _whole(query, "limit", PAGE, PAGE_MOST)
    if show:
        rows = getattr(changes, show) if changes else rows[:0]
    of = then if show == "retracted" else seen
    page = ordered(of, rows, sort, offset, limit)
    items = of.items(KIND, page)
    flags = _flags(changes)
    taken = "retracted" if show == "retracted" else ""
    told = [_row(item, taken or flags.get(item.row, "")) for item in items]
    return {"offset": offset, "count": len(rows), "rows": told}, items


def ordered(seen: Seen, rows: Rows, sort: str, offset: int, limit: int) -> Rows:
    """One page of the rows: newest first, or worst first and among these the newest, or last heard first."""
    if sort == "time":
        return seen.newest(KIND, rows, limit, offset)
    key = seen.column(KIND, "severity" if sort == "severity" else "rev_from")[rows].astype(np.int64)
    if offset + limit < len(rows) // 4:  # only those that can be on the page are put in order
        edge = np.partition(key, len(key) - offset - limit)[len(key) - offset - limit]
        near = key >= edge
        rows, key = rows[near], key[near]
    times = seen.column(KIND, "time")[rows]
    order = np.lexsort((~times, ~key))
    return np.asarray(rows[order][offset : offset + limit])


def _flags(changes: Changed | None) -> dict[int, str]:
    if changes is None:
        return {}
    new = dict.fromkeys(changes.new.tolist(), "new")
    return new | dict.fromkeys(changes.revised.tolist(), "revised")


def _whole(query: Mapping[str, str], name: str, otherwise: int, most: int) -> int:
    text = query.get(name, "")
    if not text:
        return otherwise
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise BadFilter(f"{name}: '{text[:20]}' is not a whole number.")
    return min(int(text), most)


def _row(item: Item, flag: str) -> dict[str, Any]:
    record = item.record
    return {
        "id": public_id(item.id),
        "title": record.title or record.category,
        "category": record.category,
        "severity": record.severity.name,
        "t": record.event_time,
        "place": record.place or item.site or next((name for name in reversed(item.area_names) if name), None),
        "pcode": next((code for code in reversed(item.pcodes) if code), None),
        "actors": [name for name in (getattr(record, "actor1", ""), getattr(record, "actor2", "")) if name],
        "fatalities": getattr(record, "fatalities", None),
        "source": record.source,
        "agency": record.agency,
        "grade": record.grade,
        "received": item.received_at,
        "lon": record.lon,
        "lat": record.lat,
        "flag": flag,
        "exercise": record.exercise,
    }
