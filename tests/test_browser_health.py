"""The health page in a real browser: what wants attention first, what is unknown, and a road closed to see who loses access."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from dashboard.http import make_server
from tests import screen
from tests.site import Site, served, site
from tests.test_reachable import MARKED, SHUT, cases, people_at, sites, stock, street, streets, town

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, str]]:
    with site(tmp_path_factory.mktemp("health")) as found:
        found.put(town(), "codab", "OCHA", **MARKED)
        found.put([street(*one) for one in streets()], "roads", "LOG", **MARKED)
        surge = [*cases("XT00", [1] * 12), *cases("XT10", [1] * 11 + [30]), *cases("XT20", [1] * 11 + [None])]
        found.put([*sites(), *stock(), *surge], "moh", "MOH", **MARKED)
        with served(make_server(found.services, found.hub)) as url:
            yield found, url


def test_what_wants_attention_is_first_and_unknown_is_not_zero(here: tuple[Site, str], page: OpenPage) -> None:
    opened = screen.ready(page(here[1] + "/health"))
    rows = opened.locator(".cg-health-row.cg-health-item")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("Clinic C")
    expect(rows.first.locator('[data-part="other"]')).to_have_text("Clinic A")
    expect(rows.first.locator('[data-part="beds"]')).to_have_text("not reported")
    first = rows.filter(has=opened.locator("b").get_by_text("Clinic A", exact=True)).last
    expect(first.locator('[data-part="waits"]')).to_have_text("35 min")
    expect(opened.locator(".cg-health-services li")).to_contain_text(["maternity"])

    opened.get_by_role("tab", name="Diseases").click()
    expect(opened.locator(".cg-health-chance")).to_contain_text("alarms 1 in 2 tests")
    areas = opened.locator(".cg-disease-row.cg-health-item")
    expect(areas.first).to_contain_text("Box XT10")
    expect(areas.first.locator('[data-part="flag"]')).to_contain_text("surge")
    expect(areas.first.locator('[data-part="complete"]')).to_have_text("80 %")
    silent = areas.filter(has_text="Box XT20").locator('[data-part="cases"]')
    expect(silent).to_have_text("not reported")
    assert screen.cut_off(opened) == []


def test_a_road_is_closed_to_see_who_loses_access_and_nothing_is_written(
    here: tuple[Site, str], page: OpenPage
) -> None:
    found, url = here
    revision = found.picture.revision
    opened = screen.ready(page(url + "/health?tab=access&goal=hub"))
    expect(opened.locator(".cg-closures li")).to_have_count(1)
    expect(opened.locator(".cg-closures li")).to_contain_text(f"{SHUT[0]}-{SHUT[1]}")
    expect(opened.locator(".cg-lost")).to_be_hidden()
    for name in ("(3, 4)-(4, 4)", "(4, 3)-(4, 4)"):
        opened.locator("#access-road").select_option(label=name)
        expect(opened.locator(".cg-closures li").filter(has_text=name)).to_contain_text("what if")
    expect(opened.locator(".cg-lost-head")).to_have_text(f"About {people_at(4, 4):,} people would lose access")
    expect(opened.locator(".cg-lost-areas li")).to_contain_text(["Box XT44"])
    expect(opened.locator(".cg-dry li").first).to_contain_text("Clinic B")
    expect(opened.locator(".cg-dry li").first).to_contain_text("4 days")
    assert screen.asked(opened)["closed"].count(",") == 1

    # The address is the view: another who opens it sees the same, in another language, on a phone.
    other = page("about:blank")
    other.set_viewport_size({"width": 390, "height": 844})
    other.goto(opened.url + "&lang=fr")
    screen.ready(other)
    expect(other.locator(".cg-lost-head")).to_contain_text("perdraient l’accès")
    assert screen.cut_off(other) == []

    opened.locator(".cg-closures li").filter(has_text="(3, 4)-(4, 4)").get_by_role("button", name="Open again").click()
    expect(opened.locator(".cg-lost-head")).to_have_text("Nobody would lose access")
    assert found.picture.revision == revision


def test_a_click_on_the_map_closes_a_road_and_the_drawer_says_how_one_gets_there(
    here: tuple[Site, str], page: OpenPage
) -> None:
    _, url = here
    opened = screen.ready(page(url + "/health?tab=access&at=0.0719,30.0719,12"))
    x, y = screen.spot(opened, 30 + 2 / 111.32, 4 / 111.32)
    opened.mouse.click(x, y)
    opened.wait_for_url(re.compile("closed="))
    expect(opened.locator(".cg-closures li").first).to_contain_text("(0, 1)-(1, 1)")
    opened.get_by_role("tab", name="Facilities").click()
    opened.locator('.cg-h-facility [data-part="title"]').get_by_text("Clinic B", exact=True).click()
    ways = opened.locator("#cg-drawer .cg-ways")
    expect(ways).to_contain_text("Clinic A")
    expect(ways).to_contain_text(re.compile("1–2 h|30–60 min"))


def test_a_closure_that_is_reported_meanwhile_is_on_screen(here: tuple[Site, str], page: OpenPage) -> None:
    found, url = here
    opened = screen.ready(page(url + "/health?tab=access"))
    one, other, kind = streets()[0]
    shut = street(one, other, kind)
    moved = found.put(
        [type(shut)(**{**fields(shut), "status": "closed", "reason": "Flooded"})], "roads2", "LOG", **MARKED
    )
    screen.brought(opened, moved)
    expect(opened.locator(".cg-closures li").filter(has_text="Flooded")).to_contain_text(f"{one}-{other}")


def fields(route: object) -> dict[str, object]:
    names = ("source_ref", "title", "category", "wkb", "lon", "lat", "event_time")
    return {name: getattr(route, name) for name in names}
