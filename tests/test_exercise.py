"""The bundled exercise: the same country and the same bytes for a seed, true to the partners' formats and to itself."""

import csv
import io
import json
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

import numpy as np
import openpyxl
import pytest
import shapely
from lxml import etree
from shapely.geometry import shape

from data.records import Sensitivity
from data.settings import load
from data.store import open_store
from ingest.exercise import generate, names, player
from ingest.exercise.settings import settings_toml
from ingest.exercise.voices import MISTYPED
from ingest.feed import Payload as Sent
from ingest.run import ingest, receive

NOW = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
SEED = 7
ACLED = (
    "data_id,iso,event_id_cnty,event_id_no_cnty,event_date,year,time_precision,event_type,sub_event_type,actor1,"
    "assoc_actor_1,inter1,actor2,assoc_actor_2,inter2,interaction,region,country,admin1,admin2,admin3,location,latitude,"
    "longitude,geo_precision,source,source_scale,notes,fatalities,timestamp,iso3"
)
CAP = {"c": "urn:oasis:names:tc:emergency:cap:1.2"}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exercise")
    return generate.write(folder, NOW, SEED)


def content(written, ending: str) -> bytes:
    (found,) = [payload.path for payload in written if payload.path.name.endswith(ending)]
    return found.read_bytes()


def rows(written, ending: str, tags: bool = False) -> list[dict[str, str]]:
    listed = list(csv.DictReader(io.StringIO(content(written, ending).decode())))
    return listed[1:] if tags else listed


def areas(written, level: int) -> list[tuple[dict[str, str], shapely.Geometry]]:
    features = json.loads(content(written, f"adm{level}_nso_20240115.geojson"))["features"]
    return [(feature["properties"], shape(feature["geometry"])) for feature in features]


def incidents(written) -> list[dict[str, str]]:
    return [
        row
        for payload in written
        if payload.feed == "acled"
        for row in csv.DictReader(io.StringIO(payload.path.read_text("utf-8")))
    ]


@pytest.fixture(scope="module")
def land(written):
    return shapely.union_all([geometry for _, geometry in areas(written, 1)])


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    (home / "commonground.toml").write_text(settings_toml(), "utf-8")
    return load({"COMMONGROUND_HOME": str(home)})


def test_the_same_seed_and_time_give_the_same_bytes_and_another_seed_another_country(written, tmp_path):
    again = generate.write(tmp_path / "again", NOW, SEED)
    assert [(p.path.name, p.path.read_bytes()) for p in again] == [(p.path.name, p.path.read_bytes()) for p in written]
    other = generate.write(tmp_path / "other", NOW, SEED + 1)
    assert areas(other, 1)[0][1] != areas(written, 1)[0][1]


def test_boundaries_come_first_and_every_payload_has_a_source_in_the_settings(written, settings):
    assert [payload.feed for payload in written[:4]] == ["boundaries"] * 4
    assert {payload.source for payload in written} == set(settings.sources)
    assert all(settings.sources[payload.source].feed == payload.feed for payload in written)
    assert all(payload.heard <= NOW for payload in written)


def test_the_settings_mark_every_source_as_exercise_and_share_what_people_told_by_agreement(settings):
    assert settings.mission.exercise
    assert settings.mission.country == names.ISO2
    for source in settings.sources.values():
        assert source.exercise
        assert source.releasable_to == (() if source.feed == "table" and source.agency == "CEA" else ("mission",))
        assert source.sensitivity <= Sensitivity.high
        assert source.agency in settings.agencies
    assert {agreement.grantor for agreement in settings.agreements} == {"CEA"}
    for agreement in settings.agreements:
        assert set(agreement.grantees) <= set(settings.agencies)
        assert agreement.collections == ("feedback",)


