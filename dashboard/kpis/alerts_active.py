"""Public warnings (CAP) that are in force: neither expired nor taken back."""

import numpy as np

from dashboard.kpi import Asked, Figure, Kpi
from data.columns import NO_TIME


def compute(asked: Asked) -> Figure:
    seen = asked.seen
    rows = seen.rows("alert", asked.anytime())
    if not len(seen.rows("alert")):
        return Figure(None, rows, "not_reported", asked.say("caption.no_alert_source"))
    expires = seen.column("alert", "expires")[rows]
    rows = rows[(expires > asked.now_us) | (expires == NO_TIME)]
    worst = int(seen.column("alert", "severity")[rows].max()) if len(rows) else 0
    return Figure(
        value=len(rows),
        rows=rows,
        state="watch" if worst >= 4 else "ok",
        caption=asked.say("caption.in_force") if len(rows) else asked.say("caption.none_in_force"),
        listed=rows[np.argsort(-seen.column("alert", "severity")[rows], kind="stable")][:3],
    )


KPI = Kpi(id="alerts_active", kind="alert", compute=compute, order=50)
