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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import shapely

from data.records import Alert, OwnMark, Record, Retract, Sensitivity, Severity
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.geometry import ellipse, polygon
from ingest.markup import elements, local_name, texts
from ingest.values import instant, needed, shape, text

SEVERITY = {
    "extreme": Severity.critical,
    "severe": Severity.severe,
    "moderate": Severity.moderate,
    "minor": Severity.minor,
}
INDEX = re.compile(r"application/cap\+xml|<title>[^<]*\bCAP\b[^<]*</title>|[Cc]apID=|\.cap\b")
"""What a list that only links to alerts has in it."""
TELLING = ("sender", "identifier", "status", "sent")
OWN = frozenset(
    {"identifier", "sender", "sent", "status", "msgType", "scope", "language", "event", "urgency", "severity", "web"}
    | {"certainty", "effective", "onset", "expires", "headline", "description", "instruction", "areaDesc"}
    | {"id", "guid", "title", "updated", "published", "pubDate", "link", "summary"}
)
"""Elements that have a field of their own; all others become attributes."""


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
        state = fate.get(_linked(element), "") if fate else ""
        if state == "whole":
            continue
        if state == "now whole":
            said = texts(element)
            if "msgType" in said:
                yield _no_longer_listed(element, said)
            continue
        for alert in list(element.iter("{*}alert")) or [element]:
            taken_back = list(_taken_back(alert, _language(source)))
            if not taken_back or _kind(alert) == "update":
                yield alert
            yield from taken_back


def links(payload: Payload) -> Iterator[tuple[str, str]]:
    """Of each list entry without an alert in it: where the alert is, and when the entry says that it last changed."""
    for element in elements(payload, ("alert", "entry", "item")):
        address = _linked(element)
        if address:
            said = texts(element)
            yield address, next((said[name] for name in ("updated", "published", "pubDate", "id") if name in said), "")


def _linked(entry: Any) -> str:
    """The address of the alert that a list entry stands for: a link that says it is CAP, else its only sort of link."""
    if next(entry.iter("{*}alert"), None) is not None:
        return ""
    found = [
        (each.get("type", ""), each.get("href") or each.get("url")) for each in entry.iter("{*}link", "{*}enclosure")
    ]
    typed = [href for kind, href in found if href and "cap+xml" in kind]
    others = [href for kind, href in found if href and kind in ("", "application/xml", "text/xml")]
    return next((href for href in (*typed, *others, entry.findtext("{*}link")) if href), "").strip()


def _kind(alert: Any) -> str:
    return str(alert.findtext("{*}msgType") or "").strip().lower()


def _language(source: Source) -> str:
    return str(source.options.get("language", "en"))


def _no_longer_listed(entry: Any, said: Mapping[str, str]) -> dict[str, str]:
    told = _as_listed(entry, said)
    reason = "the alert itself was fetched and stands for it"
    return {"reference": told["link"], "reason": reason, **{name: told.get(name, "") for name in TELLING}}


def _taken_back(alert: Any, language: str) -> Iterator[dict[str, str]]:
    said, kind = texts(alert), _kind(alert)
    if kind not in ("update", "cancel", "error"):
        return
    sender, identifier = said.get("sender", ""), said.get("identifier", "")
    why = said.get("note", "")
    for info in _spoken([texts(info) for info in alert.findall("{*}info")], language):
        why = info.get("headline") or why
    listed = " ".join(said.get("references", "").split()).replace(", ", ",").replace(" ,", ",")
    for reference in listed.split():
        of, _, which = reference.rpartition(",")[0].partition(",")
        if (of, which) != (sender, identifier) and (kind != "error" or of == sender):
            reason = " ".join(f"{kind} by {sender}: {why}".split()).removesuffix(":")
            told = {"status": said.get("status", ""), "sent": said.get("sent", "")}
            yield {"reference": reference, "sender": of, "identifier": which, "reason": reason, **told}


