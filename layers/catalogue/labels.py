"""Names of administrative areas and towns."""

from __future__ import annotations

import numpy as np

from data.columns import mercator
from data.filters import Filters
from data.seen import Rows, Seen
from layers.areas import middles, named, on_map, towns_of
from layers.features import Points, View
from layers.layer import Layer, no_legend
from layers.mvt import Property

KINDS = ("adm1", "adm2", "town")
FROM_ZOOM = np.array([3, 6, 4], np.int8)


def features(seen: Seen, filters: Filters, view: View) -> Points:
    areas = on_map(seen)
    level = seen.column("boundary", "level")[areas]
    areas = areas[(level == 1) | (level == 2)]
    kind = (seen.column("boundary", "level")[areas] - 1).astype(np.int8)
    x, y = mercator(*middles(seen, areas))
    listed = seen.rows("site")
    towns = listed[towns_of(seen, listed)]
    towns = towns[seen.column("site", "title")[towns] != 0]  # what is released without its name has none to stand here
    people = np.nan_to_num(seen.column("site", "population_served")[towns])
    towns = towns[np.argsort(-people, kind="stable")]

    def describe(at: Rows) -> list[dict[str, Property]]:
        told = named(seen, areas)
        titles, title = seen.labels("site", "title"), seen.column("site", "title")
        return [
            {
                "name": told[i].name,
                "name_local": told[i].name_local,
                "kind": KINDS[kind[i]],
                "level": told[i].level,
                "rank": i,
            }
            if i < len(areas)
            else {"name": titles[title[towns[i - len(areas)]]], "kind": "town", "level": 3, "rank": i - len(areas)}
            for i in at.tolist()
        ]

    of_class = np.concatenate((kind, np.full(len(towns), 2, np.int8)))
    return Points(
        kind="boundary",
        rows=np.concatenate((areas, np.full(len(towns), -1))),
        x=np.concatenate((x, seen.column("site", "x")[towns])),
        y=np.concatenate((y, seen.column("site", "y")[towns])),
        classes=KINDS,
        of_class=of_class,
        counts=(),
        properties=describe,
        from_zoom=FROM_ZOOM[of_class],
        evidence=("boundary", areas),
    )


LAYER = Layer(
    id="labels",
    title="Place names",
    kinds=("boundary", "site"),
    draw="labels",
    group="Map",
    features=features,
    heeds=(),
    legend=no_legend,
    cells=0,
    limits="Names as the boundary set spells them; no endorsement of any name is implied.",
)
