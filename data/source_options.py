"""How a source is read (column mapping, kind, CRS, year…), set on screen above what commonground.toml says.

Each option set here counts in place of the one of that name in the settings; `null` takes that one away. Also remembers the
feed of a source of which the settings know nothing, because it only ever came as an upload.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from data import audit
from data.marks import MARKED
from data.settings import Settings, Source
from data.store import Store
from data.tables import source_options

MOST_BYTES = 32 << 10
UNSAID = ("", "auto")
"""Feeds of a source that say nothing about how it is read."""
KEPT_S = 1.0
"""So long another process may read as before. Asked anew for every payload it takes an eighth of a millisecond of each."""
_ELSEWHERE = frozenset(field.name for field in fields(Source)) | {"expected"}


class BadOptions(ValueError):
    """Why these options cannot be set, in one sentence."""


class _Set(NamedTuple):
    feed: str
    options: dict[str, Any]


_read: WeakKeyDictionary[Store, tuple[float, dict[str, _Set]]] = WeakKeyDictionary()
_reading = threading.Lock()


def set_options(
    store: Store, settings: Settings, who: str, source_name: str, options: Mapping[str, Any], feed: str = ""
) -> Source:
    """Read a source in this way from now on; what was set here before goes. Empty options remove it.

    `feed` is remembered where the settings have no such source. Returns the source as it is read now. Raises `BadOptions`.
    """
    if not source_name.strip():
        raise BadOptions("Options are of a source; name it.")
    body = _body(source_name, options)
    remembered = "" if source_name in settings.sources else feed
    row = {"source": source_name, "feed": remembered, "body": body, "set_us": time.time_ns() // 1_000, "set_by": who}
    with store.transaction() as connection:
        before = connection.execute(sa.select(source_options).where(source_options.c.source == source_name)).first()
        connection.execute(source_options.delete().where(source_options.c.source == source_name))
        if options or remembered:
            connection.execute(source_options.insert(), row)
        names = {*json.loads(before.body if before else "{}"), *options}
        audit.append(connection, "source.options", who, source_name, details={"options": sorted(names)})
    with _reading:
        _read.pop(store, None)
    return with_options(store, settings.source(source_name, feed))


def with_options(store: Store, source: Source) -> Source:
    """The source as it is read now: its options, and its feed where nothing else says one."""
    told = _all(store).get(source.name)
    if told is None:
        return source
    options = {**source.options, **told.options}
    feed = told.feed if told.feed and source.feed in UNSAID else source.feed
    return replace(source, feed=feed, options={name: value for name, value in options.items() if value is not None})


def options_set(store: Store, source_name: str) -> dict[str, Any]:
    """What was set here of a source, without what the settings say."""
    told = _all(store).get(source_name)
    return {} if told is None else dict(told.options)


def _all(store: Store) -> dict[str, _Set]:
    with _reading:
        at, found = _read.get(store, (-KEPT_S, {}))
        if time.monotonic() - at >= KEPT_S:
            at = time.monotonic()
            with store.reader.connect() as connection:
                rows = connection.execute(sa.select(source_options)).all()
            found = {row.source: _Set(row.feed, json.loads(row.body)) for row in rows}
            _read[store] = (at, found)
        return found


def _body(source_name: str, options: Mapping[str, Any]) -> str:
    for name in options:
        if not isinstance(name, str) or name in MARKED or name in _ELSEWHERE:
            raise BadOptions(f"'{name}' of {source_name} is no option of a feed; it is set in commonground.toml.")
    try:
        body = json.dumps(dict(options), ensure_ascii=False, sort_keys=True, allow_nan=False)
        body.encode()
    except (TypeError, ValueError, RecursionError):
        raise BadOptions(f"The options of {source_name} are not JSON; use text, numbers, lists and objects.") from None
    if len(body.encode()) > MOST_BYTES:
        raise BadOptions(f"The options of {source_name} are longer than {MOST_BYTES:,} bytes; map fewer columns.")
    return body
