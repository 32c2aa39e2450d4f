"""Passwords of local accounts: argon2id with the second recommendation of RFC 9106, section 4 (64 MiB, 3 passes, 4 lanes)."""

from __future__ import annotations

import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

SHORTEST = 12
LONGEST = 256
"""Characters. More would only make the server work."""
VARIED = 5
"""Different characters that a password has at least."""
_hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


class WeakPassword(ValueError):
    """Why a password is not taken, in one sentence."""


def hashed(password: str, *about: str) -> str:
    """The hash to keep, in PHC form. `about`: the account's names, which a password may not be made of.

    Raises `WeakPassword`.
    """
    text = _plain(password)
    if not SHORTEST <= len(text) <= LONGEST:
        raise WeakPassword(f"A password has {SHORTEST} to {LONGEST} characters; several words make a good one.")
    folded = text.casefold()
    rest = folded
    for name in sorted((part for word in about for part in word.casefold().split()), key=len, reverse=True):
        rest = rest.replace(name, "") if len(name) > 2 else rest
    if len(set(folded)) < VARIED or len(rest) < SHORTEST // 2:
        raise WeakPassword("This password is easy to guess; take several words that say nothing of you.")
    return _hasher.hash(text)


def matches(kept: str, password: str) -> bool:
    """Whether this is the password of a hash. Takes as long where there is none (an empty `kept`)."""
    try:
        return _hasher.verify(kept or _nobodys(), _plain(password)[: LONGEST + 1]) and bool(kept)
    except (VerificationError, InvalidHashError):
        return False


def outdated(kept: str) -> bool:
    """Whether a hash was made with parameters of an earlier day."""
    return _hasher.check_needs_rehash(kept)


def rehashed(password: str) -> str:
    """A known password under the parameters of today."""
    return _hasher.hash(_plain(password))


def _plain(password: str) -> str:
    """The same text from every keyboard (NFC), and bytes whatever was sent."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "replace").decode()


@cache
def _nobodys() -> str:
    return _hasher.hash("no account has this password")
