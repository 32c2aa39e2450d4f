"""The watch in a browser: from what is overdue to its acknowledgement on another's screen, one event of two reports, handover."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect

import app
from dashboard.http import make_server
from dashboard.live import Hub
from data.accounts import Profile
from data.escalation import Escalation, Level
from data.picture import Picture
from data.records import Incident, Sensitivity, Severity
from data.settings import Mission, Settings, Source
from data.store import Batch, open_store
from tests import screen
from tests.conftest import outside
from tests.pictures import entry
from tests.site import Site, land, served

Open = Callable[..., Page]
NOW = datetime.now(UTC).replace(microsecond=0)
PEOPLE = (
    Profile("ann", agency="JOC", clearance=Sensitivity.high, roles=("watch",)),
    Profile("ben", agency="JOC", clearance=Sensitivity.high, roles=("watch",)),
)
SOURCES = (
    Source("log", "table", "JOC", title="JOC log", sensitivity=Sensitivity.low, releasable_to=("mission",)),
    Source("monitor", "table", "MON", title="Monitor", sensitivity=Sensitivity.low, releasable_to=("mission",)),
)
MATRIX = Escalation(
    "critical", (Level("JOC", timedelta(minutes=15)), Level("Chief", timedelta(days=2))), severity=Severity.critical
)


def incident(ref: str, **said: object) -> Incident:
    told = {"category": "Looting", "event_time": NOW - timedelta(hours=3), "lon": 30.5, "lat": 6.0, "place": "Doro"}
    return Incident(**{"source_ref": ref, **told, **said})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("watch")
    settings = Settings(
        home=home,
        database_url=f"sqlite:///{home / 'commonground.sqlite'}",
        mission=Mission("Test mission", marking="UNCLASSIFIED"),
        sources={source.name: source for source in SOURCES},
        agencies={"JOC": "Joint Operations Centre", "MON": "Monitor"},
        escalation=(MATRIX,),
    )
    store = open_store(settings.database_url)
    picture = Picture(store, app._sharing(store, settings))
    services = app._services(settings, store, picture)
    found = Site(home, services, store, picture, Hub(services, wait_s=0.2))
    found.put(land(), "areas", "NSO", releasable_to=("mission",))
    said = "Convoy of the relief agency looted on the Doro road by armed men"
    found.put(
        [
            incident("bridge", title="Bridge at Doro blown up", category="Attack", severity=Severity.critical, lon=31.0),
            incident("convoy", title="Convoy looted", description=said, fatalities=2),
        ],
        "log", "JOC", releasable_to=("mission",),
    )  # fmt: skip
    found.put(
        [incident("m1", title="Aid convoy robbed", description=f"{said}.", fatalities=4, lon=30.51)],
        "monitor", "MON", releasable_to=("mission",),
    )  # fmt: skip
    for profile in PEOPLE:
        services.identity.add(profile, "test")
    try:
        with served(make_server(services, found.hub)) as found.url:
            yield found
    finally:
        found.hub.stop()
        store.close()


@pytest.fixture
def as_(browser: Browser, site: Site) -> Iterator[Open]:
    """as_(who, path): a browser of their own in which somebody is signed in."""
    contexts, faults = [], []

    def opened(who: str, path: str, width: int = 1920, height: int = 1080) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        context.set_default_timeout(screen.PATIENCE_MS)
        found = site.services.identity.account(who)
        assert found is not None
        secret = site.services.identity.begin_session(found, "password")
        context.add_cookies([{"name": "commonground", "value": secret, "url": site.url, "httpOnly": True}])
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(f"uncaught: {error}"))
        page.on("request", lambda request: outside(request.url) and faults.append(f"asked for {request.url}"))
        page.goto(site.url + path)
        return screen.ready(page)

    yield opened
    for context in contexts:
        context.close()
    assert not faults, faults


def test_what_lies_with_the_watch_is_acknowledged_by_keyboard_and_on_the_others_screen(site: Site, as_: Open) -> None:
    other = as_("ben", "/watch")
    theirs = other.locator(".cg-watch-row").filter(has_text="Bridge at Doro")
    expect(theirs.locator(".cg-hand-badge")).to_have_text("Not acknowledged · JOC")
    page = as_("ann", "/watch")
    page.locator(".cg-watch-title").filter(has_text="Bridge").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("record="))
    tools = page.locator("#cg-drawer .cg-hand-tools")
    tools.locator('[data-act="acknowledge"]').focus()
    page.keyboard.press("Enter")
    expect(page.locator("#cg-drawer .cg-hand-state")).to_contain_text("Acknowledged")
    expect(theirs.locator(".cg-hand-badge")).to_have_text("Acknowledged")
    # Given to an agency, and closed with what was done; each is a line of its history.
    tools.locator('[data-act="assign"]').click()
    page.locator(".cg-hand-form input").fill("MON")
    page.keyboard.press("Enter")
    expect(page.locator("#cg-drawer .cg-hand-state")).to_contain_text("MON")
    tools.locator('[data-act="close"]').click()
    page.locator(".cg-hand-form textarea").fill("Ferry runs instead")
    page.locator(".cg-hand-form .cg-action").click()
    expect(page.locator(".cg-hand-acts > li")).to_have_count(3)
    expect(page.locator(".cg-hand-acts > li").first).to_contain_text("Ferry runs instead")
    expect(theirs).to_have_count(0)
    # From a record to a warning: the form is filled, nothing is sent.
    link = page.locator(".cg-hand-tools .cg-link")
    assert "/alerts?about=" in (link.get_attribute("href") or "")
    link.click()
    headline = page.locator('.cg-alerts-language[data-language="en"] input').nth(1)
    expect(headline).to_have_value("Bridge at Doro blown up: Doro")
    assert site.services.alerts.issued() == []


def test_what_is_overdue_is_in_the_head_of_every_page(site: Site, as_: Open) -> None:
    record = incident("mine", title="Mine strike", severity=Severity.critical)
    marked = {"source": "log", "agency": "JOC", "sensitivity": Sensitivity.low, "releasable_to": ("mission",)}
    received = int((datetime.now(UTC) - timedelta(hours=1)).timestamp() * 1e6)
    site.store.append(
        Batch("log", "test", "mine.json", "01", received, [[entry(1, msgspec.structs.replace(record, **marked))]])
    )
    site.picture.catch_up()
    for path in ("/feeds", "/wall"):
        page = as_("ann", path)
        expect(page.locator(".cg-banner-overdue")).to_have_text("1 overdue")
        page.close()
    page = as_("ann", "/watch?lang=ar", 390, 844)
    row = page.locator(".cg-watch-row[data-overdue]").filter(has_text="Mine strike")
    expect(row.locator(".cg-hand-badge")).to_contain_text("Chief")
    assert not page.evaluate(screen.CUT_OFF)
    row.locator(".cg-watch-does .cg-action").click()
    expect(page.locator(".cg-banner-overdue")).to_be_hidden()


def test_two_reports_are_linked_side_by_side_counted_once_and_parted_again(site: Site, as_: Open) -> None:
    page = as_("ann", "/watch?part=same")
    pair = page.locator(".cg-same-pair")
    expect(pair).to_have_count(1)
    expect(pair.locator("tr[data-agrees] th").first).to_be_visible()
    fatalities = pair.locator("tr").filter(has_text="Killed")
    assert {cell.inner_text() for cell in fatalities.locator("td").all()} == {"2", "4"}
    pair.locator('[data-verdict="linked"]').click()
    expect(pair).to_have_count(0)
    total = len(site.picture.seen_by(site.services.identity.named("ann")).rows("incident"))  # type: ignore[arg-type]
    expect(page.locator(".cg-same .cg-watch-summary")).to_contain_text(f"{total - 1} events, of {total} reports")
    page.locator('[data-judged="linked"]').click()
    pair.locator("th .cg-link").first.click()
    same = page.locator("#cg-drawer .cg-hand-same")
    expect(same).to_contain_text("Killed, as reported: 2–4")
    expect(same.locator("li")).to_have_count(2)
    pair.locator('[data-verdict="open"]').click()
    expect(pair).to_have_count(0)
    expect(same).to_be_hidden()
    page.locator('[data-judged="open"]').click()
    expect(pair).to_have_count(1)


def test_a_watch_is_handed_over_and_signed_by_both(as_: Open) -> None:
    page = as_("ann", "/watch?part=handover")
    page.locator(".cg-watch-give textarea").fill("Doro bridge: ask at 0600Z")
    page.locator(".cg-watch-give .cg-action").click()
    note = page.locator(".cg-watch-note")
    expect(note).to_contain_text("Given by ann")
    expect(note.locator(".cg-action")).to_have_count(0)
    other = as_("ben", "/watch?part=handover")
    other.locator(".cg-watch-note .cg-action").click()
    expect(note).to_contain_text("taken by ben")
    other.locator(".cg-watch-tab").nth(1).click()
    expect(other.locator(".cg-watch-log > li").first).to_contain_text("Watch taken over · ben")
    page.emulate_media(media="print")
    expect(page.locator(".cg-watch-figures")).to_be_visible()
    expect(page.locator(".cg-watch-give")).to_be_hidden()
