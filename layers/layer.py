"""A map layer: a frozen value built from plain functions, one file each in `layers/catalogue`, ending in LAYER = Layer(...).

A layer says what it finds for a viewer (`features`); the frame cuts tiles, counts the legend, and tells sources and age from
the very rows that are drawn.
"""

from __future__ import annotations

import importlib
import pkgutil
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, Protocol

import numpy as np

from data.columns import NO_TIME
from data.filters import Filters
from data.seen import Rows, Seen
from layers import catalogue
from layers.features import PLAIN_VIEW, Features, View, micros, taken
from layers.words import say

Draw = Literal["cells", "symbols", "status", "areas", "choropleth", "boundaries", "labels", "lines", "ways", "pictures"]
"""The marks the browser knows (assets/marks.mjs); how each one looks is said there."""
MAXZOOM = 14
"""Tiles end here; the browser goes on with the last ones."""
WHERE = ("area", "polygon", "circle")
EVERY_FILTER = (
    *("since", "until", "window", *WHERE, "category", "severity", "agency", "source", "text"),
    *("actor", "grade"),
)
BY_ORIGIN = ("area", "agency", "source")
STATES = ("failed", "stale", "late", "never", "fresh")
"""Worst first."""


@dataclass(frozen=True)
class Entry:
    """One line of a legend; `key` is what the features carry, `count` None where counting says nothing."""

    label: str
    key: str
    count: int | None
    about: Mapping[str, Any] | None = None
    """Of an entry that is a thing of its own (a picture): what the browser needs to show it."""


Legend = Callable[[Seen, Features, View], list[Entry]]


class SourceState(Protocol):
    """What is known of a source's health."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def ailing_since(self) -> datetime | None: ...


def by_class(seen: Seen, found: Features, view: View) -> list[Entry]:
    """The classes in their order, "unknown" last, with how many features are of each."""
    counts = np.bincount(found.of_class, minlength=len(found.classes)).tolist()
    labels = found.labels or tuple(say(view.lang, name) for name in found.classes)
    entries = [Entry(label, key, count) for label, key, count in zip(labels, found.classes, counts, strict=True)]
    return sorted(entries, key=lambda entry: entry.key == "unknown")


def no_legend(seen: Seen, found: Features, view: View) -> list[Entry]:
    return []


@dataclass(frozen=True)
class Layer:
    """`kinds` are the kinds of record it shows, the one whose rows it draws first. `limits` says what it cannot tell."""

    id: str
    title: str
    kinds: tuple[str, ...]
    draw: Draw
    group: str
    features: Callable[[Seen, Filters, View], Features]
    limits: str
    heeds: tuple[str, ...] = EVERY_FILTER
    """The filters of a view that mean something here; the others are somebody else's."""
    legend: Legend = by_class
    on: bool = True
    minzoom: int = 0
    maxzoom: int = MAXZOOM
    parameter: str = ""
    """The word of the address by which a view chooses what the layer shows: `metric`, `item` or `goal`."""
    cells: int = 14
    """Into how many cells a side of a tile is parted, for points that crowd: 14 are 37 px each, and as the browser shows a
    tile at up to twice its size, 52 px in the middle. 0: points never join."""
    order: int = 50
    """Place in its group, lower first."""


@cache
def all_layers() -> Mapping[str, Layer]:
    """Id -> layer, by group and title in the order they are listed: every file in `layers/catalogue` is one."""
    modules = pkgutil.iter_modules(catalogue.__path__)
    layers = [importlib.import_module(f"{catalogue.__name__}.{module.name}").LAYER for module in modules]
    return MappingProxyType({layer.id: layer for layer in sorted(layers, key=_listed)})


GROUPS = ("Events", "Units", "Supply and services", "Figures", "Map")


def _listed(layer: Layer) -> tuple[int, int, str]:
    return GROUPS.index(layer.group), layer.order, layer.id


def select(seen: Seen, layer: Layer, filters: Filters, view: View = PLAIN_VIEW) -> Features:
    """What a layer draws for this viewer, with the filters that mean something to it. Raises `BadFilter`."""
    given = {name: getattr(filters, name) for name in layer.heeds}
    return layer.features(seen, Filters(as_known_at=filters.as_known_at, **given), view)


