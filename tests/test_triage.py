"""Triage: suggestions and folding, what a person makes of posts, and that nothing else knows of posts until then."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

import app
from dashboard import live
from data import audit
from data.access import LOCAL_OPERATOR, NOBODY, Precision, Tlp, Viewer
from data.judging import Judged, Looked, Overtaken, judge
from data.picture import Picture
from data.readings import Readings
from data.records import COLLECTIONS, Post, Record, Sensitivity, Severity
from data.settings import Mission, Settings, Source
from data.sharing import Sharing
from data.store import Batch, open_store
from data.triage.fold import Told, fold
from data.triage.places import Names, Spot
from data.triage.topic import guesses, hedges
from data.triage.words import Words
from tests.doors import Asked, doors, exported
from tests.inprocess import Client, client_of
from tests.pictures import entry
from tests.worlds import LAND, land, stamped

NOW = datetime.now(UTC).replace(microsecond=0)
WATCH = Viewer("wren", "JOC", Sensitivity.high, roles=("watch",))
READER = Viewer("rae", "JOC", Sensitivity.high)
OTHER = Viewer("ola", "LOG", Sensitivity.high, roles=("watch",))
BODY = re.compile(rb'"(?:revision|age_s|now|fade|age|timeStamp|as_of|batch)":("[^"]*"|[\d.]+|null)|/\d+/\{z\}')


def guess(text: str) -> str:
    found = guesses(Words(text))
    return found[0].topic if found else ""


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("Heavy fighting near the barracks, soldiers and militia exchange fire", "clash"),
        ("Les inondations ont emporté des maisons, la route est sous les eaux", "flood"),
        ("Combates entre el ejército y los rebeldes; tiroteo en el mercado", "clash"),
        ("Miles de familias desplazadas huyeron del pueblo", "displacement"),
        ("نزوح مئات العائلات من القرية", "displacement"),
        ("وبالقصف المدفعي أصيب ثلاثة", "blast"),
        ("قصـــف مِدفعي على البلدة", "blast"),
        ("What a match! The striker scored two goals", "not relevant"),
        ("Nothing in here says anything", ""),
    ],
)
def test_a_text_is_of_what_its_words_say_in_four_languages(text: str, topic: str) -> None:
    assert guess(text) == topic


def test_a_suggestion_quotes_the_text_and_more_words_make_it_surer() -> None:
    (one,) = guesses(Words("Armed clashes in Doro."))
    more = guesses(Words("Armed clashes in Doro: soldiers, gunfire and an ambush."))[0]
    assert one.because == ("Armed clashes",)
    assert one.confidence < more.confidence < 1
    assert hedges(Words("Unconfirmed: clashes. Il paraît que la ville est prise")) == ("Unconfirmed", "Il paraît")


def area(name: str, code: str, *local: str) -> Spot:
    codes = tuple(code[:end] for end in range(2, len(code) + 1, 2))
    return Spot(name, (name, *local), f"adm{len(codes) - 1}", code, codes, 1.0, 2.0)


SPOTS = (
    area("Northland", "XO01"), area("Eastland", "XO02"), area("Doro", "XO0101", "دورو"), area("Doro", "XO0201"),
    area("Doro Hill", "XO0102"), area("Bell County", "XO0202"),
    Spot("Doro", ("Doro",), "site", "XO0101", ("XO", "XO01", "XO0101"), 1.5, 2.5),
)  # fmt: skip


def found(text: str) -> list[tuple[str, str, float]]:
    return [(one.spot.pcode, one.spot.kind, one.confidence) for one in Names(SPOTS).found(Words(text))]


def test_a_name_that_several_bear_suggests_each_and_the_area_around_decides() -> None:
    assert found("Fire in Doro") == [("XO0201", "adm2", 0.4), ("XO0101", "site", 0.4)]
    (first, *_) = found("Fire in Doro, Northland")
    assert first[:2] == ("XO0101", "site")
    assert first[2] > 0.7
    assert found("Fire on Doro Hill") == [("XO0102", "adm2", 0.8)], "the longest name is taken"
    assert found("Fire in Doroville and Pseudoro") == [], "whole words alone"
    assert found("bell rings") == [("XO0202", "adm2", 0.4)], "without its capital it counts half"
    assert found("P-code XO0102") == [("XO0102", "adm2", 0.8)]


def test_arabic_names_are_found_with_what_is_written_before_them() -> None:
    assert [code for code, _, _ in found("حريق بدورو")] == ["XO0101"]


def test_what_reads_alike_is_one_story_within_two_days_and_of_one_place() -> None:
    text = "Shelling hits the edge of Doro, two mortar rounds landed behind the school"
    hour = 3_600_000_000

    def told(key: str, words: str, at: int, where: str = "", apart: bool = False) -> Told:
        return Told(key, at * hour, Words(words), apart, frozenset({where} - {""}))

    posts = [
        told("a", text, 0),
        told("b", f"RT {text} #Doro https://t.example/1", 3),
        told("c", text, 5, apart=True),
        told("d", "Teachers protest in Doro over unpaid salaries", 4),
        told("e", text, 60),
    ]
    assert fold(posts) == [["a", "b"], ["d"], ["c"], ["e"]]
    assert fold(posts[::-1]) == fold(posts)
    assert fold([told("a", text, 0, "XO01"), told("b", text.replace("Doro", "Bell"), 1, "XO02")]) == [["a"], ["b"]]


# A site with two papers, one of which only the operations centre sees.


def post(ref: str, text: str, hours: float = 1, **more: Any) -> Post:
    return Post(source_ref=ref, description=text, event_time=NOW - timedelta(hours=hours), outlet="Courier", **more)


SOURCES = {
    "open": Source("open", "posts", "JOC", sensitivity=Sensitivity.low, releasable_to=("mission",), grade="E6"),
    "closed": Source("closed", "posts", "JOC", sensitivity=Sensitivity.high, precision=Precision.km5, tlp=Tlp.amber),
}
CLASH = "Armed clashes near XT0101 market, residents hear gunfire since dawn"


class Site:
    client: Client | None = None
    """Of a server that is made once: which site it shows is told it."""

    def __init__(self, folder: Path) -> None:
        sources = {LAND.name: LAND, **SOURCES}
        settings = Settings(folder, f"sqlite:///{folder / 'x.sqlite'}", mission=Mission("Orlane"), sources=sources)
        self.store = open_store(settings.database_url)
        sharing = Sharing(sources=sources)
        self.picture = Picture(self.store, lambda: sharing)
        self.services = app._services(settings, self.store, self.picture, Readings(self.store))
        Site.client = self.client = Site.client or client_of(self.services)
        self.folder = folder
        self.send(LAND.name, *land())

    def send(self, source: str, *records: Record) -> None:
        named = LAND if source == LAND.name else SOURCES[source]
        entries = [entry(row, stamped(named, one)) for row, one in enumerate(records, start=1)]
        self.store.append(Batch(source, "test", "-", "", 1, [entries]))
        self.picture.catch_up()

    def queue(self, viewer: Viewer, state: str = "open") -> dict[str, Any]:
        self.client.current.show(self.services, viewer)
        answer = self.client.get(f"/api/triage?state={state}")
        assert answer.status == 200, answer.body
        told: dict[str, Any] = answer.json()
        return told

    def act(self, viewer: Viewer, name: str, story: dict[str, Any], **more: Any) -> Any:
        self.client.current.show(self.services, viewer)
        posts = [{key: one[key] for key in ("id", "revision", "judged")} for one in story["posts"]]
        answer = self.client.request("POST", f"/api/triage/{name}", json.dumps({"posts": posts, **more}).encode())
        self.picture.catch_up()
        return answer.status, answer.json()

    def told(self, viewer: Viewer) -> dict[str, bytes]:
        """Everything that any door but the queue's own says, without revisions and what goes by the clock."""
        self.client.current.show(self.services, viewer)
        asked = Asked(self.client, self.client.current, (), self.folder)  # type: ignore[arg-type]
        ways = {name: door for name, door in doors(NOW).items() if name.startswith(SHOWING) and "by=" not in name}
        found = {name: BODY.sub(b"", self.client.get(name).body) for name in ways}
        return found | {"export csv": exported(asked, "csv")}


