"""Workbooks (xlsx, xls), opened only after what can hurt is checked: the zip's expansion and every sheet's true extent.

Two cells named in a few kilobytes of XLSX can span seventeen thousand million, and the parser lays them all out; the
process is then gone, for running out of memory there cannot be caught. So the XML is run through first, as text, and
whatever a workbook program would not have written is refused.
"""

from __future__ import annotations

import html
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import IO, Any

from ingest.feed import Payload

DAMAGE = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, struct.error)
"""What reading a damaged, encrypted or hand-made zip raises."""
MAX_ENTRIES = 2_000
MAX_EXPANDED = 2_000_000_000
MAX_RATIO = 500
"""Of one zip entry larger than 10 MB; repetitive sheets reach about 60."""
MAX_CELLS = 20_000_000
MAX_SPARSE = 2_000_000
"""A sheet spanning more cells than this must fill at least one in fifty of them."""


def is_workbook(payload: Payload) -> bool:
    try:
        with payload.open() as stream, zipfile.ZipFile(stream) as archive:
            return "[Content_Types].xml" in archive.namelist()
    except (ValueError, *DAMAGE):
        return False


def sheets_of(payload: Payload, kind: str) -> Iterator[tuple[str, Iterable[Sequence[Any]]]]:
    """Name and rows of every sheet that holds something; raises ValueError where the workbook is not fit to be read."""
    return _sheets_of_xls(payload) if kind == "xls" else _sheets_of_xlsx(payload)


def first_sheet(content: bytes) -> list[list[Any]]:
    """The rows of an xlsx workbook's first sheet; raises ValueError where it is not fit to be read."""
    payload = Payload("sheet.xlsx", content=content)
    if not is_workbook(payload):
        raise ValueError("it is no xlsx workbook")
    return [list(row) for _, rows in [next(iter(sheets_of(payload, "xlsx")), ("", ()))] for row in rows]


def _sheets_of_xlsx(payload: Payload) -> Iterator[tuple[str, Iterable[Sequence[Any]]]]:
    from python_calamine import CalamineWorkbook, SheetTypeEnum

    copy = _checked_copy(payload)
    try:
        with CalamineWorkbook.from_filelike(copy) as book:
            for meta in book.sheets_metadata:
                sheet = book.get_sheet_by_name(meta.name) if meta.typ is SheetTypeEnum.WorkSheet else None
                if sheet is not None and sheet.start is not None:
                    yield meta.name, _filled(sheet.iter_rows(), sheet.merged_cell_ranges or (), sheet.start[1])
    except (GeneratorExit, ValueError, MemoryError):
        raise
    except BaseException as error:
        # The parser's own errors, and its panics, which do not derive from Exception.
        if not type(error).__module__.startswith(("python_calamine", "pyo3_runtime", "_python_calamine")):
            raise
        raise ValueError(f"{payload.name} cannot be read as a workbook: {error}") from None


def _sheets_of_xls(payload: Payload) -> Iterator[tuple[str, Iterable[Sequence[Any]]]]:
    """The old binary format, through a parser in Python: the other one aborts the process on some damaged files."""
    import xlrd

    try:
        # Merged cells are kept only with the formatting; ragged rows take no room for what is not there.
        book = xlrd.open_workbook(
            file_contents=payload.read(), formatting_info=True, ragged_rows=True, logfile=io.StringIO()
        )
        sheets = [
            (sheet.name, [_xls_row(book, sheet, number) for number in range(sheet.nrows)], sheet.merged_cells)
            for sheet in book.sheets()
        ]
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 (a damaged file raises whatever its unpacking meets: struct, index, assertion)
        raise ValueError(f"{payload.name} cannot be read as a workbook: {error or type(error).__name__}") from None
    for name, rows, merged in sheets:
        if rows:
            spans = [((top, left), (bottom - 1, right - 1)) for top, bottom, left, right in merged]
            yield name, _filled(rows, spans, 0)


def _xls_row(book: Any, sheet: Any, number: int) -> list[Any]:
    import xlrd

    found: list[Any] = []
    for cell in sheet.row(number):
        value = cell.value
        if cell.ctype == xlrd.XL_CELL_DATE:
            with suppress(xlrd.xldate.XLDateError, ValueError, OverflowError):  # else it stays a number
                value = xlrd.xldate_as_datetime(value, book.datemode)
        elif cell.ctype == xlrd.XL_CELL_BOOLEAN:
            value = bool(value)
        elif cell.ctype not in (xlrd.XL_CELL_TEXT, xlrd.XL_CELL_NUMBER):
            value = ""
        found.append(value)
    return found


