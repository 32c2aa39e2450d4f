"""The feeds page: what each source last did, and every rejected row with its reason; and a partner's file that attacks."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import httpx
import openpyxl
import pytest
from playwright.sync_api import Locator, Page, expect

from tests import mission, screen
from tests.mission import Happening
from tests.program import Served

OpenPage = Callable[..., Page]


def source(page: Page, title: str) -> Locator:
    return page.locator(".cg-feed-item").filter(has=page.locator(".cg-feed-source b").get_by_text(title, exact=True))


def told(row: Locator, what: str) -> Locator:
    return row.locator(f'[data-part="{what}"]')


def test_tried_succeeded_and_observed_are_told_apart(orlane: Served, page: OpenPage) -> None:
    opened = screen.ready(page(orlane.url + "/feeds"))
    rows = opened.locator(".cg-feed-item")
    expect(rows).to_have_count(7)
    # What is in trouble comes first.
    states = [row.get_attribute("data-state") for row in rows.all()]
    assert states == ["failed", "stale", *["fresh"] * 5]

    failed = source(opened, "Warnings")
    expect(told(failed, "state")).to_have_text("failed")
    expect(told(failed, "last_tried")).to_have_text(re.compile(r"^\d+ (s|min)$"))
    expect(told(failed, "last_succeeded")).to_have_text("never")
    expect(told(failed, "last_observed")).to_have_text("never")
    expect(told(failed, "error")).to_contain_text("cannot be reached")
    expect(told(failed, "cadence")).to_have_text("every 1 h")

    log = source(opened, "Incident log")
    expect(told(log, "state")).to_have_text("on time")
    expect(told(log, "last_succeeded")).to_have_text(re.compile(r"^\d+ (s|min)$"))
    expect(told(log, "last_observed")).to_have_text(re.compile(r"^(1 h|6\d min)$"))  # what it last saw is older
    expect(told(log, "accepted")).to_have_text(str(len(mission.LOG)))
    expect(told(source(opened, "Boundaries"), "cadence")).to_have_text("as it comes")
    expect(opened.locator(".cg-feeds-summary")).to_have_text("7 sources, 2 not on time")

    # From the strip of the picture a source leads to its row, however far down that is.
    opened.set_viewport_size({"width": 1800, "height": 420})
    opened.goto(orlane.url + "/?area=XO01")
    screen.ready(opened)
    opened.locator("#cg-strip .cg-source").filter(has_text="Units").click()
    opened.wait_for_url(re.compile(r"/feeds\?area=XO01#units$"))
    screen.ready(opened)
    expect(source(opened, "Units")).to_be_in_viewport()


def test_every_rejected_row_is_there_with_its_reason_and_as_it_came(orlane: Served, page: OpenPage) -> None:
    opened = page("about:blank")
    opened.clock.install()
    opened.goto(orlane.url + "/feeds")
    screen.ready(opened)
    row = source(opened, "Incident log")
    open_button = told(row, "open")
    expect(open_button).to_have_text("0")
    expect(open_button).to_be_disabled()

    good = Happening("R1", 1, "Roadblock", "minor", -119.0, -29.0, "Fine", "Ardel")
    bad = [
        Happening("R2", 1, "Roadblock", "minor", -119.0, 95.0, "Off the globe", "Ardel"),
        Happening(
            "R3", 1, "Roadblock", "minor", -119.0, -95.0, "<img src=x onerror=alert(1)> beyond the pole", "Ardel"
        ),
        Happening("R4", 1, "Roadblock", "dreadful", -119.0, -29.0, "A word nobody knows", "Ardel"),
    ]
    tally = mission.send(orlane, "table", "log", mission.log([good, *bad], datetime.now(UTC)))
    assert (tally["read"], tally["accepted"], tally["rejected"]) == (4, 1, 3)
    opened.clock.fast_forward(61_000)  # the page asks again by itself
    expect(open_button).to_have_text("3 rows rejected", timeout=screen.PATIENCE_MS)
    expect(told(row, "accepted")).to_have_text(str(len(mission.LOG) + 1))
    open_button.click()
    reasons = row.locator(".cg-reason")
    expect(reasons).to_have_count(len(tally["reasons"]))
    for reason, count in tally["reasons"].items():
        shown = reasons.filter(has=opened.locator("p").get_by_text(reason, exact=True))
        expect(shown.locator(".cg-reason-count")).to_have_text(str(count))
        expect(shown.locator("pre")).to_contain_text("Roadblock")
    expect(reasons.filter(has_text="90").locator("pre")).to_contain_text(re.compile("Off the globe|beyond the pole"))
    assert opened.locator(".cg-reason img").count() == 0
    open_button.click()
    expect(reasons.first).to_be_hidden()


# Triage: beside the feeds, for it is where posts of theirs are judged


def posts(*told: tuple[str, str]) -> bytes:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return "\n".join(
        json.dumps({"id": ref, "text": words, "created_at": now, "lang": "en"}) for ref, words in told
    ).encode()


def test_posts_are_judged_by_keys_and_only_what_is_promoted_reaches_the_picture(orlane: Served, page: OpenPage) -> None:
    before = mission.asks(orlane, "/api/counts", collection="incidents")["total"]
    clash = "Armed clashes near Ardel, gunfire heard at the market <img src=x onerror=alert(1)>"
    mission.send(
        orlane, "posts", "chat", posts(("1", clash), ("2", f"RT {clash}"), ("3", "What a football match in Bromo!"))
    )
    opened, other = (screen.ready(page(orlane.url + "/triage")) for _ in range(2))
    cards = opened.locator(".cg-triage-card")
    expect(cards).to_have_count(2)
    expect(opened.locator('.cg-nav a[aria-current="page"] .cg-nav-count')).to_have_text("2")
    assert opened.locator("#cg-triage img").count() == 0
    first = cards.filter(has_text="Ardel")
    expect(first).to_contain_text("2 posts alike")
    expect(first).to_contain_text("armed clash")
    # A new one arrives without anybody asking, and what is chosen stays.
    first.click()
    tally = mission.send(orlane, "posts", "chat", posts(("4", "Flood in Dwale, houses under water")))
    screen.brought(opened, tally["revision"])
    expect(cards).to_have_count(3)
    side = opened.locator(".cg-triage-side")
    expect(side.locator(".cg-triage-chip").filter(has_text="because of").first).to_contain_text("Armed clashes")
    expect(side.locator('[aria-pressed="true"]')).to_contain_text("Ardel")
    # Nothing goes on the picture before somebody says how far it is believed.
    opened.keyboard.press("p")
    expect(side.locator(".cg-triage-why")).to_contain_text("both halves of the grade")
    grades = side.locator("select")
    grades.nth(1).select_option("C")
    grades.nth(2).select_option("3")
    assert mission.asks(orlane, "/api/counts", collection="incidents")["total"] == before
    other.locator(".cg-triage-card").filter(has_text="Ardel").click()
    side.locator(".cg-triage-promote").click()
    expect(opened.locator(".cg-triage-notice")).to_contain_text("Promoted")
    assert mission.asks(orlane, "/api/counts", collection="incidents")["total"] == before + 1
    expect(other.locator(".cg-triage-notice")).to_contain_text("somebody else", timeout=screen.PATIENCE_MS)
    # Discarded by two keys, and taken back by one.
    opened.locator(".cg-triage-card").filter(has_text="Bromo").click()
    opened.locator("h1").click()
    opened.keyboard.press("d")
    opened.keyboard.press("1")
    expect(opened.locator(".cg-triage-notice")).to_contain_text("Discarded: not for us")
    expect(cards).to_have_count(1)
    opened.keyboard.press("u")
    expect(cards).to_have_count(2)
    # From the record back to its posts.
    opened.locator('[data-state="promoted"]').click()
    record = side.locator("a").filter(has_text="Promoted to")
    record.click()
    screen.ready(opened)
    opened.locator("#cg-drawer .cg-action").filter(has_text="2").first.click()
    expect(opened.locator(".cg-triage-verdict")).to_contain_text("Promoted by operator", timeout=screen.PATIENCE_MS)


def test_a_refused_row_is_mended_in_place_and_its_payload_taken_back(orlane: Served, page: OpenPage) -> None:
    day = datetime.now(UTC).date().isoformat()
    lon, lat = -117.7, -30.4
    content = (
        "event_id_cnty,event_date,event_type,sub_event_type,notes,latitude,longitude\n"
        f"XO71,{day},Riots,Mob violence,Stones thrown at the ferry,x,{lon}\n"
    )
    tally = mission.send(orlane, "acled", "events", content.encode())
    assert (tally["accepted"], tally["rejected"]) == (0, 1)
    opened = screen.ready(page(orlane.url + "/feeds"))
    row = source(opened, "Conflict events")
    told(row, "open").click()
    group = row.locator(".cg-reason").filter(has_text="latitude: is not a number")
    group.get_by_role("button", name="Show the rows").click()
    field = group.get_by_label("latitude", exact=True)
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(group.get_by_label("longitude", exact=True)).not_to_have_attribute("aria-invalid", "true")

    # What does not help is said where it stands, and the row stays.
    field.fill("91")
    opened.keyboard.press("Enter")
    expect(group.locator(".cg-mend-result")).to_contain_text("lon/lat: is outside")
    expect(field).to_have_value("91")
    field.fill(str(lat))
    group.get_by_role("button", name="Save and read again").click()
    expect(group.locator(".cg-mend-result")).to_have_text("1 row was read; its record is on the picture.")
    expect(told(row, "open")).to_have_text("0", timeout=screen.PATIENCE_MS)
    assert screen.cut_off(opened) == []

    # It is on the map's record list.
    at = f"/?at={lat},{lon},13&layers=incidents"
    opened.goto(orlane.url + at)
    screen.ready(opened)
    opened.mouse.click(*screen.spot(opened, lon, lat))
    expect(opened.locator("#cg-drawer")).to_contain_text("Stones thrown at the ferry")
    then = quote(datetime.now(UTC).isoformat())

    # Its payload is taken back, which asks once and says what it will do.
    opened.goto(orlane.url + "/feeds")
    screen.ready(opened)
    row = source(opened, "Conflict events")
    row.get_by_role("button", name="payloads").click()
    newest = row.locator(".cg-payload").first
    newest.get_by_role("button", name="Take back…").click()
    expect(newest).to_contain_text("Records that will be retracted: 1. That go back to what was known before: 0.")
    opened.keyboard.type("the wrong ferry")
    opened.keyboard.press("Enter")
    expect(row.locator(".cg-mend-result").first).to_contain_text("Taken back. Retracted: 1;")
    expect(row.locator(".cg-payload").first).to_have_attribute("data-undone", "")

    # It is gone from the map, and its history stays.
    opened.goto(orlane.url + at)
    screen.ready(opened)
    assert screen.mark(opened, lon, lat) == 0
    items = f"{orlane.url}/ogc/collections/incidents/items?source=events&limit=100"
    assert "Stones thrown" not in httpx.get(items).text
    assert "Stones thrown" in httpx.get(f"{items}&as_known_at={then}").text


# A file made to attack whoever looks at it

LONG = "W" * 1_500
ATTACKS = (
    "<script>window.hit = 1</script>",
    '<img src="x" onerror="window.hit = 2">',
    '<img src="http://203.0.113.7/pixel.png">',
    '"><svg onload=window.hit=3>',
    "javascript:window.hit=4",
    '<a href="javascript:window.hit=5">open</a>',
    "![seen](http://203.0.113.7/seen.png) [go](javascript:window.hit=6)",
    '=HYPERLINK("http://203.0.113.7")',
    "{{constructor.constructor('window.hit=7')()}} ${window.hit=8}",
    f"{LONG} {LONG}",
)
OVERRIDE = "report\u202egnp.exe \u2066hidden\u2069"
PLACE = (-119.90, -30.30)


@pytest.fixture(scope="module")
def attacked(orlane: Served) -> Served:
    """The server after a partner's log came whose every text is an attack."""
    now = datetime.now(UTC)
    lon, lat = PLACE
    texts = (*ATTACKS, OVERRIDE)
    listed = [
        Happening(f"A{n}", 0.1 + n / 100, text[:200], "critical", lon + n * 0.02, lat, text, text)
        for n, text in enumerate(texts)
    ]
    tally = mission.send(orlane, "table", "log", mission.log(listed, now))
    assert tally["accepted"] == len(texts)
    return orlane