def test_areas_cover_the_land_without_overlap_and_nest(written):
    levels = {level: areas(written, level) for level in range(4)}
    assert [len(levels[level]) for level in range(4)] == [1, 9, 40, 160]
    ((_, outline),) = levels[0]
    for level in (1, 2, 3):
        shapes = np.array([geometry for _, geometry in levels[level]], dtype=object)
        assert shapely.is_valid(shapes).all()
        assert shapely.coverage_is_valid(shapes)
        assert shapely.union_all(shapes).symmetric_difference(outline).area < 1e-9
        assert min(geometry.area for geometry in shapes) > 0.002  # about 25 square kilometres: no slivers
        codes = [properties[f"ADM{level}_PCODE"] for properties, _ in levels[level]]
        assert len(set(codes)) == len(codes)
        uppers = {properties[f"ADM{level - 1}_PCODE"]: geometry for properties, geometry in levels[level - 1]}
        for properties, geometry in levels[level]:
            code, upper = properties[f"ADM{level}_PCODE"], properties[f"ADM{level - 1}_PCODE"]
            assert code.startswith(upper)
            assert len(code) == 2 + 2 * level
            assert geometry.difference(uppers[upper]).area < 1e-9


def test_shared_edges_are_not_straight(written):
    shapes = [geometry for _, geometry in areas(written, 2)]
    edges = [
        shapely.line_merge(edge)
        for place, one in enumerate(shapes)
        for other in shapes[place + 1 :]
        if (edge := one.intersection(other)).length > 0.1
    ]
    winding = [
        part.length / shapely.Point(part.coords[0]).distance(shapely.Point(part.coords[-1]))
        for edge in edges
        for part in shapely.get_parts(edge)
        if part.length > 0.1 and not part.is_closed
    ]
    assert len(winding) > 60
    assert np.median(winding) > 1.1


def test_the_island_lies_in_the_open_ocean_and_bears_no_real_name(land):
    west, south, east, north = land.bounds
    assert 78 < west < east < 84
    assert -25 < south < north < -20
    assert 2 <= len(shapely.get_parts(land)) - 1 <= 4
    real = {"mauritius", "madagascar", "comoros", "seychelles", "maldives", "india", "indonesia", "australia"}
    assert names.COUNTRY.lower() not in real


def test_every_point_on_land_is_on_land(written, land):
    shore = land.buffer(1e-4)
    shapely.prepare(shore)
    points = [(float(row["longitude"]), float(row["latitude"])) for row in incidents(written)]
    for ending in ("places.csv", "road_status_20261120.csv", "joc_log_20261120.csv"):
        points += [(float(r["Longitude"]), float(r["Latitude"])) for r in rows(written, ending, tags=True)]
    inside = shapely.contains_xy(shore, np.array(points))
    assert inside.all()
    lines = [shapely.from_wkt(row["Geometry"]) for row in rows(written, "road_status_20261120.csv", tags=True)]
    assert all(shore.covers(line) for line in lines)


def test_bridges_are_where_a_road_meets_a_river(written):
    table = rows(written, "road_status_20261120.csv", tags=True)
    roads = [shapely.from_wkt(row["Geometry"]) for row in table if row["Class"] != "bridge"]
    bridges = [shapely.from_wkt(row["Geometry"]) for row in table if row["Class"] == "bridge"]
    rivers = [shapely.from_wkt(row["Geometry"]) for row in rows(written, "rivers.csv", tags=True)]
    assert 150 <= len(roads) <= 320
    assert 30 <= len(bridges) <= 60
    for bridge in bridges:
        assert min(bridge.distance(road) for road in roads) < 1e-4
        assert min(bridge.distance(river) for river in rivers) < 1e-4


