"""Where and when violence happens: theatres whose fronts move, raided roads, towns that protest, feuds, and quiet areas.

Days count from the reference day (0); earlier days are negative, the player's are positive.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import shapely

from ingest.exercise.areas import Ints
from ingest.exercise.noise import Floats
from ingest.exercise.towns import DISTRICT, PROVINCE
from ingest.exercise.world import World, build, random

DAYS = 730
EVENTS = 25_300
"""Drawn for the two years; a few hundred of them are not reported yet at the reference time."""
ESCALATION_DAYS = 42
QUIET = 0.06
"""How often the two quiet level-1 areas are drawn, against what their places would have."""

Mix = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Component:
    """One reason for incidents. `days` gives a weight per day, `centre` the front's place (km) on a day, if it has one."""

    name: str
    share: float
    mix: Mix
    side: int
    """Which armed group it is about; -1 for none."""
    days: Callable[[Ints], Floats]
    weight: Floats
    """By place."""
    centre: Callable[[Ints], Floats] | None = None
    spread_km: float = 0.0
    on_road: float = 0.0
    """Share of events that lie along the raided roads instead of in a place."""


@dataclass(frozen=True)
class Scene:
    world: World
    components: tuple[Component, ...]
    xy: Floats
    """Places (n, 2) in km, in the order of `world.places`."""
    raided: tuple[int, ...]
    """Numbers of the roads where travellers are attacked."""


@dataclass(frozen=True)
class Spots:
    """Drawn events as columns: component, day, place number, position in km, and how exact the position is (1 to 3)."""

    component: Ints
    day: Ints
    place: Ints
    xy: Floats
    precision: Ints


@cache
def scene(seed: int) -> Scene:
    world = build(seed)
    rng = random(seed, 20)
    places = world.places
    xy = np.array([[place.x, place.y] for place in places])
    people = np.array([place.people for place in places], dtype=float)
    rank = np.array([place.rank for place in places])
    province = np.array([world.land.level1[world.land.level2[place.cell]] for place in places])
    calm = _calm(rng, world, province)
    lively = np.where(np.isin(province, calm), QUIET, 1.0)
    height = world.coast.height(xy)
    small = lively * people**0.35
    components = [
        _theatre(rng, world, "west", 0.14, 0, small, calm, start=-DAYS),
        _theatre(rng, world, "centre", 0.12, 1, small, calm, start=-480),
        _theatre(rng, world, "east", 0.065, 2, small, calm, start=-75),
        Component("roads", 0.17, ROADS, 3, _steady(rng, 5, 1.0), small, on_road=0.75),
        Component("towns", 0.18, TOWNS, -1, _weekly(rng), np.where(rank <= DISTRICT, lively**0.5 * people**0.8, 0)),
        Component("feuds", 0.14, FEUDS, 4, _seasonal(rng), small * np.clip(height * 2, 0.05, 1)),
        Component("everywhere", 0.15, EVERYWHERE, 3, _steady(rng, 0, 0.4), lively**0.7 * people**0.55),
    ]
    return Scene(world, tuple(components), xy, _raided(rng, world, calm))


def draw(of: Scene, rng: np.random.Generator, component: Ints, day: Ints) -> Spots:
    """Place one event for each pair of component and day."""
    place = np.zeros(len(component), dtype=np.int64)
    for number, part in enumerate(of.components):
        rows = np.flatnonzero(component == number)
        if not len(rows):
            continue
        chance = np.broadcast_to(part.weight, (len(rows), len(part.weight)))
        if part.centre is not None:
            away = ((of.xy[None, :, :] - part.centre(day[rows])[:, None, :]) ** 2).sum(axis=2)
            chance = chance * (np.exp(-away / (2 * part.spread_km**2)) + 1e-7)
        upto = np.cumsum(chance, axis=1)
        place[rows] = (upto < rng.random(len(rows))[:, None] * upto[:, -1:]).sum(axis=1)
    xy = of.xy[place].copy()
    precision = rng.choice([1, 1, 1, 2, 2], len(place))
    outside = rng.random(len(place))
    near = (outside < 0.13) & (precision == 2)
    xy[near] = _nearby(of.world, rng, xy[near])
    road = outside > 1 - np.array([part.on_road for part in of.components])[component]
    xy[road], place[road] = _along_roads(of, rng, int(road.sum()))
    precision[road] = 2
    vague = ~road & (rng.random(len(place)) < 0.035)
    place[vague] = _provincial_seat(of.world)[place[vague]]
    xy[vague] = of.xy[place[vague]]
    precision[vague] = 3
    return Spots(component, day, place, np.round(xy, 3), precision)


