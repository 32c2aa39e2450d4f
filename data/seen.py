"""What one viewer may see of the picture at one revision: select, count, page, and fetch.

Everything here runs on rows that are released to the viewer, and on columns as they are released, so that no total, facet,
search or order can tell what is withheld.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.access import Decision, Mark, Precision, Viewer, decide, join
from data.choosing import Rows as Rows
from data.choosing import chosen_rows, micros, within
from data.columns import NO_TIME, Codes, Table
from data.counted import WEEK_US, Cells, no_cells
from data.counting import Counts, count_rows, with_cells
from data.filters import EVERYTHING, Filters
from data.gazetteer import NOT_SAID, Match
from data.ground import WARNING
from data.linked import once
from data.marks import PROTECTION
from data.places import LEVELS, NOWHERE, Places
from data.records import Alert, AnyRecord, decode
from data.released import Now, Released, Stamp
from data.sharing import Sharing
from data.store import Commit, Store
from data.times import moment_of
from data.withheld import PLAIN, Terms, released

DAY_US = 86_400_000_000


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
    """As released: what is withheld says nothing."""
    wkb: bytes | None
    mark: Mark
    """As it is marked now."""
    site: str = ""
    """Name of the site that `site_ref` means, on the same source's list."""
    match: Match = NOT_SAID
    """How its area was found; nothing is told where its place is released less than exactly."""


