"""Where records are, by the boundaries that are released to a viewer: an area that is withheld places nothing."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.columns import Grown, Table
from data.places import Places, build, placed


class Ground:
    """`whole` are all areas of the day, `marks` the mark codes of the boundaries that are released."""

    def __init__(self, whole: Places, marks: frozenset[int], tables: Mapping[str, Table]) -> None:
        self.whole = whole
        self._marks = marks
        self._tables = tables
        self._lock = threading.Lock()
        self._places: Places | None = whole if marks == whole.marks else None
        self._grown = {kind: Grown(partial(self._placed, kind)) for kind in tables}

    @property
    def places(self) -> Places:
        """The released areas, as if no others had ever been loaded."""
        with self._lock:
            if self._places is None:
                self._places = build([area for area in self.whole.areas if area.mark in self._marks])
            return self._places

    def areas(self, kind: str, length: int) -> NDArray[np.int32]:
        """The area each row of a kind is in, an index into `places.areas`, or NOWHERE."""
        if self.places is self.whole:
            return self._tables[kind].column("area", length)
        return self._grown[kind].column("area", length)

    def _placed(self, kind: str, start: int, stop: int) -> Mapping[str, NDArray[Any]]:
        table = self._tables[kind]
        lon, lat, cap, stated = (table.column(name, stop)[start:] for name in ("lon", "lat", "cap", "stated"))
        return {"area": placed(self.places, lon, lat, cap, stated, table.stated.labels)}
