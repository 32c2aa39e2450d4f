"""Who was answered, who works where, whom to ask: counted as an independent count does, told to nobody they are not for."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

import app
from data import audit
from data.access import Viewer
from data.analysis.sectors import sector
from data.picture import Picture
from data.records import Activity, Feedback, Indicator, Reference, Sensitivity
from data.settings import BadSettings, Mission, Settings, Source, load
from data.store import Batch, Store, open_store
from tests.inprocess import Answer, Client, client_of
from tests.pictures import entry
from tests.worlds import LAND, land, stamped

NOW = datetime.now(UTC).replace(microsecond=0)
THEMES, CHANNELS = ("Water", "Food", "Conduct"), ("Hotline", "Desk")
OPEN: dict[str, Any] = {"sensitivity": Sensitivity.low, "releasable_to": ("mission",)}
SOURCES = (
    Source("voices", "table", "CEA", **OPEN),
    Source("few", "table", "CEA", **OPEN, minimum_count=5),
    Source("works", "table", "COORD", **OPEN),
    Source("needs", "table", "COORD", **OPEN),
)
FOCAL = Viewer("focal", "CEA", Sensitivity.severe, compartments=("protection",))
CLEARED = Viewer("cleared", "CEA", Sensitivity.severe, roles=("export",))
PARTNER = Viewer("partner", "MOH", Sensitivity.severe, roles=("export",))
KEEPER = Viewer("keeper", "COORD", Sensitivity.low, roles=("sharing",))


def voice(number: int, **said: Any) -> Feedback:
    received = NOW - timedelta(days=1.7 * number + 0.3)
    answered = received + timedelta(days=(number * 5) % 13 + 0.5)
    return Feedback(
        **{
            "source_ref": f"v{number}",
            "category": THEMES[number % 3],
            "channel": CHANNELS[number % 2],
            "event_time": received,
            "answered_time": answered if answered < NOW and number % 4 else None,
            "description": f"words of {number}",
            "adm_pcode": ("XT0101", "XT0201")[number % 2],
            **said,
        }
    )


VOICES = [voice(number) for number in range(60)]
SECRETS = [
    voice(number, source_ref=f"s{number}", sensitive=True, category="Canary", lon=30.5, lat=7.0) for number in range(7)
]


BLANKS = [Reference(source_ref=one.source_ref, table="items") for one in SECRETS]
"""In their place what nobody's picture shows."""


def work(ref: str, organisation: str, what: str, area: str = "XT0101", days: float = 3, **said: Any) -> Activity:
    return Activity(
        **{
            "source_ref": ref,
            "category": "Health",
            "organisation": organisation,
            "activity": what,
            "status": "Ongoing",
            "start": NOW - timedelta(days=60),
            "end": NOW + timedelta(days=60),
            "event_time": NOW - timedelta(days=days),
            "adm_pcode": area,
            **said,
        }
    )


def figure(name: str, category: str, value: float, area: str) -> Indicator:
    return Indicator(
        source_ref=f"{name} {category} {area}",
        indicator=f"people_{name}",
        category=category,
        value=value,
        unit="people",
        period_start=NOW - timedelta(days=100),
        period_end=NOW + timedelta(days=100),
        adm_pcode=area,
    )


WORKS = [
    work("a1", "Alpha", "Mobile clinic", people_targeted=100.0, people_reached=40.0),
    work("a2", "Beta", "Mobile clinic", people_targeted=50.0),
    work("a3", "Gamma", "Trauma care", status="Terminé"),
    work("a4", "Late", "Latrines", "XT0201", days=44, category="Eau, hygiène et assainissement", status="Completed"),
    work("a5", "Alpha", "Wells", category="WASH", status="Planned", start=NOW + timedelta(days=9)),
]
NEEDS = [
    figure("in_need", "Water Sanitation Hygiene", 1_000, "XT0201"),
    figure("targeted", "Water Sanitation Hygiene", 400, "XT0201"),
    figure("reached", "Water Sanitation Hygiene", 100, "XT0201"),
    figure("in_need", "Health", 900, "XT0201"),
]


