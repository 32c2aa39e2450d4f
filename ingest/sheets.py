"""Tables out of whatever partners keep them in: csv, tsv, semicolons, xls, xlsx, JSON lists, or one of these in a zip.

Every feed of tables reads through `tables` (rows as dicts) and recognises through `preview` (headers and a few rows).
Csv is read as a stream; the encoding and the delimiter are found from what is there.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import chain, islice
from typing import Any, TypeVar

from data.cells import unharmed
from data.quarantine_rows import ANSWERS, BESIDE
from ingest import parquet
from ingest.feed import HEAD_BYTES, Payload, decode_text
from ingest.origin import Handed, origin
from ingest.parquet import is_parquet
from ingest.workbooks import DAMAGE, check_zip, is_workbook, sheets_of

Cell = str | int | float | bool | datetime | None
Row = dict[str, Cell]
T = TypeVar("T")

HEADER_WITHIN = 25
"""Rows from the top among which the header and the HXL tag row are looked for (the HXL standard's own number)."""
PREVIEW_ROWS = 40
MOST_COLUMNS = 16_384
"""Of the widest spreadsheet there is."""
NARROWEST = 3
"""Filled cells that a line of a table has at least; a title above it has fewer."""
SEPARATOR = re.compile(r'\A\ufeff?"?sep=([,;|\t])"?(?:\r?\n|\Z)', re.IGNORECASE)
"""What Excel writes above a csv to say how it is split."""
NOTHING = frozenset(("", "-", "--", "n/a", "#n/a", "null", "nan"))
"""What partners write into a cell that says nothing. Not "NA": that is Namibia."""
MAX_JSON = 200_000_000

# A WKT polygon of a district is one field of several hundred kilobytes; the module's own limit is 128 kB.
csv.field_size_limit(16_777_216)

TAG = re.compile(r"\s*#[A-Za-z][\w]*(?:/[A-Za-z]\w*)?(?:\s*\+\s*[A-Za-z_]\w*)*\s*\Z")


@dataclass(frozen=True)
class Table:
    """A sheet with its header. `tags` are its HXL tags by column ("" where untagged); none without a tag row."""

    sheet: str
    header: tuple[str, ...]
    tags: tuple[str, ...]
    rows: Iterable[Row]
    """Header -> cell, in the order of the sheet; blank rows and blank cells are left out."""

    def tagged(self) -> dict[str, str]:
        """HXL tag (lower case, no spaces, attributes sorted: `#adm1+code`) -> column; of a repeated tag the first."""
        found: dict[str, str] = {}
        for name, tag in zip(self.header, self.tags, strict=True) if self.tags else ():
            if tag:
                found.setdefault(tag, name)
        return found


def kind_of(payload: Payload) -> str:
    """By content: `xlsx`, `xls`, `parquet`, `zip`, `json` or `csv`; empty where it is none of them."""
    head = payload.head
    if head.startswith(b"PK\x03\x04"):
        return "xlsx" if is_workbook(payload) else "zip"
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return "xls"
    if is_parquet(payload):
        return "parquet"
    if not head or (b"\x00" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff"))):
        return ""
    start = payload.head_text.lstrip("\ufeff \t\r\n")[:1]
    if start in ("<", "%", ""):
        return ""
    return "json" if start in ("{", "[") else "csv"


def tables(payload: Payload) -> Iterator[Table]:
    """Every table of a payload, one per sheet that has a header and at least one column.

    Csv is read as a stream; a sheet of a workbook is in memory while its rows are read. Raises ValueError where the
    payload is no table, is damaged, or would expand beyond the limits above.
    """
    for name, rows in _sheets(payload):
        found = _table(name, rows)
        if found is not None:
            yield found


def rows_of(
    payload: Payload, ours: Callable[[Table], object], read: Callable[[Table], Iterable[T]], missing: str
) -> Iterator[T]:
    """The rows that `read` makes of each table that is `ours`; raises ValueError where none is: the payload `missing`."""
    found = False
    for table in tables(payload):
        if ours(table):
            found = True
            yield from read(table)
    if not found:
        raise ValueError(f"{payload.name} {missing}")


def preview(payload: Payload) -> tuple[Table, ...]:
    """The tables of a payload with their first rows, for recognising it; empty where it cannot be read as tables."""
    stamp = payload.path.stat().st_mtime_ns if payload.path is not None else 0
    return _preview(payload, stamp)


@lru_cache(maxsize=2)
def _preview(payload: Payload, stamp: int) -> tuple[Table, ...]:
    """`stamp` tells a file that was rewritten under its name from the one remembered."""
    try:
        if kind_of(payload) == "csv":
            text = payload.head_text
            if len(payload.head) == HEAD_BYTES:
                text = text.rpartition("\n")[0] or text  # the last line may be cut
            sheets: Iterable[tuple[str, Iterable[Sequence[Any]]]] = [("", _lenient(text))]
        elif kind_of(payload) == "json" and not re.search(r'"\s*#[A-Za-z]', payload.head_text):
            return ()  # a list without HXL tags is some other format's JSON
        else:
            sheets = _sheets(payload)
        found = [_table(name, islice(rows, PREVIEW_ROWS)) for name, rows in sheets]
    except (ValueError, OSError):
        return ()
    return tuple(Table(t.sheet, t.header, t.tags, tuple(t.rows)) for t in found if t is not None)


def plain(row: Mapping[str, Cell], without: Iterable[str] = ()) -> dict[str, str | int | float | bool | None]:
    """A row's cells as attributes of a record: times as text, columns in `without` left out."""
    skip = frozenset(without)
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
        if name not in skip
    }


def distinct(key: str, row: Row, seen: dict[str, list[int]]) -> str:
    """`key`, or `key#2` and so on where it came before with other content: no row may silently replace another.

    `seen` is kept by the caller while it goes through a table.
    """
    content = hash(tuple(row.items()))
    versions = seen.setdefault(key, [])
    if content not in versions:
        versions.append(content)
    place = versions.index(content)
    return f"{key}#{place + 1}" if key and place else key


# -------------------- sheets


def _sheets(payload: Payload) -> Iterator[tuple[str, Iterable[Sequence[Any]]]]:
    kind = kind_of(payload)
    if kind == "csv":
        yield "", csv_rows(payload)
    elif kind in ("xlsx", "xls"):
        yield from sheets_of(payload, kind)
    elif kind == "json":
        yield from _json(payload)
    elif kind == "parquet":
        yield "", parquet.table(payload)
    elif kind == "zip":
        yield from _sheets(_unzip(payload))
    else:
        raise ValueError(
            f"{payload.name} is not a table: send csv, tsv, xls, xlsx, JSON rows, or a zip with one of them"
        )


def lines(payload: Payload) -> Iterator[list[str]]:
    """The lines of a csv, or of the first sheet of a workbook that has a table, cells as text; titles above are left out."""
    kind = kind_of(payload)
    sheets: Iterable[Iterable[Sequence[Any]]] = ()
    if kind == "csv":
        sheets = [csv_rows(payload)]
    elif kind in ("xlsx", "xls"):
        sheets = (rows for _, rows in sheets_of(payload, kind))
    for rows in sheets:
        told = (["" if value is None else _word_of(value) for value in row] for row in rows)
        found = False
        for row in told:
            found = found or sum(bool(cell.strip()) for cell in row) >= NARROWEST
            if found:
                yield row
        if found:
            return


def top_lines(payload: Payload) -> tuple[list[str], ...]:
    """The first of `lines`, for recognising a payload; none where it cannot be read as a table."""
    stamp = payload.path.stat().st_mtime_ns if payload.path is not None else 0
    return _top_lines(payload, stamp)


@lru_cache(maxsize=2)
def _top_lines(payload: Payload, stamp: int) -> tuple[list[str], ...]:
    try:
        return tuple(islice(lines(payload), HEADER_WITHIN))
    except (ValueError, OSError):
        return ()


def _word_of(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat() if value.time() != time() else value.date().isoformat()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def csv_rows(payload: Payload) -> Iterator[list[str]]:
    """Lines of a csv, split into cells as they stand; raises ValueError at a line that is no csv."""
    encoding = _encoding(payload)
    dialect = _delimiter(payload.head_text)
    with payload.open() as stream, io.TextIOWrapper(stream, encoding, errors="replace", newline="") as text:
        reader = csv.reader(text, delimiter=dialect)
        try:
            yield from (row for row in reader if reader.line_num > 1 or not SEPARATOR.match(dialect.join(row)))
        except csv.Error as error:
            raise ValueError(f"line {reader.line_num} of {payload.name} cannot be read as csv: {error}") from None


def _lenient(text: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(io.StringIO(SEPARATOR.sub("", text, count=1), newline=""), delimiter=_delimiter(text))
    except csv.Error:
        return


def _encoding(payload: Payload) -> str:
    """UTF-16 by its BOM, UTF-8 where all of it is, else Windows-1252; the file is run through once, not held."""
    if payload.head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    decoder = codecs.getincrementaldecoder("utf-8")()
    with payload.open() as stream:
        try:
            while block := stream.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8-sig"


def _delimiter(text: str) -> str:
    """Which of , ; tab | splits the first lines most evenly into most columns."""
    if said := SEPARATOR.match(text):
        return said[1]
    sample = "\n".join(text.split("\n")[:60])[:32_768]
    best, best_score = ",", 0.0
    for candidate in (",", "\t", ";", "|"):
        try:
            widths = [len(row) for row in csv.reader(io.StringIO(sample, newline=""), delimiter=candidate) if row]
        except csv.Error:
            continue
        if widths:
            usual = max(set(widths), key=lambda width: (widths.count(width), width))
            score = (usual - 1) * widths.count(usual) / len(widths)
            if score > best_score:
                best, best_score = candidate, score
    return best


def _json(payload: Payload) -> Iterator[tuple[str, Iterable[Sequence[Any]]]]:
    content = payload.read()
    if len(content) > MAX_JSON:
        raise ValueError(f"{payload.name} has {len(content):,} bytes of JSON; send tables beyond {MAX_JSON:,} as csv")
    try:
        value = json.loads(decode_text(content))
    except RecursionError:
        raise ValueError(f"{payload.name} is nested too deeply to be a table") from None
    found = list(_lists(value, ""))
    if not found:
        raise ValueError(f"{payload.name} holds no list of rows")
    yield from found


def _lists(value: Any, name: str) -> Iterator[tuple[str, Iterable[Sequence[Any]]]]:
    """Lists of lists, and lists of objects (their keys become the header), at the top or one level into an object."""
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, list):
                yield from _lists(item, str(key))
    elif value and all(isinstance(row, list) for row in value):
        yield name, value
    elif value and all(isinstance(row, dict) for row in value):
        keys = list(dict.fromkeys(key for row in value for key in row))
        yield name, chain([keys], ([row.get(key) for key in keys] for row in value))


def _unzip(payload: Payload) -> Payload:
    """The one table in a zip."""
    try:
        with payload.open() as stream, zipfile.ZipFile(stream) as archive:
            check_zip(payload.name, archive)
            wanted = (".csv", ".tsv", ".txt", ".xls", ".xlsx", ".json", ".hxl")
            entries = [
                entry
                for entry in archive.infolist()
                if entry.filename.lower().endswith(wanted) and not entry.filename.startswith("__MACOSX")
            ]
            if len(entries) != 1:
                raise ValueError(f"{payload.name} holds {len(entries)} tables; a zip must hold exactly one")
            content = archive.read(entries[0])
    except DAMAGE as error:
        raise ValueError(f"{payload.name} is a damaged or encrypted zip file: {error}") from None
    inner = Payload(entries[0].filename, content=content)
    if kind_of(inner) == "zip":
        raise ValueError(f"{payload.name} is a zip within a zip")
    return inner


# -------------------- headers


def _table(name: str, rows: Iterable[Sequence[Any]]) -> Table | None:
    rest = iter(rows)
    top = [[_cell(value) for value in row] for row in islice(rest, HEADER_WITHIN + 1)]
    tag_row = next((number for number, row in enumerate(top) if is_tag_row(row)), None)
    place = _header_row(top) if tag_row is None else tag_row - 1
    if place is None:
        return None
    width = max(len(row) for row in top)
    if width > MOST_COLUMNS:
        raise ValueError(f"{name or 'the table'} has {width:,} columns; at most {MOST_COLUMNS:,} are read")
    above = next((row for row in reversed(top[: max(place, 0)]) if sum(value is not None for value in row) > 1), [])
    lower = top[place] if place >= 0 else []
    tags = () if tag_row is None else tuple(_tag(value) for value in _wide(top[tag_row], width))
    if tag_row is None and lower and isinstance(lower[0], str):
        lower = [lower[0].lstrip("#").lstrip(), *lower[1:]]  # a header written as a comment: "#name,region"
    header = _names(_wide(lower, width), _wide(above, width), tags)
    body = chain(top[(place if tag_row is None else tag_row) + 1 :], ([_cell(value) for value in row] for row in rest))
    if ANSWERS not in header:
        return Table(name, header, tags, _dicts(header, tags, ((row, 0) for row in body)))
    own = [number for number, heading in enumerate(header) if heading not in BESIDE]
    answering = _answering(body, own, header.index(ANSWERS))
    header = tuple(unharmed(header[number]) for number in own)
    tags = tuple(tags[number] for number in own) if tags else ()
    return Table(name, header, tags, _dicts(header, tags, answering))


def is_tag_row(row: Sequence[Cell]) -> bool:
    """Whether a row is HXL tags: at least one, and at least half of what is filled (some columns are left in words)."""
    filled = [value for value in row if value is not None]
    tags = sum(isinstance(value, str) and bool(TAG.match(value)) for value in filled)
    return tags > 0 and 2 * tags >= len(filled)


def _tag(value: Cell) -> str:
    if not isinstance(value, str) or not TAG.match(value):
        return ""
    tag, *attributes = value.lower().replace(" ", "").split("+")
    return "+".join([tag, *sorted(attributes)])


def _header_row(top: Sequence[Sequence[Cell]]) -> int | None:
    """The first row that is nearly as full as the fullest and mostly words; titles above are narrower."""
    counts = [sum(value is not None for value in row) for row in top]
    fullest = max(counts, default=0)
    for number, (row, count) in enumerate(zip(top, counts, strict=True)):
        words = sum(isinstance(value, (str, datetime)) and not _is_number(value) for value in row)
        if count and count >= 0.6 * fullest and words >= 0.6 * count:
            return number
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"-?[\d.,]+%?", value.strip()))


