"""The picture equals a ten-line model of what is known, at every revision, after any interleaving of payloads."""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from data.access import LOCAL_OPERATOR
from data.picture import Picture
from data.records import KINDS, Entry, Incident, Report, Retract, blake, encoder
from data.seen import Seen
from data.store import Batch, Store, open_store
from tests.pictures import entry, micros

DAY = datetime(2026, 11, 20, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TYPES = {"incident": Incident, "report": Report}

Key = tuple[str, str, str]
"""Source, kind, source_ref."""
Told = tuple[str, str, str | None, int | None]
"""Kind, source_ref, title (None: taken back), hour of the version (None: not said)."""
Known = dict[Key, tuple[str | None, int | None]]

ROWS = st.tuples(
    st.sampled_from(("incident", "incident", "report")),
    st.sampled_from("ab"),
    st.none() | st.sampled_from("xy"),
    st.none() | st.integers(0, 3),
)
PAYLOADS = st.lists(ROWS, max_size=6)
SOURCES = st.sampled_from(("one", "one", "two"))


def learn(known: Known, source: str, rows: list[Told]) -> None:
    """The model: a row is news unless the source itself says that it is older than what is known."""
    for kind, ref, title, hour in rows:
        key = (source, kind, ref)
        _, version = known.get(key, (None, None))
        if hour is not None and version is not None and hour < version:
            continue
        known[key] = (title, version if title is None and hour is None else hour)


def stored(number: int, source: str, told: Told) -> Entry:
    kind, ref, title, hour = told
    when = None if hour is None else DAY + timedelta(hours=hour)
    if title is not None:
        return entry(number, TYPES[kind](source=source, source_ref=ref, title=title, version_time=when))
    body = encoder.encode(Retract(kind=kind, source_ref=ref, reason="", version_time=when))
    number_of_kind = KINDS[kind].number
    return Entry(number, number_of_kind, ref, blake(body), micros(when), None, None, None, None, body, retracted=True)


def shown(seen: Seen) -> dict[Key, str]:
    """Everything the operator sees; fails where one record is seen twice."""
    items = [item for kind in TYPES for item in seen.items(kind, seen.rows(kind))]
    found = {(item.record.source, item.kind, item.record.source_ref): item.record.title for item in items}
    assert len(found) == len(items)
    return found


@pytest.fixture(scope="module", autouse=True)
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once and copied for every example."""
    file = tmp_path_factory.mktemp("empty") / "commonground.sqlite"
    open_store(f"sqlite:///{file}").close()
    Machine.empty = file
    return file


class Machine(RuleBasedStateMachine):
    empty: Path

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        copy = Path(self.folder.name) / "commonground.sqlite"
        shutil.copy(self.empty, copy)
        self.store: Store = open_store(f"sqlite:///{copy}")
        self.picture = Picture(self.store)
        self.known: Known = {}
        self.at: dict[int, dict[Key, str]] = {0: {}}

    def told(self, source: str, rows: list[Told], absence: str) -> None:
        chunks = [[stored(number, source, row) for number, row in enumerate(rows, start=1)]]
        self.store.append(Batch(source, "test", "p", "", 1, chunks, absence, (1, 3)))  # type: ignore[arg-type]
        visible = {key: title for key, (title, _) in self.known.items() if title is not None}
        assert self.at.setdefault(self.store.revision(), visible) == visible, (
            "it changed, and the revision did not move"
        )

    @rule(source=SOURCES, rows=PAYLOADS)
    def payload(self, source: str, rows: list[Told]) -> None:
        learn(self.known, source, rows)
        self.told(source, rows, "keep")

    @rule(source=SOURCES, rows=PAYLOADS)
    def whole_state(self, source: str, rows: list[Told]) -> None:
        learn(self.known, source, rows)
        listed = {(source, kind, ref) for kind, ref, _, _ in rows}
        gone = [key for key, (title, _) in self.known.items() if key[0] == source and title and key not in listed]
        learn(self.known, source, [(kind, ref, None, None) for _, kind, ref in gone])
        self.told(source, rows, "retract")

    @rule()
    def look(self) -> None:
        moved = self.picture.catch_up()
        assert moved.revision == self.store.revision()
        seen = self.picture.seen_by(LOCAL_OPERATOR)
        assert shown(seen) == self.at[moved.revision]
        for kind, rows in moved.rows.items():
            assert set(rows.tolist()) <= set(seen.rows(kind).tolist())
        for kind in TYPES:
            for item in seen.items(kind, seen.rows(kind)):
                versions = seen.history(item)
                assert item.record in [version.record for version in versions]
                assert {version.record.source_ref for version in versions} == {item.record.source_ref}
                assert [version.revision for version in versions] == sorted(version.revision for version in versions)

    @rule()
    def look_back(self) -> None:
        fresh = Picture(self.store)
        for picture in (self.picture, fresh):
            picture.catch_up()
            for commit in self.store.commits_since(0):
                moment = EPOCH + timedelta(microseconds=commit.committed_us)
                assert shown(picture.seen_by(LOCAL_OPERATOR, moment)) == self.at[commit.revision]
                assert picture.revision_at(moment - timedelta(microseconds=1)) == commit.revision - 1

    def teardown(self) -> None:
        try:
            self.look()
            self.look_back()
        finally:
            self.store.close()
            self.folder.cleanup()


Machine.TestCase.settings = settings(max_examples=150, stateful_step_count=12, deadline=None)
TestPicture = Machine.TestCase


def test_a_reader_is_not_disturbed_by_the_writer(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'commonground.sqlite'}")
    picture = Picture(store)
    rows: list[Told] = [("incident", ref, "old", None) for ref in "abc"]
    store.append(Batch("one", "test", "p", "", 1, [[stored(1, "one", row) for row in rows]]))
    picture.catch_up()
    reading = picture.seen_by(LOCAL_OPERATOR)
    chosen = reading.rows("incident")
    news: list[Told] = [("incident", "a", "new", None), ("incident", "b", None, None), ("incident", "d", "new", None)]
    store.append(Batch("one", "test", "p", "", 1, [[stored(1, "one", row) for row in news]]))
    picture.catch_up()
    assert np.array_equal(reading.rows("incident"), chosen)
    assert set(shown(reading).values()) == {"old"}
    assert {key[2]: title for key, title in shown(picture.seen_by(LOCAL_OPERATOR)).items()} == {
        "a": "new",
        "c": "old",
        "d": "new",
    }
    store.close()


def test_before_the_first_commit_nothing_was_known(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'commonground.sqlite'}")
    picture = Picture(store)
    store.append(Batch("one", "test", "p", "", 1, [[stored(1, "one", ("incident", "a", "x", None))]]))
    picture.catch_up()
    assert shown(picture.seen_by(LOCAL_OPERATOR, datetime.now(UTC) - timedelta(days=1))) == {}
    assert shown(picture.seen_by(LOCAL_OPERATOR, datetime.now(UTC) + timedelta(days=1))) != {}
    store.close()
