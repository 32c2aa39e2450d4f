"""Every page: one file each, found by being here. `all_pages` is the whole registry."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from dashboard.page import Page


@cache
def all_pages() -> tuple[Page, ...]:
    """Every page in the order of the navigation."""
    found = [importlib.import_module(f"{__name__}.{module.name}").PAGE for module in pkgutil.iter_modules(__path__)]
    return tuple(sorted(found, key=lambda page: (page.order, page.id)))
