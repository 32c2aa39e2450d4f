"""TLS with both sides known by certificate: PEM files in the home's secrets folder, one set for each name.

NAME.crt   our certificate, with any between it and the CA     NAME.ca    the CA the other side's certificate is signed by
NAME.key   our private key, without a password, mode 0600      NAME.crl   optional: certificates of that CA that are void
"""

from __future__ import annotations

import os
import re
import ssl
import stat
from dataclasses import dataclass
from pathlib import Path

NAME = re.compile(r"\w[\w .-]*")
Stamp = tuple[tuple[int, int] | None, ...]


class BadKeys(ValueError):
    """Which file is missing or cannot be used, and what to do, in one sentence."""


@dataclass(frozen=True)
class Keys:
    """Where the files of one name lie; whether they are there is asked when they are used."""

    certificate: Path
    key: Path
    authority: Path
    revoked: Path

    @property
    def stamp(self) -> Stamp:
        """Moves when a file is put there, changed or taken away."""
        return tuple(_stamp(file) for file in (self.certificate, self.key, self.authority, self.revoked))


def keys_of(home: Path, name: str) -> Keys:
    """Raises `BadKeys` for a name that is no file's."""
    if not NAME.fullmatch(name):
        raise BadKeys(
            f"'{name}' cannot name files in {home / 'secrets'}; use letters, digits, spaces, '.', '-' and '_'."
        )
    folder = home / "secrets"
    return Keys(*(folder / f"{name}{end}" for end in (".crt", ".key", ".ca", ".crl")))


def server_context(keys: Keys) -> ssl.SSLContext:
    """For a port that lets in only who shows a certificate of the CA: TLS 1.2 or newer. Raises `BadKeys`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _show(context, keys)
    _trust(context, keys)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(keys: Keys) -> ssl.SSLContext:
    """For connecting to a server, whose certificate and name are checked: by `NAME.ca`, else by the machine's own CAs.

    `NAME.crt` is shown where it is there. Raises `BadKeys`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if keys.authority.exists():
        _trust(context, keys)
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if keys.certificate.exists() or keys.key.exists():
        _show(context, keys)
    return context


def _show(context: ssl.SSLContext, keys: Keys) -> None:
    _guarded(keys.certificate, others_may=stat.S_IRGRP | stat.S_IROTH)
    _guarded(keys.key, others_may=0)
    try:
        # With a password of nothing, a key that has one is refused; without, OpenSSL would ask on the terminal.
        context.load_cert_chain(keys.certificate, keys.key, password=b"")
    except (ssl.SSLError, OSError, ValueError) as error:
        raise BadKeys(
            f"{keys.certificate} and {keys.key} cannot be used ({_reason(error)}); "
            "put a certificate and its own key there, both PEM, the key without a password."
        ) from None


def _trust(context: ssl.SSLContext, keys: Keys) -> None:
    _guarded(keys.authority, others_may=stat.S_IRGRP | stat.S_IROTH)
    try:
        context.load_verify_locations(cafile=keys.authority)
    except (ssl.SSLError, OSError) as error:
        raise BadKeys(
            f"{keys.authority} cannot be used ({_reason(error)}); put the CA's certificate there, PEM."
        ) from None
    if keys.revoked.exists():
        _guarded(keys.revoked, others_may=stat.S_IRGRP | stat.S_IROTH)
        try:
            context.load_verify_locations(cafile=keys.revoked)
        except (ssl.SSLError, OSError) as error:
            raise BadKeys(f"{keys.revoked} is no list of void certificates ({_reason(error)}); use PEM.") from None
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF


def _guarded(file: Path, others_may: int) -> None:
    """Raises `BadKeys` where a file is missing, or others than its owner may do more with it than `others_may`."""
    try:
        mode = file.stat().st_mode
    except OSError as error:
        raise BadKeys(f"{file} cannot be read ({error.strerror}); put it there (docs/tak.md says how).") from None
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO) & ~(others_may | stat.S_IXGRP | stat.S_IXOTH):
        remedy = "chmod 644" if others_may else "chmod 600"
        raise BadKeys(f"{file} is open to others on this machine (mode {mode & 0o777:o}); {remedy} it.")


def _reason(error: Exception) -> str:
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        told = file.stat()
    except OSError:
        return None
    return told.st_mtime_ns, told.st_size