def _wide(row: Sequence[Cell], width: int) -> list[Cell]:
    return [*row, *[None] * (width - len(row))]


def _names(lower: Sequence[Cell], above: Sequence[Cell], tags: Sequence[str]) -> tuple[str, ...]:
    """A name for every column, none twice: its own, told apart by the merged heading above it, or else by its place."""
    own = [_word(value) for value in lower]
    often = Counter(own)
    group = ""
    names: dict[str, None] = {}
    for number, name in enumerate(own):
        group = _word(above[number]) or group
        if name and often[name] > 1 and group and f"{group} {name}" not in names:
            name = f"{group} {name}"
        name = name or _word(above[number]) or (tags[number] if tags else "") or f"column {number + 1}"
        while name in names:
            name = f"{name} ({number + 1})"
        names[name] = None
    return tuple(names)


def _word(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat()
    return " ".join(str(value).split())


def _answering(rows: Iterable[Sequence[Cell]], own: Sequence[int], number: int) -> Iterator[tuple[Sequence[Cell], int]]:
    """Rows that come back from a partner (`data.quarantine_file`): their own cells as they were, and what each answers."""
    for row in rows:
        told = row[number] if number < len(row) else None
        cells = [row[at] if at < len(row) else None for at in own]
        answers = told if isinstance(told, int) and 0 < told < 1 << 63 else 0
        yield [unharmed(cell) if isinstance(cell, str) else cell for cell in cells], answers


def _dicts(header: Sequence[str], tags: Sequence[str], rows: Iterable[tuple[Sequence[Cell], int]]) -> Iterator[Row]:
    for row, answers in rows:
        found: Row = {}
        for number, value in enumerate(row):
            if value is not None:
                found[header[number] if number < len(header) else f"column {number + 1}"] = value
        if found:
            origin.last = Handed(header, tags, row, answers)
            yield found


def _cell(value: Any) -> Cell:
    """A cell as partners mean it: blank as None, 12.0 as 12, a day as its midnight (no time zone)."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        trimmed = value.strip("\ufeff \t\r\n\u00a0")
        return None if trimmed.lower() in NOTHING else trimmed
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, (bool, int, datetime)):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 (a sheet's day has no zone; the reader gives it one)
    if isinstance(value, (time, timedelta)):
        return str(value)
    return json.dumps(value, ensure_ascii=False)
