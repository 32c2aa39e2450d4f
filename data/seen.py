"""What one viewer may see of the picture at one revision: select, count, page, and fetch.

Everything here runs on rows the viewer may see, so a total, a facet or a search cannot tell what is withheld.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray

from data.access import Viewer, decide, permitted
from data.columns import NO_TIME, Codes, Table
from data.filters import EVERYTHING, BadFilter, Filters
from data.places import LEVELS, NOWHERE, Places
from data.records import KINDS, AnyRecord, Severity, decode
from data.store import Commit, Store

DAY_US = 86_400_000_000
WEEK_US = 7 * DAY_US
MONDAY_US = 4 * DAY_US
"""1970-01-05, the first Monday after the epoch: ISO 8601 weeks begin on Mondays."""
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Counts:
    """One row per combination that occurs: the values of `columns[:-1]`, then the count. `total` is their sum."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    total: int


@dataclass(frozen=True)
class Item:
    """A record with what the picture knows of it."""

    id: int
    kind: str
    row: int
    seq: int
    revision: int
    received_at: datetime
    pcodes: tuple[str | None, ...]
    """P-codes of adm0..adm3 by the current boundaries."""
    area_names: tuple[str | None, ...]
    record: AnyRecord
    wkb: bytes | None
    site: str = ""
    """Name of the site that `site_ref` means, on the same source's list."""


