"""What a CAP message says: its blocks in several languages, its areas, its key, and the messages it takes back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import shapely

from data.records import Severity
from ingest.feed import Refusal, Source
from ingest.geometry import ellipse, polygon
from ingest.markup import local_name, texts
from ingest.values import needed, shape, text

SEVERITY = {
    "extreme": Severity.critical,
    "severe": Severity.severe,
    "moderate": Severity.moderate,
    "minor": Severity.minor,
}


TELLING = ("sender", "identifier", "status", "sent")
OWN = frozenset(
    {"identifier", "sender", "sent", "status", "msgType", "scope", "language", "event", "urgency", "severity", "web"}
    | {"certainty", "effective", "onset", "expires", "headline", "description", "instruction", "areaDesc"}
    | {"id", "guid", "title", "updated", "published", "pubDate", "link", "summary"}
)
"""Elements that have a field of their own; all others become attributes."""


def kind_of_message(alert: Any) -> str:
    return str(alert.findtext("{*}msgType") or "").strip().lower()


def language_of(source: Source) -> str:
    return str(source.options.get("language", "en"))


def taken_back_by(alert: Any, language: str) -> Iterator[dict[str, str]]:
    said, kind = texts(alert), kind_of_message(alert)
    if kind not in ("update", "cancel", "error"):
        return
    sender, identifier = said.get("sender", ""), said.get("identifier", "")
    why = said.get("note", "")
    for info in spoken_in([texts(info) for info in alert.findall("{*}info")], language):
        why = info.get("headline") or why
    listed = " ".join(said.get("references", "").split()).replace(", ", ",").replace(" ,", ",")
    for reference in listed.split():
        of, _, which = reference.rpartition(",")[0].partition(",")
        if (of, which) != (sender, identifier) and (kind != "error" or of == sender):
            reason = " ".join(f"{kind} by {sender}: {why}".split()).removesuffix(":")
            told = {"status": said.get("status", ""), "sent": said.get("sent", "")}
            yield {"reference": reference, "sender": of, "identifier": which, "reason": reason, **told}


def message_of(row: Any) -> dict[str, str]:
    """The alert's own elements; those of a list entry under the names they have in an alert."""
    said = texts(row)
    if local_name(row) != "alert":
        link = row.find("{*}link")
        if "msgType" not in said:
            reason = (
                "is not in this entry, which at best links to it, and was not fetched; read the linked alert itself"
            )
            raise Refusal("alert", reason, said.get("link") or (link.get("href") if link is not None else None))
        said = {**as_listed(row, said), "read from": "the list alone: the alert itself was not fetched"}
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


def key_of(said: Mapping[str, str]) -> str:
    status = needed(said, "status").lower()
    return ",".join([said["sender"], said["identifier"], *([] if status == "actual" else [status])])


def block_of(info: Any) -> dict[str, str]:
    """An `info`: its elements, its parameters and event codes by their names, its resources by what they are."""
    found = texts(info)
    for name, value in (*named_pairs(info, "parameter"), *named_pairs(info, "eventCode")):
        found[name] = f"{found[name]}; {value}" if name in found else value
    for resource in info.findall("{*}resource"):
        about = texts(resource)
        found[about.get("resourceDesc", "resource")] = about.get("uri", about.get("mimeType", ""))
    areas = [" ".join((area.text or "").split()) for area in info.iter("{*}areaDesc")]
    return {**found, "areaDesc": "; ".join(dict.fromkeys(area for area in areas if area))}


def named_pairs(element: Any, name: str) -> list[tuple[str, str]]:
    """(valueName, value); a value that lists several codes, as some index feeds do, as several."""
    found = [texts(pair) for pair in element.iter(f"{{*}}{name}")]
    pairs = [(pair.get("valueName", name), pair.get("value", "")) for pair in found]
    return [(key, code) for key, value in pairs for code in (value.split() if name == "geocode" else [value]) if code]


def spoken_in(blocks: Sequence[dict[str, str]], language: str) -> Sequence[dict[str, str]]:
    """The blocks in a language (CAP: unmarked is en-US), or all of them where none is."""
    wanted = language.lower().partition("-")[0]
    return [b for b in blocks if text(b, "language", "en").lower().partition("-")[0] == wanted] or blocks


def attributes_of(said: dict[str, str], info: dict[str, str], blocks: Sequence[dict[str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {name: value for name, value in {**said, **info}.items() if name not in OWN and value}
    for number, block in enumerate(blocks, start=1):
        label = f"(info {number}, {text(block, 'language', 'en-US')})"
        other = {name: value for name, value in block.items() if value != info.get(name) and name != "language"}
        found.update({f"{name} {label}": value for name, value in other.items() if value})
    return found


def outline_of(alert: Any) -> tuple[float | None, float | None, bytes | None]:
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


def linked(entry: Any) -> str:
    """The address of the alert that a list entry stands for: a link that says it is CAP, else its only sort of link."""
    if next(entry.iter("{*}alert"), None) is not None:
        return ""
    found = [
        (each.get("type", ""), each.get("href") or each.get("url")) for each in entry.iter("{*}link", "{*}enclosure")
    ]
    typed = [href for kind, href in found if href and "cap+xml" in kind]
    others = [href for kind, href in found if href and kind in ("", "application/xml", "text/xml")]
    return next((href for href in (*typed, *others, entry.findtext("{*}link")) if href), "").strip()


def no_longer_listed(entry: Any, said: Mapping[str, str]) -> dict[str, str]:
    told = as_listed(entry, said)
    reason = "the alert itself was fetched and stands for it"
    return {"reference": told["link"], "reason": reason, **{name: told.get(name, "") for name in TELLING}}


def as_listed(entry: Any, said: Mapping[str, str]) -> dict[str, str]:
    link = entry.find("{*}link")
    return {
        "identifier": said.get("id") or said.get("guid", ""),
        "sender": entry.findtext("{*}author/{*}name") or said.get("author") or "unknown",
        "sent": said.get("updated") or said.get("published") or said.get("pubDate", ""),
        **said,
        "link": said.get("link") or (link.get("href", "") if link is not None else ""),
    }
