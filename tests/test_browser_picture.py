"""The picture as a person meets it: first paint, what arrives, filters, the past, and the way from a figure to its source."""

from __future__ import annotations

import csv
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from playwright.sync_api import Locator, Page, expect

from tests import mission, screen
from tests.mission import Happening, Told
from tests.program import Served

OpenPage = Callable[..., Page]
NEAR = "at=-29.8,-117.8,9"
"""Around the lone event, in which the cells part into single marks."""


@pytest.fixture
def known(mission_now: datetime) -> list[Told]:
    """What the home was loaded with."""
    return mission.told(mission_now)


# First paint


@pytest.mark.parametrize("path", ["/?at=-29.8,-117.8,9&window=all", "/wall", "/feeds"])
def test_first_paint(orlane: Served, page: OpenPage, known: list[Told], path: str) -> None:
    opened = page("about:blank")
    with screen.quiet(opened):
        answer = opened.goto(orlane.url + path)
        screen.ready(opened)
        expect(opened.locator("#cg-banner .cg-exercise")).to_have_text("EXERCISE")
        opened.wait_for_timeout(500)  # whatever complains a moment later
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    scripts = next(part for part in policy.split(";") if part.strip().startswith("script-src"))
    assert "'self'" in scripts
    assert "unsafe" not in scripts
    assert "http" not in policy
    assert screen.revision(opened) == mission.asks(orlane, "/api/status")["revision"]
    if path == "/feeds":
        return
    assert opened.locator(".cg-kpi").count() == len(mission.asks(orlane, "/api/kpis")["kpis"]) > 5
    box = opened.locator("#cg-map").bounding_box()
    assert box
    assert box["width"] > 800
    assert box["height"] > 600
    assert screen.colours(screen.pixels(opened, **box)) > 20
    for name in ("alerts_active", "supply_under_7"):  # nobody was heard, which is not none
        expect(screen.kpi(opened, name)).to_have_attribute("data-state", "not_reported")
        expect(screen.figure(opened, name)).to_have_text("not reported")
    expect(screen.kpi(opened, "facilities_open")).to_have_attribute("data-state", "stale")
    if path == "/wall":
        assert opened.locator("#cg-filters, .cg-nav").count() == 0
        return
    assert opened.locator("#cg-strip .cg-source").count() == 7
    assert opened.locator(".cg-layer").count() == len(mission.asks(orlane, "/api/layers")["layers"]) > 5
    assert opened.locator("#cg-filters").inner_text().startswith("Showing")
    assert screen.words(opened)["area"] == "all of Orlane Mission"
    screen.says(screen.count(opened, "Incidents"), str(len(known)))
    # The lone event is drawn where it happened, and nothing beside it.
    lon, lat = mission.LONE
    assert screen.mark(opened, lon, lat) > 0.1
    assert screen.mark(opened, lon + 0.1, lat) == 0
    histogram = opened.locator(".cg-brush-bars").bounding_box()
    assert histogram
    assert screen.colours(screen.pixels(opened, **histogram)) > 3


def test_light_and_arabic(orlane: Served, page: OpenPage) -> None:
    opened = screen.ready(page(orlane.url + "/?theme=light&lang=ar"))
    expect(opened.locator("html")).to_have_attribute("dir", "rtl")
    expect(opened.locator("html")).to_have_attribute("lang", "ar")
    panels = [opened.locator(name).bounding_box() for name in ("#cg-kpis", "#cg-layers")]
    assert panels[0]
    assert panels[1]
    assert panels[0]["x"] < 100 < 1000 < panels[1]["x"]
    arabic = re.compile("[\u0600-\u06ff]")
    for part in ("#cg-filters .cg-word", ".cg-kpi-title", ".cg-layer-title", ".cg-source-word", ".cg-nav a"):
        expect(opened.locator(part).first).to_have_text(arabic)
    assert screen.cut_off(opened) == []
    assert screen.pixels(opened, 700, 110, 20, 20).mean() > 170  # the sea
    opened.locator(".cg-switch").nth(1).click()
    expect(opened.locator("html")).to_have_attribute("data-theme", "dark")
    assert screen.asked(opened)["theme"] == "dark"
    screen.until(opened, lambda: screen.pixels(opened, 700, 110, 20, 20).mean() < 60, "a dark sea")


