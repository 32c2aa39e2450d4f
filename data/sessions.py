"""Sessions: what a sign-in begins. The cookie holds 256 random bits; only their hash is kept."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import sqlalchemy as sa

from data import accounts
from data.accounts import Account
from data.audit import append
from data.sharing import announced
from data.store import Store
from data.tables import account, session
from data.tokens import digest

How = Literal["password", "provider", "display"]
PERSON_LASTS = timedelta(hours=12)
"""A shift; then one signs in anew."""
DISPLAY_LASTS = timedelta(days=365)
"""A wall hangs unattended; it ends when its token or its account is taken away."""
IDLE = timedelta(hours=2)
"""A person's session of which nothing was heard for so long is over. An open page is heard all the time."""
NOTED_EVERY = timedelta(minutes=5)
AGENT_LENGTH = 200


@dataclass(frozen=True)
class Session:
    account: Account
    key: bytes
    """The hash under which it is kept."""
    how: How
    created: datetime
    seen: datetime
    expires: datetime
    user_agent: str


_QUERY = sa.select(
    account,
    session.c.hash,
    session.c.how,
    session.c.created_us.label("began_us"),
    session.c.seen_us,
    session.c.expires_us,
    session.c.user_agent,
).join(session, session.c.account_id == account.c.id)


def begin(store: Store, of: Account, how: How, user_agent: str = "", instead_of: str = "") -> str:
    """A new session; returns what its cookie holds. The one that the browser had before ends (`instead_of`: its cookie)."""
    secret = secrets.token_urlsafe(32)
    now = datetime.now(UTC)
    lasts = DISPLAY_LASTS if of.profile.kind == "display" else PERSON_LASTS
    ends = min(now + lasts, of.profile.valid_until or now + lasts)
    with store.transaction() as connection:
        over = sa.or_(session.c.expires_us <= _us(now), session.c.hash == digest(instead_of))
        connection.execute(sa.delete(session).where(over))
        told = {
            "hash": digest(secret),
            "account_id": of.id,
            "created_us": _us(now),
            "seen_us": _us(now),
            "expires_us": _us(ends),
            "how": how,
            "user_agent": user_agent[:AGENT_LENGTH],
        }
        connection.execute(sa.insert(session), told)
        append(connection, "session.begin", of.name, f"account:{of.id}", clause=how)
    return secret


def find(store: Store, key: bytes, now: datetime) -> Session | None:
    """The session under a hash, where it lasts and its account may sign in."""
    with store.reader.connect() as connection:
        row = connection.execute(_QUERY.where(session.c.hash == key)).first()
    if row is None:
        return None
    found = _read(row)
    idle = found.account.profile.kind == "person" and now - found.seen > IDLE
    return found if now < found.expires and not idle and found.account.usable(now) else None


def of_account(store: Store, name: str) -> list[Session]:
    """Sessions of an account that last, newest first."""
    query = _QUERY.where(account.c.name == accounts.plain_name(name)).order_by(session.c.created_us.desc())
    now = datetime.now(UTC)
    with store.reader.connect() as connection:
        return [found for row in connection.execute(query) if now < (found := _read(row)).expires]


def end(store: Store, key: bytes, who: str) -> None:
    """End one session."""
    with store.transaction() as connection:
        row = connection.execute(
            sa.delete(session).where(session.c.hash == key).returning(session.c.account_id)
        ).first()
        if row is not None:
            announced(connection, [who])
            append(connection, "session.end", who, f"account:{row.account_id}")


def end_others(store: Store, of: Account, keep: bytes) -> None:
    """End every session of an account but one."""
    with store.transaction() as connection:
        connection.execute(sa.delete(session).where(session.c.account_id == of.id, session.c.hash != keep))
        announced(connection, [of.name])
        append(connection, "session.end", of.name, f"account:{of.id}", clause="every other session")


def note_seen(store: Store, key: bytes, now: datetime) -> None:
    """The session was heard of."""
    with store.transaction() as connection:
        connection.execute(sa.update(session).where(session.c.hash == key), {"seen_us": _us(now)})


def failed(store: Store, name: str, clause: str) -> None:
    """Note that somebody did not get in. What was typed is kept only where it is an account's name: it may be a password."""
    with store.transaction() as connection:
        query = sa.select(account.c.id).where(account.c.name == accounts.plain_name(name))
        number = connection.execute(query).scalar()
        append(connection, "session.refuse", "nobody", f"account:{number}" if number else "account:none", clause)


def _read(row: sa.Row[tuple[object, ...]]) -> Session:
    return Session(
        accounts.read(row),
        bytes(row.hash),
        row.how,
        datetime.fromtimestamp(row.began_us / 1e6, UTC),
        datetime.fromtimestamp(row.seen_us / 1e6, UTC),
        datetime.fromtimestamp(row.expires_us / 1e6, UTC),
        row.user_agent,
    )


def _us(at: datetime) -> int:
    return round(at.timestamp() * 1e6)
