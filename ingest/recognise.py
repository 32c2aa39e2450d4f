"""Which feed a payload belongs to, told from its content by the feeds themselves, in a guarded process."""

from __future__ import annotations

from ingest.feed import Feed, Payload
from ingest.feeds import all_feeds
from ingest.guard import Unreadable, scores
from ingest.not_records import what_it_is

FLOOR = 25
"""Below this nobody is sure enough; a person must name the feed."""


def recognise(payload: Payload) -> Feed:
    """The feed that is surest of a payload (of equally sure ones the first by name). Raises `Unreadable`."""
    return _surest(payload)[0]


def precedence(payload: Payload, feed: Feed | None = None) -> tuple[Feed, int]:
    """The feed (recognised where none is named) and when among several payloads this one is read: lowest first."""
    if feed is None:
        return _surest(payload)
    ((_, _, place),) = scores(payload, feed.name)
    return feed, place


def _surest(payload: Payload) -> tuple[Feed, int]:
    name, score, place = max(scores(payload), key=lambda found: found[1])
    if score < FLOOR:
        known = what_it_is(payload)
        raise Unreadable(
            payload.name,
            known or "is recognised by no feed; name the feed, or describe its columns in commonground.toml",
        )
    return all_feeds()[name], place
