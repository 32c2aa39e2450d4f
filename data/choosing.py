"""Which rows of what is released pass the filters of a view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray

from data.columns import NO_TIME, Codes
from data.filters import BadFilter, Filters
from data.withheld import PLAIN, Terms

if TYPE_CHECKING:
    from data.seen import Seen

Rows = NDArray[np.int64]
EARTH_KM = 6_371.0088
KM_PER_DEGREE = 111.1
"""Of latitude, rounded down, so that a box by it never is too small."""


def chosen_rows(seen: Seen, kind: str, filters: Filters) -> Rows:
    """Row numbers, ascending, of the current records of a kind that pass the filters. Raises `BadFilter`."""
    chosen = seen.current(kind)
    chosen = _in_time(seen, kind, filters, chosen)
    if filters.bbox is not None:
        chosen = _in_bbox(seen, kind, filters.bbox, chosen)
    if filters.severity:
        chosen = _narrow(chosen, seen.column(kind, "severity"), lambda column: column >= filters.severity)
    if filters.category:
        chosen = _coded(seen, kind, "category", seen.tables[kind].codes["category"], filters.category, chosen)
    if filters.source:
        chosen = _coded(seen, kind, "source", seen.sources, filters.source, chosen)
    if filters.agency:
        chosen = _coded(seen, kind, "agency", seen.agencies, filters.agency, chosen)
    for name, wanted in filters.codes:
        chosen = _coded(seen, kind, name, seen.tables[kind].codes[name], wanted, chosen)
    if filters.actor and "actor1" in seen.tables[kind].codes:
        chosen = _narrowed(chosen, involved(seen, kind, filters.actor))
    if filters.grade and "grade" in seen.tables[kind].codes:
        table = good_enough(seen, kind, filters.grade)
        chosen = _narrow(chosen, seen.column(kind, "grade"), lambda column: table[column])
    if filters.area:
        chosen = _in_area(seen, kind, filters.area, chosen)
    if filters.polygon or filters.circle:
        chosen = _on_ground(seen, kind, filters, chosen)
    rows = _row_numbers(chosen, seen.lengths[kind])
    return _with_text(seen, kind, filters.text, rows) if filters.text else rows


def _in_time(seen: Seen, kind: str, filters: Filters, chosen: Any) -> Any:
    since, until = filters.span(seen.now)
    times = seen.column(kind, "time")
    if since is not None:
        chosen = _narrow(chosen, times, lambda column: column >= micros(since))
    if until is not None:
        chosen = _narrow(chosen, times, lambda column: (column < micros(until)) & (column != NO_TIME))
    return chosen


def _coded(seen: Seen, kind: str, name: str, codes: Codes, wanted: Sequence[str], chosen: Any) -> Any:
    mask = codes.mask(wanted)
    numbers = np.flatnonzero(mask)
    if len(numbers) == 1:
        return _narrow(chosen, seen.column(kind, name), lambda column: column == numbers[0])
    return _narrow(chosen, seen.column(kind, name), lambda column: mask[column])


def _in_area(seen: Seen, kind: str, pcode: str, chosen: Any) -> Any:
    table = within(seen, pcode)
    return _narrow(chosen, seen.column(kind, "area"), lambda column: table[column])


def within(seen: Seen, pcode: str) -> NDArray[np.bool_]:
    """Which areas lie in one, and of NOWHERE, which is the last, that it does not."""
    within = seen.places.within(pcode)
    if within is None:
        raise BadFilter(f"area: no boundary with the P-code '{pcode[:40]}' is loaded.")
    return np.append(within, False)


def involved(seen: Seen, kind: str, actors: Sequence[str]) -> NDArray[np.bool_]:
    """Of every row, whether it names one of these as a side."""
    sides = [seen.tables[kind].codes[name].mask(actors)[seen.column(kind, name)] for name in ("actor1", "actor2")]
    return np.asarray(sides[0] | sides[1])


def good_enough(seen: Seen, kind: str, least: str) -> NDArray[np.bool_]:
    """Which codes of the grade are this or better, source and information both."""
    return np.array([meets(label, least) for label in seen.labels(kind, "grade")], np.bool_)


def meets(grade: str, least: str) -> bool:
    """Whether an Admiralty code is as good as another or better; one that is not said is not."""
    return bool(grade) and grade[:1] <= least[:1] and (len(least) < 2 or grade[1:2] <= least[1:2])


def distance_km(lon: NDArray[np.float64], lat: NDArray[np.float64], to: tuple[float, float]) -> NDArray[np.float64]:
    """Great-circle distance to a place (haversine on a sphere of 6,371.0088 km); NaN where there is no point."""
    x, y, x0, y0 = np.radians(lon), np.radians(lat), *np.radians(to)
    half = np.sin((y - y0) / 2) ** 2 + np.cos(y) * np.cos(y0) * np.sin((x - x0) / 2) ** 2
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1))))


def _on_ground(seen: Seen, kind: str, filters: Filters, chosen: Any) -> Any:
    """Inside what was drawn, by the point at which each record is released."""
    rows = _row_numbers(chosen, seen.lengths[kind])
    lon, lat = seen.column(kind, "lon")[rows], seen.column(kind, "lat")[rows]
    inside = np.isfinite(lon)
    if filters.polygon:
        ring = shapely.make_valid(shapely.Polygon(filters.polygon))
        shapely.prepare(ring)
        west, south, east, north = ring.bounds
        near = np.flatnonzero(inside & (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north))
        inside = np.zeros(len(rows), np.bool_)
        inside[near] = shapely.intersects_xy(ring, lon[near], lat[near])
    if filters.circle:
        lon0, lat0, most = filters.circle
        inside &= np.abs(lat - lat0) <= most / KM_PER_DEGREE
        near = np.flatnonzero(inside)
        inside[near] = distance_km(lon[near], lat[near], (lon0, lat0)) <= most
    mask = np.zeros(seen.lengths[kind], np.bool_)
    mask[rows[inside]] = True
    return mask


def _in_bbox(seen: Seen, kind: str, box: tuple[float, float, float, float], chosen: Any) -> Any:
    west, south, east, north = box
    lon, lat = seen.column(kind, "lon"), seen.column(kind, "lat")
    rows = _row_numbers(chosen, seen.lengths[kind])
    x, y = lon[rows], lat[rows]
    across = (x >= west) & (x <= east) if west <= east else (x >= west) | (x <= east)
    inside = across & (y >= south) & (y <= north)
    if seen.has_shapes(kind):
        whole = shapely.box(west, south, east, north) if west <= east else _two_boxes(box)
        outside = np.flatnonzero(~inside)
        for at in outside[seen.has_shape(kind, rows[outside])]:
            inside[at] = shapely.intersects(shapely.from_wkb(seen.geometry(kind, int(rows[at]))), whole)
    mask = np.zeros(seen.lengths[kind], np.bool_)
    mask[rows[inside]] = True
    return mask


def _with_text(seen: Seen, kind: str, text: str, rows: Rows) -> Rows:
    """Rows in whose title, place, category, description or reference, as released, every word of the text stands."""
    words = text.casefold().split()
    seqs, marks = seen.column(kind, "seq")[rows], seen.column(kind, "mark")[rows].tolist()
    bodies = seen._store.bodies([int(seq) for seq in seqs])
    told_of = [_told(kind, terms or PLAIN) for terms in seen.released.terms]
    kept = []
    for row, seq, mark in zip(rows, seqs, marks, strict=True):
        found = _TEXTS.decode(bodies[int(seq)][0])
        told = " ".join([getattr(found, name) for name in told_of[mark]]).casefold()
        if all(word in told for word in words):
            kept.append(row)
    return np.array(kept, np.int64)


class _Texts(msgspec.Struct):
    title: str = ""
    place: str = ""
    category: str = ""
    description: str = ""
    source_ref: str = ""


_TEXTS = msgspec.json.Decoder(_Texts)


def _told(kind: str, terms: Terms) -> tuple[str, ...]:
    """Which of the texts are released: where the place is not exact a record's title is its category."""
    hidden = {name for name in _Texts.__struct_fields__ if terms.withholds(kind, name)}
    return tuple(name for name in _Texts.__struct_fields__ if name not in hidden)


def _narrow(
    chosen: NDArray[np.bool_] | None, column: NDArray[Any], test: Callable[[NDArray[Any]], NDArray[np.bool_]]
) -> NDArray[np.bool_]:
    """`chosen` and `test(column)`, testing only what is still chosen once that is little."""
    if chosen is None:
        return test(column)
    rows = np.flatnonzero(chosen) if np.count_nonzero(chosen) * 8 < len(chosen) else None
    if rows is None:
        return chosen & test(column)
    narrowed = np.zeros(len(chosen), np.bool_)
    narrowed[rows[test(column[rows])]] = True
    return narrowed


def _narrowed(chosen: NDArray[np.bool_] | None, test: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return test if chosen is None else chosen & test


def _row_numbers(chosen: NDArray[np.bool_] | None, length: int) -> Rows:
    return np.arange(length) if chosen is None else np.flatnonzero(chosen)


def micros(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _two_boxes(box: tuple[float, float, float, float]) -> Any:
    """A box across the antimeridian (OGC API - Features Core 1.0, 7.15.3: west > east)."""
    west, south, east, north = box
    return shapely.union_all([shapely.box(west, south, 180, north), shapely.box(-180, south, east, north)])
