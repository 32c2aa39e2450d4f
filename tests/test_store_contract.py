"""What the store promises, on SQLite and on PostgreSQL with PostGIS."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from data import health, quarantine
from data.notice import wait_for_change
from data.records import Entry, Incident, Reference, Reject, Retract, blake, decode, encoder
from data.settings import Source
from data.store import Batch, Store, Tally, open_store
from data.upkeep import verify
from tests.pictures import entry

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'commonground.sqlite'}"
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url)
    yield opened
    assert list(verify(opened)) == []
    opened.close()


def incident(ref: str, title: str = "", hour: int | None = None, seen: int | None = None) -> Entry:
    """Version `hour` (of the day, as the source says) of an incident seen at hour `seen`."""
    day = datetime(2026, 11, 20, tzinfo=UTC)
    return entry(
        1,
        Incident(
            source_ref=ref,
            title=title,
            version_time=None if hour is None else day + timedelta(hours=hour),
            event_time=None if seen is None else day + timedelta(hours=seen),
        ),
    )


def taken_back(ref: str, hour: int | None = None) -> Entry:
    when = None if hour is None else datetime(2026, 11, 20, hour, tzinfo=UTC)
    body = encoder.encode(Retract(kind="incident", source_ref=ref, reason="an error", version_time=when))
    us = None if when is None else int(when.timestamp()) * 1_000_000
    return Entry(1, 1, ref, blake(body), us, None, None, None, None, body, retracted=True)


def refused(raw: str, row: int = 1) -> Reject:
    return Reject(row, "lon", "lon: is not a number", f"row {row}, lon: is not a number", raw)


def append(store: Store, *items: Entry | Reject, **how: object) -> Tally:
    return store.append(batch(*items, **how))


def batch(*items: Entry | Reject, **how: object) -> Batch:
    told = {"source": "s", "feed": "test", "payload": "p", "sha256": "", "received_us": 1, "chunks": [items], **how}
    return Batch(**told)  # type: ignore[arg-type]


def current(store: Store) -> dict[str, str]:
    """What the change feed says is current: source_ref -> title."""
    titles: dict[int, tuple[str, str]] = {}
    for changes in store.changes_since(0, store.revision()):
        for change in changes:
            titles.pop(change.supersedes_seq or 0, None)
            if not change.late and not change.retracted:
                record = decode(change.body)
                titles[change.seq] = (record.source_ref, record.title)
    assert len({ref for ref, _ in titles.values()}) == len(titles), "one record has two current versions"
    return dict(titles.values())


def outcome(tally: Tally) -> str:
    """The one thing that became of a payload of one row."""
    assert tally.read == tally.accepted + tally.revised + tally.unchanged + tally.retracted + tally.rejected
    names = ("accepted", "revised", "unchanged", "retracted", "rejected")
    (found,) = [name for name in names if getattr(tally, name)]
    return found


def test_what_is_told_twice_is_stored_once(store: Store) -> None:
    assert outcome(append(store, incident("a", "one"))) == "accepted"
    assert store.revision() == 1
    again = append(store, incident("a", "one"))
    assert (outcome(again), again.revision, store.revision()) == ("unchanged", 1, 1)
    assert outcome(append(store, incident("a", "two"))) == "revised"
    assert (current(store), store.revision()) == ({"a": "two"}, 2)


def test_the_same_key_of_two_sources_or_kinds_is_two_records(store: Store) -> None:
    append(store, incident("a", "one"))
    append(store, incident("a", "two"), source="other")
    append(store, entry(1, Reference(source_ref="a", title="three")))
    assert sum(1 for changes in store.changes_since(0, 9) for _ in changes) == 3


def test_an_older_version_that_comes_late_is_kept_and_never_current(store: Store) -> None:
    append(store, incident("a", "newer", hour=10))
    assert outcome(append(store, incident("a", "older", hour=8))) == "revised"
    assert current(store) == {"a": "newer"}
    moved = store.revision()
    assert outcome(append(store, incident("a", "older", hour=8))) == "unchanged"
    assert store.revision() == moved
    append(store, incident("a", "newest", hour=11))
    assert current(store) == {"a": "newest"}
    assert sum(len(changes) for changes in store.changes_since(0, store.revision())) == 3


def test_what_is_taken_back_is_gone_and_may_come_again(store: Store) -> None:
    append(store, incident("a", "one", hour=10))
    assert outcome(append(store, taken_back("a", hour=11))) == "retracted"
    assert current(store) == {}
    assert outcome(append(store, taken_back("a", hour=11))) == "unchanged"
    append(store, incident("a", "one", hour=10))
    assert current(store) == {}, "it was said before it was taken back"
    append(store, incident("a", "again", hour=12))
    assert current(store) == {"a": "again"}


def test_a_retraction_without_a_time_does_not_let_in_what_is_older(store: Store) -> None:
    append(store, incident("a", "ten", hour=10))
    append(store, taken_back("a"))
    append(store, incident("a", "nine", hour=9))
    assert current(store) == {}
    append(store, incident("a", "ten", hour=10))
    assert current(store) == {"a": "ten"}, "listed again"


def test_a_later_retraction_counts_from_its_own_time(store: Store) -> None:
    append(store, taken_back("a", hour=10))
    append(store, taken_back("a", hour=12))
    append(store, incident("a", "eleven", hour=11))
    assert current(store) == {}


def test_absence_takes_back_what_is_no_longer_listed(store: Store) -> None:
    append(store, incident("a"), incident("b"), absence="retract", kinds=(1,))
    append(store, incident("of another source"), source="other")
    tally = append(store, incident("b"), incident("c"), absence="retract", kinds=(1,))
    assert (tally.accepted, tally.unchanged, tally.retracted, tally.read) == (1, 1, 1, 3)
    assert set(current(store)) == {"b", "c", "of another source"}
    before = store.revision()
    tally = append(store, incident("b"), incident("c"), absence="retract", kinds=(1,))
    assert (tally.unchanged, tally.retracted, store.revision()) == (2, 0, before)


def test_a_row_that_cannot_be_read_is_not_taken_for_absent(store: Store) -> None:
    append(store, incident("a"), incident("b"), absence="retract", kinds=(1,))
    tally = append(store, incident("b"), refused("a,x"), absence="retract", kinds=(1,))
    assert (tally.unchanged, tally.rejected, tally.retracted) == (1, 1, 0)
    assert set(current(store)) == {"a", "b"}


def test_a_payload_with_a_key_twice_is_told_twice_without_news(store: Store) -> None:
    rows = (incident("a", "one"), incident("a", "two"), incident("b"))
    first = append(store, *rows, sha256="x")
    assert (first.accepted, first.revised) == (2, 1)
    second = append(store, *rows, sha256="x")
    assert (second.unchanged, second.revised, second.revision) == (3, 0, 1)
    assert outcome(append(store, incident("a", "one"), sha256="y")) == "revised", "another payload may go back"
    assert current(store)["a"] == "one"


def test_rows_read_again_do_not_undo_what_was_heard_since(store: Store) -> None:
    append(store, incident("a", "tuesday"), received_us=2)
    tally = append(store, incident("a", "monday"), incident("b"), received_us=1, again=True)
    assert (tally.revised, tally.accepted) == (1, 1)
    assert current(store) == {"a": "tuesday", "b": ""}
    append(store, incident("a", "wednesday"), received_us=3, again=True)
    assert current(store)["a"] == "wednesday"


def test_the_tally_counts_reasons_and_the_newest_time(store: Store) -> None:
    tally = append(store, incident("a", seen=3), incident("b", seen=5), refused("x"), refused("y", 2))
    assert tally.reasons == {"lon: is not a number": 2}
    assert tally.observed_us == int(datetime(2026, 11, 20, 5, tzinfo=UTC).timestamp()) * 1_000_000


def test_a_rejected_row_is_kept_once_and_moves_no_revision(store: Store) -> None:
    for _ in range(2):
        append(store, refused("7,x"))
    assert store.revision() == 0
    (kept,) = quarantine.entries(store.reader)
    assert (kept["raw"], kept["row"], kept["field"], kept["seen"]) == (b"7,x", 1, "lon", 2)
    assert quarantine.open_counts(store.reader) == {"s": 1}
    with store.transaction() as connection:
        quarantine.settle(connection, [kept["id"]])
    assert quarantine.groups(store.reader) == []


class Broken(Exception):
    pass


def breaking(*items: Entry | Reject) -> Iterator[Sequence[Entry | Reject]]:
    yield items
    raise Broken


def test_a_payload_that_breaks_off_leaves_nothing(store: Store) -> None:
    append(store, incident("a"), absence="retract", kinds=(1,))
    with pytest.raises(Broken):
        append(store, chunks=breaking(incident("b"), refused("x")), absence="retract", kinds=(1,))
    assert (store.revision(), current(store)) == (1, {"a": ""})
    assert quarantine.entries(store.reader) == []
    assert outcome(append(store, incident("c"))) == "accepted"


def test_payloads_committed_together_fail_alone(store: Store) -> None:
    """While one payload is being written others queue up and share the next commit; a broken one among them hurts no other."""
    writing, go_on = threading.Event(), threading.Event()

    def slow() -> Iterator[Sequence[Entry]]:
        writing.set()
        assert go_on.wait(60)
        yield [incident("slow")]

    def one(number: int) -> str:
        try:
            chunks: Iterable[Sequence[Entry | Reject]] = [[incident(f"r{number}")]]
            return outcome(append(store, chunks=breaking(incident("x")) if number == 3 else chunks))
        except Broken:
            return "broken"

    with ThreadPoolExecutor(10) as pool:
        first = pool.submit(append, store, chunks=slow())
        assert writing.wait(60)
        others = [pool.submit(one, number) for number in range(8)]
        while len(store._waiting) < 8:
            time.sleep(0.01)
        go_on.set()
        assert outcome(first.result()) == "accepted"
        assert [other.result() for other in others] == ["accepted"] * 3 + ["broken"] + ["accepted"] * 4
    assert set(current(store)) == {"slow", *(f"r{number}" for number in range(8) if number != 3)}
    assert store.revision() == 8


def test_revisions_are_in_the_order_of_their_commits(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        tallies = list(pool.map(lambda number: append(store, incident(str(number))), range(40)))
    assert sorted(tally.revision for tally in tallies) == list(range(1, 41))
    commits = store.commits_since(0)
    assert [commit.revision for commit in commits] == list(range(1, 41))
    assert all(early.committed_us < late.committed_us for early, late in pairwise(commits))
    assert [commit.revision for commit in store.commits_since(38)] == [39, 40]


def test_changes_between_two_revisions(store: Store) -> None:
    for number in range(4):
        append(store, incident("a", str(number)), incident(f"b{number}"))
    found = [change for changes in store.changes_since(1, 3) for change in changes]
    assert [(change.revision, decode(change.body).source_ref) for change in found] == [
        (2, "a"),
        (2, "b1"),
        (3, "a"),
        (3, "b2"),
    ]
    assert [change.seq for change in found] == sorted(change.seq for change in found)
    assert list(store.changes_since(4, 4)) == []


def test_look_up_rows_of_a_source(store: Store) -> None:
    item = Reference(source_ref="i1", table="items", attributes={"name": "rice"})
    append(store, entry(1, item), entry(2, Reference(source_ref="i2", table="items")))
    append(store, entry(1, Reference(source_ref="i9", table="items")), source="other")
    assert store.references("s") == {("items", "i1"): {"name": "rice"}, ("items", "i2"): {}}


def test_where_a_version_came_from(store: Store) -> None:
    append(store, incident("a"), payload="list.csv", sha256="abc", received_us=5)
    (change,) = next(iter(store.changes_since(0, 1)))
    assert store.provenance(change.seq) == {
        "source": "s",
        "feed": "test",
        "payload": "list.csv",
        "sha256": "abc",
        "received_us": 5,
        "revision": 1,
        "row": 1,
    }


def test_how_a_source_does_moves_no_revision(store: Store) -> None:
    source = Source("s", "test", agency="us")
    health.record_failure(store, source, "no answer", NOON)
    health.record_success(store, source, NOON, Tally(accepted=2, observed_us=1))
    health.flush(store)
    health.record_try(store, source, NOON)
    health.flush(store)
    assert store.revision() == 0


# -------------------- group commit


def test_payloads_of_a_group_mean_what_they_would_one_after_another(store: Store) -> None:
    append(store, incident("old", "one"), incident("versioned", "at ten", hour=10))
    group = [
        batch(incident("a", "one"), incident("b", "one"), sha256="1"),
        batch(incident("a", "one"), incident("old", "one"), sha256="2"),
        batch(refused("?"), incident("old", "two"), sha256="3"),
        batch(incident("a", "one"), incident("a", "two", seen=9), sha256="4"),
        batch(incident("versioned", "at eight", hour=8), taken_back("b"), source="s"),
        batch(incident("d", "one"), source="other"),
        batch(),
    ]
    told = [tally for tally in store.append_each(group) if isinstance(tally, Tally)]
    names = ("accepted", "revised", "unchanged", "retracted", "rejected", "revision")
    assert [tuple(getattr(tally, name) for name in names) for tally in told] == [
        (2, 0, 0, 0, 0, 2),
        (0, 0, 2, 0, 0, 2),
        (0, 1, 0, 0, 1, 3),
        (0, 1, 1, 0, 0, 4),
        (0, 1, 0, 1, 0, 5),
        (1, 0, 0, 0, 0, 6),
        (0, 0, 0, 0, 0, 6),
    ]
    assert told[3].observed_us is not None
    assert told[2].reasons == {"lon: is not a number": 1}
    assert current(store) == {"a": "two", "old": "two", "versioned": "at ten", "d": "one"}
    commits = store.commits_since(1)
    assert [commit.revision for commit in commits] == [2, 3, 4, 5, 6]
    assert all(one.committed_us < two.committed_us for one, two in pairwise(commits))
    again = [tally for tally in store.append_each([batch(incident("z")), group[3]]) if isinstance(tally, Tally)]
    assert [(tally.accepted, tally.unchanged, tally.revision) for tally in again] == [(1, 0, 7), (0, 2, 7)]


def test_a_payload_that_cannot_be_stored_harms_no_other_of_its_group(store: Store) -> None:
    broken = incident("broken")._replace(digest=1 << 70)  # more than the column holds
    group = [batch(incident(f"i{number}")) for number in range(20)]
    group[7] = batch(incident("with it"), broken)
    told = store.append_each(group)
    assert [number for number, tally in enumerate(told) if isinstance(tally, Exception)] == [7]
    assert set(current(store)) == {f"i{number}" for number in range(20) if number != 7}
    assert store.revision() == 19
    with pytest.raises(Exception, match=r"too large|out of range|overflow"):
        append(store, broken)


def test_whoever_appends_at_once_gets_their_own_tally(store: Store) -> None:
    """Many writers, each with payloads of one row told twice: all of it is there, once, also when opened again."""

    def send(number: int) -> list[tuple[str, int]]:
        told = [append(store, incident(f"i{number}"), sha256=str(number)) for _ in range(2)]
        return [(outcome(tally), tally.revision) for tally in told]

    with ThreadPoolExecutor(32) as pool:
        told = list(pool.map(send, range(200)))
    assert [[what for what, _ in each] for each in told] == [["accepted", "unchanged"]] * 200
    assert sorted(first for (_, first), _ in told) == list(range(1, 201))
    assert set(current(store)) == {f"i{number}" for number in range(200)}


# -------------------- across processes


def writer(url: str, name: str, commits: int) -> subprocess.Popen[str]:
    """A process that has the store open and waits for a line before it writes."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.writer", url, name, str(commits)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_two_processes_write_at_once(store: Store, url: str) -> None:
    processes = [writer(url, name, 60) for name in ("one", "two")]
    for process in processes:
        go(process)
    for number in range(60):
        append(store, incident(str(number)))
    for process in processes:
        process.communicate(timeout=120)
        assert process.returncode == 0
    assert store.revision() == 180
    assert [commit.revision for commit in store.commits_since(0)] == list(range(1, 181))
    assert len(current(store)) == 180


def test_a_writer_killed_in_the_middle_leaves_nothing_half_written(store: Store, url: str) -> None:
    append(store, incident("before"))
    process = writer(url, "killed", 0)
    go(process)
    assert process.stdout is not None
    assert process.stdout.readline() == "written, not committed\n"
    process.kill()
    process.communicate(timeout=60)
    assert (store.revision(), set(current(store))) == (1, {"before"})
    assert outcome(append(store, incident("after"))) == "accepted"
    assert set(current(store)) == {"before", "after"}
    reopened = open_store(url)
    assert reopened.revision() == 2
    reopened.close()


def test_a_commit_of_another_process_wakes(store: Store, url: str) -> None:
    process = writer(url, "other", 1)
    assert not wait_for_change(store, 0, 0.1)
    go(process)
    assert wait_for_change(store, 0, 60)
    assert store.revision() == 1
    process.communicate(timeout=60)


def test_a_commit_of_this_process_wakes_whoever_waits(store: Store) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait_for_change, store, 0, 60)
        append(store, incident("a"))
        assert waiting.result()
    assert wait_for_change(store, 0, 0), "what was committed before is not waited for"
