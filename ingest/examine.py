"""What committing a payload would come to, told row by row before anybody does: a reading without a writing.

The payload is parsed in the guarded worker exactly as it would be, each row is weighed against the store (`data.foretell`), and
its place is sought among the areas whoever asks may see.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import msgspec
import numpy as np

from data.places import NOWHERE, Places
from data.records import KIND_OF_NUMBER, KINDS, Entry, Reject, Retract, decode
from data.store import Batch, Store
from ingest.feed import Context, Feed, Payload, Source, micros
from ingest.guard import STANDARD, Limits, Unreadable, Usage, parse_guarded, printable

SHOWN_ROWS = 60
EXAMPLES = 5
MOST_REASONS = 200
MOST_TEXTS = 500
RAW_SHOWN = 2_000
LONGEST_CELL = 300
WITHOUT_PLACE = frozenset(KINDS[name].number for name in ("boundary", "reference"))
NOT_SHOWN = frozenset(("source", "agency", "sensitivity", "releasable_to", "own", "exercise", "wkb"))
WAYS = ("code", "other vintage", "name", "position", "none")
"""How a row's place is found: by its P-code, by a table of other P-codes, by its names, by its point, or not at all."""


class _Stated(msgspec.Struct):
    """What of a stored body says where it is."""

    adm_pcode: str | None = None
    adm_names: tuple[str, ...] = ()
    place: str = ""


_stated = msgspec.json.Decoder(_Stated)


class Shown(msgspec.Struct):
    """One row as it would be stored, or as it came and why it is refused."""

    row: int
    outcome: str = ""
    """accepted, revised, unchanged, retracted or rejected."""
    cells: dict[str, Any] = {}
    detail: str = ""
    raw: str = ""


class Reason(msgspec.Struct):
    """Why rows are refused: how many, and some of them."""

    reason: str
    field: str
    count: int = 0
    examples: list[Shown] = []


class Unplaced(msgspec.Struct):
    """What rows say of a place that no area answers to, or (`partly`) only one above it; `note` says what stood against it."""

    text: str
    note: str = ""
    partly: bool = False
    count: int = 0


class Findings(msgspec.Struct, kw_only=True):
    """`whole`: every row was read; else the first `read` of them. `error`: the payload as a whole cannot be read."""

    read: int = 0
    accepted: int = 0
    revised: int = 0
    unchanged: int = 0
    retracted: int = 0
    rejected: int = 0
    whole: bool = True
    error: str = ""
    columns: list[str] = []
    rows: list[Shown] = []
    reasons: list[Reason] = []
    places: dict[str, int] = {}
    unplaced: list[Unplaced] = []


@dataclass(frozen=True)
class Asked:
    """One payload to be examined as a feed's and a source's. `most_rows`: no more than so many from its beginning."""

    payload: Payload
    feed: Feed
    source: Source
    sha256: str = ""
    references: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    most_rows: int | None = None
    cut: bool = False
    """The payload is the beginning of a larger one, and its last row may be cut off."""


def examine(store: Store, asked: Asked, places: Places, usage: Usage, limits: Limits = STANDARD) -> Findings:
    """Read a payload and say what would become of it. `usage.stop` ends it. Raises `Unreadable` where it was ended so."""
    now = datetime.now(UTC)
    most = None if asked.most_rows is None else asked.most_rows + 1  # one more tells whether there are more
    watched = _Watched(places, asked.most_rows, asked.cut)
    batches = parse_guarded(
        asked.feed.name, asked.payload, Context(asked.source, now, asked.references), limits, usage, most
    )
    try:
        first = next(batches, [])
        batch = Batch(
            asked.source.name,
            asked.feed.name,
            printable(asked.payload.name),
            asked.sha256,
            micros(now) or 0,
            watched.through(chain([first], batches)),
            asked.feed.absence if most is None and not asked.cut else "keep",
            tuple(KINDS[kind].number for kind in asked.feed.kinds),
        )
        tally = store.foretell(batch, watched.heard)
    except Unreadable as error:
        if usage.stopped:
            raise
        return Findings(error=str(error), read=1, rejected=1)
    finally:
        batches.close()
    return watched.findings(tally.read, tally.accepted, tally.revised, tally.unchanged, tally.retracted, tally.rejected)


