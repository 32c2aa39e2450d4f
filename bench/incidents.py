"""The server's part of `/api/incidents` at a million incidents: one answer with facets, trend, comparison, and the first rows.

`python bench/incidents.py [ROWS]`: p50 and p95 of the function as it is served, without the network, and of its main steps.
Milliseconds of processor time in the thread that answers: what else the machine does is not in them. With the wall clock beside.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from million import home_of

import app
from dashboard import incidents
from dashboard.answer import encode
from data.access import LOCAL_OPERATOR
from data.crossfilter import KIND, cross
from data.filters import parse
from data.periods import YEAR, compared, trend
from data.picture import Picture
from data.settings import load
from data.store import open_store

ROUNDS = 15
QUERIES = {
    "the page as it opens (28 d)": {"window": "28d"},
    "28 d, type and severity chosen": {"window": "28d", "category": "Battles", "severity": "serious"},
    "everything ever": {"window": "all"},
    "everything, type, severity, grade chosen": {
        "window": "all",
        "category": "Battles",
        "severity": "serious",
        "grade": "C",
    },
    "everything within 60 km": {"window": "all", "radius": "81,-22.5,60"},
}


def main(rows: int) -> None:
    settings = load({"COMMONGROUND_HOME": str(home_of(rows))})
    store = open_store(settings.database_url)
    picture = Picture(store, app._sharing(store, settings))
    picture.catch_up()
    print(f"{len(picture.tables[KIND]['id']):,} versions of incidents\n")
    print(
        "| asked for | rows | p50 ms | p95 ms | by the clock | crossfilter | comparison | trend | rows of the table |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name, query in QUERIES.items():
        print(_line(picture, name, query), flush=True)
    store.close()


def _line(picture: Picture, name: str, query: dict[str, str]) -> str:
    filters = parse(query)
    seen = picture.seen_by(LOCAL_OPERATOR)
    found = cross(seen, filters)

    def whole() -> Any:
        now = picture.seen_by(LOCAL_OPERATOR)
        return encode(incidents.page_told(now, now, filters, None, query)[0])

    parts: tuple[Callable[[], Any], ...] = (
        lambda: cross(seen, filters),
        lambda: [compared(seen, KIND, filters, shift, len(found.rows)) for shift in (None, YEAR)],
        lambda: trend(seen, KIND, found.rows, filters),
        lambda: seen.items(KIND, seen.newest(KIND, found.rows, 60)),
    )
    took, clock = _times(whole)
    steps = [np.median(_times(part, 5)[0]) for part in parts]
    figures = (np.median(took), np.percentile(took, 95), np.median(clock), *steps)
    return f"| {name} | {len(found.rows):,} | " + " | ".join(f"{figure:.1f}" for figure in figures) + " |"


def _times(function: Callable[[], Any], rounds: int = ROUNDS) -> tuple[list[float], list[float]]:
    """Processor and clock time of each round, in ms."""
    function()
    took, clock = [], []
    for _ in range(rounds):
        begun, at = time.thread_time(), time.perf_counter()
        function()
        took.append((time.thread_time() - begun) * 1000)
        clock.append((time.perf_counter() - at) * 1000)
    return took, clock


if __name__ == "__main__":
    main(int(sys.argv[1].replace("_", "")) if len(sys.argv) > 1 else 1_000_000)
