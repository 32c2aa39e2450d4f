"""Places that serve people or hold goods: health facilities, warehouses, camps and water points, and their partners' lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import numpy as np

from ingest.exercise import conflict, names, workbook
from ingest.exercise.areas import Ints
from ingest.exercise.clock import ZONE
from ingest.exercise.coast import degrees
from ingest.exercise.noise import Floats
from ingest.exercise.towns import CAPITAL, DISTRICT, PROVINCE, TOWN, VILLAGE, Place
from ingest.exercise.workbook import Cell
from ingest.exercise.world import build, random

HOSPITAL, CENTRE, POST, WAREHOUSE, CAMP, PLANT, BOREHOLE = (
    "Hospital", "Health centre", "Health post", "Warehouse", "Camp", "Water treatment", "Borehole",
)  # fmt: skip
HEALTH = (HOSPITAL, CENTRE, POST)
COUNTS = {POST: 132, CAMP: 38, WAREHOUSE: 22, PLANT: 18, BOREHOLE: 30}
"""Hospitals and health centres follow from the towns."""
SERVICES = (
    ("outpatient", HEALTH), ("vaccination", HEALTH), ("maternity", (HOSPITAL, CENTRE)), ("emergency", (HOSPITAL, CENTRE)),
    ("laboratory", (HOSPITAL, CENTRE)), ("surgery", (HOSPITAL,)),
)  # fmt: skip
"""What the assessment asks for, and of which kinds of facility."""
UNPLACED = 0.045
"""Share of health posts without coordinates in their list."""


@dataclass(frozen=True)
class Site:
    """One site. `danger` is 0 (quiet) to 1: how much fighting there was around it in the last weeks."""

    code: str
    name: str
    kind: str
    owner: str
    status: str
    place: int
    cell: int
    lon: float | None
    lat: float | None
    people: int
    beds: int
    danger: float
    reporting: str
    """How stock reports come: good, late, poor, never, or none where no stock is kept."""


@cache
def make(seed: int) -> tuple[Site, ...]:
    """All sites of the country, in the order of their lists."""
    world, rng = build(seed), random(seed, 60)
    places = world.places
    danger = _danger(seed)
    chosen: list[tuple[str, int]] = []
    for number, place in enumerate(places):
        if place.rank <= PROVINCE:
            chosen.append((HOSPITAL, number))
        elif place.rank <= TOWN:
            chosen.append((CENTRE, number))
        if place.rank == CAPITAL:
            chosen += [(HOSPITAL, number), (CENTRE, number), (CENTRE, number)]
        elif place.rank == DISTRICT and rng.random() < 0.3:
            chosen.append((HOSPITAL, number))
    villages = np.array([n for n, place in enumerate(places) if place.rank == VILLAGE])
    towns = np.array([n for n, place in enumerate(places) if place.rank <= TOWN])
    chosen += [(POST, int(n)) for n in rng.choice(villages, COUNTS[POST], replace=False)]
    chosen += [(WAREHOUSE, int(n)) for n in _by_size(rng, towns, COUNTS[WAREHOUSE], places)]
    near_danger = np.clip(danger, 0.08, None)
    camps = rng.choice(len(places), COUNTS[CAMP], replace=False, p=near_danger / near_danger.sum())
    chosen += [(CAMP, int(n)) for n in np.sort(camps)]
    chosen += [(PLANT, int(n)) for n in _by_size(rng, towns, COUNTS[PLANT], places)]
    chosen += [(BOREHOLE, int(n)) for n in rng.choice(villages, COUNTS[BOREHOLE], replace=False)]
    order = (HOSPITAL, CENTRE, POST, WAREHOUSE, CAMP, PLANT, BOREHOLE)
    chosen.sort(key=lambda item: order.index(item[0]))
    counts: dict[str, int] = {}
    return tuple(_site(seed, rng, kind, number, float(danger[number]), counts) for kind, number in chosen)


def _by_size(rng: np.random.Generator, towns: Ints, count: int, places: Sequence[Place]) -> list[int]:
    size = np.array([places[n].people for n in towns], dtype=float) ** 0.6
    return sorted(int(n) for n in rng.choice(towns, count, replace=False, p=size / size.sum()))


def _danger(seed: int) -> Floats:
    """By place: 0 to 1, from where events of the last six weeks are drawn."""
    of = conflict.scene(seed)
    spots = conflict.draw_history(seed)
    recent = spots.xy[(spots.day > -conflict.ESCALATION_DAYS) & (spots.component <= 3)]
    away = ((of.xy[:, None, :] - recent[None, :, :]) ** 2).sum(axis=2)
    heat = np.exp(-away / (2 * 12.0**2)).sum(axis=1)
    return np.asarray(np.clip(heat / np.quantile(heat, 0.95), 0, 1))


def _site(seed: int, rng: np.random.Generator, kind: str, number: int, danger: float, counts: dict[str, int]) -> Site:
    world = build(seed)
    place = world.places[number]
    counts[kind] = counts.get(kind, 0) + 1
    prefix = {HOSPITAL: "HO", CENTRE: "HC", POST: "HP", WAREHOUSE: "WH", CAMP: "CS", PLANT: "WT", BOREHOLE: "BH"}[kind]
    spot = np.array([[place.x, place.y]]) + rng.normal(0, 0.9, (1, 2))
    if world.cell_at(spot)[0] < 0:
        spot = np.array([[place.x, place.y]])
    cell = int(world.cell_at(spot)[0])
    lon, lat = (float(value) for value in degrees(spot)[0])
    unplaced = kind == POST and rng.random() < UNPLACED
    people = {
        HOSPITAL: 90_000, CENTRE: 24_000, POST: 6_500, WAREHOUSE: 60_000, CAMP: 5_200, PLANT: 14_000, BOREHOLE: 900,
    }[kind] * rng.lognormal(0, 0.45)  # fmt: skip
    beds = {HOSPITAL: int(rng.integers(60, 340)), CENTRE: int(rng.integers(8, 40))}.get(kind, 0)
    owners = {
        WAREHOUSE: ("UN Food Agency", "Logistics Cluster", "Ministry of Health", "Harbour Aid"),
        CAMP: ("Camp Committee", "UN Refugees Agency", "Blue Lantern", "Harbour Aid"),
        PLANT: ("Water Authority", "Clearwater Relief"), BOREHOLE: ("Community", "Clearwater Relief"),
    }.get(kind, ("Ministry of Health",) * 5 + ("Upland Health Alliance", "Mission clinic", "Private"))  # fmt: skip
    return Site(
        code=f"XT-{prefix}{counts[kind]:03d}",
        name=_name(rng, kind, place.name, counts, number),
        kind=kind,
        owner=owners[int(rng.integers(len(owners)))],
        status=_status(rng, danger),
        place=number,
        cell=cell,
        lon=None if unplaced else round(lon, 5),
        lat=None if unplaced else round(lat, 5),
        people=int(round(float(people), -2 if people > 2_000 else -1)),
        beds=beds,
        danger=danger,
        reporting=_reporting(rng, kind, danger),
    )


def _name(rng: np.random.Generator, kind: str, town: str, counts: dict[str, int], number: int) -> str:
    seen = counts[f"{kind}{number}"] = counts.get(f"{kind}{number}", 0) + 1
    words = {
        HOSPITAL: ("Hospital", "Teaching Hospital"), CENTRE: ("Health Centre", "North Health Centre", "Harbour Clinic"),
        POST: ("Health Post",), WAREHOUSE: ("Hub", "Warehouse"), CAMP: ("Camp", "Collective Centre", "IDP Site"),
        PLANT: ("Water Works",), BOREHOLE: ("Borehole",),
    }[kind]  # fmt: skip
    word = words[(seen - 1) % len(words)] if kind in HEALTH else words[int(rng.integers(len(words)))]
    return f"{town} {word}" if seen == 1 or kind in HEALTH else f"{town} {word} {seen}"


def _status(rng: np.random.Generator, danger: float) -> str:
    """open, partly, closed or unknown."""
    closed, partly, unknown = 0.02 + 0.20 * danger, 0.08 + 0.24 * danger, 0.06
    return str(
        rng.choice(["closed", "partly", "unknown", "open"], p=[closed, partly, unknown, 1 - closed - partly - unknown])
    )


def _reporting(rng: np.random.Generator, kind: str, danger: float) -> str:
    if kind == BOREHOLE:
        return "none"
    never, poor, late = 0.02 + 0.05 * danger, 0.05 + 0.10 * danger, 0.13
    return str(rng.choice(["never", "poor", "late", "good"], p=[never, poor, late, 1 - never - poor - late]))


def health_list(seed: int, now: datetime) -> bytes:
    """The Ministry of Health's list of facilities."""
    world, rng = build(seed), random(seed, 61)
    words = {"open": "Functional", "partly": "Partially Functional", "closed": "Non Functional", "unknown": None}
    rows: list[Sequence[Cell]] = [(
        "ID", "ADM1_EN", "ADM1_PCODE", "ADM2_EN", "ADM2_PCODE", "ADM3_EN", "FACIL_NAME", "LATITUDE", "LONGITUDE", "HF_CODE",
        "HF_TYPE", "OWNERSHIP", "FUNCTIONAL Status", "BEDS", "CATCHMENT_POP", "DATE_ASSESSED", "WAITING_TIME_MIN",
        *(f"Service: {name}" for name, _ in SERVICES),
    )]  # fmt: skip
    asked = random(seed, 65)
    for number, site in enumerate((s for s in make(seed) if s.kind in HEALTH), start=1):
        one, two, three = (world.area_of(site.cell, level) for level in (1, 2, 3))
        assessed = _date(now, int(rng.integers(2, 90)))
        rows.append((
            number, one.name, one.pcode, two.name, two.pcode, three.name, site.name, site.lat, site.lon, site.code,
            site.kind, site.owner, words[site.status], site.beds or None, site.people, assessed, *_care(asked, site),
        ))  # fmt: skip
    return workbook.xlsx([("Facilities", rows)], now)


