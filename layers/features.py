"""What a layer finds to draw for one viewer: points or shapes, with the records behind them.

Both are plain arrays: feature i comes from row `rows[i]` of `kind`. Anything that is text is asked for late, by `properties`,
for the few features that a tile shows one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.columns import NO_TIME, NO_XY
from data.filters import Filters
from data.records import Severity
from data.seen import Item, Rows, Seen, public_id
from data.speeds import SPEEDS, Speed
from layers.mvt import POLYGON, Property

Describe = Callable[[Rows], Sequence[dict[str, Property]]]
"""Positions 0..n-1 of features -> the properties of each, drawn alone."""
SEVERITIES = tuple(severity.name for severity in Severity)
SEVERITY_COUNTS = tuple(f"s{int(severity)}" for severity in Severity)
FADE_OVER = timedelta(days=365)
"""Over how long symbols fade where the view has no window."""


@dataclass(frozen=True)
class View:
    """What a view asks for beside its filters."""

    lang: str = "en"
    metric: str = ""
    """The figure of the choropleth."""
    item: str = ""
    """The item of the supply layer; empty for the worst one of each site."""
    goal: str = ""
    """What travel times lead to (`data.analysis.facilities.PURPOSES`)."""
    closed: tuple[str, ...] = ()
    """Public ids of the routes whose closure is tried."""
    speeds: Mapping[str, Speed] = field(default_factory=lambda: SPEEDS)
    """km/h by class of road, quick and slow."""


PLAIN_VIEW = View()


@dataclass(frozen=True)
class Points:
    """Point features. Shapes (n,): `x`, `y` int32 in `WORLD` units (NO_XY: no place, counted but not drawn), `of_class` an
    index into `classes`. `counts` names the properties by which an aggregate says how many of each class it holds."""

    kind: str
    rows: Rows
    x: NDArray[np.int32]
    y: NDArray[np.int32]
    classes: tuple[str, ...]
    of_class: NDArray[np.int8]
    counts: tuple[str, ...]
    properties: Describe
    labels: tuple[str, ...] = ()
    """What the legend says for each class, where the message catalogue does not know it by its key."""
    from_zoom: NDArray[np.int8] | None = None
    notes: tuple[str, ...] = ()
    """Sentences about this selection, for the limits."""
    title: str = ""
    as_of_us: int | None = None
    evidence: tuple[str, Rows] | None = None
    """Kind and rows of the records that were put together into it, where those are not the layer's own kinds."""
    choices: tuple[tuple[str, str], ...] = ()
    """What the layer's parameter may be: value and name."""
    choice: str = ""

    @property
    def unplaced(self) -> int:
        return int(np.count_nonzero(self.x == NO_XY))


@dataclass(frozen=True)
class Shapes:
    """Line or polygon features (`type`). `coverage` (n,) numbers the sets whose members share edges (NO_COVERAGE: none)."""

    kind: str
    rows: Rows
    type: int
    classes: tuple[str, ...]
    of_class: NDArray[np.int8]
    properties: Describe
    coverage: NDArray[np.int8] = field(default_factory=lambda: np.empty(0, np.int8))
    labels: tuple[str, ...] = ()
    from_zoom: NDArray[np.int8] | None = None
    notes: tuple[str, ...] = ()
    title: str = ""
    as_of_us: int | None = None
    evidence: tuple[str, Rows] | None = None
    choices: tuple[tuple[str, str], ...] = ()
    choice: str = ""

    @property
    def unplaced(self) -> int:
        return 0


Features = Points | Shapes


def severity_points(seen: Seen, kind: str, rows: Rows, filters: Filters) -> Points:
    """Records at their points, counted by severity."""
    return Points(
        kind=kind,
        rows=rows,
        x=taken(seen.column(kind, "x"), rows),
        y=taken(seen.column(kind, "y"), rows),
        classes=SEVERITIES,
        of_class=taken(seen.column(kind, "severity"), rows),
        counts=SEVERITY_COUNTS,
        properties=lambda at: _events(seen, kind, rows[at], filters),
    )