def layer_list(
    seen: Seen,
    filters: Filters,
    states: Iterable[SourceState] = (),
    view: View = PLAIN_VIEW,
) -> list[dict[str, Any]]:
    """Every layer as the page lists it: count, age, state of its sources, limits and legend. Raises `BadFilter`."""
    known = {state.name: state for state in states}
    return [_told(seen, layer, select(seen, layer, filters, view), view, known) for layer in all_layers().values()]


def _told(seen: Seen, layer: Layer, found: Features, view: View, states: Mapping[str, SourceState]) -> dict[str, Any]:
    evidence = [found.evidence] if found.evidence else [(kind, seen.rows(kind)) for kind in layer.kinds]
    names = _sources(seen, evidence)
    as_of = found.as_of_us if found.as_of_us is not None else _newest(seen, evidence[0][0])
    limits = [say(view.lang, layer.limits), *found.notes]
    if found.unplaced:
        limits.append(say(view.lang, "{n} have no place and are not on the map.", n=found.unplaced))
    return {
        "id": layer.id,
        "title": found.title or say(view.lang, layer.title),
        "draw": layer.draw,
        "kind": ",".join(layer.kinds),
        "group": say(view.lang, layer.group),
        "on": layer.on,
        "minzoom": layer.minzoom,
        "maxzoom": layer.maxzoom,
        "count": len(found.rows),
        "unplaced": found.unplaced,
        "as_of": None if as_of is None else _rfc3339(as_of),
        "age_s": None if as_of is None else max(0, (micros(seen.now) - as_of) // 1_000_000),
        "state": _state([states[name].state for name in names if name in states], bool(names)),
        "stopped_since": _stopped_since([states[name] for name in names if name in states]),
        "sources": [states[name].title or name if name in states else name for name in names],
        "limits": " ".join(limits),
        "parameter": layer.parameter,
        "choice": found.choice,
        "choices": [{"key": key, "label": label} for key, label in found.choices],
        "legend": [_entry(each) for each in layer.legend(seen, found, view)],
    }


def _entry(entry: Entry) -> dict[str, Any]:
    told: dict[str, Any] = {"label": entry.label, "key": entry.key, "count": entry.count}
    return told if entry.about is None else {**told, "about": entry.about}


def _sources(seen: Seen, evidence: Iterable[tuple[str, Rows]]) -> list[str]:
    """Names of the sources of these rows, most records first."""
    totals = np.zeros(len(seen.sources.labels), np.int64)
    for kind, rows in evidence:
        codes = taken(seen.column(kind, "source"), rows)
        totals += np.bincount(codes, minlength=len(totals))[: len(totals)]
    told = zip((-totals).tolist(), seen.sources.labels, strict=False)  # a source may have been heard of meanwhile
    return [name for count, name in sorted(told) if count]


def _newest(seen: Seen, kind: str) -> int | None:
    """The newest event time up to now among all records of a kind; where none says a time, when the last one came."""
    rows = seen.rows(kind)
    if not len(rows):
        return None
    times = taken(seen.column(kind, "time"), rows)
    newest = int(times.max())
    if newest > micros(seen.now):
        newest = int(np.where(times > micros(seen.now), NO_TIME, times).max())
    return newest if newest != NO_TIME else _received(seen, kind, rows)


def _received(seen: Seen, kind: str, rows: Rows) -> int:
    """When the newest of these rows was received, microseconds UTC."""
    revision = int(seen.column(kind, "rev_from")[rows].max())
    return seen.commits[bisect_left(seen.commits, revision, key=lambda commit: commit.revision)].received_us


def _state(states: Sequence[str], heard: bool) -> str:
    return next((state for state in STATES if state in states), "fresh" if heard else "never")


def _stopped_since(states: Sequence[SourceState]) -> str | None:
    """Since when the last of a layer's sources is silent; None while one of them is heard: what is calm may be calm."""
    if not states or any(state.state not in ("stale", "failed") for state in states):
        return None
    return max(
        (state.ailing_since.isoformat().replace("+00:00", "Z") for state in states if state.ailing_since), default=""
    )


def _rfc3339(time_us: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_us)
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")
