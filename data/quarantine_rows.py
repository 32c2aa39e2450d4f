"""The raw row of a reject as cells, where it is one of a table: for editing it, and for sending it back to the partner.

A raw row is text (`ingest.raw` writes and reads it). A JSON object of plain values is a row whose keys are its headings;
`{"$table": {"row": …, "tags": …}}` is one whose table is known too. Anything else has no cells and is edited as text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

ANSWERS = "Quarantine number"
"""The heading under which a row that comes back says which reject it is the mended form of."""
REASON, FIELD, FIRST_SEEN = "Quarantine reason", "Quarantine field", "Quarantine first seen (UTC)"
BESIDE = (REASON, FIELD, FIRST_SEEN, ANSWERS)
"""Columns beside the partner's own: for people, never for a feed."""
_TYPED = ("$time", "$day")

Cell = str | int | float | bool | None


def cells_of(raw: bytes) -> dict[str, Cell] | None:
    """Heading -> cell; None where the row is not one of a table."""
    found = _row(raw)
    if not found:
        return None
    cells = {name: _plain(value) for name, value in found.items()}
    return None if any(isinstance(value, (dict, list)) for value in cells.values()) else cells


_PLACES = {"lon": ("lon", "lng", "longitude", "x"), "lat": ("lat", "latitude", "y")}


def at_fault(cells: Mapping[str, Cell], field: str, detail: str, columns: Mapping[str, Any]) -> list[str]:
    """Headings of the cells a refusal speaks of: by name, by what the mapping says the field is, or by the value it quotes."""
    wanted = {_bare(field)}
    for part in field.split("/"):
        wanted |= {_bare(part), *_PLACES.get(part, ())}
        spec = columns.get(part)
        column = spec.get("column") if isinstance(spec, Mapping) else spec
        wanted |= {_bare(column)} if isinstance(column, str) else set()
    if found := [name for name in cells if _bare(name) in wanted]:
        return found
    quoted = re.search(r"\(it says (.*)\)\Z", detail, re.DOTALL)
    return [name for name, value in cells.items() if quoted and _said(value) == quoted[1]]


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def tags_of(raw: bytes) -> dict[str, str]:
    """Heading -> HXL tag; empty where the table had none."""
    told = _json(raw)
    tags = told["$table"].get("tags", {}) if isinstance(told, dict) and isinstance(told.get("$table"), dict) else {}
    return {str(name): str(tag) for name, tag in tags.items()} if isinstance(tags, dict) else {}


def with_cells(raw: bytes, cells: Mapping[str, Any]) -> bytes:
    """The row with these cells in place of its own; what reads as before stays what it was. Raises ValueError."""
    before = _row(raw)
    if before is None or not all(isinstance(value, (str, int, float, type(None))) for value in cells.values()):
        raise ValueError("The row has no cells of text and numbers; edit its text as a whole.")
    row = before | {name: value for name, value in cells.items() if _said(value) != _said(_plain(before.get(name)))}
    table = _json(raw)
    if isinstance(table, dict) and "$table" in table:
        row = {name: None if value == "" else value for name, value in row.items()}
        return _text({"$table": {**table["$table"], "row": row}})
    return _text({name: value for name, value in row.items() if value not in ("", None) or name in before})


def _row(raw: bytes) -> dict[str, Any] | None:
    told = _json(raw)
    if isinstance(told, dict) and isinstance(told.get("$table"), dict):
        told = told["$table"].get("row")
    return told if isinstance(told, dict) else None


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw[:1] == b"{" else None
    except (ValueError, RecursionError):
        return None


def _plain(value: Any) -> Any:
    """A time or a day as it is written."""
    if isinstance(value, dict) and len(value) == 1:
        ((key, told),) = value.items()
        return str(told) if key in _TYPED else value
    return value


def _said(value: Any) -> str:
    return "" if value is None else str(value)


def _text(told: Any) -> bytes:
    return json.dumps(told, ensure_ascii=False).encode("utf-8", "surrogatepass")
