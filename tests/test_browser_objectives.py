"""/objectives and /risks as people use them: agree on something, see how it stands, compare, write a risk and find it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests import screen
from tests.program import Served

OpenPage = Callable[..., Page]
TODAY = datetime.now(UTC)


def day(number: int) -> str:
    return (TODAY + timedelta(days=number)).strftime("%Y-%m-%d")


def act(server: Served, path: str, **told: object) -> str:
    answer = httpx.post(server.url + path, json=told, headers={"Origin": server.url}, timeout=60)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def test_an_objective_is_agreed_measured_and_compared_on_screen(orlane: Served, page: OpenPage) -> None:
    opened = screen.ready(page(orlane.url + "/objectives"))
    expect(opened.locator(".cg-empty")).to_contain_text("write the first objective")
    opened.get_by_role("button", name="New objective").press("Enter")
    form = opened.locator(".cg-plan-form")
    form.get_by_label("Title").fill("Safe roads <b>for all</b>")
    form.get_by_label("Owner").select_option("JOC")
    form.get_by_role("button", name="Save").press("Enter")
    objective = opened.locator(".cg-plan-objective")
    expect(objective.locator("h2")).to_have_text("Safe roads <b>for all</b>")
    objective.get_by_role("button", name="Add a result").press("Enter")
    form.get_by_label("Title").fill("Fewer clashes")
    form.get_by_role("button", name="Save").press("Enter")
    objective.get_by_role("button", name="Add a measure").press("Enter")
    form.get_by_label("Title").fill("Convoys stopped")
    form.get_by_role("button", name="Save").press("Enter")
    expect(form.get_by_role("alert")).to_contain_text("target")  # and what was typed is still there
    expect(form.get_by_label("Title")).to_have_value("Convoys stopped")
    for label, value in (("Baseline", "20"), ("Target", "0")):
        form.get_by_label(label, exact=True).fill(value)
    form.get_by_label("Baseline of").fill(day(-50))
    form.get_by_label("Target by").fill(day(50))
    form.get_by_role("button", name="Save").press("Enter")
    measure = opened.locator("button.cg-plan-measure")
    expect(measure).to_contain_text("not reported")

    measure.press("Enter")
    side = opened.locator(".cg-plan-side")
    side.get_by_text("Enter a value").click()
    side.get_by_label("Value").fill("9")
    side.get_by_label("Source").fill("Log of the convoys")
    side.get_by_role("button", name="Save").press("Enter")
    expect(measure).to_contain_text("on track")
    measure.press("Enter")
    expect(side).to_contain_text("by now")
    expect(side).to_contain_text("Log of the convoys")
    opened.keyboard.press("Escape")
    expect(side).to_be_hidden()
    expect(measure).to_be_focused()
    assert screen.cut_off(opened) == []


def test_before_and_after_is_shown_with_its_limits(orlane: Served, page: OpenPage) -> None:
    objective = act(orlane, "/api/objectives/save", kind="objective", title="Order", agency="JOC")
    result = act(orlane, "/api/objectives/save", kind="result", title="Calm", objective=objective, agency="JOC")
    told = {"kind": "measure", "title": "Incidents", "figure": "incidents:28", "target": 5, "agency": "JOC"}
    measure = act(orlane, "/api/objectives/save", **told, result=result)
    opened = screen.ready(page(f"{orlane.url}/objectives?open={measure}"))
    around = opened.locator(".cg-plan-around")
    around.get_by_label("Date").fill(day(-14))
    around.get_by_role("button", name="Compare").press("Enter")
    expect(around.locator(".cg-plan-verdict")).to_have_attribute("data-verdict", "too_short")
    expect(around).to_contain_text("Seasons, trends")


def test_a_risk_is_written_found_in_the_matrix_and_on_the_map(orlane: Served, page: OpenPage) -> None:
    opened = screen.ready(page(orlane.url + "/risks"))
    opened.get_by_role("button", name="New risk").press("Enter")
    form = opened.locator(".cg-plan-form")
    form.get_by_label("Risk", exact=True).fill("The bridge gives way")
    form.get_by_label("Code").fill("K1")
    form.get_by_label("Area").select_option("XO0202")
    form.get_by_label("Likelihood").select_option("4")
    form.get_by_label("Impact").select_option("5")
    form.get_by_label("Owner").select_option("JOC")
    form.get_by_label("Review by").fill(day(-1))
    form.get_by_role("button", name="Save").press("Enter")
    row = opened.locator("button.cg-risk-row")
    expect(row).to_contain_text("The bridge gives way")
    expect(row).to_contain_text("20 critical")
    expect(row).to_contain_text("overdue")
    expect(opened.locator(".cg-risk-mark")).to_contain_text("Dwale")
    opened.get_by_role("button", name="likely, catastrophic: 1").press("Enter")
    expect(opened.locator(".cg-risk-chosen")).to_contain_text("likely, catastrophic")
    row.press("Enter")
    side = opened.locator(".cg-plan-side")
    side.get_by_text("Review and change").click()
    side.get_by_label("Likelihood").select_option("2")
    side.get_by_label("Review by").fill(day(30))
    side.get_by_role("button", name="Save").press("Enter")
    expect(row).to_contain_text("10 high")
    expect(row).not_to_contain_text("overdue")
    row.press("Enter")
    expect(side).to_contain_text("Likelihood: likely → unlikely")
    assert screen.cut_off(opened) == []


@pytest.mark.parametrize("path", ["/objectives", "/risks"])
def test_it_reads_on_a_phone_and_from_right_to_left(orlane: Served, page: OpenPage, path: str) -> None:
    opened = screen.ready(page(f"{orlane.url}{path}?lang=ar", width=390, height=844))
    expect(opened.locator("html")).to_have_attribute("dir", "rtl")
    expect(opened.locator(".cg-plan-head h1")).to_be_visible()
    assert screen.cut_off(opened) == []
