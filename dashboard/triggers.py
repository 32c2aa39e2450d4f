"""Whether the live figures that risks are tied to have crossed their thresholds: looked at as news comes, recorded once each.

The figure is what the risk's owner may see. What is recorded is marked as the join of the risk and of the records the figure was
made of, so that "raised" tells nobody of records that are not theirs to see. Nothing acts by itself: a crossing is shown, and
lies with the owner until somebody looks at the risk again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import msgspec

from dashboard.live_figures import Value, value_of
from dashboard.risks import crossings_of, is_past
from data.access import Mark, Viewer, join
from data.picture import Picture
from data.records import Crossing, Risk, Sensitivity
from data.seen import Item, Seen
from data.written import Change, Overtaken, marked

WHO = "risk watch"
"""In whose name a crossing is recorded, in the log."""
ACT = "risks.cross"
EVERY_S = 20.0
"""How often is looked where something was committed meanwhile; figures of a window move without that, so hourly in any case."""
ANYHOW_S = 3_600.0
log = logging.getLogger(__name__)
Write = Callable[[str, str, Sequence[Change], str, Mapping[str, Any]], list[str]]


def viewer_for(agency: str) -> Viewer:
    """Sees what the people of an agency see up to high; what is severe raises nothing by itself."""
    return Viewer(WHO, agency, Sensitivity.high, kind="service")


def changes(picture: Picture, machine: Viewer, thresholds: Mapping[str, float], exercise: bool) -> list[Change]:
    """What is to be recorded now: crossings begun and ended. `machine` sees every risk."""
    every = picture.seen_by(machine)
    known = crossings_of(every)
    seen_by: dict[str, Seen] = {}
    found = []
    for item in every.items("risk", every.rows("risk")):
        risk = cast(Risk, item.record)
        open_one = _open(known.get((risk.source, risk.source_ref), ()))
        if risk.state == "closed" or not risk.figure or risk.threshold is None:
            if open_one is not None:
                found.append(_ended(every, open_one, exercise))
            continue
        owner = item.mark.agency
        if owner not in seen_by:
            seen_by[owner] = picture.seen_by(viewer_for(owner))
        value = value_of(seen_by[owner], risk.figure, risk.adm_pcode or "", thresholds)
        past = is_past(risk, value.value)
        if past and open_one is None:
            found.append(_begun(seen_by[owner], item, value, exercise))
        elif past is False and open_one is not None:
            found.append(_ended(every, open_one, exercise))
    return found


def _open(crossings: Sequence[Item]) -> Item | None:
    return next((one for one in reversed(crossings) if cast(Crossing, one.record).ended is None), None)


def _begun(seen: Seen, item: Item, value: Value, exercise: bool) -> Change:
    risk = cast(Risk, item.record)
    behind = seen.marking((value.kind, value.rows)) if len(value.rows) else None
    mark = join([item.mark, behind]) if behind else item.mark
    record = Crossing(
        source_ref=f"{risk.source_ref}@{seen.now:%Y%m%dT%H%M%S}",
        risk=risk.source_ref,
        title=risk.title,
        event_time=seen.now,
        value=value.value,
        threshold=risk.threshold,
        adm_pcode=risk.adm_pcode,
        place=risk.place,
    )
    return Change(marked(record, risk.source, mark or Mark(risk.agency), exercise), 0)


def _ended(seen: Seen, item: Item, exercise: bool) -> Change:
    record = msgspec.structs.replace(cast(Crossing, item.record), ended=seen.now)
    return Change(marked(record, item.record.source, item.mark, exercise), item.revision)


class Triggers:
    """Looks at every risk while the app runs; `stop` returns once what it is writing is durable."""

    def __init__(self, picture: Picture, write: Write, **given: Any) -> None:
        self.picture, self.write = picture, write
        self.given = given
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, name="risk triggers", daemon=True)

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        self.ended.set()
        self.thread.join(timeout=30)

    def look(self) -> int:
        """Record what crossed since; how many crossings began or ended."""
        found = changes(self.picture, **self.given)
        if found:
            self.write(WHO, ACT, found, "", {"crossings": len(found)})
        return len(found)

    def _run(self) -> None:
        idle, revision = ANYHOW_S, -1
        while not self.ended.is_set():
            if self.picture.revision != revision or idle >= ANYHOW_S:
                revision, idle = self.picture.revision, 0.0
                try:
                    self.look()
                except Overtaken:
                    pass  # somebody changed the risk meanwhile: it is looked at again
                except Exception:
                    log.exception("The risks' triggers could not be looked at; they are looked at again shortly.")
            self.ended.wait(EVERY_S)
            idle += EVERY_S
