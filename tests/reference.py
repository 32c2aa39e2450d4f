"""What each viewer may be told, worked out the slow and plain way: the rule for every record by itself, and nothing else."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import cos, radians
from typing import Any

import msgspec

from data.access import Decision, Obligations, Precision, decide
from data.records import KIND_OF_TYPE, Record, Severity
from tests.worlds import BOXES, LAND, POINTS, Told, World, blank


@dataclass(frozen=True)
class Known:
    """A current record, and by which decision it is released."""

    told: Told
    decision: Decision

    @property
    def record(self) -> Record:
        return self.told.record


def current(world: World) -> list[Told]:
    """The newest version of every record. Commits are in order, and within one commit sources, then rows."""
    newest: dict[tuple[int, str, str], Told] = {}
    for told in sorted(world.told, key=lambda one: (one.commit, one.source)):
        newest[told.source, KIND_OF_TYPE[type(told.record)].name, told.record.source_ref] = told
    return list(newest.values())


def released(world: World, at: datetime | None = None) -> list[Known]:
    """The whole of the access model: every current record, one by one, as the rule decides it."""
    found = []
    for told in current(world):
        decision = decide(world.viewer, world.mark(told), world.agreements, at or datetime.now(UTC))
        if decision.permit:
            found.append(Known(told, decision))
    return found


def otherwise(world: World) -> World:
    """The same world but for what is withheld from its viewer: hidden records made into nothing, hidden versions of others and
    hidden fields of released ones made to say something else, and points moved as far as nobody is to notice."""
    at = datetime.now(UTC)
    decided = [decide(world.viewer, world.mark(told), world.agreements, at) for told in world.told]
    shown = {_key(told) for told, decision in zip(world.told, decided, strict=True) if decision.permit}
    changed = []
    for told, decision in zip(world.told, decided, strict=True):
        number = world.told.index(told)  # what was said twice is said twice again
        if _key(told) not in shown:
            changed.append(blank(told, number))
        elif not decision.permit:
            changed.append(replace(told, record=_said_otherwise(told.record, number)))
        else:
            changed.append(replace(told, record=_withheld_otherwise(told.record, decision.obligations, number)))
    return replace(world, told=tuple(changed))


def _key(told: Told) -> tuple[int, str, str]:
    return told.source, type(told.record).__name__, told.record.source_ref


def _said_otherwise(record: Record, number: int) -> Record:
    return msgspec.structs.replace(
        record, title=f"other {number}", category="arson", severity=Severity.critical, lon=31.0, lat=6.0, attributes={}
    )


PLACE_TELLING = (
    "title",
    "description",
    "place",
    "headline",
    "operator",
    "callsign",
    "reason",
    "needs",
    "reporter",
    "actor1",
)
"""Of the fields that the records of these worlds say, those that go below the exact place: free texts may tell it."""


def _withheld_otherwise(record: Record, duties: Obligations, number: int) -> Record:
    hidden = {name for name in duties.hidden if name in record.__struct_fields__ and name not in ("lon", "lat")}
    if duties.precision is not Precision.exact or "lon" in duties.hidden or duties.minimum_count > 1:
        hidden |= {name for name in PLACE_TELLING if name in record.__struct_fields__}
    other: dict[str, Any] = {name: _other(getattr(record, name), number) for name in hidden}
    notes = {name: f"other {number}" if name in duties.hidden else value for name, value in record.attributes.items()}
    if "title" in hidden and duties.precision is not Precision.exact:
        notes = {"else": number}
    near = (record.lon, record.lat)
    if duties.precision is not Precision.exact and near in POINTS[:5]:
        pairs = {0: 1, 1: 0, 3: 4, 4: 3} if duties.precision >= Precision.adm3 else {0: 1, 1: 0}
        near = POINTS[pairs.get(POINTS.index(near), POINTS.index(near))]
    return msgspec.structs.replace(record, **other, attributes=notes, lon=near[0], lat=near[1])


def _other(value: Any, number: int) -> Any:
    if isinstance(value, Severity):
        return Severity((value + 1 + number % 4) % 6)
    return f"{value} {number}" if isinstance(value, str) else value


Plain = dict[str, Any]
"""What is told of a record: its fields by their public names."""


def listed(world: World, kind: str) -> list[Plain]:
    """Every record of a kind that the viewer is shown, as it is released."""
    return [
        told_of(world, known)
        for known in released(world)
        if known.decision.obligations.minimum_count <= 1 and KIND_OF_TYPE[type(known.record)].name == kind
    ]


COMMON = ("category", "severity", "event_time")
STAYS = {
    "incident": ("sub_event_type", "fatalities"),
    "alert": ("urgency", "expires"),
    "report": ("form",),
    "supply": ("item", "stock_on_hand", "amc"),
    "indicator": ("indicator", "value", "unit", "period_end"),
    "feedback": ("channel", "status"),
    "activity": ("organisation", "people_reached", "start"),
    "site": ("functionality", "beds"),
    "track": ("affiliation", "stale"),
    "route": ("status",),
}
"""Beside the common ones: what tells no place, of the fields that the records of these worlds say."""
TEXTS = ("title", "description", "place", "source_ref")
OTHERS = {
    "incident": ("actor1",),
    "alert": ("headline",),
    "report": ("reporter", "needs"),
    "supply": ("site_ref",),
    "site": ("operator",),
    "track": ("callsign",),
    "route": ("reason",),
}


def told_of(world: World, known: Known) -> Plain:
    """A record as its viewer is told of it."""
    record, duties = known.record, known.decision.obligations
    kind = KIND_OF_TYPE[type(record)].name
    exact = duties.precision is Precision.exact and not {"lon", "lat"} & set(duties.hidden)
    nothing = type(record)(source_ref="")
    names = (*COMMON, *STAYS.get(kind, ()), *TEXTS, *OTHERS.get(kind, ()))
    shown = {
        name for name in names if (exact or name in COMMON or name in STAYS.get(kind, ())) and name not in duties.hidden
    }
    told = {name: getattr(record if name in shown else nothing, name) for name in names}
    told["attributes"] = {n: v for n, v in record.attributes.items() if exact and n not in duties.hidden}
    if not exact and "title" not in duties.hidden:
        told["title"] = told["category"]
    precision = duties.precision if exact or not {"lon", "lat"} & set(duties.hidden) else Precision.none
    ground = knows_land(world)
    told["lon"], told["lat"] = placed(record.lon, record.lat, precision, ground)
    told["area"] = half(told["lon"], told["lat"]) if ground else None
    told["source"], told["agency"] = world.sources[known.told.source].name, world.agency(known.told)
    told["sensitivity"] = world.mark(known.told).sensitivity
    return told


def knows_land(world: World) -> bool:
    """Whether the boundaries are released to the viewer: without them there are no areas."""
    return decide(world.viewer, LAND.mark("boundaries"), world.agreements, datetime.now(UTC)).permit


def placed(
    lon: float | None, lat: float | None, precision: Precision, ground: bool
) -> tuple[float | None, float | None]:
    """A point as a tier tells it: itself, the middle of its cell, or a point that stands for its district."""
    if lon is None or lat is None or precision is Precision.none:
        return None, None
    if precision is Precision.exact:
        return lon, lat
    if precision >= Precision.adm3:
        area = half(lon, lat) if ground else None
        return DISTRICT.get(area, (None, None))
    # Bands of 1/22 degree; along each as many cells of that height as fit round its edge nearer the equator's far side.
    band = int((lat + 90) * 22)
    edge = max(abs(band / 22 - 90), abs((band + 1) / 22 - 90))
    around = max(int(360 * 22 * cos(radians(edge))), 1)
    parts = 5 if precision is Precision.km1 else 1
    column, row = int((lon + 180) / 360 * around * parts), int((lat + 90) * 22 * parts)
    return round((column + 0.5) * 360 / (around * parts) - 180, 6), round((row + 0.5) / (22 * parts) - 90, 6)


def half(lon: float | None, lat: float | None) -> str | None:
    """The district of a point."""
    for code in ("XT01", "XT02"):
        west, south, east, north = BOXES[code]
        if lon is not None and lat is not None and west <= lon <= east and south <= lat <= north:
            return f"{code}01"
    return None


DISTRICT: dict[str | None, tuple[float, float]] = {"XT0101": (30.25, 7.0), "XT0201": (32.75, 7.0)}


def counted(world: World, kind: str) -> tuple[Counter[tuple[str | None, str]], bool]:
    """(category, agency) -> how many of a kind are told in counts, and whether there are cells too small to be told."""
    tally = Counter((told["category"], told["agency"]) for told in listed(world, kind))
    cells: Counter[tuple[Any, ...]] = Counter()
    for known in released(world):
        least = known.decision.obligations.minimum_count
        if least > 1 and KIND_OF_TYPE[type(known.record)].name == kind:
            told = told_of(world, known)
            week = told["event_time"] and told["event_time"].isocalendar()[:2]
            cells[told["area"], week, told["category"], told["agency"], told["source"], least] += 1
    for (_, _, category, agency, _, least), number in cells.items():
        if number >= least:
            tally[category, agency] += number
    return tally, any(number < cell[-1] for cell, number in cells.items())