@dataclass(frozen=True)
class Seen:
    """Made by `Picture.seen_by`. `now` is the moment asked for: windows count back from it."""

    viewer: Viewer
    revision: int
    past: bool
    now: datetime
    places: Places
    tables: Mapping[str, Table]
    lengths: Mapping[str, int]
    sources: Codes
    agencies: Codes
    marks: Codes
    commits: Sequence[Commit]
    _store: Store

    def column(self, kind: str, name: str) -> NDArray[Any]:
        """One column of a kind, all rows of this revision (use with row numbers from `rows`)."""
        return self.tables[kind].column(name, self.lengths[kind])

    def labels(self, kind: str, name: str) -> list[str]:
        """The texts behind a coded column."""
        if name == "source":
            return self.sources.labels
        if name == "agency":
            return self.agencies.labels
        return self.tables[kind].codes[name].labels

    def rows(self, kind: str, filters: Filters = EVERYTHING) -> Rows:
        """Row numbers, ascending, of the current records of a kind that pass the filters. Raises `BadFilter`."""
        chosen = self._allowed(kind)
        chosen = self._in_time(kind, filters, chosen)
        if filters.bbox is not None:
            chosen = self._in_bbox(kind, filters.bbox, chosen)
        if filters.severity:
            chosen = _narrow(chosen, self.column(kind, "severity"), lambda column: column >= filters.severity)
        if filters.category:
            chosen = self._coded(kind, "category", self.tables[kind].codes["category"], filters.category, chosen)
        if filters.source:
            chosen = self._coded(kind, "source", self.sources, filters.source, chosen)
        if filters.agency:
            chosen = self._coded(kind, "agency", self.agencies, filters.agency, chosen)
        for name, wanted in filters.codes:
            chosen = self._coded(kind, name, self.tables[kind].codes[name], wanted, chosen)
        if filters.area:
            chosen = self._in_area(kind, filters.area, chosen)
        rows = _row_numbers(chosen, self.lengths[kind])
        return self._with_text(kind, filters.text, rows) if filters.text else rows

    def newest(self, kind: str, rows: Rows, limit: int | None = None, offset: int = 0) -> Rows:
        """The rows by time, newest first (those without a time last), one page of them."""
        times, ids = self.column(kind, "time")[rows], self.column(kind, "id")[rows]
        needed = len(rows) if limit is None else offset + limit
        if needed < len(rows) // 4:  # a page of many: part them first, then sort the few
            cut = np.argpartition(~times, needed)[: needed + 1]
            edge = times[cut].min() if len(cut) else 0
            near = np.flatnonzero(times >= edge)
            rows, times, ids = rows[near], times[near], ids[near]
        order = np.lexsort((ids, ~times))  # ~ turns the order round without overflowing at NO_TIME
        return np.asarray(rows[order][offset : None if limit is None else offset + limit])

    def count(self, kind: str, rows: Rows, by: Sequence[str]) -> Counts:
        """How many of the rows, by one or more of adm0_pcode..adm3_pcode, day, week, month and the coded columns."""
        keys = [self._key(kind, name, rows) for name in by]
        if not keys:
            return Counts(("count",), [(len(rows),)], len(rows))
        sizes = [len(labels) for _, labels in keys]
        if np.prod(sizes, dtype=np.float64) <= 2_000_000:
            flat = np.zeros(len(rows), np.int64)
            for (codes, _), size in zip(keys, sizes, strict=True):  # ravel_multi_index without its checks
                flat *= size
                flat += codes
            totals = np.bincount(flat, minlength=1)
            there = np.flatnonzero(totals)
            parts = np.unravel_index(there, sizes)
            amounts = totals[there]
        else:
            stacked, amounts = np.unique(np.stack([codes for codes, _ in keys]), axis=1, return_counts=True)
            parts = tuple(stacked)
        texts = [[labels[code] for code in part] for part, (_, labels) in zip(parts, keys, strict=True)]
        return Counts((*by, "count"), list(zip(*texts, amounts.tolist(), strict=True)), len(rows))

    def items(self, kind: str, rows: Iterable[int]) -> list[Item]:
        """Full records of rows from `rows`, in the same order."""
        at = np.fromiter(rows, np.int64)
        seqs = self.column(kind, "seq")[at]
        bodies = self._store.bodies([int(seq) for seq in seqs])
        return [self._item(kind, int(row), int(seq), *bodies[int(seq)]) for row, seq in zip(at, seqs, strict=True)]

    def find(self, public_id: str) -> Item | None:
        """The current record with a public id, or None: absent and withheld are the same."""
        number = parse_id(public_id)
        if number is None:
            return None
        for kind in self.tables:
            hits = np.flatnonzero(self.column(kind, "id") == number)
            allowed = self._allowed(kind)
            if allowed is not None:
                hits = hits[allowed[hits]]
            if len(hits):
                return self.items(kind, hits[-1:])[0]
        return None

    def history(self, item: Item) -> list[Item]:
        """Every version of a record this viewer may see that was known at this revision, oldest first."""
        kind = item.kind
        hits = np.flatnonzero(self.column(kind, "id") == item.id)
        hits = hits[(self.column(kind, "rev_from")[hits] <= self.revision) & ~self.column(kind, "retracted")[hits]]
        marks = self.column(kind, "mark")[hits]
        hits = hits[permitted(self.viewer, self.marks.labels)[marks]]
        return self.items(kind, hits)

    def geometry(self, kind: str, row: int) -> bytes | None:
        """WKB (EPSG:4326) of a row that is more than a point."""
        return self.tables[kind].wkb.get(int(self.column(kind, "seq")[row]))

    def provenance(self, item: Item) -> dict[str, Any]:
        """Which payload and row a record came from."""
        return self._store.provenance(item.seq)

    def why(self, item: Item) -> str:
        """The clause by which this viewer may see a record."""
        return decide(self.viewer, self.marks.labels[self.column(item.kind, "mark")[item.row]]).clause

    def areas(self, kind: str, rows: Rows, level: int) -> NDArray[np.int32]:
        """The adm-`level` area of each row, as an index into `places.areas`, or NOWHERE."""
        area = self.column(kind, "area")[rows]
        if not len(self.places.ancestors):
            return area
        up = np.append(self.places.ancestors[:, level], NOWHERE)  # NOWHERE is the last
        return np.asarray(up[area], np.int32)

    def _allowed(self, kind: str) -> NDArray[np.bool_] | None:
        """Current at this revision and permitted; None when that is every row."""
        table = self.tables[kind]
        chosen: NDArray[np.bool_] | None = None
        if table.superseded or self.past:
            chosen = (self.column(kind, "rev_to") > self.revision) & (self.column(kind, "rev_from") <= self.revision)
        allowed = permitted(self.viewer, self.marks.labels)
        if not allowed.all():
            by_mark = allowed[self.column(kind, "mark")]
            chosen = by_mark if chosen is None else chosen & by_mark
        return chosen

    def _in_time(self, kind: str, filters: Filters, chosen: Any) -> Any:
        since, until = filters.span(self.now)
        times = self.column(kind, "time")
        if since is not None:
            chosen = _narrow(chosen, times, lambda column: column >= _micros(since))
        if until is not None:
            chosen = _narrow(chosen, times, lambda column: (column < _micros(until)) & (column != NO_TIME))
        return chosen

    def _coded(self, kind: str, name: str, codes: Codes, wanted: Sequence[str], chosen: Any) -> Any:
        mask = codes.mask(wanted)
        numbers = np.flatnonzero(mask)
        if len(numbers) == 1:
            return _narrow(chosen, self.column(kind, name), lambda column: column == numbers[0])
        return _narrow(chosen, self.column(kind, name), lambda column: mask[column])

    def _in_area(self, kind: str, pcode: str, chosen: Any) -> Any:
        within = self.places.within(pcode)
        if within is None:
            raise BadFilter(f"area: no boundary with the P-code '{pcode[:40]}' is loaded.")
        table = np.append(within, False)  # NOWHERE is the last
        return _narrow(chosen, self.column(kind, "area"), lambda column: table[column])

    def _in_bbox(self, kind: str, box: tuple[float, float, float, float], chosen: Any) -> Any:
        west, south, east, north = box
        lon, lat = self.column(kind, "lon"), self.column(kind, "lat")
        rows = _row_numbers(chosen, self.lengths[kind])
        x, y = lon[rows], lat[rows]
        across = (x >= west) & (x <= east) if west <= east else (x >= west) | (x <= east)
        inside = across & (y >= south) & (y <= north)
        shapes = self.tables[kind].wkb
        if shapes:
            whole = shapely.box(west, south, east, north) if west <= east else _two_boxes(box)
            seqs = self.column(kind, "seq")[rows]
            for at in np.flatnonzero(~inside & np.isin(seqs, np.array(list(shapes), np.int64))):
                inside[at] = shapely.from_wkb(shapes[int(seqs[at])]).intersects(whole)
        mask = np.zeros(self.lengths[kind], np.bool_)
        mask[rows[inside]] = True
        return mask

    def _with_text(self, kind: str, text: str, rows: Rows) -> Rows:
        """Rows in whose title, place, category, description or reference every word of the text stands."""
        words = text.casefold().split()
        seqs = self.column(kind, "seq")[rows]
        bodies = self._store.bodies([int(seq) for seq in seqs])
        kept = []
        for row, seq in zip(rows, seqs, strict=True):
            found = _TEXTS.decode(bodies[int(seq)][0])
            told = " ".join((found.title, found.place, found.category, found.description, found.source_ref)).casefold()
            if all(word in told for word in words):
                kept.append(row)
        return np.array(kept, np.int64)

    def _key(self, kind: str, name: str, rows: Rows) -> tuple[NDArray[np.integer[Any]], Sequence[Any]]:
        """Codes 0..k-1 per row, and the k values they stand for."""
        if name in ("category", "source", "agency") or name in self.tables[kind].codes:
            return self.column(kind, name)[rows], self.labels(kind, name) or [""]
        if name == "severity":
            return self.column(kind, "severity")[rows], [severity.name for severity in Severity]
        if name.startswith("adm") and name[3:4].isdigit() and int(name[3]) < LEVELS and name[4:] in ("", "_pcode"):
            codes = self.areas(kind, rows, int(name[3]))
            codes += 1
            return codes, [None, *(area.pcode for area in self.places.areas)]
        if name in ("day", "week", "month"):
            return _periods(self.column(kind, "time")[rows], name)
        raise BadFilter(
            f"by: '{name[:40]}' is not one of adm0_pcode, adm1_pcode, adm2_pcode, adm3_pcode, day, week, month, "
            "category, severity, source, agency."
        )

    def _item(self, kind: str, row: int, seq: int, body: bytes, wkb: bytes | None) -> Item:
        revision = int(self.column(kind, "rev_from")[row])
        commit = self.commits[bisect_left(self.commits, revision, key=lambda commit: commit.revision)]
        area = int(self.column(kind, "area")[row])
        chain = [NOWHERE] * LEVELS if area == NOWHERE else [int(up) for up in self.places.ancestors[area]]
        known = [None if up == NOWHERE else self.places.areas[up] for up in chain]
        return Item(
            id=int(self.column(kind, "id")[row]),
            kind=kind,
            row=row,
            seq=seq,
            revision=revision,
            received_at=datetime.fromtimestamp(commit.received_us / 1e6, UTC),
            pcodes=tuple(area.pcode if area else None for area in known),
            area_names=tuple(area.name if area else None for area in known),
            record=decode(body),
            wkb=wkb,
            site=self._site(kind, row),
        )

    def _site(self, kind: str, row: int) -> str:
        if "site_ref" not in self.tables[kind].codes:
            return ""
        ref = self.labels(kind, "site_ref")[self.column(kind, "site_ref")[row]]
        return self._site_titles.get((int(self.column(kind, "source")[row]), ref), "")

    @cached_property
    def _site_titles(self) -> dict[tuple[int, str], str]:
        """(source code, the source's own key) -> name of every site this viewer may see."""
        rows = self.rows("site")
        refs, titles = self.labels("site", "source_ref"), self.labels("site", "title")
        columns = (self.column("site", name)[rows].tolist() for name in ("source", "source_ref", "title"))
        return {(source, refs[ref]): titles[title] for source, ref, title in zip(*columns, strict=True)}


