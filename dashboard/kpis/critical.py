"""Critical incidents of the last 72 hours, oldest first to be asked about."""

from dataclasses import replace

from dashboard.kpi import Asked, Figure, Kpi, silent
from dashboard.words import age
from data.records import Severity


def compute(asked: Asked) -> Figure:
    if nobody := silent(asked, "incident", "caption.incidents"):
        return nobody
    seen = asked.seen
    rows = seen.rows("incident", replace(asked.within(hours=72), severity=Severity.critical))
    worst = seen.newest("incident", rows, 5)
    oldest = "" if not len(rows) else age((asked.now_us - int(seen.column("incident", "time")[rows].min())) / 1e6)
    return Figure(
        value=len(rows),
        rows=rows,
        state="alarm" if len(rows) else "ok",
        caption=asked.say("caption.oldest", age=oldest) if oldest else asked.say("caption.none72"),
        listed=worst,
    )


KPI = Kpi(id="critical", kind="incident", compute=compute, order=20)
