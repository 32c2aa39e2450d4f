"""The picture: what is known, as columns in memory by revision. The only way to it is `seen_by(viewer)`.

Versions carry [rev_from, rev_to), so "as known at" is one more mask and a reader at its own revision is never disturbed by
the writer. Text and full records stay in the store and are fetched by id for rows the viewer may see.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from data.access import Mark, Viewer
from data.columns import CURRENT, NO_TIME, Codes, Table, mercator
from data.gazetteer import Area, Listed
from data.listed import codes_of, listed_from, of_codes
from data.marks import in_confidence
from data.places import Label, Places, build, placed
from data.records import (
    KIND_OF_NUMBER,
    KINDS,
    SHARED_AS,
    Boundary,
    Hot,
    Kind,
    OwnMark,
    Sensitivity,
    decode,
    hot_decoder,
)
from data.released import Now, Releases, Stamp
from data.retention import erased
from data.seen import Seen
from data.sharing import FEED, Sharing
from data.store import Change, Commit, Store

CAPS = {"adm0": 0, "adm1": 1, "adm2": 2}
"""`place_precision` -> the deepest level a record may claim."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Moved:
    """What catching up brought: from which revision to which, and the rows that are new and current, per kind name."""

    before: int
    revision: int
    rows: dict[str, NDArray[np.int64]]


