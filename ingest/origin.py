"""The row of a table that the row being read was made of, so that quarantine keeps what the partner wrote.

Feeds of tables hand on rows that are mapped, melted or merged already. What is kept of one that is refused should be the row
of the sheet: that is what the partner knows, what can be sent back to them, and what another mapping can be tried on. Which
one it was is known only by having been handed out last, and feeds look ahead; so it counts only where that row, read alone,
gives the very same. The same is asked before a corrected row is taken as the answer to the reject whose number it bears.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from data.records import Entry, Reject
from ingest.raw import TableRow, raw_text

MOST_TRACED = 2_000
"""Rows of one payload that are read alone to be sure of; beyond, refused rows are kept as the feed handed them on."""

Alone = Callable[[TableRow], Iterable[Entry | Reject]]


class Handed(NamedTuple):
    """One row as it was handed out, and the reject it says it answers."""

    header: Sequence[str]
    tags: Sequence[str]
    cells: Sequence[Any]
    answers: int = 0

    def row(self) -> TableRow:
        cells = dict.fromkeys(self.header)
        for number, value in enumerate(self.cells):
            if value is not None:
                cells[self.header[number] if number < len(self.header) else f"column {number + 1}"] = value
        tags = {name: tag for name, tag in zip(self.header, self.tags, strict=True) if tag} if self.tags else {}
        return TableRow(cells, tags)


class Origin:
    """What `ingest.sheets` handed out last. One payload is read at a time in a process."""

    def __init__(self) -> None:
        self.last: Handed | None = None
        self.traced = 0

    def begin(self) -> None:
        self.last, self.traced = None, 0

    def trace(self, item: Entry | Reject, alone: Alone) -> Entry | Reject:
        """The item with the raw row it came from and the reject it answers, where both are sure."""
        at = self.last
        if at is None or not (at.answers or isinstance(item, Reject)) or self.traced >= MOST_TRACED:
            return item
        self.traced += 1
        row = at.row()
        sure = _among(item, row, alone)
        self.last = at
        if not sure:
            return item
        if isinstance(item, Reject):
            item = item._replace(raw=raw_text(row))
        return item._replace(answers=at.answers)


origin = Origin()


def _among(item: Entry | Reject, row: TableRow, alone: Alone) -> bool:
    try:
        return any(_same(item, other) for other in alone(row))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 (whatever a feed makes of a table of one row: then it is not sure)
        return False


def _same(one: Entry | Reject, other: Entry | Reject) -> bool:
    if isinstance(one, Entry) and isinstance(other, Entry):
        return (one.kind, one.source_ref, one.digest) == (other.kind, other.source_ref, other.digest)
    if isinstance(one, Reject) and isinstance(other, Reject):
        return (one.field, one.reason, one.raw) == (other.field, other.reason, other.raw)
    return False
