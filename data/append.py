"""Appending a payload to the log: what each row means beside what is known. Inside the store's writing transaction."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from data import quarantine
from data.records import KIND_OF_NUMBER, Entry, Reject, Retract, blake, decode, encoder
from data.tables import commit_log, counter, head, version

CHUNK_IDS = 10_000


@dataclass(frozen=True)
class Batch:
    """One payload to be appended: all of it or, when reading `chunks` raises, nothing."""

    source: str
    feed: str
    payload: str
    sha256: str
    received_us: int
    chunks: Iterable[Sequence[Entry | Reject]]
    absence: Literal["keep", "retract"] = "keep"
    kinds: tuple[int, ...] = ()
    """With `absence="retract"`: the kinds of which this payload is the whole state."""
    again: bool = False
    """Read again from quarantine: what was heard of a record after `received_us` stands, unless a version time decides."""
    feed_version: str = ""
    """Of the code that read it (`ingest.version`)."""
    who: str = ""
    """Whoever had it read, where a person did."""


@dataclass(frozen=True)
class Tally:
    """What became of the rows: read = accepted + revised + unchanged + retracted + rejected."""

    read: int = 0
    accepted: int = 0
    revised: int = 0
    unchanged: int = 0
    retracted: int = 0
    rejected: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    revision: int = 0
    observed_us: int | None = None
    """The newest event time among the rows."""


def record_ids(secret: bytes, source: str, entries: Sequence[Entry]) -> list[int]:
    """Their records' public ids, 63 bits: the same for the same key, not to be guessed from it, the same length for all."""
    begun: dict[int, Any] = {}
    found = []
    for entry in entries:
        kind = begun.get(entry.kind)
        if kind is None:
            kind = hashlib.blake2b(f"{entry.kind}\0{source}\0".encode(), digest_size=8, key=secret)
            begun[entry.kind] = kind
        digest = kind.copy()
        digest.update(entry.source_ref.encode("utf-8", "surrogatepass"))
        found.append(int.from_bytes(digest.digest(), "big") >> 1)
    return found


@dataclass(slots=True)
class Head:
    """Where a record stands."""

    last_seq: int
    current_seq: int | None
    digest: int
    version_us: int | None
    retracted: bool
    new: bool = False


def append(connection: Connection, secret: bytes, batch: Batch) -> Tally:
    """Append one batch inside the caller's transaction."""
    at = connection.execute(sa.select(counter.c.revision, counter.c.seq).with_for_update()).one()
    revision, seq = at.revision + 1, at.seq
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    observed_us: int | None = None
    present: set[int] = set()
    for chunk in with_absent(connection, batch, present):
        rejects = [item for item in chunk if isinstance(item, Reject)]
        entries = [item for item in chunk if isinstance(item, Entry)]
        reasons.update(reject.reason for reject in rejects)
        quarantine.answered(connection, batch.source, {item.answers for item in chunk if item.answers}, batch.who)
        quarantine.add(
            connection, batch.source, batch.feed, batch.payload, batch.received_us, rejects, batch.feed_version
        )
        ids = record_ids(secret, batch.source, entries)
        if batch.absence == "retract":
            present.update(ids)
        observed = [entry.event_time_us for entry in entries if entry.event_time_us is not None]
        observed_us = max([*observed, *([observed_us] if observed_us is not None else [])], default=None)
        seq = _append_chunk(connection, batch, revision, seq, ids, entries, counts)
    if seq == at.seq:
        revision = at.revision
    else:
        log_commit(connection, batch, revision, seq)
    return tally_of(counts, reasons, int(revision), observed_us)


def tally_of(counts: Counter[str], reasons: Counter[str], revision: int, observed_us: int | None) -> Tally:
    return Tally(
        sum(counts.values()) + sum(reasons.values()),
        counts["accepted"],
        counts["revised"],
        counts["unchanged"],
        counts["retracted"],
        sum(reasons.values()),
        dict(reasons),
        revision,
        observed_us,
    )


def _append_chunk(
    connection: Connection,
    batch: Batch,
    revision: int,
    seq: int,
    ids: list[int],
    entries: list[Entry],
    counts: Counter[str],
) -> int:
    heads = heads_of(connection, ids)
    differing = [
        identity
        for identity, entry in zip(ids, entries, strict=True)
        if identity in heads and heads[identity].digest != entry.digest
    ]
    repeated = last_told(connection, differing, commit_log.c.sha256 == batch.sha256) if batch.sha256 else set()
    overtaken = last_told(connection, differing, commit_log.c.received_us > batch.received_us) if batch.again else set()
    unwritten = Unwritten()
    decide(connection, batch, revision, seq, ids, entries, heads, repeated, overtaken, unwritten, counts)
    unwritten.write(connection)
    return seq + len(unwritten.rows)


