"""The supply page: what runs out is ranked, a site tells its months and its range, and what could be moved is only a proposal."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import openpyxl
import pytest
from playwright.sync_api import Page, expect

from tests import screen
from tests.mission import asks, send
from tests.program import Served

OpenPage = Callable[..., Page]
SITES = {
    "Alpha": (-119.6, -29.2, [60] * 12, 20.0),
    "Beta": (-119.3, -29.1, [60] * 12, 0.0),
    "Gamma": (-118.2, -29.2, [50] * 12, 900.0),
    "=Delta": (-118.1, -29.9, [None] * 12, 70.0),
}


@pytest.fixture(scope="module")
def stocked(orlane: Served) -> Served:
    now = datetime.now(UTC)
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(
        ["site_code", "product_code", "product_name", "date", "consumed", "stock_on_hand", "latitude", "longitude"]
    )
    for name, (lon, lat, used, left) in SITES.items():
        month = now.replace(day=1)
        for at, amount in enumerate(used):
            month = (month - timedelta(days=1)).replace(day=28)
            if amount is not None:
                rows.writerow([name, "ORS", "Salts", f"{month:%Y-%m-%d}", amount + at % 3, 120, lat, lon])
            month = month.replace(day=1)
        rows.writerow([name, "ORS", "Salts", f"{now - timedelta(days=1):%Y-%m-%d}", "", left, lat, lon])
    places = io.StringIO()
    listed = csv.writer(places)
    listed.writerow(["facility_code", "facility_name", "facility_type", "latitude", "longitude"])
    listed.writerows([name, name, "Health centre", lat, lon] for name, (lon, lat, _, _) in SITES.items())
    send(orlane, "sites", "depots", places.getvalue().encode())
    send(orlane, "stock", "depots", out.getvalue().encode())
    way = (
        "Waybill No.,Commodity,Quantity dispatched,From,To,Dispatch date,ETA,Status\n"
        f"W-1,Salts,200,Port,Alpha,{now:%Y-%m-%d},{now + timedelta(days=40):%Y-%m-%d},In transit\n"
    )
    send(orlane, "shipments", "convoys", way.encode())
    return orlane


def test_what_runs_out_first_is_first_and_unknown_is_never_endless(stocked: Served, page: OpenPage) -> None:
    opened = screen.ready(page(stocked.url + "/supply"))
    rows = opened.locator(".cg-supply-window .cg-supply-row")
    expect(rows).to_have_count(4)
    expect(rows.locator('[data-part="name"]')).to_have_text(["Beta", "Alpha", "Gamma", "=Delta"])
    expect(rows.locator('[data-part="days"]')).to_have_text(
        ["0 d", re.compile(r"^(9|10) d$"), re.compile(r"^\d{3} d$"), "unknown"]
    )
    told = asks(stocked, "/api/supply")
    assert told["classes"]["stockout"] == 1
    assert told["classes"]["unknown"] == 1
    assert told["track"]["why"] == "thin"  # four sites teach nothing, and nothing is claimed
    expect(opened.locator(".cg-supply-notes")).to_contain_text("too little history")
    # What is on its way comes after the stock has ended.
    expect(rows.nth(1).locator('[data-part="coming_more"]')).to_have_text("after stock ends")


def test_a_site_opens_by_keyboard_with_its_range_and_closes_again(stocked: Served, page: OpenPage) -> None:
    opened = screen.ready(page(stocked.url + "/supply?item=ORS"))
    grid = opened.get_by_role("grid")
    grid.focus()
    grid.press("ArrowDown")
    grid.press("ArrowDown")
    grid.press("Enter")
    site = opened.locator(".cg-supply-site")
    expect(site.get_by_role("heading", name="Alpha")).to_be_visible()
    expect(site.locator(".cg-fan-range")).to_have_count(1)
    expect(site.locator(".cg-fan-used")).not_to_have_count(0)
    expect(site.locator(".cg-supply-break")).to_contain_text("Pipeline break")
    assert screen.asked(opened)["product"] == "ORS"
    site.get_by_role("button", name="Close").click()
    expect(site).to_be_hidden()


def test_what_could_be_moved_is_a_proposal_and_a_sheet_that_runs_nothing(stocked: Served, page: OpenPage) -> None:
    opened = screen.ready(page(stocked.url + "/supply?item=ORS"))
    opened.get_by_role("tab", name="Could move").click()
    moves = opened.locator(".cg-supply-move")
    expect(moves).to_have_count(2)
    expect(opened.locator(".cg-supply-caution")).to_contain_text("not an order")
    before = asks(stocked, "/api/status")["records"]
    with opened.expect_download() as download:
        opened.get_by_role("link", name=re.compile("XLSX")).click()
    book = openpyxl.load_workbook(io.BytesIO(download.value.path().read_bytes()))
    cells = [cell.value for row in book.worksheets[0].iter_rows() for cell in row if cell.value is not None]
    assert {"Gamma", "Beta", "Alpha"} <= set(cells)
    assert not any(isinstance(cell, str) and cell.startswith("=") for cell in cells)
    assert asks(stocked, "/api/status")["records"] == before  # nothing was moved


@pytest.mark.parametrize("lang", ["fr", "ar"])
def test_the_page_speaks_other_languages_and_fits_a_phone(stocked: Served, page: OpenPage, lang: str) -> None:
    opened = screen.ready(page(f"{stocked.url}/supply?item=ORS&lang={lang}", 390, 844))
    assert opened.locator("#cg-app").evaluate("node => node.scrollWidth <= innerWidth")
    assert "supply." not in opened.locator("#cg-supply").inner_text()
    expect(opened.locator(".cg-supply-window .cg-supply-row")).to_have_count(4)
