"""A row as text that a person can read in quarantine, and that can be read again after a mend.

Mappings and lists are JSON, elements XML, text itself. What JSON has no word for stands as an object with one key:
`{"$time": "2026-11-20T00:00:00+00:00"}`, `$day`, `$xml`, `$bytes`; anything else cannot be read again. A row of a table as the
partner wrote it (`ingest.origin`) is `{"$table": {"row": {heading: cell}, "tags": {heading: HXL tag}}}`. XML that a feed gives
out as bytes ends in a comment that says so.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

RAW_LIMIT = 65_536
_CUT = "… (cut off here: the row has "
_BYTES = "\n<!-- bytes -->"


class NotEnough(ValueError):
    """The raw form of a row is not enough to read it again: why, as what follows its name."""


@dataclass(frozen=True)
class TableRow:
    """One row of a table as the partner wrote it: every heading, blank cells as None; HXL tags by heading, if any."""

    cells: Mapping[str, Any]
    tags: Mapping[str, str]

    def csv(self) -> bytes:
        """The row as a table of its own."""
        out = io.StringIO(newline="")
        writer = csv.writer(out)
        writer.writerow(self.cells)
        if self.tags:
            writer.writerow([self.tags.get(name, "") for name in self.cells])
        writer.writerow([_written(value) for value in self.cells.values()])
        return out.getvalue().encode("utf-8", "replace")


def raw_text(row: Any) -> str:
    """The row as it came, as text; beyond `RAW_LIMIT` characters it is cut off, and says so."""
    try:
        text = _text(row)
    except UnicodeDecodeError:
        text = json.dumps({"$other": f"text that is not UTF-8: {row!r}"}, ensure_ascii=False)
    except (ValueError, TypeError, RecursionError) as error:
        text = json.dumps({"$other": f"{type(row).__name__} ({type(error).__name__})"})
    return text if len(text) <= RAW_LIMIT else f"{text[:RAW_LIMIT]}{_CUT}{len(text):,} characters)"


def row_of(kept: bytes) -> Any:
    """The row of which quarantine kept this. Raises `NotEnough` where it cannot be told; never guesses."""
    try:
        raw = kept.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise NotEnough("its raw form is not text; load the payload again") from None
    if _CUT in raw[RAW_LIMIT:]:
        raise NotEnough(f"only its first {RAW_LIMIT:,} characters were kept; load the payload again")
    if raw.startswith("<"):
        return raw.removesuffix(_BYTES).encode() if raw.endswith(_BYTES) else _element(raw)
    if not raw.startswith(("{", "[", '"')):
        return raw
    try:
        return json.loads(raw, object_hook=_object)
    except NotEnough:
        raise
    except (ValueError, RecursionError) as error:
        raise NotEnough(f"its raw form cannot be read again ({error}); load the payload again") from None


def _text(row: Any) -> str:
    if isinstance(row, TableRow):
        row = {"$table": {"row": dict(row.cells)} | ({"tags": dict(row.tags)} if row.tags else {})}
    if isinstance(row, str):
        # Text that begins as JSON or XML does would be taken for that.
        return json.dumps(row, ensure_ascii=False) if row.startswith(("{", "[", '"', "<")) else row
    if isinstance(row, bytes) and row.startswith(b"<"):
        return row.decode() + _BYTES
    if hasattr(row, "tag") and hasattr(row, "iter"):
        return _xml(row)
    return json.dumps(row, ensure_ascii=False, default=_plain, allow_nan=True)


def _plain(value: Any) -> dict[str, str]:
    if isinstance(value, bytes):
        return {"$bytes": value.decode()}
    if isinstance(value, datetime):
        return {"$time": value.isoformat()}
    if isinstance(value, date):
        return {"$day": value.isoformat()}
    if hasattr(value, "tag") and hasattr(value, "iter"):
        return {"$xml": _xml(value)}
    return {"$other": f"{type(value).__name__}: {str(value)[:200]}"}


def _object(found: dict[str, Any]) -> Any:
    if len(found) != 1:
        return found
    ((key, value),) = found.items()
    match key:
        case "$time":
            return datetime.fromisoformat(value)
        case "$day":
            return date.fromisoformat(value)
        case "$bytes":
            return str(value).encode()
        case "$xml":
            return _element(value)
        case "$table":
            return _table(value)
        case "$other":
            raise NotEnough(f"its raw form does not hold what was there ({value[:60]}); load the payload again")
        case _:
            return found


def _table(told: Any) -> TableRow:
    row, tags = (told.get("row"), told.get("tags", {})) if isinstance(told, dict) else (None, {})
    if not isinstance(row, dict) or not isinstance(tags, dict):
        raise NotEnough("its raw form is no row of a table; load the payload again")
    return TableRow(row, tags)


def _written(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (date, datetime)) else "" if value is None else value


def _xml(element: Any) -> str:
    from lxml import etree

    text: str = etree.tostring(element, encoding="unicode", with_tail=False)
    return text


def _element(raw: str) -> Any:
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
    if "<!DOCTYPE" in raw:
        raise NotEnough("its raw form declares a document type, which no row does")
    try:
        return etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise NotEnough(f"its raw form is not well-formed XML ({error}); load the payload again") from None
