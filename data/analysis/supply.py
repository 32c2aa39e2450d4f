"""Days of supply: for how long the stock of each item at each site lasts at the rate it is used.

Method: days = stock on hand / (average monthly consumption / 30.4375), after the months-of-stock indicator of the logistics
handbooks (USAID | DELIVER Project, The Logistics Handbook, 2011, ch. 4). Average monthly consumption (AMC) is the one the
source states, else the mean over the last six complete months with a report, leaving out months that knew a stock-out, when
consumption says how little there was and not how much was needed. Without an AMC above zero there are no days: unknown,
never infinite. Stock is as reported, not run down since; lots whose expiry has passed are not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.columns import NO_TIME, NO_XY
from data.filters import EVERYTHING, Filters
from data.seen import DAY_US, Rows, Seen

DAYS_A_MONTH = 30.4375
MONTHS = 6
STALE_DAYS = 60
OVERSTOCK_DAYS = 180
EXPIRING_DAYS = 90
CLASSES = ("stockout", "lt7", "d7_14", "d14_30", "gt30", "overstock", "unknown", "not_reported")
STOCKOUT, UNKNOWN, NOT_REPORTED = 0, CLASSES.index("unknown"), CLASSES.index("not_reported")
EDGES = np.array([7.0, 14.0, 30.0, OVERSTOCK_DAYS])
NOT_A_SITE = -1


@dataclass(frozen=True)
class Limits:
    """What the figures cannot tell, counted. `pairs` are combinations of a site and an item."""

    sites: int = 0
    unlocated: int = 0
    """Sites without a place."""
    never_reported: int = 0
    """Sites of the same lists that have not reported any item."""
    unknown: int = 0
    """Pairs whose stock or consumption nobody knows."""
    not_reported: int = 0
    """Pairs without a report for more than `STALE_DAYS`."""
    from_history: int = 0
    """Pairs whose AMC is computed here, because the source states none."""
    censored_months: int = 0
    """Months left out of those AMCs because stock ran out in them."""


def _none() -> NDArray[np.float64]:
    return np.empty(0, np.float64)


@dataclass(frozen=True)
class Supply:
    """One entry per site and item, ordered by site, then item. All arrays have shape (n,).

    `rows` int64, the supply record that is the latest report of stock; `site` int64, the same number for the same site;
    `site_row` int64, its row among sites or NOT_A_SITE; `item` int32 code (`seen.labels("supply", "item")`); `time` int64,
    when stock was counted, microseconds UTC or NO_TIME; `stock` units; `amc` units per month, NaN unknown; `days` NaN
    unknown; `status` int8 index into CLASSES; `x`, `y` int32 as in the columns.
    """

    rows: Rows
    site: NDArray[np.int64]
    site_row: Rows
    item: NDArray[np.int32]
    time: NDArray[np.int64]
    stock: NDArray[np.float64]
    amc: NDArray[np.float64]
    days: NDArray[np.float64]
    status: NDArray[np.int8]
    x: NDArray[np.int32]
    y: NDArray[np.int32]
    limits: Limits = Limits()
    expired: NDArray[np.float64] = field(default_factory=_none)
    """Units in lots past their expiry, not in `stock`."""
    wasting: NDArray[np.float64] = field(default_factory=_none)
    """Units that will expire before they are used at the AMC, first to expire first out; NaN where no AMC is known."""
    expiring: NDArray[np.float64] = field(default_factory=_none)
    """Usable units in lots that expire within `EXPIRING_DAYS`."""
    expiry: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """When the first usable lot expires, microseconds UTC or NO_TIME."""
    computed: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    """Whether the AMC is computed here from months with a report; else the source states it."""
    left_out: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """Months left out of a computed AMC because stock ran out in them."""


def supply(seen: Seen, filters: Filters = EVERYTHING, items: Sequence[str] = ()) -> Supply:
    """The latest stock of every site and item this viewer may see, of these sources, agencies, area and items.

    Takes 90,000 reports in about 30 ms. Raises `BadFilter`.
    """
    now_us = int(seen.now.timestamp() * 1_000_000)
    asked = Filters(agency=filters.agency, source=filters.source, codes=(("item", tuple(items)),) if items else ())
    rows = seen.rows("supply", asked)
    rows = rows[seen.column("supply", "time")[rows] <= now_us]
    rows = rows[
        seen.column("supply", "site_ref")[rows] != 0
    ]  # stock of no site, or of one that is withheld, is nobody's
    if not len(rows):
        return _nothing(seen)
    rows, pair, last = _grouped(seen, rows)
    latest, on_hand, one_card, lots = _on_hand(seen, rows, pair, last, now_us)
    amc, from_history, censored = _amc(seen, rows, pair, last, one_card, now_us)
    at = rows[latest]

    stock = on_hand
    time = seen.column("supply", "time")[at]
    days = np.divide(stock * DAYS_A_MONTH, amc, out=np.full(len(at), np.nan), where=amc > 0)
    status = _status(stock, days, (now_us - np.where(time == NO_TIME, 0, time)) / DAY_US)
    site, site_row = _sites(seen, at)
    placed = site_row != NOT_A_SITE
    x, y = (
        np.where(
            placed, seen.column("site", name)[site_row] if placed.any() else NO_XY, seen.column("supply", name)[at]
        )
        for name in ("x", "y")
    )
    kept = _in_area(seen, filters.area, at, site_row)
    order = np.flatnonzero(kept)[np.lexsort((seen.column("supply", "item")[at][kept], site[kept]))]
    first = np.unique(site[order], return_index=True)[1]
    return Supply(
        rows=at[order],
        site=site[order],
        site_row=site_row[order],
        item=seen.column("supply", "item")[at][order],
        time=time[order],
        stock=stock[order],
        amc=amc[order],
        days=days[order],
        status=status[order],
        x=x[order].astype(np.int32),
        y=y[order].astype(np.int32),
        expired=lots.expired[order],
        wasting=_wasting(lots, amc, now_us)[order],
        expiring=_expiring(lots, len(amc), now_us)[order],
        expiry=_first_expiry(lots, len(amc))[order],
        computed=from_history[order],
        left_out=censored[order].astype(np.int64),
        limits=Limits(
            sites=len(first),
            unlocated=int(np.count_nonzero(x[order][first] == NO_XY)),
            never_reported=_never(seen, filters, site_row),
            unknown=int(np.count_nonzero(status[order] == UNKNOWN)),
            not_reported=int(np.count_nonzero(status[order] == NOT_REPORTED)),
            from_history=int(np.count_nonzero(from_history[order])),
            censored_months=int(censored[order].sum()),
        ),
    )


def worst_of_sites(found: Supply) -> NDArray[np.int64]:
    """Position in `found` of each site's item that runs out first; one that is not known or not reported only where no
    item is better known."""
    urgency = np.where(found.status == STOCKOUT, -1.0, found.days)
    urgency = np.where(found.status == UNKNOWN, np.inf, urgency)
    order = np.lexsort((urgency, found.status == NOT_REPORTED, found.site))
    return np.asarray(order[np.diff(found.site[order], prepend=-1) != 0])


def _grouped(seen: Seen, rows: Rows) -> tuple[Rows, NDArray[np.int64], NDArray[np.int64]]:
    """Rows by source, site, item and time; the number of each row's pair; and where each pair ends."""
    site, item = seen.column("supply", "site_ref")[rows], seen.column("supply", "item")[rows]
    sites, items = len(seen.labels("supply", "site_ref")), len(seen.labels("supply", "item"))
    key = (seen.column("supply", "source")[rows].astype(np.int64) * sites + site) * items + item
    order = np.lexsort((seen.column("supply", "time")[rows], key))
    starts = np.diff(key[order], prepend=-1) != 0
    return rows[order], np.cumsum(starts) - 1, np.append(np.flatnonzero(starts)[1:], len(rows)) - 1


