"""The whole server in this process: requests go straight into the ASGI application, without a socket between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp

from dashboard.http import make_server
from dashboard.services import Services
from data.access import Viewer

VARYING = ("server-timing", "date")
"""Headers that tell how long it took and when it was; nothing of what was answered."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
        """Everything that was said: status, headers, body."""
        return (
            self.status,
            tuple((name, value) for name, value in self.headers.items() if name not in VARYING),
            self.body,
        )

    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


class Current:
    """The services of whichever world is at hand, for a server that is made once: each world is asked as one viewer."""

    def __init__(self, services: Services) -> None:
        self.services = services

    def show(self, services: Services, viewer: Viewer) -> None:
        self.services = replace(services, viewer=lambda request: viewer)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.services, name)


class Client:
    """Speaks to an ASGI application as a browser on this machine does."""

    def __init__(self, app: ASGIApp, current: Current) -> None:
        self.app = app
        self.current = current
        self.loop = asyncio.new_event_loop()

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, headers=headers)

    def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None, raw: bool = False
    ) -> Answer:
        address, _, query = path.partition("?")
        told = {
            "host": "127.0.0.1:8050",
            **{name.replace("_", "-").lower(): text for name, text in (headers or {}).items()},
        }
        if body or method == "POST":
            told.setdefault("content-length", str(len(body)))
            told.setdefault("content-type", "application/json")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(address),
            "raw_path": address.encode("latin-1", "replace"),
            "query_string": query.encode("latin-1", "replace"),
            "root_path": "",
            "headers": [(name.encode(), value.encode("latin-1", "replace")) for name, value in told.items()],
            "client": ("127.0.0.1", 50_000),
            "server": ("127.0.0.1", 8050),
            "state": {},
        }
        return self.loop.run_until_complete(self._exchange(scope, body))

    async def _exchange(self, scope: dict[str, Any], body: bytes) -> Answer:
        sent = [{"type": "http.request", "body": body, "more_body": False}]
        begun: dict[str, Any] = {}
        parts: list[bytes] = []

        async def receive() -> Any:
            if sent:
                return sent.pop()
            await asyncio.Event().wait()  # the client stays: nothing more is said, and it does not leave
            raise AssertionError

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                begun.update(message)
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))

        await self.app(scope, receive, send)
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in begun["headers"]}
        return Answer(begun["status"], headers, b"".join(parts))

    def callback(self, output: str, inputs: list[Any], state: list[Any] = [], changed: str = "") -> Answer:  # noqa: B006
        """What the page sends when a callback is due. Inputs are (id, property, value)."""
        body = {
            "output": output,
            "outputs": outputs_of(output),
            "inputs": [{"id": name, "property": prop, "value": value} for name, prop, value in inputs],
            "changedPropIds": [changed or f"{inputs[0][0]}.{inputs[0][1]}"] if inputs else [],
            "state": [{"id": name, "property": prop, "value": value} for name, prop, value in state],
        }
        return self.request("POST", "/_dash-update-component", json.dumps(body).encode())

    def close(self) -> None:
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


def outputs_of(output: str) -> Any:
    """The parts of a callback's key: `id.property`, or `..id.property...id.property..` for several."""
    if output.startswith(".."):
        return [outputs_of(part) for part in output.strip(".").split("...")]
    name, _, prop = output.rpartition(".")
    return {"id": name, "property": prop}


def client_of(services: Services) -> Client:
    """A client of a server that shows whichever world is at hand, at first this one."""
    current = Current(services)
    return Client(make_server(current), current)  # type: ignore[arg-type]
