"""What a browser spends on the picture of a million incidents: its first and second load, and the time from the POST of one
incident until it is on the map of an open page.

The browser draws in software, in its GPU process: what that costs is told apart, for on a machine with a graphics card it is
next to nothing. Processor times are of the page's own renderer process, all threads (parsing, compiling, workers), and of
the browser process; the wall clock of a shared machine says little.
"""

import argparse
import queue
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from browser import Browser, Target, chromium
from measure import Row, report
from million import home_of
from sending import Sender, listeners

from tests.program import serving

SETTLED_S = 2.0
"""After `data-ready`: what is asked for in this time still counts as part of a load."""


@dataclass(frozen=True)
class Load:
    """One load: bytes over the wire, seconds, bytes of heap after a garbage collection."""

    wire: int
    requests: int
    wall_s: float
    main_s: float
    page_s: float
    browser_s: float
    gpu_s: float
    heap: int
    worker_heap: int


def load(browser: Browser, url: str) -> Load:
    page = browser.page()
    before = browser.cpu_seconds()
    began = time.time()
    page.send("Page.navigate", url=url)
    ready = page.until("ready")
    metrics, after = page.metrics(), browser.cpu_seconds()
    time.sleep(SETTLED_S)
    targets = [page, *browser.workers()]
    sizes = [target.wire_bytes() for target in targets]
    for target in targets:
        target.collect_garbage()
    return Load(
        wire=sum(sum(each.values()) for each in sizes),
        requests=sum(1 for each in sizes for size in each.values() if size),
        wall_s=ready - began,
        main_s=metrics["TaskDuration"],
        page_s=metrics["ProcessTime"],
        browser_s=after["browser"] - before["browser"],
        gpu_s=after.get("GPU", 0) - before.get("GPU", 0),
        heap=page.heap_bytes(),
        worker_heap=sum(worker.heap_bytes() for worker in browser.workers()),
    )


def loads(url: str, runs: int) -> tuple[list[Load], list[Load]]:
    """Each first load with a profile that is new, each second one in another browser with the same profile."""
    first, second = [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            for kept in (first, second):
                with chromium(Path(profile)) as browser:
                    kept.append(load(browser, url))
    return first, second


def told(values: Sequence[float], unit: str, digits: int = 0) -> str:
    """The middle of the values, and how far they spread."""
    low, middle, high = (f"{value:,.{digits}f}" for value in (min(values), statistics.median(values), max(values)))
    return f"{middle} {unit} ({low}-{high})"


def load_rows(name: str, first: Sequence[Load], second: Sequence[Load]) -> list[Row]:
    rows = []
    for which, found, most in (("first", first, 1_800_000), ("second", second, 100_000)):
        wire = [one.wire for one in found]
        what = f"{name}, {which} load: bytes on the wire"
        sizes = told([size / 1000 for size in wire], "kB")
        rows.append(Row(what, f"{sizes}, {found[0].requests} answers", f"<= {most // 1000:,} kB", max(wire) <= most))
    for which, found in (("first", first), ("second", second)):
        spent = [one.page_s + one.browser_s for one in found]
        parts = (
            f"{told(spent, 's', 1)}; of it the page's main thread {told([one.main_s for one in found], 's', 1)}; "
            f"software drawing beside it {told([one.gpu_s for one in found], 's', 1)}; "
            f"by the clock {told([one.wall_s for one in found], 's', 1)}"
        )
        reached = statistics.median(spent) <= 3
        rows.append(Row(f"{name}, {which} load: processor time to data-ready", parts, "<= 3 s", reached))
    heap = [(one.heap + one.worker_heap) / 1e6 for one in first]
    parts = f"{told(heap, 'MB', 1)}; of it workers {told([one.worker_heap / 1e6 for one in first], 'MB', 1)}"
    rows.append(Row(f"{name}: JS heap after GC", parts, "<= 60 MB", max(heap) <= 60))
    return rows


@dataclass(frozen=True)
class Way:
    """One incident's way, in ms since it was sent: acknowledged, heard by another page, on the map, two frames later."""

    acknowledged: float
    heard: float
    drawn: float
    shown: float


def follow(page: Target, sender: Sender, heard: "queue.Queue[tuple[int, float]]", number: int) -> Way:
    sent = time.time()
    revision = sender.incident(number)
    acknowledged = time.time()
    drawn = page.until("revision", lambda value: int(value) >= revision, 60)
    shown = page.until("shown", lambda value: int(value) >= revision, 60)
    at = next(at for told, at in iter(lambda: heard.get(timeout=60), None) if told >= revision)
    return Way(*(1000 * (moment - sent) for moment in (acknowledged, at, drawn, shown)))


def way_rows(url: str, home: Path, posts: int, others: int) -> list[Row]:
    sender, rng = Sender.to(url, home), np.random.default_rng(5)
    with chromium() as browser, listeners(url, others) as heard:
        page = browser.page()
        page.send("Page.navigate", url=f"{url}/")
        page.until("ready")
        for number in range(3):
            follow(page, sender, heard, number)
        time.sleep(SETTLED_S)
        before, ways = browser.cpu_seconds(), []
        for number in range(posts):
            ways.append(follow(page, sender, heard, number))
            time.sleep(rng.uniform(0.3, 0.9))
        after = browser.cpu_seconds()
    rows = []
    for name, what in (
        ("acknowledged", "acknowledged (durable)"),
        ("heard", "told to another page"),
        ("drawn", "on the map: data-revision"),
        ("shown", "two frames of the screen later"),
    ):
        p50, p90, p99 = np.percentile([getattr(way, name) for way in ways], (50, 90, 99))
        figures = f"p50 {p50:.0f} ms, p90 {p90:.0f} ms, p99 {p99:.0f} ms ({posts} posts)"
        judged = name == "drawn"
        reach = "p50 <= 300 ms, p99 <= 1000 ms" if judged else ""
        rows.append(
            Row(
                f"POST of one incident, {others} other pages: {what}",
                figures,
                reach,
                not judged or (p50 <= 300 and p99 <= 1000),
            )
        )
    spent = {kind: 1000 * (after[kind] - before[kind]) / posts for kind in ("renderer", "GPU", "browser")}
    figures = (
        f"page {spent['renderer']:.0f} ms, browser {spent['browser']:.0f} ms, software drawing {spent['GPU']:.0f} ms"
    )
    return [*rows, Row("processor time of one update", figures, "", True)]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--runs", type=int, default=3, help="loads of each kind")
    asked.add_argument("--posts", type=int, default=60)
    asked.add_argument("--others", type=int, default=50, help="pages that listen meanwhile")
    given = asked.parse_args()
    home = home_of()
    rows = []
    with serving(home) as server:
        for name, path in (("28 days", "/"), ("all time", "/?window=all")):
            rows += load_rows(name, *loads(server.url + path, given.runs))
        rows += way_rows(server.url, home, given.posts, given.others)
    report("The picture of a million incidents in a browser", rows)


if __name__ == "__main__":
    main()
