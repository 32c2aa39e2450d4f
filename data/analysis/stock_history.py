"""Months of use and of stock at month's end, side by side for every site and item: what forecasts are made from.

A month's use is the sum of what was reported in it (told by movements and by a monthly return: the higher stands); nothing is
used in a month at whose end the count is what it was the month before, where the site tells of use at all; else it is unknown.
Only whole months: the running one is left out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.analysis.forecast import Series
from data.analysis.supply import Supply, month_of
from data.seen import Rows, Seen

KEPT = 36
"""Months looked back."""


class History(NamedTuple):
    """`series` has a row for each entry of the `Supply` it was made for; its last month is `last` (months since 1970-01)."""

    series: Series
    last: int


def history(seen: Seen, found: Supply) -> History:
    """The months before this one of every entry. Takes 90,000 reports in about 40 ms."""
    now = np.datetime64(int(seen.now.timestamp() * 1_000_000), "us").astype("datetime64[M]").astype(np.int64)
    last = int(now) - 1
    rows = seen.rows("supply")
    rows = rows[seen.column("supply", "site_ref")[rows] != 0]
    keys = _keys(seen, found.rows)
    order = np.argsort(keys)
    asked = _keys(seen, rows)
    near = np.minimum(np.searchsorted(keys[order], asked), max(len(keys) - 1, 0))
    month = month_of(seen, rows) - (last - KEPT + 1)
    kept = (month >= 0) & (month < KEPT)
    if len(keys):
        kept &= keys[order][near] == asked
    rows, pair, month = rows[kept], order[near[kept]] if len(keys) else near[kept], month[kept]
    stock = _stock(seen, rows, pair, month, len(found.rows))
    used = _used(seen, rows, pair, month, len(found.rows))
    still = np.isfinite(stock[:, 1:]) & (stock[:, 1:] == stock[:, :-1]) & np.isfinite(used).any(axis=1, keepdims=True)
    used[:, 1:] = np.where(np.isnan(used[:, 1:]) & still, 0.0, used[:, 1:])
    return History(Series(used, stock, found.site, found.item.astype(np.int64)), last)


def _keys(seen: Seen, rows: Rows) -> NDArray[np.int64]:
    sites, items = len(seen.labels("supply", "site_ref")), len(seen.labels("supply", "item"))
    source = seen.column("supply", "source")[rows].astype(np.int64)
    found = (source * sites + seen.column("supply", "site_ref")[rows]) * items + seen.column("supply", "item")[rows]
    return np.asarray(found, np.int64)


def _used(seen: Seen, rows: Rows, pair: NDArray[np.int64], month: NDArray[np.int64], pairs: int) -> NDArray[np.float64]:
    used = np.full((pairs, KEPT), np.nan)
    consumed = seen.column("supply", "consumed")[rows]
    told = np.flatnonzero(consumed >= 0)
    kinds = len(seen.labels("supply", "category"))
    cell = pair[told] * KEPT + month[told]
    by_kind, which = np.unique(cell * kinds + seen.column("supply", "category")[rows][told], return_inverse=True)
    np.fmax.at(used.ravel(), by_kind // kinds, np.bincount(which, consumed[told], minlength=len(by_kind)))
    return used


def _stock(
    seen: Seen, rows: Rows, pair: NDArray[np.int64], month: NDArray[np.int64], pairs: int
) -> NDArray[np.float64]:
    """The last count of each month, the cards of an item added; a card not counted in a month stands as it was before."""
    stock = np.full((pairs, KEPT), np.nan)
    counted = np.flatnonzero(np.isfinite(seen.column("supply", "stock_on_hand")[rows]))
    if not len(counted):
        return stock
    cards = len(seen.labels("supply", "card"))
    account, number = np.unique(
        pair[counted] * cards + seen.column("supply", "card")[rows][counted], return_inverse=True
    )
    by_card = np.full((len(account), KEPT), np.nan)
    order = np.argsort(seen.column("supply", "time")[rows][counted], kind="stable")
    by_card[number[order], month[counted][order]] = seen.column("supply", "stock_on_hand")[rows][counted][order]
    any_ = np.zeros((pairs, KEPT), np.bool_)
    np.logical_or.at(any_, account // cards, np.isfinite(by_card))
    for at in range(1, KEPT):
        by_card[:, at] = np.where(np.isnan(by_card[:, at]), by_card[:, at - 1], by_card[:, at])
    total = np.zeros((pairs, KEPT))
    np.add.at(total, account // cards, np.nan_to_num(by_card))
    return np.where(any_, total, np.nan)