def _latest(told: NDArray[np.bool_], pair: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.int64]:
    """Per pair the last position where `told`; its last position where none is."""
    at = np.full(len(last), -1, np.int64)
    where = np.flatnonzero(told)
    at[pair[where]] = where  # ascending, so the last one stays
    return np.where(at >= 0, at, last)


class _Lots(NamedTuple):
    """Usable lots with an expiry, by pair and expiry: shape (lots,); `expired` (pairs,) units."""

    pair: NDArray[np.int64]
    expiry: NDArray[np.int64]
    stock: NDArray[np.float64]
    expired: NDArray[np.float64]


def _on_hand(
    seen: Seen, rows: Rows, pair: NDArray[np.int64], last: NDArray[np.int64], now_us: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_], _Lots]:
    """Per pair: the position of its newest count, what is on hand (NaN: never counted), whether it has one card at most, and
    the lots.

    Several cards of one item are lots: their last counts are added. A count of the item as a whole (a requisition, a list)
    stands instead where it is newer than every card's.
    """
    stock, card = seen.column("supply", "stock_on_hand")[rows], seen.column("supply", "card")[rows].astype(np.int64)
    cards = len(seen.labels("supply", "card"))
    whole = seen.tables["supply"].codes["card"].code("")
    counted = np.flatnonzero(~np.isnan(stock))
    account, first = np.unique((pair[counted] * cards + card[counted])[::-1], return_index=True)
    newest = counted[::-1][first]  # rows are in order of time within a pair, so the first from behind is the last count
    of_pair, on_card = account // cards, account % cards != (-1 if whole is None else whole)
    expiry = seen.column("supply", "expiry")[rows][newest]
    past = (expiry != NO_TIME) & (expiry <= now_us)
    expired = np.bincount(of_pair[past], stock[newest[past]], minlength=len(last)).astype(np.float64)
    usable = on_card & ~past
    added = np.bincount(of_pair[usable], stock[newest[usable]], minlength=len(last))
    lots = np.bincount(of_pair[on_card], minlength=len(last))
    latest = _latest(~np.isnan(stock), pair, last)
    total = np.where(lots > 0, added, np.nan)
    by_whole = card[latest] == (-1 if whole is None else whole)
    whole_past = np.zeros(len(last), np.bool_)
    whole_past[of_pair[past & ~on_card]] = True
    on_hand = np.where(by_whole, np.where(whole_past, 0.0, stock[latest]), total)
    dated = np.flatnonzero(~past & (expiry != NO_TIME) & (on_card != by_whole[of_pair]))
    dated = dated[np.lexsort((expiry[dated], of_pair[dated]))]
    return latest, on_hand, lots <= 1, _Lots(of_pair[dated], expiry[dated], stock[newest[dated]], expired)


