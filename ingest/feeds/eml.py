"""Free text by e-mail, as a file (.eml, RFC 5322): each message a report, its subject the title, its text the description.

The key is the Message-ID, else a digest of the message. A place is taken from the text where it is written as one (`Lat: 4.85
Lon: 31.58`, `4.85, 31.58`, `4°51'N 31°35'E`, `geo:4.85,31.58`), and is then "near". Attachments are named, not read: send them
by themselves. The address of the sender is not kept, the name is; nobody else's is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from email import policy
from email.parser import BytesParser
from email.utils import parseaddr, parsedate_to_datetime
from typing import Any

from data.records import Record, Report
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.mail_text import LONGEST, NAMED, header_of, place_in, words_of
from ingest.values import instant

HEADER = re.compile(r"\A(?:From [^\n]+\n)?(?:[!-9;-~]+:[^\n]*\n(?:[ \t][^\n]*\n)*){2,}")


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
        "id": header_of(message, "Message-ID").strip("<> ") or digest,
        "subject": header_of(message, "Subject"),
        "date": header_of(message, "Date"),
        "from": parseaddr(header_of(message, "From"))[0] or parseaddr(header_of(message, "From"))[1].partition("@")[0],
        "answers": header_of(message, "In-Reply-To").strip("<> "),
        "priority": header_of(message, "X-Priority") or header_of(message, "Importance"),
        "text": words_of(message),
        "attachments": [part.get_filename() or part.get_content_type() for part in message.iter_attachments()],
    }


def record(row: dict[str, Any], context: Context) -> Record:
    if not row["text"] and not row["subject"]:
        raise Refusal("text", "is empty, and so is the subject")
    lon, lat, spoken = place_in(f"{row['subject']}\n{row['text']}")
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
