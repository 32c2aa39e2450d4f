"""Who does what where: sector by area, with what is needed, aimed at and reached, who is there, and who has not said.

Method. An activity is under way where its status or its days say so. People in need, targeted and reached are those of the
needs overview (indicators by sector and area) where there are any, else of the activities: the highest need, the sums of
targeted and reached (the same person may then stand in several). An organisation reports by changing any of its activities;
one whose newest is older than the mission's cadence is behind. A cell without anybody under way is "no report" where an
organisation that was there is behind, or where nobody ever reported on the sector; only else is it "no activity". What is
released as counts only says neither who nor whether it goes on: where there is no more, the cell is "counted".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import numpy as np

from data.analysis.figures import Value, by_category
from data.analysis.sectors import sector
from data.columns import NO_TIME
from data.places import NOWHERE
from data.seen import Rows, Seen
from data.times import micros_of, moment_of

KIND = "activity"
ADM2 = 2
State = Literal["planned", "underway", "suspended", "ended"]
Standing = Literal["active", "planned", "suspended", "counted", "no_report", "no_activity"]
WORDS: tuple[tuple[State, re.Pattern[str]], ...] = (
    ("suspended", re.compile(r"suspend|on hold|paus|interromp|معلق", re.IGNORECASE)),
    (
        "ended",
        re.compile(
            r"complet|clos|\bend|finish|abandon|cancel|termin|achev|annul|cl[oô]tur|finaliz|منته|مكتمل", re.IGNORECASE
        ),
    ),
    ("planned", re.compile(r"plan|pipeline|futur|pr[eé]vu|propos|مخطط", re.IGNORECASE)),
    ("underway", re.compile(r"ongo|on-go|under|activ|implement|progress|en cours|en curso|started|جار", re.IGNORECASE)),
)
"""Words of partners for the state of an activity; the first that fits."""
UNDER_REACHED = 0.25


@dataclass(frozen=True)
class Cell:
    """One sector in one area. Figures are people, None where nobody said; `rows` are its activities, of any state."""

    sector: str
    pcode: str
    standing: Standing
    need: float | None = None
    targeted: float | None = None
    reached: float | None = None
    summed: bool = False
    """Targeted and reached are sums of activities, not of a needs overview."""
    as_of: datetime | None = None
    organisations: tuple[str, ...] = ()
    """Under way there, or planned where nobody is."""
    behind: tuple[str, ...] = ()
    """Organisations that were or are there and whose report is due."""
    overlaps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What several do at the same time -> who."""
    rows: tuple[int, ...] = ()
    counted: int = 0
    """Further activities that are released as counts only."""
    fewer_than: int | None = None
    """There are some more of those, too few to be told."""

    @property
    def share(self) -> float | None:
        return None if not self.targeted or self.reached is None else self.reached / self.targeted

    @property
    def gap(self) -> float | None:
        """People in need who are not reached."""
        return None if self.need is None else max(self.need - (self.reached or 0.0), 0.0)


class Organisation(NamedTuple):
    """When it last reported, and whether it is behind its cadence."""

    name: str
    reported: datetime | None
    behind: bool
    activities: int


@dataclass(frozen=True)
class Matrix:
    """`sectors` by code with the name most partners write, `areas` the adm2 P-codes that any cell or boundary has."""

    sectors: Mapping[str, str]
    areas: tuple[str, ...]
    cells: Mapping[tuple[str, str], Cell]
    organisations: tuple[Organisation, ...]
    unplaced: int
    """Activities whose area is not known."""
    rows: Rows


def state_of(status: str, starts: int, ends: int, now: int) -> State:
    """Of an activity, by its days where they are said and its status says no other; times in microseconds or NO_TIME."""
    said = next((state for state, words in WORDS if words.search(status)), None)
    if said in ("suspended", "ended"):
        return said
    if ends != NO_TIME and ends < now:
        return "ended"
    if starts != NO_TIME and starts > now:
        return "planned"
    return "planned" if said == "planned" and starts == NO_TIME else "underway"