class _Texts(msgspec.Struct):
    title: str = ""
    place: str = ""
    category: str = ""
    description: str = ""
    source_ref: str = ""


_TEXTS = msgspec.json.Decoder(_Texts)


def public_id(number: int) -> str:
    """A record's id as people and programs see it: 16 hexadecimal digits."""
    return f"{number:016x}"


def parse_id(text: str) -> int | None:
    """The number of a public id, or None where it is not one."""
    try:
        return int(text, 16) if len(text) == 16 else None
    except ValueError:
        return None


def _narrow(
    chosen: NDArray[np.bool_] | None, column: NDArray[Any], test: Callable[[NDArray[Any]], NDArray[np.bool_]]
) -> NDArray[np.bool_]:
    """`chosen` and `test(column)`, testing only what is still chosen once that is little."""
    if chosen is None:
        return test(column)
    rows = np.flatnonzero(chosen) if np.count_nonzero(chosen) * 8 < len(chosen) else None
    if rows is None:
        return chosen & test(column)
    narrowed = np.zeros(len(chosen), np.bool_)
    narrowed[rows[test(column[rows])]] = True
    return narrowed


def _row_numbers(chosen: NDArray[np.bool_] | None, length: int) -> Rows:
    return np.arange(length) if chosen is None else np.flatnonzero(chosen)


