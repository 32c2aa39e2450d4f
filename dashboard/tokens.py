"""Bearer tokens of programs: kept as SHA-256 hashes in `secrets/tokens.toml` of the home folder, printed once when made.

A token of 256 random bits needs no slow hash; comparing every entry in constant time tells nothing of how near a guess was.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import threading
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data.access import EVERY_AGENCY, Viewer
from data.records import Sensitivity

ANY_SOURCE = "*"
PREFIX = "cg_"
LOCAL = "local ingest"
_PLAIN = re.compile(r"[^\x00-\x1f\x7f\"\\]{1,120}\Z")


class BadToken(ValueError):
    """Why a token cannot be made or a file of tokens not be read, in one sentence."""


@dataclass(frozen=True)
class Token:
    """Who a program is: what it may see, and for which sources it may send."""

    name: str
    viewer: Viewer
    sources: tuple[str, ...] = ()

    def may_send(self, source: str) -> bool:
        return ANY_SOURCE in self.sources or source in self.sources


class Tokens:
    """The tokens of one home folder; a change of the file counts at once."""

    def __init__(self, home: Path) -> None:
        self.file = home / "secrets" / "tokens.toml"
        self._lock = threading.Lock()
        self._read_at: tuple[int, int] | None = None
        self._known: list[tuple[bytes, Token]] = []

    def find(self, secret: str) -> Token | None:
        """The token with this secret, or None. Raises `BadToken` where the file cannot be read."""
        digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
        found = None
        for known, token in self._current():
            if hmac.compare_digest(known, digest):
                found = token
        return found

    def named(self, name: str) -> Viewer | None:
        """Whom the token of a name stands for. Raises `BadToken`."""
        return next((token.viewer for _, token in self._current() if token.name == name), None)

    def _current(self) -> list[tuple[bytes, Token]]:
        with self._lock:
            try:
                at = self.file.stat()
            except FileNotFoundError:
                self._read_at, self._known = None, []
                return []
            stamp = (at.st_mtime_ns, at.st_size)
            if stamp != self._read_at:
                self._known = _read(self.file)
                self._read_at = stamp
            return self._known


def create(
    home: Path,
    name: str,
    sources: tuple[str, ...] = (),
    agency: str = "",
    clearance: Sensitivity = Sensitivity.low,
) -> str:
    """Make a token and return its secret, which is kept nowhere. Raises `BadToken`."""
    for text in (name, agency or "-", *sources):
        if not _PLAIN.match(text):
            raise BadToken(
                f"'{text[:40]}' cannot stand in a token: use 1 to 120 characters without quotes or backslash."
            )
    file = home / "secrets" / "tokens.toml"
    if file.exists() and any(token.name == name for _, token in _read(file)):
        raise BadToken(f"{file} has a token named '{name}' already; take another name, or remove that one.")
    secret = PREFIX + secrets.token_urlsafe(32)
    listed = ", ".join(f'"{source}"' for source in sources)
    entry = (
        f'[[token]]\nname = "{name}"\nsha256 = "{hashlib.sha256(secret.encode()).hexdigest()}"\n'
        f'agency = "{agency}"\nclearance = "{clearance.name}"\nsources = [{listed}]\n'
        f"created = {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n\n"
    )
    _folder(file.parent)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "w", encoding="utf-8") as stream:
        stream.write(entry)
        stream.flush()
        os.fsync(stream.fileno())
    return secret


def local_token(home: Path) -> str:
    """The secret of this machine's own token, made at first and kept in `secrets/ingest-token` (mode 0600).

    It may send for every source and sees what the operator sees: who can read it can read the database beside it.
    """
    file = home / "secrets" / "ingest-token"
    if file.exists():
        secret = file.read_text(encoding="utf-8").strip()
        if Tokens(home).find(secret) is not None:
            return secret
    name = LOCAL
    if (home / "secrets" / "tokens.toml").exists():
        taken = {token.name for _, token in _read(home / "secrets" / "tokens.toml")}
        name = next(n for n in (LOCAL, *(f"{LOCAL} {number}" for number in range(2, 10_000))) if n not in taken)
    secret = create(home, name, (ANY_SOURCE,), EVERY_AGENCY, Sensitivity.severe)
    part = file.with_suffix(f".{os.getpid()}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        stream.write(secret + "\n")
    part.replace(file)
    return secret


def _folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)


def _read(file: Path) -> list[tuple[bytes, Token]]:
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
        return [_token(entry) for entry in told.get("token", [])]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadToken(f"{file} cannot be read: {type(error).__name__}: {error}.") from None


def _token(entry: dict[str, Any]) -> tuple[bytes, Token]:
    viewer = Viewer(str(entry["name"]), str(entry.get("agency", "")), Sensitivity[entry.get("clearance", "low")])
    sources = tuple(str(source) for source in entry.get("sources", []))
    return bytes.fromhex(entry["sha256"]), Token(viewer.name, viewer, sources)
