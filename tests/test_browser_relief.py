"""Community and activities in a browser: what a row narrows, what a cell opens, whom to ask; three languages, a phone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from dashboard.http import make_server
from tests import screen
from tests.site import served
from tests.test_relief import Site, sited

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, str]]:
    with sited(tmp_path_factory.mktemp("relief")) as found, served(make_server(found.services)) as url:
        yield found, url


def figure(page: Page, name: str) -> Locator:
    return page.locator(f'.cg-com-figure[data-figure="{name}"] .cg-com-value')


def row(page: Page, name: str) -> Locator:
    return page.locator(".cg-com-table tr").filter(has=page.get_by_role("button", name=name, exact=True))


def cell(page: Page, area: str, sector: int) -> Locator:
    return page.locator(".cg-act-matrix tbody tr").filter(has_text=area).locator("td").nth(sector)


def test_a_row_of_the_community_page_narrows_it_and_nothing_names_what_is_in_confidence(
    site: tuple[Site, str], page: OpenPage
) -> None:
    _, url = site
    opened = screen.ready(page(url + "/community?window=1y"))
    screen.says(figure(opened, "received"), "63")
    screen.says(figure(opened, "confidence"), "7")
    expect(opened.locator("#cg-community")).not_to_contain_text("Canary")
    expect(opened.locator("#cg-community")).not_to_contain_text("words of")
    row(opened, "Conduct").get_by_role("button").click()
    screen.says(figure(opened, "received"), "20")
    assert screen.asked(opened)["category"] == "Conduct"
    opened.locator(".cg-com-chip").click()
    screen.says(figure(opened, "received"), "63")
    opened.locator(".cg-com-voice").first.click()
    expect(opened.locator("#cg-drawer")).to_contain_text("words of")  # in the record, by whom it is released to
    assert screen.cut_off(opened) == []


def test_the_matrix_goes_by_keys_and_its_cell_says_whom_to_ask(site: tuple[Site, str], page: OpenPage) -> None:
    _, url = site
    opened = screen.ready(page(url + "/activities"))
    expect(cell(opened, "XT0201", 1)).to_have_attribute("data-standing", "no_report")
    expect(cell(opened, "XT0201", 0)).to_have_attribute("data-standing", "no_activity")
    expect(cell(opened, "XT0201", 1)).to_contain_text("25%")
    opened.get_by_role("tab", name=re.compile("Contacts")).click()
    opened.get_by_role("button", name="Add an entry").click()
    form = opened.locator(".cg-act-form")
    form.locator('[name="agency"]').select_option("COORD")
    form.locator('[name="office"]').fill("Water desk <b>")
    form.locator('[name="sector"]').select_option(label="Water, sanitation, hygiene")
    form.locator('[name="phone"]').fill("+999 555 0199")
    form.get_by_role("button", name="Save").click()
    expect(opened.locator(".cg-act-contacts")).to_contain_text("Water desk <b>")

    cell(opened, "XT0101", 0).click()
    expect(opened.locator(".cg-act-activities li")).to_have_count(3)
    expect(opened.locator(".cg-act-twice")).to_contain_text("Mobile clinic: Alpha, Beta")
    opened.keyboard.press("Escape")
    expect(opened.locator(".cg-act-cell")).to_be_hidden()
    cell(opened, "XT0101", 0).focus()
    opened.keyboard.press("ArrowDown")
    opened.keyboard.press("ArrowRight")
    expect(cell(opened, "XT0201", 1)).to_be_focused()
    opened.keyboard.press("Enter")
    expect(opened.locator(".cg-act-cell")).to_contain_text("Water desk <b>")
    expect(opened.locator(".cg-act-due")).to_contain_text("Late")
    assert screen.asked(opened)["cell"] == "wsh,XT0201"
    assert screen.cut_off(opened) == []


@pytest.mark.parametrize(
    ("path", "lang"), [("/community", "fr"), ("/community", "ar"), ("/activities", "ar"), ("/activities", "fr")]
)
def test_in_other_languages_and_on_a_phone_nothing_is_cut_off(
    site: tuple[Site, str], page: OpenPage, path: str, lang: str
) -> None:
    _, url = site
    opened = screen.ready(page(f"{url}{path}?window=1y&lang={lang}", 390, 844))
    expect(opened.locator("html")).to_have_attribute("dir", "rtl" if lang == "ar" else "ltr")
    assert screen.cut_off(opened) == []
