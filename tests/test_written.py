"""What people here write: one transaction with its audit entry, and never over what somebody else wrote meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from data import audit
from data.access import Mark
from data.records import Report, Sensitivity
from data.store import Store, open_store
from data.written import Change, Overtaken, marked, write

MARK = Mark("JOC", Sensitivity.moderate, ("mission",), compartments=("medevac",))


def note(text: str, key: str = "n1") -> Report:
    return marked(Report(source_ref=key, title=text), "watch", MARK, exercise=True)  # type: ignore[return-value]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"sqlite:///{tmp_path / 'commonground.sqlite'}")


def test_what_is_written_is_there_and_in_the_log(store: Store) -> None:
    ids = write(store, "ann", "note.write", [Change(note("first")), Change(note("second", "n2"))], "handover")
    assert len(set(ids)) == 2
    entry = audit.entries(store, limit=1)[0]
    assert (entry.act, entry.who, entry.subject, entry.clause) == ("note.write", "ann", ids[0], "handover")
    store.close()


def test_whoever_comes_second_is_told_and_nothing_of_theirs_is_kept(store: Store) -> None:
    write(store, "ann", "note.write", [Change(note("first"))])
    seen = store.revision()
    write(store, "ben", "note.write", [Change(note("ben's"), seen)])
    before, acts = store.revision(), audit.head(store).seq
    for change in (Change(note("late"), seen), Change(note("again")), Change(note("gone"), seen, gone=True)):
        with pytest.raises(Overtaken):
            write(store, "cid", "note.write", [Change(note("other", "n9")), change])
    assert (store.revision(), audit.head(store).seq) == (before, acts)
    write(store, "cid", "note.take_back", [Change(note("gone"), before, gone=True)])
    with pytest.raises(Overtaken, match="taken back"):
        write(store, "ann", "note.write", [Change(note("late"), before)])
    write(store, "ann", "note.write", [Change(note("anew"))])
    store.close()


def test_control_characters_do_not_get_in(store: Store) -> None:
    assert note("a\u202eb\x07c").title == "abc"
    own = note("x").own
    assert own is not None
    assert own.compartments == ("medevac",)
    store.close()
