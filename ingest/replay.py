"""Reading again, after a mend, what lies in quarantine: rows from their raw text, payloads from their raw bytes.

A row that passes is settled. One that fails for another reason than before is settled too, and lies there anew under the
new reason. What was heard of a record after the row came stands: an old row, mended late, does not undo newer news.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from data import quarantine
from data.records import Entry, Reject
from data.settings import Settings
from data.source_options import with_options
from data.store import Batch, Store, Tally
from ingest.feed import Context, Payload
from ingest.guard import Unreadable, reread_guarded
from ingest.intake import (
    AUTO,
    NOBODYS,
    Result,
    append_payload,
    feed_of,
    keep_unreadable,
    kept_payload,
    result_of,
    source_of,
)
from ingest.recognise import recognise

PAGE = 500
Row = dict[str, Any]


def replay(store: Store, settings: Settings, ids: Sequence[int] = (), source: str | None = None) -> list[Result]:
    """Read open rejects again: those with these ids, or of this source, or all; one result per payload they came from."""
    results: dict[tuple[Any, ...], Result] = {}
    for page in _pages(store, ids, source):
        for key, group in groupby(page, key=_origin):
            rows = list(group)
            result = _payload_again(store, settings, rows[0]) if key[3] else _rows_again(store, settings, rows)
            results[key] = _together(results[key], result) if key in results else result
    return list(results.values())


def _origin(row: Row) -> tuple[Any, ...]:
    """Source, feed, payload, and the id where it is a payload as a whole."""
    return (row["source"], row["feed"], row["payload"], row["id"] if row["row"] is None else 0)


def _pages(store: Store, ids: Sequence[int], source: str | None) -> Iterator[list[Row]]:
    """Open rejects, oldest first; not those that are added meanwhile."""
    last = quarantine.newest_id(store.reader)
    after = 0
    while page := quarantine.entries(store.reader, ids=ids, source=source, limit=PAGE, after=after):
        yield [row for row in page if row["id"] <= last]
        after = page[-1]["id"]


def _rows_again(store: Store, settings: Settings, rows: Sequence[Row]) -> Result:
    first = rows[0]
    feed = feed_of(first["feed"])
    source = with_options(store, source_of(settings, feed, first["source"]))
    references = store.references(source.name) if "reference" in feed.kinds else {}
    context = Context(source, datetime.now(UTC), references)
    payload = Payload(first["payload"])
    settled: list[int] = []
    moved: list[Entry | Reject] = []
    still: dict[str, int] = {}
    for batch in reread_guarded(feed.name, payload, [row["raw"] for row in rows], context):
        for item in batch:
            row = rows[item.row - 1]
            if isinstance(item, Reject) and item.reason == row["reason"]:
                still[item.reason] = still.get(item.reason, 0) + 1
            else:
                moved.append(item._replace(row=row["row"]))
                settled.append(row["id"])
    received_us = min(row["last_seen_us"] for row in rows)
    tally = store.append(Batch(source.name, feed.name, first["payload"], "", received_us, [moved], again=True))
    with store.transaction() as connection:
        quarantine.settle(connection, settled)
    result = result_of(payload, feed.name, source, tally)
    result["read"] += sum(still.values())
    result["rejected"] += sum(still.values())
    result["reasons"] = {**still, **tally.reasons}
    return result


def _payload_again(store: Store, settings: Settings, row: Row) -> Result:
    payload = kept_payload(settings, row["payload"], row["raw"])
    received = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=row["last_seen_us"])
    named = None if row["feed"] == AUTO else feed_of(row["feed"])
    source = source_of(settings, named, row["source"])
    try:
        feed = named or recognise(payload)
        source = source_of(settings, feed, None if row["source"] == NOBODYS else row["source"])
        tally = append_payload(store, payload, feed, source, received, again=True)
    except Unreadable as error:
        if row["reason"] == f"payload: {error.reason}":
            tally = Tally(read=1, rejected=1, reasons={row["reason"]: 1}, revision=store.revision())
            return {**result_of(payload, row["feed"], source, tally), "error": str(error)}
        result = keep_unreadable(store, settings, payload, row["feed"], source, error, received)
    else:
        result = result_of(payload, feed.name, source, tally)
    with store.transaction() as connection:
        quarantine.settle(connection, [row["id"]])
    return result


def _together(one: Result, other: Result) -> Result:
    """Two results of rows of one payload as one."""
    both = one.copy()
    both["read"] += other["read"]
    both["accepted"] += other["accepted"]
    both["revised"] += other["revised"]
    both["unchanged"] += other["unchanged"]
    both["retracted"] += other["retracted"]
    both["rejected"] += other["rejected"]
    both["revision"] = max(one["revision"], other["revision"])
    reasons = Counter(one["reasons"])
    reasons.update(other["reasons"])
    both["reasons"] = dict(reasons)
    return both
