"""What communities say and what teams in the field write down: feedback, field reports, and the operations centre's log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from ingest.exercise import conflict
from ingest.exercise.clock import offset, zulu
from ingest.exercise.coast import degrees
from ingest.exercise.retold import retold
from ingest.exercise.sheet import Columns, tagged
from ingest.exercise.sites import make
from ingest.exercise.towns import Place
from ingest.exercise.world import World, build, random

Row = Sequence[object]
FEEDBACK, FEEDBACK_DAYS = 1_700, 200
REPORTS, REPORT_DAYS = 380, 75
LOGGED, LOG_DAYS = 260, 21

MISTYPED = frozenset((371, 374, 377))
"""Places in the list of the field reports that cannot be read, so that there is something to mend."""

CHANNELS = ("Hotline", "Help desk", "Community meeting", "Suggestion box", "Radio call-in", "Social media")
THEMES = (
    ("Food distribution", ("Asks when the next distribution is.", "Says the ration was short.", "Thanks the team for the food.")),
    ("Water", ("Says the pump has been broken for a week.", "Asks for water trucking.")),
    ("Health services", ("Says the clinic has no medicine.", "Asks whether vaccination is free.")),
    ("Registration", ("Says the family is not on the list.", "Asks how newcomers are registered.")),
    ("Staff conduct", ("Complains about how people were spoken to.", "Complains that a fee was asked.")),
    ("Safety", ("Is afraid to walk to the distribution site.", "Reports armed men on the road at night.")),
    ("Rumour", ("Has heard that the water treatment makes people ill.", "Has heard that the camp will close.")),
    ("Praise", ("Is glad that the road is open again.",)),
)  # fmt: skip
SENSITIVE = ("Protection", ("Reported a concern in confidence. Details are with the focal point only.",))
FEEDBACK_COLUMNS: Columns = (
    ("Feedback ID", "#feedback+id"), ("Date received", "#date+received"), ("Channel", "#channel"), ("Theme", "#feedback+theme"),
    ("Message", "#feedback+text"), ("Province", "#adm1+name"), ("District", "#adm2+name"), ("District P-code", "#adm2+code"),
    ("Community", "#loc+name"), ("Sensitive", "#feedback+sensitive"), ("Status", "#status"), ("Date answered", "#date+answered"),
)  # fmt: skip

REPORT_COLUMNS: Columns = (
    ("Report ID", "#meta+id"), ("Observed at", "#date+occurred"), ("Submitted at", "#date+reported"), ("Form", "#meta+form"),
    ("Subject", "#subject"), ("Title", "#description+title"), ("Summary", "#description"), ("Needs", "#need"),
    ("Severity", "#severity"), ("Reporter", "#contact+name"), ("Place", "#loc+name"), ("Province", "#adm1+name"),
    ("District", "#adm2+name"), ("District P-code", "#adm2+code"), ("Latitude", "#geo+lat"), ("Longitude", "#geo+lon"),
    ("Grade", "#meta+grade"),
)  # fmt: skip
SUBJECTS = (
    ("Displacement", "moderate", "{n} households arrived at {place}", "Shelter, water and food for {n} households."),
    ("Displacement", "serious", "{n} households left {place} overnight", "Transport for the sick and the old."),
    ("Market", "minor", "Market open at {place}, prices up", ""),
    ("Market", "moderate", "Market closed at {place}", "Food for about {n} households within a week."),
    ("Water point", "moderate", "Queue of two hours at the pump in {place}", "Pump parts; chlorine for a month."),
    ("Access", "serious", "Checkpoint turned the team back before {place}", "Access talks with the local command."),
    ("Health", "serious", "{m} cases of watery diarrhoea in {place}", "Rehydration salts and a water test."),
    ("Damage", "moderate", "Storm took {m} roofs in {place}", "Tarpaulins for {m} households."),
    ("Assessment", "minor", "Rapid assessment done in {place}", ""),
)

LOG_COLUMNS: Columns = (
    ("Serial", "#meta+id"), ("Time of incident", "#date+occurred"), ("Time logged", "#date+reported"), ("Type", "#incident+type"),
    ("Detail", "#incident+subtype"), ("Title", "#incident+name"), ("Narrative", "#description"), ("Severity", "#severity"),
    ("Killed", "#affected+killed"), ("Injured", "#affected+injured"), ("Place", "#loc+name"), ("Province", "#adm1+name"),
    ("District P-code", "#adm2+code"), ("Latitude", "#geo+lat"), ("Longitude", "#geo+lon"), ("Precision", "#geo+precision"),
    ("Grade", "#meta+grade"),
)  # fmt: skip
LOG = (
    ("Attack on aid", "Convoy attacked", "critical", "Convoy attacked, {i} injured", 0.07, (0, 2), (1, 5)),
    ("Attack on aid", "Staff threatened", "serious", "Aid staff threatened at a checkpoint", 0.12, (0, 0), (0, 0)),
    ("Attack on aid", "Facility entered", "severe", "Armed men entered a health facility", 0.06, (0, 1), (0, 3)),
    ("Looting", "Warehouse looted", "severe", "Warehouse looted", 0.05, (0, 0), (0, 2)),
    ("Looting", "Vehicle taken", "serious", "Vehicle taken at gunpoint", 0.10, (0, 0), (0, 1)),
    ("Road blocked", "Roadblock", "moderate", "Road blocked by armed men", 0.17, (0, 0), (0, 0)),
    ("Road blocked", "Bridge destroyed", "critical", "Bridge destroyed", 0.02, (0, 1), (0, 2)),
    ("Armed clash", "Exchange of fire", "serious", "Exchange of fire near a patrol", 0.16, (0, 4), (0, 6)),
    ("Explosive hazard", "Device found", "moderate", "Unexploded device found and marked", 0.10, (0, 0), (0, 0)),
    ("Explosive hazard", "Mine strike", "critical", "Vehicle hit a mine, {i} injured", 0.03, (0, 3), (1, 4)),
    ("Displacement", "People moving", "serious", "People leave after shelling", 0.07, (0, 0), (0, 0)),
    ("Accident", "Road accident", "minor", "Mission vehicle in a road accident", 0.05, (0, 1), (0, 2)),
)  # fmt: skip


def feedback(seed: int, now: datetime) -> bytes:
    return tagged(FEEDBACK_COLUMNS, feedback_rows(seed, now))


def feedback_rows(seed: int, now: datetime) -> list[Row]:
    """All voices of the last months, oldest first."""
    rng = random(seed, 93)
    when = np.sort(rng.uniform(0, FEEDBACK_DAYS, FEEDBACK))[::-1]
    return [
        feedback_row(seed, rng, number, now - timedelta(days=float(back)), now) for number, back in enumerate(when, 1)
    ]


def feedback_row(seed: int, rng: np.random.Generator, number: int, received: datetime, now: datetime) -> Row:
    """One voice; about six in ten are answered within a week, later ones slower."""
    world = build(seed)
    place = _somewhere(world, rng)
    sensitive = rng.random() < 0.035
    theme, texts = SENSITIVE if sensitive else THEMES[int(rng.choice(len(THEMES), p=_THEME_SHARE))]
    days = float(rng.lognormal(np.log(5.2), 0.95))
    answered = received + timedelta(days=days)
    done = answered < now and rng.random() < 0.86
    state = "Answered" if done else "Referred" if sensitive or rng.random() < 0.2 else "Open"
    one, two = world.area_of(place.cell, 1), world.area_of(place.cell, 2)
    return [
        f"FB-{number:05d}", offset(received), CHANNELS[int(rng.integers(len(CHANNELS)))], theme,
        texts[int(rng.integers(len(texts)))], one.name, two.name, two.pcode, "" if sensitive else place.name,
        "yes" if sensitive else "no", state, offset(answered) if done else "",
    ]  # fmt: skip


_THEME_SHARE = (0.27, 0.15, 0.15, 0.14, 0.06, 0.10, 0.08, 0.05)


def reports(seed: int, now: datetime) -> bytes:
    """Field reports; the last one is nineteen hours old, for the teams are out of reach."""
    rng = random(seed, 94)
    when = np.sort(rng.uniform(19.2 / 24, REPORT_DAYS, REPORTS))[::-1]
    rows = [report_row(seed, rng, number, now - timedelta(days=float(back))) for number, back in enumerate(when, 1)]
    return tagged(REPORT_COLUMNS, [_mistyped(row) if place in MISTYPED else row for place, row in enumerate(rows)])


def _mistyped(row: Row) -> Row:
    """What people in a hurry do: latitude and longitude in each other's column, or a day that no month has."""
    cells = list(row)
    if int(str(cells[0])[-1]) % 2:
        cells[14], cells[15] = cells[15], cells[14]
    else:
        cells[1] = "31/02/" + str(cells[1])[:4]
    return cells