SHOWING = ("/tiles/", "/ogc/collections/", "/api/counts", "/api/kpis?", "/api/layers?window", "/api/pick")
PROMOTED = {
    "kind": "incident",
    "title": "Clash at the market",
    "category": "Armed clash",
    "severity": "serious",
    "grade": "C3",
}
PLACE = {"name": "Market", "kind": "site", "pcode": "XT0101", "lon": 30.25, "lat": 5.25}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    found = Site(tmp_path)
    yield found
    found.store.close()


def test_nothing_but_the_queue_knows_of_posts_until_one_is_promoted(site: Site) -> None:
    before = site.told(LOCAL_OPERATOR)
    assert len(before) > 80
    site.send("open", *(post(f"p{n}", f"{CLASH} {n}", lon=30.2, lat=5.2, severity=Severity.critical) for n in range(5)))
    assert site.queue(WATCH)["counts"]["open"] == 1
    assert site.told(LOCAL_OPERATOR) == before
    status, _ = site.act(WATCH, "promote", site.queue(WATCH)["stories"][0], **PROMOTED, place=PLACE)
    assert status == 200
    after = site.told(LOCAL_OPERATOR)
    changed = {name for name in before if after[name] != before[name]}
    assert "/api/counts?collection=incidents" in changed
    assert any(name.startswith("/tiles/incidents/") for name in changed)
    assert not any("collection=reports" in name for name in changed)
    assert {"posts", "judgements"}.isdisjoint(COLLECTIONS)


