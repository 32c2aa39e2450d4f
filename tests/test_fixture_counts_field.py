"""Of field reports, tracks, drawings, layers, goods and DHIS2, every row of every real file comes out, by the feed that it is of.

How many there are is counted here by csv, json, lxml, openpyxl, xlrd, sqlite3 or the bytes of the format, and by nothing of
the program: what is accepted and what is rejected with a reason add up to that.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
import struct
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlrd
from lxml import etree

from data.records import Reject
from data.settings import Source
from ingest.feed import Context, Payload, parse
from ingest.feeds import all_feeds

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:openpyxl")  # of what it cannot keep
RECEIVED = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
FIXTURES = Path(__file__).resolve().parents[2] / "shared" / "fixtures"
Count = Callable[[Path], int]


def xml(content: bytes) -> etree._Element:
    return etree.fromstring(content.lstrip(b"\xef\xbb\xbf \r\n"), etree.XMLParser(recover=True, resolve_entities=False))


def name(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2].rpartition(":")[2]


def outermost(*names: str) -> Count:
    """Elements of these names that stand in none of them; of a zip in all its documents."""

    def count(path: Path) -> int:
        documents = [path.read_bytes()]
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                documents = [archive.read(each) for each in archive.namelist() if each.lower().endswith(".kml")]
        found = [each for document in documents for each in xml(document).iter(etree.Element) if name(each) in names]
        return sum(not any(name(up) in names for up in each.iterancestors()) for each in found)

    return count


def features(path: Path) -> int:
    document = json.loads(path.read_text(encoding="utf-8-sig"))
    return len(document["features"]) if document["type"] == "FeatureCollection" else 1


def one(path: Path) -> int:
    return 1


def in_geopackage(path: Path) -> int:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as base:
        tables = [row[0] for row in base.execute("SELECT table_name FROM gpkg_contents WHERE data_type = 'features'")]
        return sum(base.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for table in tables)


def in_shapefile(path: Path) -> int:
    """Records of a shapefile, gone through by their lengths."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            contents = [archive.read(each) for each in archive.namelist() if each.lower().endswith(".shp")]
    else:
        contents = [path.read_bytes()]
    count = 0
    for content in contents:
        at = 100
        while at < len(content):
            at += 8 + 2 * struct.unpack_from(">i", content, at + 4)[0]
            count += 1
    return count


def of_types(document: Any, types: frozenset[str]) -> int:
    if isinstance(document, dict):
        return (document.get("type") in types) + sum(of_types(value, types) for value in document.values())
    return sum(of_types(value, types) for value in document) if isinstance(document, list) else 0


EPCIS = frozenset(f"{each}Event" for each in ("Object", "Aggregation", "Transaction", "Transformation", "Association"))


def epcis_events(path: Path) -> int:
    return of_types(json.loads(path.read_text()), EPCIS)


def data_values(path: Path) -> int:
    if path.suffix == ".json":
        return len(json.loads(path.read_text())["dataValues"])
    if path.suffix == ".xml":
        return sum(name(each) == "dataValue" for each in xml(path.read_bytes()).iter(etree.Element))
    lines = [line for line in csv.reader(io.StringIO(path.read_text())) if any(cell.strip() for cell in line)]
    return len(lines) - ("dataelement" in lines[0][0])


def tracker(document: Any) -> int:
    """Events, enrollments and registrations, wherever they are nested."""
    if not isinstance(document, dict):
        return 0
    listed = [document.get(key) or [] for key in ("events", "enrollments", "trackedEntities")]
    return sum(len(items) + sum(map(tracker, items)) for items in listed)


def tracker_events(path: Path) -> int:
    if path.suffix == ".json":
        return tracker(json.loads(path.read_text()))
    return len({row["event"] for row in csv.DictReader(io.StringIO(path.read_text()))})


def submission(content: bytes) -> int:
    """A submission, and what it says it replaced."""
    root = xml(content)
    return 1 + sum(
        name(each) == "deprecatedID" and bool((each.text or "").strip()) for each in root.iter(etree.Element)
    )


