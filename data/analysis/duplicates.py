"""Reports of different sources that may be of one event: suggested with a score and its reasons, never joined by itself.

Method. Candidates are pairs of incidents of two sources within `NEAR_KM` and `NEAR_H` of each other. Each is scored from what
both tell: distance, time, kind of event, words (token set ratio, RapidFuzz) and the number of dead, as a weighted mean of what
there is to compare; what one of them does not say counts neither for nor against. Within each pair of sources at most one report
of the one goes with one of the other (linear sum assignment, Jonker-Volgenant), so that a busy day in one town does not make
everything the same.

Limits. It knows no more than what is written: two attacks on one road in one hour read like one, and an event that two sources
place in different towns is missed. `docs/duplicates.md` tells how well it does on the exercise.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

from data.columns import NO_TIME
from data.records import Incident
from data.seen import Rows, Seen

NEAR_KM = 25.0
NEAR_H = 36.0
LEAST = 0.75
"""Below this score nothing is suggested."""
MOST = 20_000
"""Of more reports than this the newest are looked at."""
WEIGHTS = {"distance": 3.0, "time": 2.0, "day": 1.0, "category": 3.0, "words": 2.0, "fatalities": 2.0, "actors": 3.0}
EARTH_KM = 6371.0088
COARSE = ("adm0", "adm1", "adm2", "adm3")


class Reason(NamedTuple):
    what: str
    score: float
    """0 to 1: how well this agrees."""
    value: float | None
    """Distance in km, time in hours, difference in dead."""


@dataclass(frozen=True)
class Likely:
    """Two rows that may be one event; `one` is of the source with the lesser name."""

    one: int
    other: int
    score: float
    reasons: tuple[Reason, ...]


class Told(NamedTuple):
    """What is compared of one report."""

    row: int
    source: str
    time_h: float
    """Hours since 1970; NaN: not said."""
    day_only: bool
    lon: float
    lat: float
    vague: bool
    """Its place is an area's, not its own."""
    families: frozenset[str]
    words: str
    sides: frozenset[str]
    """Distinctive words of the names of who did it or suffered it."""
    fatalities: float


FAMILIES: Mapping[str, re.Pattern[str]] = {
    name: re.compile(pattern, re.IGNORECASE)
    for name, pattern in {
        "fighting": r"\bbattle|clash|exchange of fire|combat|fight|firefight|territory|overtak|regain",
        "blast": r"explo|shell|artiller|missile|mortar|mines?\b|landmine|ied\b|device|bomb|air.?strike|drone|grenade",
        "civilians": r"civilian|attack|ambush|killing|massacre|assault|threat|sexual|armed men|abduct|kidnap|hostage|disappear",
        "taking": r"loot|rob|theft|stolen|vehicle taken|hijack|warehouse|property",
        "crowd": r"protest|riot|demonstrat|mob|march\b|unrest",
        "road": r"road|checkpoint|bridge|blocked|barrier|access",
        "moving": r"displac|moving|flee|fled|leave after",
        "arrest": r"arrest|detain",
        "flood": r"flood|inundat",
        "fire": r"\bfire\b|wildfire|burn",
        "quake": r"earthquake|seism|tremor",
        "accident": r"accident|collision|crash",
        "disease": r"cholera|outbreak|disease|measles",
    }.items()
}
"""Families of events by words of their type: sources name the same thing differently."""


def likely(seen: Seen, rows: Rows) -> list[Likely]:
    """What of these incidents may be the same, the likeliest first."""
    rows = rows[seen.column("incident", "time")[rows] != NO_TIME]
    rows = seen.newest("incident", rows, MOST)
    near = _near(seen, rows)
    if not near:
        return []
    needed = sorted({row for pair in near for row in pair})
    items = seen.items("incident", needed)
    names = _names(item.record for item in items)
    told = {row: _told(row, item.record, names) for row, item in zip(needed, items, strict=True)}
    scored: dict[tuple[str, str], list[Likely]] = defaultdict(list)
    for a, b in near:
        one, other = sorted((told[a], told[b]), key=lambda each: (each.source, each.row))
        found = compared(one, other)
        if found.score >= LEAST:
            scored[one.source, other.source].append(found)
    chosen = [one for pairs in scored.values() for one in _one_to_one(pairs)]
    return sorted(chosen, key=lambda one: (-one.score, one.one, one.other))


def compared(one: Told, other: Told) -> Likely:
    """How alike two reports are, and why."""
    reasons = list(_reasons(one, other))
    weight = sum(WEIGHTS[reason.what] for reason in reasons)
    score = sum(WEIGHTS[reason.what] * reason.score for reason in reasons) / weight if weight else 0.0
    return Likely(one.row, other.row, round(score, 3), tuple(reasons))


