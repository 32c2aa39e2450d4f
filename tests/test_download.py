"""Files taken home from a page: what /ogc says to the same viewer under the same filters, row by row and field by field."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import geopandas
import httpx
import hxl
import openpyxl
import pyarrow.parquet
import pyogrio
import pytest
import shapely

from dashboard import rights
from dashboard.features import COMMON, own_properties
from dashboard.hxl import tags
from data.access import LOCAL_OPERATOR, Tlp, Viewer
from data.records import COLLECTIONS, Activity, Alert, Sensitivity
from data.settings import Source
from tests.site import NOW, Site, incident, land, site

FORMATS = ("geojson", "csv", "xlsx", "gpkg", "parquet")
UNDER = "window=4w&severity=minor&area=XT01&bbox=29,4,32,10"
WORDS = ["=1+1", "العربية ‏123", "two\nlines", 'a "b", c', "-3", "Café"]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    red = Source("red", "usgs", agency="USGS", sensitivity=Sensitivity.low, releasable_to=("mission",), tlp=Tlp.red)
    with site(tmp_path_factory.mktemp("download"), sources=(red,)) as found:
        found.put(land(), "codab", "OCHA", releasable_to=("mission",))
        told = [incident(n, title=WORDS[n % 6], injured=n or None, lon=30.1 + n % 3) for n in range(60)]
        found.put([*told, incident(70, lon=None, lat=None)], "usgs", "USGS", releasable_to=("mission",))
        found.put([incident(80, title="Never in a file", lon=30.2)], "red", "USGS", releasable_to=("mission",))
        found.put([incident(90, title="Withheld", lon=30.2)], "intel", "Intel")
        shape = shapely.to_wkb(shapely.box(30, 5, 31, 6))
        alert = Alert(source_ref="a", title="سيول", lon=30.5, lat=5.5, wkb=shape, geocodes=("x=1",), onset=NOW)
        found.put([alert], "cap", "MET")
        reached = Activity(
            source_ref="w", title="WASH", category="Water", organisation="NRC", people_reached=120.5, start=NOW
        )
        found.put([reached], "3w", "NRC")
        yield found


def told_by_ogc(here: Site, collection: str, query: str) -> list[dict[str, Any]]:
    """All that may leave, as a program with the same rights as the page's reader is told."""
    answer = here.get(f"/ogc/collections/{collection}/items?{query}&limit=10000", here.ingest_token)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["features"]
    return found


def taken(here: Site, collection: str, format_: str, query: str = "") -> httpx.Response:
    return here.get(f"/api/export/{collection}?format={format_}&{query}")


def rows_of(content: bytes, format_: str, folder: Path) -> tuple[list[dict[str, Any]], Any]:
    """Rows and geometries as the usual reader of the format gives them."""
    file = folder / f"out.{format_}"
    file.write_bytes(content)
    if format_ == "geojson":
        features = json.loads(content)["features"]
        return [each["properties"] for each in features], [each["geometry"] for each in features]
    if format_ == "csv":
        data = hxl.data(io.BytesIO(content))
        names = [str(column.header).removeprefix("\ufeff") for column in data.columns]
        rows = [dict(zip(names, row.values, strict=True)) for row in data]
        return rows, rows
    if format_ == "xlsx":
        lines = openpyxl.load_workbook(file).worksheets[0].iter_rows(values_only=True)
        names = [str(cell).removesuffix(" (UTC)") for cell in next(lines)]
        rows = [dict(zip(names, line, strict=True)) for line in lines]
        return rows, rows
    frame = geopandas.read_parquet(file) if format_ == "parquet" else pyogrio.read_dataframe(file)
    assert frame.crs.to_authority() in (("EPSG", "4326"), ("OGC", "CRS84"))
    shapes = [None if shape is None else shapely.geometry.mapping(shape) for shape in frame.geometry]
    return frame.drop(columns="geometry").astype(object).where(lambda part: part.notna(), None).to_dict(
        "records"
    ), shapes


def same(format_: str, of: str, wanted: Any, found: Any) -> bool:
    """Whether a cell says what the feature says, as far as its format can."""
    if wanted in (None, "", [], {}):
        return found in (None, "", [], {})
    if of == "date-time":
        when = datetime.fromisoformat(wanted)
        text = found.isoformat() if hasattr(found, "isoformat") else str(found)
        if format_ in ("csv", "geojson"):
            assert text.endswith("Z"), text
        read = datetime.fromisoformat(text)
        return abs((read if read.tzinfo else read.replace(tzinfo=UTC)) - when) < timedelta(milliseconds=1)
    if of in ("array", "object"):
        return (found if format_ == "geojson" else json.loads(str(found).removeprefix("'"))) == wanted
    if of in ("number", "integer"):
        return float(found) == wanted
    if of == "boolean":
        return (found if isinstance(found, bool) else str(found).lower() in ("true", "1")) == wanted
    if format_ in ("csv", "xlsx") and str(wanted).startswith(("=", "-", "+", "@")):
        return bool(found == "'" + wanted)
    return bool(str(found).strip() == str(wanted).strip())


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize(
    ("collection", "query"),
    [("incidents", ""), ("incidents", UNDER), ("alerts", ""), ("activities", ""), ("boundaries", "")],
)
def test_a_file_says_what_ogc_says(here: Site, tmp_path: Path, format_: str, collection: str, query: str) -> None:
    answer = taken(here, collection, format_, query)
    assert answer.status_code == 200, answer.text
    rows, shapes = rows_of(answer.content, format_, tmp_path)
    wanted = told_by_ogc(here, collection, query)
    assert [row["id"] for row in rows] == [feature["id"] for feature in wanted]
    assert rows
    assert "Never in a file" not in {row["title"] for row in rows}
    columns = {**COMMON, **own_properties(COLLECTIONS[collection].name), "attributes": "object"}
    for row, feature, shape in zip(rows, wanted, shapes, strict=True):
        for name, of in columns.items():
            assert same(format_, of, feature["properties"][name], row[name]), (
                name,
                feature["properties"][name],
                row[name],
            )
        if format_ in ("csv", "xlsx"):
            place = shapely.from_wkt(shape["wkt"]) if shape["wkt"] else None
            if place is None and shape["lon"] not in (None, ""):
                place = shapely.Point(float(shape["lon"]), float(shape["lat"]))
        else:
            place = None if shape is None else shapely.geometry.shape(shape)
        there = None if feature["geometry"] is None else shapely.geometry.shape(feature["geometry"])
        assert (place is None) == (there is None)
        assert place is None or place.equals_exact(there, 1e-6)


