"""Warnings issued by people here: each message is kept as it was sent, beside the record that our own feed reads of it.

A message is an Alert, an Update or a Cancel (CAP 1.2). An update is a record of its own and takes its predecessor back; a
cancel takes it back and puts nothing in its place. Nothing that was issued is ever changed.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from data import audit
from data.access import MISSION, Mark
from data.append import Batch, append
from data.cap_message import BadAlert, Envelope, Said, cap_time, message, said_of, slug
from data.records import KINDS, Entry, Reference, Reject, Sensitivity, blake, decode, encoder
from data.settings import Settings, Source
from data.store import Store
from data.tables import counter, head, version

SUFFIX = " alerts"
"""Of the source of an agency's own warnings: AGENCY alerts."""
FEED = "cap"
TABLE = "own alert"
AUDIENCES = ("public", "mission", "agencies", "own")
IDENTIFIER = re.compile(r"[\w.-]{8,160}\Z")
COLLECTION = "alerts"

Read = Callable[[bytes, Source], Sequence[Entry | Reject]]
"""(message, whose it is) -> what the feed of CAP reads of it."""


@dataclass(frozen=True)
class Issued:
    """A message as it was issued."""

    identifier: str
    source: str
    mark: Mark
    """As it was marked then; `Sharing.mark_of` says how it is now."""
    sender: str
    sent: datetime
    status: str
    kind: str
    headline: str
    event: str
    severity: str
    expires: datetime | None
    references: tuple[str, ...]
    superseded_by: str
    """The message that took its place or cancelled it; empty: it stands."""
    xml: bytes
    told: Mapping[str, Any]
    """What its issuer said, as the form told it; empty for a cancel."""

    def in_force(self, now: datetime) -> bool:
        return not self.superseded_by and self.kind != "Cancel" and (self.expires is None or now < self.expires)


def source_name(agency: str) -> str:
    return f"{agency}{SUFFIX}"


def new_identifier(agency: str, now: datetime) -> str:
    """Of a message to be: made when it is first shown, so that sending the same twice issues it once."""
    return f"{slug(agency)}-{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def drafted(
    store: Store, settings: Settings, told: Mapping[str, Any], now: datetime | None = None
) -> tuple[Envelope, Said | None, Source]:
    """The message that `issue` would send of what is told. Raises `BadAlert`.

    told: agency, identifier, audience, releasable_to (with audience "agencies"), updates or cancels (an identifier), note,
    and what `said_of` reads.
    """
    now = (now or datetime.now(UTC)).replace(microsecond=0)
    with store.reader.connect() as connection:
        return _drafted(connection, settings, told, now)


def issue(store: Store, settings: Settings, who: str, told: Mapping[str, Any], read: Read) -> str:
    """Issue a message: its record, the message itself and the audit log's entry in one transaction. Returns its identifier.

    Who may, is for the caller to ask. Raises `BadAlert`.
    """
    with store.transaction() as connection:
        # Held from the first look on: of two who update the same message the second sees what the first has sent.
        secret = connection.execute(sa.select(counter.c.secret).with_for_update()).scalar_one()
        now = datetime.now(UTC).replace(microsecond=0)
        envelope, said, source = _drafted(connection, settings, told, now)
        written = message(envelope, said)
        entries = list(read(written, source))
        refused = [entry.detail for entry in entries if isinstance(entry, Reject)]
        if refused:
            raise BadAlert(f"the message cannot be read back ({refused[0]})")
        entries.append(_kept(envelope, said, source, written, told, len(entries) + 1))
        digest, received = sha256(written).hexdigest(), round(now.timestamp() * 1e6)
        batch = Batch(source.name, FEED, f"{envelope.identifier}.xml", digest, received, [entries])
        append(connection, secret, batch)
        details: dict[str, audit.Value] = {
            "agency": source.agency,
            "scope": envelope.scope,
            "status": envelope.status,
            "references": list(envelope.references),
            "sha256": digest,
        }
        audit.append(connection, f"alert.{envelope.kind.lower()}", who, envelope.identifier, envelope.note, details)
    with store.changed:
        store.changed.notify_all()
    return envelope.identifier


def issued(store: Store) -> list[Issued]:
    """Every message that was issued here, newest first."""
    with store.reader.connect() as connection:
        return _issued(connection)


def _issued(connection: Connection) -> list[Issued]:
    query = (
        sa.select(head.c.source, version.c.body)
        .join(version, version.c.seq == head.c.current_seq)
        .where(head.c.kind == KINDS["reference"].number, head.c.source.endswith(SUFFIX, autoescape=True))
    )
    kept = [(source, decode(body)) for source, body in connection.execute(query)]
    rows = [(source, record) for source, record in kept if isinstance(record, Reference) and record.table == TABLE]
    after: dict[str, str] = {}
    for _, record in rows:
        for earlier in _references(record):
            after.setdefault(earlier.split(",")[1], record.source_ref)
    found = [_of(source, record, after.get(record.source_ref, "")) for source, record in rows]
    return sorted(found, key=lambda one: (one.sent, len(one.references), one.identifier), reverse=True)


def _references(record: Reference) -> list[str]:
    return str(record.attributes["references"] or "").split()


def _of(source: str, record: Reference, superseded_by: str) -> Issued:
    said = record.attributes
    told = json.loads(str(said["told"]))
    expires = str(said["expires"] or "")
    return Issued(
        identifier=record.source_ref,
        source=source,
        mark=Mark(record.agency, record.sensitivity, record.releasable_to, COLLECTION),
        sender=str(said["sender"]),
        sent=record.version_time or datetime.fromtimestamp(0, UTC),
        status=str(said["status"]),
        kind=str(said["kind"]),
        headline=record.title,
        event=record.category,
        severity=str(said["severity"] or ""),
        expires=datetime.fromisoformat(expires) if expires else None,
        references=tuple(_references(record)),
        superseded_by=superseded_by,
        xml=str(said["message"]).encode(),
        told=told,
    )


