"""Signing in over HTTP and in a browser: who passes, what a page of another site can do, and what runs out."""

from __future__ import annotations

import itertools
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from dashboard.guard import BODY_BYTES, content_policy
from dashboard.http import make_server
from dashboard.plain import FORM_BYTES
from dashboard.sign_in import is_open
from dashboard.throttle import ACCOUNT, HERE, Throttle
from dashboard.words import LANGUAGES, say
from data.accounts import Profile
from data.identity import Identity
from data.records import Sensitivity
from data.store import open_store
from tests.program import Served
from tests.site import Site, incident, quake, served, site

PASSWORD = "seven herons over the delta"
ANN = Profile("ann", full_name="Ann Other", agency="JOC", clearance=Sensitivity.high, roles=("admin",))
WALL = Profile("hall", "display", agency="JOC", clearance=Sensitivity.moderate)
HTML = {"Accept": "text/html"}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Site]:
    """A site with two accounts, incidents of two agencies, and the pages."""
    with site(tmp_path) as found:
        found.put([incident(number) for number in range(3)], "log", "JOC", sensitivity=Sensitivity.moderate)
        found.put([incident(number) for number in range(10, 15)], "intel", "INTEL")
        found.services.identity.add(ANN, "test", PASSWORD)
        found.services.identity.add(Profile("bob", agency="INTEL", clearance=Sensitivity.high), "test", PASSWORD)
        with served(make_server(found.services, found.hub)) as url:
            found.url = url
            yield found


def hidden(text: str) -> str:
    found = re.search(r'name="form" value="([0-9a-f]{64})"', text)
    assert found, text[:2000]
    return found.group(1)


OPENED: list[httpx.Client] = []


@pytest.fixture(autouse=True)
def closing() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()


def browser_of(found: Site) -> httpx.Client:
    """Keeps cookies, and says where its forms are from, as browsers do."""
    headers = {"Origin": found.url, "Sec-Fetch-Site": "same-origin"}
    OPENED.append(httpx.Client(base_url=found.url, timeout=60, headers=headers))
    return OPENED[-1]


def signed_in(
    found: Site, name: str = "ann", password: str = PASSWORD, onward: str = ""
) -> tuple[httpx.Client, httpx.Response]:
    client = browser_of(found)
    address = f"/sign-in?next={quote(onward, safe='')}" if onward else "/sign-in"
    form = hidden(client.get(address).text)
    return client, client.post(address, data={"form": form, "name": name, "password": password})


def test_until_somebody_has_an_account_this_machine_is_the_operators(tmp_path: Path) -> None:
    with site(tmp_path) as found:
        found.put([incident(1)], "log", "JOC", sensitivity=Sensitivity.severe)
        assert found.get("/ogc/collections/incidents/items").json()["numberMatched"] == 1
        page = found.get("/sign-in")
        assert "commonground account add" in page.text
        assert "<form" not in page.text
        found.services.identity.add(ANN, "test", PASSWORD)
        assert found.get("/ogc/collections/incidents/items").status_code == 401


def test_nothing_but_the_way_in_answers_before_one_has_signed_in(here: Site) -> None:
    for path in ("/", "/wall", "/feeds", "/incidents?theme=light", "/admin", "/account"):
        answer = here.get(path, **HTML)
        assert answer.status_code == 303, path
        assert answer.headers["location"] in ("/sign-in", f"/sign-in?next={quote(path, safe='')}")
    asked = [
        "/api/status",
        "/api/kpis",
        "/api/layers",
        "/ogc",
        "/ogc/collections/incidents/items",
        "/tiles/x/latest/0/0/0.pbf",
    ]
    asked += [
        "/live",
        "/basemap/x/0/0/0",
        "/api/nothing",
        "/_dash-layout",
        "/_dash-dependencies",
        "/_favicon.ico",
        "/sign-out",
    ]
    for path in asked:
        answer = here.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), path
    update = here.client.post(f"{here.url}/_dash-update-component", json={}, headers={"Origin": here.url})
    assert update.status_code == 401
    assert here.get("/healthz").status_code == 200
    assert here.get("/api/status", Authorization="Bearer cg_nonsense").status_code == 401
    assert here.get("/api/status", Cookie="commonground=nonsense").status_code == 401
    assert here.get("/api/status", here.ingest_token).status_code == 200


