"""A TAK server of the simplest kind, in a thread on real sockets: what one client sends goes to all others, and is kept."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from tests.servers import free_port


@dataclass
class TakServer:
    """`heard`: every event in the order of arrival. `map`: what a client that was there all the time would show."""

    context: ssl.SSLContext | None = None
    port: int = field(default_factory=free_port)
    heard: list[Any] = field(default_factory=list)
    map: dict[str, Any] = field(default_factory=dict)
    connections: int = 0
    _clients: set[asyncio.StreamWriter] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _server: asyncio.Server | None = None

    def open(self) -> None:
        """Begin to listen, with nobody connected."""
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)

    def close(self) -> None:
        """Let everybody go and stop listening."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._client, "127.0.0.1", self.port, ssl=self.context)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._clients):
            writer.transport.abort()
        while self._clients:
            await asyncio.sleep(0.01)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        self.connections += 1
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                event = await reader.readuntil(b"</event>")
                told = etree.fromstring(event.strip())
                self.heard.append(told)
                self._show(told)
                for other in self._clients - {writer}:
                    other.write(event)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        self._clients.discard(writer)

    def _show(self, told: Any) -> None:
        if told.get("type") == "t-x-d-d":
            self.map.pop(told.find("detail/link").get("uid"), None)
        elif not told.get("type").startswith("t-"):
            self.map[told.get("uid")] = told

    def until(self, holds: Callable[[], bool], seconds: float = 30.0) -> float:
        """Wait for something of the map; how long it took."""
        began = time.monotonic()
        while not holds():
            if time.monotonic() - began > seconds:
                raise AssertionError(f"after {seconds:.0f} s still: {sorted(self.callsigns())}")
            time.sleep(0.02)
        return time.monotonic() - began

    def callsigns(self) -> set[str]:
        return {told.find("detail/contact").get("callsign") for told in list(self.map.values())}


@contextmanager
def tak_server(context: ssl.SSLContext | None = None) -> Iterator[TakServer]:
    server = TakServer(context)
    thread = threading.Thread(target=server._loop.run_forever, daemon=True)
    thread.start()
    server.open()
    try:
        yield server
    finally:
        server.close()
        server._loop.call_soon_threadsafe(server._loop.stop)
        thread.join(10)
        server._loop.run_until_complete(asyncio.sleep(0.05))
        server._loop.close()
