"""Units, vehicles and vessels as APP-6 symbols, where they were last heard."""

from __future__ import annotations

from collections import Counter

import numpy as np

from data.columns import NO_TIME
from data.filters import Filters
from data.seen import DAY_US, Rows, Seen, public_id
from layers.features import SEVERITIES, SEVERITY_COUNTS, Features, Points, View, micros, seconds
from layers.layer import BY_ORIGIN, Entry, Layer
from layers.mvt import Property
from layers.words import say

GONE_AFTER_US = DAY_US
STALE_AFTER_US = DAY_US // 24
"""Where a track does not say itself when it goes stale."""


def features(seen: Seen, filters: Filters, view: View) -> Points:
    rows = seen.rows("track", filters)
    time, now = seen.column("track", "time")[rows], micros(seen.now)
    rows = rows[(time > now - GONE_AFTER_US) & (time != NO_TIME)]

    def describe(at: Rows) -> list[dict[str, Property]]:
        return [_track(seen, row, now) for row in rows[at].tolist()]

    return Points(
        kind="track",
        rows=rows,
        x=seen.column("track", "x")[rows],
        y=seen.column("track", "y")[rows],
        classes=SEVERITIES,
        of_class=seen.column("track", "severity")[rows],
        counts=SEVERITY_COUNTS,
        properties=describe,
    )


def _track(seen: Seen, row: int, now: int) -> dict[str, Property]:
    def text(name: str) -> str:
        return seen.labels("track", name)[int(seen.column("track", name)[row])]

    stale, time = int(seen.column("track", "stale")[row]), int(seen.column("track", "time")[row])
    over = stale if stale != NO_TIME else time + STALE_AFTER_US
    found: dict[str, Property] = {
        "id": public_id(int(seen.column("track", "id")[row])),
        "title": text("callsign") or text("title") or text("category"),
        "sidc": text("sidc"),
        "t": seconds(time) or 0,
        "stale": int(over < now),
    }
    for name in ("course_deg", "speed_m_s"):
        value = float(seen.column("track", name)[row])
        if np.isfinite(value):
            found[name] = round(value, 1)
    return found


def legend(seen: Seen, found: Features, view: View) -> list[Entry]:
    """By affiliation."""
    labels = seen.labels("track", "affiliation")
    counts = np.bincount(seen.column("track", "affiliation")[found.rows], minlength=len(labels)).tolist()
    told = Counter[str]()
    for label, count in zip(labels, counts, strict=True):
        told[label or "unknown"] += count
    return [Entry(say(view.lang, key), key, told[key]) for key in ("friend", "neutral", "hostile", "unknown")]


LAYER = Layer(
    id="tracks",
    title="Units and convoys",
    kinds=("track",),
    draw="symbols",
    group="Units",
    features=features,
    order=10,
    heeds=BY_ORIGIN,
    legend=legend,
    cells=16,
    limits="The last position each one sent, nothing in between. Past its own time it is marked stale (after an hour where it "
    "names none); after a day without a word it leaves the map.",
)
