"""Accounts of people, displays and services: who they are to the access rule, and how they change.

Every change is one transaction with its entry in the audit log. Accounts are disabled, never deleted. Sessions and tokens
of an account are in `data.sessions`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from data.access import EVERY_AGENCY, LOCAL_OPERATOR, MISSION, NOBODY, BreakGlass, Viewer
from data.audit import Value, append
from data.passwords import hashed
from data.records import Sensitivity
from data.sharing import EVERYBODY, announced
from data.store import Store
from data.tables import account, session

Kind = Literal["person", "display", "service"]
KINDS: tuple[Kind, ...] = get_args(Kind)
ADMIN = "admin"
ROLES = {
    ADMIN: "runs the system: accounts, displays, sources; sees nothing by it",
    "sharing": "marks the own agency's sources and makes its agreements",
    "approve": "agrees, as the second person, to the breaking of glass",
    "export": "takes what is seen out as files",
    "watch": "keeps the watch: issues alerts in the own agency's name, promotes and discards posts in triage",
    "feeds": "brings in files for the own agency's sources, mends what was refused, takes payloads back",
}
COMPONENTS = ("military", "police", "un", "ngo", "government", "host authority")
PLAIN = re.compile(r"[^\x00-\x1f\x7f\"\\<>]{1,120}\Z")


class BadAccount(ValueError):
    """Why an account cannot be made or changed, in one sentence."""


@dataclass(frozen=True)
class Profile:
    """What is said of an account; `data.access.Viewer` has the meaning of each part."""

    name: str
    """What one signs in with; kept in lower case."""
    kind: Kind = "person"
    full_name: str = ""
    email: str = ""
    agency: str = ""
    in_mission: bool = True
    component: str = ""
    roles: tuple[str, ...] = ()
    clearance: Sensitivity = Sensitivity.low
    compartments: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    valid_from: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True)
class Account:
    id: int
    profile: Profile
    disabled: bool
    has_password: bool
    issuer: str
    """Of the identity provider that vouches for it; empty: a local account."""
    subject: str
    created: datetime

    @property
    def name(self) -> str:
        return self.profile.name

    def usable(self, now: datetime) -> bool:
        """Whether it may sign in."""
        begins, ends = self.profile.valid_from, self.profile.valid_until
        return not self.disabled and (begins is None or begins <= now) and (ends is None or now < ends)

    def viewer(self, opened: tuple[BreakGlass, ...] = ()) -> Viewer:
        told = self.profile
        return Viewer(
            name=told.name,
            agency=told.agency,
            clearance=told.clearance,
            in_mission=told.in_mission,
            kind=told.kind,
            component=told.component,
            roles=told.roles,
            compartments=told.compartments,
            purposes=told.purposes,
            valid_from=told.valid_from,
            valid_until=told.valid_until,
            opened=opened,
        )


def plain_name(name: str) -> str:
    """A name as it is kept and looked for, however it was typed; PostgreSQL cannot be asked for a text with a NUL."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().replace("\0", "\ufffd").split())


def any_person(store: Store) -> bool:
    """Whether people sign in here at all; until then the machine itself is the operator."""
    with store.reader.connect() as connection:
        return (
            connection.execute(sa.select(account.c.id).where(account.c.kind == "person").limit(1)).first() is not None
        )


def listed(store: Store) -> list[Account]:
    """Every account, by kind and name."""
    with store.reader.connect() as connection:
        rows = connection.execute(sa.select(account).order_by(account.c.kind, account.c.name))
        return [read(row) for row in rows]


def named(store: Store, name: str) -> Account | None:
    with store.reader.connect() as connection:
        row = connection.execute(sa.select(account).where(account.c.name == plain_name(name))).first()
    return None if row is None else read(row)


def of_subject(store: Store, issuer: str, subject: str) -> Account | None:
    """The account that an identity provider vouches for."""
    where = sa.and_(account.c.issuer == issuer, account.c.subject == subject)
    with store.reader.connect() as connection:
        row = connection.execute(sa.select(account).where(where)).first() if issuer and subject else None
    return None if row is None else read(row)


def password_hash(store: Store, name: str) -> str:
    """What is kept of an account's password; empty where there is no such account, or none opens it."""
    with store.reader.connect() as connection:
        query = sa.select(account.c.password).where(account.c.name == plain_name(name))
        return connection.execute(query).scalar() or ""


