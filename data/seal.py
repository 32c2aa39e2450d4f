"""Signed heads of the audit log: an Ed25519 key of this home, what it signed, and the log as a file anybody can check.

A head says "the log had this many entries and ended in this hash at this time". Heads are kept in the database and, one line
each, in `audit-heads.jsonl` of the home, so that cutting the log short means reaching both; whoever keeps an exported log or
only its last line elsewhere can tell even that. The log itself names the keys that signed it (`audit.key`).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from data import audit
from data.store import Store
from data.tables import audit as audit_log
from data.tables import audit_head, audit_signature

HEADS = "audit-heads.jsonl"
FORMAT = "commonground audit 1"
MOST_FAULTS = 50


class Signed(NamedTuple):
    """A signed head. `signature` is over `_message`, in hexadecimal as the key is."""

    seq: int
    hash: str
    time_us: int
    public_key: str
    signature: str


def sign_head(store: Store, home: Path) -> Signed | None:
    """Sign the log as it ends now, with this home's key (made at first); None where it ends as it was signed last."""
    key = _key(home)
    public = _public(key)
    with store.reader.connect() as connection:
        last = connection.execute(
            sa.select(audit_signature.c.seq).where(audit_signature.c.public_key == public).order_by(sa.desc("seq"))
        ).scalar()
        head = connection.execute(sa.select(audit_head.c.seq, audit_head.c.hash)).one()
    if head.seq == last:
        return None
    with store.transaction() as connection:
        if last is None and not _named(connection, public):
            audit.append(connection, audit.KEY_ACT, "commonground", public)
        head = connection.execute(sa.select(audit_head.c.seq, audit_head.c.hash).with_for_update()).one()
        unsigned = Signed(head.seq, head.hash, time.time_ns() // 1_000, public, "")
        signed = unsigned._replace(signature=key.sign(_message(unsigned)).hex())
        if connection.execute(_signature(signed)).first() is None:
            connection.execute(audit_signature.insert(), signed._asdict())
    _keep(home, signed)
    return signed


def public_key(home: Path) -> str:
    """The public half of this home's key, hexadecimal: what somebody who checks an exported log wants to know."""
    return _public(_key(home))


def verify(store: Store, home: Path | None) -> Iterator[str]:
    """One sentence per fault of the audit log, by the log itself and by every head signed of it; nothing where it is whole."""
    with store.reader.connect() as connection:
        columns = [audit_signature.c[name] for name in Signed._fields]
        heads = [Signed(*row) for row in connection.execute(sa.select(*columns))]
        if home is not None:
            heads += _kept(home)
        known = set(
            connection.execute(sa.select(audit_log.c.subject).where(audit_log.c.act == audit.KEY_ACT)).scalars()
        )
        good, bad = _checked(heads, known)
        yield from bad
        found = audit.faults(audit.all_entries(connection), good)
        yield from (fault for fault, _ in zip(found, range(MOST_FAULTS), strict=False))
        at = connection.execute(sa.select(audit_head.c.seq, audit_head.c.hash)).one()
        last = connection.execute(
            sa.select(audit_log.c.seq, audit_log.c.hash).order_by(audit_log.c.seq.desc()).limit(1)
        ).first()
        if (at.seq, at.hash) != (tuple(last) if last else (0, "")):
            yield f"the audit log has {at.seq} entries by its head, and ends at entry {last.seq if last else 0}."


def export(store: Store, home: Path, out: TextIO, after: int = 0) -> Signed:
    """Write the log from the entry following `after` on: what it is, its entries, its signed head; one JSON object a line.

    Returns the head. Raises ValueError where the log ends before `after`.
    """
    sign_head(store, home)
    if after > audit.head(store).seq:
        raise ValueError(f"the audit log has no entry {after}; name one that it has")
    with store.reader.connect() as connection:
        columns = [audit_signature.c[name] for name in Signed._fields]
        query = sa.select(*columns).where(audit_signature.c.public_key == public_key(home))
        head = Signed(*connection.execute(query.order_by(audit_signature.c.seq.desc()).limit(1)).one())
        before = connection.execute(sa.select(audit_log.c.hash).where(audit_log.c.seq == after)).scalar() or ""
        _line(out, {"format": FORMAT, "after": after, "previous": before})
        for entry in audit.all_entries(connection, after):
            if entry.seq > head.seq:
                break
            _line(out, entry._asdict())
        _line(out, {"head": head._asdict()})
    return head


def check_export(lines: Iterable[str], key: str | None = None) -> Iterator[str]:
    """One sentence per fault of an exported log; with the key it should be signed by, also a log signed by another.

    Needs nothing but the lines: no database, no home.
    """
    told = iter(lines)
    try:
        begins = json.loads(next(told, ""))
        if begins.get("format") != FORMAT:
            raise ValueError(begins)
        after, before = int(begins["after"]), str(begins["previous"])
        read = [json.loads(line) for line in told if line.strip()]
        head = Signed(**read.pop()["head"])
        listed = [audit.Entry(**entry) for entry in read]
        if head.seq < after:
            raise ValueError(head)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        yield "this is no whole exported audit log: it begins with its format and ends with its signed head."
        return
    if key is not None and head.public_key != key.lower():
        yield f"the log is signed by another key: {head.public_key}."
    good, bad = _checked([head], {head.public_key})
    yield from bad
    yield from audit.faults(listed, good, after + 1, before)
    if listed and listed[-1].seq > head.seq:
        yield f"the entries after {head.seq} were added when the log had been signed."


def _checked(heads: Iterable[Signed], known: set[str]) -> tuple[dict[int, frozenset[str]], list[str]]:
    """Hashes of the heads that are truly signed, by entry number, and what is wrong with the others."""
    good: dict[int, frozenset[str]] = {}
    bad = []
    for head in sorted(set(heads)):
        if not _signed(head):
            bad.append(f"the head of entry {head.seq} does not bear its key's signature.")
            continue
        if head.public_key not in known:
            bad.append(f"the head of entry {head.seq} is signed by a key that the audit log does not name.")
        good[head.seq] = good.get(head.seq, frozenset()) | {head.hash}
    return good, bad


def _signed(head: Signed) -> bool:
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(head.public_key))
        key.verify(bytes.fromhex(head.signature), _message(head))
    except (InvalidSignature, ValueError):
        return False
    return True