def untouched(page: Page) -> None:
    """Nothing of the data has become part of the page or of its programs."""
    assert page.evaluate("window.hit") is None
    made = page.locator("#cg-app img, #cg-app svg[onload], #cg-app [onerror], #cg-app script, #cg-app iframe")
    assert made.count() == 0
    links = page.locator("#cg-app a").evaluate_all("(nodes) => nodes.map((node) => node.getAttribute('href'))")
    assert [link for link in links if link and not link.startswith("/")] == []


def test_an_attack_in_the_data_is_shown_as_what_it_is(attacked: Served, page: OpenPage) -> None:
    opened = screen.ready(page(f"{attacked.url}/?at={PLACE[1]},{PLACE[0]},13&layers=incidents"))
    untouched(opened)
    # Hover, and the record with every version of the text.
    opened.mouse.move(*screen.spot(opened, *PLACE))
    expect(opened.locator(".cg-card-title")).to_have_text(ATTACKS[0])
    opened.mouse.click(*screen.spot(opened, *PLACE))
    drawer = opened.locator("#cg-drawer")
    expect(drawer.locator("h2")).to_have_text(ATTACKS[0])
    expect(drawer).to_contain_text(f"{ATTACKS[0]} XO0102")  # as a place, too
    untouched(opened)

    # Every one of them in the list behind the figure, whole in the record.
    items = drawer.locator(".cg-item")
    for attack in ATTACKS[1:]:
        opened.keyboard.press("Escape")
        screen.figure(opened, "critical").click()
        items.filter(has=opened.locator(".cg-item-title").get_by_text(attack, exact=True)).first.click()
        expect(drawer.locator("h2")).to_have_text(attack)
    untouched(opened)
    assert screen.cut_off(opened) == []
    assert drawer.locator(".cg-drawer-body").evaluate("(node) => node.scrollWidth <= node.clientWidth")

    # The bidirectional override is gone, so that the name cannot pass for another.
    opened.keyboard.press("Escape")
    screen.figure(opened, "critical").click()
    expect(items.filter(has_text="report").locator(".cg-item-title")).to_have_text("reportgnp.exe hidden")
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", opened.locator("body").inner_text())

    # In the table, and as a filter in the sentence and the address.
    opened.get_by_role("button", name="Chart and table").click()
    cells = opened.locator(".ag-center-cols-container [col-id=title]")
    for attack in ATTACKS[:8]:
        expect(cells.filter(has_text=attack)).not_to_have_count(0)
    opened.goto(f"{attacked.url}/?category={quote(ATTACKS[1])}")
    screen.ready(opened)
    screen.says(screen.count(opened, "Incidents"), "1")
    opened.locator("#word-category").click()
    expect(opened.get_by_role("option", name=ATTACKS[0], exact=True)).to_be_visible()
    untouched(opened)


