"""What appending a payload would come to, without writing: the same questions of the log, asked through a reading connection.

What the payload itself has told so far is kept beside the log as it stands, so that two rows of one key count as they would.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy.engine import Connection

from data.append import Batch, Head, Tally, digests_of, heads_of, last_told, outcome_of, record_ids, with_absent
from data.records import Entry, Reject
from data.tables import commit_log

Heard = Callable[[Sequence[Entry], Sequence[str]], None]
"""Called with the entries of each chunk and what would become of each: accepted, revised, unchanged or retracted."""


def foretell(connection: Connection, secret: bytes, batch: Batch, heard: Heard | None = None) -> Tally:
    """The tally `data.append.append` would give of a batch that came now; its revision is 0."""
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    present: set[int] = set()
    known: dict[int, Head] = {}
    told: dict[int, set[int]] = {}  # digests this payload has told of a record beside the one that stands in `known`
    for chunk in with_absent(connection, batch, present):
        reasons.update(item.reason for item in chunk if isinstance(item, Reject))
        entries = [item for item in chunk if isinstance(item, Entry)]
        ids = record_ids(secret, batch.source, entries)
        if batch.absence == "retract":
            present.update(ids)
        heads = heads_of(connection, [identity for identity in ids if identity not in known])
        pairs = list(zip(ids, entries, strict=True))
        differing = [one for one, entry in pairs if one in heads and heads[one].digest != entry.digest]
        repeated = last_told(connection, differing, commit_log.c.sha256 == batch.sha256) if batch.sha256 else set()
        outcomes = []
        for identity, entry in pairs:
            before = known.get(identity) or heads.get(identity)
            outcome, late = outcome_of(
                before,
                entry,
                identity in repeated,
                False,
                partial(_digests, connection, before, told.get(identity, set())),
            )
            counts[outcome] += 1
            outcomes.append(outcome)
            if outcome == "unchanged":
                continue
            if late:
                told.setdefault(identity, set()).add(entry.digest)
            elif identity in known:
                told.setdefault(identity, set()).add(known[identity].digest)
            known[identity] = _after(before, entry, late)
        if heard is not None:
            heard(entries, outcomes)
    rejected = sum(reasons.values())
    return Tally(
        sum(counts.values()) + rejected,
        counts["accepted"],
        counts["revised"],
        counts["unchanged"],
        counts["retracted"],
        rejected,
        dict(reasons),
    )


def _digests(connection: Connection, before: Head | None, told: set[int]) -> set[int]:
    """Digests of every version there is and those this payload has told. `last_seq` is 0 where the log has none."""
    if before is None:
        return told
    return told | {before.digest} | (digests_of(connection, before.last_seq) if before.last_seq else set())


def _after(before: Head | None, entry: Entry, late: bool) -> Head:
    """Where the record would stand; `last_seq` stays that of the log, from which earlier versions are found."""
    last = before.last_seq if before else 0
    if before and late:
        return Head(last, before.current_seq, before.digest, before.version_us, before.retracted)
    told_us = entry.version_time_us
    if told_us is None and entry.retracted and before:
        told_us = before.version_us
    return Head(last, None, entry.digest, told_us, entry.retracted)
