"""What is sent to us in small payloads, many a second: those that arrive while others are being taken in go together, in one
question to the process that reads and one transaction.

The guard stands: nothing is read here. Only what goes well goes together. A payload that cannot be read, or that ends its
reader or keeps it too long, is taken in by itself afterwards like any other, and so is every payload where the store refused
some; those behind it are asked anew. So there is one way in which a failure is told, and no partner's payload costs another's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from data import health
from data.records import Entry, Reject
from data.rounds import Rounds
from data.settings import Settings, Source
from data.source_options import with_options
from data.store import Batch, Store, Tally
from ingest.feed import Context, Feed, Payload, micros
from ingest.guard import MOST_WORKERS, Limits, parse_several, printable
from ingest.intake import Result, result_of, sha256, take_in

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
class _Asked:
    payload: Payload
    feed: Feed
    source: Source
    received: datetime

    def weight(self) -> int:
        return EACH_BYTES + len(self.payload.content or b"")


class Intake:
    """Takes in what is sent; each future is settled once what became of the payload is durable. Safe from many threads."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings
        self._alone = ThreadPoolExecutor(MOST_WORKERS, "takes in alone")
        self._rounds: Rounds[_Asked, Result] = Rounds("intake", self._work, _Asked.weight, ROUND_BYTES, WAITING)

    def take_in(self, payload: Payload, feed: Feed, source: Source) -> Future[Result]:
        """As `ingest.intake.take_in`, of a payload in memory. Raises `queue.Full`."""
        asked = _Asked(payload, feed, source, datetime.now(UTC))
        if not _plain(feed) or len(payload.content or b"") > SMALL_BYTES:
            return self.alone(partial(self._take_in, asked))
        return self._rounds.ask(asked)

    def stop(self) -> None:
        """End; what was asked by now is still done."""
        self._rounds.stop()
        self._alone.shutdown()

    def alone(self, work: Callable[[], Result]) -> Future[Result]:
        """Something that takes longer, or is to be found out first; not in anybody's way."""
        return self._alone.submit(work)

    def _take_in(self, asked: _Asked) -> Result:
        return take_in(self.store, self.settings, asked.payload, asked.feed, asked.source, limits=PUSHED)

    def _work(self, taken: Sequence[tuple[_Asked, Future[Result]]]) -> None:
        left = list(taken)
        while left:
            try:
                told = self._together([asked for asked, _ in left])
            except Exception:
                log.exception("%d payloads could not be taken in together; each is by itself.", len(left))
                told = [None] * len(left)
            for (asked, future), result in zip(left, told, strict=False):
                if result is None:
                    self._alone.submit(self._by_itself, asked, future)
                else:
                    future.set_result(result)
            left = left[len(told) :]

    def _together(self, asked: Sequence[_Asked]) -> list[Result | None]:
        """None for what did not go well and is to be taken in by itself; those after the last answer were not looked at."""
        answers = parse_several([(each.feed.name, each.payload, self._context(each)) for each in asked], QUICK)
        read = [(each, items) for each, items in zip(asked, answers, strict=False) if items is not None]
        tallies = iter(self.store.append_each([_batch(each, items) for each, items in read]))
        told: list[Result | None] = []
        for each, items in zip(asked, answers, strict=False):
            tally = None if items is None else next(tallies)
            if isinstance(tally, Tally):
                health.record_success(self.store, each.source, datetime.now(UTC), tally)
                told.append(result_of(each.payload, each.feed.name, each.source, tally))
            else:
                told.append(None)
        return told

    def _context(self, asked: _Asked) -> Context:
        return Context(with_options(self.store, asked.source), asked.received)

    def _by_itself(self, asked: _Asked, future: Future[Result]) -> None:
        try:
            future.set_result(self._take_in(asked))
        except BaseException as error:  # noqa: BLE001 - it goes to whoever asked
            future.set_exception(error)


def _plain(feed: Feed) -> bool:
    """Whether the feed's payloads mean nothing beyond their own rows: no look-up tables, no whole state of a source."""
    return "reference" not in feed.kinds and feed.absence == "keep"


def _batch(asked: _Asked, items: list[Entry | Reject]) -> Batch:
    name = printable(asked.payload.name)
    return Batch(asked.source.name, asked.feed.name, name, sha256(asked.payload), micros(asked.received) or 0, [items])
