"""Mapbox Vector Tile 2.1 encoding, from numpy arrays to bytes.

Method: the specification's sections 4.1-4.4 (github.com/mapbox/vector-tile-spec, 2.1). Geometry commands of all features are
laid out as one array of integers and turned into varints at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

EXTENT = 4096
POINT, LINE, POLYGON = 1, 2, 3
Property = str | int | float | bool
Ints = NDArray[np.int64]


class Feature(NamedTuple):
    """One feature ready to be written: its geometry type, its commands as varints, its properties."""

    type: int
    geometry: bytes
    properties: Mapping[str, Property]


class Paths(NamedTuple):
    """Lines or rings of many features in tile units, y down.

    `xy` shape (v, 2); `lengths` vertices per path (p,), rings without their closing vertex; `features` (p,) ascending:
    which feature each path belongs to.
    """

    xy: Ints
    lengths: Ints
    features: Ints


def tile(name: str, features: Iterable[Feature]) -> bytes:
    """A tile with one layer of that name; b"" where there is no feature."""
    keys: dict[str, int] = {}
    values: dict[tuple[type, Property], int] = {}
    body = bytearray()
    for feature in features:
        tags = bytearray()
        for key, value in feature.properties.items():
            tags += _varint(keys.setdefault(key, len(keys)))
            tags += _varint(values.setdefault((type(value), value), len(values)))
        body += _field(2, _field(2, tags) + b"\x18" + _varint(feature.type) + _field(4, feature.geometry))
    if not body:
        return b""
    head = b"\x78\x02" + _field(1, name.encode())
    listed = b"".join(_field(3, key.encode()) for key in keys)
    told = b"".join(_field(4, _value(value)) for _, value in values)
    return bytes(_field(3, head + body + listed + told + b"\x28" + _varint(EXTENT)))


def point(x: int, y: int) -> bytes:
    """Commands of one point in tile units."""
    return b"\x09" + _varint(_zigzag(x)) + _varint(_zigzag(y))


def commands(paths: Paths, closed: bool) -> dict[int, bytes]:
    """Feature number -> commands of its paths (section 4.3), `closed` for rings."""
    count = len(paths.lengths)
    if not count:
        return {}
    first = _starts(paths.lengths)
    starts_feature = np.concatenate(([True], np.diff(paths.features) != 0))
    # The cursor runs on from path to path within a feature and is back at the origin for the next one.
    delta = np.diff(paths.xy, axis=0, prepend=np.zeros((1, 2), np.int64))
    delta[first[starts_feature]] = paths.xy[first[starts_feature]]
    zigzag = (delta << 1) ^ (delta >> 63)

    sizes = 2 + 2 * paths.lengths + (1 if closed else 0)  # MoveTo, LineTo, their parameters, ClosePath
    at = np.concatenate(([0], np.cumsum(sizes)))
    stream = np.empty(at[-1], np.int64)
    stream[at[:-1]] = 9
    stream[at[:-1] + 3] = ((paths.lengths - 1) << 3) | 2
    if closed:
        stream[at[1:] - 1] = 15
    rank = np.arange(len(paths.xy)) - np.repeat(first, paths.lengths)
    slot = np.repeat(at[:-1], paths.lengths) + 1 + 2 * rank + (rank > 0)
    stream[slot] = zigzag[:, 0]
    stream[slot + 1] = zigzag[:, 1]

    encoded, ends = varints(stream)
    cuts = np.concatenate((at[:-1][starts_feature], at[-1:]))
    offsets = np.concatenate(([0], ends))[cuts]
    numbers = paths.features[starts_feature]
    return {int(number): encoded[a:b] for number, a, b in zip(numbers, offsets[:-1], offsets[1:], strict=True)}


def varints(numbers: Ints) -> tuple[bytes, Ints]:
    """Unsigned numbers below 2^35 as protobuf varints, and the offset at which each one ends."""
    width = np.ones(len(numbers), np.int64)
    for bits in (7, 14, 21, 28):
        width += numbers >= (1 << bits)
    ends = np.cumsum(width)
    starts = ends - width
    out = np.empty(int(ends[-1]) if len(ends) else 0, np.uint8)
    for byte in range(5):
        there = np.flatnonzero(width > byte)
        more = np.where(width[there] > byte + 1, 0x80, 0)
        out[starts[there] + byte] = ((numbers[there] >> (7 * byte)) & 0x7F) | more
    return out.tobytes(), ends


def rings(xy: Ints, lengths: Ints, features: Ints, exterior: NDArray[np.bool_]) -> Paths:
    """Rings (without closing vertex) as the specification wants them (4.3.4): exterior ones clockwise on screen, interior
    ones the other way.

    `exterior` (p,) says which rings are; holes follow theirs. Vertices that fell together are one, and rings that collapsed
    to a line or a point are left out, an exterior one with its holes.
    """
    xy, lengths = _thinned(xy, lengths, closed=True)
    group = np.cumsum(exterior) - 1
    first = _starts(lengths)
    following = np.arange(1, len(xy) + 1)
    whole = lengths > 0
    following[(first + lengths - 1)[whole]] = first[whole]
    x, y = xy[:, 0], xy[:, 1]
    cross = x * y[following] - x[following] * y if len(xy) else np.empty(0, np.int64)
    running = np.concatenate(([0], np.cumsum(cross)))
    area = running[first + lengths] - running[first]  # twice the area, exact
    kept = (area != 0) & (area != 0)[exterior][group]
    turned = np.repeat((area > 0) != exterior, lengths)
    rank = np.arange(len(xy)) - np.repeat(first, lengths)
    source = np.where(turned, np.repeat(first + lengths - 1, lengths) - rank, np.repeat(first, lengths) + rank)
    return Paths(xy[source][np.repeat(kept, lengths)], lengths[kept], features[kept])


def lines(xy: Ints, lengths: Ints, features: Ints) -> Paths:
    """Lines without repeated vertices; those that collapsed to a point are left out."""
    xy, lengths = _thinned(xy, lengths, closed=False)
    kept = lengths > 1
    return Paths(xy[np.repeat(kept, lengths)], lengths[kept], features[kept])


def _thinned(xy: Ints, lengths: Ints, closed: bool) -> tuple[Ints, Ints]:
    """Without vertices that equal the one before them (in a ring the first follows the last)."""
    first = _starts(lengths)
    before = np.arange(-1, len(xy) - 1)
    before[first] = first + lengths - 1 if closed else first
    moved = (xy != xy[before]).any(axis=1)
    if not closed:
        moved[first] = True
    path = np.repeat(np.arange(len(lengths)), lengths)
    return xy[moved], np.bincount(path[moved], minlength=len(lengths)).astype(np.int64)


def _starts(lengths: Ints) -> Ints:
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)[:-1]))[: len(lengths)]


def _varint(number: int) -> bytes:
    if number < 0x80:
        return _ONE_BYTE[number]
    out = bytearray()
    while number > 0x7F:
        out.append((number & 0x7F) | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_ONE_BYTE: Sequence[bytes] = [bytes((number,)) for number in range(128)]


def _zigzag(number: int) -> int:
    return (number << 1) ^ (number >> 63)


def _field(number: int, payload: bytes | bytearray) -> bytes:
    """A length-delimited field."""
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _value(value: Property) -> bytes:
    if isinstance(value, bool):
        return b"\x38" + _varint(value)
    if isinstance(value, int):
        return b"\x28" + _varint(value) if value >= 0 else b"\x30" + _varint(_zigzag(value))
    if isinstance(value, float):
        return b"\x19" + np.float64(value).tobytes()  # double, little-endian on every machine numpy's wheels run on
    return _field(1, value.encode("utf-8", "replace"))
