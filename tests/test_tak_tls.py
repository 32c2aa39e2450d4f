"""TAK clients over TLS, on real sockets with real certificates: who has one of the authority is heard, nobody else is."""

from __future__ import annotations

import asyncio
import logging
import shutil
import ssl
import warnings
from collections.abc import AsyncIterator
from configparser import ConfigParser
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

import app
from data import audit, health
from data.certificates import PASSWORD, data_package, make_client, make_server, make_void
from data.health import SourceState
from data.outputs import OWN_UID
from data.settings import Settings, Source
from data.store import open_store
from data.tls import BadKeys, Keys, client_context, keys_of, server_context
from ingest.cot_listener import listening
from ingest.run import start
from ingest.tls_door import telling, tls_server
from tests.servers import free_port
from tests.test_cot_listener import Taken, event, uids, until

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns of what it could do with further packages
    import pytak

NOW = datetime.now(UTC)


def own_files(folder: Path, name: str, own: bytes, authority: Path) -> Keys:
    """A client's side: its certificate and key, and the authority it trusts."""
    key, certificate, _ = pkcs12.load_key_and_certificates(own, PASSWORD.encode())
    assert key is not None
    assert certificate is not None
    keys = keys_of(folder, name)
    keys.key.parent.mkdir(parents=True, exist_ok=True)
    pem = serialization.Encoding.PEM
    keys.certificate.write_bytes(certificate.public_bytes(pem))
    keys.key.touch(mode=0o600)
    keys.key.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())  # type: ignore[union-attr]
    )
    keys.authority.write_bytes(authority.read_bytes())
    return keys


@dataclass(frozen=True)
class Sides:
    """A server's home, and clients: one enrolled, one whose certificate has ended, one of another authority."""

    home: Path
    server: Keys
    clients: dict[str, Keys]
    packages: dict[str, tuple[bytes, bytes]]


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Sides:
    home, other = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("other")
    server = make_server(home, "tak", ["127.0.0.1", "localhost"], NOW)
    make_server(other, "tak", ["127.0.0.1"], NOW)
    issued = {
        "ROVER 1": make_client(home, "tak", "ROVER 1", NOW),
        "LOST 2": make_client(home, "tak", "LOST 2", NOW),
        "ended": make_client(home, "tak", "ended", NOW - timedelta(days=9), days=2),
        "stranger": make_client(other, "tak", "ROVER 1", NOW),
    }
    folder = tmp_path_factory.mktemp("clients")
    clients = {name: own_files(folder, name, own, server.authority) for name, (own, _) in issued.items()}
    return Sides(home, server, clients, issued)


@dataclass
class Port:
    number: int
    taken: Taken
    refused: list[str] = field(default_factory=list)

    async def turned_away(self, count: int = 1) -> str:
        await until(lambda: len(self.refused) >= count)
        return self.refused[-1]


@asynccontextmanager
async def port(keys: Keys) -> AsyncIterator[Port]:
    taken, refused = Taken(), list[str]()
    opened = partial(tls_server, keys=keys, refused=lambda address, why: refused.append(why))
    async with listening("127.0.0.1", 0, taken.deliver, opened) as number:
        yield Port(number, taken, refused)