def test_an_open_address_is_open_by_its_whole_first_part() -> None:
    assert [is_open(path) for path in ("/sign-in", "/sign-in/oidc", "/assets/x.css", "/healthz")] == [True] * 4
    assert [is_open(path) for path in ("/", "/sign-inner", "/assetsx", "/healthz2", "/api/sign-in", "/sign-out")] == [
        False
    ] * 6


def test_who_signs_in_sees_what_their_account_sees(here: Site) -> None:
    for name, count in (("ann", 3), ("BOB", 5)):
        client, answer = signed_in(here, name)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        found = client.get("/ogc/collections/incidents/items", params={"limit": 100})
        assert found.json()["numberMatched"] == count
        assert found.headers["cache-control"].startswith("private")
        assert "Cookie" in found.headers["vary"]


def test_the_cookie_is_out_of_reach_and_the_session_rotates(here: Site) -> None:
    client, answer = signed_in(here)
    (cookie,) = [each for each in answer.headers.get_list("set-cookie") if each.startswith("commonground=")]
    assert {part.strip().lower() for part in cookie.split(";")[1:]} == {"httponly", "path=/", "samesite=lax"}
    first = client.cookies["commonground"]
    form = hidden(client.get("/sign-in").text)
    client.post("/sign-in", data={"form": form, "name": "ann", "password": PASSWORD})
    second = client.cookies["commonground"]
    assert first != second
    assert here.get("/api/status", Cookie=f"commonground={first}").status_code == 401
    assert here.get("/api/status", Cookie=f"commonground={second}").status_code == 200
    assert here.services.identity.session("planted") is None
    planted = browser_of(here)
    planted.cookies.set("commonground", "planted")
    form = hidden(planted.get("/sign-in").text)
    answer = planted.post("/sign-in", data={"form": form, "name": "ann", "password": PASSWORD})
    assert "commonground=planted" not in answer.headers["set-cookie"]
    assert here.services.identity.session("planted") is None


def test_behind_tls_the_cookie_is_secure_and_bound_to_this_host(here: Site) -> None:
    tls = {"X-Forwarded-Proto": "https", "Origin": here.url.replace("http:", "https:")}
    page = here.get("/sign-in", **tls)
    cookie = page.headers["set-cookie"]
    assert cookie.startswith("__Host-commonground-form=")
    assert "Secure" in cookie
    assert "SameSite=Strict" in cookie
    form = {"form": hidden(page.text), "name": "ann", "password": PASSWORD}
    headers = {**tls, "Cookie": cookie.partition(";")[0]}
    answer = httpx.post(f"{here.url}/sign-in", data=form, headers=headers, timeout=60)
    assert answer.status_code == 303
    kept = next(each for each in answer.headers.get_list("set-cookie") if each.startswith("__Host-commonground="))
    assert {"Secure", "HttpOnly", "Path=/"} <= {part.strip() for part in kept.split(";")}
    assert "Domain" not in kept
    seen = httpx.get(f"{here.url}/api/status", headers={**tls, "Cookie": kept.partition(";")[0]}, timeout=60)
    assert seen.status_code == 200
    # The same page without encryption may not send to the encrypted one.
    plain = httpx.post(f"{here.url}/sign-out", headers={**headers, "Origin": here.url}, timeout=60)
    assert plain.status_code == 403


def test_every_way_to_be_wrong_answers_the_same(here: Site) -> None:
    here.services.identity.add(Profile("carl", agency="JOC"), "test", PASSWORD)
    here.services.identity.disable("carl", "test")
    over = datetime.now(UTC) - timedelta(days=1)
    here.services.identity.add(Profile("dora", agency="JOC", valid_until=over), "test", PASSWORD)
    here.services.identity.add(WALL, "test")
    bodies = set()
    for name, password in (
        ("ann", "wrong"),
        ("nobody", PASSWORD),
        ("carl", PASSWORD),
        ("dora", PASSWORD),
        ("hall", ""),
    ):
        client, answer = signed_in(here, name, password)
        assert answer.status_code == 401
        assert "commonground" not in client.cookies
        text = re.sub(r'value="[^"]*"', "", answer.text)
        bodies.add((text, tuple(sorted(set(answer.headers) - {"content-length"}))))
    assert len(bodies) == 1


