"""Sign-in at a real identity provider, over HTTP and in Chromium: who gets in, with which rights, and where one comes back to."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from data.provider import ALLOWED
from data.settings import BadSettings, load
from tests import mission
from tests.oidc_provider import PASSWORD, running_provider
from tests.oidc_site import CALLBACK, SETTINGS, WATCH, Browser, Mission, honest, with_provider, write_settings
from tests.program import Served, command
from tests.servers import free_port


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mission]:
    with with_provider(tmp_path_factory.mktemp("oidc") / "home") as found:
        yield found


@pytest.fixture
def site(there: Mission) -> Iterator[Mission]:
    with honest(there) as found:
        yield found


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
            "SELECT act, who, clause, details FROM audit WHERE act LIKE 'session.%' ORDER BY seq"
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
