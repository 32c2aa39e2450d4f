"""Field reports: what somebody saw and wrote down."""

from __future__ import annotations

from data.filters import Filters
from data.seen import Seen
from layers.features import Points, View, severity_points
from layers.layer import Layer


def features(seen: Seen, filters: Filters, view: View) -> Points:
    return severity_points(seen, "report", seen.rows("report", filters), filters)


LAYER = Layer(
    id="reports",
    title="Field reports",
    kinds=("report",),
    draw="cells",
    group="Events",
    features=features,
    order=40,
    on=False,
    limits="As written down by whoever was there, not checked against anything else.",
)