def test_what_is_promoted_is_marked_as_all_of_its_posts_and_says_where_it_came_from(site: Site) -> None:
    site.send("open", post("a", CLASH, 3))
    site.send("closed", post("b", f"RT {CLASH}", 2))
    (story,) = site.queue(WATCH)["stories"]
    assert (story["count"], story["guesses"][0]["topic"], story["places"][0]["pcode"]) == (2, "clash", "XT0101")
    assert story["guesses"][0]["because"] == ["Armed clashes", "gunfire"]
    status, made = site.act(WATCH, "promote", story, **PROMOTED, place=PLACE)
    assert status == 200
    seen = site.picture.seen_by(WATCH)
    item = seen.find(made["made"])
    assert item is not None
    assert (item.mark.agency, item.mark.sensitivity, item.mark.releasable_to) == ("JOC", Sensitivity.high, ())
    assert (item.mark.precision, item.mark.tlp) == (Precision.km5, Tlp.amber)
    assert (item.record.grade, item.record.source, item.pcodes[2]) == ("C3", "triage", "XT0101")
    assert item.record.attributes["posts"].split() == [one["id"] for one in story["posts"]]  # type: ignore[union-attr]
    assert site.picture.seen_by(OTHER).find(made["made"]) is None, "who may not see one of its posts does not see it"
    told = audit.entries(site.store, act="triage")[0]
    assert (told.act, told.who, told.subject) == ("triage.promote", "wren", made["made"])
    (done,) = site.queue(WATCH, "promoted")["stories"]
    assert (done["verdict"]["by"], done["verdict"]["made"]["id"]) == ("wren", made["made"])


def test_a_post_that_is_not_released_is_in_no_story_and_no_count(site: Site) -> None:
    site.send("open", post("a", CLASH, 3))
    before = site.queue(OTHER)
    site.send("closed", post("b", f"RT {CLASH}", 2), post("c", "Flood and inundation in the valley"))
    assert site.queue(OTHER) == before
    assert [one["count"] for one in before["stories"]] == [1]
    assert site.queue(WATCH)["counts"]["open"] == 2
    (hidden,) = [one for one in site.queue(WATCH)["stories"] if one["count"] == 1]
    assert site.act(OTHER, "discard", hidden, reason="x")[0] == 404
    assert site.queue(NOBODY)["stories"] == []


def test_the_second_to_judge_is_told_who_was_quicker(site: Site) -> None:
    site.send("open", post("a", CLASH))
    (story,) = site.queue(WATCH)["stories"]
    assert site.act(OTHER, "discard", story, reason="known")[0] == 200
    status, told = site.act(WATCH, "promote", story, **PROMOTED)
    assert status == 409
    assert told["description"].startswith("ola was quicker")
    assert "discarded" in told["description"]
    assert not len(site.picture.seen_by(LOCAL_OPERATOR).rows("incident"))


def test_discarding_and_promoting_are_taken_back_and_nothing_is_lost(site: Site) -> None:
    site.send("open", post("a", CLASH))
    (story,) = site.queue(WATCH)["stories"]
    assert site.act(WATCH, "discard", story)[0] == 422, "not without a reason"
    assert site.act(WATCH, "discard", story, reason="old news")[0] == 200
    (gone,) = site.queue(WATCH, "discarded")["stories"]
    assert gone["verdict"]["reason"] == "old news"
    assert site.act(WATCH, "reopen", gone)[0] == 200
    (again,) = site.queue(WATCH)["stories"]
    _, made = site.act(WATCH, "promote", again, **PROMOTED)
    (done,) = site.queue(WATCH, "promoted")["stories"]
    assert site.act(WATCH, "reopen", done)[0] == 200
    assert site.picture.seen_by(WATCH).find(made["made"]) is None
    assert site.queue(WATCH)["counts"] == {"open": 1, "promoted": 0, "discarded": 0}
    assert [one.act for one in audit.entries(site.store, act="triage")] == [
        "triage.reopen", "triage.promote", "triage.reopen", "triage.discard",
    ]  # fmt: skip


