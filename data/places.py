"""Administrative areas and their P-codes: which area a point is in, and which area a stated name or code means.

Several vintages and countries may be loaded at once. Where areas overlap, the deepest level wins, then the newest vintage.
P-codes of different vintages need not agree (population tables are often older than boundaries), so a code that is not
known is matched by name within its parent.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

LEVELS = 4
NOWHERE = -1
UNMARKED = -1
"""Known by its code alone, because a loaded area names it as its parent."""


@dataclass(frozen=True)
class Area:
    """One administrative area as loaded; `geometry` in EPSG:4326."""

    pcode: str
    name: str
    level: int
    parent_pcode: str
    vintage: datetime | None
    geometry: BaseGeometry
    name_local: str = ""
    mark: int = UNMARKED
    """Mark code of the boundary it was loaded from."""


@dataclass(frozen=True)
class Places:
    """All areas, by index. Build with `build`."""

    areas: Sequence[Area] = ()
    ancestors: NDArray[np.int32] = field(default_factory=lambda: np.empty((0, LEVELS), np.int32))
    """Shape (n, 4): the area's own or enclosing area at adm0..adm3, or NOWHERE."""
    _of_pcode: dict[str, int] = field(default_factory=dict)
    _of_name: dict[tuple[int, int, str], int] = field(default_factory=dict)
    """(level, parent index or NOWHERE for any, plain name) -> area, only where it is not ambiguous."""
    _tree: shapely.STRtree = field(default_factory=lambda: shapely.STRtree([]))
    _rank: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    @cached_property
    def marks(self) -> frozenset[int]:
        """Mark codes of the boundaries these areas were loaded from."""
        return frozenset(area.mark for area in self.areas) - {UNMARKED}

    def assign(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.int32]:
        """The deepest area each point is in. Degrees, shape (n,), NaN where there is no point; NOWHERE where there is none."""
        found = np.full(len(lon), NOWHERE, np.int32)
        at = np.flatnonzero(np.isfinite(lon) & np.isfinite(lat))
        if not len(at) or not self.areas:
            return found
        points, areas = self._tree.query(shapely.points(lon[at], lat[at]))
        geometries = self._tree.geometries
        inside = shapely.intersects_xy(geometries[areas], lon[at][points], lat[at][points])
        points, areas = points[inside], areas[inside]
        order = np.argsort(self._rank[areas], kind="stable")  # the best rank is written last and stays
        found[at[points[order]]] = areas[order]
        return found

    def match(self, pcode: str | None, names: Sequence[str]) -> int:
        """The area a source means by a P-code and names of adm1, adm2, adm3 ("" where it skipped one), or NOWHERE."""
        if pcode and (known := self._of_pcode.get(pcode.strip().upper())) is not None:
            return known
        parent = NOWHERE
        for level, name in enumerate(names[: LEVELS - 1], start=1):
            if not name:
                continue
            found = self._of_name.get((level, parent, plain(name)))
            if found is None:
                return parent  # known to the level above only
            parent = found
        return parent

    def within(self, pcode: str) -> NDArray[np.bool_] | None:
        """Which areas are, or lie in, the one with this P-code: boolean, shape (n,); None where the code is not known."""
        index = self._of_pcode.get(pcode.strip().upper())
        if index is None:
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
    labels: Sequence[tuple[str | None, tuple[str, ...]]],
) -> NDArray[np.int32]:
    """Where each record is, shape (n,): by its point, else by the code or names its source stated, no deeper than `cap`.

    `stated` indexes `labels`: P-code and names of adm1, adm2, adm3.
    """
    if not places.areas:
        return np.full(len(lon), NOWHERE, np.int32)
    areas = places.assign(lon, lat)
    unplaced = np.flatnonzero(areas == NOWHERE)
    codes, which = np.unique(stated[unplaced], return_inverse=True)
    known = np.array([places.match(*labels[code]) for code in codes.tolist()], np.int32)
    areas[unplaced] = known[which]
    return places.capped(areas, cap)


def plain(name: str) -> str:
    """A name for comparing: no accents, case, punctuation or word for the kind of area."""
    bare = unicodedata.normalize("NFKD", name)
    bare = "".join(ch for ch in bare if not unicodedata.combining(ch)).casefold()
    bare = re.sub(r"\b(state|county|province|district|region|department|governorate)\b", " ", bare)
    return " ".join(re.findall(r"\w+", bare))


def build(areas: Sequence[Area]) -> Places:
    """Places of these areas (adm0 to adm3), with parents from the stated code, else from where the area lies."""
    areas = sorted(
        [*areas, *_named_only(areas)],
        key=lambda area: (area.level, area.pcode, area.vintage.timestamp() if area.vintage else 0.0),
    )
    of_pcode = {area.pcode.upper(): index for index, area in enumerate(areas) if area.pcode}
    geometries = np.array([area.geometry for area in areas], dtype=object)
    shapely.prepare(geometries)
    tree = shapely.STRtree(geometries)
    newness = {moment: rank for rank, moment in enumerate(sorted({_stamp(area) for area in areas}))}
    rank = np.array([area.level * (len(newness) + 1) + newness[_stamp(area)] for area in areas], np.int64)
    ancestors = np.full((len(areas), LEVELS), NOWHERE, np.int32)
    for index, area in enumerate(areas):  # parents stand before children: sorted by level
        ancestors[index, area.level] = index
        parent = of_pcode.get(area.parent_pcode.upper(), NOWHERE) if area.parent_pcode else NOWHERE
        if parent == NOWHERE and area.level:
            parent = _enclosing(area, areas, tree, rank)
        if parent != NOWHERE:
            ancestors[index, : area.level] = ancestors[parent, : area.level]
    return Places(areas, ancestors, of_pcode, _names(areas, ancestors), tree, rank)


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


def _names(areas: Sequence[Area], ancestors: NDArray[np.int32]) -> dict[tuple[int, int, str], int]:
    """Names within each parent, and names alone where only one area of that level bears them (newest vintage first)."""
    within: dict[tuple[int, int, str], int] = {}
    alone: dict[tuple[int, int, str], set[str]] = {}
    for index, area in enumerate(areas):
        for name in {plain(area.name), plain(area.name_local)} - {""}:
            for parent in {int(up) for up in ancestors[index, : area.level] if up != NOWHERE}:
                within[(area.level, parent, name)] = index
            alone.setdefault((area.level, NOWHERE, name), set()).add(area.pcode)
            within[(area.level, NOWHERE, name)] = index
    for key, codes in alone.items():
        if len(codes) > 1:
            del within[key]
    return within
