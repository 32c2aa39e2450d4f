"""The system of record: an append-only log of record versions, with one revision counter ordered by commit.

`append` returns only after its transaction is durable (SQLite: WAL with synchronous=FULL). Callers that arrive while another
transaction is being written share the next one (group commit). One writer at a time, across processes too (`data.database`).

Only the picture reads records from here; everybody else asks the picture, with a viewer.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from data import quarantine
from data.database import checkpoint, connect, exclusive
from data.records import KIND_OF_NUMBER, KINDS, Entry, Reference, Reject, Retract, blake, decode, encoder
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


@dataclass(frozen=True)
class Change:
    """One version as the picture needs it."""

    seq: int
    revision: int
    record_id: int
    kind: int
    supersedes_seq: int | None
    late: bool
    retracted: bool
    lon: float | None
    lat: float | None
    wkb: bytes | None
    body: bytes


@dataclass(frozen=True)
class Commit:
    revision: int
    committed_us: int
    received_us: int


class Store:
    """Open with `open_store`. Safe to use from many threads."""

    def __init__(self, writer: Engine, reader: Engine, lock_path: Path | None) -> None:
        self.writer = writer
        self.reader = reader
        self._lock_path = lock_path
        self._waiting: deque[tuple[Batch, Future[Tally]]] = deque()
        self._writing = threading.Lock()
        self.changed = threading.Condition()
        """Notified after every commit of this process."""
        with self.reader.connect() as connection:
            self._secret: bytes = connection.execute(sa.select(counter.c.secret)).scalar_one()

    def append(self, batch: Batch) -> Tally:
        """Append a payload durably and say what became of its rows.

        Raises whatever reading `batch.chunks` raises; nothing of that batch is then kept, other batches are not touched.
        """
        ticket: Future[Tally] = Future()
        self._waiting.append((batch, ticket))
        with self._writing:
            if not ticket.done():
                self._commit_waiting()
        return ticket.result()

    def _commit_waiting(self) -> None:
        group = []
        while self._waiting:
            group.append(self._waiting.popleft())
        results: list[tuple[Future[Tally], Tally | BaseException]] = []
        try:
            with self.transaction() as connection:
                for batch, ticket in group:
                    try:
                        with connection.begin_nested():
                            results.append((ticket, _append(connection, self._secret, batch)))
                    except Exception as error:  # noqa: BLE001 - it goes to the caller whose batch it is
                        results.append((ticket, error))
        except BaseException as error:
            for _, ticket in group:
                ticket.set_exception(error)
            raise
        for ticket, result in results:
            if isinstance(result, Tally):
                ticket.set_result(result)
            else:
                ticket.set_exception(result)
        with self.changed:
            self.changed.notify_all()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A writing transaction: one at a time in this process and, on SQLite, on this machine."""
        with exclusive(self._lock_path), self.writer.connect() as connection:
            with connection.begin():
                yield connection
            if self._lock_path is not None:
                checkpoint(connection)

    def revision(self) -> int:
        with self.reader.connect() as connection:
            return int(connection.execute(sa.select(counter.c.revision)).scalar_one())

    def commits_since(self, revision: int) -> list[Commit]:
        """Commits after `revision`, in order."""
        query = (
            sa.select(commit_log.c.revision, commit_log.c.committed_us, commit_log.c.received_us)
            .where(commit_log.c.revision > revision)
            .order_by(commit_log.c.revision)
        )
        with self.reader.connect() as connection:
            return [Commit(*row) for row in connection.execute(query)]

    def changes_since(self, revision: int, until: int) -> Iterator[list[Change]]:
        """Every version with `revision` < its revision <= `until`, in order, in chunks."""
        with self.reader.connect() as connection:
            last_seq = connection.execute(
                sa.select(sa.func.max(commit_log.c.last_seq)).where(commit_log.c.revision <= revision)
            ).scalar()
            query = (
                sa.select(*_CHANGE_COLUMNS)
                .where(version.c.seq > (last_seq or 0), version.c.revision <= until)
                .order_by(version.c.seq)
            )
            result = connection.execution_options(yield_per=CHUNK_IDS).execute(query)
            for rows in result.partitions():
                yield [Change(*row) for row in rows]

    def bodies(self, seqs: Sequence[int]) -> dict[int, tuple[bytes, bytes | None]]:
        """seq -> (body, WKB) of the versions asked for. For the picture alone: it knows who may see them."""
        found: dict[int, tuple[bytes, bytes | None]] = {}
        with self.reader.connect() as connection:
            for start in range(0, len(seqs), CHUNK_IDS):
                query = sa.select(version.c.seq, version.c.body, version.c.wkb).where(
                    version.c.seq.in_([int(seq) for seq in seqs[start : start + CHUNK_IDS]])
                )
                found.update((row.seq, (row.body, row.wkb)) for row in connection.execute(query))
        return found

    def provenance(self, seq: int) -> dict[str, Any]:
        """Which payload and row a version came from, and when: source, feed, payload, sha256, received_us, row, revision."""
        columns = (commit_log.c.source, commit_log.c.feed, commit_log.c.payload, commit_log.c.sha256)
        query = (
            sa.select(*columns, commit_log.c.received_us, commit_log.c.revision, version.c.row)
            .join(version, version.c.revision == commit_log.c.revision)
            .where(version.c.seq == seq)
        )
        with self.reader.connect() as connection:
            return dict(connection.execute(query).mappings().one())

    def references(self, source: str) -> dict[tuple[str, str], dict[str, Any]]:
        """(table, source_ref) -> attributes of the current look-up rows of a source."""
        query = (
            sa.select(version.c.body)
            .join(head, head.c.current_seq == version.c.seq)
            .where(head.c.source == source, head.c.kind == KINDS["reference"].number, sa.not_(head.c.retracted))
        )
        found: dict[tuple[str, str], dict[str, Any]] = {}
        with self.reader.connect() as connection:
            for row in connection.execute(query):
                record = decode(row.body)
                if isinstance(record, Reference):
                    found[(record.table, record.source_ref)] = dict(record.attributes)
        return found

    def close(self) -> None:
        """Close every connection; the last one to close a SQLite database checkpoints it, so under the writer's lock."""
        with self._writing, exclusive(self._lock_path):
            self.reader.dispose()
            self.writer.dispose()


