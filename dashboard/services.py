"""What the pages and the machine interface are given by `app.py`: the picture to read, and functions for what is not reading.

The dashboard imports neither the store nor ingest; everything that writes comes in here as a plain function.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from dash.backends._fastapi import get_current_request  # dash 4.4 has no public way to the request on this backend
from starlette.requests import Request

from dashboard.looking import Known, looking
from dashboard.walls import Walls
from data.access import Agreement, Mark, Viewer
from data.cap_message import Envelope, Said
from data.filters import Filters
from data.glass import Glass
from data.identity import Identity
from data.judging import Judged, Looked
from data.own_alerts import Issued
from data.picture import Picture
from data.records import Sensitivity
from data.seen import Seen
from data.settings import Settings
from data.written import CannotWrite, Change


class LogEntry(Protocol):
    """One line of the audit log (`data.audit`)."""

    seq: int
    time_us: int
    who: str
    act: str
    subject: str
    clause: str
    details: str
    hash: str


@dataclass(frozen=True)
class Acts:
    """Changes of what is shared, each announced and logged where it is done, and what is read of them. Whoever calls asks
    first who may (`dashboard.rights`). They raise `data.sharing_changes.CannotShare`."""

    add_agreement: Callable[[str, Mapping[str, Any]], Agreement]
    """(who, terms)"""
    revoke_agreement: Callable[[str, str, str], None]
    """(who, agreement, reason)"""
    set_source_mark: Callable[[str, str, Mapping[str, Any]], Mark]
    """(who, source, what is marked otherwise)"""
    glasses: Callable[[], list[Glass]]
    open_glass: Callable[[Viewer, str, str, float, Sensitivity], Glass]
    """(who, owner, reason, hours, up to which sensitivity)"""
    second_glass: Callable[[Viewer, str], Glass]
    close_glass: Callable[[Viewer, str], Glass]
    newest: Callable[[int], Sequence[LogEntry]]
    """That many entries of the audit log, newest first."""
    check: Callable[[], Sequence[str]]
    """Faults of the audit log; none where it is whole."""


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
class OwnAlerts:
    """Warnings issued by people here (`data.own_alerts`). They raise `data.cap_message.BadAlert`."""

    issued: Callable[[], list[Issued]]
    drafted: Callable[[Mapping[str, Any]], tuple[Envelope, Said | None, Any]]
    """(what the form tells) -> the message it would be."""
    issue: Callable[[str, Mapping[str, Any]], str]
    """(who, what the form tells) -> the identifier of the message that was issued."""


def _no_writing(who: str, act: str, changes: Sequence[Change], reason: str, details: Mapping[str, Any]) -> list[str]:
    raise CannotWrite("Nothing can be written here.")


def _never(who: str) -> Sequence[datetime]:
    return ()


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
    receive: Callable[[str, str, bytes, str], Awaitable[Mapping[str, Any]]]
    """(feed, source, payload, media type) -> the tally, once it is durable. Raises `dashboard.answer.Refused`."""
    quarantine_groups: Callable[[], list[dict[str, Any]]]
    """Open rejects by source and reason: source, feed, reason, count, first_seen_us, last_seen_us, example_id."""
    quarantine_entry: Callable[[int], dict[str, Any] | None]
    """One reject whole: payload, row, reason, detail, raw (bytes), seen, age_s."""
    judge: Callable[[str, Sequence[Looked], Judged], str]
    """(who, posts, verdict) -> public id of what they were promoted to. Raises `data.judging.CannotJudge`."""
    acts: Acts
    note: Callable[[str, str, str, Iterable[str], str], None]
    """Log that somebody read records of which that is to be logged: (who, "read" or "export", collection, ids, clause)."""

    alerts: OwnAlerts
    exported: Callable[[str, str, Mapping[str, Any]], None]
    """Log that somebody takes records out as a file: (who, collection, what they asked for and how much it was)."""

    write: Callable[[str, str, Sequence[Change], str, Mapping[str, Any]], list[str]] = _no_writing
    """(who, act, changes, reason, details) -> public ids of what people write here (`data.written.write`).
    Raises `data.written.CannotWrite`, `Overtaken`."""
    signed_in: Callable[[str], Sequence[datetime]] = _never
    """When somebody signed in the last times, the latest first."""
    outputs: Callable[[], Sequence[Any]] = tuple
    """How sending to other systems goes (`dashboard.outgoing.board.OutState`)."""
    uploads: Any = None
    """Files dropped by people and what they would come to (`ingest.uploads.Uploads`)."""
    sheet_rows: Callable[[bytes], list[list[Any]]] = lambda content: []
    """The rows of a workbook's first sheet. Raises ValueError where it is not fit to be read."""
    correct: Callable[[str, str, int, Mapping[str, str], str], None] = lambda *told: None
    """(who, public id, revision looked at, field -> what it is to say, why). Raises `data.written.CannotWrite`."""
    attachments: Any = None
    """Photos of reports: `report_id(source, key)`, `attach(who, source, key, content, keep)`, `file(sha256)`."""
    mending: Any = None
    """Rejects mended and payloads taken back (`ingest.mending.Mending`)."""

    walls: Walls = field(default_factory=Walls)
    """Where each wall is in its scenes."""

    ways: tuple[tuple[str, str], ...] = ()
    """Other ways to sign in than a password: title and address of each."""

    def seen(self, filters: Filters | None = None, view_as: str = "") -> Seen:
        """The picture for whoever made the request at hand, as known at the filters' time, and as `view_as` would see it.

        Raises `dashboard.answer.Refused`.
        """
        viewer = looking(self.known, self.viewer(get_current_request()), view_as)
        return self.picture.seen_by(viewer, filters.as_known_at if filters else None)

    @property
    def known(self) -> Known:
        """Agencies and accounts there are, and what is shared."""
        return Known(self.settings, self.identity, self.picture.sharing)