def _wasting(lots: _Lots, amc: NDArray[np.float64], now_us: int) -> NDArray[np.float64]:
    """Per pair: units left of its lots when they expire, if use takes what expires first."""
    wasted = np.zeros(len(amc))
    if len(lots.pair):
        total = np.cumsum(lots.stock)
        starts = np.diff(lots.pair, prepend=-1) != 0
        before = np.where(starts, total - lots.stock, 0.0)
        within = total - np.maximum.accumulate(before)
        used = amc[lots.pair] * (lots.expiry - now_us) / DAY_US / DAYS_A_MONTH
        np.maximum.at(wasted, lots.pair, np.nan_to_num(within - used))
    return np.where(amc > 0, wasted, np.nan)


def _expiring(lots: _Lots, pairs: int, now_us: int) -> NDArray[np.float64]:
    soon = lots.expiry <= now_us + EXPIRING_DAYS * DAY_US
    return np.bincount(lots.pair[soon], lots.stock[soon], minlength=pairs).astype(np.float64)


def _first_expiry(lots: _Lots, pairs: int) -> NDArray[np.int64]:
    first = np.full(pairs, NO_TIME, np.int64)
    first[lots.pair[::-1]] = lots.expiry[::-1]  # by expiry within a pair: written last is the first
    return first


