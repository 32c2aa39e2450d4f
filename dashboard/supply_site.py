"""One site's stock in JSON: every item it holds, and of one of them the months behind, the range ahead and what is on its way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from dashboard.answer import NOT_FOUND, answer
from dashboard.services import Services
from dashboard.supply import Board, board_of, found_at, in_need, lines, part_of, ranked, read
from data.analysis import forecast
from data.analysis.supply import CLASSES, DAYS_A_MONTH
from data.filters import Filters
from data.seen import public_id

SHOWN_MONTHS = 24
STEP_DAYS = 10


def site(services: Services, request: Request) -> Response:
    """`?id=&item=&horizon=`: the site, its items, and one of them in detail; the one asked for, else the most pressing."""
    asked, query = read(services, request)
    board = board_of(services, asked.seen, Filters(), "", asked.horizon)
    here = set(found_at(board, query.get("id", "")))
    if not here:
        raise NOT_FOUND
    order = np.array([at for at in ranked(board, "days").tolist() if at in here], np.int64)
    listed = lines(services, board, order)
    wanted = next((n for n, line in enumerate(listed) if line["item"] == query.get("item")), 0)
    at = int(order[wanted])
    seen = board.seen
    where = in_need(seen, at, board.found)
    told = {
        "revision": seen.revision,
        "now": seen.now,
        "site": {
            "id": listed[wanted]["site"] or public_id(int(seen.column("supply", "id")[int(board.found.rows[at])])),
            "listed": listed[wanted]["site"] is not None,
            "name": listed[wanted]["name"],
            "pcode": listed[wanted]["pcode"],
            "area": listed[wanted]["area"],
            "people": float(board.people[at]),
            "district": where[0] if where else None,
            "in_need": where[1] if where else None,
        },
        "lead_days": board.lead_days,
        "safety_days": board.safety_days,
        "horizon": board.horizon,
        "classes": CLASSES,
        "items": listed,
        "chosen": listed[wanted]["item"],
        "past": _past(board, at),
        "fan": _fan(board, at),
        "minimum": _minimum(board, at, listed[wanted]["item"]),
        "track": {"coverage": board.chance.track.coverage, "brier": board.chance.track.brier,
                  "auc": board.chance.track.auc, "base": board.chance.track.base,
                  "caught": board.chance.track.caught, "rows": board.chance.track.rows,
                  "months": board.chance.track.months, "why": board.chance.why},
    }  # fmt: skip
    return answer(request, told)


def _past(board: Board, at: int) -> list[dict[str, Any]]:
    """The months before this one, oldest first: use, stock at the end, and whether the use is censored."""
    series = board.past.series
    dry = forecast.censored(part_of(series, np.array([at])))[0]
    first = board.past.last - SHOWN_MONTHS + 1
    told = []
    for back in range(SHOWN_MONTHS):
        month = series.used.shape[1] - SHOWN_MONTHS + back
        year, number = divmod(first + back, 12)
        told.append(
            {
                "month": f"{1970 + year}-{number + 1:02d}",
                "used": float(series.used[at, month]),
                "stock": float(series.stock[at, month]),
                "censored": bool(dry[month]),
            }
        )
    return told


def _fan(board: Board, at: int) -> dict[str, Any] | None:
    """What is left if nothing arrives, from the count on: 10th, 50th and 90th percentile every ten days."""
    stock = board.found.stock[[at]]
    _, left = forecast.lasting(stock, part_of(board.past.series, np.array([at])), days=180)
    if not np.isfinite(left[0]).all():
        return None
    counted = datetime.fromtimestamp(int(board.found.time[at]) / 1e6, UTC)
    days = [counted + timedelta(days=STEP_DAYS * step) for step in range(left.shape[1])]
    return {"days": days, **{name: left[0, :, at].tolist() for at, name in enumerate(("low", "middle", "high"))}}


def _minimum(board: Board, at: int, item: str) -> dict[str, Any] | None:
    """Use per person beside the mission's minimum, where one is set for the item and the people served are known."""
    minimum, people = board.minimum.get(item), float(board.people[at])
    if minimum is None:
        return None
    known = people > 0 and board.found.amc[at] > 0
    need = minimum * people if people > 0 else None
    days = float(board.found.stock[at]) / need * DAYS_A_MONTH if need else None
    return {
        "per_person": minimum,
        "used_per_person": float(board.found.amc[at]) / people if known else None,
        "days_at_minimum": days,
    }
