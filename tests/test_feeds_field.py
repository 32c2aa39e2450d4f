"""Field reports, tracks, drawings, layers, goods and DHIS2: edits and deletions, persons left out, any CRS, what bites."""

from __future__ import annotations

import ast
import io
import itertools
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from takproto.proto import TakMessage

from data.access import LOCAL_OPERATOR
from data.picture import Picture
from data.records import Entry, Reject
from data.settings import Settings, Source, load
from data.store import Store, open_store
from ingest.crs import to_degrees
from ingest.dhis2 import period
from ingest.feed import Context, Payload, Refusal, parse
from ingest.feeds import all_feeds
from ingest.run import ingest

ROOT = Path(__file__).resolve().parent.parent
RECEIVED = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)


@pytest.fixture
def settings(home: Path) -> Settings:
    return load({"COMMONGROUND_HOME": str(home)})


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = open_store(settings.database_url)
    yield opened
    opened.close()


def read(
    feed: str, content: bytes | str, name: str = "payload", **options: Any
) -> tuple[list[dict[str, Any]], list[Reject]]:
    payload = Payload(name, content=content.encode() if isinstance(content, str) else content)
    context = Context(Source("test", feed, options=options), RECEIVED)
    found = [item for batch in parse(all_feeds()[feed], payload, context) for item in batch]
    records = [{**json.loads(item.body), "retracted": item.retracted} for item in found if isinstance(item, Entry)]
    return records, [item for item in found if isinstance(item, Reject)]


def sent(store: Store, settings: Settings, *contents: str | bytes, name: str = "sent") -> list[dict[str, Any]]:
    """Each payload recognised and read in the guarded worker, one after another."""
    payloads = [
        Payload(f"{name} {number}", content=each if isinstance(each, bytes) else each.encode())
        for number, each in enumerate(contents)
    ]
    return [dict(ingest(store, settings, [payload])[0]) for payload in payloads]


def live(store: Store, kind: str) -> list[Any]:
    """What the picture shows of a kind."""
    picture = Picture(store)
    picture.catch_up()
    seen = picture.seen_by(LOCAL_OPERATOR)
    return [item.record for item in seen.items(kind, seen.rows(kind))]


def everything(home: Path) -> bytes:
    """All that lies in the home folder."""
    return b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


# -------------------- edits


def submission(identifier: str, before: str, name: str, end: str) -> str:
    meta = f"<instanceID>uuid:{identifier}</instanceID>" + (
        f"<deprecatedID>uuid:{before}</deprecatedID>" if before else ""
    )
    return f'<visit id="visit"><name>{name}</name><end>{end}</end><meta>{meta}</meta></visit>'


CHAIN = (
    submission("one", "", "first", "2026-11-01T08:00:00Z"),
    submission("two", "one", "second", "2026-11-02T08:00:00Z"),
    submission("three", "two", "third", "2026-11-03T08:00:00Z"),
)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_edits_leave_one_report_in_whatever_order_they_come(
    order: tuple[int, ...], store: Store, settings: Settings
) -> None:
    for at in (*order, *order):  # and again, as a re-export does
        (result,) = sent(store, settings, CHAIN[at])
        assert result["feed"] == "openrosa"
        assert result["rejected"] == 0
    assert current(store) == ["third"]


def current(store: Store) -> list[str]:
    return sorted(record.attributes["name"] for record in live(store, "report"))


def test_a_submission_without_any_time_never_undoes_its_edit(store: Store, settings: Settings) -> None:
    first, edit = (each.replace("<end>", "<note>").replace("</end>", "</note>") for each in CHAIN[:2])
    results = sent(store, settings, first, edit, first)
    assert [result["rejected"] for result in results] == [0, 0, 1]
    assert next(iter(results[2]["reasons"])).startswith("instanceID: was edited since")
    assert current(store) == ["second"]


