"""Pictures of the ground under everything else: what was taken when, by whom, each switched and dimmed by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from data.filters import Filters
from data.records import Imagery
from data.seen import Rows, Seen, public_id
from layers.features import Features, Shapes, View, title_of, with_shape
from layers.layer import BY_ORIGIN, Entry, Layer
from layers.mvt import POLYGON, Property
from layers.words import say

LISTED = 30
"""Newest first; older ones are found by filtering."""


def features(seen: Seen, filters: Filters, view: View) -> Shapes:
    """The boxes of the pictures; of one whose place is released less than exactly nothing is shown."""
    rows = seen.rows("imagery", filters)
    rows = seen.newest("imagery", rows[with_shape(seen, "imagery", rows)])

    def describe(at: Rows) -> list[dict[str, Property]]:
        return [{"id": public_id(item.id), "title": title_of(item)} for item in seen.items("imagery", rows[at])]

    return Shapes("imagery", rows, POLYGON, ("",), np.zeros(len(rows), np.int8), describe)


def legend(seen: Seen, found: Features, view: View) -> list[Entry]:
    """The pictures themselves."""
    items = seen.items("imagery", found.rows[:LISTED])
    return [
        Entry(title_of(item), public_id(item.id), None, _about(item.record, item.wkb, view))
        for item in items
        if isinstance(item.record, Imagery) and item.wkb is not None
    ]


def _about(record: Imagery, wkb: bytes, view: View) -> dict[str, Any]:
    told = {
        "{n} m a pixel": f"{record.resolution_m:.3g}" if record.resolution_m else "",
        "shades stretched over {n}": record.stretch,
        "© {n}": record.attribution.removeprefix("©").strip(),
    }
    return {
        "bounds": [round(edge, 6) for edge in shapely.from_wkb(wkb).bounds],
        "minzoom": record.minzoom,
        "maxzoom": record.maxzoom,
        "version": record.tiles[:16],
        "taken": record.event_time and record.event_time.isoformat().replace("+00:00", "Z"),
        "source": record.source,
        "agency": record.agency,
        "notes": [say(view.lang, words, n=value) for words, value in told.items() if value],
    }


LAYER = Layer(
    id="imagery",
    title="Imagery",
    kinds=("imagery",),
    draw="pictures",
    group="Map",
    features=features,
    legend=legend,
    heeds=BY_ORIGIN,
    on=False,
    order=10,
    limits="A picture shows the ground as it was when it was taken, and what was under clouds it does not show. The time is what "
    "the file or its source says. Where shades were stretched, brightness cannot be compared between pictures.",
)