def _drafted(
    connection: Connection, settings: Settings, told: Mapping[str, Any], now: datetime
) -> tuple[Envelope, Said | None, Source]:
    agency, identifier = _word(told, "agency"), _word(told, "identifier")
    if not agency:
        raise BadAlert("agency: say for whom it is issued")
    identifier = identifier or new_identifier(agency, now)
    if not IDENTIFIER.match(identifier):
        raise BadAlert("identifier: use 8 to 160 letters, digits, '.', '_' or '-'")
    known = {one.identifier: one for one in _issued(connection)}
    if identifier in known:
        raise BadAlert(f"the message {identifier} was issued already")
    updates, cancels = _word(told, "updates"), _word(told, "cancels")
    before = _before(known, cancels or updates, agency, now)
    audience, names = _audience(told, before if cancels else None, agency)
    note = _word(told, "note", 500)
    if cancels and not note:
        raise BadAlert("note: say why it is cancelled")
    public = audience == "public"
    envelope = Envelope(
        identifier=identifier,
        sender=f"{slug(agency)}.{slug(settings.mission.name)}",
        sender_name=settings.agencies.get(agency, agency),
        sent=now,
        status="Exercise" if settings.mission.exercise else "Actual",
        kind="Cancel" if cancels else "Update" if updates else "Alert",
        scope="Public" if public else "Restricted" if audience == "mission" else "Private",
        restriction=f"For {settings.mission.name} only" if audience == "mission" else "",
        addresses=names if audience in ("agencies", "own") else (),
        references=(*before.references, f"{before.sender},{before.identifier},{cap_time(before.sent)}")
        if before
        else (),
        note=note,
    )
    source = Source(
        source_name(agency),
        FEED,
        agency=agency,
        sensitivity=Sensitivity.low if public else Sensitivity.moderate,
        releasable_to=(MISSION,) if audience in ("public", "mission") else tuple(n for n in names if n != agency),
        exercise=settings.mission.exercise,
        options={"marked": True},
    )
    return envelope, None if cancels else said_of(told, now), source


def _before(known: Mapping[str, Issued], identifier: str, agency: str, now: datetime) -> Issued | None:
    """The message that is to be updated or cancelled. Raises `BadAlert`."""
    if not identifier:
        return None
    found = known.get(identifier)
    if found is None or found.mark.agency != agency:
        raise BadAlert(f"there is no message {identifier[:160]} of {agency}")
    if found.superseded_by:
        raise BadAlert(f"the message {identifier} was replaced by {found.superseded_by}; go on from there")
    if found.kind == "Cancel":
        raise BadAlert(f"the message {identifier} is a cancellation; issue a new alert")
    return found


def _audience(told: Mapping[str, Any], cancelled: Issued | None, agency: str) -> tuple[str, tuple[str, ...]]:
    """To whom: of `AUDIENCES`, and the agencies it is addressed to. A cancellation goes to those who had the warning."""
    if cancelled is not None:
        told = {"audience": cancelled.told.get("audience"), "releasable_to": cancelled.told.get("releasable_to")}
    audience = _word(told, "audience")
    if audience not in AUDIENCES:
        raise BadAlert(f"audience: use one of {', '.join(AUDIENCES)}")
    names = told.get("releasable_to") or []
    if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
        raise BadAlert("releasable_to: use a list of agencies")
    if audience == "agencies" and not names:
        raise BadAlert("releasable_to: name the agencies it is for")
    others = names if audience == "agencies" else ()
    return audience, tuple(dict.fromkeys([agency, *(name.strip().replace('"', "") for name in others)]))


def _kept(
    envelope: Envelope, said: Said | None, source: Source, written: bytes, told: Mapping[str, Any], row: int
) -> Entry:
    """The message itself, as a row that is on no map."""
    words = said.wordings[0] if said else None
    record = Reference(
        source_ref=envelope.identifier,
        title=words.headline if words else envelope.note,
        category=words.event if words else "",
        version_time=envelope.sent,
        table=TABLE,
        attributes={
            "kind": envelope.kind,
            "status": envelope.status,
            "sender": envelope.sender,
            "severity": said.severity if said else "",
            "expires": said.expires.isoformat() if said else "",
            "references": " ".join(envelope.references),
            "message": written.decode(),
            "told": json.dumps(_retold(told), ensure_ascii=False),
        },
        source=source.name,
        agency=source.agency,
        sensitivity=source.sensitivity,
        releasable_to=source.releasable_to,
        exercise=source.exercise,
    )
    body = encoder.encode(record)
    when = round(envelope.sent.timestamp() * 1e6)
    number = KINDS["reference"].number
    return Entry(row, number, record.source_ref, blake(body), when, None, None, None, None, body)


FORM = frozenset(
    (
        *("agency", "audience", "releasable_to", "category", "response", "urgency", "severity", "certainty"),
        *("area_desc", "effective", "onset", "expires", "contact", "pcodes", "polygon", "wordings"),
    )
)


def _retold(told: Mapping[str, Any]) -> dict[str, Any]:
    """What a later update begins from."""
    return {name: told[name] for name in sorted(FORM) if told.get(name)}


def _word(told: Mapping[str, Any], name: str, longest: int = 160) -> str:
    value = told.get(name) or ""
    if not isinstance(value, str) or len(value) > longest:
        raise BadAlert(f"{name}: use text of at most {longest} characters")
    return " ".join(value.split())
