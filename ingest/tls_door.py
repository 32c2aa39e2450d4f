"""A TLS port that lets in only clients with a certificate of its CA, and says of every other why it was turned away.

The files are looked at every two seconds: when one of them changes (a certificate was renewed, a client's made void), everybody
is let go and comes back under what then holds. Files that cannot be used change nothing; they are told of once.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

from data.tls import BadKeys, Keys, server_context

log = logging.getLogger(__name__)

HANDSHAKE_S = 10.0
MOST_HANDSHAKES = 200
LOOK_EVERY_S = 2.0
TELL_AGAIN_S = 60.0
MOST_TOLD = 1_000
NO_CERTIFICATE = "PEER_DID_NOT_RETURN_A_CERTIFICATE"
OLDER = ("UNSUPPORTED_PROTOCOL", "NO_SHARED_CIPHER", "TLSV1_ALERT_PROTOCOL_VERSION", "VERSION_TOO_LOW")
NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG")
VERIFY = {
    9: "its certificate is not valid yet",
    10: "its certificate has expired",
    23: "its certificate was made void",
    12: "the list of void certificates (.crl) has expired",
    **dict.fromkeys((2, 18, 19, 20, 21), "its certificate is signed by another CA"),
}
"""OpenSSL's verify codes (x509_vfy.h)."""

Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]
Refused = Callable[[str, str], None]
"""(address, why): somebody was turned away."""


class TlsServer:
    """Made by `tls_server`; like `asyncio.Server` it has `sockets` and `close`."""

    def __init__(self, connected: Connected, keys: Keys, refused: Refused, limit: int) -> None:
        self._connected = connected
        self._keys = keys
        self._refused = refused
        self._limit = limit
        self._stamp = keys.stamp
        self._context = server_context(keys)
        self._handshakes: set[asyncio.Task[None]] = set()
        self._inside: set[asyncio.WriteTransport] = set()
        self._server: asyncio.Server | None = None
        self._looking: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Door(self._knock), host, port)
        self._looking = asyncio.create_task(self._look())

    @property
    def sockets(self) -> Sequence[socket.socket]:
        return self._server.sockets if self._server is not None else ()

    def close(self) -> None:
        """Let nobody in any more; whoever is in stays."""
        if self._server is not None:
            self._server.close()
        if self._looking is not None:
            self._looking.cancel()
        for task in self._handshakes:
            task.cancel()

    def _knock(self, transport: asyncio.Transport) -> None:
        if len(self._handshakes) >= MOST_HANDSHAKES:
            self._refused(_address(transport), f"{MOST_HANDSHAKES} others are in their handshakes")
            transport.abort()
            return
        task = asyncio.create_task(self._let_in(transport))
        self._handshakes.add(task)
        task.add_done_callback(self._handshakes.discard)

    async def _let_in(self, transport: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=self._limit)
        protocol = asyncio.StreamReaderProtocol(reader, self._talk)
        address = _address(transport)
        try:
            inside = await loop.start_tls(
                transport, protocol, self._context, server_side=True, ssl_handshake_timeout=HANDSHAKE_S
            )
        except OSError as error:
            transport.abort()
            self._refused(address, _why(error))
            return
        if inside is None:
            transport.abort()
            return
        protocol.connection_made(inside)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        transport = writer.transport
        self._inside.add(transport)
        try:
            await self._connected(reader, writer)
        finally:
            self._inside.discard(transport)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            stamp = self._keys.stamp
            if stamp == self._stamp:
                continue
            self._stamp = stamp
            try:
                self._context = server_context(self._keys)
            except BadKeys as error:
                log.warning("the earlier certificates are kept: %s", error)
                continue
            log.info("certificates changed: %d clients are let go, to come back under the new ones", len(self._inside))
            for transport in self._inside:
                transport.abort()


def telling(name: str, count: Callable[[], None]) -> Refused:
    """Tells the log of somebody who was turned away from a source's port and counts them; of one host that keeps knocking the
    log is told once a minute."""
    told: dict[tuple[str, str], tuple[float, int]] = {}

    def refused(address: str, why: str) -> None:
        count()
        now, host = time.monotonic(), address.rpartition(":")[0]
        last, unsaid = told.get((host, why), (-TELL_AGAIN_S, 0))
        if now - last < TELL_AGAIN_S:
            told[host, why] = (last, unsaid + 1)
            return
        if len(told) >= MOST_TOLD:
            told.clear()
        told[host, why] = (now, 0)
        again = f", as {unsaid} times before" if unsaid else ""
        log.warning("source %s: %s was turned away%s: %s", name, address, again, why)

    return refused


async def tls_server(
    connected: Connected, host: str, port: int, keys: Keys, refused: Refused, limit: int = 65_536
) -> TlsServer:
    """Listen; `connected` is called as by `asyncio.start_server`. Raises `BadKeys`, and `OSError` where the port is taken."""
    server = TlsServer(connected, keys, refused, limit)
    await server.start(host, port)
    return server


def subject(writer: asyncio.StreamWriter) -> str:
    """Whom the client's certificate names: its common name, else its whole subject; empty without TLS."""
    certificate = writer.get_extra_info("peercert")
    if not certificate:
        return ""
    parts = [pair for part in certificate.get("subject", ()) for pair in part]
    names = [value for key, value in parts if key == "commonName"]
    return (
        names[-1] if names else ", ".join(f"{key}={value}" for key, value in parts) or "a certificate without subject"
    )


class _Door(asyncio.Protocol):
    """Reads nothing itself: what the client says first is for the handshake."""

    def __init__(self, knock: Callable[[asyncio.Transport], None]) -> None:
        self._knock = knock

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            with suppress(RuntimeError):
                transport.pause_reading()
            self._knock(transport)


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return VERIFY.get(error.verify_code, f"its certificate does not hold ({error.verify_message})")
    reason = getattr(error, "reason", None) or ""
    if reason == NO_CERTIFICATE:
        return "it showed no certificate"
    if reason in NO_TLS:
        return "it does not speak TLS"
    if reason in OLDER:
        return "it speaks no TLS of version 1.2 or newer"
    if "ALERT" in reason:
        return f"it does not accept this server's certificate ({reason.replace('_', ' ').lower()})"
    if isinstance(error, ConnectionAbortedError):
        return f"it did not finish the handshake within {HANDSHAKE_S:.0f} s"
    if isinstance(error, ConnectionError):
        return "it broke off the handshake"
    return f"the handshake failed ({reason or error})"


def _address(transport: asyncio.BaseTransport) -> str:
    address = transport.get_extra_info("peername")
    return f"{address[0]}:{address[1]}" if address else "somebody"
