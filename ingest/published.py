"""What publishers wrap their words in: markup, addresses that may not be safe to offer, and the names of private persons."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from ingest.feed import Context, Refusal
from ingest.values import instant

BLOCKS = frozenset(("p", "br", "div", "li", "tr", "h1", "h2", "h3", "h4", "blockquote", "ul", "ol", "figure", "hr"))
SILENT = frozenset(("script", "style", "head", "template", "svg", "noscript", "iframe", "object"))
HANDLE = re.compile(r"(?<![\w/@.])@[\w][\w.-]*(?:@[\w-]+(?:\.[\w-]+)+)?")
MARKUP = re.compile(r"<[a-zA-Z/!]|&(?:#\d+|#x[0-9a-fA-F]+|\w+);")


class _Words(HTMLParser):
    """Keeps what is read, line by line; no element, attribute or address of the markup is left."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in SILENT:
            self.silent.append(tag)
        elif tag in BLOCKS:
            self.found.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.silent:
            del self.silent[self.silent.index(tag) :]
        elif tag in BLOCKS:
            self.found.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.found.append(data)


def plain_text(content: str) -> str:
    """The words of HTML (or of text that is none), one paragraph a line."""
    words = content
    for _ in range(2):  # feeds escape twice
        if not MARKUP.search(words):
            break
        reader = _Words()
        reader.feed(words)
        reader.close()
        words = "".join(reader.found)
    lines = (" ".join(line.split()) for line in words.splitlines())
    return "\n".join(line for line in lines if line)


def web_address(value: object) -> str:
    """An http or https address without user and password; anything else (`javascript:`, a path) is none."""
    told = str(value or "").strip()
    try:
        parts = urlsplit(told)
        if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", told):
            return ""
        return told if "@" not in parts.netloc else told.replace(f"{parts.netloc.rpartition('@')[0]}@", "", 1)
    except ValueError:
        return ""


def site_of(link: str) -> str:
    """`news.example.org` of an address: its host without `www.`."""
    return (urlsplit(link).hostname or "").removeprefix("www.") if link else ""


def without_handles(words: str) -> str:
    """Text in which `@somebody` names nobody: who is spoken to is a person until somebody says otherwise."""
    return HANDLE.sub("@…", words)


def time_of(said: Mapping[str, Any], names: Iterable[str], context: Context) -> datetime | None:
    """The first of these fields that is there, as a time in UTC: ISO 8601, or the mail format with zones by name."""
    name = next((name for name in names if name in said), None)
    if name is None:
        return None
    try:
        return instant(said, name, context.source.timezone)
    except Refusal:
        try:
            return instant({name: parsedate_to_datetime(str(said[name]))}, name, context.source.timezone)
        except (ValueError, IndexError):
            pass
        raise