def _amc(
    seen: Seen,
    rows: Rows,
    pair: NDArray[np.int64],
    last: NDArray[np.int64],
    one_card: NDArray[np.bool_],
    now_us: int,
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
    """Per pair: units per month or NaN; whether it is computed here; how many months were left out as stocked out."""
    stated = seen.column("supply", "amc")[rows]
    at = _latest(~np.isnan(stated), pair, last)
    ended = month_of(seen, rows)
    running = int(np.int64(now_us).astype("datetime64[us]").astype("datetime64[M]").astype(np.int64))
    amc = np.where(ended[at] > ended[last] - MONTHS, stated[at], np.nan)

    consumed = seen.column("supply", "consumed")[rows]
    used = np.flatnonzero((consumed >= 0) & (ended < running))
    newest = np.full(len(last), np.iinfo(np.int64).min)
    np.maximum.at(newest, pair[used], ended[used])
    back = newest[pair] - ended  # 0 for the newest complete month with consumption
    used = used[back[used] < MONTHS]
    cell = pair[used] * MONTHS + back[used]
    # The use of one month may be told twice, by single movements and by a monthly return: the higher stands.
    kinds = len(seen.labels("supply", "category"))
    told, which = np.unique(cell * kinds + seen.column("supply", "category")[rows][used], return_inverse=True)
    total, reported = np.zeros((len(last), MONTHS)), np.zeros((len(last), MONTHS), np.bool_)
    np.maximum.at(total.ravel(), told // kinds, np.bincount(which, consumed[used]))
    reported.ravel()[cell] = True
    dry = np.flatnonzero((seen.column("supply", "stock_on_hand")[rows] <= 0) & (back >= 0) & (back < MONTHS))
    dry = dry[one_card[pair[dry]]]  # one lot at nought says nothing of the others
    ran_out = np.bincount(pair[dry] * MONTHS + back[dry], minlength=len(last) * MONTHS).reshape(-1, MONTHS) > 0

    months = (reported & ~ran_out).sum(axis=1)
    mean = np.divide((total * ~ran_out).sum(axis=1), months, out=np.full(len(last), np.nan), where=months > 0)
    from_history = ~(amc > 0) & (mean > 0)
    amc = np.where(from_history, mean, amc)
    return np.where(amc > 0, amc, np.nan), from_history, np.where(from_history, (reported & ran_out).sum(axis=1), 0)


def month_of(seen: Seen, rows: Rows) -> NDArray[np.int64]:
    """Months since 1970-01 in which each report's period ended (an end at midnight closes the month before), UTC."""
    end, time = seen.column("supply", "period_end")[rows], seen.column("supply", "time")[rows]
    moment = np.where(end != NO_TIME, end - 1, np.where(time != NO_TIME, time, 0))
    return np.asarray(moment.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64))


def _status(stock: NDArray[np.float64], days: NDArray[np.float64], age: NDArray[np.float64]) -> NDArray[np.int8]:
    status = 1 + np.searchsorted(EDGES, np.nan_to_num(days, nan=0.0), side="right")
    status = np.where(np.isnan(days), UNKNOWN, status)
    status = np.where(stock <= 0, STOCKOUT, status)
    return np.where(age > STALE_DAYS, NOT_REPORTED, status).astype(np.int8)


def _sites(seen: Seen, rows: Rows) -> tuple[NDArray[np.int64], Rows]:
    """Per supply row a number for its site, and the site's row: of the same source, else the only one with that code."""
    refs, source = seen.column("supply", "site_ref")[rows], seen.column("supply", "source")[rows].astype(np.int64)
    codes = seen.tables["site"].codes["source_ref"]
    table = [codes.code(label) for label in seen.labels("supply", "site_ref")]
    code = np.array([-1 if known is None else known for known in table], np.int64)[refs]
    site_rows = seen.rows("site")
    own = seen.column("site", "source_ref")[site_rows].astype(np.int64)
    count = len(codes.labels)
    of_code = np.full(count + 1, NOT_A_SITE)
    of_code[own] = site_rows
    of_code[:count][np.bincount(own, minlength=count)[:count] > 1] = NOT_A_SITE
    keys = seen.column("site", "source")[site_rows].astype(np.int64) * count + own
    order = np.argsort(keys)
    wanted = np.where(code >= 0, source * count + code, -1)
    near = np.minimum(np.searchsorted(keys[order], wanted), max(len(keys) - 1, 0))
    same = keys[order][near] == wanted if len(keys) else np.zeros(len(rows), np.bool_)
    found = np.where(same, site_rows[order][near], of_code[code]) if len(keys) else of_code[code]
    # A site that is on no list is told apart by its source and code, numbered after all the listed ones.
    alone = len(seen.column("site", "id")) + source * len(seen.labels("supply", "site_ref")) + refs
    return np.where(found == NOT_A_SITE, alone, found), found


def _in_area(seen: Seen, pcode: str, rows: Rows, site_row: Rows) -> NDArray[np.bool_]:
    if not pcode:
        return np.ones(len(rows), np.bool_)
    asked = Filters(area=pcode)
    by_site = np.isin(site_row, seen.rows("site", asked))
    return np.where(site_row == NOT_A_SITE, np.isin(rows, seen.rows("supply", asked)), by_site)


def _never(seen: Seen, filters: Filters, site_row: Rows) -> int:
    """Sites without any report, on the lists whose sites report."""
    reporting = np.unique(site_row[site_row != NOT_A_SITE])
    listed = seen.rows("site", Filters(agency=filters.agency, area=filters.area))
    lists = np.unique(seen.column("site", "source")[reporting])
    listed = listed[np.isin(seen.column("site", "source")[listed], lists)]
    return int(np.count_nonzero(~np.isin(listed, reporting)))


def _nothing(seen: Seen) -> Supply:
    whole, real = np.empty(0, np.int64), np.empty(0, np.float64)
    small = np.empty(0, np.int32)
    return Supply(whole, whole, whole, small, whole, real, real, real, np.empty(0, np.int8), small, small)
