"""The audit log: who did what, to which ids, by which clause; never payloads. Each entry holds the hash of the one before.

`append` writes in the transaction of the act itself, so neither is there without the other. The head is signed with an
Ed25519 key of this home (`sign_head`); `verify` finds an entry that was deleted, edited or moved, and a log that was cut short.
`docs/audit.md` tells how somebody else checks it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from data.tables import audit, audit_head

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
