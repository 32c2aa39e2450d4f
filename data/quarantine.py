"""Rows and payloads that could not be read: kept raw, with the reason, until somebody mends and replays them, or discards them.

A mend stands beside the raw row, never in its place. A reject is open, replayed (read at last, or refused for another reason
and kept anew under that, with this one as its origin), or discarded with a reason; none of them is gone before retention says.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from data.records import Reject
from data.tables import quarantine

KEPT_AS_FILE = b"kept in the home folder as quarantine/"
"""What stands for a payload too large for a row, before the name of its file."""


def add(
    connection: Connection,
    source: str,
    feed: str,
    payload: str,
    now_us: int,
    rejects: Sequence[Reject],
    feed_version: str = "",
) -> None:
    """Keep rejects inside the caller's transaction; the same raw row of a source refused again is counted, not doubled.

    One that was discarded stays so, however often it is sent.
    """
    fresh: dict[int, dict[str, Any]] = {}
    for reject in rejects:
        raw = reject.raw if isinstance(reject.raw, bytes) else reject.raw.encode("utf-8", "surrogatepass")
        key = "\0".join((source, feed, reject.reason)).encode()
        digest = hashlib.blake2b(key + b"\0" + raw, digest_size=8).digest()
        fingerprint = int.from_bytes(digest, "big", signed=True)
        if fingerprint in fresh:
            fresh[fingerprint]["seen"] += 1
            continue
        fresh[fingerprint] = {
            "fingerprint": fingerprint,
            "source": source,
            "feed": feed,
            "payload": payload,
            "row": reject.row or None,
            "field": reject.field,
            "reason": reject.reason,
            "detail": reject.detail,
            "raw": raw,
            "first_seen_us": now_us,
            "last_seen_us": now_us,
            "seen": 1,
            "state": "open",
            "feed_version": feed_version,
            "origin": reject.answers or None,
            "edited_by": "",
            "settled_by": "",
            "settled_why": "",
        }
    if not fresh:
        return
    at = quarantine.c
    known = set(connection.execute(sa.select(at.fingerprint).where(at.fingerprint.in_(list(fresh)))).scalars())
    if new := [row for fingerprint, row in fresh.items() if fingerprint not in known]:
        connection.execute(quarantine.insert(), new)
    if known:
        again = quarantine.update().where(at.fingerprint == sa.bindparam("known"))
        connection.execute(
            again.values(
                last_seen_us=now_us,
                seen=at.seen + sa.bindparam("times"),
                state=sa.case((at.state == "discarded", at.state), else_="open"),
                feed_version=feed_version,
            ),
            [{"known": fingerprint, "times": fresh[fingerprint]["seen"]} for fingerprint in known],
        )


def groups(engine: Engine, source: str | None = None) -> list[dict[str, Any]]:
    """Open rejects by source, feed and reason: count, first and last seen, one example id; most frequent first."""
    at = quarantine.c
    query = (
        sa.select(
            at.source,
            at.feed,
            at.reason,
            sa.func.count().label("count"),
            sa.func.min(at.first_seen_us).label("first_seen_us"),
            sa.func.max(at.last_seen_us).label("last_seen_us"),
            sa.func.min(at.id).label("example_id"),
        )
        .where(at.state == "open")
        .group_by(at.source, at.feed, at.reason)
        .order_by(sa.desc("count"), at.source, at.reason)
    )
    if source is not None:
        query = query.where(at.source == source)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def entries(
    engine: Engine,
    *,
    ids: Sequence[int] = (),
    source: str | None = None,
    feed: str | None = None,
    reason: str | None = None,
    limit: int = 1_000,
    after: int = 0,
) -> list[dict[str, Any]]:
    """Open rejects whole, with their raw bytes, oldest first, from the one after id `after` on."""
    at = quarantine.c
    query = sa.select(quarantine).where(at.state == "open", at.id > after).order_by(at.id).limit(limit)
    if ids:
        query = query.where(at.id.in_(ids))
    for column, wanted in ((at.source, source), (at.feed, feed), (at.reason, reason)):
        if wanted is not None:
            query = query.where(column == wanted)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def entry(engine: Engine, number: int) -> dict[str, Any] | None:
    """One reject whole, whatever became of it."""
    with engine.connect() as connection:
        row = connection.execute(sa.select(quarantine).where(quarantine.c.id == number)).mappings().first()
    return None if row is None else dict(row)


def successors(engine: Engine, ids: Sequence[int]) -> list[dict[str, Any]]:
    """Open rejects that mends of these came to, refused for another reason; whole, oldest first."""
    at = quarantine.c
    query = sa.select(quarantine).where(at.state == "open", at.origin.in_(ids)).order_by(at.id)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def newest_id(engine: Engine) -> int:
    """The id of the reject that was added last; 0 before the first."""
    with engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.max(quarantine.c.id))).scalar() or 0)


def settle(connection: Connection, ids: Collection[int], who: str = "") -> None:
    """Mark open rejects as replayed: they stay, but are no longer open."""
    at = quarantine.c
    settled = {"state": "replayed", "settled_us": time.time_ns() // 1_000, "settled_by": who}
    connection.execute(quarantine.update().where(at.id.in_(ids), at.state == "open").values(**settled))


def answered(connection: Connection, source: str, ids: Collection[int], who: str = "") -> None:
    """Settle the rejects of a source whose mended rows have come, and what came of earlier mends of the same rows.

    Nobody answers another source's.
    """
    of = quarantine.c.origin
    found: set[int] = set()
    while ids:
        found |= set(ids)
        ids = set(connection.execute(sa.select(quarantine.c.id).where(of.in_(ids))).scalars()) - found
    if found:
        own = sa.select(quarantine.c.id).where(quarantine.c.id.in_(found), quarantine.c.source == source)
        settle(connection, list(connection.execute(own).scalars()), who)


def open_counts(engine: Engine) -> dict[str, int]:
    """Open rejects per source."""
    query = (
        sa.select(quarantine.c.source, sa.func.count())
        .where(quarantine.c.state == "open")
        .group_by(quarantine.c.source)
    )
    with engine.connect() as connection:
        return {str(source): int(count) for source, count in connection.execute(query)}


def old(connection: Connection, source: str, until_us: int, limit: int) -> list[int]:
    """Ids of a source's rejects last seen at or before a time."""
    query = sa.select(quarantine.c.id).where(quarantine.c.source == source, quarantine.c.last_seen_us <= until_us)
    return list(connection.execute(query.order_by(quarantine.c.id).limit(limit)).scalars())


def drop(connection: Connection, home: Path, ids: Sequence[int]) -> None:
    """Remove rejects, and the files that hold payloads of theirs, for good."""
    for raw in connection.execute(sa.select(quarantine.c.raw).where(quarantine.c.id.in_(ids))).scalars():
        name = raw.removeprefix(KEPT_AS_FILE).decode("ascii", "replace")
        if raw.startswith(KEPT_AS_FILE) and name.isalnum():
            (home / "quarantine" / name).unlink(missing_ok=True)
    connection.execute(quarantine.delete().where(quarantine.c.id.in_(ids)))
