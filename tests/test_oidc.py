"""Sign-in at a real identity provider, over HTTP and in Chromium, and at one that cheats in every way we know."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import unescape
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from data.provider import ALLOWED
from data.settings import BadSettings, load
from tests import mission
from tests.oidc_provider import FAULTY_CLAIMS, PASSWORD, Running, running_provider
from tests.program import Served, command
from tests.servers import free_port

CALLBACK = "/sign-in/oidc/callback"
SETTINGS = """
[agencies]
JOC = "Joint Operations Centre"

[[source]]
name = "log"
feed = "table"
kind = "incident"
agency = "JOC"
sensitivity = "moderate"
columns = {{ source_ref = "Serial" }}

[oidc]
issuer = "{issuer}"
client_id = "common-ground"
redirect_uri = "{url}/sign-in/oidc/callback"
title = "Mission identity"
userinfo = true
guests = ["PRESS"]

[oidc.agency]
claim = "org"
values = {{ "Joint Operations Centre" = "JOC", "Logistics" = "LOG", "Press pool" = "PRESS" }}

[oidc.roles]
claim = ["realm", "roles"]
values = {{ "cg-export" = "export", "cg-sharing" = "sharing" }}

[oidc.clearance]
claim = "level"
values = {{ confidential = "moderate", secret = "high" }}

[oidc.compartments]
claim = "groups"
values = {{ "/protection/gbv" = "GBV" }}

[oidc.purposes]
claim = "groups"
values = {{ "/response" = "response" }}

[oidc.component]
claim = "service"
values = {{ ngo = "NGO" }}
"""
WATCH = {
    "preferred_username": "Wanda",
    "name": "Wanda Officer",
    "email": "wanda@joc.example",
    "org": "Joint Operations Centre",
    "level": "confidential",
    "realm": {"roles": ["cg-export", "offline_access"]},
    "groups": ["/response"],
}


@dataclass
class Browser:
    """A browser of few words: it keeps cookies and follows nothing by itself."""

    url: str
    issuer: str
    client: httpx.Client

    def begin(self, wanted: str = "") -> str:
        """Leave for the provider; its address."""
        query = f"?{urlencode({'next': wanted})}" if wanted else ""
        answer = self.client.get(f"{self.url}/sign-in/oidc{query}")
        assert answer.status_code == 303, answer.text
        assert answer.headers["cache-control"] == "private, no-store"
        assert answer.headers["location"].startswith(f"{self.issuer}/authorize?")
        return str(answer.headers["location"])

    def login(self, address: str, name: str, password: str = PASSWORD) -> str:
        """Fill in the provider's form; the address it sends the browser back to."""
        form = self.client.get(address)
        assert form.status_code == 200, form.text
        fields = {key: unescape(value) for key, value in re.findall(r'name="(\w+)" value="([^"]*)"', form.text)}
        answer = self.client.post(address, data={**fields, "name": name, "password": password})
        assert answer.status_code == 303
        back = str(answer.headers["location"])
        assert back.startswith(f"{self.url}{CALLBACK}?")
        return back

    def sign_in(self, name: str, password: str = PASSWORD, wanted: str = "") -> httpx.Response:
        return self.client.get(self.login(self.begin(wanted), name, password))

    def incidents(self) -> int | None:
        """How many incidents it is shown; None where it is not signed in."""
        answer = self.client.get(f"{self.url}/ogc/collections/incidents/items?limit=1")
        return int(answer.json()["numberMatched"]) if answer.status_code == 200 else None


@dataclass
class Mission:
    server: Served
    provider: Running
    clients: list[httpx.Client] = field(default_factory=list)
    places: Iterator[int] = field(default_factory=count)

    def browser(self, place: str = "") -> Browser:
        """One at an address of its own, behind a proxy on this machine."""
        place = place or f"2001:db8:{next(self.places):x}::1"
        self.clients.append(httpx.Client(timeout=60, headers={"X-Forwarded-For": place}))
        return Browser(self.server.url, self.provider.issuer, self.clients[-1])

    def accounts(self) -> dict[str, dict[str, Any]]:
        listed = command(self.server.home, "account", "list", "--json")
        return {told["name"]: told for told in map(json.loads, listed.stdout.splitlines())}


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mission]:
    """A mission with thirteen incidents of the operations centre, one local administrator, and a provider."""
    home = tmp_path_factory.mktemp("oidc") / "home"
    home.mkdir()
    port, url = free_port(), f"http://127.0.0.1:{free_port()}"
    with running_provider(port, f"{url}{CALLBACK}") as provider:
        write_settings(home, SETTINGS.format(issuer=provider.issuer, url=url), provider.secret)
        added = command(home, "account", "add", "root", "--agency", "JOC", stdin=b"a lantern over the harbour wall\n")
        assert added.returncode == 0, added.stderr
        log = home.parent / "log.csv"
        log.write_bytes(mission.log(mission.LOG, datetime.now(UTC)))
        assert command(home, "ingest", "table", log, "--source", "log").returncode == 0
        server = Served(home, port=int(url.rpartition(":")[2]))
        server.start()
        yield Mission(server, provider)
        server.stop()


