"""A process of its own that writes to a store: `python -m tests.writer URL NAME COMMITS`, or with COMMITS 0 one that
is in the middle of a transaction, says so, and never ends it."""

import sys
import time
from collections.abc import Iterator, Sequence

from data.records import Entry, Incident
from data.store import Batch, Store, open_store
from tests.pictures import entry


def main(url: str, name: str, commits: int) -> None:
    store = open_store(url)
    print("open", flush=True)
    sys.stdin.readline()
    for number in range(commits):
        batch([entry(1, Incident(source_ref=f"{name}-{number}"))], store, name)
    if not commits:
        store.append(Batch(name, "test", "-", "", 0, never_ending(name)))
    store.close()


def batch(entries: Sequence[Entry], store: Store, source: str) -> None:
    store.append(Batch(source, "test", "-", "", 0, [entries]))


def never_ending(name: str) -> Iterator[list[Entry]]:
    for chunk in range(3):
        yield [entry(row, Incident(source_ref=f"{name}-{chunk}-{row}")) for row in range(1, 2_000)]
    print("written, not committed", flush=True)
    time.sleep(600)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
