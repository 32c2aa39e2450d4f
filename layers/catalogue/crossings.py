"""Bridges and crossings that are a point, and whether one can pass."""

from __future__ import annotations

from data.filters import Filters
from data.seen import Seen
from layers.features import Points, View, status_points, with_shape
from layers.layer import BY_ORIGIN, Layer

STATUSES = ("open", "restricted", "closed", "unknown")


def features(seen: Seen, filters: Filters, view: View) -> Points:
    rows = seen.rows("route", filters)
    return status_points(seen, "route", rows[~with_shape(seen, "route", rows)], "status", STATUSES)


LAYER = Layer(
    id="crossings",
    title="Bridges and crossings",
    kinds=("route",),
    draw="status",
    group="Supply and services",
    features=features,
    heeds=BY_ORIGIN,
    on=False,
    cells=18,
    limits="Passable as last observed; one that nobody observed is unknown, not open.",
)
