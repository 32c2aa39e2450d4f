"""A small certificate authority for one TAK port: its own certificate, the server's, one for each client, and those made void.

    secrets/SOURCE.ca .ca.key    the authority, ten years
    secrets/SOURCE.crt .key      the server, two years
    secrets/SOURCE.clients/      the certificate (never the key) of every client that was enrolled
    secrets/SOURCE.crl           certificates made void

RSA of 2048 bits and PKCS#12 with SHA-1 and 3DES are what every ATAK, WinTAK and iTAK reads; the package's protection is how it
is carried, not its password. Times are UTC.
"""

from __future__ import annotations

import ipaddress
import os
import re
import zipfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from xml.sax.saxutils import escape

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from data.tls import Keys, keys_of

AUTHORITY_DAYS, SERVER_DAYS, CLIENT_DAYS = 3_650, 730, 365
CLIENT = re.compile(r"\w[\w .-]{0,63}")
PASSWORD = "atakatak"  # noqa: S105 (what TAK clients try by themselves; it is written in the package beside it)
LEGACY = (
    serialization.PrivateFormat.PKCS12.encryption_builder()
    .kdf_rounds(10_000)
    .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
    .hmac_hash(hashes.SHA1())  # noqa: S303
    .build(PASSWORD.encode())
)


class CannotCertify(ValueError):
    """What stands in the way, in one sentence."""


def make_server(home: Path, source: str, hosts: Sequence[str], now: datetime) -> Keys:
    """The authority, made where there is none, and a new certificate for the server under these names and addresses."""
    if not hosts:
        raise CannotCertify("say by which name or address clients reach this server: --host tak.example.org.")
    keys = keys_of(home, source)
    authority, authority_key = _authority(keys, source, now)
    key = _new_key()
    builder = _certificate(source, hosts[0], key, authority, now, SERVER_DAYS)
    builder = builder.add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    made = builder.sign(authority_key, hashes.SHA256())
    _write(keys.key, _pem_key(key), secret=True)
    _write(keys.certificate, _pem(made))
    return keys


def make_client(home: Path, source: str, client: str, now: datetime, days: int = CLIENT_DAYS) -> tuple[bytes, bytes]:
    """A certificate for one client: (PKCS#12 with its key, PKCS#12 of what it is to trust). Raises `CannotCertify`."""
    if not CLIENT.fullmatch(client):
        raise CannotCertify(
            f"'{client}' is no name for a client; use up to 64 letters, digits, spaces, '.', '-' and '_'."
        )
    keys = keys_of(home, source)
    if not keys.authority.exists():
        raise CannotCertify(
            f"'{source}' has no authority yet; begin with: certificates {source} --host tak.example.org."
        )
    kept = _clients(keys) / f"{client}.crt"
    if kept.exists():
        raise CannotCertify(
            f"'{client}' has a certificate already; make it void first (--void), or choose another name."
        )
    authority, authority_key = _authority(keys, source, now)
    key = _new_key()
    builder = _certificate(source, client, key, authority, now, days)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    made = builder.sign(authority_key, hashes.SHA256())
    _write(kept, _pem(made))
    name = client.encode()
    own = pkcs12.serialize_key_and_certificates(name, key, made, [authority], LEGACY)
    trusted = pkcs12.serialize_java_truststore([pkcs12.PKCS12Certificate(authority, b"ca")], LEGACY)
    return own, trusted


def make_void(home: Path, source: str, client: str, now: datetime) -> None:
    """A client that is lost: from the next look at the files on (two seconds) it is turned away. Raises `CannotCertify`."""
    keys = keys_of(home, source)
    kept = _clients(keys) / f"{client}.crt"
    if not CLIENT.fullmatch(client) or not kept.exists():
        known = ", ".join(enrolled(home, source)) or "nobody"
        raise CannotCertify(f"'{client}' was not enrolled for '{source}'; enrolled are {known}.")
    lost = x509.load_pem_x509_certificate(kept.read_bytes())
    authority, authority_key = _authority(keys, source, now)
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.subject)
    builder = builder.last_update(now - timedelta(hours=1)).next_update(now + timedelta(days=AUTHORITY_DAYS))
    if keys.revoked.exists():
        for entry in x509.load_pem_x509_crl(keys.revoked.read_bytes()):
            builder = builder.add_revoked_certificate(entry)
    entry = x509.RevokedCertificateBuilder().serial_number(lost.serial_number).revocation_date(now).build()
    made = builder.add_revoked_certificate(entry).sign(authority_key, hashes.SHA256())
    _write(keys.revoked, made.public_bytes(serialization.Encoding.PEM))
    kept.rename(kept.with_name(f"{client}.{lost.serial_number:x}.void"))


