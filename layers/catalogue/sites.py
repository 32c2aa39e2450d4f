"""Sites that serve people or hold goods, by whether they work."""

from __future__ import annotations

from data.filters import Filters
from data.seen import Seen
from layers.areas import towns_of
from layers.features import Points, View, status_points
from layers.layer import BY_ORIGIN, Layer

STATUSES = ("open", "partly", "closed", "unknown")


def features(seen: Seen, filters: Filters, view: View) -> Points:
    rows = seen.rows("site", filters)
    return status_points(seen, "site", rows[~towns_of(seen, rows)], "functionality", STATUSES)


LAYER = Layer(
    id="sites",
    title="Sites",
    kinds=("site",),
    draw="status",
    group="Supply and services",
    features=features,
    order=20,
    heeds=BY_ORIGIN,
    on=False,
    cells=18,
    limits="Whether a site works is what its list last said; a list without that column leaves it unknown. "
    "A site that is on two lists is shown twice.",
)
