"""Texts made to attack whoever looks at them, in every field of every kind, every name in the settings, every reason in
quarantine, on every page in a real browser: nothing of them runs, nothing of them is fetched."""

from __future__ import annotations

import html
import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import quote, urlsplit

import msgspec
import pytest
import shapely
from playwright.sync_api import Page, expect

from data import quarantine
from data.records import KINDS, Kind, Record, Reject, Sensitivity, Severity
from data.store import Batch, open_store
from tests import mission, program, screen
from tests.canaries import value_of
from tests.pictures import entry
from tests.worlds import land

OpenPage = Callable[..., Page]
FETCHED = "/cg-fetched"
ATTACKS = (
    "<script>window.hit = 1</script>",
    f'<img src="{FETCHED}" onerror="window.hit = 2">',
    f'"><svg onload=window.hit=3><image href="{FETCHED}">',
    "'-window.hit=4-'",
    f'<iframe srcdoc="<script>parent.hit=5</script>" src="{FETCHED}"></iframe>',
    '<a href="javascript:window.hit=6" target=_blank>open</a>',
    "</script><script>window.hit=7</script>",
    "</style><style>@import url(/cg-fetched.css);</style>",
    f"<style>*{{background:url({FETCHED})}}</style>",
    "{{constructor.constructor('window.hit=8')()}} ${window.hit=8} #{window.hit=8}",
    f"<math><mtext><table><mglyph><style><img src={FETCHED} onerror=window.hit=9></style></mglyph></table></mtext></math>",
    f"![seen]({FETCHED}) [go](javascript:window.hit=10)",
    f'=HYPERLINK("{FETCHED}") <b onmouseover=window.hit=11>hover</b>',
    "--><!--<img src=x onerror=window.hit=12>-->",
    "\\u003cscript\\u003ewindow.hit=13\\u003c/script\\u003e",
    f"<link rel=stylesheet href={FETCHED}><meta http-equiv=refresh content='0;url={FETCHED}'><base href=//203.0.113.7/>",
    f'<object data="{FETCHED}"></object><embed src="{FETCHED}"><video src="{FETCHED}" onerror=window.hit=14>',
    "<details open ontoggle=window.hit=15><form action=javascript:window.hit=16><input autofocus onfocus=window.hit=17>",
    "%3Cscript%3Ewindow.hit=18%3C/script%3E &lt;img src=x onerror=window.hit=18&gt;",
    "__proto__ constructor toString <x onclick=window.hit=19>",
)
QUIET = dict(zip(("name", "marking", "agency", "source", "title"), ATTACKS, strict=False))


def said(kind: Kind, number: int) -> Record:
    """A record whose every text is an attack, at a place and time where every page shows it."""
    texts = cycle((*ATTACKS[number:], *ATTACKS[:number]))
    told: dict[str, Any] = {}
    for name, hint in get_type_hints(kind.type).items():
        if name in ("wkb", "own", "place_precision", "version_time", "severity", "level", "lon", "lat", "adm_pcode"):
            continue
        value = value_of(hint, next(texts), 7.0)
        if value is not None:
            told[name] = value
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
    told |= {name: at for name in ("event_time", *kind.instants) if name in kind.type.__struct_fields__}
    told |= {name: at + timedelta(days=9) for name in ("expires", "stale") if name in told}
    told |= {"source_ref": f"{ATTACKS[number % len(ATTACKS)][:60]} {kind.name} {number}", "severity": Severity.critical}
    told |= {"lon": 30.2 + number / 20, "lat": 6.2, "attributes": {text: text for text in ATTACKS}}
    told |= {"source": QUIET["source"], "agency": QUIET["agency"], "sensitivity": Sensitivity.low, "exercise": True}
    if kind.name in ("alert", "route", "boundary"):
        told["wkb"] = shapely.to_wkb(shapely.box(30.1, 6.0, 31.4, 6.9))
    if kind.name == "boundary":
        told |= {"level": 3, "pcode": "XT010101", "parent_pcode": "XT0101"}
    return kind.type(**told)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[program.Served, list[str]]]:
    """The server on a home full of attacks, and the ids of its records."""
    home = tmp_path_factory.mktemp("hostile") / "home"
    home.mkdir()
    text = {name: json.dumps(value) for name, value in QUIET.items()}
    others = "\n".join(f"{json.dumps(attack)} = {json.dumps(attack)}" for attack in ATTACKS)
    (home / "commonground.toml").write_text(
        f'[mission]\nname = {text["name"]}\nmarking = {text["marking"]}\nexercise = true\ncountry = "XT"\n'
        f"[agencies]\n{others}\n"
        f'[[source]]\nname = {text["source"]}\nfeed = "table"\nagency = {text["agency"]}\ntitle = {text["title"]}\n'
        'sensitivity = "low"\nreleasable_to = ["mission"]\n'
        f"[[agreement]]\nname = {json.dumps(ATTACKS[5])}\ngrantor = {text['agency']}\ngrantees = [{json.dumps(ATTACKS[6])}]\n"
        f"from = 2026-01-01T00:00:00Z\nto = 2099-01-01T00:00:00Z\ntitle = {json.dumps(ATTACKS[1])}\n",
        encoding="utf-8",
    )
    store = open_store(f"sqlite:///{home / 'commonground.sqlite'}")
    records: list[Record] = [
        msgspec.structs.replace(
            one, source="codab", agency="ocha", sensitivity=Sensitivity.low, releasable_to=("mission",)
        )
        for one in land()
    ]
    for kind in (kind for kind in KINDS.values() if kind.collection):
        records += [said(kind, number) for number in range(2 if kind.name == "incident" else 1)]
    entries = [entry(row, record) for row, record in enumerate(records, start=1)]
    store.append(Batch(QUIET["source"], "table", ATTACKS[1], "00", 1, [entries]))
    with store.transaction() as connection:
        rejects = [Reject(n, ATTACKS[n], f"{ATTACKS[n]} is not a time", ATTACKS[-n], ATTACKS[n]) for n in range(1, 12)]
        quarantine.add(connection, QUIET["source"], "table", ATTACKS[2], 2, rejects)
    store.close()
    with program.serving(home) as server:
        found = []
        for name in ("incidents", "alerts", "reports", "supply", "sites", "tracks", "routes", "activities", "feedback"):
            told = mission.asks(server, f"/ogc/collections/{name}/items")
            found += [feature["id"] for feature in told["features"]][:2]
        yield server, found
    shutil.rmtree(home, ignore_errors=True)


