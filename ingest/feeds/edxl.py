"""CAP warnings inside an OASIS EDXL Distribution Element (1.0 and 2.0), as agencies pass them on.

Each content object holds a CAP message, as XML or base64 of it; the feed `cap` reads what is inside, with the same keys, so
that a warning that comes both ways is one. What the envelope adds stands in the attributes under `EDXL …`. A distribution
whose status is not Actual (Exercise, System, Test) makes drills of the warnings in it, whatever they say themselves, and
one that is confidential or sensitive raises their sensitivity to severe. Content that is no CAP message is refused, and so
is a distribution that only cancels another: which warnings that held is for the CAP Cancel to say.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from lxml import etree

from data.records import OwnMark, Record, Retract, Sensitivity
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.feeds import cap
from ingest.markup import elements, texts

OPEN = ("", "unclassified", "unclassified and not sensitive", "public", "none")
CONFIDENTIAL = ("combinedConfidentiality", "confidentiality")


def recognise(payload: Payload) -> int:
    return 97 if "urn:oasis:names:tc:emergency:EDXL:DE:" in payload.head_text else 0


def rows(payload: Payload, source: Source) -> Iterable[dict[str, Any]]:
    """Of each message what `cap.rows` makes of it, a warning as its XML in `alert`, with the words of its `envelope`."""
    for distribution in elements(payload, ("EDXLDistribution", "edxlDistribution")):
        said = texts(distribution)
        for area in distribution.iterchildren("{*}targetArea"):
            said |= {f"target {name}": value for name, value in texts(area).items()}
        contents = list(distribution.iter("{*}contentObject"))
        if not contents:
            yield {"envelope": said}
        for content in contents:
            about = said | texts(content)
            for part in content.iter("{*}nonXMLContent", "{*}otherContent"):
                about |= {name: value for name, value in texts(part).items() if name != "contentData"}
            messages = list(_messages(content, about.get("distributionStatus", "")))
            if not messages:
                yield {"envelope": about}
            for message in messages:
                for row in cap.rows(Payload(payload.name, content=message), source):
                    told = row if isinstance(row, dict) else {"alert": etree.tostring(row, encoding="unicode")}
                    yield {**told, "envelope": about}


def _messages(content: Any, status: str) -> Iterator[bytes]:
    """The CAP messages of a content object; in a distribution that is none, their status is the distribution's."""
    found = list(content.iter("{*}alert"))
    for part in content.iter("{*}contentData"):
        try:
            inside = base64.b64decode("".join((part.text or "").split()), validate=True)
            found += [
                etree.fromstring(etree.tostring(each)) for each in elements(Payload("", content=inside), ("alert",))
            ]
        except (binascii.Error, ValueError):
            continue
    for alert in found:
        own = alert.find("{*}status")
        if own is not None and status and status.lower() != "actual" and (own.text or "").strip().lower() == "actual":
            own.text = status
        yield etree.tostring(alert)


def record(row: dict[str, Any], context: Context) -> Record | Retract:
    envelope = row.get("envelope") or {}
    if "reference" in row:
        return cap.record(row, context)
    if "alert" not in row:
        kind, what = (
            envelope.get("distributionType", ""),
            envelope.get("mimeType") or envelope.get("contentDescription"),
        )
        raise Refusal("contentObject", "holds no CAP message", what or f"distribution of type {kind}")
    for element in elements(Payload("alert", content=row["alert"].encode()), ("alert",)):
        alert = cap.record(element, context)
        if isinstance(alert, Retract):
            return alert
        secret = any(envelope.get(name, "").strip().lower() not in OPEN for name in CONFIDENTIAL)
        added = {f"EDXL {name}": value for name, value in envelope.items()}
        own = OwnMark(sensitivity=Sensitivity.severe) if secret else alert.own
        return msgspec.structs.replace(alert, own=own, attributes={**alert.attributes, **added})
    raise Refusal("alert", "is no CAP message", json.dumps(row["alert"])[:200])


FEED = Feed(
    name="edxl",
    title="CAP warnings in EDXL distributions (XML)",
    kinds=("alert",),
    formats=("xml", "edxl"),
    media_types=("application/xml", "text/xml"),
    recognise=recognise,
    rows=rows,
    record=record,
)
