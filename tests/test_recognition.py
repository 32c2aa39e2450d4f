"""A partner's table in another dress (delimiter, encoding, titles, sheets, dates, decimal commas) is the same table."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from data.records import Entry
from ingest.feed import Payload
from ingest.feeds import all_feeds
from ingest.not_records import what_it_is
from tests.test_feed_contract import read

GOLDEN = Path(__file__).parent / "golden"
Rows = list[list[str]]
TABLES = {
    "acled": [
        ["event_id_cnty", "event_date", "year", "event_type", "sub_event_type", "actor1", "country", "admin1",
         "latitude", "longitude", "fatalities", "notes"],
        ["ZZZ1", "2026-05-01", "2026", "Battles", "Armed clash", "Militia", "Zed", "Nördlich", "4.851", "31.602", "3", "A, b; c"],
        ["ZZZ2", "2026-05-14", "2026", "Protests", "Peaceful protest", "Students", "Zed", "South", "5.125", "-1.25", "0", "Q"],
    ],
    "stock": [
        ["Site code", "Site name", "Product code", "Product name", "Stock on hand", "AMC", "Date"],
        ["C1", "Upper", "A1", "Amoxicilline 250 mg – boîte", "127", "90.5", "2026-05-01"],
        ["C2", "Lower", "A1", "Amoxicilline 250 mg – boîte", "0", "12", "2026-05-14"],
    ],
    "sites": [
        ["Facility name", "Facility type", "Functional status", "Latitude", "Longitude", "County"],
        ["Upper PHCU", "PHCU", "Functional", "4.851", "31.602", "Juba"],
        ["Lower PHCC", "PHCC", "Not functional", "4.952", "31.73", "Juba"],
    ],
    "positions": [
        ["X", "Y", "fid", "sequence", "tracker", "t"],
        ["32.10001", "4.80001", "1", "1", "19", "2026-05-01 04:42:14"],
        ["32.10101", "4.80101", "2", "2", "19", "2026-05-01 04:43:14"],
    ],
    "routes": [
        ["Road name", "From", "To", "Length (km)", "Road status", "Last updated"],
        ["Axis A", "Upper", "Lower", "84.5", "Open", "2026-05-01"],
        ["Axis B", "Lower", "Crossing", "12", "Closed", "2026-05-14"],
    ],
    "dhis2": [
        ["dataElement", "period", "orgUnit", "categoryOptionCombo", "attributeOptionCombo", "value", "storedBy", "lastUpdated"],
        ["fbfJHSPpUQD", "202605", "DiszpKrYNg8", "HllvX50cXC0", "HllvX50cXC0", "12", "x", "2026-05-14"],
        ["fbfJHSPpUQE", "202605", "DiszpKrYNg8", "HllvX50cXC0", "HllvX50cXC0", "13", "x", "2026-05-14"],
    ],
    "dhis2_events": [
        ["event", "status", "program", "programStage", "enrollment", "orgUnit", "occurredAt", "latitude", "longitude",
         "dataElement", "value"],
        ["V1CerIi3sdL", "ACTIVE", "p1", "s1", "", "DiszpKrYNg8", "2026-05-14", "4.851", "31.602", "de", "secret"],
        ["V1CerIi3sdM", "ACTIVE", "p1", "s1", "", "DiszpKrYNg8", "2026-05-14", "4.851", "31.602", "de", "secret"],
    ],
}  # fmt: skip


def text_of(rows: Rows, delimiter: str = ",", end: str = "\n", quoting: int = csv.QUOTE_MINIMAL) -> str:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return written.getvalue()


def workbook(rows: Rows, titles: Sequence[Sequence[str]] = (), before: str = "", serial: bool = False) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    if before:
        sheet.title = before
        sheet.append(["How to read this file"])
        sheet = book.create_sheet("Data")
    for title in titles:
        sheet.append(list(title))
    for row in rows:
        sheet.append([typed(cell, serial) for cell in row])
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def typed(cell: str, serial: bool) -> object:
    if re.fullmatch(r"-?\d+(\.\d+)?", cell):
        return float(cell) if "." in cell else int(cell)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", cell):
        day = datetime.fromisoformat(cell)
        return (day - datetime(1899, 12, 30)).days if serial else day  # noqa: DTZ001 (a sheet's day has no zone)
    return cell or None


def commas(rows: Rows) -> Rows:
    return [[re.sub(r"^(-?\d+)\.(\d+)$", r"\1,\2", cell) for cell in row] for row in rows]


def by_day(rows: Rows) -> Rows:
    return [[re.sub(r"^(\d{4})-(\d\d)-(\d\d)$", r"\3/\2/\1", cell) for cell in row] for row in rows]


TITLES = (("Situation report, May",), ("Source: logistics", "as of 14 May"), ())
DRESSES: dict[str, Callable[[Rows], bytes]] = {
    "semicolons": lambda rows: text_of(rows, ";").encode(),
    "Excel's sep=": lambda rows: ("sep=;\r\n" + text_of(rows, ";", "\r\n")).encode(),
    "tabs, UTF-16": lambda rows: text_of(rows, "\t").encode("utf-16"),
    "UTF-8 with BOM, CRLF": lambda rows: ("\ufeff" + text_of(rows, end="\r\n")).encode(),
    "Windows-1252": lambda rows: text_of(rows).encode("cp1252"),
    "all quoted": lambda rows: text_of(rows, quoting=csv.QUOTE_ALL).encode(),
    "a title above": lambda rows: ("Situation report\n\n" + text_of(rows)).encode(),
    "decimal commas": lambda rows: text_of(commas(rows), ";").encode(),
    "days as d/m/y": lambda rows: text_of(by_day(rows)).encode(),
    "rows reversed": lambda rows: text_of([rows[0], *rows[:0:-1]]).encode(),
    "workbook": workbook,
    "workbook with titles": lambda rows: workbook(rows, TITLES[:1]),
    "second sheet": lambda rows: workbook(rows, before="Read me"),
    "serial days": lambda rows: workbook(rows, serial=True),
}


def claimed(payload: Payload) -> str:
    scores = {name: feed.recognise(payload) for name, feed in all_feeds().items()}
    return max(scores, key=lambda name: scores[name]) if max(scores.values()) >= 25 else ""


def told(name: str, payload: Payload) -> list[tuple[str, object, object, object]]:
    found = read(all_feeds()[name], payload, {})
    assert all(isinstance(item, Entry) for item in found), found
    entries = [item for item in found if isinstance(item, Entry)]
    return sorted(
        (each.source_ref if name == "acled" else "", each.lon, each.lat, each.event_time_us) for each in entries
    )


WORN = [(name, dress) for name in TABLES for dress in DRESSES if not (name.startswith("dhis2") and "d/m/y" in dress)]
"""DHIS2 writes its days one way only."""


@pytest.mark.parametrize(("name", "dress"), WORN)
def test_a_table_in_another_dress_is_the_same_table(name: str, dress: str) -> None:
    payload = Payload("sheet", content=DRESSES[dress](TABLES[name]))
    assert claimed(payload) == name
    assert told(name, payload) == told(name, Payload("sheet.csv", content=text_of(TABLES[name]).encode()))


def test_parquet_is_a_table_or_with_a_shape_a_layer() -> None:
    columns = list(zip(*TABLES["acled"][1:], strict=True))
    table = pa.table(dict(zip(TABLES["acled"][0], map(list, columns), strict=True)))
    assert claimed(Payload("a", content=parquet(table))) == "acled"
    points = [shapely.to_wkb(shapely.Point(31.5, 4.5)), None]
    layer = Payload("a", content=parquet(pa.table({"name": ["Bridge", "Ford"], "geometry": points})))
    assert claimed(layer) == "layers"
    assert [item.lon for item in read(all_feeds()["layers"], layer, {}) if isinstance(item, Entry)] == [31.5, None]
    cut = Payload("a", content=parquet(table)[:-40])
    with pytest.raises(ValueError, match="damaged"):
        list(all_feeds()["acled"].rows(cut, None))  # type: ignore[arg-type]


def parquet(table: pa.Table) -> bytes:
    written = io.BytesIO()
    pq.write_table(table, written)
    return written.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x00\x00\x00\x0d\x0a\x09OSMHeader\x18", "OpenStreetMap"),
        (b"%PDF-1.7\n%", "PDF"),
        (b'GEOGCS["GCS_WGS_1984",DATUM[', "one part of a shapefile"),
        (b"event,node,start,end\nform start,/data/a,1,2\n", "audit log"),
        (b"File ,Field,Description\na.csv,year,The year\n", "describes the columns"),
        (b",\n2016-06-05,0\n2016-06-02,4\n", "without headings"),
        (b"First name,Surname,Age,Sex,Latitude,Longitude\nA,B,30,F,4.8,31.6\n", "list of persons"),
    ],
)
def test_what_holds_no_records_is_told_by_what_it_is(content: bytes, words: str) -> None:
    payload = Payload("file", content=content)
    assert claimed(payload) == ""
    assert words in what_it_is(payload)
