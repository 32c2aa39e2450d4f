"""Scenes of a wall: read from settings or refused in a sentence, in turn by the clock, steered by its watch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dashboard import wall
from dashboard.kpis import all_kpis
from dashboard.walls import Turn, Walls, shown
from data import audit
from data.access import Viewer
from data.accounts import Profile
from data.records import Sensitivity
from data.scenes import SHOWN, Scene
from data.settings import BadSettings, load
from layers.layer import all_layers
from tests.site import Site, site

WATCH = Viewer("ann", "JOC", Sensitivity.high, roles=("watch",))
SCENES = (Scene("a", seconds=10), Scene("b", seconds=20), Scene("c", seconds=30))


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("walls")) as found:
        yield found


def written(home: Path, text: str) -> tuple[Scene, ...]:
    home.mkdir(exist_ok=True)
    (home / "commonground.toml").write_text(text, encoding="utf-8")
    settings = load({"COMMONGROUND_HOME": str(home)})
    wall.check(settings)
    return settings.scenes


def test_a_scene_is_its_word_and_what_it_says_otherwise(home: Path) -> None:
    stock, east = written(
        home,
        """
        [[scene]]
        id = "supply"
        [[scene]]
        id = "east"
        shows = "security"
        title = { en = "East", fr = "Est", ar = "الشرق" }
        seconds = "1min"
        area = "XT02"
        category = ["clash", "looting"]
        at = "-22.3,79.3,7.5"
        layers = ["incidents"]
        kpis = ["critical"]
        lists = ["critical"]
        """,
    )
    assert stock == replace(SHOWN["supply"], view={})
    assert (east.seconds, east.layers, east.kpis, east.lists) == (60, ("incidents",), ("critical",), ("critical",))
    assert east.view == {"window": "72h", "area": "XT02", "category": "clash,looting", "at": "-22.3,79.3,7.5"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title = 'x'", "id is None"),
        ("id = 'a b'", "id is 'a b'"),
        ("id = 'x'\nshows = 'weather'", "shows is 'weather'; use one of overview"),
        ("id = 'x'\nseconds = 1", "seconds is 1; use a number from 5 to 3600"),
        ("id = 'x'\nseconds = true", "seconds is True"),
        ("id = 'x'\nwindow = 'soon'", "window"),
        ("id = 'x'\nseverity = 'bad'", "severity: 'bad' is not one of"),
        ("id = 'x'\nat = 'here'", 'use "latitude,longitude,zoom"'),
        ("id = 'x'\ntitle = { de = 'Ost' }", "title is {'de': 'Ost'}"),
        ("id = 'x'\nlayers = 'incidents'", "layers is 'incidents'; use a list of ids"),
        ("id = 'x'\ncolour = 'red'", "'colour' is not a setting"),
        ("id = 'x'\nlayers = ['weather']", "layers of scene 'x' have 'weather', which there is not"),
        ("id = 'x'\nlists = ['weather']", "lists of scene 'x' have 'weather'"),
        ("id = 'x'\n[[scene]]\nid = 'x'", "'x' is used twice"),
    ],
)
def test_a_wrong_scene_is_one_sentence(home: Path, text: str, told: str) -> None:
    with pytest.raises(BadSettings) as error:
        written(home, f"[[scene]]\n{text}\n")
    assert told in str(error.value)
    assert "commonground.toml" in str(error.value)
    assert "\n" not in str(error.value)


def test_every_word_stands_for_layers_and_figures_that_are_there() -> None:
    for scene in SHOWN.values():
        assert set(scene.layers or ()) <= set(all_layers()), scene.id
        assert {*(scene.kpis or ()), *scene.lists} <= {kpi.id for kpi in all_kpis()}, scene.id


def test_what_a_wall_shows_follows_from_its_turn_and_the_clock() -> None:
    turn = Turn("b", since=1_000.0)
    at = {0: "b", 19.9: "b", 20: "c", 49.9: "c", 50: "a", 60: "b", 60 * 1_000 + 25: "c", -5: "b"}
    assert {after: shown(SCENES, turn, 1_000.0 + after).id for after in at} == at
    assert shown(SCENES, replace(turn, held=True), 9_999.0).id == "b"
    assert shown(SCENES, Turn("gone"), 0.0).id == "a"


def test_an_order_is_told_kept_and_noted_once(tmp_path: Path) -> None:
    noted: list[tuple[str, str, str, bool]] = []
    walls = Walls(tmp_path, lambda *order: noted.append(order))
    told: list[tuple[str, Turn]] = []
    walls.followers.append(lambda name, turn: told.append((name, turn)))
    first = walls.steer("hall", "a", True, "ann")
    last = walls.steer("hall", "b", True, "ann")
    assert told == [("hall", first), ("hall", last)]
    assert last.since > first.since
    assert Walls(tmp_path).turn("hall") == last
    assert noted == [("ann", "hall", "a", True)], "one step after another is one entry"
    walls.steer("hall", "b", False, "ann")
    walls.steer("hall", "c", False, "bob")
    assert [(who, held) for who, _, _, held in noted] == [("ann", True), ("ann", False), ("bob", False)]
    (tmp_path / "walls.json").write_text("{half")
    assert Walls(tmp_path).turn("hall") == Turn()


def test_a_wall_is_steered_by_the_watch_of_its_agency_alone(here: Site) -> None:
    here.services.identity.add(Profile("hall", "display", agency="JOC"), "test")
    here.services.identity.add(Profile("theirs", "display", agency="WFP"), "test")
    for viewer, names in (
        (WATCH, ["hall", "ann"]),
        (replace(WATCH, roles=()), []),
        (replace(WATCH, name="hall", kind="display"), []),
        (replace(WATCH, roles=("admin",)), ["hall", "theirs", "ann"]),
    ):
        assert wall.steered(here.services, viewer) == names

    def post(**told: object) -> int:
        return here.client.post(f"{here.url}/api/wall/steer", json=told).status_code

    assert post(wall="hall", scene="overview", held=True) == 200
    assert post(wall="nowhere", scene="overview") == 404
    assert post(wall="hall", scene="nothing") == 422
    assert post(wall="hall", scene="overview", held="yes") == 422
    (entry,) = [one for one in audit.entries(here.store, limit=20) if one.act == "wall.steer"]
    assert (entry.who, entry.subject) == ("operator", "wall:hall")
    told = here.get("/api/wall?scene=overview&held=true").json()
    (hall,) = [one for one in told["walls"] if one["name"] == "hall"]
    assert hall["turn"]["held"] is True
    assert hall["heard_s"] is None
    (own,) = [one for one in told["walls"] if one["own"]]
    assert own["heard_s"] >= 0
    assert here.get("/api/wall", here.token("program", agency="JOC")).json()["walls"] == []
