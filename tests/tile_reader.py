"""Reads a Mapbox vector tile by the letter of its specification, knowing nothing of how ours are written."""

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple


class Read(NamedTuple):
    """A feature: 1 point, 2 line, 3 polygon; its parts as lists of (x, y), rings without their closing vertex."""

    type: int
    parts: list[list[tuple[int, int]]]
    properties: dict[str, Any]


class Layer(NamedTuple):
    name: str
    version: int
    extent: int
    features: list[Read]


def read(tile: bytes) -> list[Layer]:
    return [_layer(value) for number, value in _fields(tile) if number == 3]


def features(tile: bytes) -> list[Read]:
    """Of the only layer of a tile; an empty tile has none."""
    layers = read(tile)
    assert len(layers) == (1 if tile else 0)
    return layers[0].features if layers else []


def _layer(body: bytes) -> Layer:
    fields = list(_fields(body))
    of = {number: [value for n, value in fields if n == number] for number in (1, 2, 3, 4, 5, 15)}
    keys = [key.decode() for key in of[3]]
    values = [_value(value) for value in of[4]]
    assert len(set(keys)) == len(keys)
    return Layer(of[1][0].decode(), of[15][0], of[5][0], [_feature(each, keys, values) for each in of[2]])


def _feature(body: bytes, keys: list[str], values: list[Any]) -> Read:
    fields = dict(_fields(body))
    tags = list(_varints(fields.get(2, b"")))
    properties = {keys[key]: values[value] for key, value in zip(tags[::2], tags[1::2], strict=True)}
    return Read(fields[3], _parts(list(_varints(fields[4]))), properties)


def _parts(commands: list[int]) -> list[list[tuple[int, int]]]:
    parts: list[list[tuple[int, int]]] = []
    x = y = at = 0
    while at < len(commands):
        what, count = commands[at] & 7, commands[at] >> 3
        at += 1
        if what == 7:
            assert count == 1
            continue
        assert count > 0
        for _ in range(count):
            x += (commands[at] >> 1) ^ -(commands[at] & 1)
            y += (commands[at + 1] >> 1) ^ -(commands[at + 1] & 1)
            at += 2
            if what == 1:
                parts.append([])
            parts[-1].append((x, y))
    return parts


def _value(body: bytes) -> Any:
    ((number, value),) = _fields(body)
    match number:
        case 1:
            return value.decode()
        case 3:
            return struct.unpack("<d", value)[0]
        case 4 | 5:
            return value
        case 6:
            return (value >> 1) ^ -(value & 1)
        case 7:
            return bool(value)
    raise AssertionError(f"value type {number}")


def _fields(body: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(body):
        key, at = _varint(body, at)
        match key & 7:
            case 0:
                value, at = _varint(body, at)
                yield key >> 3, value
            case 1:
                yield key >> 3, body[at : at + 8]
                at += 8
            case 2:
                length, at = _varint(body, at)
                assert at + length <= len(body)
                yield key >> 3, body[at : at + length]
                at += length
            case other:
                raise AssertionError(f"wire type {other}")


def _varints(body: bytes) -> Iterator[int]:
    at = 0
    while at < len(body):
        value, at = _varint(body, at)
        yield value


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
