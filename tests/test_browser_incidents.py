"""The incidents page in a real browser: one sentence drives facets, table, map and time; by keyboard, drawn, and as views."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from playwright.sync_api import Page, expect

from tests import mission, screen
from tests.mission import Told
from tests.program import Served

OpenPage = Callable[..., Page]


@pytest.fixture
def known(mission_now: datetime) -> list[Told]:
    return mission.told(mission_now)


def facet(page: Page, name: str, value: str) -> str:
    """The number beside a value of a facet."""
    row = page.locator(f'.cg-facet[data-facet="{name}"] .cg-facet-value').filter(has_text=value)
    return row.locator(".cg-facet-count").inner_text()


def total(page: Page, number: int) -> None:
    screen.says(page.locator(".cg-inc-total .cg-value"), str(number))
    expect(page.locator(".cg-inc-count")).to_contain_text(str(number) if number else "o ")


def test_choosing_anywhere_narrows_everything(orlane: Served, page: OpenPage, known: list[Told]) -> None:
    opened = page("about:blank")
    with screen.quiet(opened):
        opened.goto(orlane.url + "/incidents?window=all&at=-29.8,-117.8,9")
        screen.ready(opened)
    total(opened, len(known))
    clashes = [one for one in known if one.category == "Armed clash"]
    assert facet(opened, "category", "Armed clash") == str(len(clashes))
    lon, lat = mission.LONE
    assert screen.mark(opened, lon, lat) > 0.1
    opened.locator('.cg-facet[data-facet="category"] .cg-facet-value').filter(has_text="Armed clash").click()
    total(opened, len(clashes))
    assert screen.asked(opened)["category"] == "Armed clash"
    expect(opened.locator("#word-category")).to_have_value("Armed clash")
    # What else could be chosen keeps its number; the map shows the lone battle no more.
    assert facet(opened, "category", "Roadblock") == str(sum(one.category == "Roadblock" for one in known))
    screen.until(opened, lambda: screen.mark(opened, lon, lat) == 0, "a map without it")
    opened.locator('.cg-facet[data-facet="severity"] .cg-facet-value').filter(has_text="severe").click()
    grave = [one for one in clashes if one.severity in ("severe", "critical")]
    total(opened, len(grave))
    assert opened.locator(".cg-inc-window .cg-inc-row").count() == len(grave)
    opened.go_back()
    total(opened, len(clashes))
    # Brushing the trend narrows the time of all of it.
    box = opened.locator(".cg-inc-trend").bounding_box()
    assert box
    opened.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 20)
    opened.mouse.down()
    opened.mouse.move(box["x"] + box["width"] - 1, box["y"] + 20, steps=4)
    opened.mouse.up()
    screen.until(opened, lambda: "from" in screen.asked(opened), "a time in the address")
    since = datetime.fromisoformat(screen.asked(opened)["from"])
    total(opened, sum(one.time >= since for one in clashes))


def test_the_keyboard_alone_from_list_to_drawer(orlane: Served, page: OpenPage, known: list[Told]) -> None:
    opened = screen.ready(page(orlane.url + "/incidents?window=all&grade=B"))
    graded = sorted((one for one in known if one.agency in ("JOC", "SEIS")), key=lambda one: one.time, reverse=True)
    total(opened, len(graded))
    for key in ("j", "j", "k", "Enter"):
        opened.keyboard.press(key)
    drawer = opened.locator("#cg-drawer")
    expect(drawer).to_be_visible()
    expect(drawer.locator(".cg-near h3")).to_contain_text("Nearby")
    assert graded[0].text.split(graded[0].category)[0].strip() in drawer.inner_text()
    opened.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    opened.keyboard.press("/")
    opened.keyboard.type("convoy")
    opened.keyboard.press("Enter")
    total(opened, 1)


def test_a_drawn_circle_and_area_filter_and_are_taken_out(orlane: Served, page: OpenPage, known: list[Told]) -> None:
    opened = screen.ready(page(orlane.url + "/incidents?window=all&at=-29.8,-118.6,7"))
    x, y = screen.spot(opened, -118.2, -30.1)
    opened.get_by_role("button", name="Draw a circle on the map").click()
    opened.mouse.click(x, y)
    opened.mouse.move(x + 30, y)
    opened.mouse.click(x + 60, y)
    screen.until(opened, lambda: "radius" in screen.asked(opened), "a circle in the address")
    found = mission.asks(orlane, f"/api/incidents?window=all&radius={screen.asked(opened)['radius']}")
    assert 0 < found["total"] < len(known)
    total(opened, found["total"])
    expect(opened.locator("#cg-drawer")).to_be_hidden()  # a click that draws opens nothing
    opened.locator('.cg-chip[data-filter="radius"]').click()
    total(opened, len(known))
    opened.get_by_role("button", name="Draw an area on the map").click()
    for lon, lat in ((-119.0, -30.5), (-117.5, -30.5), (-117.5, -29.5), (-119.0, -29.5)):
        opened.mouse.click(*screen.spot(opened, lon, lat))
    opened.keyboard.press("Enter")
    total(opened, sum(one.area == "XO0202" for one in known))
    expect(opened.locator(".cg-chip")).to_contain_text("4 corners")


def test_since_the_last_brief_and_a_saved_view(orlane: Served, page: OpenPage, known: list[Told]) -> None:
    opened = screen.ready(page(orlane.url + "/incidents?window=all"))
    field = opened.locator(".cg-inc-since-at")
    field.fill("210600Z JAN 20")
    field.press("Enter")
    expect(opened.locator('.cg-inc-change[data-flag="new"] b')).to_have_text(str(len(known)))
    opened.locator('.cg-inc-change[data-flag="retracted"]').click()
    expect(opened.locator("#cg-incidents .cg-empty").last).to_contain_text("None of these")
    opened.goto(orlane.url + "/incidents?window=all&severity=critical&theme=light")
    screen.ready(opened)
    opened.get_by_role("button", name="Views", exact=True).click()
    opened.get_by_label("Name of the view").fill("Worst of all")
    opened.get_by_role("button", name="Save this view").click()
    link = opened.get_by_role("link", name="Worst of all")
    expect(link).to_have_attribute("href", "/incidents?window=all&severity=critical&theme=light")
    with opened.expect_download() as download:
        opened.get_by_role("link", name="One-page brief").click()
    assert download.value.suggested_filename.startswith("brief-exercise")
    link.click()
    total(screen.ready(opened), sum(one.severity == "critical" for one in known))


@pytest.mark.parametrize("query", ["", "?lang=fr", "?lang=ar&theme=light"])
def test_nothing_is_cut_off(orlane: Served, page: OpenPage, query: str) -> None:
    opened = screen.ready(page(orlane.url + "/incidents" + query, width=390, height=844))
    assert screen.cut_off(opened) == []
    face = opened.locator(".cg-inc-toggle")
    expect(opened.locator("#cg-incidents")).to_be_visible()
    face.first.click()
    expect(opened.locator("#cg-incidents")).to_be_hidden()
    face.last.click()
    expect(opened.locator("#cg-facets")).to_be_visible()
    assert screen.cut_off(opened) == []
    opened.set_viewport_size({"width": 1920, "height": 1080})
    opened.wait_for_timeout(600)
    assert screen.cut_off(opened) == []