@pytest.fixture
def site(there: Mission) -> Iterator[Mission]:
    """The same, with the provider honest again."""
    there.provider.told(wanda=WATCH, zoe={**WATCH, "preferred_username": "zoe"})
    yield there
    while there.clients:
        there.clients.pop().close()


def write_settings(home: Path, settings: str, secret: str) -> None:
    (home / "commonground.toml").write_text(settings, encoding="utf-8")
    (home / "secrets").mkdir(mode=0o700, exist_ok=True)
    (home / "secrets" / "oidc-client-secret").write_text(f"{secret}\n", encoding="utf-8")


# A person signs in.


def test_who_signs_in_gets_an_account_with_what_the_claims_give_and_no_more(site: Mission) -> None:
    browser = site.browser()
    assert browser.incidents() is None
    answer = browser.sign_in("wanda", wanted="/wall?lang=fr")
    assert (answer.status_code, answer.headers["location"]) == (303, "/wall?lang=fr")
    assert browser.incidents() == len(mission.LOG)
    made = site.accounts()["wanda"]
    assert {name: made[name] for name in ("kind", "full_name", "email", "agency", "in_mission", "password")} == {
        "kind": "person",
        "full_name": "Wanda Officer",
        "email": "wanda@joc.example",
        "agency": "JOC",
        "in_mission": True,
        "password": False,
    }
    assert (made["roles"], made["clearance"]) == (["export"], "moderate")
    assert (made["compartments"], made["purposes"], made["component"]) == ([], ["response"], "")


def test_the_session_cookie_is_out_of_reach_and_replaces_the_one_before(site: Mission) -> None:
    browser = site.browser()
    first = browser.sign_in("wanda").headers.get_list("set-cookie")
    session = next(cookie for cookie in first if cookie.startswith("commonground="))
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in session.split(";")}
    assert any(cookie.startswith("commonground-oidc=") and "Max-Age=0" in cookie for cookie in first)
    before = browser.client.cookies["commonground"]
    assert browser.sign_in("wanda").status_code == 303
    assert browser.client.cookies["commonground"] != before
    old = site.browser()
    old.client.cookies.set("commonground", before)
    assert old.incidents() is None


def test_what_the_provider_says_later_counts_at_the_next_sign_in(site: Mission) -> None:
    site.provider.told(nora={**WATCH, "preferred_username": "nora", "realm": {"roles": ["cg-export", "cg-sharing"]}})
    browser = site.browser()
    browser.sign_in("nora")
    assert browser.incidents() == len(mission.LOG)
    assert site.accounts()["nora"]["roles"] == ["export", "sharing"]
    changed = {**WATCH, "preferred_username": "renamed", "level": "open", "realm": {"roles": []}, "service": "ngo"}
    site.provider.told(nora=changed)
    browser.sign_in("nora")
    assert browser.incidents() == 0
    told = site.accounts()
    assert "renamed" not in told
    assert (told["nora"]["roles"], told["nora"]["clearance"], told["nora"]["component"]) == ([], "low", "ngo")


def test_whom_nobody_vouches_for_any_more_loses_everything_at_once(site: Mission) -> None:
    site.provider.told(lena={**WATCH, "preferred_username": "lena"})
    before = site.browser()
    before.sign_in("lena")
    token = command(site.server.home, "account", "token", "lena").stdout.strip()
    assert before.incidents() == len(mission.LOG)
    site.provider.told(lena={"preferred_username": "lena", "org": "Somewhere else"})
    again = site.browser()
    assert again.sign_in("lena").status_code == 403
    assert (again.incidents(), before.incidents()) == (None, None)
    left = site.accounts()["lena"]
    assert (left["agency"], left["roles"], left["clearance"], left["purposes"]) == ("", [], "low", [])
    program = httpx.get(
        f"{site.server.url}/ogc/collections/incidents/items", headers={"Authorization": f"Bearer {token}"}, timeout=60
    )
    assert program.status_code != 200 or program.json()["numberMatched"] == 0


