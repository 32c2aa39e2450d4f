"""Writes the exercise's history: every payload file of the two years before a reference time, in the order of loading."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from ingest.exercise import (
    cap,
    common_datasets,
    hazards,
    health,
    incidents,
    names,
    openlmis,
    response,
    routes,
    shipments,
    sites,
    talk,
    units,
    voices,
)  # fmt: skip
from ingest.exercise.clock import local_date, start_of
from ingest.exercise.world import build, random

REVISED, REPEATED = 180, 320
"""Rows of the revised export: changed ones, and ones that say what they said before."""


@dataclass(frozen=True)
class Payload:
    """One file: where it lies, the feed and source it is for, and when its agency would have sent it (UTC)."""

    path: Path
    feed: str
    source: str
    heard: datetime


def write(folder: Path, now: datetime, seed: int = 7) -> list[Payload]:
    """Write all files into `folder` (made if need be) and list them in load order: boundaries, look-ups, then the rest.

    The same seed and reference time give the same files, byte for byte.
    """
    now = now.astimezone(UTC).replace(microsecond=0)
    folder.mkdir(parents=True, exist_ok=True)
    payloads = []
    for name, feed, source, age, content in _files(seed, now):
        path = folder / name
        path.write_bytes(content)
        payloads.append(Payload(path, feed, source, now - age))
    return payloads


def _files(seed: int, now: datetime) -> list[tuple[str, str, str, timedelta, bytes]]:
    """Name, feed, source, age and content of every file."""
    world = build(seed)
    iso = names.ISO3.lower()
    day = f"{local_date(now):%Y%m%d}"
    old, fresh = timedelta(days=3), timedelta()
    files = [
        (f"{iso}_admbnda_adm{n}_nso_{common_datasets.VALID_ON:%Y%m%d}.geojson", "boundaries", "cod-ab", old,
         common_datasets.boundaries(world, n))
        for n in range(4)
    ]  # fmt: skip
    files += [
        (f"{iso}_admpop_adm{n}.xlsx", "population", source, old, common_datasets.population(world, n, now))
        for n, source in ((2, "census"), (3, "cod-ps"))
    ]
    files += [
        (f"{iso}_rivers.csv", "table", "rivers", old, routes.rivers(seed)),
        (f"{iso}_places.csv", "table", "places", old, common_datasets.places(world)),
        (f"{iso}_health_facilities.xlsx", "sites", "moh-facilities", old, sites.health_list(seed, now)),
        (f"{iso}_storage.xlsx", "sites", "logistics-storage", old, sites.warehouse_list(seed, now)),
        (f"{iso}_displacement_sites.xlsx", "sites", "displacement-sites", old, sites.camp_list(seed, now)),
        (f"{iso}_water_points.xlsx", "sites", "water-points", old, sites.water_list(seed, now)),
    ]
    lmis = openlmis.tables(seed, now)
    files += [(name, "openlmis", "lmis", timedelta(hours=2), content) for name, content in lmis]
    files += [(name, "acled", "acled", age, content) for name, age, content in _acled(seed, now)]
    files += [
        (f"{iso}_joc_log_{day}.csv", "table", "joc-log", fresh, voices.log(seed, now)),
        (f"{iso}_field_reports_{day}.csv", "table", "field-reports", timedelta(hours=19), voices.reports(seed, now)),
        (f"{iso}_disease_weekly_{day}.csv", "table", "disease", timedelta(days=2), health.weekly(seed, now)),
        *((name, feed, source, fresh, content) for name, feed, source, content in talk.files(seed, now)),
        (f"{iso}_feedback_{day}.csv", "table", "feedback", fresh, voices.feedback(seed, now)),
        (f"{iso}_3w_{day}.csv", "table", "activities", timedelta(days=12), response.activities(seed, now)),
        (f"{iso}_needs_{local_date(now).year}.csv", "table", "needs", timedelta(days=30), response.needs(seed, now)),
        (f"{iso}_waybills_{day}.xlsx", "shipments", "waybills", timedelta(hours=5), shipments.waybills(seed, now)),
        (f"{iso}_road_status_{day}.csv", "table", "routes", fresh, routes.status(seed, now)),
        ("gdacs.rss", "gdacs", "gdacs", fresh, hazards.gdacs(seed, world, now)),
        ("2.5_month.geojson", "usgs", "earthquakes", fresh, hazards.quakes(seed, world, now)),
    ]
    for alert in cap.history(seed, world, now):
        age = now - alert.sent.astimezone(UTC)
        files.append(
            (f"cap_{alert.number:04d}_{alert.kind}_{alert.msg_type.lower()}.xml", "cap", "met", age, cap.message(alert))
        )
    files.append(("tak_units.cot", "cot", "tak", fresh, units.history(seed, now)))
    files.append(("tak_east.cot", "cot", "tak-east", timedelta(minutes=42), units.silent(seed, now)))
    return files


def _acled(seed: int, now: datetime) -> list[tuple[str, timedelta, bytes]]:
    """Two exports, each as it stood when it was made, and the revised rows with dates written the other way."""
    known, _ = incidents.exported(seed, now)
    middle = known[len(known) // 2].day
    first = start_of(middle + timedelta(days=2))
    was_in = [incident.day <= middle and incident.reported <= first.timestamp() for incident in known]
    early = [incident for incident, was in zip(known, was_in, strict=True) if was][::-1]
    late = [incident for incident, was in zip(known, was_in, strict=True) if not was][::-1]
    rng = random(seed, 24)
    chosen = np.sort(rng.choice(len(known), REVISED + REPEATED, replace=False))[::-1].tolist()
    changed = set(rng.choice(chosen, REVISED, replace=False).tolist())
    at = now - timedelta(minutes=10)
    again = [incidents.revise(seed, rng, known[row], at) if row in changed else known[row] for row in chosen]
    iso = names.COUNTRY.lower()
    return [
        (f"{early[-1].day}-{early[0].day}-{iso}.csv", now - first, incidents.csv_rows(seed, early)),
        (f"{late[-1].day}-{late[0].day}-{iso}.csv", incidents.SINCE_EXPORT, incidents.csv_rows(seed, late)),
        (f"{late[0].day}-{iso}-revised.csv", now - at, incidents.csv_rows(seed, again, "%Y-%m-%d")),
    ]
