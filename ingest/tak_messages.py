"""Messages of the TAK Protocol, version 1: where each ends in a stream, and the CoT event it stands for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from lxml import etree

MESH, STREAM = b"\xbf\x01\xbf", 0xBF
MOST_MESSAGE = 1 << 20
MOVING = ("course", "speed")
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def framed(content: bytes, whole: bool = True) -> Iterator[bytes]:
    """The messages of a stream, each after 0xBF and its length as a varint."""
    at = 0
    while at < len(content):
        here, size = _frame(content, at)
        if whole and here + size > len(content):
            raise _damaged(at)
        yield content[here : here + size]
        at = here + size


def taken(buffer: bytes) -> tuple[list[bytes], bytes]:
    """What begins a stream that is still coming: the events of its whole messages, as XML, and the rest.

    A message that is no event is empty. Raises ValueError where the stream is damaged.
    """
    found: list[bytes] = []
    at = 0
    while at < len(buffer):
        here, size = _frame(buffer, at)
        if here + size > len(buffer) or (buffer[here - 1] & 0x80 and here == len(buffer)):
            break
        event = event_of(buffer[here : here + size])
        found.append(event if isinstance(event, bytes) else b"")
        at = here + size
    return found, buffer[at:]


def _frame(content: bytes, at: int) -> tuple[int, int]:
    """Where the message begins whose frame is at `at`, and its length in bytes."""
    size = shift = 0
    here = at + 1
    while here < len(content) and shift < 35:
        size |= (content[here] & 0x7F) << shift
        shift += 7
        here += 1
        if content[here - 1] < 0x80:
            break
    if content[at] != STREAM or size > MOST_MESSAGE:
        raise _damaged(at)
    return here, size


def _damaged(at: int) -> ValueError:
    return ValueError(f"at byte {at + 1} there is no whole TAK message; what stands before it was cut off or damaged")


def event_of(message: bytes) -> bytes | dict[str, str]:
    """The CoT event of one message as XML; what is none, in words."""
    from google.protobuf.message import DecodeError
    from takproto.proto import TakMessage

    try:
        told = TakMessage.FromString(message)
    except DecodeError as error:
        return {"damaged": str(error)}
    said = told.cotEvent
    if not said.uid and not said.type:
        return {"damaged": "a control message, which says nothing of the picture"}
    event = etree.Element("event", version="2.0", uid=_text(said.uid), type=_text(said.type), how=_text(said.how))
    for name in ("access", "opex", "qos"):
        if value := getattr(said, name):
            event.set(name, _text(value))
    for name, value in (("time", said.sendTime), ("start", said.startTime), ("stale", said.staleTime)):
        if value:
            event.set(name, datetime.fromtimestamp(min(value / 1000, 4e9), UTC).isoformat())
    etree.SubElement(event, "point", {name: repr(getattr(said, name)) for name in ("lat", "lon", "hae", "ce", "le")})
    try:
        detail = etree.fromstring(
            f"<detail>{_text(said.detail.xmlDetail)}</detail>", etree.XMLParser(resolve_entities=False)
        )
    except etree.XMLSyntaxError:
        detail = etree.Element("detail", unread=_text(said.detail.xmlDetail))
    event.append(detail)
    for part, _ in said.detail.ListFields():
        if part.message_type is not None:
            values = {field.name: _text(value) for field, value in getattr(said.detail, part.name).ListFields()}
            if part.name == "track":
                values = {name: str(getattr(said.detail.track, name)) for name in MOVING}
            etree.SubElement(detail, "__group" if part.name == "group" else part.name, values)
    made: bytes = etree.tostring(event)
    return made


def _text(value: Any) -> str:
    return NOT_XML.sub("", str(value))
