"""What could be moved of one item, as a proposal to discuss: in JSON for the page, and as a sheet. Nothing here moves anything.

Only sites this viewer may see, with a count that is not old and a known use, take part; of these the ones with the lowest cover
and the ones with most to spare. Ways are by road, closed ones left out, in hours under quick and slow speeds; where no road at
all is known, straight lines.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
import openpyxl
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import Response

from dashboard import rights
from dashboard.answer import VARY, Refused, answer
from dashboard.clauses import marking
from dashboard.services import Services
from dashboard.supply import Board, part_of, read, site_name
from dashboard.words import dtg, language, say
from data.analysis import forecast
from data.analysis.reachable import ground, nodes_of_sites
from data.analysis.reallocate import Proposal, Sites, Terms, propose
from data.analysis.roads import NOWHERE, reach
from data.analysis.solver import Unsolved
from data.analysis.supply import DAYS_A_MONTH, NOT_A_SITE, NOT_REPORTED, OVERSTOCK_DAYS, UNKNOWN
from data.cells import harmless
from data.columns import NO_TIME, NO_XY
from data.filters import BadFilter
from data.seen import DAY_US, public_id

TARGET_MONTHS, KEEP_MONTHS = 2.0, 2.5
RECEIVERS, GIVERS, WAYS = 24, 24, 4
"""Most that take part, and the nearest givers of each receiver that are looked at: more is not solved while one waits."""
SECONDS = 4.0
SPEEDS_KM_H = (25.0, 50.0)
"""Along straight lines, where no road is known."""
LEFT_SHOWN = 12
COLUMNS = (
    "from", "to", "units", "from_before", "from_after", "to_before", "to_after", "quick", "slow", "holds",
)  # fmt: skip
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True)
class Asked:
    """What is proposed between: `at` positions in the board's `found`; hours (n, n) quick and slow, inf where there is no way."""

    board: Board
    item: str
    at: NDArray[np.int64]
    sites: Sites
    terms: Terms
    hours: tuple[NDArray[np.float64], NDArray[np.float64]]
    by_road: bool
    closed: int
    unknown: int
    placeless: int


def moves(services: Services, request: Request) -> Response:
    """`?item=`: the proposal. 503 where another is being worked out, or none could be in time."""
    asked, found = proposed(services, request)
    return answer(request, told(asked, found, rights.exports(services.viewer(request))))


def sheet(services: Services, request: Request) -> Response:
    """The same as a workbook, for those who may take files out."""
    viewer = services.viewer(request)
    if not rights.exports(viewer):
        raise Refused(403, "Taking a proposal out as a file needs the role 'export'; an administrator gives it.")
    asked, found = proposed(services, request)
    seen, board = asked.board.seen, asked.board
    rows = board.found.rows[board.shown]
    if len(seen.exportable("supply", rows)) < len(rows):
        raise Refused(403, "Some of this stock may be seen but not taken out in a file; ask its owner.")
    lang = language(request.query_params.get("lang"))
    mark = seen.marking(("supply", rows))
    exercise = "EXERCISE · " if seen.column("supply", "exercise")[rows].any() else ""
    body = _book(told(asked, found, True), lang, exercise + marking(lang, mark), dtg(seen.now))
    details = {"format": "xlsx", "item": asked.item, "count": len(found.moves), "revision": seen.revision}
    services.exported(viewer.name, "supply", details)
    name = "-".join(["proposal", asked.item, *(["exercise"] if exercise else []), dtg(seen.now).replace(" ", "")])
    safe = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_.") else "_" for letter in name)
    headers = {
        "Cache-Control": "private, no-store",
        "Vary": VARY,
        "Content-Disposition": f'attachment; filename="{safe}.xlsx"',
    }
    return Response(body, media_type=XLSX, headers=headers)


def proposed(services: Services, request: Request) -> tuple[Asked, Proposal]:
    board, query = read(services, request)
    item = query.get("item", "")
    if not item:
        raise BadFilter("item: name one item; what could be moved is worked out for one at a time.")
    asked = _asked(services, board, item)
    return asked, _solved(asked)