@pytest.mark.parametrize("path", ["/", "/wall", "/feeds"])
def test_nothing_is_cut_off_on_any_screen(orlane: Served, page: OpenPage, path: str) -> None:
    opened = screen.ready(page(orlane.url + path, width=390, height=844))
    assert opened.evaluate("document.scrollingElement.scrollWidth") <= 390
    assert screen.cut_off(opened) == []
    for width, height in ((1280, 720), (1920, 1080), (3840, 2160)):
        opened.set_viewport_size({"width": width, "height": height})
        opened.wait_for_timeout(1_200)  # folding and fitting follow within a second
        assert screen.cut_off(opened) == [], (width, height)
        assert opened.evaluate("document.scrollingElement.scrollHeight") <= height or path == "/feeds"


# Filters


def passing(known: list[Told], now: datetime, asked: Mapping[str, str]) -> list[Told]:
    """The incidents that an address asks for, in plain Python."""
    hours = {"24h": 24, "7d": 168, "28d": 672, "all": 10**6}
    since = now - timedelta(hours=hours[asked.get("window", "28d")])
    since = datetime.fromisoformat(asked["from"]) if "from" in asked else since
    until = datetime.fromisoformat(asked["to"]) if "to" in asked else now + timedelta(days=1)
    least = mission.SEVERITIES.index(asked.get("severity", "unknown"))
    return [
        each
        for each in known
        if since <= each.time < until
        and mission.SEVERITIES.index(each.severity) >= least
        and each.area.startswith(asked.get("area", ""))
        and each.category in asked.get("category", each.category).split(",")
        and each.agency == asked.get("agency", each.agency)
        and asked.get("q", "").lower() in each.text.lower()
    ]


def views(now: datetime) -> list[tuple[dict[str, str], str, str]]:
    """(parameters, a word of the sentence, how it begins)."""
    since, until = (now - timedelta(days=days) for days in (20, 5))
    chosen = {"from": f"{since:%Y-%m-%dT00:00:00Z}", "to": f"{until:%Y-%m-%dT00:00:00Z}"}
    return [
        ({"area": "XO0202"}, "area", "Dwale  XO0202"),
        ({"area": "XO01", "window": "all"}, "area", "Westland  XO01"),
        ({"severity": "severe"}, "severity", "severe and above"),
        ({"category": "Roadblock"}, "category", "Roadblock"),
        ({"window": "24h"}, "window", "last 24 hours"),
        (chosen, "window", f"{since:%d}0000Z"),
        ({"agency": "MON"}, "agency", "Conflict monitor"),
        ({"q": "clash", "window": "all"}, "q", "clash"),
        ({"area": "XO02", "severity": "serious", "window": "7d"}, "severity", "serious and above"),
    ]


def go(page: Page, query: Mapping[str, str]) -> None:
    """To another view of the same page, as the history of the browser goes there."""
    address = "?" + "&".join(f"{name}={value}" for name, value in query.items())
    page.evaluate("(to) => { history.pushState({}, '', to); dispatchEvent(new PopStateEvent('popstate')); }", address)


def by(found: list[Told], what: str) -> dict[str, int]:
    return dict(Counter(getattr(each, what) for each in found))


def shows(page: Page, severities: dict[str, int]) -> bool:
    """Whether the classes beside the incidents count just these."""
    return {name: count for name, count in screen.legend(page, "Incidents").items() if count} == severities


