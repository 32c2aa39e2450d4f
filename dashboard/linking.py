"""Several reports of one event: what is likely the same, side by side with why, and what a person makes of it.

A link is a record of its own beside both; each agency's report stays as it is. Undone, it is judged "open" again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dashboard import rights
from dashboard.answer import NOT_FOUND, Refused, answer
from dashboard.api import asked
from dashboard.noted import note_read
from dashboard.services import Services
from data import linked
from data.access import Viewer, decide, join
from data.analysis import duplicates
from data.records import Incident, Link
from data.seen import Item, Rows, Seen, public_id
from data.written import Change, marked

Told = Mapping[str, Any]
SOURCE = "watch"
"""Of what is written here. No source of the settings may bear this name: its mark would count in place of the record's own."""
SHOWN = 60


def same(services: Services, request: Request) -> Response:
    """`?judged=open|linked|refused`: pairs of reports that may be of one event, the likeliest first; under the page's filters."""
    seen, filters, query = asked(services, request)
    judged = query.get("judged") or "open"
    rows = seen.rows(linked.KIND, filters)
    pairs = linked.events(seen).pairs
    if judged == "open":
        settled = {frozenset((pair.one, pair.other)) for pair in pairs if pair.verdict != "open"}
        found = [one for one in suggested(seen, rows) if frozenset((one.one, one.other)) not in settled]
        told = [_pair(seen, one.one, one.other, one, None) for one in found[:SHOWN]]
        total = len(found)
    else:
        there = set(rows.tolist())
        of = [pair for pair in pairs if pair.verdict == judged and (pair.one in there or pair.other in there)]
        told = [_pair(seen, pair.one, pair.other, None, pair.row) for pair in of[:SHOWN]]
        total = len(of)
    note_read(services, seen, [item for one in told for item in one.pop("items")])
    counted = len(seen.once(linked.KIND, rows))
    return answer(
        request,
        {
            "pairs": told,
            "total": total,
            "events": counted,
            "reports": len(rows),
            "may": rights.watches(seen.viewer) and not seen.past,
            "revision": seen.revision,
        },
    )


def suggested(seen: Seen, rows: Rows) -> tuple[duplicates.Likely, ...]:
    """What is likely the same among these rows; computed once for what is the same to the same viewers."""
    return _suggested(_Asked((seen.released.number, seen.at, rows.tobytes()), seen, rows))


class _Asked:
    """A question that is equal to another where its answer would be."""

    def __init__(self, key: tuple[int, int, bytes], seen: Seen, rows: Rows) -> None:
        self.key, self.seen, self.rows = key, seen, rows

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked) and self.key == other.key


@lru_cache(maxsize=8)
def _suggested(asked: _Asked) -> tuple[duplicates.Likely, ...]:
    return tuple(duplicates.likely(asked.seen, asked.rows))


def _pair(seen: Seen, one: int, other: int, likely: duplicates.Likely | None, row: int | None) -> dict[str, Any]:
    items = seen.items(linked.KIND, [one, other])
    told: dict[str, Any] = {
        "items": items,
        "reports": [_report(item) for item in items],
        "score": likely.score if likely else None,
        "reasons": [{"what": part.what, "score": part.score, "value": part.value} for part in likely.reasons]
        if likely
        else [],
        "looked_at": 0,
    }
    standing = seen.items("link", [row])[0] if row is not None else _link_of(seen, items)
    if standing and isinstance(standing.record, Link):
        said = standing.record
        told["looked_at"] = standing.revision
        told["verdict"] = {
            "verdict": said.verdict,
            "by": said.by,
            "at": said.event_time,
            "reason": said.description,
            "score": said.score,
        }
    return told


def _link_of(seen: Seen, items: list[Item]) -> Item | None:
    rows = [pair.row for pair in linked.events(seen).pairs if {pair.one, pair.other} == {item.row for item in items}]
    return seen.items("link", rows[-1:])[0] if rows else None


def _report(item: Item) -> dict[str, Any]:
    told = item.record
    names = [name for name in item.area_names if name]
    return {
        "id": public_id(item.id),
        "source": told.source,
        "agency": told.agency,
        "title": told.title or told.category,
        "description": told.description[:1_000],
        "category": told.category,
        "sub_event_type": told.sub_event_type if isinstance(told, Incident) else "",
        "severity": told.severity.name,
        "event_time": told.event_time,
        "received_at": item.received_at,
        "place": told.place or (names[-1] if names else ""),
        "area": " · ".join(names[1:]),
        "lon": told.lon,
        "lat": told.lat,
        "actors": [one for one in (told.actor1, told.actor2) if one] if isinstance(told, Incident) else [],
        "fatalities": told.fatalities if isinstance(told, Incident) else None,
        "injured": told.injured if isinstance(told, Incident) else None,
        "grade": told.grade,
    }


def linked_to(seen: Seen, item: Item) -> dict[str, Any] | None:
    """The other reports of an incident's event, and the range of what they tell of the dead; None where there are none."""
    rows = linked.events(seen).same(item.row)
    if len(rows) < 2:
        return None
    reports = [_report(one) for one in seen.items(linked.KIND, rows)]
    dead = [one["fatalities"] for one in reports if one["fatalities"] is not None]
    return {
        "reports": reports,
        "fatalities": [min(dead), max(dead)] if dead else None,
        "untold": sum(one["fatalities"] is None for one in reports),
    }


# The act


def may(services: Services, viewer: Viewer, told: Told) -> bool:
    return rights.watches(viewer)


def judge(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    """`{one, other, verdict, looked_at, reason}`: these two are one event, are not, or are to be looked at again."""
    from dashboard.handling import text_of, write

    verdict = told.get("verdict")
    if verdict not in linked.VERDICTS:
        raise Refused(422, f"verdict: use one of {', '.join(linked.VERDICTS)}.")
    seen = services.picture.seen_by(viewer)
    found = [seen.find(str(told.get(name))) for name in linked.ENDS]
    items = [item for item in found if item is not None and item.kind == linked.KIND]
    if len(items) != 2:
        raise NOT_FOUND
    if items[0].id == items[1].id:
        raise Refused(422, "one, other: name two reports; this is one and the same.")
    if SOURCE in seen.sharing.sources:
        raise Refused(
            422, f"A source of the settings is named '{SOURCE}', the name of what is written here; rename it."
        )
    items.sort(key=lambda item: public_id(item.id))
    mark = join(item.mark for item in items)
    if mark is None or not decide(viewer, mark, seen.sharing.agreements).permit:
        raise Refused(
            422, "You see these two under terms that do not go together; ask an owner who sees both to link them."
        )
    looked_at = told.get("looked_at", 0)
    if not isinstance(looked_at, int) or isinstance(looked_at, bool):
        raise Refused(422, "looked_at: use the revision of the judgement that was on screen.")
    score = told.get("score")
    one, other = (public_id(item.id) for item in items)
    made = Link(
        source_ref=f"{one} {other}",
        one=one,
        other=other,
        category=verdict,
        verdict=verdict,
        by=viewer.name,
        score=float(score) if isinstance(score, (int, float)) and 0 <= score <= 1 else None,
        title=items[0].record.title or items[0].record.category,
        description=text_of(told, "reason", 500),
        event_time=datetime.now(UTC),
    )
    stamped = marked(made, SOURCE, mark, any(item.record.exercise for item in items))
    details: dict[str, Any] = {"reports": [one, other]} | ({} if made.score is None else {"score": made.score})
    write(services, viewer, f"watch.{_ACT[verdict]}", [Change(stamped, looked_at)], made.description, details)


_ACT = {"linked": "link", "refused": "refuse", "open": "unlink"}
