"""Units, convoys and sightings as Cursor on Target events: where each is at any time follows from the time alone.

Ground units drive to and fro between towns along the roads at the speed the road allows, with a halt at each end; boats
patrol off the coast and helicopters fly straight. Some units have fallen silent, so that their last position is stale.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from xml.sax.saxutils import quoteattr

import numpy as np
import shapely
from shapely import LineString

from ingest.exercise import conflict
from ingest.exercise.coast import degrees
from ingest.exercise.noise import Floats
from ingest.exercise.roads import SPEED_KM_H
from ingest.exercise.towns import DISTRICT, TOWN
from ingest.exercise.world import World, build, random

UNKNOWN = "9999999.0"
ROAD, SEA, AIR, STILL = "road", "sea", "air", "still"


@dataclass(frozen=True)
class Sort:
    """Units of one sort: CoT type, call sign, how they move, their speed against the road's, how long a halt is."""

    type: str
    callsign: str
    team: str
    moves: str
    pace: float
    halt_min: float
    count: int
    every_s: int
    """Seconds between two reports."""


SORTS = (
    Sort("a-f-G-U-C-I", "ANVIL", "Green", ROAD, 0.75, 50, 10, 20),
    Sort("a-f-G-U-C-R", "LANTERN", "Green", ROAD, 0.9, 25, 3, 15),
    Sort("a-f-G-U-C", "MINUTAM", "Cyan", ROAD, 0.8, 35, 9, 15),
    Sort("a-f-G-U-S-M", "MEDIC", "Cyan", ROAD, 1.0, 40, 4, 20),
    Sort("a-f-G-U-U-L-C", "POLICE", "Blue", ROAD, 0.95, 30, 7, 25),
    Sort("a-f-A-M-H", "HERON", "Cyan", AIR, 1.0, 30, 2, 10),
    Sort("a-f-S-C-P", "COASTGUARD", "Blue", SEA, 1.0, 10, 2, 20),
    Sort("a-n-G-E-V-C", "CONVOY", "White", ROAD, 0.7, 45, 10, 20),
    Sort("a-n-G-U-S-M", "AMBULANCE", "White", ROAD, 1.1, 30, 4, 20),
    Sort("a-u-G-E-V", "UNKNOWN", "Yellow", ROAD, 1.0, 20, 3, 60),
    Sort("a-u-G", "SIGHTING", "Yellow", STILL, 0, 0, 2, 900),
    Sort("a-h-G-U-C-I", "HOSTILE", "Red", STILL, 0, 0, 5, 1200),
)
SILENT = {("MINUTAM", 8): 1.6, ("CONVOY", 9): 5.0, ("ANVIL", 9): 26.0, ("POLICE", 6): 0.7}
"""Call sign and number -> hours since the last report at the reference time; their relay never reports again."""


@dataclass(frozen=True)
class Unit:
    """`path` (n, 2) in km and `hours` (n,) from its start: one way; the unit then comes back the same way."""

    uid: str
    callsign: str
    sort: Sort
    number: int
    path: Floats
    hours: Floats
    phase_h: float

    @property
    def halt_h(self) -> float:
        return self.sort.halt_min / 60


@dataclass(frozen=True)
class Fix:
    """Position in km, course in degrees from north, speed in metres a second."""

    x: float
    y: float
    course: float
    speed: float


@cache
def make(seed: int) -> tuple[Unit, ...]:
    world, rng = build(seed), random(seed, 80)
    graph = _graph(world)
    units = []
    for sort in SORTS:
        for number in range(sort.count):
            path, hours = _route(seed, world, rng, graph, sort)
            phase = float(rng.uniform(0, 2 * hours[-1] + 2)) if len(hours) else 0.0
            uid = f"XT.{sort.callsign}.{number + 1:02d}"
            units.append(Unit(uid, f"{sort.callsign} {number + 1:02d}", sort, number, path, hours, phase))
    return tuple(units)


