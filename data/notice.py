"""Waiting for a new revision, whichever process committed it. A lost notice costs nothing: the revision itself is re-read.

In this process the store's own condition wakes at once. From other processes: on SQLite `PRAGMA data_version`, asked every
50 ms, moves when another connection commits; on PostgreSQL the commit's NOTIFY arrives on a LISTENing connection.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from data.store import Store

POLL_S = 0.05
AT_LEAST_EVERY_S = 5.0
"""How often the revision is re-read where no notice came."""


def wait_for_change(store: Store, revision: int, timeout_s: float) -> bool:
    """Wait until something newer than `revision` is committed; False when nothing was within the time."""
    if store.revision() > revision:
        return True
    with listening(store) as noticed:
        deadline = time.monotonic() + timeout_s
        while store.revision() <= revision:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            noticed(min(left, AT_LEAST_EVERY_S))
    return True


@contextmanager
def listening(store: Store) -> Iterator[Callable[[float], bool]]:
    """A function that waits up to so many seconds for a sign that something was committed since it was last asked."""
    if store.reader.dialect.name == "postgresql":
        with _postgresql(store) as noticed:
            yield noticed
    else:
        with _sqlite(store) as noticed:
            yield noticed


@contextmanager
def _sqlite(store: Store) -> Iterator[Callable[[float], bool]]:
    pooled = store.reader.raw_connection()
    try:
        driver: Any = pooled.driver_connection
        seen = driver.execute("PRAGMA data_version").fetchone()[0]

        def noticed(timeout_s: float) -> bool:
            nonlocal seen
            deadline = time.monotonic() + timeout_s
            while True:
                now = driver.execute("PRAGMA data_version").fetchone()[0]
                if now != seen:
                    seen = now
                    return True
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                with store.changed:
                    store.changed.wait(min(left, POLL_S))

        yield noticed
    finally:
        pooled.close()


@contextmanager
def _postgresql(store: Store) -> Iterator[Callable[[float], bool]]:
    _, options = store.reader.dialect.create_connect_args(store.reader.url)
    with psycopg.connect(**options, autocommit=True) as connection:
        connection.execute("LISTEN commonground")

        def noticed(timeout_s: float) -> bool:
            return any(True for _ in connection.notifies(timeout=timeout_s, stop_after=1))

        yield noticed
