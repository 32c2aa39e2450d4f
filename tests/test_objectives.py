"""Objectives, joint assessments and risks: who sees and writes what, how they stand, and that a crossing is recorded once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

import app
from dashboard.triggers import Triggers
from data import audit
from data.access import LOCAL_OPERATOR, Viewer
from data.escalation import Escalation, Level
from data.picture import Picture
from data.readings import Readings
from data.records import Incident, Record, Sensitivity
from data.settings import Mission, Settings, Source
from data.sharing import Sharing
from data.store import Batch, open_store
from tests.inprocess import Client, client_of
from tests.pictures import entry
from tests.worlds import LAND, land, stamped

SOON = timedelta(hours=4)
NOW = datetime.now(UTC).replace(microsecond=0)
WATCH = Viewer("wren", "JOC", Sensitivity.high, roles=("watch",))
HEALTH = Viewer("hana", "MOH", Sensitivity.high)
ROADS = Viewer("lou", "LOG", Sensitivity.high)
WALL = Viewer("wall", "JOC", Sensitivity.high, kind="display")
SOURCES = {
    LAND.name: LAND,
    "open": Source("open", "test", "JOC", sensitivity=Sensitivity.low, releasable_to=("mission",)),
    "secret": Source("secret", "test", "JOC", sensitivity=Sensitivity.high),
}


def days(number: float) -> str:
    return (NOW + timedelta(days=number)).isoformat()


class Site:
    client: Client | None = None

    def __init__(self, folder: Path) -> None:
        settings = Settings(
            folder,
            f"sqlite:///{folder / 'x.sqlite'}",
            mission=Mission("Orlane"),
            sources=SOURCES,
            agencies={"JOC": "Joint Operations Centre", "MOH": "Ministry of Health", "LOG": "Logistics"},
            escalation=(
                Escalation("risks", (Level("Watch officer", timedelta(hours=2)), Level("Commander", SOON)), ("risks",)),
            ),
        )  # fmt: skip
        self.store = open_store(settings.database_url)
        sharing = Sharing(sources=SOURCES)
        self.picture = Picture(self.store, lambda: sharing)
        self.services = app._services(settings, self.store, self.picture, Readings(self.store))
        Site.client = self.client = Site.client or client_of(self.services)
        self.send(LAND.name, *land())

    def send(self, source: str, *records: Record) -> None:
        entries = [entry(row, stamped(SOURCES[source], one)) for row, one in enumerate(records, start=1)]
        self.store.append(Batch(source, "test", "-", "", round(NOW.timestamp() * 1e6), [entries]))
        self.picture.catch_up()

    def get(self, viewer: Viewer, path: str) -> Any:
        self.client.current.show(self.services, viewer)
        answer = self.client.get(path)
        assert answer.status == 200, answer.body
        return answer.json()

    def status(self, viewer: Viewer, path: str) -> int:
        self.client.current.show(self.services, viewer)
        return self.client.get(path).status

    def act(self, viewer: Viewer, path: str, **told: Any) -> tuple[int, Any]:
        self.client.current.show(self.services, viewer)
        answer = self.client.request("POST", path, json.dumps(told).encode())
        self.picture.catch_up()
        return answer.status, answer.json()

    def made(self, viewer: Viewer, path: str, **told: Any) -> str:
        status, said = self.act(viewer, path, **told)
        assert status == 200, said
        return str(said["id"])

    def plan(self, viewer: Viewer) -> list[Any]:
        found: list[Any] = self.get(viewer, "/api/objectives")["objectives"]
        return found

    def measure(self, viewer: Viewer = WATCH) -> Any:
        return self.plan(viewer)[0]["results"][0]["measures"][0]

    def look(self) -> int:
        triggers = Triggers(self.picture, self.services.write, machine=LOCAL_OPERATOR, thresholds={}, exercise=False)
        found = triggers.look()
        self.picture.catch_up()
        return found


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    found = Site(tmp_path)
    yield found
    found.store.close()


def agreed(site: Site, share: str = "mission", agency: str = "MOH", who: Viewer = HEALTH) -> tuple[str, str, str]:
    """An objective with one result and one measure on half of its way; their ids."""
    objective = site.made(who, "/api/objectives/save", kind="objective", title="Health", agency=agency, share=share)
    result = site.made(who, "/api/objectives/save", kind="result", title="Open", objective=objective, agency=agency)
    measure = site.made(
        who, "/api/objectives/save", kind="measure", title="Clinics open", result=result, agency=agency, unit="%",
        baseline=40, baseline_time=days(-50), target=80, target_time=days(50), cadence_days=30,
    )  # fmt: skip
    return objective, result, measure


def test_what_is_agreed_stands_by_its_readings_and_silence_is_said(site: Site) -> None:
    _, result, measure = agreed(site)
    assert site.measure()["state"] == "not_reported"
    told = {"measure": measure, "source": "Round 3", "completeness_pct": 80}
    site.made(HEALTH, "/api/objectives/reading", value=59, date=days(-1)[:10], **told)
    found = site.measure()
    assert (found["state"], found["actual"], found["told_by"], found["completeness_pct"]) == (
        "on_track",
        59,
        "Round 3",
        80,
    )
    assert found["expected"] == pytest.approx(60, abs=0.5)
    site.made(HEALTH, "/api/objectives/reading", value=45, date=days(-1)[:10], **told)  # the same day again corrects it
    assert (site.measure()["state"], len(site.measure()["trend"])) == ("off_track", 1)
    site.made(
        HEALTH, "/api/objectives/save", kind="task", title="Repair", result=result, due=days(-2), state="underway"
    )
    one = site.plan(WATCH)[0]
    assert (one["state"], one["results"][0]["tasks"][0]["overdue"]) == ("off_track", True)
    status, said = site.act(HEALTH, "/api/objectives/reading", value=50, date=days(9)[:10], **told)
    assert (status, said["description"].split(":")[0]) == (422, "date")


def test_the_watch_writes_anybodys_an_agency_its_own_and_others_nothing(site: Site) -> None:
    objective, *_ = agreed(site)
    change = {"kind": "objective", "id": objective, "revision": site.plan(WATCH)[0]["revision"], "agency": "MOH"}
    for viewer in (ROADS, WALL):
        assert site.act(viewer, "/api/objectives/save", **change, title="Ours now")[0] in (403, 404)
    assert site.act(ROADS, "/api/objectives/save", kind="objective", title="x", agency="MOH")[0] == 403
    assert site.act(WATCH, "/api/objectives/save", **change, title="Health for all")[0] == 200
    assert site.act(HEALTH, "/api/objectives/save", **change, title="Mine")[0] == 409, "somebody was quicker"
    assert [one["title"] for one in site.plan(ROADS)] == ["Health for all"]
    assert site.plan(ROADS)[0]["may"] is False
    assert audit.entries(site.store, limit=1)[0].act == "objectives.objective"


def test_what_an_agency_keeps_to_itself_is_not_there_for_others(site: Site) -> None:
    objective, result, measure = agreed(site, share="agency")
    site.made(HEALTH, "/api/objectives/reading", value=59, date=days(-1)[:10], measure=measure, source="x")
    risk = site.made(
        HEALTH, "/api/risks/save", title="Ours", likelihood=3, impact=3, agency="MOH", review=days(9), share="agency"
    )
    for other in (WATCH, ROADS, WALL):
        assert site.plan(other) == []
        assert site.get(other, "/api/risks")["risks"] == []
        for path in (f"/api/objectives/measure?id={measure}", f"/api/risks/one?id={risk}", f"/api/records/{result}"):
            assert site.status(other, path) == 404
        told = {"kind": "result", "title": "x", "objective": objective, "agency": other.agency}
        assert site.act(other, "/api/objectives/save", **told)[0] in (403, 404)
    assert len(site.plan(HEALTH)) == 1
    # And what is the mission's is narrowed whole, or not at all.
    shared, *_ = agreed(site)
    told = {"kind": "objective", "id": shared, "title": "Health", "agency": "MOH", "share": "agency"}
    revision = next(one["revision"] for one in site.plan(HEALTH) if one["id"] == shared)
    assert site.act(HEALTH, "/api/objectives/save", **told, revision=revision)[0] == 200
    assert site.plan(WATCH) == []
    for kind in ("result", "measure"):
        seen = site.picture.seen_by(WATCH)
        assert len(seen.rows(kind)) == 0


def test_agencies_sign_by_their_own_people_and_dissent_stays(site: Site) -> None:
    told = {"title": "Access is better", "description": "Fewer stops", "area": "XT01", "at": days(-3), "agency": "LOG"}
    note = site.made(ROADS, "/api/assessments/write", **told)
    (one,) = site.get(HEALTH, "/api/objectives")["assessments"]
    sign = {"id": note, "revision": one["revision"]}
    assert site.act(LOCAL_OPERATOR, "/api/assessments/sign", **sign, position="agrees")[0] == 403, "nobody's agency"
    assert site.act(WALL, "/api/assessments/sign", **sign, position="agrees")[0] in (403, 404)
    assert site.act(HEALTH, "/api/assessments/sign", **sign, position="dissents")[0] == 422, "it has to say why"
    site.made(HEALTH, "/api/assessments/sign", **sign, position="dissents", text="Not on market days")
    site.made(ROADS, "/api/assessments/sign", **sign, position="agrees")
    site.made(HEALTH, "/api/assessments/sign", **sign, position="agrees", text="Seen since")
    (one,) = site.get(WATCH, "/api/objectives")["assessments"]
    by = {each["agency"]: each for each in one["signatures"]}
    assert (by["LOG"]["by"], by["MOH"]["position"]) == ("lou", "agrees")
    assert [each["text"] for each in by["MOH"]["before"]] == ["Not on market days"]
    site.made(ROADS, "/api/assessments/write", **told | {"description": "No stops at all"}, **sign)
    (one,) = site.get(WATCH, "/api/objectives")["assessments"]
    assert not any(each["of_this_text"] for each in one["signatures"]), "they signed another text"
    assert site.act(HEALTH, "/api/assessments/sign", **sign, position="agrees")[0] == 409


def incident(number: int) -> Incident:
    return Incident(
        source_ref=f"i{number}",
        title="Clash",
        category="clash",
        event_time=NOW - timedelta(hours=1 + number),
        lon=30.2,
        lat=5.2,
    )


def test_a_crossing_raises_the_risk_once_until_it_is_back(site: Site) -> None:
    told = {
        "title": "Road cut", "likelihood": 4, "impact": 5, "agency": "LOG", "review": days(-1), "figure": "incidents:1",
        "threshold": 3, "comparison": "at_least",
    }  # fmt: skip
    risk = site.made(ROADS, "/api/risks/save", **told)
    site.send("open", incident(1), incident(2))
    assert site.look() == 0
    (one,) = site.get(HEALTH, "/api/risks")["risks"]
    assert (one["rating"], one["band"], one["overdue"], one["raised"]) == (20, "critical", True, None)
    assert (one["trigger"]["value"], one["trigger"]["past"]) == (2, False)
    site.send("open", incident(3))
    assert (site.look(), site.look(), site.look()) == (1, 0, 0)
    (one,) = site.get(HEALTH, "/api/risks")["risks"]
    assert (one["raised"]["value"], one["raised"]["who"], one["raised"]["answered"]) == (3, "Watch officer", False)
    again = told | {"review": days(5), "threshold": 9}
    assert site.act(ROADS, "/api/risks/save", **again, id=risk, revision=one["revision"])[0] == 200
    (one,) = site.get(HEALTH, "/api/risks")["risks"]
    assert (one["raised"]["answered"], one["raised"]["who"], one["overdue"]) == (True, "", False)
    assert (site.look(), site.look()) == (1, 0)
    (one,) = site.get(HEALTH, "/api/risks")["risks"]
    assert one["raised"] is None
    kept = site.get(HEALTH, f"/api/risks/one?id={risk}")
    assert len(kept["crossings"]) == 1
    assert kept["crossings"][0]["ended"] is not None
    assert [each["said"]["threshold"] for each in kept["history"]] == [3, 9]


def test_that_a_risk_is_raised_tells_nobody_of_records_that_are_not_theirs(site: Site) -> None:
    told = {
        "title": "Attack",
        "likelihood": 4,
        "impact": 4,
        "agency": "JOC",
        "review": days(9),
        "figure": "incidents:1",
        "threshold": 2,
    }
    risk = site.made(WATCH, "/api/risks/save", **told)
    site.send("secret", incident(1), incident(2))
    assert site.look() == 1
    assert site.get(WATCH, "/api/risks")["risks"][0]["raised"]["value"] == 2
    (one,) = site.get(HEALTH, "/api/risks")["risks"]
    assert (one["raised"], one["trigger"]["value"]) == (None, None)
    assert site.get(HEALTH, f"/api/risks/one?id={risk}")["crossings"] == []


def test_before_and_after_says_what_may_be_said(site: Site) -> None:
    objective = site.made(WATCH, "/api/objectives/save", kind="objective", title="Safety", agency="JOC")
    result = site.made(WATCH, "/api/objectives/save", kind="result", title="Fewer", objective=objective, agency="JOC")
    told = {
        "kind": "measure",
        "title": "Incidents",
        "result": result,
        "agency": "JOC",
        "figure": "incidents:28",
        "target": 5,
    }
    measure = site.made(WATCH, "/api/objectives/save", **told)
    events = [
        msgspec.structs.replace(
            incident(0), source_ref=f"w{week}-{n}", event_time=NOW - timedelta(weeks=week, hours=n + 1)
        )
        for week in range(103)
        for n in range(2 + week * 7 % 3 + (9 if week < 20 else 0))
    ]  # fmt: skip
    site.send("open", *events)
    found = site.get(WATCH, f"/api/objectives/measure?id={measure}&at={days(-140)[:10]}")["around"]
    assert found["verdict"] == "passes_placebo"
    assert found["step"]["low"] < found["step"]["difference"] < found["step"]["high"]
    assert found["step"]["difference"] == pytest.approx(9, abs=1)
    calm = site.get(WATCH, f"/api/objectives/measure?id={measure}&at={days(-400)[:10]}")["around"]
    assert calm["verdict"] == "no_difference"
    assert site.status(WATCH, f"/api/objectives/measure?id={measure}&at=2001-01-01") == 400
