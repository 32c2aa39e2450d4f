"""Retention: what a class of records is kept for, and erasing what is past it in small steps.

A source's mark names a class, the settings say for how long that is kept, counted from when a version was stored: first, where
said, its personal fields go, then the whole of it. The rows of the log stay, so that it can be checked, and so does the digest
of what was there, so that the same row sent again is known to be nothing new; each step is a commit, for pictures to follow,
and an entry of the audit log, which bears a hash of what was left. What a source's quarantine holds goes with the records.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from data import audit, quarantine
from data.append import Batch, log_commit
from data.records import KIND_OF_NUMBER, Retract, blake, encoder
from data.settings import Settings, Source
from data.sharing import read
from data.store import Store
from data.tables import audit as audit_log
from data.tables import commit_log, counter, erasure, head, retention_state, version

FEED = "retention"
"""`commit_log.feed` of a step."""
STEP = 1_000
"""Versions a step goes through: some milliseconds of the writer's time."""
KEPT = ("type", "source", "agency", "sensitivity", "releasable_to", "own", "exercise")
"""What is left of a body: its kind, whose it was and how it was marked."""
PLACE = ("lon", "lat", "wkb")
"""Fields that stand beside the body; where one of them is personal, all of them are."""
ACTS = {"whole": "retention.erase", "personal": "retention.personal"}
Part = Literal["whole", "personal"]


class Erased(NamedTuple):
    """One version whose content went, by the commit that took it."""

    seq: int
    revision: int
    whole: bool


class _Left(NamedTuple):
    seq: int
    record_id: int
    body: bytes
    lon: float | None
    lat: float | None
    wkb: bytes | None

    @property
    def digest(self) -> int:
        return blake(self.body, self.wkb or b"")


def step(store: Store, settings: Settings, now: datetime, limit: int = STEP) -> bool:
    """Go through the next versions that are past their time; whether there may be more. One short transaction each."""
    now_us = round(now.timestamp() * 1_000_000)
    for source in read(store, settings).sources.values():
        kept = settings.retention.get(source.retention)
        if kept is None:
            continue
        parts: tuple[tuple[Part, float | None], ...] = (("personal", kept.personal_s), ("whole", kept.whole_s))
        for part, seconds in parts:
            if seconds is not None and _step(store, settings, source, part, now_us - round(seconds * 1e6), limit):
                return True
    return False


def erased(store: Store, since: int, until: int) -> list[Erased]:
    """What was erased by the commits with `since` < revision <= `until`, in order."""
    with store.reader.connect() as connection:
        return [Erased(*row) for row in connection.execute(_ERASED, {"since": since, "until": until})]


_ERASED = (
    sa.select(erasure.c.seq, erasure.c.revision, erasure.c.whole)
    .where(erasure.c.revision > sa.bindparam("since"), erasure.c.revision <= sa.bindparam("until"))
    .order_by(erasure.c.revision, erasure.c.seq)
)


def unlogged(connection: Connection) -> Iterator[str]:
    """One sentence for each commit whose erasures are not those that the audit log tells of."""
    told: dict[int, str] = {}
    acts = sa.select(audit_log.c.details).where(audit_log.c.act.in_(ACTS.values()))
    for (details,) in connection.execute(acts):
        said = json.loads(details)
        if "revision" in said:
            told[int(said["revision"])] = str(said["left"])
    found: dict[int, list[tuple[int, int]]] = {}
    columns = (erasure.c.revision, erasure.c.seq, erasure.c.digest)
    for revision, seq, digest in connection.execute(sa.select(*columns).order_by(*columns)):
        found.setdefault(revision, []).append((seq, digest))
    for revision in sorted(found.keys() | told.keys()):
        if told.get(revision) != _fingerprint(found.get(revision, [])):
            yield f"what was erased at revision {revision} is not what the audit log says was erased."


def _step(store: Store, settings: Settings, source: Source, part: Part, cutoff_us: int, limit: int) -> bool:
    with store.reader.connect() as connection:
        done = _done(connection, source.name, part)
        until = _last_seq(connection, cutoff_us)
        rejects = quarantine.old(connection, source.name, cutoff_us, limit) if part == "whole" else []
    if until <= done and not rejects:
        return False
    with store.transaction() as connection:
        connection.execute(sa.select(counter.c.revision).with_for_update())  # one process takes a step at a time
        _wipe(connection, True)
        seqs, reached = _next(connection, source.name, _done(connection, source.name, part), until, limit)
        rows = list(_left(connection, seqs, part, source.personal_fields))
        details: dict[str, audit.Value] = {"class": source.retention}
        if rows:
            details |= {"revision": _erase(connection, rows, part), "first": rows[0].seq, "last": rows[-1].seq}
            details |= {"versions": len(rows), "left": _fingerprint((row.seq, row.digest) for row in rows)}
        if rejects:
            details["rejects"] = len(rejects)
            quarantine.drop(connection, settings.home, rejects)
        if len(details) > 1:
            audit.append(connection, ACTS[part], "commonground", source.name, details=details)
        _remember(connection, source.name, part, reached)
        _wipe(connection, False)
    if rows:
        with store.changed:
            store.changed.notify_all()
    return reached < until or len(rejects) == limit


