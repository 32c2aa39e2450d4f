"""Administration over HTTP: who may do what, ids that were tampered with, looking as a partner would, and what is told before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from dashboard.acts import ACTS
from data import audit
from data.access import Precision, decide
from tests.partners import AREAS, PEOPLE, RECORDS, Run, agreement, running


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with running(tmp_path) as found:
        yield found


GLASS = {"owner": "INTEL", "reason": "People are in danger there", "hours": 1}
BODIES: dict[str, Callable[[], dict[str, Any]]] = {
    "accounts/add": lambda: {"name": "new", "kind": "person", "agency": "JOC"},
    "accounts/change": lambda: {"name": "wim", "clearance": "high"},
    "accounts/disable": lambda: {"name": "wim"},
    "accounts/password": lambda: {"name": "wim"},
    "tokens/make": lambda: {"name": "hall", "token": "second"},
    "tokens/revoke": lambda: {"id": 5},
    "marks/foresee": lambda: {"source": "log", "mark": {"sensitivity": "low"}},
    "marks/set": lambda: {"source": "log", "mark": {"sensitivity": "low"}},
    "agreements/foresee": agreement,
    "agreements/add": lambda: agreement("A2"),
    "agreements/foresee-revocation": lambda: {"name": "A1"},
    "agreements/revoke": lambda: {"name": "A1"},
    "glass/open": lambda: GLASS,
    "glass/agree": lambda: {"id": "0"},
    "glass/close": lambda: {"id": "0"},
}
MAY = {
    # Who may ask for it at all; what the act itself then says of its ids is 422.
    "accounts": ("ada",),
    "tokens": ("ada",),
    "marks": ("ada", "lia"),
    "agreements": ("ada", "lia"),
    "glass/open": ("ada", "lia", "ivo", "wim"),
    "glass/agree": ("ivo",),
    "glass/close": ("ada", "lia", "ivo", "wim"),
}


def may(act: str) -> tuple[str, ...]:
    return MAY.get(act) or MAY[act.partition("/")[0]]


@pytest.mark.parametrize("act", [path.removeprefix("/api/admin/") for path in ACTS if path.startswith("/api/admin/")])
def test_every_act_is_refused_to_whom_it_is_not_given(run: Run, act: str) -> None:
    run.done("ada", "/api/admin/agreements/add", agreement())
    before = run.acts()
    for who in ("", "hall", "wim", "lia", "ivo", "ada"):
        if who in may(act):
            continue
        answer = run.post(who, f"/api/admin/{act}", BODIES[act]())
        assert answer.status_code in ({"": (401,), "hall": (404,)}.get(who, (403, 404))), (who, answer.text)
    assert run.acts() == before
    for who in may(act)[-1:]:
        answer = run.post(who, f"/api/admin/{act}", BODIES[act]())
        assert answer.status_code == (422 if act in ("glass/agree", "glass/close") else 200), answer.text


def test_an_act_is_json_from_here(run: Run) -> None:
    body = BODIES["accounts/disable"]()
    cookie = {"Cookie": f"commonground={run.site.services.identity.begin_session(_account(run, 'ada'), 'password')}"}
    address = f"{run.site.url}/api/admin/accounts/disable"
    before = run.acts()
    here = {**cookie, "Origin": run.site.url, "Sec-Fetch-Site": "same-origin"}
    assert httpx.post(address, json=body, headers={**cookie, "Origin": "https://elsewhere.example"}).status_code == 403
    assert httpx.post(address, json=body, headers={**cookie, "Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert httpx.post(address, data=body, headers=here).status_code == 415
    for wrong in (b"", b"[]", b"nothing", b'"text"', b"\xff", b'{"name": ["wim"]}'):
        answer = httpx.post(address, content=wrong, headers={**here, "Content-Type": "application/json"})
        assert answer.status_code in (400, 422), answer.text
    assert httpx.get(address, headers=here).status_code in (404, 405)
    assert run.acts() == before
    assert httpx.post(address, json=body, headers=here).status_code == 200
    assert run.get("wim", "/api/status").status_code == 401


def _account(run: Run, name: str) -> Any:
    return run.site.services.identity.account(name)


def test_anothers_and_nobodys_are_refused_alike(run: Run) -> None:
    """A liaison learns nothing of agreements and sources that are not theirs by trying their names."""
    run.done("ivo", "/api/admin/agreements/add", agreement("INTEL-1", "INTEL"))
    before = run.acts()
    for there, absent in (("INTEL-1", "INTEL-2"), ("INTEL-1", "")):
        for act in ("agreements/revoke", "agreements/foresee-revocation"):
            answers = [run.post("lia", f"/api/admin/{act}", {"name": name}) for name in (there, absent)]
            assert [one.status_code for one in answers] == [403, 403]
            assert answers[0].content == answers[1].content
    for act in ("marks/set", "marks/foresee"):
        bodies = [{"source": name, "mark": {"sensitivity": "low"}} for name in ("intel", "nosuch")]
        answers = [run.post("lia", f"/api/admin/{act}", body) for body in bodies]
        assert [one.status_code for one in answers] == [403, 403]
        assert answers[0].content == answers[1].content
    # Nor is a source handed to, or an agreement made for, somebody else.
    assert run.post("lia", "/api/admin/marks/set", {"source": "log", "mark": {"agency": "INTEL"}}).status_code == 403
    assert run.post("lia", "/api/admin/agreements/add", agreement("X", "INTEL")).status_code == 403
    assert run.acts() == before


@pytest.mark.parametrize(
    "wrong", [None, 0, -1, True, 1e300, "x" * 9_000, "\x00", "{}", [], ["log"], {"a": 1}, "'; drop table account; --"]
)
def test_tampered_values_are_refused_in_a_sentence(run: Run, wrong: Any) -> None:
    for act, body in BODIES.items():
        for name in body():
            answer = run.post("ada", f"/api/admin/{act}", {**body(), name: wrong})
            assert answer.status_code in (200, 400, 403, 404, 422), (act, name, answer.text)
            assert "Traceback" not in answer.text
    mark = (
        "agency",
        "sensitivity",
        "releasable_to",
        "compartments",
        "tlp",
        "purposes",
        "consent",
        "precision",
        "minimum_count",
    )
    for name in mark:
        answer = run.post("ada", "/api/admin/marks/foresee", {"source": "log", "mark": {name: wrong}})
        assert answer.status_code in (200, 422), (name, answer.text)
    for name in agreement()["agreement"]:
        answer = run.post("ada", "/api/admin/agreements/foresee", agreement(**{name: wrong}))
        assert answer.status_code in (200, 403, 422), (name, answer.text)


def test_what_each_reads(run: Run) -> None:
    run.done("ada", "/api/admin/agreements/add", agreement("JOC-WFP"))
    run.done("ivo", "/api/admin/agreements/add", agreement("INTEL-MOH", "INTEL", grantees=["MOH"]))
    assert run.get("", "/api/admin").status_code == 401
    assert run.get("hall", "/api/admin").status_code == 404
    assert run.get("hall", "/api/admin").content == run.get("hall", "/api/nosuch").content

    names = {who: {one["name"] for one in run.told(who)["agreements"]} for who in ("ada", "lia", "ivo", "wim")}
    assert names == {"ada": {"JOC-WFP", "INTEL-MOH"}, "lia": {"JOC-WFP"}, "ivo": {"INTEL-MOH"}, "wim": {"JOC-WFP"}}
    accounts = {who: {one["name"] for one in run.told(who)["accounts"]} for who in ("ada", "lia", "wim")}
    assert accounts == {"ada": set(PEOPLE), "lia": {"ada", "lia", "hall"}, "wim": set()}
    assert [one["name"] for one in run.told("lia")["sources"]] == ["log"]
    for who in ("lia", "ivo", "wim"):
        told = run.told(who)
        assert told["tokens"] == []
        assert "audit" not in told
        assert run.get(who, "/api/admin/audit").status_code == 404
    # How many people another agency has, and what it shares with whom, is not told; nor a compartment's name.
    run.done("ivo", "/api/admin/marks/set", {"source": "intel", "mark": {"compartments": ["AMBER LANE"]}})
    intel = {who: next(one for one in run.told(who)["agencies"] if one["name"] == "INTEL") for who in ("ada", "lia")}
    assert (intel["ada"]["people"], intel["ada"]["grants"]) == (1, 1)
    assert (intel["lia"]["people"], intel["lia"]["grants"]) == (None, None)
    assert "AMBER LANE" in run.get("ada", "/api/admin").text
    for who in ("lia", "wim"):
        assert "AMBER LANE" not in run.get(who, "/api/admin").text
    entries = [one for one in run.told("ada")["audit"] if one["act"] != "source.mark"]
    assert [one["seq"] for one in entries] == sorted((one["seq"] for one in entries), reverse=True)
    assert entries[0]["act"] == "agreement.make"


def test_a_secret_is_told_once(run: Run) -> None:
    made = run.done("ada", "/api/admin/accounts/add", {"name": "New One", "kind": "person", "agency": "JOC"})
    assert run.site.services.identity.check("new one", made["secret"]) is not None
    display = run.done("ada", "/api/admin/accounts/add", {"name": "gate", "kind": "display", "agency": "JOC"})
    found = httpx.get(f"{run.site.url}/api/status", headers={"Authorization": f"Bearer {display['secret']}"})
    assert found.status_code == 200
    second = run.done("ada", "/api/admin/accounts/password", {"name": "new one"})
    assert run.site.services.identity.check("new one", made["secret"]) is None
    told = run.get("ada", "/api/admin").text + "".join(str(each) for each in audit.entries(run.store, limit=1_000))
    for secret in (made["secret"], display["secret"], second["secret"]):
        assert secret not in told
    token = next(one for one in run.told("ada")["tokens"] if one["account"] == "gate")
    run.done("ada", "/api/admin/tokens/revoke", {"id": token["id"]})
    found = httpx.get(f"{run.site.url}/api/status", headers={"Authorization": f"Bearer {display['secret']}"})
    assert found.status_code == 401


def test_looking_as_another_is_never_more_than_both_may_see(run: Run) -> None:
    assert run.incidents("ada") == RECORDS["log"] + RECORDS["open"]
    # INTEL's own records stay withheld from ada, who looks as INTEL; JOC's log is withheld from INTEL.
    assert run.incidents("ada", "&view_as=agency:INTEL") == RECORDS["open"]
    assert run.incidents("ivo", "&view_as=agency:JOC") == RECORDS["open"]
    assert run.incidents("lia", "&view_as=account:hall") == RECORDS["log"] + RECORDS["open"]
    assert run.incidents("lia", "&view_as=agency:WFP") == RECORDS["open"]

    told = run.told("lia", "/api/view-as?view_as=agency:WFP&lang=en")
    assert told["shown"] == RECORDS["open"] + AREAS
    assert told["withheld"] == RECORDS["log"]
    assert [(one["clause"], one["count"]) for one in told["clauses"]] == [("not released by its owner", RECORDS["log"])]
    assert "anybody of WFP" in told["title"]
    few = run.told("lia", "/api/view-as?view_as=agency:WFP&severity=critical")
    assert few["shown"] + few["withheld"] == run.incidents("lia", "&severity=critical")

    # A record of theirs alone cannot be opened by looking as they would, nor its source counted.
    theirs = run.told("ivo", "/ogc/collections/incidents/items?source=intel")["features"][0]["properties"]["id"]
    absent = run.get("ada", "/api/records/0123456789abcdef?view_as=agency:INTEL")
    withheld = run.get("ada", f"/api/records/{theirs}?view_as=agency:INTEL")
    assert (withheld.status_code, withheld.content) == (absent.status_code, absent.content) == (404, absent.content)
    assert {one["name"] for one in run.told("ada", "/api/status?view_as=agency:INTEL")["sources"]} <= {"open", "areas"}


def test_who_may_look_and_as_whom(run: Run) -> None:
    for path in (
        "/api/counts?",
        "/api/layers?",
        "/api/status?",
        "/ogc/collections/incidents/items?",
        "/live?",
        "/api/view-as?",
    ):
        assert run.get("wim", f"{path}view_as=agency:JOC").status_code == 403, path
        assert run.get("ada", f"{path}view_as=agency:NOBODY").status_code == 404, path
        assert run.get("ada", f"{path}view_as=account:nobody").status_code == 404, path
        assert run.get("ada", f"{path}view_as=everybody").status_code == 404, path
        assert run.get("ada", f"{path}view_as=agency:*").status_code == 404, path
    assert run.get("ada", "/api/view-as").status_code == 404
    assert run.get("ada", "/api/admin?view_as=agency:WFP").status_code == 404
    before = run.acts()
    for act, body in BODIES.items():
        answer = run.post("ada", f"/api/admin/{act}?view_as=agency:WFP", body())
        assert answer.status_code == 403, act
    assert run.acts() == before


def test_what_is_foreseen_is_what_then_happens(run: Run) -> None:
    parties = ("WFP", "INTEL", "MON", "hall")

    def seen() -> dict[str, bool]:
        shared = run.site.picture.sharing
        mark = replace(shared.sources["log"].mark("incidents"))
        viewers = {name: _viewer(run, name) for name in parties}
        return {name: decide(viewer, mark, shared.agreements).permit for name, viewer in viewers.items()}

    def steps(act: str, body: dict[str, Any], foresee: str) -> None:
        told = run.done("lia", f"/api/admin/{foresee}", body)["changes"]
        before = seen()
        run.done("lia", f"/api/admin/{act}", body)
        after = seen()
        turned = {one["name"]: one["turn"] for one in told}
        for name in parties:
            expected = {(False, True): "gains", (True, False): "loses"}.get((before[name], after[name]))
            if expected:
                assert turned[name] == expected
            else:
                assert turned.get(name) in (None, "more", "less")
        assert {one["count"] for one in told} <= {0, RECORDS["log"]}
        assert told

    steps("agreements/add", agreement("A1", minimum_precision="km5"), "agreements/foresee")
    assert run.incidents("wim") == RECORDS["open"] + RECORDS["log"]
    steps("marks/set", {"source": "log", "mark": {"releasable_to": ["mission"]}}, "marks/foresee")
    steps("marks/set", {"source": "log", "mark": {"sensitivity": "high"}}, "marks/foresee")
    assert run.incidents("wim") == RECORDS["open"]
    steps("marks/set", {"source": "log", "mark": {"sensitivity": "moderate", "releasable_to": []}}, "marks/foresee")
    steps("agreements/revoke", {"name": "A1"}, "agreements/foresee-revocation")
    assert run.incidents("wim") == RECORDS["open"]
    # Told of somebody who may not see them, a change is told without their number.
    mark = {"releasable_to": ["WFP"], "sensitivity": "low"}
    blind = run.done("ada", "/api/admin/marks/foresee", {"source": "intel", "mark": mark})["changes"]
    assert [(one["name"], one["turn"]) for one in blind] == [("INTEL", "more"), ("WFP", "gains")]
    assert {one["count"] for one in blind} == {0}


def _viewer(run: Run, name: str) -> Any:
    from dashboard.looking import party_of

    kind = "account" if name == "hall" else "agency"
    return party_of(run.site.services.known, f"{kind}:{name}").viewer


def test_a_record_says_why_and_who_else(run: Run) -> None:
    run.done("lia", "/api/admin/agreements/add", agreement("A1", minimum_precision="km5"))
    number = run.told("lia", "/ogc/collections/incidents/items?source=log")["features"][0]["properties"]["id"]
    own = run.told("lia", f"/api/records/{number}")["access"]
    assert own["clause"] == "its owner"
    assert [(one["name"], one["clause"]) for one in own["others"]] == [
        ("WFP", "agreement “A1” of JOC"),
        ("hall", "its owner"),
    ]
    assert own["may_ask"] is False
    theirs = run.told("wim", f"/api/records/{number}")["access"]
    assert theirs["clause"] == "agreement “A1” of JOC"
    assert theirs["duties"] == ["place to 5 km"]
    assert theirs["others"] is None
    assert theirs["may_ask"] is True
    looked = run.told("lia", f"/api/records/{number}?view_as=account:wim")["access"]
    assert (looked["clause"], looked["others"], looked["may_ask"]) == ("agreement “A1” of JOC", None, False)
    french = run.told("wim", f"/api/records/{number}?lang=fr")["access"]
    assert french["clause"] == "accord « A1 » de JOC"


def test_broken_glass_is_told_to_its_owner(run: Run) -> None:
    assert run.incidents("wim") == RECORDS["open"]
    for wrong in (
        {"reason": "short"},
        {"hours": 5},
        {"hours": 0},
        {"owner": "WFP"},
        {"owner": "NOSUCH"},
        {"owner": "*"},
    ):
        assert run.post("wim", "/api/admin/glass/open", {**GLASS, **wrong}).status_code == 422, wrong
    made = run.done("wim", "/api/admin/glass/open", GLASS)
    assert made["state"] == "open"
    assert run.incidents("wim") == RECORDS["open"] + RECORDS["intel"]
    for who, expected in (("ivo", 1), ("wim", 1), ("ada", 1), ("lia", 0)):
        assert len(run.told(who)["glass"]) == expected, who
    told = run.told("ivo")["glass"][0]
    assert (told["account"], told["reason"], told["may_close"]) == ("wim", GLASS["reason"], True)
    assert run.post("lia", "/api/admin/glass/close", {"id": made["id"]}).status_code == 422
    run.done("ivo", "/api/admin/glass/close", {"id": made["id"]})
    assert run.incidents("wim") == RECORDS["open"]

    severe = run.done("lia", "/api/admin/glass/open", {**GLASS, "maximum_sensitivity": "severe"})
    assert severe["state"] == "waits"
    assert run.post("lia", "/api/admin/glass/agree", {"id": severe["id"]}).status_code == 403
    run.done("ivo", "/api/admin/glass/agree", {"id": severe["id"]})
    assert run.told("lia")["glass"][0]["state"] == "open"


def test_the_marking_is_the_join_of_what_is_on_the_page(run: Run) -> None:
    def marking(who: str, tail: str = "") -> str:
        return str(run.told(who, f"/api/layers?lang=en{tail}")["mission"]["marking"])

    assert marking("wim") == "LOW · REL MISSION"
    assert marking("lia") == "MODERATE · OWNERS ONLY"
    assert marking("lia", "&source=open") == "LOW · REL MISSION"
    assert marking("lia", "&source=nosuch") == "LOW · REL NSO, MISSION"  # the boundaries are on it still
    assert marking("lia", "&view_as=agency:WFP") == "LOW · REL MISSION"
    run.done("ada", "/api/admin/marks/set", {"source": "open", "mark": {"tlp": "amber", "sensitivity": "moderate"}})
    assert marking("wim") == "MODERATE · TLP:AMBER · REL MISSION"


def test_the_chain_is_checked_on_the_page(run: Run) -> None:
    run.done("ada", "/api/admin/agreements/add", agreement())
    assert run.told("ada", "/api/admin/audit")["faults"] == []
    with run.store.transaction() as connection:
        connection.execute(sa.text("UPDATE audit SET who = 'somebody' WHERE seq = 2"))
    faults = run.told("ada", "/api/admin/audit")["faults"]
    assert faults == ["the audit log was altered: entry 2 does not read as it was written."]


def test_places_of_the_page_are_what_the_rule_knows(run: Run) -> None:
    choices = run.told("ada")["choices"]
    assert choices["precision"] == list(Precision.__members__)
    assert set(choices["agencies"]) == {"JOC", "MON", "INTEL", "WFP"}
    made = agreement("WHO", grantees=["NEW"])
    run.done("ada", "/api/admin/agreements/add", made)
    assert "NEW" in run.told("ada")["choices"]["agencies"]
