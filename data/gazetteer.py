"""Which area a record means by the P-code and the names it states, by which method that was found, and how sure it is.

Partners' tables are often older (or newer) than the boundaries that are loaded, and codes are given anew from one vintage to
the next. So a code is tried in this order:
    code           it is the code of a loaded boundary, and what the record calls the place does not contradict it
    other vintage  a loaded table of P-codes says which name under which parent it meant; that name is sought in the boundaries
    name           the names the record states, from adm1 down, each sought within the one above
Where a code or a name means several areas, the one that held at the record's own time is taken, where that is stated.
What stays ambiguous is not placed, with the reason; a guess would look like a finding.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import SequenceMatcher
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from data.spelling import plain, skeleton

LEVELS = 4
NOWHERE = -1
UNMARKED = -1
"""Known by its code alone, because a loaded area names it as its parent."""
ALIKE = 0.85
"""Share of letters two names must have in common, in order, to be one name misspelt (`difflib`); Aweil North and Aweil South
have less. Below six letters a slip of the pen and another place cannot be told apart."""
LETTERS = 6
ONE_OF_A_COUNTRY = re.compile(r"([A-Z]{2})\d")
"""A P-code begins with its country's ISO 3166-1 code."""


@dataclass(frozen=True)
class Area:
    """One administrative area as loaded; `geometry` in EPSG:4326. It holds from `vintage` until `valid_to`, where stated."""

    pcode: str
    name: str
    level: int
    parent_pcode: str
    vintage: datetime | None
    geometry: BaseGeometry
    name_local: str = ""
    mark: int = UNMARKED
    """Mark code of the boundary it was loaded from."""
    valid_to: datetime | None = None
    codes: Mapping[str, str] = field(default_factory=dict)
    """What else its publisher calls it by: heading -> code (ISO 3166-2, FIPS, EMMA_ID, national numbers)."""

    def holds(self, at: datetime | None) -> bool:
        """Whether it held at a time; of no time: whether it still does."""
        return _holds(self.vintage, self.valid_to, at)


@dataclass(frozen=True)
class Listed:
    """One row of a loaded table of P-codes. `names` are those of adm1 to adm3 as far as it states them."""

    pcode: str
    name: str
    level: int | None
    parent: str = ""
    names: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    lon: float | None = None
    lat: float | None = None
    mark: int = UNMARKED
    table: str = ""
    """Which table it stands in: codes of one table mean one vintage."""

    def holds(self, at: datetime | None) -> bool:
        return _holds(self.since, self.until, at)


Method = Literal["code", "other vintage", "name", "position", "geocode", "area name", "none"]
Sure = Literal["certain", "strong", "probable", "partly", ""]
"""certain: a code or a point; strong: a name as it is written, within its parent; probable: another spelling, or a name without
its parent; partly: only an area above the one that was named."""


class Match(NamedTuple):
    """Which area (index, or NOWHERE), how it was found, how sure that is, and what stood against more."""

    area: int
    method: Method
    sure: Sure
    note: str = ""


NOT_SAID = Match(NOWHERE, "none", "", "")