@dataclass(frozen=True)
class Seen:
    """Made by `Picture.seen_by`. `now` is the moment asked for: windows count back from it. `revision` is the newest that
    changed anything for this viewer, `at` the picture's own, which is nobody's to know."""

    viewer: Viewer
    revision: int
    past: bool
    now: datetime
    places: Places
    tables: Mapping[str, Table]
    lengths: Mapping[str, int]
    sources: Codes
    agencies: Codes
    marks: Sequence[Mark]
    """In force, by mark code."""
    commits: Sequence[Commit]
    sharing: Sharing
    decisions: Sequence[Decision]
    """By mark code."""
    released: Released
    at: int
    _now: Now
    _store: Store
    confidential: bool = False
    """Of feedback the sensitive complaints alone (`in_confidence`), which every other reader is without."""

    def column(self, kind: str, name: str) -> NDArray[Any]:
        """One column of a kind as released (use with row numbers from `rows`: what lies between is not this viewer's)."""
        return self.released.column(kind, name, self.lengths[kind])

    def labels(self, kind: str, name: str) -> list[str]:
        """The texts behind a coded column, in no order that means anything; which of them are the viewer's only rows tell."""
        if name == "source":
            return self.sources.labels
        if name == "agency":
            return self.agencies.labels
        return self.tables[kind].codes[name].labels

    def rows(self, kind: str, filters: Filters = EVERYTHING) -> Rows:
        """Row numbers, ascending, of the current records of a kind that pass the filters. Raises `BadFilter`."""
        return chosen_rows(self, kind, filters)

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
        return count_rows(self, kind, rows, by)

    def counts(self, kind: str, filters: Filters, by: Sequence[str]) -> Counts:
        """`count` of what passes the filters, an event that several report once, with what is released to this viewer as
        counts only. Raises `BadFilter`."""
        rows = self.rows(kind, filters)
        events = self.once(kind, rows)
        counted = count_rows(self, kind, events, by)
        counted = with_cells(self, kind, counted, self.cells(kind, filters))
        return replace(counted, repeated=len(rows) - len(events))

    def cells(self, kind: str, filters: Filters = EVERYTHING) -> Cells:
        """Cells of what is released as counts only; none for filters that would cut a cell. Weeks count where they lie whole
        in the time asked for. Raises `BadFilter`."""
        drawn = (filters.bbox, filters.polygon, filters.circle)
        cutting = (*drawn, filters.severity, filters.text, filters.codes, filters.actor, filters.grade)
        if self.released.counts_only(kind) <= 1 or any(cutting):
            return no_cells()
        cells = self.released.counted(self._now, kind).at(self.released, kind, self.at, self.lengths[kind])
        since, until = filters.span(self.now)
        if since is not None:
            cells = cells.chosen(cells.week >= micros(since))
        if until is not None:
            cells = cells.chosen((cells.week <= micros(until) - WEEK_US) & (cells.week != NO_TIME))
        for name in ("category", "source", "agency"):
            if wanted := getattr(filters, name):
                codes = self.tables[kind].codes["category"] if name == "category" else self._common[name]
                cells = cells.chosen(np.append(codes.mask(wanted), False)[getattr(cells, name)])
        if filters.area:
            cells = cells.chosen(within(self, filters.area)[cells.area])
        return cells

    def items(self, kind: str, rows: Iterable[int]) -> list[Item]:
        """Records of rows from `rows`, in the same order, as they are released."""
        at = np.fromiter(rows, np.int64)
        allowed = self.released.allowed(kind, self.lengths[kind])
        if allowed is not None and not allowed[at].all():
            raise LookupError(f"{kind}: a row that is not released was asked for; ask for rows from `rows`.")
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
            allowed = self.current(kind)
            if allowed is not None:
                hits = hits[allowed[hits]]
            if len(hits):
                return self.items(kind, hits[-1:])[0]
        return None

    def rows_of(self, kind: str, ids: Iterable[str]) -> dict[str, int]:
        """Public id -> row, of those of these that are current records of a kind this viewer may see."""
        numbers = [number for one in ids if (number := parse_id(one)) is not None and 0 <= number < 1 << 63]
        if not numbers:
            return {}
        rows = self.rows(kind)
        held = self.column(kind, "id")[rows]
        hits = np.isin(held, np.array(numbers, np.int64))
        return {public_id(number): row for number, row in zip(held[hits].tolist(), rows[hits].tolist(), strict=True)}

    def versions(self, kind: str) -> Rows:
        """Row numbers, in the order they came, of every version of a kind this viewer may see, superseded ones too."""
        chosen = (self.column(kind, "rev_from") <= self.at) & ~self.column(kind, "retracted")
        allowed = self.released.allowed(kind, self.lengths[kind])
        return np.flatnonzero(chosen if allowed is None else chosen & allowed)

    def once(self, kind: str, rows: Rows) -> Rows:
        """The rows, of several reports of one event (`data.linked`) only the first: whatever is counted goes through here."""
        return once(self, kind, rows)

    def history(self, item: Item) -> list[Item]:
        """Every version of a record this viewer may see that was known at this revision, oldest first."""
        kind = item.kind
        hits = np.flatnonzero(self.column(kind, "id") == item.id)
        hits = hits[(self.column(kind, "rev_from")[hits] <= self.at) & ~self.column(kind, "retracted")[hits]]
        allowed = self.released.allowed(kind, self.lengths[kind])
        return self.items(kind, hits if allowed is None else hits[allowed[hits]])

    def moved(self, kind: str, since: int) -> tuple[Rows, bool]:
        """What of this viewer's changed after a revision: rows that are new and current, and whether others ended or a cell of
        what is only counted came to tell something else."""
        begin, end = self.column(kind, "rev_from"), self.column(kind, "rev_to")
        first = int(np.searchsorted(begin, since, side="right"))
        fresh = np.arange(first, len(begin))
        fresh = fresh[(end[first:] > self.at) & (begin[first:] <= self.at)]
        ended = np.flatnonzero((end[:first] > since) & (end[:first] <= self.at))
        allowed = self.released.allowed(kind, self.lengths[kind])
        if allowed is not None:
            fresh, ended = fresh[allowed[fresh]], ended[allowed[ended]]
        counted = self.released.counts_only(kind) > 1 and self.released.counted(self._now, kind).moved(self.at) > since
        if kind == "feedback" and len(fresh):  # sensitive complaints move the counts, and are told to nobody one by one
            told = fresh[~self._sensitive(kind)[fresh]]
            return told, bool(len(ended)) or counted or len(told) < len(fresh)
        return fresh, bool(len(ended)) or counted

    def geometry(self, kind: str, row: int) -> bytes | None:
        """WKB (EPSG:4326) of a row that is more than a point and released exactly."""
        if self.terms(kind, row).precision is not Precision.exact:
            return None
        return self.released.ground.shape(kind, int(self.column(kind, "seq")[row]), self.lengths[kind])

    def has_shapes(self, kind: str) -> bool:
        """Whether anything of a kind may be more than a point."""
        return bool(self.tables[kind].wkb or self.released.ground.shapes(kind, self.lengths[kind]))

    def has_shape(self, kind: str, rows: Rows) -> NDArray[np.bool_]:
        """Which rows are more than a point, as released."""
        named = self.released.ground.shapes(kind, self.lengths[kind])
        shapes = np.array([*self.tables[kind].wkb.copy(), *dict(named)], np.int64)
        found = np.isin(self.column(kind, "seq")[rows], shapes)
        exact = self.released.exact(kind, self.lengths[kind])
        return found if exact is None else found & exact[rows]

    def provenance(self, item: Item) -> dict[str, Any]:
        """Which payload and row a record came from; of others' records, and altered ones, only source, feed and revision."""
        told = self._store.provenance(item.seq)
        own = self.viewer.owns(item.mark.agency)
        whole = own and self.terms(item.kind, item.row).plain
        return told if whole else {**told, "payload": None, "sha256": None, "row": None}

    def terms(self, kind: str, row: int) -> Terms:
        """How a row is released to this viewer."""
        return self.released.terms[int(self.column(kind, "mark")[row])] or PLAIN

    def why(self, item: Item) -> Decision:
        """By which clause this viewer may see a record, and with which obligations."""
        return self.decisions[int(self.column(item.kind, "mark")[item.row])]

    @property
    def stamps(self) -> Sequence[Stamp]:
        """What the marks are made from, by mark code: the record's source, how it came, and what it said of itself."""
        return self._now.stamps

    def who_may(self, item: Item, viewers: Iterable[Viewer]) -> list[tuple[Viewer, Decision]]:
        """Of these viewers the ones who may see a record, each with the clause and obligations."""
        asked = ((viewer, decide(viewer, item.mark, self.sharing.agreements)) for viewer in viewers)
        return [(viewer, decision) for viewer, decision in asked if decision.permit]

    def marking(self, *selected: tuple[str, Rows]) -> Mark | None:
        """The mark of these rows together (by default of everything current), counted cells included; None of nothing."""
        codes: set[int] = set()
        for kind, rows in selected or [(kind, self.rows(kind)) for kind in self.tables]:
            column = self.column(kind, "mark")
            held = np.bincount(column if len(rows) == len(column) else column[rows], minlength=1)
            codes.update(np.flatnonzero(held).tolist())
        return join(self.marks[code] for code in sorted(codes))

    def exportable(self, kind: str, rows: Rows) -> Rows:
        """Of these rows those that may leave in a file."""
        return self._where(kind, rows, lambda decision: not decision.obligations.no_export)

    def logged(self, kind: str, rows: Rows) -> Rows:
        """Of these rows those whose reading is put down in the audit log."""
        return self._where(kind, rows, lambda decision: decision.obligations.log)

    def released_labels(self, kind: str, name: str) -> set[str]:
        """Texts that occur in a coded column of the current records this viewer may see."""
        held = np.bincount(self.column(kind, name)[self.rows(kind)], minlength=1)
        labels = self.labels(kind, name)
        return {labels[code] for code in np.flatnonzero(held).tolist()}

    def alike(self, kind: str) -> int:
        """Viewers with the same number get the same of the same versions of a kind: what was made of them may be shared."""
        return self.released.number if kind == WARNING or self.released.alters(kind) else 0

    def _where(self, kind: str, rows: Rows, test: Callable[[Decision], bool]) -> Rows:
        fits = np.array([test(decision) for decision in self.decisions], np.bool_)
        return np.asarray(rows[fits[self.column(kind, "mark")[rows]]]) if len(rows) else rows

    def areas(self, kind: str, rows: Rows, level: int) -> NDArray[np.int32]:
        """The adm-`level` area of each row, as an index into `places.areas`, or NOWHERE."""
        area = self.column(kind, "area")[rows]
        if not len(self.places.ancestors):
            return area
        up = np.append(self.places.ancestors[:, level], NOWHERE)  # NOWHERE is the last
        return np.asarray(up[area], np.int32)

    def in_confidence(self) -> Seen:
        """The same, of feedback only the sensitive complaints that are released to this viewer: to be counted, never listed and
        never placed. No other way leads to them."""
        return replace(self, confidential=True)

    def current(self, kind: str) -> NDArray[np.bool_] | None:
        """Current at this revision and released as a record; None when that is every row."""
        chosen = self._current(kind)
        if kind != "feedback":
            return chosen
        sensitive = self._sensitive(kind)
        told = sensitive if self.confidential else ~sensitive
        if told.all():
            return chosen
        return told if chosen is None else chosen & told

    def _sensitive(self, kind: str) -> NDArray[np.bool_]:
        """Which rows are sensitive complaints."""
        marks: NDArray[np.bool_] = np.array([PROTECTION in mark.compartments for mark in self.marks], np.bool_)
        return np.asarray(marks[self.column(kind, "mark")])

    def _current(self, kind: str) -> NDArray[np.bool_] | None:
        table = self.tables[kind]
        chosen: NDArray[np.bool_] | None = None
        if table.superseded or self.past:
            chosen = (self.column(kind, "rev_to") > self.at) & (self.column(kind, "rev_from") <= self.at)
        allowed = self.released.allowed(kind, self.lengths[kind])
        if chosen is None or allowed is None:
            return chosen if allowed is None else allowed
        return chosen & allowed

    def _item(self, kind: str, row: int, seq: int, body: bytes, wkb: bytes | None) -> Item:
        revision = int(self.column(kind, "rev_from")[row])
        commit = self.commits[bisect_left(self.commits, revision, key=lambda commit: commit.revision)]
        area = int(self.column(kind, "area")[row])
        chain = [NOWHERE] * LEVELS if area == NOWHERE else [int(up) for up in self.places.ancestors[area]]
        known = [None if up == NOWHERE else self.places.areas[up] for up in chain]
        terms, mark = self.terms(kind, row), self.marks[int(self.column(kind, "mark")[row])]
        whole = decode(body)
        lon, lat = (float(self.column(kind, name)[row]) for name in ("lon", "lat"))
        placed = math.isfinite(lon)
        record = released(
            whole,
            terms,
            mark,
            lon if placed else None,
            lat if placed else None,
            self.released.code_level(whole.adm_pcode),
        )
        return Item(
            id=int(self.column(kind, "id")[row]),
            kind=kind,
            row=row,
            seq=seq,
            revision=revision,
            received_at=datetime.fromtimestamp(commit.received_us / 1e6, UTC),
            pcodes=tuple(area.pcode if area else None for area in known),
            area_names=tuple(area.name if area else None for area in known),
            record=record,
            wkb=(wkb or self.geometry(kind, row)) if terms.precision is Precision.exact else None,
            mark=mark,
            site=self._site(kind, row),
            match=self._match(kind, row, whole, record, area) if terms.precision is Precision.exact else NOT_SAID,
        )

    def _match(self, kind: str, row: int, whole: AnyRecord, record: AnyRecord, area: int) -> Match:
        """How a record was placed, told from what is released of it."""
        if whole.lon is not None and area != NOWHERE:
            return Match(area, "position", "certain")
        time = int(self.column(kind, "time")[row])
        codes, said = (record.geocodes, record.area_desc) if isinstance(record, Alert) else ((), "")
        label = (record.adm_pcode, record.adm_names, codes, said)
        found = self.places.stated(label, None if time == NO_TIME else moment_of(time))
        if found.method != "none" and area == NOWHERE:
            return Match(NOWHERE, "none", "", found.note)
        return found

    def _site(self, kind: str, row: int) -> str:
        if "site_ref" not in self.tables[kind].codes or not self.column(kind, "site_ref")[row]:
            return ""
        ref = self.labels(kind, "site_ref")[self.column(kind, "site_ref")[row]]
        return self._site_titles.get((int(self.column(kind, "source")[row]), ref), "")

    @cached_property
    def heard(self) -> Mapping[str, int]:
        """Source -> the newest event time among its records this viewer may see, microseconds UTC."""
        newest = np.full(len(self.sources.labels), NO_TIME)
        for kind in self.tables:
            rows = self.rows(kind)
            known = self.column(kind, "source")[rows] < len(newest)  # a source may have been heard of meanwhile
            np.maximum.at(newest, self.column(kind, "source")[rows[known]], self.column(kind, "time")[rows[known]])
        return {self.sources.labels[code]: int(newest[code]) for code in np.flatnonzero(newest != NO_TIME).tolist()}

    @property
    def _common(self) -> Mapping[str, Codes]:
        return {"source": self.sources, "agency": self.agencies}

    @cached_property
    def _site_titles(self) -> dict[tuple[int, str], str]:
        """(source code, the source's own key) -> name of every site this viewer may see."""
        rows = self.rows("site")
        refs, titles = self.labels("site", "source_ref"), self.labels("site", "title")
        columns = (self.column("site", name)[rows].tolist() for name in ("source", "source_ref", "title"))
        return {(source, refs[ref]): titles[title] for source, ref, title in zip(*columns, strict=True) if ref}


def public_id(number: int) -> str:
    """A record's id as people and programs see it: 16 hexadecimal digits."""
    return f"{number:016x}"


def parse_id(text: str) -> int | None:
    """The number of a public id, or None where it is not one."""
    try:
        return int(text, 16) if len(text) == 16 else None
    except ValueError:
        return None