def report_row(seed: int, rng: np.random.Generator, number: int, observed: datetime) -> Row:
    world = build(seed)
    sites = [site for site in make(seed) if site.lon is not None]
    weight = np.array([0.15 + site.danger for site in sites])
    site = sites[int(rng.choice(len(sites), p=weight / weight.sum()))]
    subject, severity, title, needs = SUBJECTS[int(rng.integers(len(SUBJECTS)))]
    parts = {"n": int(rng.integers(2, 40)) * 10, "m": int(rng.integers(4, 40)), "place": world.places[site.place].name}
    one, two = world.area_of(site.cell, 1), world.area_of(site.cell, 2)
    sent = observed + timedelta(minutes=int(rng.integers(8, 90)))
    return [
        f"FR-{number:05d}", offset(observed), offset(sent), ("Rapid report", "Site visit", "Market watch")[number % 3],
        subject, title.format(**parts), title.format(**parts) + ". EXERCISE.", needs.format(**parts), severity,
        f"Team {'ABCDEFGH'[int(rng.integers(8))]}", parts["place"], one.name, two.name, two.pcode, f"{site.lat:.5f}",
        f"{site.lon:.5f}", "BC"[int(rng.integers(2))] + "23"[int(rng.integers(2))],
    ]  # fmt: skip


