"""A TCP port to which TAK clients and gateways connect and send CoT events, one after another.

TAK has no acknowledgement: a client has sent what it wrote. So nothing that was read here is let go: events wait until
`deliver` has taken them, a failed delivery is tried again, and meanwhile the clients are held back by not reading on.
Nothing is sent but the answers to a ping and to a request for another protocol (refused). Whatever is a message between users
(chat, files, tasks) is not passed on, nor what went out from here and comes back round a TAK server. A client may send XML,
or TAK protocol version 1 (protobuf) from its first byte on.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from data.outputs import OWN_UID
from ingest.cot_events import MAX_EVENT, between, parsed, split
from ingest.cot_types import kind_of
from ingest.feed import Refusal
from ingest.tak_messages import STREAM, taken
from ingest.tls_door import subject

log = logging.getLogger(__name__)

READ_BYTES = 65_536
BATCH_EVENTS = 200
WAITING_EVENTS = 2_000
"""Read and not yet delivered, over all clients; with these waiting no client is read."""
MOST_CLIENTS = 200
LONGEST_RETRY_S = 30.0

Deliver = Callable[[bytes], Awaitable[None]]
Queue = asyncio.Queue[bytes | None]
Open = Callable[[Any, str, int], Awaitable[Any]]
"""(who is to be called with reader and writer of each client, host, port) -> a server with `sockets` and `close`."""
ANSWERS = {
    "t-x-c-t": ("t-x-c-t-r", "takPong", "<detail/>"),
    "t-x-takp-q": (
        "t-x-takp-r",
        "takProtocol",
        '<detail><TakControl><TakResponse status="false"/></TakControl></detail>',
    ),
}
"""What is asked -> type, uid and detail of the answer: we are here; no, what is sent back stays XML."""
PROTOBUF = bytes([STREAM])
PLAIN: Open = partial(asyncio.start_server, limit=READ_BYTES)


@asynccontextmanager
async def listening(host: str, port: int, deliver: Deliver, opened: Open = PLAIN) -> AsyncIterator[int]:
    """Listen meanwhile; gives the port (of 0, the one that was free). What was read before the end is delivered at the end.

    `deliver` gets payloads for the `cot` feed, one at a time: what comes while nothing is being delivered at once, and what
    comes meanwhile together, up to 200 events. It may take its time and may raise: then the same payload comes again, after
    1 s, 2 s, 4 s and so on up to 30 s. `opened` opens the port, with TLS or without.
    """
    queue: Queue = asyncio.Queue(WAITING_EVENTS)
    clients: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(clients) >= MOST_CLIENTS:
            log.warning("%s turned away: %d clients are connected", _peer(writer), len(clients))
            writer.close()
            return
        clients[task] = writer
        try:
            await _read(reader, writer, queue)
        finally:
            del clients[task]
            writer.close()

    ending = asyncio.Event()
    batches = asyncio.create_task(_pass_on(queue, deliver, ending))
    server = await opened(connected, host, port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        ending.set()
        for writer in clients.values():
            writer.transport.abort()  # its reader still gives out what had come, then ends
        await asyncio.gather(*clients, return_exceptions=True)
        await queue.put(None)
        await batches


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, queue: Queue) -> None:
    """Read one client to its end, or to what no client of good faith sends."""
    peer, rest, left_out = _peer(writer), b"", Counter[str]()
    sock: socket.socket | None = writer.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    log.info("%s connected", peer)
    reason = "closed the connection"
    try:
        while block := await reader.read(READ_BYTES):
            # A long event that trickles in is not searched anew with every packet.
            ended = len(rest) < READ_BYTES or b"</event" in rest[-8:] + block
            rest += block
            framed = rest[:1] == PROTOBUF
            if ended or framed or len(rest) > MAX_EVENT:
                pieces, rest = taken(rest) if framed else split(rest)
                for piece in pieces:
                    await _take(piece, writer, queue, left_out)
        pieces, rest = split(rest)
        for piece in (*pieces, *between(rest)):
            await _take(piece, writer, queue, left_out)
    except ValueError as error:
        reason = f"was disconnected: {error}"
    except OSError as error:
        reason = f"was lost: {error}"
    finally:
        counted = ", ".join(f"{number} {what}" for what, number in sorted(left_out.items()))
        log.info("%s %s%s", peer, reason, f"; left out {counted}" if counted else "")


async def _take(piece: bytes, writer: asyncio.StreamWriter, queue: Queue, left_out: Counter[str]) -> None:
    if not piece.startswith(b"<event"):
        left_out["texts that are no event"] += 1
        return
    try:
        said = parsed(piece)
        cot_type, uid = said.get("type", ""), said.get("uid", "")
    except Refusal:
        cot_type = uid = ""  # the feed says what is wrong with it, and keeps it
    if uid.startswith(OWN_UID):
        left_out["events that came from here"] += 1
    elif cot_type in ANSWERS:
        # A client that does not read its answers gets no more of them.
        if writer.transport.get_write_buffer_size() < READ_BYTES:
            writer.write(_answer(cot_type, datetime.now(UTC)))
    elif kind_of(cot_type) == "message" and cot_type != "t-x-d-d":
        left_out["messages between users"] += not cot_type.startswith("t-x-c-t")
    else:
        await queue.put(piece)


async def _pass_on(queue: Queue, deliver: Deliver, ending: asyncio.Event) -> None:
    more = True
    while more:
        batch = [await queue.get()]
        while batch[-1] is not None and len(batch) < BATCH_EVENTS and not queue.empty():
            batch.append(queue.get_nowait())
        more = batch[-1] is not None
        events = [event for event in batch if event is not None]
        if events:
            await _deliver(b"<events>\n" + b"\n".join(events) + b"\n</events>\n", len(events), deliver, ending)


async def _deliver(payload: bytes, events: int, deliver: Deliver, ending: asyncio.Event) -> None:
    pause = 1.0
    while True:
        try:
            await deliver(payload)
        except Exception as error:  # noqa: BLE001 (whatever it is, the events are still here)
            if ending.is_set():
                log.error("%d events are lost: they could not be delivered before the end: %s", events, error)
                return
            log.warning("%d events could not be delivered, trying again in %.0f s: %s", events, pause, error)
        else:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(ending.wait(), pause)
        pause = min(2 * pause, LONGEST_RETRY_S)


def _answer(cot_type: str, now: datetime) -> bytes:
    time, stale = (moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ") for moment in (now, now + timedelta(seconds=20)))
    answer, uid, detail = ANSWERS[cot_type]
    return (
        f'<event version="2.0" uid="{uid}" type="{answer}" how="h-g-i-g-o" time="{time}" start="{time}"'
        f' stale="{stale}"><point lat="0.0" lon="0.0" hae="0.0" ce="9999999.0" le="9999999.0"/>{detail}</event>\n'
    ).encode()


def _peer(writer: asyncio.StreamWriter) -> str:
    address, named = writer.get_extra_info("peername"), subject(writer)
    told = f"TAK client {address[0]}:{address[1]}" if address else "a TAK client"
    return f"{told} with the certificate of {named!r}" if named else told
