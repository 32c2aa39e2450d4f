"""Parquet files: tables of rows, and GeoParquet (1.0, 1.1) as layers of features.

Read in batches, so that no file is whole in memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

from ingest.feed import Payload

MAGIC = b"PAR1"
BATCH_ROWS = 4_096
NAMED = (b"geometry", b"wkb_geometry", b"geom_wkb")
"""What a column of WKB is called where nothing more says that it is one."""


def is_parquet(payload: Payload) -> bool:
    return payload.head.startswith(MAGIC)


def is_geographic(payload: Payload) -> bool:
    """Whether it is GeoParquet: told from the words of its footer, without reading it."""
    if not is_parquet(payload):
        return False
    with payload.open() as stream:
        size = stream.seek(0, 2)
        stream.seek(max(size - 262_144, 0))
        footer = stream.read()
    return b"primary_column" in footer or b"geoarrow.wkb" in footer or any(name in footer for name in NAMED)


def table(payload: Payload) -> Iterator[Sequence[Any]]:
    """The names of the columns, then each row; what is binary (geometry) is left out. Raises ValueError of a damaged file."""
    opened = _open(payload)
    columns = [
        name
        for name, kind in zip(opened.schema_arrow.names, opened.schema_arrow.types, strict=True)
        if not _binary(kind)
    ]
    yield columns
    for row in _rows(opened, columns):
        yield [row[name] for name in columns]


def features(payload: Payload) -> tuple[str, Iterator[tuple[dict[str, Any], bytes | None]]]:
    """The CRS (as pyproj takes it; empty: longitude and latitude) and each row's properties and geometry as WKB.

    Raises ValueError where it is damaged or its geometry is not WKB.
    """
    opened = _open(payload)
    told = json.loads((opened.schema_arrow.metadata or {}).get(b"geo", b"{}"))
    names = [each.decode() for each in NAMED if each.decode() in opened.schema_arrow.names]
    marked = [
        each.name
        for each in opened.schema_arrow
        if (each.metadata or {}).get(b"ARROW:extension:name") == b"geoarrow.wkb"
    ]
    name = str(told.get("primary_column") or next(iter((*marked, *names)), "geometry"))
    about = (told.get("columns") or {}).get(name) or {}
    if name not in opened.schema_arrow.names or str(about.get("encoding", "WKB")).upper() != "WKB":
        raise ValueError(f"{payload.name} keeps its geometry as {about.get('encoding')}; write it as WKB")
    crs = about.get("crs", "OGC:CRS84" if told else None)  # absent: longitude and latitude; null: not known
    said = "" if crs is None else crs if isinstance(crs, str) else json.dumps(crs)
    own = [each for each in opened.schema_arrow.names if each != name]
    plain = [each for each in own if not _binary(opened.schema_arrow.field(each).type)]
    listed = ((({key: row[key] for key in plain}), row[name]) for row in _rows(opened, [*plain, name]))
    return said, listed


def _open(payload: Payload) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        source = str(payload.path) if payload.path is not None else pa.BufferReader(payload.read())
        return pq.ParquetFile(source, memory_map=False, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{payload.name} is a damaged Parquet file: {str(error)[:200]}") from None


def _rows(opened: Any, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    import pyarrow as pa

    try:
        for batch in opened.iter_batches(batch_size=BATCH_ROWS, columns=list(columns), use_threads=False):
            for row in batch.to_pylist():
                yield {name: _cell(value) for name, value in row.items()}
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"the Parquet file is damaged: {str(error)[:200]}") from None


def _binary(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _cell(value: Any) -> Any:
    """A cell as a table has it: days and times as datetimes, lists and structs as JSON."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value if value is None or isinstance(value, (str, int, float, bool, bytes)) else str(value)
