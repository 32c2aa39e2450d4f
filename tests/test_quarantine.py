"""Rejects mended, answered by the partner's workbook, discarded; payloads taken back: by command and over HTTP, and by whom."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pytest

import app
from data import audit, quarantine
from data.accounts import Profile
from data.records import Sensitivity
from data.settings import Source
from ingest.feed import Payload
from ingest.run import ingest
from ingest.version import feed_version
from tests.site import Site, site

EVENTS = (
    b"event_id_cnty,event_date,event_type,notes,latitude,longitude\n"
    b"A1,2026-11-01,Riots,fine,5,30\n"
    b"A2,2026-11-01,Riots,=cmd|'/C calc'!A1,x,-30.5\n"
    b"A3,2026-11-02,Riots,far,95,30\n"
)
TAGGED = (
    b"Serial,When,What,How bad,North,East\n"
    b"#event+code,#date+occurred,#event+name,#severity,#geo+lat,#geo+lon\n"
    b'S1,2026-11-01,Fine,minor,5,-30\nS2,2026-11-01,"=1+1",dreadful,5,-30.25\n'
)
PLAIN = b"Ref,Jour,Quoi,Nord,Est\nP1,2026-11-01,Pillage,5,30\nP2,2026-11-02,Barrage,6,31\n"


@pytest.fixture
def monitor(tmp_path: Path) -> Iterator[Site]:
    sources = (
        Source("events", "acled", agency="MON", sensitivity=Sensitivity.low, releasable_to=("mission",)),
        Source("log", "table", agency="JOC", options={"kind": "incident", "columns": {"source_ref": "Serial"}}),
        Source("list", "table", agency="JOC", options={"kind": "incident", "columns": {"lat": "Nord", "lon": "Ref"}}),
    )
    with site(tmp_path, sources=sources) as found:
        yield found


def sent(found: Site, content: bytes, source: str, name: str = "sent.csv") -> dict[str, Any]:
    (result,) = ingest(found.store, found.services.settings, [Payload(name, content=content)], "auto", source)
    found.picture.catch_up()
    return dict(result)


def told(result: dict[str, Any]) -> tuple[int, int, int]:
    return result["accepted"] + result["revised"], result["unchanged"], result["rejected"]


def titles(found: Site) -> dict[str, str]:
    items = found.get("/ogc/collections/incidents/items?limit=1000").json()["features"]
    return {item["properties"]["source_ref"]: item["properties"]["title"] for item in items}


def post(found: Site, path: str, body: dict[str, Any], cookie: str = "") -> httpx.Response:
    headers = {"Origin": found.url, "Sec-Fetch-Site": "same-origin"}
    if cookie:
        headers["Cookie"] = cookie
    return found.client.post(f"{found.url}/api/{path}", json=body, headers=headers)


def workbook(found: Site, source: str) -> Any:
    answer = found.get(f"/api/quarantine/export?source={source}")
    assert answer.headers["content-disposition"] == f'attachment; filename="quarantine-{source}.xlsx"'
    return openpyxl.load_workbook(io.BytesIO(answer.content))


def saved(book: Any) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


# -------------------- by command


def run(home: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str, stdin: bytes = b"") -> int:
    monkeypatch.setenv("COMMONGROUND_HOME", str(home))
    monkeypatch.delenv("COMMONGROUND_DATABASE_URL", raising=False)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
    return app.main(["quarantine", *arguments])


def test_a_row_is_mended_and_read_again_by_command(
    monitor: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sent(monitor, EVENTS, "events")
    home = monitor.home
    assert run(home, monkeypatch, "show", "1", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["row"], shown["field"], shown["feed_version"]) == (2, "latitude", feed_version("acled"))
    assert run(home, monkeypatch, "edit", "1", "--row", "-", stdin=b'{"latitude": "5.5"}') == 0
    assert run(home, monkeypatch, "replay", "1", "--json") == 0
    lines = capsys.readouterr().out.splitlines()
    assert json.loads(lines[-1])["accepted"] == 1
    kept = quarantine.entry(monitor.store.reader, 1)
    assert kept is not None
    assert (kept["state"], json.loads(kept["raw"])["latitude"], json.loads(kept["edited"])["latitude"]) == (
        "replayed",
        "x",
        "5.5",
    )
    # A mend that does not help leaves the row where it is, with the mend beside it.
    assert run(home, monkeypatch, "edit", "2", "--row", "-", stdin=b'{"latitude": "96"}') == 0
    assert run(home, monkeypatch, "replay", "--source", "events", "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["rejected"] == 1
    file = tmp_path / "back.xlsx"
    assert run(home, monkeypatch, "export", "--source", "events", "--out", str(file)) == 0
    assert openpyxl.load_workbook(file).worksheets[0]["E2"].value == "96"
    assert run(home, monkeypatch, "discard", "2") == 2
    assert "Say in 1 to 500 characters why" in capsys.readouterr().err
    assert run(home, monkeypatch, "discard", "2", "--why", "off the globe") == 0
    assert run(home, monkeypatch, "edit", "2", "--row", "-", stdin=b"{}") == 2
    assert "Reject 2 is discarded already" in capsys.readouterr().err
    assert run(home, monkeypatch, "list") == 0
    assert capsys.readouterr().out == ""
    acts = [(entry.act, entry.who, entry.subject) for entry in audit.entries(monitor.store, act="quarantine")]
    done = ["discard", "replay", "edit", "replay", "edit"]
    assert acts == [(f"quarantine.{act}", "command line", "events") for act in done]
    # Sent again it stays discarded, and readable.
    assert sent(monitor, EVENTS.replace(b",x,", b",5.5,"), "events")["rejected"] == 1
    discarded = quarantine.entry(monitor.store.reader, 2)
    assert discarded is not None
    assert (discarded["state"], discarded["seen"], discarded["settled_why"]) == ("discarded", 2, "off the globe")


def test_the_version_of_a_feed_is_of_its_own_code() -> None:
    assert feed_version("acled") != feed_version("cap")
    assert len(feed_version("acled")) == 12
    assert feed_version("auto") == ""


def test_a_row_is_kept_as_the_partner_wrote_it_where_that_is_all_it_takes(monitor: Site) -> None:
    # The second of one key is told apart by its place in the table, which the row alone does not tell.
    twice = TAGGED.replace(b"S2,2026-11-01,", b"S1,2026-11-01,") + b"S3,2026-11-01,Alone,dreadful,5,-30\n"
    sent(monitor, twice, "log")
    raws = [json.loads(row["raw"]) for row in quarantine.entries(monitor.store.reader)]
    assert [raw.get("key") for raw in raws] == ["S1#2", None]
    table = raws[1]["$table"]
    assert table["row"] == {
        "Serial": "S3",
        "When": "2026-11-01",
        "What": "Alone",
        "How bad": "dreadful",
        "North": "5",
        "East": "-30",
    }
    assert table["tags"]["How bad"] == "#severity"


# -------------------- the partner's workbook


def test_what_the_partner_sends_back_mended_settles_their_rejects(monitor: Site) -> None:
    sent(monitor, EVENTS, "events")
    book = workbook(monitor, "events")
    (sheet,) = book.worksheets
    heads, first, _ = ([cell.value for cell in row] for row in sheet.iter_rows())
    assert heads[:3] == ["event_id_cnty", "event_date", "event_type"]
    assert heads[6:] == [
        "Quarantine reason",
        "Quarantine field",
        "Quarantine first seen (UTC)",
        "Quarantine number",
    ]
    assert first[3:8] == ["'=cmd|'/C calc'!A1", "x", "-30.5", "latitude: is not a number", "latitude"]
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
    assert sheet["E2"].fill.fgColor.rgb != sheet["A2"].fill.fgColor.rgb, "the cell at fault is marked"
    sheet["E2"] = "5.5"
    back = sent(monitor, saved(book), "events", "mended.xlsx")
    assert told(back) == (1, 0, 1)
    found = monitor.get("/ogc/collections/incidents/items?source=events").json()["features"]
    mended = next(item for item in found if item["properties"]["source_ref"] == "A2")
    assert mended["geometry"]["coordinates"] == [-30.5, 5.5]
    assert mended["properties"]["description"] == "=cmd|'/C calc'!A1"
    assert not any("Quarantine" in name for name in mended["properties"]["attributes"] or {})
    # The other is refused as before: one reject, not two.
    left = quarantine.entries(monitor.store.reader)
    assert [json.loads(row["raw"]).get("$table", {}).get("row", {}).get("event_id_cnty", "A3") for row in left] == [
        "A3"
    ]
    sheet["F3"], sheet["E3"] = "east", "9"
    sent(monitor, saved(book), "events", "mended.xlsx")
    (other,) = quarantine.entries(monitor.store.reader)
    assert (other["reason"], other["origin"]) == ("longitude: is not a number", left[0]["origin"])


def test_a_tagged_table_comes_back_with_its_tags(monitor: Site) -> None:
    assert told(sent(monitor, TAGGED, "log")) == (1, 0, 1)
    book = workbook(monitor, "log")
    (sheet,) = book.worksheets
    assert [cell.value for cell in sheet[2]][:6] == [tag.strip() for tag in TAGGED.decode().splitlines()[1].split(",")]
    sheet["D3"] = "serious"
    assert told(sent(monitor, saved(book), "log", "mended.xlsx")) == (1, 0, 0)
    assert quarantine.entries(monitor.store.reader) == []
    assert titles(monitor) == {"S1": "Fine", "S2": "=1+1"}
    assert told(sent(monitor, saved(book), "log", "mended.xlsx")) == (0, 1, 0)


def test_nobody_answers_the_rejects_of_another_source(monitor: Site) -> None:
    sent(monitor, EVENTS, "events")
    book = workbook(monitor, "events")
    book.worksheets[0]["E2"] = "5.5"
    sent(monitor, saved(book), "other events", "mended.xlsx")
    assert len(quarantine.entries(monitor.store.reader, source="events")) == 2


# -------------------- over HTTP


def test_another_mapping_reads_the_rows_that_were_refused(monitor: Site) -> None:
    assert told(sent(monitor, PLAIN, "list")) == (0, 0, 2)
    rows = monitor.get("/api/quarantine/rows?source=list").json()["rows"]
    assert [row["cells"]["Quoi"] for row in rows] == ["Pillage", "Barrage"]
    assert rows[0]["fault"] == ["Ref"]
    mapping = monitor.get("/api/batches?source=list").json()["mapping"]
    assert (mapping["kind"], mapping["columns"]) == ("incident", {"lat": "Nord", "lon": "Ref"})
    columns = {"source_ref": "Ref", "event_time": "Jour", "title": "Quoi", "lat": "Nord", "lon": "Est"}
    assert (
        post(monitor, "quarantine/mapping", {"source": "list", "kind": "what", "columns": columns}).status_code == 422
    )
    set_ = post(monitor, "quarantine/mapping", {"source": "list", "kind": "incident", "columns": columns})
    assert set_.json()["columns"] == columns
    again = post(monitor, "quarantine/replay", {"source": "list", "reason": rows[0]["detail"].split(", ", 1)[0]}).json()
    assert again["read"] == 0, "of another reason there is nothing"
    again = post(monitor, "quarantine/replay", {"source": "list"}).json()
    assert told(again) == (2, 0, 0)
    assert titles(monitor) == {"P1": "Pillage", "P2": "Barrage"}


def test_a_payload_is_taken_back_once_and_comes_in_again(monitor: Site) -> None:
    first = sent(monitor, EVENTS, "events")["revision"]
    (batch,) = monitor.get("/api/batches?source=events").json()["batches"]
    assert (batch["revision"], batch["payload"], batch["accepted"], batch["undone"]) == (first, "sent.csv", 1, None)
    assert post(monitor, "batches/foresee", {"revision": first}).json() == {"retracted": 1, "back": 0, "stays": 0}
    assert set(titles(monitor)) == {"A1"}
    done = post(monitor, "batches/undo", {"revision": first, "why": "the wrong file"})
    assert done.json() == {"retracted": 1, "back": 0, "stays": 0}
    assert titles(monitor) == {}
    twice = post(monitor, "batches/undo", {"revision": first, "why": "again"})
    assert (twice.status_code, "was taken back already" in twice.json()["description"]) == (422, True)
    assert told(sent(monitor, EVENTS, "events"))[0] == 1
    assert set(titles(monitor)) == {"A1"}


def test_only_the_agency_sees_its_rejects_and_only_its_information_managers_act(monitor: Site) -> None:
    sent(monitor, EVENTS, "events")
    identity = monitor.services.identity
    people = {
        "ada": Profile("ada", agency="JOC", roles=("admin",), clearance=Sensitivity.severe),
        "ines": Profile("ines", agency="MON", roles=("feeds",), clearance=Sensitivity.low),
        "wim": Profile("wim", agency="MON", clearance=Sensitivity.low),
        "otto": Profile("otto", agency="JOC", roles=("feeds",), clearance=Sensitivity.severe),
    }
    cookies = {
        name: f"commonground={identity.begin_session(identity.add(profile, 'test'), 'password')}"
        for name, profile in people.items()
    }

    def got(path: str, name: str) -> httpx.Response:
        return monitor.client.get(f"{monitor.url}/api/{path}source=events", headers={"Cookie": cookies[name]})

    for name in ("ada", "otto"):  # an administrator of another agency administers, and sees no row of theirs
        assert [got(path, name).status_code for path in ("quarantine/rows?", "quarantine/export?", "batches?")] == [
            404
        ] * 3
        assert got("quarantine?", name).json()["groups"] == []
    rows = got("quarantine/rows?", "wim")
    assert (len(rows.json()["rows"]), rows.json()["may"]) == (2, False)
    assert got("quarantine/export?", "wim").status_code == 404
    acts: tuple[tuple[str, dict[str, Any]], ...] = (
        ("quarantine/edit", {"ids": [1], "cells": {"latitude": "5"}}),
        ("quarantine/replay", {"source": "events"}),
        ("quarantine/discard", {"ids": [2], "why": "off the globe"}),
        ("quarantine/mapping", {"source": "events", "kind": "incident", "columns": {}}),
        ("batches/foresee", {"revision": 1}),
        ("batches/undo", {"revision": 1, "why": "the wrong file"}),
    )
    for path, body in acts:
        for name in ("ada", "otto", "wim"):
            assert post(monitor, path, body, cookies[name]).status_code in (403, 404), (path, name)
        assert post(monitor, path, body, cookies["ines"]).status_code == 200, path
    assert post(monitor, "quarantine/edit", {"ids": [77], "cells": {}}, cookies["ines"]).status_code == 404
    assert got("quarantine/export?", "ines").headers["content-type"].endswith("spreadsheetml.sheet")
    (logged,) = audit.entries(monitor.store, act="export")
    assert (logged.who, logged.subject) == ("ines", "quarantine")
