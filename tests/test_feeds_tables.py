"""Feeds of tables and boundaries on real files that nobody on this project wrote, and on what bites in sheets."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from data.records import Entry, Reject, Severity
from data.settings import Source
from ingest.feed import Context, Payload, Refusal, parse
from ingest.feeds import all_feeds
from ingest.headings import area_columns, group_of
from ingest.sheets import tables
from ingest.site_words import functionality
from ingest.written import degrees, moment, month_first

RECEIVED = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
References = dict[tuple[str, str], Any]


def read(
    feed: str, payload: Payload, references: References | None = None, **options: Any
) -> tuple[list[dict[str, Any]], list[Reject]]:
    """The records as their stored JSON, and the rejects; look-ups are added to `references`."""
    known = {} if references is None else references
    context = Context(Source("test", feed, options=options), RECEIVED, known)
    found = [item for batch in parse(all_feeds()[feed], payload, context) for item in batch]
    assert [item.row for item in found] == list(range(1, len(found) + 1))
    records = [json.loads(item.body) for item in found if isinstance(item, Entry)]
    for record in records:
        if record["type"] == "reference":
            known[record["table"], record["source_ref"]] = record.get("attributes", {})
    return records, [item for item in found if isinstance(item, Reject)]


def file(path: Path) -> Payload:
    return Payload(path.name, path)


def lines(*rows: str, name: str = "table.csv") -> Payload:
    return Payload(name, content="\n".join(rows).encode())


def rows_of(payload: Payload) -> list[dict[str, Any]]:
    return [row for table in tables(payload) for row in table.rows]


# -------------------- the South Sudan set


def test_boundaries_of_south_sudan(fixtures_dir: Path) -> None:
    admin = fixtures_dir / "admin"
    states, bad = read("boundaries", file(admin / "prism-app__ssd_admbnda_adm1_imwg_nbs_20210924.json"))
    assert (len(states), bad) == (10, [])
    counties, bad = read("boundaries", file(admin / "prism-app__ssd_admbnda_adm2_imwg_nbs_20180817.json"))
    assert (len(counties), bad) == (79, [])
    assert {county["parent_pcode"] for county in counties} == {state["pcode"] for state in states}
    assert {state["parent_pcode"] for state in states} == {"SS"}
    assert {county["vintage"] for county in counties} == {"2018-08-17T00:00:00Z"}
    assert next(c for c in counties if c["title"] == "Juba")["source_ref"] == "SS0101@2018-08-17"
    (country,), bad = read("boundaries", file(admin / "ssd_adm0_unified.json"))
    assert (country["pcode"], country.get("level", 0), bad) == ("SS", 0, [])


def test_population_adds_up_to_the_total_that_the_partner_wrote_below(fixtures_dir: Path) -> None:
    for name, areas, refused, total in (
        ("ssd_population.xlsx", 78, 1, 11_606_787.77),
        ("ssd_demographics_2020.xlsx", 79, 2, 11_703_108.45),
    ):
        records, bad = read("population", file(fixtures_dir / "population" / name))
        assert (len(records), len(bad)) == (areas, refused)
        assert {reject.field for reject in bad} == {"area"}
        assert sum(record.get("value", 0.0) for record in records) == pytest.approx(total, abs=0.01)
    juba = next(record for record in records if record["adm_names"] == ["Central Equatoria", "Juba"])
    assert juba["adm_pcode"] == "9202"  # as stated: of another vintage than the boundaries
    groups = {key: count for key, count in juba["disaggregation"].items() if not key.startswith("T_")}
    assert sum(groups.values()) == pytest.approx(juba["value"])
    abyei = next(record for record in records if record["adm_names"][-1] == "Abyei Region")
    assert "value" not in abyei  # blank is not zero


def test_displaced_people_add_up_to_the_monitors_own_total(fixtures_dir: Path) -> None:
    path = fixtures_dir / "population" / "ssd_displaced_count_monitor_30jan2015.xlsx"
    records, bad = read("displaced", file(path))
    assert bad == []
    stated = CalamineWorkbook.from_path(path).get_sheet_by_name("Displaced by county").to_python()
    (total,) = (row for row in stated if row[0] == "Grand Total")
    last = [record for record in records if record["event_time"] == "2015-01-30T00:00:00Z"]
    sums = Counter[str]()
    for record in last:
        sums[record["indicator"]] += record.get("value", 0)
    assert [sums["idps"], sums["returnees"], sums["host_community"]] == [total[2], total[9], total[16]]
    assert len({(record["site_ref"], record["indicator"], record["event_time"]) for record in records}) == len(records)


def test_every_row_of_the_site_lists_comes_out(fixtures_dir: Path) -> None:
    health, bad = read("sites", file(fixtures_dir / "health" / "ssd_health_facilities.xls"))
    assert len(health) + len(bad) == 1_463 + 414  # a list, and a second sheet of facilities opened since
    assert [(reject.row, reject.field) for reject in bad] == [(1_463, "lon/lat")]  # longitude 287
    states = Counter(site.get("functionality", "unknown") for site in health[:1_462])
    assert states == {"open": 647, "closed": 31, "unknown": 784}  # the refused one was said to be open
    water, bad = read("sites", file(fixtures_dir / "infra" / "ssd_water_points.xlsx"))
    assert (len(water), bad) == (9_607, [])
    assert Counter(site.get("functionality", "unknown") for site in water) == {
        "open": 5_836,
        "partly": 1_622 + 139,
        "closed": 9,
        "unknown": 2_001,
    }


def lmis_tables(fixtures_dir: Path) -> list[Payload]:
    payloads = [file(path) for path in sorted((fixtures_dir / "supply").glob("openlmis-*.csv"))]
    return sorted(payloads, key=all_feeds()["openlmis"].precedence)


def test_stock_that_openlmis_calculated_is_what_its_movements_come_to(fixtures_dir: Path) -> None:
    references: References = {}
    movements: dict[str, list[dict[str, Any]]] = defaultdict(list)
    calculated: dict[tuple[str, str], float] = {}
    for payload in lmis_tables(fixtures_dir):
        records, bad = read("openlmis", payload, references)
        assert bad == [], payload.name
        for record in records:
            if record.get("category") in ("movement", "count"):
                movements[record["attributes"]["stockcardid"]].append(record)
            elif record.get("category") == "on hand":
                calculated[record["attributes"]["stockcardid"], record["event_time"]] = record["stock_on_hand"]
    assert len(calculated) == 2_811
    balances: dict[tuple[str, str], float] = {}
    for card, of_card in movements.items():
        balance = 0.0
        for record in sorted(of_card, key=lambda record: (record["event_time"], record["version_time"])):
            moved = record.get("received", 0.0) - record.get("consumed", 0.0) - record.get("losses", 0.0)
            balance = record.get("stock_on_hand", balance + moved)
            balances[card, record["event_time"]] = balance
    assert {key: balances[key] for key in calculated} == calculated


def test_a_row_whose_look_up_comes_later_is_refused_and_then_read(fixtures_dir: Path) -> None:
    payloads = {payload.name.split(".")[-2]: payload for payload in lmis_tables(fixtures_dir)}
    references: References = {}
    read("openlmis", payloads["orderables"], references)
    none, bad = read("openlmis", payloads["calculated_stocks_on_hand"], references)
    assert (none, len(bad)) == ([], 2_811)
    assert {reject.reason for reject in bad} == {
        "stockcardid: is not in stock_cards; load stock_cards of this source, then replay"
    }
    read("openlmis", payloads["lots"], references)
    read("openlmis", payloads["stock_cards"], references)
    assert len(read("openlmis", payloads["calculated_stocks_on_hand"], references)[0]) == 2_811


# -------------------- who reads what


CLAIMS = {
    "routes/ssd_flee_routes_*.csv": "routes",
    "routes/ssd_flee_closures_*.csv": "routes",
    "routes/ssd_flee_locations_*.csv": "sites",
    "routes/ssd_accessible_camp_ipc.csv": "points",
    "supply/civ_lmis_stock_*.csv": "stock",
    "tracks/*geolife.csv": "positions",
    "vector/pyogrio/*.parquet": "layers",
    "acled/ssd_conflict_data.csv": "acled",
    "admin/prism-app__*": "boundaries",
    "admin/ssd_adm0_unified.json": "boundaries",
    "population/ssd_population.xlsx": "population",
    "population/ssd_demographics_2020.xlsx": "population",
    "population/ssd_displaced*": "displaced",
    "health/*": "sites",
    "infra/ssd_water_points.xlsx": "sites",
    "hxl/hxl-showcase__sbtf-*": "sites",
    "supply/civ_lmis_sites.csv": "sites",
    "supply/openlmis-*": "openlmis",
    "hxl/*input-valid*": "table",
    "hxl/*3w*": "table",
}
UNCLAIMED = (
    "wfp/*",
    "hno/*",
    "epi/*",
    "ipc/*",
    "dhis2/*",
    "insecurity/*",
    "forms/*",
    "gdelt/*",
    "routes/ssd_refugees_*",
    "tracks/*",
    "ucdp/*",
    "supply/ssd_*",
    "supply/civ_lmis_stock*",
    "acled/hdx-scraper-*",
    "admin/hdx-scraper-*",
    "hxl/*untagged*",
    "hxl/*invalid.csv",
    "ssd_osm/*",
)
"""Files of formats that these feeds do not know, however much their columns look alike."""


@pytest.mark.parametrize(("pattern", "feed"), CLAIMS.items())
def test_a_real_file_is_claimed_by_its_feed(fixtures_dir: Path, pattern: str, feed: str) -> None:
    paths = sorted(fixtures_dir.glob(pattern))
    assert paths
    for path in paths:
        scores = {name: each.recognise(file(path)) for name, each in all_feeds().items()}
        assert scores[feed] >= 50, path.name
        assert max(scores, key=lambda name: scores[name]) == feed, (path.name, scores)


@pytest.mark.parametrize("pattern", UNCLAIMED)
def test_a_file_of_another_format_is_claimed_by_none_of_these(fixtures_dir: Path, pattern: str) -> None:
    paths = [path for path in sorted(fixtures_dir.glob(pattern)) if path.is_file()]
    assert paths
    for path in paths:
        for name in ("boundaries", "population", "displaced", "sites", "openlmis", "table"):
            assert all_feeds()[name].recognise(file(path)) < 50, (path.name, name)


def test_the_same_hxl_rows_are_read_from_every_format(fixtures_dir: Path) -> None:
    paths = [
        path
        for path in sorted((fixtures_dir / "hxl").glob("libhxl-python__input-valid*"))
        if "selector" not in path.name
    ]
    assert len(paths) >= 12
    for path in paths:
        records, bad = read("table", file(path))
        assert bad == [], path.name
        told = [
            (r["category"], r["organisation"], r.get("people_targeted"), r["adm_names"], r.get("event_time"))
            for r in records
        ]
        assert told == [
            ("WASH", "ACNUR", 200.0, ["Los Santos"], "2015-03-01T00:00:00Z"),
            ("Salud", "OMS", None, ["Cauca"], None),
            ("Educación", "UNICEF", 550.0, ["Chocó"], None),
            ("WASH", "OMS", 175.0, ["Amazonas"], None),
        ], path.name


def test_a_cell_merged_downwards_holds_for_all_its_rows(fixtures_dir: Path) -> None:
    records, _ = read("table", file(fixtures_dir / "hxl" / "libhxl-python__input-merged.xlsx"))
    assert {record["event_time"] for record in records} == {"2015-03-01T00:00:00Z"}


def test_untagged_tables_are_refused_with_what_to_do(fixtures_dir: Path) -> None:
    for path in sorted((fixtures_dir / "hxl").glob("*untagged*")):
        with pytest.raises(ValueError, match=r"no row of HXL tags; say in `columns` of source test what is what"):
            read("table", file(path))


def test_days_of_a_column_are_read_in_one_order(fixtures_dir: Path) -> None:
    """The sheet writes 8/22/2014, so that its 8/1/2014 is the first of August."""
    records, bad = read("table", file(fixtures_dir / "hxl" / "hxl-showcase__brc-westafrica-movement.csv"))
    assert bad == []
    assert next(r for r in records if r["source_ref"] == "ID1001")["event_time"] == "2014-08-01T00:00:00Z"


# -------------------- what bites in sheets


def workbook(sheet: str, part: str = "worksheets/sheet1.xml", strings: str = "") -> Payload:
    """A workbook of one sheet with this XML, wherever the workbook says it lies, and shared strings."""
    content = io.BytesIO()
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/></Types>',
        )
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="a" Type="{office}/officeDocument"'
            ' Target="xl/workbook.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="s" sheetId="1" r:id="b"/></sheets></workbook>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="b" Type="{office}/worksheet"'
            f' Target="{part}"/><Relationship Id="c" Type="{office}/sharedStrings" Target="texts.xml"/></Relationships>',
        )
        archive.writestr("xl/texts.xml", strings or f'<sst xmlns="{main}"/>')
        archive.writestr(f"xl/{part}", f'<worksheet xmlns="{main}">{sheet}</worksheet>')
    return Payload("book.xlsx", content=content.getvalue())


NAMED = '<row r="1"><c r="A1" t="inlineStr"><is><t>name</t></is></c></row><row r="2"><c r="A2"><v>1</v></c></row>'
FAR = {
    "plain": '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
    "without a place": '<row r="1048576">' + "<c/>" * 16_383 + "<c><v>1</v></c></row>",
    "a bracket in an attribute": '<row r="1048576"><c x=">" r="XFD1048576"><v>1</v></c></row>',
    "lower case": '<row r="1048576"><c r="xfd1048576"><v>1</v></c></row>',
    "an entity": '<row r="1048576"><c r="&#88;FD1048576"><v>1</v></c></row>',
    "said twice": '<row r="3"><c r="A3" r="XFD1048576"><v>1</v></c></row>',
    "absolute": '<row r="3"><c r="$XFD$1048576"><v>1</v></c></row>',
    "no space between": '<row r="3"><c x="1"r="XFD1048576"><v>1</v></c></row>',
    "a long attribute": f'<row r="1048576"><c x="{"y" * 3_000_000}" r="XFD1048576"><v>1</v></c></row>',
    "beyond the last column": '<row r="3"><c r="ZZZZZZ3"><v>1</v></c></row>',
    "cut short": '<row r="3"><c r="A3"',
}


@pytest.mark.parametrize("far", FAR.values(), ids=FAR.keys())
@pytest.mark.parametrize("part", ["worksheets/sheet1.xml", "elsewhere/data.xml"])
def test_a_sheet_that_spans_what_it_does_not_hold_is_refused_before_it_is_laid_out(far: str, part: str) -> None:
    payload = workbook(f"<sheetData>{NAMED}{far}</sheetData>", part)
    with pytest.raises(ValueError, match=r"spans|beyond row|not written as any workbook program would"):
        rows_of(payload)
    assert all(feed.recognise(payload) == 0 for feed in all_feeds().values())


@pytest.mark.parametrize("count", ["4294967295", "&#57;999999999"])
def test_more_texts_announced_than_there_can_be_are_refused_before_room_is_made_for_them(count: str) -> None:
    texts = f'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" uniqueCount="{count}"/>'
    with pytest.raises(ValueError, match="texts but does not hold them"):
        rows_of(workbook(f"<sheetData>{NAMED}</sheetData>", strings=texts))


@pytest.mark.parametrize(
    "sheet",
    [
        f'<dimension ref="A1:XFD1048576"/><sheetData>{NAMED}</sheetData>',
        f'<sheetData>{NAMED}<row r="1048576"><c r="XFD1048576" s="1"/></row></sheetData>',
    ],
    ids=["a dimension that is not so", "a style far away"],
)
def test_what_only_claims_to_be_large_is_read(sheet: str) -> None:
    assert rows_of(workbook(sheet)) == [{"name": 1}]


def test_a_zip_that_expands_or_holds_several_tables_is_refused() -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("a.csv", b"0" * 40_000_000)
    with pytest.raises(ValueError, match="expands more than"):
        rows_of(Payload("a.zip", content=bomb.getvalue()))
    two = io.BytesIO()
    with zipfile.ZipFile(two, "w") as archive:
        archive.writestr("a.csv", "x\n1")
        archive.writestr("b.csv", "x\n1")
    with pytest.raises(ValueError, match="holds 2 tables"):
        rows_of(Payload("b.zip", content=two.getvalue()))


words = st.text(
    st.characters(codec="cp1252", exclude_categories=["Cc", "Cf", "Zl", "Zp", "Zs"]), min_size=1, max_size=8
)


@given(
    cells=st.lists(st.lists(words.map("x".__add__), min_size=3, max_size=3), min_size=1, max_size=6),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    title=st.booleans(),
)
def test_csv_of_any_delimiter_and_encoding_comes_back_as_it_was(
    cells: list[list[str]], delimiter: str, encoding: str, title: bool
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    header = ["Site name", "État", "Latitude (°)"]
    if title:
        writer.writerow(["A list of sites, for planning only", "", ""])
    writer.writerow(header)
    writer.writerows(cells)
    found = rows_of(Payload("list.csv", content=out.getvalue().encode(encoding)))
    assert found == [dict(zip(header, row, strict=True)) for row in cells]


def test_a_file_rewritten_under_its_name_is_recognised_anew(tmp_path: Path) -> None:
    path = tmp_path / "latest.csv"
    path.write_text("Facility name,Type,Latitude,Longitude\nFord,Clinic,-2.5,11.2\n")
    assert all_feeds()["sites"].recognise(file(path)) >= 50
    path.write_text("id,stockonhand,occurreddate,processeddate,stockcardid\n1,2,2017-01-01,,3\n")
    assert all_feeds()["sites"].recognise(file(path)) == 0
    assert all_feeds()["openlmis"].recognise(file(path)) >= 50


def test_headings_that_repeat_are_told_apart_by_what_stands_above_them() -> None:
    (table,) = tables(lines("Report,,In need,,Reached,", "P-code,Name,Women,Men,Women,Men", "ZZ01,North,1,2,3,4"))
    assert table.header == ("P-code", "Name", "In need Women", "In need Men", "Reached Women", "Reached Men")


# -------------------- what is written by hand


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2014-08-19", "2014-08-19"),
        ("19.08.14", "2014-08-19"),
        ("19/8/2014", "2014-08-19"),
        ("Septembre 2012", "2012-09-01"),
        ("1 de marzo de 2015", "2015-03-01"),
        ("12th June 2020", "2020-06-12"),
        ("03/2012", "2012-03-01"),
        (2012, "2012-01-01"),
        ("43831", "2020-01-01"),
        (43831, "2020-01-01"),
    ],
)
def test_days_as_people_write_them(said: object, meant: str) -> None:
    assert moment({"day": said}, "day") == datetime.fromisoformat(meant).replace(tzinfo=UTC)


@pytest.mark.parametrize("said", ["2009-02-29", "2009-03-", "31/02/2014", "soon", "8/22/2014"])
def test_days_that_are_none_are_refused(said: str) -> None:
    with pytest.raises(Refusal, match="not a date"):
        moment({"day": said}, "day")


def test_a_day_that_its_column_leaves_in_doubt_is_refused() -> None:
    order = month_first(["22/8/2014", "8/22/2014", "8/1/2014"])
    assert order is None
    with pytest.raises(Refusal, match="day or month first"):
        moment({"day": "8/1/2014"}, "day", month_first=order)
    assert moment({"day": "8/22/2014"}, "day", month_first=order) == datetime(2014, 8, 22, tzinfo=UTC)
    assert moment({"day": "8/8/2014"}, "day", month_first=order) == datetime(2014, 8, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "degree"),
    [
        ("3°25'39.65\"E", 3.427681),
        ("6d31'59.41\"S", -6.533169),
        ("N 4° 50' 12\"", 4.836667),
        ("-12,5", -12.5),
        (7, 7.0),
    ],
)
def test_positions_as_people_write_them(said: object, degree: float) -> None:
    assert degrees({"x": said}, "x") == pytest.approx(degree, abs=1e-6)


@pytest.mark.parametrize("said", ["45° 62'", "8.06, -11.19", "north"])
def test_positions_that_are_none_are_refused(said: str) -> None:
    with pytest.raises(Refusal):
        degrees({"x": said}, "x")


@pytest.mark.parametrize(
    ("heading", "group"),
    [
        ("No. male children under 5", "M_0_4"),
        ("No. female adults aged over 60", "F_60_plus"),
        ("Children <18yrs", "T_0_17"),
        ("F_00_04", "F_0_4"),
        ("M_80PLUS", "M_80_plus"),
        ("Elderly (60+)", "T_60_plus"),
        ("Garçons 5-17 ans", "M_5_17"),
        ("F_TL", "F"),
        ("UN2014", ""),
        ("PopChange", ""),
    ],
)
def test_sex_and_age_groups_by_their_headings(heading: str, group: str) -> None:
    assert group_of(heading) == group


@pytest.mark.parametrize(
    ("header", "pcodes", "names"),
    [
        (("ADM2_EN", "ADM2_AR", "ADM2_PCODE", "ADM1_PCODE"), {1: "ADM1_PCODE", 2: "ADM2_PCODE"}, {2: "ADM2_EN"}),
        (("Admin_2", "admin2Pcod", "admin2RefN", "Admin_1"), {2: "admin2Pcod"}, {1: "Admin_1", 2: "Admin_2"}),
        (("State", "Pcode1", "County", "Pcode2"), {1: "Pcode1", 2: "Pcode2"}, {1: "State", 2: "County"}),
        (("adm3_name", "adm3_name1", "adm3_pcode"), {3: "adm3_pcode"}, {3: "adm3_name"}),
        (("Région", "Département", "Commune"), {}, {1: "Région", 2: "Département", 3: "Commune"}),
        (("Province", "District"), {}, {1: "Province", 2: "District"}),
    ],
)
def test_columns_of_areas_by_their_headings(
    header: tuple[str, ...], pcodes: dict[int, str], names: dict[int, str]
) -> None:
    found = area_columns(header)
    assert (found.pcodes, found.names) == (pcodes, names)


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("Functional", "open"),
        ("NON FUNCTIONAL", "closed"),
        ("Not yet open", "closed"),
        ("Partly functional", "partly"),
        ("needs repairs", "partly"),
        ("Fermé", "closed"),
        ("Fonctionnel", "open"),
        ("Pending", "unknown"),
        ("", "unknown"),
    ],
)
def test_whether_a_site_works(said: str, state: str) -> None:
    assert functionality(said) == state


# -------------------- tables by a mapping


REPORTS = lines(
    "Week,Area,Cases,Level,Seen at",
    "2024-W10,ZZ01,12,Red,POINT (11.5 -2.5)",
    "2024-W11,ZZ01,,Amber,",
    ",ZZ02,4,Amber,",
    "2024-W12,ZZ02,4,Purple,",
)


def test_a_table_by_its_mapping() -> None:
    records, bad = read(
        "table",
        REPORTS,
        kind="indicator",
        template="{Area}-{Week}",
        columns={
            "value": "Cases",
            "adm_pcode": "Area",
            "indicator": {"value": "measles"},
            "geometry": "seen at",
            "severity": {"column": "Level", "words": {"Red": "critical", "amber": "serious"}},
        },
    )
    assert [record["source_ref"] for record in records] == ["ZZ01-2024-W10", "ZZ01-2024-W11"]
    assert {record["indicator"] for record in records} == {"measles"}
    assert [record["severity"] for record in records] == [Severity.critical, Severity.serious]
    assert [record.get("value") for record in records] == [12.0, None]
    assert [record.get("lon") for record in records] == [11.5, None]
    assert records[0]["attributes"] == {"Week": "2024-W10"}
    assert [(reject.row, reject.field) for reject in bad] == [(3, "source_ref"), (4, "severity")]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "number", "columns": {"value": "Cases"}}, r"kind of source test is 'number'; allowed are incident"),
        (
            {"kind": "indicator", "columns": {"vlaue": "Cases"}},
            r"columns\.vlaue of source test: indicator has source_ref",
        ),
        ({"kind": "indicator", "columns": {"value": "Deaths"}}, r"no column 'Deaths' \(it has Week, Area, Cases"),
        ({"kind": "indicator", "columns": {"value": 3}}, r"columns\.value of source test must be a heading"),
        ({"kind": "indicator", "columns": {"agency": "Area"}}, r"columns\.agency"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_in_words(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read("table", REPORTS, **options)


def test_a_mapping_overrules_the_tags_and_the_tags_fill_in() -> None:
    tagged = lines(
        "Report,Where,Sick,Dead,From,Girls",
        "#meta+id,#adm2+code,#affected+infected,#affected+killed,#date+start,#affected+f",
        "R1,ZZ0101,12,1,2024-03-04,5",
    )
    (record,), bad = read(
        "table",
        tagged,
        kind="indicator",
        columns={"value": "#affected+infected", "indicator": {"value": "cholera"}, "disaggregation": {"F": "Girls"}},
    )
    assert bad == []
    assert (record["source_ref"], record["adm_pcode"], record["value"]) == ("R1", "ZZ0101", 12.0)
    assert (record["period_start"], record["event_time"]) == ("2024-03-04T00:00:00Z",) * 2
    assert record["disaggregation"] == {"F": 5.0}
    assert record["attributes"] == {"Dead": "1"}


def keys(rows: Sequence[str]) -> list[str]:
    header = ("Area,Who,What,Reached", "#adm1+code,#org,#sector,#reached")
    return [record["source_ref"] for record in read("table", lines(*header, *rows))[0]]


def test_a_record_without_a_key_keeps_its_identity_when_its_figure_is_revised() -> None:
    first, second = keys(["ZZ01,Relief A,WASH,10", "ZZ01,Relief B,WASH,10"])
    assert first != second
    assert keys(["ZZ01,Relief A,WASH,25"]) == [first]


def test_rows_with_one_key_and_different_content_do_not_replace_each_other() -> None:
    first, again, other = keys(["ZZ01,Relief A,WASH,10", "ZZ01,Relief A,WASH,10", "ZZ01,Relief A,WASH,99"])
    assert (again, other) == (first, f"{first}#2")
