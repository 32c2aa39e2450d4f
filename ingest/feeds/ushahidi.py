"""Ushahidi posts as its API gives them (version 2 to 5): a page of results, one post, or a list.

The key is the post's id; `updated` tells the newer version, and a post that was archived is taken back. What was asked stands
in `values` (by key) or in `post_content` (by label); a value with `lat` and `lon` is the place. Who sent it (e-mail, telephone,
name, user) is not kept: a post may endanger its author.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from data.records import Record, Report, Retract
from ingest.feed import Context, Feed, Payload, Refusal, Source, decode_text
from ingest.headings import words
from ingest.values import instant, number, text

AUTHOR = frozenset(
    words("author author_email author_realname contact contact_id contact_type email user user_id phone source_phone")
)
OWN = frozenset(
    words("id title content post_content values created updated post_date status form form_id slug type tags")
)
NOISE = frozenset(
    words(
        "url allowed_privileges color parent message data_source_message_id categories completed_stages sets lock translations"
    )
)
DROPPED = AUTHOR | NOISE
ID = re.compile(r'"id"\s*:')


def recognise(payload: Payload) -> int:
    head = payload.head_text
    if head.lstrip()[:1] not in ("{", "[") or not ID.search(head):
        return 0
    if '"post_content"' in head or ('"post_date"' in head and '"values"' in head):
        return 90
    told = all(f'"{name}"' in head for name in ("title", "content", "status", "locale", "created"))
    return 85 if told and '"values"' in head else 0


def rows(payload: Payload, source: Source) -> Iterable[Any]:
    document = json.loads(decode_text(payload.read()))
    listed = document
    if isinstance(document, dict):
        listed = next((document[name] for name in ("results", "data", "result") if name in document), document)
    for row in listed if isinstance(listed, list) else [listed]:
        yield {name: value for name, value in row.items() if name not in DROPPED} if isinstance(row, dict) else row


def record(row: Any, context: Context) -> Record | Retract:
    if not isinstance(row, dict) or not text(row, "id"):
        raise Refusal("id", "is missing; a post without its id can be neither revised nor taken back")
    zone = context.source.timezone
    changed = instant(row, "updated", zone) or instant(row, "created", zone)
    if text(row, "status") == "archived":
        return Retract(
            kind="report", source_ref=text(row, "id"), reason="archived by its keepers", version_time=changed
        )
    answers = dict(_answers(row))
    lon, lat = _place(answers)
    title, content = text(row, "title"), text(row, "content")
    if not title and not content and not answers:
        raise Refusal("title", "is empty, and nothing else is said")
    kind = row.get("form")
    form = (
        text(kind, "name") or text(kind, "id") if isinstance(kind, dict) else text(row, "form_id") or text(row, "form")
    )
    tags = [text(tag, "tag") or text(tag, "id") if isinstance(tag, dict) else str(tag) for tag in row.get("tags") or []]
    others = {name: value for name, value in row.items() if name not in OWN and value not in (None, "", [], {})}
    return Report(
        source_ref=text(row, "id"),
        title=title or content[:80] or f"Post {text(row, 'id')}",
        description=content,
        category=tags[0] if tags else form or "post",
        form=form,
        event_time=instant(row, "post_date", zone) or instant(row, "created", zone),
        version_time=changed,
        lon=lon,
        lat=lat,
        place_precision="exact" if lon is not None else "",
        attributes={
            **{name: value for name, value in answers.items() if not isinstance(value, dict)},
            **{name: _said(value) for name, value in others.items()},
            **({"status": text(row, "status")} if text(row, "status") else {}),
            **({"tags": "; ".join(tags)} if tags else {}),
        },
    )


def _answers(row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Question -> answer as text; a place stays what it is, an object with `lat` and `lon`."""
    values = row.get("values")
    for name, value in values.items() if isinstance(values, dict) else ():
        first = value[0] if isinstance(value, list) and len(value) == 1 else value
        first = first.get("value", first) if isinstance(first, dict) and "value" in first else first
        if first not in (None, "", []):
            yield str(name), first if isinstance(first, dict) and "lat" in first else _said(first)
    for stage in row.get("post_content") or []:
        for field in stage.get("fields") or [] if isinstance(stage, dict) else ():
            value = field.get("value")
            value = value.get("value", value) if isinstance(value, dict) else value
            if value not in (None, "", []) and field.get("type") not in ("title", "description"):
                yield text(field, "label") or text(field, "key"), value if isinstance(value, dict) else _said(value)


def _said(value: Any) -> str | int | float | bool:
    if isinstance(value, list) and all(isinstance(item, (str, int, float)) for item in value):
        return "; ".join(map(str, value))
    return value if isinstance(value, (str, int, float, bool)) else json.dumps(value, ensure_ascii=False)


def _place(answers: dict[str, Any]) -> tuple[float | None, float | None]:
    for value in answers.values():
        if isinstance(value, dict) and text(value, "lat") and text(value, "lon"):
            return number(value, "lon"), number(value, "lat")
    return None, None


FEED = Feed(
    name="ushahidi",
    title="Ushahidi posts",
    kinds=("report",),
    formats=("json",),
    media_types=("application/json",),
    recognise=recognise,
    rows=rows,
    record=record,
)
