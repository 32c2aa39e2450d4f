"""The wall's scenes in a real browser: they go round, are held, stepped and steered, and outlive reloads and restarts."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from dashboard.walls import Turn, shown
from data.scenes import Scene
from tests import program, screen
from tests.program import Served

OpenPage = Callable[..., Page]
SCENES = """
[[scene]]
id = "overview"
seconds = 5

[[scene]]
id = "east"
title = { en = "East side", fr = "Est", ar = "الشرق" }
shows = "security"
seconds = 5
window = "7d"
severity = "serious"
layers = ["incidents", "boundaries"]
kpis = ["critical", "incidents_24h"]

[[scene]]
id = "supply"
seconds = 5
"""
PAST = """() => {
  const entry = document.getElementById("react-entry-point");
  const fibers = [entry[Object.keys(entry).find((key) => key.startsWith("__reactContainer$"))]];
  for (const fiber of fibers) {
    const store = fiber.memoizedProps?.store;
    if (store?.getState && store.getState().layout) return store.getState().history.past.length;
    fibers.push(...[fiber.child, fiber.sibling].filter(Boolean));
  }
  throw new Error("Dash's store is not where it was");
}"""
"""How many changes Dash keeps for undoing (plotly/dash#727)."""


@pytest.fixture(scope="module")
def server(mission_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("scenes") / "home"
    shutil.copytree(mission_home, home)
    with (home / "commonground.toml").open("a", encoding="utf-8") as settings:
        settings.write(SCENES)
    with program.serving(home) as found:
        yield found


@pytest.fixture
def wall(server: Served, page: OpenPage) -> Page:
    """The wall at its first scene, held, on a clock that can be put forward, with a mark that a reload would take away."""
    order = {"wall": "operator", "scene": "overview", "held": True}
    assert httpx.post(f"{server.url}/api/wall/steer", json=order, timeout=60).status_code == 200
    opened = page("about:blank")
    opened.clock.install()
    opened.goto(f"{server.url}/wall")
    screen.ready(opened)
    shows(opened, "overview")
    expect(opened.locator(".cg-scene-held")).to_be_visible()
    opened.evaluate("window.mark = true")
    return opened


def scene(wall: Page) -> str:
    return wall.locator("html").get_attribute("data-scene") or ""


def shows(wall: Page, name: str) -> None:
    wall.wait_for_selector(f'html[data-scene="{name}"]', state="attached", timeout=screen.PATIENCE_MS)


def turned_to(wall: Page, name: str) -> None:
    """Step, as a person would, until a scene is there."""
    for _ in range(3):
        if (before := scene(wall)) == name:
            return
        wall.keyboard.press("ArrowLeft")
        screen.until(wall, lambda before=before: scene(wall) != before, "the scene before")  # type: ignore[misc]
    assert scene(wall) == name


def figures(wall: Page) -> list[str]:
    found: list[str] = wall.evaluate("[...document.querySelectorAll('#cg-kpis .cg-kpi')].map((one) => one.dataset.id)")
    return found


def same(wall: Page) -> bool:
    return bool(wall.evaluate("window.mark === true"))


def test_scenes_go_round_and_leave_nothing_behind(wall: Page) -> None:
    address, past = wall.url, wall.evaluate(PAST)
    asked: list[str] = []
    wall.on("request", lambda request: asked.append(request.url))
    wall.keyboard.press("Space")
    expect(wall.locator(".cg-scene-held")).to_be_hidden()
    screen.until(wall, lambda: scene(wall) != "overview", "the next scene")
    wall.keyboard.press("Space")
    turned_to(wall, "east")
    screen.until(wall, lambda: figures(wall) == ["critical", "incidents_24h"], "the figures of the scene")
    expect(wall.locator(".cg-scene-name")).to_have_text("East side")
    expect(wall.locator('.cg-layer[data-on="true"] .cg-layer-title')).to_have_count(2)
    own = ("/api/kpis", "severity=serious", "window=7d")
    screen.until(wall, lambda: any(all(part in one for part in own) for one in asked), "figures under its filters")
    turned_to(wall, "overview")
    turned_to(wall, "east")
    expect(wall.locator(".cg-scene-held")).to_be_visible()
    assert wall.url == address
    assert wall.evaluate(PAST) == past
    assert same(wall)


def test_the_remote_steers_a_wall_and_a_restart_goes_on_where_it_was(
    server: Served, wall: Page, page: OpenPage
) -> None:
    remote = screen.ready(page(f"{server.url}/wall/remote", width=390, height=844))
    remote.get_by_role("button", name="Supply").click()
    shows(wall, "supply")
    remote.locator('[data-key="next"]').click()
    shows(wall, "overview")
    remote.locator('[data-key="back"]').click()
    shows(wall, "supply")
    if remote.locator('[data-key="hold"]').get_attribute("aria-pressed") == "false":
        remote.locator('[data-key="hold"]').click()
    expect(remote.locator('[data-key="hold"]')).to_have_attribute("aria-pressed", "true")
    expect(wall.locator(".cg-scene-held")).to_be_visible()
    assert same(wall), "an order is no reload"
    server.stop()
    server.start()
    other = screen.ready(page(f"{server.url}/wall"))
    assert scene(other) == "supply", "a screen that knows nothing asks the server"
    expect(other.locator(".cg-scene-held")).to_be_visible()
    pinned = screen.ready(page(f"{server.url}/wall?scene=east&lang=fr"))
    assert scene(pinned) == "east", "a link opens a scene"
    expect(pinned.locator(".cg-scene-name")).to_have_text("Est")


def test_a_wall_loads_itself_anew_after_a_day_and_never_without_its_server(server: Served, wall: Page) -> None:
    wall.keyboard.press("ArrowRight")
    shows(wall, "east")
    assert server.process is not None
    server.kill(server.process)
    wall.clock.run_for(150_000)
    wall.wait_for_selector('html[data-link="lost"]', state="attached", timeout=screen.PATIENCE_MS)
    assert same(wall), "without a server a new page would be an empty one"
    assert figures(wall) == ["critical", "incidents_24h"]
    server.start()
    wall.clock.fast_forward(6_000)
    wall.wait_for_selector('html[data-link="ok"]', state="attached", timeout=screen.PATIENCE_MS)
    assert same(wall)
    with wall.expect_event("load", timeout=60_000):
        wall.clock.fast_forward(25 * 3_600_000)
    assert not same(wall)
    screen.ready(wall)
    assert scene(wall) == "east"
    expect(wall.locator(".cg-scene-held")).to_be_visible()


def test_the_screen_and_the_server_tell_the_same_scene(wall: Page) -> None:
    scenes = (Scene("a", seconds=10), Scene("b", seconds=20), Scene("c", seconds=30))
    cases = [
        (first, held, after)
        for first in ("b", "c", "gone")
        for held in (False, True)
        for after in (-5, 0, 19, 31, 60, 95, 6_025)
    ]
    told = wall.evaluate(
        """async ([scenes, cases]) => {
          const { sceneAt } = await import("/assets/scenes.mjs");
          const at = (turn, after) => scenes[sceneAt(scenes, turn, (1e6 + after) * 1000).index].id;
          return cases.map(([scene, held, after]) => at({ scene, held, since: 1e6 }, after));
        }""",
        [[{"id": one.id, "seconds": one.seconds} for one in scenes], cases],
    )
    assert told == [shown(scenes, Turn(first, held, 1e6), 1e6 + after).id for first, held, after in cases]


def test_a_page_is_stuck_by_what_it_shows_not_by_what_the_network_does(wall: Page) -> None:
    told = wall.evaluate(
        """async () => {
          const { verdict } = await import("/assets/watchdog.mjs");
          const now = 1e9, fine = { now, begun: now - 1e6, frame: now, answer: now, behind: 0, hidden: false, heard: now,
            news: 0, grown: 0 };
          const of = (said) => verdict({ ...fine, ...said });
          return [of({}), of({ frame: now - 121e3 }), of({ frame: now - 121e3, hidden: true }), of({ behind: now - 121e3 }),
            of({ heard: now - 121e3, answer: now - 121e3 }), of({ begun: now - 864e5 - 1 }),
            of({ begun: now - 864e5 - 1, news: now - 1000 }), of({ grown: 3e8 }), of({ behind: now - 60e3 })];
        }"""
    )
    stuck = (
        "no frame was drawn",
        "what was told is not on screen",
        "nothing was heard",
        "a day has passed",
        "it has grown",
    )
    frame, behind, silent, day, grown = stuck
    assert told == ["", frame, "", behind, silent, day, "", grown, ""]
