"""Units and convoys whose last position still stands (not past its own `stale` time), of all that ever reported in 24 h."""

from dataclasses import replace

from dashboard.kpi import Asked, Figure, Kpi
from data.records import Severity


def compute(asked: Asked) -> Figure:
    seen = asked.seen
    rows = seen.rows("track", replace(asked.within(hours=24), severity=Severity.unknown, category=()))
    if not len(rows):
        return Figure(None, rows, "not_reported", asked.say("caption.no_units"))
    standing = rows[seen.column("track", "stale")[rows] >= asked.now_us]
    return Figure(
        value=len(standing),
        rows=rows,
        state="ok" if len(standing) else "watch",
        caption=asked.say("caption.units", of=len(rows)),
    )


KPI = Kpi(id="units_heard", kind="track", compute=compute, order=80)
