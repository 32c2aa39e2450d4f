"""What is on its way: undelivered shipments, by the site and item they are for.

A line of a shipment list is matched by its destination (a site's name or key) and its goods (an item's name or key), letter case
aside; what matches nothing is counted, not guessed. Confirmed: it has left, or is said to be on its way; all else is planned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from data.analysis.supply import NOT_A_SITE, Supply
from data.filters import Filters
from data.seen import Item, Seen

OVER = ("arrived", "cancelled")


@dataclass(frozen=True)
class Coming:
    """`due` None: no date is said. `late`: the date has passed and it did not arrive."""

    quantity: float | None
    unit: str
    due: datetime | None
    confirmed: bool
    late: bool
    record: Item


@dataclass(frozen=True)
class Pipeline:
    """`coming` by position in the `Supply`; `unmatched` undelivered lines for no site or item of it."""

    coming: Mapping[int, Sequence[Coming]]
    unmatched: int


def pipeline(seen: Seen, found: Supply, names: Mapping[str, str]) -> Pipeline:
    """The undelivered shipments this viewer may see. `names`: item code -> item name."""
    rows = seen.rows("report", Filters(category=("shipment",)))
    if not len(rows) or not len(found.rows):
        return Pipeline({}, 0)
    at = {key: position for position in range(len(found.rows)) for key in _keys(seen, found, position, names)}
    coming: dict[int, list[Coming]] = {}
    unmatched = 0
    for record in seen.items("report", rows):
        told = record.record.attributes
        if told.get("shipment.state") in OVER or "shipment.state" not in told:
            continue
        key = (_plain(told.get("shipment.destination")), _plain(told.get("shipment.item")))
        if (position := at.get(key)) is None:
            unmatched += 1
            continue
        coming.setdefault(position, []).append(_coming(seen, record))
    for listed in coming.values():
        listed.sort(key=lambda one: (one.due is None, one.due or seen.now, not one.confirmed))
    return Pipeline(coming, unmatched)


def _keys(seen: Seen, found: Supply, position: int, names: Mapping[str, str]) -> list[tuple[str, str]]:
    row, site = int(found.rows[position]), int(found.site_row[position])
    refs, items = seen.labels("supply", "site_ref"), seen.labels("supply", "item")
    code = items[int(found.item[position])]
    places = [refs[int(seen.column("supply", "site_ref")[row])]]
    if site != NOT_A_SITE:
        places.append(seen.labels("site", "title")[int(seen.column("site", "title")[site])])
    return [(_plain(place), _plain(item)) for place in places for item in {code, names.get(code, code)} if place]


def _coming(seen: Seen, record: Item) -> Coming:
    told = record.record.attributes
    quantity, due = told.get("shipment.quantity"), told.get("shipment.due")
    day = datetime.fromisoformat(due).astimezone(UTC) if isinstance(due, str) and due else None
    return Coming(
        quantity=float(quantity) if isinstance(quantity, (int, float)) else None,
        unit=str(told.get("shipment.unit") or ""),
        due=day,
        confirmed=told.get("shipment.state") == "confirmed",
        late=day is not None and day < seen.now,
        record=record,
    )


def _plain(word: object) -> str:
    return " ".join(str(word or "").casefold().split())