def log(seed: int, now: datetime) -> bytes:
    rng = random(seed, 95)
    when = np.sort(rng.gamma(1.6, 5.0, LOGGED) % LOG_DAYS)[::-1] + 0.6 / 24
    rows = [log_row(seed, rng, number, now - timedelta(days=float(back))) for number, back in enumerate(when, 1)]
    return tagged(LOG_COLUMNS, [*rows, *(each.row for each in retold(seed, now))])


def log_row(seed: int, rng: np.random.Generator, number: int, at: datetime, critical: bool = False) -> Row:
    """One entry of the operations centre's log, along the raided roads or in a place of the war."""
    of = conflict.scene(seed)
    part = int(rng.choice([0, 1, 2, 3, 3]))
    spot = conflict.draw(of, rng, np.array([part]), np.array([0]))
    world = of.world
    cell = int(world.cell_at(spot.xy)[0])
    lon, lat = degrees(spot.xy)[0]
    kinds = [entry for entry in LOG if not critical or entry[2] == "critical"]
    chance = np.array([entry[4] for entry in kinds])
    kind, detail, severity, title, _, killed, injured = kinds[int(rng.choice(len(kinds), p=chance / chance.sum()))]
    dead, hurt = int(rng.integers(killed[0], killed[1] + 1)), int(rng.integers(injured[0], injured[1] + 1))
    place = world.places[int(spot.place[0])].name
    one, two = world.area_of(cell, 1), world.area_of(cell, 2)
    title = title.format(i=hurt)
    logged = at + timedelta(minutes=int(rng.integers(3, 35)))
    where = place if place == two.name else f"{place}, {two.name}"
    text = f"{title} near {where}. Reported by {'patrol' if number % 2 else 'partner'}; being verified. EXERCISE."
    return [
        f"JOC-{number:05d}", zulu(at), zulu(logged), kind, detail, title, text, severity, dead, hurt, place, one.name,
        two.pcode, f"{lat:.5f}", f"{lon:.5f}", ("exact", "near", "adm1")[int(spot.precision[0]) - 1],
        "ABBC"[int(rng.integers(4))] + "123"[int(rng.integers(3))],
    ]  # fmt: skip


def _somewhere(world: World, rng: np.random.Generator) -> Place:
    people = np.array([place.people for place in world.places], dtype=float) ** 0.6
    return world.places[int(rng.choice(len(people), p=people / people.sum()))]