def _care(rng: np.random.Generator, site: Site) -> list[Cell]:
    """How long one waits in minutes, then what is available of each service; blank where nobody asked."""
    draws = rng.random(len(SERVICES) + 1)
    silent = site.status == "unknown" or draws[0] < 0.1
    waits = None if silent or site.status == "closed" else int(rng.gamma(3, 22 + 40 * site.danger) // 5 * 5 + 5)
    found: list[Cell] = [waits]
    for (_, kinds), draw in zip(SERVICES, draws[1:], strict=True):
        if silent or site.kind not in kinds:
            found.append(None)
        elif site.status == "closed":
            found.append("Not available")
        else:
            limit = 0.12 if site.status == "open" else 0.5
            found.append(
                "Not available" if draw < limit / 3 else "Partially available" if draw < limit else "Available"
            )
    return found


def warehouse_list(seed: int, now: datetime) -> bytes:
    """The Logistics Cluster's storage list, with a title above the header as such lists have."""
    world, rng = build(seed), random(seed, 62)
    words = {"open": "Operational", "partly": "Partially operational", "closed": "Closed", "unknown": "Not known"}
    rows: list[Sequence[Cell]] = [
        (f"Storage capacity, {names.COUNTRY}: EXERCISE",),
        ("Code", "Warehouse name", "Type", "Operator", "Province", "District", "Latitude", "Longitude", "Status",
         "Capacity (m2)", "Population served"),
    ]  # fmt: skip
    for site in make(seed):
        if site.kind == WAREHOUSE:
            one, two = (world.area_of(site.cell, level).name for level in (1, 2))
            size = int(rng.integers(3, 60)) * 100
            rows.append((site.code, site.name, "Warehouse", site.owner, one, two, site.lat, site.lon, words[site.status],
                         size, site.people))  # fmt: skip
    return workbook.xlsx([("Storage", rows)], now)


def camp_list(seed: int, now: datetime) -> bytes:
    """The displacement monitor's site list, with HXL tags."""
    world, rng = build(seed), random(seed, 63)
    words = {"open": "Open", "partly": "Partly open", "closed": "Closed", "unknown": None}
    rows: list[Sequence[Cell]] = [
        ("Site code", "Site name", "Site type", "Managed by", "Admin 1", "Admin 2 P-code", "Latitude", "Longitude",
         "Status", "Households", "Individuals", "Last assessed"),
        ("#loc+code", "#loc+name", "#loc+type", "#org", "#adm1+name", "#adm2+code", "#geo+lat", "#geo+lon", "#status",
         "#affected+hh", "#affected+ind", "#date"),
    ]  # fmt: skip
    for site in make(seed):
        if site.kind == CAMP:
            one, two = world.area_of(site.cell, 1), world.area_of(site.cell, 2)
            rows.append((site.code, site.name, "IDP camp", site.owner, one.name, two.pcode, site.lat, site.lon,
                         words[site.status], site.people // 5, site.people, _date(now, int(rng.integers(1, 40)))))  # fmt: skip
    return workbook.xlsx([("Sites", rows)], now)


def water_list(seed: int, now: datetime) -> bytes:
    """The water authority's inventory, in the columns of the usual water point lists."""
    world, rng = build(seed), random(seed, 64)
    words = {"open": "operational", "partly": "needs repairs", "closed": "abandoned", "unknown": None}
    rows: list[Sequence[Cell]] = [(
        "ID", "Source Type", "Province", "District", "Commune", "Village", "Local Name", "Latitude", "Longitude",
        "Altitude (m)", "Status", "Pump Type", "Estimated Yield", "Users", "Report Date",
    )]  # fmt: skip
    for site in make(seed):
        if site.kind in (PLANT, BOREHOLE):
            one, two, three = (world.area_of(site.cell, level).name for level in (1, 2, 3))
            kind = "Surface water treatment" if site.kind == PLANT else "Borehole"
            pump = None if site.kind == PLANT else "Hand pump"
            place = world.places[site.place]
            rows.append((
                site.code, kind, one, two, three, place.name, site.name, site.lat, site.lon, int(rng.integers(4, 900)),
                words[site.status], pump, round(float(rng.uniform(0.5, 9)), 1), site.people,
                _date(now, int(rng.integers(3, 300))),
            ))  # fmt: skip
    return workbook.xlsx([("Water points", rows)], now)


def _date(now: datetime, days_back: int) -> datetime:
    """A local calendar day as spreadsheets keep it: midnight without a zone."""
    return (
        (now - timedelta(days=days_back))
        .astimezone(ZONE)
        .replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    )
