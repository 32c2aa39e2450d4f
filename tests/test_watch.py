"""The watch: acting on records, the escalation matrix, handover, and several reports of one event, each as one viewer sees it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import app
from data import audit, linked
from data.access import Viewer
from data.analysis import duplicates
from data.escalation import Escalation, Level, escalation_of
from data.handling import standing
from data.marks import BadTerms
from data.picture import Picture
from data.records import Incident, Link, Sensitivity, Severity
from data.seen import public_id
from data.settings import BadSettings, Mission, Settings, Source, load, span_s
from data.sharing import Sharing
from data.store import Batch, open_store
from data.written import Change, marked, write
from tests.inprocess import Answer, Client, client_of
from tests.pictures import entry
from tests.worlds import LAND, stamped

NOW = datetime.now(UTC).replace(microsecond=0)
LOW, MODERATE, HIGH, SEVERE = Sensitivity
ANN = Viewer("ann", "JOC", HIGH, roles=("watch",))
BEN = Viewer("ben", "JOC", HIGH, roles=("watch",))
RED = Viewer("rae", "RED", HIGH)
OUT = Viewer("ole", "BLUE", HIGH, roles=("watch",))
READER = Viewer("rob", "JOC", HIGH)
SOURCES = {
    "log": Source("log", "table", "JOC", sensitivity=LOW, releasable_to=("mission",)),
    "red": Source("red", "table", "RED", sensitivity=LOW, releasable_to=("JOC",)),
}
MATRIX = (
    Escalation(
        "critical",
        (Level("Watch officer", timedelta(minutes=15)), Level("Chief", timedelta(hours=1))),
        severity=Severity.critical,
    ),
    Escalation("attack", (Level("RED", timedelta(minutes=30)),), category=("attack",)),
)


def incident(ref: str, **said: Any) -> Incident:
    told = {
        "title": f"Event {ref}",
        "category": "clash",
        "event_time": NOW - timedelta(hours=2),
        "lon": 30.5,
        "lat": 6.0,
    }
    return Incident(source_ref=ref, **{**told, **said})


class Site:
    client: Client | None = None
    """Of a server that is made once: which site it shows is told it."""

    def __init__(self, folder: Path) -> None:
        sources = {LAND.name: LAND, **SOURCES}
        told = Settings(
            folder, f"sqlite:///{folder / 'x.sqlite'}", mission=Mission("Orlane"), sources=sources, escalation=MATRIX
        )
        self.store = open_store(told.database_url)
        sharing = Sharing(sources=sources)
        self.picture = Picture(self.store, lambda: sharing)
        self.services = app._services(told, self.store, self.picture)
        Site.client = self.client = Site.client or client_of(self.services)

    def put(self, source: str, *records: Incident, ago: timedelta = timedelta()) -> list[str]:
        """Append records as received so long ago; their public ids."""
        entries = [entry(row, stamped(SOURCES[source], one)) for row, one in enumerate(records, start=1)]
        received = int((datetime.now(UTC) - ago).timestamp() * 1e6)
        self.store.append(Batch(source, "test", f"{records[0].source_ref}.json", "00", received, [entries]))
        self.picture.catch_up()
        return [public_id(self.store.record_id(source, one)) for one in entries]

    def get(self, viewer: Viewer, path: str) -> Any:
        answer = self.ask(viewer, "GET", path)
        assert answer.status == 200, answer.body
        return answer.json()

    def ask(self, viewer: Viewer, method: str, path: str, body: Any = None) -> Answer:
        assert self.client is not None
        self.client.current.show(self.services, viewer)
        return self.client.request(method, path, b"" if body is None else json.dumps(body).encode())

    def act(self, viewer: Viewer, record: str, act: str, looked_at: int = 0, **told: Any) -> Answer:
        return self.ask(viewer, "POST", "/api/watch/handle", {"id": record, "act": act, "looked_at": looked_at, **told})

    def link(self, viewer: Viewer, one: str, other: str, verdict: str = "linked", looked_at: int = 0) -> Answer:
        told = {"one": one, "other": other, "verdict": verdict, "looked_at": looked_at, "reason": "same road"}
        return self.ask(viewer, "POST", "/api/watch/link", told)

    def total(self, viewer: Viewer) -> int:
        return int(self.get(viewer, "/api/counts?collection=incidents")["total"])


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    found = Site(tmp_path)
    yield found
    found.store.close()


def test_what_nobody_takes_notice_of_goes_to_the_next_level_and_is_overdue(site: Site) -> None:
    new, late, later, attack, calm = (
        site.put("log", incident(ref, severity=severity, category=category), ago=timedelta(minutes=ago))[0]
        for ref, severity, category, ago in (
            ("new", Severity.critical, "clash", 5),
            ("late", Severity.critical, "clash", 20),
            ("later", Severity.critical, "attack", 90),
            ("attack", Severity.minor, "attack", 10),
            ("calm", Severity.severe, "clash", 900),
        )
    )
    told = {one["id"]: one for one in site.get(ANN, "/api/watch")["items"]}
    assert calm not in told
    assert [(told[one]["who"], told[one]["level"], told[one]["overdue"]) for one in (new, late, later, attack)] == [
        ("Watch officer", 0, False),
        ("Chief", 1, True),
        ("Chief", 2, True),
        ("RED", 0, False),
    ], "the first rule that fits counts"
    assert list(told)[:2] == [later, late], "overdue first, the longest before"
    assert site.get(ANN, "/api/watch/count") == {"overdue": 2, "open": 4, "mine": 0, "mine_overdue": 0}
    assert site.get(RED, "/api/watch/count")["mine"] == 1, "it lies with their agency"
    # A newer version of what was heard begins no clock anew.
    site.put("log", incident("late", severity=Severity.critical, title="Event late, corrected"))
    assert site.get(ANN, "/api/watch/count")["overdue"] == 2
    # Whoever takes notice ends it; what was is still told.
    assert site.act(ANN, late, "acknowledge").status == 200
    assert site.get(ANN, "/api/watch/count") == {"overdue": 1, "open": 4, "mine": 0, "mine_overdue": 0}
    assert audit.entries(site.store, limit=1)[0].act == "watch.acknowledge"


def test_a_history_that_is_loaded_asks_nothing_of_anybody(site: Site) -> None:
    site.put("log", incident("old", severity=Severity.critical, event_time=NOW - timedelta(days=30)))
    assert site.get(ANN, "/api/watch/count")["open"] == 0


def test_every_act_is_a_version_and_whoever_is_second_is_told(site: Site) -> None:
    (one,) = site.put("log", incident("a"))

    def revision() -> int:
        return int(site.get(ANN, f"/api/watch/records/{one}")["revision"])

    assert site.act(ANN, one, "acknowledge").status == 200
    first = revision()
    assert site.act(BEN, one, "assign", 0, assignee="RED").status == 409, "ben looked at what was before"
    assert site.act(BEN, one, "assign", first, assignee="RED").status == 200
    due = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert site.act(ANN, one, "due", revision(), due="2020-01-01T00:00:00Z").status == 422
    assert site.act(ANN, one, "due", revision(), due=due).status == 200
    # Whom it was assigned to may act, though no watch; nobody else may, and what cannot be seen is nobody's.
    assert site.act(RED, one, "comment", comment="Team \u202eis on its way").status == 200
    assert site.act(READER, one, "comment", comment="me too").status == 403
    assert site.act(RED, one, "close", revision()).status == 422, "why it is closed is asked for"
    assert site.act(RED, one, "close", revision(), comment="Road open again").status == 200
    assert site.act(ANN, one, "assign", revision(), assignee="").status == 409
    assert site.act(ANN, one, "reopen", revision()).status == 200
    told = site.get(ANN, f"/api/watch/records/{one}")
    assert [act["act"] for act in told["acts"]] == ["acknowledge", "assign", "due", "comment", "close", "reopen"]
    assert told["acts"][3]["comment"] == "Team is on its way"
    assert told["stands"]["assignee"] == "RED"
    assert [entry_.act for entry_ in audit.entries(site.store, limit=6)][::-1] == [
        f"watch.{act['act']}" for act in told["acts"]
    ]


def test_what_is_past_its_due_time_is_overdue_without_anything_being_stored(site: Site) -> None:
    (one,) = site.put("log", incident("a"))
    due = datetime.now(UTC) + timedelta(hours=1)
    site.act(ANN, one, "due", due=due.isoformat())
    seen = site.picture.seen_by(ANN)
    (before,), (after,) = (standing(replace(seen, now=due + timedelta(minutes=m)), MATRIX) for m in (-1, 1))
    assert (before.overdue, after.overdue, after.deadline) == (False, True, due)


def test_handling_is_released_to_whom_the_record_is(site: Site) -> None:
    (one,) = site.put("red", incident("secret", severity=Severity.critical))
    before = {path: site.get(OUT, path) for path in ("/api/watch", "/api/watch/log", "/api/watch/states", "/healthz")}
    assert site.act(ANN, one, "comment", comment="cnry").status == 200
    assert site.act(OUT, one, "comment", comment="x").status == 404
    for path, told in before.items():
        again = site.get(OUT, path)
        assert {**again, "since": 0} == {**told, "since": 0}, path
    assert "cnry" in json.dumps(site.get(RED, "/api/watch/log"))
    assert site.ask(OUT, "GET", f"/api/watch/records/{one}").status == 404


def test_a_watch_is_given_over_by_one_and_taken_by_another(site: Site) -> None:
    site.put("log", incident("a", severity=Severity.critical))
    since = (NOW - timedelta(hours=6)).isoformat().replace("+00:00", "Z")
    told = site.get(ANN, f"/api/watch/handover?since={since}")
    assert (told["new"]["events"], told["new"]["critical"], told["counts"]["open"]) == (1, 1, 1)
    give = {"note": "Bridge at Doro is down.", "since": since}
    assert site.ask(READER, "POST", "/api/watch/handover/give", give).status == 403
    given = site.ask(ANN, "POST", "/api/watch/handover/give", give).json()["id"]
    (note,) = site.get(BEN, "/api/watch/handover")["notes"]
    assert (note["note"], note["given_by"], note["taken_by"]) == ("Bridge at Doro is down.", "ann", "")
    take = {"id": given, "looked_at": note["revision"]}
    assert site.ask(ANN, "POST", "/api/watch/handover/take", take).status == 422
    assert site.ask(OUT, "POST", "/api/watch/handover/take", take).status == 404
    assert site.get(OUT, "/api/watch/handover")["notes"] == []
    assert site.ask(BEN, "POST", "/api/watch/handover/take", take).status == 200
    assert site.ask(BEN, "POST", "/api/watch/handover/take", take).status == 409
    assert site.get(ANN, "/api/watch/handover")["notes"][0]["taken_by"] == "ben"
    assert [one["what"] for one in site.get(BEN, "/api/watch/log")["entries"]][:2] == ["take", "give"]


# Several reports of one event


def test_a_linked_event_counts_once_for_who_sees_both_and_the_figures_stay(site: Site) -> None:
    (ours,) = site.put("log", incident("ours", fatalities=3))
    (theirs,) = site.put("red", incident("theirs", fatalities=5))
    (third,) = site.put("log", incident("third"))
    outside = site.get(OUT, "/api/counts?collection=incidents")
    assert (site.total(ANN), outside["total"]) == (3, 2)
    assert site.link(READER, ours, theirs).status == 403
    assert site.link(OUT, ours, theirs).status == 404
    assert site.link(ANN, ours, ours).status == 422
    assert site.link(ANN, ours, theirs).status == 200
    told = site.get(ANN, "/api/counts?collection=incidents")
    assert (told["total"], told["reports"], told["repeated"]) == (2, 3, 1)
    assert site.get(OUT, "/api/counts?collection=incidents") == outside, "by what they see nothing happened"
    assert site.get(ANN, f"/api/watch/records/{ours}")["linked"]["fatalities"] == [3, 5]
    assert site.get(OUT, f"/api/watch/records/{ours}")["linked"] is None
    assert site.get(ANN, "/ogc/collections/incidents/items?limit=10")["numberMatched"] == 3, "every report is there"
    (kpi,) = [one for one in site.get(ANN, "/api/kpis")["kpis"] if one["id"] == "incidents_24h"]
    assert (kpi["value"], kpi["count"]) == (2, 3)
    assert "3" in kpi["caption"]
    (pair,) = site.get(ANN, "/api/watch/same?judged=linked")["pairs"]
    assert pair["verdict"]["reason"] == "same road"
    assert site.link(BEN, theirs, ours, "open").status == 409, "ben has not seen that it is linked"
    assert site.link(BEN, theirs, ours, "open", pair["looked_at"]).status == 200
    assert site.total(ANN) == 3
    assert third


def test_what_was_refused_is_not_suggested_again(site: Site) -> None:
    said = "Vehicle of the Khobun Front looted a convoy on the Doro road"
    (one,) = site.put("log", incident("a", description=said, category="Looting"))
    (other,) = site.put("red", incident("b", description=f"{said}, 2 hurt", category="looting", lon=30.51))
    (pair,) = site.get(ANN, "/api/watch/same?window=7d")["pairs"]
    assert {report["id"] for report in pair["reports"]} == {one, other}
    assert {reason["what"] for reason in pair["reasons"]} >= {"distance", "time", "category", "words"}
    assert site.get(OUT, "/api/watch/same?window=7d")["pairs"] == []
    assert site.link(ANN, one, other, "refused").status == 200
    assert site.get(ANN, "/api/watch/same?window=7d")["pairs"] == []
    assert site.total(ANN) == 2


def test_suggestions_are_one_to_one_and_need_more_than_one_place() -> None:
    def told(row: int, source: str, hours: float = 0, east_km: float = 0, kind: str = "looting") -> duplicates.Told:
        return duplicates.Told(
            row, source, hours, False, 30 + east_km / 111.3, 0.0, False, duplicates.families_of(kind), "a store was looted",
            frozenset(), 0.0,
        )  # fmt: skip

    def score(**other: Any) -> float:
        return duplicates.compared(told(1, "a"), told(2, "b", **other)).score

    assert score() == 1
    assert score(hours=6) > score(hours=20)
    assert score(east_km=3) > score(east_km=20)
    assert score(kind="protest") < duplicates.LEAST <= score(hours=3, east_km=2)
    pairs = [
        duplicates.compared(told(a, "a"), told(b, "b", hours=h)) for a, b, h in ((1, 3, 0.5), (1, 4, 4), (2, 3, 4))
    ]
    assert [(one.one, one.other) for one in duplicates._one_to_one(pairs)] in ([(1, 3)], [(1, 4), (2, 3)])


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, list[str]]]:
    found = Site(tmp_path_factory.mktemp("many"))
    ids = [
        found.put("log" if n % 2 else "red", incident(f"i{n}", event_time=NOW - timedelta(hours=n)))[0]
        for n in range(8)
    ]
    yield found, ids
    found.store.close()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.sampled_from(linked.VERDICTS)), max_size=8))
def test_totals_are_the_events_whatever_is_linked_and_unlinked(many: tuple[Site, list[str]], judged: list[Any]) -> None:
    site, ids = many
    # What an earlier example linked is taken back: every judgement is a version, so the last of a pair counts.
    every = {(a, b): "open" for a in range(8) for b in range(a)} | {
        (max(a, b), min(a, b)): verdict for a, b, verdict in judged if a != b
    }
    changes = []
    for (a, b), verdict in every.items():
        one, other = sorted((ids[a], ids[b]))
        mark = SOURCES["log"].mark("incidents")
        made = Link(source_ref=f"{one} {other}", one=one, other=other, verdict=verdict, category=verdict)
        changes.append(Change(marked(made, "watch", joint(mark, a, b), False), None))
    write(site.store, "ann", "watch.link", changes)
    site.picture.catch_up()
    for viewer, sees in ((ANN, range(8)), (OUT, range(1, 8, 2))):
        seen = site.picture.seen_by(viewer)
        rows = seen.rows("incident")
        group = {n: {n} for n in sees}
        for (a, b), verdict in every.items():
            if verdict == "linked" and a in group and b in group and group[a] is not group[b]:
                joined = group[a] | group[b]
                group |= dict.fromkeys(joined, joined)
        events = {frozenset(one) for one in group.values()}
        assert len(seen.once("incident", rows)) == len(events)
        assert len(rows) == len(sees)
        half = rows[: len(rows) // 2]
        assert set(seen.once("incident", half)) <= set(half.tolist())


def joint(mark: Any, a: int, b: int) -> Any:
    """The join of two reports' marks: the even ones are RED's, for the operations centre alone."""
    red = {"agency": "" if (a + b) % 2 else "RED", "releasable_to": ("JOC",)}
    return mark if a % 2 and b % 2 else replace(mark, **red)


# Settings


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({}, "name is missing"),
        ({"name": "x"}, "no levels"),
        ({"name": "x", "levels": [{"who": "JOC"}]}, "level 1"),
        ({"name": "x", "levels": [{"who": "JOC", "within": "soon"}]}, "within of level 1"),
        ({"name": "x", "levels": [{"who": "J", "within": "1h"}], "severity": "bad"}, "severity"),
        (
            {"name": "x", "levels": [{"who": "J", "within": "1h"}], "collections": ["tracks"]},
            "collections name 'tracks'",
        ),
        ({"name": "x", "levels": [{"who": "J", "within": "1h"}], "areas": ["X"]}, "'areas' is not a setting"),
    ],
)
def test_a_matrix_that_cannot_be_meant_is_refused_in_one_sentence(told: Any, said: str) -> None:
    with pytest.raises(BadTerms, match=said):
        escalation_of(told, span_s)


def test_the_matrix_is_read_from_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "commonground.toml"
    rule = '[[escalation]]\nname = "night"\nseverity = "severe"\nlevels = [{ who = "JOC", within = "15min" }]\n'
    file.write_text(rule)
    (read,) = load({"COMMONGROUND_HOME": str(tmp_path)}).escalation
    assert (read.severity, read.levels, read.last) == (
        Severity.severe,
        (Level("JOC", timedelta(minutes=15)),),
        timedelta(hours=72),
    )
    file.write_text(rule + rule)
    with pytest.raises(BadSettings, match="used twice"):
        load({"COMMONGROUND_HOME": str(tmp_path)})
