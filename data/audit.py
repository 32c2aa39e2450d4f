"""The audit log: who did what, to which ids, by which clause; never payloads. Each entry holds the hash of the one before.

`append` writes in the transaction of the act itself, so neither is there without the other. `faults` finds an entry that was
deleted, edited or moved, and with heads signed earlier (`data.seal`) also a log that was cut short or written anew.
`docs/audit.md` tells how somebody else checks it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from data.store import Store
from data.tables import audit, audit_head

CHUNK = 10_000
KEY_ACT = "audit.key"
"""The act by which a key that signs heads is made known in the log; its public half is the subject."""

Value = str | int | float | bool | None | list[str] | list[int]


class Entry(NamedTuple):
    """One line of the log, in the order of its columns."""

    seq: int
    time_us: int
    who: str
    act: str
    subject: str
    clause: str
    details: str
    """Canonical JSON."""
    previous: str
    hash: str


class Head(NamedTuple):
    seq: int
    hash: str


def append(
    connection: Connection,
    act: str,
    who: str,
    subject: str = "",
    clause: str = "",
    details: Mapping[str, Value] | None = None,
) -> int:
    """Add an entry in the caller's transaction, which then holds the log until it ends; its number, from 1.

    A transaction that also makes a commit of the record log makes that first: everybody takes the two in one order.
    """
    last = connection.execute(sa.select(audit_head.c.seq, audit_head.c.hash).with_for_update()).one()
    told = json.dumps(dict(details or {}), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    entry = Entry(last.seq + 1, time.time_ns() // 1_000, who, act, subject, clause, told, last.hash, "")
    entry = entry._replace(hash=digest(entry))
    connection.execute(audit.insert(), entry._asdict())
    connection.execute(audit_head.update().values(seq=entry.seq, hash=entry.hash))
    return entry.seq


def digest(entry: Entry) -> str:
    """SHA-256, hexadecimal, over the canonical JSON of every column but the hash itself."""
    told: list[Any] = list(entry[:-1])
    return hashlib.sha256(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def head(store: Store) -> Head:
    """The newest entry's number and hash; 0 and nothing before the first."""
    with store.reader.connect() as connection:
        return Head(*connection.execute(sa.select(audit_head.c.seq, audit_head.c.hash)).one())


def entries(
    store: Store,
    before: int | None = None,
    limit: int = 100,
    who: str | None = None,
    act: str | None = None,
    subject: str | None = None,
) -> list[Entry]:
    """Entries newest first, one page of them: those numbered below `before`; `act` also finds the acts it begins
    ("sharing" finds "sharing.began").
    """
    query = sa.select(audit).order_by(audit.c.seq.desc()).limit(limit)
    if before is not None:
        query = query.where(audit.c.seq < before)
    if who is not None:
        query = query.where(audit.c.who == who)
    if act is not None:
        query = query.where(sa.or_(audit.c.act == act, audit.c.act.startswith(f"{act}.", autoescape=True)))
    if subject is not None:
        query = query.where(audit.c.subject == subject)
    with store.reader.connect() as connection:
        return [Entry(*row) for row in connection.execute(query)]


def all_entries(connection: Connection, after: int = 0) -> Iterator[Entry]:
    """Every entry numbered above `after`, oldest first, as it is stored."""
    query = sa.select(audit).where(audit.c.seq > after).order_by(audit.c.seq)
    for row in connection.execution_options(yield_per=CHUNK).execute(query):
        yield Entry(*row)


def faults(
    told: Iterable[Entry], signed: Mapping[int, frozenset[str]], first: int = 1, previous: str = ""
) -> Iterator[str]:
    """One sentence per fault of a log from its entry `first` on, which follows the hash `previous`.

    `signed`: entry number -> hashes that heads signed then had, each checked against its key already.
    """
    due, last, seen = first, previous, first - 1
    if any(expected != previous for expected in signed.get(seen, ())):
        yield f"the audit log was written anew: entry {seen} is not the one that was signed."
    for entry in told:
        if entry.seq > due:
            lost = f"entry {due} is" if entry.seq == due + 1 else f"entries {due} to {entry.seq - 1} are"
            yield f"the audit log is not whole: {lost} missing."
        elif entry.previous != last:
            yield f"the audit log is not whole: entry {entry.seq} does not follow the one before it."
        if digest(entry) != entry.hash:
            yield f"the audit log was altered: entry {entry.seq} does not read as it was written."
        for expected in sorted(signed.get(entry.seq, frozenset())):
            if expected != entry.hash:
                yield f"the audit log was written anew: entry {entry.seq} is not the one that was signed."
        due, last, seen = entry.seq + 1, entry.hash, entry.seq
    newest = max(signed, default=0)
    if newest > seen:
        yield f"the audit log was cut short: it ends at entry {seen}, and entry {newest} was signed."