def xform(content: bytes) -> int:
    """Questions and choices of a form."""
    asked = ("input", "select", "select1", "upload", "trigger", "range")
    found = [each for each in xml(content).iter(etree.Element) if name(each) in asked and each.get("ref")]
    return len(found) + sum(name(item) == "item" for each in found for item in each)


def in_forms_zip(path: Path) -> int:
    with zipfile.ZipFile(path) as archive:
        contents = [archive.read(each) for each in archive.namelist() if each.endswith(".xml")]
    return sum(xform(content) if b"<h:html" in content else submission(content) for content in contents)


def sheets(path: Path) -> Iterator[tuple[str, list[list[Any]]]]:
    """Title and filled rows of every sheet, blank cells as None."""
    if path.read_bytes().startswith(b"\xd0\xcf"):
        for old in xlrd.open_workbook(str(path)).sheets():
            rows = [[None if cell in ("", None) else cell for cell in old.row_values(at)] for at in range(old.nrows)]
            yield old.name, [row for row in rows if any(cell is not None for cell in row)]
        return
    for sheet in openpyxl.load_workbook(io.BytesIO(path.read_bytes()), data_only=True).worksheets:
        values = [list(row) for row in sheet.iter_rows(values_only=True)]
        yield sheet.title, [row for row in values if any(str(cell or "").strip() for cell in row)]


def xlsform(path: Path) -> int:
    """Rows of the survey that ask or begin something, and rows of choices."""
    count = 0
    for title, (header, *rows) in ((title, rows) for title, rows in sheets(path) if rows):
        if title.strip().lower() == "survey":
            at = header.index("type")
            kinds = [str(row[at] or "").strip().lower() for row in rows]
            count += sum(bool(kind) and not re.match(r"end[ _]", kind) for kind in kinds)
        elif title.strip().lower() in ("choices", "external_choices"):
            count += len(rows)
    return count


def exported(path: Path) -> int:
    return sum(
        1 for row in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")) if any(row.values())
    )


def below_heading(path: Path) -> int:
    """Rows below the headings (and the row of tags) of a table in any wrapping, of sheets that have a table."""
    content = path.read_bytes()
    if zipfile.is_zipfile(path) and path.suffix != ".xlsx" and b"[Content_Types].xml" not in content:
        with zipfile.ZipFile(path) as archive:
            (inner,) = archive.namelist()
            content = archive.read(inner)
    if content.startswith((b"PK", b"\xd0\xcf")):
        if content != path.read_bytes():
            found = [
                list(row)
                for row in openpyxl.load_workbook(io.BytesIO(content)).worksheets[0].iter_rows(values_only=True)
            ]
            return _below([row for row in found if any(cell is not None for cell in row)])
        return sum(_below(rows) for _, rows in sheets(path))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    if text.lstrip().startswith(("[", "{")):
        return _of_json(json.loads(text))
    delimiter = max(",\t;", key=text.count)
    return _below(
        [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(map(str.strip, row))]
    )


def _of_json(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_of_json, value.values()))
    if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        return len(value)
    if isinstance(value, list) and value and all(isinstance(row, list) for row in value):
        if any(isinstance(cell, list) for cell in value[0]) or isinstance(value[0][0], dict):
            return sum(map(_of_json, value))
        return _below([row for row in value if any(cell not in ("", None) for cell in row)])
    return 0


def _below(rows: list[Any]) -> int:
    """Rows below the tags or, where there are none, below the heading."""
    tagged = [
        at for at, row in enumerate(rows[:25]) if sum(str(cell or "").strip().startswith("#") for cell in row) > 0
    ]
    if tagged:
        return len(rows) - tagged[0] - 1
    heading = [at for at, row in enumerate(rows[:25]) if any(str(cell or "").startswith("Organi") for cell in row)]
    return len(rows) - heading[0] - 1 if heading else 0


