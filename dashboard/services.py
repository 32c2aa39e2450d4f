"""What the pages and the machine interface are given by `app.py`: the picture to read, and functions for what is not reading.

The dashboard imports neither the store nor ingest; everything that writes comes in here as a plain function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from dash.backends._fastapi import get_current_request  # dash 4.4 has no public way to the request on this backend
from starlette.requests import Request

from data.access import Viewer
from data.filters import Filters
from data.identity import Identity
from data.picture import Picture
from data.seen import Seen
from data.settings import Settings


class SourceState(Protocol):
    """How one source is doing (`data.health`)."""

    name: str
    title: str
    feed: str
    agency: str
    state: str
    last_tried: datetime | None
    last_succeeded: datetime | None
    last_observed: datetime | None
    expected_every_s: float | None
    accepted: int
    rejected: int
    last_error: str


@dataclass(frozen=True)
class Services:
    settings: Settings
    picture: Picture
    viewer: Callable[[Request], Viewer]
    """Whose request this is; nobody's is `data.access.NOBODY`. Raises `dashboard.answer.Refused` for an unknown token."""
    identity: Identity
    """Accounts, sessions and tokens."""
    states: Callable[[], Sequence[SourceState]]
    wait: Callable[[int, float], bool]
    """(revision, seconds) -> whether something newer than that revision was committed meanwhile."""
    receive: Callable[[str, str, bytes, str], Mapping[str, Any]]
    """(feed, source, payload, media type) -> the tally, once it is durable. Raises `dashboard.answer.Refused`."""
    quarantine_groups: Callable[[], list[dict[str, Any]]]
    """Open rejects by source and reason: source, feed, reason, count, first_seen_us, last_seen_us, example_id."""
    quarantine_entry: Callable[[int], dict[str, Any] | None]
    """One reject whole: payload, row, reason, detail, raw (bytes), seen, age_s."""

    def seen(self, filters: Filters | None = None) -> Seen:
        """The picture for whoever made the request at hand, as known at the filters' time."""
        return self.picture.seen_by(self.viewer(get_current_request()), filters.as_known_at if filters else None)
