"""Group commit: small payloads that wait at the same moment are appended together, in one transaction with one sync.

Each keeps its own tally, its own row in the commit log and its own revision, so that provenance, undo and "the same payload
again" stay questions of one payload. What they share are the statements: to append one record takes nine, to append two
hundred payloads of one record each takes nine too, and those were most of the time.

Where the database refuses anything of a group, the group is undone to where it began and each payload is appended by itself:
only the one that cannot be stored fails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from data import quarantine
from data.append import (
    CHUNK_IDS,
    Batch,
    Tally,
    Unwritten,
    append,
    decide,
    heads_of,
    log_commits,
    record_ids,
    tally_of,
)
from data.records import Entry, Reject
from data.tables import counter

SMALL_ROWS = 1_000
_PAYLOADS = (
    "SELECT head.record_id, commit_log.sha256 FROM head JOIN version ON version.seq = head.last_seq"
    " JOIN commit_log ON commit_log.revision = version.revision"
)
_COUNTER = sa.select(counter.c.revision, counter.c.seq).with_for_update()


@dataclass(frozen=True)
class _Read:
    """A small batch, read whole."""

    batch: Batch
    entries: list[Entry]
    rejects: list[Reject]
    ids: list[int]


def append_each(connection: Connection, secret: bytes, batches: Sequence[Batch]) -> list[Tally | Exception]:
    """Append inside the caller's transaction, in order; a batch that cannot be stored is its error here, and harms no other."""
    told: list[Tally | Exception] = []
    for small, run in groupby(batches, is_small):
        several = list(run)
        if small and len(several) > 1:
            try:
                with connection.begin_nested():
                    told += append_together(connection, secret, several)
                continue
            except Exception:  # noqa: BLE001, S110 - whose it is, is found by appending each alone
                pass
        for batch in several:
            try:
                with connection.begin_nested():
                    told.append(
                        append_together(connection, secret, [batch])[0] if small else append(connection, secret, batch)
                    )
            except Exception as error:  # noqa: BLE001 - it goes to the caller whose batch it is
                told.append(error)
    return told


def is_small(batch: Batch) -> bool:
    """Whether it lies in memory, brings few rows, and means nothing beyond them."""
    in_hand = isinstance(batch.chunks, list) and sum(map(len, batch.chunks)) <= SMALL_ROWS
    return in_hand and batch.absence == "keep" and not batch.again


def append_together(connection: Connection, secret: bytes, batches: Sequence[Batch]) -> list[Tally]:
    """Append small batches, all or none of them; what each means is as if it had been appended after those before it."""
    at = connection.execute(_COUNTER).one()
    revision, seq = int(at.revision), int(at.seq)
    tallies: list[Tally] = []
    commits: list[tuple[Batch, int, int]] = []
    for run in _runs([_read(secret, batch) for batch in batches]):
        heads = heads_of(connection, [identity for each in run for identity in each.ids])
        payloads = _last_payloads(connection, run, {identity: at.digest for identity, at in heads.items()})
        unwritten = Unwritten()
        logged = len(commits)
        for each in run:
            batch, counts, before = each.batch, Counter[str](), len(unwritten.rows)
            repeated = {one for one in each.ids if batch.sha256 and payloads.get(one) == batch.sha256}
            decide(connection, batch, revision + 1, seq, each.ids, each.entries, heads, repeated, (), unwritten, counts)
            quarantine.add(connection, batch.source, batch.feed, batch.payload, batch.received_us, each.rejects)
            if brought := len(unwritten.rows) - before:
                revision, seq = revision + 1, seq + brought
                commits.append((batch, revision, seq))
            observed = [entry.event_time_us for entry in each.entries if entry.event_time_us is not None]
            reasons = Counter(reject.reason for reject in each.rejects)
            tallies.append(tally_of(counts, reasons, revision, max(observed, default=None)))
        unwritten.write(connection)
        if len(commits) > logged:
            log_commits(connection, commits[logged:])
    return tallies


def _read(secret: bytes, batch: Batch) -> _Read:
    items = [item for chunk in batch.chunks for item in chunk]
    entries = [item for item in items if isinstance(item, Entry)]
    rejects = [item for item in items if isinstance(item, Reject)]
    return _Read(batch, entries, rejects, record_ids(secret, batch.source, entries))


def _runs(read: Sequence[_Read]) -> Iterator[list[_Read]]:
    """Batches one after another of which no two tell of the same record: none needs to find in the log what another wrote."""
    run: list[_Read] = []
    told: set[int] = set()
    for each in read:
        if not told.isdisjoint(each.ids):
            yield run
            run, told = [], set()
        run.append(each)
        told.update(each.ids)
    yield run


def _last_payloads(connection: Connection, run: Sequence[_Read], digests: dict[int, int]) -> dict[int, str]:
    """SHA-256 of the payload that the last version of a record came with, for records that are told of otherwise now."""
    differing = [
        identity
        for each in run
        for identity, entry in zip(each.ids, each.entries, strict=True)
        if identity in digests and digests[identity] != entry.digest
    ]
    found: dict[int, str] = {}
    for start in range(0, len(differing), CHUNK_IDS):
        listed = ",".join(map(str, differing[start : start + CHUNK_IDS]))
        # The numbers are made by `record_ids`: as parameters, or in a statement made anew, they take longer than the query.
        query = f"{_PAYLOADS} WHERE head.record_id IN ({listed})"
        found.update((row[0], row[1]) for row in connection.exec_driver_sql(query).all())
    return found
