"""Share of community feedback of the last 28 days answered within seven days; what is younger than that is not judged."""

import numpy as np

from dashboard.kpi import Asked, Figure, Kpi
from data.columns import NO_TIME
from data.seen import DAY_US


def compute(asked: Asked) -> Figure:
    seen = asked.seen
    rows = seen.rows("feedback", asked.within(days=28))
    received, answered = seen.column("feedback", "time")[rows], seen.column("feedback", "answered_time")[rows]
    in_time = (answered != NO_TIME) & (answered - received <= 7 * DAY_US)
    due = in_time | (asked.now_us - received > 7 * DAY_US)
    if not len(rows):
        return Figure(None, rows, "not_reported", asked.say("caption.no_feedback"))
    if not due.any():
        return Figure(None, rows, "unknown", asked.say("caption.none_due"))
    share = 100 * np.count_nonzero(in_time) / np.count_nonzero(due)
    low = asked.target is not None and share < asked.target
    return Figure(
        value=round(float(share)),
        rows=rows,
        state="watch" if low else "ok",
        caption=asked.say("caption.target", target=f"{asked.target:.0f} %") if asked.target is not None else "",
    )


KPI = Kpi(id="feedback_answered", kind="feedback", compute=compute, unit="%", target=80, order=60)
