"""Retention: what is past its time is gone from the store, the picture and the past, and the log can still be checked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from data import audit, quarantine, retention
from data.access import LOCAL_OPERATOR
from data.keeper import Keeper
from data.picture import Picture
from data.records import Incident, OwnMark, Record, Reject, Report, Sensitivity
from data.settings import Retention, Settings, Source
from data.sharing import read
from data.store import Batch, Store, open_store
from data.tables import version
from data.upkeep import counts, verify
from tests.pictures import entry

DAY = 86_400.0
CANARY = "Amina Yusuf"


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path / 'commonground.sqlite'}"
    opened = open_store(url if request.param == "sqlite" else request.getfixturevalue("postgres_url"))
    yield opened
    opened.close()


def mission(home: Path, whole_s: float | None = 10 * DAY, personal_s: float | None = None) -> Settings:
    sources = {
        "case": Source(
            "case", "table", "MOH", Sensitivity.low, retention="casework", personal_fields=("reporter", "Phone")
        ),
        "news": Source("news", "table", "MOH", sensitivity=Sensitivity.low),
    }
    sources["case"] = replace(sources["case"], title="", sensitivity=Sensitivity.low)
    return Settings(home, "", sources=sources, retention={"casework": Retention(whole_s, personal_s)})


def put(store: Store, source: str, *records: Record) -> None:
    marked = [
        entry(
            n, type(one)(**{**{f: getattr(one, f) for f in one.__struct_fields__}, "source": source, "agency": "MOH"})
        )
        for n, one in enumerate(records, 1)
    ]
    store.append(Batch(source, "table", "-", "", time.time_ns() // 1_000, [marked]))


def case(ref: str, title: str = CANARY, **more: object) -> Report:
    phone = {"Phone": CANARY, "Kind": "water"}
    return Report(source_ref=ref, title=title, reporter=CANARY, attributes=phone, lon=30.0, lat=4.0, **more)


def run(store: Store, settings: Settings, days: float, limit: int = retention.STEP) -> int:
    steps = 0
    while retention.step(store, settings, datetime.now(UTC) + timedelta(days=days), limit):
        steps += 1
    return steps


def bodies(store: Store) -> bytes:
    with store.reader.connect() as connection:
        return b"\n".join(connection.execute(sa.select(version.c.body).order_by(version.c.seq)).scalars())


def shown(picture: Picture) -> list[str]:
    picture.catch_up()
    seen = picture.seen_by(LOCAL_OPERATOR)
    return sorted(item.record.title for item in seen.items("report", seen.rows("report")))


def test_what_is_past_its_time_is_gone_everywhere(store: Store, tmp_path: Path) -> None:
    settings = mission(tmp_path)
    picture = Picture(store, lambda: read(store, settings))
    put(store, "case", case("1", "first"), case("2"))
    put(store, "case", case("1", "second"))
    put(store, "news", case("1", "kept"))
    assert shown(picture) == [CANARY, "kept", "second"]
    before = datetime.now(UTC)

    assert run(store, settings, days=9) == 0
    assert shown(picture) == [CANARY, "kept", "second"]
    run(store, settings, days=11)

    for each in (picture, Picture(store, lambda: read(store, settings))):
        assert shown(each) == ["kept"]
        past = each.seen_by(LOCAL_OPERATOR, before)
        assert [item.record.title for item in past.items("report", past.rows("report"))] == ["kept"]
    left = bodies(store)
    assert left.count(CANARY.encode()) == 2, "the other source's reporter and telephone"
    assert counts(store)["reports"] == 1
    assert list(verify(store, tmp_path)) == []


def test_the_same_row_sent_again_does_not_come_back_but_news_does(store: Store, tmp_path: Path) -> None:
    settings = mission(tmp_path)
    put(store, "case", case("1", "old"))
    run(store, settings, days=11)
    put(store, "case", case("1", "old"))
    picture = Picture(store)
    assert shown(picture) == []
    put(store, "case", case("1", "new"))
    assert shown(picture) == ["new"]
    assert list(verify(store, tmp_path)) == []


def test_personal_fields_go_first_also_those_a_record_names(store: Store, tmp_path: Path) -> None:
    settings = mission(tmp_path, whole_s=10 * DAY, personal_s=2 * DAY)
    put(store, "case", case("1", "one"), case("2", "two", own=OwnMark(personal_fields=("lon", "description"))))
    put(store, "case", case("3", "three", description=CANARY))
    picture = Picture(store, lambda: read(store, settings))
    assert shown(picture) == ["one", "three", "two"]

    run(store, settings, days=3)
    assert shown(picture) == ["one", "three", "two"]
    assert bodies(store).count(CANARY.encode()) == 1, "a field nobody named is not personal"
    seen = picture.seen_by(LOCAL_OPERATOR)
    told = {item.record.title: item.record for item in seen.items("report", seen.rows("report"))}
    assert told["one"].attributes == {"Kind": "water"}
    assert (told["one"].lon, told["two"].lon, told["two"].lat) == (30.0, None, None)
    at = {item.record.title: seen.column("report", "x")[item.row] for item in seen.items("report", seen.rows("report"))}
    assert at["two"] == -1 != at["one"]

    assert list(verify(store, tmp_path)) == []
    run(store, settings, days=11)
    assert shown(picture) == []
    assert CANARY.encode() not in bodies(store)
    assert list(verify(store, tmp_path)) == []


def test_the_mark_a_record_gave_itself_outlives_its_content(store: Store, tmp_path: Path) -> None:
    put(store, "case", case("1", own=OwnMark(consent="withdrawn")))
    run(store, mission(tmp_path), days=11)
    assert b'"consent":"withdrawn"' in bodies(store)


def test_steps_are_small_and_each_is_logged(store: Store, tmp_path: Path) -> None:
    settings = mission(tmp_path)
    for number in range(5):
        put(store, "case", *(case(f"{number}-{each}") for each in range(3)))
        put(store, "news", Incident(source_ref=str(number)))
    assert run(store, settings, days=11, limit=4) >= 3
    steps = audit.entries(store, act="retention")
    assert len(steps) == 4
    assert {entry.subject for entry in steps} == {"case"}
    assert all('"class":"casework"' in entry.details and CANARY not in entry.details for entry in steps)
    assert run(store, settings, days=12) == 0
    assert len(audit.entries(store, act="retention")) == 4
    assert list(verify(store, tmp_path)) == []


def test_rejected_rows_and_payloads_go_too(store: Store, tmp_path: Path) -> None:
    kept = tmp_path / "quarantine" / "abc"
    kept.parent.mkdir()
    kept.write_text(CANARY)
    for source in ("case", "news"):
        rejects = [
            Reject(1, "lon", "lon: no", "row 1", CANARY),
            Reject(0, "payload", "p", "p", quarantine.KEPT_AS_FILE + b"abc"),
        ]
        store.append(
            Batch(source, "table", "-", "", time.time_ns() // 1_000, [rejects[: 2 if source == "case" else 1]])
        )
    run(store, mission(tmp_path), days=11)
    assert [entry["source"] for entry in quarantine.groups(store.reader)] == ["news"]
    assert not kept.exists()
    assert '"rejects":2' in audit.entries(store, act="retention")[0].details


@pytest.mark.parametrize("part", ["whole", "personal"])
def test_overwriting_a_body_and_calling_it_retention_is_found(store: Store, tmp_path: Path, part: str) -> None:
    settings = mission(tmp_path, 10 * DAY, 2 * DAY)
    put(store, "case", case("1"), case("2"))
    put(store, "news", case("1"))
    run(store, settings, days=11 if part == "whole" else 3)
    assert list(verify(store, tmp_path)) == []
    with store.transaction() as connection:
        body = b'{"type":"report","source_ref":"1"}'
        forged = retention.blake(body)
        connection.execute(version.update().where(version.c.seq == 3).values(body=body, wkb=None))
        columns = {"seq": 3, "revision": store.revision(), "whole": part == "whole", "digest": forged}
        connection.execute(retention.erasure.insert(), columns)
    assert [fault for fault in verify(store, tmp_path) if "not what the audit log says" in fault]


def test_the_keeper_erases_by_itself(store: Store, tmp_path: Path) -> None:
    settings = mission(tmp_path, whole_s=0.5)
    put(store, "case", case("1"))
    keeper = Keeper(store, settings)
    keeper.start()
    try:
        deadline = time.monotonic() + 30
        while CANARY.encode() in bodies(store) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert CANARY.encode() not in bodies(store)
    finally:
        keeper.stop()
    assert list(verify(store, tmp_path)) == []