def test_a_repeat_and_what_identifies_a_telephone() -> None:
    (record,), bad = read(
        "openrosa",
        '<f id="f"><deviceid>354059021882640</deviceid><kid><age>3</age></kid><kid><age>5</age></kid>'
        "<where>4.85 31.58 460 5</where><meta><instanceID>uuid:x</instanceID></meta></f>",
    )
    assert bad == []
    assert record["attributes"] == {"kid[1]/age": "3", "kid[2]/age": "5", "where": "4.85 31.58 460 5"}
    assert (record["lon"], record["lat"]) == (31.58, 4.85)


@pytest.mark.parametrize(
    "attack", ['<!DOCTYPE f [<!ENTITY x SYSTEM "file:///etc/passwd">]><f id="f">&x;</f>', '<f id="f"><a></f>']
)
def test_a_submission_that_is_an_attack_or_cut_is_refused_as_a_whole(attack: str) -> None:
    with pytest.raises(ValueError, match=r"document type|well-formed"):
        read("openrosa", attack)


# -------------------- persons


def test_tracker_keeps_counts_and_no_person(store: Store, settings: Settings, home: Path) -> None:
    secret = "Nyandeng-canary"
    event = {
        "event": "evEvEvEvEv1", "program": "prPrPrPrPr1", "programStage": "stStStStSt1", "orgUnit": "ouOuOuOuOu1",
        "trackedEntity": "teTeTeTeTe1", "occurredAt": "2026-11-01", "updatedAt": "2026-11-01T10:00:00",
        "geometry": {"type": "Point", "coordinates": [31.123456, 4.654321]}, "storedBy": secret,
        "dataValues": [{"dataElement": "naNaNaNaNa1", "value": secret}], "notes": [{"value": secret}],
    }  # fmt: skip
    nameless = {**event, "event": "", "orgUnit": ""}
    (result,) = sent(store, settings, json.dumps({"events": [event, nameless]}))
    assert (result["feed"], result["accepted"], result["rejected"]) == ("dhis2_events", 1, 1)
    kept = everything(home)
    for told in (secret, "31.123456", "teTeTeTeTe1", "evEvEvEvEv1"):
        assert told.encode() not in kept
    (record,) = live(store, "indicator")
    assert (record.value, record.site_ref) == (1.0, "ouOuOuOuOu1")
    later = {**event, "updatedAt": "2026-11-02T10:00:00", "status": "COMPLETED"}
    gone = {**event, "updatedAt": "2026-11-03T10:00:00", "deleted": True}
    update, deletion, again = sent(store, settings, *(json.dumps({"events": [each]}) for each in (later, gone, later)))
    assert (update["revised"], deletion["retracted"]) == (1, 1)
    assert live(store, "indicator") == [], again


def test_who_sent_a_post_is_not_kept(store: Store, settings: Settings, home: Path) -> None:
    post = {
        "id": 5, "title": "Road cut", "content": "since noon", "status": "published", "locale": "en", "values": {},
        "created": "2026-11-01T10:00:00+00:00", "post_date": "2026-11-01T09:00:00+00:00", "author_email": "canary@example.org",
        "contact": {"contact": "canary"}, "user": {"id": "canary"},
    }  # fmt: skip
    bad = {**post, "id": None}
    (result,) = sent(store, settings, json.dumps([post, bad]))
    assert (result["feed"], result["accepted"], result["rejected"]) == ("ushahidi", 1, 1)
    assert b"canary" not in everything(home)


# -------------------- revisions and deletions


def test_a_data_value_told_again_is_revised_and_deleted_and_never_undone_by_an_older_one(
    store: Store, settings: Settings
) -> None:
    def told(value: str, day: int, **more: Any) -> str:
        row = {"dataElement": "deDeDeDeDe1", "period": "202610", "orgUnit": "ouOuOuOuOu1", "value": value, **more}
        return json.dumps({"dataValues": [{**row, "lastUpdated": f"2026-11-{day:02}T00:00:00"}]})

    first, second, late, gone = sent(
        store, settings, told("1", 1), told("2", 3), told("9", 2), told("2", 4, deleted=True)
    )
    assert [first["accepted"], second["revised"], late["revised"], gone["retracted"]] == [1, 1, 1, 1]
    assert live(store, "indicator") == []


