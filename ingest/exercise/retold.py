"""Events that two agencies tell of: rows of the monitor which the operations centre logged too, in its own words.

Each differs as such reports do: hours where the monitor knows the day, a position read off a map, its own kinds of event
and other numbers of dead. Which are the same is known, so that what is suggested can be held against it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np

from ingest.exercise import conflict, incidents, names
from ingest.exercise.clock import start_of, zulu
from ingest.exercise.coast import degrees
from ingest.exercise.world import random

Row = list[object]
RETOLD, DAYS = 60, 21
FIRST_SERIAL = 50_001
WORDS = {
    "Armed clash": (
        "Armed clash",
        "Exchange of fire",
        "serious",
        "Firefight reported",
        "{one} and {two} in contact, small arms and machine guns.",
    ),
    "Non-state actor overtakes territory": (
        "Armed clash",
        "Position lost",
        "severe",
        "Town changed hands",
        "{two} no longer in town; {one} in the streets.",
    ),
    "Attack": (
        "Attack on civilians",
        "Armed attack",
        "serious",
        "Villagers attacked",
        "Armed men, said to be {one}, fired on people.",
    ),
    "Abduction/forced disappearance": (
        "Abduction",
        "People taken",
        "serious",
        "People taken away by armed men",
        "Families ask for {few} missing persons.",
    ),
    "Shelling/artillery/missile attack": (
        "Explosive hazard",
        "Indirect fire",
        "severe",
        "Indirect fire on a built-up area",
        "Impacts counted from the outpost, firing unit likely {one}.",
    ),
    "Remote explosive/landmine/IED": (
        "Explosive hazard",
        "IED strike",
        "severe",
        "Vehicle struck a device",
        "Convoy of {two} hit on the road; route closed for clearance.",
    ),
    "Air/drone strike": (
        "Explosive hazard",
        "Air strike",
        "severe",
        "Aircraft dropped ordnance",
        "Two passes, smoke seen over the eastern edge.",
    ),
    "Looting/property destruction": (
        "Looting",
        "Goods taken",
        "serious",
        "Stores looted",
        "Armed men of {one} emptied shops and a store.",
    ),
    "Violent demonstration": (
        "Unrest",
        "Crowd out of control",
        "moderate",
        "Crowd attacked an office",
        "Stones thrown, police fell back.",
    ),
    "Peaceful protest": (
        "Unrest",
        "Gathering",
        "minor",
        "March through the centre",
        "A few hundred people, calm, gone by dusk.",
    ),
}
"""The monitor's sub-event type -> the log's type, detail, severity, title and narrative."""


class Twice(NamedTuple):
    """One event: its keys with both agencies, and the log's row."""

    serial: str
    event_id: str
    row: Row


def retold(seed: int, now: datetime) -> Iterator[Twice]:
    """The events of both, oldest first."""
    rng = random(seed, 96)
    of = conflict.scene(seed)
    known, _ = incidents.exported(seed, now)
    latest = (now - timedelta(days=2)).timestamp()
    there = [
        it
        for it in known
        if it.kind in WORDS
        and it.precision < 3
        and (now - timedelta(days=DAYS)).timestamp() < start_of(it.day).timestamp() < latest
    ]
    chosen = sorted(rng.choice(len(there), min(RETOLD, len(there)), replace=False).tolist())
    for number, it in enumerate((there[at] for at in chosen), FIRST_SERIAL):
        kind, detail, severity, title, text = WORDS[it.kind]
        at = start_of(it.day) + timedelta(minutes=int(rng.integers(5 * 60, 22 * 60)))
        off = rng.normal(0, 1.2 if rng.random() < 0.85 else 6.0, 2)
        xy = np.array([[it.x, it.y]]) + off
        if int(of.world.cell_at(xy)[0]) < 0:  # not into the sea
            xy = np.array([[it.x, it.y]])
        lon, lat = degrees(xy)[0]
        dead = max(0, it.killed + int(rng.choice([-2, -1, 0, 0, 0, 1, 3]))) if it.killed else 0
        place, cell = of.world.places[it.place].name, int(of.world.cell_at(xy)[0])
        one, two = (side.removesuffix(f" ({names.COUNTRY})") or "others" for side in (it.actor1, it.actor2))
        narrative = f"{text.format(one=one, two=two, few=it.few)} {place} and surroundings. EXERCISE."
        serial = f"JOC-{number:05d}"
        row: Row = [
            serial, zulu(at), zulu(at + timedelta(minutes=int(rng.integers(10, 240)))), kind, detail, title, narrative,
            severity, dead, int(rng.integers(0, 6)) if it.killed else 0, place, of.world.area_of(cell, 1).name,
            of.world.area_of(cell, 2).pcode, f"{lat:.5f}", f"{lon:.5f}", "near",
            "BC"[int(rng.integers(2))] + "23"[int(rng.integers(2))],
        ]  # fmt: skip
        yield Twice(serial, f"{names.ISO3}{it.number}", row)
