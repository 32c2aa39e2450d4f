"""Exports read back by other programs: everything that passes the filters, typed, and nothing that runs."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import geopandas
import openpyxl
import pandas
import pyogrio
import pytest

from dashboard.export import CHUNK, export
from data.access import LOCAL_OPERATOR, Viewer
from data.filters import BadFilter, Filters, parse
from data.picture import Picture
from data.records import Incident, Sensitivity, Severity
from data.seen import Seen
from tests.pictures import add, picture_of
from tests.site import incident, land

ALL = CHUNK + 200
NASTY = [
    "=cmd|'/c calc'!A1",
    "+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "＝1",
    "a,b",
    'say "so"',
    "two\nlines",
    "العربية",
    "\x0bbell",
]


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Picture]:
    nasty = [
        incident(10_000 + n, title=text, event_time=datetime(1890, 1, 1, tzinfo=UTC)) for n, text in enumerate(NASTY)
    ]
    records = [*(incident(n) for n in range(ALL - len(NASTY) - 1)), *nasty]
    found = picture_of(
        tmp_path_factory.mktemp("export"), [*records, incident(20_000, lon=None, lat=None, fatalities=None)]
    )
    add(found, land(), "codab")
    add(found, [Incident(source_ref="x", title="Withheld", agency="Intel", sensitivity=Sensitivity.severe)], "secret")
    yield found
    found._store.close()


@pytest.fixture
def seen(picture: Picture) -> Seen:
    return picture.seen_by(Viewer("us", "us", Sensitivity.high))


def read(path: Path) -> list[dict[str, Any]]:
    """Rows as the usual reader of each format gives them."""
    if path.suffix == ".geojson":
        return [feature["properties"] for feature in json.loads(path.read_text())["features"]]
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))[1:]  # less the row of hashtags
    if path.suffix == ".xlsx":
        rows = openpyxl.load_workbook(path).active.iter_rows(values_only=True)  # type: ignore[union-attr]
        heading = [str(cell).removesuffix(" (UTC)") for cell in next(rows)]
        return [dict(zip(heading, row, strict=True)) for row in rows]
    frame = geopandas.read_parquet(path) if path.suffix == ".parquet" else pyogrio.read_dataframe(path)
    return list(frame.to_dict(orient="records"))


@pytest.mark.parametrize("name", ["geojson", "csv", "xlsx", "gpkg", "parquet"])
def test_everything_that_may_be_seen_is_in_the_file_and_nothing_else(seen: Seen, tmp_path: Path, name: Any) -> None:
    path = tmp_path / f"out.{name}"
    assert export(seen, "incidents", Filters(), name, path) == ALL
    rows = read(path)
    assert len({row["id"] for row in rows}) == len(rows) == ALL
    assert "Withheld" not in {row["title"] for row in rows}
    first = next(row for row in rows if row["source_ref"] == "i7")
    assert first["title"] == "Event 7"
    assert first["severity"] == "minor"
    assert float(first["fatalities"]) == 3
    assert first["adm1_pcode"] in ("XT01", "XT02")
    assert (
        json.loads(first["attributes"]) == {"note": "=1+7"}
        if name != "geojson"
        else first["attributes"] == {"note": "=1+7"}
    )
    when = pandas.Timestamp(first["event_time"])
    assert when.tz_localize(None) == pandas.Timestamp(incident(7).event_time).tz_localize(None)
    assert [child.name for child in tmp_path.iterdir()] == [path.name], "nothing is left beside it"


@pytest.mark.parametrize("name", ["csv", "xlsx"])
def test_no_cell_runs(seen: Seen, tmp_path: Path, name: Any) -> None:
    path = tmp_path / f"out.{name}"
    export(seen, "incidents", parse({"to": "1900-01-01"}), name, path)
    rows = read(path)
    assert len(rows) == len(NASTY)
    for row in rows:
        for value in row.values():
            assert not str(value or "").startswith(("=", "+", "@", "\t", "\r", "＝")), value
            assert not isinstance(value, str) or not value.startswith("-")
    titles = {row["title"] for row in rows}
    assert {"'=cmd|'/c calc'!A1", "'-1+1", "a,b", 'say "so"', "two\nlines", "العربية"} <= titles
    if name == "xlsx":
        for cells in openpyxl.load_workbook(path).active.iter_rows():  # type: ignore[union-attr]
            assert all(cell.data_type != "f" for cell in cells)


@pytest.mark.parametrize("name", ["geojson", "gpkg", "parquet"])
def test_geometry_is_where_it_was_and_missing_where_there_was_none(seen: Seen, tmp_path: Path, name: Any) -> None:
    path = tmp_path / f"out.{name}"
    export(seen, "incidents", Filters(category=("looting", "protest")), name, path)
    frame = geopandas.read_parquet(path) if name == "parquet" else pyogrio.read_dataframe(path)
    assert frame.crs is not None
    assert frame.crs.to_epsg() == 4326 or frame.crs.to_authority() == ("OGC", "CRS84")
    at = frame[frame["source_ref"] == "i7"].geometry.iloc[0]
    assert (at.x, at.y) == (incident(7).lon, incident(7).lat)
    assert frame[frame["source_ref"] == "i20000"].geometry.iloc[0] is None
    areas = tmp_path / f"areas.{name}"
    assert export(seen, "boundaries", Filters(), name, areas) == 3
    frame = geopandas.read_parquet(areas) if name == "parquet" else pyogrio.read_dataframe(areas)
    assert sorted(shape.area for shape in frame.geometry) == [15, 15, 30]


@pytest.mark.parametrize("name", ["geojson", "csv", "xlsx", "gpkg", "parquet"])
def test_nothing_makes_a_file_with_a_heading_and_the_file_before_is_replaced(
    seen: Seen, tmp_path: Path, name: Any
) -> None:
    path = tmp_path / f"out.{name}"
    path.write_text("what was there before")
    assert export(seen, "alerts", Filters(severity=Severity.critical), name, path) == 0
    assert read(path) == []


def test_a_file_is_whole_or_not_there(seen: Seen, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("before")
    with pytest.raises(BadFilter, match="ZZ99"):
        export(seen, "incidents", Filters(area="ZZ99"), "csv", path)
    assert path.read_text() == "before"


def test_the_operator_exports_what_is_withheld_from_others(picture: Picture, tmp_path: Path) -> None:
    assert export(picture.seen_by(LOCAL_OPERATOR), "incidents", Filters(), "csv", tmp_path / "out.csv") == ALL + 1
