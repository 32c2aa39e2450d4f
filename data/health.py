"""How each source is doing. Tried, succeeded and observed are three different times and never stand in for each other.

A source that is not well is told apart by what ails it (`data.ailing`): it stopped, it is slow, or it sends rubbish.

What is recorded is gathered in memory and written together at most once a second, so that a source that sends a thousand
messages a second costs one small write; `flush` at the end. It never moves the revision: nothing about the mission changed.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from data import quarantine
from data.ailing import KEPT, Ailment, Cause, Heard, Kind, ailment
from data.settings import Settings, Source
from data.store import Store, Tally
from data.tables import source_state

State = Literal["fresh", "late", "stale", "failed", "never"]
WRITE_EVERY_S = 1.0
AMOUNTS = ("accepted", "rejected", "refused")
FRESH_WITHIN, LATE_WITHIN = 1.5, 3.0
"""Times the expected interval since the last success."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class SourceState:
    """One source. Times are UTC; None means never. `rejected` counts what lies in quarantine still to be mended."""

    name: str
    title: str
    feed: str
    agency: str
    state: State
    last_tried: datetime | None
    last_succeeded: datetime | None
    last_observed: datetime | None
    """The newest event time ever heard of from this source."""
    expected_every_s: float | None
    failing_since: datetime | None
    last_error: str
    accepted: int
    """Rows that brought something new or newer, since the beginning."""
    rejected: int
    refused: int
    """Clients turned away from its port, for want of a certificate that holds."""
    ailment: Kind = ""
    """What is wrong with it: `stopped`, `slow`, `rubbish`; empty where nothing is."""
    cause: Cause = ""
    ailing_since: datetime | None = None
    reason: str = ""
    """The same as one English sentence with its numbers."""
    recent_payloads: int | None = None
    """With `rubbish`: payloads since `ailing_since`, of those last heard; their rows, and how many of these were refused."""
    recent_rows: int | None = None
    recent_rejected: int | None = None
    gap_s: float | None = None
    """With the cause `gaps`: how long it usually takes from one payload to the next."""


@dataclass
class _Gathered:
    """What came in since the last write, for one store."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    writing: threading.Lock = field(default_factory=threading.Lock)
    news: dict[str, dict[str, Any]] = field(default_factory=dict)
    flushing: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Being written: no longer in `news`, and not yet in the table."""
    timer: threading.Timer | None = None


_gathered: WeakKeyDictionary[Store, _Gathered] = WeakKeyDictionary()
_gathering = threading.Lock()


def record_try(store: Store, source: Source, now: datetime) -> None:
    """Somebody asked the source, or it sent something."""
    _record(store, source, {"last_tried_us": _micros(now)})


def record_reachable(store: Store, source: Source, now: datetime) -> None:
    """What stood in the way is gone (a folder is there again), but nothing was heard yet."""
    _record(store, source, {"last_tried_us": _micros(now), "error": ""})


def record_success(
    store: Store, source: Source, now: datetime, tally: Tally | None = None, validators: Mapping[str, Any] | None = None
) -> None:
    """The source was heard: with what it brought, or (a 304) with nothing new; `validators` are for asking next time."""
    news: dict[str, Any] = {"last_tried_us": _micros(now), "last_succeeded_us": _micros(now), "error": ""}
    if tally is not None or validators is None:  # with validators alone what they came with has been recorded
        rows, rejected = (tally.read, tally.rejected) if tally is not None else (0, 0)
        news["heard"] = Heard(_micros(now), 1, rows, rejected, 0)
    if tally is not None:
        news["accepted"] = tally.accepted + tally.revised + tally.retracted
        news["rejected"] = tally.rejected
        if tally.observed_us is not None:
            # A clock or a zone may be wrong by hours; nothing was seen after it was heard.
            news["last_observed_us"] = min(tally.observed_us, _micros(now))
    if validators is not None:
        news["validators"] = json.dumps(validators, sort_keys=True)
    _record(store, source, news)


