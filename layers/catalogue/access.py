"""Roads by how far care, a hospital or a hub is from them, with closures as reported and as tried."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from data.analysis.facilities import PURPOSES, listed
from data.analysis.reachable import ground, reachable, rows_of_ids
from data.analysis.roads import BANDS_MIN
from data.filters import Filters
from data.seen import Rows, Seen, public_id
from layers.features import Features, Shapes, View
from layers.layer import Entry, Layer
from layers.mvt import LINE, Property
from layers.shapes import remembered
from layers.words import say

BANDS = ("b30", "b60", "b120", "b240", "b480", "far")
"""Ends in minutes, then beyond the last."""
CLASSES = (*BANDS, "none", "closed", "tried")
NONE, CLOSED, TRIED = (CLASSES.index(name) for name in ("none", "closed", "tried"))


def features(seen: Seen, filters: Filters, view: View) -> Shapes:
    to = view.goal if view.goal in PURPOSES else next(iter(PURPOSES))
    routes, goal = seen.rows("route"), listed(seen, to)
    tried = rows_of_ids(seen, view.closed)
    key = ("access", to, tried.tobytes(), tuple(view.speeds.items()), seen.alike("site"))
    made = ("access", *key, seen.column("site", "seq")[goal.rows].tobytes())
    rows, of_class = remembered(seen, "route", routes, made, lambda: _classes(seen, to, tried, view))
    titles = seen.labels("route", "title")

    def describe(at: Rows) -> list[dict[str, Property]]:
        return [
            {
                "id": public_id(int(seen.column("route", "id")[row])),
                "title": titles[seen.column("route", "title")[row]],
                "status": CLASSES[of_class[index]],
            }
            for index, row in zip(at.tolist(), rows[at].tolist(), strict=True)
        ]

    return Shapes(
        "route",
        rows,
        LINE,
        CLASSES,
        of_class,
        describe,
        notes=_notes(goal.assumed, goal.silent, view.lang),
        title=say(view.lang, "Travel time to: {goal}", goal=say(view.lang, f"goal.{to}")),
        evidence=("route", rows),
        choices=tuple((name, say(view.lang, f"goal.{name}")) for name in PURPOSES),
        choice=to,
    )


def _classes(seen: Seen, to: str, tried: Rows, view: View) -> tuple[Rows, NDArray[np.int8]]:
    """Each road's row and class: the slow time from its middle piece; closed where more than half of it is."""
    found = reachable(seen, to, tried, view.speeds, ground(seen, people=False))
    where = found.ground
    network, way = where.network, found.after[1].minutes
    rows = np.unique(where.rows)
    of_row = np.searchsorted(rows, where.rows)[network.road]
    middle = np.fmin(way[network.a], way[network.b]) if len(network.a) else np.empty(0)
    of_class = np.full(len(rows), NONE, np.int8)
    for number in range(len(rows)):
        mine = of_row == number
        if not mine.any():
            continue
        if found.shut[mine].mean() > 0.5:
            of_class[number] = TRIED
        elif where.closed[mine].mean() > 0.5:
            of_class[number] = CLOSED
        else:
            minutes = float(np.median(middle[mine]))
            of_class[number] = np.searchsorted(BANDS_MIN, minutes, "right") if np.isfinite(minutes) else NONE
    return rows, of_class


def legend(seen: Seen, found: Features, view: View) -> list[Entry]:
    """Bands with the number of roads of each; those of closures only where there are any."""
    counts = np.bincount(found.of_class, minlength=len(CLASSES)).tolist()
    ends = (0, *BANDS_MIN)
    labels = [say(view.lang, f"band.{low}-{high}") for low, high in pairwise(ends)]
    labels += [say(view.lang, f"band.{name}") for name in CLASSES[len(BANDS) - 1 :]]
    told = zip(labels, CLASSES, counts, strict=True)
    return [Entry(label, key, count) for label, key, count in told if count or key in BANDS]


def _notes(assumed: bool, silent: int, lang: str) -> tuple[str, ...]:
    if assumed:
        return (say(lang, "No list tells whether these sites work; they are taken as open."),)
    left = "{n} sites on lists that never tell whether one works are left out."
    return (say(lang, left, n=silent),) if silent else ()


LAYER = Layer(
    id="access",
    title="Travel time",
    kinds=("route", "site"),
    draw="ways",
    group="Supply and services",
    features=features,
    legend=legend,
    order=40,
    heeds=(),
    parameter="goal",
    on=False,
    limits="The slow time by road from each road's middle to the nearest site that is open at least partly; a band, never "
    "minutes. Rain, checkpoints, convoys and walking to the road are not in it; a road of unknown status is taken as passable.",
)
