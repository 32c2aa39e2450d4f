"""Public warnings in force, over the areas they are for."""

from __future__ import annotations

from data.filters import Filters
from data.seen import Seen
from layers.features import Shapes, View, in_force, severity_areas, with_shape
from layers.layer import Layer


def features(seen: Seen, filters: Filters, view: View) -> Shapes:
    rows = in_force(seen, seen.rows("alert", filters))
    return severity_areas(seen, "alert", rows[with_shape(seen, "alert", rows)], filters)


LAYER = Layer(
    id="alerts",
    title="Alerts",
    kinds=("alert",),
    draw="areas",
    group="Events",
    features=features,
    order=20,
    heeds=("area", "severity", "agency", "source", "text"),
    limits="Warnings that have not expired, taken at their word; one that names no end stays until it is taken back. "
    "A warning that names its area by codes alone is drawn only where those codes are known.",
)