def _micros(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _periods(times: NDArray[np.int64], name: str) -> tuple[NDArray[np.int64], list[str | None]]:
    """The day, ISO week (its Monday) or month each time falls in, in UTC; None for rows without a time."""
    if not len(times):
        return np.empty(0, np.int64), [None]
    told = None if times.min() != NO_TIME else times != NO_TIME
    if name == "month":
        numbers = times.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    else:
        length, origin = (DAY_US, 0) if name == "day" else (WEEK_US, MONDAY_US)
        numbers = times - origin
        numbers //= length
    known = numbers if told is None else numbers[told]
    low, high = (int(known.min()), int(known.max())) if len(known) else (0, -1)
    span = range(low, high + 1)
    if name == "month":
        labels = [f"{1970 + number // 12}-{number % 12 + 1:02d}" for number in span]
    else:
        labels = [
            str((number * length + origin).astype("datetime64[us]").astype("datetime64[D]"))
            for number in np.array(span)
        ]
    numbers -= low - 1
    return numbers if told is None else np.where(told, numbers, 0), [None, *labels]


def _two_boxes(box: tuple[float, float, float, float]) -> Any:
    """A box across the antimeridian (OGC API - Features Core 1.0, 7.15.3: west > east)."""
    west, south, east, north = box
    return shapely.union_all([shapely.box(west, south, 180, north), shapely.box(-180, south, east, north)])


COUNTABLE = tuple(kind.name for kind in KINDS.values() if kind.collection)
