"""What a viewer sees equals what `decide` permits, record by record, whichever door they come through."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from data.access import LOCAL_OPERATOR, MISSION, NOBODY, Mark, Viewer, decide
from data.filters import Filters
from data.picture import Picture
from data.records import Incident, Sensitivity, Severity
from data.seen import public_id
from data.store import Batch, open_store
from tests.pictures import entry

AGENCIES = ("red", "green", "blue")
LEVELS = st.sampled_from(list(Sensitivity))

MARKS = st.builds(
    Mark,
    st.sampled_from(AGENCIES),
    LEVELS,
    st.lists(st.sampled_from((*AGENCIES, MISSION)), max_size=2, unique=True).map(tuple),
)
VIEWERS = st.builds(Viewer, st.just("v"), st.sampled_from((*AGENCIES, "other", "")), LEVELS, st.booleans())
WORLDS = st.lists(st.tuples(MARKS, st.sampled_from("abcde"), st.sampled_from(("fire", "flood"))), max_size=12)
"""Versions in the order they came: mark, record, category. The same record again may be marked in another way."""


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("empty") / "commonground.sqlite"
    open_store(f"sqlite:///{file}").close()
    return file


def incident(number: int, mark: Mark, ref: str, category: str) -> Incident:
    return Incident(
        source_ref=ref,
        title=f"{number} {ref}",
        category=category,
        severity=Severity(number % 6),
        lon=float(number),
        lat=1.0,
        source="s",
        agency=mark.agency,
        sensitivity=mark.sensitivity,
        releasable_to=mark.releasable_to,
    )


@given(world=WORLDS, viewer=VIEWERS)
@example(world=[(Mark("red", Sensitivity.low, (MISSION,)), "a", "fire")], viewer=Viewer("v", "", Sensitivity.severe))
@example(world=[(Mark("red"), "a", "fire"), (Mark("blue", Sensitivity.low), "a", "fire")], viewer=Viewer("v", "blue"))
def test_every_door_shows_what_the_rule_permits(
    empty: Path, world: list[tuple[Mark, str, str]], viewer: Viewer
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "commonground.sqlite"
        shutil.copy(empty, copy)
        store = open_store(f"sqlite:///{copy}")
        try:
            records = [incident(number, *told) for number, told in enumerate(world)]
            for number, record in enumerate(records):
                store.append(Batch("s", "test", "p", "", 1, [[entry(number + 1, record)]]))
            picture = Picture(store)
            picture.catch_up()
            check(picture, viewer, records, [mark for mark, _, _ in world])
        finally:
            store.close()


def check(picture: Picture, viewer: Viewer, records: list[Incident], marks: list[Mark]) -> None:
    current = {record.source_ref: number for number, record in enumerate(records)}
    visible = {number for number in current.values() if decide(viewer, marks[number]).permit}
    titles = {records[number].title for number in visible}

    seen = picture.seen_by(viewer)
    rows = seen.rows("incident")
    assert {item.record.title for item in seen.items("incident", rows)} == titles
    assert len(rows) == len(visible)
    assert len(seen.newest("incident", rows, limit=3)) == min(3, len(visible))

    counted = seen.count("incident", rows, ["category", "agency"])
    by_hand = Counter((records[number].category, records[number].agency) for number in visible)
    assert {tuple(row[:2]): row[2] for row in counted.rows} == dict(by_hand)
    assert counted.total == len(visible)

    for wanted in (Filters(category=("fire",)), Filters(severity=Severity.serious), Filters(text="a")):
        found = {item.record.title for item in seen.items("incident", seen.rows("incident", wanted))}
        assert found <= titles
    fires = {records[number].title for number in visible if records[number].category == "fire"}
    assert {i.record.title for i in seen.items("incident", seen.rows("incident", Filters(category=("fire",))))} == fires
    in_text = {title for title in titles if "a" in title}
    assert {i.record.title for i in seen.items("incident", seen.rows("incident", Filters(text="a")))} == in_text

    everything = picture.seen_by(LOCAL_OPERATOR)
    for item in everything.items("incident", everything.rows("incident")):
        number = current[item.record.source_ref]
        found = seen.find(public_id(item.id))
        if number not in visible:
            assert found is None, "withheld looks as absent does"
            continue
        assert found is not None
        assert found.record.title == records[number].title
        assert seen.why(found).clause == decide(viewer, marks[number]).clause
        versions = [n for n, record in enumerate(records) if record.source_ref == item.record.source_ref]
        permitted = [records[n].title for n in versions if decide(viewer, marks[n]).permit]
        assert [version.record.title for version in seen.history(found)] == permitted
    assert seen.find("0" * 16) is None


@pytest.mark.parametrize("agency", [*AGENCIES, "other"])
def test_nobody_sees_nothing_and_the_operator_everything(agency: str) -> None:
    for level in Sensitivity:
        for released in ((), (agency,), (MISSION,)):
            mark = Mark(agency, level, released)
            assert not decide(NOBODY, mark).permit
            assert decide(LOCAL_OPERATOR, mark).permit


def test_unmarked_is_for_its_owner_alone() -> None:
    unmarked = Mark("red")
    assert decide(Viewer("v", "red", Sensitivity.high), unmarked).permit
    assert not decide(Viewer("v", "blue", Sensitivity.severe), unmarked).permit
    assert not decide(Viewer("v", "red", Sensitivity.moderate), unmarked).permit, "clearance holds for owners too"


def test_a_guest_sees_what_is_released_to_it_by_name() -> None:
    guest = Viewer("v", "press", Sensitivity.low, in_mission=False)
    assert not decide(guest, Mark("red", Sensitivity.low, (MISSION,))).permit
    assert decide(guest, Mark("red", Sensitivity.low, ("press",))).permit
