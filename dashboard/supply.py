"""The supply page in JSON: what runs out where, when, for how many people, and what is on its way; of one item or of all.

Everything is computed over what is released to whoever asks, the forecasts included: nobody's figures rest on records they may
not see.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import Response

from dashboard.answer import answer
from dashboard.api import as_of, asked
from dashboard.noted import note_read
from dashboard.services import Services
from data.analysis import forecast
from data.analysis.figures import figure
from data.analysis.forecast import FEATURES, Chance, Series
from data.analysis.pipeline import Coming, Pipeline, pipeline
from data.analysis.stock_history import History, history
from data.analysis.supply import (
    CLASSES,
    DAYS_A_MONTH,
    MONTHS,
    NOT_A_SITE,
    NOT_REPORTED,
    STOCKOUT,
    UNKNOWN,
    Supply,
    supply,
)
from data.columns import NO_TIME, NO_XY
from data.filters import BadFilter, Filters
from data.gazetteer import Area
from data.places import NOWHERE
from data.seen import Item, Seen, public_id

HORIZONS = (30, 60, 90)
SORTS = ("days", "chance", "people")
LEAD_TIME_DAYS, SAFETY_DAYS = 30.0, 15.0
PAGE, PAGE_MOST = 60, 200
SAME_PLACE = 1_200
"""Web Mercator units (of 2^32 around the earth: about 11 m at the equator) within which sites of one name are one."""


@dataclass(frozen=True)
class Board:
    """Everything known of stock under these filters. Arrays are by position in `found`; `shown` are the positions listed."""

    seen: Seen
    found: Supply
    past: History
    chance: Chance
    names: Mapping[str, str]
    coming: Pipeline
    people: NDArray[np.float64]
    shown: NDArray[np.int64]
    horizon: int
    lead_days: float
    safety_days: float
    minimum: Mapping[str, float]
    """Item -> units per person and month below which the mission's minimum is not met."""


def overview(services: Services, request: Request) -> Response:
    """`?item=&horizon=30|60|90&sort=days|chance|people&offset=&limit=`: items, classes, limits, track record, ranked rows."""
    board, query = read(services, request)
    told = {
        "revision": board.seen.revision,
        "as_of": as_of(board.seen),
        "item": query.get("item", ""),
        "items": _items(board),
        "horizon": board.horizon,
        "lead_days": board.lead_days,
        "safety_days": board.safety_days,
        "areas": [
            {"pcode": area.pcode, "name": area.name}
            for area in sorted(board.seen.places.areas, key=lambda area: area.name)
            if area.level == 1 and area.pcode
        ],
        "classes": _classes(board),
        "sites": len(np.unique(board.found.site[board.shown])),
        "limits": asdict(board.found.limits),
        "months": MONTHS,
        "unmatched": board.coming.unmatched,
        "on_the_way": sum(len(board.coming.coming.get(int(at), ())) for at in board.shown),
        "track": _track(board.chance),
        "table": _table(services, board, query),
    }
    return answer(request, told)


def table(services: Services, request: Request) -> Response:
    """Further rows of the same."""
    board, query = read(services, request)
    return answer(request, {"revision": board.seen.revision, **_table(services, board, query)})


def read(services: Services, request: Request) -> tuple[Board, dict[str, str]]:
    """The board the request asks for. Raises `BadFilter`, `Refused`."""
    seen, filters, query = asked(services, request, ("item",))
    horizon = query.get("horizon") or "30"
    if horizon not in map(str, HORIZONS):
        raise BadFilter(f"horizon: '{horizon[:10]}' is not one of {', '.join(map(str, HORIZONS))} days.")
    return board_of(services, seen, filters, query.get("item", ""), int(horizon)), query


