"""Who does what where (3W), and how many people need it: HXL tables of the coordination office."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from ingest.exercise.clock import local_date
from ingest.exercise.common_datasets import people_of
from ingest.exercise.health import _by_district
from ingest.exercise.sheet import Columns, tagged
from ingest.exercise.world import build, random

SECTORS = (
    ("Food Security", 0.42), ("Health", 0.38), ("Water, Sanitation and Hygiene", 0.36), ("Protection", 0.30),
    ("Nutrition", 0.17), ("Education", 0.22), ("Shelter and Non-Food Items", 0.15), ("Camp Coordination and Management", 0.07),
)  # fmt: skip
"""IASC clusters and the usual share of people in need in a district at war."""
WORK = {
    "Food Security": ("General food distribution", "Seeds and tools", "Cash for food"),
    "Health": ("Mobile clinic", "Support to health facility", "Measles vaccination", "Trauma care"),
    "Water, Sanitation and Hygiene": ("Water trucking", "Borehole repair", "Latrines", "Hygiene kits"),
    "Protection": ("Child-friendly space", "Case management", "Mine risk education"),
    "Nutrition": ("Treatment of severe acute malnutrition", "Screening"),
    "Education": ("Temporary classroom", "School kits"),
    "Shelter and Non-Food Items": ("Tarpaulins and kits", "Shelter repair"),
    "Camp Coordination and Management": ("Site management", "Registration"),
}
ORGANISATIONS = (
    "Harbour Aid", "Upland Health Alliance", "Blue Lantern", "Clearwater Relief", "Open Table", "Ministry of Health",
    "Island Red Lantern Society", "UN Food Agency", "UN Children Agency", "UN Refugees Agency", "School Bridge", "Safe Paths",
)  # fmt: skip
SILENT = {"School Bridge": 47, "Safe Paths": 68}
"""Organisations that have not reported for so many days."""
ACTIVITIES = 900
ACTIVITY_COLUMNS: Columns = (
    ("Activity ID", "#activity+id"), ("Cluster", "#sector"), ("Activity", "#activity+name"), ("Organisation", "#org+prog"),
    ("Implementing partner", "#org+impl"), ("Province", "#adm1+name"), ("District", "#adm2+name"),
    ("District P-code", "#adm2+code"), ("Status", "#status"), ("Start date", "#date+start"), ("End date", "#date+end"),
    ("People in need", "#inneed"), ("People targeted", "#targeted"), ("People reached", "#reached"),
    ("Last updated", "#date+updated"),
)  # fmt: skip
NEED_COLUMNS: Columns = (
    ("Row ID", "#meta+id"), ("Province", "#adm1+name"), ("District", "#adm2+name"), ("District P-code", "#adm2+code"),
    ("Cluster", "#sector"), ("Figure", "#indicator+name"), ("People", "#indicator+value+num"), ("Unit", "#indicator+unit"),
    ("Reference start", "#date+start"), ("Reference end", "#date+end"),
)  # fmt: skip


def needs(seed: int, now: datetime) -> bytes:
    """People in need, targeted and reached by district and cluster, for the current year."""
    world, rng = build(seed), random(seed, 91)
    people = people_of(world)
    danger, _ = _by_district(seed)
    year = local_date(now).year
    rows: list[list[object]] = []
    for area in world.levels[2]:
        worse = 0.25 + 0.75 * danger.get(area.pcode, 0.0)
        for sector, usual in SECTORS:
            need = round(people[area.pcode] * min(usual * worse * rng.lognormal(0, 0.25), 0.9), -2)
            target = round(need * rng.uniform(0.45, 0.8), -2)
            reached = round(target * rng.uniform(0.25, 0.95) * (1 - 0.4 * danger.get(area.pcode, 0.0)), -1)
            for figure, count in (("people_in_need", need), ("people_targeted", target), ("people_reached", reached)):
                short = "".join(word[0] for word in sector.replace(",", "").split()).upper()
                rows.append([
                    f"{year}-{area.pcode}-{short}-{figure}", world.by_code[area.parent].name, area.name, area.pcode, sector,
                    figure, int(count), "people", f"{year}-01-01", f"{year}-12-31",
                ])  # fmt: skip
    return tagged(NEED_COLUMNS, rows)


def activities(seed: int, now: datetime) -> bytes:
    """Humanitarian activities of the last year and the coming months."""
    world, rng = build(seed), random(seed, 92)
    people = people_of(world)
    danger, _ = _by_district(seed)
    today = local_date(now)
    areas = world.levels[2]
    chance = np.array([people[area.pcode] ** 0.5 * (0.5 + danger.get(area.pcode, 0.0)) for area in areas])
    rows: list[list[object]] = []
    for number in range(1, ACTIVITIES + 1):
        area = areas[int(rng.choice(len(areas), p=chance / chance.sum()))]
        sector = SECTORS[
            int(rng.choice(len(SECTORS), p=np.array([s for _, s in SECTORS]) / sum(s for _, s in SECTORS)))
        ][0]
        start = today - timedelta(days=int(rng.integers(-50, 340)))
        end = start + timedelta(days=int(rng.integers(20, 260)))
        state = "Planned" if start > today else "Completed" if end < today else "Ongoing"
        if state == "Ongoing" and rng.random() < 0.12 + 0.3 * danger.get(area.pcode, 0.0):
            state = "Suspended"
        need = round(float(people[area.pcode]) * rng.uniform(0.03, 0.3), -2)
        target = round(need * rng.uniform(0.2, 0.8), -1)
        gone = np.clip((today - start).days / max((end - start).days, 1), 0, 1)
        reached = None if state == "Planned" else round(target * gone * rng.uniform(0.5, 1.15))
        one, two = rng.choice(len(ORGANISATIONS), 2, replace=False)
        work = WORK[sector]
        rows.append([
            f"3W-{number:05d}", sector, work[int(rng.integers(len(work)))], ORGANISATIONS[int(one)],
            ORGANISATIONS[int(two)] if rng.random() < 0.6 else "", world.by_code[area.parent].name, area.name, area.pcode,
            state, start, end, int(need), int(target), None if reached is None else int(reached),
            min(today - timedelta(days=SILENT.get(ORGANISATIONS[int(one)], 0)), start + timedelta(days=int(rng.integers(1, 60)))),
        ])  # fmt: skip
    return tagged(ACTIVITY_COLUMNS, rows)
