"""Field reports from a phone whose link comes and goes, whose browser is closed, and whose owner is signed out meanwhile."""

from __future__ import annotations

import contextlib
import io
import re
import socket
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import openpyxl
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from data import audit
from data.access import LOCAL_OPERATOR
from data.accounts import Profile
from data.records import Sensitivity
from data.upkeep import backup, restore
from tests import servers
from tests.conftest import CHROMIUM_FLAGS
from tests.screen import PATIENCE_MS
from tests.site import Site, bearer, incident, land, site

PASSWORD = "correct horse battery staple 9"
LITE_BYTES = 100_000


class Link:
    """The way to a server, which can be cut: connections through it end, and no more are taken."""

    def __init__(self, url: str) -> None:
        self.there = (urlsplit(url).hostname or "", urlsplit(url).port or 0)
        self.door = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.door.getsockname()[1]}"
        self.whole = True
        self.open: set[socket.socket] = set()
        threading.Thread(target=self._take, daemon=True).start()

    def cut(self) -> None:
        self.whole = False
        for each in list(self.open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self.whole = True

    def close(self) -> None:
        self.cut()
        with contextlib.suppress(OSError):
            self.door.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits there
        self.door.close()

    def _take(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self.door.accept()
                if not self.whole:
                    here.close()
                    continue
                try:
                    away = socket.create_connection(self.there)
                except OSError:
                    here.close()
                    continue
                self.open |= {here, away}
                for one, other in ((here, away), (away, here)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65_536):
                other.sendall(data)
        for each in (one, other):
            self.open.discard(each)
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Link]]:
    with site(tmp_path_factory.mktemp("site")) as found:
        found.put(land(), "areas", "UN")
        found.put([incident(number) for number in range(1, 31)], "usgs", "USGS", releasable_to=("mission",))
        with contextlib.closing(Link(found.url)) as link:
            yield found, link


@contextlib.contextmanager
def phone(browser: Browser, profile: Path, locale: str = "fr-FR") -> Iterator[BrowserContext]:
    """A browser that keeps what it has, as one that is closed and opened again does."""
    context = browser.browser_type.launch_persistent_context(
        str(profile),
        executable_path=servers.find(servers.CHROMIUM),
        args=CHROMIUM_FLAGS,
        viewport={"width": 390, "height": 844},
        locale=locale,
        geolocation={"longitude": 30.5, "latitude": 7.25, "accuracy": 12},
        permissions=["geolocation"],
    )
    yield context
    context.close()


def opened(context: BrowserContext, url: str) -> Page:
    page = context.pages[0] if context.pages else context.new_page()
    page.goto(url)
    page.wait_for_selector('html[data-ready="true"]', state="attached", timeout=PATIENCE_MS)
    return page


@cache
def photo() -> bytes:
    """A JPEG that says where it was taken."""
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (7.0, 15.0, 0.0), 3: "E", 4: (30.0, 30.0, 0.0)})
    exif[0x010F] = "Camera of somebody"
    stream = io.BytesIO()
    Image.effect_noise((800, 600), 60).convert("RGB").save(stream, "JPEG", exif=exif)
    return stream.getvalue()


def first(page: Page, state: str) -> None:
    expect(page.locator("#queue li").first).to_have_attribute("data-state", state, timeout=PATIENCE_MS)