def _checked_copy(payload: Payload) -> io.BytesIO:
    """The parts of an xlsx that are needed, zipped anew, so that the parser sees exactly what was checked here.

    Two readers of one zip need not agree on what is in it. Raises ValueError where there are too many entries, they expand
    too far, or a sheet spans far more than it holds.
    """
    copy = io.BytesIO()
    try:
        with payload.open() as stream, zipfile.ZipFile(stream) as archive:
            check_zip(payload.name, archive)
            parts = {entry.filename.lower(): entry for entry in archive.infolist()}
            if len(parts) != len(archive.infolist()):
                raise ValueError(f"{payload.name} holds two parts of one name; save it again as xlsx")
            if "xl/workbook.xml" not in parts or "xl/_rels/workbook.xml.rels" not in parts:
                raise ValueError(f"{payload.name} is not an xlsx workbook (xlsb and ods are not read); save it as xlsx")
            # Every part that the workbook names, wherever it lies: a sheet need not be in xl/worksheets.
            relations = archive.read(parts["xl/_rels/workbook.xml.rels"]).decode("utf-8", "replace")
            targets = re.findall(r"""Target\s*=\s*(["'])(.*?)\1""", relations)
            named = {_last(html.unescape(target)) for _, target in targets}
            with zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as checked:
                for entry in archive.infolist():
                    if _last(entry.filename) in named:
                        with checked.open(entry.filename, "w") as part:
                            _check_extent(archive, entry, part)
                    elif entry.filename.lower().endswith((".xml", ".rels")):
                        content = archive.read(entry)
                        _check_counts(entry, content)
                        checked.writestr(entry.filename, content)
    except DAMAGE as error:
        raise ValueError(f"{payload.name} is a damaged or encrypted zip file: {error}") from None
    copy.seek(0)
    return copy


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


_COUNT = re.compile(rb"""uniqueCount\s*=\s*(["'])(.*?)\1""")


def _check_counts(entry: zipfile.ZipInfo, content: bytes) -> None:
    """Refuse shared strings that announce more of them than there are bytes: the parser makes room for what is announced."""
    for match in _COUNT.finditer(content):
        if not match[2].isdigit() or int(match[2]) > entry.file_size:
            raise ValueError(
                f"{entry.filename} announces {match[2].decode('utf-8', 'replace')[:20]} texts but does not hold them"
            )


# The start of a row or cell element, and the whole of its tag; one that closes itself has a style but no value.
_STARTS = re.compile(rb"<(?:[^\s<>/!?:]+:)?(?:row|c)(?=[\s/>])")
_TAG = re.compile(rb"""<(?:[^\s<>/!?:]+:)?(row|c)((?:\s+[^\s=<>"']+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(/?)>""")
_PLACE = re.compile(rb"""[\s:]r\s*=\s*(?:["']([A-Z]*)(\d+)["'])?""")
LONGEST_TEXT = 1 << 20
"""Of one cell in bytes; a workbook program writes at most 32,767 characters."""


def _check_extent(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, copy: IO[bytes]) -> None:
    """Refuse a sheet whose filled cells span far more room than they fill, whatever its `dimension` claims; copy it meanwhile."""
    rows = columns = filled = row = column = 0
    rest = b""
    with archive.open(entry) as stream:
        more = True
        while more:
            block = stream.read(1 << 20)
            more = bool(block)
            copy.write(block)
            block = rest + block
            if block.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise ValueError(f"{entry.filename} is UTF-16, which no workbook program writes")
            cut = max(block.rfind(b"<"), 0) if more else len(block)  # the last tag may go on in the next block
            _check_counts(entry, block[:cut])
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
    if span > MAX_CELLS and 50 * filled >= span:
        raise ValueError(f"{entry.filename} has {span:,} cells; send tables of more than {MAX_CELLS:,} as csv")
    if span > MAX_SPARSE and span > 50 * filled:
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
    begins: dict[int, list[tuple[int, int]]] = {}
    for (top, column), (bottom, _) in merged:
        if bottom > top and column >= left:
            begins.setdefault(top, []).append((column - left, bottom))
    held: dict[int, tuple[int, Any]] = {}
    """Column -> (last row, value) of the merged cell that is being gone through there."""
    for number, row in enumerate(rows) if begins else ():
        for column, (bottom, value) in held.items():
            if number <= bottom and column < len(row) and row[column] == "":
                row[column] = value
        for column, bottom in begins.get(number, ()):
            if column < len(row):
                held[column] = (bottom, row[column])
        yield row
    if not begins:
        yield from rows
