"""What communities say, and whether they are answered, over HTTP (`data.analysis.community`).

Sensitive complaints are one count for those who are read into them, from the mission's least number on; to others the answer is
the same whether there are any or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dashboard import rights
from dashboard.answer import answer
from dashboard.api import asked
from dashboard.noted import note_read
from dashboard.services import Services
from data.access import Viewer
from data.analysis import community
from data.analysis.community import Answered, Counted
from data.filters import Filters
from data.marks import PROTECTION
from data.seen import Item, Seen, public_id

OLDEST = 12


def overview(services: Services, request: Request) -> Response:
    """Everything the page shows under the filters; `area` narrows it, `category` is the theme, `channel` the channel."""
    seen, filters, _ = asked(services, request, ("channel",))
    within = services.settings.answered_within
    found = community.voices(seen, filters, within)
    oldest = seen.items(community.KIND, found.waiting[:OLDEST].tolist())
    note_read(services, seen, oldest)
    names = {area.pcode: area.name for area in seen.places.areas if area.pcode}
    told = {
        "revision": seen.revision,
        "as_of": seen.now if seen.past else None,
        "within_days": within.total_seconds() / 86_400,
        "whole": _answered(found.whole),
        "themes": _groups(found.themes),
        "channels": _groups(found.channels),
        "areas": [{**one, "label": names.get(one["name"], one["name"])} for one in _groups(found.areas)],
        "statuses": found.statuses,
        "weeks": [
            {"begins": week.begins, "received": week.received, "due": week.due, "in_time": week.in_time}
            for week in found.weeks
        ],
        "oldest": [_waiting(item) for item in oldest],
        "confidence": _confidence(services, seen, filters),
        "regions": [{"pcode": area.pcode, "name": area.name} for area in seen.places.areas if area.level == 1],
    }
    return answer(request, told)


def entitled(viewer: Viewer) -> bool:
    """Whether somebody is told how many sensitive complaints there are, were there any: a person read into them."""
    own = rights.operates(viewer) or (PROTECTION in viewer.compartments and viewer.kind != "display")
    return own and (viewer.looking is None or entitled(viewer.looking))


def _confidence(services: Services, seen: Seen, filters: Filters) -> dict[str, Any] | None:
    if not entitled(seen.viewer):
        return None
    found = community.in_confidence(seen, filters, services.settings.answered_within)
    least = services.settings.counted_least
    counts = {"received": found.received, "open": found.open, "overdue": found.overdue}
    told: dict[str, Any] = {name: _least(count, least) for name, count in counts.items()}
    return {**told, "share": found.share if found.due >= least else None, "least": least}


def _least(count: int, least: int) -> dict[str, int]:
    return {"fewer_than": least} if 0 < count < least else {"count": count}


def _groups(groups: Mapping[str, Answered]) -> list[dict[str, Any]]:
    """What most is overdue of stands first."""
    told = [{"name": name, **_answered(one)} for name, one in groups.items()]
    return sorted(told, key=lambda one: (-one["overdue"], -one["received"], one["name"]))


def _answered(one: Answered) -> dict[str, Any]:
    return {
        "received": one.received,
        "answered": one.answered,
        "open": one.open,
        "due": one.due,
        "in_time": one.in_time,
        "overdue": one.overdue,
        "share": one.share,
        "median_days": one.median_days,
        "oldest": one.oldest,
        "weeks": one.weeks,
        **_counted(one.counted),
    }


def _counted(one: Counted) -> dict[str, int | None]:
    return {"counted": one.number, "fewer_than": one.fewer_than}


def _waiting(item: Item) -> dict[str, Any]:
    """No words of the complaint: what somebody said is read in the record, by whom it is released to."""
    record: Any = item.record
    return {
        "id": public_id(item.id),
        "theme": record.category,
        "channel": record.channel,
        "status": record.status,
        "at": record.event_time,
        "area": next((name for name in reversed(item.area_names[:3]) if name), None),
        "source": record.source,
    }
