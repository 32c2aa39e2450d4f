"""The marking at the head of a page: the join of the marks of what is on it."""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.clauses import marking
from data.filters import Filters
from data.records import COLLECTIONS
from data.seen import Rows, Seen
from layers.layer import all_layers

FIGURES_HEED = ("area", "agency", "source")
"""The filters that kinds without a layer certainly heed: what only figures are made of is marked rather too high than too low."""


def mark_text(seen: Seen, filters: Filters, lang: str, otherwise: str) -> str:
    """The marking in words; `otherwise`, the mission's own, where nothing is on the page."""
    return marking(lang, seen.marking(*_selected(seen, filters))) or otherwise


def _selected(seen: Seen, filters: Filters) -> Iterator[tuple[str, Rows]]:
    """Per kind the rows that a layer draws or a figure counts: each layer heeds filters of its own."""
    heeded = {(kind, layer.heeds) for layer in all_layers().values() for kind in layer.kinds}
    drawn = {kind for kind, _ in heeded}
    heeded |= {(kind.name, FIGURES_HEED) for kind in COLLECTIONS.values() if kind.name not in drawn}
    for kind, names in sorted(heeded):
        given = {name: getattr(filters, name) for name in names}
        yield kind, seen.rows(kind, Filters(as_known_at=filters.as_known_at, **given))