def severity_areas(seen: Seen, kind: str, rows: Rows, filters: Filters) -> Shapes:
    """Records that cover an area, by severity."""
    return Shapes(
        kind=kind,
        rows=rows,
        type=POLYGON,
        classes=SEVERITIES,
        of_class=taken(seen.column(kind, "severity"), rows),
        properties=lambda at: _events(seen, kind, rows[at], filters),
    )


def status_points(seen: Seen, kind: str, rows: Rows, column: str, classes: tuple[str, ...]) -> Points:
    """Records at their points, counted by the status in one of their coded columns; what is not a class is the last one."""
    of_class = class_of(seen, kind, rows, column, classes)

    def describe(at: Rows) -> list[dict[str, Property]]:
        titles, title = seen.labels(kind, "title"), seen.column(kind, "title")
        categories, category = seen.labels(kind, "category"), seen.column(kind, "category")
        ids = seen.column(kind, "id")
        return [
            {
                "id": public_id(int(ids[row])),
                "title": titles[title[row]] or categories[category[row]],
                "status": classes[of_class[index]],
            }
            for index, row in zip(at.tolist(), rows[at].tolist(), strict=True)
        ]

    return Points(
        kind=kind,
        rows=rows,
        x=taken(seen.column(kind, "x"), rows),
        y=taken(seen.column(kind, "y"), rows),
        classes=classes,
        of_class=of_class,
        counts=tuple(f"c_{name}" for name in classes),
        properties=describe,
    )


def class_of(seen: Seen, kind: str, rows: Rows, column: str, classes: tuple[str, ...]) -> NDArray[np.int8]:
    """Index into `classes` of each row's text in a coded column; what is not among them is the last one."""
    table = [classes.index(label) if label in classes else len(classes) - 1 for label in seen.labels(kind, column)]
    return np.asarray(np.array(table, np.int8)[seen.column(kind, column)[rows]], np.int8)


def with_shape(seen: Seen, kind: str, rows: Rows) -> NDArray[np.bool_]:
    """Which rows are more than a point."""
    return seen.has_shape(kind, rows)


def in_force(seen: Seen, rows: Rows) -> Rows:
    """Of these alerts those that have not expired; one that names no end holds until it is taken back."""
    expires = seen.column("alert", "expires")[rows]
    return np.asarray(rows[(expires == NO_TIME) | (expires > micros(seen.now))])


def taken(column: NDArray[Any], rows: Rows) -> NDArray[Any]:
    """`column[rows]`, without copying where that is the whole column."""
    return np.asarray(column if len(rows) == len(column) else column[rows])


def title_of(item: Item) -> str:
    record = item.record
    return record.title or record.place or record.category or record.source_ref


def seconds(time_us: int) -> int | None:
    """Epoch seconds of a time column's value, or None where it says nothing."""
    return None if time_us == NO_TIME else time_us // 1_000_000


def micros(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def fades(seen: Seen, filters: Filters, times: NDArray[np.int64]) -> list[float]:
    """1 for the newest down to 0 for what is as old as the window is long, in steps of a twentieth; 0 without a time."""
    since, until = filters.span(seen.now)
    end = micros(until or seen.now)
    span = end - micros(since) if since else FADE_OVER // timedelta(microseconds=1)
    told = times != NO_TIME
    age = (end - np.where(told, times, end)) / max(span, 1)
    return [float(value) for value in np.round(np.where(told, np.clip(1 - age, 0, 1), 0) * 20) / 20]


def _events(seen: Seen, kind: str, rows: Rows, filters: Filters) -> list[dict[str, Property]]:
    times = seen.column(kind, "time")[rows]
    found = []
    for item, time, fade in zip(seen.items(kind, rows), times.tolist(), fades(seen, filters, times), strict=True):
        properties: dict[str, Property] = {
            "id": public_id(item.id),
            "severity": int(item.record.severity),
            "title": title_of(item),
            "category": item.record.category,
            "fade": fade,
        }
        if (at := seconds(time)) is not None:
            properties["t"] = at
        found.append(properties)
    return found
