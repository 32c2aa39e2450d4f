"""Taking back a payload whole: what it created is retracted, what it revised goes back to what was known before it.

Nothing leaves the log. A taking back is a commit of its own, whose versions are copies of what counts again, or retractions;
history shows both. Where a record stands is told anew from the versions of every payload that was not taken back, by the rule
of `data.append`: so payloads may be taken back in any order, and what another payload said later stays. What a later payload
only repeated left no version of its own, and counts again when it is sent again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from data import audit
from data.append import Batch, Tally, log_commit
from data.records import KIND_OF_NUMBER, Retract, blake, encoder
from data.settings import Settings
from data.store import Store
from data.tables import commit_log, counter, erasure, head, undone, version

FEED = "undo"
"""`commit_log.feed` of a taking back."""
OWN = ("sharing", "retention", FEED)
"""Feeds of commits that are no payload."""
CHUNK = 1_000
WHY = "the payload that brought it was taken back"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CannotUndo(ValueError):
    """Why not, in one sentence."""


class Committed(NamedTuple):
    """One payload that changed something, and what it changed, in records."""

    revision: int
    committed_us: int
    received_us: int
    source: str
    feed: str
    payload: str
    accepted: int
    revised: int
    retracted: int
    undone_us: int | None
    undone_by: str


class _Said(msgspec.Struct):
    """What of a stored body tells where its record stands."""

    source_ref: str = ""
    version_time: datetime | None = None


_said = msgspec.json.Decoder(_Said)


class _Move(NamedTuple):
    """One record the payload touched: where it stands, and where it is to stand without the payload."""

    at: Row[Any]
    """Its row of `head`."""
    origin: int | None
    """The version that counts again; None where nothing else was ever said: it is retracted."""
    digest: int
    version_us: int | None
    retracted: bool
    body: bytes
    """Of the retraction, where there is no `origin`."""

    @property
    def moves(self) -> bool:
        return (self.digest, self.version_us, self.retracted) != (self.at.digest, self.at.version_us, self.at.retracted)

    @property
    def outcome(self) -> str:
        if not self.moves or (self.retracted and self.at.retracted):
            return "unchanged"
        return "retracted" if self.retracted else "revised"


def undo_batch(store: Store, settings: Settings, who: str, revision: int, reason: str) -> Tally:
    """Take back the payload of a commit: `retracted` records are gone, `revised` went back, `unchanged` stand as others said.

    Raises `CannotUndo` for what is no payload or was taken back already.
    """
    with store.transaction() as connection:
        at = connection.execute(sa.select(counter.c.revision, counter.c.seq).with_for_update()).one()
        commit = _payload(connection, revision)
        by, seq = int(at.revision) + 1, int(at.seq)
        counts: Counter[str] = Counter()
        for moves in _moves(connection, commit):
            counts.update(move.outcome for move in moves)
            seq = _append(connection, [move for move in moves if move.moves], seq, by)
        now_us = time.time_ns() // 1_000
        # As if received when the payload was: a row of it that is mended and read again later has not been overtaken.
        log_commit(connection, Batch(commit.source, FEED, commit.payload, "", commit.received_us, ()), by, seq)
        told = {"revision": revision, "by_revision": by, "time_us": now_us, "who": who, "reason": reason}
        connection.execute(undone.insert(), told)
        audit.append(connection, "payload.undo", who, commit.source, reason, {"revision": revision, **counts})
    with store.changed:
        store.changed.notify_all()
    return _tally(counts, by)


def foresee_undo(store: Store, revision: int) -> Tally:
    """What `undo_batch` would do now, without doing it. Raises `CannotUndo`."""
    with store.reader.connect() as connection:
        moves = _moves(connection, _payload(connection, revision))
        return _tally(Counter(move.outcome for some in moves for move in some), revision)


def _tally(counts: Counter[str], revision: int) -> Tally:
    return Tally(
        read=sum(counts.values()),
        revised=counts["revised"],
        unchanged=counts["unchanged"],
        retracted=counts["retracted"],
        revision=revision,
    )


def batches(store: Store, source: str | None = None, limit: int = 50, revision: int | None = None) -> list[Committed]:
    """Payloads that changed something, newest first, those that were taken back among them; or that of one commit."""
    earlier = commit_log.alias()
    query = (
        sa.select(commit_log, sa.func.coalesce(earlier.c.last_seq, 0).label("before"), undone.c.time_us, undone.c.who)
        .outerjoin(earlier, earlier.c.revision == commit_log.c.revision - 1)
        .outerjoin(undone, undone.c.revision == commit_log.c.revision)
        .where(commit_log.c.feed.not_in(OWN))
        .order_by(commit_log.c.revision.desc())
        .limit(limit)
    )
    if source is not None:
        query = query.where(commit_log.c.source == source)
    if revision is not None:
        query = query.where(commit_log.c.revision == revision)
    with store.reader.connect() as connection:
        found = []
        for row in connection.execute(query).all():
            counts = _counted(connection, row.before, row.last_seq)
            told = (row.revision, row.committed_us, row.received_us, row.source, row.feed, row.payload)
            found.append(Committed(*told, *counts, row.time_us, row.who or ""))
        return found


def _counted(connection: Connection, after: int, last: int) -> tuple[int, int, int]:
    """Of the versions of one commit: first ones of a record, later ones, retractions."""
    first = version.c.previous_seq.is_(None)
    query = sa.select(version.c.retracted, first.label("first"), sa.func.count().label("times")).where(
        version.c.seq > after, version.c.seq <= last
    )
    counts: Counter[str] = Counter()
    for row in connection.execute(query.group_by(version.c.retracted, first)):
        counts["retracted" if row.retracted else "accepted" if row.first else "revised"] += row.times
    return counts["accepted"], counts["revised"], counts["retracted"]


def _payload(connection: Connection, revision: int) -> Row[Any]:
    """The commit of a payload that still counts. Raises `CannotUndo`."""
    commit = connection.execute(sa.select(commit_log).where(commit_log.c.revision == revision)).first()
    if commit is None or commit.feed in OWN:
        raise CannotUndo(f"Revision {revision} is not a payload that was read; take back one of those listed.")
    before = connection.execute(sa.select(undone).where(undone.c.revision == revision)).first()
    if before is not None:
        when = _EPOCH + timedelta(microseconds=before.time_us)
        raise CannotUndo(f"{commit.payload} was taken back already, by {before.who} at {when:%Y-%m-%d %H:%MZ}.")
    return commit


def _moves(connection: Connection, commit: Row[Any]) -> Iterator[list[_Move]]:
    """Every record the commit touched and whose content is still there, some at a time."""
    earlier = sa.select(commit_log.c.last_seq).where(commit_log.c.revision == commit.revision - 1)
    first = int(connection.execute(earlier).scalar() or 0) + 1
    gone = {commit.revision}
    for one in connection.execute(sa.select(undone.c.revision, undone.c.by_revision)):
        gone |= {one.revision, one.by_revision}
    done: set[int] = set()
    for start in range(first, commit.last_seq + 1, CHUNK):
        within = version.c.seq.between(start, min(start + CHUNK - 1, commit.last_seq))
        erased = sa.select(erasure.c.seq).where(erasure.c.seq == version.c.seq, erasure.c.whole).exists()
        touched = connection.execute(sa.select(version.c.record_id).where(within, sa.not_(erased))).scalars()
        ids = set(touched) - done
        done |= ids
        if ids:
            yield _of_records(connection, sorted(ids), gone)


def _of_records(connection: Connection, ids: Sequence[int], gone: set[int]) -> list[_Move]:
    heads = connection.execute(sa.select(head).where(head.c.record_id.in_(ids))).all()
    names = ("seq", "record_id", "revision", "digest", "previous_seq", "late", "retracted", "body")
    newest = sa.select(*(version.c[name] for name in names)).where(version.c.seq.in_([at.last_seq for at in heads]))
    chain = newest.cte("chain", recursive=True)
    older = version.alias()
    chain = chain.union_all(
        sa.select(*(older.c[name] for name in names)).join(chain, older.c.seq == chain.c.previous_seq)
    )
    whole = erasure.alias()
    query = sa.select(chain, whole.c.seq.is_not(None).label("erased")).outerjoin(
        whole, sa.and_(whole.c.seq == chain.c.seq, whole.c.whole)
    )
    told: dict[int, list[Row[Any]]] = {}
    for row in connection.execute(query.order_by(chain.c.seq)):
        told.setdefault(row.record_id, []).append(row)
    return [_move(at, told[at.record_id], gone) for at in heads]


def _move(at: Row[Any], versions: Sequence[Row[Any]], gone: set[int]) -> _Move:
    """Where a record stands by the versions of the payloads that count, oldest first: as `data.append` would have it."""
    found: Row[Any] | None = None
    known_us: int | None = None
    for one in versions:
        if one.revision in gone:
            continue
        told_us = _micros(_said.decode(one.body).version_time)
        late = told_us < known_us if told_us is not None and known_us is not None else one.late
        if found is not None and late:
            continue
        carried = known_us if told_us is None and one.retracted else told_us
        found, known_us = one, carried
    if found is None or found.erased:
        ref = _said.decode(versions[-1].body).source_ref
        body = encoder.encode(Retract(kind=KIND_OF_NUMBER[at.kind].name, source_ref=ref, reason=WHY))
        return _Move(at, None, blake(body), None, True, body)
    return _Move(at, found.seq, found.digest, known_us, found.retracted, b"")


def _append(connection: Connection, moves: Sequence[_Move], seq: int, revision: int) -> int:
    """Append the versions that count again, and retractions; the last one's number."""
    copies, retractions, heads = [], [], []
    for seq, move in enumerate(moves, start=seq + 1):  # noqa: B020 (it goes on from where it stood)
        links = {"seq": seq, "previous_seq": move.at.last_seq, "supersedes_seq": move.at.current_seq}
        if move.origin is None:
            of = {"record_id": move.at.record_id, "kind": move.at.kind, "digest": move.digest, "body": move.body}
            retractions.append({**links, **of, "revision": revision, "late": False, "retracted": True, "row": 0})
        else:
            copies.append({f"new_{name}": value for name, value in links.items()} | {"origin": move.origin})
        current = None if move.retracted else seq
        heads.append(
            {
                "key": move.at.record_id,
                "last_seq": seq,
                "current_seq": current,
                "digest": move.digest,
                "version_us": move.version_us,
                "retracted": move.retracted,
            }
        )
    if copies:
        connection.execute(_copying(revision), copies)
    if retractions:
        connection.execute(version.insert(), retractions)
    if heads:
        connection.execute(head.update().where(head.c.record_id == sa.bindparam("key")), heads)
    return seq


def _copying(revision: int) -> sa.Insert:
    """A version again, as it reads now: retention may have erased what is personal of it."""
    left = erasure.alias()
    fresh = {
        "revision": sa.literal(revision, sa.BigInteger),
        "digest": sa.func.coalesce(left.c.digest, version.c.digest),
        "late": sa.false(),
        **{
            name: sa.bindparam(f"new_{name}", type_=sa.BigInteger) for name in ("seq", "previous_seq", "supersedes_seq")
        },
    }
    names = [column.name for column in version.columns]
    source = version.outerjoin(left, sa.and_(left.c.seq == version.c.seq, sa.not_(left.c.whole)))
    again = sa.select(*(fresh.get(name, version.c[name]) for name in names)).select_from(source)
    return version.insert().from_select(names, again.where(version.c.seq == sa.bindparam("origin")))


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - _EPOCH) // timedelta(microseconds=1)
