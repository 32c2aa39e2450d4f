"""Roads and rivers, and whether one can pass."""

from __future__ import annotations

import numpy as np

from data.filters import Filters
from data.seen import Rows, Seen, public_id
from layers.features import Shapes, View, class_of, with_shape
from layers.layer import BY_ORIGIN, Layer
from layers.mvt import LINE, Property

STATUSES = ("open", "restricted", "closed", "unknown")
CLASSES = ("primary", "secondary", "track", "bridge", "river")


def features(seen: Seen, filters: Filters, view: View) -> Shapes:
    rows = seen.rows("route", filters)
    rows = rows[with_shape(seen, "route", rows)]
    status = class_of(seen, "route", rows, "status", STATUSES)
    titles, categories = seen.labels("route", "title"), seen.labels("route", "category")

    def describe(at: Rows) -> list[dict[str, Property]]:
        return [
            {
                "id": public_id(int(seen.column("route", "id")[row])),
                "title": titles[seen.column("route", "title")[row]]
                or categories[seen.column("route", "category")[row]],
                "cls": _class(categories[seen.column("route", "category")[row]]),
                "status": STATUSES[status[index]],
            }
            for index, row in zip(at.tolist(), rows[at].tolist(), strict=True)
        ]

    minor = np.array([_class(category) == "track" for category in categories], np.bool_)
    from_zoom = np.where(minor[seen.column("route", "category")[rows]], 6, 0) if len(rows) else np.empty(0)
    return Shapes("route", rows, LINE, STATUSES, status, describe, from_zoom=from_zoom.astype(np.int8))


def _class(category: str) -> str:
    """What a route is drawn as; sources name classes in many ways (OpenStreetMap's, the Logistics Cluster's)."""
    words = category.casefold()
    if words.startswith(("trunk", "motorway", "highway", "national")):
        return "primary"
    if words.startswith(("path", "trail", "foot", "tertiary")):
        return "track"
    return next((name for name in CLASSES if name in words), "secondary")


LAYER = Layer(
    id="routes",
    title="Roads and closures",
    kinds=("route",),
    draw="lines",
    group="Supply and services",
    features=features,
    order=30,
    heeds=BY_ORIGIN,
    limits="Passable as last observed; a road nobody observed is unknown, not open. The course of a road may be generalised.",
)
