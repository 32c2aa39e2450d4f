"""Incidents as rows of an ACLED export: who did what to whom, in the columns and codes of the ACLED codebook."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache

import numpy as np

from ingest.exercise import conflict, names
from ingest.exercise.clock import local_date, start_of
from ingest.exercise.coast import degrees
from ingest.exercise.conflict import Scene, Spots
from ingest.exercise.world import random

COLUMNS = (
    "data_id", "iso", "event_id_cnty", "event_id_no_cnty", "event_date", "year", "time_precision", "event_type",
    "sub_event_type", "actor1", "assoc_actor_1", "inter1", "actor2", "assoc_actor_2", "inter2", "interaction", "region",
    "country", "admin1", "admin2", "admin3", "location", "latitude", "longitude", "geo_precision", "source",
    "source_scale", "notes", "fatalities", "timestamp", "iso3",
)  # fmt: skip

BATTLES, REMOTE, CIVILIANS = "Battles", "Explosions/Remote violence", "Violence against civilians"
PROTESTS, RIOTS, STRATEGIC = "Protests", "Riots", "Strategic developments"


@dataclass(frozen=True)
class Deed:
    """A sub-event type: its event type, the roles of both actors, how deadly it is, and how reports put it."""

    event_type: str
    role1: str
    role2: str
    deadly: float
    """Chance that anybody dies."""
    killed: float
    """Mean number killed when anybody dies."""
    notes: tuple[str, ...]


DEEDS = {
    "Armed clash": Deed(BATTLES, "group", "state", 0.48, 3.4, (
        "On {date}, {actor1} clashed with {actor2} at {location} ({admin2}).",
        "On {date}, {actor1} attacked a position of {actor2} near {location}; fighting went on for several hours.",
        "On {date}, fighters of {actor1} and {actor2} exchanged fire on the edge of {location}. Residents fled.",
    )),
    "Non-state actor overtakes territory": Deed(BATTLES, "group", "state", 0.6, 5.0, (
        "On {date}, {actor1} took {location} after {actor2} withdrew.",
    )),
    "Government regains territory": Deed(BATTLES, "state", "group", 0.55, 4.5, (
        "On {date}, {actor1} retook {location} from {actor2}.",
    )),
    "Attack": Deed(CIVILIANS, "group", "civilians", 0.42, 2.4, (
        "On {date}, armed men of {actor1} attacked residents of {location} ({admin2}).",
        "On {date}, {actor1} fired on travellers near {location}. A vehicle was taken.",
        "On {date}, {actor1} entered {location} at night and attacked several households.",
    )),
    "Abduction/forced disappearance": Deed(CIVILIANS, "group", "civilians", 0.03, 1.2, (
        "On {date}, {actor1} abducted {few} people near {location}; their whereabouts are unknown.",
        "On {date}, {actor1} stopped a vehicle on the road at {location} and took {few} passengers away.",
    )),
    "Sexual violence": Deed(CIVILIANS, "group", "women", 0.02, 1.0, (
        "Around {date}, a case attributed to {actor1} was reported from {admin2}. Details are withheld.",
    )),
    "Shelling/artillery/missile attack": Deed(REMOTE, "state", "group", 0.36, 3.6, (
        "On {date}, {actor1} shelled positions of {actor2} around {location}. Houses were damaged.",
        "On {date}, mortar rounds fell on {location}; the market closed.",
    )),
    "Remote explosive/landmine/IED": Deed(REMOTE, "group", "state", 0.5, 2.2, (
        "On {date}, an explosive device laid by {actor1} hit a vehicle of {actor2} near {location}.",
        "On {date}, a device went off on the road at {location} as {actor2} passed.",
    )),
    "Air/drone strike": Deed(REMOTE, "state", "group", 0.6, 5.5, (
        "On {date}, aircraft of {actor1} struck {actor2} near {location}.",
    )),
    "Grenade": Deed(REMOTE, "group", "civilians", 0.3, 1.6, ("On {date}, a grenade was thrown in {location}.",)),
    "Peaceful protest": Deed(PROTESTS, "protesters", "", 0.0, 0.0, (
        "On {date}, people gathered in {location} over the price of fuel.",
        "On {date}, teachers and health workers marched in {location} over unpaid salaries.",
        "On {date}, displaced people in {location} asked for registration and food rations.",
    )),
    "Protest with intervention": Deed(PROTESTS, "protesters", "police", 0.02, 1.0, (
        "On {date}, police dispersed a march in {location} with tear gas.",
    )),
    "Excessive force against protesters": Deed(PROTESTS, "protesters", "police", 0.7, 1.8, (
        "On {date}, police fired on people marching in {location}.",
    )),
    "Violent demonstration": Deed(RIOTS, "rioters", "police", 0.12, 1.5, (
        "On {date}, a demonstration in {location} turned violent; a government office was damaged.",
    )),
    "Mob violence": Deed(RIOTS, "rioters", "civilians", 0.25, 1.2, (
        "On {date}, a crowd in {location} beat a man accused of theft.",
        "On {date}, a crowd set fire to shops in {location}.",
    )),
    "Looting/property destruction": Deed(STRATEGIC, "group", "civilians", 0.0, 0.0, (
        "On {date}, {actor1} looted shops and a food store in {location}.",
        "On {date}, {actor1} stopped a convoy near {location} and took its load.",
    )),
    "Arrests": Deed(STRATEGIC, "police", "civilians", 0.0, 0.0, ("On {date}, police arrested {few} people in {location}.",)),
    "Agreement": Deed(STRATEGIC, "group", "group", 0.0, 0.0, (
        "On {date}, elders in {location} brokered an agreement between {actor1} and {actor2}.",
    )),
    "Change to group/activity": Deed(STRATEGIC, "group", "", 0.0, 0.0, (
        "Around {date}, {actor1} was seen moving in strength near {location}.",
    )),
    "Headquarters or base established": Deed(STRATEGIC, "state", "", 0.0, 0.0, (
        "On {date}, {actor1} set up a base at {location}.",
    )),
    "Disrupted weapons use": Deed(STRATEGIC, "state", "", 0.0, 0.0, (
        "On {date}, {actor1} cleared an explosive device on the road at {location}.",
    )),
    "Other": Deed(STRATEGIC, "group", "", 0.0, 0.0, (
        "On {date}, {actor1} put up an unofficial checkpoint on the road near {location} and taxed vehicles.",
    )),
}  # fmt: skip

INTER = {"state": 1, "rebel": 2, "militia": 3, "communal": 4, "rioters": 5, "protesters": 6, "civilians": 7, "other": 8}
_SOURCES = (
    ("Tamaru Radio", "National"), ("Voice of the Coast", "Subnational"), ("Undisclosed Source", "Local partner-Other"),
    ("Upland Observatory", "Local partner-Other"), ("Island Dispatch", "National"), ("Social media post", "New media"),
    ("Mission daily report", "Other"),
)  # fmt: skip


@dataclass(frozen=True)
class Incident:
    number: int
    day: date
    time_precision: int
    kind: str
    actor1: str
    assoc1: str
    inter1: int
    actor2: str
    assoc2: str
    inter2: int
    place: int
    x: float
    y: float
    cell: int
    precision: int
    source: int
    note: int
    few: int
    killed: int
    reported: int
    """Seconds since 1970 of the row's last change at the source."""


