"""XLSX files that come out the same byte for byte: openpyxl stamps the time of writing into the file; it is taken out."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from openpyxl import Workbook

Cell = str | int | float | datetime | None


def xlsx(sheets: Iterable[tuple[str, Iterable[Sequence[Cell]]]], written: datetime) -> bytes:
    """A workbook of these sheets (name, rows), saying that it was saved at `written`."""
    book = Workbook(write_only=True)
    for name, rows in sheets:
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    raw = io.BytesIO()
    book.save(raw)
    return _restamped(raw.getvalue(), written)


def _restamped(content: bytes, written: datetime) -> bytes:
    stamp = written.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            body = old.read(entry)
            if entry.filename == "docProps/core.xml":
                body = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp, body)
            clean = zipfile.ZipInfo(entry.filename, (1980, 1, 1, 0, 0, 0))
            clean.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(clean, body)
    return out.getvalue()