def watched(page: Page) -> list[str]:
    """What the page fetches that only the attacks ask for, and what dialogs it opens, as they come."""
    faults: list[str] = []
    page.on("request", lambda request: FETCHED in urlsplit(request.url).path and faults.append(request.url))
    page.on("dialog", lambda dialog: (faults.append(dialog.message), dialog.dismiss()))
    page.on("popup", lambda popup: faults.append(popup.url))
    return faults


def untouched(page: Page, faults: list[str]) -> None:
    page.wait_for_timeout(150)  # whatever would run a moment later
    assert page.evaluate("window.hit") is None
    assert not faults
    made = page.locator(
        "body img[onerror], body svg[onload], body [onmouseover], body iframe, body object, body embed, body video, body base,"
        f" body math, body [src*='{FETCHED}'], body [href*='{FETCHED}'], a[href^='javascript'], body details[ontoggle]"
    )
    assert made.count() == 0, made.first.evaluate("node => node.outerHTML")


PAGES = ("/?window=all&at=6.3,30.6,8", "/?window=all&table=critical", "/wall", "/feeds", "/admin", "/account")


@pytest.mark.parametrize("path", PAGES)
def test_pages_show_attacks_as_text(hostile: tuple[program.Served, list[str]], page: OpenPage, path: str) -> None:
    server, _ = hostile
    opened = page("about:blank")
    faults = watched(opened)
    opened.goto(server.url + path)
    if path != "/account":
        screen.ready(opened)
    if "table=" in path:
        expect(opened.locator(".ag-row").first).to_be_visible(timeout=screen.PATIENCE_MS)
    shown = opened.locator("body").inner_text()
    if path != "/account":
        assert "window.hit" in shown or "cg-fetched" in shown, "the attacks are on this page, as text"
    for button in opened.locator("#cg-feeds button:enabled, .cg-layer input, [role=tab]").all()[:12]:
        if button.is_visible():
            button.click(force=True)
    opened.mouse.move(960, 540)
    opened.mouse.move(800, 500)
    untouched(opened, faults)


def test_records_in_the_drawer_and_under_the_pointer(hostile: tuple[program.Served, list[str]], page: OpenPage) -> None:
    server, ids = hostile
    opened = page("about:blank")
    faults = watched(opened)
    assert len(ids) >= 10
    for public in ids:
        opened.goto(f"{server.url}/feeds?record={public}")
        expect(opened.locator("#cg-drawer")).to_contain_text("window.hit", timeout=screen.PATIENCE_MS)
        untouched(opened, faults)
    opened.goto(f"{server.url}/?window=all&at=6.2,30.3,11&record={ids[0]}")
    screen.ready(opened)
    x, y = screen.spot(opened, 30.2, 6.2)
    opened.mouse.move(x, y)
    opened.mouse.click(x, y)
    untouched(opened, faults)


ADDRESSES = (
    "/?q={}&window={}&lang={}",
    "/?category={}&agency={}&area={}&table={}&record={}&metric={}&item={}&as_known_at={}",
    "/sign-in?next={}",
    "/wall?display={}",
    "/{}",
)


@pytest.mark.parametrize("form", ADDRESSES)
def test_an_address_is_text_too(hostile: tuple[program.Served, list[str]], page: OpenPage, form: str) -> None:
    server, _ = hostile
    opened = page("about:blank")
    faults = watched(opened)
    for attack in (ATTACKS[2], "javascript:window.hit=20") if "next" in form else ATTACKS[1:2]:
        opened.goto(server.url + form.replace("{}", quote(attack, safe="")))
        opened.wait_for_load_state("load")
        untouched(opened, faults)


def test_what_is_sent_as_data_is_not_a_page(hostile: tuple[program.Served, list[str]], page: OpenPage) -> None:
    """Opened by itself in a browser, an answer with attacks in it is shown as data."""
    server, ids = hostile
    opened = page("about:blank")
    faults = watched(opened)
    for path in (
        "/ogc/collections/incidents/items",
        f"/api/records/{ids[0]}",
        "/api/layers",
        "/api/quarantine",
        "/api/admin",
    ):
        answer = opened.goto(server.url + path)
        assert answer is not None
        assert "html" not in answer.headers["content-type"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        untouched(opened, faults)


def test_an_attack_would_be_noticed(page: OpenPage, tmp_path: Path) -> None:
    """The same watch over a page that takes the texts for markup sees them run and fetch."""
    bad = tmp_path / "bad.html"
    body = "".join(f"<div>{attack}</div>" for attack in ATTACKS[:4])
    bad.write_text(f"<!doctype html><body>{body}</body>", encoding="utf-8")
    opened = page("about:blank")
    faults = watched(opened)
    opened.goto(bad.as_uri())
    opened.wait_for_timeout(300)
    assert opened.evaluate("window.hit") is not None
    assert faults
    with pytest.raises(AssertionError):
        untouched(opened, faults)
    assert html.escape(ATTACKS[0]) not in body