def test_an_unknown_name_costs_as_much_work_as_a_known_one(here: Site) -> None:
    """Counted, not timed: both ways check one hash of the same parameters."""
    import argon2

    counted: list[str] = []
    real = argon2.PasswordHasher.verify

    def verify(self: argon2.PasswordHasher, kept: str | bytes, password: str | bytes) -> bool:
        counted.append(str(kept).rpartition("$")[0].rpartition("$")[0])
        return real(self, kept, password)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argon2.PasswordHasher, "verify", verify)
        for name in ("ann", "nobody here"):
            here.services.identity.check(name, "not the password")
    assert counted == ["$argon2id$v=19$m=65536,t=3,p=4"] * 2


def test_guessing_is_slowed_down_and_the_right_password_waits_too(here: Site) -> None:
    client = browser_of(here)
    form = hidden(client.get("/sign-in").text)
    codes = [
        client.post("/sign-in", data={"form": form, "name": "ann", "password": f"guess {number}"}).status_code
        for number in range(HERE.tries + 2)
    ]
    assert codes == [401] * HERE.tries + [429] * 2
    late = client.post("/sign-in", data={"form": form, "name": "ann", "password": PASSWORD})
    assert late.status_code == 429
    assert 0 < int(late.headers["retry-after"]) <= HERE.every_s
    assert client.post("/sign-in", data={"form": form, "name": "bob", "password": PASSWORD}).status_code == 303
    # A name that nobody has is slowed down all the same.
    other = browser_of(here)
    form = hidden(other.get("/sign-in").text)
    codes = [
        other.post("/sign-in", data={"form": form, "name": "zoe", "password": "x"}).status_code
        for _ in range(HERE.tries + 1)
    ]
    assert codes[-1] == 429


def test_the_buckets_of_a_throttle() -> None:
    now = [0.0]
    throttle = Throttle(clock=lambda: now[0])
    for _ in range(HERE.tries):
        assert throttle.take("ann", "10.0.0.1") == 0
    assert throttle.take("ann", "10.0.0.1") == pytest.approx(HERE.every_s)
    now[0] += HERE.every_s
    assert throttle.take("ann", "10.0.0.1") == 0, "one more after each span"
    assert throttle.take("ann", "10.0.0.2") == 0, "another address has its own"
    throttle.give_back("ann", "10.0.0.1")
    for _ in range(HERE.tries):
        assert throttle.take("ann", "10.0.0.1") == 0, "who was right begins anew"
    # From many addresses an account may be tried only so often; its owner's own place is let through.
    tried = 0
    while throttle.take("ann", f"10.1.{tried // 200}.{tried % 200}") == 0:
        tried += 1
    assert tried <= ACCOUNT.tries
    now[0] += HERE.every_s
    assert throttle.take("ann", "10.0.0.1") == 0
    # All of one customer's IPv6 network is one address.
    other = Throttle(clock=lambda: 0.0)
    waits = [other.take("bob", f"2001:db8:0:1::{number:x}") for number in range(HERE.tries + 1)]
    assert (waits[:-1], waits[-1] > 0) == ([0.0] * HERE.tries, True)
    assert other.take("bob", "2001:db8:0:2::1") == 0


def test_many_names_from_one_address_are_slowed_down() -> None:
    throttle = Throttle(clock=lambda: 0.0)
    waits = [throttle.take(f"name {number}", "10.0.0.1") for number in range(60)]
    assert 0 < waits.index(next(wait for wait in waits if wait)) < 60


