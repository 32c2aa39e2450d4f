"""The picture as it is released on one vector of decisions, one for every distinct mark; viewers decided alike share it.

Rows keep their numbers. Where the decisions alter nothing of a kind its columns are the picture's own; where they do, altered
columns stand in their place, grown as rows are appended. Filtering, counting, searching and drawing run on these alone.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.access import EVERY_AGENCY, Decision, Mark, Precision, Viewer, changes_after, decide
from data.columns import NO_TIME, Grown, Table, mercator
from data.counted import Counted
from data.ground import PLACE, Ground
from data.places import NOWHERE, Places
from data.precision import LEVEL, inner_points, snapped
from data.records import KINDS, OwnMark, Sensitivity
from data.sharing import Sharing
from data.withheld import Terms, terms_of

VIEWERS_KEPT = 512
RELEASES_KEPT = 16
FIELD_OF = {"time": "event_time"}
"""Column -> field, where they are not called the same."""
ALWAYS_TOLD = frozenset(("id", "seq", "rev_from", "rev_to", "source", "agency", "mark", "cap", "exercise", "retracted"))


class Stamp(NamedTuple):
    """What the picture knows of a version's mark: its source and collection, what was stamped on it, what it said itself."""

    source: str
    collection: str
    mark: Mark
    own: OwnMark | None = None


@dataclass(frozen=True)
class Now:
    """The picture as published: everything a reader needs to stay at one revision. `marks` in force, by mark code."""

    revision: int
    tables: Mapping[str, Table]
    lengths: Mapping[str, int]
    places: Places
    sharing: Sharing
    stamps: Sequence[Stamp]
    marks: tuple[Mark, ...]
    touched: Sequence[Sequence[int]]
    """By mark code: revisions at which a version so marked came or ended, ascending."""


_numbers = count(1)