def draw_history(seed: int) -> Spots:
    """The two years before the reference day, in order of time."""
    of = scene(seed)
    rng = random(seed, 21)
    share = np.array([part.share for part in of.components])
    component = rng.choice(len(share), EVENTS, p=share / share.sum())
    day = np.zeros(EVENTS, dtype=np.int64)
    calendar = np.arange(1 - DAYS, 1)
    for number, part in enumerate(of.components):
        rows = component == number
        weight = part.days(calendar)
        day[rows] = rng.choice(calendar, int(rows.sum()), p=weight / weight.sum())
    order = np.argsort(day, kind="stable")
    return draw(of, rng, component[order], day[order])


def _calm(rng: np.random.Generator, world: World, province: Ints) -> list[int]:
    """Two level-1 areas where little happens, neither of them the capital's."""
    capital = int(province[0])
    return [int(j) for j in rng.choice([j for j in range(len(world.levels[1])) if j != capital], 2, replace=False)]


def _theatre(
    rng: np.random.Generator,
    world: World,
    name: str,
    share: float,
    side: int,
    small: Floats,
    calm: list[int],
    start: int,
) -> Component:
    """A war whose front moves from town to town, with offensives; it starts on day `start` and escalates at the end."""
    west, _, east, _ = world.coast.main.bounds
    third = {"west": 0, "centre": 1, "east": 2}[name]
    low, high = west + (east - west) * third / 3, west + (east - west) * (third + 1) / 3
    inside = [
        town
        for town in world.towns
        if low <= town.x <= high
        and town.rank >= PROVINCE
        and world.land.level1[world.land.level2[town.cell]] not in calm
    ]
    stops = np.array([[town.x, town.y] for town in inside])[rng.choice(len(inside), min(4, len(inside)), replace=False)]
    stops = stops[np.argsort(stops @ rng.normal(0, 1, 2))]
    at = np.linspace(start, 0, len(stops))

    def centre(day: Ints) -> Floats:
        return np.stack([np.interp(day, at, stops[:, axis]) for axis in (0, 1)], axis=1)

    offensives = np.sort(rng.integers(start, -ESCALATION_DAYS // 2, 5))

    def days(day: Ints) -> Floats:
        since = day[:, None] - offensives[None, :]
        bursts = np.where(since >= 0, np.exp(-np.clip(since, 0, None) / 11.0), 0).sum(axis=1)
        grow = np.clip((day + ESCALATION_DAYS) / ESCALATION_DAYS, 0, 1)
        return np.where(day >= start, 0.6 + 1.5 * bursts + 1.7 * grow, 0.0)

    return Component(name, share, WAR, side, days, small, centre, float(rng.uniform(15, 24)), on_road=0.06)


def _steady(rng: np.random.Generator, surges: int, growth: float) -> Callable[[Ints], Floats]:
    when = rng.integers(-DAYS, 0, surges)

    def days(day: Ints) -> Floats:
        grow = np.clip((day + ESCALATION_DAYS) / ESCALATION_DAYS, 0, 1)
        bump = np.exp(-(((day[:, None] - when[None, :]) / 9.0) ** 2)).sum(axis=1)
        return np.asarray(1 + growth * (day + DAYS) / DAYS + 1.2 * bump + growth * grow)

    return days


def _weekly(rng: np.random.Generator) -> Callable[[Ints], Floats]:
    """Most on one day of the week, least two days later, with waves of protest."""
    waves = rng.integers(-DAYS, -20, 6)
    shift = int(rng.integers(7))
    by_weekday = np.array([1.9, 0.8, 0.55, 0.9, 1.0, 1.1, 1.15])

    def days(day: Ints) -> Floats:
        since = day[:, None] - waves[None, :]
        bump = np.where(since >= 0, np.exp(-np.clip(since, 0, None) / 14.0), 0).sum(axis=1)
        return np.asarray(by_weekday[(day + shift) % 7] * (1 + 2.0 * bump))

    return days


def _seasonal(rng: np.random.Generator) -> Callable[[Ints], Floats]:
    """Cattle raids and revenge: a dry-season peak, once a year."""
    peak = int(rng.integers(365))

    def days(day: Ints) -> Floats:
        return np.asarray(1 + 0.75 * np.cos(2 * np.pi * (day - peak) / 365.25))

    return days


def _raided(rng: np.random.Generator, world: World, calm: list[int]) -> tuple[int, ...]:
    numbers, chance = [], []
    for number, road in enumerate(world.roads):
        cell = int(world.cell_at(shapely.get_coordinates(road.line.interpolate(0.5, normalized=True)))[0])
        if cell >= 0 and world.land.level1[world.land.level2[cell]] not in calm and road.line.length > 5:
            numbers.append(number)
            chance.append(1.0 if road.cls == "track" else 2.5)
    weight = np.array(chance)
    return tuple(sorted(int(n) for n in rng.choice(numbers, 16, replace=False, p=weight / weight.sum())))


def _along_roads(of: Scene, rng: np.random.Generator, count: int) -> tuple[Floats, Ints]:
    """Positions on the raided roads, thick around a few ambush sites, and the nearest places."""
    roads = rng.choice(of.raided, count)
    share = np.clip(0.5 + 0.18 * rng.standard_normal(count) + 0.2 * np.sin(roads * 2.4), 0.02, 0.98)
    lines = np.array([of.world.roads[number].line for number in roads], dtype=object)
    xy = shapely.get_coordinates(shapely.line_interpolate_point(lines, np.round(share, 2), normalized=True))
    xy = xy.reshape(-1, 2)
    away = ((xy[:, None, :] - of.xy[None, :, :]) ** 2).sum(axis=2)
    return xy, np.asarray(away.argmin(axis=1))


def _nearby(world: World, rng: np.random.Generator, xy: Floats) -> Floats:
    """A few kilometres off, but not into the sea."""
    moved = xy + rng.normal(0, 2.6, xy.shape)
    sea = world.cell_at(moved) < 0
    moved[sea] = xy[sea]
    return moved


@cache
def _seats(seed: int) -> tuple[int, ...]:
    world = build(seed)
    seat: dict[int, int] = {}
    province = [int(world.land.level1[world.land.level2[place.cell]]) for place in world.places]
    for number, place in enumerate(world.places):
        if place.rank <= PROVINCE:
            seat.setdefault(province[number], number)
    return tuple(seat[one] for one in province)


def _provincial_seat(world: World) -> Ints:
    """By place: the number of the seat of its level-1 area."""
    return np.array(_seats(world.seed))


WAR: Mix = (
    ("Armed clash", 0.50),
    ("Attack", 0.13),
    ("Shelling/artillery/missile attack", 0.12),
    ("Remote explosive/landmine/IED", 0.07),
    ("Air/drone strike", 0.04),
    ("Non-state actor overtakes territory", 0.035),
    ("Government regains territory", 0.03),
    ("Looting/property destruction", 0.03),
    ("Abduction/forced disappearance", 0.025),
    ("Change to group/activity", 0.02),
)
ROADS: Mix = (
    ("Attack", 0.36),
    ("Looting/property destruction", 0.24),
    ("Abduction/forced disappearance", 0.14),
    ("Armed clash", 0.12),
    ("Remote explosive/landmine/IED", 0.10),
    ("Other", 0.04),
)
TOWNS: Mix = (
    ("Peaceful protest", 0.66),
    ("Violent demonstration", 0.11),
    ("Mob violence", 0.08),
    ("Protest with intervention", 0.08),
    ("Arrests", 0.04),
    ("Excessive force against protesters", 0.03),
)
FEUDS: Mix = (
    ("Armed clash", 0.38),
    ("Attack", 0.34),
    ("Looting/property destruction", 0.16),
    ("Abduction/forced disappearance", 0.06),
    ("Sexual violence", 0.02),
    ("Agreement", 0.04),
)
EVERYWHERE: Mix = (
    ("Attack", 0.36),
    ("Mob violence", 0.18),
    ("Peaceful protest", 0.16),
    ("Armed clash", 0.12),
    ("Arrests", 0.07),
    ("Sexual violence", 0.04),
    ("Grenade", 0.03),
    ("Disrupted weapons use", 0.02),
    ("Headquarters or base established", 0.02),
)