def fix(unit: Unit, at: datetime) -> Fix:
    """Where the unit is at a time."""
    if len(unit.path) == 1:
        return Fix(float(unit.path[0, 0]), float(unit.path[0, 1]), 0.0, 0.0)
    way = float(unit.hours[-1])
    clock = (at.timestamp() / 3600 + unit.phase_h) % (2 * (way + unit.halt_h))
    back = clock > way + unit.halt_h
    hour = min(clock - (way + unit.halt_h if back else 0), way)
    hour = way - hour if back else hour
    x, y = (float(np.interp(hour, unit.hours, unit.path[:, axis])) for axis in (0, 1))
    step = int(np.clip(np.searchsorted(unit.hours, hour), 1, len(unit.hours) - 1))
    (dx, dy), taken = unit.path[step] - unit.path[step - 1], float(unit.hours[step] - unit.hours[step - 1])
    if back:
        dx, dy = -dx, -dy
    moving = 0 < hour < way
    speed = float(np.hypot(dx, dy)) / taken / 3.6 if moving and taken > 0 else 0.0
    return Fix(x, y, float(np.degrees(np.arctan2(dx, dy)) % 360), speed)


def event(unit: Unit, at: datetime) -> bytes:
    """One CoT event of a unit at a time."""
    where = fix(unit, at)
    lon, lat = degrees(np.array([[where.x, where.y]]))[0]
    still = unit.sort.moves == STILL
    stale = at + timedelta(hours=8 if still else 0, minutes=0 if still else 10)
    how = "h-e" if still else "m-g"
    height = "450.0" if unit.sort.moves == AIR and where.speed else UNKNOWN
    track = "" if still else f'<track course="{where.course:.1f}" speed="{where.speed:.2f}"/>'
    error = "800.0" if still else "8.0"
    remark = "EXERCISE. Reported by patrol, not confirmed." if still else "EXERCISE"
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        f'<event version="2.0" uid={quoteattr(unit.uid)} type="{unit.sort.type}" how="{how}"'
        f' time="{_time(at)}" start="{_time(at)}" stale="{_time(stale)}">'
        f'<point lat="{lat:.6f}" lon="{lon:.6f}" hae="{height}" ce="{error}" le="{UNKNOWN}"/>'
        f"<detail><contact callsign={quoteattr(unit.callsign)}/>{track}"
        f'<__group name="{unit.sort.team}" role="Team Member"/><precisionlocation altsrc="GPS" geopointsrc="GPS"/>'
        f"<remarks>{remark}</remarks></detail></event>"
    ).encode()


def history(seed: int, now: datetime) -> bytes:
    """The last event of each unit that reports as of `now`, one after the other as on a TAK stream."""
    rng = random(seed, 81)
    events = []
    for unit in make(seed):
        seconds = int(rng.integers(1, unit.sort.every_s + 1))
        hours = float(rng.uniform(0.3, 7.5)) if unit.sort.moves == STILL else seconds / 3600
        if not is_silent(unit):
            events.append(event(unit, now - timedelta(hours=hours)))
    return b"\n".join(events) + b"\n"


def silent(seed: int, now: datetime) -> bytes:
    """The last event of each unit behind the relay that has fallen silent."""
    events = [event(unit, now - timedelta(hours=SILENT[_key(unit)])) for unit in make(seed) if is_silent(unit)]
    return b"\n".join(events) + b"\n"


def is_silent(unit: Unit) -> bool:
    return _key(unit) in SILENT


def _key(unit: Unit) -> tuple[str, int]:
    return unit.sort.callsign, unit.number


def reporting(seed: int, tick: int, step_s: int) -> list[Unit]:
    """Units that report in a tick of `step_s` seconds (ticks are numbered from 1970)."""
    found = []
    for number, unit in enumerate(make(seed)):
        every = max(1, round(unit.sort.every_s / step_s))
        if not is_silent(unit) and (tick + number * 7) % every == 0:
            found.append(unit)
    return found


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


Graph = dict[int, list[tuple[int, float, int]]]
"""Junction -> (other junction, hours, road number)."""


