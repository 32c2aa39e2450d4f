"""Every KPI: one file each, found by being here. `all_kpis` is the whole registry."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from dashboard.kpi import Kpi


@cache
def all_kpis() -> tuple[Kpi, ...]:
    """Every KPI in the order in which a panel shows them."""
    found = [importlib.import_module(f"{__name__}.{module.name}").KPI for module in pkgutil.iter_modules(__path__)]
    return tuple(sorted(found, key=lambda kpi: (kpi.order, kpi.id)))
