"""Incidents that a person judged to be one event: which of what a viewer may see are, and each such event counted once.

A link counts for whoever may see it and both its ends; for everybody else there is none, so their totals are what they were. No
record is changed by a link: every agency's report and figures stay as they were reported.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from data.seen import Rows, Seen

KIND = "incident"
VERDICTS = ("linked", "refused", "open")
KEPT = 32
ENDS = ("one", "other")


@dataclass(frozen=True)
class Pair:
    """Two incidents that were judged, by their rows in the picture. `row` is that of the judgement."""

    row: int
    one: int
    other: int
    verdict: str


@dataclass(frozen=True)
class Events:
    """`rows` are the incidents that are linked to another, ascending; `event` tells which of them are the same."""

    pairs: Sequence[Pair]
    rows: NDArray[np.int64]
    event: NDArray[np.int64]

    def same(self, row: int) -> list[int]:
        """The rows of the reports of one event, this one among them; it alone where it is linked to none."""
        at = np.flatnonzero(self.rows == row)
        return self.rows[self.event == self.event[at[0]]].tolist() if len(at) else [row]


_NONE = Events((), np.empty(0, np.int64), np.empty(0, np.int64))
_lock = threading.Lock()
_known: OrderedDict[tuple[int, int, bool], Events] = OrderedDict()
"""By release, revision and whether the past was asked for: whoever sees the same gets the same."""


def events(seen: Seen) -> Events:
    """What of the viewer's incidents is judged to be the same, at the revision at hand."""
    if not len(seen.rows("link")):
        return _NONE
    key = (seen.released.number, seen.at, seen.past)
    with _lock:
        found = _known.get(key)
    if found is None:
        found = _events(seen)
        with _lock:
            _known[key] = found
            while len(_known) > KEPT:
                _known.popitem(last=False)
    return found


def once(seen: Seen, kind: str, rows: Rows) -> Rows:
    """The rows, of each linked event only the first: what is counted. Order stays."""
    if kind != KIND or not len(rows):
        return rows
    found = events(seen)
    if not len(found.rows):
        return rows
    event = np.full(seen.lengths[kind], -1, np.int64)
    event[found.rows] = found.event
    of = event[rows]
    linked = np.flatnonzero(of >= 0)
    keep = np.ones(len(rows), np.bool_)
    keep[linked] = False
    keep[linked[np.unique(of[linked], return_index=True)[1]]] = True
    return np.asarray(rows[keep])


def _events(seen: Seen) -> Events:
    pairs = _pairs(seen)
    ends = np.array([(pair.one, pair.other) for pair in pairs if pair.verdict == "linked"], np.int64).reshape(-1, 2)
    rows, at = np.unique(ends, return_inverse=True)
    if not len(rows):
        return Events(pairs, _NONE.rows, _NONE.event)
    at = at.reshape(-1, 2)
    graph = coo_array((np.ones(len(at), np.int8), (at[:, 0], at[:, 1])), shape=(len(rows), len(rows)))
    return Events(pairs, rows, connected_components(graph, directed=False)[1].astype(np.int64))


def _pairs(seen: Seen) -> list[Pair]:
    links = seen.rows("link")
    ends = {name: [seen.labels("link", name)[code] for code in seen.column("link", name)[links]] for name in ENDS}
    verdicts = [seen.labels("link", "category")[code] for code in seen.column("link", "category")[links]]
    row_of = seen.rows_of(KIND, [*ends["one"], *ends["other"]])
    return [
        Pair(row, row_of[one], row_of[other], verdict)
        for row, one, other, verdict in zip(links.tolist(), ends["one"], ends["other"], verdicts, strict=True)
        if one in row_of and other in row_of and one != other
    ]
