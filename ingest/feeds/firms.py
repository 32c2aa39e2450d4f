"""Fires and other heat seen by satellites: NASA FIRMS (MODIS and VIIRS), as CSV or rows of JSON.

One row is one pixel of one overpass. FIRMS gives it no key; satellite, time and place together are one, so that the same
pixel in two downloads is one detection. `acq_time` is hours and minutes of UTC, written as a number: 235 is 02:35. A hot
pixel is no fire by itself: `confidence` (0 to 100 for MODIS; l, n, h for VIIRS) says how likely, and what it says least of
(below 30, or l) has no severity; the others are minor. `type`, in archived data, tells volcanoes, static sources and
offshore flares from vegetation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from data.records import Incident, Record, Severity
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.objects import headings
from ingest.sheets import plain, tables
from ingest.values import instant, lon_lat, needed, text

TYPES = {"0": "fire", "1": "volcano", "2": "static heat source", "3": "offshore heat source"}
SATELLITES = {"T": "Terra", "A": "Aqua", "N": "Suomi-NPP", "1": "NOAA-20", "N20": "NOAA-20", "N21": "NOAA-21"}
SURE = frozenset({"latitude", "longitude", "acq_date", "acq_time"})
OWN = SURE | {"satellite", "type"}


def recognise(payload: Payload) -> int:
    return 95 if any(names >= SURE for names in headings(payload)) else 0


def rows(payload: Payload, source: Source) -> Iterable[dict[str, Any]]:
    found = False
    for table in tables(payload):
        if {name.lower() for name in table.header} >= SURE:
            found = True
            for row in table.rows:
                yield {name.lower(): value for name, value in plain(row).items()}
    if not found:
        raise ValueError(f"{payload.name} has no table with {', '.join(sorted(SURE))}")


def record(row: dict[str, Any], context: Context) -> Record:
    needed(row, "acq_date")
    day, clock = instant(row, "acq_date"), needed(row, "acq_time").replace(":", "").removesuffix(".0")
    if day is None or not re.fullmatch(r"\d{1,4}", clock) or int(clock[-2:]) > 59 or int(clock) > 2359:
        raise Refusal("acq_time", "is not hours and minutes (02:35, 0235 or 235)", row["acq_time"])
    seen = day + timedelta(hours=int(clock.zfill(4)[:2]), minutes=int(clock[-2:]))
    lon, lat = lon_lat(row, "longitude", "latitude")
    if lon is None or lat is None:
        raise Refusal("lon/lat", "is empty, and a pixel is nothing but its place", (lon, lat))
    sure = text(row, "confidence").lower()
    likely = sure not in ("l", "low", "") and not (re.fullmatch(r"[\d.]+", sure) and float(sure) < 30)
    satellite = SATELLITES.get(text(row, "satellite"), text(row, "satellite"))
    category = TYPES.get(text(row, "type"), "fire")
    power = f", {text(row, 'frp')} MW" if text(row, "frp") else ""
    return Incident(
        source_ref=f"{satellite or text(row, 'instrument')}:{seen:%Y-%m-%dT%H:%M}:{lat:.5f}:{lon:.5f}",
        title=f"{'Fire' if category == 'fire' else category.capitalize()} seen by {satellite or 'satellite'}{power}",
        category=category,
        severity=Severity.minor if likely else Severity.unknown,
        event_time=seen,
        lon=lon,
        lat=lat,
        place_precision="near",
        attributes={"satellite": satellite, **{name: value for name, value in row.items() if name not in OWN}},
    )


FEED = Feed(
    name="firms",
    title="NASA FIRMS fires (CSV, JSON)",
    kinds=("incident",),
    formats=("csv", "json"),
    media_types=("text/csv", "application/json"),
    recognise=recognise,
    rows=rows,
    record=record,
)
