"""A source's open rejects as a workbook for the partner: their own columns, the cell at fault marked, and beside them why.

One sheet for each feed, which is read by that feed again as it is: the columns beside the partner's own are known by their
headings (`data.quarantine_rows.BESIDE`) and are no part of the row, and the number under `ANSWERS` says which reject a mended
row answers. Rows that are no table's stand on a sheet of their own as text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from sqlalchemy.engine import Engine

from data import quarantine
from data.cells import harmless, harmless_row
from data.quarantine_rows import ANSWERS, BESIDE, FIELD, FIRST_SEEN, REASON, at_fault, cells_of, tags_of

PAGE = 1_000
MOST_ROWS = 100_000
"""In one workbook; whoever gets it mends by hand."""
LONGEST_CELL = 32_767
RAW = "Row"
_FAULT = PatternFill("solid", fgColor="FFE9A8")
_HEAD = Font(bold=True)
_WIDTHS = {REASON: 60, FIELD: 18, FIRST_SEEN: 20, ANSWERS: 18}


def write(engine: Engine, source: str, path: Path, columns: Mapping[str, Any]) -> int:
    """Write the open rejects of a source; how many. `columns` is the source's mapping (field -> heading). Raises OSError."""
    book = openpyxl.Workbook(write_only=True)
    count = 0
    for title, rows in _sheets(engine, source).items():
        heads = list(dict.fromkeys(name for _, cells, _ in rows for name in cells))
        tags = {name: tag for _, _, told in rows for name, tag in told.items()}
        sheet = book.create_sheet(_title(title, book.sheetnames))
        for number, name in enumerate([*heads, *BESIDE], start=1):
            sheet.column_dimensions[get_column_letter(number)].width = _WIDTHS.get(name, 16)
        sheet.freeze_panes = "A3" if tags else "A2"
        sheet.append([_cell(sheet, name, font=_HEAD) for name in (*map(harmless, heads), *BESIDE)])
        if tags:
            sheet.append([tags.get(name) for name in heads])
        for entry, cells, _ in rows:
            fault = at_fault(cells, entry["field"], entry["detail"], columns)
            own = [_cell(sheet, cells.get(name), fill=_FAULT if name in fault else None) for name in heads]
            first_seen = datetime.fromtimestamp(entry["first_seen_us"] / 1e6, UTC).replace(tzinfo=None, microsecond=0)
            told = (_cell(sheet, harmless(entry["reason"])), _cell(sheet, harmless(entry["field"])), first_seen)
            sheet.append([*own, *told, entry["id"]])
            count += 1
    if not book.sheetnames:
        book.create_sheet("Quarantine").append(["Nothing of this source lies in quarantine."])
    part = path.with_name(f".{path.name}.part")
    try:
        book.save(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return count


Rows = list[tuple[dict[str, Any], dict[str, Any], dict[str, str]]]


def _sheets(engine: Engine, source: str) -> dict[str, Rows]:
    """Title -> (reject, its cells, their HXL tags)."""
    found: dict[str, Rows] = {}
    for entry in _entries(engine, source):
        raw = entry["raw"] if entry["edited"] is None else entry["edited"]
        cells = cells_of(raw) if entry["row"] is not None else None
        if cells is None:
            text = entry["payload"] if entry["row"] is None else raw.decode("utf-8", "replace")
            found.setdefault(f"{entry['feed']} as text", []).append((entry, {RAW: text}, {}))
        else:
            found.setdefault(entry["feed"], []).append((entry, cells, tags_of(raw)))
    return found


def _entries(engine: Engine, source: str) -> Iterator[dict[str, Any]]:
    after = count = 0
    while count < MOST_ROWS and (page := quarantine.entries(engine, source=source, limit=PAGE, after=after)):
        yield from page
        after, count = page[-1]["id"], count + len(page)


def _title(wanted: str, taken: list[str]) -> str:
    name = "".join("_" if ch in "[]:*?/\\" else ch for ch in wanted)[:28] or "rows"
    return name if name not in taken else f"{name} {len(taken)}"


def _cell(sheet: Any, value: Any, font: Font | None = None, fill: PatternFill | None = None) -> Any:
    """A cell that is text where the row had text: nothing is run, and no number or day is guessed from it."""
    if isinstance(value, str):
        value = harmless_row(ILLEGAL_CHARACTERS_RE.sub("", value))[:LONGEST_CELL]
    cell = WriteOnlyCell(sheet, value=value)
    if isinstance(value, str):
        cell.data_type = "s"
        cell.number_format = "@"
    if font is not None:
        cell.font, cell.alignment = font, Alignment(wrap_text=True, vertical="top")
    if fill is not None:
        cell.fill = fill
    return cell