def test_a_form_that_was_not_shown_to_this_browser_signs_nobody_in(here: Site) -> None:
    mine, other = browser_of(here), browser_of(here)
    form = hidden(mine.get("/sign-in").text)
    other.get("/sign-in")
    right = {"name": "ann", "password": PASSWORD}
    told = [
        other.post("/sign-in", data={**right, "form": form}),
        other.post("/sign-in", data=right),
        browser_of(here).post("/sign-in", data={**right, "form": form}),
    ]
    assert [answer.status_code for answer in told] == [403] * 3
    assert mine.post("/sign-in", data={**right, "form": form}).status_code == 303


def test_another_sites_page_changes_nothing(here: Site) -> None:
    client, _ = signed_in(here)
    cookie = {"Cookie": f"commonground={client.cookies['commonground']}"}
    foreign: list[dict[str, str]] = [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "", "Sec-Fetch-Site": "same-origin"},
        {"Origin": here.url, "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {},
    ]
    for path in ("/sign-out", "/account", "/_dash-update-component", "/api/reports"):
        for headers in foreign:
            answer = httpx.post(here.url + path, headers={**headers, **cookie}, data={"do": "end-others"}, timeout=60)
            assert answer.status_code == 403, (path, headers)
    assert client.get("/api/status").status_code == 200


def test_a_form_of_a_session_needs_that_sessions_word(here: Site) -> None:
    ann, _ = signed_in(here)
    bob, _ = signed_in(here, "bob")
    theirs = hidden(bob.get("/account").text)
    told = [
        ann.post("/account", data={"do": "token", "days": "7", "title": "x", "form": form}).status_code
        for form in ("", "0" * 64, theirs)
    ]
    assert told == [403] * 3
    assert here.services.identity.tokens_of("ann") == []
    assert ann.post("/sign-out", data={"form": theirs}).headers["location"] == "/sign-out"
    assert ann.get("/api/status").status_code == 200
    assert ann.post("/sign-out", data={"form": hidden(ann.get("/sign-out").text)}).headers["location"] == "/sign-in"
    assert ann.get("/api/status").status_code == 401


@pytest.mark.parametrize(
    ("onward", "there"),
    [
        ("/incidents?area=XT01", "/incidents?area=XT01"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/sign-out", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"),
    ],
)
def test_after_signing_in_one_goes_on_within_this_server(here: Site, onward: str, there: str) -> None:
    client, answer = signed_in(here, onward=onward)
    assert (answer.status_code, answer.headers["location"]) == (303, there)
    assert "a" not in client.cookies


def test_what_was_typed_is_shown_as_text(here: Site) -> None:
    typed = '"><script>alert(1)</script>'
    _, answer = signed_in(here, typed, "x")
    assert "<script" not in answer.text
    assert "&quot;&gt;&lt;script&gt;" in answer.text
    page = here.get(f"/sign-in?next={quote(typed)}&lang={quote(typed)}&theme={quote(typed)}")
    assert "<script" not in page.text
    assert 'lang="en"' in page.text


def test_my_account_changes_the_password_and_makes_tokens_shown_once(here: Site) -> None:
    ann, _ = signed_in(here)
    other, _ = signed_in(here)
    form = hidden(ann.get("/account").text)
    made = ann.post("/account", data={"form": form, "do": "token", "title": "GIS & laptop", "days": "30"})
    secret = re.search(r"cg_[\w-]{40,}", made.text)
    assert secret
    assert "GIS &amp; laptop" in made.text
    assert secret.group() not in ann.get("/account").text
    assert made.headers["cache-control"] == "private, no-store"
    items = here.get("/ogc/collections/incidents/items", secret.group())
    assert items.json()["numberMatched"] == 3
    number = here.services.identity.tokens_of("ann")[0].id
    bob, _ = signed_in(here, "bob")
    theirs = {"form": hidden(bob.get("/account").text), "do": "revoke", "token": str(number)}
    assert bob.post("/account", data=theirs).status_code == 404
    assert here.get("/api/status", secret.group()).status_code == 200
    ann.post("/account", data={"form": form, "do": "revoke", "token": str(number)})
    assert here.get("/api/status", secret.group()).status_code == 401
    change = {"form": form, "do": "password", "old": "wrong", "new": "nine pelicans on a jetty"}
    assert ann.post("/account", data={**change, "again": change["new"]}).status_code == 403
    change["old"] = PASSWORD
    assert ann.post("/account", data={**change, "again": "something else"}).status_code == 422
    assert ann.post("/account", data={**change, "new": "short", "again": "short"}).status_code == 422
    assert other.get("/api/status").status_code == 200
    assert ann.post("/account", data={**change, "again": change["new"]}).status_code == 200
    assert (ann.get("/api/status").status_code, other.get("/api/status").status_code) == (200, 401)
    assert signed_in(here, "ann", "nine pelicans on a jetty")[1].status_code == 303
    assert ann.post("/account", data={"form": form, "do": "nonsense"}).status_code == 422


