"""Break-glass: an emergency opening of one agency's records for one person, its owner told at once.

At most four hours, with a reason; for severe records a second person agrees before it opens. What it lifts and what it never
lifts is `data.access`'s to say. Everything asked for, agreed to, opened and closed stays listed and is in the audit log.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from data.access import EVERY_AGENCY, GLASS_HOURS, Viewer
from data.audit import Value
from data.marks import RESERVED
from data.records import Sensitivity
from data.settings import Settings
from data.sharing import moment
from data.sharing_changes import CannotShare, Told, change
from data.store import Store
from data.tables import glass

SHORTEST_REASON, LONGEST_REASON = 10, 500
ASKED_S = 3_600
"""How long a request waits for the second person."""


@dataclass(frozen=True)
class Glass:
    """One opening, or the request for one."""

    id: str
    account: str
    owner: str
    """The agency whose records it opens."""
    reason: str
    maximum_sensitivity: Sensitivity
    asked: datetime
    lasts: timedelta
    starts: datetime | None
    """None while it waits for a second person."""
    second: str
    closed: datetime | None
    closed_by: str

    @property
    def ends(self) -> datetime | None:
        """When it ended or will; None while it waits."""
        if self.starts is None:
            return self.closed
        return min(self.starts + self.lasts, self.closed or self.starts + self.lasts)

    def holds(self, now: datetime) -> bool:
        return self.starts is not None and self.ends is not None and self.starts <= now < self.ends

    def waits(self, now: datetime) -> bool:
        """For a second person, who can still agree."""
        return self.starts is None and self.closed is None and now < self.asked + timedelta(seconds=ASKED_S)


def glasses(store: Store, owner: str | None = None, account: str | None = None) -> list[Glass]:
    """Every opening of an agency's records, or by an account, or both, or all; newest first."""
    query = sa.select(glass).order_by(glass.c.asked_us.desc(), glass.c.id)
    if owner is not None:
        query = query.where(glass.c.owner == owner)
    if account is not None:
        query = query.where(glass.c.account == account)
    with store.reader.connect() as connection:
        return [_glass(row) for row in connection.execute(query)]


def open_glass(
    store: Store,
    settings: Settings,
    viewer: Viewer,
    owner: str,
    reason: str,
    hours: float = GLASS_HOURS,
    maximum_sensitivity: Sensitivity = Sensitivity.high,
) -> Glass:
    """Open an agency's records for a person now; up to severe it waits for `second_glass`. Raises `CannotShare`."""
    reason = " ".join(reason.split())
    if viewer.kind != "person" or not viewer.agency:
        raise CannotShare("Break-glass is for a person with an agency; sign in as one.")
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON or not reason.isprintable():
        raise CannotShare(f"Say why, in {SHORTEST_REASON} to {LONGEST_REASON} characters: the owner reads it.")
    if not 0 < hours <= GLASS_HOURS:
        raise CannotShare(f"Break-glass lasts at most {GLASS_HOURS} hours; ask for no more.")
    if not owner or owner in RESERVED or owner in (viewer.agency, EVERY_AGENCY):
        raise CannotShare("Name one other agency whose records are to be opened.")
    asked = time.time_ns() // 1_000
    waits = maximum_sensitivity is Sensitivity.severe
    row = {
        "id": secrets.token_hex(8),
        "account": viewer.name,
        "owner": owner,
        "reason": reason,
        "maximum_sensitivity": int(maximum_sensitivity),
        "asked_us": asked,
        "lasts_us": round(hours * 3_600_000_000),
        "starts_us": None if waits else asked,
        "second": "",
        "closed_us": None,
        "closed_by": "",
    }

    def act(connection: Connection) -> Told:
        connection.execute(glass.insert(), row)
        details: dict[str, Value] = {"owner": owner, "hours": hours, "maximum_sensitivity": maximum_sensitivity.name}
        return Told("glass.ask" if waits else "glass.open", str(row["id"]), reason, details)

    change(store, settings, viewer.name, act)
    return _found(store, str(row["id"]))


def second_glass(store: Store, settings: Settings, viewer: Viewer, identity: str) -> Glass:
    """Agree, as the second person, to a request; it opens now. Raises `CannotShare`."""
    now_us = time.time_ns() // 1_000

    def act(connection: Connection) -> Told:
        asked = _row(connection, identity)
        if not asked.waits(moment(now_us)):
            raise CannotShare("This request is open, closed or older than an hour; ask anew.")
        if viewer.kind != "person" or viewer.name == asked.account:
            raise CannotShare("Another person than the one who asks has to agree.")
        if not viewer.agency or viewer.clearance < asked.maximum_sensitivity:
            raise CannotShare(f"Whoever agrees is cleared for {asked.maximum_sensitivity.name}; ask somebody who is.")
        connection.execute(glass.update().where(glass.c.id == identity).values(starts_us=now_us, second=viewer.name))
        return Told("glass.open", identity, asked.reason, {"owner": asked.owner, "for": asked.account})

    change(store, settings, viewer.name, act)
    return _found(store, identity)


def close_glass(store: Store, settings: Settings, viewer: Viewer, identity: str) -> Glass:
    """Close it, or turn the request down: whoever opened it, its owner's people, or an administrator. Raises `CannotShare`."""

    def act(connection: Connection) -> Told:
        found = _row(connection, identity)
        theirs = viewer.name == found.account or viewer.agency in (found.owner, EVERY_AGENCY)
        if not theirs and "admin" not in viewer.roles:
            raise CannotShare(f"Only {found.account}, {found.owner} or an administrator can close it.")
        now_us = time.time_ns() // 1_000
        if not (found.holds(moment(now_us)) or found.waits(moment(now_us))):
            raise CannotShare("It has ended already.")
        connection.execute(glass.update().where(glass.c.id == identity).values(closed_us=now_us, closed_by=viewer.name))
        return Told("glass.close", identity, details={"owner": found.owner, "for": found.account})

    change(store, settings, viewer.name, act)
    return _found(store, identity)


def _found(store: Store, identity: str) -> Glass:
    with store.reader.connect() as connection:
        return _row(connection, identity)


def _row(connection: Connection, identity: str) -> Glass:
    row = connection.execute(sa.select(glass).where(glass.c.id == identity)).first()
    if row is None:
        raise CannotShare("No such request is known.")
    return _glass(row)


def _glass(row: sa.Row[tuple[object, ...]]) -> Glass:
    told = row._mapping
    return Glass(
        told["id"],
        told["account"],
        told["owner"],
        told["reason"],
        Sensitivity(told["maximum_sensitivity"]),
        moment(told["asked_us"]),
        timedelta(microseconds=told["lasts_us"]),
        None if told["starts_us"] is None else moment(told["starts_us"]),
        told["second"],
        None if told["closed_us"] is None else moment(told["closed_us"]),
        told["closed_by"],
    )
