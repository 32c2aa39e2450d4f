"""Positions recorded by trackers, as CSV: one row is where one device was at one time (fleet trackers, GPS loggers, GeoLife).

The key is the device, else the trip; its newest position wins and the others are its history. A recording without either is
one device, named after nothing but its list. A row without a time says nothing about where a device is, and is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from data.records import Record, Track
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.headings import LATITUDE, LONGITUDE, bare, pick, words
from ingest.sheets import Table, plain, preview, tables
from ingest.values import number, text
from ingest.written import moment, month_first, position

DEVICE = words(
    "tracker tracker_id device device_id deviceid imei unit unit_id vehicle vehicle_id plate registration callsign"
    " asset asset_id mmsi icao24 tid uid trajectory_id trip_id track_id trackid individual_local_identifier"
)
TIME = words(
    "t timestamp time datetime date_time gps_time fix_time fixtime devicetime utc_time recorded_at time_utc"
    " position_time date"
)
MOTION = words(
    "speed speed_kmh speed_kph velocity heading course bearing direction altitude elevation alt ele accuracy hdop"
    " satellites sequence ignition odometer segment trajectory_id track_id trip_id"
)
PER_SECOND = (
    (re.compile(r"km\W?p?/?h|kph|kmh", re.IGNORECASE), 3.6),
    (re.compile(r"m/s|mps|m_s", re.IGNORECASE), 1.0),
    (re.compile(r"knots?|\bkn\b|kts", re.IGNORECASE), 1.943844),
)
"""A heading's word for a unit of speed, and how many of it are one metre per second; a speed without a unit is no speed."""


def recognise(payload: Payload) -> int:
    return max((_score(table) for table in preview(payload)), default=0)


def _score(table: Table) -> int:
    names = {bare(name) for name in table.header}
    if table.tags or not (pick(table.header, LATITUDE) and pick(table.header, LONGITUDE) and pick(table.header, TIME)):
        return 0
    if len(table.header) > 40 or names & {"event_type", "magnitude", "fatalities", "acq_date", "node"}:
        return 0
    device, motion = pick(table.header, DEVICE), len(names & {*MOTION})
    return 82 if device and motion else 70 if device and _moving(table, device) else 60 if motion >= 2 else 0


def _moving(table: Table, device: str) -> bool:
    """Whether the same device comes again and again: positions of few things, not a list of many."""
    said = [text(row, device) for row in table.rows]
    return len(said) >= 4 and len(set(said)) <= len(said) / 2


def rows(payload: Payload, source: Source) -> Iterable[dict[str, Any]]:
    found = False
    for table in tables(payload):
        if _score(table):
            found = True
            time = pick(table.header, TIME) or ""
            listed = list(table.rows)
            order = month_first(row.get(time) for row in listed)
            used = {
                "time": time,
                "device": pick(table.header, DEVICE) or "",
                "lon": pick(table.header, LONGITUDE) or "",
                "lat": pick(table.header, LATITUDE) or "",
                "speed": pick(
                    table.header,
                    words("speed speed_kmh speed_kph speed_km_h velocity speed_mps speed_m_s speed_knots sog"),
                )
                or "",
                "course": pick(table.header, ("heading", "course", "bearing", "direction")) or "",
                "altitude": pick(table.header, ("altitude", "elevation", "alt", "ele", "altitude_m")) or "",
            }
            yield from ({"columns": used, "order": order, "cells": row} for row in listed)
    if not found:
        raise ValueError(f"{payload.name} has no table of positions: a longitude, a latitude, a time and a device")


def record(row: dict[str, Any], context: Context) -> Record:
    columns, cells = row["columns"], row["cells"]
    seen = moment(cells, columns["time"], context.source.timezone, row["order"])
    if seen is None:
        raise Refusal(columns["time"], "is empty, so nobody knows when it was there")
    lon, lat = position(cells, columns["lon"], columns["lat"])
    if lon is None or lat is None:
        raise Refusal("lon/lat", "is empty, and a position is nothing else")
    device = text(cells, columns["device"])
    speed, course = number(cells, columns["speed"]), number(cells, columns["course"])
    return Track(
        source_ref=device or "device",
        title=device or context.source.name,
        callsign=device,
        category="a-u-G",
        event_time=seen,
        version_time=seen,
        lon=lon,
        lat=lat,
        place_precision="exact",
        how="m-g",
        course_deg=course if course is not None and 0 <= course <= 360 else None,
        speed_m_s=next(
            (speed / per for unit, per in PER_SECOND if speed is not None and unit.search(columns["speed"])), None
        ),
        altitude_m=number(cells, columns["altitude"]),
        attributes=plain(cells, (columns["time"], columns["lon"], columns["lat"], columns["device"])),
    )


FEED = Feed(
    name="positions",
    title="Positions of trackers (CSV, Excel)",
    kinds=("track",),
    formats=("csv", "xlsx"),
    media_types=("text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    recognise=recognise,
    rows=rows,
    record=record,
    keys="list",
)
