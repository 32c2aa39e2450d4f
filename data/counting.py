"""Counting by columns: records that are released as such, and cells of those that are only counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from data.columns import NO_TIME
from data.counted import MONDAY_US, WEEK_US, Cells
from data.filters import BadFilter
from data.places import LEVELS, NOWHERE
from data.records import Severity

if TYPE_CHECKING:
    from data.seen import Rows, Seen

DAY_US = 86_400_000_000
Key = tuple[NDArray[np.integer[Any]], Sequence[Any]]
"""Codes 0..k-1, and the k values they stand for."""
SEVERITIES = [severity.name for severity in Severity]


@dataclass(frozen=True)
class Counts:
    """One row per combination that occurs, in the order of their values: the values of `columns[:-1]`, then the count, None
    where it is fewer than `fewer_than`. `total` is the sum of what is told."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    total: int
    fewer_than: int | None = None
    """Below which number a cell is not told; None where every cell was."""
    incomplete: tuple[int, ...] = ()
    """Which of `rows` lack such a cell."""
    repeated: int = 0
    """How many further reports there are of what was counted: several of one event count once."""


def count_rows(seen: Seen, kind: str, rows: Rows, by: Sequence[str]) -> Counts:
    """How many of the rows, by columns. Raises `BadFilter`."""
    keys = [_key(seen, kind, name, rows) for name in by]
    if not keys:
        return Counts(("count",), [(len(rows),)], len(rows))
    sizes = [len(labels) for _, labels in keys]
    if np.prod(sizes, dtype=np.float64) <= 2_000_000:
        flat = np.zeros(len(rows), np.int64)
        for (codes, _), size in zip(keys, sizes, strict=True):  # ravel_multi_index without its checks
            flat *= size
            flat += codes
        totals = np.bincount(flat, minlength=1)
        there = np.flatnonzero(totals)
        parts = np.unravel_index(there, sizes)
        amounts = totals[there]
    else:
        stacked, amounts = np.unique(np.stack([codes for codes, _ in keys]), axis=1, return_counts=True)
        parts = tuple(stacked)
    # Codes are in order of first sight, and what was seen first may be withheld: by value, then.
    ranked = [
        _ranks(labels)[part] if _coded(seen, kind, name) else part
        for name, part, (_, labels) in zip(by, parts, keys, strict=True)
    ]
    order = np.lexsort(ranked[::-1])
    texts = [[labels[code] for code in part[order]] for part, (_, labels) in zip(parts, keys, strict=True)]
    return Counts((*by, "count"), list(zip(*texts, amounts[order].tolist(), strict=True)), len(rows))


def with_cells(seen: Seen, kind: str, counts: Counts, cells: Cells) -> Counts:
    """The counts and the cells together. A row of nothing but cells that hold too few has no count."""
    if not len(cells.number):
        return counts
    by = counts.columns[:-1]
    keys = [_cell_key(seen, kind, name, cells) for name in by]
    values = zip(*([labels[code] for code in codes] for codes, labels in keys), strict=True) if by else None
    told = {row[:-1]: row[-1] for row in counts.rows if by or row[-1]}
    lacking = set()
    for value, number in zip(values or [()] * len(cells.number), cells.number.tolist(), strict=True):
        if number:
            told[value] = (told.get(value) or 0) + number
        else:
            told.setdefault(value, None)
            lacking.add(value)
    listed = sorted(told, key=lambda value: [_order(name, part) for name, part in zip(by, value, strict=True)])
    return Counts(
        counts.columns,
        [(*value, told[value]) for value in listed],
        sum(number or 0 for number in told.values()),
        int(cells.least.max()) if lacking else None,
        tuple(index for index, value in enumerate(listed) if value in lacking),
    )


def _order(name: str, value: Any) -> tuple[bool, Any]:
    return value is not None, SEVERITIES.index(value) if name == "severity" else value or ""


def _coded(seen: Seen, kind: str, name: str) -> bool:
    return name in ("category", "source", "agency") or name in seen.tables[kind].codes


def _ranks(labels: Sequence[Any]) -> NDArray[np.int64]:
    ranks = np.empty(len(labels), np.int64)
    ranks[sorted(range(len(labels)), key=labels.__getitem__)] = np.arange(len(labels))
    return ranks


def _key(seen: Seen, kind: str, name: str, rows: Rows) -> Key:
    if _coded(seen, kind, name):
        return seen.column(kind, name)[rows], list(seen.labels(kind, name)) or [""]
    if name == "severity":
        return seen.column(kind, "severity")[rows], SEVERITIES
    if (level := _level(name)) is not None:
        codes = seen.areas(kind, rows, level)
        codes += 1
        return codes, [None, *(area.pcode for area in seen.places.areas)]
    if name in ("day", "week", "month"):
        return _periods(seen.column(kind, "time")[rows], name)
    raise BadFilter(
        f"by: '{name[:40]}' is not one of adm0_pcode, adm1_pcode, adm2_pcode, adm3_pcode, day, week, month, "
        "category, severity, source, agency."
    )


def _cell_key(seen: Seen, kind: str, name: str, cells: Cells) -> Key:
    """As `_key`, of cells: what they do not part is not said."""
    if name in ("category", "source", "agency"):
        codes: NDArray[np.int32] = getattr(cells, name)
        return codes, seen.labels(kind, name)
    nothing = np.zeros(len(cells.number), np.int64)
    if (level := _level(name)) is not None:
        if not len(seen.places.ancestors):
            return nothing, [None]
        up = np.append(seen.places.ancestors[:, level], NOWHERE)
        return up[cells.area] + 1, [None, *(area.pcode for area in seen.places.areas)]
    if name in ("week", "month"):
        return _periods(cells.week, name)
    return nothing, ["unknown" if name == "severity" else None if name == "day" else ""]


def _level(name: str) -> int | None:
    fits = name.startswith("adm") and name[3:4].isdigit() and name[4:] in ("", "_pcode") and int(name[3]) < LEVELS
    return int(name[3]) if fits else None


def _periods(times: NDArray[np.int64], name: str) -> tuple[NDArray[np.int64], list[str | None]]:
    """The day, ISO week (its Monday) or month each time falls in, in UTC; None for rows without a time."""
    if not len(times):
        return np.empty(0, np.int64), [None]
    told = None if times.min() != NO_TIME else times != NO_TIME
    if name == "month":
        numbers = times.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    else:
        length, origin = (DAY_US, 0) if name == "day" else (WEEK_US, MONDAY_US)
        numbers = times - origin
        numbers //= length
    known = numbers if told is None else numbers[told]
    low, high = (int(known.min()), int(known.max())) if len(known) else (0, -1)
    span = range(low, high + 1)
    if name == "month":
        labels = [f"{1970 + number // 12}-{number % 12 + 1:02d}" for number in span]
    else:
        labels = [
            str((number * length + origin).astype("datetime64[us]").astype("datetime64[D]"))
            for number in np.array(span)
        ]
    numbers -= low - 1
    return numbers if told is None else np.where(told, numbers, 0), [None, *labels]