def _asked(services: Services, board: Board, item: str) -> Asked:
    found, shown = board.found, board.shown
    use, stock = found.amc[shown], found.stock[shown]
    told = services.settings.thresholds
    target, keep = told.get("supply_target_months", TARGET_MONTHS), told.get("supply_keep_months", KEEP_MONTHS)
    fresh = ~np.isin(found.status[shown], (UNKNOWN, NOT_REPORTED)) & (use > 0) & np.isfinite(stock)
    placed = (found.x[shown] != NO_XY) & (found.site_row[shown] != NOT_A_SITE)
    short = np.flatnonzero(fresh & placed & (stock < target * use))
    spare = np.flatnonzero(fresh & placed & (stock - keep * use >= 1))
    short = short[np.argsort(stock[short] / use[short], kind="stable")][:RECEIVERS]
    spare = spare[np.argsort(-(stock - keep * use)[spare], kind="stable")][:GIVERS]
    at = shown[np.concatenate([short, spare])]
    quick, slow, by_road, closed = _hours(board, at, len(short))
    near = np.argsort(slow, axis=0, kind="stable")[:WAYS]
    cost = np.full_like(slow, np.inf)
    np.put_along_axis(cost, near, np.take_along_axis(slow, near, 0), 0)
    seen = board.seen
    marks = seen.column("supply", "mark")[found.rows[at]]
    now_us = int(seen.now.timestamp() * 1e6)
    months = np.where(
        found.expiry[at] == NO_TIME, np.inf, (found.expiry[at].astype(np.float64) - now_us) / DAY_US / DAYS_A_MONTH
    )
    sites = Sites(
        stock=found.stock[at],
        use=found.amc[at],
        capacity=np.maximum(found.amc[at] * OVERSTOCK_DAYS / DAYS_A_MONTH, found.stock[at]),
        expiring=found.expiring[at],
        expiry_months=np.where(np.isfinite(months), months, 1e3),
        priority=np.ones(len(at)),
        releasable=np.array([not seen.marks[mark].originator_control for mark in marks.tolist()], np.bool_),
    )
    terms = Terms(cost=cost, target_months=target, keep_months=keep, seconds=SECONDS)
    unknown, placeless = int(np.count_nonzero(~fresh)), int(np.count_nonzero(fresh & ~placed))
    return Asked(board, item, at, sites, terms, (quick, slow), by_road, closed, unknown, placeless)


def _hours(
    board: Board, at: NDArray[np.int64], receivers: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], bool, int]:
    """Hours (n, n) from row to column, to receivers alone, quick and slow; whether by road; how many roads are closed."""
    seen, found = board.seen, board.found
    n = len(at)
    quick, slow = np.full((n, n), np.inf), np.full((n, n), np.inf)
    where = ground(seen)
    network = where.network
    if not len(network.a):
        lon, lat = (seen.column("site", name)[found.site_row[at]] for name in ("lon", "lat"))
        east = np.subtract.outer(lon, lon) * np.cos(np.radians(lat))[:, None] * 111.32
        km = np.hypot(east, np.subtract.outer(lat, lat) * 111.32)
        quick[receivers:, :receivers] = (km / SPEEDS_KM_H[1])[receivers:, :receivers]
        slow[receivers:, :receivers] = (km / SPEEDS_KM_H[0])[receivers:, :receivers]
        return quick, slow, False, 0
    node = nodes_of_sites(seen, where, found.site_row[at])
    for into, pessimistic in ((quick, False), (slow, True)):
        minutes = network.minutes(pessimistic)
        for receiver in np.flatnonzero(node[:receivers] != NOWHERE).tolist():
            way = reach(network, minutes, node[[receiver]], where.closed)
            here = np.flatnonzero(node != NOWHERE)
            here = here[here >= receivers]
            into[here, receiver] = way.minutes[node[here]] / 60
    return quick, slow, True, len(np.unique(network.road[where.closed]))


_known: OrderedDict[bytes, Proposal] = OrderedDict()
_working = threading.BoundedSemaphore(1)


def _solved(asked: Asked) -> Proposal:
    """Worked out once for the same figures, one at a time."""
    sites, terms = asked.sites, asked.terms
    low, high = _demand(asked)
    hasher = hashlib.blake2b(digest_size=16)
    for part in (
        sites.stock,
        sites.use,
        sites.expiring,
        sites.expiry_months.round(1),
        sites.releasable,
        terms.cost,
        low,
        high,
    ):
        hasher.update(np.ascontiguousarray(part).tobytes())
    hasher.update(repr((terms.target_months, terms.keep_months)).encode())
    key = hasher.digest()
    if key in _known:
        return _known[key]
    if not _working.acquire(timeout=20):
        raise Refused(503, "Another proposal is being worked out; ask again in a minute.", Retry_After="30")
    try:
        found = propose(sites, terms, low, high)
    except Unsolved as error:
        raise Refused(503, f"No proposal: {error} Choose an area, so that fewer sites take part.") from None
    finally:
        _working.release()
    _known[key] = found
    while len(_known) > 24:
        _known.popitem(last=False)
    return found


