"""The shapes in which posts of social media are exported: what wraps them, and where each keeps words, place and pictures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ingest.feed import decode_text
from ingest.published import web_address
from ingest.values import number, text

WORDS = ("full_text", "text", "tweet_text", "content", "body", "message", "description")


def posts_of(content: bytes) -> Iterator[Any]:
    """Each post of a document or of JSON Lines; a line that is no JSON comes as the text it is. Raises ValueError."""
    told = decode_text(content)
    try:
        document = json.loads(told)
    except json.JSONDecodeError:
        lines = [line for line in told.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
        for line in lines:
            yield from _line(line)
        return
    yield from _each(document)


def _line(line: str) -> Iterator[Any]:
    try:
        yield from _each(json.loads(line))
    except json.JSONDecodeError:
        yield line


def _each(told: Any) -> Iterator[Any]:
    if isinstance(told, list):
        yield from told
    elif isinstance(told, dict) and isinstance(told.get("messages"), list):  # Telegram Desktop
        if not text(told, "type").startswith("public_"):
            raise ValueError(
                f"the chat is {text(told, 'type') or 'of no stated type'}; only public channels and groups are read"
            )
        outlet = text(told, "name") if text(told, "type") == "public_channel" else "Telegram"
        for row in told["messages"]:
            if not isinstance(row, dict) or row.get("type") != "service":
                yield {**row, "outlet": outlet} if isinstance(row, dict) else row
    elif isinstance(told, dict) and isinstance(told.get("articles"), list):  # GDELT DOC 2.0
        yield from told["articles"]
    elif isinstance(told, dict) and isinstance(told.get("data"), (list, dict)):  # X v2
        yield from told["data"] if isinstance(told["data"], list) else [told["data"]]
    else:
        yield told


def first(row: dict[str, Any], names: Iterable[str]) -> str:
    return next((told for name in names if isinstance(row.get(name), (str, int)) and (told := text(row, name))), "")


def words_of(row: dict[str, Any]) -> str:
    """The text; Telegram's is a list of words and of parts with a form."""
    told = next((row[name] for name in WORDS if row.get(name)), "")
    if isinstance(told, list):
        return "".join(
            part if isinstance(part, str) else text(part, "text") for part in told if isinstance(part, (str, dict))
        )
    return str(told)


def point_of(row: dict[str, Any]) -> tuple[float | None, float | None]:
    place = row.get("coordinates") or (row.get("geo") or {}).get("coordinates")
    found = place.get("coordinates") if isinstance(place, dict) else None
    if isinstance(found, list) and len(found) == 2:  # GeoJSON: longitude first
        return number({"lon": found[0]}, "lon"), number({"lat": found[1]}, "lat")
    return None, None


def media_of(row: dict[str, Any]) -> Iterator[str]:
    entities = row.get("extended_entities") or row.get("entities") or {}
    named = entities.get("media") if isinstance(entities, dict) else None
    for one in (*(named or ()), {"url": row.get("socialimage")}):
        if isinstance(one, dict) and (found := web_address(one.get("media_url_https") or one.get("url"))):
            yield found
