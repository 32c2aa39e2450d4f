"""What people here write is a record too: appended, marked, versioned, audited and told live as what partners report.

A page's act makes one or more records of a kind of its own (`data.records`, `listed=False`) and gives them to `write`, which
appends them in one transaction with the entry in the audit log. Whoever changes something says which revision of it they looked
at; where somebody was quicker nothing happens and they are told so. Who may is for the caller to ask (`dashboard.rights`).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from data import audit
from data.access import Mark
from data.append import Batch
from data.judging import clean, own_mark
from data.records import KIND_OF_TYPE, Entry, Record, Retract, blake, encoder
from data.seen import public_id
from data.store import Store
from data.tables import counter, head, version

FEED = "written here"


class CannotWrite(ValueError):
    """Why not, in one sentence."""


class Overtaken(CannotWrite):
    """Somebody else was quicker."""


class Change(NamedTuple):
    """A record to be written, or one to be taken back (`gone`), as somebody looked at it."""

    record: Record
    """With its source, agency and marks (`marked`), and a key (`source_ref`) that its source has once."""
    looked_at: int | None = 0
    """The revision of it that was on their screen; 0: it was not there; None: whatever it is."""
    gone: bool = False


def new_key() -> str:
    """A key that nobody can guess and nothing else has."""
    return secrets.token_hex(8)


def marked(record: Record, source: str, mark: Mark, exercise: bool) -> Record:
    """The record under a source of ours with this mark, all of it as its own word too, so that nothing can lower it."""
    told = {
        field.name: clean(value)
        for field in msgspec.structs.fields(record)
        if isinstance(value := getattr(record, field.name), str)
    }
    return msgspec.structs.replace(
        record,
        **{
            **told,
            "source": source,
            "agency": mark.agency,
            "sensitivity": mark.sensitivity,
            "releasable_to": mark.releasable_to,
            "exercise": exercise,
            "own": own_mark(mark),
        },
    )


def write(
    store: Store,
    who: str,
    act: str,
    changes: Sequence[Change],
    reason: str = "",
    details: Mapping[str, audit.Value] | None = None,
) -> list[str]:
    """Write all of it or nothing; the public ids of the records, in order. Raises `CannotWrite`, `Overtaken`."""
    if not changes:
        raise CannotWrite("There is nothing to write.")
    with store.transaction() as connection:
        connection.execute(sa.select(counter.c.revision).with_for_update()).one()
        ids = []
        for change in changes:
            entry = _entry(change)
            identity = store.record_id(change.record.source, entry)
            _check(connection, identity, change)
            store.append_within(connection, _batch(change.record.source, entry, who))
            ids.append(public_id(identity))
        audit.append(connection, act, who, ids[0], reason, dict(details or {}))
    with store.changed:
        store.changed.notify_all()
    return ids


def _check(connection: Connection, identity: int, change: Change) -> None:
    if change.looked_at is None:
        return
    query = (
        sa.select(version.c.revision, version.c.retracted)
        .join(head, head.c.current_seq == version.c.seq)
        .where(head.c.record_id == identity)
    )
    row = connection.execute(query).first()
    standing = 0 if row is None or row.retracted else int(row.revision)
    if standing != change.looked_at:
        told = (
            "it was taken back"
            if not standing
            else "somebody changed it"
            if change.looked_at
            else "it is there already"
        )
        raise Overtaken(f"Meanwhile {told}; look at it again.")


def _batch(source: str, entry: Entry, who: str) -> Batch:
    return Batch(source, FEED, "", "", time.time_ns() // 1_000, [[entry]], who=who)


def _entry(change: Change) -> Entry:
    record, kind = change.record, KIND_OF_TYPE[type(change.record)]
    if change.gone:
        body = encoder.encode(Retract(kind=kind.name, source_ref=record.source_ref, reason="taken back here"))
        return Entry(1, kind.number, record.source_ref, blake(body), None, None, None, None, None, body, True)
    body = encoder.encode(msgspec.structs.replace(record, wkb=None))
    event_us = None if record.event_time is None else round(record.event_time.timestamp() * 1e6)
    digest = blake(body, record.wkb or b"")
    return Entry(1, kind.number, record.source_ref, digest, None, event_us, record.lon, record.lat, record.wkb, body)
