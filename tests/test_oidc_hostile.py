"""Claims that ask for too much, and answers in the name of an identity provider that prove nothing: one for every known cheat."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests import mission
from tests.oidc_provider import FAULTY_CLAIMS
from tests.oidc_site import WATCH, Mission, honest, with_provider


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mission]:
    with with_provider(tmp_path_factory.mktemp("oidc") / "home") as found:
        yield found


@pytest.fixture
def site(there: Mission) -> Iterator[Mission]:
    with honest(there) as found:
        yield found


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
