"""What the watch of the exercise did before one looks: acts on what was logged, an event linked of two reports, a handover."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from data.access import Mark, join
from data.handling import ACKNOWLEDGED, CLOSED, OPEN
from data.records import KINDS, Entry, Handover, IncidentHandling, Link, Sensitivity
from data.seen import public_id
from data.settings import Settings
from data.store import Store
from data.written import Change, marked, write
from ingest.exercise.retold import Twice, retold

WATCH = "watch"
NIGHT, DAY = "Lt Arano (night watch)", "Cpt Velho (day watch)"
ACTS: tuple[tuple[int, float, dict[str, object]], ...] = (
    (0, 9.0, {"act": "acknowledge", "category": ACKNOWLEDGED, "by": NIGHT}),
    (0, 8.6, {"act": "assign", "category": ACKNOWLEDGED, "by": NIGHT, "assignee": "FORCE"}),
    (0, 5.5, {"act": "comment", "category": ACKNOWLEDGED, "by": "Patrol 2", "description": "On site; market closed."}),
    (0, 2.0, {"act": "close", "category": CLOSED, "by": DAY, "description": "Patrol back, road open."}),
    (1, 7.5, {"act": "acknowledge", "category": ACKNOWLEDGED, "by": NIGHT}),
    (1, 7.0, {"act": "assign", "category": ACKNOWLEDGED, "by": NIGHT, "assignee": "LOG"}),
    (1, 6.9, {"act": "due", "category": ACKNOWLEDGED, "by": NIGHT}),
    (2, 4.0, {"act": "comment", "category": OPEN, "by": DAY, "description": "Asked COORD for the list of those missing."}),
    (2, 3.9, {"act": "assign", "category": OPEN, "by": DAY, "assignee": "COORD"}),
)  # fmt: skip
"""Which of the events, how many hours ago, and what."""
DUE_H = 1.0
"""The time that was set is past by so much: something is overdue from the beginning."""


def write_watch(store: Store, settings: Settings, now: datetime, seed: int) -> int:
    """Write it; how many records there are of it then."""
    events = list(retold(seed, now))[-4:]
    standing: dict[int, IncidentHandling] = {}
    for at, hours, said in ACTS:
        told = {"due": now - timedelta(hours=DUE_H)} if said["act"] == "due" else {}
        before = standing.get(at) or _handling(store, settings, events[at])
        made = msgspec.structs.replace(
            before,
            **{"description": "", **said, **told, "by_agency": "JOC", "event_time": now - timedelta(hours=hours)},
        )
        if said["act"] == "acknowledge":
            made = msgspec.structs.replace(made, acknowledged_by=made.by, acknowledged_time=made.event_time)
        standing[at] = made
        write(store, made.by, f"watch.{made.act}", [Change(made, None)], made.description)
    write(store, NIGHT, "watch.link", [Change(_link(store, settings, events[3], now))], "same road, same hour")
    write(store, NIGHT, "watch.give", [Change(_handover(settings, now))])
    return len(standing) + 2


def _id(store: Store, source: str, ref: str) -> str:
    entry = Entry(1, KINDS["incident"].number, ref, 0, None, None, None, None, None, b"")
    return public_id(store.record_id(source, entry))


def _handling(store: Store, settings: Settings, event: Twice) -> IncidentHandling:
    source = settings.sources["joc-log"]
    return IncidentHandling(
        source_ref=event.serial,
        about=_id(store, source.name, event.serial),
        title=str(event.row[5]),
        source=source.name,
        agency=source.agency,
        sensitivity=source.sensitivity,
        releasable_to=source.releasable_to,
        exercise=True,
    )


def _link(store: Store, settings: Settings, event: Twice, now: datetime) -> Link:
    ids = sorted((_id(store, "joc-log", event.serial), _id(store, "acled", event.event_id)))
    made = Link(
        source_ref=" ".join(ids),
        one=ids[0],
        other=ids[1],
        category="linked",
        verdict="linked",
        by=NIGHT,
        title=str(event.row[5]),
        description="Same road, same hour.",
        event_time=now - timedelta(hours=6.5),
    )
    mark = join(settings.sources[name].mark("incidents") for name in ("joc-log", "acled"))
    if mark is None:
        raise ValueError("of two sources there is a mark")
    return marked(made, WATCH, mark, exercise=True)  # type: ignore[return-value]


def _handover(settings: Settings, now: datetime) -> Handover:
    made = Handover(
        source_ref="0000000000000001",
        description="Road to the east open again since noon. LOG owes us word on the looted store: due time passed.\n"
        "East relay of the unit tracks is silent; FORCE knows.",
        event_time=now - timedelta(hours=0.5),
        given_by=NIGHT,
        period_start=now - timedelta(hours=12.5),
    )
    mark = Mark(settings.sources["joc-log"].agency, Sensitivity.low, (), "handovers")
    return marked(made, WATCH, mark, exercise=True)  # type: ignore[return-value]