def test_everything_on_the_page_answers_to_the_filters_in_its_address(
    orlane: Served, page: OpenPage, known: list[Told], mission_now: datetime
) -> None:
    opened = screen.ready(page(orlane.url + "/?window=all&severity=serious"))
    expected = passing(known, mission_now, {"window": "all", "severity": "serious"})
    screen.says(screen.count(opened, "Incidents"), str(len(expected)))
    for asked, word, begins in views(mission_now):
        expected = passing(known, mission_now, asked)
        assert 0 < len(expected) < len(known)
        go(opened, asked)
        screen.says(screen.count(opened, "Incidents"), str(len(expected)))
        screen.until(
            opened, partial(shows, opened, by(expected, "severity")), f"{by(expected, 'severity')} for {asked}"
        )
        today = [each for each in passing(known, mission_now, {**asked, "window": "24h"}) if "from" not in asked]
        if "from" not in asked:
            screen.says(screen.figure(opened, "incidents_24h"), str(len(today)))
        query = {"window": "28d", **asked} if "from" not in asked else asked
        told = mission.asks(orlane, "/api/counts", collection="incidents", by="severity", **query)
        assert (dict(told["rows"]), told["total"]) == (by(expected, "severity"), len(expected))
        expect(opened.locator(f"#word-{word}")).to_have_value(re.compile("^" + re.escape(begins)))


def test_a_word_of_the_sentence_changes_address_map_and_figures_and_back_undoes_it(
    orlane: Served, page: OpenPage, known: list[Told], mission_now: datetime
) -> None:
    opened = screen.ready(page(f"{orlane.url}/?{NEAR}&layers=incidents&theme=dark"))
    everything = len(passing(known, mission_now, {}))
    lon, lat = mission.LONE
    screen.says(screen.count(opened, "Incidents"), str(everything))
    assert screen.mark(opened, lon, lat) > 0.1
    # The map and its layers change in the address alone, of which the sentence is not told.
    opened.mouse.move(800, 500)
    opened.mouse.down()
    opened.mouse.move(760, 480, steps=4)
    opened.mouse.up()
    screen.until(opened, lambda: not screen.asked(opened)["at"].startswith("-29.8,"), "the map moved by hand")
    screen.layer(opened, "Boundaries").locator("input").check()
    beside = {name: screen.asked(opened)[name] for name in ("at", "layers", "theme")}
    assert beside["layers"] == "incidents,boundaries"

    screen.choose(opened, "severity", "serious and above")
    severe = len(passing(known, mission_now, {"severity": "serious"}))
    screen.says(screen.count(opened, "Incidents"), str(severe))
    assert screen.asked(opened) == {**beside, "severity": "serious"}
    screen.until(opened, lambda: screen.mark(opened, lon, lat) == 0, "the moderate event leaves")
    screen.choose(opened, "area", "Dwale  XO0202")
    screen.says(
        screen.count(opened, "Incidents"),
        str(len(passing(known, mission_now, {"severity": "serious", "area": "XO0202"}))),
    )
    assert screen.asked(opened) == {**beside, "severity": "serious", "area": "XO0202"}

    opened.go_back()
    screen.says(screen.count(opened, "Incidents"), str(severe))
    expect(opened.locator("#word-area")).to_have_value("all of Orlane Mission")
    opened.go_back()
    screen.says(screen.count(opened, "Incidents"), str(everything))
    expect(opened.locator("#word-severity")).to_have_value("any")
    screen.until(opened, lambda: screen.mark(opened, lon, lat) > 0.1, "the moderate event returns")
    assert screen.asked(opened) == beside

    opened.locator("#word-q").fill("ambushed")
    opened.keyboard.press("Enter")
    screen.says(screen.count(opened, "Incidents"), "1")
    assert screen.asked(opened) == {**beside, "q": "ambushed"}


def test_an_address_that_cannot_be_understood_says_so_and_can_be_mended(orlane: Served, page: OpenPage) -> None:
    opened = page(orlane.url + "/?severity=terrible")
    expect(opened.locator(".cg-waiting")).to_contain_text(
        "severity: 'terrible' is not one of", timeout=screen.PATIENCE_MS
    )
    screen.choose(opened, "severity", "severe and above")
    screen.ready(opened)
    screen.says(screen.count(opened, "Incidents"), "4")
    expect(opened.locator(".cg-waiting")).to_have_count(0)


# From a mark and a figure to the record and its source


