"""Changing what is shared: each in one transaction with its entry in the audit log, announced to those it concerns.

Who may do it is for the caller to ask; `who` is the account that does it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from data import audit
from data.access import Agreement, Mark
from data.agreements import agreement_of
from data.in_force import log_moves, refresh
from data.marks import BadTerms, marked
from data.settings import Settings
from data.sharing import read_from
from data.store import Store
from data.tables import agreement, source_mark


class CannotShare(ValueError):
    """Why not, and what to do instead, in one sentence."""


class Told(NamedTuple):
    """What the audit log is to say of an act."""

    act: str
    subject: str
    clause: str = ""
    details: Mapping[str, audit.Value] = MappingProxyType({})


def add_agreement(store: Store, settings: Settings, who: str, told: Mapping[str, Any]) -> Agreement:
    """Make an agreement of what is written of it (`data.agreements.ALLOWED`). Raises `CannotShare`."""
    try:
        made = agreement_of(told)
    except BadTerms as error:
        raise CannotShare(f"The agreement cannot be made: {error}.") from None

    def act(connection: Connection) -> Told:
        if any(one.name == made.name for one in read_from(connection, settings).agreements):
            raise CannotShare(f"An agreement named '{made.name}' is there already; take another name.")
        if connection.execute(sa.select(agreement.c.name).where(agreement.c.name == made.name)).first():
            raise CannotShare(f"An agreement named '{made.name}' was revoked earlier; take another name.")
        body = msgspec.json.encode(made, order="sorted").decode()
        row = {"name": made.name, "body": body, "made_us": _now_us(), "made_by": who, "revoked_by": ""}
        connection.execute(agreement.insert(), row)
        return Told("agreement.make", made.name, details=_parties(made))

    change(store, settings, who, act)
    return made


def revoke_agreement(store: Store, settings: Settings, who: str, name: str, reason: str = "") -> None:
    """End an agreement now, whether it was made on screen or stands in the settings. Raises `CannotShare`."""

    def act(connection: Connection) -> Told:
        found = next((one for one in read_from(connection, settings).agreements if one.name == name), None)
        if found is None:
            raise CannotShare(f"No agreement is named '{name}'.")
        if found.revoked_at is not None and found.revoked_at <= datetime.now(UTC):
            raise CannotShare(f"The agreement '{name}' is revoked already.")
        revoked = {"revoked_us": _now_us(), "revoked_by": who}
        if not connection.execute(agreement.update().where(agreement.c.name == name), revoked).rowcount:
            row = {"name": name, "body": "", "made_us": revoked["revoked_us"], "made_by": "", **revoked}
            connection.execute(agreement.insert(), row)
        return Told("agreement.revoke", name, reason, _parties(found))

    change(store, settings, who, act)


def set_source_mark(store: Store, settings: Settings, who: str, source: str, told: Mapping[str, Any]) -> Mark:
    """Mark a source anew: what is told over how it is marked now (`data.marks.MARKED`). Raises `CannotShare`."""
    try:
        parts = marked(told)
    except BadTerms as error:
        raise CannotShare(f"The mark of {source} cannot be set: {error}.") from None
    if parts.get("retention", "") not in ("", *settings.retention):
        raise CannotShare(f"'{parts['retention']}' is no class of [retention] in the settings; name one of them.")
    after = Mark("")

    def act(connection: Connection) -> Told:
        nonlocal after
        known = read_from(connection, settings).sources.get(source) or settings.source(source, "")
        before = known.mark("")
        after = replace(before, **parts)
        body = msgspec.json.encode(after, order="sorted").decode()
        connection.execute(source_mark.delete().where(source_mark.c.source == source))
        row = {"source": source, "body": body, "set_us": _now_us(), "set_by": who}
        connection.execute(source_mark.insert(), row)
        details = {
            name: _plain(getattr(after, name)) for name in parts if getattr(after, name) != getattr(before, name)
        }
        return Told("source.mark", source, details=details)

    change(store, settings, who, act)
    return after


def change(store: Store, settings: Settings, who: str, act: Callable[[Connection], Told]) -> int | None:
    """Do something to what is shared, announce the difference it made, and log it, in one transaction.

    What time alone had changed before is announced first, as that. Returns the revision of the act's own announcement.
    """
    with store.transaction() as connection:
        _, due = refresh(connection, settings, datetime.now(UTC))
        told = act(connection)
        revision, _ = refresh(connection, settings, datetime.now(UTC))
        log_moves(connection, due)
        audit.append(connection, told.act, who, told.subject, told.clause, told.details)
    with store.changed:
        store.changed.notify_all()
    return revision


def _parties(one: Agreement) -> dict[str, audit.Value]:
    return {
        "grantor": one.grantor,
        "grantees": list(one.grantees),
        "from": one.starts.isoformat(),
        "to": one.ends.isoformat(),
        "sha256": one.sha256,
    }


def _plain(value: Any) -> audit.Value:
    """A part of a mark as the log says it: levels by name."""
    if hasattr(value, "name"):
        return str(value.name)
    return list(value) if isinstance(value, tuple) else value


def _now_us() -> int:
    return time.time_ns() // 1_000
