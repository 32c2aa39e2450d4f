"""Borders of the administrative areas, heavier the higher their level."""

from __future__ import annotations

import numpy as np

from data.filters import Filters
from data.seen import Rows, Seen
from layers.areas import named, on_map
from layers.features import Shapes, View
from layers.layer import Layer, no_legend
from layers.mvt import POLYGON, Property

LEVELS = ("adm0", "adm1", "adm2", "adm3")
FROM_ZOOM = np.array([0, 0, 4, 8], np.int8)


def features(seen: Seen, filters: Filters, view: View) -> Shapes:
    rows = on_map(seen)
    level = np.minimum(seen.column("boundary", "level")[rows], 3).astype(np.int8)

    def describe(at: Rows) -> list[dict[str, Property]]:
        areas = named(seen, rows)
        return [
            {"pcode": area.pcode, "name": area.name, "level": area.level, "disputed": int(area.disputed)}
            for area in (areas[index] for index in at.tolist())
        ]

    return Shapes("boundary", rows, POLYGON, LEVELS, level, describe, coverage=level, from_zoom=FROM_ZOOM[level])


LAYER = Layer(
    id="boundaries",
    title="Boundaries",
    kinds=("boundary",),
    draw="boundaries",
    group="Map",
    features=features,
    heeds=(),
    legend=no_legend,
    limits="Boundaries and names do not imply endorsement or acceptance by anyone. "
    "Where two vintages overlap the newer one is drawn.",
)