@dataclass
class Unwritten:
    """Versions that are decided and not yet in the database, in the order of the table's columns, and where that leaves
    their records."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    heads: dict[int, tuple[str, int, Head]] = field(default_factory=dict)
    """Record -> source, kind, where it then stands."""

    def write(self, connection: Connection) -> None:
        if self.rows:
            insert(connection, version, self.rows)
            _write_heads(connection, self.heads)


def decide(
    connection: Connection,
    batch: Batch,
    revision: int,
    seq: int,
    ids: Sequence[int],
    entries: Sequence[Entry],
    heads: dict[int, Head],
    repeated: Container[int],
    overtaken: Container[int],
    unwritten: Unwritten,
    counts: Counter[str],
) -> None:
    """What each entry means beside `heads`, which are moved on; versions after `seq` go to `unwritten`, outcomes to `counts`."""
    for identity, entry in zip(ids, entries, strict=True):
        before = heads.get(identity)
        outcome, late = outcome_of(
            before,
            entry,
            identity in repeated,
            identity in overtaken,
            partial(digests_of, connection, before.last_seq if before else 0, unwritten.rows),
        )
        counts[outcome] += 1
        if outcome == "unchanged":
            continue
        seq += 1
        unwritten.rows.append(
            (
                seq,
                revision,
                identity,
                entry.kind,
                entry.digest,
                before.last_seq if before else None,
                before.current_seq if before and not late else None,
                late,
                entry.retracted,
                entry.row,
                entry.lon,
                entry.lat,
                entry.wkb,
                entry.body,
            )
        )
        new = before.new if before else True
        if before and late:
            after = Head(seq, before.current_seq, before.digest, before.version_us, before.retracted, new)
        else:
            current = None if entry.retracted else seq
            told = entry.version_time_us
            if told is None and entry.retracted and before:
                told = before.version_us  # it must not open the door to what is older than what it took back
            after = Head(seq, current, entry.digest, told, entry.retracted, new)
        heads[identity] = after
        unwritten.heads[identity] = batch.source, entry.kind, after


def outcome_of(
    before: Head | None,
    entry: Entry,
    repeated: bool,
    overtaken: bool,
    told_before: Callable[[], Container[int]],
) -> tuple[str, bool]:
    """What an entry means beside what is known: its outcome, and whether it came late (older than the current version).

    `repeated`: the record's last version came from this very payload, so its rows of one key, told again, are no news.
    `overtaken`: the record's last version was received after this entry was.
    `told_before` gives the digests of every version of the record; it is asked only where they decide.
    """
    if before is None:
        return ("retracted" if entry.retracted else "accepted"), False
    told, known = entry.version_time_us, before.version_us
    newer = told is not None and (known is None or told > known)
    if entry.digest == before.digest or (entry.retracted and before.retracted and not newer):
        return "unchanged", False
    late = told < known if told is not None and known is not None else overtaken
    if (late or repeated) and entry.digest in told_before():
        return "unchanged", late
    return ("retracted" if entry.retracted and not late else "revised"), late


def digests_of(connection: Connection, last_seq: int, pending: Sequence[tuple[Any, ...]] = ()) -> set[int]:
    """Digests of every version in a record's chain, newest first."""
    found = set()
    unwritten = {row[0]: (row[4], row[5]) for row in pending}
    at: int | None = last_seq
    while at is not None and at in unwritten:
        digest, at = unwritten[at]
        found.add(digest)
    if at is not None:
        chain = (
            sa.select(version.c.previous_seq, version.c.digest).where(version.c.seq == at).cte("chain", recursive=True)
        )
        older = version.alias()
        chain = chain.union_all(
            sa.select(older.c.previous_seq, older.c.digest).join(chain, older.c.seq == chain.c.previous_seq)
        )
        found.update(row.digest for row in connection.execute(sa.select(chain.c.digest)))
    return found


def heads_of(connection: Connection, ids: list[int]) -> dict[int, Head]:
    """Where these records stand. The numbers stand in the statement: as parameters they take longer than the query."""
    found: dict[int, Head] = {}
    columns = "record_id, last_seq, current_seq, digest, version_us, retracted"
    for start in range(0, len(ids), CHUNK_IDS):
        listed = ",".join(map(str, ids[start : start + CHUNK_IDS]))
        query = f"SELECT {columns} FROM head WHERE record_id IN ({listed})"  # noqa: S608 (numbers made by `record_ids`)
        for row in connection.exec_driver_sql(query).all():
            found[row[0]] = Head(row[1], row[2], row[3], row[4], bool(row[5]))
    return found


