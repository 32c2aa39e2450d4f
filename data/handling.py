"""What lies with the watch: records that somebody took in hand, and those the escalation matrix asks somebody to take notice of.

Whatever is late is so by the time at which it is asked: nothing of it is stored, and nothing is done about it by itself. All of
it is computed from what one viewer may see.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from data.columns import NO_TIME
from data.escalation import Escalation
from data.filters import BadFilter, Filters
from data.records import KINDS, AlertHandling, Handling, IncidentHandling, ReportHandling
from data.seen import Item, Rows, Seen, public_id
from data.times import micros_of, moment_of

HANDLINGS: MappingProxyType[str, type[Handling]] = MappingProxyType(
    {"incident": IncidentHandling, "alert": AlertHandling, "report": ReportHandling}
)
"""Kind of record -> the kind of what is done about it."""
KEPT = 64
_lock = threading.Lock()
_begun: OrderedDict[tuple[int, str], dict[int, int]] = OrderedDict()
"""By release and kind: record -> the revision that first brought it. It never changes for those a release is for."""
OPEN, ACKNOWLEDGED, CLOSED = "open", "acknowledged", "closed"


class Hand(NamedTuple):
    """The handling of one record as it stands."""

    row: int
    state: str
    assignee: str
    due: datetime | None


@dataclass(frozen=True)
class Standing:
    """One record that lies with somebody. `row` is that of the record, `hand` what was done about it."""

    kind: str
    row: int
    id: str
    state: str
    since: datetime
    """When it was first received."""
    hand: Hand | None
    rule: str = ""
    level: int = 0
    """How many levels of the matrix let their time pass."""
    who: str = ""
    """With whom it lies now: to whom it was assigned, or the level that is to take notice."""
    deadline: datetime | None = None
    """By when the next thing is to be done; of what is overdue, by when it was."""
    overdue: bool = False


def name_of(kind: str) -> str:
    return f"{kind}_handling"


def hands(seen: Seen, kind: str) -> dict[str, Hand]:
    """Public id -> how a record of a kind is handled."""
    name = name_of(kind)
    rows = seen.rows(name)
    columns = {column: seen.column(name, column)[rows].tolist() for column in ("about", "category", "assignee", "due")}
    labels = {column: seen.labels(name, column) for column in ("about", "category", "assignee")}
    return {
        labels["about"][about]: Hand(row, labels["category"][state], labels["assignee"][assignee], _moment(due))
        for row, about, state, assignee, due in zip(rows.tolist(), *columns.values(), strict=True)
        if about
    }


def _moment(micros: int) -> datetime | None:
    return None if micros == NO_TIME else moment_of(micros)


def standing(seen: Seen, matrix: Sequence[Escalation]) -> list[Standing]:
    """Everything that lies with somebody, overdue first, then by deadline, then the worst and newest."""
    found = [one for kind in HANDLINGS for one in _of_kind(seen, kind, matrix)]
    never = datetime.max.replace(tzinfo=UTC)
    return sorted(found, key=lambda one: (not one.overdue, one.deadline or never, one.since, one.id))


def of_record(seen: Seen, item: Item, matrix: Sequence[Escalation]) -> Standing | None:
    """How one record stands: as in `standing`, and also where it was closed; None where nobody is asked for anything."""
    if item.kind not in HANDLINGS:
        return None
    hand = hands(seen, item.kind).get(public_id(item.id))
    rules = _rules(seen, item.kind, matrix)
    at = next((number for number, rows in enumerate(rows for _, rows in rules) if item.row in rows), None)
    if hand is None and at is None:
        return None
    begun = first_received(seen, item.kind, np.array([item.row]))[0]
    return _judged(seen, item.kind, item.row, begun, hand, None if at is None else rules[at][0])


def _of_kind(seen: Seen, kind: str, matrix: Sequence[Escalation]) -> Iterator[Standing]:
    rules: dict[int, Escalation] = {}
    for rule, rows in _rules(seen, kind, matrix):
        for row in rows.tolist():
            rules.setdefault(row, rule)
    known = hands(seen, kind)
    row_of = seen.rows_of(kind, [name for name, hand in known.items() if hand.state != CLOSED])
    hand_of: dict[int, Hand | None] = {row: known[name] for name, row in row_of.items()}
    if rules:
        for row, number in zip(rules, seen.column(kind, "id")[list(rules)].tolist(), strict=True):
            hand_of[row] = known.get(public_id(number))
    rows = np.array(sorted(hand_of), np.int64)
    for row, begun in zip(rows.tolist(), first_received(seen, kind, rows), strict=True):
        one = _judged(seen, kind, row, begun, hand_of[row], rules.get(row))
        if one.state != CLOSED and (one.hand is not None or one.rule):
            yield one


def first_received(seen: Seen, kind: str, rows: Rows) -> list[datetime]:
    """When each record was first received, of what this viewer may see of it: a later version begins no clock anew."""
    ids = seen.column(kind, "id")[rows].tolist()
    key = (seen.released.number, kind)
    with _lock:
        known = _begun.setdefault(key, {})
        _begun.move_to_end(key)
        while len(_begun) > KEPT:
            _begun.popitem(last=False)
    missing = np.array(sorted({number for number in ids if number not in known}), np.int64)
    if len(missing):
        versions = seen.versions(kind)
        held = seen.column(kind, "id")[versions]
        hits = versions[missing[np.searchsorted(missing, held).clip(max=len(missing) - 1)] == held]
        # Versions stand in the order they came: of one record the first counts.
        for number, revision in zip(
            seen.column(kind, "id")[hits][::-1].tolist(),
            seen.column(kind, "rev_from")[hits][::-1].tolist(),
            strict=True,
        ):
            known[number] = revision
    return [received(seen, known[number]) for number in ids]


def received(seen: Seen, revision: int) -> datetime:
    """When what a revision brought was received."""
    commit = seen.commits[bisect_left(seen.commits, revision, key=lambda commit: commit.revision)]
    return datetime.fromtimestamp(commit.received_us / 1e6, UTC)


def _rules(seen: Seen, kind: str, matrix: Sequence[Escalation]) -> list[tuple[Escalation, Rows]]:
    """The rows each rule asks for, the earlier rule first."""
    found = []
    for rule in matrix:
        if KINDS[kind].collection not in rule.collections:
            continue
        for area in rule.area or ("",):
            asked = Filters(
                window=rule.last,
                severity=rule.severity,
                category=rule.category,
                area=area,
                as_known_at=seen.now if seen.past else None,
            )
            try:
                rows = seen.rows(kind, asked)
            except BadFilter:  # no boundary of that code is loaded, or this viewer may not know of it
                continue
            if kind == "alert":
                expires = seen.column(kind, "expires")[rows]
                rows = rows[(expires == NO_TIME) | (expires > micros_of(seen.now))]
            found.append((rule, rows))
    return found


def _judged(seen: Seen, kind: str, row: int, begun: datetime, hand: Hand | None, rule: Escalation | None) -> Standing:
    state = hand.state if hand else OPEN
    assignee = hand.assignee if hand else ""
    due = hand.due if hand and state != CLOSED else None
    level, who, deadline, overdue = 0, assignee, due, due is not None and due <= seen.now
    if rule and state == OPEN:
        passed, ends = _levels(rule, begun, seen.now)
        level, overdue = passed, overdue or passed > 0
        who = who or rule.levels[min(passed, len(rule.levels) - 1)].who
        first = begun + rule.levels[0].within
        notice = first if passed else ends
        deadline = notice if due is None else min(due, notice)
    return Standing(
        kind,
        row,
        public_id(int(seen.column(kind, "id")[row])),
        state,
        begun,
        hand,
        rule.name if rule and state == OPEN else "",
        level,
        who,
        deadline,
        overdue,
    )


def _levels(rule: Escalation, begun: datetime, now: datetime) -> tuple[int, datetime]:
    """How many levels let their time pass, and when that of the one it is with ends (of the last, when it ended)."""
    passed, ends = 0, begun
    for level in rule.levels:
        ends += level.within
        if ends > now:
            break
        passed += 1
    return passed, ends
