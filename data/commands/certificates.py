"""`commonground certificates`: who may connect to a TAK port, from the machine's own command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from data import audit
from data.certificates import CannotCertify, data_package, enrolled, make_client, make_server, make_void, write_secret
from data.settings import Settings
from data.store import open_store
from data.tls import BadKeys

WHO = "command line"


def arguments(command: Callable[..., Any]) -> None:
    """Add the command to the command line."""
    parts = command(certificates)
    parts.add_argument("source", metavar="SOURCE", help="the source whose address is tls://…")
    parts.add_argument(
        "--host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name or address by which clients reach this server",
    )
    parts.add_argument("--client", metavar="NAME", help="enrol a client: its data package is written to --out")
    parts.add_argument("--out", metavar="FILE", help="where the client's data package goes (default NAME.zip)")
    parts.add_argument("--days", type=int, default=365, metavar="COUNT", help="how long the client's certificate holds")
    parts.add_argument("--void", metavar="NAME", help="a client that is lost: it is turned away from now on")


def certificates(settings: Settings, asked: argparse.Namespace) -> int:
    """Certificates of a TAK port: make the server's (--host), enrol a client (--client), turn a lost one away (--void)."""
    now = datetime.now(UTC)
    try:
        if asked.void:
            make_void(settings.home, asked.source, asked.void, now)
            _audited(settings, "certificate.void", asked, asked.void)
            print(f"{asked.void} is turned away within seconds")
        elif asked.client:
            print(_enrolled(settings, asked, now))
        elif asked.host:
            keys = make_server(settings.home, asked.source, asked.host, now)
            _audited(settings, "certificate.server", asked, ", ".join(asked.host))
            print(
                f"{keys.certificate}: for {', '.join(asked.host)}\n{keys.authority}: the authority that clients trust"
            )
        else:
            print("\n".join(enrolled(settings.home, asked.source)) or f"nobody is enrolled for '{asked.source}'")
    except (CannotCertify, BadKeys) as error:
        print(f"commonground: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"commonground: {error.filename} cannot be written: {error.strerror}.", file=sys.stderr)
        return 2
    return 0


def _enrolled(settings: Settings, asked: argparse.Namespace, now: datetime) -> str:
    source = settings.sources.get(asked.source)
    port = urlsplit(source.address).port if source is not None else None
    if source is None or urlsplit(source.address).scheme != "tls" or port is None:
        raise CannotCertify(f"the settings have no source '{asked.source}' with an address tls://HOST:PORT.")
    out = Path(asked.out or f"{asked.client}.zip")
    if out.exists():
        raise CannotCertify(f"{out} is there already; name another file with --out.")
    if asked.days < 1:
        raise CannotCertify(f"--days is {asked.days}; use 1 or more.")
    host = asked.host[0] if asked.host else _named(settings, asked.source)
    own, trusted = make_client(settings.home, asked.source, asked.client, now, asked.days)
    write_secret(out, data_package(asked.source, asked.client, own, trusted, host, port))
    _audited(settings, "certificate.client", asked, asked.client)
    told = f"{out}: import it on {asked.client}'s device; it connects to {host}:{port}."
    return f"{told} It holds a private key: hand it over, do not mail it."


def _named(settings: Settings, source: str) -> str:
    """The host that the server's certificate names first."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    from data.tls import keys_of

    file = keys_of(settings.home, source).certificate
    if not file.exists():
        raise CannotCertify(f"'{source}' has no server certificate yet; begin with: certificates {source} --host NAME.")
    names = x509.load_pem_x509_certificate(file.read_bytes()).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value)


def _audited(settings: Settings, act: str, asked: argparse.Namespace, subject: str) -> None:
    store = open_store(settings.database_url)
    try:
        with store.transaction() as connection:
            audit.append(connection, act, WHO, subject, details={"source": asked.source})
    finally:
        store.close()