def test_a_click_on_the_map_opens_the_record_and_moves_nothing(orlane: Served, page: OpenPage) -> None:
    opened = screen.ready(page(f"{orlane.url}/?at=-29.75,-117.9,9&layers=incidents"))
    lon, lat = mission.LONE
    opened.mouse.move(*screen.spot(opened, lon, lat))
    card = opened.locator(".cg-card")
    expect(card).to_contain_text("Armed clash")
    expect(card).to_contain_text("Conflict events · C3")
    still = screen.pixels(opened, 500, 200, 60, 500)
    opened.mouse.click(*screen.spot(opened, lon, lat))
    drawer = opened.locator("#cg-drawer")
    expect(drawer.locator("h2")).to_have_text("Armed clash")
    expect(drawer).to_contain_text("moderate · Battles")
    for label, value in (
        ("Where", "Hamlet XO1 XO0202"),
        ("Source", "Conflict events · MON"),
        ("Reference", "XO1"),
        ("Grade", "C3"),
        ("Feed", "acled"),
        ("Row", "1"),
    ):
        expect(fact(opened, label)).to_have_text(value)
    expect(fact(opened, "Payload")).to_contain_text("c.csv")
    expect(fact(opened, "Position")).to_contain_text("29.8000° S")
    expect(drawer.locator(".cg-badge").first).to_have_text("EXERCISE")
    assert screen.asked(opened)["at"] == "-29.75,-117.9,9"
    opened.mouse.move(600, 400)
    expect(card).to_be_hidden()
    assert (screen.pixels(opened, 500, 200, 60, 500) == still).all()

    # A cell of several lists them; each opens, and back leads to the list.
    opened.goto(f"{orlane.url}/?at=-29.5,-118.5,6&layers=incidents")
    screen.ready(opened)
    opened.mouse.click(*screen.spot(opened, -118.2, -30.1))
    expect(drawer.locator("h2")).to_have_text(re.compile(r"^\d+ · Incidents$"))
    total = int(drawer.locator("h2").inner_text().split()[0])
    expect(drawer.locator(".cg-item")).to_have_count(total)
    drawer.locator(".cg-item").filter(has_text="Convoy ambushed").click()
    expect(drawer.locator("h2")).to_have_text("Convoy ambushed")
    drawer.locator(".cg-back").click()
    expect(drawer.locator(".cg-item")).to_have_count(total)
    drawer.locator(".cg-close").click()
    expect(drawer).to_be_hidden()
    assert "record" not in screen.asked(opened)


def fact(page: Page, label: str) -> Locator:
    """The value beside a label in the drawer."""
    pair = page.locator("#cg-drawer .cg-pair").filter(has=page.locator("dt").get_by_text(label, exact=True))
    return pair.locator("dd")


def test_the_keyboard_alone_leads_from_the_map_to_a_record_and_back(orlane: Served, page: OpenPage) -> None:
    opened = screen.ready(page(f"{orlane.url}/?{NEAR}&layers=incidents"))
    canvas = opened.locator(".maplibregl-canvas")
    for _ in range(60):
        opened.keyboard.press("Tab")
        if canvas.evaluate("(node) => node === document.activeElement"):
            break
    expect(canvas).to_be_focused()
    opened.keyboard.press("Enter")
    drawer = opened.locator("#cg-drawer")
    expect(drawer.locator("h2")).to_have_text("In view")
    expect(drawer.locator(".cg-item-title")).to_have_text(
        ["Convoy ambushed", "Illegal toll", "Village shelled", "Armed clash"]
    )
    opened.keyboard.press("Tab")
    expect(drawer.locator(".cg-item").first).to_be_focused()
    opened.keyboard.press("Tab")
    opened.keyboard.press("Enter")
    expect(drawer.locator("h2")).to_have_text("Illegal toll")
    assert screen.asked(opened)["record"]
    opened.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(canvas).to_be_focused()
    opened.keyboard.press("?")
    expect(opened.locator("#cg-help [role=dialog]")).to_be_visible()
    opened.keyboard.press("Escape")
    expect(opened.locator("#cg-help [role=dialog]")).to_be_hidden()
    opened.keyboard.press("/")
    expect(opened.locator(".cg-search")).to_be_focused()
    opened.keyboard.type("ambushed")
    opened.keyboard.press("Enter")
    screen.says(screen.count(opened, "Incidents"), "1")
    assert screen.asked(opened)["q"] == "ambushed"