@pytest.mark.parametrize(("path", "width", "height"), [("/", 390, 844), ("/wall", 1920, 1080), ("/feeds", 390, 844)])
def test_no_text_however_long_breaks_a_page(
    attacked: Served, page: OpenPage, path: str, width: int, height: int
) -> None:
    opened = screen.ready(page(attacked.url + path, width=width, height=height))
    untouched(opened)
    assert screen.cut_off(opened) == []
    if path == "/feeds":
        return
    # What arrives while one looks is told as text as well.
    news = Happening(f"B{width}", 0, "Armed clash", "critical", *PLACE, f"<img src=x onerror=window.hit=9>{LONG}", LONG)
    tally = mission.send(attacked, "table", "log", mission.log([news], datetime.now(UTC)))
    screen.brought(opened, tally["revision"])
    expect(opened.locator(".cg-spoken")).to_contain_text("<img src=x onerror=window.hit=9>")
    untouched(opened)
    assert screen.cut_off(opened) == []


# A partner's workbook, brought in by hand


def tracker(folder: Path) -> Path:
    """A title above the headings, levels in the partner's own words, one row nobody can read."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        ["Security tracker – draft 3"],
        ["No", "Date of incident", "Incident type", "How bad", "GPS N", "GPS E"],
        ["T-1", "03/11/2026", "Ambush", "Red", -29.1, -119.2],
        ["T-2", "24/11/2025", "Looting", "Amber", -29.2, -119.3],
        ["T-3", "14/11/2025", "Looting", "Amber", -29.2, 400],
    ):
        sheet.append(row)
    book.save(folder / "tracker wk47.xlsx")
    return folder / "tracker wk47.xlsx"


def test_a_file_is_dropped_mapped_committed_and_taken_back(orlane: Served, page: OpenPage, tmp_path: Path) -> None:
    opened = screen.ready(page(f"{orlane.url}/feeds", height=900))
    file = tracker(tmp_path)
    # Dropped on the page of feeds it is taken along to where it is looked at.
    dropped = opened.evaluate_handle(
        """([name, encoded]) => {
          const bytes = Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0));
          const held = new DataTransfer();
          held.items.add(new File([bytes], name));
          return held;
        }""",
        [file.name, base64.b64encode(file.read_bytes()).decode()],
    )
    opened.dispatch_event("#cg-feeds", "drop", {"dataTransfer": dropped})
    opened.wait_for_url(re.compile(r"/feeds/upload\?drop="))
    rows = opened.locator(".cg-up-table tbody tr")
    expect(rows).to_have_count(3, timeout=screen.PATIENCE_MS)
    tally = opened.locator(".cg-up-last .cg-up-tally")

    opened.locator('[data-focus="feed"]').select_option("table")
    expect(opened.locator('[data-focus="field-lat"]')).to_have_value("GPS N")
    opened.locator('[data-focus="source-name"]').fill("Partner tracker")
    opened.locator('[data-focus="field-severity"]').select_option("How bad")
    expect(tally.locator('[data-outcome="rejected"] b')).to_have_text("3", timeout=screen.PATIENCE_MS)
    opened.locator('[data-focus="view-rejects"]').click()
    expect(opened.locator(".cg-up-reason").first).to_contain_text("severity")
    expect(opened.locator(".cg-up-reason pre").first).to_contain_text("Severity: Red")
    for word, means in (("Red", "critical"), ("Amber", "serious")):
        opened.locator(f'[data-focus="word-severity-{word}"]').select_option(means)
    expect(tally.locator('[data-outcome="accepted"] b')).to_have_text("2", timeout=screen.PATIENCE_MS)
    opened.locator('[data-focus="view-rows"]').click()
    expect(rows.nth(0)).to_contain_text("critical")
    expect(rows.nth(2)).to_have_attribute("data-outcome", "rejected")
    expect(rows.nth(2)).to_contain_text("outside -180..180")
    assert screen.cut_off(opened) == []

    # Nothing is stored until it is committed.
    status = opened.request.get(f"{orlane.url}/api/status").json()
    assert "Partner tracker" not in {one["name"] for one in status["sources"]}
    before = status["records"]["incidents"]
    opened.locator('[data-focus="commit"]').click()
    result = opened.locator(".cg-up-result")
    expect(result.locator('[data-outcome="accepted"] b')).to_have_text("2", timeout=screen.PATIENCE_MS)
    expect(result.get_by_role("link", name="Show the records")).to_have_attribute(
        "href", re.compile(r"^/\?source=Partner\+tracker&window=all")
    )
    assert opened.request.get(f"{orlane.url}/api/status").json()["records"]["incidents"] == before + 2
    result.get_by_role("button", name="Undo this batch").click()
    result.locator("input").fill("the wrong week")
    result.get_by_role("button", name="Take it back").click()
    expect(result.locator(".cg-up-undone")).to_contain_text("2 records gone")
    assert opened.request.get(f"{orlane.url}/api/status").json()["records"]["incidents"] == before
