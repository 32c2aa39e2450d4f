"""The system of record: an append-only log of record versions, with one revision counter ordered by commit.

`append` returns only after its transaction is durable (SQLite: WAL with synchronous=FULL). Callers that arrive while another
transaction is being written share the next one (group commit). One writer at a time, across processes too (`data.database`).

Only the picture reads records from here; everybody else asks the picture, with a viewer.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from data.append import CHUNK_IDS, append, record_ids
from data.append import Batch as Batch
from data.append import Tally as Tally
from data.database import connect, exclusive
from data.foretell import Heard, foretell
from data.group import append_each
from data.records import KINDS, Entry, Reference, decode
from data.tables import commit_log, counter, head, version


class Change(NamedTuple):
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
    feed: str = ""


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
        (told,) = self.append_each([batch])
        if isinstance(told, Exception):
            raise told
        return told

    def append_each(self, batches: Sequence[Batch]) -> list[Tally | Exception]:
        """Append several payloads durably, in order; the error of one that cannot be stored stands in place of its tally."""
        group = [(batch, Future[Tally]()) for batch in batches]
        self._waiting.extend(group)
        with self._writing:
            if any(not ticket.done() for _, ticket in group):
                self._commit_waiting()
        return [_outcome(ticket) for _, ticket in group]

    def foretell(self, batch: Batch, heard: Heard | None = None) -> Tally:
        """The tally `append` would give now; nothing is written and no writer waits. Raises what reading `chunks` raises."""
        with self.reader.connect() as connection:
            return foretell(connection, self._secret, batch, heard)

    def _commit_waiting(self) -> None:
        group = []
        while self._waiting:
            group.append(self._waiting.popleft())
        try:
            with self.transaction() as connection:
                told = append_each(connection, self._secret, [batch for batch, _ in group])
        except BaseException as error:
            for _, ticket in group:
                ticket.set_exception(error)
            raise
        for (_, ticket), result in zip(group, told, strict=True):
            if isinstance(result, Tally):
                ticket.set_result(result)
            else:
                ticket.set_exception(result)
        with self.changed:
            self.changed.notify_all()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A writing transaction: one at a time in this process and, on SQLite, on this machine."""
        with exclusive(self._lock_path), self.writer.connect() as connection, connection.begin():
            yield connection

    def append_within(self, connection: Connection, batch: Batch) -> list[int]:
        """Append a few rows within a transaction of the caller's, together with what else it does; their record ids."""
        rows = [list(chunk) for chunk in batch.chunks]
        append(connection, self._secret, replace(batch, chunks=rows))
        return [self.record_id(batch.source, row) for chunk in rows for row in chunk if isinstance(row, Entry)]

    def record_id(self, source: str, entry: Entry) -> int:
        """The id of the record that a source's row is a version of."""
        return record_ids(self._secret, source, [entry])[0]

    def revision(self) -> int:
        with self.reader.connect() as connection:
            return int(connection.execute(sa.select(counter.c.revision)).scalar_one())

    def commits_since(self, revision: int) -> list[Commit]:
        """Commits after `revision`, in order."""
        with self.reader.connect() as connection:
            return [Commit(*row) for row in connection.execute(_COMMITS, {"after": revision})]

    def changes_since(self, revision: int, until: int) -> Iterator[list[Change]]:
        """Every version with `revision` < its revision <= `until`, in order, in chunks."""
        with self.reader.connect() as connection:
            last_seq = connection.execute(_LAST_SEQ, {"until": revision}).scalar()
            known = {"after": last_seq or 0, "until": until}
            result = connection.execution_options(yield_per=CHUNK_IDS).execute(_CHANGES, known)
            for rows in result.partitions():
                yield list(map(Change._make, rows))

    def versions(self, seqs: Sequence[int]) -> list[Change]:
        """These versions as they read now, in order."""
        found = []
        with self.reader.connect() as connection:
            for start in range(0, len(seqs), CHUNK_IDS):
                query = sa.select(*_CHANGE_COLUMNS).where(version.c.seq.in_(seqs[start : start + CHUNK_IDS]))
                found += [Change._make(row) for row in connection.execute(query.order_by(version.c.seq))]
        return found

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


def _outcome(ticket: Future[Tally]) -> Tally | Exception:
    error = ticket.exception()
    if error is None:
        return ticket.result()
    if isinstance(error, Exception):
        return error
    raise error


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

# Asked after every commit: made once, for making such a statement takes longer than answering it.
_COMMITS = (
    sa.select(commit_log.c.revision, commit_log.c.committed_us, commit_log.c.received_us, commit_log.c.feed)
    .where(commit_log.c.revision > sa.bindparam("after"))
    .order_by(commit_log.c.revision)
)
_LAST_SEQ = sa.select(sa.func.max(commit_log.c.last_seq)).where(commit_log.c.revision <= sa.bindparam("until"))
_CHANGES = (
    sa.select(*_CHANGE_COLUMNS)
    .where(version.c.seq > sa.bindparam("after"), version.c.revision <= sa.bindparam("until"))
    .order_by(version.c.seq)
)


def open_store(url: str) -> Store:
    """Open (and where needed create or migrate) the database at a SQLAlchemy URL, SQLite or PostgreSQL."""
    return Store(*connect(url))