class Gazetteer:
    """Areas by their codes and names, and tables of P-codes of other vintages. `ancestors` as in `Places`."""

    def __init__(self, areas: Sequence[Area], ancestors: NDArray[np.int32], listed: Sequence[Listed]) -> None:
        self._areas = areas
        self._ancestors = ancestors
        self.listed = listed
        self._of_code: dict[str, list[int]] = defaultdict(list)
        self._named: dict[tuple[int, str, str], set[int]] = defaultdict(set)
        """(level, P-code of an area above or "" for anywhere, plain name) -> areas."""
        self._spelt: dict[tuple[int, str, str], set[int]] = defaultdict(set)
        self._filled: set[tuple[int, str]] = set()
        """(level, P-code of an area above or "") of which any area is loaded."""
        for index, area in enumerate(areas):
            if area.pcode:
                self._of_code[area.pcode.upper()].append(index)
            parents = {areas[up].pcode.upper() for up in ancestors[index, : area.level].tolist() if up != NOWHERE}
            self._filled.update((area.level, parent) for parent in (*parents, ""))
            both = [part for part in re.split(r"[/()]", area.name) if part.strip()]
            for name in (area.name, area.name_local, *(both if len(both) > 1 else ())):
                for parent in (*parents, "") if name else ():
                    self._named[area.level, parent, plain(name)].add(index)
                    self._spelt[area.level, parent, skeleton(name)].add(index)
        self._meanings: dict[str, list[Listed]] = defaultdict(list)
        for row in (*listed, *_parents(listed)):
            self._meanings[row.pcode.upper()].append(row)
        self._found: dict[tuple[Listed, datetime | None], Match] = {}

    def code(self, pcode: str, at: datetime | None = None) -> int:
        """The loaded area with a code: of several vintages the one that held then, else the newest; or NOWHERE."""
        found = self._of_code.get(pcode.strip().upper(), ())
        return max(found, key=lambda index: (self._areas[index].holds(at), index), default=NOWHERE)

    @cached_property
    def cuts(self) -> tuple[datetime, ...]:
        """The times at which what a code or a name means may change: between two of them every answer is the same."""
        moments: set[datetime | None] = set()
        for indices in (*self._of_code.values(), *self._named.values()):
            if len(indices) > 1:
                moments.update(
                    end for index in indices for end in (self._areas[index].vintage, self._areas[index].valid_to)
                )
        for code, rows in self._meanings.items():
            own = [self._areas[index] for index in self._of_code.get(code, ())]
            if len(rows) > 1 or any(plain(area.name) != plain(rows[0].name) for area in own):
                moments.update(end for row in rows for end in (row.since, row.until))
                moments.update(end for area in own for end in (area.vintage, area.valid_to))
        return tuple(sorted(moment for moment in moments if moment is not None))

    def match(self, pcode: str | None, names: Sequence[str], at: datetime | None = None) -> Match:
        """What a record means by a P-code and names of adm1, adm2, adm3 ("" where it skipped one), at its own time."""
        code = (pcode or "").strip().upper()
        if not code:
            return self._by_names(names, "", at) if any(names) else NOT_SAID
        own, meanings = self.code(code, at), self._meanings.get(code, ())
        if own != NOWHERE:
            return self._own(code, own, meanings, names, at)
        country, told = self._country(code)
        if told and country == "":
            return Match(NOWHERE, "none", "", f"no boundaries of {code[:2]} are loaded")
        found = self._meant(code, meanings, names, at)
        if found is not None and found.area != NOWHERE and found.sure != "partly":
            return found
        by_name = self._by_names(names, country, at) if any(names) else None
        if by_name is not None and (found is None or by_name.sure != "partly"):
            return by_name if found is None or by_name.area != NOWHERE else found
        return found or Match(NOWHERE, "none", "", f"{code} is in no boundary and no table of P-codes that is loaded")

    def _own(self, code: str, own: int, meanings: Sequence[Listed], names: Sequence[str], at: datetime | None) -> Match:
        """A code that a loaded boundary has: it may have meant another place at the record's time."""
        area = self._areas[own]
        said = names[area.level - 1] if 0 < area.level <= len(names) else ""
        if said and self._called(area, said):
            return Match(own, "code", "certain")
        others = [row for row in meanings if row.name and not self._called(area, row.name)]
        if said:
            bearing = [row for row in others if skeleton(row.name) == skeleton(said)]
            if found := self._one(bearing, at):
                return found
            named = self._by_names(names, self._country(code)[0], at)
            if (
                named.sure in ("strong", "certain")
                and named.area != own
                and self._areas[named.area].level == area.level
            ):
                note = f"{code} is {area.name} in the boundaries, the record says {said}"
                return Match(self._common([own, named.area]), "none", "", note)
            return Match(own, "code", "probable", f"the record says {said}, the boundaries {area.name}")
        then = [row for row in others if row.holds(at) and (row.since or row.until)]
        if others and at is None:
            return Match(
                NOWHERE, "none", "", f"{code} meant {others[0].name} in another vintage; no time, no name tells which"
            )
        if then and not area.holds(at):
            return self._one(then, at) or Match(
                NOWHERE, "none", "", f"{code} meant {then[0].name}, which is not loaded"
            )
        return Match(own, "code", "certain")

    def _meant(self, code: str, meanings: Sequence[Listed], names: Sequence[str], at: datetime | None) -> Match | None:
        """What the tables say a code meant; None where no table has it."""
        if not meanings:
            return None
        said = {skeleton(name) for name in names if name}
        bearing = [row for row in meanings if skeleton(row.name) in said]
        then = [row for row in meanings if row.holds(at)]
        return self._one(bearing or then or meanings, at) or Match(
            NOWHERE, "none", "", f"{code} meant {_listing(row.name for row in meanings)} in tables of other vintages"
        )

    def _one(self, rows: Sequence[Listed], at: datetime | None) -> Match | None:
        """The one area that all these rows of tables mean; None where they mean none or several."""
        found = {self._of_row(row, at) for row in rows}
        placed = {match.area for match in found if match.area != NOWHERE}
        if len(placed) != 1:
            return None
        order = ("certain", "strong", "probable", "partly", "")
        return min((match for match in found if match.area != NOWHERE), key=lambda match: order.index(match.sure))

    def _of_row(self, row: Listed, at: datetime | None, depth: int = 0) -> Match:
        """A row of a table brought to the boundaries: its name within what its parent means, else where its centre lies."""
        if (row, at) in self._found:
            return self._found[row, at]
        above = self._parent(row, at, depth)
        root = self._areas[above].pcode.upper() if above != NOWHERE else self._country(row.pcode.upper())[0]
        levels = [row.level] if row.level is not None else [1, 2, 3]
        if above != NOWHERE and row.level is None:
            levels = [self._areas[above].level + 1]
        found = NOT_SAID
        for level in levels:
            index, sure, note = self._child(level, root, row.name, at)
            if index == NOWHERE and above != NOWHERE and not note:  # under another parent now, if it is the only one
                index, sure, note = self._child(level, self._country(row.pcode.upper())[0], row.name, at, near=False)
                sure = "probable" if sure else ""
            if index == NOWHERE and row.lon is not None and row.lat is not None:
                index, sure = self._at(row.lon, row.lat, level), "probable"
            if index != NOWHERE:
                sure = "probable" if above == NOWHERE and sure == "strong" else sure
                found = Match(
                    index, "other vintage", sure, f"{row.pcode} is {row.name} in {row.table or 'a table of P-codes'}"
                )
                break
            found = Match(
                NOWHERE, "none", "", note or f"{row.pcode} is {row.name}, which is in no boundary that is loaded"
            )
        self._found[row, at] = found
        return found

    def _parent(self, row: Listed, at: datetime | None, depth: int) -> int:
        """The area that the parent of a table's row means: by the same table first, because its codes are of its vintage."""
        same = [
            up for up in self._meanings.get(row.parent.upper(), ()) if up.table == row.table and up.since == row.since
        ]
        if depth < LEVELS:
            for up in same:
                if (found := self._of_row(up, at, depth + 1)).area != NOWHERE:
                    return found.area
        if not same and row.parent and (index := self.code(row.parent, at)) != NOWHERE:
            return index
        named = row.names[: (row.level or LEVELS) - 1]
        return self._by_names(named, self._country(row.pcode.upper())[0], at).area if any(named) else NOWHERE

    def _by_names(self, names: Sequence[str], country: str, at: datetime | None) -> Match:
        """Names from adm1 down, each within the area of the one above that was found."""
        parent, root = NOWHERE, country
        worst: Sure = "strong"
        for level, name in enumerate(names[: LEVELS - 1], start=1):
            if not name:
                continue
            if (level, root) not in self._filled:
                gap = f"no boundaries of level {level} are loaded" + (f" in {self._areas[parent].name}" if root else "")
                return Match(parent, "name", worst, gap) if parent != NOWHERE else Match(NOWHERE, "none", "", gap)
            index, sure, note = self._child(level, root, name, at)
            if index == NOWHERE and parent == NOWHERE and not note:
                index, note = self.anywhere(name, country, at)  # one vintage's state is another's county
                sure = "probable"
            if index == NOWHERE:
                where = self._areas[parent].name if parent != NOWHERE else ""
                why = note or f"{name} is no area of level {level}" + (f" in {where}" if where else "")
                return Match(
                    parent, "none" if parent == NOWHERE else "name", "" if parent == NOWHERE else "partly", why
                )
            alone = parent == NOWHERE and level > 1
            worst = "probable" if "probable" in (sure, worst) or alone else "strong"
            parent, root = index, self._areas[index].pcode.upper()
        return Match(parent, "name", worst) if parent != NOWHERE else NOT_SAID

    def _child(self, level: int, root: str, name: str, at: datetime | None, near: bool = True) -> tuple[int, Sure, str]:
        """The area of a level within `root` ("": anywhere) that bears a name: as written, else spelt otherwise."""
        for table, key, sure in ((self._named, plain(name), "strong"), (self._spelt, skeleton(name), "probable")):
            if found := table.get((level, root, key)) if key else None:
                return self._chosen(found, name, at, sure)  # type: ignore[arg-type]
        for part in re.split(r"[/()]", name) if re.search(r"[/()]", name) else ():  # "Lopa/Lafon", "Canal (Khor Fulus)"
            if part.strip() and (index := self._child(level, root, part, at, near=False)[0]) != NOWHERE:
                return index, "probable", ""
        if not near or not root or len(plain(name)) < LETTERS:
            return NOWHERE, "", ""
        close = self._close(level, root, plain(name))
        return self._chosen(close, name, at, "probable") if close else (NOWHERE, "", "")

    def _chosen(self, found: Iterable[int], name: str, at: datetime | None, sure: Sure) -> tuple[int, Sure, str]:
        holding = [index for index in found if self._areas[index].holds(at)] or list(found)
        if len({self._areas[index].pcode.upper() for index in holding}) > 1:
            codes = _listing(self._areas[index].pcode for index in sorted(holding))
            return NOWHERE, "", f"{name} is the name of several areas: {codes}"
        return max(holding), sure, ""

    def _close(self, level: int, root: str, name: str) -> set[int]:
        """Areas whose name differs by a slip; none where a second one is nearly as close."""
        scored: dict[str, tuple[float, set[int]]] = {}
        for index, area in enumerate(self._areas):
            ups = self._ancestors[index, : area.level].tolist()
            if area.level != level or not any(up != NOWHERE and self._areas[up].pcode.upper() == root for up in ups):
                continue
            likeness = SequenceMatcher(None, name, plain(area.name), autojunk=False).ratio()
            best, indices = scored.get(area.pcode, (0.0, set()))
            scored[area.pcode] = (max(best, likeness), {*indices, index})
        ranked = sorted(scored.values(), key=lambda pair: -pair[0])
        if not ranked or ranked[0][0] < ALIKE:
            return set()
        unrivalled = len(ranked) == 1 or ranked[0][0] - ranked[1][0] > (1 - ALIKE) / 2
        return ranked[0][1] if unrivalled else set()

    def anywhere(self, name: str, country: str, at: datetime | None = None) -> tuple[int, str]:
        """The one area of any level with exactly this name, in a country's areas ("": all); else NOWHERE and the reason."""
        found = {index for level in range(1, LEVELS) for index in self._named.get((level, country, plain(name)), ())}
        if not found:
            return NOWHERE, ""
        index, _, note = self._chosen(found, name, at, "strong")
        return index, note

    def carrying(self, schemes: frozenset[str], value: str, at: datetime | None = None) -> tuple[int, ...]:
        """The areas whose boundary has this value in a column of one of these names (as `data.geocodes.scheme` writes them)."""
        found = {index for name in schemes for index in self._carried.get((name, value.strip().upper()), ())}
        holding = {index for index in found if self._areas[index].holds(at)} or found
        newest: dict[str, int] = {}
        for index in sorted(holding):
            newest[self._areas[index].pcode] = index
        lowest = min((self._areas[index].level for index in newest.values()), default=0)
        return tuple(index for index in newest.values() if self._areas[index].level == lowest)

    @cached_property
    def _carried(self) -> dict[tuple[str, str], set[int]]:
        found: dict[tuple[str, str], set[int]] = defaultdict(set)
        for index, area in enumerate(self._areas):
            for heading, code in area.codes.items():
                found[re.sub(r"[^a-z0-9]", "", heading.casefold()), code.strip().upper()].add(index)
        return found

    def _at(self, lon: float, lat: float, level: int) -> int:
        """The newest area of a level that a point is in."""
        held = [
            i
            for i, area in enumerate(self._areas)
            if area.level == level and area.geometry.intersects(shapely.Point(lon, lat))
        ]
        return max(held, default=NOWHERE)

    def _called(self, area: Area, name: str) -> bool:
        return skeleton(name) in {skeleton(area.name), skeleton(area.name_local)} - {""}

    def _country(self, code: str) -> tuple[str, bool]:
        """(code of the loaded country a P-code begins with, or "", whether the code says so and loaded countries could tell)."""
        country = ONE_OF_A_COUNTRY.match(code)
        known = self.countries
        if not country or not known:
            return "", False
        return (country[1], True) if country[1] in known else ("", True)

    @cached_property
    def countries(self) -> frozenset[str]:
        """Codes of the loaded areas of level 0."""
        return frozenset(area.pcode.upper() for area in self._areas if area.level == 0)

    def _common(self, indices: Sequence[int]) -> int:
        """The deepest area that holds all of these, or NOWHERE."""
        return common(self._areas, self._ancestors, indices)


def common(areas: Sequence[Area], ancestors: NDArray[np.int32], indices: Sequence[int]) -> int:
    """The deepest area that is, or holds, every one of these; NOWHERE where there is none."""
    for level in range(LEVELS - 1, -1, -1):
        ups = [int(up) for up in ancestors[list(indices), level]]
        if NOWHERE not in ups and len({areas[up].pcode for up in ups}) == 1:
            return max(ups)
    return NOWHERE


def _parents(listed: Sequence[Listed]) -> set[Listed]:
    """Parents that a table of the lowest level only names beside their children: they have codes and names too."""
    own = {(row.table, row.since, row.pcode.upper()) for row in listed}
    return {
        Listed(
            row.parent, row.names[up], up + 1, "", row.names[:up], row.since, row.until, None, None, row.mark, row.table
        )
        for row in listed
        if row.parent and row.level and 0 <= (up := row.level - 2) < len(row.names) and row.names[up]
        if (row.table, row.since, row.parent.upper()) not in own
    }


def _holds(since: datetime | None, until: datetime | None, at: datetime | None) -> bool:
    if at is None:
        return until is None
    return (since is None or since <= at) and (until is None or at < until)


def _listing(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))
