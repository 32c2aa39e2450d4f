"""Price matrices: a line for each month, a column for each market, with its area, commodity, unit and currency above it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from ingest.feed import Payload
from ingest.figures import month_of
from ingest.headings import bare
from ingest.sheets import lines, top_lines
from ingest.values import number

ABOVE = frozenset(
    {"state", "region", "province", "county", "district", "market", "commodity", "unit", "units", "currency"}
)
WITHIN = 10


def is_matrix(payload: Payload) -> bool:
    """Whether the first lines begin with Market, Commodity and others of `ABOVE`."""
    return {"market", "commodity"} <= set(_above(list(top_lines(payload)[:WITHIN])))


def _above(lines: list[list[str]]) -> dict[str, list[str]]:
    """What stands above the columns, by what it is called; ends at the first line that is something else."""
    found: dict[str, list[str]] = {}
    for line in lines:
        if (name := bare(line[0]) if line else "") not in ABOVE:
            break
        found[name.removesuffix("s") if name == "units" else name] = line
    return found


def priced(payload: Payload) -> Iterator[dict[str, Any]]:
    """One row for each filled cell, as `figures.indicator` reads it."""
    rest = lines(payload)
    top = list(islice(rest, WITHIN))
    above = _above(top)
    first = len(above)
    labels = next((line for line in top[first:] if any("year" in bare(cell) for cell in line[:3])), [])
    year = ""
    for line in (*top[first:], *rest):
        if line is labels or not any(cell.strip() for cell in line):
            continue
        year = line[0].strip() or year
        month = f"{line[1].strip() if len(line) > 1 else ''} {year}".strip()
        for column, cell in enumerate(line[2:], start=2):
            if cell.strip():
                yield _price(
                    {name: " ".join(cells[column].split()) for name, cells in above.items() if column < len(cells)},
                    month,
                    cell,
                )


def _price(said: dict[str, str], month: str, cell: str) -> dict[str, Any]:
    names = [
        said.get("state") or said.get("region") or said.get("province", ""),
        said.get("county") or said.get("district", ""),
    ]
    first = month_of(month)
    commodity, unit = said.get("commodity", ""), said.get("unit", "")
    where = " / ".join([*names, said.get("market", "")])
    return {
        "key": ":".join((where, commodity, unit, first.date().isoformat() if first else month)),
        "indicator": commodity,
        "title": commodity,
        "category": "food prices",
        "value": None if _is_zero(cell) else cell,
        "unit": "/".join(part for part in (said.get("currency", ""), unit) if part),
        "start": first or month,
        "names": [name for name in names if name],
        "place": said.get("market", ""),
    }


def _is_zero(cell: str) -> bool:
    try:
        return number({"price": cell}, "price") == 0
    except ValueError:
        return False