class Site:
    """One store, asked by anybody."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(
            home=home,
            database_url=f"sqlite:///{home / 'commonground.sqlite'}",
            mission=Mission("Test", exercise=True),
            sources={source.name: source for source in (LAND, *SOURCES)},
            agencies={"CEA": "Voices", "COORD": "Coordination", "MOH": "Health"},
        )
        self.store: Store = open_store(self.settings.database_url)
        self.picture = Picture(self.store, app._sharing(self.store, self.settings))
        self.services = app._services(self.settings, self.store, self.picture)
        self.client: Client = client_of(self.services)

    def put(self, name: str, records: list[Any]) -> None:
        source = self.settings.sources[name]
        entries = [entry(row, stamped(source, one)) for row, one in enumerate(records, start=1)]
        at = int((NOW - timedelta(hours=1)).timestamp() * 1e6)
        self.store.append(Batch(name, "test", f"{name}.json", f"{self.store.revision():02x}", at, [entries]))
        self.picture.catch_up()

    def ask(self, viewer: Viewer, path: str) -> Answer:
        self.client.current.show(self.services, viewer)
        return self.client.get(path)

    def told(self, viewer: Viewer, path: str) -> Any:
        answer = self.ask(viewer, path)
        assert answer.status == 200, answer.body
        return answer.json()

    def act(self, viewer: Viewer, name: str, **told: Any) -> Answer:
        self.client.current.show(self.services, viewer)
        done = self.client.request("POST", f"/api/contacts/{name}", json.dumps(told).encode())
        self.picture.catch_up()
        return done


@contextmanager
def sited(home: Path, secrets: bool = True) -> Iterator[Site]:
    found = Site(home)
    found.put(LAND.name, land())
    found.put("voices", [*VOICES, *(SECRETS if secrets else BLANKS)])
    found.put("few", [voice(number, source_ref=f"f{number}", category="Few") for number in range(3)])
    found.put("works", WORKS)
    found.put("needs", NEEDS)
    yield found
    found.client.close()
    found.store.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with sited(tmp_path_factory.mktemp("relief")) as found:
        yield found


def expected(days: float) -> pd.DataFrame:
    """The voices of a window as somebody else would count them."""
    frame = pd.DataFrame(
        [(one.category, one.channel, one.adm_pcode, one.event_time, one.answered_time) for one in VOICES],
        columns=["category", "channel", "area", "received", "answered"],
    )
    frame = frame[frame.received >= NOW - timedelta(days=days)].copy()
    took = (frame.answered - frame.received).dt.total_seconds() / 86_400
    frame["in_time"] = took <= 7
    frame["due"] = frame.answered.notna() | ((NOW - frame.received).dt.total_seconds() / 86_400 > 7)
    return frame


@pytest.mark.parametrize("days", [28, 90])
def test_shares_and_counts_are_those_of_an_independent_count(site: Site, days: int) -> None:
    told, frame = site.told(FOCAL, f"/api/community?window={days}d&source=voices"), expected(days)
    whole = told["whole"]
    assert (whole["received"], whole["due"], whole["in_time"]) == (len(frame), frame.due.sum(), frame.in_time.sum())
    assert whole["share"] == pytest.approx(frame.in_time.sum() / frame.due.sum())
    assert whole["open"] == frame.answered.isna().sum()
    oldest = frame[frame.answered.isna()].received.min()
    assert datetime.fromisoformat(whole["oldest"]) == oldest == datetime.fromisoformat(told["oldest"][0]["at"])
    for name, column in (("themes", "category"), ("channels", "channel"), ("areas", "area")):
        groups = {one["name"]: (one["received"], one["in_time"], one["due"]) for one in told[name]}
        wanted = {key: (len(one), one.in_time.sum(), one.due.sum()) for key, one in frame.groupby(column)}
        assert groups == wanted
    assert sum(week["received"] for week in told["weeks"]) <= len(VOICES)
    assert "words of" not in json.dumps(told), "what somebody said is not on the page"


def test_filters_narrow_and_what_may_only_be_counted_is_fewer_than(site: Site) -> None:
    told = site.told(PARTNER, "/api/community?window=1y&channel=Desk&area=XT02")
    assert {one["name"] for one in told["channels"]} == {"Desk"}
    assert {one["name"] for one in told["areas"]} == {"XT0201"}
    few = next(one for one in site.told(PARTNER, "/api/community")["themes"] if one["name"] == "Few")
    assert (few["received"], few["counted"], few["fewer_than"]) == (0, 0, 5)


def test_sensitive_complaints_are_one_count_for_those_read_into_them(site: Site) -> None:
    told = site.told(FOCAL, "/api/community?window=1y")
    assert told["confidence"]["received"] == {"count": 7}
    assert told["confidence"]["open"] == {"count": sum(one.answered_time is None for one in SECRETS)}
    assert "Canary" not in {one["name"] for one in told["themes"]}
    assert site.told(FOCAL, "/api/community?window=3d")["confidence"]["received"] == {"fewer_than": 5}
    for viewer in (CLEARED, PARTNER):
        assert site.told(viewer, "/api/community")["confidence"] is None


def test_no_door_lists_or_places_a_sensitive_complaint_not_even_for_those_who_count_it(site: Site) -> None:
    read_in = Viewer("admin", "CEA", Sensitivity.severe, roles=("export", "admin"), compartments=("protection",))
    seen = site.picture.seen_by(read_in)
    items = seen.in_confidence().rows("feedback")
    assert len(items) == 7
    secret = f"{int(seen.column('feedback', 'id')[items[0]]):016x}"
    for path in (
        "/ogc/collections/feedback/items?limit=1000",
        "/ogc/collections/feedback/items?category=Canary",
        "/api/counts?collection=feedback&by=category",
        "/api/export/feedback?format=geojson",
        "/api/community?window=1y",
    ):
        assert b'"Canary"' not in site.ask(read_in, path).body, path
    assert site.ask(read_in, f"/api/records/{secret}").status == 404
    assert site.told(read_in, "/api/status")["records"]["feedback"] == len(VOICES) + 3


@pytest.mark.parametrize("viewer", [CLEARED, PARTNER, KEEPER], ids=lambda one: one.name)
def test_to_everybody_else_it_is_as_if_there_were_none(tmp_path: Path, viewer: Viewer) -> None:
    open_store(f"sqlite:///{tmp_path / 'commonground.sqlite'}").close()  # with the key from which it makes its ids

    def said(name: str, secrets: bool) -> list[Any]:
        (tmp_path / name).mkdir()
        shutil.copy(tmp_path / "commonground.sqlite", tmp_path / name)
        with sited(tmp_path / name, secrets) as found:
            return [
                found.ask(viewer, path).told
                for path in (
                    "/api/community?window=1y",
                    "/api/community",
                    "/api/activities",
                    "/api/counts?collection=feedback",
                )
            ]

    assert said("with", True) == said("without", False)


def test_a_source_can_mark_its_complaints_and_the_least_number_is_a_setting(tmp_path: Path) -> None:
    (tmp_path / "commonground.toml").write_text(
        '[community]\nanswered_within = "3d"\ncounted_least = 3\n[activities]\nreport_every = "2w"\n', "utf-8"
    )
    found = load({"COMMONGROUND_HOME": str(tmp_path)})
    assert (found.answered_within, found.counted_least, found.report_every.days) == (timedelta(days=3), 3, 14)
    (tmp_path / "commonground.toml").write_text('[community]\nanswered_within = "soon"\n', "utf-8")
    with pytest.raises(BadSettings, match="answered_within is 'soon'; use a span"):
        load({"COMMONGROUND_HOME": str(tmp_path)})


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (
            ("WASH", "Eau, hygiène et assainissement", "Water, Sanitation and Hygiene", "Agua y saneamiento e higiene"),
            "wsh",
        ),
        (("Shelter/NFI", "Abris et AME", "Emergency Shelter and Non-Food Items"), "shl"),
        (("Protection (GBV)", "VBG"), "gbv"),
        (("Sécurité alimentaire", "Food Security and Agriculture", "FSC"), "fsc"),
        (("Santé", "Health", "الصحة"), "hea"),
        (("Energy",), "energy"),
    ],
)
def test_partners_names_of_one_cluster_meet(names: tuple[str, ...], code: str) -> None:
    assert {sector(name) for name in names} == {code}


def test_the_matrix_tells_no_report_from_no_activity_and_names_what_is_done_twice(site: Site) -> None:
    told = site.told(PARTNER, "/api/activities")
    cells = {(one["sector"], one["area"]): one for one in told["cells"]}
    health = cells["hea", "XT0101"]
    assert (health["standing"], health["who"], health["summed"]) == ("active", ["Alpha", "Beta"], True)
    assert (health["targeted"], health["reached"]) == (150, 40)
    water = cells["wsh", "XT0201"]
    assert (water["standing"], water["behind"]) == ("no_report", ["Late"])
    assert (water["need"], water["share"], water["gap"], water["summed"]) == (1_000, 0.25, 900, False)
    assert cells["hea", "XT0201"]["standing"] == "no_activity", "everybody of health has reported"
    assert cells["wsh", "XT0101"]["standing"] == "planned"
    assert [(one["what"], one["who"]) for one in told["overlaps"]] == [("Mobile clinic", ["Alpha", "Beta"])]
    assert {(one["sector"], one["area"], one["gap"]) for one in told["gaps"]} == {
        ("wsh", "XT0201", 900),
        ("hea", "XT0201", 900),
    }
    assert {one["name"] for one in told["organisations"] if one["behind"]} == {"Late"}
    one = site.told(PARTNER, "/api/activities/cell?sector=hea&area=XT0101")
    assert [(each["organisation"], each["state"]) for each in one["activities"]] == [
        ("Alpha", "underway"),
        ("Beta", "underway"),
        ("Gamma", "ended"),
    ]
    assert site.ask(PARTNER, "/api/activities/cell?sector=no&area=XT0101").status == 404


def test_the_matrix_goes_out_with_hxl_tags_and_only_by_right(site: Site) -> None:
    assert site.ask(KEEPER, "/api/activities/export?format=csv").status == 403
    rows = list(
        csv.reader(io.StringIO(site.ask(PARTNER, "/api/activities/export?format=csv").body.decode("utf-8-sig")))
    )
    assert rows[1][:4] == ["#sector", "#adm1+name", "#adm2+name", "#adm2+code"]
    assert all(tag.startswith("#") for tag in rows[1])
    water = next(
        dict(zip(rows[0], row, strict=True)) for row in rows[2:] if row[3] == "XT0201" and row[4] == "no_report"
    )
    assert (float(water["people_in_need"]), water["reports_due"]) == (1_000, "Late")
    book = openpyxl.load_workbook(io.BytesIO(site.ask(PARTNER, "/api/activities/export?format=xlsx").body))
    assert [cell.value for cell in book["activities"][2]] == rows[1]
    assert book["about"]["B2"].value.startswith("LOW")


def test_agencies_keep_their_own_entries_and_nobody_elses(site: Site) -> None:
    fields = {"office": "Health desk", "role": "lead", "decides": True, "sector": "Health", "phone": "+999 555 0100"}
    assert site.act(PARTNER, "save", agency="MOH", **fields).status == 403, "without the role"
    assert site.act(KEEPER, "save", agency="MOH", **fields).status == 403, "another agency's"
    refused = site.act(KEEPER, "save", **{**fields, "phone": "call me"})
    assert (refused.status, refused.json()["description"].split(":")[0]) == (422, "phone")
    assert site.act(KEEPER, "save", **{**fields, "area": "Nowhere"}).status == 422
    assert site.act(KEEPER, "save", **{**fields, "area": "area xt02"}).status == 200
    (kept,) = site.told(PARTNER, "/api/activities")["contacts"]
    assert (kept["office"], kept["agency"], kept["area"], kept["decides"], kept["may"]) == (
        "Health desk",
        "COORD",
        "XT02",
        True,
        False,
    )
    asked = site.told(PARTNER, "/api/activities/cell?sector=hea&area=XT0201")["contacts"]
    assert [one["office"] for one in asked] == ["Health desk"]
    assert site.told(PARTNER, "/api/activities/cell?sector=hea&area=XT0101")["contacts"] == [], "of the other half"

    known = {"id": kept["id"], "revision": kept["revision"]}
    assert site.act(KEEPER, "save", **known, **{**fields, "release": "agency"}).status == 200
    assert site.act(KEEPER, "save", **known, **fields).status == 409, "somebody was quicker"
    assert site.told(PARTNER, "/api/activities")["contacts"] == [], "kept to the agency"

    content = site.ask(KEEPER, "/api/contacts/export").body.decode()
    assert "#contact+phone" in content
    changed = content.replace("Health desk", "Night desk") + ",,WASH,,Water desk,co-lead,no,,water@example.org,\r\n"
    assert site.act(KEEPER, "import", content=changed).json()["count"] == 2
    assert (
        site.act(KEEPER, "import", content=site.ask(KEEPER, "/api/contacts/export").body.decode()).json()["count"] == 0
    )
    offices = {one["office"]: one for one in site.told(KEEPER, "/api/activities")["contacts"]}
    assert offices.keys() == {"Night desk", "Water desk"}
    bad = site.act(KEEPER, "import", content="office,role,phone\nOne,chief,+999 1\n")
    assert (bad.status, bad.json()["description"]) == (
        422,
        "Row 1: role: use one of lead, co_lead, liaison, information.",
    )
    night = offices["Night desk"]
    assert site.act(KEEPER, "take-back", id=night["id"], revision=night["revision"]).status == 200
    assert {one["office"] for one in site.told(KEEPER, "/api/activities")["contacts"]} == {"Water desk"}
    acts = [(one.act, one.who) for one in audit.entries(site.store, limit=40) if one.act.startswith("contacts.")]
    assert acts == [
        ("contacts.take_back", "keeper"),
        ("contacts.import", "keeper"),
        ("contacts.save", "keeper"),
        ("contacts.save", "keeper"),
    ]