def test_every_figure_opens_the_records_behind_it(orlane: Served, page: OpenPage) -> None:
    opened = screen.ready(page(f"{orlane.url}/?area=XO0202"))
    drawer = opened.locator("#cg-drawer")
    for kpi in mission.asks(orlane, "/api/kpis", window="28d", area="XO0202")["kpis"]:
        screen.figure(opened, kpi["id"]).click()
        expect(drawer.locator("h2")).to_have_text(kpi["title"])
        expect(drawer.locator(".cg-drawer-method")).to_have_text(kpi["method"])
        expect(drawer.locator(".cg-item")).to_have_count(kpi["count"])
        assert mission.asks(orlane, kpi["records_href"])["numberMatched"] == kpi["count"]
        if kpi["id"] in ("incidents_24h", "critical"):
            assert kpi["count"] == kpi["value"] == int(screen.figure(opened, kpi["id"]).inner_text()) > 0
        assert screen.asked(opened) == {"area": "XO0202", "kpi": kpi["id"]}
        opened.keyboard.press("Escape")
        expect(drawer).to_be_hidden()
    # What is open follows the filters, so that the list and its figure never say two things.
    screen.figure(opened, "incidents_24h").click()
    expect(drawer.locator(".cg-item")).to_have_count(3)
    screen.choose(opened, "severity", "serious and above")
    screen.says(screen.figure(opened, "incidents_24h"), "2")
    expect(drawer.locator(".cg-item")).to_have_count(2)


def test_a_figure_opens_as_chart_and_table_and_a_row_opens_its_record(orlane: Served, page: OpenPage) -> None:
    opened = screen.ready(page(orlane.url))
    screen.figure(opened, "incidents_24h").click()
    opened.get_by_role("button", name="Chart and table").click()
    panel = opened.locator(".cg-table-panel")
    expect(panel.locator("h2")).to_have_text("Incidents, last 24 h: the 5 records behind it")
    rows = panel.locator(".ag-center-cols-container .ag-row")
    expect(rows).to_have_count(5)
    chart = panel.locator(".cg-chart .main-svg").first
    expect(chart).to_be_visible()
    expect(panel.locator(".cg-chart .point")).not_to_have_count(0)
    assert screen.asked(opened) == {"table": "incidents_24h"}
    opened.evaluate("document.querySelector('.ag-row').marker = 'kept'")
    rows.filter(has_text="Village shelled").click()
    expect(opened.locator("#cg-drawer h2")).to_have_text("Village shelled")
    assert screen.asked(opened)["table"] == "incidents_24h"  # the table is still open, and not made anew
    assert opened.evaluate("document.querySelector('.ag-row').marker") == "kept"
    # The address alone brings all of it back.
    opened.reload()
    screen.ready(opened)
    expect(rows).to_have_count(5)
    expect(opened.locator("#cg-drawer h2")).to_have_text("Village shelled")
    opened.locator("#cg-drawer .cg-close").click()
    opened.locator("#cg-table-close").click()
    expect(panel).to_have_count(0)
    assert screen.asked(opened) == {}


# What arrives