def _reasons(one: Told, other: Told) -> Iterator[Reason]:
    away = distance_km(one.lon, one.lat, other.lon, other.lat)
    if math.isfinite(away):
        within = 15.0 if one.vague or other.vague else 6.0
        yield Reason("distance", round(math.exp(-((away / within) ** 2) / 2), 3), round(away, 1))
    apart = _apart_h(one, other)
    if math.isfinite(apart):
        what = "day" if one.day_only or other.day_only else "time"
        yield Reason(what, round(math.exp(-((apart / 8.0) ** 2) / 2), 3), round(apart, 1))
    if one.families and other.families:
        shared = len(one.families & other.families) / min(len(one.families), len(other.families))
        yield Reason("category", round(shared, 3), None)
    if one.words and other.words:
        yield Reason("words", round(fuzz.token_set_ratio(one.words, other.words) / 100, 3), None)
    if one.sides and other.sides:
        shared = len(one.sides & other.sides) / min(len(one.sides), len(other.sides))
        yield Reason("actors", round(shared, 3), None)
    # Nobody killed, and nothing said of it, are often written alike: two zeros tell nothing.
    if one.fatalities > 0 or other.fatalities > 0:
        if not math.isfinite(one.fatalities + other.fatalities):
            return
        differ = abs(one.fatalities - other.fatalities)
        most = max(one.fatalities, other.fatalities, 1.0)
        yield Reason("fatalities", round(1 - differ / most, 3), differ)


def _apart_h(one: Told, other: Told) -> float:
    """Hours between two reports; of one that tells only the day, from that day."""
    spans = [(each.time_h, each.time_h + (24.0 if each.day_only else 0.0)) for each in (one, other)]
    (begin_a, end_a), (begin_b, end_b) = spans
    return max(0.0, begin_b - end_a, begin_a - end_b) if math.isfinite(begin_a + begin_b) else math.nan


def distance_km(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """Great-circle distance (haversine on a sphere of 6,371.0088 km)."""
    x1, y1, x2, y2 = map(math.radians, (lon1, lat1, lon2, lat2))
    if not all(map(math.isfinite, (x1, y1, x2, y2))):
        return math.nan
    half = math.sin((y2 - y1) / 2) ** 2 + math.cos(y1) * math.cos(y2) * math.sin((x2 - x1) / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(half)))


def _near(seen: Seen, rows: Rows) -> list[tuple[int, int]]:
    """Pairs of rows of different sources that lie near each other in space and time."""
    lon, lat = (seen.column("incident", name)[rows] for name in ("lon", "lat"))
    there = np.flatnonzero(np.isfinite(lon))
    rows, lon, lat = rows[there], np.radians(lon[there]), np.radians(lat[there])
    source = seen.column("incident", "source")[rows]
    hours = seen.column("incident", "time")[rows] / 3.6e9
    # On the unit sphere, with time as a fourth axis that is as long as it is far.
    sphere = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1) * EARTH_KM
    points = np.column_stack((sphere, hours * (NEAR_KM / NEAR_H)))
    found: list[tuple[int, int]] = []
    codes = np.unique(source).tolist()
    trees = {code: (at := np.flatnonzero(source == code), cKDTree(points[at])) for code in codes}
    for a, b in itertools.combinations(codes, 2):
        (rows_a, tree_a), (rows_b, tree_b) = trees[a], trees[b]
        for i, hits in enumerate(tree_a.query_ball_tree(tree_b, NEAR_KM * math.sqrt(2))):
            for j in hits:
                one, other = rows_a[i], rows_b[j]
                if abs(hours[one] - hours[other]) <= NEAR_H:
                    found.append((int(rows[one]), int(rows[other])))
    return found


def _told(row: int, record: object, names: frozenset[str]) -> Told:
    if not isinstance(record, Incident) or record.event_time is None:
        raise TypeError("an incident with a time is compared")
    when = record.event_time
    types = f"{record.category} {record.sub_event_type}"
    families = families_of(types) or families_of(f"{record.title} {record.description}")
    words = f"{record.title} {record.description} {record.place}".casefold()
    sides = _words(f"{record.actor1} {record.actor2} {record.description}") & names
    return Told(
        row,
        record.source,
        when.timestamp() / 3600,
        when.minute == when.second == 0 and record.attributes.get("time_precision") is not None,
        math.nan if record.lon is None else record.lon,
        math.nan if record.lat is None else record.lat,
        record.place_precision in COARSE,
        families,
        " ".join(words.split()),
        sides,
        math.nan if record.fatalities is None else float(record.fatalities),
    )


def _names(records: Iterable[object]) -> frozenset[str]:
    """Words by which sides are told apart: of the names of actors, those that few of the actors share."""
    actors = {side for record in records if isinstance(record, Incident) for side in (record.actor1, record.actor2)}
    held = Counter(word for actor in actors for word in _words(actor))
    return frozenset(word for word, number in held.items() if number <= max(1, len(actors) // 8))


def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in re.findall(r"[^\W\d_]{4,}", text.casefold()))


def families_of(words: str) -> frozenset[str]:
    return frozenset(name for name, pattern in FAMILIES.items() if pattern.search(words))


def _one_to_one(pairs: Sequence[Likely]) -> Iterator[Likely]:
    """Of the pairs between two sources, those by which the sum of scores is greatest and no report is in two."""
    ones, others = sorted({pair.one for pair in pairs}), sorted({pair.other for pair in pairs})
    score: NDArray[np.float64] = np.zeros((len(ones), len(others)))
    at = {(pair.one, pair.other): pair for pair in pairs}
    for (one, other), pair in at.items():
        # By how much it is above the least: two doubtful pairs are not worth one that is sure.
        score[ones.index(one), others.index(other)] = (pair.score - LEAST) ** 2 + 1e-9
    for i, j in zip(*linear_sum_assignment(score, maximize=True), strict=True):
        if (found := at.get((ones[i], others[j]))) is not None:
            yield found
