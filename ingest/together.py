"""What is sent to us in small payloads, many a second: those that come while others are being taken in go together, in one
question to the process that reads and one transaction.

So nobody waits for others to come, and the busier it is the more go together. All waiting is done in the event loop of whoever
is answered; a thread works on one round at a time, and costs the loop one hand-over for all of it.

The guard stands: nothing is read here. Only what goes well goes together. A payload that cannot be read, or that ends its
reader or keeps it too long, is taken in by itself afterwards like any other, and so is one that the store refused; those
behind it are asked anew. So there is one way in which a failure is told, and no partner's payload costs another's.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from data import health
from data.records import Entry, Reject
from data.settings import Settings, Source
from data.source_options import with_options
from data.store import Batch, Store, Tally
from ingest.feed import Context, Feed, Payload, micros
from ingest.guard import MOST_WORKERS, Limits, parse_several, printable
from ingest.intake import Result, result_of, sha256, take_in
from ingest.version import feed_version

log = logging.getLogger(__name__)

SMALL_BYTES = 256 << 10
ROUND_BYTES = 1 << 20
EACH_BYTES = 4 << 10
"""What a payload counts for besides its bytes, so that a round has no more than a few hundred."""
WAITING = 20_000
"""Payloads; with these waiting no more are taken."""
PUSHED = Limits(cpu_s=120)
"""For what is sent to us: somebody is waiting for the answer."""
QUICK = Limits(cpu_s=5, silent_s=3.0, rows=10_000)
"""For a small payload among others; where that is not enough it gets more by itself."""


@dataclass(frozen=True)
class Sent:
    """A payload in memory, whose it is and when it came."""

    payload: Payload
    feed: Feed
    source: Source
    received: datetime

    @property
    def size(self) -> int:
        return len(self.payload.content or b"")

    @property
    def small(self) -> bool:
        """Whether it is quick to read and means nothing beyond its own rows: no look-up tables, no whole state of a source."""
        return self.size <= SMALL_BYTES and "reference" not in self.feed.kinds and self.feed.absence == "keep"


class Intake:
    """Takes in what is sent, for one event loop; what is told is durable by then, in the store or in quarantine."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings
        self._alone = ThreadPoolExecutor(MOST_WORKERS, "takes in alone")
        self._waiting: deque[tuple[Sent, asyncio.Future[Result | None]]] = deque()
        self._rounds: asyncio.Task[None] | None = None

    async def take_in(self, payload: Payload, feed: Feed, source: Source) -> Result:
        """As `ingest.intake.take_in`, of a payload in memory. Raises `asyncio.QueueFull` where too much waits."""
        sent = Sent(payload, feed, source, datetime.now(UTC))
        result = await self._ask(sent) if sent.small else None
        if result is None:
            work = partial(take_in, self.store, self.settings, payload, feed, source, limits=PUSHED)
            result = await self.alone(work)
        return result

    async def alone(self, work: Callable[[], Result]) -> Result:
        """Do something that takes longer, or that finds out first whose it is, in nobody's way."""
        return await asyncio.get_running_loop().run_in_executor(self._alone, work)

    def stop(self) -> None:
        self._alone.shutdown()

    async def _ask(self, sent: Sent) -> Result | None:
        if len(self._waiting) >= WAITING:
            raise asyncio.QueueFull
        told: asyncio.Future[Result | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((sent, told))
        if self._rounds is None or self._rounds.done():
            self._rounds = asyncio.create_task(self._take_rounds())
        return await told

    async def _take_rounds(self) -> None:
        while self._waiting:
            taken, size = [], 0
            while self._waiting and size <= ROUND_BYTES:
                taken.append(self._waiting.popleft())
                size += EACH_BYTES + taken[-1][0].size
            try:
                results = await asyncio.to_thread(self._round, [sent for sent, _ in taken])
            except Exception:
                log.exception("%d payloads could not be taken in together; each is by itself.", len(taken))
                results = [None] * len(taken)
            for (_, told), result in zip(taken, results, strict=True):
                if not told.done():  # whoever asked may be gone
                    told.set_result(result)

    def _round(self, sent: Sequence[Sent]) -> list[Result | None]:
        """None for what did not go well and is to be taken in by itself."""
        told: list[Result | None] = []
        while len(told) < len(sent):
            left = sent[len(told) :]
            answers = parse_several([(each.feed.name, each.payload, self._context(each)) for each in left], QUICK)
            read = [(each, items) for each, items in zip(left, answers, strict=False) if items is not None]
            tallies = iter(self.store.append_each([_batch(each, items) for each, items in read]))
            told += [
                None if items is None else self._told(each, next(tallies))
                for each, items in zip(left, answers, strict=False)
            ]
        return told

    def _context(self, sent: Sent) -> Context:
        return Context(with_options(self.store, sent.source), sent.received)

    def _told(self, sent: Sent, tally: Tally | Exception) -> Result | None:
        if isinstance(tally, Exception):
            return None
        health.record_success(self.store, sent.source, datetime.now(UTC), tally)
        return result_of(sent.payload, sent.feed.name, sent.source, tally)


def _batch(sent: Sent, items: list[Entry | Reject]) -> Batch:
    name = printable(sent.payload.name)
    digest, received_us, version = sha256(sent.payload), micros(sent.received) or 0, feed_version(sent.feed.name)
    return Batch(sent.source.name, sent.feed.name, name, digest, received_us, [items], feed_version=version)