def test_a_closed_account_is_not_opened_by_its_provider(site: Mission) -> None:
    site.provider.told(otto={**WATCH, "preferred_username": "otto"})
    browser = site.browser()
    assert browser.sign_in("otto").status_code == 303
    assert command(site.server.home, "account", "disable", "otto").returncode == 0
    again = site.browser()
    answer = again.sign_in("otto")
    assert (answer.status_code, "closed" in answer.text) == (403, True)
    assert again.incidents() is None


def test_a_wrong_password_at_the_provider_lets_nobody_in_and_its_words_are_not_repeated(site: Mission) -> None:
    browser = site.browser()
    answer = browser.sign_in("wanda", password="wrong", wanted="/wall?lang=fr")
    assert answer.status_code == 403
    assert "owned" not in answer.text
    assert "Recommencez" in answer.text
    assert "/sign-in/oidc?next=%2Fwall%3Flang%3Dfr" in answer.text
    assert "code=" not in answer.text
    assert browser.incidents() is None


def test_a_provider_is_not_gone_around_by_a_password_and_not_outlasted_by_a_token(site: Mission) -> None:
    browser = site.browser()
    assert browser.sign_in("wanda").status_code == 303
    refused = command(site.server.home, "account", "password", "wanda", stdin=b"a lantern over the harbour wall\n")
    assert (refused.returncode, site.provider.issuer in refused.stderr) == (2, True)
    browser.client.headers["Origin"] = site.server.url
    form = re.search(r'name="form" value="(\w+)"', browser.client.get(f"{site.server.url}/account").text)
    assert form is not None
    answers = [
        browser.client.post(f"{site.server.url}/account", data={"form": form[1], "do": "token", "days": days})
        for days in ("365", "30")
    ]
    assert [(answer.status_code, "cg_" in answer.text) for answer in answers] == [(422, False), (200, True)]


# What claims may not do.


@pytest.mark.parametrize(
    ("claims", "kept"),
    [
        ({"level": "severe"}, {"clearance": "low"}),
        ({"level": ["secret", "severe", 4, None, {"a": 1}]}, {"clearance": "high"}),
        ({"level": True}, {"clearance": "low"}),
        ({"realm": {"roles": ["admin", "approve", "cg-admin"]}}, {"roles": []}),
        ({"realm": ["admin"]}, {"roles": []}),
        ({"realm": {"roles": {"cg-export": True}}}, {"roles": []}),
        ({"roles": ["admin"], "clearance": "severe", "agency": "*"}, {"roles": ["export"], "clearance": "moderate"}),
        ({"groups": ["GBV", "/protection/gbv/"]}, {"compartments": [], "purposes": []}),
        ({"groups": ["/protection/gbv"]}, {"compartments": ["GBV"]}),
        ({"service": "military"}, {"component": ""}),
        ({"org": "Press pool"}, {"agency": "PRESS", "in_mission": False}),
        ({"kind": "service", "disabled": False, "valid_until": "2999-01-01"}, {"kind": "person", "valid_until": None}),
    ],
)
def test_a_claim_gives_listed_values_alone(site: Mission, claims: dict[str, Any], kept: dict[str, Any]) -> None:
    site.provider.told(greedy={**WATCH, "preferred_username": "greedy", **claims})
    assert site.browser().sign_in("greedy").status_code == 303
    told = site.accounts()["greedy"]
    assert {name: told[name] for name in kept} == kept


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"org": "*"}, "no agency"),
        ({"org": "mission"}, "no agency"),
        ({"org": "JOC"}, "no agency"),
        ({"org": None}, "no agency"),
        ({"org": ["Logistics", "Joint Operations Centre"]}, "several agencies"),
        ({"preferred_username": ""}, "no name"),
        ({"preferred_username": ["root", "wanda"]}, "no name"),
        ({"preferred_username": "root"}, "account of your name"),
        ({"preferred_username": " ROOT "}, "account of your name"),
        ({"preferred_username": "operator"}, "does not make an account"),
        ({"preferred_username": "<b>x</b>"}, "does not make an account"),
    ],
)
def test_whose_claims_do_not_fit_is_not_let_in(site: Mission, claims: dict[str, Any], told: str) -> None:
    before = site.accounts()
    site.provider.told(misfit={**WATCH, "preferred_username": "misfit", **claims})
    browser = site.browser()
    answer = browser.sign_in("misfit")
    assert (answer.status_code, told in answer.text) == (403, True)
    assert browser.incidents() is None
    assert site.accounts() == before


