"""Share of sites that say they work, of those that say anything; how many say nothing is told beside it."""

import numpy as np

from dashboard.kpi import Asked, Figure, Kpi

TOLD = ("open", "partly", "closed")


def compute(asked: Asked) -> Figure:
    seen = asked.seen
    rows = seen.rows("site", asked.anytime())
    labels = np.array(seen.labels("site", "functionality") or [""], dtype=object)
    told = labels[seen.column("site", "functionality")[rows]] if len(rows) else np.empty(0, object)
    # Lists that never say whether a site works (towns, stock systems) are no silence about it.
    source = seen.column("site", "source")[rows]
    telling = np.isin(source, np.unique(source[np.isin(told, TOLD)]))
    rows, told = rows[telling], told[telling]
    reporting = rows[np.isin(told, TOLD)]
    if not len(rows):
        return Figure(None, rows, "not_reported", asked.say("caption.no_sites"))
    if not len(reporting):
        return Figure(None, rows, "unknown", asked.say("caption.reporting", n=0, of=len(rows)))
    share = 100 * np.count_nonzero(told == "open") / len(reporting)
    return Figure(
        value=round(float(share), 1),
        rows=rows,
        state="watch" if asked.target is not None and share < asked.target else "ok",
        caption=asked.say("caption.reporting", n=len(reporting), of=len(rows)),
    )


KPI = Kpi(id="facilities_open", kind="site", compute=compute, unit="%", target=80, order=40)
