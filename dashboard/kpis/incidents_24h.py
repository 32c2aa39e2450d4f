"""Incidents in the last 24 hours, beside the mean of the seven days before."""

import numpy as np

from dashboard.kpi import Asked, Figure, Kpi, per_day, repeated, silent


def compute(asked: Asked) -> Figure:
    if nobody := silent(asked, "incident", "caption.incidents"):
        return nobody
    seen = asked.seen
    rows = seen.rows("incident", asked.within(hours=24))
    events = seen.once("incident", rows)
    month = seen.once("incident", seen.rows("incident", asked.within(days=28)))
    days = per_day(seen, "incident", month, 28)
    usual = float(np.mean(days[-8:-1]))
    return Figure(
        value=len(events),
        rows=rows,
        state="watch" if len(events) > 2 * usual and len(events) >= 5 else "ok",
        caption=" ".join(
            filter(None, (asked.say("caption.mean7", mean=f"{usual:.0f}"), repeated(asked, rows, events)))
        ),
        spark=days,
        bars=_by_category(asked, events, seen.once("incident", seen.rows("incident", asked.within(days=8)))),
    )


def _by_category(asked: Asked, rows: np.ndarray, week: np.ndarray) -> list[tuple[str, float, float]]:
    """The five most frequent categories: today's count and the daily mean of the seven days before."""
    column = asked.seen.column("incident", "category")
    labels = asked.seen.labels("incident", "category")
    today = np.bincount(column[rows], minlength=len(labels))
    before = np.bincount(column[week], minlength=len(labels)) - today
    # Of equals by name: codes are in order of first sight, and what was seen first may be withheld.
    most = sorted(np.flatnonzero(today + before), key=lambda code: (-(today[code] + before[code] / 7), labels[code]))[
        :5
    ]
    return [(labels[code], int(today[code]), before[code] / 7) for code in most]


KPI = Kpi(id="incidents_24h", kind="incident", compute=compute, order=10)