def test_claims_that_only_userinfo_has_count_and_the_id_token_goes_before_it(site: Mission) -> None:
    only = {"level": "secret", "org": "Logistics"}
    person = {key: value for key, value in WATCH.items() if key != "level"}
    site.provider.told(una={**person, "preferred_username": "una", "only_userinfo": only})
    assert site.browser().sign_in("una").status_code == 303
    told = site.accounts()["una"]
    assert (told["clearance"], told["agency"]) == ("high", "JOC")


# A provider, or somebody in its place, that cheats.

REFUSED = {
    "answer of another issuer": "another issuer",
    "answer without issuer": "another issuer",
    "no ID token": "does not take the code",
    "endless answer": "more than",
    "userinfo of another": "somebody else",
    "alg none": "not signed by it",
    "alg none with the kid": "not signed by it",
    "HS256 with the public key": "not signed by it",
    "HS256 with the client's secret": "not signed by it",
    "HS256 with a published secret": "not signed by it",
    "another's key under its kid": "not signed by it",
    "a key it does not publish": "not signed by it",
    "a key in the token": "not signed by it",
    "changed after signing": "not signed by it",
    "not a token": "not signed by it",
    "the token of another sign-in": "does not hold",
    **{fault: "does not hold" for fault in FAULTY_CLAIMS if not fault.startswith("clock")},
}


@pytest.mark.parametrize("fault", REFUSED)
def test_an_answer_that_proves_nothing_signs_nobody_in(site: Mission, fault: str) -> None:
    assert site.browser().sign_in("wanda").status_code == 303
    logged = len(site.server.log.read_text())
    site.provider.told(fault)
    browser = site.browser()
    answer = browser.sign_in("wanda")
    assert answer.status_code == (503 if fault == "endless answer" else 403)
    assert "commonground" not in browser.client.cookies
    assert browser.incidents() is None
    told = site.server.log.read_text()[logged:]
    assert REFUSED[fault] in told
    assert "Traceback" not in told
    assert site.provider.secret not in told


@pytest.mark.parametrize("fault", ["clock a little ahead", "clock a little behind"])
def test_clocks_may_differ_a_little(site: Mission, fault: str) -> None:
    site.provider.told(fault)
    assert site.browser().sign_in("wanda").status_code == 303


def test_new_keys_are_fetched_when_a_token_names_one_and_old_ones_no_longer_count(site: Mission) -> None:
    assert site.browser().sign_in("wanda").status_code == 303
    before = site.provider.told()["keys"]
    assert site.browser().sign_in("wanda").status_code == 303
    assert site.provider.told()["keys"] == before
    site.provider.told(rotate=True)
    assert site.browser().sign_in("wanda").status_code == 303
    assert site.provider.told()["keys"] == before + 1


def test_a_state_of_another_browser_or_of_nobody_is_refused(site: Mission) -> None:
    victim, attacker = site.browser(), site.browser()
    answer_of_attacker = attacker.login(attacker.begin(), "wanda")
    asked = site.provider.told()["token"]
    assert site.browser().client.get(answer_of_attacker).status_code == 400
    leaving = victim.begin()
    planted = victim.client.get(answer_of_attacker)
    assert (planted.status_code, "not begun in this browser" in planted.text) == (400, True)
    without = answer_of_attacker.replace("state=", "estate=")
    twice = answer_of_attacker + "&state=" + "x" * 43
    assert [victim.client.get(address).status_code for address in (without, twice)] == [400, 400]
    assert site.provider.told()["token"] == asked
    assert victim.incidents() is None
    # And what was planted did not spoil the victim's own sign-in.
    assert victim.client.get(victim.login(leaving, "wanda")).status_code == 303
    assert victim.incidents() == len(mission.LOG)