_CHANGE_COLUMNS = (
    version.c.seq,
    version.c.revision,
    version.c.record_id,
    version.c.kind,
    version.c.supersedes_seq,
    version.c.late,
    version.c.retracted,
    version.c.lon,
    version.c.lat,
    version.c.wkb,
    version.c.body,
)


def record_id(secret: bytes, source: str, kind: int, source_ref: str) -> int:
    """The public id of a record, 63 bits: the same for the same key, not to be guessed from it, the same length for all."""
    digest = hashlib.blake2b(
        f"{kind}\0{source}\0{source_ref}".encode("utf-8", "surrogatepass"), digest_size=8, key=secret
    )
    return int.from_bytes(digest.digest(), "big") >> 1


@dataclass
class _Head:
    last_seq: int
    current_seq: int | None
    digest: int
    version_us: int | None
    retracted: bool
    new: bool = False


def _append(connection: Connection, secret: bytes, batch: Batch) -> Tally:
    """Append one batch inside the caller's transaction."""
    at = connection.execute(sa.select(counter.c.revision, counter.c.seq).with_for_update()).one()
    revision, seq = at.revision + 1, at.seq
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    observed_us: int | None = None
    present: set[int] = set()
    for chunk in _with_absent(connection, batch, present):
        rejects = [item for item in chunk if isinstance(item, Reject)]
        entries = [item for item in chunk if isinstance(item, Entry)]
        reasons.update(reject.reason for reject in rejects)
        quarantine.add(connection, batch.source, batch.feed, batch.payload, batch.received_us, rejects)
        ids = [record_id(secret, batch.source, entry.kind, entry.source_ref) for entry in entries]
        if batch.absence == "retract":
            present.update(ids)
        observed = [entry.event_time_us for entry in entries if entry.event_time_us is not None]
        observed_us = max([*observed, *([observed_us] if observed_us is not None else [])], default=None)
        seq = _append_chunk(connection, batch.source, revision, seq, ids, entries, counts)
    if seq == at.seq:
        revision = at.revision
    else:
        _log_commit(connection, batch, revision, seq)
    read = sum(counts.values()) + sum(reasons.values())
    return Tally(
        read,
        counts["accepted"],
        counts["revised"],
        counts["unchanged"],
        counts["retracted"],
        sum(reasons.values()),
        dict(reasons),
        int(revision),
        observed_us,
    )