class Released:
    """`terms` by mark code: how versions so marked are released, None where they are withheld."""

    def __init__(self, now: Now, terms: tuple[Terms | None, ...], ground: Ground) -> None:
        self.number = next(_numbers)
        self.terms = terms
        self.ground = ground
        self._tables = now.tables
        self._codes: dict[str, list[int]] = {name: [] for name in now.tables}
        self._allowed = {name: Grown(self._maker(self._listed, name)) for name in now.tables}
        self._place = {name: Grown(self._maker(self._placed, name)) for name in now.tables}
        self._others: dict[tuple[str, str], Grown] = {}
        self._counted = {name: Counted() for name in now.tables}
        self._sorted_until = 0
        self._known: dict[tuple[str, str], bool] = {}
        """(kind, column) -> whether it is altered; (kind, "") -> whether every row is released as a record."""
        self._sort(now.stamps)

    def grow(self, terms: tuple[Terms | None, ...], stamps: Sequence[Stamp]) -> None:
        """More distinct marks have come; earlier decisions are the same."""
        self.terms = terms
        self._sort(stamps)
        self._known = {}

    def _sort(self, stamps: Sequence[Stamp]) -> None:
        kind_of = {kind.collection: kind.name for kind in KINDS.values()}
        for code in range(self._sorted_until, len(self.terms)):
            self._codes[kind_of[stamps[code].collection]].append(code)
        self._sorted_until = len(self.terms)

    @property
    def places(self) -> Places:
        """The areas of the boundaries that are released."""
        return self.ground.places

    def of_kind(self, kind: str) -> list[Terms | None]:
        """The terms that occur in a kind."""
        terms = self.terms
        return [terms[code] for code in self._codes[kind] if code < len(terms)]

    def alters(self, kind: str) -> bool:
        """Whether anything of a kind is released otherwise than it is known."""
        return any(terms is not None and not terms.plain for terms in self.of_kind(kind))

    def allowed(self, kind: str, length: int) -> NDArray[np.bool_] | None:
        """Which rows are released as records, current or not; None: every one."""
        if self._knows((kind, ""), lambda: all(each is not None and each.listed for each in self.of_kind(kind))):
            return None
        return self._allowed[kind].column("allowed", length)

    def column(self, kind: str, name: str, length: int) -> NDArray[Any]:
        """A column as released: what is withheld reads as not said."""
        if name in ALWAYS_TOLD or not self._alters(kind, name):
            return self.ground.column(kind, name, length) if name in PLACE else self._tables[kind].column(name, length)
        if name in PLACE:
            return self._place[kind].column(name, length)
        grown = self._others.get((kind, name))
        if grown is None:
            grown = self._others.setdefault((kind, name), Grown(self._maker(self._withheld, kind, name)))
        return grown.column(name, length)

    def exact(self, kind: str, length: int) -> NDArray[np.bool_] | None:
        """Which rows are released with their geometry; None: every one that is released at all."""
        if not self._alters(kind, "lon"):
            return None
        fits = [terms is not None and terms.precision is Precision.exact for terms in self.terms]
        found: NDArray[np.bool_] = np.array(fits, np.bool_)[self._tables[kind].column("mark", length)]
        return found

    def counted(self, now: Now, kind: str) -> Counted:
        """The cells of what is released as counts only, up to date."""
        codes = [code for code in self._codes[kind] if self._count_only(code)]
        newest = max((now.touched[code][-1] for code in codes if now.touched[code]), default=0)
        self._counted[kind].catch_up(self, kind, now.lengths[kind], newest)
        return self._counted[kind]

    def counted_rows(self, kind: str, start: int, stop: int) -> NDArray[np.int64]:
        """Of these rows those that are only counted."""
        only = np.array([self._count_only(code) for code in range(len(self.terms))], np.bool_)
        return np.flatnonzero(only[self._tables[kind].column("mark", stop)[start:]]) + start

    def least(self, kind: str, rows: NDArray[np.int64], length: int) -> NDArray[np.int64]:
        """From which number on each of these rows' cells is told."""
        least = np.array([1 if terms is None else terms.minimum_count for terms in self.terms], np.int64)
        return np.asarray(least[self._tables[kind].column("mark", length)[rows]])

    def counts_only(self, kind: str) -> int:
        """The highest number below which a count of this kind is not told; 1 where every record is released as such."""
        return max((terms.minimum_count for terms in self.of_kind(kind) if terms is not None), default=1)

    def told(self, now: Now, viewer: Viewer, at: int) -> int:
        """The revision a viewer is told when the picture stands at `at`: the newest that changed anything for them.

        So commits of what is withheld from them change nothing that they can see, the revision included.
        """
        if viewer.owns(EVERY_AGENCY) and viewer.clearance is Sensitivity.severe:
            return at
        shared = now.sharing.told_to(viewer) if viewer.agency else 0
        return max(self._revision(now, at), shared if shared <= at else 0)

    def _revision(self, now: Now, at: int) -> int:
        """The newest revision up to `at` that brought or ended anything that is released."""
        newest = 0
        for code, terms in enumerate(self.terms):
            if terms is not None and terms.listed:
                revisions = now.touched[code]
                found = bisect_right(revisions, at)
                newest = max(newest, revisions[found - 1] if found else 0)
        for kind in self._tables:
            if self.counts_only(kind) > 1:
                newest = max(newest, self.counted(now, kind).moved(at))
        return newest

    def _count_only(self, code: int) -> bool:
        terms = self.terms[code] if code < len(self.terms) else None
        return terms is not None and not terms.listed

    def _alters(self, kind: str, name: str) -> bool:
        def test(terms: Terms) -> bool:
            if name in PLACE:
                return terms.precision is not Precision.exact
            return terms.withholds(kind, FIELD_OF.get(name, name))

        return self._knows((kind, name), lambda: any(each is not None and test(each) for each in self.of_kind(kind)))

    def _knows(self, what: tuple[str, str], find_out: Callable[[], bool]) -> bool:
        known = self._known  # another one once marks have come
        if what not in known:
            known[what] = find_out()
        return known[what]

    def _maker(self, make: Callable[..., Mapping[str, NDArray[Any]]], *told: str) -> Any:
        return lambda start, stop: make(*told, start, stop)

    def _listed(self, kind: str, start: int, stop: int) -> Mapping[str, NDArray[Any]]:
        listed = np.array([terms is not None and terms.listed for terms in self.terms], np.bool_)
        return {"allowed": listed[self._tables[kind].column("mark", stop)[start:]]}

    def _withheld(self, kind: str, name: str, start: int, stop: int) -> Mapping[str, NDArray[Any]]:
        table = self._tables[kind]
        values = table.column(name, stop)[start:].copy()
        mark = table.column("mark", stop)[start:]
        field_name = FIELD_OF.get(name, name)
        blank = _blank(values.dtype)
        if name == "adm_pcode":
            for code, terms in enumerate(self.terms):
                of_mark = mark == code
                values[of_mark] = self._codes_kept(table, terms)[values[of_mark]]
            return {name: values}
        goes = np.array([terms is None or terms.withholds(kind, field_name) for terms in self.terms], np.bool_)
        values[goes[mark]] = blank
        return {name: values}

    def _codes_kept(self, table: Table, terms: Terms | None) -> NDArray[np.int32]:
        """Per code of `adm_pcode`: itself where the terms tell so much, else the code of nothing."""
        labels = table.codes["adm_pcode"].labels
        known = np.arange(len(labels), dtype=np.int32)
        if terms is None or "adm_pcode" in terms.hidden:
            return np.zeros_like(known)
        if terms.precision is Precision.exact:
            return known
        deepest = LEVEL.get(terms.precision, -1)
        told = [(level := self.code_level(label)) is not None and level <= deepest for label in labels]
        return np.where(np.array(told, np.bool_), known, 0).astype(np.int32)

    def code_level(self, pcode: str | None) -> int | None:
        """The level of the area a stated P-code means; None where only an area above it is known."""
        match = self.places.match(pcode, ())
        known = match.area != NOWHERE and match.sure not in ("", "partly")
        return self.places.areas[match.area].level if known else None

    def _placed(self, kind: str, start: int, stop: int) -> Mapping[str, NDArray[Any]]:
        table = self._tables[kind]
        columns = {name: self.ground.column(kind, name, stop)[start:].copy() for name in PLACE}
        mark, cap = table.column("mark", stop)[start:], table.column("cap", stop)[start:]
        tiers = [Precision.none if terms is None else terms.precision for terms in self.terms]
        tier = np.array(tiers, np.int8)[mark]
        for precision in set(tiers) - {Precision.exact}:
            at = np.flatnonzero(tier == precision)
            if len(at):
                part = {name: columns[name][at] for name in PLACE}
                for name, values in self._coarse(precision, part, cap[at]).items():
                    columns[name][at] = values
        return columns

    def _coarse(
        self, precision: Precision, place: Mapping[str, NDArray[Any]], cap: NDArray[np.int8]
    ) -> Mapping[str, NDArray[Any]]:
        """Places as a tier tells them. What had no point gets none; its area is then the one that was named."""
        lon, lat, area = place["lon"], place["lat"], place["area"]
        pointed = np.isfinite(lon)
        if precision is Precision.none:
            lon, lat, area = np.full_like(lon, np.nan), np.full_like(lat, np.nan), np.full_like(area, NOWHERE)
        elif precision in LEVEL:
            area = self.places.capped(area, np.minimum(cap, LEVEL[precision]).astype(np.int8))
            lon, lat = inner_points(self.places, np.where(pointed, area, NOWHERE).astype(np.int32))
        else:
            lon, lat = snapped(lon, lat, precision)
            area = np.where(pointed, self._assigned(lon, lat, cap), area)
        x, y = mercator(lon, lat)
        return {"lon": lon, "lat": lat, "x": x, "y": y, "area": area}

    def _assigned(self, lon: NDArray[np.float64], lat: NDArray[np.float64], cap: NDArray[np.int8]) -> NDArray[np.int32]:
        """The area each cell's centre lies in: asked once a cell."""
        there = np.flatnonzero(np.isfinite(lon))
        found = np.full(len(lon), NOWHERE, np.int32)
        if len(there):
            cells, which = np.unique(np.column_stack((lon[there], lat[there])), axis=0, return_inverse=True)
            found[there] = self.places.assign(cells[:, 0].copy(), cells[:, 1].copy())[which.ravel()]
        return self.places.capped(found, cap)


