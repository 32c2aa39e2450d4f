"""TAK clients on real sockets: what they send reaches the cot feed whole, and what is hostile ends their connection."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from data.records import Entry, Reject
from ingest.cot_listener import BATCH_EVENTS, WAITING_EVENTS, listening
from ingest.feed import Context, Payload, Source, parse
from ingest.feeds import cot

RECEIVED = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)


def event(uid: str, cot_type: str = "a-f-G-U-C", detail: str = "") -> bytes:
    return (
        f'<event version="2.0" uid="{uid}" type="{cot_type}" time="2026-11-20T12:00:00Z" start="2026-11-20T12:00:00Z"'
        f' stale="2026-11-20T12:05:00Z" how="m-g"><point lat="-11.2" lon="171.5" hae="1" ce="1" le="1"/>'
        f"<detail>{detail}</detail></event>"
    ).encode()


def read(payload: bytes) -> list[Entry | Reject]:
    context = Context(Source("tak", "cot"), RECEIVED)
    return [item for batch in parse(cot.FEED, Payload("tcp", content=payload), context) for item in batch]


def uids(payloads: list[bytes]) -> list[str]:
    return [item.source_ref for payload in payloads for item in read(payload) if isinstance(item, Entry)]


class Taken(list[bytes]):
    """What was delivered."""

    async def deliver(self, payload: bytes) -> None:
        self.append(payload)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.01)


def talk(taken: Taken, say: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> None:
    """Let one client say something to a listener, to the end of both."""

    async def run() -> None:
        async with listening("127.0.0.1", 0, taken.deliver) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                await say(reader, writer)
            finally:
                writer.close()

    asyncio.run(run())


def test_events_cut_anywhere_come_out_whole() -> None:
    taken = Taken()
    stream = (
        b"\xef\xbb\xbf\x00garbage before the first event "
        + b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        + event("one", detail='<contact callsign="A &gt; B"/><remarks>5 > 4</remarks>')
        + event("two", detail="<remarks>كنيسة</remarks>")
        + b"\n\n<?xml version='1.0'?>"
        + event("three", detail='<a b="/>"/>')
    )

    async def say(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for at in range(0, len(stream), 7):
            writer.write(stream[at : at + 7])
            await writer.drain()
        await until(lambda: len(uids(taken)) == 3)

    talk(taken, say)
    assert uids(taken) == ["one", "two", "three"]
    bodies = [json.loads(item.body) for payload in taken for item in read(payload) if isinstance(item, Entry)]
    assert [body["title"] for body in bodies] == ["A > B", "two", "three"]
    assert bodies[1]["description"] == "كنيسة"


def test_a_ping_is_answered_and_messages_between_users_stay_out() -> None:
    taken = Taken()

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(event("d-ping", "t-x-c-t") + event("chat", "b-t-f", "<remarks>private</remarks>") + event("me"))
        async with asyncio.timeout(30):
            answer = await reader.readuntil(b"</event>")
        assert b'type="t-x-c-t-r"' in answer
        writer.write(event("gone", "t-x-d-d", '<link uid="me" type="a-f-G-U-C" relation="p-p"/>'))
        await until(lambda: len(uids(taken)) == 2)

    talk(taken, say)
    assert uids(taken) == ["me", "me"]
    assert b"private" not in b"".join(taken)
    assert [item.retracted for payload in taken for item in read(payload) if isinstance(item, Entry)] == [False, True]


def test_a_burst_is_batched() -> None:
    taken = Taken()
    count = 3 * BATCH_EVENTS

    async def say(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(event(f"u{number}") for number in range(count)))
        await until(lambda: len(uids(taken)) == count)

    talk(taken, say)
    assert uids(taken) == [f"u{number}" for number in range(count)]
    assert all(len(read(payload)) <= BATCH_EVENTS for payload in taken)
    assert len(taken) < count / 10


def test_what_is_cut_off_or_broken_is_kept_for_quarantine() -> None:
    taken = Taken()

    async def say(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(event("whole") + event("broken", detail="<a>") + event("cut")[:-30])
        writer.write_eof()
        await until(lambda: sum(len(read(payload)) for payload in taken) == 3)

    talk(taken, say)
    items = [item for payload in taken for item in read(payload)]
    assert uids(taken) == ["whole"]
    assert [item.field for item in items if isinstance(item, Reject)] == ["event", "event"]


@pytest.mark.parametrize(
    ("hostile", "said"),
    [
        (b'<event uid="big" type="a-f-G">' + b"x" * (1 << 21), "more than 1,048,576 bytes"),
        (b"x" * (1 << 21), "more than 1,048,576 bytes"),
        (b'<!DOCTYPE event [<!ENTITY a "b">]>' + event("evil"), "DOCTYPE"),
    ],
    ids=["oversize", "endless garbage", "entities"],
)
def test_hostile_bytes_end_the_connection_and_no_other(
    hostile: bytes, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    taken = Taken()
    caplog.set_level(logging.INFO, "ingest.cot_listener")

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = writer.get_extra_info("peername")
        bad_reader, bad_writer = await asyncio.open_connection(host, port)
        try:
            bad_writer.write(hostile)
            async with asyncio.timeout(30):
                assert await bad_reader.read() == b""
        except ConnectionError:
            pass
        finally:
            bad_writer.close()
        writer.write(event("good"))
        await until(lambda: uids(taken) == ["good"])

    talk(taken, say)
    assert uids(taken) == ["good"]
    assert said in caplog.text


def test_a_failed_delivery_comes_again() -> None:
    taken = Taken()
    failures = iter([OSError("the store is away")])

    async def deliver(payload: bytes) -> None:
        for failure in failures:
            raise failure
        await taken.deliver(payload)

    async def run() -> None:
        async with listening("127.0.0.1", 0, deliver) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(event("patient"))
            await until(lambda: bool(taken))
            writer.close()

    asyncio.run(run())
    assert uids(taken) == ["patient"]


def test_clients_are_held_back_while_nothing_is_taken_and_lose_nothing() -> None:
    taken = Taken()
    gate = asyncio.Event()
    count = 40 * WAITING_EVENTS

    async def deliver(payload: bytes) -> None:
        await gate.wait()
        await taken.deliver(payload)

    async def run() -> int:
        async with listening("127.0.0.1", 0, deliver) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            sent, held_back = 0, False
            while sent < count and not held_back:
                writer.write(event(f"u{sent}"))
                sent += 1
                try:
                    await asyncio.wait_for(writer.drain(), 1)
                except TimeoutError:
                    held_back = True
            assert held_back
            gate.set()
            async with asyncio.timeout(30):
                await writer.drain()
            writer.write_eof()
            await until(lambda: sum(payload.count(b"<event ") for payload in taken) == sent)
            writer.close()
        return sent

    sent = asyncio.run(run())
    assert sum(payload.count(b"<event ") for payload in taken) == sent


def test_what_was_read_before_the_end_is_delivered() -> None:
    taken = Taken()

    async def run() -> None:
        async with listening("127.0.0.1", 0, taken.deliver) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(event("last") + event("p", "t-x-c-t"))
            async with asyncio.timeout(30):
                await reader.readuntil(b"</event>")
            writer.close()

    asyncio.run(run())
    assert uids(taken) == ["last"]