def test_a_post_edited_after_it_was_judged_is_flagged_and_one_edited_before_is_looked_at_again(site: Site) -> None:
    site.send("open", post("a", CLASH))
    (story,) = site.queue(WATCH)["stories"]
    site.send("open", post("a", f"{CLASH}, two killed"))
    status, told = site.act(WATCH, "promote", story, **PROMOTED)
    assert (status, "edited" in told["description"]) == (409, True)
    (story,) = site.queue(WATCH)["stories"]
    assert site.act(WATCH, "promote", story, **PROMOTED)[0] == 200
    assert site.queue(WATCH)["edited"] == 0
    site.send("open", post("a", f"Correction: {CLASH}, nobody was hurt"))
    found = site.queue(WATCH, "promoted")
    assert (found["edited"], found["stories"][0]["posts"][0]["edited"]) == (1, True)


def test_a_story_is_unfolded_and_later_copies_join_what_was_decided(site: Site) -> None:
    site.send("open", post("a", CLASH, 5), post("b", f"RT {CLASH}", 4))
    (story,) = site.queue(WATCH)["stories"]
    site.act(WATCH, "apart", {"posts": story["posts"][1:]}, apart=True)
    assert site.queue(WATCH)["counts"]["open"] == 2
    (own,) = [one for one in site.queue(WATCH)["stories"] if one["posts"][0]["apart"]]
    site.act(WATCH, "apart", own, apart=False)
    (story,) = site.queue(WATCH)["stories"]
    site.act(WATCH, "discard", story, reason="false")
    site.send("open", post("c", f"Breaking: {CLASH}", 1))
    (gone,) = site.queue(WATCH, "discarded")["stories"]
    assert (site.queue(WATCH)["counts"]["open"], gone["count"], gone["since"]) == (0, 3, 1)


@pytest.mark.parametrize("name", ["promote", "discard", "reopen", "apart"])
def test_judging_is_the_watchs(site: Site, name: str) -> None:
    site.send("open", post("a", CLASH))
    found = site.queue(READER)
    assert not found["may"]
    (story,) = found["stories"]
    for viewer, status in ((READER, 403), (NOBODY, 404), (replace(WATCH, kind="display"), 404)):
        assert site.act(viewer, name, story, **PROMOTED, reason="x")[0] == status
    assert not audit.entries(site.store, act="triage")


def test_a_page_hears_of_new_posts(site: Site) -> None:
    before = site.picture.seen_by(WATCH).revision
    site.send("open", post("a", CLASH, severity=Severity.critical))
    _, event = live.news(site.services, WATCH, before)
    assert b'"posts"' in event
    site.send("closed", post("b", "something else entirely"))
    assert live.news(site.services, OTHER, before)[0] < live.news(site.services, WATCH, before)[0]


@pytest.mark.parametrize(
    "wrong",
    [{"grade": ""}, {"grade": "G1"}, {"title": ""}, {"category": " "}, {"kind": "track"}, {"severity": "bad"},
     {"place": {"lon": 500, "lat": 5}}, {"place": {"lon": "30", "lat": 5}}, {"place": "here"}, {"posts": []}],
)  # fmt: skip
def test_nothing_half_said_goes_on_the_picture(site: Site, wrong: dict[str, Any]) -> None:
    site.send("open", post("a", CLASH))
    (story,) = site.queue(WATCH)["stories"]
    assert site.act(WATCH, "promote", story, **{**PROMOTED, **wrong})[0] == 422
    assert not len(site.picture.seen_by(LOCAL_OPERATOR).rows("incident"))


def test_a_post_that_states_no_time_waits_too_and_one_without_end_is_cut(site: Site) -> None:
    site.send("open", replace_time(post("a", CLASH)), post("b", "word " * 100_000))
    told = site.queue(WATCH)
    assert told["counts"]["open"] == 2
    assert sorted(len(one["posts"][0]["text"]) for one in told["stories"]) == [len(CLASH), 4_000]
    assert [one["posts"][0]["at"] for one in told["stories"] if "Armed" in one["posts"][0]["text"]] == [None]


def replace_time(one: Post) -> Post:
    return msgspec.structs.replace(one, event_time=None)


def test_of_many_at_once_one_judges(site: Site) -> None:
    site.send("open", post("a", CLASH))
    seen = site.picture.seen_by(WATCH)
    (item,) = seen.items("post", seen.rows("post"))
    mark = int(seen.column("post", "mark")[item.row])
    looked = Looked(item.id, seen.stamps[mark], seen.marks[mark], "a", "Clash", item.revision, 0, False)
    said: list[str] = []

    def go(who: str) -> None:
        try:
            judge(site.store, who, [looked], Judged("discarded", "known"))
            said.append("done")
        except Overtaken as error:
            said.append(str(error).partition(" at")[0])

    threads = [threading.Thread(target=go, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (first,) = audit.entries(site.store, act="triage")
    assert sorted(said) == sorted(["done", *[f"{first.who} was quicker"] * 3])