def history(seed: int, now: datetime) -> list[Incident]:
    """Two years of incidents, oldest first, each with the time at which it was reported; some only after `now`."""
    of = conflict.scene(seed)
    return tell(of, random(seed, 22), conflict.draw_history(seed), local_date(now), first_number=1)


SINCE_EXPORT = timedelta(minutes=30)
"""How old the last export is at the reference time."""


def exported(seed: int, now: datetime) -> tuple[list[Incident], list[Incident]]:
    """The history as far as the last export knows it, and what is reported only after that; both oldest first."""
    until = (now - SINCE_EXPORT).timestamp()
    every = history(seed, now)
    return [it for it in every if it.reported <= until], [it for it in every if it.reported > until]


def tell(of: Scene, rng: np.random.Generator, spots: Spots, day0: date, first_number: int) -> list[Incident]:
    """Give drawn events their deeds, actors, deaths and reporting times."""
    count = len(spots.day)
    kinds = np.empty(count, dtype=object)
    for number, part in enumerate(of.components):
        rows = np.flatnonzero(spots.component == number)
        share = np.array([chance for _, chance in part.mix])
        kinds[rows] = rng.choice(
            np.array([kind for kind, _ in part.mix], dtype=object), len(rows), p=share / share.sum()
        )
    cells = of.world.cell_at(spots.xy)
    deadly = rng.random(count)
    heavy = rng.lognormal(0, 0.85, count)
    lag = _lag_days(rng, count)
    second = rng.integers(1_200, 86_000, count)
    pick = rng.integers(0, 1_000_000, (count, 6))
    incidents = []
    for row in range(count):
        deed = DEEDS[kinds[row]]
        side = of.components[int(spots.component[row])].side
        one, two = _roles(deed, int(pick[row, 0]))
        cell = int(cells[row])
        actor1, assoc1, inter1 = _actor(of, one, side, cell, int(pick[row, 1]))
        actor2, assoc2, inter2 = _actor(of, two, side, cell, int(pick[row, 2]) + 1)
        killed = 0
        if deadly[row] < deed.deadly:
            killed = max(1, round(deed.killed * float(heavy[row]) * 0.7))
        day = day0 + timedelta(days=int(spots.day[row]))
        reported = int(start_of(day).timestamp()) + int(lag[row]) * 86_400 + int(second[row])
        incidents.append(
            Incident(
                first_number + row,
                day,
                1 if pick[row, 3] % 10 < 8 else 2,
                str(kinds[row]),
                actor1,
                assoc1,
                inter1,
                actor2,
                assoc2,
                inter2,
                int(spots.place[row]),
                float(spots.xy[row, 0]),
                float(spots.xy[row, 1]),
                cell,
                int(spots.precision[row]),
                int(pick[row, 4]) % len(_SOURCES),
                int(pick[row, 5]) % len(deed.notes),
                int(pick[row, 3]) % 6 + 2,
                killed,
                reported,
            )
        )
    return incidents