def _next(connection: Connection, source: str, done: int, until: int, limit: int) -> tuple[list[int], int]:
    """The next versions of a source after `done` up to `until`, and up to where that has looked."""
    begin = connection.execute(sa.select(version.c.revision).where(version.c.seq == done)).scalar() or 0
    earlier = commit_log.alias()
    commits = (
        sa.select(commit_log.c.last_seq, sa.func.coalesce(earlier.c.last_seq, 0).label("before"))
        .outerjoin(earlier, earlier.c.revision == commit_log.c.revision - 1)
        .where(commit_log.c.revision >= begin, commit_log.c.last_seq > done, commit_log.c.last_seq <= until)
        .where(commit_log.c.source == source)
        .order_by(commit_log.c.revision)
        .limit(limit)
    )
    seqs: list[int] = []
    for last, before in connection.execute(commits).all():
        for seq in range(max(done, before) + 1, last + 1):
            if len(seqs) == limit:
                return seqs, seqs[-1]
            seqs.append(seq)
    return seqs, seqs[-1] if len(seqs) >= limit else until


def _left(connection: Connection, seqs: Sequence[int], part: Part, personal: Iterable[str]) -> Iterator[_Left]:
    """What is to be left of these versions, of those that it changes."""
    columns = (version.c.seq, version.c.record_id, version.c.kind, version.c.lon, version.c.lat, version.c.wkb)
    gone = sa.select(erasure.c.seq).where(erasure.c.seq == version.c.seq, erasure.c.whole).exists()
    query = sa.select(*columns, version.c.retracted, version.c.body).where(version.c.seq.in_(seqs), sa.not_(gone))
    for row in connection.execute(query.order_by(version.c.seq)).all():
        if part == "whole":
            body = _stub(row.body, row.kind, row.retracted)
            yield _Left(row.seq, row.record_id, body, None, None, None)
        elif not row.retracted:
            names = {*personal, *json.loads(row.body).get("own", {}).get("personal_fields", ())}
            if names & {*PLACE}:
                names |= {*PLACE}
            body = _without(row.body, names)
            place = (None, None, None) if names & {*PLACE} else (row.lon, row.lat, row.wkb)
            if body != row.body or place != (row.lon, row.lat, row.wkb):
                yield _Left(row.seq, row.record_id, body, *place)


def _stub(body: bytes, kind: int, retracted: bool) -> bytes:
    if retracted:
        return encoder.encode(Retract(kind=KIND_OF_NUMBER[kind].name, source_ref="", reason="erased"))
    told = json.loads(body)
    return _body({**{name: told[name] for name in KEPT if name in told}, "source_ref": ""})


def _without(body: bytes, personal: set[str]) -> bytes:
    told: dict[str, Any] = json.loads(body)
    kept = {name: value for name, value in told.items() if name not in personal or name in (*KEPT, "source_ref")}
    for name in ("attributes", "disaggregation"):
        if name in kept:
            kept[name] = {key: value for key, value in kept[name].items() if key not in personal}
    return body if kept == told else _body(kept)


def _body(told: dict[str, Any]) -> bytes:
    return encoder.encode(told)


def _erase(connection: Connection, rows: Sequence[_Left], part: Part) -> int:
    """Write what is left, as a commit; its revision."""
    at = connection.execute(sa.select(counter.c.revision, counter.c.seq).with_for_update()).one()
    revision = int(at.revision) + 1
    log_commit(connection, Batch("", FEED, "", "", time.time_ns() // 1_000, ()), revision, at.seq)
    left = version.update().where(version.c.seq == sa.bindparam("key"))
    connection.execute(
        left, [{"key": row.seq, "body": row.body, "lon": row.lon, "lat": row.lat, "wkb": row.wkb} for row in rows]
    )
    told = [{"seq": r.seq, "revision": revision, "whole": part == "whole", "digest": r.digest} for r in rows]
    connection.execute(erasure.insert(), told)
    if part == "whole":
        seqs = [row.seq for row in rows]
        # Its digest stays: the same row sent again is nothing new, and does not come back.
        connection.execute(head.update().where(head.c.current_seq.in_(seqs)).values(current_seq=None, retracted=True))
    return revision


def _last_seq(connection: Connection, micros: int) -> int:
    """The last version committed at or before a time; commits are in the order of their times, and have no gaps."""
    low, high = 0, int(connection.execute(sa.select(sa.func.max(commit_log.c.revision))).scalar() or 0)
    found = 0
    while low < high:
        middle = (low + high + 1) // 2
        row = connection.execute(
            sa.select(commit_log.c.committed_us, commit_log.c.last_seq).where(commit_log.c.revision == middle)
        ).one()
        if row.committed_us <= micros:
            low, found = middle, int(row.last_seq)
        else:
            high = middle - 1
    return found


def _done(connection: Connection, source: str, part: Part) -> int:
    column = retention_state.c.whole_seq if part == "whole" else retention_state.c.personal_seq
    return connection.execute(sa.select(column).where(retention_state.c.source == source)).scalar() or 0


def _remember(connection: Connection, source: str, part: Part, seq: int) -> None:
    told = {f"{part}_seq": seq}
    if not connection.execute(
        retention_state.update().where(retention_state.c.source == source).values(**told)
    ).rowcount:
        connection.execute(retention_state.insert(), {"source": source, "personal_seq": 0, "whole_seq": 0, **told})


def _fingerprint(left: Iterable[tuple[int, int]]) -> str:
    """SHA-256 of what a step left: a line "seq digest" for each version."""
    return hashlib.sha256("".join(f"{seq} {digest}\n" for seq, digest in left).encode()).hexdigest()


def _wipe(connection: Connection, wanted: bool) -> None:
    """On SQLite: whether what is overwritten is zeroed in the file too. On PostgreSQL vacuum and its log decide that."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA secure_delete={'ON' if wanted else 'OFF'}")
