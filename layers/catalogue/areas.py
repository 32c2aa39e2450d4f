"""Areas shaded by a figure: any indicator, or incidents in the window, by the level most of them are told of."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from data.analysis.figures import INCIDENTS, RATE, Figure, Value, figure, metrics
from data.filters import Filters
from data.seen import Rows, Seen
from layers.areas import Named, named, on_map
from layers.features import Shapes, View
from layers.layer import Layer
from layers.mvt import POLYGON, Property
from layers.words import number, say

FIRST = ("people_in_need", RATE, "population")
"""What is shown where nobody chose, if it is there."""
SHADES = 5
COUNTED = 1_000
"""Below this whole numbers are told one by one, above it by round limits."""
UNKNOWN, NOT_REPORTED, FEWER = -1, -2, -3
"""Beside the shades: without any figure; silent; fewer than may be told."""


COMBINED = {
    "sum": "Figures of places within an area are added; a place without one is missing from the sum.",
    "mean": "Figures of places within an area are averaged without weights.",
    "highest": "The highest of the sectors stands for an area, since the same people are in several.",
}


def features(seen: Seen, filters: Filters, view: View) -> Shapes:
    known = metrics(seen)
    metric = view.metric if view.metric in known else next((name for name in FIRST if name in known), INCIDENTS)
    found = figure(seen, filters, metric)
    rows = on_map(seen)
    rows = rows[seen.column("boundary", "level")[rows] == found.level]
    areas = named(seen, rows)
    told = [found.values.get(area.pcode) for area in areas]
    value = np.array([np.nan if one is None or one.value is None else one.value for one in told], np.float64)
    edges = breaks(value[~np.isnan(value)])
    shade = np.round(np.linspace(0, SHADES - 1, len(edges) + 1)).astype(np.int64)
    unsaid = np.array([_unsaid(one) for one in told], np.int64)
    least = max((one.fewer_than or 0 for one in told if one is not None), default=0)
    cls = np.where(np.isnan(value), unsaid, shade[np.searchsorted(edges, value, "right")])

    def describe(at: Rows) -> list[dict[str, Property]]:
        return [_area(areas[index], told[index], int(cls[index])) for index in at.tolist()]

    few = [(FEWER, say(view.lang, "fewer than {n}", n=least))] if least else []
    keys = [*shade.tolist(), *(key for key, _ in few), UNKNOWN, NOT_REPORTED]
    return Shapes(
        kind="boundary",
        rows=rows,
        type=POLYGON,
        classes=tuple(str(key) for key in keys),
        of_class=np.array([keys.index(one) for one in cls.tolist()], np.int8),
        labels=(
            *_ranges(edges, value, view.lang),
            *(label for _, label in few),
            say(view.lang, "unknown"),
            say(view.lang, "not reported"),
        ),
        properties=describe,
        coverage=np.zeros(len(rows), np.int8),
        notes=_notes(found, view.lang),
        title=say(view.lang, "{figure}, by adm{level}", figure=title(metric, view.lang), level=found.level),
        as_of_us=found.newest_us,
        evidence=(found.kind, found.rows),
        choices=tuple((name, title(name, view.lang)) for name in known),
        choice=metric,
    )


def title(metric: str, lang: str) -> str:
    """A figure's name: from the message catalogue, else its code in words."""
    words = metric if " " in metric else metric.replace("_", " ")
    return say(lang, words[:1].upper() + words[1:])


def breaks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where one class ends and the next begins: quintiles rounded to two digits, each class with some area in it."""
    if not len(values):
        return np.empty(0)
    wanted = np.quantile(values, np.arange(1, SHADES) / SHADES)
    size = 10.0 ** np.floor(np.log10(np.maximum(np.abs(wanted), 1e-9)) - 1)
    edges = np.unique(np.round(wanted / size) * size)
    edges = edges[(edges > values.min()) & (edges <= values.max())]
    filled = np.bincount(np.searchsorted(edges, values, "right"), minlength=len(edges) + 1) > 0
    return np.asarray(edges[filled[1:]])


def _ranges(edges: NDArray[np.float64], value: NDArray[np.float64], lang: str) -> list[str]:
    if np.isnan(value).all():
        return [""]
    known = value[~np.isnan(value)]
    ends = [float(known.min()), *edges.tolist(), float(known.max())]
    spans = list(pairwise(ends))
    if known.max() < COUNTED and np.array_equal(known, np.round(known)):  # few, and whole: no number is in two classes
        spans = [(np.ceil(low), np.ceil(high) - 1) for low, high in spans[:-1]] + [
            (np.ceil(spans[-1][0]), spans[-1][1])
        ]
    return [number(low, lang) if low == high else f"{number(low, lang)} – {number(high, lang)}" for low, high in spans]


def _unsaid(told: Value | None) -> int:
    if told is None:
        return UNKNOWN
    return FEWER if told.fewer_than else NOT_REPORTED


def _area(area: Named, told: Value | None, cls: int) -> dict[str, Property]:
    found: dict[str, Property] = {"pcode": area.pcode, "name": area.name, "cls": cls}
    if told is not None and told.value is not None:
        found["value"] = told.value
    if told is not None and told.fewer_than:
        found["fewer_than"] = told.fewer_than
    return found


def _notes(found: Figure, lang: str) -> tuple[str, ...]:
    notes = [say(lang, COMBINED[found.combined])]
    if found.oldest_us is not None and found.newest_us is not None:
        days = [f"{datetime.fromtimestamp(us / 1e6, UTC):%Y-%m-%d}" for us in (found.oldest_us, found.newest_us)]
        notes.append(say(lang, "Figures of {oldest} to {newest}.", oldest=days[0], newest=days[1]))
    if found.population_us is not None:
        day = f"{datetime.fromtimestamp(found.population_us / 1e6, UTC):%Y-%m-%d}"
        notes.append(say(lang, "Population as of {day} or later.", day=day))
    if found.unmatched:
        notes.append(say(lang, "{n} figures are of places that match no boundary and are left out.", n=found.unmatched))
    if partly := sum(told.fewer_than is not None and told.value is not None for told in found.values.values()):
        notes.append(say(lang, "In {n} areas there are more, too few to be told.", n=partly))
    return tuple(notes)


LAYER = Layer(
    id="areas",
    title="Figures by area",
    kinds=("indicator", "incident", "boundary"),
    draw="choropleth",
    group="Figures",
    features=features,
    parameter="metric",
    limits="The latest period of each area, so periods may differ; classes hold equally many areas. "
    "Unknown is not zero, and neither is an area that did not report.",
)