def record(row: Any, context: Context) -> Record | Retract:
    zone = context.source.timezone
    if isinstance(row, dict):
        if not (row["sender"] and row["identifier"]):
            raise Refusal("references", "is not sender,identifier,sent", row["reference"])
        sent = instant(row, "sent", zone)
        return Retract(kind="alert", source_ref=_key(row), reason=row["reason"], version_time=sent)
    said = _message(row)
    sent = instant(said, "sent", zone)
    blocks = [_block(info) for info in row.findall("{*}info")] or [_block(row)]
    spoken = _spoken(blocks, _language(context.source))
    info = max(spoken, key=lambda block: SEVERITY.get(text(block, "severity").lower(), Severity.unknown))
    ends = [end for block in spoken if (end := instant(block, "expires", zone))]
    mark = "" if said["status"].lower() == "actual" else f"{said['status']}: "
    event = text(info, "event") or text(info, "category")
    title = text(info, "headline") or text(said, "title") or event or f"Alert {said['identifier']}"
    geocodes = tuple(dict.fromkeys(f"{name}={value}" for name, value in _pairs(row, "geocode")))
    pcodes = {value for name, value in _pairs(row, "geocode") if "pcode" in name.lower().replace("-", "")}
    confined = text(said, "scope").lower() in ("restricted", "private")
    # Of a partner's confined warning nothing says to whom here it may go, unless the source is marked message by message.
    confined = confined and not context.source.options.get("marked")
    lon, lat, wkb = _area(row)
    return Alert(
        source_ref=_key(said),
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
        attributes=_attributes(said, info, blocks),
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


def _message(row: Any) -> dict[str, str]:
    """The alert's own elements; those of a list entry under the names they have in an alert."""
    said = texts(row)
    if local_name(row) != "alert":
        link = row.find("{*}link")
        if "msgType" not in said:
            reason = (
                "is not in this entry, which at best links to it, and was not fetched; read the linked alert itself"
            )
            raise Refusal("alert", reason, said.get("link") or (link.get("href") if link is not None else None))
        said = {**_as_listed(row, said), "read from": "the list alone: the alert itself was not fetched"}
    for name in ("identifier", "sender", "sent", "status", "msgType"):
        needed(said, name)
    kind = said["msgType"].lower()
    if kind == "cancel":
        raise Refusal("references", "is empty, so this Cancel takes nothing back")
    if kind in ("ack", "error"):
        raise Refusal("msgType", "is a message about another message, no warning", said["msgType"])
    if kind not in ("alert", "update"):
        raise Refusal("msgType", "is not Alert, Update, Cancel, Ack or Error", said["msgType"])
    return said


def _as_listed(entry: Any, said: Mapping[str, str]) -> dict[str, str]:
    link = entry.find("{*}link")
    return {
        "identifier": said.get("id") or said.get("guid", ""),
        "sender": entry.findtext("{*}author/{*}name") or said.get("author") or "unknown",
        "sent": said.get("updated") or said.get("published") or said.get("pubDate", ""),
        **said,
        "link": said.get("link") or (link.get("href", "") if link is not None else ""),
    }


def _key(said: Mapping[str, str]) -> str:
    status = needed(said, "status").lower()
    return ",".join([said["sender"], said["identifier"], *([] if status == "actual" else [status])])


def _block(info: Any) -> dict[str, str]:
    """An `info`: its elements, its parameters and event codes by their names, its resources by what they are."""
    found = texts(info)
    for name, value in (*_pairs(info, "parameter"), *_pairs(info, "eventCode")):
        found[name] = f"{found[name]}; {value}" if name in found else value
    for resource in info.findall("{*}resource"):
        about = texts(resource)
        found[about.get("resourceDesc", "resource")] = about.get("uri", about.get("mimeType", ""))
    areas = [" ".join((area.text or "").split()) for area in info.iter("{*}areaDesc")]
    return {**found, "areaDesc": "; ".join(dict.fromkeys(area for area in areas if area))}


def _pairs(element: Any, name: str) -> list[tuple[str, str]]:
    """(valueName, value); a value that lists several codes, as some index feeds do, as several."""
    found = [texts(pair) for pair in element.iter(f"{{*}}{name}")]
    pairs = [(pair.get("valueName", name), pair.get("value", "")) for pair in found]
    return [(key, code) for key, value in pairs for code in (value.split() if name == "geocode" else [value]) if code]


def _spoken(blocks: Sequence[dict[str, str]], language: str) -> Sequence[dict[str, str]]:
    """The blocks in a language (CAP: unmarked is en-US), or all of them where none is."""
    wanted = language.lower().partition("-")[0]
    return [b for b in blocks if text(b, "language", "en").lower().partition("-")[0] == wanted] or blocks


def _attributes(said: dict[str, str], info: dict[str, str], blocks: Sequence[dict[str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {name: value for name, value in {**said, **info}.items() if name not in OWN and value}
    for number, block in enumerate(blocks, start=1):
        label = f"(info {number}, {text(block, 'language', 'en-US')})"
        other = {name: value for name, value in block.items() if value != info.get(name) and name != "language"}
        found.update({f"{name} {label}": value for name, value in other.items() if value})
    return found


def _area(alert: Any) -> tuple[float | None, float | None, bytes | None]:
    """All polygons and circles joined. CAP writes latitude first, and radii in kilometres."""
    parts = []
    for element in alert.iter("{*}polygon"):
        numbers = _numbers("polygon", element.text)
        if len(numbers) % 2:
            raise Refusal("polygon", "has a latitude without a longitude", len(numbers))
        parts.append(polygon(list(zip(numbers[1::2], numbers[::2], strict=True)), "polygon"))
    for element in alert.iter("{*}circle"):
        numbers = _numbers("circle", element.text)
        if len(numbers) != 3:
            raise Refusal("circle", "is not latitude,longitude radius", element.text)
        lat, lon, km = numbers
        parts.append(ellipse(lon, lat, km * 1000, km * 1000, "circle"))
    return shape(shapely.union_all(parts)) if parts else (None, None, None)


def _numbers(name: str, value: str | None) -> list[float]:
    try:
        return [float(number) for number in (value or "").replace(",", " ").split()]
    except ValueError:
        raise Refusal(name, "has a coordinate that is no number", value) from None


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
