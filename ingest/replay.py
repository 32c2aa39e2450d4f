"""Reading again, after a mend, what lies in quarantine: rows from their raw text, payloads from their raw bytes.

A row that passes is settled. One that fails for another reason than before is settled too, and lies there anew under the
new reason. What was heard of a record after the row came stands: an old row, mended late, does not undo newer news.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from data import audit, quarantine
from data.records import Reject
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
    sha256,
    source_of,
)
from ingest.kept_tiles import keep_tiles
from ingest.recognise import recognise
from ingest.version import feed_version

PAGE = 500
Row = dict[str, Any]


def replay(
    store: Store,
    settings: Settings,
    ids: Sequence[int] = (),
    source: str | None = None,
    feed: str | None = None,
    reason: str | None = None,
    who: str = "",
) -> list[Result]:
    """Read open rejects again: those with these ids, or of this source, feed and reason, or all; one result per payload
    they came from. Where a person asked for it, the audit log says so.
    """
    results: dict[tuple[Any, ...], Result] = {}
    for page in _pages(store, ids, source, feed, reason):
        for key, group in groupby(page, key=_origin):
            rows = list(group)
            result = (
                _payload_again(store, settings, rows[0], who) if key[3] else _rows_again(store, settings, rows, who)
            )
            results[key] = _together(results[key], result) if key in results else result
    if who and results:
        with store.transaction() as connection:
            for name in sorted({result["source"] for result in results.values()}):
                audit.append(connection, "quarantine.replay", who, name, details=_counted(name, results.values()))
    return list(results.values())


def _counted(source: str, results: Iterable[Result]) -> dict[str, audit.Value]:
    own = [result for result in results if result["source"] == source]
    return {"read": sum(result["read"] for result in own), "rejected": sum(result["rejected"] for result in own)}


def _origin(row: Row) -> tuple[Any, ...]:
    """Source, feed, payload, and the id where it is a payload as a whole."""
    return (row["source"], row["feed"], row["payload"], row["id"] if row["row"] is None else 0)


def _pages(
    store: Store, ids: Sequence[int], source: str | None, feed: str | None, reason: str | None
) -> Iterator[list[Row]]:
    """Open rejects, oldest first; not those that are added meanwhile."""
    last = quarantine.newest_id(store.reader)
    after = 0
    while page := quarantine.entries(
        store.reader, ids=ids, source=source, feed=feed, reason=reason, limit=PAGE, after=after
    ):
        yield [row for row in page if row["id"] <= last]
        after = page[-1]["id"]


def _rows_again(store: Store, settings: Settings, rows: Sequence[Row], who: str) -> Result:
    first = rows[0]
    feed = feed_of(first["feed"])
    source = with_options(store, source_of(settings, feed, first["source"]))
    references = store.references(source.name) if "reference" in feed.kinds else {}
    context = Context(source, datetime.now(UTC), references)
    payload = Payload(first["payload"])
    raws = [row["raw"] if row["edited"] is None else row["edited"] for row in rows]
    items = [item for batch in reread_guarded(feed.name, payload, raws, context) for item in batch]
    # Of a row that is still refused for its own reason nothing is settled, though what stood beside it may be read.
    still = [item for item in items if isinstance(item, Reject) and item.reason == rows[item.row - 1]["reason"]]
    kept = {item.row for item in still}
    moved = [
        item._replace(row=rows[item.row - 1]["row"], answers=0 if item.row in kept else rows[item.row - 1]["id"])
        for item in items
        if not (item.row in kept and isinstance(item, Reject))
    ]
    received_us = min(row["last_seen_us"] for row in rows)
    tally = store.append(
        Batch(
            source.name,
            feed.name,
            first["payload"],
            "",
            received_us,
            [moved],
            again=True,
            feed_version=feed_version(feed.name),
            who=who,
        )
    )
    result = result_of(payload, feed.name, source, tally)
    result["read"] += len(still)
    result["rejected"] += len(still)
    result["reasons"] = dict(Counter(item.reason for item in still) + Counter(tally.reasons))
    return result


def _payload_again(store: Store, settings: Settings, row: Row, who: str) -> Result:
    payload = kept_payload(settings, row["payload"], row["raw"])
    received = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=row["last_seen_us"])
    named = None if row["feed"] == AUTO else feed_of(row["feed"])
    source = source_of(settings, named, row["source"])
    try:
        feed = named or recognise(payload)
        source = source_of(settings, feed, None if row["source"] == NOBODYS else row["source"])
        keep_tiles(settings.home, feed, payload, sha256)
        tally = append_payload(store, payload, feed, source, received, again=True)
    except Unreadable as error:
        if row["reason"] == f"payload: {error.reason}":
            tally = Tally(read=1, rejected=1, reasons={row["reason"]: 1}, revision=store.revision())
            return {**result_of(payload, row["feed"], source, tally), "error": str(error)}
        result = keep_unreadable(store, settings, payload, row["feed"], source, error, received)
    else:
        result = result_of(payload, feed.name, source, tally)
    with store.transaction() as connection:
        quarantine.settle(connection, [row["id"]], who)
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
