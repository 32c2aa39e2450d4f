"""What a viewer may see of one collection, as a file for other programs. Written aside and put in place when it is whole.

CSV and XLSX: a text that a spreadsheet would run as a formula gets an apostrophe before it (OWASP, CSV Injection). Times are
UTC. Geometry: GeoJSON and GeoPackage as such, Parquet as GeoParquet 1.1 (WKB, OGC:CRS84), CSV and XLSX as lon, lat and WKT.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import openpyxl
import pyarrow as pa
import pyarrow.parquet
import pyogrio
import shapely
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from dashboard.answer import encode
from dashboard.features import COMMON, feature, own_properties, properties
from data.filters import BadFilter, Filters
from data.records import COLLECTIONS
from data.seen import Item, Seen

Format = Literal["geojson", "csv", "xlsx", "gpkg", "parquet"]
CHUNK = 5_000
XLSX_ROWS = 1_048_575
"""A worksheet's, less its heading."""
XLSX_CHARACTERS = 32_767
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
ARROW = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date-time": pa.timestamp("us", "UTC"),
    "array": pa.string(),
    "object": pa.string(),
}


def export(seen: Seen, collection: str, filters: Filters, format: Format, path: Path) -> int:  # noqa: A002
    """Write the records that pass the filters and may leave in a file, newest first; how many. Raises `BadFilter`, `OSError`."""
    kind = COLLECTIONS[collection].name
    rows = seen.newest(kind, seen.exportable(kind, seen.rows(kind, filters)))
    if format == "xlsx" and len(rows) > XLSX_ROWS:
        raise BadFilter(f"xlsx: a worksheet holds {XLSX_ROWS:,} rows and these are {len(rows):,}; use csv or parquet.")
    chunks = (seen.items(kind, rows[start : start + CHUNK]) for start in range(0, len(rows), CHUNK))
    part = path.with_name(f".{path.stem}.part.{format}")
    try:
        WRITERS[format](chunks, collection, kind, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return len(rows)


Chunks = Iterator[list[Item]]


def _geojson(chunks: Chunks, collection: str, kind: str, path: Path) -> None:
    with path.open("wb") as file:
        file.write(b'{"type":"FeatureCollection","name":' + encode(collection) + b',"features":[')
        before = b"\n"
        for items in chunks:
            for item in items:
                file.write(before + encode(feature(item)))
                before = b",\n"
        file.write(b"\n]}\n")


def _csv(chunks: Chunks, collection: str, kind: str, path: Path) -> None:
    columns = _columns(kind)
    # With a byte order mark: spreadsheets take UTF-8 for a Windows code page without one.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*columns, "lon", "lat", "wkt"])
        for items in chunks:
            writer.writerows([_csv_cell(value) for value in _row(item, columns)] for item in items)


def _csv_cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bool):
        return "true" if value else "false"
    return harmless(value) if isinstance(value, str) else value


def _xlsx(chunks: Chunks, collection: str, kind: str, path: Path) -> None:
    columns = _columns(kind)
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(collection)
    sheet.append(
        [*(f"{name} (UTC)" if of == "date-time" else name for name, of in columns.items()), "lon", "lat", "wkt"]
    )
    for items in chunks:
        for item in items:
            sheet.append([_xlsx_cell(value) for value in _row(item, columns)])
    book.save(path)


def _xlsx_cell(value: Any) -> Any:
    if isinstance(value, datetime):
        # A worksheet knows days from 1900 on and no zones.
        return value.replace(tzinfo=None) if value.year >= 1900 else value.isoformat().replace("+00:00", "Z")
    if isinstance(value, str):
        text = harmless(ILLEGAL_CHARACTERS_RE.sub("", value))
        return text if len(text) <= XLSX_CHARACTERS else text[: XLSX_CHARACTERS - 1] + "…"
    return value


def harmless(text: str) -> str:
    """The text as a cell that no spreadsheet runs."""
    return "'" + text if text.startswith(FORMULA) else text


def _gpkg(chunks: Chunks, collection: str, kind: str, path: Path) -> None:
    for number, table in enumerate(_tables(chunks, kind)):
        pyogrio.write_arrow(
            table,
            path,
            layer=collection,
            driver="GPKG",
            geometry_name="geometry",
            geometry_type="Unknown",
            crs="EPSG:4326",
            append=number > 0,
        )


def _parquet(chunks: Chunks, collection: str, kind: str, path: Path) -> None:
    geo = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {"geometry": {"encoding": "WKB", "geometry_types": []}},
    }
    schema = _schema(kind).with_metadata({"geo": json.dumps(geo)})
    with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for table in _tables(chunks, kind):
            writer.write_table(table.replace_schema_metadata(schema.metadata))


def _tables(chunks: Chunks, kind: str) -> Iterator[pa.Table]:
    """At least one table, an empty one where there is nothing."""
    columns, schema = _columns(kind), _schema(kind)
    empty = True
    for items in chunks:
        rows = [_cells(properties(item), columns) for item in items]
        parts = [pa.array(values, schema.field(at).type) for at, values in enumerate(zip(*rows, strict=True))]
        yield pa.table([*parts, pa.array([_wkb(item) for item in items], pa.binary())], schema=schema)
        empty = False
    if empty:
        yield schema.empty_table()


def _schema(kind: str) -> pa.Schema:
    fields = [pa.field(name, ARROW[of]) for name, of in _columns(kind).items()]
    return pa.schema([*fields, pa.field("geometry", pa.binary(), metadata={"ARROW:extension:name": "geoarrow.wkb"})])


def _columns(kind: str) -> dict[str, str]:
    """Property -> type; the partner's other columns stand in one, as JSON."""
    return {**COMMON, **own_properties(kind), "attributes": "object"}


def _cells(told: dict[str, Any], columns: dict[str, str]) -> list[Any]:
    return [_json(told[name]) if of in ("array", "object") else told[name] for name, of in columns.items()]


def _json(value: Any) -> str | None:
    return encode(value).decode() if value else None


def _row(item: Item, columns: dict[str, str]) -> Sequence[Any]:
    """The cells of a flat row: the properties, then lon, lat and, for more than a point, WKT."""
    record = item.record
    wkt = None if item.wkb is None else shapely.to_wkt(shapely.from_wkb(item.wkb), rounding_precision=7)
    return [*_cells(properties(item), columns), record.lon, record.lat, wkt]


def _wkb(item: Item) -> bytes | None:
    if item.wkb is not None:
        return item.wkb
    lon, lat = item.record.lon, item.record.lat
    return None if lon is None or lat is None else bytes(shapely.to_wkb(shapely.Point(lon, lat)))


WRITERS: dict[str, Callable[[Chunks, str, str, Path], None]] = {
    "geojson": _geojson,
    "csv": _csv,
    "xlsx": _xlsx,
    "gpkg": _gpkg,
    "parquet": _parquet,
}
