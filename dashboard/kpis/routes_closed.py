"""Roads, bridges and crossings reported closed or restricted."""

import numpy as np

from dashboard.kpi import Asked, Figure, Kpi


def compute(asked: Asked) -> Figure:
    seen = asked.seen
    rows = seen.rows("route", asked.anytime())
    if not len(rows):
        return Figure(None, rows, "not_reported", asked.say("caption.no_routes"))
    labels = np.array(seen.labels("route", "status"), dtype=object)
    status = labels[seen.column("route", "status")[rows]]
    closed, restricted = rows[status == "closed"], int(np.count_nonzero(status == "restricted"))
    told = int(np.count_nonzero(~np.isin(status, ("unknown", ""))))
    return Figure(
        value=len(closed) if told else None,
        rows=closed,
        state="unknown" if not told else "watch" if len(closed) else "ok",
        caption=asked.say("caption.routes", restricted=restricted, of=len(rows), told=told),
    )


KPI = Kpi(id="routes_closed", kind="route", compute=compute, order=70)
