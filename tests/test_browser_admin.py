"""Administration in a browser: a change of sharing reaches open pages, View as, break-glass, and what is shown once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests import screen
from tests.conftest import outside
from tests.partners import RECORDS, Run, agreement, running

Open = Callable[..., Page]
PARTS = ("agreements", "sources", "agencies", "people", "displays", "programs", "glass", "log")
WINDOW = "window=1y"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with running(tmp_path) as found:
        found.done("lia", "/api/admin/agreements/add", agreement("JOC-WFP"))
        yield found


@pytest.fixture
def as_(browser: Browser, run: Run) -> Iterator[Open]:
    """as_(who, path): a browser of their own in which somebody is signed in. Its pages must ask nothing of another host."""
    contexts, faults = [], []

    def opened(who: str, path: str, width: int = 1920, height: int = 1080) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        context.set_default_timeout(screen.PATIENCE_MS)
        if who:
            identity = run.site.services.identity
            found = identity.account(who)
            assert found is not None
            secret = identity.begin_session(found, "password")
            context.add_cookies([{"name": "commonground", "value": secret, "url": run.site.url, "httpOnly": True}])
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(f"uncaught: {error}"))
        page.on("request", lambda request: outside(request.url) and faults.append(f"asked for {request.url}"))
        page.goto(run.site.url + path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not faults, faults


def row(page: Page, name: str) -> Locator:
    return page.locator(f'.cg-calendar-row[data-agreement="{name}"]')


def focus(page: Page, key: str) -> Locator:
    return page.locator(f'[data-focus="{key}"]')


def record_of(run: Run, who: str, source: str) -> str:
    found = run.told(who, f"/ogc/collections/incidents/items?source={source}")["features"][0]["properties"]["id"]
    return str(found)


def test_a_revoked_agreement_is_gone_from_the_partners_open_page(run: Run, as_: Open) -> None:
    ours = record_of(run, "lia", "log")
    partner = screen.ready(as_("wim", f"/?{WINDOW}&at=5,30,8&record={ours}"))
    everything = RECORDS["open"] + RECORDS["log"]
    screen.says(screen.count(partner, "Incidents"), str(everything))
    expect(partner.locator(".cg-why-clause")).to_have_text("agreement “JOC-WFP” of JOC")
    expect(partner.locator(".cg-marking")).to_have_text("MODERATE · OWNERS ONLY")
    x, y = screen.spot(partner, 30.0, 5.0)  # where the log's first incident is
    before = screen.pixels(partner, x - 16, y - 16, 32, 32)
    known = screen.revision(partner)

    manager = screen.ready(as_("lia", "/admin"))
    expect(row(manager, "JOC-WFP").locator(".cg-calendar-ends")).to_contain_text("in 1")
    expect(manager.locator('.cg-calendar-group[data-phase="soon"] .cg-calendar-row')).to_have_count(1)
    focus(manager, "revoke-JOC-WFP").press("Enter")
    change = manager.locator(".cg-change")
    expect(change).to_have_count(1)
    expect(change).to_have_attribute("data-turn", "loses")
    expect(change).to_contain_text("WFP")
    expect(change).to_contain_text(f"{RECORDS['log']} records")
    expect(screen.count(partner, "Incidents")).to_have_text(str(everything))  # nothing is done yet
    manager.locator("textarea").fill("The letter was withdrawn")
    manager.get_by_role("button", name="Revoke now").press("Enter")

    screen.says(screen.count(partner, "Incidents"), str(RECORDS["open"]))
    expect(partner.locator("#cg-drawer .cg-empty")).to_have_text("There is no such record in your picture.")
    expect(partner.locator(".cg-marking")).to_have_text("LOW · REL MISSION")
    screen.until(partner, lambda: screen.revision(partner) > known, "a later revision")
    screen.until(
        partner,
        lambda: bool((screen.pixels(partner, x - 16, y - 16, 32, 32) != before).any()),
        "the mark's end on the map",
    )
    expect(manager.locator('[data-phase="over"] .cg-calendar-row')).to_have_attribute("data-agreement", "JOC-WFP")
    expect(focus(manager, "revoke-JOC-WFP")).to_have_count(0)
    page = screen.ready(as_("ada", "/admin?part=log"))
    newest = page.locator(".cg-admin-log tbody tr").filter(has_text="The letter was withdrawn")
    expect(newest).to_contain_text("lia")
    focus(page, "log-check").click()
    expect(page.locator(".cg-admin-checked")).to_have_attribute("data-whole", "yes")


def test_a_mark_is_foreseen_then_set(run: Run, as_: Open) -> None:
    partner = screen.ready(as_("ivo", f"/?{WINDOW}&agency=JOC"))
    screen.says(screen.count(partner, "Incidents"), "0")
    page = screen.ready(as_("lia", "/admin?part=sources"))
    focus(page, "mark-log").click()
    page.get_by_label("the whole mission").check()
    page.get_by_role("button", name="Show what it changes").click()
    gains = page.locator('.cg-change[data-turn="gains"] b')
    expect(gains).to_have_text(["INTEL", "MON"])
    # Another choice takes back what was foreseen.
    page.get_by_label("Sensitivity", exact=True).select_option("high")
    expect(page.locator(".cg-change")).to_have_count(0)
    expect(page.get_by_role("button", name="Set this mark")).to_be_hidden()
    page.get_by_role("button", name="Show what it changes").click()
    expect(page.locator('.cg-change[data-turn="loses"]').filter(has_text="WFP")).to_have_count(1)
    page.get_by_role("button", name="Set this mark").press("Enter")
    expect(page.locator(".cg-col-marking").filter(has_text="HIGH · REL JOC, MISSION")).to_have_count(1)
    expect(focus(page, "mark-log")).to_be_focused()  # where one came from
    screen.says(screen.count(partner, "Incidents"), str(RECORDS["log"]))


def test_looking_as_a_partner(run: Run, as_: Open) -> None:
    run.done("lia", "/api/admin/agreements/revoke", {"name": "JOC-WFP"})
    page = screen.ready(as_("lia", "/admin?part=agencies&theme=light"))
    focus(page, "look-agency-WFP").click()
    page.wait_for_url(re.compile(r"view_as=agency%3AWFP"))
    screen.ready(page)
    bar = page.locator(".cg-as")
    expect(bar.locator("b").first).to_have_text("View as anybody of WFP, cleared to moderate")
    page.goto(f"{page.url}&{WINDOW}")
    screen.ready(page)
    screen.says(screen.count(page, "Incidents"), str(RECORDS["open"]))
    counts = bar.locator(".cg-as-counts")
    expect(counts).to_have_text(f"{RECORDS['open']} shown · {RECORDS['log']} withheld")
    counts.press("Enter")
    clause = page.locator(".cg-as-detail li")
    expect(clause).to_have_text(
        [re.compile(f"{RECORDS['log']}.*not released by its owner.*incidents {RECORDS['log']}")]
    )
    page.keyboard.press("Escape")
    expect(page.locator(".cg-as-detail")).to_be_hidden()
    assert screen.cut_off(page) == []
    # What is granted meanwhile is seen as they see it.
    run.done("lia", "/api/admin/agreements/add", agreement("JOC-WFP again"))
    screen.says(screen.count(page, "Incidents"), str(RECORDS["open"] + RECORDS["log"]))
    expect(counts).to_have_text(f"{RECORDS['open'] + RECORDS['log']} shown · 0 withheld")
    # It goes along from page to page, but not to administration.
    assert "view_as" in (page.locator('.cg-nav a[href^="/feeds"]').get_attribute("href") or "")
    assert "view_as" not in (page.locator('.cg-nav a[href^="/admin"]').get_attribute("href") or "")
    page.locator('.cg-nav a[href^="/feeds"]').click()
    screen.ready(page)
    expect(page.locator(".cg-as b").first).to_contain_text("WFP")
    page.get_by_role("button", name="Leave").click()
    page.wait_for_url(lambda address: "view_as" not in address)
    screen.ready(page)
    expect(page.locator(".cg-as")).to_have_count(0)
    # Whoever may not look is told so, and sees nothing of it.
    other = as_("wim", "/?view_as=agency:JOC")
    expect(other.locator(".cg-empty")).to_contain_text("Only an administrator or an agency’s liaison".replace("’", "'"))


def test_glass_is_asked_for_on_a_record_and_its_owner_learns_of_it(run: Run, as_: Open) -> None:
    run.done(
        "ivo",
        "/api/admin/agreements/add",
        agreement("INTEL-WFP", "INTEL", minimum_precision="adm2", maximum_sensitivity="high"),
    )
    run.done("ada", "/api/admin/accounts/change", {"name": "wim", "clearance": "high"})
    theirs = record_of(run, "wim", "intel")
    owner = screen.ready(as_("ivo", "/admin?part=glass"))
    expect(owner.locator(".cg-admin-notice")).to_have_count(0)
    page = screen.ready(as_("wim", f"/?{WINDOW}&record={theirs}"))
    expect(page.locator(".cg-duties li").first).to_have_text("withheld: description")
    page.get_by_role("button", name="Ask to see all of it").click()
    expect(page.get_by_label("Records of")).to_have_value("INTEL")
    page.get_by_label("Reason").fill("short")
    page.get_by_role("button", name="Break the glass").click()
    expect(page.locator(".cg-form-error")).to_contain_text("Say why")
    page.get_by_label("Reason").fill("A convoy is cut off there")
    page.get_by_role("button", name="Break the glass").click()
    notice = owner.locator(".cg-admin-notice")
    expect(notice).to_contain_text("wim broke the glass over records of INTEL")
    expect(notice).to_contain_text("A convoy is cut off there")
    expect(page.locator(".cg-why-clause").first).to_have_text("break-glass: A convoy is cut off there")
    notice.get_by_role("button", name="Close it").click()
    expect(owner.locator(".cg-admin-notice")).to_have_count(0)
    expect(page.locator(".cg-why-clause").first).to_have_text("agreement “INTEL-WFP” of INTEL")


def test_a_display_is_added_signs_in_by_its_link_and_is_shut_out(run: Run, as_: Open) -> None:
    page = screen.ready(as_("ada", "/admin?part=displays"))
    focus(page, "add-display").click()
    page.get_by_label("Name of the display").fill("Gate <b>1</b>")
    page.get_by_label("Agency").fill("JOC")
    page.get_by_role("button", name="Add the display").click()
    expect(page.locator(".cg-form-error")).to_contain_text("cannot be an account's name")
    page.get_by_label("Name of the display").fill("gate 1")
    page.get_by_role("button", name="Add the display").click()
    link = page.locator(".cg-secret").input_value()
    assert link.startswith(f"{run.site.url}/wall?display=cg_")
    wall = as_("", link.removeprefix(run.site.url))
    screen.ready(wall)
    assert "display=" not in wall.url
    page.get_by_role("button", name="Close").click()
    assert page.locator(".cg-secret").count() == 0
    page.reload()
    screen.ready(page)
    assert link.rpartition("=")[2] not in page.content()
    shown = page.locator(".cg-admin-displays tbody tr").filter(has_text="gate 1")
    shown.get_by_role("button", name="Disable").click()
    expect(page.locator(".cg-admin-side")).to_contain_text("gate 1 is signed out at once")
    page.get_by_role("button", name="Disable now").click()
    expect(shown).to_have_attribute("data-state", "disabled")
    wall.wait_for_url(re.compile("/sign-in"))


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (390, 844)])
@pytest.mark.parametrize("lang", ["en", "fr", "ar"])
def test_nothing_is_cut_off(run: Run, as_: Open, width: int, height: int, lang: str) -> None:
    run.done("wim", "/api/admin/glass/open", {"owner": "JOC", "reason": "People are in danger there", "hours": 1})
    page = as_("ada", f"/admin?lang={lang}", width, height)
    with screen.quiet(page):
        for part in PARTS:
            page.goto(f"{run.site.url}/admin?lang={lang}&part={part}")
            screen.ready(page)
            expect(page.locator("[aria-current=true]")).to_have_attribute("data-focus", f"part-{part}")
            assert screen.cut_off(page) == [], part
            told = page.locator("#cg-admin").inner_text()
            assert not re.search(r"\b(admin|form|why|as|precision|role)\.[a-z]", told), told  # a key without a text
            assert "undefined" not in told
            assert "[object" not in told
        focus(page, "part-agreements").click()
        focus(page, "agreement-add").click()
        expect(page.locator(".cg-form")).to_be_visible()
        assert screen.cut_off(page) == []


def test_whoever_has_nothing_here_is_told_so(run: Run, as_: Open) -> None:
    page = as_("hall", "/admin")
    expect(page.locator(".cg-empty")).to_contain_text("nothing to administer")
    plain = screen.ready(as_("wim", f"/admin?part={quote('log')}"))
    expect(plain.locator(".cg-admin-part")).to_have_count(4)
    expect(row(plain, "JOC-WFP")).to_be_visible()
    expect(plain.locator(".cg-calendar button")).to_have_count(0)
