"""Tiles of a million incidents, cold (nothing is kept between tiles): time per tile by zoom, evenly spread and clustered."""

import argparse
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from measure import Row, Times, report, times

from data.access import LOCAL_OPERATOR
from data.columns import WORLD
from data.filters import EVERYTHING, Filters
from data.picture import Picture
from data.records import Incident, Severity
from data.seen import Seen
from layers.layer import all_layers, layer_list
from layers.tiles import encode_tile, pick
from tests.pictures import picture_of

ZOOMS = range(3, 11)
TILES = 60
"""Of each zoom, drawn by lot among those that hold points; again where there are fewer, since nothing is kept."""
COUNTRY = (24.0, 3.5, 36.0, 12.5)
SEVERITIES = list(Severity)


def incidents(rows: int, spread: str) -> Iterator[Incident]:
    """Over two years and one country, evenly or around 400 towns of very different size."""
    rng = np.random.default_rng(7)
    west, south, east, north = COUNTRY
    if spread == "random":
        lon, lat = rng.uniform(west, east, rows), rng.uniform(south, north, rows)
    else:
        town = rng.choice(400, rows, p=_shares(rng, 400))
        lon = rng.uniform(west, east, 400)[town] + rng.normal(0, 0.12, rows)
        lat = rng.uniform(south, north, 400)[town] + rng.normal(0, 0.12, rows)
    now = datetime.now(UTC)
    severity = rng.choice(6, rows, p=(0.05, 0.35, 0.3, 0.2, 0.08, 0.02))
    minutes = rng.uniform(0, 730 * 1440, rows)
    for n in range(rows):
        yield Incident(
            source_ref=str(n),
            title=f"Event {n}",
            category=f"type {n % 7}",
            severity=SEVERITIES[severity[n]],
            event_time=now - timedelta(minutes=float(minutes[n])),
            lon=float(lon[n]),
            lat=float(lat[n]),
        )


def _shares(rng: np.random.Generator, towns: int) -> np.ndarray:
    size = rng.pareto(1.1, towns) + 0.05
    return size / size.sum()


def tiles_with_points(seen: Seen, z: int) -> np.ndarray:
    key = (seen.column("incident", "y") >> (30 - z)).astype(np.int64) << z | seen.column("incident", "x") >> (30 - z)
    return np.unique(key)


def timed(seen: Seen, filters: Filters, z: int, keys: np.ndarray) -> tuple[tuple[float, ...], int]:
    """Milliseconds of each tile, and the bytes of the largest."""
    layer, taken, largest = all_layers()["incidents"], [], 0
    for key in keys.tolist():
        start = time.perf_counter()
        found = encode_tile(seen, layer, filters, z, key & ((1 << z) - 1), key >> z)
        taken.append((time.perf_counter() - start) * 1000)
        largest = max(largest, len(found))
    return tuple(taken), largest


def tiles(picture: Picture, spread: str, name: str, filters: Filters) -> list[Row]:
    rng, rows, every = np.random.default_rng(1), [], []
    seen = picture.seen_by(LOCAL_OPERATOR)
    for z in ZOOMS:
        keys = tiles_with_points(seen, z)
        chosen = rng.choice(keys, TILES, replace=len(keys) < TILES)
        taken, largest = timed(seen, filters, z, chosen)
        every += taken
        told = f"{Times(taken)}, at most {largest / 1000:.1f} kB"
        rows.append(Row(f"{spread}, {name}, z{z}: {len(keys)} tiles", told, "p99 <= 60 ms", Times(taken).p99 <= 60))
    whole = Times(tuple(every))
    reached = whole.p50 <= 10 and whole.p99 <= 60
    return [*rows, Row(f"{spread}, {name}, z3-z10", str(whole), "p50 <= 10 ms, p99 <= 60 ms", reached)]


def beside(picture: Picture, spread: str) -> list[Row]:
    """What a page asks for beside tiles."""
    seen = picture.seen_by(LOCAL_OPERATOR)
    column, row = (int(seen.column("incident", axis)[0]) * (14 << 6) // WORLD for axis in ("x", "y"))
    cell = f"6/{column}/{row}"
    listed = times(lambda: layer_list(seen, EVERYTHING), runs=20)
    picked = times(lambda: pick(seen, all_layers()["incidents"], EVERYTHING, cell), runs=20)
    return [
        Row(f"{spread}, list of layers with counts", str(listed), "p50 <= 100 ms", listed.p50 <= 100),
        Row(f"{spread}, records of one cell at z6", str(picked), "p50 <= 100 ms", picked.p50 <= 100),
    ]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=1_000_000)
    given = asked.parse_args()
    all_layers()
    rows = []
    for spread in ("random", "clustered"):
        with tempfile.TemporaryDirectory() as folder:
            picture = picture_of(Path(folder), incidents(given.rows, spread))
            rows += tiles(picture, spread, "all", EVERYTHING)
            rows += tiles(picture, spread, "28 days", Filters(window=timedelta(days=28)))
            rows += beside(picture, spread)
    report(f"Tiles of {given.rows:,} incidents, cold", rows)


if __name__ == "__main__":
    main()