def record_failure(store: Store, source: Source, sentence: str, now: datetime, cause: Cause = "unreachable") -> None:
    """The source could not be heard or read: why, in one sentence, and whose fault it is (`payload`: what it sent)."""
    at = _micros(now)
    news: dict[str, Any] = {"last_tried_us": at, "error": sentence[:1_000] or "failed", "at": at, "cause": cause}
    if cause == "payload":
        news["heard"] = Heard(at, 1, 0, 0, 1)
    _record(store, source, news)


def record_refused(store: Store, source: Source) -> None:
    """A client was turned away from the source's port: who has no certificate says nothing of whether the source is heard."""
    _record(store, source, {"refused": 1})


def record_validators(store: Store, source: Source, validators: Mapping[str, Any]) -> None:
    """What to remember for the next time, where what was heard has been recorded already."""
    _record(store, source, {"validators": json.dumps(validators, sort_keys=True)})


def last_tried(store: Store, name: str) -> datetime | None:
    """When the source was last asked, or last sent something."""
    return _time(_rows(store).get(name, {}).get("last_tried_us"))


def validators(store: Store, name: str) -> dict[str, Any]:
    """What the last success said to send along next time."""
    told = _rows(store).get(name, {}).get("validators") or "{}"
    found: dict[str, Any] = json.loads(told)
    return found


def states(store: Store, settings: Settings, now: datetime) -> list[SourceState]:
    """Every source of the settings, and every other that was ever heard, by name."""
    rows = _rows(store)
    rejected = quarantine.open_counts(store.reader)
    return [
        _state(settings.sources.get(name), name, rows.get(name, {}), rejected.get(name, 0), now)
        for name in sorted({*settings.sources, *rows})
    ]


def flush(store: Store) -> None:
    """Write what was gathered, now."""
    gathered = _of(store)
    with gathered.writing:
        with gathered.lock:
            news, gathered.news = gathered.news, {}
            gathered.flushing = news
            if gathered.timer is not None:
                gathered.timer.cancel()
                gathered.timer = None
        if not news:
            return
        try:
            with store.transaction() as connection:
                known = connection.execute(
                    sa.select(source_state).where(source_state.c.name.in_(list(news))).with_for_update()
                )
                before = {row["name"]: dict(row) for row in known.mappings()}
                for name, what in news.items():
                    after = _applied(before.get(name), name, what)
                    if name in before:
                        connection.execute(source_state.update().where(source_state.c.name == name), after)
                    else:
                        connection.execute(source_state.insert(), after)
        except BaseException:
            with gathered.lock:  # kept for the next time, under what came in meanwhile
                for name, what in news.items():
                    gathered.news[name] = _together(what, gathered.news.get(name, {}))
                gathered.flushing = {}
            raise
        with gathered.lock:
            gathered.flushing = {}


def _of(store: Store) -> _Gathered:
    with _gathering:
        return _gathered.setdefault(store, _Gathered())


def _record(store: Store, source: Source, news: dict[str, Any]) -> None:
    gathered = _of(store)
    named = {"feed": source.feed, "agency": source.agency}
    with gathered.lock:
        gathered.news[source.name] = _together(gathered.news.get(source.name, {}), {**named, **news})
        if gathered.timer is None:
            gathered.timer = threading.Timer(WRITE_EVERY_S, flush, (store,))
            gathered.timer.daemon = True
            gathered.timer.start()


