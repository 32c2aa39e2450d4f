"""Weekly disease counts by district: an outbreak that grows, one that was stopped, a season, and reports that are missing."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np

from ingest.exercise import cap
from ingest.exercise.clock import local_date
from ingest.exercise.common_datasets import people_of
from ingest.exercise.sheet import Columns, tagged
from ingest.exercise.sites import HEALTH, make
from ingest.exercise.world import build, random

WEEKS = 53
DISEASES = (
    ("Acute watery diarrhoea", 3.1, 0.0004), ("Suspected cholera", 0.02, 0.012), ("Malaria, confirmed", 9.0, 0.001),
    ("Suspected measles", 0.05, 0.004),
    ("Acute respiratory infection", 7.5, 0.0006), ("Acute malnutrition, severe", 0.6, 0.006),
)  # fmt: skip
"""Name, usual cases a week per 10,000 people, share that dies."""
COLUMNS: Columns = (
    ("Report ID", "#meta+id"), ("Week", "#date+week"), ("Week start", "#date+start"), ("Week end", "#date+end"),
    ("Province", "#adm1+name"), ("District", "#adm2+name"), ("District P-code", "#adm2+code"), ("Disease", "#indicator+name"),
    ("Cases", "#affected+infected"), ("Deaths", "#affected+killed"), ("Unit", "#indicator+unit"),
    ("Sites expected", "#loc+expected+num"), ("Sites reporting", "#loc+reported+num"),
    ("Completeness (%)", "#indicator+completeness+pct"),
)  # fmt: skip


def weekly(seed: int, now: datetime) -> bytes:
    """One row a week, district and disease; where no site reported the counts are blank, not zero."""
    world, rng = build(seed), random(seed, 90)
    people = people_of(world)
    sick = next(alert for alert in cap.history(seed, world, now) if alert.kind == "cholera").areas[0].pcode
    spotted = world.levels[2][int(rng.integers(len(world.levels[2])))].pcode
    danger, expected = _by_district(seed)
    monday = local_date(now) - timedelta(days=local_date(now).weekday())
    rows: list[list[object]] = []
    for back in range(WEEKS, 0, -1):
        start = monday - timedelta(weeks=back)
        for area in world.levels[2]:
            due = expected.get(area.pcode, 1)
            share = float(np.clip(rng.beta(9, 1.4) - 0.45 * danger.get(area.pcode, 0) * (back < 7), 0, 1))
            came = round(due * share) if back > 1 else int(due * share * 0.8)
            for number, (disease, usual, deadly) in enumerate(DISEASES):
                level = usual * people[area.pcode] / 10_000 * _swing(number, start)
                if disease == "Suspected cholera" and area.pcode == sick and back <= 6:
                    level = 5.0 * 1.75 ** (6 - back)
                if disease == "Suspected measles" and area.pcode == spotted and 20 <= back <= 32:
                    level = 60 * np.exp(-(((back - 26) / 3.0) ** 2))
                cases = int(rng.poisson(level * came / due)) if came else None
                deaths = int(rng.binomial(cases, deadly)) if cases is not None else None
                rows.append(_row(area.pcode, start, disease, cases, deaths, due, came, seed))
    return tagged(COLUMNS, rows)


def _row(
    pcode: str, start: date, disease: str, cases: int | None, deaths: int | None, due: int, came: int, seed: int
) -> list[object]:
    world = build(seed)
    year, week, _ = start.isocalendar()
    short = "".join(word[0] for word in disease.replace(",", "").split()).upper()
    return [
        f"EW-{year}W{week:02d}-{pcode}-{short}", f"{year}-W{week:02d}", start, start + timedelta(days=6),
        world.by_code[pcode[:4]].name, world.by_code[pcode].name, pcode, disease, cases, deaths, "cases", due, came,
        round(100 * came / due),
    ]  # fmt: skip


def _swing(disease: int, day: date) -> float:
    """Seasons: malaria and diarrhoea after the rains, chests in the cool months."""
    peak = {0: 60, 2: 90, 4: 210}.get(disease)
    if peak is None:
        return 1.0
    return 1 + 0.55 * float(np.cos(2 * np.pi * (day.timetuple().tm_yday - peak) / 365.25))


def _by_district(seed: int) -> tuple[dict[str, float], dict[str, int]]:
    """Danger, and the number of health sites, by P-code of level 2."""
    world = build(seed)
    danger: dict[str, list[float]] = {}
    for site in make(seed):
        if site.kind in HEALTH:
            danger.setdefault(world.area_of(site.cell, 2).pcode, []).append(site.danger)
    return {code: float(np.mean(values)) for code, values in danger.items()}, {c: len(v) for c, v in danger.items()}