def board_of(services: Services, seen: Seen, filters: Filters, item: str, horizon: int) -> Board:
    kept = Filters(agency=filters.agency, source=filters.source, area=filters.area)
    found = supply(seen, kept)
    past = history(seen, found)
    labels = seen.labels("supply", "item")
    wanted = np.array([not item or labels[code] == item for code in found.item], np.bool_)
    names = _names(seen, found)
    told = services.settings.thresholds
    return Board(
        seen=seen,
        found=found,
        past=past,
        chance=_chance(past.series, found.stock, horizon // 30),
        names=names,
        coming=pipeline(seen, found, names),
        people=_people(seen, found),
        shown=np.flatnonzero(wanted),
        horizon=horizon,
        lead_days=told.get("supply_lead_time_days", LEAD_TIME_DAYS),
        safety_days=told.get("supply_safety_days", SAFETY_DAYS),
        minimum={key.removeprefix("supply_minimum."): value for key, value in told.items() if "supply_minimum." in key},
    )


_known: OrderedDict[tuple[bytes, int], Chance] = OrderedDict()
_lock = threading.Lock()


def _chance(series: Series, on_hand: NDArray[np.float64], ahead: int) -> Chance:
    """Fitted once for the same months: what it is made from names it, so that nobody gets what others' records made."""
    hasher = hashlib.blake2b(digest_size=16)
    for part in (series.used, series.stock, series.site, series.item, on_hand):
        hasher.update(str(part.shape).encode() + part.tobytes())
    key = (hasher.digest(), ahead)
    with _lock:
        if key in _known:
            _known.move_to_end(key)
            return _known[key]
        share, months = forecast.covered(series)
        made = forecast.chance(series, ahead, on_hand)
        made = replace(made, track=replace(made.track, coverage=share, months=months))
        _known[key] = made
        if len(_known) > 12:
            _known.popitem(last=False)
    return made


def _names(seen: Seen, found: Supply) -> dict[str, str]:
    """Item code -> the name its newest report gives."""
    codes, first = np.unique(found.item, return_index=True)
    labels = seen.labels("supply", "item")
    items = seen.items("supply", found.rows[first].tolist())
    told = (getattr(item.record, "item_name", "") for item in items)
    return {labels[code]: name or labels[code] for code, name in zip(codes.tolist(), told, strict=True)}


def _people(seen: Seen, found: Supply) -> NDArray[np.float64]:
    """Served by each entry's site: as its own list says, else as the list of another that has it by the same name there."""
    people = np.full(len(found.rows), np.nan)
    placed = np.flatnonzero(found.site_row != NOT_A_SITE)
    rows = found.site_row[placed]
    people[placed] = seen.column("site", "population_served")[rows]
    every = seen.rows("site")
    every = every[np.isfinite(seen.column("site", "population_served")[every])]
    title, x, y = (seen.column("site", name) for name in ("title", "x", "y"))
    by_title: dict[int, list[int]] = {}
    for row in every.tolist():
        by_title.setdefault(int(title[row]), []).append(row)
    for at, row in zip(placed.tolist(), rows.tolist(), strict=True):
        if np.isfinite(people[at]):
            continue
        near = [
            other
            for other in by_title.get(int(title[row]), ())
            if x[row] != NO_XY and abs(int(x[other]) - int(x[row])) + abs(int(y[other]) - int(y[row])) < SAME_PLACE * 40
        ]
        if len(near) == 1:
            people[at] = seen.column("site", "population_served")[near[0]]
    return people


def _items(board: Board) -> list[dict[str, Any]]:
    """Every item with how many sites hold it, and at how many it is out or lasts under seven days."""
    found, labels = board.found, board.seen.labels("supply", "item")
    told = []
    for code in np.unique(found.item).tolist():
        here = found.item == code
        short = here & np.isin(found.status, (STOCKOUT, CLASSES.index("lt7")))
        name = labels[code]
        told.append({"item": name, "name": board.names[name], "sites": int(here.sum()), "short": int(short.sum())})
    return sorted(told, key=lambda one: (-one["short"], one["name"]))


def _classes(board: Board) -> dict[str, int]:
    counts = np.bincount(board.found.status[board.shown], minlength=len(CLASSES))
    return dict(zip(CLASSES, counts.tolist(), strict=True))


def _track(chance: Chance) -> dict[str, Any]:
    return {**asdict(chance.track), "why": chance.why, "alert_share": forecast.ALERT_SHARE}


def ranked(board: Board, sort: str) -> NDArray[np.int64]:
    """Positions of the listed entries, most pressing first."""
    found, at = board.found, board.shown
    silent = np.isin(found.status[at], (UNKNOWN, NOT_REPORTED))
    people = np.nan_to_num(board.people[at], nan=-1.0)
    days = np.where(found.status[at] == STOCKOUT, -1.0, np.nan_to_num(found.days[at], nan=np.inf))
    if sort == "chance":
        chance = np.where(found.status[at] == STOCKOUT, 1.1, np.nan_to_num(board.chance.probability[at], nan=-1.0))
        return np.asarray(at[np.lexsort((-people, days, -chance))])
    if sort == "people":
        return np.asarray(at[np.lexsort((days, -people))])
    return np.asarray(at[np.lexsort((-people, days, found.status[at] == NOT_REPORTED, silent))])


def _table(services: Services, board: Board, query: Mapping[str, str]) -> dict[str, Any]:
    sort = query.get("sort") or "days"
    if sort not in SORTS:
        raise BadFilter(f"sort: '{sort[:20]}' is not one of {', '.join(SORTS)}.")
    offset, limit = _whole(query, "offset", 0, 10**9), _whole(query, "limit", PAGE, PAGE_MOST)
    order = ranked(board, sort)
    page = order[offset : offset + limit]
    return {"offset": offset, "count": len(order), "rows": lines(services, board, page)}


def _whole(query: Mapping[str, str], name: str, otherwise: int, most: int) -> int:
    text = query.get(name, "")
    if not text:
        return otherwise
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise BadFilter(f"{name}: '{text[:20]}' is not a whole number.")
    return min(int(text), most)


def part_of(series: Series, at: NDArray[np.int64]) -> Series:
    return Series(series.used[at], series.stock[at], series.site[at], series.item[at])


def lines(services: Services, board: Board, page: NDArray[np.int64]) -> list[dict[str, Any]]:
    """The entries at these positions, with when their stock ends."""
    found, seen = board.found, board.seen
    items = seen.items("supply", found.rows[page].tolist())
    note_read(services, seen, items)
    ends, _ = forecast.lasting(found.stock[page], part_of(board.past.series, page))
    return [_line(board, int(at), item, end) for at, item, end in zip(page, items, ends, strict=True)]


def _line(board: Board, at: int, item: Item, ends: NDArray[np.float64]) -> dict[str, Any]:
    found, seen = board.found, board.seen
    site = int(found.site_row[at])
    amc = float(found.amc[at])
    counted = _moment(int(found.time[at]))
    record: Any = item.record
    coming = board.coming.coming.get(at, ())
    series = board.past.series
    recent = series.used[at, -MONTHS:]
    where = area_of(seen, at, found)
    out = found.status[at] == STOCKOUT  # counted since the last whole month
    probability = np.nan if out else float(board.chance.probability[at])
    return {
        "id": public_id(item.id),
        "site": public_id(int(seen.column("site", "id")[site])) if site != NOT_A_SITE else None,
        "name": site_name(board, at),
        "pcode": where.pcode if where else None,
        "area": where.name if where else None,
        "item": record.item,
        "item_name": board.names.get(record.item, record.item),
        "unit": record.unit,
        "stock": float(found.stock[at]),
        "expired": float(found.expired[at]),
        "wasting": float(found.wasting[at]),
        "amc": amc,
        "amc_computed": bool(found.computed[at]),
        "months_told": int(np.isfinite(recent).sum()),
        "months_dry": int(found.left_out[at]),
        "days": float(found.days[at]),
        "status": CLASSES[int(found.status[at])],
        "ends": [_end(counted, float(end)) for end in ends] if np.isfinite(found.stock[at]) else [None] * 3,
        "ends_known": bool(np.isfinite(found.stock[at]) and not np.isnan(ends[1])),
        "chance": probability if np.isfinite(probability) else None,
        "drivers": [FEATURES[one] for one in board.chance.drivers[at].tolist() if one >= 0]
        if np.isfinite(probability)
        else [],
        "reorder_at": amc / DAYS_A_MONTH * (board.lead_days + board.safety_days) if amc > 0 else None,
        "coming": [_coming(one) for one in coming[:3]],
        "break": breaks(board, at, ends),
        "people": float(board.people[at]),
        "counted": counted,
        "agency": record.agency,
        "source": record.source,
        "grade": record.grade,
        "exercise": record.exercise,
    }


def site_name(board: Board, at: int) -> str:
    """As the site's list names it, else as the report does."""
    seen, site, row = board.seen, int(board.found.site_row[at]), int(board.found.rows[at])
    if site != NOT_A_SITE and (title := seen.labels("site", "title")[int(seen.column("site", "title")[site])]):
        return title
    return seen.labels("supply", "site_ref")[int(seen.column("supply", "site_ref")[row])]


def breaks(board: Board, at: int, ends: NDArray[np.float64]) -> str:
    """Why the pipeline breaks: stock may end before what is confirmed arrives ("late"), or within the lead time with nothing
    confirmed ("nothing"); empty where it holds or cannot be told."""
    days = float(ends[0]) if np.isfinite(ends[0]) else float(board.found.days[at])
    if not np.isfinite(days):
        return ""
    counted = _moment(int(board.found.time[at])) or board.seen.now
    dry = counted + timedelta(days=min(days, 3650))
    dues = [one.due for one in board.coming.coming.get(at, ()) if one.confirmed and one.due and not one.late]
    if dues:
        return "late" if min(dues) > dry else ""
    return "nothing" if dry < board.seen.now + timedelta(days=board.lead_days) else ""


def _coming(one: Coming) -> dict[str, Any]:
    return {
        "quantity": one.quantity,
        "unit": one.unit,
        "due": one.due,
        "confirmed": one.confirmed,
        "late": one.late,
        "record": public_id(one.record.id),
    }


def _end(counted: datetime | None, days: float) -> datetime | None:
    """The day, or None: not within a year."""
    return counted + timedelta(days=days) if counted and np.isfinite(days) else None


def _moment(time_us: int) -> datetime | None:
    return None if time_us == NO_TIME else datetime.fromtimestamp(time_us / 1e6, UTC)


def area_of(seen: Seen, at: int, found: Supply) -> Area | None:
    """The district (adm2) of an entry's site, else of its report."""
    site = int(found.site_row[at])
    kind, row = ("site", site) if site != NOT_A_SITE else ("supply", int(found.rows[at]))
    area = int(seen.areas(kind, np.array([row]), 2)[0])
    return None if area == NOWHERE else seen.places.areas[area]


def in_need(seen: Seen, at: int, found: Supply) -> tuple[str, float | None] | None:
    """The district of an entry and its people in need, where anybody said."""
    where = area_of(seen, at, found)
    if where is None:
        return None
    told = figure(seen, Filters(), "people_in_need", 2).values.get(where.pcode)
    return where.name, told.value if told else None


def found_at(board: Board, id_: str) -> Sequence[int]:
    """Positions of a site: by the id of its record, or of any stock report of it."""
    rows = board.seen.rows_of("site", (id_,))
    hits = np.flatnonzero(board.found.site_row == rows[id_]) if id_ in rows else np.empty(0, np.int64)
    if not len(hits):
        rows = board.seen.rows_of("supply", (id_,))
        mine = np.flatnonzero(board.found.rows == rows.get(id_, -1))
        hits = np.flatnonzero(np.isin(board.found.site, board.found.site[mine]))
    return [int(hit) for hit in hits]
