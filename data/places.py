"""Administrative areas: which area a point is in, and where each record is.

Several vintages and countries may be loaded at once. Where areas overlap, the deepest level wins, then the area that held at
the record's own time, then the newest vintage. What a source states in codes and names is `data.gazetteer`'s to find.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray

from data.gazetteer import LEVELS as LEVELS
from data.gazetteer import NOWHERE as NOWHERE
from data.gazetteer import UNMARKED, Area, Gazetteer, Listed, Match
from data.geocodes import Warned, warned
from data.times import EVER, NO_TIME, micros_of, moment_of

Label = tuple[str | None, tuple[str, ...], tuple[str, ...], str]
"""What a source states of a place: P-code; names of adm1, adm2, adm3; geocodes (`name=value`); a description of areas."""


@dataclass(frozen=True)
class Places:
    """All areas, by index. Build with `build`."""

    areas: Sequence[Area] = ()
    ancestors: NDArray[np.int32] = field(default_factory=lambda: np.empty((0, LEVELS), np.int32))
    """Shape (n, 4): the area's own or enclosing area at adm0..adm3, or NOWHERE."""
    gazetteer: Gazetteer = field(default_factory=lambda: Gazetteer((), np.empty((0, LEVELS), np.int32), ()))
    _tree: shapely.STRtree = field(default_factory=lambda: shapely.STRtree([]))
    _rank: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    @cached_property
    def marks(self) -> frozenset[int]:
        """Mark codes of the boundaries these areas, and of the tables these codes, were loaded from."""
        marks = {area.mark for area in self.areas} | {row.mark for row in self.gazetteer.listed}
        return frozenset(marks - {UNMARKED})

    def assign(
        self, lon: NDArray[np.float64], lat: NDArray[np.float64], time: NDArray[np.int64] | None = None
    ) -> NDArray[np.int32]:
        """The deepest area each point is in. Degrees, shape (n,), NaN where there is no point; NOWHERE where there is none.

        Of several vintages of a level the one that held at `time` (microseconds UTC, NO_TIME: now), else the newest.
        """
        found = np.full(len(lon), NOWHERE, np.int32)
        at = np.flatnonzero(np.isfinite(lon) & np.isfinite(lat))
        if not len(at) or not self.areas:
            return found
        points, areas = self._tree.query(shapely.points(lon[at], lat[at]))
        geometries = self._tree.geometries
        inside = shapely.intersects_xy(geometries[areas], lon[at][points], lat[at][points])
        points, areas = points[inside], areas[inside]
        rank = self._rank[areas]
        if self._vintages:
            then = np.full(len(points), NO_TIME) if time is None else time[at][points]
            rank = rank + np.where(self._held(areas, then), len(self.areas), 0)
        order = np.argsort(rank, kind="stable")  # the best rank is written last and stays
        found[at[points[order]]] = areas[order]
        return found

    def _held(self, areas: NDArray[np.int32], time: NDArray[np.int64]) -> NDArray[np.bool_]:
        since, until = self._span
        then = np.where(time == NO_TIME, EVER - 1, time)
        return np.asarray((since[areas] <= then) & (then < until[areas]))

    @cached_property
    def _span(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        since = [NO_TIME if area.vintage is None else micros_of(area.vintage) for area in self.areas]
        until = [EVER if area.valid_to is None else micros_of(area.valid_to) for area in self.areas]
        return np.array(since, np.int64), np.array(until, np.int64)

    @cached_property
    def _vintages(self) -> bool:
        """Whether any level is loaded in more than one, so that times matter."""
        return len({(area.level, area.vintage, area.valid_to) for area in self.areas}) > len(
            {area.level for area in self.areas}
        )

    def match(self, pcode: str | None, names: Sequence[str], at: datetime | None = None) -> Match:
        """The area a source means by a P-code and names of adm1, adm2, adm3 ("" where it skipped one)."""
        return self.gazetteer.match(pcode, names, at)

    def stated(self, label: Label, at: datetime | None = None) -> Match:
        """The area a source means by all it states."""
        if label[2] or label[3]:
            of_warning = self.warned(label, at)
            if of_warning.areas or not label[0]:
                return of_warning.match
        return self.match(label[0], label[1], at)

    def warned(self, label: Label, at: datetime | None = None) -> Warned:
        """The areas that geocodes, else a description of areas, mean: what a warning without a shape is for."""
        return warned(self.gazetteer, self.areas, self.ancestors, label[2], label[3], at)

    def within(self, pcode: str) -> NDArray[np.bool_] | None:
        """Which areas are, or lie in, the one with this P-code: boolean, shape (n,); None where the code is not known."""
        index = self.gazetteer.code(pcode)
        if index == NOWHERE:
            return None
        twins = [i for i, area in enumerate(self.areas) if area.pcode == self.areas[index].pcode]
        return np.asarray(np.isin(self.ancestors, twins).any(axis=1))

    def capped(self, areas: NDArray[np.int32], level: NDArray[np.int8]) -> NDArray[np.int32]:
        """The enclosing area no deeper than `level`: a report known to its adm1 only must not claim an adm3."""
        if not self.areas:
            return areas
        chain = self.ancestors[areas]
        depth = np.arange(LEVELS)
        chain = np.where((depth[None, :] <= level[:, None]) & (areas[:, None] != NOWHERE), chain, NOWHERE)
        deepest = LEVELS - 1 - np.argmax(chain[:, ::-1] != NOWHERE, axis=1)
        return np.asarray(chain[np.arange(len(areas)), deepest], np.int32)


def placed(
    places: Places,
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    cap: NDArray[np.int8],
    stated: NDArray[np.int32],
    labels: Sequence[Label],
    time: NDArray[np.int64],
) -> NDArray[np.int32]:
    """Where each record is, shape (n,): by its point, else by what its source stated, no deeper than `cap`.

    `stated` indexes `labels`; `time` is the record's own, microseconds UTC or NO_TIME.
    """
    if not places.areas:
        return np.full(len(lon), NOWHERE, np.int32)
    areas = places.assign(lon, lat, time)
    unplaced = np.flatnonzero(areas == NOWHERE)
    cuts = places.gazetteer.cuts
    edges = np.array([micros_of(cut) for cut in cuts], np.int64)
    then = np.where(time[unplaced] == NO_TIME, -1, np.searchsorted(edges, time[unplaced], side="right"))
    asked, which = np.unique(np.column_stack((stated[unplaced], then)), axis=0, return_inverse=True)
    # Between two cuts every moment gets the same answer, so one is asked for all.
    moments = {-1: None, 0: moment_of(int(edges[0]) - 1) if cuts else datetime.min.replace(tzinfo=UTC)}
    moments.update(enumerate(cuts, start=1))
    known = np.array([places.stated(labels[code], moments[epoch]).area for code, epoch in asked.tolist()], np.int32)
    areas[unplaced] = known[which.ravel()]
    return places.capped(areas, cap)


def build(areas: Sequence[Area], listed: Sequence[Listed] = ()) -> Places:
    """Places of these areas (adm0 to adm3) and tables of P-codes; parents by the stated code, else by where an area lies."""
    areas = sorted(
        [*areas, *_named_only(areas)],
        key=lambda area: (area.level, area.pcode, area.vintage.timestamp() if area.vintage else 0.0),
    )
    of_pcode = {area.pcode.upper(): index for index, area in enumerate(areas) if area.pcode}
    geometries = np.array([area.geometry for area in areas], dtype=object)
    shapely.prepare(geometries)
    tree = shapely.STRtree(geometries)
    newness = {moment: rank for rank, moment in enumerate(sorted({_stamp(area) for area in areas}))}
    # Level first, then (added where times are asked for) whether it held, then the newest vintage.
    rank = np.array([area.level * 2 * (len(areas) + 1) + newness[_stamp(area)] for area in areas], np.int64)
    ancestors = np.full((len(areas), LEVELS), NOWHERE, np.int32)
    for index, area in enumerate(areas):  # parents stand before children: sorted by level
        ancestors[index, area.level] = index
        parent = of_pcode.get(area.parent_pcode.upper(), NOWHERE) if area.parent_pcode else NOWHERE
        if parent == NOWHERE and area.level:
            parent = _enclosing(area, areas, tree, rank)
        if parent != NOWHERE:
            ancestors[index, : area.level] = ancestors[parent, : area.level]
    return Places(areas, ancestors, Gazetteer(areas, ancestors, listed), tree, rank)


def _named_only(areas: Sequence[Area]) -> list[Area]:
    """Parents that are stated by code but not loaded (often the country): areas without a shape, so that codes are whole."""
    loaded = {area.pcode.upper() for area in areas}
    stated = {area.parent_pcode: area.level - 1 for area in areas if area.parent_pcode and area.level}
    return [
        Area(pcode, pcode, level, "", None, shapely.Polygon())
        for pcode, level in stated.items()
        if pcode.upper() not in loaded
    ]


def _stamp(area: Area) -> float:
    return area.vintage.timestamp() if area.vintage else 0.0


def _enclosing(area: Area, areas: Sequence[Area], tree: shapely.STRtree, rank: NDArray[np.int64]) -> int:
    """The deepest area of a higher level that this one lies in."""
    around = tree.query(area.geometry.representative_point(), predicate="intersects")
    above = [int(index) for index in around if areas[index].level < area.level]
    return max(above, key=lambda index: int(rank[index]), default=NOWHERE)
