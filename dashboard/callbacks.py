"""What a page may ask of its callbacks: one that exists, with the inputs it declares, each a text or nothing.

Dash takes a request's word for what it is; whatever is not one of our callbacks as it was registered stops here, and of what
passes only that is handed on. Who asks is no part of it: callbacks take their viewer from the connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.answer import Refused, encode, refusal

PATH = "/_dash-update-component"
NOT_OURS = Refused(400, "This is not a callback of a page of this server, or not what it takes.")


class Part(msgspec.Struct):
    """One input or state: our callbacks read addresses, which are texts."""

    id: str
    property: str
    value: str | None = None


class Called(msgspec.Struct):
    """A callback as a page asks for it."""

    output: str
    inputs: list[Part] = []
    state: list[Part] = []
    changedPropIds: list[str] = []  # noqa: N815 - Dash's own word


_decoder = msgspec.json.Decoder(Called)


class Callbacks:
    """ASGI middleware; `known` are the callbacks of the application by their output, filled as it starts."""

    def __init__(self, app: ASGIApp, known: Mapping[str, Mapping[str, Any]]) -> None:
        self.app = app
        self.known = known

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        try:
            told = encode(asked(bytes(body), self.known))
        except Refused as error:
            await refusal(error)(scope, receive, send)
            return
        waiting: list[Message] = [{"type": "http.request", "body": told, "more_body": False}]

        async def handed_on() -> Message:
            return waiting.pop() if waiting else await receive()

        headers = [
            (name, value) for name, value in scope["headers"] if name not in (b"content-length", b"content-type")
        ]
        headers += [(b"content-length", str(len(told)).encode()), (b"content-type", b"application/json")]
        await self.app({**scope, "headers": headers}, handed_on, send)


def asked(body: bytes, known: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The request made anew from what is declared and the values that came. Raises `Refused`."""
    try:
        told = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NOT_OURS from None
    callback = known.get(told.output)
    if callback is None or "callback" not in callback:  # the others run in the browser
        raise NOT_OURS
    for parts, declared in ((told.inputs, callback["inputs"]), (told.state, callback["state"])):
        if [(part.id, part.property) for part in parts] != [(each["id"], each["property"]) for each in declared]:
            raise NOT_OURS
    inputs = {f"{part.id}.{part.property}" for part in told.inputs}
    return {
        "output": told.output,
        "outputs": _outputs(told.output),
        "inputs": told.inputs,
        "state": told.state,
        "changedPropIds": [name for name in told.changedPropIds if name in inputs],
    }


def _outputs(output: str) -> Any:
    if output.startswith(".."):
        return [_outputs(part) for part in output.strip(".").split("...")]
    name, _, prop = output.rpartition(".")
    return {"id": name, "property": prop}
