"""What of sharing holds at a moment, and telling those it concerns when that moved: by an act, by settings, by time alone.

What held when it was last looked at is kept in the database, so that nothing that began or ended while nothing was served,
or in another process, goes untold, and of several processes that look at once only one tells it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from data import audit
from data.access import Agreement, Mark
from data.settings import Settings
from data.sharing import Sharing, announced, concerned, names_of, read_from
from data.store import Store
from data.tables import account, counter, glass, head, in_force

LOOKED = "looked"
"""A row that says only that somebody looked: before it, nobody can have been told anything."""
CLOCK = "commonground"
"""In the audit log: not a person, but time or the settings."""


class Fact(NamedTuple):
    digest: str
    concerns: tuple[str, ...]


class Move(NamedTuple):
    """One thing that began, ended or changed."""

    what: str
    act: str
    concerns: tuple[str, ...]


def announce_due(store: Store, settings: Settings, now: datetime) -> int | None:
    """Announce what began, ended or changed since somebody last looked: the new revision, or None where nothing did.

    Cheap where nothing did (a few small tables are read); the serving process asks every two seconds.
    """
    with store.reader.connect() as connection:
        if facts(connection, settings, now) == _known(connection):
            return None
    with store.transaction() as connection:
        revision, moves = refresh(connection, settings, now)
        log_moves(connection, moves)
    if revision is not None:
        with store.changed:
            store.changed.notify_all()
    return revision


def refresh(connection: Connection, settings: Settings, now: datetime) -> tuple[int | None, list[Move]]:
    """Write down what holds now and announce the difference, within a transaction: the revision, and what moved."""
    # Held from the first look on: of two processes the second sees what the first has told.
    connection.execute(sa.select(counter.c.revision).with_for_update())
    known, holding = _known(connection), facts(connection, settings, now)
    moves = [] if LOOKED not in known else list(_moves(connection, known, holding))
    gone = [what for what in known if what not in holding]
    fresh = {what: fact for what, fact in holding.items() if known.get(what) != fact}
    stale = [*gone, *(what for what in fresh if what in known)]
    revision = announced(connection, {name for move in moves for name in move.concerns}) if moves else None
    if stale:
        connection.execute(in_force.delete().where(in_force.c.what.in_(stale)))
    if fresh:
        rows = [{"what": what, "digest": f.digest, "concerns": _json(f.concerns)} for what, f in fresh.items()]
        connection.execute(in_force.insert(), rows)
    return revision, moves


def log_moves(connection: Connection, moves: Sequence[Move]) -> None:
    """Say in the audit log what began, ended or changed by itself."""
    for move in moves:
        audit.append(connection, f"sharing.{move.act}", CLOCK, move.what)


def facts(connection: Connection, settings: Settings, now: datetime) -> dict[str, Fact]:
    """Everything of sharing that holds at `now`."""
    sharing = read_from(connection, settings)
    found = {LOOKED: Fact("", ())}
    for agreement in sharing.agreements:
        if agreement.holds(now):
            terms = replace(agreement, revoked_at=None)
            found[f"agreement:{agreement.name}"] = Fact(_digest(terms), _names(concerned(agreement)))
    for name, source in sharing.sources.items():
        mark = source.mark("")
        found[f"source:{name}"] = Fact(_digest(mark), _names(_reading(mark, sharing)))
    micros = round(now.timestamp() * 1_000_000)
    broken = sa.select(glass.c.id, glass.c.account, glass.c.owner).where(
        glass.c.starts_us <= micros, glass.c.starts_us + glass.c.lasts_us > micros, glass.c.closed_us.is_(None)
    )
    for row in connection.execute(broken):
        found[f"glass:{row.id}"] = Fact("", _names((row.account, row.owner)))
    bounded = sa.select(account.c.name, account.c.valid_from_us, account.c.valid_until_us).where(
        sa.not_(account.c.disabled),
        sa.or_(account.c.valid_from_us.is_not(None), account.c.valid_until_us.is_not(None)),
    )
    for row in connection.execute(bounded):
        if (row.valid_from_us or 0) <= micros and (row.valid_until_us is None or micros < row.valid_until_us):
            found[f"account:{row.name}"] = Fact("", (row.name,))
    return found


def _reading(mark: Mark, sharing: Sharing) -> Iterator[str]:
    """Who may be reading records of this mark."""
    yield mark.agency
    yield from mark.releasable_to
    for agreement in sharing.agreements:
        if agreement.grantor == mark.agency:
            yield from concerned(agreement)
    for name, opened in sharing.opened.items():
        if any(each.owner == mark.agency for each in opened):
            yield name


def _moves(connection: Connection, known: Mapping[str, Fact], holding: Mapping[str, Fact]) -> Iterator[Move]:
    for what, fact in holding.items():
        before = known.get(what)
        if before is None:
            if _matters(connection, what):
                yield Move(what, "began", fact.concerns)
        elif before.digest != fact.digest:
            yield Move(what, "changed", _names((*before.concerns, *fact.concerns)))
    for what, fact in known.items():
        if what not in holding:
            yield Move(what, "ended", fact.concerns)


def _matters(connection: Connection, what: str) -> bool:
    """A source that is new in the settings changes nothing before something was heard of it."""
    kind, _, name = what.partition(":")
    return (
        kind != "source"
        or connection.execute(sa.select(head.c.source).where(head.c.source == name)).first() is not None
    )


def _known(connection: Connection) -> dict[str, Fact]:
    return {
        row.what: Fact(row.digest, tuple(names_of(row.concerns))) for row in connection.execute(sa.select(in_force))
    }


def _names(names: Iterator[str] | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({name for name in names if name}))


def _json(names: tuple[str, ...]) -> str:
    return json.dumps(names, ensure_ascii=False)


def _digest(told: Agreement | Mark) -> str:
    return hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()
