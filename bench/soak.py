"""A wall left alone for a day, in accelerated time: a real server on the exercise, real Chromium on /wall with its scenes going
round, and an update at every turn of a scene. How fast memory grows, per hour of that day.

A day of the wall is 2,880 turns of 30 seconds. What comes between two turns it draws together at most three times a second, and
none of that is kept: so each turn here brings one update (an incident, or where a unit is), sent when the one before is on the
map, and an hour of the day is 120 of them. Time is not put forward: what follows from the clock alone (ages, the minute's asking
again) happens as often as the run is long.
"""

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
from bench_wall import DASH, WATCH_DASH, Size, size
from browser import Browser, Target, chromium
from measure import Row, report
from sending import Sender

from tests.program import Served, command, serving

TURNS_AN_HOUR = 120
WAIT_S = 120


@dataclass(frozen=True)
class Limit:
    """What may be gained in an hour of the wall's day."""

    what: str
    of: Callable[[Size], float]
    most: float
    unit: str = ""
    digits: int = 1


LIMITS = (
    Limit("JS heap after GC, workers included", lambda one: one.heap / 1e6, 0.5, " MB", 2),
    Limit("DOM nodes", lambda one: one.nodes, 2),
    Limit("event listeners", lambda one: one.listeners, 1),
    Limit("server's memory", lambda one: one.server_bytes / 1e6, 1, " MB", 2),
    Limit("server's open files", lambda one: one.server_files, 0.1, "", 2),
)


def home_of(folder: Path) -> Path:
    """The exercise, in which nothing plays by itself."""
    home = folder / "home"
    home.mkdir()
    done = command(home, "exercise")
    if done.returncode:
        raise SystemExit(done.stderr)
    (home / "exercise" / "state.json").unlink()
    return home


def turn(page: Target, server: Served, client: httpx.Client, scene: str) -> None:
    """The wall shows that scene."""
    told = client.post("/api/wall/steer", json={"wall": "operator", "scene": scene, "held": True})
    told.raise_for_status()
    deadline = time.monotonic() + WAIT_S
    while page.evaluate("document.documentElement.dataset.scene") != scene:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the wall did not turn to {scene}")
        time.sleep(0.02)


def run(
    browser: Browser, server: Served, home: Path, hours: float, warm: int
) -> tuple[list[Size], dict[str, int], float]:
    """The sizes at every hour of the wall's day, what Dash noticed, and the seconds it took."""
    sender = Sender.to(server.url, home)
    client = httpx.Client(base_url=server.url, timeout=60)
    scenes = [scene["id"] for scene in client.get("/api/wall").json()["scenes"]]
    page = browser.page()
    page.send("Page.navigate", url=f"{server.url}/wall")
    page.until("ready")

    def update(number: int) -> None:
        turn(page, server, client, scenes[number % len(scenes)])
        revision = (sender.position if number % 2 else sender.incident)(number)
        page.until("revision", lambda value: int(value) >= revision, WAIT_S)
        page.log.clear()  # what is kept of the browser's own telling is not the page's

    for number in range(warm):
        update(number)
    page.evaluate(WATCH_DASH)
    before = page.evaluate(DASH)
    sizes = [size(browser, page, server, 0)]
    begin = time.perf_counter()
    for number in range(round(hours * TURNS_AN_HOUR)):
        update(warm + number)
        if (number + 1) % TURNS_AN_HOUR == 0:
            sizes.append(size(browser, page, server, number + 1))
            hour, last = (number + 1) // TURNS_AN_HOUR, sizes[-1]
            print(f"hour {hour}: heap {last.heap / 1e6:.2f} MB, server {last.server_bytes / 1e6:.0f} MB", flush=True)
    after = page.evaluate(DASH)
    return sizes, {name: after[name] - before[name] for name in after}, time.perf_counter() - begin


def slope(limit: Limit, sizes: list[Size]) -> Row:
    """From first to last, and per hour: the middle one of the slopes between any two samples (Theil-Sen)."""
    points = [(one.updates / TURNS_AN_HOUR, limit.of(one)) for one in sizes]
    found = statistics.median((b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.combinations(points, 2))
    figures = f"{points[0][1]:,.{limit.digits}f} -> {points[-1][1]:,.{limit.digits}f}{limit.unit}"
    told = f"{figures}; {found:+,.{limit.digits}f}{limit.unit} an hour"
    return Row(limit.what, told, f"at most {limit.most:+g}{limit.unit} an hour", found <= limit.most)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--hours", type=float, default=24, help="of the wall's day, 120 updates and turns each")
    asked.add_argument("--warm", type=int, default=120, help="updates before the first measurement")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = home_of(Path(folder))
        with serving(home) as server, chromium() as browser:
            sizes, noticed, spent = run(browser, server, home, given.hours, given.warm)
    rows = [slope(limit, sizes) for limit in LIMITS]
    told = f"{noticed['changes']} changes, undo history {noticed['past']:+d}"
    rows.append(Row("what Dash noticed", told, "nothing", not any(noticed.values())))
    turns = round(given.hours * TURNS_AN_HOUR)
    rows.append(Row("updates and turns", f"{turns:,} of each in {spent / 60:.1f} min", "", True))
    report(f"A wall through {given.hours:g} hours in accelerated time", rows)


if __name__ == "__main__":
    main()
