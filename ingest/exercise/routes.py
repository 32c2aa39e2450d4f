"""Whether roads and bridges can be passed, as the Logistics Cluster's road status table, with the course of each road."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

import numpy as np
import shapely

from ingest.exercise import conflict
from ingest.exercise.clock import zulu
from ingest.exercise.coast import degrees
from ingest.exercise.roads import PRIMARY, SECONDARY
from ingest.exercise.sheet import Columns, tagged
from ingest.exercise.world import build, random

Row = Sequence[object]
COLUMNS: Columns = (
    ("Code", "#loc+route+code"), ("Name", "#loc+route+name"), ("Class", "#loc+route+type"), ("Status", "#status"),
    ("Reason", "#status+reason"), ("Surface", "#loc+surface"), ("Observed at", "#date+observed"), ("Length (km)", "#loc+length"),
    ("Latitude", "#geo+lat"), ("Longitude", "#geo+lon"), ("Geometry", "#geo+wkt"),
)  # fmt: skip
CLOSED = (
    "Flooded", "Bridge destroyed", "Fighting", "Mines reported", "Landslide",
)  # fmt: skip
RESTRICTED = ("Checkpoints", "4x4 only", "Escort needed", "Daylight only", "Single lane")


@cache
def targets(seed: int) -> tuple[tuple[str, int], ...]:
    """What has a status: ("road", number) and ("bridge", number)."""
    world = build(seed)
    return (*(("road", n) for n in range(len(world.roads))), *(("bridge", n) for n in range(len(world.bridges))))


def status(seed: int, now: datetime) -> bytes:
    """The last known status of every road segment and bridge."""
    rng = random(seed, 96)
    raided = set(conflict.scene(seed).raided)
    rows = []
    for what, number in targets(seed):
        hot = what == "road" and number in raided
        draw = rng.random()
        state = (
            "closed" if draw < (0.14 if hot else 0.022) else "restricted" if draw < (0.5 if hot else 0.12) else "open"
        )
        if not hot and rng.random() < 0.06:
            state = "unknown"
        seen = now - timedelta(hours=float(rng.gamma(1.5, 40 if state == "open" else 18)) + 0.3)
        rows.append(row(seed, rng, what, number, state, seen))
    return tagged(COLUMNS, rows)


def row(seed: int, rng: np.random.Generator, what: str, number: int, state: str, seen: datetime) -> Row:
    """One line of the table."""
    world = build(seed)
    reasons = {"closed": CLOSED, "restricted": RESTRICTED}.get(state, ("",))
    reason = reasons[int(rng.integers(len(reasons)))]
    if what == "bridge":
        bridge = world.bridges[number]
        lon, lat = degrees(np.array([[bridge.x, bridge.y]]))[0]
        surface = ("Concrete", "Bailey", "Timber")[number % 3]
        return [
            bridge.code, f"{bridge.name} over the {world.rivers[bridge.river].name}", "bridge", state, reason, surface,
            zulu(seen), "", f"{lat:.5f}", f"{lon:.5f}", f"POINT ({lon:.5f} {lat:.5f})",
        ]  # fmt: skip
    road = world.roads[number]
    line = shapely.transform(road.line, degrees)
    middle = line.interpolate(0.5, normalized=True)
    surface = {PRIMARY: "Asphalt", SECONDARY: "Gravel"}.get(road.cls, "Earth")
    return [
        road.code, road.name, road.cls, state, reason, surface, zulu(seen), f"{road.line.length:.1f}", f"{middle.y:.5f}",
        f"{middle.x:.5f}", shapely.to_wkt(line, rounding_precision=5),
    ]  # fmt: skip


def rivers(seed: int) -> bytes:
    """The rivers, as lines of the same table."""
    world = build(seed)
    rows = []
    for number, river in enumerate(world.rivers, start=1):
        middle = river.shape.interpolate(0.5, normalized=True)
        wkt = shapely.to_wkt(river.shape, rounding_precision=5)
        rows.append(
            [f"R{number:02d}", river.name, "river", "", "", "", "", "", f"{middle.y:.5f}", f"{middle.x:.5f}", wkt]
        )
    return tagged(COLUMNS, rows)
