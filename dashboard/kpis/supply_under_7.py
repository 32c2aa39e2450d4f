"""Sites where at least one item runs out within seven days at the rate it is used, or has run out."""

import numpy as np

from dashboard.kpi import Asked, Figure, Kpi
from data.analysis.supply import CLASSES, NOT_REPORTED, STOCKOUT, UNKNOWN, supply, worst_of_sites


def compute(asked: Asked) -> Figure:
    found = supply(asked.seen, asked.anytime())
    if not len(found.rows):
        return Figure(None, found.rows, "not_reported", asked.say("caption.no_supply"))
    status = found.status[worst_of_sites(found)]
    silent = int(np.isin(status, (UNKNOWN, NOT_REPORTED)).sum())
    short = np.isin(found.status, (STOCKOUT, CLASSES.index("lt7")))
    sites = len(np.unique(found.site[short]))
    first = np.argsort(np.nan_to_num(found.days[short], nan=-1.0), kind="stable")
    return Figure(
        value=None if silent == len(status) else sites,
        rows=found.rows[short] if silent < len(status) else found.rows,
        state="unknown" if silent == len(status) else "watch" if sites else "ok",
        caption=asked.say("caption.supply", of=len(status) - silent, unknown=silent),
        ranked=found.rows[short][first],
    )


KPI = Kpi(id="supply_under_7", kind="supply", compute=compute, order=30)
