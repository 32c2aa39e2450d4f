"""Posts of Mastodon, for the triage queue: statuses as its API gives them (a timeline, an account's, a tag's, a search, one) and
the lines of its stream.

The key is the status id of the server asked. `edited_at` says which version is the newer, a `delete` of the stream takes the
post back, a boost is the post that was boosted, once. Only what is public is read. Who wrote it is not kept, and `@names` in
the text name nobody: what is needed to check it is the link, which names the account. `options.handles = "keep"` of a source of
public institutions keeps both. Pictures and films are kept as addresses and never fetched; they come with their descriptions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from data.records import Post, Record, Retract
from ingest.feed import Context, Feed, Payload, Refusal, Source, decode_text
from ingest.published import plain_text, site_of, web_address, without_handles
from ingest.values import instant, needed, text

STATUS = re.compile(r'"(?:reblog|spoiler_text|reblogs_count)"\s*:')
STREAMED = re.compile(r'"event"\s*:\s*"(?:update|status\.update|delete)"')
PUBLIC = ("public", "unlisted", "")


def recognise(payload: Payload) -> int:
    head = payload.head_text
    if head.lstrip()[:1] not in ("{", "["):
        return 0
    if STREAMED.search(head) and '"payload"' in head:
        return 90
    return 90 if STATUS.search(head) and '"visibility"' in head and '"content"' in head else 0


def rows(payload: Payload, source: Source) -> Iterable[Any]:
    content = decode_text(payload.read())
    try:
        document = json.loads(content)
    except json.JSONDecodeError:
        lines = [line.removeprefix("data:").strip() for line in content.splitlines() if line.strip()]
        if not any(line.startswith("{") for line in lines):
            raise
        for line in lines:
            yield from _each(_line(line))
        return
    yield from _each(document)


def _line(line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        return line


def _each(told: Any) -> Iterator[Any]:
    """Statuses of a list, of a search's answer, or of one event of the stream."""
    if isinstance(told, list):
        yield from told
    elif isinstance(told, dict) and isinstance(told.get("statuses"), list):
        yield from told["statuses"]
    elif isinstance(told, dict) and "event" in told and isinstance(told.get("payload"), str):
        inner = told["payload"] if told["event"] == "delete" else _line(told["payload"])
        yield {"deleted": inner} if told["event"] == "delete" else inner
    else:
        yield told


def record(row: Any, context: Context) -> Record | Retract:
    if not isinstance(row, dict):
        raise Refusal("row", "is no status, and no event of a stream" if row else "is empty")
    if "deleted" in row:
        return Retract(kind="post", source_ref=needed(row, "deleted"), reason="deleted by its author or its server")
    if isinstance(row.get("reblog"), dict):
        return record(row["reblog"], context)
    if text(row, "visibility") not in PUBLIC:
        raise Refusal("visibility", "is not public: what was said to a few is not read")
    keep = context.source.options.get("handles") == "keep"
    link = web_address(row.get("url")) or web_address(row.get("uri"))
    words, warning = plain_text(text(row, "content")), plain_text(text(row, "spoiler_text"))
    media = [one for one in row.get("media_attachments") or [] if isinstance(one, dict)]
    pictured = [plain_text(text(one, "description")) for one in media]
    words = "\n".join(part for part in (words, *pictured) if part)
    if not words and not warning:
        raise Refusal("content", "is empty")
    account: dict[str, Any] = row["account"] if isinstance(row.get("account"), dict) else {}
    created, edited = instant(row, "created_at"), instant(row, "edited_at")
    return Post(
        source_ref=needed(row, "id"),
        title=warning if keep else without_handles(warning),
        description=words if keep else without_handles(words),
        event_time=created,
        version_time=edited or created,
        language=text(row, "language"),
        outlet=f"@{text(account, 'acct')}" if keep and text(account, "acct") else site_of(link) or context.source.title,
        link=link,
        media=tuple(found for one in media if (found := web_address(one.get("url") or one.get("remote_url")))),
        attributes={"answers": "another post"} if row.get("in_reply_to_id") else {},
    )


FEED = Feed(
    name="mastodon",
    title="Mastodon posts for triage",
    kinds=("post",),
    formats=("json", "jsonl"),
    media_types=("application/json", "application/x-ndjson", "text/event-stream"),
    recognise=recognise,
    rows=rows,
    record=record,
)