def test_an_answer_counts_once(site: Mission) -> None:
    browser = site.browser()
    leaving = browser.begin()
    sealed = browser.client.cookies["commonground-oidc"]
    back = browser.login(leaving, "wanda")
    assert browser.client.get(back).status_code == 303
    asked = site.provider.told()["token"]
    thief = site.browser()
    thief.client.cookies.set("commonground-oidc", sealed)
    assert thief.client.get(back).status_code == 400
    assert thief.incidents() is None
    assert site.provider.told()["token"] == asked


def test_an_answer_sent_many_times_at_once_counts_once(site: Mission) -> None:
    browser = site.browser()
    leaving = browser.begin()
    cookies = {"commonground-oidc": browser.client.cookies["commonground-oidc"]}
    back = browser.login(leaving, "wanda")
    with ThreadPoolExecutor(8) as pool:
        asks = [pool.submit(httpx.get, back, cookies=cookies, timeout=60) for _ in range(8)]
    assert sorted(ask.result().status_code for ask in asks) == [303] + [400] * 7


def test_a_code_that_was_used_elsewhere_signs_nobody_in(site: Mission) -> None:
    browser, other = site.browser(), site.browser()
    used = browser.login(browser.begin(), "wanda")
    assert browser.client.get(used).status_code == 303
    # The other browser's own answer, with the first one's code put into it: the provider and PKCE both refuse.
    for spent in (True, False):
        code = parse_qs(urlsplit(used if spent else browser.login(browser.begin(), "wanda")).query)["code"][0]
        own = other.login(other.begin(), "wanda")
        swapped = re.sub(r"code=[^&]+", f"code={code}", own)
        assert other.client.get(swapped).status_code == 403
    assert other.incidents() is None


def test_a_sealed_cookie_cannot_be_made_or_changed(site: Mission) -> None:
    browser = site.browser()
    back = browser.login(browser.begin(), "wanda")
    sealed = browser.client.cookies["commonground-oidc"]
    for forged in (sealed[:-6] + "AAAA==", "", "x", "A" * 3_000, sealed[1:]):
        assert httpx.get(back, cookies={"commonground-oidc": forged}).status_code == 400
    assert browser.client.get(back).status_code == 303


# The way there and back.


def test_what_the_provider_is_asked_is_bound_to_this_sign_in(site: Mission) -> None:
    asked = [parse_qs(urlsplit(site.browser().begin()).query) for _ in range(2)]
    for one in asked:
        assert one["redirect_uri"] == [f"{site.server.url}{CALLBACK}"]
        assert (one["response_type"], one["code_challenge_method"]) == (["code"], ["S256"])
        assert one["scope"] == ["openid profile email"]
        assert site.provider.secret not in str(one)
    assert not {asked[0][name][0] for name in ("state", "nonce", "code_challenge")} & {
        asked[1][name][0] for name in ("state", "nonce", "code_challenge")
    }


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_default_port_may_be_said_or_not(site: Mission, scheme: str) -> None:
    """Behind a proxy that takes the TLS off, the host is the registered one and the scheme is not."""
    host = urlsplit(site.server.url).netloc
    headers = {"Host": host, "X-Forwarded-Proto": scheme, "X-Forwarded-For": "192.0.2.9"}
    assert httpx.get(f"{site.server.url}/sign-in/oidc", headers=headers).status_code == 303
    for other in ("127.0.0.1", "127.0.0.1:1", "127.0.0.1:x", f"localhost:{host.rpartition(':')[2]}"):
        assert httpx.get(f"{site.server.url}/sign-in/oidc", headers={**headers, "Host": other}).status_code == 421


def test_another_host_name_is_never_told_to_the_provider(site: Mission) -> None:
    answer = httpx.get(f"{site.server.url}/sign-in/oidc", headers={"Host": "evil.example"})
    assert (answer.status_code, site.server.url in answer.text) == (421, True)
    assert "set-cookie" not in answer.headers or "commonground-oidc" not in answer.headers["set-cookie"]


def test_one_address_cannot_keep_the_provider_busy(site: Mission) -> None:
    crowd = site.browser("192.0.2.7")
    answers = [crowd.client.get(f"{site.server.url}/sign-in/oidc") for _ in range(60)]
    codes = [answer.status_code for answer in answers]
    assert codes[:30] == [303] * 30
    assert (codes[-1], int(answers[-1].headers["retry-after"]) > 0) == (429, True)
    assert site.browser("192.0.2.8").sign_in("wanda").status_code == 303


