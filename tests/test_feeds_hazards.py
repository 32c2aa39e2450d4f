"""What the feeds of incidents, hazards and figures promise beyond the contract of every feed."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from data.records import Entry, Reject, Severity
from data.settings import Source, load
from data.store import open_store
from ingest.feed import Context, Payload, parse
from ingest.feeds import all_feeds
from ingest.run import ingest

RECEIVED = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
GOLDEN = Path(__file__).parent / "golden"


def items(feed: str, content: bytes | str, **options: Any) -> list[Entry | Reject]:
    payload = Payload("payload", content=content.encode() if isinstance(content, str) else content)
    context = Context(Source(feed, feed, options=options), RECEIVED)
    return [item for batch in parse(all_feeds()[feed], payload, context) for item in batch]


def bodies(feed: str, content: bytes | str, **options: Any) -> list[dict[str, Any]]:
    found = items(feed, content, **options)
    assert [item for item in found if isinstance(item, Reject)] == []
    return [json.loads(item.body) for item in found if isinstance(item, Entry)]


def reasons(feed: str, content: bytes | str, **options: Any) -> list[str]:
    return [item.reason for item in items(feed, content, **options) if isinstance(item, Reject)]


def surest(content: bytes | str) -> str:
    payload = Payload("payload", content=content.encode() if isinstance(content, str) else content)
    scores = {feed.name: feed.recognise(payload) for feed in all_feeds().values()}
    return max(scores, key=lambda name: scores[name])


# -------------------- what comes again


def test_deleted_acled_events_are_taken_back_and_do_not_return(home: Path, tmp_path: Path) -> None:
    settings = load({"COMMONGROUND_HOME": str(home)})
    event = tmp_path / "event.csv"
    event.write_text("event_id_cnty,event_date,event_type,fatalities,timestamp\nXTA1,2026-11-05,Battles,3,1793000000\n")
    gone = tmp_path / "deleted.json"
    gone.write_text('{"data": [{"event_id_cnty": "XTA1", "deleted_timestamp": 1794000000}]}')
    store = open_store(settings.database_url)
    try:
        tallies = []
        for path in (event, gone, event):
            (result,) = ingest(store, settings, [Payload(path.name, path)], "acled")
            tallies.append(result)
        assert [tally["retracted"] for tally in tallies] == [0, 1, 0]
        assert (tallies[0]["accepted"], tallies[2]["accepted"], tallies[2]["rejected"]) == (1, 0, 0)
    finally:
        store.close()


@pytest.mark.parametrize(
    "feed", ["conflict_counts", "food_prices", "ipc", "needs", "refugees", "disease", "ucdp", "firms", "gdelt"]
)
def test_the_same_file_again_changes_nothing(home: Path, feed: str) -> None:
    settings = load({"COMMONGROUND_HOME": str(home)})
    path = next(path for path in sorted((GOLDEN / feed).iterdir()) if path.suffix == ".csv")
    store = open_store(settings.database_url)
    try:
        (first,) = ingest(store, settings, [Payload(path.name, path)], feed)
        (second,) = ingest(store, settings, [Payload(path.name, path)], feed)
    finally:
        store.close()
    assert first["accepted"] > 0
    assert (second["accepted"], second["revised"]) == (0, 0)
    assert second["rejected"] == first["rejected"]


def test_a_corrected_figure_has_the_key_of_the_one_it_corrects() -> None:
    header = "date,market,market_id,commodity,commodity_id,unit,pricetype,currency,price\n"
    for feed, before, after in (
        (
            "food_prices",
            header + "2026-10-15,Nevo,1,Maize,2,KG,Retail,TAR,40",
            header + "15/10/2026,Nevo,1,Maize,2,KG,Retail,TAR,41.5",
        ),
        (
            "disease",
            "Date,District,Cases,Deaths\n2026-10-01,Nevo,4,0",
            "Date,District,Cases,Deaths\n2026-10-01,Nevo,5,0",
        ),
    ):
        (old, *_), (new, *_) = bodies(feed, before), bodies(feed, after)
        assert old["source_ref"] == new["source_ref"]
        assert old["value"] != new["value"]


def test_eonet_says_the_same_in_both_its_forms_and_in_any_order() -> None:
    path = GOLDEN / "eonet" / "events.json"
    told = json.loads(path.read_text())
    event = told["events"][0]
    about = {name: value for name, value in event.items() if name != "geometry"}
    points = [{**place} for place in event["geometry"][:3]]
    features = [
        {
            "properties": {**about, **place},
            "geometry": {"type": place.pop("type"), "coordinates": place.pop("coordinates")},
        }
        for place in reversed(points)
    ]
    for feature, place in zip(features, reversed(points), strict=True):
        feature["properties"] = {**about, **place}
    once = {item.digest for item in items("eonet", path.read_bytes())[:3] if isinstance(item, Entry)}
    other = {item.digest for item in items("eonet", json.dumps({"features": features})) if isinstance(item, Entry)}
    assert len(once) == 3
    assert once == other


# -------------------- warnings


def distribution(inside: str, status: str = "Actual", secret: str = "") -> str:
    return (
        '<EDXLDistribution xmlns="urn:oasis:names:tc:emergency:EDXL:DE:1.0"><distributionID>d</distributionID>'
        f"<distributionStatus>{status}</distributionStatus><combinedConfidentiality>{secret}</combinedConfidentiality>"
        f"<contentObject>{inside}</contentObject></EDXLDistribution>"
    )


def alert(status: str = "Actual", kind: str = "Alert", references: str = "") -> str:
    return (
        '<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>a1</identifier><sender>s</sender>'
        f"<sent>2026-11-19T08:00:00-00:00</sent><status>{status}</status><msgType>{kind}</msgType><scope>Public</scope>"
        f"<references>{references}</references><info><language>en</language><event>Flood</event><headline>Flood</headline>"
        "</info></alert>"
    )


def test_an_alert_in_a_distribution_is_the_alert_itself() -> None:
    wrapped = distribution(f"<xmlContent><embeddedXMLContent>{alert()}</embeddedXMLContent></xmlContent>")
    packed = base64.b64encode(alert().encode()).decode()
    as_file = distribution(f"<nonXMLContent><contentData>{packed}</contentData></nonXMLContent>")
    (bare,) = bodies("cap", alert())
    for content in (wrapped, as_file):
        (found,) = bodies("edxl", content)
        assert {**found, "attributes": {}, "source": ""} == {**bare, "attributes": {}, "source": ""}
        assert surest(content) == "edxl"


@pytest.mark.parametrize("status", ["Exercise", "System", "Test"])
def test_a_drill_by_its_envelope_neither_warns_nor_takes_back(status: str) -> None:
    inside = alert(kind="Update", references="s,a0,2026-11-18T08:00:00-00:00")
    warning, taken_back = items("edxl", distribution(f"<xmlContent>{inside}</xmlContent>", status))
    assert isinstance(warning, Entry)
    assert isinstance(taken_back, Entry)
    assert json.loads(warning.body)["title"] == f"{status}: Flood"
    assert taken_back.source_ref == f"s,a0,{status.lower()}"


@pytest.mark.parametrize(
    ("words", "severe"), [("", False), ("UNCLASSIFIED AND NOT SENSITIVE", False), ("CONFIDENTIAL", True)]
)
def test_a_confidential_distribution_raises_the_mark(words: str, severe: bool) -> None:
    (found,) = bodies("edxl", distribution(f"<xmlContent>{alert()}</xmlContent>", secret=words))
    assert (found.get("sensitivity") == 3) is severe


def test_content_that_is_no_alert_is_refused_and_the_rest_is_read() -> None:
    good, bad = f"<xmlContent>{alert()}</xmlContent>", "<nonXMLContent><contentData>{}</contentData></nonXMLContent>"
    two = f"{good}</contentObject><contentObject>{bad}"
    attack = b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><alert>&x;</alert>"
    for junk in ("!!!", base64.b64encode(attack).decode()):
        found = items("edxl", distribution(two.replace("{}", junk)))
        assert [isinstance(item, Reject) for item in found] == [False, True]


def nws(**said: Any) -> str:
    told = {
        "@type": "wx:Alert",
        "id": "n1",
        "sender": "s",
        "sent": "2026-11-19T08:00:00-06:00",
        "status": "Actual",
        "areaDesc": "Nevo",
    }
    told |= {"messageType": "Alert", "event": "Flood Warning", **said}
    return json.dumps(
        {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": None, "properties": told}]}
    )


def test_nws_keeps_a_warning_whose_times_cannot_be_read_and_says_what_they_said() -> None:
    (found,) = bodies("nws", nws(onset="soon", expires="date:now +1 hour", ends="2026-11-20T08:00:00-06:00"))
    assert "expires" not in found  # not the end, which is another thing than what could not be read
    assert found["attributes"] == {"onset": "soon", "expires": "date:now +1 hour", "ends": "2026-11-20T08:00:00-06:00"}
    (found,) = bodies("nws", nws(expires=None, ends="2026-11-20T08:00:00-06:00"))
    assert found["expires"] == "2026-11-20T14:00:00Z"
    assert reasons("nws", nws(sent="soon")) == [
        "sent: is not a date or time that can be read (use 2026-11-20 or 2026-11-20T18:00Z)"
    ]


def test_nws_and_cap_give_one_message_one_key() -> None:
    cap = alert().replace("<identifier>a1", "<identifier>n1")
    assert bodies("nws", nws())[0]["source_ref"] == bodies("cap", cap)[0]["source_ref"]


def test_nws_refuses_a_cancel_of_nothing() -> None:
    assert reasons("nws", nws(messageType="Cancel")) == [
        "messageType: is neither Alert nor Update, and it takes nothing back"
    ]


# -------------------- places


def entry(place: str, more: str = "") -> str:
    spaces = (
        'xmlns:georss="http://www.georss.org/georss" xmlns:gml="http://www.opengis.net/gml"'
        ' xmlns:geo="http://www.w3.org/2003/01/geo/wgs84_pos#"'
    )
    return f'<feed xmlns="http://www.w3.org/2005/Atom" {spaces}><entry><id>1</id><title>T</title>{place}{more}</entry></feed>'


def shape_of(content: str) -> shapely.Geometry:
    (item,) = items("georss", content)
    assert isinstance(item, Entry)
    return shapely.from_wkb(item.wkb) if item.wkb else shapely.Point(item.lon, item.lat)


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_georss_is_latitude_first_however_a_point_is_said(lat: float, lon: float) -> None:
    said = (
        f"<georss:point>{lat} {lon}</georss:point>",
        f"<georss:point>{lat},{lon}</georss:point>",
        f"<georss:where><gml:Point><gml:pos>{lat} {lon}</gml:pos></gml:Point></georss:where>",
        f"<geo:lat>{lat}</geo:lat><geo:long>{lon}</geo:long>",
        f"<geo:Point><geo:lat>{lat}</geo:lat><geo:long>{lon}</geo:long></geo:Point>",
    )
    assert {(point.x, point.y) for point in map(shape_of, map(entry, said))} == {(lon, lat)}


def test_georss_joins_areas_and_leaves_their_labels() -> None:
    areas = "<georss:box>-12 171 -11 172</georss:box><georss:polygon>-12 173 -12 174 -11 174 -12 173</georss:polygon>"
    found = shape_of(entry(areas + "<georss:point>0 0</georss:point><georss:line>0 0 1 1</georss:line>"))
    assert found.area == pytest.approx(1.5)
    assert found.bounds == (171, -12, 174, -11)


def test_georss_across_the_antimeridian_is_small() -> None:
    assert shape_of(entry("<georss:box>-12 179 -11 -179</georss:box>")).area == pytest.approx(2)


@pytest.mark.parametrize(
    "place",
    [
        "<georss:point>91 0</georss:point>",
        "<georss:point>here</georss:point>",
        "<georss:polygon>1 2 3 4</georss:polygon>",
        "<georss:circle>1 2</georss:circle>",
    ],
)
def test_georss_refuses_half_a_place(place: str) -> None:
    assert len(reasons("georss", entry(place))) == 1


def test_georss_times_with_zones_by_name() -> None:
    (found,) = bodies("georss", entry("", "<published>Thu, 19 Nov 2026 12:10:00 EST</published>"))
    assert found["event_time"] == "2026-11-19T17:10:00Z"


def test_georss_severity_is_the_sources_to_give() -> None:
    assert bodies("georss", entry(""))[0].get("severity", 0) == Severity.unknown
    assert bodies("georss", entry(""), severity="serious")[0]["severity"] == Severity.serious


# -------------------- events


def gdelt(columns: int, where: str = "3") -> str:
    head = [
        "7001",
        "20261105",
        "202611",
        "2026",
        "2026.8356",
        *["A"] * 20,
        "1",
        "190",
        "190",
        "19",
        "4",
        "-10",
        "6",
        "2",
        "6",
        "-7",
    ]
    of_place = {61: 8, 58: 7, 57: 7}[columns]
    place = [where, "Nevo", "XT", "XT01", *(["104"] if of_place == 8 else []), "-11.2", "171.5", "f"]
    return "\t".join([*head, *place * 3, "20261105", *(["https://n.example"] if columns > 57 else [])]) + "\n"


@pytest.mark.parametrize("columns", [57, 58, 61])
def test_gdelt_of_every_age_is_read(columns: int) -> None:
    content = gdelt(columns)
    assert len(content.split("\t")) == columns
    assert surest(content) == "gdelt"
    (found,) = bodies("gdelt", content)
    assert (found["lon"], found["lat"], found["event_time"]) == (171.5, -11.2, "2026-11-05T00:00:00Z")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("20261105.export.CSV", content)
    assert surest(packed.getvalue()) == "gdelt"
    assert bodies("gdelt", packed.getvalue()) == [found]


@pytest.mark.parametrize(
    ("said", "clock"), [("235", "02:35"), ("0306", "03:06"), ("5", "00:05"), ("2359", "23:59"), ("02:35", "02:35")]
)
def test_firms_times(said: str, clock: str) -> None:
    (found,) = bodies("firms", f"latitude,longitude,acq_date,acq_time,confidence\n-11,171,2026-11-19,{said},n\n")
    assert found["event_time"] == f"2026-11-19T{clock}:00Z"


@pytest.mark.parametrize(
    ("said", "severity"), [("29", 0), ("30", 1), ("100", 1), ("l", 0), ("n", 1), ("h", 1), ("", 0)]
)
def test_firms_severity_follows_confidence(said: str, severity: int) -> None:
    (found,) = bodies("firms", f"latitude,longitude,acq_date,acq_time,confidence\n-11,171,2026-11-19,0235,{said}\n")
    assert found.get("severity", 0) == severity


@pytest.mark.parametrize("heading", ["SiND Event ID", "SiND ID", "SiND Incident ID", "sind event id"])
def test_insecurity_finds_its_number_however_it_is_called(heading: str) -> None:
    content = f"Date,Country,Latitude,Longitude,Reported Perpetrator,{heading}\n2024-07-31,Tamaru,,,NSA,66727\n"
    assert surest(content) == "insecurity"
    assert bodies("insecurity", content)[0]["source_ref"] == "66727"


@pytest.mark.parametrize(("best", "severity"), [("0", 2), ("1", 3), ("5", 4), ("25", 5), ("", 2)])
def test_ucdp_severity(best: str, severity: int) -> None:
    header = "id,type_of_violence,side_a,side_b,where_prec,latitude,longitude,date_start,best\n"
    (found,) = bodies("ucdp", header + f"1,1,A,B,1,-11,171,2025-11-02,{best}\n")
    assert found["severity"] == severity


# -------------------- figures


def test_conflict_counts_of_workbooks_that_do_not_say_what_they_count() -> None:
    content = (
        "Country,Admin1,ISO3,Admin1 Pcode,Month,Year,Events,Fatalities\nTamaru,Kelira,XTA,XT01,October,2026,7,12\n"
    )
    plain = [body["indicator"] for body in bodies("conflict_counts", content)]
    named = [body["indicator"] for body in bodies("conflict_counts", content, event_type="political_violence")]
    assert plain == ["conflict_events", "conflict_fatalities"]
    assert named == ["political_violence_events", "political_violence_fatalities"]


def test_needs_of_a_table_without_a_year() -> None:
    content = "Admin 1 PCode,Admin 1 Name,Cluster,Category,In Need,Targeted\nXT01,Kelira,HEA,,100,\n"
    assert "period_end" not in bodies("needs", content)[0]
    (found,) = bodies("needs", content, year=2026)
    assert (found["indicator"], found["period_end"]) == ("people_in_need", "2026-12-31T00:00:00Z")


def test_a_phase_is_as_severe_as_it_is() -> None:
    row = {"ADM2_PCODE": "XT0104", "phase1_num": 1, "phase2_num": 1, "phase3_num": 1}
    for phase in range(1, 6):
        (found,) = (
            b for b in bodies("ipc", json.dumps([{**row, "phase_class": phase}])) if b["indicator"] == "ipc_phase"
        )
        assert (found["value"], found["severity"]) == (phase, phase)


def test_days_of_disease_tables_are_read_by_their_column_or_as_told() -> None:
    header = "Date,District,Cases,Deaths\n"
    assert bodies("disease", header + "1/2/2026,Nevo,4,0")[0]["event_time"] == "2026-02-01T00:00:00Z"
    assert (
        bodies("disease", header + "1/2/2026,Nevo,4,0\n1/13/2026,Nevo,5,0")[0]["event_time"] == "2026-01-02T00:00:00Z"
    )
    assert bodies("disease", header + "1/2/2026,Nevo,4,0", month_first=True)[0]["event_time"] == "2026-01-02T00:00:00Z"
    assert bodies("disease", header + "2026-W03,Nevo,4,0")[0]["event_time"] == "2026-01-12T00:00:00Z"


@pytest.mark.parametrize(
    ("header", "line", "figure"),
    [
        (
            "ID,Surname,OtherNames,Gender,Age,DistrictRes,DateOnset,DateReport,EpiCaseDef",
            "7,Quux,Z.,F,34,Nevo,2026-11-02,,x",
            "cases",
        ),
        (
            "N_epid,Nom,Prénom,Sexe,Age,District,Date début symptômes,Issue",
            "7,Quux,Z.,F,34,Nevo,2026-11-02,guéri",
            "cases",
        ),
        (
            "Individual ID,Full Name,Sex,Age,District,Date of arrival",
            "7,Z. Quux,F,34,Nevo,2026-11-02",
            "people_registered",
        ),
    ],
)
def test_lists_of_people_are_known_however_their_columns_are_called(header: str, line: str, figure: str) -> None:
    content = f"{header}\n{line}\n"
    assert surest(content) == "disease"
    (found,) = (body for body in bodies("disease", content) if body["indicator"] == figure and body["value"])
    assert (found["value"], found["adm_names"], found["period_start"]) == (1, ["", "Nevo"], "2026-11-02T00:00:00Z")
    assert "Quux" not in json.dumps(bodies("disease", content))


def test_refugees_of_hapi_by_group_are_not_added_to_all_of_them() -> None:
    header = (
        "origin_location_code,asylum_location_code,population_group,gender,age_range,population,reference_period_start"
    )
    content = f"{header}\nORA,XTA,REF,all,all,2000,2025-01-01\nORA,XTA,REF,f,0-4,100,2025-01-01\n"
    assert surest(content) == "refugees"
    found = [(body["indicator"], body["value"], body["category"]) for body in bodies("refugees", content)]
    assert found == [("refugees", 2000, "from ORA"), ("refugees_by_group", 100, "from ORA / f / 0-4")]


def test_a_patient_who_moves_to_another_week_is_not_in_two() -> None:
    header = "case_id,age,sex,district,onset_date,status\n"
    lines = [
        "1,30,F,Nevo,2026-10-05,suspected\n",
        "2,31,F,Nevo,2026-10-12,suspected\n",
        "3,32,M,Nevo,2026-10-19,confirmed\n",
    ]
    before = {body["source_ref"]: body["value"] for body in bodies("disease", header + "".join(lines))}
    moved = [lines[0], lines[1].replace("10-12", "10-19").replace("suspected", "confirmed"), lines[2]]
    after = before | {body["source_ref"]: body["value"] for body in bodies("disease", header + "".join(moved))}
    assert sum(value for key, value in after.items() if ":cases:" in key) == 3
    assert sum(value for key, value in after.items() if ":cases_suspected:" in key) == 1


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "case_id": st.integers(0, 10**6),
                "name": st.sampled_from(["Zebediah Quux", "Marguerite Plim"]),
                "age": st.sampled_from(["34", "unknown", "", "x,y"]),
                "sex": st.sampled_from(["F", "M", "", "?"]),
                "district": st.sampled_from(["Sulokka", "Nevo", ""]),
                "onset_date": st.sampled_from(["2026-11-02", "yesterday", "", "99/99/9999", "2026-11-09"]),
                "outcome": st.sampled_from(["died", "recovered", "", "did not survive", "alive"]),
                "phone": st.just("+99 555 0100"),
            }
        ),
        min_size=1,
        max_size=30,
    )
)
def test_of_patients_every_one_is_counted_and_none_is_kept(people: list[dict[str, Any]]) -> None:
    names = list(people[0])
    quoted = [",".join(f'"{person[name]}"' for name in names) for person in people]
    content = "\n".join([",".join(names), *quoted])
    assert surest(content) == "disease"
    found = items("disease", content)
    assert all(isinstance(item, Entry) for item in found)  # a rejected row would be kept as it came
    told = [json.loads(item.body) for item in found if isinstance(item, Entry)]
    assert sum(body["value"] for body in told if body["indicator"] == "cases") == len(people)
    died = sum(person["outcome"] in ("died", "did not survive") for person in people)
    assert sum(body["value"] for body in told if body["indicator"] == "deaths") == died
    kept = json.dumps(told)
    assert not any(word in kept for word in ("Zebediah", "Marguerite", "555", "x,y", "yesterday", "34"))
    assert all(body["value"] >= 5 for body in told if body.get("disaggregation"))


def test_who_does_what_is_not_taken_for_needs() -> None:
    feed = all_feeds()["needs"]
    for header, score in (
        ("Cluster,Category,In Need,Targeted", 93),
        ("Organisation,Cluster,Activity,In Need,Targeted", 0),
    ):
        assert feed.recognise(Payload("payload", content=f"{header}\n{'x,' * header.count(',')}1\n".encode())) == score