def _together(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """Two pieces of news as one: amounts add up, times are the later ones, the first failure of a row of them stays."""
    both = {**earlier, **later}
    for name in AMOUNTS:
        if name in earlier and name in later:
            both[name] = earlier[name] + later[name]
    for name in ("last_tried_us", "last_succeeded_us", "last_observed_us"):
        if name in earlier and name in later:
            both[name] = max(earlier[name], later[name])
    if earlier.get("error") and later.get("error"):
        both["at"] = earlier["at"]
    if "heard" in earlier and "heard" in later:
        both["heard"] = earlier["heard"].and_then(later["heard"])
    return both


def _applied(row: Mapping[str, Any] | None, name: str, news: Mapping[str, Any]) -> dict[str, Any]:
    """The row of `source_state` after the news."""
    after = dict(row) if row is not None else {**_EMPTY, "name": name}
    for key in ("feed", "agency", "validators"):
        after[key] = news.get(key, after[key])
    for key in ("last_tried_us", "last_succeeded_us", "last_observed_us"):
        if key in news:
            after[key] = max(news[key], after[key] or news[key])
    for key in AMOUNTS:
        after[key] += news.get(key, 0)
    if "error" in news:
        after["last_error"] = news["error"]
        after["failing_since_us"] = (after["failing_since_us"] or news["at"]) if news["error"] else None
        after["cause"] = news.get("cause", "") if news["error"] else ""
    if "heard" in news:
        after["recent"] = json.dumps([*json.loads(after["recent"]), news["heard"]][-KEPT:])
    return after


_EMPTY: Mapping[str, Any] = {
    "feed": "",
    "agency": "",
    "last_tried_us": None,
    "last_succeeded_us": None,
    "last_observed_us": None,
    "failing_since_us": None,
    "last_error": "",
    "accepted": 0,
    "rejected": 0,
    "refused": 0,
    "cause": "",
    "recent": "[]",
    "validators": "{}",
}


def _rows(store: Store) -> dict[str, dict[str, Any]]:
    """`source_state` by name, with what is gathered but not yet written."""
    gathered = _of(store)
    while True:
        with gathered.lock:
            flushing = gathered.flushing
        with store.reader.connect() as connection:
            rows = {row["name"]: dict(row) for row in connection.execute(sa.select(source_state)).mappings()}
        with gathered.lock:
            if gathered.flushing is not flushing:
                continue  # it was written meanwhile, before or after these rows were read
            for news in (flushing, gathered.news):
                rows.update({name: _applied(rows.get(name), name, what) for name, what in news.items()})
            return rows


def _state(source: Source | None, name: str, row: Mapping[str, Any], rejected: int, now: datetime) -> SourceState:
    known = source or Source(name, row.get("feed", ""), agency=row.get("agency", "unknown"))
    state = _judged(known.expected_every_s, row, now)
    found = ailment(state, known, row, rejected, _micros(now))
    return SourceState(
        name=name,
        title=known.title or name,
        feed=known.feed,
        agency=known.agency,
        state=state,
        last_tried=_time(row.get("last_tried_us")),
        last_succeeded=_time(row.get("last_succeeded_us")),
        last_observed=_time(row.get("last_observed_us")),
        expected_every_s=known.expected_every_s,
        failing_since=_time(row.get("failing_since_us")),
        last_error=row.get("last_error", ""),
        accepted=row.get("accepted", 0),
        rejected=rejected,
        refused=row.get("refused", 0),
        **_told(found),
    )


def _told(found: Ailment | None) -> dict[str, Any]:
    if found is None:
        return {}
    return {
        "ailment": found.kind,
        "cause": found.cause,
        "ailing_since": _time(found.since_us),
        "reason": found.reason,
        "recent_payloads": found.payloads,
        "recent_rows": found.rows,
        "recent_rejected": found.rejected,
        "gap_s": found.gap_s,
    }


def _judged(expected_s: float | None, row: Mapping[str, Any], now: datetime) -> State:
    if row.get("failing_since_us") is not None:
        return "failed"
    heard = row.get("last_succeeded_us")
    if heard is None:
        return "never"
    if expected_s is None:
        return "fresh"
    silent_s = (_micros(now) - heard) / 1e6
    if silent_s <= FRESH_WITHIN * expected_s:
        return "fresh"
    return "late" if silent_s <= LATE_WITHIN * expected_s else "stale"


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _time(micros: int | None) -> datetime | None:
    return None if micros is None else _EPOCH + timedelta(microseconds=micros)
