"""Rows of a mapped or tagged table: which cell is said of what, and in which order days are written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from data.settings import Source
from ingest import hxl
from ingest.feed import OBSERVED_KINDS, Context, Payload
from ingest.mapping import columns_of, digest, figures_of, filled
from ingest.sheets import Table, distinct, plain, tables
from ingest.values import text
from ingest.written import month_first

OTHERS = frozenset(("#item", "#currency", "#group"))
"""Tags of prices and of violence: read as told, but better left to feeds that know them."""


PLACES = re.compile(r"#(adm\d?|country|region|geo|loc|meta|x_\w+)\Z")
"""Tags that say where, not what: a list of places alone is none of our records."""


def orders_of(payload: Payload, source: Source) -> dict[str, dict[str, bool | None]]:
    """Sheet -> column -> whether its days put the month first (or None: both), where the settings do not say it for all.

    The table is gone through once for this: the first row cannot tell what the last may show.
    """
    found: dict[str, dict[str, bool | None]] = {}
    for table in tables(payload):
        told = source.options.get("month_first")
        if told is not None:
            found[table.sheet] = dict.fromkeys(table.header, bool(told))
            continue
        days: dict[str, set[str]] = {}
        for row in table.rows:
            for name, cell in row.items():
                if isinstance(cell, str) and len(cell) <= 10 and cell[-2:].isdigit() and not cell.isdigit():
                    days.setdefault(name, set()).add(cell)
        found[table.sheet] = {name: month_first(cells) for name, cells in days.items()}
    return found


def said_by(
    table: Table, ways: list[hxl.Mapped], template: str, orders: Mapping[str, bool | None]
) -> Iterator[dict[str, Any]]:
    """Each row as fields: `said` by field, `rest` by heading, its `key`, and `orders` of fields with days."""
    seen: dict[str, list[int]] = {}
    used = {
        column for way in ways for column in (*way.columns.values(), *(p for parts in way.sums.values() for p in parts))
    }
    for row in table.rows:
        for way in [way for way in ways if figures_of(way) & row.keys()] or ways[:1]:
            said: dict[str, Any] = {name: row[column] for name, column in way.columns.items() if column in row}
            said.update(way.constants)
            said.update({name: [row.get(part) for part in parts] for name, parts in way.sums.items() if parts})
            for name, words in way.words.items():
                said[name] = words.get(str(said.get(name, "")).casefold(), said.get(name))
            key = (
                filled(template, {**row, **said})
                if template
                else text(said, "source_ref") or digest(way.kind, said, row)
            )
            if key and len(ways) > 1:
                key = f"{key}:{way.constants.get('indicator', '')}"
            order = {
                name: orders[column] for name, column in way.columns.items() if orders.get(column, False) is not False
            }
            key = distinct(key, row, seen)
            yield {"kind": way.kind, "key": key, "said": said, "rest": plain(row, used), "orders": order}


def guessed(kind: str, context: Context) -> bool:
    """Whether a day that cannot be read may be left among the attributes: only where nobody said it is one."""
    return kind not in OBSERVED_KINDS and not columns_of(context.source)
