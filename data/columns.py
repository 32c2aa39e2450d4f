"""Growable numpy columns of one kind of record, and dictionary coding for text columns."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.records import Kind
from data.times import NO_TIME as NO_TIME

CURRENT = np.iinfo(np.int64).max
"""In `rev_to`: nothing has superseded this version."""
NO_XY = -1
WORLD = 1 << 30
"""Web Mercator world width in the integer units of x and y: 2 cm at the equator's 40,075 km, exact to tile zoom 18."""

COMMON: Mapping[str, Any] = {
    "id": np.int64,
    "seq": np.int64,
    "rev_from": np.int64,
    "rev_to": np.int64,
    "time": np.int64,
    "lon": np.float64,
    "lat": np.float64,
    "x": np.int32,
    "y": np.int32,
    "category": np.int32,
    "severity": np.int8,
    "source": np.int32,
    "agency": np.int32,
    "mark": np.int32,
    "stated": np.int32,
    "area": np.int32,
    "cap": np.int8,
    "exercise": np.bool_,
    "retracted": np.bool_,
}
"""Columns of every kind. Times are microseconds UTC, lon and lat degrees (NaN: no place), x and y integer Web Mercator,
`stated` a code for the P-code and names of areas the source stated, `area` an index into the places of the day, `cap` the
deepest level the source's precision lets a record claim, `retracted` that the version only says that the record was taken
back."""


class Codes:
    """Values <-> small integers, in order of first sight."""

    def __init__(self, *first: Any) -> None:
        self.labels: list[Any] = []
        self._of: dict[Any, int] = {}
        self.encode(first)

    def encode(self, values: Iterable[Any]) -> NDArray[np.int32]:
        known = self._of
        found = []
        for value in values:
            code = known.get(value)
            if code is None:
                code = known[value] = len(self.labels)
                self.labels.append(value)
            found.append(code)
        return np.array(found, np.int32)

    def code(self, value: Any) -> int | None:
        return self._of.get(value)

    def mask(self, wanted: Iterable[Any]) -> NDArray[np.bool_]:
        """Per code: is it one of these?"""
        chosen = np.zeros(len(self.labels), np.bool_)
        for value in wanted:
            code = self._of.get(value)
            if code is not None and code < len(chosen):
                chosen[code] = True
        return chosen


class Table:
    """The columns of one kind. Rows are appended in order of `seq`; only `rev_to` and `area` of a row ever change."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.length = 0
        self.superseded = 0
        """Rows that are not current; where it is 0 no mask on revisions is needed for the newest picture."""
        self.wkb: dict[int, bytes] = {}
        """seq -> geometry of rows that are more than a point."""
        self.codes: dict[str, Codes] = {name: Codes("") for name in ("category", *kind.codes)}
        """Code 0 is the empty text everywhere: what is not said, or withheld."""
        self.stated = Codes()
        """`data.places.Label`."""
        dtypes = dict(COMMON)
        dtypes.update(dict.fromkeys(kind.numbers, np.float64))
        dtypes.update(dict.fromkeys(kind.instants, np.int64))
        dtypes.update(dict.fromkeys(kind.codes, np.int32))
        self._arrays = {name: np.empty(0, dtype) for name, dtype in dtypes.items()}

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._arrays[name][: self.length]

    def column(self, name: str, length: int) -> NDArray[Any]:
        """The first `length` rows of a column: what a reader saw when it began."""
        return self._arrays[name][:length]

    def extend(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Append rows; readers do not see them until `length` has moved."""
        grown = self.length + len(columns["id"])
        for name, values in columns.items():
            array = self._arrays[name]
            if grown > len(array):
                larger = np.empty(max(grown, len(array) * 3 // 2, 1024), array.dtype)
                larger[: self.length] = array[: self.length]
                self._arrays[name] = array = larger
            array[self.length : grown] = values
        self.length = grown

    def replace(self, name: str, values: NDArray[Any]) -> None:
        """Put a new column in place of an old one; a reader goes on with the one it holds."""
        self._arrays[name] = values

    def rows_of_seqs(self, seqs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Row numbers of versions by `seq` (they are ascending); versions this table does not hold are left out."""
        held = self["seq"]
        at = np.searchsorted(held, seqs)
        at = at[at < len(held)]
        return np.asarray(at[np.isin(held[at], seqs)])


class Grown:
    """Columns that are made for further rows when somebody reads so far; what is made stays."""

    def __init__(self, make: Callable[[int, int], Mapping[str, NDArray[Any]]]) -> None:
        self._make = make
        self._arrays: dict[str, NDArray[Any]] = {}
        self._length = -1
        self._lock = threading.Lock()

    def column(self, name: str, length: int) -> NDArray[Any]:
        with self._lock:
            if self._length < length:
                start = max(self._length, 0)
                for each, values in self._make(start, length).items():
                    array = self._arrays.setdefault(each, np.empty(0, values.dtype))
                    if length > len(array):
                        larger = np.empty(length + length // 4, values.dtype)
                        larger[:start] = array[:start]
                        self._arrays[each] = array = larger
                    array[start:length] = values
                self._length = length
            return self._arrays[name][:length]


def mercator(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Degrees to integer Web Mercator (EPSG:3857 scaled to 0..WORLD, y down); NO_XY where there is no point.

    Latitudes beyond 85.0511 are put on the edge of the map.
    """
    there = np.isfinite(lon) & np.isfinite(lat)
    x = np.full(len(lon), NO_XY, np.int32)
    y = np.full(len(lon), NO_XY, np.int32)
    phi = np.radians(np.clip(lat[there], -85.05112878, 85.05112878))
    unit_x = (lon[there] + 180.0) / 360.0
    unit_y = 0.5 - np.log(np.tan(np.pi / 4 + phi / 2)) / (2 * np.pi)
    x[there] = np.clip(unit_x * WORLD, 0, WORLD - 1)
    y[there] = np.clip(unit_y * WORLD, 0, WORLD - 1)
    return x, y
