"""Where records are, by the boundaries that are released to a viewer: an area that is withheld places nothing."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from data.columns import Grown, Table, mercator
from data.geocodes import outline
from data.places import Label, Places, build, placed
from data.times import NO_TIME, moment_of

WARNING = "alert"
"""The kind whose records may state their areas by geocodes alone: they get the shape of those areas."""
PLACE = ("lon", "lat", "x", "y", "area")


class Ground:
    """`whole` are all areas of the day, `marks` the mark codes of the boundaries that are released."""

    def __init__(self, whole: Places, marks: frozenset[int], tables: Mapping[str, Table]) -> None:
        self.whole = whole
        self._marks = marks
        self._tables = tables
        self._lock = threading.Lock()
        self._places: Places | None = whole if marks == whole.marks else None
        self._grown = {kind: Grown(partial(self._placed, kind)) for kind in tables}
        self._shapes: dict[int, bytes] = {}
        """seq -> areas of a warning, joined (WKB, EPSG:4326)."""

    @property
    def places(self) -> Places:
        """The released areas, as if no others had ever been loaded."""
        with self._lock:
            if self._places is None:
                self._places = build(
                    [area for area in self.whole.areas if area.mark in self._marks],
                    [row for row in self.whole.gazetteer.listed if row.mark in self._marks],
                )
            return self._places

    def column(self, kind: str, name: str, length: int) -> NDArray[Any]:
        """Where each row of a kind is: `lon`, `lat`, `x`, `y`, and its `area`, an index into `places.areas` or NOWHERE."""
        if kind != WARNING and (name != "area" or self.places is self.whole):
            return self._tables[kind].column(name, length)
        return self._grown[kind].column(name, length)

    def shape(self, kind: str, seq: int, length: int) -> bytes | None:
        """WKB (EPSG:4326) of a version that is more than a point: as it was stated, else of the areas a warning names."""
        stated = self._tables[kind].wkb.get(seq)
        return stated if stated is not None else self.shapes(kind, length).get(seq)

    def shapes(self, kind: str, length: int) -> Mapping[int, bytes]:
        """seq -> shape of what only names its areas."""
        if kind == WARNING:
            self._grown[kind].column("area", length)
        return self._shapes if kind == WARNING else {}

    def _placed(self, kind: str, start: int, stop: int) -> Mapping[str, NDArray[Any]]:
        table = self._tables[kind]
        told = ("lon", "lat", "cap", "stated", "time", "seq")
        lon, lat, cap, stated, time, seq = (table.column(name, stop)[start:] for name in told)
        area = placed(self.places, lon, lat, cap, stated, table.stated.labels, time)
        if kind != WARNING:
            return {"area": area}
        lon, lat = lon.copy(), lat.copy()
        outlines: dict[tuple[int, ...], BaseGeometry] = {}
        for row in np.flatnonzero(np.isnan(lon)):
            label: Label = table.stated.labels[int(stated[row])]
            at = None if time[row] == NO_TIME else moment_of(int(time[row]))
            meant = self.places.warned(label, at).areas
            if not meant:
                continue
            shape = outlines.setdefault(meant, outline(self.places.areas, meant))
            if not shape.is_empty:
                point = shape.representative_point()
                lon[row], lat[row] = point.x, point.y
                self._shapes[int(seq[row])] = shapely.to_wkb(shape)
        x, y = mercator(lon, lat)
        return {"lon": lon, "lat": lat, "x": x, "y": y, "area": area}