def pcodes(path: Path) -> int:
    if path.suffix == ".csv":
        return below_heading(path) if "libhxl" in path.name or "rowca" in path.name else exported(path)
    return sum(len(rows) - 1 for title, rows in sheets(path) if any(str(cell).endswith("_pcode") for cell in rows[0]))


KML = (
    "Placemark",
    "GroundOverlay",
    "PhotoOverlay",
    "Point",
    "LineString",
    "LinearRing",
    "Polygon",
    "MultiGeometry",
    "Model",
)
ACTIVITIES = "input-(valid|quality|merged|fuzzy|zip|untagged|invalid.csv)|output-valid|3w"
EXPECTED: tuple[tuple[str, str, str, Count], ...] = (
    ("gpx", "gpx/*.gpx", "", outermost("wpt", "rte", "trk")),
    ("gpx", "tracks/*.gpx", "", outermost("wpt", "rte", "trk")),
    ("kml", "kml/**/*", "", outermost(*KML)),
    ("kml", "cot/*.kml", "", outermost(*KML)),
    ("cot", "cot/*.cot", "", outermost("event")),
    ("cot_geojson", "cot/*.geojson", "", features),
    ("tak", "cot/*.bin", "", one),
    ("geojson", "ssd_osm/*.geojson", "", features),
    ("geojson", "epi/*.geojson", "", features),
    ("layers", "vector/**/*.gpkg", "", in_geopackage),
    ("layers", "tracks/*.gpkg", "", in_geopackage),
    ("layers", "vector/**/*.shp", "", in_shapefile),
    ("layers", "infra/*.zip", "", in_shapefile),
    ("epcis", "epcis/*.jsonld", "", epcis_events),
    ("dhis2", "dhis2/*", "dataValue|adx", data_values),
    ("dhis2_events", "dhis2/*", "event", tracker_events),
    ("openrosa", "forms/onadata_submissions/*.xml", "", lambda path: submission(path.read_bytes())),
    ("openrosa", "forms/*submission.xml", "", lambda path: submission(path.read_bytes())),
    ("openrosa", "forms/*.xml", "form|Water", lambda path: xform(path.read_bytes())),
    ("openrosa", "forms/*.xls*", "", xlsform),
    ("openrosa", "forms/*.zip", "", in_forms_zip),
    ("openrosa", "forms/onadata*.csv", "", exported),
    ("activities|table", "hxl/*", ACTIVITIES, below_heading),
    ("pcodes", "hxl/*", "caf_cod_ab|gin-adm2", pcodes),
    ("pcodes", "admin/*pcodes*.csv", "", pcodes),
)
FILES = [
    pytest.param(feeds, path, count, id=str(path.relative_to(FIXTURES)))
    for feeds, pattern, among, count in EXPECTED
    for path in sorted(FIXTURES.glob(pattern))
    if path.is_file() and re.search(among, path.name)
]


def test_the_real_files_are_here(fixtures_dir: Path) -> None:
    assert len(FILES) > 250, "a pattern above no longer finds its files"


@pytest.mark.parametrize(("feeds", "path", "count"), FILES)
def test_every_row_comes_out_by_the_feed_it_is_of(feeds: str, path: Path, count: Count) -> None:
    payload = Payload(path.name, path)
    expected = count(path)
    scores = {feed.name: feed.recognise(payload) for feed in all_feeds().values()}
    surest = max(scores, key=lambda name: scores[name])
    if expected == 0 and scores[surest] < 25:
        return  # a fragment that holds no record may well be nobody's
    assert re.fullmatch(feeds, surest), scores
    context = Context(Source("test", surest, options={"crs": "EPSG:4326"} if path.suffix == ".shp" else {}), RECEIVED)
    rows = parse(all_feeds()[surest], payload, context)
    if expected == 0 and surest == "kml":
        with pytest.raises(ValueError, match="has no placemark"):
            list(rows)
        return
    found = [item for batch in rows for item in batch]
    assert len(found) == expected
    assert all(item.reason and item.field for item in found if isinstance(item, Reject))
