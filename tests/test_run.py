"""Files, pushes and replays through the doors of ingest: every row is accounted for, and what fails is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from data import quarantine
from data.access import LOCAL_OPERATOR
from data.picture import Picture
from data.records import AnyRecord
from data.settings import Settings, Source, load
from data.store import Store, open_store
from ingest import guard, intake
from ingest.feed import Context, Payload
from ingest.guard import Limits, Unreadable, parse_guarded
from ingest.run import Misuse, Result, ingest, receive, replay

GOLDEN = Path(__file__).parent / "golden"
CONTRACT = (
    "path",
    "feed",
    "source",
    "read",
    "accepted",
    "revised",
    "unchanged",
    "retracted",
    "rejected",
    "reasons",
    "revision",
)
ROWS = b"event_id_cnty,event_date,event_type,latitude,longitude\nA1,2026-11-01,Riots,5,30\nA2,2026-11-02,Riots,x,30\n"


def settings_of(home: Path, toml: str = "") -> Settings:
    (home / "commonground.toml").write_text(toml)
    return load({"COMMONGROUND_HOME": str(home)})


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    opened = open_store(load({"COMMONGROUND_HOME": str(home)}).database_url)
    yield opened
    opened.close()


def golden(*names: str) -> list[Payload]:
    return [Payload(Path(name).name, path=GOLDEN / name) for name in names]


def records(store: Store, kind: str) -> dict[str, AnyRecord]:
    picture = Picture(store)
    picture.catch_up()
    seen = picture.seen_by(LOCAL_OPERATOR)
    return {item.record.source_ref: item.record for item in seen.items(kind, seen.rows(kind))}


def adds_up(result: Result) -> bool:
    whole = result["accepted"] + result["revised"] + result["unchanged"] + result["retracted"] + result["rejected"]
    return result["read"] == whole and result["rejected"] == sum(result["reasons"].values())


# -------------------- files


def test_each_file_goes_to_the_feed_that_recognises_it_and_in_the_order_that_others_need(
    store: Store, home: Path
) -> None:
    order: list[str] = []
    payloads = golden("acled/events.csv", "usgs/summary.geojson", "boundaries/zzz_admbnda_adm1.geojson")
    results = ingest(store, settings_of(home), payloads, progress=lambda name, _: order.append(name))
    assert [(result["path"], result["feed"], result["source"]) for result in results] == [
        ("events.csv", "acled", "acled"),
        ("summary.geojson", "usgs", "usgs"),
        ("zzz_admbnda_adm1.geojson", "boundaries", "boundaries"),
    ]
    assert list(dict.fromkeys(order)) == ["zzz_admbnda_adm1.geojson", "events.csv", "summary.geojson"]
    for result in results:
        assert tuple(result) == CONTRACT
        assert adds_up(result)
        assert result["accepted"] > 0
    json.dumps(results)


def test_the_same_file_again_changes_nothing(store: Store, home: Path) -> None:
    """Twice in a row each: of two files that say different things of one record the later counts, so their turns would."""
    every = sorted(path for path in GOLDEN.rglob("*") if path.is_file())
    names = [path for path in every if path.name not in ("expected.json", "source.toml")]
    twice = [Payload(path.name, path=path) for path in names for _ in range(2)]
    results = [ingest(store, settings_of(home), [payload])[0] for payload in twice]
    assert all(adds_up(result) for result in results)
    assert sum(result["accepted"] for result in results) > 250
    for first, second in zip(results[::2], results[1::2], strict=True):
        assert (second["accepted"], second["revised"], second["retracted"]) == (0, 0, 0), second
        assert second["revision"] == first["revision"], second


def test_one_unreadable_file_does_not_stop_the_others(store: Store, home: Path) -> None:
    broken = Payload("broken.csv", content=b"\x00\x01\x02 nothing at all")
    results = ingest(store, settings_of(home), [broken, *golden("acled/events.csv")])
    assert results[0]["error"].startswith("broken.csv is recognised by no feed; name the feed, or describe its columns")
    assert (results[0]["read"], results[0]["rejected"]) == (1, 1)
    assert results[1]["accepted"] > 0
    (kept,) = [row for row in quarantine.entries(store.reader) if row["row"] is None]
    assert (kept["raw"], kept["field"], kept["payload"]) == (broken.content, "payload", "broken.csv")


def test_a_file_that_is_not_there_is_one_sentence(store: Store, home: Path) -> None:
    (result,) = ingest(store, settings_of(home), [Payload("gone.csv", path=home / "gone.csv")], "acled")
    assert "cannot be opened" in result["error"] or "No such file" in result["error"]
    assert str(home) not in json.dumps(result)


def test_a_payload_that_breaks_off_is_not_half_in_the_store(store: Store, home: Path) -> None:
    whole = (GOLDEN / "usgs/summary.geojson").read_bytes()
    (result,) = ingest(store, settings_of(home), [Payload("cut.geojson", content=whole[:-40])], "usgs")
    assert "cannot be read as usgs" in result["error"]
    assert (store.revision(), records(store, "incident")) == (0, {})


def test_a_large_unreadable_payload_is_kept_as_a_file(
    store: Store, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "RAW_IN_STORE", 1_000)
    raw = b"\x00" * 5_000
    settings = settings_of(home)
    ingest(store, settings, [Payload("large.bin", content=raw)])
    (kept,) = quarantine.entries(store.reader)
    assert len(kept["raw"]) < 200
    payload = intake.kept_payload(settings, kept["payload"], kept["raw"])
    assert payload.read() == raw


# -------------------- whose it is


SOURCES = """
[[source]]
name = "red events"
feed = "acled"
agency = "RED"
sensitivity = "low"
grade = "B2"
releasable_to = ["mission"]
[[source]]
name = "north"
feed = "usgs"
[[source]]
name = "south"
feed = "usgs"
"""


def test_without_a_name_it_is_the_only_source_of_the_feed(store: Store, home: Path) -> None:
    settings = settings_of(home, SOURCES)
    results = ingest(store, settings, golden("acled/events.csv", "usgs/summary.geojson"))
    assert [result["source"] for result in results] == ["red events", "usgs"]
    marked = next(iter(records(store, "incident").values()))
    assert (marked.agency, marked.sensitivity.name, marked.releasable_to, marked.grade) == (
        "RED",
        "low",
        ("mission",),
        "B2",
    )


def test_a_named_source_says_the_feed_and_keeps_its_keys_to_itself(store: Store, home: Path) -> None:
    settings = settings_of(home, SOURCES)
    for source in ("north", "south"):
        (result,) = ingest(store, settings, golden("usgs/summary.geojson"), "auto", source)
        assert (result["feed"], result["source"], result["unchanged"]) == ("usgs", source, 0)


def test_what_does_not_fit_is_said_in_one_sentence(store: Store, home: Path) -> None:
    settings = settings_of(home, SOURCES)
    with pytest.raises(Misuse, match="no feed is named 'nosuch'"):
        ingest(store, settings, golden("acled/events.csv"), "nosuch")
    with pytest.raises(Misuse, match="source 'north' is read with the feed usgs, not acled"):
        ingest(store, settings, golden("acled/events.csv"), "acled", "north")
    assert store.revision() == 0


def test_a_list_is_a_source_of_its_own_and_takes_nobody_elses_name(store: Store, home: Path) -> None:
    table = (GOLDEN / "sites/points_d_eau.csv").read_bytes()
    names = ("wells.csv", "north.csv", "acled.csv", "sites.csv")
    results = ingest(store, settings_of(home, SOURCES), [Payload(name, content=table) for name in names])
    assert [result["source"] for result in results] == ["wells", "north (sites)", "acled (sites)", "sites"]
    assert {result["accepted"] for result in results} == {results[0]["accepted"]}


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "a\x00b", "a\u202eb", "two\nlines"])
def test_a_source_has_a_name_that_can_be_shown(store: Store, home: Path, name: str) -> None:
    with pytest.raises(Misuse, match="1 to 200 printable characters"):
        receive(store, settings_of(home), "acled", name, ROWS)


# -------------------- pushed


def test_what_is_pushed_is_durable_on_return(store: Store, home: Path) -> None:
    settings = settings_of(home)
    result = receive(store, settings, "acled", "partner", ROWS)
    assert (result["accepted"], result["rejected"], result["revision"]) == (1, 1, 1)
    reopened = open_store(settings.database_url)
    assert set(records(reopened, "incident")) == {"A1"}
    reopened.close()
    assert receive(store, settings, "acled", "partner", ROWS)["unchanged"] == 1


def test_a_web_page_is_not_no_data(store: Store, home: Path) -> None:
    page = b"<!DOCTYPE html><html><head><title>Please log in</title></head></html>"
    for feed in ("auto", "gdacs", "acled"):
        result = receive(store, settings_of(home), feed, "partner", page)
        assert result["error"].endswith("is a web page, not data (its title is “Please log in”)")


def test_many_are_pushed_at_once(store: Store, home: Path) -> None:
    settings = settings_of(home)

    def push(number: int) -> Result:
        row = {"event_id_cnty": f"P{number}", "event_date": "2026-11-01", "event_type": "Riots"}
        return receive(store, settings, "acled", f"partner {number % 3}", json.dumps([row]).encode())

    with ThreadPoolExecutor(12) as pool:
        results = list(pool.map(push, range(60)))
    assert [result["accepted"] for result in results] == [1] * 60
    assert sorted(result["revision"] for result in results) == list(range(1, 61))


# -------------------- replay


def test_a_row_passes_once_its_settings_are_mended(store: Store, home: Path) -> None:
    box = '[[source]]\nname = "acled"\nfeed = "acled"\nbbox = [28, 3, 32, 8]\n'
    swapped = ROWS.replace(b"x,30", b"31,7")
    first = receive(store, settings_of(home, box), "acled", "acled", swapped)
    assert (first["accepted"], list(first["reasons"])) == (
        1,
        ["lon/lat: looks swapped: it lies in this source's area only the other way round"],
    )
    (still,) = replay(store, settings_of(home, box))
    assert (still["read"], still["rejected"], still["accepted"]) == (1, 1, 0)
    assert quarantine.entries(store.reader)[0]["seen"] == 1
    (mended,) = replay(store, settings_of(home))
    assert (mended["accepted"], mended["rejected"]) == (1, 0)
    assert adds_up(mended)
    assert quarantine.entries(store.reader) == []
    assert set(records(store, "incident")) == {"A1", "A2"}
    assert replay(store, settings_of(home)) == []


def test_a_row_waits_for_the_look_up_it_points_to(store: Store, home: Path) -> None:
    settings = settings_of(home)
    (stock,) = ingest(store, settings, golden("openlmis/stockmanagement.calculated_stocks_on_hand.csv"))
    assert any("then replay" in reason for reason in stock["reasons"])
    tables = [f"openlmis/{path.name}" for path in (GOLDEN / "openlmis").glob("*.csv") if "calculated" not in path.name]
    ingest(store, settings, golden(*tables))
    passed = replay(store, settings, source="openlmis")
    again = next(result for result in passed if result["path"] == "stockmanagement.calculated_stocks_on_hand.csv")
    assert again["accepted"] > 0
    assert again["accepted"] + again["rejected"] == stock["rejected"]


def test_an_old_row_mended_late_does_not_undo_newer_news(store: Store, home: Path) -> None:
    box = '[[source]]\nname = "acled"\nfeed = "acled"\nbbox = [28, 3, 32, 8]\n'
    row = b"event_id_cnty,event_date,event_type,notes,latitude,longitude\nA1,2026-11-01,Riots,%s,%s\n"
    receive(store, settings_of(home, box), "acled", "acled", row % (b"monday", b"31,7"))
    receive(store, settings_of(home, box), "acled", "acled", row % (b"tuesday", b"7,31"))
    (result,) = replay(store, settings_of(home))
    assert (result["revised"], result["rejected"]) == (1, 0)
    assert records(store, "incident")["A1"].description == "tuesday"


def test_an_unreadable_payload_passes_once_its_feed_can_read_it(store: Store, home: Path) -> None:
    table = b"When,What,Where\n2026-11-01,Flood,Nevo\n"
    before = settings_of(home)
    (result,) = ingest(store, before, [Payload("list.csv", content=table)], "table", "floods")
    assert "cannot be read as table" in result["error"]
    assert [each["rejected"] for each in replay(store, before)] == [1]
    assert len(quarantine.entries(store.reader)) == 1
    mapping = '[[source]]\nname = "floods"\nfeed = "table"\nkind = "incident"\n'
    mapping += '[source.columns]\nevent_time = "When"\ncategory = "What"\nplace = "Where"\n'
    (mended,) = replay(store, settings_of(home, mapping))
    assert (mended["accepted"], mended["rejected"], mended["path"]) == (1, 0, "list.csv")
    assert quarantine.entries(store.reader) == []
    assert [record.place for record in records(store, "incident").values()] == ["Nevo"]


def every_reject() -> Iterator[Any]:
    for path in sorted(GOLDEN.rglob("expected.json")):
        for name, items in json.loads(path.read_text()).items():
            if any("rejected" in item for item in items):
                yield pytest.param(path.parent.name, name, id=f"{path.parent.name}/{name}")


@pytest.mark.parametrize(("feed", "name"), list(every_reject()))
def test_a_rejected_row_is_read_again_to_the_same_end(store: Store, home: Path, feed: str, name: str) -> None:
    """The raw form is enough: the same row fails for the same reason, not for having been kept as text."""
    settings = settings_of(home)
    (first,) = ingest(store, settings, golden(f"{feed}/{name}"), feed)
    if "error" in first:
        pytest.skip(f"{name} is told by settings how to be read")
    again: dict[str, int] = {}
    for result in replay(store, settings):
        assert result["rejected"] + result["unchanged"] == result["read"], "nothing new of what stood beside it"
        again = {**again, **result["reasons"]}
    assert set(again) == set(first["reasons"])


# -------------------- the guard


def test_memory_beyond_the_limit_is_one_sentence_and_the_next_payload_is_read() -> None:
    content = b'{"type":"FeatureCollection","features":[' + b"[]," * 4_000_000 + b"0]}"
    payload = Payload("much.json", content=content)
    context = context_of("usgs")
    with pytest.raises(Unreadable, match="asked for more than 64 MiB of memory while being read as usgs"):
        list(parse_guarded("usgs", payload, context, Limits(memory_bytes=64 << 20)))
    small = Payload("summary", path=GOLDEN / "usgs/summary.geojson")
    assert sum(map(len, parse_guarded("usgs", small, context)))


def test_time_beyond_the_limit_is_one_sentence() -> None:
    rows = ROWS + b"".join(b"B%d,2026-11-01,Riots,5,30\n" % number for number in range(400_000))
    payload, context = Payload("long.csv", content=rows), context_of("acled")
    with pytest.raises(Unreadable, match="needed more than 0 s of processor time while being read as acled"):
        list(parse_guarded("acled", payload, context, Limits(cpu_s=0)))
    slow = Payload("slow.json", content=b'{"features":[' + b"[]," * 3_000_000 + b"0]}")
    with pytest.raises(Unreadable, match=r"was still being read as usgs after 0.05 s without a row"):
        list(parse_guarded("usgs", slow, context_of("usgs"), Limits(silent_s=0.05)))


def test_rows_beyond_the_limit_are_one_sentence() -> None:
    payload = Payload("rows.csv", path=GOLDEN / "acled/events.csv")
    with pytest.raises(Unreadable, match="has more than 3 rows; send it in parts"):
        list(parse_guarded("acled", payload, context_of("acled"), Limits(rows=3)))


def test_a_worker_that_is_killed_is_replaced(store: Store, home: Path) -> None:
    settings = settings_of(home)
    assert receive(store, settings, "acled", "partner", ROWS)["accepted"] == 1
    for worker in list(guard._all):
        worker.process.kill()
        worker.process.wait()
    assert receive(store, settings, "acled", "partner", ROWS)["unchanged"] == 1


def test_whoever_stops_asking_leaves_no_worker_behind() -> None:
    payload = Payload("events.csv", path=GOLDEN / "acled/events.csv")
    for _ in range(6):
        next(parse_guarded("acled", payload, context_of("acled")))
    assert len(guard._all) <= guard.KEPT_WARM


def context_of(feed: str) -> Context:
    return Context(Source("test", feed), datetime.now(UTC))