def _demand(asked: Asked) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Use at its 10th and 90th percentile; where that is not known, as it is."""
    series = part_of(asked.board.past.series, asked.at)
    low, _, high = forecast.quantiles(series.used, forecast.weights(series)).T
    use = asked.sites.use
    return np.where(low > 0, low, np.minimum(use, 1.0)), np.where(high > 0, high, use)


def told(asked: Asked, found: Proposal, may_export: bool) -> dict[str, Any]:
    board = asked.board
    seen = board.seen
    target = asked.terms.target_months
    before = np.maximum(target * asked.sites.use - asked.sites.stock, 0.0)

    def place(index: int) -> dict[str, Any]:
        at = int(asked.at[index])
        site = int(board.found.site_row[at])
        return {
            "id": public_id(int(seen.column("supply", "id")[int(board.found.rows[at])])),
            "site": public_id(int(seen.column("site", "id")[site])),
            "name": site_name(board, at),
            "before": float(found.before[index]),
            "after": float(found.coverage[index]),
            "unmet": float(found.unmet[index]),
        }

    left = [index for index in np.argsort(found.coverage, kind="stable").tolist() if found.unmet[index] >= 0.5]
    return {
        "revision": seen.revision,
        "as_of": seen.now.replace(second=0, microsecond=0),
        "item": asked.item,
        "item_name": board.names.get(asked.item, asked.item),
        "unit": "",
        "target_months": target,
        "keep_months": asked.terms.keep_months,
        "sites": len(board.shown),
        "considered": len(asked.at),
        "unknown": asked.unknown,
        "placeless": asked.placeless,
        "not_released": int(np.count_nonzero(~asked.sites.releasable)),
        "closed_roads": asked.closed,
        "may_export": may_export,
        "lowest_before": _lowest(found.before),
        "lowest_after": _lowest(found.coverage),
        "reached": (_lowest(found.coverage) or 0.0) >= target - 1e-6,
        "unmet_before": float(np.nansum(before)),
        "unmet": float(np.nansum(found.unmet)),
        "binding": [
            {"kind": kind, "months": months if np.isfinite(months) else None} for kind, months in found.binding
        ],
        "moves": [
            {
                "from": place(move.giver),
                "to": place(move.receiver),
                "units": move.units,
                "hours": [float(hours[move.giver, move.receiver]) for hours in asked.hours],
                "by": "road" if asked.by_road else "air",
                "survives": move.survives,
            }
            for move in sorted(found.moves, key=lambda move: found.before[move.receiver])
        ],
        "left": [place(index) for index in left[:LEFT_SHOWN]],
    }


def _lowest(coverage: NDArray[np.float64]) -> float | None:
    return float(np.nanmin(coverage)) if len(coverage) and np.isfinite(coverage).any() else None


def _book(told: dict[str, Any], lang: str, mark: str, when: str) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    page = book.create_sheet(say(lang, "moves.sheet"))
    for line in (
        mark,
        f"{say(lang, 'moves.title')} {told['item_name']} ({told['item']})",
        say(lang, "moves.caution"),
        when,
    ):
        page.append([harmless(line)])
    page.append([])
    page.append([say(lang, f"moves.col.{name}") for name in COLUMNS])
    holds = {True: "yes", False: "no", None: "not_known"}
    for move in told["moves"]:
        low, high = (round(one, 1) if np.isfinite(one) else None for one in move["hours"])
        page.append([
            harmless(move["from"]["name"]), harmless(move["to"]["name"]), move["units"],
            *(round(move[side][when_], 2) for side in ("from", "to") for when_ in ("before", "after")),
            low, high, say(lang, f"moves.{holds[move['survives']]}"),
        ])  # fmt: skip
    page.append([])
    page.append([say(lang, "moves.unmet")])
    for one in told["left"]:
        page.append(
            [
                harmless(one["name"]),
                None,
                round(one["unmet"]),
                None,
                None,
                round(one["before"], 2),
                round(one["after"], 2),
            ]
        )
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