def test_what_arrives_is_shown_without_a_reload_and_without_moving_the_map(orlane: Served, page: OpenPage) -> None:
    opened = screen.ready(page(orlane.url + "/?at=-29.4,-118.4,8.5&layers=incidents,boundaries"))
    opened.evaluate("window.marker = document.getElementById('cg-map').firstChild")
    before = screen.revision(opened)
    count, critical = (
        int(screen.count(opened, "Incidents").inner_text()),
        int(screen.figure(opened, "critical").inner_text()),
    )
    lon, lat = -118.30, -29.00
    assert screen.mark(opened, lon, lat) == 0
    still = screen.pixels(opened, 700, 300, 60, 500)
    address = opened.url

    news = Happening("L20", 0, "Attack on aid", "critical", lon, lat, "Warehouse burnt down", "Cessan Depot")
    sent = datetime.now(UTC)
    tally = mission.send(orlane, "table", "log", mission.log([news], sent))
    assert tally["accepted"] == 1
    assert tally["revision"] > before
    screen.brought(opened, tally["revision"])

    screen.says(screen.count(opened, "Incidents"), str(count + 1))
    screen.says(screen.figure(opened, "critical"), str(critical + 1))
    expect(screen.kpi(opened, "critical").locator(".cg-item").first).to_contain_text("Warehouse burnt down")
    expect(opened.locator(".cg-spoken")).to_contain_text("Warehouse burnt down")  # told to those who listen
    expect(opened.locator(".cg-pulse")).to_have_count(1)
    screen.until(opened, lambda: screen.mark(opened, lon, lat) > 0.1, "the new mark on the map")
    assert opened.evaluate("window.marker === document.getElementById('cg-map').firstChild")
    assert opened.url == address
    assert (screen.pixels(opened, 700, 300, 60, 500) == still).all()  # the map has not moved by a pixel

    # The same again is no news.
    again = mission.send(orlane, "table", "log", mission.log([news], sent))
    assert (again["unchanged"], again["revision"]) == (1, tally["revision"])
    opened.wait_for_timeout(500)
    assert screen.revision(opened) == tally["revision"]
    screen.says(screen.count(opened, "Incidents"), str(count + 1))


# The past


def test_what_was_known_then_is_shown_as_it_was_and_said_to_be_the_past(
    orlane: Served, page: OpenPage, mission_now: datetime
) -> None:
    then = next_second()
    lon, lat = mission.LONE
    now = screen.ready(page(f"{orlane.url}/?{NEAR}&layers=incidents"))
    count, critical = int(screen.count(now, "Incidents").inner_text()), int(screen.figure(now, "critical").inner_text())
    now.mouse.click(*screen.spot(now, lon, lat))
    expect(now.locator("#cg-drawer h2")).to_have_text("Armed clash")

    # The conflict monitor now says that 30 were killed; the seismologists take their earthquake back.
    again = mission.conflict(mission_now, [("XO1", 2, 30, mission.LONE)], released_s=600)
    assert mission.send(orlane, "acled", "events", again)["revised"] == 1
    last = mission.send(orlane, "usgs", "quakes", mission.earthquakes(mission_now, "deleted"))
    assert last["retracted"] == 1
    screen.brought(now, last["revision"])
    screen.says(screen.count(now, "Incidents"), str(count - 1))
    screen.says(screen.figure(now, "critical"), str(critical + 1))
    expect(now.locator(".cg-past")).to_be_hidden()
    expect(now.locator("#cg-drawer h2")).to_have_text("Armed clash, 30 killed")  # what was open says what is known now
    expect(now.locator("#cg-drawer .cg-drawer-severity")).to_contain_text("critical")
    versions = now.locator("#cg-drawer .cg-history > li")
    expect(versions).to_have_count(2)
    expect(versions.nth(0)).to_contain_text("moderate → critical")
    expect(versions.nth(0)).to_contain_text("0 → 30")
    expect(versions.nth(1)).to_contain_text("first heard")

    past = screen.ready(page(f"{orlane.url}/?{NEAR}&layers=incidents&as_known_at={then:%Y-%m-%dT%H:%M:%SZ}"))
    expect(past.locator(".cg-past")).to_contain_text(f"You see what was known at {then:%d%H%M}Z")
    expect(past.locator("html")).to_have_attribute("data-past", "")
    expect(past.locator("#word-as_known_at")).to_contain_text(f"{then:%d%H%M}Z")
    screen.says(screen.count(past, "Incidents"), str(count))
    screen.says(screen.figure(past, "critical"), str(critical))
    past.mouse.click(*screen.spot(past, lon, lat))
    expect(past.locator("#cg-drawer h2")).to_have_text("Armed clash")
    expect(past.locator("#cg-drawer .cg-drawer-severity")).to_contain_text("moderate")
    expect(past.locator("#cg-drawer .cg-history > li")).to_have_count(1)
    past.locator("#cg-drawer .cg-close").click()

    # News do not reach into the past, and do not ring there.
    news = Happening("L30", 0, "Attack on aid", "critical", -118.4, -29.2, "Bridge blown up", "Cessan")
    tally = mission.send(orlane, "table", "log", mission.log([news], datetime.now(UTC)))
    screen.brought(past, tally["revision"])
    screen.says(screen.figure(past, "critical"), str(critical))
    screen.says(screen.count(past, "Incidents"), str(count))
    expect(past.locator(".cg-pulse")).to_have_count(0)

    past.get_by_role("button", name="Return to now").click()
    screen.says(screen.count(past, "Incidents"), str(count))  # one taken back, one new
    screen.says(screen.figure(past, "critical"), str(critical + 2))
    expect(past.locator(".cg-past")).to_be_hidden()
    assert "as_known_at" not in screen.asked(past)


