"""Posts as JSON or JSON Lines, for the triage queue: exports of X/Twitter (v1.1 and v2), Telegram Desktop, article lists of GDELT
DOC 2.0, CrisisFACTS and CrisisLex streams, and any lines with a text, a time and a key or a link.

A line that is no JSON is refused alone. A repost is the post that was reposted, once; `edited` tells the newer version; a
deletion (`{"delete": {"status": ...}}`) takes the post back. Private chats are not read at all, and what a chat says of itself
(who joined) is no post. Who wrote is not kept, and `@names` in the text name nobody, unless `options.handles = "keep"` says
that the source's authors are public institutions; a Telegram channel is an outlet and is named. Media are never fetched.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from data.records import Post, Record, Retract
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.post_shapes import first, media_of, point_of, posts_of, words_of
from ingest.published import plain_text, site_of, time_of, web_address, without_handles
from ingest.values import text

KEYS = ("id_str", "tweet_id", "streamID", "stream_id", "docno", "id", "guid", "uri", "url", "link")
TITLES = ("title", "headline")
TIMES = (
    "created_at",
    "seendate",
    "date_unixtime",
    "unixTimestamp",
    "unix_timestamp",
    "published",
    "published_at",
    "timestamp",
    "date",
)
EDITS = ("edited_unixtime", "edited_at", "updated_at", "updated", "edited")
LINKS = ("url", "link", "permalink", "source_url")
OUTLETS = ("domain", "outlet", "channel", "sourceType", "source_type", "source")
MARKS = (
    (90, ('"seendate"', '"socialimage"'), ('"streamID"', '"unixTimestamp"'), ('"messages"', '"date_unixtime"')),
    (
        88,
        ('"full_text"', '"id_str"'),
        ('"text"', '"id_str"'),
        ('"text"', '"author_id"'),
        ('"tweet_id"', '"tweet_text"'),
    ),
    (
        55,
        ('"text"', '"created_at"', '"id"'),
        ('"text"', '"published"'),
        ('"text"', '"url"', '"date"'),
        ('"text"', '"timestamp"'),
    ),
)
OTHERS = ('"visibility"', '"post_content"', '"features"', '"source_ref"')


def recognise(payload: Payload) -> int:
    head = payload.head_text.lstrip()
    if head[:1] not in ("{", "[") or any(name in head for name in OTHERS):
        return 0
    return next((score for score, *shapes in MARKS if any(all(name in head for name in one) for one in shapes)), 0)


def rows(payload: Payload, source: Source) -> Iterable[Any]:
    yield from posts_of(payload.read())


def record(row: Any, context: Context) -> Record | Retract:
    if not isinstance(row, dict):
        raise Refusal("line", "is no JSON object" if row else "is empty")
    if isinstance(row.get("delete"), dict):
        status = row["delete"].get("status") or row["delete"]
        return Retract(kind="post", source_ref=first(status, KEYS), reason="deleted by its author")
    for name in ("retweeted_status", "reblog"):
        if isinstance(row.get(name), dict):
            return record(row[name], context)
    keep = context.source.options.get("handles") == "keep"
    mask = str if keep else without_handles
    link = next((found for name in LINKS if (found := web_address(row.get(name)))), "")
    title, words = plain_text(first(row, TITLES)), plain_text(words_of(row))
    if not title and not words:
        raise Refusal("text", "is empty")
    key = first(row, KEYS)
    if not key:
        raise Refusal("id", "is missing, and so is the link; nothing tells this post from another")
    lon, lat = point_of(row)
    return Post(
        source_ref=key,
        title=mask(title),
        description=mask(words),
        event_time=time_of(row, _told(row, TIMES), context),
        version_time=time_of(row, _told(row, EDITS), context),
        language=text(row, "lang") or text(row, "language"),
        outlet=first(row, OUTLETS) or site_of(link) or context.source.title,
        link=link,
        media=tuple(dict.fromkeys(media_of(row))),
        lon=lon,
        lat=lat,
        place=plain_text(text(row["place"], "full_name")) if isinstance(row.get("place"), dict) else "",
    )


def _told(row: dict[str, Any], names: Iterable[str]) -> list[str]:
    """Those of the fields that say something (`edited: true` says no time)."""
    return [name for name in names if row.get(name) and not isinstance(row[name], bool)]


FEED = Feed(
    name="posts",
    title="Social posts and articles (JSON, JSON Lines) for triage",
    kinds=("post",),
    formats=("jsonl", "json", "ndjson"),
    media_types=("application/x-ndjson", "application/jsonl", "application/json"),
    recognise=recognise,
    rows=rows,
    record=record,
)