def _blank(dtype: np.dtype[Any]) -> Any:
    """Not said: of a coded column its first code, which every one has for the empty text."""
    if dtype == np.float64:
        return np.nan
    return NO_TIME if dtype == np.int64 else 0


@dataclass
class _Decided:
    sharing: Sharing
    until: datetime | None
    decisions: tuple[Decision, ...] = ()
    terms: tuple[Terms | None, ...] = ()


class Releases:
    """Who is decided how, kept until sharing changes or time does; and the releases those decisions make."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._decided: OrderedDict[Viewer, _Decided] = OrderedDict()
        self._released: list[Released] = []
        self._grounds: dict[frozenset[int], Ground] = {}

    def forget(self) -> None:
        """Rows have changed under what was made of them: make it anew."""
        with self._lock:
            self._released, self._grounds = [], {}

    def of(self, now: Now, viewer: Viewer) -> tuple[Sequence[Decision], Released]:
        """`decide` for every mark of the picture, by mark code, and the release that makes."""
        moment = datetime.now(UTC)
        agreements = now.sharing.agreements
        with self._lock:
            kept = self._decided.get(viewer)
            if kept is None or kept.sharing is not now.sharing or (kept.until is not None and moment >= kept.until):
                kept = self._decided[viewer] = _Decided(now.sharing, changes_after(viewer, agreements, moment))
            self._decided.move_to_end(viewer)
            while len(self._decided) > VIEWERS_KEPT:
                self._decided.popitem(last=False)
            if len(kept.decisions) < len(now.marks):
                more = [decide(viewer, mark, agreements, moment) for mark in now.marks[len(kept.decisions) :]]
                kept.decisions = (*kept.decisions, *more)
                kept.terms = (*kept.terms, *(terms_of(one.obligations) if one.permit else None for one in more))
            return kept.decisions, self._release(now, kept)

    def _release(self, now: Now, kept: _Decided) -> Released:
        """The release of these terms; the least lately used goes when there are too many."""
        self._grounds = {marks: ground for marks, ground in self._grounds.items() if ground.whole is now.places}
        self._released = [each for each in self._released if each.ground.whole is now.places]
        found = next((each for each in self._released if each.terms is kept.terms), None)
        if found is None:
            found = next((each for each in self._released if _agree(each.terms, kept.terms)), None)
        if found is None:
            found = Released(now, kept.terms, self._ground(now, kept.terms))
        elif len(found.terms) < len(kept.terms):
            found.grow(kept.terms, now.stamps)
        elif len(found.terms) == len(kept.terms):
            kept.terms = found.terms  # the same object is found without comparing
        self._released = [found, *(each for each in self._released if each is not found)][:RELEASES_KEPT]
        return found

    def _ground(self, now: Now, terms: tuple[Terms | None, ...]) -> Ground:
        plain = frozenset(code for code, each in enumerate(terms) if each is not None and each.plain)
        marks = now.places.marks & plain
        return self._grounds.setdefault(marks, Ground(now.places, marks, now.tables))


def _agree(one: tuple[Terms | None, ...], other: tuple[Terms | None, ...]) -> bool:
    """Whether two vectors are equal as far as both go: marks only ever come in addition."""
    known = min(len(one), len(other))
    return one[:known] == other[:known]