def test_an_event_declared_an_error_stays_taken_back(store: Store, settings: Settings) -> None:
    event = {
        "type": "ObjectEvent", "eventID": "urn:uuid:1", "action": "OBSERVE", "eventTime": "2026-11-01T00:00:00Z",
        "eventTimeZoneOffset": "+00:00", "bizStep": "shipping",
    }  # fmt: skip
    wrong = {**event, "errorDeclaration": {"declarationTime": "2026-11-02T00:00:00Z", "reason": "did_not_occur"}}
    documents = [
        json.dumps({"type": "EPCISDocument", "epcisBody": {"eventList": [each]}}) for each in (event, wrong, event)
    ]
    results = sent(store, settings, *documents)
    assert [result["feed"] for result in results] == ["epcis"] * 3
    assert live(store, "report") == []


def test_a_list_sent_again_says_how_far_a_waybill_came(store: Store, settings: Settings) -> None:
    head = "Waybill,Commodity,Quantity,From,To,Dispatch date,Date received\n"
    payloads = [f"{head}W-1,Salt,20,Juba,Bor,01/11/2026,\n", f"{head}W-1,Salt,20,Juba,Bor,01/11/2026,05/11/2026\n"]
    results = [ingest(store, settings, [Payload("convoys.csv", content=each.encode())])[0] for each in payloads]
    assert [(each["feed"], each["accepted"], each["revised"]) for each in results] == [
        ("shipments", 1, 0),
        ("shipments", 0, 1),
    ]
    (record,) = live(store, "report")
    assert record.event_time == datetime(2026, 11, 5, tzinfo=UTC)


def test_a_longer_recording_of_a_track_is_a_newer_version_of_it() -> None:
    def gpx(points: int) -> str:
        places = "".join(
            f'<trkpt lat="4.{n}" lon="31.5"><time>2026-11-01T0{n}:00:00Z</time></trkpt>' for n in range(1, points + 1)
        )
        return f'<gpx version="1.1" creator="t"><trk><name>A</name><trkseg>{places}</trkseg></trk></gpx>'

    (short,), (long,) = read("gpx", gpx(2))[0], read("gpx", gpx(5))[0]
    assert short["source_ref"] == long["source_ref"]
    assert short["version_time"] < long["version_time"]


SHAPES = (
    "valid*.csv valid.hxl valid*.json valid*.txt valid.ssv valid.tsv valid.xls valid.xlsx valid*.zip valid*.NOEXT"
    " zip-invalid.zip"
)


def test_activities_are_the_same_in_every_shape(fixtures_dir: Path) -> None:
    found = {}
    for path in (path for shape in SHAPES.split() for path in fixtures_dir.glob(f"hxl/libhxl-python__input-{shape}")):
        if "selector" in path.name:
            continue  # two tables of figures, none of activities
        context = Context(Source("test", "table"), RECEIVED)
        items = [item for batch in parse(all_feeds()["table"], Payload(path.name, path), context) for item in batch]
        said = [json.loads(item.body) for item in items if isinstance(item, Entry)]
        assert {record["type"] for record in said} == {"activity"}, path.name
        found[path.name] = [
            (record["organisation"], record["category"], record.get("people_targeted"), record["adm_names"])
            for record in said
        ]
    assert len(found) >= 12
    told = [("ACNUR", "WASH", 200.0, ["Los Santos"]), ("OMS", "Salud", None, ["Cauca"])]
    told += [("UNICEF", "Educación", 550.0, ["Chocó"]), ("OMS", "WASH", 175.0, ["Amazonas"])]
    assert {name: rows for name, rows in found.items() if rows != told} == {}


