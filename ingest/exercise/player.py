"""What arrives after the reference time: new payloads in the same formats, so that the picture lives.

Everything follows from the seed, the reference time and the clock: a player that was stopped goes on where it is now, and
two players send the same. Units report every few seconds, incidents come about twice a minute, the rest now and then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np

from ingest.exercise import cap, conflict, incidents, openlmis, routes, stock, talk, units, voices
from ingest.exercise.clock import local_date, offset
from ingest.exercise.sheet import tagged
from ingest.exercise.stock import Movement
from ingest.exercise.world import build

TICK_S = 5
LIVELY_H = 3.0
"""In the first hours half of the incident rows are new events, so that there is something to see; later the monitor mostly
revises earlier ones, or a screen left on for weeks would show a war ten times as large as it began."""
FIRST_CRITICAL_S = 100
"""So soon after the start comes the first critical incident."""
LATE_SLOT_S = int(incidents.SINCE_EXPORT.total_seconds())
CATCH_UP = timedelta(hours=3)
"""A player that was stopped for longer than this goes on without what it missed before."""
LIVE_NUMBERS = 1_000_000
"""Numbers of live rows start here, so that none is that of a historical one."""


@dataclass(frozen=True)
class Message:
    """One payload as it comes in: for which source and feed, under which name, and what it holds."""

    at: datetime
    source: str
    feed: str
    name: str
    content: bytes


@dataclass(frozen=True)
class Stream:
    """Something sent once in every slot of `slot_s` seconds, at a moment of the slot that follows from the seed.

    `make` gives feed, file name and content, or None where this slot has nothing to say.
    """

    source: str
    slot_s: int
    make: Callable[[Moment], tuple[str, str, bytes] | None]


@dataclass(frozen=True)
class Moment:
    """When and of what a stream is asked: the slot counted from the reference time, and the random numbers of that slot."""

    seed: int
    started: datetime
    at: datetime
    slot: int
    rng: np.random.Generator

    @property
    def hours(self) -> float:
        return (self.at - self.started).total_seconds() / 3600


def payloads_at(seed: int, started: datetime, tick: datetime) -> list[Message]:
    """What arrives in the `TICK_S` seconds that end at `tick` (cut to whole ticks); `started` is the reference time."""
    return list(play(seed, started, _floor(tick) - timedelta(seconds=TICK_S), tick))


def play(seed: int, started: datetime, since: datetime, until: datetime) -> Iterator[Message]:
    """What arrives after `since` up to `until`, in order of time.

    Of a gap only the last minute of tracks is told, and of one longer than `CATCH_UP` only its end.
    """
    started = started.astimezone(UTC).replace(microsecond=0)
    last = _floor(until)
    first = max(_floor(max(since, started)), last - CATCH_UP)
    tracks_from = max(first, last - timedelta(minutes=1))
    found = []
    for stream in STREAMS:
        found += list(_of_stream(stream, seed, started, first, last))
    tick = tracks_from + timedelta(seconds=TICK_S)
    while tick <= last:
        content = _tracks(seed, tick)
        if content:
            found.append(Message(tick, "tak", "cot", "tak_stream.cot", content))
        tick += timedelta(seconds=TICK_S)
    yield from sorted(found, key=lambda message: (message.at, message.source))


def _floor(moment: datetime) -> datetime:
    seconds = int(moment.timestamp()) // TICK_S * TICK_S
    return datetime.fromtimestamp(seconds, UTC)


def _of_stream(stream: Stream, seed: int, started: datetime, since: datetime, until: datetime) -> Iterator[Message]:
    slot = max(0, int((since - started).total_seconds()) // stream.slot_s)
    while True:
        begin = started + timedelta(seconds=slot * stream.slot_s)
        if begin > until:
            return
        rng = np.random.default_rng(_number(seed, stream.source, stream.slot_s, slot))
        at = begin + timedelta(seconds=int(rng.integers(1, stream.slot_s)))
        if since < at <= until and (told := stream.make(Moment(seed, started, at, slot, rng))):
            feed, name, content = told
            yield Message(at, stream.source, feed, name, content)
        slot += 1


def _number(*parts: object) -> int:
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "big")


def _tracks(seed: int, tick: datetime) -> bytes:
    number = int(tick.timestamp()) // TICK_S
    return b"\n".join(units.event(unit, tick) for unit in units.reporting(seed, number, TICK_S))


def _incident(moment: Moment) -> tuple[str, str, bytes] | None:
    """A row of the monitor: a new event of today, or an earlier one told again."""
    fresh = moment.rng.random() < (0.5 if moment.hours < LIVELY_H else 0.06)
    if not fresh:
        known, _ = _exported(moment.seed, moment.started)
        back = int(min(moment.rng.exponential(900), len(known) - 1))
        told = incidents.revise(moment.seed, moment.rng, known[-1 - back], moment.at)
    else:
        of = conflict.scene(moment.seed)
        share = np.array([part.share for part in of.components])
        part = moment.rng.choice(len(share), 1, p=share / share.sum())
        ahead = (local_date(moment.at) - local_date(moment.started)).days
        spots = conflict.draw(of, moment.rng, part, np.array([ahead]))
        told = incidents.tell(of, moment.rng, spots, local_date(moment.started), LIVE_NUMBERS + moment.slot)[0]
        told = replace(told, reported=int(moment.at.timestamp()))
        if moment.rng.random() < 0.02 and incidents.DEEDS[told.kind].killed:
            told = replace(told, killed=25 + int(moment.rng.integers(12)))
    return "acled", "acled_latest.csv", incidents.csv_rows(moment.seed, [told], "%Y-%m-%d")


@cache
def _exported(seed: int, started: datetime) -> tuple[list[incidents.Incident], list[incidents.Incident]]:
    return incidents.exported(seed, started)


def _late_reports(moment: Moment) -> tuple[str, str, bytes] | None:
    """Incidents from before the reference time whose report took until the slot before this one."""
    until = moment.started.timestamp() + moment.slot * LATE_SLOT_S
    _, waiting = _exported(moment.seed, moment.started)
    due = [it for it in waiting if until - LATE_SLOT_S < it.reported <= until]
    return ("acled", "acled_latest.csv", incidents.csv_rows(moment.seed, due, "%Y-%m-%d")) if due else None


def _log(moment: Moment) -> tuple[str, str, bytes] | None:
    critical = moment.slot == 0
    if not critical and moment.rng.random() > (0.6 if moment.hours < LIVELY_H else 0.08):
        return None
    at = moment.at - timedelta(minutes=int(moment.rng.integers(4, 25)))
    if critical:
        at = moment.at - timedelta(minutes=4)
    row = list(voices.log_row(moment.seed, moment.rng, LIVE_NUMBERS // 10 + moment.slot, at, critical))
    row[2] = moment.at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return "table", "joc_log.csv", tagged(voices.LOG_COLUMNS, [row])


def _feedback(moment: Moment) -> tuple[str, str, bytes] | None:
    """A new voice, or an answer to one that was open."""
    if moment.rng.random() < 0.45:
        waiting = [row for row in _voices(moment.seed, moment.started) if row[10] != "Answered"]
        row = list(waiting[int(moment.rng.integers(len(waiting)))])
        row[10], row[11] = "Answered", offset(moment.at)
    else:
        number = LIVE_NUMBERS // 10 + moment.slot
        row = list(voices.feedback_row(moment.seed, moment.rng, number, moment.at, moment.at))
    return "table", "feedback.csv", tagged(voices.FEEDBACK_COLUMNS, [row])


@cache
def _voices(seed: int, started: datetime) -> list[voices.Row]:
    return voices.feedback_rows(seed, started)


def _route(moment: Moment) -> tuple[str, str, bytes]:
    """Somebody passed, or could not."""
    every = routes.targets(moment.seed)
    what, number = every[int(moment.rng.integers(len(every)))]
    if moment.rng.random() < 0.5:
        what, number = "road", int(moment.rng.choice(conflict.scene(moment.seed).raided))
    state = str(moment.rng.choice(["open", "restricted", "closed"], p=[0.6, 0.25, 0.15]))
    row = routes.row(moment.seed, moment.rng, what, number, state, moment.at)
    return "table", "road_status.csv", tagged(routes.COLUMNS, [row])


def _stock(moment: Moment) -> tuple[str, str, bytes] | None:
    """A site counts its shelves: what was there at the last count less what it used since."""
    sites = stock.stocked(moment.seed)
    number = int(moment.rng.integers(len(sites)))
    if sites[number].reporting not in ("good", "late"):
        return None
    today = local_date(moment.started)
    course = stock.simulate(moment.seed, today)
    days = max((moment.at - moment.started).total_seconds() / 86_400 + (today - course.ends[-1]).days, 0)
    counted = []
    for place, card in enumerate(stock.cards(moment.seed)):
        if card.site == number:
            left = int(course.on_hand[-1, place] - card.rate / 30.4 * days)
            left = left if left >= 0 else int(card.rate * 2 * moment.rng.random())  # a delivery came meanwhile
            counted.append(Movement(place, local_date(moment.at), "", left, left))
    return "openlmis", "calculated_stocks_on_hand.csv", openlmis.on_hand(moment.seed, counted, moment.at)


def _warning(moment: Moment) -> tuple[str, str, bytes] | None:
    """Now and then a thunderstorm over some stretch of coast; it expires by itself."""
    if moment.rng.random() > 0.55:
        return None
    area, circle = cap.coastal(build(moment.seed), moment.rng)
    alert = cap.Alert(1_000 + moment.slot, "storm", moment.at, (area,), circle)
    return "cap", f"cap_{alert.number}.xml", cap.message(alert)


def _reports(moment: Moment) -> tuple[str, str, bytes] | None:
    """Every few hours a team comes back into reach and sends what it wrote."""
    if moment.slot == 0:
        return None
    rows = []
    for place in range(int(moment.rng.integers(2, 7))):
        at = moment.at - timedelta(hours=float(moment.rng.uniform(0.4, 7)))
        rows.append(voices.report_row(moment.seed, moment.rng, LIVE_NUMBERS // 10 + moment.slot * 10 + place, at))
    return "table", "field_reports.csv", tagged(voices.REPORT_COLUMNS, rows)


def _talk(moment: Moment) -> tuple[str, str, bytes] | None:
    """Somebody publishes something, and others take it up within the minute."""
    if moment.rng.random() > (0.7 if moment.hours < LIVELY_H else 0.12):
        return None
    listed = [
        one for one in talk.told(moment.seed, moment.rng, f"L{moment.slot}", moment.at) if one.source == "chatter"
    ]
    now = [replace(one, at=moment.at) for one in listed]
    return ("mastodon", "tag_timeline.json", talk.statuses(now)) if now else None


def _press(moment: Moment) -> tuple[str, str, bytes] | None:
    """A paper prints what the slot's rumour mill said."""
    if moment.rng.random() > (0.8 if moment.hours < LIVELY_H else 0.1):
        return None
    listed = list(talk.told(moment.seed, moment.rng, f"P{moment.slot}", moment.at))[:1]
    return "news", "news_live.rss", talk.rss(talk.NEWS[("en", "fr", "ar").index(listed[0].language)], listed)


STREAMS = (
    Stream("acled", 40, _incident),
    Stream("acled", LATE_SLOT_S, _late_reports),
    Stream("joc-log", 2 * FIRST_CRITICAL_S, _log),
    Stream("feedback", 150, _feedback),
    Stream("routes", 420, _route),
    Stream("lmis", 240, _stock),
    Stream("met", 1500, _warning),
    Stream("chatter", 90, _talk),
    Stream("press", 270, _press),
    Stream("field-reports", 6 * 3600, _reports),
)