def _lag_days(rng: np.random.Generator, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Whole days until an event is in an export: most the same day, a long tail up to two months."""
    tail = np.minimum(2 + rng.lognormal(0.7, 0.9, count), 60).astype(np.int64)
    return np.where(rng.random(count) < 0.82, rng.choice([0, 0, 0, 1], count), tail)


def _roles(deed: Deed, pick: int) -> tuple[str, str]:
    if deed is DEEDS["Armed clash"] and pick % 3 == 0:
        return deed.role2, deed.role1
    return deed.role1, deed.role2


@cache
def armed_groups(seed: int) -> tuple[tuple[str, str], ...]:
    """The armed groups: name and role; the first three each fight in one theatre."""
    one, two, three = (name for name in _group_names(seed))
    return (
        (f"{one} Liberation Front", "rebel"),
        (f"{two} Renewal Movement", "rebel"),
        (f"Army of {three}", "rebel"),
        (f"Unidentified Armed Group ({names.COUNTRY})", "militia"),
    )


def _group_names(seed: int) -> list[str]:
    namer = names.Namer(random(seed, 23))
    return [namer.draw(upland) for upland in (0.0, 1.0, 0.5)]


def _actor(of: Scene, role: str, side: int, cell: int, pick: int) -> tuple[str, str, int]:
    """Name, associated actor and inter code."""
    country = names.COUNTRY
    if role == "group":
        if side == 4:  # feuds are between communities
            area = of.world.area_of(cell, 2)
            return f"{area.name} Communal Militia ({country})", "", INTER["communal"]
        if side in (0, 1, 2) and pick % 8:
            name, kind = armed_groups(of.world.seed)[side]
            return name, "", INTER[kind]
        return f"Unidentified Armed Group ({country})", "", INTER["militia"]
    if role == "state":
        if side == 4:
            area = of.world.area_of(cell, 1)
            return f"{area.name} Communal Militia ({country})", "", INTER["communal"]
        if pick % 19 == 0:
            return f"MINUTAM: United Nations Mission in {country} (2024-)", "", INTER["other"]
        return f"Military Forces of {country} (2021-)", "", INTER["state"]
    if role == "police":
        return f"Police Forces of {country} (2021-)", "", INTER["state"]
    if role == "protesters":
        assoc = ("", f"Labor Group ({country})", f"Teachers ({country})", f"Students ({country})")[pick % 4]
        return f"Protesters ({country})", assoc, INTER["protesters"]
    if role == "rioters":
        return f"Rioters ({country})", "", INTER["rioters"]
    if role == "women":
        return f"Civilians ({country})", f"Women ({country})", INTER["civilians"]
    if role == "civilians":
        assoc = {0: "Aid Workers", 1: "Health Workers", 2: "Internally Displaced Persons", 3: "Farmers"}.get(
            pick % 17, ""
        )
        return f"Civilians ({country})", f"{assoc} ({country})" if assoc else "", INTER["civilians"]
    return "", "", 0


def csv_rows(seed: int, incidents: Iterable[Incident], date_format: str = "%d %B %Y") -> bytes:
    """An export: the header and one row an incident, in the order given."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(seed, incident, date_format) for incident in incidents)
    return out.getvalue().encode()


def _row(seed: int, it: Incident, date_format: str) -> Sequence[str | int | float]:
    world = conflict.scene(seed).world
    place = world.places[it.place]
    one, two, three = (world.area_of(it.cell, level).name for level in (1, 2, 3))
    deed = DEEDS[it.kind]
    lon, lat = degrees(np.array([[it.x, it.y]]))[0]
    source, scale = _SOURCES[it.source]
    codes = sorted(code for code in (it.inter1, it.inter2) if code)
    interaction = f"{codes[0]}{codes[1]}" if len(codes) == 2 else f"{codes[0]}0"
    day = f"{it.day.day:02d} {it.day:%B %Y}" if date_format == "%d %B %Y" else it.day.strftime(date_format)
    note = deed.notes[it.note].format(
        date=f"{it.day.day} {it.day:%B}",
        actor1=it.actor1,
        actor2=it.actor2 or "others",
        location=place.name,
        admin2=two,
        few=it.few,
    )
    note += " No fatalities reported." if not it.killed else f" {it.killed} reported killed."
    return (
        6_000_000 + it.number, names.ISO_NUMBER, f"{names.ISO3}{it.number}", it.number, day, it.day.year, it.time_precision,
        deed.event_type, it.kind, it.actor1, it.assoc1, it.inter1, it.actor2, it.assoc2, it.inter2, interaction,
        "Indian Ocean", names.COUNTRY, one, two, three, place.name, f"{lat:.4f}", f"{lon:.4f}", it.precision, source, scale,
        note, it.killed, it.reported, names.ISO3,
    )  # fmt: skip


def revise(seed: int, rng: np.random.Generator, incident: Incident, at: datetime) -> Incident:
    """A later look at an incident: deaths counted again, another sub-event type, or a place found more exactly."""
    reported = int(at.astimezone(UTC).timestamp())
    turn = int(rng.integers(4))
    deed = DEEDS[incident.kind]
    if turn == 0 and deed.killed:
        return replace(incident, killed=incident.killed + int(rng.integers(1, 5)), reported=reported)
    if turn == 1 and incident.killed > 1:
        return replace(incident, killed=incident.killed - 1, reported=reported)
    if turn == 2 and incident.precision > 1:
        place = conflict.scene(seed).world.places[incident.place]
        return replace(incident, x=place.x, y=place.y, cell=place.cell, precision=1, reported=reported)
    return replace(incident, source=(incident.source + 1) % len(_SOURCES), time_precision=1, reported=reported)
