"""Public warnings in force that come with a point and no area."""

from __future__ import annotations

from data.filters import Filters
from data.seen import Seen
from layers.features import Points, View, in_force, severity_points, with_shape
from layers.layer import Layer


def features(seen: Seen, filters: Filters, view: View) -> Points:
    rows = in_force(seen, seen.rows("alert", filters))
    return severity_points(seen, "alert", rows[~with_shape(seen, "alert", rows)], filters)


LAYER = Layer(
    id="alert_points",
    title="Alerts without an area",
    kinds=("alert",),
    draw="cells",
    group="Events",
    features=features,
    order=30,
    heeds=("area", "severity", "agency", "source", "text"),
    limits="Warnings that have not expired and name a point or nothing: how far they reach is not said.",
)