# -------------------- layers


def packed(frame: gpd.GeoDataFrame, folder: Path, without: tuple[str, ...] = ()) -> bytes:
    folder.mkdir(exist_ok=True)
    frame.to_file(folder / "layer.shp", engine="pyogrio")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in folder.glob("layer.*"):
            if path.suffix not in without:
                archive.write(path, path.name)
    return content.getvalue()


@pytest.mark.parametrize("crs", [4326, 32636, 3857, 20136, 102022, 3395])
def test_a_layer_of_any_crs_lands_where_it_belongs(crs: int, tmp_path: Path, store: Store, settings: Settings) -> None:
    authority = f"ESRI:{crs}" if crs > 100_000 else f"EPSG:{crs}"
    frame = gpd.GeoDataFrame({"name": ["Bor"]}, geometry=[shapely.Point(31.56, 6.21)], crs=4326).to_crs(authority)
    (result,) = sent(store, settings, packed(frame, tmp_path / "a"), name="layer.zip")
    assert (result["feed"], result["accepted"]) == ("layers", 1), result
    (record,) = live(store, "report")
    assert (record.lon, record.lat) == pytest.approx((31.56, 6.21), abs=1e-5)


def test_a_shapefile_without_its_other_parts(tmp_path: Path) -> None:
    degrees = gpd.GeoDataFrame({"name": ["Bor"]}, geometry=[shapely.Point(31.56, 6.21)], crs=4326)
    for without in ((".dbf",), (".shx",), (".prj",), (".dbf", ".shx", ".prj", ".cpg")):
        (record,), bad = read("layers", packed(degrees, tmp_path / "".join(without), without))
        assert (record["lon"], record["lat"], bad) == (31.56, 6.21, [])
    metres = packed(degrees.to_crs(32636), tmp_path / "m", (".prj",))
    with pytest.raises(ValueError, match="does not say its CRS"):
        read("layers", metres)
    (record,), _ = read("layers", metres, crs="EPSG:32636")
    assert (record["lon"], record["lat"]) == pytest.approx((31.56, 6.21))


def test_boundaries_come_out_of_any_layer_with_pcodes(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame(
        {"ADM1_EN": ["North"], "ADM1_PCODE": ["ZZ01"], "ADM0_PCODE": ["ZZ"]},
        geometry=[shapely.box(30, 4, 31, 5)],
        crs=4326,
    )
    (record,), _ = read("layers", packed(frame.to_crs(32636), tmp_path / "b"))
    assert (record["type"], record["pcode"], record["parent_pcode"]) == ("boundary", "ZZ01", "ZZ")


def test_what_other_drivers_would_read_never_reaches_them(store: Store, settings: Settings) -> None:
    """A database that is no GeoPackage, and what other drivers would read, are nobody's."""
    other = b"SQLite format 3\x00" + bytes(52) + b"ABCD" + bytes(4_000)
    vrt = b'<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'
    for content in (other, vrt, b"%PDF-1.7\n", b"FlatGeobuf\x03fgb"):
        result = dict(ingest(store, settings, [Payload("x.gpkg", content=content)], "layers")[0])
        assert "neither a GeoPackage nor a shapefile" in str(result["error"])


def test_nothing_but_the_allowed_drivers_is_loaded() -> None:
    """In a process of its own, for here another module may have loaded all of them before."""
    said = "import ingest.layers as l; print(sorted(l._gdal().list_drivers()))"
    told = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, cwd=ROOT, check=True)
    assert set(ast.literal_eval(told.stdout)) <= {"ESRI Shapefile", "GPKG", "MEM"}


def test_coordinates_that_do_not_fit_their_system_are_refused() -> None:
    with pytest.raises(Refusal, match="does not lie in the area"):
        to_degrees(shapely.Point(1e12, 1e12), "EPSG:32636")
    with pytest.raises(ValueError, match="is not known"):
        to_degrees(shapely.Point(1, 1), "EPSG:999999")
    assert shapely.get_x(to_degrees(shapely.Point(180.0000000001, 4), "")) == 180.0