def test_over_tls_the_cookies_are_bound_to_this_host(site: Mission) -> None:
    browser = site.browser()
    browser.client.headers["X-Forwarded-Proto"] = "https"
    leaving = browser.client.get(f"{site.server.url}/sign-in/oidc")
    sealed = leaving.headers["set-cookie"]
    assert re.match(r"__Host-commonground-oidc=", sealed)
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= {part.strip() for part in sealed.split(";")}
    back = browser.login(leaving.headers["location"], "wanda")
    answer = browser.client.get(back, headers={"Cookie": sealed.partition(";")[0]})
    session = next(cookie for cookie in answer.headers.get_list("set-cookie") if "__Host-commonground=" in cookie)
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= {part.strip() for part in session.split(";")}


def test_another_site_cannot_begin_a_sign_in(site: Mission) -> None:
    answer = httpx.get(f"{site.server.url}/sign-in/oidc", headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example/",
        "https://evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/a\r\nSet-Cookie: x=1",
        "/sign-in/oidc",
        "/" + "a" * 5_000,
        "",
    ],
)
def test_one_goes_on_to_this_server_alone(site: Mission, wanted: str) -> None:
    answer = site.browser().sign_in("wanda", wanted=wanted)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_a_provider_that_is_down_is_said_to_be(site: Mission) -> None:
    site.provider.told("token endpoint down")
    answer = site.browser().sign_in("wanda")
    assert (answer.status_code, "cannot be reached" in answer.text) == (503, True)


def test_failed_and_done_sign_ins_are_in_the_audit_log_without_a_secret(site: Mission) -> None:
    site.provider.told("another nonce")
    browser = site.browser()
    leaving = browser.begin()
    assert browser.client.get(browser.login(leaving, "wanda")).status_code == 403
    site.provider.told()
    assert site.browser().sign_in("wanda").status_code == 303
    with sqlite3.connect(f"file:{site.server.home / 'commonground.sqlite'}?mode=ro", uri=True) as connection:
        log = connection.execute(
            "SELECT act, who, clause, details FROM audit WHERE act LIKE 'sign-in%' ORDER BY seq"
        ).fetchall()
    connection.close()
    assert log[-2][:2] == ("session.refuse", "nobody")
    assert log[-2][2].startswith("provider: its ID token does not hold")
    assert log[-1][:3] == ("session.begin", "wanda", "provider")
    told = parse_qs(urlsplit(leaving).query)
    assert not [part for name in ("state", "nonce") for part in told[name] if part in str(log)]


# In a browser.


def test_a_person_signs_in_with_the_provider_and_comes_back_to_the_view(
    site: Mission, page: Callable[..., Page]
) -> None:
    """The provider is another site to the browser, so what comes back with it is what a browser lets through."""
    shown = page(f"{site.server.url}/?lang=fr")
    shown.get_by_role("link", name="Mission identity").click()
    expect(shown).to_have_url(re.compile(f"^{re.escape(site.provider.issuer)}/authorize"))
    shown.get_by_label("Name").fill("wanda")
    shown.get_by_label("Password").fill(PASSWORD)
    shown.get_by_role("button", name="Sign in").click()
    shown.wait_for_url(re.compile(f"^{re.escape(site.server.url)}/\\?.*lang=fr"))
    shown.wait_for_selector('html[data-ready="true"]', state="attached", timeout=60_000)
    cookies = {cookie["name"]: cookie for cookie in shown.context.cookies(site.server.url)}
    assert "commonground-oidc" not in cookies
    assert (cookies["commonground"]["httpOnly"], cookies["commonground"]["sameSite"]) == (True, "Lax")


# Settings.