def test_one_can_end_every_other_session(here: Site) -> None:
    ann, _ = signed_in(here)
    other, _ = signed_in(here)
    ann.post("/account", data={"form": hidden(ann.get("/account").text), "do": "end-others"})
    assert (ann.get("/api/status").status_code, other.get("/api/status").status_code) == (200, 401)


def test_a_display_signs_in_by_its_link_and_shows_what_a_display_may(here: Site) -> None:
    identity = here.services.identity
    identity.add(replace(WALL, clearance=Sensitivity.severe), "test")
    here.put([incident(20)], "hush", "JOC", sensitivity=Sensitivity.high)
    secret = identity.make_token("hall", "link", "test")
    wall = browser_of(here)
    answer = wall.get(f"/wall?theme=dark&display={secret}&scene=2", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/wall?theme=dark&scene=2")
    assert secret not in repr(answer.headers)
    assert "Max-Age" in answer.headers["set-cookie"]
    assert wall.get("/ogc/collections/incidents/items").json()["numberMatched"] == 3, "high is above what a wall shows"
    again = wall.get(f"/wall?display={secret}", headers=HTML)
    assert "set-cookie" not in again.headers, "the session it has goes on"
    report = wall.post("/api/reports", json={"title": "x"})
    assert report.status_code == 403
    identity.revoke_token(identity.tokens_of("hall")[0].id, "test")
    assert wall.get("/api/status").status_code == 401
    gone = wall.get(f"/wall?display={secret}", headers=HTML)
    assert (gone.headers["location"], "set-cookie" in gone.headers) == ("/wall", False)


def test_a_displays_link_takes_no_persons_session_and_a_persons_token_is_no_link(here: Site) -> None:
    identity = here.services.identity
    identity.add(WALL, "test")
    ann, _ = signed_in(here)
    link = identity.make_token("hall", "link", "test")
    assert "set-cookie" not in ann.get(f"/wall?display={link}", headers=HTML).headers
    token = identity.make_token("bob", "laptop", "bob")
    assert "set-cookie" not in browser_of(here).get(f"/wall?display={token}", headers=HTML).headers


def test_reports_are_taken_from_whoever_is_signed_in(here: Site) -> None:
    ann, _ = signed_in(here)
    told = ann.post("/api/reports", json={"title": "Bridge out", "lon": 30.1, "lat": 7.2})
    assert (told.status_code, told.json()["accepted"]) == (200, 1)
    assert ann.post("/api/reports?source=usgs", json={"title": "x"}).status_code == 403
    assert here.client.post(f"{here.url}/api/reports", json={"title": "x"}).status_code == 401


def test_a_stream_ends_when_its_account_is_shut_out(tmp_path: Path) -> None:
    with site(tmp_path, ping_every_s=3600, status_every_s=3600) as found:  # nothing but the change itself ends it
        found.services.identity.add(ANN, "test", PASSWORD)
        found.services.identity.add(Profile("bob", agency="INTEL"), "test", PASSWORD)
        bob, _ = signed_in(found, "bob")
        with bob.stream("GET", "/live") as stream:
            lines = stream.iter_lines()
            assert next(lines).startswith("id:")
            found.services.identity.disable("bob", "test")
            for _ in lines:
                pass
        assert bob.get("/live").status_code == 401


def test_a_stream_ends_when_its_session_runs_out_by_itself(tmp_path: Path) -> None:
    with site(tmp_path, ping_every_s=0.2) as found:
        found.services.identity.add(ANN, "test", PASSWORD)
        client, _ = signed_in(found)
        with client.stream("GET", "/live") as stream:
            lines = stream.iter_lines()
            assert next(lines).startswith("id:")
            over = int((datetime.now(UTC) - timedelta(seconds=1)).timestamp() * 1e6)
            with found.store.transaction() as connection:
                connection.exec_driver_sql(f"UPDATE session SET expires_us = {over}")
            pings = sum(line.startswith(": ") for line in itertools.islice(lines, 1_000))
        assert pings < 100, "it would ping for ever otherwise"


def test_once_there_are_accounts_the_server_answers_under_other_names_too(here: Site) -> None:
    assert here.get("/api/status", Host="joc.example").status_code == 401
    assert here.get("/healthz", Host="joc.example").status_code == 200


def test_bodies_are_limited_before_they_are_read(here: Site) -> None:
    client, _ = signed_in(here)
    for path, size in (("/_dash-update-component", BODY_BYTES), ("/account", FORM_BYTES), ("/sign-in", FORM_BYTES)):
        kind = "application/json" if "dash" in path else "application/x-www-form-urlencoded"
        told = client.post(path, content=b"x" * (size + 1), headers={"Content-Type": kind})
        assert (told.status_code, told.json()["code"]) == (413, "too-large"), path
        chunks = (b"x" * 65_536 for _ in range(size // 65_536 + 2))  # without a length that would be told beforehand
        told = client.post(path, content=chunks, headers={"Content-Type": kind})
        assert (told.status_code, told.json()["code"]) == (413, "too-large"), path
    told = client.post("/account", content=b"{}", headers={"Content-Type": "application/json"})
    assert told.status_code == 415
    many = "&".join(f"f{number}=1" for number in range(200))
    assert (
        client.post("/account", content=many, headers={"Content-Type": "application/x-www-form-urlencoded"}).status_code
        == 422
    )


def test_every_answer_carries_a_strict_policy(here: Site) -> None:
    client, _ = signed_in(here)
    for answer in (
        here.get("/sign-in"),
        here.get("/api/nothing"),
        client.get("/"),
        client.get("/account"),
        here.get("/", **HTML),
    ):
        policy = {part.split()[0]: part.split()[1:] for part in answer.headers["content-security-policy"].split(";")}
        assert policy["default-src"] == ["'none'"]
        assert policy["frame-ancestors"] == ["'none'"]
        assert policy["form-action"] == ["'self'"]
        assert policy["base-uri"] == ["'self'"]
        assert all(word == "'self'" or word.startswith("'sha256-") for word in policy["script-src"])
        assert "unsafe-eval" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert "unsafe" not in content_policy([]).replace("style-src 'self' 'unsafe-inline'", "")


def test_a_websocket_is_closed_whoever_asks(here: Site) -> None:
    client, _ = signed_in(here)
    parts = urlsplit(here.url)
    assert parts.hostname
    assert parts.port
    for path in ("/", "/_dash-ws-callback"):
        with socket.create_connection((parts.hostname, parts.port), timeout=10) as link:
            link.sendall(
                f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nOrigin: {here.url}\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                f"Cookie: commonground={client.cookies['commonground']}\r\n\r\n".encode()
            )
            assert b" 101 " not in link.recv(4096).splitlines()[0]


def test_dash_serves_no_machine_protocol_of_its_own(here: Site) -> None:
    client, _ = signed_in(here)
    for path in ("/_mcp", "/mcp", "/_dash-mcp"):
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        assert "jsonrpc" not in client.post(path, json=call).text


def test_sending_by_token_goes_on_as_before(here: Site) -> None:
    headers = {"Authorization": f"Bearer {here.ingest_token}", "Content-Type": "application/json"}
    told = here.client.post(f"{here.url}/api/ingest/usgs?source=usgs", content=quake("us1"), headers=headers)
    assert (told.status_code, told.json()["accepted"]) == (200, 1)


# In a browser.

Open = Callable[..., Page]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_form_speaks_the_language_and_wears_the_colours_asked_for(here: Site, page: Open, lang: str) -> None:
    for theme in ("dark", "light"):
        opened = page(f"{here.url}/sign-in?lang={lang}&theme={theme}")
        root = opened.locator("html")
        expect(root).to_have_attribute("lang", lang)
        expect(root).to_have_attribute("dir", "rtl" if lang == "ar" else "ltr")
        expect(opened.get_by_label(say(lang, "sign_in.name"))).to_be_focused()
        light = opened.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g)[0] > 128")
        assert light is (theme == "light")
        assert opened.evaluate("document.fonts.ready.then(() => document.fonts.size > 0)")
        assert opened.evaluate("[...document.fonts].some((font) => font.status === 'loaded')")
        assert opened.locator("script").count() == 0
        expect(opened.locator("header")).to_contain_text("Test mission")
        expect(opened.locator("header")).to_contain_text(say(lang, "plain.exercise"))


@pytest.mark.parametrize("width", [320, 390, 1920])
def test_nothing_of_the_forms_is_cut_off_at_any_width(here: Site, page: Open, width: int) -> None:
    opened = page(f"{here.url}/sign-in?lang=fr", width=width, height=700)
    sign_in_by_hand(opened, "fr", "wrong password")
    expect(opened.get_by_role("alert")).to_contain_text(say("fr", "sign_in.wrong"))
    within(opened)
    for name in ("sign_in.name", "sign_in.password"):
        box = opened.get_by_label(say("fr", name)).bounding_box()
        assert box is not None
        assert box["height"] >= 40
    sign_in_by_hand(opened, "fr", PASSWORD)
    opened.wait_for_url(lambda url: "/sign-in" not in url)
    opened.goto(f"{here.url}/account?lang=fr")
    within(opened)


def within(opened: Page) -> None:
    over = opened.evaluate(
        "[...document.querySelectorAll('main *, header *')].filter((node) => !node.closest('svg, pre') && "
        "node.getBoundingClientRect().right > innerWidth + 1).map((node) => node.outerHTML.slice(0, 80))"
    )
    assert over == []
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")


def sign_in_by_hand(opened: Page, lang: str, password: str) -> None:
    opened.get_by_label(say(lang, "sign_in.name")).fill("ann")
    opened.get_by_label(say(lang, "sign_in.password")).fill(password)
    opened.keyboard.press("Enter")


def test_a_link_to_a_view_leads_there_by_the_form_and_out_again(here: Site, page: Open) -> None:
    opened = page(f"{here.url}/feeds?theme=light&lang=fr")
    assert urlsplit(opened.url).path == "/sign-in"
    expect(opened.locator("html")).to_have_attribute("lang", "fr")
    sign_in_by_hand(opened, "fr", PASSWORD)
    opened.wait_for_url(f"{here.url}/feeds?theme=light&lang=fr*")
    expect(opened.locator("html[data-ready=true]")).to_be_attached(timeout=60_000)
    assert opened.evaluate("document.cookie") == ""
    opened.goto(f"{here.url}/sign-out?lang=fr")
    opened.get_by_role("button", name=say("fr", "sign_out.do")).click()
    opened.wait_for_url(f"{here.url}/sign-in*")
    opened.goto(f"{here.url}/feeds")
    assert urlsplit(opened.url).path == "/sign-in"


# The program.


def test_the_program_serves_others_once_it_has_an_account(home: Path) -> None:
    store = open_store(f"sqlite:///{home / 'commonground.sqlite'}")
    Identity(store).add(ANN, "test", PASSWORD)
    store.close()
    server = Served(home, {"COMMONGROUND_HOST": "0.0.0.0"})
    server.start()
    try:
        assert "everybody signs in" in server.log.read_text()
        assert httpx.get(f"{server.url}/api/status").status_code == 401
        address = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=False).stdout.split()
        for other in address[:1]:
            at = f"http://{other}:{server.port}"
            assert httpx.get(f"{at}/api/status").status_code == 401
            with httpx.Client(base_url=at, headers={"Origin": at}, timeout=60) as client:
                form = hidden(client.get("/sign-in").text)
                told = client.post("/sign-in", data={"form": form, "name": "ann", "password": PASSWORD})
                assert told.status_code == 303
                assert client.get("/api/status").status_code == 200
    finally:
        server.stop()
