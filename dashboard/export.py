"""What a viewer may see of one collection, as a file for other programs. Written aside and put in place when it is whole.

CSV and XLSX: a text that a spreadsheet would run as a formula gets an apostrophe before it (OWASP, CSV Injection). CSV has the
HXL hashtags as its second row. Times are UTC. Geometry: GeoJSON and GeoPackage as such, Parquet as GeoParquet 1.1 (WKB,
OGC:CRS84), CSV and XLSX as lon, lat and WKT. Whose it is, how it is marked and how it was chosen (`About`) goes into the file
wherever its format has a place for it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import openpyxl
import pyarrow as pa
import pyarrow.parquet
import pyogrio
import shapely
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from dashboard.answer import encode
from dashboard.clauses import marking
from dashboard.features import COMMON, feature, own_properties, properties
from dashboard.hxl import tags
from dashboard.selection import revision_time, rfc3339
from data.cells import harmless
from data.filters import BadFilter, Filters
from data.records import COLLECTIONS
from data.seen import Item, Rows, Seen

Format = Literal["geojson", "csv", "xlsx", "gpkg", "parquet"]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PROGRAM = "Common Ground"
CHUNK = 5_000
XLSX_ROWS = 1_048_575
"""A worksheet's, less its heading."""
XLSX_CHARACTERS = 32_767
ARROW = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date-time": pa.timestamp("us", "UTC"),
    "array": pa.string(),
    "object": pa.string(),
}


@dataclass(frozen=True)
class About:
    """What a file says of itself."""

    title: str
    collection: str
    marking: str
    """The join of the marks of what is in it."""
    filters: str
    """As the query of an address; empty: everything."""
    as_known_at: str
    """To which moment it is what was known (RFC 3339 UTC)."""
    revision: str
    count: str
    crs: str = "OGC:CRS84 (WGS 84, longitude and latitude in degrees)"
    times: str = "UTC, RFC 3339"


def export(seen: Seen, collection: str, filters: Filters, format: Format, path: Path) -> int:  # noqa: A002
    """Write the records that pass the filters and may leave in a file, newest first; how many. Raises `BadFilter`, `OSError`."""
    kind = COLLECTIONS[collection].name
    rows = seen.exportable(kind, seen.rows(kind, filters))
    write(seen, collection, rows, format, path, about(seen, collection, rows, "", collection))
    return len(rows)


def about(seen: Seen, collection: str, rows: Rows, query: str, title: str, lang: str = "en") -> About:
    """What a file of these rows says of itself."""
    kind = COLLECTIONS[collection].name
    exercise = "EXERCISE · " if seen.column(kind, "exercise")[rows].any() else ""
    return About(
        title=title,
        collection=collection,
        marking=exercise + marking(lang, seen.marking((kind, rows))),
        filters=query,
        as_known_at=rfc3339(seen.now if seen.past else revision_time(seen) or EPOCH),
        revision=str(seen.revision),
        count=str(len(rows)),
    )


def write(seen: Seen, collection: str, rows: Rows, format: Format, path: Path, told: About) -> None:  # noqa: A002
    """Write these rows, newest first. Who may take them out was asked before. Raises `BadFilter`, `OSError`."""
    kind = COLLECTIONS[collection].name
    rows = seen.newest(kind, rows)
    if format == "xlsx" and len(rows) > XLSX_ROWS:
        raise BadFilter(f"xlsx: a worksheet holds {XLSX_ROWS:,} rows and these are {len(rows):,}; use csv or parquet.")
    chunks = (seen.items(kind, rows[start : start + CHUNK]) for start in range(0, len(rows), CHUNK))
    part = path.with_name(f".{path.stem}.part.{format}")
    try:
        WRITERS[format](chunks, kind, part, told)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


Chunks = Iterator[list[Item]]


def _geojson(chunks: Chunks, kind: str, path: Path, told: About) -> None:
    with path.open("wb") as file:
        head = encode({"type": "FeatureCollection", "name": told.collection, "about": asdict(told)})
        file.write(head[:-1] + b',"features":[')
        before = b"\n"
        for items in chunks:
            for item in items:
                file.write(before + encode(feature(item)))
                before = b",\n"
        file.write(b"\n]}\n")


def _csv(chunks: Chunks, kind: str, path: Path, told: About) -> None:
    columns = _columns(kind)
    # With a byte order mark: spreadsheets take UTF-8 for a Windows code page without one.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        heading = [*columns, "lon", "lat", "wkt"]
        writer.writerows([heading, tags(kind, heading)])
        for items in chunks:
            writer.writerows([_csv_cell(value) for value in _row(item, columns)] for item in items)


def _csv_cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bool):
        return "true" if value else "false"
    return harmless(value) if isinstance(value, str) else value


def _xlsx(chunks: Chunks, kind: str, path: Path, told: About) -> None:
    columns = _columns(kind)
    book = openpyxl.Workbook(write_only=True)
    book.properties.title, book.properties.description = told.title, told.marking
    book.properties.creator, book.properties.keywords = PROGRAM, told.filters
    sheet = book.create_sheet(told.collection)
    sheet.append(
        [*(f"{name} (UTC)" if of == "date-time" else name for name, of in columns.items()), "lon", "lat", "wkt"]
    )
    for items in chunks:
        for item in items:
            sheet.append([_xlsx_cell(value) for value in _row(item, columns)])
    page = book.create_sheet("about")
    for name, value in asdict(told).items():
        page.append([name, _xlsx_cell(value)])
    book.save(path)


def _xlsx_cell(value: Any) -> Any:
    if isinstance(value, datetime):
        # A worksheet knows days from 1900 on and no zones.
        return value.replace(tzinfo=None) if value.year >= 1900 else value.isoformat().replace("+00:00", "Z")
    if isinstance(value, str):
        text = harmless(ILLEGAL_CHARACTERS_RE.sub("", value))
        return text if len(text) <= XLSX_CHARACTERS else text[: XLSX_CHARACTERS - 1] + "…"
    return value


def _gpkg(chunks: Chunks, kind: str, path: Path, told: About) -> None:
    for number, table in enumerate(_tables(chunks, kind)):
        pyogrio.write_arrow(
            table,
            path,
            layer=told.collection,
            driver="GPKG",
            geometry_name="geometry",
            geometry_type="Unknown",
            crs="EPSG:4326",
            append=number > 0,
            **({} if number else {"layer_metadata": asdict(told)}),
        )


def _parquet(chunks: Chunks, kind: str, path: Path, told: About) -> None:
    geo = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {"geometry": {"encoding": "WKB", "geometry_types": []}},
    }
    schema = _schema(kind).with_metadata({"geo": json.dumps(geo), "about": encode(asdict(told))})
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


WRITERS: dict[str, Callable[[Chunks, str, Path, About], None]] = {
    "geojson": _geojson,
    "csv": _csv,
    "xlsx": _xlsx,
    "gpkg": _gpkg,
    "parquet": _parquet,
}
