"""What is shared now: agreements, the marks of every source, opened glass; and telling everybody when that changes.

A change of sharing is a commit like any other: a row of the commit log without versions takes the next revision, and
`sharing_told` says whom it concerns. So open pages, tile addresses and ETags follow by the one mechanism there is. What
changes by the passing of time alone (an agreement begins, an account ends) is announced by `announce_due`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from data.access import EVERY_AGENCY, MISSION, Agreement, BreakGlass, Mark, Viewer
from data.append import Batch, log_commit
from data.marks import MARKED, raised
from data.records import OwnMark, Sensitivity
from data.settings import Settings, Source
from data.store import Store
from data.tables import agreement, counter, glass, sharing_told, source_mark

FEED = "sharing"
"""`commit_log.feed` of a change of sharing."""
EVERYBODY = "*"
"""In concerns: every viewer, whoever they are."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Sharing:
    """What is shared, as of `revision`."""

    agreements: tuple[Agreement, ...] = ()
    sources: Mapping[str, Source] = field(default_factory=dict)
    """Those of the settings, with the marks that were set on screen."""
    opened: Mapping[str, tuple[BreakGlass, ...]] = field(default_factory=dict)
    """Account name -> glass this person has broken, ended ones left out."""
    told: Mapping[str, int] = field(default_factory=dict)
    """Agency, account, "mission" or "*" -> the revision at which sharing last changed for it."""
    revision: int = 0
    """At which sharing last changed for anybody."""

    def mark_of(self, source: str, stamped: Mark, collection: str, own: OwnMark | None = None) -> Mark:
        """How a record is marked now: as its source is, else as it was stamped when it came, raised by its own word."""
        known = self.sources.get(source)
        if known is None:
            return raised(replace(stamped, collection=collection), own)
        return raised(known.mark(collection), own)

    def told_to(self, viewer: Viewer) -> int:
        """The revision at which sharing last changed for this viewer."""
        if viewer.looking is not None:
            return max(self.told_to(viewer.looking), self.told_to(replace(viewer, looking=None)))
        if viewer.agency == EVERY_AGENCY:
            return self.revision
        names = (viewer.name, viewer.agency, EVERYBODY, *((MISSION,) if viewer.in_mission else ()))
        return max(self.told.get(name, 0) for name in names)


def read(store: Store, settings: Settings) -> Sharing:
    """What is shared now. A few small tables; ask again when a commit of the feed "sharing" arrives."""
    with store.reader.connect() as connection:
        return read_from(connection, settings)


def read_from(connection: Connection, settings: Settings) -> Sharing:
    """`read`, within a transaction."""
    newest = sa.select(sharing_told.c.name, sa.func.max(sharing_told.c.revision)).group_by(sharing_told.c.name)
    told = {name: int(revision) for name, revision in connection.execute(newest)}
    marks = {row.source: msgspec.json.decode(row.body, type=Mark) for row in connection.execute(sa.select(source_mark))}
    sources = dict(settings.sources)
    for name, mark in marks.items():
        known = settings.source(name, "")
        sources[name] = replace(known, **{part: getattr(mark, part) for part in MARKED})
    return Sharing(
        agreements=_agreements(connection, settings),
        sources=sources,
        opened=_opened(connection),
        told=told,
        revision=max(told.values(), default=0),
    )


def _agreements(connection: Connection, settings: Settings) -> tuple[Agreement, ...]:
    """Those of the settings, then those made on screen; of one name the settings' terms count, revoked by either."""
    rows = {row.name: row for row in connection.execute(sa.select(agreement).order_by(agreement.c.made_us))}
    terms = {one.name: one for one in settings.agreements}
    for name, row in rows.items():
        if row.body and name not in terms:
            terms[name] = msgspec.json.decode(row.body, type=Agreement)
    return tuple(_revoked(one, rows[name].revoked_us) if name in rows else one for name, one in terms.items())


def _revoked(one: Agreement, revoked_us: int | None) -> Agreement:
    if revoked_us is None:
        return one
    at = moment(revoked_us)
    return replace(one, revoked_at=min(at, one.revoked_at or at))


def _opened(connection: Connection) -> dict[str, tuple[BreakGlass, ...]]:
    now_us = time.time_ns() // 1_000
    query = sa.select(glass).where(
        glass.c.starts_us.is_not(None), glass.c.closed_us.is_(None), glass.c.starts_us + glass.c.lasts_us > now_us
    )
    found: dict[str, tuple[BreakGlass, ...]] = {}
    for row in connection.execute(query.order_by(glass.c.starts_us, glass.c.id)):
        one = BreakGlass(
            row.owner,
            row.reason,
            moment(row.starts_us),
            moment(row.starts_us + row.lasts_us),
            Sensitivity(row.maximum_sensitivity),
            row.second,
        )
        found[row.account] = (*found.get(row.account, ()), one)
    return found


def announce(store: Store, concerns: Iterable[str]) -> int:
    """Tell those named (agencies, accounts, "mission", "*") that what they may see has changed; the new revision."""
    with store.transaction() as connection:
        revision = announced(connection, concerns)
    with store.changed:
        store.changed.notify_all()
    return revision


def announced(connection: Connection, concerns: Iterable[str]) -> int:
    """`announce` within the transaction of the change itself, before its entry in the audit log."""
    at = connection.execute(sa.select(counter.c.revision, counter.c.seq).with_for_update()).one()
    revision = int(at.revision) + 1
    log_commit(connection, Batch("", FEED, "", "", time.time_ns() // 1_000, ()), revision, at.seq)
    names = sorted({name for name in concerns if name})
    if names:
        connection.execute(sharing_told.insert(), [{"revision": revision, "name": name} for name in names])
    return revision


def concerned(one: Agreement) -> tuple[str, ...]:
    """Whom an agreement concerns: its parties, and those it may be passed on to."""
    return (one.grantor, *one.grantees, *one.onward)


def moment(micros: int) -> datetime:
    """A time in UTC from microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=micros)


def names_of(text: str) -> list[str]:
    """A stored list of names."""
    found: list[str] = json.loads(text)
    return found
