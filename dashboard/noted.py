"""What is to be put down in the audit log of an answer: which of its records oblige to it, and by which clause they were seen."""

from __future__ import annotations

from collections.abc import Iterable

from dashboard.services import Services
from data.records import KINDS
from data.seen import Item, Seen, public_id


def note_read(services: Services, seen: Seen, items: Iterable[Item]) -> None:
    """Note the reading of those items whose mark asks for it. Never waits: it is written after the answer has gone."""
    read: dict[tuple[str, str], list[str]] = {}
    for item in items:
        why = seen.why(item)
        if why.obligations.log:
            read.setdefault((KINDS[item.kind].collection, why.clause), []).append(public_id(item.id))
    viewer = seen.viewer.looking or seen.viewer
    for (collection, clause), ids in read.items():
        services.note(viewer.name, "read", collection, ids, clause)
