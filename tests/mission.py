"""A small invented mission for tests that run the whole program: its settings and the payload files partners would send.

The country is a box of open ocean in four districts, so that nothing on it is a real place. All times count back from
now; incidents of the log stand at full hours before it, those of the conflict monitor on days.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.program import Served, command

BBOX = (-121.0, -31.0, -117.0, -28.0)
DISTRICTS = {
    "XO0101": ("Ardel", (-120.5, -29.5, -119.0, -28.5)),
    "XO0102": ("Bromo", (-120.5, -30.5, -119.0, -29.5)),
    "XO0201": ("Cessan", (-119.0, -29.5, -117.5, -28.5)),
    "XO0202": ("Dwale", (-119.0, -30.5, -117.5, -29.5)),
}
REGIONS = {"XO01": ("Westland", (-120.5, -30.5, -119.0, -28.5)), "XO02": ("Eastland", (-119.0, -30.5, -117.5, -28.5))}

SETTINGS = """
[mission]
name = "Orlane Mission"
marking = "UNCLASSIFIED"
exercise = true
country = "XO"
timezone = "Etc/GMT+8"
bbox = [-121.0, -31.0, -117.0, -28.0]

[agencies]
JOC = "Joint Operations Centre"
MON = "Conflict monitor"

[[source]]
name = "areas"
title = "Boundaries"
feed = "boundaries"
agency = "NSO"
sensitivity = "low"

[[source]]
name = "log"
title = "Incident log"
feed = "table"
kind = "incident"
agency = "JOC"
expected = "1h"
sensitivity = "low"
grade = "B2"
columns = { source_ref = "Serial" }

[[source]]
name = "events"
title = "Conflict events"
feed = "acled"
agency = "MON"
expected = "1d"
sensitivity = "low"
grade = "C3"

[[source]]
name = "quakes"
title = "Earthquakes"
feed = "usgs"
agency = "SEIS"
sensitivity = "low"

[[source]]
name = "units"
title = "Units"
feed = "cot"
agency = "FORCE"
expected = "1d"
sensitivity = "low"

# Heard once and never again: stale a few seconds later.
[[source]]
name = "clinics"
title = "Clinics"
feed = "sites"
agency = "MOH"
expected = "1s"
sensitivity = "low"

# Nothing listens at this address, so that every poll fails.
[[source]]
name = "warnings"
title = "Warnings"
feed = "cap"
agency = "MET"
expected = "1h"
address = "http://127.0.0.1:9/cap.xml"
sensitivity = "low"
"""


@dataclass(frozen=True)
class Happening:
    """An incident of the log. `severity` is a word of ours; the place is in degrees."""

    ref: str
    hours_ago: float
    category: str
    severity: str
    lon: float
    lat: float
    title: str
    place: str = ""


LOG = (
    # The last day: two of them in Ardel, three in Dwale.
    Happening("L01", 1, "Armed clash", "serious", -119.60, -29.05, "Patrol fired upon", "Ardel Market"),
    Happening("L02", 3, "Attack on aid", "critical", -118.20, -30.10, "Convoy ambushed", "Dwale Bridge"),
    Happening("L03", 6, "Roadblock", "minor", -118.21, -30.11, "Illegal toll", "Dwale Bridge"),
    Happening("L04", 12, "Armed clash", "severe", -118.19, -30.09, "Village shelled", "Dwale Bridge"),
    Happening("L05", 20, "Roadblock", "minor", -119.62, -29.06, "Tree across the road", "Ardel Market"),
    # Older, within four weeks; L08 and L09 stand at one point.
    Happening("L06", 2 * 24 + 1, "Attack on aid", "moderate", -120.10, -30.10, "Store robbed", "Bromo"),
    Happening("L07", 4 * 24 + 1, "Armed clash", "critical", -118.00, -28.90, "Base overrun", "Cessan Hill"),
    Happening("L08", 6 * 24 + 1, "Roadblock", "moderate", -119.60, -29.04, "Truck seized", "Ardel Market"),
    Happening("L09", 9 * 24 + 1, "Roadblock", "serious", -119.60, -29.04, "Two drivers held", "Ardel Market"),
    Happening("L10", 15 * 24 + 1, "Armed clash", "moderate", -120.20, -30.00, "Exchange of fire", "Bromo"),
    Happening("L11", 22 * 24 + 1, "Attack on aid", "severe", -118.02, -28.88, "Clinic looted", "Cessan Hill"),
    # Before that.
    Happening("L12", 40 * 24, "Armed clash", "serious", -119.00, -29.20, "Ferry boarded", "Ardel"),
    Happening("L13", 80 * 24, "Roadblock", "minor", -117.90, -30.30, "Barrier raised", "Dwale"),
)
LONE = (-117.80, -29.80)
"""Where the conflict monitor's event XO1 stands, far from everything else (longitude, latitude)."""
EVENTS = (("XO1", 2, 0, LONE), ("XO2", 5, 3, (-119.30, -30.30)), ("XO3", 10, 1, (-118.90, -28.70)))
"""(event, days ago, killed, place)."""
QUAKE = (-119.75, -30.45)
FRESH_UNIT, STALE_UNIT = (-119.90, -28.80), (-120.00, -29.90)


