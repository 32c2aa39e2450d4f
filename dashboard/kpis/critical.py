"""Critical incidents of the last 72 hours, oldest first to be asked about."""

from dataclasses import replace

from dashboard.kpi import Asked, Figure, Kpi, repeated, silent
from dashboard.words import age
from data.records import Severity


def compute(asked: Asked) -> Figure:
    if nobody := silent(asked, "incident", "caption.incidents"):
        return nobody
    seen = asked.seen
    rows = seen.rows("incident", replace(asked.within(hours=72), severity=Severity.critical))
    events = seen.once("incident", rows)
    worst = seen.newest("incident", events, 5)
    oldest = "" if not len(rows) else age((asked.now_us - int(seen.column("incident", "time")[rows].min())) / 1e6)
    return Figure(
        value=len(events),
        rows=rows,
        state="alarm" if len(rows) else "ok",
        caption=" ".join(filter(None, (asked.say("caption.oldest", age=oldest), repeated(asked, rows, events))))
        if oldest
        else asked.say("caption.none72"),
        listed=worst,
    )


KPI = Kpi(id="critical", kind="incident", compute=compute, order=20)
