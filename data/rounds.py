"""Work that costs little more for many than for one: whoever asks while a round is under way shares the next.

So nobody waits for others to come, and the busier it is the larger the rounds. One thread works; what waits is bounded.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, Full, SimpleQueue
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Told = TypeVar("Told")
log = logging.getLogger(__name__)


class Rounds(Generic[Asked, Told]):
    """`work` is given what is asked, in order, each with the future to settle now or later; `weigh` and `most` bound a round.

    Safe to use from many threads; a future that is cancelled before its round begins is left out.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Sequence[tuple[Asked, Future[Told]]]], None],
        weigh: Callable[[Asked], int],
        most: int,
        waiting: int,
    ) -> None:
        self._work = work
        self._weigh = weigh
        self._most = most
        self._most_waiting = waiting
        self._queue: SimpleQueue[tuple[Asked, Future[Told]] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._begun = self._over = False

    def ask(self, asked: Asked) -> Future[Told]:
        """Raises `queue.Full` where more wait than may, and at the end."""
        with self._lock:
            if self._over or self._queue.qsize() >= self._most_waiting:
                raise Full
            if not self._begun:
                self._begun = True
                self._thread.start()
            future: Future[Told] = Future()
            self._queue.put((asked, future))
            return future

    def stop(self) -> None:
        """End; what was asked by now is still done."""
        with self._lock:
            self._over, begun = True, self._begun
        self._queue.put(None)
        if begun:
            self._thread.join()

    def _run(self) -> None:
        item = self._queue.get()
        while item is not None:
            taken, weight = [item], self._weigh(item[0])
            item = None
            while weight <= self._most:
                try:
                    item = self._queue.get_nowait()
                except Empty:
                    break
                if item is None:
                    self._queue.put(None)
                    break
                taken.append(item)
                weight += self._weigh(item[0])
            self._round([each for each in taken if each[1].set_running_or_notify_cancel()])
            item = self._queue.get()

    def _round(self, taken: Sequence[tuple[Asked, Future[Told]]]) -> None:
        try:
            if taken:
                self._work(taken)
        except BaseException as error:
            log.exception("%s: a round of %d failed.", self._thread.name, len(taken))
            for _, future in taken:
                if not future.done():
                    future.set_exception(error)
