"""What the page of feeds does about what was refused or should never have come: the doors of `data` and `ingest` as one."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data import mending, quarantine, quarantine_file
from data.quarantine_rows import at_fault, cells_of, with_cells
from data.settings import BadSettings, Settings, Source
from data.source_options import BadOptions, set_options, with_options
from data.store import Store
from data.undo import CannotUndo, Committed, batches, foresee_undo, undo_batch
from ingest.fields import FIELDS
from ingest.mapping import check_settings, columns_of
from ingest.replay import replay
from ingest.version import feed_version

SHOWN_BYTES = 20_000
"""Of a raw row that is no table's."""
ROWS = 50


@dataclass(frozen=True)
class Which:
    """Rejects: these, or of a source, feed and reason."""

    source: str
    feed: str | None = None
    reason: str | None = None
    ids: Sequence[int] = ()


class Mending:
    """Whoever calls asks first who may. Raises `REFUSED`, each one sentence."""

    REFUSED = (mending.CannotMend, CannotUndo, BadOptions, BadSettings)

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store, self.settings = store, settings

    # -------------------- rejects

    def source_of(self, number: int) -> str | None:
        """Whose a reject is; None where there is none."""
        found = quarantine.entry(self.store.reader, number)
        return None if found is None else str(found["source"])

    def rows(self, which: Which, after: int = 0) -> list[dict[str, Any]]:
        """Open rejects, a page of them: raw and mended, as cells where the row is one of a table, the fault marked."""
        columns = self._columns(which.source)
        found = quarantine.entries(
            self.store.reader,
            ids=which.ids,
            source=which.source,
            feed=which.feed,
            reason=which.reason,
            limit=ROWS,
            after=after,
        )
        return [_shown(entry, columns) for entry in found]

    def edit(self, who: str, number: int, cells: Mapping[str, Any] | None, text: str | None) -> dict[str, Any]:
        """Mend a row, by its cells or as text; neither takes the mend back."""
        found = quarantine.entry(self.store.reader, number) or {"raw": b"", "source": ""}
        try:
            row = found["raw"] if cells is None else with_cells(found["raw"], cells)
        except ValueError as error:
            raise mending.CannotMend(str(error)) from None
        if text is not None:
            row = text.encode("utf-8", "replace")
        return _shown(mending.edit(self.store, who, number, row), self._columns(found["source"]))

    def replay(self, who: str, which: Which) -> dict[str, Any]:
        """Read again: what became of the rows, together; and of those named that are refused otherwise now, the rows."""
        ids, source = which.ids, which.source
        results = replay(self.store, self.settings, ids, source, which.feed, which.reason, who)
        told: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        for result in results:
            told.update({name: result[name] for name in _COUNTS})  # type: ignore[literal-required]
            reasons.update(result["reasons"])
        columns = self._columns(which.source)
        rows = [_shown(entry, columns) for entry in quarantine.successors(self.store.reader, ids)] if ids else []
        counts = {name: told[name] for name in _COUNTS}
        return {**counts, "reasons": reasons, "errors": _errors(results), "rows": rows}

    def discard(self, who: str, which: Which, why: str) -> int:
        return mending.discard(self.store, who, why, which.ids, which.source, which.feed, which.reason)

    def export(self, source: str) -> tuple[bytes, int]:
        """The workbook for the partner, and how many rows it has."""
        with tempfile.TemporaryDirectory(prefix="quarantine-") as folder:
            file = Path(folder) / "quarantine.xlsx"
            count = quarantine_file.write(self.store.reader, source, file, self._columns(source))
            return file.read_bytes(), count

    # -------------------- how a source is read

    def mapping(self, source: str, feed: str) -> dict[str, Any]:
        """How a table of this source is read: its kind, its columns by field, and the fields there are for each kind."""
        known = with_options(self.store, self.settings.source(source, feed))
        kind = str(known.options.get("kind") or "")
        return {"feed": known.feed, "kind": kind, "columns": self._columns(source), "fields": _fields()}

    def set_mapping(self, who: str, source: str, feed: str, kind: str, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Read the source's tables in this way from now on; its other options stay."""
        before = with_options(self.store, self.settings.source(source, feed))
        tried = Source(source, before.feed, options={**before.options, "kind": kind, "columns": dict(columns)})
        try:
            check_settings(kind, columns_of(tried), tried)
        except ValueError as error:
            raise BadOptions(f"The mapping cannot be set: {error}.") from None
        of_settings = self.settings.source(source, feed).options
        own = {name: value for name, value in tried.options.items() if of_settings.get(name) != value}
        set_options(self.store, self.settings, who, source, own, before.feed)
        return self.mapping(source, feed)

    def _columns(self, source: str) -> dict[str, Any]:
        return dict(with_options(self.store, self.settings.source(source, "")).options.get("columns") or {})

    # -------------------- payloads

    def batches(self, source: str, limit: int = 20) -> list[Committed]:
        return batches(self.store, source, limit)

    def source_of_batch(self, revision: int) -> str | None:
        """Whose payload a commit was; None where it is none."""
        found = batches(self.store, limit=1, revision=revision)
        return found[0].source if found else None

    def foresee(self, revision: int) -> dict[str, int]:
        tally = foresee_undo(self.store, revision)
        return {"retracted": tally.retracted, "back": tally.revised, "stays": tally.unchanged}

    def undo(self, who: str, revision: int, reason: str) -> dict[str, int]:
        tally = undo_batch(self.store, self.settings, who, revision, reason)
        return {"retracted": tally.retracted, "back": tally.revised, "stays": tally.unchanged}


_COUNTS = ("read", "accepted", "revised", "unchanged", "retracted", "rejected")


def _errors(results: Sequence[Any]) -> list[str]:
    return [result["error"] for result in results if "error" in result]


def _fields() -> dict[str, list[str]]:
    return {kind: list(fields) for kind, fields in FIELDS.items()}


def _shown(entry: Mapping[str, Any], columns: Mapping[str, Any]) -> dict[str, Any]:
    raw, edited = entry["raw"], entry["edited"]
    row = entry["row"] is not None
    cells = cells_of(raw) if row else None
    mended = cells_of(edited) if edited is not None and cells is not None else None
    text = raw[:SHOWN_BYTES].decode("utf-8", "replace")
    return {
        "id": entry["id"],
        "row": entry["row"],
        "payload": entry["payload"],
        "field": entry["field"],
        "detail": entry["detail"],
        "seen": entry["seen"],
        "first_seen_us": entry["first_seen_us"],
        "edited_by": entry["edited_by"] if edited is not None else "",
        "origin": entry["origin"],
        "read_otherwise": entry["feed_version"] != feed_version(entry["feed"]),
        "cells": cells,
        "mended": mended,
        "fault": at_fault(cells, entry["field"], entry["detail"], columns) if cells else [],
        "raw": text if cells is None else None,
        "text": edited.decode("utf-8", "replace") if edited is not None and cells is None else None,
        "whole": row and len(raw) <= SHOWN_BYTES,
    }