class _Row(NamedTuple):
    row: int
    sector: str
    pcode: str
    organisation: str
    activity: str
    state: State
    need: float
    targeted: float
    reached: float
    reported: int


def matrix(seen: Seen, report_every: timedelta) -> Matrix:
    """Everything this viewer may see of who does what where, at the picture's moment."""
    rows = seen.rows(KIND)
    listed, names = _listed(seen, rows)
    figures = {name: _figures(seen, f"people_{name}", names) for name in ("in_need", "targeted", "reached")}
    organisations = _organisations(seen, listed, report_every)
    behind = {one.name for one in organisations if one.behind}
    by_cell: dict[tuple[str, str], list[_Row]] = {}
    for row in listed:
        if row.pcode:
            by_cell.setdefault((row.sector, row.pcode), []).append(row)
    heard = {row.sector for row in listed}
    codes = seen.labels("boundary", "pcode")
    drawn = seen.rows("boundary")
    drawn = drawn[seen.column("boundary", "level")[drawn] == ADM2]
    areas = {codes[code] for code in seen.column("boundary", "pcode")[drawn].tolist()}
    counted = _counted(seen, names)
    keys = {*by_cell, *counted, *(key for each in figures.values() for key in each)}
    areas |= {pcode for _, pcode in keys}
    sectors = {code: names[code] for code in sorted({code for code, _ in keys})}
    told = {
        (code, pcode): _cell(
            code,
            pcode,
            by_cell.get((code, pcode), []),
            figures,
            behind,
            code in heard,
            counted.get((code, pcode), (0, 0)),
        )
        for code in sectors
        for pcode in areas
    }
    unplaced = sum(not row.pcode for row in listed)
    return Matrix(sectors, tuple(sorted(areas)), told, tuple(organisations), unplaced, rows)


def _listed(seen: Seen, rows: Rows) -> tuple[list[_Row], dict[str, str]]:
    """The rows as read, and the name most of them use for each sector."""
    now = micros_of(seen.now)
    areas = seen.areas(KIND, rows, ADM2)
    texts = {name: seen.labels(KIND, name) for name in ("category", "organisation", "activity", "status")}
    codes = {name: seen.column(KIND, name)[rows].tolist() for name in texts}
    numbers = {
        name: seen.column(KIND, name)[rows].tolist()
        for name in ("start", "end", "time", "people_in_need", "people_targeted", "people_reached")
    }
    received = _received(seen, rows)
    listed: list[_Row] = []
    used: dict[str, dict[str, list[int]]] = {}
    for at, area in enumerate(areas.tolist()):
        said = {name: texts[name][codes[name][at]] for name in texts}
        code = sector(said["category"])
        used.setdefault(code, {}).setdefault(said["category"], []).append(at)
        time = numbers["time"][at]
        listed.append(
            _Row(
                int(rows[at]),
                code,
                "" if area == NOWHERE else seen.places.areas[area].pcode,
                said["organisation"],
                said["activity"],
                state_of(said["status"], numbers["start"][at], numbers["end"][at], now),
                numbers["people_in_need"][at],
                numbers["people_targeted"][at],
                numbers["people_reached"][at],
                received[at] if time == NO_TIME else min(time, received[at]),
            )
        )
    return listed, {code: max(sorted(names), key=lambda name: len(names[name])) for code, names in used.items()}


def _received(seen: Seen, rows: Rows) -> list[int]:
    revisions = np.array([commit.revision for commit in seen.commits], np.int64)
    at = np.searchsorted(revisions, seen.column(KIND, "rev_from")[rows])
    moments = np.array([commit.received_us for commit in seen.commits], np.int64)
    found: list[int] = moments[at].tolist() if len(rows) else []
    return found


