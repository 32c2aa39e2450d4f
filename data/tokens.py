"""Bearer tokens: kept as SHA-256 hashes, shown once when made, taken away one by one.

A token of 256 random bits needs no slow hash. It stands for its account: a program's own, or a person's at a program.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import sqlalchemy as sa

from data import accounts
from data.access import EVERY_AGENCY, BreakGlass, Viewer
from data.accounts import Account, BadAccount, Profile
from data.audit import append
from data.records import Sensitivity
from data.sharing import announced
from data.store import Store
from data.tables import account, session, token

ANY_SOURCE = "*"
PREFIX = "cg_"
LOCAL = "local ingest"
FILE = Path("secrets") / "ingest-token"
EARLIER = Path("secrets") / "tokens.toml"
"""Where tokens were kept before there were accounts."""


class BadToken(ValueError):
    """Why a token cannot be made, in one sentence."""


@dataclass(frozen=True)
class Token:
    """Who a program is: what it may see, and for which sources it may send."""

    name: str
    viewer: Viewer
    sources: tuple[str, ...] = ()

    def may_send(self, source: str) -> bool:
        return ANY_SOURCE in self.sources or source in self.sources


@dataclass(frozen=True)
class Issued:
    """A token as a list of tokens shows it."""

    id: int
    account: str
    name: str
    sources: tuple[str, ...]
    created: datetime
    expires: datetime | None
    revoked: datetime | None

    def holds(self, now: datetime) -> bool:
        return self.revoked is None and (self.expires is None or now < self.expires)


def digest(secret: str) -> bytes:
    """What is kept of a secret of many random bits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def make(
    store: Store, of: str, name: str, who: str, sources: Sequence[str] = (), expires: datetime | None = None
) -> str:
    """A new token of an account; returns its secret, which is kept nowhere. Raises `BadToken`."""
    secret = PREFIX + secrets.token_urlsafe(32)
    with store.transaction() as connection:
        row = connection.execute(sa.select(account).where(account.c.name == accounts.plain_name(of))).first()
        if row is None:
            raise BadToken(f"There is no account '{of}'; `commonground account list` names all.")
        _insert(connection, accounts.read(row), name, digest(secret), sources, expires, who)
    return secret


def make_service(
    store: Store,
    name: str,
    who: str,
    sources: Sequence[str] = (),
    agency: str = "",
    clearance: Sensitivity = Sensitivity.low,
) -> str:
    """An account of a program and its token in one step; returns the secret. Raises `BadToken`."""
    secret = PREFIX + secrets.token_urlsafe(32)
    _service(store, name, who, digest(secret), sources, agency, clearance)
    return secret


def revoke(store: Store, number: int, who: str) -> str:
    """Take a token away, and with a display's the sessions it began; returns the account's name. Raises `BadToken`."""
    with store.transaction() as connection:
        query = sa.select(account.c.id, account.c.name, account.c.kind, token.c.revoked_us)
        row = connection.execute(
            query.join(token, token.c.account_id == account.c.id).where(token.c.id == number)
        ).first()
        if row is None:
            raise BadToken(f"There is no token {number}; `commonground account tokens` lists them.")
        if row.revoked_us is None:
            now_us = round(datetime.now(UTC).timestamp() * 1e6)
            connection.execute(sa.update(token).where(token.c.id == number), {"revoked_us": now_us})
            if row.kind == "display":
                connection.execute(sa.delete(session).where(session.c.account_id == row.id))
            announced(connection, [row.name])
            append(connection, "token.revoke", who, f"token:{number}", details={"account": row.id})
    return str(row.name)


def issued(store: Store, of: str = "") -> list[Issued]:
    """Tokens of an account, or of all, newest first."""
    query = (
        sa.select(token, account.c.name.label("account"))
        .join(account, account.c.id == token.c.account_id)
        .order_by(token.c.id.desc())
    )
    if of:
        query = query.where(account.c.name == accounts.plain_name(of))
    with store.reader.connect() as connection:
        return [
            Issued(
                row.id,
                row.account,
                row.name,
                _sources(row.sources),
                datetime.fromtimestamp(row.created_us / 1e6, UTC),
                accounts.moment(row.expires_us),
                accounts.moment(row.revoked_us),
            )
            for row in connection.execute(query)
        ]


