"""Every feed: one file each, found by being here. `all_feeds` is the whole registry."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from ingest.feed import Feed


@cache
def all_feeds() -> Mapping[str, Feed]:
    """Name -> feed, sorted by name."""
    feeds = [importlib.import_module(f"{__name__}.{module.name}").FEED for module in pkgutil.iter_modules(__path__)]
    return MappingProxyType({feed.name: feed for feed in sorted(feeds, key=lambda feed: feed.name)})