# -------------------- TAK, periods, places in words


def test_a_stream_of_messages_is_read_up_to_where_it_was_cut() -> None:
    message = TakMessage()
    message.cotEvent.uid, message.cotEvent.type, message.cotEvent.how = "u", "a-f-G", "m-g"
    message.cotEvent.sendTime = 1_795_190_400_000
    message.cotEvent.lat, message.cotEvent.lon = 4.85, 31.58
    body = message.SerializeToString()
    framed = b"\xbf" + bytes([len(body)]) + body
    records, bad = read("tak", framed * 3)
    assert ([record["lat"] for record in records], bad) == ([4.85] * 3, [])
    assert records[0]["event_time"] == "2026-11-20T16:00:00Z"
    with pytest.raises(ValueError, match="no whole TAK message"):
        read("tak", framed * 2 + framed[:-3])


@pytest.mark.parametrize(
    ("said", "first", "last"),
    [
        ("201202", "2012-02-01", "2012-02-29"), ("2012", "2012-01-01", "2012-12-31"), ("2012Q4", "2012-10-01", "2012-12-31"),
        ("2012S2", "2012-07-01", "2012-12-31"), ("2020W53", "2020-12-28", "2021-01-03"), ("20120131", "2012-01-31", "2012-01-31"),
        ("201206B", "2012-11-01", "2012-12-31"), ("2012April", "2012-04-01", "2013-03-31"),
        ("2012BiW2", "2012-01-16", "2012-01-29"),
        ("2015-01-31/P1M", "2015-01-31", "2015-02-27"), ("2015-01-01/P7D", "2015-01-01", "2015-01-07"),
    ],
)  # fmt: skip
def test_periods(said: str, first: str, last: str) -> None:
    start, end = period({"period": said}, "period")
    assert (start.date().isoformat(), end.date().isoformat()) == (first, last)


@pytest.mark.parametrize("said", ["2012Q5", "2013W53", "201200", "", "last week", "2012-02-30", "20121301"])
def test_what_is_no_period_is_refused(said: str) -> None:
    with pytest.raises(Refusal):
        period({"period": said}, "period")


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ("Camp at Lat 4.85, Long 31.58 today", (31.58, 4.85)), ("seen at 4.8512, 31.5804.", (31.5804, 4.8512)),
        ("4°51'N 31°35'E", (31.583333, 4.85)), ("geo:-4.5,31.5", (31.5, -4.5)),
        ("Latitude: -4.5 Longitude: -31.5", (-31.5, -4.5)),
        ("about 4,500 people, 31 wells", None), ("prices 12.500, 13.750 SSP", None), ("at 97.1234, 31.1234", None),
    ],
)  # fmt: skip
def test_places_in_the_text_of_an_e_mail(said: str, place: tuple[float, float] | None) -> None:
    head = (
        "From: a@example.org\nTo: b@example.org\nSubject: s\nMessage-ID: <1@x>\nDate: Wed, 18 Nov 2026 09:15:00 +0300"
    )
    mail = f"{head}\n\n{said}\n"
    (record,), _ = read("eml", mail)
    assert record.get("place_precision", "") == ("near" if place else "")
    if place:
        assert (record["lon"], record["lat"]) == pytest.approx(place, abs=1e-6)


def test_an_e_mail_file_is_recognised_and_its_sender_has_no_address(
    store: Store, settings: Settings, home: Path
) -> None:
    head = "From: Jane <jane.canary@example.org>\r\nTo: ops@example.org\r\nSubject: Quiet\r\nMessage-ID: <1@x>"
    mail = f"{head}\r\n\r\nAll quiet.\r\n"
    (result,) = sent(store, settings, mail)
    assert (result["feed"], result["accepted"]) == ("eml", 1)
    assert b"canary" not in everything(home)
