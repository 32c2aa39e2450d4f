"""What somebody with some rights, or with none, tries at the door: each attempt is refused in words, and none is a fault."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from data.access import EVERY_AGENCY
from data.tokens import LOCAL
from tests.program import Served, command, serving

PASSWORD = "a lantern over the harbour wall"
SETTINGS = """
[agencies]
JOC = "Joint Operations Centre"
LOG = "Logistics Cluster"

[[source]]
name = "log"
feed = "table"
kind = "incident"
agency = "JOC"
sensitivity = "severe"
columns = { source_ref = "Serial" }
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An administrator cleared for little, somebody cleared for everything, a liaison, a display, a provider's person."""
    home = tmp_path_factory.mktemp("attacks") / "home"
    home.mkdir()
    (home / "commonground.toml").write_text(SETTINGS, encoding="utf-8")
    for name, agency, *more in (
        ("root", "LOG"),
        ("vera", "JOC", "--clearance", "severe"),
        ("lea", "LOG", "--role", "sharing"),
    ):
        added = command(home, "account", "add", name, "--agency", agency, *more, stdin=f"{PASSWORD}\n".encode())
        assert added.returncode == 0, added.stderr
    assert command(home, "account", "add", "hall", "--display", "--agency", "LOG").returncode == 0
    with serving(home) as server:
        yield server


@pytest.fixture(scope="module")
def root(site: Served) -> Iterator[httpx.Client]:
    with signed_in(site, "root") as client:
        yield client


@pytest.fixture(scope="module")
def lea(site: Served) -> Iterator[httpx.Client]:
    with signed_in(site, "lea") as client:
        yield client


@contextmanager
def signed_in(site: Served, name: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.url, timeout=60, headers={"Origin": site.url}) as client:
        told = {"form": form_of(client.get("/sign-in")), "name": name, "password": PASSWORD}
        answer = client.post("/sign-in", data=told)
        assert answer.status_code == 303, answer.text
        yield client


def form_of(page: httpx.Response) -> str:
    """What a page's forms carry."""
    found = re.search(r'name="form" value="(\w+)"', page.text)
    assert found is not None, page.text
    return found[1]


def listed(root: httpx.Client) -> dict[str, dict[str, Any]]:
    """The accounts that an administrator is shown."""
    return {one["name"]: one for one in root.get("/api/admin").json()["accounts"]}


# An administrator runs the system and holds no clearance by it.


@pytest.mark.parametrize("whose", ["vera", LOCAL])
def test_an_administrator_makes_no_token_that_sees_as_somebody_else(root: httpx.Client, whose: str) -> None:
    answer = root.post("/api/admin/tokens/make", json={"name": whose, "token": "mine"})
    assert answer.status_code == 422
    assert "cg_" not in answer.text


def test_an_administrator_makes_nobody_who_sees_for_every_agency(root: httpx.Client) -> None:
    told = {"name": "all-seeing", "kind": "service", "agency": EVERY_AGENCY, "clearance": "severe"}
    assert root.post("/api/admin/accounts/add", json=told).status_code == 422
    made = root.post("/api/admin/accounts/add", json={**told, "agency": "LOG", "clearance": "low"})
    assert made.status_code == 200, made.text
    changed = root.post("/api/admin/accounts/change", json={"name": "all-seeing", "agency": EVERY_AGENCY})
    assert changed.status_code == 422
    seen = httpx.get(
        str(root.base_url.copy_with(path="/api/status")), headers={"Authorization": f"Bearer {made.json()['secret']}"}
    )
    assert seen.status_code == 200
    assert listed(root)["all-seeing"]["agency"] == "LOG"


def test_a_display_and_a_program_get_their_tokens(root: httpx.Client) -> None:
    assert root.post("/api/admin/tokens/make", json={"name": "hall"}).json()["secret"].startswith("cg_")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/api/admin/accounts/change", {"name": "lea", "roles": ["admin"]}),
        ("/api/admin/accounts/add", {"name": "eve", "agency": "JOC", "clearance": "severe"}),
        ("/api/admin/accounts/password", {"name": "vera"}),
        ("/api/admin/tokens/make", {"name": "hall"}),
        ("/api/admin/tokens/revoke", {"id": 1}),
        ("/api/admin/marks/set", {"source": "log", "mark": {"releasable_to": ["mission"], "sensitivity": "low"}}),
        ("/api/admin/marks/set", {"source": "log", "mark": {"agency": "LOG"}}),
        (
            "/api/admin/agreements/add",
            {
                "agreement": {
                    "name": "x",
                    "grantor": "JOC",
                    "grantees": ["LOG"],
                    "from": "2020-01-01",
                    "to": "2999-01-01",
                }
            },
        ),
        ("/api/admin/glass/agree", {"id": "x"}),
    ],
)
def test_a_liaison_does_nothing_on_anothers_behalf(lea: httpx.Client, path: str, told: dict[str, Any]) -> None:
    refused = lea.post(path, json=told)
    absent = lea.post("/api/admin/nothing", json=told)
    assert refused.status_code in (403, 404), refused.text
    assert absent.status_code == 404


# What no page of ours would send is refused, not a fault.


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/api/admin/tokens/revoke", {"id": 10**30}),
        ("/api/admin/tokens/revoke", {"id": -1}),
        ("/api/admin/accounts/change", {"name": "lea", "valid_until": "9999-12-31T23:59:59-14:00"}),
        ("/api/admin/accounts/change", {"name": "lea", "valid_from": "0001-01-01T00:00:00+14:00"}),
        ("/api/admin/accounts/change", {"name": "le\0a"}),
        ("/api/admin/glass/open", {"owner": "JOC", "reason": "fire", "hours": 1e308}),
        ("/api/admin/marks/set", {"source": "log", "mark": {"minimum_count": 10**30}}),
        ("/api/admin/marks/foresee", {"source": "log", "mark": {"minimum_count": 10**30}}),
    ],
)
def test_numbers_and_times_beyond_all_bounds_are_refused(root: httpx.Client, path: str, told: dict[str, Any]) -> None:
    answer = root.post(path, json=told)
    assert 400 <= answer.status_code < 500, answer.text


@pytest.mark.parametrize("path", ["/assets/%00", f"/assets/{'a' * 300}", f"/assets/{'a/' * 3_000}", "/sign-in/%00"])
def test_a_name_that_no_file_can_have_is_not_found(site: Served, path: str) -> None:
    assert httpx.get(site.url + path).status_code == 404


@pytest.mark.parametrize("field", ["token", "days"])
def test_a_number_of_five_thousand_digits_is_refused(lea: httpx.Client, field: str) -> None:
    told = {"form": form_of(lea.get("/account")), "do": "revoke" if field == "token" else "token", field: "9" * 5_000}
    assert lea.post("/account", data=told).status_code in (404, 422)


@pytest.mark.parametrize("name", ["\0", "root\0", "a" * 10_000, "ｒｏｏｔ\0"])
def test_a_name_that_no_account_can_have_signs_nobody_in(site: Served, name: str) -> None:
    with httpx.Client(base_url=site.url, timeout=60, headers={"X-Forwarded-For": "198.51.100.7"}) as client:
        told = {"form": form_of(client.get("/sign-in")), "name": name, "password": PASSWORD}
        answer = client.post("/sign-in", data=told)
    assert answer.status_code == 401
