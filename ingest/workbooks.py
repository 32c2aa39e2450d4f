"""Workbooks (xlsx, xls), opened only after what can hurt is checked: the zip's expansion and every sheet's true extent.

Two cells named in a few kilobytes of XLSX can span seventeen thousand million, and the parser lays them all out; the
process is then gone, for running out of memory there cannot be caught. So the XML is run through first, as text, and
whatever a workbook program would not have written is refused.
"""

from __future__ import annotations

import html
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from ingest.feed import Payload

MAX_ENTRIES = 2_000
MAX_EXPANDED = 2_000_000_000
MAX_RATIO = 500
"""Of one zip entry larger than 10 MB; repetitive sheets reach about 60."""
MAX_CELLS = 40_000_000
MAX_SPARSE = 2_000_000
"""A sheet spanning more cells than this must fill at least one in fifty of them."""


def is_workbook(payload: Payload) -> bool:
    try:
        with payload.open() as stream, zipfile.ZipFile(stream) as archive:
            return "[Content_Types].xml" in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def sheets_of(payload: Payload, kind: str) -> Iterator[tuple[str, Iterable[Sequence[Any]]]]:
    from python_calamine import CalamineWorkbook, SheetTypeEnum

    if kind == "xlsx":
        check_workbook(payload)
    try:
        with payload.open() as stream, CalamineWorkbook.from_filelike(stream) as book:
            for meta in book.sheets_metadata:
                if meta.typ is not SheetTypeEnum.WorkSheet:
                    continue
                sheet = book.get_sheet_by_name(meta.name)
                if sheet.start is None:
                    continue
                if sheet.total_height * sheet.total_width > MAX_CELLS:
                    raise ValueError(f"sheet {meta.name} spans more than {MAX_CELLS:,} cells")
                yield meta.name, _filled(sheet.iter_rows(), sheet.merged_cell_ranges or (), sheet.start[1])
    except GeneratorExit:
        raise
    except (ValueError, MemoryError):
        raise
    except BaseException as error:
        # The parser's own errors, and its panics, which do not derive from Exception.
        if not type(error).__module__.startswith(("python_calamine", "pyo3_runtime", "_python_calamine")):
            raise
        raise ValueError(f"{payload.name} cannot be read as a workbook: {error}") from None


def check_workbook(payload: Payload) -> None:
    """Raise ValueError where an xlsx has too many entries, expands too far, or spans far more than it holds."""
    try:
        with payload.open() as stream, zipfile.ZipFile(stream) as archive:
            check_zip(payload.name, archive)
            parts = {entry.filename.lower(): entry for entry in archive.infolist()}
            if "xl/workbook.xml" not in parts or "xl/_rels/workbook.xml.rels" not in parts:
                raise ValueError(f"{payload.name} is not an xlsx workbook (xlsb and ods are not read); save it as xlsx")
            # Every part that the workbook names, wherever it lies: a sheet need not be in xl/worksheets.
            relations = archive.read(parts["xl/_rels/workbook.xml.rels"]).decode("utf-8", "replace")
            named = {
                _last(html.unescape(target)) for _, target in re.findall(r"""Target\s*=\s*(["'])(.*?)\1""", relations)
            }
            for entry in archive.infolist():
                if _last(entry.filename) in named:
                    _check_extent(archive, entry)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise ValueError(f"{payload.name} is a damaged or encrypted zip file: {error}") from None


def _last(path: str) -> str:
    return re.split(r"[/\\]", path)[-1].lower()


def check_zip(name: str, archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise ValueError(f"{name} holds {len(entries):,} files; at most {MAX_ENTRIES:,} are read")
    if sum(entry.file_size for entry in entries) > MAX_EXPANDED:
        raise ValueError(f"{name} expands to more than {MAX_EXPANDED:,} bytes")
    for entry in entries:
        if entry.file_size > 10_000_000 and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
            raise ValueError(f"{entry.filename} in {name} expands more than {MAX_RATIO}-fold")


# The start of a row or cell element, and the whole of its tag; one that closes itself has a style but no value.
_STARTS = re.compile(rb"<(?:[^\s<>/!?:]+:)?(?:row|c)(?=[\s/>])")
_TAG = re.compile(rb"""<(?:[^\s<>/!?:]+:)?(row|c)((?:\s+[^\s=<>"']+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(/?)>""")
_PLACE = re.compile(rb"""[\s:]r\s*=\s*(?:["']([A-Z]*)(\d+)["'])?""")
LONGEST_TEXT = 1 << 20
"""Of one cell in bytes; a workbook program writes at most 32,767 characters."""


def _check_extent(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """Refuse a sheet whose filled cells span far more room than they fill, whatever its `dimension` claims."""
    rows = columns = filled = row = column = 0
    rest = b""
    with archive.open(entry) as stream:
        while block := stream.read(1 << 20):
            block = rest + block
            if block.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise ValueError(f"{entry.filename} is UTF-16, which no workbook program writes")
            cut = max(block.rfind(b"<"), 0)
            starts = len(_STARTS.findall(block, 0, cut))
            for match in _TAG.finditer(block, 0, cut):
                starts -= 1
                element, attributes, closed = match.groups()
                places = _PLACE.findall(attributes)
                if len(places) > 1 or (places and not places[0][1]):
                    starts += 1  # said twice, or not as "B12": another reader might place it elsewhere
                    continue
                if element == b"row":
                    row, column = int(places[0][1]) if places else row + 1, 0
                    continue
                column = _column(places[0][0]) if places and places[0][0] else column + 1
                if not closed:
                    filled += 1
                    rows = max(rows, int(places[0][1]) if places else row)
                    columns = max(columns, column)
            if starts or len(block) - cut > LONGEST_TEXT:
                raise ValueError(
                    f"{entry.filename} is not written as any workbook program would; save it again as xlsx"
                )
            rest = block[cut:]
    if rows > 1_048_576 or columns > 16_384:
        raise ValueError(f"{entry.filename} has a cell beyond row 1,048,576 or column XFD")
    span = rows * columns
    if span > MAX_CELLS or (span > MAX_SPARSE and span > 50 * filled):
        raise ValueError(
            f"{entry.filename} spans {rows:,} rows and {columns:,} columns but fills {filled:,} cells;"
            " delete the stray cells far from the table and save it again"
        )


@lru_cache(maxsize=1024)
def _column(letters: bytes) -> int:
    if len(letters) > 3:
        return 1 << 20
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _filled(rows: Iterable[list[Any]], merged: Sequence[Any], left: int) -> Iterator[list[Any]]:
    """Rows with a cell merged downwards repeated in each of its rows (a merged heading stays in its first column)."""
    spans = [(start[0], end[0], start[1] - left) for start, end in merged if end[0] > start[0] and start[1] >= left]
    if not spans:
        yield from rows
        return
    values: dict[tuple[int, int], Any] = {}
    for number, row in enumerate(rows):
        for top, bottom, column in spans:
            if top == number and column < len(row):
                values[top, column] = row[column]
            elif top < number <= bottom and column < len(row) and row[column] == "":
                row[column] = values.get((top, column), "")
        yield row
