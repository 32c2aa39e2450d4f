"""The wall, which nobody watches over: it never shows an old picture as a new one, and comes back by itself."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import mission, screen
from tests.mission import Happening
from tests.program import Served

OpenPage = Callable[..., Page]
SCENE = "/wall?at=-29.5,-119.2,7.5"


@pytest.fixture
def server(orlane: Served) -> Iterator[Served]:
    """The server, to be stopped, killed and started again; it runs when a test is over."""
    yield orlane
    assert orlane.process is not None
    orlane.process.send_signal(signal.SIGCONT)
    if orlane.process.poll() is not None:
        orlane.start()


@pytest.fixture
def wall(server: Served, page: OpenPage) -> Page:
    """The wall on a clock that can be put forward, and a mark on it that a reload would take away."""
    opened = page("about:blank")
    opened.clock.install()
    opened.goto(server.url + SCENE)
    screen.ready(opened)
    opened.evaluate("window.scene = document.querySelector('.maplibregl-canvas')")
    return opened


def linked(wall: Page, state: str) -> None:
    wall.wait_for_selector(f'html[data-link="{state}"]', state="attached", timeout=screen.PATIENCE_MS)


def edge(wall: Page) -> tuple[float, str]:
    """Width in px and colour of the border around the page."""
    width, colour = wall.evaluate(
        "() => { const s = getComputedStyle(document.body, '::after'); return [s.borderTopWidth, s.borderTopColor]; }"
    )
    return float(width.removesuffix("px")), colour


def kept(wall: Page) -> bool:
    """Whether it is still the same page with the same map at the same place."""
    same: bool = wall.evaluate("window.scene === document.querySelector('.maplibregl-canvas') && scene.isConnected")
    return same and wall.url.endswith(SCENE)


def test_a_silent_server_is_told_late_then_lost_and_what_was_known_stays(server: Served, wall: Page) -> None:
    linked(wall, "ok")
    assert edge(wall)[0] == 0
    stale = wall.locator(".cg-stale")
    expect(stale).to_be_hidden()
    figures = wall.locator(".cg-value").all_inner_texts()
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    heard = datetime.now(UTC)

    wall.clock.fast_forward(31_000)  # two intervals of 15 s without a word
    linked(wall, "late")
    width, amber = edge(wall)
    assert width > 8
    expect(stale).to_be_visible()
    expect(stale).to_have_text(
        re.compile(rf"Server last heard ({heard:%d%H%M}|{heard - timedelta(minutes=1):%d%H%M})Z")
    )

    wall.clock.fast_forward(45_000)  # five
    linked(wall, "lost")
    width, red = edge(wall)
    assert width > 8
    assert red != amber
    expect(stale).to_have_text(re.compile(rf"^AS OF ({heard:%d%H%M}|{heard - timedelta(minutes=1):%d%H%M})Z"))
    assert wall.locator(".cg-value").all_inner_texts() == figures
    assert screen.mark(wall, *mission.QUAKE) > 0.1  # the map is not blanked

    server.process.send_signal(signal.SIGCONT)
    linked(wall, "ok")
    expect(stale).to_be_hidden()
    assert edge(wall)[0] == 0
    assert kept(wall)


def test_the_wall_outlives_its_server_and_shows_what_came_meanwhile(server: Served, wall: Page, tmp_path: Path) -> None:
    linked(wall, "ok")
    critical, place = int(screen.figure(wall, "critical").inner_text()), (-119.80, -29.80)
    assert screen.mark(wall, *place) == 0
    assert server.process is not None
    server.kill(server.process)
    wall.clock.fast_forward(31_000)
    linked(wall, "late")

    file = tmp_path / "log.csv"
    news = Happening("L40", 0.2, "Attack on aid", "critical", *place, "Depot overrun", "Bromo Depot")
    file.write_bytes(mission.log([news], datetime.now(UTC)))
    (tally,) = mission.load(server.home, [file])
    assert tally["accepted"] == 1
    server.start()

    linked(wall, "ok")
    screen.brought(wall, tally["revision"])
    screen.says(screen.figure(wall, "critical"), str(critical + 1))
    expect(screen.kpi(wall, "critical").locator(".cg-item").first).to_contain_text("Depot overrun")
    screen.until(wall, lambda: screen.mark(wall, *place) > 0.1, "the new mark on the map")
    assert kept(wall)
    # And it listens again.
    mined = Happening("L41", 0, "Roadblock", "critical", -119.1, -29.9, "Bridge mined")
    tally = mission.send(server, "table", "log", mission.log([mined], datetime.now(UTC)))
    screen.brought(wall, tally["revision"])
    screen.says(screen.figure(wall, "critical"), str(critical + 2))
    assert kept(wall)


def test_sources_units_and_news_carry_their_own_marks(server: Served, wall: Page) -> None:
    # Three looks on the strip: failed, stale by its own cadence, on time.
    strip = wall.locator("#cg-strip .cg-source")
    for title, state, word in (("Warnings", "failed", "FAILED since"), ("Clinics", "stale", "STALE")):
        source = strip.filter(has_text=title)
        expect(source).to_have_attribute("data-state", state)
        expect(source).to_contain_text(word)
    assert wall.locator('#cg-strip .cg-source[data-state="fresh"]').count() >= 1
    shapes = {
        state: wall.locator(f'.cg-source[data-state="{state}"] .cg-state').first.evaluate(
            "(node) => { const s = getComputedStyle(node); return [s.backgroundColor, s.clipPath, s.borderRadius].join() }"
        )
        for state in ("failed", "stale", "fresh")
    }
    assert len(set(shapes.values())) == 3

    # Of two units of one look the one that was not heard past its own time is fainter.
    fresh, old = (screen.brightness(wall, *place) for place in (mission.FRESH_UNIT, mission.STALE_UNIT))
    assert fresh > old + 20

    # The other one grows old while nothing at all arrives.
    stale_after = timedelta(seconds=4)
    moved = mission.units(datetime.now(UTC), fresh_for=stale_after)
    tally = mission.send(server, "cot", "units", moved)
    due = datetime.now(UTC) + stale_after
    screen.brought(wall, tally["revision"])
    while datetime.now(UTC) < due:
        time.sleep(0.1)
    wall.clock.fast_forward(61_000)
    screen.until(wall, lambda: screen.brightness(wall, *mission.FRESH_UNIT) < old + 10, "a unit that fades by itself")

    # Something critical pulses where it is, once, and is then listed.
    news = Happening("L50", 0, "Armed clash", "critical", -118.6, -29.2, "Camp attacked", "Cessan")
    mission.send(server, "table", "log", mission.log([news], datetime.now(UTC)))
    pulse = wall.locator(".cg-pulse")
    expect(pulse).to_have_count(1, timeout=screen.PATIENCE_MS)
    at, (x, y) = pulse.bounding_box(), screen.spot(wall, -118.6, -29.2)
    assert at is not None
    assert abs(at["x"] - x) < 4
    assert abs(at["y"] - y) < 4
    expect(screen.kpi(wall, "critical").locator(".cg-item").first).to_contain_text("Camp attacked")
    expect(pulse).to_have_count(0, timeout=screen.PATIENCE_MS)
    assert kept(wall)
