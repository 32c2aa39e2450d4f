"""What access costs: select, count and tiles of a million incidents for viewers from whom some of it is withheld or made
coarser, beside the same calls for one who sees all of it as it is. Turn by turn, so that a busy machine weighs on both."""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path

import numpy as np
from measure import Row, report
from msgspec import structs
from tiles import incidents, tiles_with_points

from data.access import LOCAL_OPERATOR, Precision, Viewer
from data.filters import EVERYTHING, Filters
from data.picture import Picture
from data.records import Incident, Sensitivity
from data.seen import Seen
from data.settings import Source
from data.sharing import Sharing
from data.store import open_store
from layers.layer import all_layers
from layers.tiles import encode_tile
from tests.pictures import add

SOURCES, BATCHES = 10, 100
COARSE, SHUT = ("s6", "s7"), ("s8", "s9")
RUNS = 40
MOST = 0.15
MISSION = ("mission",)


def sharing() -> Sharing:
    """Ten sources: six open to the mission, two at 5 km and without their category, two for their owner alone."""
    sources = {}
    for n in range(SOURCES):
        name = f"s{n}"
        coarse = {"precision": Precision.km5, "personal_fields": ("category",)} if name in COARSE else {}
        told = () if name in SHUT else MISSION
        sources[name] = Source(name, "test", f"agency {n}", sensitivity=Sensitivity.low, releasable_to=told, **coarse)
    return Sharing(sources=sources)


VIEWERS = {
    "four fifths of it": Viewer("v", "agency 6", Sensitivity.severe),
    "a fifth of it coarser, a fifth withheld": Viewer("w", "unicef", Sensitivity.severe),
}


def picture_of(folder: Path, rows: int) -> Picture:
    picture = Picture(open_store(f"sqlite:///{folder / 'commonground.sqlite'}"), sharing)
    records: Iterator[Incident] = incidents(rows, "clustered")
    for batch in range(BATCHES):
        add(picture, islice(records, rows // BATCHES), f"s{batch % SOURCES}", f"agency {batch % SOURCES}")
    # As in any mission some records have been told anew.
    revised = (
        structs.replace(record, title="told anew") for record in islice(incidents(rows, "clustered"), rows // 1000)
    )
    add(picture, revised, "s0", "agency 0")
    return picture


def calls(seen: Seen) -> dict[str, Callable[[Seen], object]]:
    bbox = (28.0, 6.0, 31.0, 9.0)
    month = Filters(window=timedelta(days=28))
    keys = np.random.default_rng(1).choice(tiles_with_points(seen, 5), 8)
    layer = all_layers()["incidents"]

    def tiles(one: Seen) -> None:
        for key in keys.tolist():
            encode_tile(one, layer, EVERYTHING, 5, key & 31, key >> 5)

    return {
        "select: everything": lambda one: one.rows("incident"),
        "select: box, category, 28 days": lambda one: one.rows(
            "incident", Filters(window=timedelta(days=28), bbox=bbox, category=("type 1",))
        ),
        "select: box": lambda one: one.rows("incident", Filters(bbox=bbox)),
        "count: category by week": lambda one: one.counts("incident", EVERYTHING, ["category", "week"]),
        "count: agency, 28 days": lambda one: one.counts("incident", month, ["agency"]),
        "tiles: eight at zoom 5": tiles,
    }


def beside(picture: Picture, viewer: Viewer, call: Callable[[Seen], object]) -> tuple[float, float]:
    """Milliseconds for the one who sees all, and for this viewer, each call asking for the picture anew: the lower quartiles,
    since what else the machine does only ever adds."""
    taken: dict[Viewer, list[float]] = {LOCAL_OPERATOR: [], viewer: []}
    for run in range(RUNS + 3):
        for who, times in taken.items():
            begin = time.perf_counter()
            call(picture.seen_by(who))
            if run >= 3:
                times.append((time.perf_counter() - begin) * 1000)
    whole, part = (float(np.percentile(times, 25)) for times in taken.values())
    return whole, part


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=1_000_000)
    given = asked.parse_args()
    all_layers()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        picture = picture_of(Path(folder), given.rows)
        asked_for = calls(picture.seen_by(LOCAL_OPERATOR))
        for told, viewer in VIEWERS.items():
            for name, call in asked_for.items():
                whole, part = beside(picture, viewer, call)
                reached = part <= whole * (1 + MOST)
                rows.append(Row(f"{told}: {name}", f"{part:.1f} ms beside {whole:.1f} ms", "<= 15 % more", reached))
    report(f"What access costs, {given.rows:,} incidents", rows)


if __name__ == "__main__":
    main()
