"""What a person does with posts: promote them to an incident or a report, discard them, take either back; append-only, audited.

A judgement is a version of its own record beside the post (`data.records.Judgement`), under the post's source and key, so that it
is released to whom the post is. What is promoted is marked as the join of the marks its posts bear at that moment: nobody sees it
who may not see all of them. Whoever judges says which versions they looked at; where others were quicker, or the post was edited
meanwhile, nothing happens and they are told so.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from data import audit
from data.access import Consent, Mark, Precision, Tlp, join
from data.append import Batch
from data.records import (
    KIND_OF_TYPE,
    KINDS,
    Entry,
    Incident,
    Judgement,
    OwnMark,
    Record,
    Report,
    Retract,
    blake,
    encoder,
)
from data.records import decode as decoded
from data.released import Stamp
from data.seen import public_id
from data.store import Store
from data.tables import counter, head, version

SOURCE = "triage"
"""The source of what was promoted. No source of the settings may bear this name: its mark would count in place of the join."""
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


class CannotJudge(ValueError):
    """Why not, in one sentence."""


class Overtaken(CannotJudge):
    """Somebody else was quicker, or the post is not what it was."""


class Looked(NamedTuple):
    """A post as somebody saw it when they judged."""

    id: int
    stamp: Stamp
    mark: Mark
    """In force."""
    source_ref: str
    headline: str
    revision: int
    judged: int
    """Revision of the judgement they saw; 0: none."""
    exercise: bool


@dataclass(frozen=True)
class Judged:
    """The verdict on these posts, and what they are promoted to."""

    verdict: str
    reason: str = ""
    apart: bool = False
    made: Incident | Report | None = None


def judge(store: Store, who: str, posts: Sequence[Looked], judged: Judged) -> str:
    """Give a verdict on posts; the public id of what they were promoted to, or nothing. Raises `CannotJudge`, `Overtaken`."""
    if not posts:
        raise CannotJudge("Name at least one post.")
    now = datetime.now(UTC)
    made = ""
    with store.transaction() as connection:
        connection.execute(sa.select(counter.c.revision).with_for_update()).one()
        before = [_unchanged(store, connection, post) for post in posts]
        if judged.verdict == "promoted" and judged.made is not None:
            record = _marked(judged.made, posts, now)
            made = public_id(store.append_within(connection, _batch(SOURCE, [_entry(record)]))[0])
        for identity in sorted({one.made for one in before if one and one.made and judged.verdict != "promoted"}):
            _take_back(store, connection, identity, who)
        for post in posts:
            verdict = _judgement(post, judged, who, made, now)
            store.append_within(connection, _batch(post.stamp.source, [_entry(verdict)]))
        details: dict[str, audit.Value] = {"posts": [public_id(post.id) for post in posts]}
        if judged.made is not None:
            details |= {"grade": judged.made.grade, "kind": KIND_OF_TYPE[type(judged.made)].name}
        act = {"promoted": "promote", "discarded": "discard", "open": "reopen"}[judged.verdict]
        act = "apart" if judged.apart else act
        audit.append(connection, f"triage.{act}", who, made or public_id(posts[0].id), judged.reason, details)
    with store.changed:
        store.changed.notify_all()
    return made


def _unchanged(store: Store, connection: Connection, post: Looked) -> Judgement | None:
    """The judgement that stands, where it and the post are the ones that were looked at."""
    at = _current(connection, post.id)
    if at is None:
        raise Overtaken("Its source has taken the post back meanwhile; look again.")
    if at.revision != post.revision:
        raise Overtaken("The post was edited meanwhile; look at it again before you judge it.")
    entry = _entry(Judgement(source_ref=post.source_ref))
    standing = _current(connection, store.record_id(post.stamp.source, entry))
    if standing is None:
        if post.judged:
            raise Overtaken("This was judged anew meanwhile; look again.")
        return None
    told = decoded(standing.body)
    if not isinstance(told, Judgement):
        raise CannotJudge("What is kept of this post is no judgement; tell your administrator.")
    if standing.revision != post.judged:
        when = f" at {told.event_time:%H%MZ}" if told.event_time else ""
        raise Overtaken(f"{told.by} was quicker{when}: {told.verdict}{_apart(told)}.")
    return told


def _apart(told: Judgement) -> str:
    return ", as a story of its own" if told.apart else ""


class _At(NamedTuple):
    revision: int
    kind: int
    body: bytes


def _current(connection: Connection, identity: int) -> _At | None:
    query = (
        sa.select(version.c.revision, version.c.kind, version.c.body)
        .join(head, head.c.current_seq == version.c.seq)
        .where(head.c.record_id == identity)
    )
    row = connection.execute(query).first()
    return None if row is None else _At(int(row.revision), int(row.kind), row.body)


def _take_back(store: Store, connection: Connection, public: str, who: str) -> None:
    """What was promoted is promoted no more; its versions stay in the log."""
    at = _current(connection, int(public, 16))
    if at is None:
        return
    ref = decoded(at.body).source_ref
    kind = next(kind for kind in KINDS.values() if kind.number == at.kind)
    body = encoder.encode(Retract(kind=kind.name, source_ref=ref, reason=f"taken back to triage by {who}"))
    taken = Entry(1, at.kind, ref, blake(body), None, None, None, None, None, body, True)
    store.append_within(connection, _batch(SOURCE, [taken]))


def _judgement(post: Looked, judged: Judged, who: str, made: str, now: datetime) -> Judgement:
    stamped = post.stamp.mark
    return Judgement(
        source_ref=post.source_ref,
        category=judged.verdict,
        description=clean(judged.reason),
        event_time=now,
        own=post.stamp.own,
        source=post.stamp.source,
        agency=stamped.agency,
        sensitivity=stamped.sensitivity,
        releasable_to=stamped.releasable_to,
        exercise=post.exercise,
        verdict=judged.verdict,  # type: ignore[arg-type]
        apart=judged.apart,
        by=who,
        post_revision=post.revision,
        made=made,
        headline=post.headline,
    )


def _marked(record: Incident | Report, posts: Sequence[Looked], now: datetime) -> Incident | Report:
    """The record with the join of its posts' marks: all of it as its own word too, so that nothing can lower it."""
    mark = join(post.mark for post in posts) or Mark("")
    key = blake(*(f"{post.stamp.source}\0{post.source_ref}\0".encode() for post in posts), str(now).encode())
    told = {name: clean(getattr(record, name)) for name in ("title", "description", "category", "place")}
    return msgspec.structs.replace(
        record,
        **told,
        source_ref=f"{key & (2**64 - 1):016x}",
        source=SOURCE,
        agency=mark.agency,
        sensitivity=mark.sensitivity,
        releasable_to=mark.releasable_to,
        exercise=any(post.exercise for post in posts),
        attributes={**record.attributes, "posts": " ".join(public_id(post.id) for post in posts)},
        own=own_mark(mark),
    )