class Picture:
    """Fed by one thread (`catch_up`), read by many (`seen_by`). `read_sharing` tells what is shared; asked again whenever a
    change of sharing is committed."""

    def __init__(self, store: Store, read_sharing: Callable[[], Sharing] = Sharing) -> None:
        self._store = store
        self._read_sharing = read_sharing
        self._applying = threading.Lock()
        self._publishing = threading.Lock()
        self.tables = {name: Table(kind) for name, kind in KINDS.items() if kind.collection}
        self.sources = Codes()
        self.agencies = Codes()
        self.stamps = Codes()
        self.places = Places()
        self.revision = 0
        self._commits: list[Commit] = []
        self._touched: list[list[int]] = []
        self._touching: set[tuple[int, int]] = set()
        """(mark code, revision) of what is being applied."""
        self._listed: dict[int, Listed] = {}
        """seq -> row of a table of P-codes that is current."""
        self._releases = Releases()
        self._now = Now(0, self.tables, dict.fromkeys(self.tables, 0), self.places, read_sharing(), (), (), ())

    def catch_up(self) -> Moved:
        """Apply everything committed since the last time. Cheap when nothing was; safe to call from many threads."""
        with self._applying:
            before = self.revision
            commits = self._store.commits_since(before)
            if not commits:
                return Moved(before, before, {})
            until = commits[-1].revision
            sharing = self._now.sharing
            if any(commit.feed == FEED for commit in commits):
                sharing = self._read_sharing()
            starts = {name: table.length for name, table in self.tables.items()}
            lengths = dict(starts)
            boundaries = False
            for changes in self._store.changes_since(before, until):
                for number in {change.kind for change in changes}:
                    kind = KIND_OF_NUMBER[number]
                    if not kind.collection:
                        boundaries |= self._list([change for change in changes if change.kind == number])
                        continue
                    self._apply(kind, [change for change in changes if change.kind == number])
                    lengths[kind.name] = self.tables[kind.name].length
                    boundaries |= kind.name == "boundary"
            boundaries |= self._forget(before, until)
            if boundaries:
                self._rebuild_places()
            self._publish(commits, lengths, sharing)
        rows = {
            name: np.flatnonzero(table.column("rev_to", lengths[name])[starts[name] :] == CURRENT) + starts[name]
            for name, table in self.tables.items()
            if lengths[name] > starts[name]
        }
        return Moved(before, until, rows)

    def seen_by(self, viewer: Viewer, as_known_at: datetime | None = None) -> Seen:
        """The picture as this viewer may see it, now or as it was known at a time; stays the same while it is used."""
        with self._publishing:
            now = self._now
        at = now.revision if as_known_at is None else min(self.revision_at(as_known_at), now.revision)
        decisions, released = self._releases.of(now, viewer)
        return Seen(
            viewer=viewer,
            revision=released.told(now, viewer, at),
            past=as_known_at is not None,
            now=as_known_at or datetime.now(UTC),
            places=released.places,
            tables=self.tables,
            lengths=now.lengths,
            sources=self.sources,
            agencies=self.agencies,
            marks=now.marks,
            commits=self._commits,
            sharing=now.sharing,
            decisions=decisions,
            released=released,
            at=at,
            _now=now,
            _store=self._store,
        )

    @property
    def sharing(self) -> Sharing:
        """What is shared, as of the picture's revision."""
        return self._now.sharing

    def _publish(self, commits: Sequence[Commit], lengths: Mapping[str, int], sharing: Sharing) -> None:
        before = self._now
        stamps: list[Stamp] = self.stamps.labels
        begin = len(before.marks) if sharing is before.sharing else 0
        marks = [
            sharing.mark_of(stamp.source, stamp.mark, SHARED_AS[stamp.collection], stamp.own)
            for stamp in stamps[begin:]
        ]
        with self._publishing:
            self._touched += [[] for _ in range(len(stamps) - len(self._touched))]
            for code, revision in sorted(self._touching):
                self._touched[code].append(revision)
            self._touching = set()
            self._commits.extend(commits)
            self.revision = commits[-1].revision
            self._now = Now(
                self.revision,
                self.tables,
                lengths,
                self.places,
                sharing,
                stamps,
                (*before.marks[:begin], *marks),
                self._touched,
            )

    def revision_at(self, moment: datetime) -> int:
        """The newest revision committed at or before a time; 0 before the first."""
        micros = (moment - _EPOCH) // timedelta(microseconds=1)
        index = bisect_right(self._commits, micros, key=lambda commit: commit.committed_us)
        return self._commits[index - 1].revision if index else 0

    def _apply(self, kind: Kind, changes: Sequence[Change]) -> None:
        table = self.tables[kind.name]
        read = hot_decoder(kind).decode
        records = [read(change.body) for change in changes]
        columns = self._columns(kind, table, changes, records)
        ends = [change for change in changes if change.supersedes_seq is not None]
        table.extend(columns)
        self._touch(columns["mark"], columns["rev_from"])
        table.wkb.update({change.seq: change.wkb for change in changes if change.wkb is not None})
        if ends:
            seqs = np.array([change.supersedes_seq for change in ends], np.int64)
            order = np.argsort(seqs)
            rows = table.rows_of_seqs(seqs[order])
            revisions = np.array([change.revision for change in ends], np.int64)[order]
            table["rev_to"][rows] = revisions
            self._touch(table["mark"][rows], revisions)
        table.superseded += len(ends) + sum(change.late or change.retracted for change in changes)

    def _list(self, changes: Sequence[Change]) -> bool:
        """Take up rows of tables of P-codes; whether there were any. They are marked as boundaries of their source are."""
        before = len(self._listed)
        changed = False
        for change in changes:
            if change.supersedes_seq is not None:
                changed |= self._listed.pop(change.supersedes_seq, None) is not None
            if change.late or change.retracted or not of_codes(change.body):
                continue
            record = decode(change.body)
            stamp = Stamp(
                record.source,
                KINDS["boundary"].collection,
                Mark(record.agency, record.sensitivity, record.releasable_to),
                record.own,
            )
            code = int(self.stamps.encode([stamp])[0])
            self._touching.add((code, change.revision))
            self._listed[change.seq] = listed_from(record, code)
        return changed or len(self._listed) != before

    def _forget(self, before: int, until: int) -> bool:
        """Take away what retention erased meanwhile, also from the past; whether that were boundaries."""
        gone = {each.seq: each for each in erased(self._store, before, until)}
        if not gone:
            return False
        boundaries = any(self._listed.pop(seq, None) is not None for seq in gone)
        for name, table in self.tables.items():
            rows = table.rows_of_seqs(np.array(sorted(gone), np.int64))
            if not len(rows):
                continue
            boundaries |= name == "boundary"
            seqs = [int(seq) for seq in table["seq"][rows]]
            if before:  # at the beginning rows were read as they are now
                self._read_again(table, rows, seqs)
            whole = rows[[gone[seq].whole for seq in seqs]]
            table.superseded += int(np.count_nonzero(table["rev_to"][whole] == CURRENT))
            table["rev_to"][whole] = table["rev_from"][whole]
            self._touch(table["mark"][rows], np.array([gone[seq].revision for seq in seqs], np.int64))
        self._releases.forget()
        return boundaries

    def _read_again(self, table: Table, rows: NDArray[np.int64], seqs: Sequence[int]) -> None:
        changes = self._store.versions(seqs)
        read = hot_decoder(table.kind).decode
        columns = self._columns(table.kind, table, changes, [read(change.body) for change in changes])
        for name in columns.keys() - {"rev_to"}:
            table[name][rows] = columns[name]
        for change in changes:
            table.wkb.pop(change.seq, None)
            if change.wkb is not None:
                table.wkb[change.seq] = change.wkb

    def _touch(self, marks: NDArray[np.int32], revisions: NDArray[np.int64]) -> None:
        both = np.unique(np.column_stack((marks, revisions)), axis=0)
        self._touching.update((code, revision) for code, revision in both.tolist())

    def _columns(
        self, kind: Kind, table: Table, changes: Sequence[Change], records: Sequence[Hot]
    ) -> dict[str, NDArray[Any]]:
        lon = np.array([np.nan if change.lon is None else change.lon for change in changes], np.float64)
        lat = np.array([np.nan if change.lat is None else change.lat for change in changes], np.float64)
        x, y = mercator(lon, lat)
        revisions = np.array([change.revision for change in changes], np.int64)
        never = np.array([change.late or change.retracted for change in changes], np.bool_)
        level = np.array([CAPS.get(record.place_precision, 3) for record in records], np.int8)
        stated = [
            (record.source, record.agency, record.sensitivity, record.releasable_to, _own(kind, record))
            for record in records
        ]
        stamp_of = {
            one: Stamp(one[0], kind.collection, Mark(one[1], Sensitivity(one[2]), one[3]), one[4])
            for one in set(stated)
        }
        where = table.stated.encode(_label(record) for record in records)
        time = _times([record.event_time for record in records])
        columns: dict[str, NDArray[Any]] = {
            "id": np.array([change.record_id for change in changes], np.int64),
            "seq": np.array([change.seq for change in changes], np.int64),
            "rev_from": revisions,
            "rev_to": np.where(never, revisions, CURRENT),
            "time": time,
            "lon": lon,
            "lat": lat,
            "x": x,
            "y": y,
            "category": table.codes["category"].encode(record.category for record in records),
            "severity": np.array([record.severity for record in records], np.int8),
            "source": self.sources.encode(record.source for record in records),
            "agency": self.agencies.encode(record.agency for record in records),
            "mark": self.stamps.encode(stamp_of[one] for one in stated),
            "stated": where,
            "area": placed(self.places, lon, lat, level, where, table.stated.labels, time),
            "cap": level,
            "exercise": np.array([record.exercise for record in records], np.bool_),
            "retracted": np.array([change.retracted for change in changes], np.bool_),
        }
        for name in kind.numbers:
            values = (getattr(record, name, None) for record in records)
            columns[name] = np.array([np.nan if value is None else value for value in values], np.float64)
        for name in kind.instants:
            columns[name] = _times([getattr(record, name, None) for record in records])
        for name in kind.codes:
            columns[name] = table.codes[name].encode(getattr(record, name, None) or "" for record in records)
        return columns

    def _rebuild_places(self) -> None:
        """Boundaries changed: every row is placed anew (names are matched again for rows without a point)."""
        table = self.tables["boundary"]
        current = np.flatnonzero(table["rev_to"] == CURRENT)
        seqs = table["seq"][current]
        bodies = self._store.bodies([int(seq) for seq in seqs])
        areas = []
        for seq, mark in zip(seqs, table["mark"][current].tolist(), strict=True):
            body, wkb = bodies[int(seq)]
            record = decode(body)
            if isinstance(record, Boundary) and wkb is not None and record.level < 4:
                areas.append(
                    Area(
                        record.pcode,
                        record.title,
                        record.level,
                        record.parent_pcode,
                        record.vintage,
                        shapely.from_wkb(wkb),
                        record.name_local,
                        mark,
                        record.valid_to,
                        codes_of(record.attributes),
                    )
                )
        self.places = build(areas, list(self._listed.values()))
        for other in self.tables.values():
            if other.length:
                lon, lat, cap, stated, time = (other[name] for name in ("lon", "lat", "cap", "stated", "time"))
                other.replace("area", placed(self.places, lon, lat, cap, stated, other.stated.labels, time))


def _own(kind: Kind, record: Hot) -> OwnMark | None:
    """What a version says of its own handling, in words or by being a sensitive complaint."""
    own: OwnMark | None = record.own
    return in_confidence(own) if kind.name == "feedback" and record.sensitive else own


def _label(record: Hot) -> Label:
    """What a record states of where it is."""
    if type(record).__name__ != "Hot_alert":
        return record.adm_pcode, record.adm_names, (), ""
    return record.adm_pcode, record.adm_names, record.geocodes, record.area_desc


def _times(moments: Sequence[datetime | None]) -> NDArray[np.int64]:
    """Microseconds UTC; NO_TIME where nothing was said."""
    return np.array(
        [NO_TIME if moment is None else round(moment.timestamp() * 1_000_000) for moment in moments], np.int64
    )