SEVERITIES = ("unknown", "minor", "moderate", "serious", "severe", "critical")


@dataclass(frozen=True)
class Told:
    """An incident as it should be known, whichever partner told of it."""

    ref: str
    time: datetime
    category: str
    severity: str
    lon: float
    lat: float
    text: str
    agency: str

    @property
    def area(self) -> str:
        """P-code of its district."""
        return next(code for code, (_, box) in DISTRICTS.items() if within(box, self.lon, self.lat))


def within(box: tuple[float, float, float, float], lon: float, lat: float) -> bool:
    west, south, east, north = box
    return west <= lon < east and south <= lat < north


def told(now: datetime) -> list[Told]:
    """Every incident that `payloads` of the same moment tell of, by the rules of their feeds."""
    found = [
        Told(
            e.ref,
            now - timedelta(hours=e.hours_ago),
            e.category,
            e.severity,
            e.lon,
            e.lat,
            f"{e.title} {e.category}",
            "JOC",
        )
        for e in LOG
    ]
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for ref, days, killed, (lon, lat) in EVENTS:
        severity = "serious" if killed else "moderate"
        text = f"Armed clash Battles What is said of {ref}."
        found.append(Told(ref, midnight - timedelta(days=days), "Battles", severity, lon, lat, text, "MON"))
    found.append(Told("xo0001", now - timedelta(hours=30), "earthquake", "serious", *QUAKE, "M 5.5 - Bromo", "SEIS"))
    return found


def write_home(home: Path) -> Path:
    """An empty home with the mission's settings."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "commonground.toml").write_text(SETTINGS, encoding="utf-8")
    return home


def payloads(folder: Path, now: datetime) -> list[Path]:
    """Everything partners have sent so far, as files whose names say nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "a.json": areas(),
        "b.csv": log(LOG, now),
        "c.csv": conflict(now, EVENTS),
        "d.json": earthquakes(now, "reviewed"),
        "e.cot": units(now),
        "f.csv": clinics(),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


def load(home: Path, paths: Sequence[Path], *arguments: str) -> list[dict[str, Any]]:
    """`commonground ingest auto` of files: its tallies."""
    done = command(home, "ingest", "auto", *paths, "--json", *arguments)
    assert done.returncode == 0, done.stderr + done.stdout
    return [json.loads(line) for line in done.stdout.splitlines()]


def token(server: Served) -> str:
    """The machine's own token for sending, which `serve` keeps in the home."""
    return (server.home / "secrets" / "ingest-token").read_text(encoding="utf-8").strip()


def send(server: Served, feed: str, source: str, content: bytes) -> dict[str, Any]:
    """Send a payload as a partner's program does; its tally."""
    answer = httpx.post(
        f"{server.url}/api/ingest/{feed}?source={source}",
        content=content,
        headers={"Authorization": f"Bearer {token(server)}"},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    tally: dict[str, Any] = answer.json()
    return tally


def asks(server: Served, path: str, **query: str) -> dict[str, Any]:
    answer = httpx.get(server.url + path, params=query or None, timeout=60)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def areas() -> bytes:
    features = [_area({"ADM0_EN": "Orlane", "ADM0_PCODE": "XO"}, (-120.5, -30.5, -117.5, -28.5))]
    for code, (name, box) in REGIONS.items():
        features.append(_area({"ADM0_PCODE": "XO", "ADM1_EN": name, "ADM1_PCODE": code}, box))
    for code, (name, box) in DISTRICTS.items():
        above = {"ADM0_PCODE": "XO", "ADM1_EN": REGIONS[code[:4]][0], "ADM1_PCODE": code[:4]}
        features.append(_area({**above, "ADM2_EN": name, "ADM2_PCODE": code}, box))
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def _area(properties: Mapping[str, str], box: tuple[float, float, float, float]) -> dict[str, Any]:
    west, south, east, north = box
    ring = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    return {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}}