def test_a_report_written_without_a_link_survives_the_browser_and_arrives_once(
    browser: Browser, here: tuple[Site, Link], tmp_path: Path
) -> None:
    found, link = here
    taken = photo()
    assert b"Exif" in taken
    with phone(browser, tmp_path / "profile") as context:
        page = opened(context, link.url + "/report?lang=fr")
        page.evaluate("() => navigator.serviceWorker.ready.then((found) => found.active.state)")
        page.wait_for_function("() => navigator.serviceWorker.controller")
        link.cut()
        context.set_offline(True)
        page = opened(context, link.url + "/report?lang=fr")  # from what the phone keeps
        expect(page.locator("#link")).to_have_text(re.compile("^Pas de liaison"))
        page.locator("[name=title]").fill("Pont effondré")
        page.get_by_role("radio", name="Route ou pont").check()
        page.get_by_role("radio", name="Grave", exact=True).check()
        page.locator("#search").fill("xt02")
        page.locator("#found button").click()
        page.locator("#photo").set_input_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": taken})
        expect(page.locator("#shown figcaption")).to_have_text(re.compile("ne dit pas où"))
        page.locator("#send").click()
        first(page, "waiting")
    with phone(browser, tmp_path / "profile") as context:
        context.set_offline(True)
        page = opened(context, link.url + "/report?lang=ar")
        expect(page.locator("html")).to_have_attribute("dir", "rtl")
        expect(page.locator("#queue b")).to_have_text("Pont effondré")
        first(page, "waiting")
        link.mend()
        context.set_offline(False)
        first(page, "accepted")
        expect(page.locator("#queue p").first).to_have_text(re.compile("قُبل برقم [0-9A-F]{8}"))
    (report,) = found.get("/ogc/collections/reports/items").json()["features"]
    told = found.get(f"/api/records/{report['properties']['id']}").json()
    assert (told["title"], told["category"], told["severity"]) == ("Pont effondré", "Road or bridge", "severe")
    assert (told["place"]["pcodes"], told["place"]["precision"]) == (["XT", "XT02"], "adm1")
    (shown,) = told["photos"]
    answer = found.get(f"/api/attachments/{shown['id']}")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert Image.open(io.BytesIO(answer.content)).size == (800, 600)
    assert b"Exif" not in answer.content
    assert b"Camera" not in answer.content
    backup(found.store, found.home, tmp_path / "backup.zip")
    restore(tmp_path / "backup.zip", tmp_path / "again")
    (kept,) = (tmp_path / "again" / "attachments").iterdir()
    assert kept.read_bytes() == answer.content


def test_what_is_refused_says_why_and_can_be_changed(browser: Browser, here: tuple[Site, Link], tmp_path: Path) -> None:
    found, link = here
    with phone(browser, tmp_path / "profile", "en-GB") as context:
        page = opened(context, link.url + "/report?lang=en")
        page.evaluate(
            """async () => {
              const { put } = await import("/assets/report_queue.mjs");
              const report = { title: "Well dry", severity: "unknown", event_time: "2026-11-20T18:00:00" };
              const entry = { key: "no-zone", made: 1, edited: 1, who: "operator", state: "waiting", reason: "", number: "" };
              await put({ ...entry, report });
            }"""
        )
        page.reload()
        first(page, "refused")
        expect(page.locator("#queue p")).to_have_text(re.compile("refused: event_time: has no time zone"))
        page.get_by_role("button", name="Change").click()
        page.locator("#here").click()
        expect(page.locator("#place")).to_have_text(re.compile("7.25000, 30.50000 · within 12 m"))
        page.locator("#send").click()
        first(page, "accepted")
        # A place as soldiers and as map users write it.
        said = page.evaluate(
            """async () => {
              const { meant } = await import("/assets/report_place.mjs");
              const { mgrs } = await import("/assets/mgrs.mjs");
              const near = ([one], lon, lat) => Math.hypot(one.lon - lon, one.lat - lat);
              const tried = [[30.5, 7.25], [-77.0365, 38.8977], [5.3221, 60.3913], [-70.3, -33.4], [151.2, -0.01], [15.5, 78.2]];
              const grid = tried.map(([lon, lat]) => near(meant(mgrs(lon, lat), []), lon, lat));
              return [...grid, near(meant("7.25 N, 30,5 E", []), 30.5, 7.25), meant("99.5, 30", []).length];
            }"""
        )
        assert max(said) < 2e-5, said
    items = found.get("/ogc/collections/reports/items?q=Well").json()["features"]
    assert [item["geometry"]["coordinates"] for item in items] == [[30.5, 7.25]]