def next_second() -> datetime:
    """A whole second after everything that is known by now, and before what comes next."""
    then = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    while datetime.now(UTC) <= then:
        time.sleep(0.05)
    return then


# Out of the picture


def test_what_is_shown_is_taken_home_as_a_file(orlane: Served, page: OpenPage) -> None:
    opened = screen.ready(page(f"{orlane.url}/?window=all&severity=severe"))
    shown = mission.asks(orlane, "/ogc/collections/incidents/items?severity=severe&limit=1000")["features"]
    opened.get_by_role("button", name="Export").press("Enter")
    expect(opened.get_by_role("combobox", name="Which records")).to_be_focused()
    with opened.expect_download() as coming:
        opened.keyboard.press("Tab")
        opened.keyboard.press("Enter")
    assert coming.value.suggested_filename.endswith(".csv")
    with coming.value.path().open(encoding="utf-8-sig", newline="") as file:
        hashtags, *rows = csv.DictReader(file)
    assert hashtags["adm1_pcode"] == "#adm1+code"
    assert {row["id"] for row in rows} == {feature["id"] for feature in shown}
    assert rows


def test_an_alert_is_issued_on_the_second_word_and_cancelled(orlane: Served, page: OpenPage) -> None:
    opened = screen.ready(page(f"{orlane.url}/alerts?new=1"))
    form = opened.locator(".cg-alerts-form")
    agency = form.get_by_label("In the name of")
    if agency.input_value() == "":
        agency.select_option(index=1)
    words = form.locator('[data-language="en"]')
    words.get_by_label("Event").fill("Flood")
    words.get_by_label("Headline").fill("The river <b>rises</b>")
    form.get_by_label("Area in words").fill("Both banks")
    form.get_by_label("Polygon").fill("-29,-118 -30,-118 -30,-117")
    form.get_by_role("button", name="Preview").press("Enter")
    go = form.get_by_role("button", name="Send it now")
    expect(go).to_be_focused()
    assert mission.asks(orlane, "/api/alerts")["alerts"] == [], "nothing goes out unasked"
    words.get_by_label("Event").fill("Flash flood")
    expect(go).to_be_hidden()
    form.get_by_role("button", name="Preview").press("Enter")
    expect(form.get_by_text("Goes out as an exercise message")).to_be_visible()
    expect(go).to_be_focused()
    go.press("Enter")
    row = opened.locator('.cg-alerts-row[data-state="force"]')
    expect(row).to_contain_text("The river <b>rises</b>")
    (sent,) = mission.asks(orlane, "/api/alerts")["alerts"]
    assert (sent["event"], sent["status"]) == ("Flash flood", "Exercise")
    row.get_by_role("button", name="Cancel alert").press("Enter")
    opened.get_by_label("Why it is cancelled").fill("The dam holds")
    opened.get_by_role("button", name="Preview").press("Enter")
    opened.get_by_role("button", name="Send it now").press("Enter")
    expect(opened.locator('.cg-alerts-row[data-state="replaced"]')).to_have_count(1)
    expect(row).to_have_count(0)
    assert [one["kind"] for one in mission.asks(orlane, "/api/alerts")["alerts"]] == ["Cancel", "Alert"]