def log(happenings: Iterable[Happening], now: datetime) -> bytes:
    """The operations centre's log with HXL tags."""
    head = ("Serial", "When", "Type", "Severity", "What", "Place", "Latitude", "Longitude")
    tags = (
        "#event+code",
        "#date+occurred",
        "#event+type",
        "#severity",
        "#event+name",
        "#loc+name",
        "#geo+lat",
        "#geo+lon",
    )
    rows = [
        [e.ref, _time(now - timedelta(hours=e.hours_ago)), e.category, e.severity, e.title, e.place, e.lat, e.lon]
        for e in happenings
    ]
    return _csv([head, tags, *rows])


def conflict(now: datetime, events: Iterable[tuple[str, int, int, tuple[float, float]]], released_s: int = 0) -> bytes:
    """An export of the conflict monitor: (event, days ago, killed, place); a later release revises an earlier one."""
    head = (
        *("event_id_cnty", "event_date", "event_type", "sub_event_type", "actor1", "actor2", "country", "location"),
        *("latitude", "longitude", "geo_precision", "notes", "fatalities", "timestamp"),
    )
    stamp = int(now.timestamp()) - 3_600 + released_s
    what = ("Battles", "Armed clash", "Militia of Orlane", "Army of Orlane", "Orlane")
    rows = [
        [ref, _day(now, days), *what, f"Hamlet {ref}", lat, lon, 1, f"What is said of {ref}.", killed, stamp]
        for ref, days, killed, (lon, lat) in events
    ]
    return _csv([head, *rows])


def earthquakes(now: datetime, status: str) -> bytes:
    """One earthquake, `reviewed` or `deleted`."""
    milliseconds = int((now - timedelta(hours=30)).timestamp() * 1000)
    properties = {"mag": 5.5, "place": "40 km S of Bromo", "time": milliseconds, "status": status, "type": "earthquake"}
    properties |= {"updated": milliseconds + (1 if status == "reviewed" else 2) * 3_600_000, "title": "M 5.5 - Bromo"}
    point = {"type": "Point", "coordinates": [*QUAKE, 10]}
    feature = {"type": "Feature", "id": "xo0001", "properties": properties, "geometry": point}
    return json.dumps(
        {"type": "FeatureCollection", "metadata": {"title": "earthquake.usgs.gov"}, "features": [feature]}
    ).encode()


def units(now: datetime, fresh_for: timedelta = timedelta(hours=6)) -> bytes:
    """Two units of one look: one that was heard just now and one whose position is old."""
    return _events(
        _unit("unit-1", "ROVER 1", FRESH_UNIT, now - timedelta(minutes=1), now + fresh_for),
        _unit("unit-2", "ROVER 2", STALE_UNIT, now - timedelta(hours=2), now - timedelta(hours=1)),
    )


def _unit(uid: str, callsign: str, place: tuple[float, float], heard: datetime, stale: datetime) -> str:
    lon, lat = place
    return (
        f'<event version="2.0" uid="{uid}" type="a-f-G-U-C" time="{_time(heard)}" start="{_time(heard)}" '
        f'stale="{_time(stale)}" how="m-g"><point lat="{lat}" lon="{lon}" hae="0" ce="5" le="5"/>'
        f'<detail><contact callsign="{callsign}"/></detail></event>'
    )


def _events(*events: str) -> bytes:
    return ('<?xml version="1.0" encoding="UTF-8"?>\n<events>\n' + "\n".join(events) + "\n</events>\n").encode()


def clinics() -> bytes:
    """Four clinics, of which two work and one says nothing of that."""
    rows = [
        ("C1", "Ardel Clinic", "Clinic", "Functional", -29.10, -120.3),
        ("C2", "Bromo Clinic", "Clinic", "Functional", -30.2, -119.5),
        ("C3", "Cessan Clinic", "Clinic", "Closed", -28.7, -118.5),
        ("C4", "Dwale Clinic", "Clinic", "", -29.7, -118.6),
    ]
    return _csv(
        [("Facility code", "Facility name", "Facility type", "Functional status", "Latitude", "Longitude"), *rows]
    )


def _csv(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _day(now: datetime, days_ago: int) -> str:
    return f"{now - timedelta(days=days_ago):%Y-%m-%d}"


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