def test_what_waits_is_its_writers_own_while_they_are_signed_out(browser: Browser, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with site(home) as found:
        for name in ("amina", "boris"):
            found.services.identity.add(Profile(name, agency="JOC", clearance=Sensitivity.severe), "test", PASSWORD)
        found.services.identity.changed()

        def sign_in(page: Page, name: str) -> None:
            page.locator("[name=name]").fill(name)
            page.locator("[name=password]").fill(PASSWORD)
            page.locator("form button").first.click()
            page.wait_for_selector('html[data-ready="true"]', state="attached", timeout=PATIENCE_MS)

        with (
            contextlib.closing(Link(found.url)) as link,
            phone(browser, tmp_path / "profile", "en-GB") as context,
        ):
            page = context.pages[0]
            page.goto(link.url + "/report?lang=en")
            sign_in(page, "amina")
            page.wait_for_function("() => navigator.serviceWorker.controller")
            link.cut()
            context.set_offline(True)
            page.locator("[name=title]").fill("Shots heard")
            page.locator("#send").click()
            first(page, "waiting")
            context.clear_cookies()
            link.mend()
            context.set_offline(False)
            first(page, "sign_in")
            page.locator("#link a").click()
            sign_in(page, "boris")
            expect(page.locator("#queue p")).to_have_text(re.compile("^written by amina"), timeout=PATIENCE_MS)
            context.clear_cookies()
            page.goto(link.url + "/sign-in?next=/report%3Flang%3Den")
            sign_in(page, "amina")
            first(page, "accepted")
        seen = found.picture.seen_by(LOCAL_OPERATOR)
        assert [item.record.title for item in seen.items("report", seen.rows("report"))] == ["Shots heard"]


def test_a_photo_is_seen_by_who_sees_its_report_and_is_a_photo(here: tuple[Site, Link]) -> None:
    found, _ = here
    partner = found.token("partner", "none", agency="NGO")
    told = {**bearer(found), "Idempotency-Key": "p1"}

    def send(content: bytes, key: str = "p1", query: str = "source=reports") -> tuple[int, dict[str, str]]:
        headers = {**told, "Idempotency-Key": key, "Content-Type": "image/jpeg"}
        answer = found.client.post(f"{found.url}/api/reports/photo?{query}", content=content, headers=headers)
        return answer.status_code, answer.json()

    assert send(photo())[0] == 422  # there is no such report yet
    sent = found.client.post(found.url + "/api/reports?source=reports", json={"title": "A wall"}, headers=told).json()
    for bad in (b"<svg onload='alert(1)'/>", b"GIF89a", photo()[:200], b""):
        assert send(bad)[0] == 422
    assert send(b"x" * (3 << 20) + b"x")[0] == 413
    status, made = send(photo(), query="source=reports&keep=1")
    assert (status, send(photo(), query="source=reports&keep=1")[1]["id"]) == (200, made["id"])
    assert b"Exif" in found.get(f"/api/attachments/{made['id']}").content
    assert len(found.get(f"/api/records/{sent['id']}").json()["photos"]) == 1
    absent = found.get(f"/api/attachments/{'0' * 16}", partner)
    hidden = found.get(f"/api/attachments/{made['id']}", partner)
    assert (hidden.status_code, hidden.content) == (absent.status_code, absent.content) == (404, absent.content)
    writer = found.client.post(
        found.url + "/api/reports?source=reports&written_by=eve", json={"title": "x"}, headers=told
    )
    assert writer.status_code == 409


def test_the_figures_for_weak_links_are_those_of_the_page_and_weigh_little(
    browser: Browser, here: tuple[Site, Link]
) -> None:
    found, _ = here
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    weighed: list[int] = []
    page.on("response", lambda answer: weighed.append(len(answer.body())))
    for name in ("supply", "activities", "incidents"):
        weighed.clear()
        page.goto(f"{found.url}/lite/{name}?lang=ar")
        expect(page.locator("html")).to_have_attribute("dir", "rtl")
        assert 1_000 < sum(weighed) < LITE_BYTES, (name, weighed)
    page.goto(f"{found.url}/lite/incidents?lang=en")
    expect(page.locator("dl dd").first).to_have_text("30")
    page.locator("[name=severity]").select_option("severe")
    page.locator("[name=area]").select_option("XT01")
    page.locator("form button").click()
    told = found.get("/api/incidents?severity=severe&area=XT01").json()
    assert 0 < told["total"] < 30
    expect(page.locator("dl dd").first).to_have_text(str(told["total"]))
    rows = page.locator("tbody tr td:nth-child(3)").all_inner_texts()
    assert rows == [row["title"] for row in told["table"]["rows"]]
    context.close()
    nobody = found.token("stranger", "none", agency="", clearance=Sensitivity.low)
    assert "Event 1" not in found.get("/lite/incidents", nobody).text
    assert found.get("/lite/sheet/incidents", nobody).status_code == 403


def test_a_sheet_comes_back_and_every_difference_is_shown_before_it_is_written(
    browser: Browser, here: tuple[Site, Link], tmp_path: Path
) -> None:
    found, _ = here
    path = tmp_path / "incidents.xlsx"
    path.write_bytes(found.get("/lite/sheet/incidents").content)
    book = openpyxl.load_workbook(path)
    sheet = book.active
    assert sheet is not None
    heads = {cell.value: cell.column for cell in sheet[1]}
    lines = {sheet.cell(row, heads["title"]).value: row for row in range(2, sheet.max_row + 1)}
    one, two, three = lines["Event 1"], lines["Event 2"], lines["Event 3"]
    sheet.cell(one, heads["fatalities"], 41)
    sheet.cell(one, heads["title"], "'=HYPERLINK(1)")
    sheet.cell(two, heads["severity"], "dreadful")
    sheet.cell(three, heads["place"], "Bor")
    identity = {name: sheet.cell(row, heads["id"]).value for name, row in lines.items()}
    book.save(path)
    found.put([incident(3, title="Event 3, said anew")], "usgs", "USGS", releasable_to=("mission",))
    context = browser.new_context(java_script_enabled=False)
    page, late = context.new_page(), context.new_page()
    for each in (page, late):
        each.goto(f"{found.url}/lite/sheet?lang=en")
        each.locator("[name=sheet]").set_input_files(path)
        each.locator("form button").click()
    told = [row.locator("td").all_inner_texts() for row in page.locator("tbody tr").all()]
    assert ["Event 1", "fatalities", "1", "41", ""] in told
    assert ["Event 1", "title", "Event 1", "=HYPERLINK(1)", ""] in told
    assert any(row[1] == "severity" and "is not one of" in row[4] for row in told)
    held = [row for row in told if row[0].startswith("Event 3")]
    assert {row[1] for row in held} == {"title", "place"}
    assert all("changed here" in row[4] for row in held)
    assert len(told) == 5
    for each, written in ((page, 1), (late, 0)):  # what the second looked at is no longer what stands
        each.locator("[name=reason]").fill("Count of the hospital")
        each.locator("form button").click()
        expect(each.locator("[role=status]")).to_have_text(f"{written} records were written anew.")
    context.close()
    record = found.get(f"/api/records/{identity['Event 1']}").json()
    assert record["title"] == "=HYPERLINK(1)"
    assert {field["name"]: field["value"] for field in record["fields"]}["fatalities"] == 41
    assert len(record["history"]) == 2
    assert found.get(f"/api/records/{identity['Event 3']}").json()["title"] == "Event 3, said anew"
    entry = next(one for one in audit.entries(found.store) if one.act == "record.correct")
    assert (entry.subject, entry.clause) == (identity["Event 1"], "Count of the hospital")
    again = openpyxl.load_workbook(io.BytesIO(found.get("/lite/sheet/incidents").content)).active
    assert again is not None
    cells = {cell.value for row in again.iter_rows() for cell in row}
    assert "'=HYPERLINK(1)" in cells  # nothing in it is run