def references_in(asked: Asked, usage: Usage) -> dict[tuple[str, str], dict[str, Any]]:
    """The look-up rows a payload would bring: (table, source_ref) -> attributes. None where it cannot be read."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    context = Context(asked.source, datetime.now(UTC), asked.references)
    batches = parse_guarded(asked.feed.name, asked.payload, context, usage=usage)
    try:
        for batch in batches:
            for item in batch:
                if isinstance(item, Entry) and item.kind == KINDS["reference"].number and not item.retracted:
                    record: Any = decode(item.body)
                    found[(record.table, record.source_ref)] = dict(record.attributes)
    except Unreadable:
        if usage.stopped:
            raise
    finally:
        batches.close()
    return found


class _Watched:
    """What is gathered while rows go by."""

    def __init__(self, places: Places, most_rows: int | None, cut: bool) -> None:
        self.places = places
        self.most_rows = most_rows
        self.cut = cut
        self.more = cut
        self.shown: dict[int, Shown] = {}
        self.reasons: dict[str, Reason] = {}
        self.ways: Counter[str] = Counter()
        self.unplaced: dict[tuple[str, bool], Unplaced] = {}
        self.known: dict[tuple[str | None, tuple[str, ...]], tuple[str, str]] = {}

    def through(self, batches: Iterable[list[Entry | Reject]]) -> Iterator[list[Entry | Reject]]:
        for batch in batches:
            items = sorted(batch, key=lambda item: item.row)
            if self.most_rows is not None and any(item.row > self.most_rows for item in items):
                self.more = True
                items = [item for item in items if item.row <= self.most_rows]
            elif self.cut and items and self.most_rows is not None and items[-1].row < self.most_rows:
                items = items[:-1]  # where the beginning of a file ends before that many rows, its last may be cut off
            self._take(items)
            yield items

    def _take(self, items: Sequence[Entry | Reject]) -> None:
        entries = [item for item in items if isinstance(item, Entry)]
        for item in items:
            if isinstance(item, Reject):
                self._refuse(item)
            elif len(self.shown) < SHOWN_ROWS:
                self.shown[item.row] = Shown(item.row, cells=_cells(item))
        self._place([entry for entry in entries if entry.kind not in WITHOUT_PLACE and not entry.retracted])

    def _refuse(self, reject: Reject) -> None:
        raw = reject.raw if isinstance(reject.raw, str) else reject.raw.decode("utf-8", "replace")
        shown = Shown(reject.row, "rejected", detail=reject.detail, raw=raw[:RAW_SHOWN])
        if len(self.shown) < SHOWN_ROWS:
            self.shown[reject.row] = shown
        group = self.reasons.get(reject.reason)
        if group is None and len(self.reasons) < MOST_REASONS:
            group = self.reasons[reject.reason] = Reason(reject.reason, reject.field, examples=[])
        if group is not None:
            group.count += 1
            if len(group.examples) < EXAMPLES:
                group.examples.append(shown)

    def _place(self, entries: Sequence[Entry]) -> None:
        seeking: list[tuple[Entry, str, str, str]] = []  # those whose code and names do not tell all
        for entry in entries:
            said = _stated.decode(entry.body)
            way, note = self._meant(said.adm_pcode, said.adm_names)
            text = ", ".join(part for part in (*reversed(said.adm_names), said.adm_pcode or "") if part)
            if way != "none" and not note:
                self.ways[way] += 1
            else:
                seeking.append((entry, text, way, note))
        if not seeking:
            return
        nan = float("nan")
        lon = np.array([nan if entry.lon is None else entry.lon for entry, *_ in seeking])
        lat = np.array([nan if entry.lat is None else entry.lat for entry, *_ in seeking])
        for (_, text, way, note), area in zip(seeking, self.places.assign(lon, lat).tolist(), strict=True):
            self.ways[way if area == NOWHERE else "position"] += 1
            if text:
                self._miss(text, note, partly=way != "none")

    def _meant(self, pcode: str | None, names: tuple[str, ...]) -> tuple[str, str]:
        """Way and note; asked once for each thing that is said."""
        if not pcode and not names:
            return "none", ""
        told = self.known.get((pcode, names))
        if told is None:
            found = self.places.match(pcode, names)
            way = found.method if found.area != NOWHERE and found.method in WAYS else "none"
            told = self.known[pcode, names] = (way, found.note)
        return told

    def _miss(self, text: str, note: str, partly: bool = False) -> None:
        one = self.unplaced.get((text, partly))
        if one is None and len(self.unplaced) < MOST_TEXTS:
            one = self.unplaced[text, partly] = Unplaced(text, note, partly)
        if one is not None:
            one.count += 1

    def heard(self, entries: Sequence[Entry], outcomes: Sequence[str]) -> None:
        if any(not shown.outcome for shown in self.shown.values()):
            for entry, outcome in zip(entries, outcomes, strict=True):
                shown = self.shown.get(entry.row)
                if shown is not None and not shown.outcome:
                    shown.outcome = outcome

    def findings(
        self, read: int, accepted: int, revised: int, unchanged: int, retracted: int, rejected: int
    ) -> Findings:
        rows = [self.shown[row] for row in sorted(self.shown)]
        used = {name for shown in rows for name in shown.cells}
        order = dict.fromkeys(name for kind in KINDS.values() for name in kind.type.__struct_fields__)
        return Findings(
            read=read,
            accepted=accepted,
            revised=revised,
            unchanged=unchanged,
            retracted=retracted,
            rejected=rejected,
            whole=not self.more,
            columns=[name for name in ("kind", *order) if name in used],
            rows=rows,
            reasons=sorted(self.reasons.values(), key=lambda group: -group.count),
            places={way: self.ways[way] for way in WAYS} if self.ways else {},
            unplaced=sorted(self.unplaced.values(), key=lambda one: -one.count),
        )


def _cells(entry: Entry) -> dict[str, Any]:
    """The fields a record says, as they are stored; what is long is cut for showing."""
    kind = KIND_OF_NUMBER[entry.kind].name
    if entry.retracted:
        taken_back = msgspec.json.decode(entry.body, type=Retract)
        return {"kind": kind, "source_ref": taken_back.source_ref, "description": taken_back.reason}
    record: Any = decode(entry.body)
    told = msgspec.to_builtins(record, builtin_types=())
    fields: dict[str, Any] = {"kind": kind}
    for name, value in told.items():
        if name in record.__struct_fields__ and name not in NOT_SHOWN and value not in ("", None, [], (), {}):
            fields[name] = _short(value)
    if record.severity:
        fields["severity"] = record.severity.name
    return fields


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST_CELL:
        return value[: LONGEST_CELL - 1] + "…"
    if isinstance(value, dict):
        return {name: _short(item) for name, item in list(value.items())[:40]}
    return value
