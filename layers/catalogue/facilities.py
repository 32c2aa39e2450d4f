"""Health facilities by whether they work, from the lists that tell."""

from __future__ import annotations

import numpy as np

from data.analysis.facilities import listed
from data.filters import Filters
from data.seen import Seen
from layers.catalogue.sites import STATUSES
from layers.features import Points, View, status_points
from layers.layer import BY_ORIGIN, Layer


def features(seen: Seen, filters: Filters, view: View) -> Points:
    rows = np.intersect1d(listed(seen, "care").rows, seen.rows("site", filters))
    return status_points(seen, "site", rows, "functionality", STATUSES)


LAYER = Layer(
    id="facilities",
    title="Health facilities",
    kinds=("site",),
    draw="status",
    group="Supply and services",
    features=features,
    order=25,
    heeds=BY_ORIGIN,
    on=False,
    cells=18,
    limits="As last assessed, on lists that tell whether a facility works; one that nobody assessed is unknown, not open.",
)