def add(store: Store, profile: Profile, who: str, password: str = "", issuer: str = "", subject: str = "") -> Account:
    """Make an account. The first person becomes an administrator. Raises `BadAccount` and `WeakPassword`."""
    told = checked(profile)
    kept = _hash(told, password) if password else ""
    with store.transaction() as connection:
        first = connection.execute(sa.select(account.c.id).where(account.c.kind == "person").limit(1)).first() is None
        if told.kind == "person" and first and ADMIN not in told.roles:
            told = replace(told, roles=tuple(sorted({*told.roles, ADMIN})))
        if told.kind == "person" and first:
            # Whoever sat at the machine was its operator until now.
            announced(connection, [EVERYBODY, LOCAL_OPERATOR.name])
        return insert(connection, told, who, kept, issuer, subject)


def insert(
    connection: Connection, profile: Profile, who: str, kept: str = "", issuer: str = "", subject: str = ""
) -> Account:
    """A checked profile as a new account, in the caller's transaction. Raises `BadAccount`."""
    if connection.execute(sa.select(account.c.id).where(account.c.name == profile.name)).first() is not None:
        raise BadAccount(f"There is an account '{profile.name}' already; take another name, or change that one.")
    kept_too = {"password": kept, "issuer": issuer, "subject": subject, "disabled": False, "created_us": _us(_now())}
    done = connection.execute(sa.insert(account).returning(account), {**_row(profile), **kept_too})
    made = read(done.one())
    append(connection, "account.add", who, f"account:{made.id}", details=_rights(profile))
    return made


def change(store: Store, profile: Profile, who: str) -> Account:
    """Give the account of that name this profile. Raises `BadAccount`."""
    told = checked(profile)
    with store.transaction() as connection:
        before = _have(connection, told.name)
        if before.profile.kind != told.kind:
            raise BadAccount(f"'{told.name}' is a {before.profile.kind} and stays one; add another account.")
        if ADMIN in before.profile.roles and ADMIN not in told.roles:
            _not_the_last(connection, before)
        connection.execute(sa.update(account).where(account.c.id == before.id), _row(told))
        was, now = _rights(before.profile), _rights(told)
        changed = {key: now[key] for key in now if now[key] != was[key]}
        if changed:
            announced(connection, [told.name])
            append(connection, "account.change", who, f"account:{before.id}", details=changed)
    return replace(before, profile=told)


def disable(store: Store, name: str, who: str, disabled: bool = True) -> Account:
    """Shut an account out, with its sessions, or let it in again. Raises `BadAccount`."""
    with store.transaction() as connection:
        found = _have(connection, name)
        if disabled and not found.disabled:
            _not_the_last(connection, found)
        connection.execute(sa.update(account).where(account.c.id == found.id), {"disabled": disabled})
        if disabled:
            connection.execute(sa.delete(session).where(session.c.account_id == found.id))
        announced(connection, [found.name])
        append(connection, "account.disable" if disabled else "account.enable", who, f"account:{found.id}")
    return replace(found, disabled=disabled)


def set_password(store: Store, name: str, password: str, who: str, keep: bytes = b"") -> None:
    """A new password; ends every session of the account but the one with hash `keep`.

    Raises `BadAccount` and `WeakPassword`.
    """
    found = named(store, name)
    if found is None:
        raise BadAccount(f"There is no account '{name}'; `commonground account list` names all.")
    if found.issuer:
        raise BadAccount(f"'{found.name}' signs in at {found.issuer}; its password is changed there.")
    kept = _hash(found.profile, password)
    with store.transaction() as connection:
        connection.execute(sa.update(account).where(account.c.id == found.id), {"password": kept})
        others = sa.and_(session.c.account_id == found.id, session.c.hash != keep)
        connection.execute(sa.delete(session).where(others))
        announced(connection, [found.name])
        append(connection, "account.password", who, f"account:{found.id}")


def refresh_hash(store: Store, name: str, kept: str) -> None:
    """Keep the same password under newer parameters."""
    with store.transaction() as connection:
        connection.execute(sa.update(account).where(account.c.name == plain_name(name)), {"password": kept})


def read(row: Row[Any]) -> Account:
    """An account from a row of its table."""
    told = Profile(
        name=row.name,
        kind=row.kind,
        full_name=row.full_name,
        email=row.email,
        agency=row.agency,
        in_mission=bool(row.in_mission),
        component=row.component,
        roles=_listed(row.roles),
        clearance=Sensitivity(row.clearance),
        compartments=_listed(row.compartments),
        purposes=_listed(row.purposes),
        valid_from=moment(row.valid_from_us),
        valid_until=moment(row.valid_until_us),
    )
    created = datetime.fromtimestamp(row.created_us / 1e6, UTC)
    return Account(row.id, told, bool(row.disabled), bool(row.password), row.issuer, row.subject, created)