def last_told(connection: Connection, ids: list[int], when: sa.ColumnElement[bool]) -> set[int]:
    """Those of the records whose last version came with a commit of which `when` holds."""
    found: set[int] = set()
    for start in range(0, len(ids), CHUNK_IDS):
        query = (
            sa.select(head.c.record_id)
            .join(version, version.c.seq == head.c.last_seq)
            .join(commit_log, commit_log.c.revision == version.c.revision)
            .where(head.c.record_id.in_(ids[start : start + CHUNK_IDS]), when)
        )
        found.update(connection.execute(query).scalars())
    return found


_MOVED = head.update().where(head.c.record_id == sa.bindparam("key"))


def _write_heads(connection: Connection, touched: Mapping[int, tuple[str, int, Head]]) -> None:
    new = [
        (identity, source, kind, at.last_seq, at.current_seq, at.digest, at.version_us, at.retracted)
        for identity, (source, kind, at) in touched.items()
        if at.new
    ]
    known = [
        {
            "key": identity,
            "last_seq": at.last_seq,
            "current_seq": at.current_seq,
            "digest": at.digest,
            "version_us": at.version_us,
            "retracted": at.retracted,
        }
        for identity, (_, _, at) in touched.items()
        if not at.new
    ]
    if new:
        insert(connection, head, sorted(new))  # in the order of its pages
    if known:
        connection.execute(_MOVED, known)


def insert(connection: Connection, table: sa.Table, rows: list[tuple[Any, ...]]) -> None:
    """Insert rows given in the order of the table's columns; a third of the time of `execute(table.insert(), dicts)`."""
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    marks = ", ".join([mark] * len(table.columns))
    connection.exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", rows)  # noqa: S608 - our own names


def with_absent(connection: Connection, batch: Batch, present: set[int]) -> Iterator[Sequence[Entry | Reject]]:
    """The batch's chunks and, where absence means taken back, retractions of what the source no longer lists.

    A row that could not be read may be the very one that would be missed: then nothing is taken back.
    """
    rejected = 0
    for chunk in batch.chunks:
        rejected += sum(isinstance(item, Reject) for item in chunk)
        yield chunk
    if batch.absence == "keep" or rejected:
        return
    listed = sa.select(head.c.record_id, head.c.kind, head.c.current_seq).where(
        head.c.source == batch.source, head.c.kind.in_(batch.kinds), head.c.current_seq.is_not(None)
    )
    gone = [row for row in connection.execute(listed) if row.record_id not in present]
    for start in range(0, len(gone), CHUNK_IDS):
        some = {row.current_seq: row.kind for row in gone[start : start + CHUNK_IDS]}
        bodies = connection.execute(sa.select(version.c.seq, version.c.body).where(version.c.seq.in_(list(some))))
        yield [_taken_back(some[row.seq], decode(row.body).source_ref) for row in bodies.all()]


def _taken_back(kind: int, source_ref: str) -> Entry:
    reason = "no longer listed by the source"
    body = encoder.encode(Retract(kind=KIND_OF_NUMBER[kind].name, source_ref=source_ref, reason=reason))
    return Entry(0, kind, source_ref, blake(body), None, None, None, None, None, body, True)


_COMMITTED = sa.select(commit_log.c.committed_us).where(commit_log.c.revision == sa.bindparam("at"))
_COUNT = counter.update().values(revision=sa.bindparam("revision"), seq=sa.bindparam("seq"))


def log_commit(connection: Connection, batch: Batch, revision: int, seq: int) -> None:
    """Write the row of a commit and move the counter; the caller holds it (`counter`, for update)."""
    log_commits(connection, [(batch, revision, seq)])


def log_commits(connection: Connection, commits: Sequence[tuple[Batch, int, int]]) -> None:
    """The same for several, each with its revision and last seq, in order and without a gap."""
    first, (_, revision, seq) = commits[0][1], commits[-1]
    last = connection.execute(_COMMITTED, {"at": first - 1}).scalar()
    # Never before the commit ahead of it, whatever the machine's clock does: "as known at" bisects on this.
    begin = max(time.time_ns() // 1000, (last or 0) + 1)
    insert(
        connection,
        commit_log,
        [
            (number, begin + at, batch.received_us, until, batch.source, batch.feed, batch.payload, batch.sha256)
            for at, (batch, number, until) in enumerate(commits)
        ],
    )
    connection.execute(_COUNT, {"revision": revision, "seq": seq})
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_notify('commonground', :revision)"), {"revision": str(revision)})
