"""People in need: the highest sector of each area, added over the areas, so that nobody is counted twice."""

from dashboard.kpi import Asked, Figure, Kpi
from data.analysis.figures import figure


def compute(asked: Asked) -> Figure:
    found = figure(asked.seen, asked.anytime(), "people_in_need")
    told = [value.value for value in found.values.values() if value.value is not None]
    if not told:
        return Figure(None, found.rows, "not_reported", asked.say("caption.no_need"))
    return Figure(
        value=sum(told),
        rows=found.rows,
        caption=asked.say("caption.need", areas=len(told), unknown=len(found.values) - len(told)),
    )


KPI = Kpi(id="people_in_need", kind="indicator", compute=compute, order=90)
