"""What is released as counts only: in fixed cells, each told from its least number on and "fewer than" below it.

A cell is one area (adm2 or coarser, as released), ISO 8601 week, category, agency and source. Every answer adds whole cells, so
asking with other boxes, windows and filters and taking the answers from one another yields whole cells again, never fewer
records than a cell may tell. A cell that holds too few says that it holds some, and no more.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.columns import CURRENT, NO_TIME
from data.places import NOWHERE

if TYPE_CHECKING:
    from data.released import Released

WEEK_US = 7 * 86_400_000_000
MONDAY_US = 4 * 86_400_000_000
"""1970-01-05, the first Monday after the epoch: ISO 8601 weeks begin on Mondays."""
KEY = ("area", "week", "category", "agency", "source", "least")
DEEPEST = 2
"""Areas of cells are of this level or coarser."""


class Cells(NamedTuple):
    """One entry a cell that holds anything. `area` as in `Places` or NOWHERE; `week` its Monday, microseconds UTC, or NO_TIME;
    `category`, `agency`, `source` codes; `number` 0 where it holds fewer than `least`."""

    area: NDArray[np.int32]
    week: NDArray[np.int64]
    category: NDArray[np.int32]
    agency: NDArray[np.int32]
    source: NDArray[np.int32]
    least: NDArray[np.int64]
    number: NDArray[np.int64]

    def chosen(self, mask: NDArray[np.bool_]) -> Cells:
        return Cells._make(values[mask] for values in self)


def no_cells() -> Cells:
    whole, small = np.empty(0, np.int64), np.empty(0, np.int32)
    return Cells(small, whole, small, small, small, whole, whole)


@dataclass(frozen=True)
class _Read:
    """The rows so far, the cell of each, the cells by number, and at which revisions anything told of them changed."""

    length: int = 0
    newest: int = 0
    rows: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    cell: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    cells: Mapping[tuple[int, ...], int] = field(default_factory=dict)
    moves: Sequence[int] = ()


class Counted:
    """The count-only rows of one kind, for one release."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read = _Read()

    def catch_up(self, released: Released, kind: str, length: int, newest: int) -> None:
        """Take in the rows up to `length`; `newest` is the last revision that touched any of them."""
        with self._lock:
            before = self._read
            if length <= before.length and newest <= before.newest:
                return
            length = max(length, before.length)
            rows, cell, cells = before.rows, before.cell, dict(before.cells)
            fresh = released.counted_rows(kind, before.length, length)
            if len(fresh):
                keys = _keys(released, kind, fresh, length)
                which = [cells.setdefault(key, len(cells)) for key in keys]
                rows = np.concatenate((rows, fresh))
                cell = np.concatenate((cell, np.array(which, np.int64)))
            begin, end = (released.column(kind, name, length)[rows] for name in ("rev_from", "rev_to"))
            least = np.array([key[-1] for key in cells], np.int64)
            self._read = _Read(length, newest, rows, cell, cells, _moves(begin, end, cell, least))

    def moved(self, at: int) -> int:
        """The newest revision up to `at` at which a cell came to tell something else; 0 before the first."""
        moves = self._read.moves
        found = bisect_right(moves, at)
        return moves[found - 1] if found else 0

    def at(self, released: Released, kind: str, revision: int, length: int) -> Cells:
        """The cells as of a revision."""
        read = self._read
        if not len(read.rows):
            return no_cells()
        known = read.rows < length
        rows, cell = read.rows[known], read.cell[known]
        begin, end = (released.column(kind, name, length)[rows] for name in ("rev_from", "rev_to"))
        held = np.bincount(cell[(begin <= revision) & (end > revision)], minlength=len(read.cells))
        there = np.flatnonzero(held)
        keys = np.array(list(read.cells), np.int64).reshape(-1, len(KEY))[there]
        area, week, category, agency, source, least = keys.T
        number = np.where(held[there] >= least, held[there], 0)
        codes = (category.astype(np.int32), agency.astype(np.int32), source.astype(np.int32))
        return Cells(area.astype(np.int32), week, *codes, least, number)


def _keys(released: Released, kind: str, rows: NDArray[np.int64], length: int) -> list[tuple[int, ...]]:
    places = released.places
    area = released.column(kind, "area", length)[rows]
    if len(places.ancestors):
        area = places.capped(area, np.full(len(area), DEEPEST, np.int8))
    else:
        area = np.full(len(rows), NOWHERE, np.int32)
    time = released.column(kind, "time", length)[rows]
    told = time != NO_TIME
    week = np.where(told, (np.where(told, time, 0) - MONDAY_US) // WEEK_US * WEEK_US + MONDAY_US, NO_TIME)
    codes = [released.column(kind, name, length)[rows].tolist() for name in ("category", "agency", "source")]
    least = released.least(kind, rows, length).tolist()
    return list(zip(area.tolist(), week.tolist(), *codes, least, strict=True))


def _moves(
    begin: NDArray[np.int64], end: NDArray[np.int64], cell: NDArray[np.int64], least: NDArray[np.int64]
) -> Sequence[int]:
    """Revisions at which what a cell tells (nothing, some, or a number) became another."""
    shown = begin < end
    begin, end, cell = begin[shown], end[shown], cell[shown]
    ended = end != CURRENT
    revision = np.concatenate((begin, end[ended]))
    of_cell = np.concatenate((cell, cell[ended]))
    change = np.concatenate((np.ones(len(begin), np.int64), np.full(int(ended.sum()), -1)))
    if not len(revision):
        return ()
    order = np.lexsort((revision, of_cell))
    revision, of_cell, change = revision[order], of_cell[order], change[order]
    last = np.append((np.diff(of_cell) != 0) | (np.diff(revision) != 0), True)  # of each cell and revision
    running = np.cumsum(change)[last]
    revision, of_cell = revision[last], of_cell[last]
    first = np.append(True, np.diff(of_cell) != 0)
    # The changes of every cell before this one are in the running sum too.
    offset = np.concatenate(([0], running[:-1]))[first][np.cumsum(first) - 1]
    number = running - offset
    told = np.where(number >= least[of_cell], number, np.where(number > 0, -1, 0))
    before = np.where(first, 0, np.concatenate(([0], told[:-1])))
    found: list[int] = np.unique(revision[told != before]).tolist()
    return found
