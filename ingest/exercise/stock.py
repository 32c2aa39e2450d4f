"""Stock of twelve items at the sites over two years: what was used, ordered, delivered late or not at all, and reported."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ingest.exercise.areas import Ints
from ingest.exercise.clock import local_date
from ingest.exercise.sites import CAMP, CENTRE, HOSPITAL, PLANT, POST, WAREHOUSE, Site, make
from ingest.exercise.world import random

MONTHS = 24
WEEKLY_DAYS = 30
"""In the last weeks sites report every week, as in an emergency; before that once a month."""
COVER_MONTHS = 3.3
"""Sites order up to this many months of use."""
HOARDING = 0.03
"""Share of cards that are ordered far beyond that."""


@dataclass(frozen=True)
class Item:
    """`use` is what a thousand people served use in a month, in units."""

    code: str
    name: str
    pack: int
    unit: str
    group: str
    use: float
    kinds: tuple[str, ...]


CLINICS = (HOSPITAL, CENTRE, POST)
ITEMS = (
    Item(
        "NUT-RUTF", "Ready-to-use therapeutic food, 92 g", 150, "sachet", "Nutrition", 62.0, (*CLINICS, WAREHOUSE, CAMP)
    ),
    Item("MAL-ACT", "Artemether/lumefantrine 20/120 mg", 30, "treatment", "Malaria", 14.0, (*CLINICS, WAREHOUSE)),
    Item("MAL-RDT", "Malaria rapid diagnostic test", 25, "test", "Malaria", 22.0, CLINICS),
    Item("DIA-ORS", "Oral rehydration salts, for 1 litre", 100, "sachet", "Diarrhoea", 30.0, (*CLINICS, WAREHOUSE)),
    Item("MED-AMX", "Amoxicillin 250 mg", 100, "tablet", "Antibiotics", 85.0, (HOSPITAL, CENTRE, WAREHOUSE)),
    Item("MAT-OXY", "Oxytocin 10 IU/ml, 1 ml", 10, "ampoule", "Maternal health", 1.6, (HOSPITAL, CENTRE)),
    Item("VAC-MCV", "Measles vaccine, 10-dose vial", 10, "dose", "Vaccines", 5.0, (HOSPITAL, CENTRE)),
    Item("TRA-KIT", "Trauma kit, 25 wounded", 1, "kit", "Trauma", 0.03, (HOSPITAL, WAREHOUSE)),
    Item("FOO-CER", "Cereals, 50 kg bag", 1, "bag", "Food", 9.0, (WAREHOUSE, CAMP)),
    Item("FOO-OIL", "Vegetable oil, 4 litre tin", 6, "tin", "Food", 6.0, (WAREHOUSE, CAMP)),
    Item("SHE-TRP", "Tarpaulin 4 x 5 m", 5, "piece", "Shelter", 2.2, (WAREHOUSE, CAMP)),
    Item("WAS-HTH", "Calcium hypochlorite 70 %, 45 kg", 1, "drum", "Water", 0.12, (PLANT, WAREHOUSE)),
)
CONSUMED, RECEIVED, DAMAGED, EXPIRED, STOLEN = "Consumed", "Receipts", "Damage", "Expired", "Stolen"
REASONS = (
    (CONSUMED, "ADJUSTMENT", "DEBIT"),
    (RECEIVED, "TRANSFER", "CREDIT"),
    (DAMAGED, "ADJUSTMENT", "DEBIT"),
    (EXPIRED, "ADJUSTMENT", "DEBIT"),
    (STOLEN, "ADJUSTMENT", "DEBIT"),
)


@dataclass(frozen=True)
class Card:
    """One item at one site: number of the site among the stocked ones, number of the item, monthly use when all is quiet."""

    site: int
    item: int
    rate: float


@dataclass(frozen=True)
class Movement:
    """A line of a stock card; no reason means that the stock was counted and found to be `quantity`."""

    card: int
    day: date
    reason: str
    quantity: int
    on_hand: int
    """After it."""


@dataclass(frozen=True)
class Course:
    """The simulated truth by period and card (periods, cards), and the days on which periods end."""

    ends: tuple[date, ...]
    opening: Ints
    received: Ints
    arrived: NDArray[np.int64]
    """Days before the period's end on which goods came."""
    consumed: Ints
    lost: Ints
    on_hand: Ints


@cache
def stocked(seed: int) -> tuple[Site, ...]:
    """Sites that keep stock, whether or not they report it."""
    return tuple(site for site in make(seed) if site.reporting != "none")


@cache
def cards(seed: int) -> tuple[Card, ...]:
    rng = random(seed, 70)
    found = []
    for number, site in enumerate(stocked(seed)):
        for item_number, item in enumerate(ITEMS):
            if site.kind in item.kinds and (site.kind in (WAREHOUSE, HOSPITAL) or rng.random() < 0.93):
                rate = item.use * site.people / 1000 * rng.lognormal(0, 0.3)
                found.append(Card(number, item_number, max(rate, 1.5)))
    return tuple(found)