def test_a_file_says_how_it_is_marked_and_how_it_was_chosen(here: Site, tmp_path: Path) -> None:
    name = taken(here, "incidents", "csv").headers["content-disposition"]
    assert name.startswith('attachment; filename="incidents-low-')
    told = json.loads(taken(here, "incidents", "geojson", UNDER).content)["about"]
    assert told["marking"].startswith("LOW")
    assert told["filters"] == UNDER
    assert "CRS84" in told["crs"]
    book = openpyxl.load_workbook(io.BytesIO(taken(here, "incidents", "xlsx", UNDER).content))
    assert dict(book["about"].iter_rows(values_only=True))["marking"] == told["marking"]
    assert book.properties.description == told["marking"]
    packed = tmp_path / "x.gpkg"
    packed.write_bytes(taken(here, "incidents", "gpkg", UNDER).content)
    assert pyogrio.read_info(packed)["layer_metadata"]["marking"] == told["marking"]
    file = io.BytesIO(taken(here, "incidents", "parquet", UNDER).content)
    assert json.loads(pyarrow.parquet.read_schema(file).metadata[b"about"])["marking"] == told["marking"]


def test_every_column_of_every_table_has_a_hashtag_of_its_own() -> None:
    for collection in COLLECTIONS.values():
        heading = [*COMMON, *own_properties(collection.name), "attributes", "lon", "lat", "wkt"]
        given = tags(collection.name, heading)
        assert len(set(given)) == len(given), collection.name
        for tag in given:
            assert hxl.model.Column.parse(tag) is not None, tag
    told = dict(zip(heading := ["adm1_pcode", "event_time", "fatalities"], tags("incident", heading), strict=True))
    assert list(told.values()) == ["#adm1+code", "#date+occurred", "#affected+killed"]
    assert tags("activity", ["category", "organisation", "people_reached"]) == ["#sector", "#org+impl", "#reached"]


@pytest.mark.parametrize("format_", FORMATS)
def test_nothing_is_a_file_with_a_heading(here: Site, tmp_path: Path, format_: str) -> None:
    answer = taken(here, "tracks", format_)
    assert answer.status_code == 200
    file = tmp_path / f"none.{format_}"
    file.write_bytes(answer.content)
    if format_ == "csv":
        assert len(hxl.data(io.BytesIO(answer.content)).columns) > 20
    else:
        assert rows_of(answer.content, format_, tmp_path)[0] == []


def test_who_may_take_files_and_what_is_refused(here: Site) -> None:
    program = here.token("program", agency="USGS")
    assert here.get("/api/export/incidents", program).status_code == 403
    assert here.get("/api/export/secrets", program).status_code == 404
    for viewer, may in (
        (Viewer("a", "WHO", roles=("export",)), True),
        (Viewer("a", "WHO", roles=("admin",)), False),
        (Viewer("a", "WHO", roles=("export",), kind="display"), False),
        (Viewer("a", "WHO", roles=("export",), looking=LOCAL_OPERATOR), False),
        (LOCAL_OPERATOR, True),
    ):
        assert rights.exports(viewer) is may
    for query in ("format=dbf", "severty=minor", "bbox=1,2", "area=ZZ"):
        answer = here.get(f"/api/export/incidents?{query}")
        assert answer.status_code == 400, query
        assert query.partition("=")[0] in answer.json()["description"]
    entries = [entry for entry in here.services.acts.newest(200) if entry.act == "export"]
    assert entries[0].subject in COLLECTIONS
    assert {"count", "filters", "format", "revision"} <= json.loads(entries[0].details).keys()


def test_a_program_takes_through_ogc_what_may_leave_and_a_page_shows_all(here: Site) -> None:
    who = here.token("who", agency="WHO")
    page = here.get("/ogc/collections/incidents/items?limit=1000").json()
    (red,) = [each for each in page["features"] if each["properties"]["title"] == "Never in a file"]
    for token in (who, here.ingest_token):
        program = here.get("/ogc/collections/incidents/items?limit=1000", token).json()
        assert "Never in a file" not in {each["properties"]["title"] for each in program["features"]}
        assert program["numberMatched"] == len(program["features"]) > 0
        withheld = here.get(f"/ogc/collections/incidents/items/{red['id']}", token)
        assert withheld.content == here.get("/ogc/collections/incidents/items/0123456789abcdef", token).content
    assert here.get(f"/ogc/collections/incidents/items/{red['id']}").status_code == 200