def test_every_setting_of_a_provider_is_documented() -> None:
    text = (Path(__file__).parent.parent / "docs" / "accounts.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", text.partition("## OpenID Connect")[2], re.MULTILINE)) == set(ALLOWED)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('issuer = "https://id.example"', 'issuer = "http://id.example"', "issuer"),
        ('issuer = "https://id.example"', "", "issuer is missing"),
        ('client_id = "common-ground"', "client_id = 7", "client_id"),
        ("/sign-in/oidc/callback", "/elsewhere", "redirect_uri"),
        ("/sign-in/oidc/callback", "/sign-in/oidc/callback?x=1", "redirect_uri"),
        ("[oidc.agency]", "[oidc.agencies]", "agencies"),
        ('"Logistics" = "LOG"', '"Logistics" = "*"', "agency is '*'"),
        ('"Logistics" = "LOG"', '"Logistics" = "mission"', "agency is 'mission'"),
        ('secret = "high"', 'secret = "cosmic"', "low, moderate, high, severe"),
        ('guests = ["PRESS"]', 'guests = ["NOBODY"]', "guests name 'NOBODY'"),
        ('claim = "level"', "claim = []", "clearance"),
        ('claim = "level"', 'claim = "level"\ndefault = "severe"', "clearance"),
        ("userinfo = true", 'userinfo = "yes"', "userinfo"),
    ],
)
def test_settings_that_would_let_in_more_than_they_say_are_refused(
    tmp_path: Path, before: str, after: str, told: str
) -> None:
    settings = SETTINGS.format(issuer="https://id.example", url="https://cg.example")
    assert before in settings
    write_settings(tmp_path, settings, "s3cret")
    assert load({"COMMONGROUND_HOME": str(tmp_path)}).oidc is not None
    write_settings(tmp_path, settings.replace(before, after), "s3cret")
    with pytest.raises(BadSettings, match=re.escape(told)):
        load({"COMMONGROUND_HOME": str(tmp_path)})


def test_the_secret_comes_from_the_secrets_folder_or_the_environment_and_shows_nowhere(tmp_path: Path) -> None:
    write_settings(tmp_path, SETTINGS.format(issuer="https://id.example", url="https://cg.example"), "")
    with pytest.raises(BadSettings, match="oidc-client-secret"):
        load({"COMMONGROUND_HOME": str(tmp_path)})
    found = load({"COMMONGROUND_HOME": str(tmp_path), "COMMONGROUND_OIDC_SECRET": "from outside"})
    assert found.oidc is not None
    assert found.oidc.secret == "from outside"
    assert "from outside" not in repr(found)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [('"cg-export" = "export"', '"cg-export" = "root"', "root"), ('ngo = "NGO"', 'ngo = "guild"', "guild")],
)
def test_a_role_or_component_that_does_not_exist_is_refused_before_serving(
    tmp_path: Path, before: str, after: str, told: str
) -> None:
    settings = SETTINGS.format(issuer="https://id.example", url="https://cg.example")
    write_settings(tmp_path, settings.replace(before, after), "s3cret")
    done = command(tmp_path, "serve", "--port", str(free_port()))
    assert (done.returncode, f"'{told}'" in done.stderr) == (2, True)
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_provider_that_is_away_or_describes_another_is_not_gone_to_until_it_is_right(tmp_path: Path) -> None:
    home, port, at = tmp_path / "home", free_port(), free_port()
    url, home_of_provider = f"http://127.0.0.1:{port}", f"http://localhost:{at}"
    home.mkdir()
    write_settings(home, SETTINGS.format(issuer=home_of_provider, url=url), "not known yet")
    command(home, "account", "add", "root", "--agency", "JOC", stdin=b"a lantern over the harbour wall\n")
    server = Served(home, port=port)
    server.start()
    try:
        with httpx.Client(timeout=60, base_url=url) as client:
            assert client.get("/sign-in/oidc").status_code == 503
            with running_provider(at, f"{url}{CALLBACK}") as provider:
                provider.told("description of another")
                deadline = time.monotonic() + 60
                while "names another issuer" not in server.log.read_text():
                    assert time.monotonic() < deadline
                    assert client.get("/sign-in/oidc").status_code == 503
                    time.sleep(0.5)
                provider.told()
                while (answer := client.get("/sign-in/oidc")).status_code == 503:
                    assert time.monotonic() < deadline
                    time.sleep(0.5)
                assert answer.headers["location"].startswith(f"{home_of_provider}/authorize?")
    finally:
        server.stop()


def test_nobody_becomes_the_first_administrator_by_coming_first(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running_provider(free_port(), f"{url}{CALLBACK}") as provider:
        provider.told(wanda=WATCH)
        home = tmp_path / "home"
        home.mkdir()
        write_settings(home, SETTINGS.format(issuer=provider.issuer, url=url), provider.secret)
        server = Served(home, port=port)
        server.start()
        try:
            with httpx.Client(timeout=60) as client:
                assert Browser(url, provider.issuer, client).sign_in("wanda").status_code != 303
                assert "commonground" not in client.cookies
        finally:
            server.stop()
        assert "person" not in command(home, "account", "list").stdout