def own_mark(mark: Mark) -> OwnMark:
    """Everything of a mark that a record can say of itself."""
    return OwnMark(
        sensitivity=mark.sensitivity,
        releasable_to=mark.releasable_to,
        originator_control=mark.originator_control,
        compartments=mark.compartments,
        tlp="" if mark.tlp is Tlp.unstated else mark.tlp.name,  # type: ignore[arg-type]
        purposes=mark.purposes,
        consent="" if mark.consent is Consent.not_needed else mark.consent.name,  # type: ignore[arg-type]
        personal_fields=mark.personal_fields,
        precision="" if mark.precision is Precision.exact else mark.precision.name,  # type: ignore[arg-type]
        minimum_count=mark.minimum_count,
    )


def clean(text: str) -> str:
    """Text without control characters and bidirectional overrides (line breaks and tabs stay)."""
    return _UNSAFE.sub("", text)


def _batch(source: str, entries: list[Entry]) -> Batch:
    return Batch(source, SOURCE, "", "", time.time_ns() // 1_000, [entries])


def _entry(record: Record) -> Entry:
    body = encoder.encode(record)
    event_us = None if record.event_time is None else round(record.event_time.timestamp() * 1e6)
    kind = KIND_OF_TYPE[type(record)].number
    return Entry(1, kind, record.source_ref, blake(body), None, event_us, record.lon, record.lat, None, body)
