"""The wall display through many live updates, sent as fast as it follows: whether page and server stay as large as they were.

Also whether Dash learns of them: it keeps every change of its properties for undoing (plotly/dash#727), so a page that runs for
weeks must not tell it any. What is counted on the wall is counted on `/` as well, after a change of filters, which is one.
"""

import argparse
import itertools
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from browser import Browser, Target, chromium
from measure import Row, report
from million import home_of
from sending import Sender

from tests.program import Served, serving

WATCH_DASH = """(() => {
  const entry = document.getElementById("react-entry-point");
  const fibers = [entry[Object.keys(entry).find((key) => key.startsWith("__reactContainer$"))]];
  for (const fiber of fibers) {
    const store = fiber.memoizedProps?.store;
    if (store?.getState && store.getState().layout) {
      globalThis.cgDash = { store, changes: 0 };
      store.subscribe(() => (cgDash.changes += 1));
      return;
    }
    fibers.push(...[fiber.child, fiber.sibling].filter(Boolean));
  }
  throw new Error("Dash's store is not where it was");
})()"""
DASH = "({changes: cgDash.changes, past: cgDash.store.getState().history.past.length})"


@dataclass(frozen=True)
class Size:
    """After a garbage collection: bytes of JS heap of page and workers, DOM nodes, listeners; the server's bytes and files."""

    updates: int
    heap: int
    nodes: int
    listeners: int
    server_bytes: int
    server_files: int


def size(browser: Browser, page: Target, server: Served, updates: int) -> Size:
    targets = [page, *browser.workers()]
    for target in targets:
        target.collect_garbage()
    dom = page.send("Memory.getDOMCounters")
    held, files = resident(server)
    return Size(updates, sum(each.heap_bytes() for each in targets), dom["nodes"], dom["jsEventListeners"], held, files)


def resident(server: Served) -> tuple[int, int]:
    """Bytes in memory and open files of the server's process; zeros where the system does not tell."""
    if server.process is None or not Path("/proc/self").exists():
        return 0, 0
    of = Path(f"/proc/{server.process.pid}")
    pages = int((of / "statm").read_text().split()[1])
    return pages * 4096, len(list((of / "fd").iterdir()))


def run(
    browser: Browser, server: Served, home: Path, updates: int, warm: int
) -> tuple[list[Size], dict[str, int], float]:
    """The sizes along the way, what Dash noticed, and the seconds the updates took."""
    sender = Sender.to(server.url, home)
    page = browser.page()
    page.send("Page.navigate", url=f"{server.url}/wall")
    page.until("ready")

    def update(number: int) -> None:
        revision = (sender.position if number % 2 else sender.incident)(number)
        page.until("revision", lambda value: int(value) >= revision, 120)

    for number in range(warm):
        update(number)
    page.evaluate(WATCH_DASH)
    before = page.evaluate(DASH)
    sizes, spent = [size(browser, page, server, 0)], 0.0
    for number in range(updates):
        begin = time.perf_counter()
        update(warm + number)
        spent += time.perf_counter() - begin
        if (number + 1) % max(1, updates // 10) == 0:
            sizes.append(size(browser, page, server, number + 1))
    after = page.evaluate(DASH)
    return sizes, {name: after[name] - before[name] for name in after}, spent


def control(browser: Browser, server: Served) -> dict[str, int]:
    """What Dash notices when a person changes the filters on `/`."""
    page = browser.page()
    page.send("Page.navigate", url=f"{server.url}/")
    page.until("ready")
    page.evaluate(WATCH_DASH)
    page.evaluate(
        'history.pushState({}, "", "/?window=90d"); window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"))'
    )
    time.sleep(3)
    noticed: dict[str, int] = page.evaluate(DASH)
    return noticed


def flat(what: str, sizes: list[Size], of: Callable[[Size], float], unit: str, most: float, digits: int = 0) -> Row:
    """Start, end, and the slope per thousand updates: the middle one of those between any two samples (Theil-Sen), for
    which one step is no trend (the server's columns grow by half of themselves when they are full)."""
    points = [(one.updates, of(one)) for one in sizes]
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.combinations(points, 2)]
    slope = 1000 * statistics.median(slopes)
    figures = f"{points[0][1]:,.{digits}f} -> {points[-1][1]:,.{digits}f}{unit}; {slope:+,.{digits}f}{unit} per 1,000"
    return Row(what, figures, f"at most {most:+g}{unit} per 1,000", slope <= most)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--updates", type=int, default=1000)
    asked.add_argument("--warm", type=int, default=100, help="updates before the first measurement")
    given = asked.parse_args()
    home = home_of()
    with serving(home) as server:
        with chromium() as browser:
            sizes, noticed, spent = run(browser, server, home, given.updates, given.warm)
        with chromium() as browser:
            filtered = control(browser, server)
    what = f"{given.updates:,} updates of /wall"
    told = f"{noticed['changes']} changes, undo history {noticed['past']:+d}"
    rows = [
        flat(f"{what}: JS heap after GC", sizes, lambda one: one.heap / 1e6, " MB", 1, 2),
        flat(f"{what}: DOM nodes", sizes, lambda one: one.nodes, "", 20),
        flat(f"{what}: event listeners", sizes, lambda one: one.listeners, "", 5),
        flat(f"{what}: server's memory", sizes, lambda one: one.server_bytes / 1e6, " MB", 50),
        flat(f"{what}: server's open files", sizes, lambda one: one.server_files, "", 5),
        Row(f"{what}: what Dash noticed", told, "nothing", not any(noticed.values())),
        Row(
            "one change of filters on /: what Dash noticed",
            f"{filtered['changes']} changes, undo history {filtered['past']:+d}",
            "something, or the line above says nothing",
            filtered["changes"] > 0 and filtered["past"] > 0,
        ),
        Row(
            f"{what}: time of one, from POST to the map", f"{1000 * spent / given.updates:.0f} ms on average", "", True
        ),
    ]
    report("A wall display that runs for long", rows)


if __name__ == "__main__":
    main()
