"""How long it takes to answer a closure that is tried, on the exercise's roads: `python bench/roads.py`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.measure import Row, report, times
from data.access import LOCAL_OPERATOR
from data.analysis.reachable import ground, reachable, spot_minutes
from data.analysis.supply import supply
from data.filters import EVERYTHING
from data.picture import Picture
from data.seen import Seen, public_id
from data.settings import load
from data.store import open_store
from ingest.exercise.load import load_exercise
from layers.catalogue import access
from layers.features import View

MOST_MS = 100


def main() -> None:
    with TemporaryDirectory() as home:
        settings = load({"COMMONGROUND_HOME": home})
        for _ in load_exercise(settings):
            pass
        store = open_store(settings.database_url)
        picture = Picture(store)
        picture.catch_up()
        seen = picture.seen_by(LOCAL_OPERATOR, datetime.now(UTC))
        measured(seen)
        store.close()


def measured(seen: Seen) -> None:
    where = ground(seen)
    every = np.concatenate((np.unique(where.rows), where.points))
    rng = np.random.default_rng(1)

    def tried() -> None:
        shut = rng.choice(every, 1)
        found = reachable(seen, "care", shut, where=ground(seen))
        spot_minutes(found.ground, found.after[1])

    def drawn() -> None:
        shut = public_id(int(seen.column("route", "id")[rng.choice(every)]))
        access.features(seen, EVERYTHING, View(closed=(shut,)))

    network = where.network
    size = f"{len(network.lon):,} points, {len(network.a):,} edges, {network.length_m.sum() / 1000:,.0f} km"
    answer, layer = times(tried), times(drawn)
    report(
        "A closure that is tried, on the exercise's roads",
        [
            Row(
                f"who reaches care before and after, quick and slow ({size})",
                str(answer),
                f"p50 < {MOST_MS} ms",
                answer.p50 < MOST_MS,
            ),
            Row("the bands of the map's layer", str(layer), f"p50 < {MOST_MS} ms", layer.p50 < MOST_MS),
            Row(
                "stock of every site and item (the other half of what runs dry first)",
                str(times(lambda: supply(seen))),
                "",
                True,
            ),
        ],
    )


if __name__ == "__main__":
    main()
