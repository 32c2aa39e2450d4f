"""Free text by e-mail, as a file (.eml, RFC 5322): each message a report, its subject the title, its text the description.

The key is the Message-ID, else a digest of the message. A place is taken from the text where it is written as one (`Lat: 4.85
Lon: 31.58`, `4.85, 31.58`, `4°51'N 31°35'E`, `geo:4.85,31.58`), and is then "near". Attachments are named, not read: send them
by themselves. The address of the sender is not kept, the name is; nobody else's is.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterable
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parseaddr, parsedate_to_datetime
from typing import Any

from data.records import Record, Report
from ingest.feed import Context, Feed, Payload, Refusal, Source, decode_text
from ingest.values import instant
from ingest.written import position

HEADER = re.compile(r"\A(?:From [^\n]+\n)?(?:[!-9;-~]+:[^\n]*\n(?:[ \t][^\n]*\n)*){2,}")
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


def recognise(payload: Payload) -> int:
    head = payload.head_text.replace("\r\n", "\n")
    named = {name.lower() for name in NAMED.findall(head[:16_384])}
    return 90 if HEADER.match(head) and {"from"} < named and len(named) >= 3 else 0


def rows(payload: Payload, source: Source) -> Iterable[dict[str, Any]]:
    content = payload.read()
    message = BytesParser(policy=policy.default).parsebytes(content)
    if not message.keys():
        raise ValueError(f"{payload.name} has no header of an e-mail")
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    yield {
        "id": _header(message, "Message-ID").strip("<> ") or digest,
        "subject": _header(message, "Subject"),
        "date": _header(message, "Date"),
        "from": parseaddr(_header(message, "From"))[0] or parseaddr(_header(message, "From"))[1].partition("@")[0],
        "answers": _header(message, "In-Reply-To").strip("<> "),
        "priority": _header(message, "X-Priority") or _header(message, "Importance"),
        "text": _words(message),
        "attachments": [part.get_filename() or part.get_content_type() for part in message.iter_attachments()],
    }


def _header(message: EmailMessage, name: str) -> str:
    try:
        return " ".join(str(message.get(name, "")).split())
    except (ValueError, IndexError, AttributeError, TypeError):  # what the library makes of a damaged header
        return ""


def _words(message: EmailMessage) -> str:
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


def record(row: dict[str, Any], context: Context) -> Record:
    if not row["text"] and not row["subject"]:
        raise Refusal("text", "is empty, and so is the subject")
    lon, lat, spoken = _place(f"{row['subject']}\n{row['text']}")
    when = _when(row["date"], context)
    told = {"in reply to": row["answers"], "priority": row["priority"], "position as written": spoken}
    told["attachments"] = "; ".join(row["attachments"])
    cut = len(row["text"]) > LONGEST
    return Report(
        source_ref=row["id"],
        title=row["subject"] or row["text"].partition("\n")[0][:120],
        description=row["text"][:LONGEST] + ("… (cut off here)" if cut else ""),
        category="e-mail",
        form="e-mail",
        reporter=row["from"],
        event_time=when,
        version_time=when,
        lon=lon,
        lat=lat,
        place_precision="near" if lon is not None else "",
        attributes={name: value for name, value in told.items() if value},
    )


def _when(said: str, context: Context) -> Any:
    if not said:
        return None
    try:
        found = parsedate_to_datetime(said)
    except (ValueError, TypeError, IndexError):
        raise Refusal("Date", "is not the date of an e-mail", said) from None
    return instant({"Date": found}, "Date", context.source.timezone)


def _place(said: str) -> tuple[float | None, float | None, str]:
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


FEED = Feed(
    name="eml",
    title="E-mail files",
    kinds=("report",),
    formats=("eml",),
    media_types=("message/rfc822",),
    recognise=recognise,
    rows=rows,
    record=record,
)