def _message(head: Signed) -> bytes:
    """What is signed: UTF-8 of a JSON list without spaces."""
    return json.dumps([FORMAT, head.seq, head.hash, head.time_us], separators=(",", ":")).encode()


def _key(home: Path) -> Ed25519PrivateKey:
    """This home's key, made at first; the file appears only when it is whole, whoever makes it first."""
    file = home / "secrets" / "audit-key.pem"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.parent.chmod(0o700)
        pem = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        part = file.with_suffix(f".{os.getpid()}.part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            stream.write(pem)
            os.fsync(stream.fileno())
        with suppress(FileExistsError):  # another process was first: its key counts
            os.link(part, file)
        part.unlink()
    key = serialization.load_pem_private_key(file.read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{file} is no Ed25519 key; move it away and a new one is made.")
    return key


def _public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


def _named(connection: sa.Connection, public: str) -> bool:
    named = sa.select(audit_log.c.seq).where(audit_log.c.act == audit.KEY_ACT, audit_log.c.subject == public)
    return connection.execute(named).first() is not None


def _signature(signed: Signed) -> sa.Select[tuple[int]]:
    at = audit_signature.c
    return sa.select(at.seq).where(at.seq == signed.seq, at.public_key == signed.public_key)


def _keep(home: Path, signed: Signed) -> None:
    with os.fdopen(os.open(home / HEADS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "w", encoding="utf-8") as out:
        _line(out, signed._asdict())
        out.flush()
        os.fsync(out.fileno())


def _kept(home: Path) -> list[Signed]:
    """Heads of the home's file. What of it cannot be read tells nothing: whoever can spoil a line can as well remove it."""
    heads = []
    file = home / HEADS
    for line in file.read_text(encoding="utf-8", errors="replace").split("\n") if file.exists() else []:
        with suppress(ValueError, TypeError):
            heads.append(Signed(**json.loads(line)))
    return heads


def _line(out: TextIO, told: dict[str, Any]) -> None:
    out.write(json.dumps(told, ensure_ascii=False, separators=(",", ":")) + "\n")