def _figures(seen: Seen, metric: str, names: dict[str, str]) -> dict[tuple[str, str], Value]:
    """By sector code and P-code; partners' names of sectors that no activity has are added to `names`."""
    found: dict[tuple[str, str], Value] = {}
    for (name, pcode), value in by_category(seen, metric, ADM2).items():
        code = sector(name)
        names.setdefault(code, name)
        before = found.get((code, pcode))
        if before is None or (value.value or 0) > (
            before.value or 0
        ):  # of names that mean one cluster the larger stands
            found[code, pcode] = value
    return found


def _counted(seen: Seen, names: dict[str, str]) -> dict[tuple[str, str], tuple[int, int]]:
    """By sector code and P-code how many are released as counts only, and the least number of cells that hold fewer."""
    cells, texts = seen.cells(KIND), seen.labels(KIND, "category")
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for area, category, least, number in zip(
        *(each.tolist() for each in (cells.area, cells.category, cells.least, cells.number)), strict=True
    ):
        up = NOWHERE if area == NOWHERE else int(seen.places.ancestors[area, ADM2])
        if up == NOWHERE:
            continue
        code = sector(texts[category])
        names.setdefault(code, texts[category])
        key = code, seen.places.areas[up].pcode
        many, few = found.get(key, (0, 0))
        found[key] = many + number, max(few, 0 if number else least)
    return found


def _organisations(seen: Seen, listed: Sequence[_Row], report_every: timedelta) -> list[Organisation]:
    newest: dict[str, int] = {}
    count: dict[str, int] = {}
    for row in listed:
        if row.organisation:
            newest[row.organisation] = max(newest.get(row.organisation, NO_TIME), row.reported)
            count[row.organisation] = count.get(row.organisation, 0) + 1
    due = micros_of(seen.now - report_every)
    return sorted(
        (Organisation(name, moment_of(at), at < due, count[name]) for name, at in newest.items()),
        key=lambda one: (not one.behind, one.name.casefold()),
    )


def _cell(
    code: str,
    pcode: str,
    rows: Sequence[_Row],
    figures: Mapping[str, Mapping[tuple[str, str], Value]],
    behind: set[str],
    heard: bool,
    counted: tuple[int, int],
) -> Cell:
    states = {state: [row for row in rows if row.state == state] for state in ("underway", "planned", "suspended")}
    active = states["underway"]
    due = tuple(sorted({row.organisation for row in rows} & behind))
    standing: Standing = (
        "active"
        if active
        else "planned"
        if states["planned"]
        else "suspended"
        if states["suspended"]
        else "counted"
        if any(counted)
        else "no_report"
        if due or not heard
        else "no_activity"
    )
    shown = active or states["planned"] or states["suspended"]
    told = {name: each.get((code, pcode)) for name, each in figures.items()}
    need, targeted, reached = (value.value if value else None for value in told.values())
    summed = targeted is None and reached is None and bool(active)
    if summed:
        targeted, reached = _sum(row.targeted for row in active), _sum(row.reached for row in active)
    if need is None:
        need = max((row.need for row in active if row.need == row.need), default=None)
    times = [value.end_us for value in told.values() if value and value.end_us != NO_TIME]
    return Cell(
        code,
        pcode,
        standing,
        need,
        targeted,
        reached,
        summed,
        moment_of(max(times)) if times else None,
        tuple(sorted({row.organisation for row in shown if row.organisation})),
        due,
        _overlaps(active),
        tuple(row.row for row in rows),
        counted[0],
        counted[1] or None,
    )


def _sum(values: object) -> float | None:
    told = [value for value in values if value == value]  # type: ignore[attr-defined]  # NaN: nobody said
    return float(sum(told)) if told else None


def _overlaps(active: Sequence[_Row]) -> dict[str, tuple[str, ...]]:
    doing: dict[str, set[str]] = {}
    title: dict[str, str] = {}
    for row in active:
        if row.activity and row.organisation:
            title.setdefault(row.activity.casefold(), row.activity)
            doing.setdefault(row.activity.casefold(), set()).add(row.organisation)
    return {title[key]: tuple(sorted(who)) for key, who in sorted(doing.items()) if len(who) > 1}