def _append_chunk(
    connection: Connection,
    source: str,
    revision: int,
    seq: int,
    ids: list[int],
    entries: list[Entry],
    counts: Counter[str],
) -> int:
    heads = _heads(connection, ids)
    rows: list[tuple[Any, ...]] = []
    touched: dict[int, _Head] = {}
    for identity, entry in zip(ids, entries, strict=True):
        before = heads.get(identity)
        outcome, late = _outcome(connection, before, entry, rows)
        counts[outcome] += 1
        if outcome == "unchanged":
            continue
        seq += 1
        rows.append(
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
            after = _Head(seq, before.current_seq, before.digest, before.version_us, before.retracted, new)
        else:
            current = None if entry.retracted else seq
            # A retraction without a time of its own must not open the door to what it took back.
            told = entry.version_time_us
            after = _Head(seq, current, entry.digest, told, entry.retracted, new)
        heads[identity] = touched[identity] = after
    if rows:
        _insert(connection, version, rows)
        _write_heads(connection, source, touched, {row[2]: row[3] for row in rows})
    return seq


def _outcome(
    connection: Connection, before: _Head | None, entry: Entry, pending: list[tuple[Any, ...]]
) -> tuple[str, bool]:
    """What an entry means beside what is known: its outcome, and whether it came late (older than the current version)."""
    if before is None:
        return ("retracted" if entry.retracted else "accepted"), False
    if entry.digest == before.digest or (entry.retracted and before.retracted):
        return "unchanged", False
    told, known = entry.version_time_us, before.version_us
    if told is not None and known is not None and told < known:
        return ("unchanged" if entry.digest in _digests(connection, before.last_seq, pending) else "revised"), True
    return ("retracted" if entry.retracted else "revised"), False


def _digests(connection: Connection, last_seq: int, pending: list[tuple[Any, ...]]) -> set[int]:
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


def _heads(connection: Connection, ids: list[int]) -> dict[int, _Head]:
    found: dict[int, _Head] = {}
    for start in range(0, len(ids), CHUNK_IDS):
        query = sa.select(
            head.c.record_id, head.c.last_seq, head.c.current_seq, head.c.digest, head.c.version_us, head.c.retracted
        ).where(head.c.record_id.in_(ids[start : start + CHUNK_IDS]))
        found.update((row[0], _Head(*row[1:])) for row in connection.execute(query))
    return found


def _write_heads(connection: Connection, source: str, touched: dict[int, _Head], kinds: dict[int, int]) -> None:
    new = [
        (identity, source, kinds[identity], at.last_seq, at.current_seq, at.digest, at.version_us, at.retracted)
        for identity, at in touched.items()
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
        for identity, at in touched.items()
        if not at.new
    ]
    if new:
        _insert(connection, head, new)
    if known:
        connection.execute(head.update().where(head.c.record_id == sa.bindparam("key")), known)


def _insert(connection: Connection, table: sa.Table, rows: list[tuple[Any, ...]]) -> None:
    """Insert rows given in the order of the table's columns; a third of the time of `execute(table.insert(), dicts)`."""
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    marks = ", ".join([mark] * len(table.columns))
    connection.exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", rows)  # noqa: S608 - our own names


def _with_absent(connection: Connection, batch: Batch, present: set[int]) -> Iterator[Sequence[Entry | Reject]]:
    """The batch's chunks and, where absence means taken back, retractions of what the source no longer lists."""
    yield from batch.chunks
    if batch.absence == "keep":
        return
    query = (
        sa.select(head.c.record_id, head.c.kind, version.c.body)
        .join(version, version.c.seq == head.c.current_seq)
        .where(head.c.source == batch.source, head.c.kind.in_(batch.kinds))
    )
    gone = []
    for row in connection.execute(query):
        if row.record_id not in present:
            ref = decode(row.body).source_ref
            body = encoder.encode(
                Retract(kind=KIND_OF_NUMBER[row.kind].name, source_ref=ref, reason="no longer listed by the source")
            )
            gone.append(Entry(0, row.kind, ref, blake(body), None, None, None, None, None, body, True))
    if gone:
        yield gone


def _log_commit(connection: Connection, batch: Batch, revision: int, seq: int) -> None:
    last = connection.execute(
        sa.select(commit_log.c.committed_us).where(commit_log.c.revision == revision - 1)
    ).scalar()
    connection.execute(
        commit_log.insert(),
        {
            "revision": revision,
            # Never before the commit ahead of it, whatever the machine's clock does: "as known at" bisects on this.
            "committed_us": max(time.time_ns() // 1000, (last or 0) + 1),
            "received_us": batch.received_us,
            "last_seq": seq,
            "source": batch.source,
            "feed": batch.feed,
            "payload": batch.payload,
            "sha256": batch.sha256,
        },
    )
    connection.execute(counter.update().values(revision=revision, seq=seq))
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_notify('commonground', :revision)"), {"revision": str(revision)})


def open_store(url: str) -> Store:
    """Open (and where needed create or migrate) the database at a SQLAlchemy URL, SQLite or PostgreSQL."""
    return Store(*connect(url))
