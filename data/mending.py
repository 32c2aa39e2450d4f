"""What a person does about rejects: mends a row, discards what will never be read. Each with its entry in the audit log.

The raw row stays as it came whatever is done to it; a mend is a second text beside it, and can be taken back.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from data import audit
from data.quarantine import entry
from data.store import Store
from data.tables import quarantine

MOST_BYTES = 64 << 10
LONGEST_REASON = 500


class CannotMend(ValueError):
    """Why not, and what to do instead, in one sentence."""


def edit(store: Store, who: str, number: int, row: bytes) -> dict[str, Any]:
    """Put a mended row beside the raw one, to be read again in its place; the raw one itself takes the mend back.

    Returns the reject as it is now. Raises `CannotMend`.
    """
    found = _open(store, number)
    if found["row"] is None:
        raise CannotMend(
            f"Reject {number} is a payload as a whole: change how its source is read, or have it sent again."
        )
    if not row.strip() or len(row) > MOST_BYTES:
        raise CannotMend(f"A row is 1 to {MOST_BYTES:,} bytes of text; to get rid of one, discard it.")
    edited = None if row == found["raw"] else row
    told = {"edited": edited, "edited_us": time.time_ns() // 1_000, "edited_by": who}
    with store.transaction() as connection:
        connection.execute(quarantine.update().where(quarantine.c.id == number).values(**told))
        details: dict[str, audit.Value] = {"id": number, "edited": edited is not None}
        audit.append(connection, "quarantine.edit", who, found["source"], details=details)
    return {**found, **told}


def discard(
    store: Store,
    who: str,
    why: str,
    ids: Sequence[int] = (),
    source: str | None = None,
    feed: str | None = None,
    reason: str | None = None,
) -> int:
    """Set open rejects aside for good, with the reason: those with these ids, or of this source, feed and reason. How many.

    They stay readable until retention takes them. Raises `CannotMend`.
    """
    if not why.strip() or len(why) > LONGEST_REASON:
        raise CannotMend(f"Say in 1 to {LONGEST_REASON} characters why these rows are discarded.")
    if not ids and source is None:
        raise CannotMend("Name the rejects to discard, or their source.")
    at = quarantine.c
    wanted = [at.state == "open", *([at.id.in_(ids)] if ids else [])]
    wanted += [column == said for column, said in ((at.source, source), (at.feed, feed), (at.reason, reason)) if said]
    settled = {"state": "discarded", "settled_us": time.time_ns() // 1_000, "settled_by": who, "settled_why": why}
    with store.transaction() as connection:
        counted = sa.select(at.source, sa.func.count()).where(*wanted).group_by(at.source).order_by(at.source)
        found = {name: int(count) for name, count in connection.execute(counted)}
        if not found:
            raise CannotMend("Nothing that is open in quarantine matches.")
        connection.execute(quarantine.update().where(*wanted).values(**settled))
        for name, count in found.items():
            audit.append(connection, "quarantine.discard", who, name, why, {"count": count, "reason": reason or ""})
    return sum(found.values())


def _open(store: Store, number: int) -> dict[str, Any]:
    found = entry(store.reader, number)
    if found is None:
        raise CannotMend(f"There is no reject {number} in quarantine.")
    if found["state"] != "open":
        raise CannotMend(f"Reject {number} is {found['state']} already; only open ones are mended.")
    return found