def _graph(world: World) -> Graph:
    graph: Graph = {}
    for number, road in enumerate(world.roads):
        one, other = road.ends
        hours = road.line.length / SPEED_KM_H[road.cls]
        graph.setdefault(one, []).append((other, hours, number))
        graph.setdefault(other, []).append((one, hours, number))
    return graph


def _route(seed: int, world: World, rng: np.random.Generator, graph: Graph, sort: Sort) -> tuple[Floats, Floats]:
    if sort.moves == STILL:
        raided = conflict.scene(seed).raided
        line = world.roads[int(rng.choice(raided))].line
        point = shapely.get_coordinates(line.interpolate(float(rng.uniform(0.2, 0.8)), normalized=True))
        off = point + rng.normal(0, 1.5, (1, 2))
        return (off if world.cell_at(off)[0] >= 0 else point), np.zeros(1)
    towns = [town for town in world.towns if town.rank <= TOWN]
    if sort.moves == AIR:
        ends = rng.choice([n for n, town in enumerate(towns) if town.rank < DISTRICT], 2, replace=False)
        path = np.array([[towns[n].x, towns[n].y] for n in ends])
        return path, np.array([0.0, float(np.hypot(*(path[1] - path[0]))) / 215.0])
    if sort.moves == SEA:
        ring = LineString(shapely.get_coordinates(world.coast.main.buffer(7).simplify(2)))
        start = rng.uniform(0, ring.length)
        marks = (start + np.linspace(0, 160, 30)) % ring.length
        return _timed(shapely.get_coordinates(shapely.line_interpolate_point(ring, marks)), 26.0)
    while True:
        base = towns[int(rng.integers(len(towns)))]
        near = [town for town in towns if 25 < np.hypot(town.x - base.x, town.y - base.y) < 110]
        if not near:
            continue
        goal = near[int(rng.integers(len(near)))]
        roads = _shortest(graph, _junction(world, base.x, base.y), _junction(world, goal.x, goal.y))
        if roads:
            return _along(world, roads, sort.pace)


def _junction(world: World, x: float, y: float) -> int:
    best, far = 0, float("inf")
    for road in world.roads:
        for end, at in zip(road.ends, (road.line.coords[0], road.line.coords[-1]), strict=True):
            away = (at[0] - x) ** 2 + (at[1] - y) ** 2
            if away < far:
                best, far = end, away
    return best


def _shortest(graph: Graph, start: int, goal: int) -> list[int]:
    """Numbers of the roads from one junction to another, in order; empty where there is no way."""
    queue, best = [(0.0, start)], {start: 0.0}
    back: dict[int, tuple[int, int]] = {}
    while queue:
        far, node = heapq.heappop(queue)
        if node == goal:
            break
        for other, hours, road in graph[node]:
            if far + hours < best.get(other, float("inf")):
                best[other] = far + hours
                back[other] = (node, road)
                heapq.heappush(queue, (far + hours, other))
    roads = []
    node = goal
    while node in back:
        node, road = back[node]
        roads.append(road)
    return roads[::-1]


def _along(world: World, roads: Sequence[int], pace: float) -> tuple[Floats, Floats]:
    lines = [shapely.get_coordinates(world.roads[number].line) for number in roads]
    if len(lines) > 1 and not (np.allclose(lines[0][-1], lines[1][0]) or np.allclose(lines[0][-1], lines[1][-1])):
        lines[0] = lines[0][::-1]
    speeds = [
        np.full(len(line) - 1, SPEED_KM_H[world.roads[n].cls] * pace) for line, n in zip(lines, roads, strict=True)
    ]
    for place, _ in enumerate(pairwise(lines), start=1):
        if not np.allclose(lines[place][0], lines[place - 1][-1]):
            lines[place] = lines[place][::-1]
    path = np.concatenate([lines[0], *(line[1:] for line in lines[1:])])
    return _timed(path, np.concatenate(speeds))


def _timed(path: Floats, km_h: float | Floats) -> tuple[Floats, Floats]:
    hours = np.hypot(*np.diff(path, axis=0).T) / km_h
    return path, np.concatenate([[0.0], np.cumsum(hours)])
