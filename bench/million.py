"""A home with a million incidents for the benches that need a served picture: the exercise, and its conflict events many
times over, each time under other numbers and a little elsewhere. Made once, through the command line, and then kept."""

import csv
import shutil
import sys
import time
from pathlib import Path

import numpy as np
from measure import RESULTS

from tests.program import PROGRAM, command

KEPT_DAYS = 5
"""Its events end on the day it was made, and pages show the last 28 days."""
NUMBER = "event_id_cnty"


def home_of(rows: int = 1_000_000) -> Path:
    """The home, made where it is missing or old. Nothing in it plays by itself: what moves is what a bench sends."""
    home = RESULTS / f"home-{rows}"
    done = home / "made"
    if done.exists() and time.time() - done.stat().st_mtime < KEPT_DAYS * 86_400:
        return home
    print(f"making a home of {rows:,} incidents in {home}", file=sys.stderr, flush=True)
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    _run(home, "exercise")
    more = home / "more.csv"
    multiply(sorted((home / "exercise").glob("*-tamaru.csv")), more, rows)
    _run(home, "ingest", "acled", more, "--source", "acled")
    more.unlink()
    (home / "exercise" / "state.json").unlink()
    done.touch()
    return home


def _run(home: Path, *arguments: str | Path) -> None:
    ended = command(home, *arguments)
    if ended.returncode:
        sys.exit(f"{PROGRAM.name} {arguments[0]} ended with {ended.returncode}: {ended.stderr[-2000:]}")


def multiply(exports: list[Path], to: Path, rows: int) -> None:
    """Write so many more events as make `rows` with those of the exports: their copies, each within about 5 km."""
    events: dict[str, dict[str, str]] = {}
    for export in exports:
        with export.open(encoding="utf-8", newline="") as stream:
            events |= {row[NUMBER]: row for row in csv.DictReader(stream)}
    own = list(events.values())
    rng = np.random.default_rng(3)
    with to.open("w", encoding="utf-8", newline="") as stream:
        out = csv.DictWriter(stream, own[0].keys())
        out.writeheader()
        for n in range(rows - len(own)):
            row, copy = own[n % len(own)], n // len(own)
            lon, lat = (float(row[name]) + rng.normal(0, 0.05) for name in ("longitude", "latitude"))
            number = f"{row[NUMBER]}.{copy}"
            out.writerow({**row, NUMBER: number, "longitude": f"{lon:.4f}", "latitude": f"{lat:.4f}"})


if __name__ == "__main__":
    print(home_of())