async def sends(number: int, context: ssl.SSLContext | None, *events: bytes) -> None:
    """Connect, send, and read until the server closes or half a second of silence."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", number, ssl=context, server_hostname="127.0.0.1" if context else None
    )
    try:
        writer.write(b"".join(events))
        await writer.drain()
        async with asyncio.timeout(5):
            await reader.readuntil(b"</event>")
    finally:
        writer.close()


PING = event("p", "t-x-c-t")


def test_a_client_with_a_certificate_is_heard_and_named(sides: Sides, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def run() -> list[str]:
        async with port(sides.server) as at:
            await sends(at.number, client_context(sides.clients["ROVER 1"]), event("one"), event("two"), PING)
            await until(lambda: len(uids(at.taken)) == 2)
            assert at.refused == []
            return uids(at.taken)

    assert asyncio.run(run()) == ["one", "two"]
    assert "with the certificate of 'ROVER 1' connected" in caplog.text


def without_certificate(sides: Sides) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=sides.server.authority)


def old_tls(sides: Sides) -> ssl.SSLContext:
    context = client_context(sides.clients["ROVER 1"])
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


REFUSED = {
    "plaintext": (lambda sides: None, "does not speak TLS"),
    "no certificate": (without_certificate, "showed no certificate"),
    "another authority": (lambda sides: client_context(sides.clients["stranger"]), "signed by another CA"),
    "expired": (lambda sides: client_context(sides.clients["ended"]), "has expired"),
    "TLS 1.1": (old_tls, "no TLS of version 1.2 or newer"),
}


@pytest.mark.parametrize("who", REFUSED)
def test_who_has_none_is_turned_away_with_the_reason_while_others_go_on(sides: Sides, who: str) -> None:
    context_of, said = REFUSED[who]

    async def run() -> tuple[str, list[str]]:
        async with port(sides.server) as at:
            good = asyncio.create_task(hold(at.number, client_context(sides.clients["ROVER 1"])))
            await until(lambda: len(uids(at.taken)) == 1)
            with pytest.raises((OSError, EOFError)):
                await sends(at.number, context_of(sides), event("intruder"), PING)
            why = await at.turned_away()
            good.cancel()
            await sends(at.number, client_context(sides.clients["ROVER 1"]), event("after"), PING)
            await until(lambda: len(uids(at.taken)) == 2)
            return why, uids(at.taken)

    why, heard = asyncio.run(run())
    assert said in why
    assert heard == ["before", "after"]


async def hold(number: int, context: ssl.SSLContext) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", number, ssl=context, server_hostname="127.0.0.1")
    writer.write(event("before"))
    try:
        await asyncio.sleep(60)
    finally:
        writer.close()


def test_a_client_made_void_is_let_go_and_not_let_in_again(sides: Sides) -> None:
    async def run() -> tuple[str, list[str]]:
        async with port(sides.server) as at:
            context = client_context(sides.clients["LOST 2"])
            reader, writer = await asyncio.open_connection("127.0.0.1", at.number, ssl=context)
            writer.write(event("while known"))
            await until(lambda: len(uids(at.taken)) == 1)
            make_void(sides.home, "tak", "LOST 2", datetime.now(UTC))
            async with asyncio.timeout(10):
                with pytest.raises((OSError, EOFError)):
                    await reader.readexactly(1)
            writer.close()
            with pytest.raises((OSError, EOFError)):
                await sends(at.number, context, event("thief"), PING)
            why = await at.turned_away()
            await sends(at.number, client_context(sides.clients["ROVER 1"]), event("still here"), PING)
            await until(lambda: len(uids(at.taken)) == 2)
            return why, uids(at.taken)

    why, heard = asyncio.run(run())
    assert "made void" in why
    assert heard == ["while known", "still here"]


def pytak_config(tmp_path: Path, sides: Sides, number: int, **more: str) -> Any:
    """What pytak makes of the data package we give to an operator."""
    package = tmp_path / "rover.zip"
    package.write_bytes(data_package("tak", "ROVER 1", *sides.packages["ROVER 1"], "127.0.0.1", number))
    told = pytak.read_pref_package(str(package))
    config = ConfigParser()
    config["tak"] = {**{name: value for name, value in told.items() if value}, **more}
    return config["tak"]


@pytest.mark.parametrize("protocol", ["0", "1"], ids=["XML", "protobuf"])
def test_pytak_connects_with_our_data_package(sides: Sides, tmp_path: Path, protocol: str) -> None:
    async def run() -> list[str]:
        async with port(sides.server) as at:
            trusted = str(sides.server.authority)
            config = pytak_config(tmp_path, sides, at.number, TAK_PROTO=protocol, PYTAK_TLS_CLIENT_CAFILE=trusted)
            assert config["COT_URL"] in (f"ssl://127.0.0.1:{at.number}", f"tls://127.0.0.1:{at.number}")
            config["PYTAK_TLS_DONT_CHECK_HOSTNAME"] = ""
            _, writer = await pytak.protocol_factory(config)
            queue: asyncio.Queue[bytes] = asyncio.Queue()
            worker = pytak.TXWorker(queue, config, writer)
            for uid in ("a", "b", "c"):
                await worker.handle_data(event(uid))
            await until(lambda: len(uids(at.taken)) == 3)
            writer.close()
            return uids(at.taken)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert asyncio.run(run()) == ["a", "b", "c"]


def test_a_request_for_another_protocol_is_refused_in_words_of_the_protocol(sides: Sides) -> None:
    async def run() -> bytes:
        async with port(sides.server) as at:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", at.number, ssl=client_context(sides.clients["ROVER 1"])
            )
            writer.write(event("q", "t-x-takp-q", '<TakControl><TakRequest version="1"/></TakControl>'))
            async with asyncio.timeout(10):
                answer = await reader.readuntil(b"</event>")
            writer.close()
            return answer

    answer = asyncio.run(run())
    assert b"t-x-takp-r" in answer
    assert b'<TakResponse status="false"/>' in answer


def test_what_went_out_from_here_is_not_read_back(sides: Sides) -> None:
    async def run() -> list[str]:
        async with port(sides.server) as at:
            client = client_context(sides.clients["ROVER 1"])
            await sends(at.number, client, event(f"{OWN_UID}0123456789abcdef"), event("theirs"), PING)
            await until(lambda: bool(uids(at.taken)))
            return uids(at.taken)

    assert asyncio.run(run()) == ["theirs"]


@pytest.fixture
def copied(sides: Sides, tmp_path: Path) -> Keys:
    keys = keys_of(tmp_path, "tak")
    keys.key.parent.mkdir()
    for name in ("certificate", "key", "authority"):
        getattr(keys, name).touch(mode=0o600)
        getattr(keys, name).write_bytes(getattr(sides.server, name).read_bytes())
    return keys


def test_a_key_others_can_read_is_not_used(copied: Keys) -> None:
    server_context(copied)
    copied.key.chmod(0o640)
    with pytest.raises(BadKeys, match=r"tak\.key is open to others .*chmod 600"):
        server_context(copied)


def test_an_authority_others_can_write_is_not_used(copied: Keys) -> None:
    copied.authority.chmod(0o666)
    with pytest.raises(BadKeys, match=r"tak\.ca is open to others .*chmod 644"):
        server_context(copied)


def test_a_key_with_a_password_or_of_another_is_refused_without_asking(copied: Keys, sides: Sides) -> None:
    key = serialization.load_pem_private_key(copied.key.read_bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )
    for wrong in (locked, sides.clients["ROVER 1"].key.read_bytes(), b"rubbish"):
        copied.key.write_bytes(wrong)
        with pytest.raises(BadKeys, match="put a certificate and its own key there"):
            server_context(copied)


def test_of_a_host_that_keeps_knocking_the_log_is_told_once_and_all_are_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counted: list[None] = []
    refused = telling("tak", lambda: counted.append(None))
    for port_number in range(50):
        refused(f"10.0.0.7:{port_number}", "it showed no certificate")
    refused("10.0.0.8:1", "it showed no certificate")
    assert len(counted) == 51
    assert [record.getMessage().count("turned away") for record in caplog.records] == [1, 1]


def test_two_commands_enrol_a_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = '[[source]]\nname = "tak"\nfeed = "cot"\naddress = "tls://127.0.0.1:8089"\n'
    (tmp_path / "commonground.toml").write_text(source)
    monkeypatch.setenv("COMMONGROUND_HOME", str(tmp_path))
    assert app.main(["certificates", "tak", "--host", "tak.example.org"]) == 0
    out = str(tmp_path / "rover.zip")
    assert app.main(["certificates", "tak", "--client", "ROVER 1", "--out", out]) == 0
    assert "tak.example.org:8089" in capsys.readouterr().out
    assert Path(out).stat().st_mode & 0o077 == 0
    assert app.main(["certificates", "tak", "--client", "ROVER 1", "--out", f"{out}2"]) == 2
    assert "has a certificate already" in capsys.readouterr().err
    assert app.main(["certificates", "tak", "--void", "ROVER 1"]) == 0
    assert app.main(["certificates", "tak", "--client", "ROVER 1", "--out", f"{out}2"]) == 0
    server_context(keys_of(tmp_path, "tak"))
    store = open_store(f"sqlite:///{tmp_path / 'commonground.sqlite'}")
    acts = [entry.act for entry in audit.entries(store, act="certificate")]
    store.close()
    assert acts == ["certificate.client", "certificate.void", "certificate.client", "certificate.server"]


def test_a_source_is_failed_until_its_certificates_are_there_then_heard_and_counts_the_refused(
    sides: Sides, tmp_path: Path
) -> None:
    number = free_port()
    known = Source("tak", "cot", agency="LOG", address=f"tls://127.0.0.1:{number}")
    url = f"sqlite:///{tmp_path / 'commonground.sqlite'}"
    settings = Settings(home=tmp_path, database_url=url, sources={"tak": known})
    store = open_store(url)

    def state() -> SourceState:
        (found,) = health.states(store, settings, datetime.now(UTC))
        return found

    async def talk() -> None:
        await until(lambda: state().state == "failed")
        assert state().last_error.startswith(f"{tmp_path / 'secrets' / 'tak.crt'} cannot be read")
        shutil.copytree(sides.home / "secrets", tmp_path / "secrets")
        async with asyncio.timeout(30):
            while True:
                with suppress(OSError):
                    await sends(number, client_context(sides.clients["ROVER 1"]), event("one"), PING)
                    break
                await asyncio.sleep(0.1)
        with pytest.raises((OSError, EOFError)):
            await sends(number, None, event("intruder"), PING)
        await until(lambda: (state().accepted, state().refused, state().state) == (1, 1, "fresh"))

    running = start(store, settings)
    try:
        asyncio.run(talk())
    finally:
        running.stop()
        store.close()
