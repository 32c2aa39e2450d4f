"""What stands in an e-mail: its text, its headers, and a place written in it."""

from __future__ import annotations

import html
import re
from email.message import EmailMessage

from ingest.feed import Refusal, decode_text
from ingest.written import position

NAMED = re.compile(
    r"^(From|To|Subject|Date|Message-ID|MIME-Version|Received|Return-Path):", re.IGNORECASE | re.MULTILINE
)


DEGREES = r"""(\d{1,3}(?:\.\d+)?\s*[°º](?:\s*\d{1,2}(?:\.\d+)?\s*['′])?(?:\s*\d{1,2}(?:\.\d+)?\s*(?:["″]|''))?\s*"""


PLACES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\blat(?:itude)?[\s:=]{1,3}(-?\d{1,2}(?:\.\d+)?)\D{1,20}?\blong?(?:itude)?[\s:=]{1,3}(-?\d{1,3}(?:\.\d+)?)",
        DEGREES + r"[NS])[\s,;/]+" + DEGREES + r"[EWO])",
        r"\bgeo:(-?\d{1,2}\.\d+),(-?\d{1,3}\.\d+)",
        r"(?<![\d.,])(-?\d{1,2}\.\d{4,})\s*[,;/]\s*(-?\d{1,3}\.\d{4,})(?!\d|\.\d)",
    )
)


LONGEST = 65_536


def header_of(message: EmailMessage, name: str) -> str:
    try:
        return " ".join(str(message.get(name, "")).split())
    except (ValueError, IndexError, AttributeError, TypeError):  # what the library makes of a damaged header
        return ""


def words_of(message: EmailMessage) -> str:
    """The plain text, else the text of the web page; its lines as they were."""
    part = message.get_body(("plain", "html"))
    if part is None:
        return ""
    raw = part.get_payload(decode=True)
    try:
        content = str(part.get_content()) if part.get_content_charset() else decode_text(bytes(raw or b""))
    except (LookupError, ValueError):  # a character set nobody knows
        content = decode_text(bytes(raw or b""))
    if part.get_content_type() == "text/html":
        content = re.sub(r"(?is)<(script|style|head)\b.*?</\1\s*>", " ", content)
        content = re.sub(r"(?i)<(?:br|/p|/div|/tr|/li)\b[^>]*>", "\n", content)
        content = html.unescape(re.sub(r"<[^>]+>", " ", content))
    lines = (" ".join(line.split()) for line in content.splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def place_in(said: str) -> tuple[float | None, float | None, str]:
    """The first place written in a text; one that is none on Earth is passed over."""
    for pattern in PLACES:
        for found in pattern.finditer(said[:LONGEST]):
            try:
                lon, lat = position({"lat": found[1], "lon": found[2]}, "lon", "lat")
            except Refusal:
                continue
            if lon is not None and lat is not None and abs(lon) <= 180 and abs(lat) <= 90:
                return lon, lat, found[0]
    return None, None, ""
