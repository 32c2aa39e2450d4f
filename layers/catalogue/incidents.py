"""What happened, where: incidents counted in cells by severity."""

from __future__ import annotations

from data.filters import Filters
from data.seen import Seen
from layers.features import Points, View, severity_points
from layers.layer import Layer


def features(seen: Seen, filters: Filters, view: View) -> Points:
    return severity_points(seen, "incident", seen.rows("incident", filters), filters)


LAYER = Layer(
    id="incidents",
    title="Incidents",
    kinds=("incident",),
    draw="cells",
    group="Events",
    features=features,
    order=10,
    limits="Reported incidents only: where nobody reports, the map is empty. One event told by two sources is shown twice. "
    "Circles stand at the mean of their members.",
)