@cache
def simulate(seed: int, today: date) -> Course:
    """Two years up to `today`, period by period, for all cards at once."""
    rng = random(seed, 71)
    every = cards(seed)
    count = len(every)
    danger = np.array([stocked(seed)[card.site].danger for card in every])
    rate = np.array([card.rate for card in every])
    ends = _ends(today)
    span = np.diff([_start(today).toordinal(), *(end.toordinal() for end in ends)])
    numbers = np.array([end.toordinal() for end in ends])
    phase, peak = rng.integers(0, 2, count), rng.uniform(0, 2 * np.pi, count)
    cover = COVER_MONTHS * np.where(rng.random(count) < HOARDING, 3.4, 1.0)
    stock = np.round(rate * rng.lognormal(np.log(2.4), 0.5, count)).astype(np.int64)
    opening = stock.copy()
    shape = (len(ends), count)
    received, arrived = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    consumed, lost, on_hand = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    coming = np.zeros(count, np.int64)
    for period, end in enumerate(ends):
        stock = stock + received[period]
        coming -= received[period]
        left = (today - end).days
        war = np.clip(1 - left / 42, 0, 1) * danger
        season = 1 + 0.22 * np.sin(2 * np.pi * end.toordinal() / 365.25 + peak)
        need = rate * span[period] / 30.4 * season * (1 + 0.9 * war) * rng.lognormal(0, 0.16, count)
        consumed[period] = np.minimum(np.round(need).astype(np.int64), stock)
        stock = stock - consumed[period]
        spoilt = rng.random(count) < 0.035 + 0.05 * war
        lost[period] = np.where(spoilt, np.minimum(np.ceil(0.04 * rate).astype(np.int64), stock), 0)
        stock = stock - lost[period]
        on_hand[period] = stock
        due = (period + phase) % 2 == 0 if span[period] > 20 else (period + phase) % 4 == 0
        wanted = np.ceil(rate * cover * rng.lognormal(0, 0.15, count)).astype(np.int64) - stock - coming
        lead = rng.lognormal(np.log(20), 0.5, count) + 34 * danger * (left < 75)
        stopped = rng.random(count) < 0.04 + 0.5 * danger * (left < 75)
        when = end.toordinal() + np.ceil(lead).astype(np.int64)
        slot = np.searchsorted(numbers, when)
        ordered = due & (wanted > 0.4 * rate) & ~stopped & (slot < len(ends))
        for card in np.flatnonzero(ordered):
            if received[slot[card], card] == 0:
                received[slot[card], card] = wanted[card]
                arrived[slot[card], card] = numbers[slot[card]] - when[card]
                coming[card] += wanted[card]
    return Course(tuple(ends), opening, received, arrived, consumed, lost, on_hand)


def _start(today: date) -> date:
    return date(today.year - MONTHS // 12, today.month, 1)


def _ends(today: date) -> list[date]:
    """Last days of the months, then of the weeks before today."""
    ends = []
    first = _start(today)
    while True:
        first = date(first.year + first.month // 12, first.month % 12 + 1, 1)
        if (today - first).days < WEEKLY_DAYS:
            break
        ends.append(first - timedelta(days=1))
    week = ends[-1] + timedelta(days=7)
    while week < today:
        ends.append(week)
        week += timedelta(days=7)
    return ends


def history(seed: int, now: datetime) -> Iterator[Movement]:
    """Every line that was reported by `now`, card by card in order of time; SOH follows from the lines before it.

    Where a report was missed, the next one holds the movements since the last.
    """
    today = local_date(now)
    course = simulate(seed, today)
    rng = random(seed, 72)
    in_time = {number: _reported(rng, site, course.ends, today) for number, site in enumerate(stocked(seed))}
    why = rng.integers(0, 3, len(cards(seed)))
    for number, card in enumerate(cards(seed)):
        reported = in_time[card.site]
        if not reported:
            continue
        stock = int(course.opening[number])
        yield Movement(number, _start(today), "", stock, stock)
        used = spoilt = 0
        arrivals: list[tuple[date, int]] = []
        for period, end in enumerate(course.ends):
            if came := int(course.received[period, number]):
                arrivals.append((end - timedelta(days=int(course.arrived[period, number])), came))
            used += int(course.consumed[period, number])
            spoilt += int(course.lost[period, number])
            if period not in reported:
                continue
            for day, quantity in arrivals:
                stock += quantity
                yield Movement(number, day, RECEIVED, quantity, stock)
            if spoilt:
                stock -= spoilt
                reason = (DAMAGED, EXPIRED, STOLEN)[(int(why[number]) + period) % 3]
                yield Movement(number, end, reason, spoilt, stock)
            if used:
                stock -= used
                yield Movement(number, end, CONSUMED, used, stock)
            elif not arrivals and not spoilt:
                yield Movement(number, end, "", stock, stock)  # counted: nothing moved
            used = spoilt = 0
            arrivals = []


def _reported(rng: np.random.Generator, site: Site, ends: tuple[date, ...], today: date) -> frozenset[int]:
    """Numbers of the periods that a site reported."""
    if site.reporting == "never":
        return frozenset()
    missed = {"good": 0.02, "late": 0.08, "poor": 0.45}[site.reporting]
    silent_days = {"good": 0, "late": int(rng.integers(16, 75)), "poor": int(rng.integers(5, 45))}[site.reporting]
    kept = [period for period, end in enumerate(ends) if rng.random() >= missed and (today - end).days >= silent_days]
    return frozenset(kept)


def uid(*parts: object) -> str:
    """A UUID that follows from what it names."""
    digits = hashlib.blake2b(":".join(map(str, parts)).encode(), digest_size=16).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
