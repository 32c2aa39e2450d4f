"""How every bench measures and reports: percentiles over runs, beside the reach, with this machine's own noise."""

import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).resolve().parent.parent / "build" / "bench"


@dataclass(frozen=True)
class Times:
    """Milliseconds of single runs, in the order they ran."""

    ms: tuple[float, ...]

    @property
    def p50(self) -> float:
        return float(np.percentile(self.ms, 50))

    @property
    def p99(self) -> float:
        return float(np.percentile(self.ms, 99))

    def __str__(self) -> str:
        return f"p50 {self.p50:.2f} ms, p99 {self.p99:.2f} ms ({len(self.ms)} runs)"


@dataclass(frozen=True)
class Row:
    """One line of a table: what was measured, the figure as text, what to reach, and whether it was reached."""

    what: str
    measured: str
    reach: str
    reached: bool


def times(work: Callable[[], object], runs: int = 50, warm: int = 3) -> Times:
    """Time single runs of `work` by the wall clock, after `warm` runs that do not count."""
    for _ in range(warm):
        work()
    taken = []
    for _ in range(runs):
        begin = time.perf_counter()
        work()
        taken.append((time.perf_counter() - begin) * 1000)
    return Times(tuple(taken))


def noise() -> str:
    """The machine, and how far one fixed piece of arithmetic strays here: what smaller differences mean nothing below."""
    numbers = np.random.default_rng(1).random(500_000)
    spread = times(lambda: np.sort(numbers), runs=40)
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, load {load}, Python {platform.python_version()}; "
        f"a fixed sort took p50 {spread.p50:.1f} ms, p99 {spread.p99 / spread.p50 - 1:+.0%}"
    )


def report(title: str, rows: Sequence[Row]) -> None:
    """Print the table and keep it as build/bench/<script>.md."""
    lines = [f"## {title}", "", noise(), "", "| what | measured | reach | |", "|---|---|---|---|"]
    lines += [f"| {row.what} | {row.measured} | {row.reach} | {'yes' if row.reached else 'NO'} |" for row in rows]
    text = "\n".join(lines) + "\n"
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{Path(sys.argv[0]).stem}.md").write_text(text, encoding="utf-8")
    print(text, flush=True)