def enrolled(home: Path, source: str) -> list[str]:
    """Clients with a certificate that was not made void, by name."""
    return sorted(file.stem for file in _clients(keys_of(home, source)).glob("*.crt"))


def data_package(source: str, client: str, own: bytes, trusted: bytes, host: str, port: int) -> bytes:
    """A TAK data package (zip) that sets a client's connection up when it is imported."""
    named = re.sub(r"\W", "_", client)
    title = escape(f"{source} ({client})", {'"': "&quot;"})
    preference = f"""<?xml version='1.0' encoding='ASCII' standalone='yes'?>
<preferences>
  <preference version="1" name="cot_streams">
    <entry key="count" class="class java.lang.Integer">1</entry>
    <entry key="description0" class="class java.lang.String">{title}</entry>
    <entry key="enabled0" class="class java.lang.Boolean">true</entry>
    <entry key="connectString0" class="class java.lang.String">{escape(host)}:{port}:ssl</entry>
  </preference>
  <preference version="1" name="com.atakmap.app_preferences">
    <entry key="displayServerConnectionWidget" class="class java.lang.Boolean">true</entry>
    <entry key="caLocation" class="class java.lang.String">cert/truststore.p12</entry>
    <entry key="caPassword" class="class java.lang.String">{PASSWORD}</entry>
    <entry key="clientPassword" class="class java.lang.String">{PASSWORD}</entry>
    <entry key="certificateLocation" class="class java.lang.String">cert/{named}.p12</entry>
  </preference>
</preferences>
"""
    files = {
        "cert/truststore.p12": trusted,
        f"cert/{named}.p12": own,
        "cert/connection.pref": preference.encode("ascii", "xmlcharrefreplace"),
    }
    listed = "".join(f'\n    <Content ignore="false" zipEntry="{name}"/>' for name in files)
    manifest = f"""<MissionPackageManifest version="2">
  <Configuration>
    <Parameter name="uid" value="commonground-{named}"/>
    <Parameter name="name" value="{title}"/>
    <Parameter name="onReceiveDelete" value="true"/>
  </Configuration>
  <Contents>{listed}
  </Contents>
</MissionPackageManifest>
"""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**files, "MANIFEST/manifest.xml": manifest.encode()}.items():
            archive.writestr(name, content)
    return packed.getvalue()


def write_secret(file: Path, content: bytes) -> None:
    """Put a file in place whole, for its owner's eyes alone."""
    _write(file, content, secret=True)


def _authority(keys: Keys, source: str, now: datetime) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    key_file = keys.authority.with_name(f"{keys.authority.name}.key")
    if keys.authority.exists():
        try:
            key = serialization.load_pem_private_key(key_file.read_bytes(), None)
            certificate = x509.load_pem_x509_certificate(keys.authority.read_bytes())
        except (OSError, ValueError, TypeError) as error:
            raise CannotCertify(f"the authority in {keys.authority} is not ours to sign with ({error}).") from None
        if not isinstance(key, rsa.RSAPrivateKey) or key.public_key() != certificate.public_key():
            raise CannotCertify(
                f"{key_file} is not the key of {keys.authority}; certificates come from whoever has it."
            )
        return certificate, key
    key = _new_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Common Ground {source} CA")])
    builder = _builder(name, name, key, now, AUTHORITY_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs=True), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    made = builder.sign(key, hashes.SHA256())
    _write(key_file, _pem_key(key), secret=True)
    _write(keys.authority, _pem(made))
    return made, key


def _certificate(
    source: str, common_name: str, key: rsa.RSAPrivateKey, authority: x509.Certificate, now: datetime, days: int
) -> x509.CertificateBuilder:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, source[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64]),
        ]
    )
    builder = _builder(name, authority.subject, key, now, days)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs=False), critical=True)
    identifier = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    known = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    return builder.add_extension(known, critical=False)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    # An hour back: clocks in the field differ.
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1))
    return builder.not_valid_after(now + timedelta(days=days))


def _usage(signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not signs,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        return x509.DNSName(host.encode("idna").decode())
    except UnicodeError:
        raise CannotCertify(f"'{host}' is neither a name nor an address of a machine.") from None


def _clients(keys: Keys) -> Path:
    return keys.authority.with_suffix(".clients")


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _pem_key(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(file: Path, content: bytes, secret: bool = False) -> None:
    """Put a file in place whole; a secret one was never readable by others, not even for a moment."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = file.with_name(f".{file.name}.part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if secret else 0o644)
    with os.fdopen(handle, "wb") as out:
        out.write(content)
    part.replace(file)
