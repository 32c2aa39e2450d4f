"""Lists of items beside stock reports: a code, a name, a group a row; they name the items of reports that give codes alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from data.records import Reference
from ingest.feed import Context, Refusal
from ingest.headings import called
from ingest.sheets import Table, plain
from ingest.stock_words import COLUMNS
from ingest.values import text

TABLE = "items"
CODES = frozenset(COLUMNS["item"][:6])
"""Headings that say code; a list of names alone names nothing."""
NOT_OF_A_LIST = frozenset(COLUMNS) - {"item", "item_name", "category", "unit"}
FEW_COLUMNS = 8


def is_list(table: Table) -> bool:
    """Whether this names items and says nothing of any stock of them, nor of any place."""
    columns = called(table.header, COLUMNS)
    code, name = columns.get("item", ""), columns.get("item_name", "")
    wanted = bool(code and name and code != name) and code in called(table.header, {"code": tuple(CODES)}).values()
    return wanted and not columns.keys() & NOT_OF_A_LIST and len(table.header) <= FEW_COLUMNS


def rows(table: Table) -> Iterator[dict[str, Any]]:
    columns = called(table.header, COLUMNS)
    for row in table.rows:
        yield {"listed": columns, "cells": row}


def record(row: Mapping[str, Any]) -> Reference:
    columns, cells = row["listed"], row["cells"]
    code, name = (text(cells, columns[what]) for what in ("item", "item_name"))
    if not code:
        raise Refusal(columns["item"], "is empty, so nobody knows which item this names")
    return Reference(source_ref=code, table=TABLE, title=name, attributes=plain(cells, set()))


def name_of(item: str, context: Context) -> str:
    """What a loaded list of this source calls an item; empty where none does."""
    found = context.references.get((TABLE, item)) or {}
    columns = called(tuple(found), COLUMNS)
    return str(found.get(columns.get("item_name", "")) or "")
