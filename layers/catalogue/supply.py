"""Sites by days of supply: of the item that runs out first, or of the one asked for."""

from __future__ import annotations

import numpy as np

from data.analysis.supply import CLASSES, MONTHS, NOT_A_SITE, STALE_DAYS, Limits, Supply, supply, worst_of_sites
from data.filters import Filters
from data.seen import Seen, public_id
from layers.features import Points, View, seconds
from layers.layer import BY_ORIGIN, Layer
from layers.mvt import Property
from layers.words import say


def features(seen: Seen, filters: Filters, view: View) -> Points:
    found = supply(seen, filters, (view.item,) if view.item else ())
    worst = worst_of_sites(found)
    known = sorted(seen.released_labels("supply", "item") - {""})
    return Points(
        kind="supply",
        rows=found.rows[worst],
        x=found.x[worst],
        y=found.y[worst],
        classes=CLASSES,
        of_class=found.status[worst],
        counts=tuple(f"c_{name}" for name in CLASSES),
        properties=lambda at: [_site(seen, found, entry) for entry in worst[at].tolist()],
        notes=_notes(found.limits, len(found.rows), view.lang),
        as_of_us=int(found.time.max()) if len(found.time) else None,
        evidence=("supply", found.rows),
        choices=tuple((item, item) for item in known),
        choice=view.item,
    )


def _site(seen: Seen, found: Supply, entry: int) -> dict[str, Property]:
    row, site = int(found.rows[entry]), int(found.site_row[entry])
    kind, at, name = ("site", site, "title") if site != NOT_A_SITE else ("supply", row, "site_ref")
    told: dict[str, Property] = {
        "id": public_id(int(seen.column(kind, "id")[at])),
        "title": seen.labels(kind, name)[int(seen.column(kind, name)[at])],
        "status": CLASSES[found.status[entry]],
        "item": seen.labels("supply", "item")[int(found.item[entry])],
    }
    if np.isfinite(found.days[entry]):
        told["days"] = round(float(found.days[entry]), 1)
    if (counted := seconds(int(found.time[entry]))) is not None:
        told["t"] = counted
    return told


def _notes(limits: Limits, pairs: int, lang: str) -> tuple[str, ...]:
    notes = []
    if limits.never_reported:
        notes.append(say(lang, "{n} sites on the same lists have never reported.", n=limits.never_reported))
    if limits.unknown:
        notes.append(say(lang, "Unknown for {n} of {all} combinations of site and item.", n=limits.unknown, all=pairs))
    if limits.from_history:
        computed = "Use computed for {n} from up to {months} months, leaving out {dry} months that knew a stock-out."
        notes.append(say(lang, computed, n=limits.from_history, months=MONTHS, dry=limits.censored_months))
    return tuple(notes)


LAYER = Layer(
    id="supply",
    title="Days of supply",
    kinds=("supply", "site"),
    draw="status",
    group="Supply and services",
    features=features,
    order=10,
    heeds=BY_ORIGIN,
    parameter="item",
    on=False,
    cells=18,
    limits="Stock as last counted, not run down since, over what is used in a month; the item that runs out first stands for "
    f"its site. A count older than {STALE_DAYS} days is shown as not reported; no or no known use is unknown.",
)
