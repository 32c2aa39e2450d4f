"""Bridges and crossings that are a point, and whether one can pass."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from data.filters import Filters
from data.seen import Seen
from layers.features import Points, View, status_points, with_shape
from layers.layer import BY_ORIGIN, Layer

STATUSES = ("open", "restricted", "closed", "unknown")
OPEN_FROM_ZOOM = 9


def features(seen: Seen, filters: Filters, view: View) -> Points:
    rows = seen.rows("route", filters)
    points = status_points(seen, "route", rows[~with_shape(seen, "route", rows)], "status", STATUSES)
    return replace(
        points, from_zoom=np.where(points.of_class == STATUSES.index("open"), OPEN_FROM_ZOOM, 0).astype(np.int8)
    )


LAYER = Layer(
    id="crossings",
    title="Bridges and crossings",
    kinds=("route",),
    draw="status",
    group="Supply and services",
    features=features,
    order=40,
    heeds=BY_ORIGIN,
    cells=18,
    limits="Passable as last observed; one that nobody observed is unknown, not open. Open ones appear from zoom 9.",
)
