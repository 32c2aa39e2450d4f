"""Bringing in files through the browser's own requests: the same outcome as the command line, foretold before it is committed.

One file of every format: a real one (`../shared/fixtures`) where there is one, else that of its golden folder.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import openpyxl
import pytest

import app
from data import audit
from data.access import LOCAL_OPERATOR, Viewer
from data.picture import Picture
from data.records import Sensitivity
from data.settings import Settings, Source
from data.store import Store, open_store
from ingest import staging
from ingest.feed import Payload
from ingest.feeds import all_feeds
from ingest.run import ingest
from tests.inprocess import Answer, Client, client_of

ROOT = Path(__file__).resolve().parent
GOLDEN = ROOT / "golden"
REAL = ROOT.parent.parent / "shared" / "fixtures"
FILES = {
    "acled": "acled/fabflee_mali2012_acled.csv",
    "activities": "hxl/libhxl-python__input-untagged.csv",
    "boundaries": "admin/ssd_adm0_unified.json",
    "cap": "cap/cap-library__weather.cap",
    "cot": "cot/atak__Range_&_Bearing_-_Bullseye.cot",
    "cot_geojson": "cot/nodecot__basic.geojson",
    "dhis2": "dhis2/dhis2-core__dataValueSetB.xml",
    "dhis2_events": "dhis2/dhis2-core__events.csv",
    "disease": "epi/ebola2014_guinea_2014-10-01.csv",
    "eonet": "eonet/eonet_events.json",
    "epcis": "epcis/EPCIS__Example_9.6.1-ObjectEvent.jsonld",
    "gdacs": "georss/python-aio-georss-gdacs__gdacs-2.xml",
    "geojson": "ssd_osm/ssudan-eco__ne_disputed_areas.geojson",
    "gpx": "gpx/gpxpy__route.gpx",
    "insecurity": "insecurity/2023-MMR-attacks-on-health-care.xlsx",
    "ipc": "ipc/prism-app__ssd-ipc-2022-07.json",
    "kml": "kml/ogc/kml__Document-clean.kml",
    "layers": "vector/pyogrio/test_gpkg_nulls.gpkg",
    "needs": "hno/hdx-scraper-hno__sdn_hpc_needs_api_2021.csv",
    "nws": "nws/nws_active_testing.json",
    "openlmis": "supply/openlmis-stockmanagement__stockmanagement.stock_card_line_item_reasons.csv",
    "openrosa": "forms/onadata_submissions/main__tests__fixtures__gps__instances__gps_1980-01-23_20-52-08.xml",
    "pcodes": "hxl/hxl-showcase__rowca-gin-adm2.csv",
    "population": "population/ssd_population.xlsx",
    "routes": "routes/ssd_flee_routes_1.csv",
    "sites": "routes/ssd_flee_locations_1.csv",
    "table": "hxl/libhxl-python__input-valid.xlsx",
    "tak": "cot/takproto__mesh.bin",
    "usgs": "usgs/python-aio-geojson-usgs-earthquakes__earthquakes-1.json",
}
"""A small real file of each format there is one of."""
TALLY = ("read", "accepted", "revised", "unchanged", "retracted", "rejected")
ANN = Viewer("ann", "ngo", Sensitivity.severe, roles=("feeds",))
BEN = Viewer("ben", "un", Sensitivity.severe, roles=("feeds",))
EVE = Viewer("eve", "ngo", Sensitivity.severe, roles=("export", "sharing"))


@dataclass
class Place:
    """A site of this process, asked as one viewer after the other, and a second store that the command line's way fills."""

    client: Client
    store: Store
    settings: Settings
    picture: Picture
    other: Store
    other_settings: Settings

    def as_(self, viewer: Viewer) -> None:
        self.client.current.show(self.client.current.services, viewer)

    def ask(self, act: str, **told: Any) -> Answer:
        return self.client.request("POST", f"/api/upload/{act}", json.dumps(told).encode())

    def drop(self, *files: tuple[str, bytes]) -> str:
        """Send files as the page does; the drop's id."""
        staged = ""
        for name, content in files:
            query = urlencode({"id": staged, "name": name})
            answer = self.client.request("POST", f"/api/upload/file?{query}", content)
            assert answer.status == 200, answer.body
            staged = answer.json()["id"]
        return staged

    def look(self, staged: str) -> list[dict[str, Any]]:
        answer = self.ask("look", id=staged)
        assert answer.status == 200, answer.body
        files: list[dict[str, Any]] = answer.json()["files"]
        return files

    def commit(self, staged: str, choices: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        while True:
            told = self.ask("commit", id=staged, choices=choices).json()
            if told["state"] != "running":
                assert told["state"] == "done", told
                found: list[dict[str, Any]] = told["outcome"]
                return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("uploads")
    sources = {
        "un-incidents": Source("un-incidents", "table", agency="un"),
        "ngo-sites": Source("ngo-sites", "sites", agency="ngo"),
    }
    (folder / "here").mkdir()
    settings = Settings(
        folder / "here", f"sqlite:///{folder / 'here.sqlite'}", sources=sources, agencies={"ngo": "", "un": ""}
    )
    other = Settings(folder, f"sqlite:///{folder / 'there.sqlite'}", sources=sources)
    store, second = open_store(settings.database_url), open_store(other.database_url)
    picture = Picture(store, app._sharing(store, settings))
    picture.catch_up()
    client = client_of(app._services(settings, store, picture))
    found = Place(client, store, settings, picture, second, other)
    found.as_(LOCAL_OPERATOR)
    yield found
    client.close()
    store.close()
    second.close()


def chosen(file: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What the page chooses by itself: the surest feed, and the source the command line would take."""
    feed = more.pop("feed", "") or file["candidates"][0]["feed"]
    return {"file": file["file"], "feed": feed, "source": file["sources"][feed], **more}


def file_of(feed: str) -> Path:
    real = REAL / FILES.get(feed, "-")
    if real.is_file():
        return real
    if feed in FILES:
        pytest.skip("the real files (../shared/fixtures) are not beside this clone")
    return min(file for file in (GOLDEN / feed).iterdir() if file.name != "expected.json")


@pytest.mark.parametrize("feed", [name for name in all_feeds() if (GOLDEN / name).is_dir()])
def test_a_file_comes_to_what_was_foretold_and_what_the_command_line_says(place: Place, feed: str) -> None:
    path = file_of(feed)
    place.as_(LOCAL_OPERATOR)
    staged = place.drop((path.name, path.read_bytes()))
    (file,) = place.look(staged)
    choice = chosen(file)
    answer = place.ask("preview", id=staged, file=file["file"], choices=[choice])
    assert answer.status == 200, answer.body
    foretold = answer.json()
    if not foretold["whole"]:
        while (told := place.ask("count", id=staged, file=file["file"], choices=[choice]).json())["state"] == "running":
            pass
        foretold = told["outcome"]
    (result,) = place.commit(staged, [choice])
    (line,) = ingest(place.other, place.other_settings, [Payload(path.name, path=path)], "auto")
    for name in (*TALLY, "feed", "source"):
        assert result[name] == line[name], name  # type: ignore[literal-required]
    assert result["read"] > 0
    assert [foretold[name] for name in TALLY] == [result[name] for name in TALLY]
    assert result["reasons"] == line["reasons"] == {one["reason"]: one["count"] for one in foretold["reasons"]}
    rows = foretold["rows"]
    assert [row["row"] for row in rows] == sorted(row["row"] for row in rows)
    assert {row["outcome"] for row in rows} <= {name for name in TALLY[1:] if result[name]}
    # Taken in it is gone from where it waited, and dropped again it is no news.
    assert place.ask("look", id=staged).status == 404
    again = place.drop((path.name, path.read_bytes()))
    (file,) = place.look(again)
    told = place.ask("preview", id=again, file=file["file"], choices=[chosen(file)]).json()
    assert told["accepted"] == told["revised"] == told["retracted"] == 0
    assert place.ask("discard", id=again).status == 200


def test_files_of_one_system_are_previewed_with_what_the_others_bring(place: Place) -> None:
    paths = sorted((GOLDEN / "openlmis").glob("*.csv"), reverse=True)
    place.as_(LOCAL_OPERATOR)
    staged = place.drop(*((path.name, path.read_bytes()) for path in paths))
    files = place.look(staged)
    choices = [{**chosen(file), "source": "openlmis set"} for file in files]
    moves = next(file for file in files if file["name"].endswith("stock_card_line_items.csv"))
    told = place.ask("preview", id=staged, file=moves["file"], choices=choices).json()
    alone = place.ask("preview", id=staged, file=moves["file"], choices=[choices[files.index(moves)]]).json()
    assert told["accepted"] > 0
    assert alone["accepted"] == 0  # without the stock cards no movement can be read
    results = place.commit(staged, choices)
    line = ingest(place.other, place.other_settings, [Payload(p.name, path=p) for p in paths], "auto", "openlmis set")
    assert [[one[name] for name in TALLY] for one in results] == [[one[name] for name in TALLY] for one in line]  # type: ignore[literal-required]
    assert results[files.index(moves)]["accepted"] == told["accepted"]


def test_parts_of_a_shapefile_dropped_side_by_side_are_one(place: Place) -> None:
    parts = sorted((REAL / "vector" / "pyogrio").glob("naturalearth_lowres.*"))
    if not parts:
        pytest.skip("the real files (../shared/fixtures) are not beside this clone")
    place.as_(LOCAL_OPERATOR)
    staged = place.drop(*((part.name, part.read_bytes()) for part in parts))
    (file,) = place.look(staged)
    assert file["name"] == "naturalearth_lowres.zip"
    (result,) = place.commit(staged, [chosen(file)])
    assert (result["feed"], result["accepted"]) == ("layers", 177)


def ugly() -> bytes:
    """A partner's workbook: a title above the headings, levels in their own words, a day nobody can read."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        ["Security tracker – draft 3"],
        [],
        ["No", "Date of incident", "Incident type", "How bad", "What happened", "GPS N", "GPS E"],
        ["A-1", "03/11/2026", "Ambush", "Red", "A truck was stopped", 6.2, 31.5],
        ["A-2", "24/11/2025", "Looting", "Amber", "Goods were taken", 6.3, 31.6],
        ["A-3", "last week", "Looting", "Red", "Nobody knows when", 6.4, 31.7],
    ):
        sheet.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def test_a_mapping_is_kept_and_a_batch_taken_back(place: Place) -> None:
    place.as_(BEN)
    staged = place.drop(("tracker.xlsx", ugly()))
    (file,) = place.look(staged)
    meant = file["sheets"][0]["meant"]["incident"]
    assert meant["lat"] == "GPS N"
    assert meant["event_time"] == "Date of incident"
    columns = {**meant, "severity": "How bad"}
    choice = {
        **chosen(file, feed="table"),
        "source": "un-incidents",
        "options": {"kind": "incident", "columns": columns},
    }
    told = place.ask("preview", id=staged, file=0, choices=[choice]).json()
    assert told["rejected"] == 3  # nobody said what Red is
    assert "say in `columns`" in told["reasons"][0]["reason"]
    columns["severity"] = {"column": "How bad", "words": {"Red": "critical", "Amber": "serious"}}
    told = place.ask("preview", id=staged, file=0, choices=[choice]).json()
    assert [told[name] for name in TALLY] == [3, 2, 0, 0, 0, 1]
    assert [row["cells"].get("severity") for row in told["rows"]] == ["critical", "serious", None]
    assert "last week" in told["rows"][2]["detail"]
    assert "Nobody knows when" in told["reasons"][0]["examples"][0]["raw"]
    (result,) = place.commit(staged, [choice])
    assert [result[name] for name in TALLY] == [3, 2, 0, 0, 0, 1]
    entry = next(one for one in audit.entries(place.store) if one.act == "payload.upload")
    assert (entry.who, entry.subject) == ("ben", "un-incidents")

    # The mapping is the source's own from now on, whichever way its files come.
    path = place.settings.home.parent / "tracker.xlsx"
    path.write_bytes(ugly())
    (line,) = ingest(place.store, place.settings, [Payload(path.name, path=path)], "auto", "un-incidents")
    assert (line["unchanged"], line["rejected"]) == (2, 1)

    back = json.dumps({"revision": result["revision"], "why": "wrong week"}).encode()
    place.as_(ANN)  # another agency's
    assert place.client.request("POST", "/api/batches/undo", back).status in (403, 404)
    place.as_(BEN)
    assert place.client.request("POST", "/api/batches/undo", back).json()["retracted"] == 2
    assert len(place.picture.seen_by(BEN).rows("incident")) == 0


def test_a_new_source_is_its_agencys_own_and_nobody_elses(place: Place) -> None:
    place.as_(ANN)
    staged = place.drop(("tracker.xlsx", ugly()))
    (file,) = place.look(staged)
    options = {"kind": "incident", "columns": file["sheets"][0]["meant"]["incident"]}
    choice = {"file": 0, "feed": "table", "source": "ngo tracker", "agency": "", "options": options}
    assert place.ask("preview", id=staged, file=0, choices=[{**choice, "agency": "un"}]).status == 403
    place.commit(staged, [choice])
    source = place.picture.sharing.sources["ngo tracker"]
    assert (source.agency, source.sensitivity, source.releasable_to) == ("ngo", Sensitivity.high, ())
    assert len(place.picture.seen_by(ANN).rows("incident")) == 2
    assert len(place.picture.seen_by(BEN).rows("incident")) == 0
    # Once it is theirs, nobody else files under it.
    place.as_(BEN)
    mine = place.drop(("tracker.xlsx", ugly()))
    refused = place.ask("commit", id=mine, choices=[{**choice, "agency": "un"}])
    assert refused.status == 403
    assert {one["name"] for one in place.client.get("/api/upload").json()["sources"]} >= {"un-incidents"}
    assert not {"ngo tracker", "ngo-sites"} & {one["name"] for one in place.client.get("/api/upload").json()["sources"]}


def test_what_waits_is_there_for_who_dropped_it_alone(place: Place) -> None:
    place.as_(ANN)
    staged = place.drop(("tracker.xlsx", ugly()))
    choice = {"file": 0, "feed": "table", "source": "un-incidents"}
    absent = "A" * 22
    place.as_(BEN)
    for act, more in (
        ("look", {}),
        ("preview", {"file": 0, "choices": [choice]}),
        ("count", {"file": 0, "choices": [choice]}),
        ("commit", {"choices": [choice]}),
        ("discard", {}),
    ):
        told = {place.ask(act, id=one, **more).told for one in (staged, absent, "../here", "")}
        assert len(told) == 1, act
        assert next(iter(told))[0] == 404, act
    assert place.client.request("POST", f"/api/upload/file?id={staged}&name=x", b"x").status == 404
    place.as_(EVE)  # of the same agency, without the right
    assert place.client.get("/api/upload").status == 404
    assert place.ask("look", id=staged).status == 403
    assert place.client.request("POST", "/api/upload/file?name=x", b"x").status == 404
    place.as_(ANN)
    assert len(place.look(staged)) == 1
    # A day later it is gone.
    owner = place.settings.home / "staged" / staged / "owner.json"
    os.utime(owner, (0, 0))
    assert place.ask("look", id=staged).status == 404
    staging.sweep(place.settings)
    assert not owner.parent.exists()


def test_names_are_shown_and_never_followed_and_bombs_are_refused_with_a_sentence(place: Place) -> None:
    place.as_(LOCAL_OPERATOR)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("rows.csv", b"0" * (64 << 20))
    nested = b"[" * 400_000
    page = b"<!doctype html><title>Sign in</title>"
    named = ("../../../etc/passwd", "C:\\Windows\\system.ini", "\u202egpj.exe\x00", "a" * 900)
    files = [(named[0], bomb.getvalue()), (named[1], nested), (named[2], page), (named[3], b"\x00\x01\x02")]
    staged = place.drop(*files)
    seen = place.look(staged)
    assert [one["name"] for one in seen[:2]] == ["passwd", "system.ini"]
    assert "\u202e" not in seen[2]["name"]
    assert len(seen[3]["name"]) <= 200
    assert "is a web page, not data" in seen[2]["error"]
    kept = place.settings.home / "staged" / staged
    assert {file.name.partition(".")[0] for file in kept.iterdir()} == {"owner", "0", "1", "2", "3"}
    for one in (seen[0], seen[1], seen[3]):
        choice = {
            "file": one["file"],
            "feed": "table",
            "source": "x",
            "options": {"kind": "incident", "columns": {"title": "a"}},
        }
        told = place.ask("preview", id=staged, file=one["file"], choices=[choice]).json()
        assert one["name"][:9] in told["error"], told
    assert place.client.request("POST", f"/api/upload/file?id={staged}&name=empty", b"").status == 422
    assert (
        place.ask("preview", id=staged, file=0, choices=[{"file": 0, "feed": "nothing", "source": "x"}]).status == 422
    )
    assert place.ask("preview", id=staged, file=0, choices=[{"file": "0"}]).status == 422
    assert place.ask("preview", id=staged, file=9, choices=[]).status == 404
    place.ask("discard", id=staged)
    assert not kept.exists()


def test_of_a_large_list_the_first_rows_are_shown_and_all_are_counted_when_asked(place: Place) -> None:
    place.as_(LOCAL_OPERATOR)
    lines = "".join(f"r{n},Event {n},2026-11-{1 + n % 20:02},{n % 7},{'x' * 900}\n" for n in range(5_000))
    staged = place.drop(("large.csv", ("id,title,date,deaths,notes\n" + lines).encode()))
    place.look(staged)
    options = {"kind": "incident", "columns": {"source_ref": "id", "title": "title", "event_time": "date"}}
    choice = {"file": 0, "feed": "table", "source": "large", "options": options}
    told = place.ask("preview", id=staged, file=0, choices=[choice]).json()
    assert (told["whole"], told["read"], told["accepted"]) == (False, 500, 500)
    while (counted := place.ask("count", id=staged, file=0, choices=[choice]).json())["state"] == "running":
        pass
    assert (counted["outcome"]["whole"], counted["outcome"]["accepted"]) == (True, 5_000)
    place.ask("discard", id=staged)