def test_incidents_are_as_many_as_said_in_acleds_columns_and_two_ways_of_writing_dates(written):
    files = [payload.path for payload in written if payload.feed == "acled"]
    assert all(path.read_text("utf-8").splitlines()[0] == ACLED for path in files)
    first = [row for path in files[:2] for row in csv.DictReader(io.StringIO(path.read_text("utf-8")))]
    assert 24_800 <= len(first) <= 25_300
    assert len({row["event_id_cnty"] for row in first}) == len(first)
    days = [datetime.strptime(row["event_date"], "%d %B %Y").replace(tzinfo=UTC).date() for row in first]
    assert (max(days) - min(days)).days >= 728
    assert max(days) <= date(2026, 11, 20)
    assert all(int(row["timestamp"]) <= NOW.timestamp() for row in first)
    revised = list(csv.DictReader(io.StringIO(files[2].read_text("utf-8"))))
    before = {row["event_id_cnty"]: row for row in first}
    assert all(date.fromisoformat(row["event_date"]) for row in revised)
    same = [row for row in revised if row["timestamp"] == before[row["event_id_cnty"]]["timestamp"]]
    assert len(same) == generate.REPEATED
    assert len(revised) - len(same) == generate.REVISED


def test_violence_is_clustered_rises_at_the_end_and_leaves_areas_quiet(written):
    first = [row for row in incidents(written)[:25_400] if " " in row["event_date"]]
    end = date(2026, 11, 20)
    ages = np.array(
        [(end - datetime.strptime(row["event_date"], "%d %B %Y").replace(tzinfo=UTC).date()).days for row in first]
    )
    assert (ages < 42).sum() / 42 > 1.5 * ((ages >= 42) & (ages < 400)).sum() / 358
    by_province: dict[str, int] = defaultdict(int)
    for row in first:
        by_province[row["admin1"]] += 1
    counts = sorted(by_province.values())
    assert counts[1] * 5 < counts[-1]
    spots: dict[tuple[str, str], int] = defaultdict(int)
    for row in first:
        spots[row["longitude"], row["latitude"]] += 1
    largest = sorted(spots.values(), reverse=True)
    assert sum(largest[: len(largest) // 10]) > 0.5 * len(first)  # towns, as real exports have it


def test_incident_names_are_those_of_the_areas_around_the_point(written):
    adm3 = areas(written, 3)
    tree = shapely.STRtree([geometry for _, geometry in adm3])
    sample = incidents(written)[::97]
    points = shapely.points([[float(row["longitude"]), float(row["latitude"])] for row in sample])
    wrong = 0
    for row, point in zip(sample, points, strict=True):
        found = [adm3[place][0] for place in tree.query(point, predicate="intersects")]
        wrong += not any(
            (row["admin1"], row["admin2"], row["admin3"]) == (p["ADM1_EN"], p["ADM2_EN"], p["ADM3_EN"]) for p in found
        )
    assert wrong <= 2  # a point within metres of a border may fall across it when it is written with four decimals


def test_population_sums_and_some_codes_of_the_older_table_match_only_by_name(written):
    tables = {}
    for level in (2, 3):
        book = openpyxl.load_workbook(io.BytesIO(content(written, f"admpop_adm{level}.xlsx")), read_only=True)
        header, tags, *listed = book.worksheets[0].iter_rows(values_only=True)
        assert all(str(tag).startswith("#") for tag in tags)
        tables[level] = [dict(zip(header, row, strict=True)) for row in listed]
    for table in tables.values():
        for row in table:
            assert row["F_TL"] + row["M_TL"] == row["T_TL"]
            assert sum(row[key] for key in row if key.startswith("F_") and key != "F_TL") == row["F_TL"]
    assert sum(row["T_TL"] for row in tables[3]) == 4_300_000
    now = {properties["ADM2_PCODE"]: properties["ADM2_EN"] for properties, _ in areas(written, 2)}
    unknown = [row for row in tables[2] if row["ADM2_PCODE"] not in now]
    assert 3 <= len(unknown) < 20
    assert sum(row["ADM2_EN"] in now.values() for row in unknown) == len(unknown) - 1


def test_stock_on_hand_follows_from_the_movements_card_by_card(written):
    signs = {
        row["id"]: {"DEBIT": -1, "CREDIT": 1}[row["reasontype"]]
        for row in rows(written, "stock_card_line_item_reasons.csv")
    }
    stated = {
        (row["stockcardid"], row["occurreddate"]): int(row["stockonhand"])
        for row in rows(written, "calculated_stocks_on_hand.csv")
    }
    running: dict[str, int] = {}
    day_end: dict[tuple[str, str], int] = {}
    for line in rows(written, "stock_card_line_items.csv"):
        card, quantity = line["stockCardId"], int(line["quantity"])
        assert quantity >= 0
        running[card] = running[card] + signs[line["reasonId"]] * quantity if line["reasonId"] else quantity
        assert running[card] >= 0
        day_end[card, line["occurredDate"]] = running[card]
    assert day_end == stated
    assert len(running) > 1_000
    cards = {row["id"]: row["facilityId"] for row in rows(written, "stock_cards.csv")}
    facilities = {row["id"] for row in rows(written, "facilities.csv")}
    assert set(cards.values()) <= facilities
    assert len({cards[card] for card in running}) < len(set(cards.values()))  # some sites never report
    last = {card: max(day for other, day in stated if other == card) for card in list(running)[:60]}
    assert any(stated[card, day] == 0 for card, day in stated if day > "2026-11-01")
    assert min(last.values()) < "2026-11-10" <= max(last.values())


def test_warnings_are_cap_in_three_languages_with_an_update_and_a_cancel(written):
    alerts = [etree.fromstring(payload.path.read_bytes()) for payload in written if payload.feed == "cap"]
    kinds = [alert.findtext("c:msgType", namespaces=CAP) for alert in alerts]
    assert {"Alert", "Update", "Cancel"} == set(kinds)
    sent = {
        ",".join(alert.findtext(f"c:{name}", namespaces=CAP) for name in ("sender", "identifier", "sent"))
        for alert in alerts
    }
    for alert in alerts:
        assert [node.text for node in alert.findall("c:info/c:language", CAP)] == ["en", "fr", "ar"]
        assert alert.findtext("c:status", namespaces=CAP) == "Exercise"
        references = alert.findtext("c:references", namespaces=CAP)
        assert (references is not None) == (alert.findtext("c:msgType", namespaces=CAP) != "Alert")
        assert references is None or set(references.split()) <= sent
    assert any(alert.findall(".//c:polygon", CAP) for alert in alerts)
    assert any(alert.findall(".//c:circle", CAP) for alert in alerts)


def test_units_are_cot_events_of_all_affiliations_some_of_them_stale(written):
    events = [
        etree.fromstring(line)
        for line in (content(written, "tak_units.cot") + content(written, "tak_east.cot")).splitlines()
    ]
    assert len(events) == len({event.get("uid") for event in events})
    assert 55 <= len(events) <= 70
    assert {event.get("type")[2] for event in events} == {"f", "n", "u", "h"}
    stale = [datetime.fromisoformat(event.get("stale")) for event in events]
    assert 2 <= sum(moment < NOW for moment in stale) <= 6
    speeds = [
        float(event.find("detail/track").get("speed")) for event in events if event.find("detail/track") is not None
    ]
    assert max(speeds) < 70
    assert sum(speed > 1 for speed in speeds) > 20


def test_moving_units_stay_on_the_roads(written):
    table = rows(written, "road_status_20261120.csv", tags=True)
    roads = shapely.union_all([shapely.from_wkt(row["Geometry"]) for row in table])
    seen = [message for message in player.play(SEED, NOW, NOW, NOW + timedelta(minutes=1)) if message.source == "tak"]
    events = [etree.fromstring(line) for message in seen for line in message.content.splitlines()]
    ground = [event for event in events if "-G-" in event.get("type") and event.get("how") == "m-g"]
    points = [shapely.Point(float(e.find("point").get("lon")), float(e.find("point").get("lat"))) for e in ground]
    assert len(points) > 40
    assert max(point.distance(roads) for point in points) < 1e-3


def test_the_player_says_the_same_however_it_is_asked_and_goes_on_after_a_stop():
    whole = list(player.play(SEED, NOW, NOW, NOW + timedelta(minutes=10)))
    stopped = list(player.play(SEED, NOW, NOW, NOW + timedelta(minutes=4)))
    stopped += list(player.play(SEED, NOW, NOW + timedelta(minutes=4), NOW + timedelta(minutes=10)))
    ticks = [
        message
        for tick in range(1, 10 * 60 // player.TICK_S + 1)
        for message in player.payloads_at(SEED, NOW, NOW + timedelta(seconds=tick * player.TICK_S))
    ]

    def without_tracks(messages):
        return [message for message in messages if message.source != "tak"]

    assert without_tracks(whole) == without_tracks(stopped) == without_tracks(ticks)
    assert len({message.at for message in ticks if message.source == "tak"}) == 10 * 60 // player.TICK_S
    assert all(NOW < message.at <= NOW + timedelta(minutes=10) for message in whole)


def test_the_player_brings_incidents_twice_a_minute_and_a_critical_one_soon(settings):
    messages = list(player.play(SEED, NOW, NOW, NOW + timedelta(minutes=30)))
    incidents_in = [message for message in messages if message.source == "acled"]
    assert 40 <= len(incidents_in) <= 60
    log = next(message for message in messages if message.source == "joc-log")
    assert log.at - NOW <= timedelta(seconds=2 * player.FIRST_CRITICAL_S)
    assert b",critical," in log.content
    assert {message.source for message in messages} >= {"tak", "acled", "joc-log", "feedback", "routes", "lmis"}
    assert {message.source for message in messages} <= set(settings.sources)


def test_a_long_stop_is_not_made_up_for_in_full():
    after = list(player.play(SEED, NOW, NOW, NOW + timedelta(days=9)))
    assert min(message.at for message in after) >= NOW + timedelta(days=9) - player.CATCH_UP
    assert len(after) < 1_000


def test_disease_counts_tell_blank_from_zero_and_hold_one_outbreak_and_sensitive_voices_name_no_community(written):
    weekly = rows(written, "disease_weekly_20261120.csv", tags=True)
    assert any(row["Cases"] == "" and row["Sites reporting"] == "0" for row in weekly)
    assert any(row["Cases"] == "0" and row["Sites reporting"] != "0" for row in weekly)
    assert {float(row["Completeness (%)"]) <= 100 for row in weekly} == {True}
    cholera: dict[str, list[int]] = defaultdict(list)
    for row in weekly:
        if row["Disease"] == "Suspected cholera" and row["Cases"]:
            cholera[row["District P-code"]].append(int(row["Cases"]))
    assert max(max(counts) for counts in cholera.values()) > 20
    assert sorted(max(counts) for counts in cholera.values())[-2] < 20
    voices = rows(written, "feedback_20261120.csv", tags=True)
    assert 0 < sum(row["Sensitive"] == "yes" for row in voices) < 120
    assert all(not row["Community"] for row in voices if row["Sensitive"] == "yes")


def test_every_row_is_read_by_its_feed_but_for_those_mistyped_on_purpose(written, settings):
    store = open_store(settings.database_url)
    try:
        results = [
            ingest(store, settings, [Sent(str(payload.path), path=payload.path)], payload.feed, payload.source)[0]
            for payload in written
        ]
        again = ingest(store, settings, [Sent("again", path=written[-1].path)], written[-1].feed, written[-1].source)[0]
        live = list(player.play(SEED, NOW, NOW, NOW + timedelta(minutes=5)))
        received = [receive(store, settings, each.feed, each.source, each.content) for each in live]
    finally:
        store.close()
    assert {result["source"]: result["rejected"] for result in results if result["rejected"]} == {
        "field-reports": len(MISTYPED)
    }
    assert sum(result["read"] for result in results) > 140_000
    assert (again["accepted"], again["revised"]) == (0, 0)
    assert sum(result["retracted"] for result in results) == 2  # the warnings that were updated and cancelled
    told = [reason for result in received for reason in result["reasons"]]
    assert not [reason for reason in told if "future" not in reason], "a live payload that its feed cannot read"
    assert sum(result["revised"] for result in received) > 20
