"""Taking back a payload, and how sources are read, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how_often
from hypothesis import strategies as st

from data import audit
from data.records import Entry, decode
from data.settings import Settings, Source
from data.source_options import BadOptions, options_set, set_options, with_options
from data.store import Store
from data.undo import CannotUndo, batches, foresee_undo, undo_batch
from tests.test_store_contract import append, current, incident, outcome, taken_back
from tests.test_store_contract import store as store
from tests.test_store_contract import url as url

WHO = "rosa"


def undo(store: Store, revision: int, why: str = "the wrong file") -> tuple[int, int, int]:
    """Retracted, gone back, left as they are; the same as was foreseen."""
    foreseen = foresee_undo(store, revision)
    tally = undo_batch(store, settings_of(store), WHO, revision, why)
    told = (tally.retracted, tally.revised, tally.unchanged)
    assert told == (foreseen.retracted, foreseen.revised, foreseen.unchanged)
    assert tally.read == sum(told)
    return told


def settings_of(store: Store) -> Settings:
    return Settings(Path(), str(store.reader.url))


def test_a_payload_taken_back_is_gone_and_history_keeps_it(store: Store) -> None:
    append(store, incident("a", "one"), incident("b", "one"))
    append(store, incident("a", "two"), incident("c"), payload="wrong.csv", sha256="w")
    assert undo(store, 2) == (1, 1, 0)
    assert current(store) == {"a": "one", "b": "one"}
    told = [decode(change.body) for changes in store.changes_since(0, 3) for change in changes if not change.retracted]
    assert [(record.source_ref, record.title) for record in told] == [
        ("a", "one"),
        ("b", "one"),
        ("a", "two"),
        ("c", ""),
        ("a", "one"),
    ]
    with pytest.raises(CannotUndo, match=r"wrong\.csv was taken back already, by rosa at 20"):
        undo(store, 2)
    with pytest.raises(CannotUndo, match="Revision 3 is not a payload"):
        undo(store, 3)
    with pytest.raises(CannotUndo, match="Revision 9 is not a payload"):
        undo(store, 9)
    (logged,) = audit.entries(store, act="payload.undo")
    assert (logged.who, logged.subject, logged.clause) == (WHO, "s", "the wrong file")


def test_the_same_file_comes_in_again_after_it_was_taken_back(store: Store) -> None:
    rows = (incident("a", "one", hour=9), incident("b"), incident("b", "twice"))
    append(store, *rows, sha256="x")
    undo(store, 1)
    assert current(store) == {}
    again = append(store, *rows, sha256="x")
    assert (again.revised, again.unchanged) == (3, 0)
    assert current(store) == {"a": "one", "b": "twice"}
    assert undo(store, again.revision) == (2, 0, 0)
    assert current(store) == {}


def test_what_another_payload_said_later_stays(store: Store) -> None:
    append(store, incident("a", "one"))
    append(store, incident("a", "two"), incident("b", "two"))
    append(store, incident("a", "three"))
    assert undo(store, 2) == (1, 0, 1)
    assert current(store) == {"a": "three"}
    assert undo(store, 3) == (0, 1, 0)
    assert current(store) == {"a": "one"}, "not what was taken back before"
    assert undo(store, 1) == (1, 0, 0)
    assert current(store) == {}


def test_a_retraction_taken_back_shows_the_record_again(store: Store) -> None:
    append(store, incident("a", "one", hour=9), incident("b"), absence="retract", kinds=(1,))
    append(store, incident("b"), absence="retract", kinds=(1,))
    assert undo(store, 2) == (0, 1, 0)
    assert current(store) == {"a": "one", "b": ""}
    append(store, taken_back("a", hour=12), taken_back("z"))
    assert undo(store, 4) == (0, 1, 1)
    assert outcome(append(store, incident("a", "ten", hour=10))) == "revised"
    assert current(store)["a"] == "ten"


def test_an_older_version_counts_once_the_newer_is_taken_back(store: Store) -> None:
    append(store, incident("a", "newer", hour=10))
    append(store, incident("a", "older", hour=8))
    assert current(store) == {"a": "newer"}
    undo(store, 1)
    assert current(store) == {"a": "older"}
    append(store, incident("a", "between", hour=9))
    assert current(store) == {"a": "between"}


def test_a_mended_row_of_a_payload_that_was_taken_back_is_no_old_news(store: Store) -> None:
    append(store, incident("a", "wrong mapping"), received_us=5)
    undo(store, 1)
    append(store, incident("a", "mended"), received_us=5, again=True)
    assert current(store) == {"a": "mended"}


def test_payloads_are_listed_with_what_they_brought(store: Store) -> None:
    append(store, incident("a"), incident("b"), payload="first.csv")
    append(store, incident("a", "two"), taken_back("b"), incident("c"), payload="second.csv", received_us=7)
    append(store, incident("x"), source="other")
    undo(store, 2)
    second, first = batches(store, "s")
    assert (first.payload, first.accepted, first.revised, first.retracted) == ("first.csv", 2, 0, 0)
    assert (second.payload, second.accepted, second.revised, second.retracted) == ("second.csv", 1, 1, 1)
    assert (second.received_us, first.undone_us, second.undone_by) == (7, None, WHO)
    assert [each.revision for each in batches(store)] == [3, 2, 1]
    assert [each.revision for each in batches(store, limit=1)] == [3]


hours = st.one_of(st.none(), st.integers(0, 4))
rows = st.tuples(st.sampled_from("abcd"), st.sampled_from(["x", "y", "z", None]), hours)
histories = st.lists(st.tuples(st.lists(rows, min_size=1, max_size=5), st.booleans()), min_size=1, max_size=6)


@how_often(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories, st.randoms())
def test_it_is_as_if_it_had_never_come(
    store: Store, history: list[tuple[list[tuple[str, str | None, int | None]], bool]], order: Random
) -> None:
    """Of every record that no payload which stays touched after one that was taken back."""
    world = store.revision()

    def told(which: str, rows: Sequence[tuple[str, str | None, int | None]]) -> list[Entry]:
        return [
            taken_back(f"{world} {which} {ref}", hour)
            if title is None
            else incident(f"{world} {which} {ref}", title, hour)
            for ref, title, hour in rows
        ]

    gone, touching = [], dict.fromkeys("abcd", "")
    for rows, stays in history:
        before = store.revision()
        revision = append(store, *told("all", rows), source="all").revision
        if stays:
            append(store, *told("kept", rows), source="kept")
        elif revision > before:
            gone.append(revision)
        for ref in {ref for ref, _, _ in rows}:
            touching[ref] += "+" if stays else "-"
    order.shuffle(gone)
    for revision in gone:
        undo(store, revision)
    found = current(store)
    for ref, sequence in touching.items():
        if "-+" not in sequence:
            assert found.get(f"{world} all {ref}") == found.get(f"{world} kept {ref}"), ref


def test_options_set_here_count_above_the_settings(store: Store) -> None:
    known = Source("list", "table", options={"kind": "incident", "columns": {"title": "Name"}, "year": 2025})
    settings = Settings(Path(), "", sources={"list": known})
    assert with_options(store, known) == known
    columns = {"title": "Nom", "event_time": "Date"}
    found = set_options(store, settings, WHO, "list", {"columns": columns, "year": None})
    assert found == with_options(store, known)
    assert found.options == {"kind": "incident", "columns": columns}
    assert options_set(store, "list") == {"columns": columns, "year": None}
    set_options(store, settings, WHO, "list", {"crs": "EPSG:32735"})
    assert with_options(store, known).options == {**known.options, "crs": "EPSG:32735"}
    set_options(store, settings, WHO, "list", {})
    assert with_options(store, known) == known
    assert [entry.who for entry in audit.entries(store, act="source.options")] == [WHO] * 3


def test_a_source_that_only_came_as_an_upload_keeps_its_feed(store: Store) -> None:
    settings = Settings(Path(), "")
    assert set_options(store, settings, WHO, "wells", {"kind": "site"}, feed="table").feed == "table"
    assert with_options(store, Source("wells", "auto")).feed == "table"
    assert with_options(store, Source("wells", "sites")).feed == "sites", "asked for by name"
    set_options(store, settings, WHO, "wells", {}, feed="table")
    assert with_options(store, Source("wells", "auto")) == Source("wells", "table")


def test_what_are_no_options_are_refused(store: Store) -> None:
    for options, why in (
        ({"agency": "red"}, "'agency' of s is no option of a feed; it is set in commonground.toml"),
        ({"address": "/etc"}, "'address' of s is no option"),
        ({"columns": {"a": {1, 2}}}, "are not JSON"),
        ({"year": float("nan")}, "are not JSON"),
        ({"words": "\ud800"}, "are not JSON"),
        ({"template": "x" * 40_000}, "longer than 32,768 bytes"),
    ):
        with pytest.raises(BadOptions, match=why):
            set_options(store, Settings(Path(), ""), WHO, "s", options)
    assert options_set(store, "s") == {}