def moment(us: int | None) -> datetime | None:
    return None if us is None else datetime.fromtimestamp(us / 1e6, UTC)


def _have(connection: Connection, name: str) -> Account:
    row = connection.execute(sa.select(account).where(account.c.name == plain_name(name))).first()
    if row is None:
        raise BadAccount(f"There is no account '{name}'; `commonground account list` names all.")
    return read(row)


def _not_the_last(connection: Connection, leaving: Account) -> None:
    """Raises `BadAccount` where nobody would be left to let anybody in."""
    rows = connection.execute(sa.select(account).where(account.c.kind == "person", account.c.id != leaving.id))
    left = [other for other in map(read, rows) if ADMIN in other.profile.roles and other.usable(_now())]
    if ADMIN in leaving.profile.roles and not left:
        raise BadAccount(f"'{leaving.name}' is the only administrator; make another one first.")


def checked(profile: Profile) -> Profile:
    """The profile as it is kept. Raises `BadAccount`."""
    name = plain_name(profile.name)
    if not PLAIN.match(name) or name in (LOCAL_OPERATOR.name, NOBODY.name):
        raise BadAccount(f"'{profile.name[:40]}' cannot be an account's name: use 1 to 120 characters without quotes.")
    if profile.kind not in KINDS:
        raise BadAccount(f"An account is one of {', '.join(KINDS)}, not '{profile.kind}'.")
    if profile.agency == MISSION or (profile.agency == EVERY_AGENCY and profile.kind != "service"):
        raise BadAccount(f"'{profile.agency}' is a word of the access rule; name the agency of '{name}'.")
    for role in profile.roles:
        if role not in ROLES:
            raise BadAccount(f"There is no role '{role}'; roles are {', '.join(ROLES)}.")
    if profile.kind == "display" and profile.roles:
        raise BadAccount(f"'{name}' is a display, which shows and does nothing else; leave its roles out.")
    if profile.component and profile.component.casefold() not in COMPONENTS:
        raise BadAccount(f"There is no component '{profile.component}'; components are {', '.join(COMPONENTS)}.")
    begins, ends = profile.valid_from, profile.valid_until
    if begins is not None and ends is not None and ends <= begins:
        raise BadAccount(f"'{name}' would end before it begins; set a later end.")
    for text in (profile.agency, *profile.compartments, *profile.purposes):
        if text and not PLAIN.match(text):
            raise BadAccount(f"'{text[:40]}' cannot stand in an account: use 1 to 120 characters without quotes.")
    return replace(
        profile,
        name=name,
        full_name=" ".join(profile.full_name.split())[:200],
        email=profile.email.strip()[:200],
        component=profile.component.casefold(),
        roles=_ordered(profile.roles),
        compartments=_ordered(profile.compartments),
        purposes=_ordered(profile.purposes),
    )


def _hash(profile: Profile, password: str) -> str:
    if profile.kind != "person":
        raise BadAccount(f"'{profile.name}' is a {profile.kind}: it has tokens, no password.")
    return hashed(password, profile.name, profile.full_name, profile.email.partition("@")[0])


def _row(profile: Profile) -> dict[str, Any]:
    told = asdict(profile)
    for name in ("roles", "compartments", "purposes"):
        told[name] = msgspec.json.encode(told[name]).decode()
    for name in ("valid_from", "valid_until"):
        told[f"{name}_us"] = None if (at := told.pop(name)) is None else _us(at)
    return {**told, "clearance": int(profile.clearance)}


def _rights(profile: Profile) -> dict[str, Value]:
    """What the audit log says of a profile: its rights, nothing of the person."""
    return {
        "kind": profile.kind,
        "agency": profile.agency,
        "in_mission": profile.in_mission,
        "component": profile.component,
        "roles": list(profile.roles),
        "clearance": profile.clearance.name,
        "compartments": list(profile.compartments),
        "purposes": list(profile.purposes),
        "valid_from": None if profile.valid_from is None else profile.valid_from.isoformat(),
        "valid_until": None if profile.valid_until is None else profile.valid_until.isoformat(),
    }


def _ordered(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({word.strip() for word in words if word.strip()}))


def _listed(text: str) -> tuple[str, ...]:
    return tuple(msgspec.json.decode(text, type=list[str]))


def _now() -> datetime:
    return datetime.now(UTC)


def _us(at: datetime) -> int:
    return round(at.timestamp() * 1e6)