def find(store: Store, hashed: bytes, now: datetime) -> tuple[Account, tuple[str, ...]] | None:
    """The account of a token, and for which sources it may send, where the token holds and the account may sign in."""
    query = sa.select(account, token.c.sources, token.c.expires_us).join(token, token.c.account_id == account.c.id)
    with store.reader.connect() as connection:
        row = connection.execute(query.where(token.c.hash == hashed, token.c.revoked_us.is_(None))).first()
    if row is None or (row.expires_us is not None and row.expires_us <= now.timestamp() * 1e6):
        return None
    found = accounts.read(row)
    return (found, _sources(row.sources)) if found.usable(now) else None


def token_of(found: Account, sources: tuple[str, ...], opened: tuple[BreakGlass, ...] = ()) -> Token:
    return Token(found.name, found.viewer(opened), sources)


def local_token(store: Store, home: Path) -> str:
    """The secret of this machine's own token, made at first and kept in `secrets/ingest-token` (mode 0600).

    It may send for every source and sees what the operator sees: who can read it can read the database beside it.
    """
    file = home / FILE
    if file.exists():
        secret = file.read_text(encoding="utf-8").strip()
        if find(store, digest(secret), datetime.now(UTC)) is not None:
            return secret
    secret = PREFIX + secrets.token_urlsafe(32)
    taken = {known.name for known in accounts.listed(store)}
    name = next(n for n in (LOCAL, *(f"{LOCAL} {number}" for number in range(2, 10_000))) if n not in taken)
    _service(store, name, LOCAL, digest(secret), (ANY_SOURCE,), EVERY_AGENCY, Sensitivity.severe)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.parent.chmod(0o700)
    part = file.with_suffix(f".{os.getpid()}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        stream.write(secret + "\n")
    part.replace(file)
    return secret


def adopt(store: Store, home: Path) -> int:
    """Take the tokens of `secrets/tokens.toml`, where they were kept before, over as accounts; how many. Raises `BadToken`."""
    file = home / EARLIER
    if not file.exists():
        return 0
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8")).get("token", [])
        for entry in entries:
            hashed = bytes.fromhex(entry["sha256"])
            level = Sensitivity[entry.get("clearance", "low")]
            if find(store, hashed, datetime.now(UTC)) is None:
                sources, agency = tuple(map(str, entry.get("sources", ()))), str(entry.get("agency", ""))
                _service(store, str(entry["name"]), EARLIER.name, hashed, sources, agency, level)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadToken(f"{file} cannot be read: {type(error).__name__}: {error}.") from None
    file.rename(file.with_suffix(".toml.adopted"))
    return len(entries)


def _service(
    store: Store, name: str, who: str, hashed: bytes, sources: Sequence[str], agency: str, clearance: Sensitivity
) -> None:
    try:
        profile = accounts.checked(Profile(name, "service", name, agency=agency, clearance=clearance))
        with store.transaction() as connection:
            made = accounts.insert(connection, profile, who)
            _insert(connection, made, name, hashed, sources, None, who)
    except BadAccount as error:
        raise BadToken(str(error)) from None


def _insert(
    connection: sa.Connection,
    of: Account,
    name: str,
    hashed: bytes,
    sources: Sequence[str],
    expires: datetime | None,
    who: str,
) -> None:
    if of.profile.kind == "display" and sources:
        raise BadToken(f"'{of.name}' is a display, which sends nothing; leave the sources out.")
    for text in (name, *sources):
        if not accounts.PLAIN.match(text):
            raise BadToken(
                f"'{text[:40]}' cannot stand in a token: use 1 to 120 characters without quotes or backslash."
            )
    told = {
        "hash": hashed,
        "account_id": of.id,
        "name": name,
        "sources": msgspec.json.encode(list(sources)).decode(),
        "created_us": round(datetime.now(UTC).timestamp() * 1e6),
        "expires_us": None if expires is None else round(expires.timestamp() * 1e6),
    }
    number = connection.execute(sa.insert(token).returning(token.c.id), told).scalar_one()
    append(connection, "token.make", who, f"token:{number}", details={"account": of.id, "sources": list(sources)})


def _sources(text: str) -> tuple[str, ...]:
    return tuple(msgspec.json.decode(text, type=list[str]))
