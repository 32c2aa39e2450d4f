"""Warnings to the public: CAP 1.0 to 1.2 (OASIS), one alert, or an Atom or RSS list with alerts (or their elements) in it.

A warning's key is its sender and identifier. What CAP 1.2, 3.2.1 says of `msgType` becomes:
    Alert, Update  the warning; an Update also takes back every message in its `references`, one row each
    Cancel         takes back the messages in `references`, with its headline or note as the reason, and is none itself:
                   it warns of nothing, and shown beside warnings it would be read as one
    Error          the same for its own sender's messages; of another's it is a message about a message
    Ack            a message about a message: refused, with that reason
Whatever has a `status` other than Actual (Exercise, System, Test, Draft) says so first in its title and category and has
it in its key, so that a drill can neither pass for a warning nor take one back. Its severity stays as sent.

Several `info` blocks: the warning speaks with the most severe one in the mission's language (`options.language` of the
source, English unless set); what the others say differently is kept in the attributes, their areas are joined, and
it expires with the last. Severity follows CAP's words (Extreme: critical). `scope` Restricted or Private raises the
sensitivity. Of a source that is polled the alerts a list links to are fetched and read whole; an entry whose alert was not is
read from what the list says of it, which it then states, or refused where that is nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from data.records import Alert, OwnMark, Record, Retract, Sensitivity, Severity
from ingest.cap_messages import (
    SEVERITY,
    attributes_of,
    block_of,
    key_of,
    kind_of_message,
    language_of,
    linked,
    message_of,
    named_pairs,
    no_longer_listed,
    outline_of,
    spoken_in,
    taken_back_by,
)
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.markup import elements, texts
from ingest.values import instant, text

INDEX = re.compile(r"application/cap\+xml|<title>[^<]*\bCAP\b[^<]*</title>|[Cc]apID=|\.cap\b")
"""What a list that only links to alerts has in it."""


def recognise(payload: Payload) -> int:
    head = payload.head_text
    if "urn:oasis:names:tc:emergency:cap:" in head or "//www.incident.com/cap/" in head:
        return 95
    return 40 if re.search(r"<(?:rss|feed)\b", head) and INDEX.search(head) else 0


def rows(payload: Payload, source: Source) -> Iterable[Any]:
    """Alerts, list entries without one, and a dict for each message that an alert takes back.

    Of an entry whose alert was fetched nothing but, where it stood for it until now, that it no longer does.
    """
    fate = source.options.get("links", {})
    for element in elements(payload, ("alert", "entry", "item")):
        state = fate.get(linked(element), "") if fate else ""
        if state == "whole":
            continue
        if state == "now whole":
            said = texts(element)
            if "msgType" in said:
                yield no_longer_listed(element, said)
            continue
        for alert in list(element.iter("{*}alert")) or [element]:
            taken_back = list(taken_back_by(alert, language_of(source)))
            if not taken_back or kind_of_message(alert) == "update":
                yield alert
            yield from taken_back


def links(payload: Payload) -> Iterator[tuple[str, str]]:
    """Of each list entry without an alert in it: where the alert is, and when the entry says that it last changed."""
    for element in elements(payload, ("alert", "entry", "item")):
        address = linked(element)
        if address:
            said = texts(element)
            yield address, next((said[name] for name in ("updated", "published", "pubDate", "id") if name in said), "")


def record(row: Any, context: Context) -> Record | Retract:
    zone = context.source.timezone
    if isinstance(row, dict):
        if not (row["sender"] and row["identifier"]):
            raise Refusal("references", "is not sender,identifier,sent", row["reference"])
        sent = instant(row, "sent", zone)
        return Retract(kind="alert", source_ref=key_of(row), reason=row["reason"], version_time=sent)
    said = message_of(row)
    sent = instant(said, "sent", zone)
    blocks = [block_of(info) for info in row.findall("{*}info")] or [block_of(row)]
    spoken = spoken_in(blocks, language_of(context.source))
    info = max(spoken, key=lambda block: SEVERITY.get(text(block, "severity").lower(), Severity.unknown))
    ends = [end for block in spoken if (end := instant(block, "expires", zone))]
    mark = "" if said["status"].lower() == "actual" else f"{said['status']}: "
    event = text(info, "event") or text(info, "category")
    title = text(info, "headline") or text(said, "title") or event or f"Alert {said['identifier']}"
    geocodes = tuple(dict.fromkeys(f"{name}={value}" for name, value in named_pairs(row, "geocode")))
    pcodes = {value for name, value in named_pairs(row, "geocode") if "pcode" in name.lower().replace("-", "")}
    confined = text(said, "scope").lower() in ("restricted", "private")
    # Of a partner's confined warning nothing says to whom here it may go, unless the source is marked message by message.
    confined = confined and not context.source.options.get("marked")
    lon, lat, wkb = outline_of(row)
    return Alert(
        source_ref=key_of(said),
        title=mark + " ".join(title.split()),
        description=text(info, "description") or text(said, "summary"),
        category=mark + event,
        severity=SEVERITY.get(text(info, "severity").lower(), Severity.unknown),
        event_time=instant(info, "effective", zone, sent),
        version_time=sent,
        lon=lon,
        lat=lat,
        wkb=wkb,
        place=text(info, "areaDesc"),
        adm_pcode=pcodes.pop() if len(pcodes) == 1 else None,
        own=OwnMark(sensitivity=Sensitivity.severe) if confined else None,
        attributes=attributes_of(said, info, blocks),
        urgency=text(info, "urgency"),
        certainty=text(info, "certainty"),
        cap_severity=text(info, "severity"),
        msg_type=said["msgType"],
        status=said["status"],
        scope=text(said, "scope"),
        sender=said["sender"],
        effective=instant(info, "effective", zone),
        onset=instant(info, "onset", zone),
        expires=max(ends, default=None),
        headline=text(info, "headline"),
        instruction=text(info, "instruction"),
        area_desc=text(info, "areaDesc"),
        language=text(info, "language"),
        geocodes=geocodes,
        web=text(info, "web") or text(said, "link"),
    )


FEED = Feed(
    name="cap",
    title="CAP warnings (alerts, Atom and RSS lists)",
    kinds=("alert",),
    formats=("xml", "cap", "atom", "rss"),
    media_types=("application/cap+xml", "application/xml", "text/xml", "application/atom+xml", "application/rss+xml"),
    recognise=recognise,
    rows=rows,
    record=record,
    links=links,
)
