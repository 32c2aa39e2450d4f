"""Natural hazards as the global monitors publish them: GDACS RSS and the USGS earthquake summary (GeoJSON)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from ingest.exercise import names
from ingest.exercise.coast import KM_PER_DEGREE_LAT, KM_PER_DEGREE_LON, LAT0, LON0, degrees
from ingest.exercise.world import World, random

QUAKES = 34
WORDS = {"TC": "tropical cyclone", "FL": "flood", "EQ": "earthquake", "DR": "drought"}


@dataclass(frozen=True)
class Event:
    """One event of the GDACS feed; `x` and `y` in km from the middle of the island."""

    kind: str
    number: int
    level: str
    score: float
    hours_ago: float
    x: float
    y: float
    unit: str
    value: float
    words: str
    people: int
    current: bool = True


EVENTS = (
    Event(
        "TC", 1_100_001, "Orange", 2.0, 6, -330, 60, "km/h", 148.2, "Tropical Cyclone (maximum wind 148 km/h)", 212_000
    ),
    Event("FL", 1_100_002, "Green", 1.0, 20, 20, -60, "", 0, "Magnitude 0", 8_400),
    Event("EQ", 1_100_003, "Green", 0.4, 31, 230, -190, "M", 4.9, "Magnitude 4.9M, Depth:24km", 1_200),
    Event("DR", 1_100_004, "Orange", 1.4, 900, -60, 10, "Km2", 21_400, "Medium impact in 21400 km2", 640_000),
    Event("EQ", 1_100_005, "Green", 0.3, 600, 300, -120, "M", 5.1, "Magnitude 5.1M, Depth:61km", 0, current=False),
)
_COMPASS = ("E", "ENE", "NE", "NNE", "N", "NNW", "NW", "WNW", "W", "WSW", "SW", "SSW", "S", "SSE", "SE", "ESE")


def quakes(seed: int, world: World, now: datetime, count: int = QUAKES, stream: int = 51) -> bytes:
    """Thirty days of small earthquakes along a trench south-east of the island; the newest first."""
    rng = random(seed, stream)
    features = [_quake(rng, world, now, place) for place in range(count)]
    features.sort(key=lambda feature: -int(feature["properties"]["time"]))
    generated = int(now.timestamp() * 1000)
    collection = {
        "type": "FeatureCollection",
        "metadata": {
            "generated": generated,
            "url": "https://quakes.example/earthquakes/feed/v1.0/summary/2.5_month.geojson",
            "title": "Magnitude 2.5+ Earthquakes, Past Month (EXERCISE)",
            "status": 200,
            "api": "1.10.3",
            "count": count,
        },
        "features": features,
    }
    return json.dumps(collection, ensure_ascii=False).encode()


def _quake(rng: np.random.Generator, world: World, now: datetime, number: int) -> dict[str, Any]:
    along = rng.normal(0, 130)
    away = 190 + rng.gamma(2.0, 45)
    turn = np.radians(-48)
    x, y = away * np.cos(turn) - along * np.sin(turn), away * np.sin(turn) + along * np.cos(turn)
    lon, lat = degrees(np.array([[x, y]]))[0]
    magnitude = round(float(min(2.5 + rng.exponential(0.75), 5.8)), 1)
    back = timedelta(minutes=float(rng.uniform(8, 30 * 24 * 60)))
    at = int((now - back).timestamp() * 1000)
    near = min(world.towns, key=lambda town: (town.x - x) ** 2 + (town.y - y) ** 2)
    far = float(np.hypot(near.x - x, near.y - y))
    side = _COMPASS[round(float(np.degrees(np.arctan2(y - near.y, x - near.x))) % 360 / 22.5) % 16]
    place = f"{far:.0f} km {side} of {near.name}, {names.COUNTRY}"
    code = f"{names.ISO2.lower()}{number + 1:06d}"
    kind = "mww" if magnitude >= 5 else "mb" if magnitude >= 4 else "ml"
    updated = min(at + int(rng.integers(5, 400)) * 60_000, int(now.timestamp() * 1000))
    properties = {
        "mag": magnitude, "place": place, "time": at, "updated": updated,
        "tz": None, "url": f"https://quakes.example/earthquakes/eventpage/{code}",
        "detail": f"https://quakes.example/earthquakes/feed/v1.0/detail/{code}.geojson",
        "felt": int(rng.integers(1, 40)) if magnitude >= 4.5 else None, "cdi": None, "mmi": None,
        "alert": "green" if magnitude >= 5 else None, "status": "reviewed" if rng.random() < 0.8 else "automatic",
        "tsunami": 0, "sig": int(magnitude**2 * 15.4), "net": names.ISO2.lower(), "code": code[2:], "ids": f",{code},",
        "sources": f",{names.ISO2.lower()},", "types": ",origin,phase-data,", "nst": int(rng.integers(12, 90)),
        "dmin": round(float(rng.uniform(0.4, 3.5)), 3), "rms": round(float(rng.uniform(0.3, 1.1)), 2),
        "gap": int(rng.integers(60, 220)), "magType": kind, "type": "earthquake", "title": f"M {magnitude} - {place}",
    }  # fmt: skip
    depth = round(float(10 + rng.exponential(28)), 2)
    geometry = {"type": "Point", "coordinates": [round(float(lon), 4), round(float(lat), 4), depth]}
    return {"type": "Feature", "properties": properties, "geometry": geometry, "id": code}


def gdacs(seed: int, world: World, now: datetime) -> bytes:
    """The GDACS feed: a cyclone, a flood, two earthquakes and a drought, one of them no longer current."""
    rng = random(seed, 52)
    storm = names.Namer(rng).draw(0.3).upper()
    items = [_item(event, now, storm) for event in EVENTS]
    head = (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:geo="http://www.w3.org/2003/01/geo/wgs84_pos#" xmlns:gdacs="http://www.gdacs.org"'
        ' xmlns:glide="http://glidenumber.net" xmlns:georss="http://www.georss.org/georss"'
        ' xmlns:atom="http://www.w3.org/2005/Atom">\n  <channel>\n'
        "    <title>GDACS RSS information (EXERCISE)</title>\n    <link>https://gdacs.example/</link>\n"
        "    <description>Near real-time alerts about natural disasters with a potential humanitarian impact</description>\n"
        f"    <pubDate>{_rfc(now)}</pubDate>\n"
    )
    return (head + "".join(items) + "  </channel>\n</rss>\n").encode()


def _item(event: Event, now: datetime, storm: str) -> str:
    kind, level, number = event.kind, event.level, event.number
    name = storm if kind == "TC" else ""
    people, score, words = event.people, event.score, f"{event.words} {name}".strip()
    start = now - timedelta(hours=event.hours_ago)
    end = now if event.current else start + timedelta(hours=1)
    lon = LON0 + event.x / KM_PER_DEGREE_LON
    lat = LAT0 + event.y / KM_PER_DEGREE_LAT
    title = f"{level} {WORDS[kind]} alert {name} in {names.COUNTRY}. Population affected: {people:,}.".replace(
        "  ", " "
    )
    return (
        "    <item>\n"
        f"      <title>{escape(title)}</title>\n"
        f"      <description>{escape(f'EXERCISE. {words}. Countries: {names.COUNTRY}.')}</description>\n"
        "      <gdacs:temporary>false</gdacs:temporary>\n"
        f"      <link>https://gdacs.example/report.aspx?eventtype={kind}&amp;eventid={number}</link>\n"
        f"      <pubDate>{_rfc(start + timedelta(minutes=40))}</pubDate>\n"
        f"      <gdacs:iscurrent>{str(event.current).lower()}</gdacs:iscurrent>\n"
        f"      <gdacs:fromdate>{_rfc(start)}</gdacs:fromdate>\n      <gdacs:todate>{_rfc(end)}</gdacs:todate>\n"
        f"      <gdacs:durationinweek>{int((end - start).days / 7)}</gdacs:durationinweek>\n"
        f"      <gdacs:year>{start.year}</gdacs:year>\n      <dc:subject>{kind}1</dc:subject>\n"
        f'      <guid isPermaLink="false">{kind}{number}</guid>\n'
        f"      <geo:Point>\n        <geo:lat>{lat:.4f}</geo:lat>\n        <geo:long>{lon:.4f}</geo:long>\n      </geo:Point>\n"
        "      <!--gdacs:bbox format = lonmin lonmax latmin latmax-->\n"
        f"      <gdacs:bbox>{lon - 3:.4f} {lon + 3:.4f} {lat - 3:.4f} {lat + 3:.4f}</gdacs:bbox>\n"
        f"      <georss:point>{lat:.4f} {lon:.4f}</georss:point>\n"
        f"      <gdacs:version>1</gdacs:version>\n      <gdacs:eventtype>{kind}</gdacs:eventtype>\n"
        f"      <gdacs:alertlevel>{level}</gdacs:alertlevel>\n      <gdacs:alertscore>{score}</gdacs:alertscore>\n"
        f"      <gdacs:episodealertlevel>{level}</gdacs:episodealertlevel>\n"
        f"      <gdacs:episodealertscore>{score}</gdacs:episodealertscore>\n"
        f"      <gdacs:eventname>{escape(name)}</gdacs:eventname>\n      <gdacs:eventid>{number}</gdacs:eventid>\n"
        f"      <gdacs:episodeid>1</gdacs:episodeid>\n      <gdacs:calculationtype>impact</gdacs:calculationtype>\n"
        f'      <gdacs:severity unit="{event.unit}" value="{event.value}">{escape(words)}</gdacs:severity>\n'
        f'      <gdacs:population unit="affected" value="{people}">{people:,} affected</gdacs:population>\n'
        f'      <gdacs:vulnerability value="2">Medium</gdacs:vulnerability>\n      <gdacs:iso3>{names.ISO3}</gdacs:iso3>\n'
        f"      <gdacs:country>{names.COUNTRY}</gdacs:country>\n      <gdacs:glide />\n    </item>\n"
    )


def _rfc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
