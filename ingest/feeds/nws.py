"""Warnings of the US National Weather Service as GeoJSON (api.weather.gov/alerts), one feature per CAP message.

The key is what the same message has as CAP: its sender and identifier. An Update takes back the messages in its
`references`, one row each, as does a Cancel, which is no warning itself (see the feed cap). `sent` says which version is
the newer. Most messages carry no outline but codes of zones and counties; they are kept as `geocodes`.

A time that cannot be read does not cost a warning: `onset` and `expires` then stay among the attributes as they came,
and the warning, having no end that anybody knows, is shown until it is taken back. `ends` stands for an `expires` that
is not said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from data.records import Alert, Record, Retract, Severity
from ingest.cap_messages import SEVERITY
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.objects import features, flat, place_of
from ingest.values import instant, needed, text

OWN = frozenset(
    {
        "@id",
        "@type",
        "id",
        "areaDesc",
        "geocode",
        "references",
        "sent",
        "effective",
        "status",
        "messageType",
        "severity",
    }
    | {"certainty", "urgency", "event", "sender", "headline", "description", "instruction", "language", "web", "scope"}
)
TIMES = ("onset", "expires", "ends")


def recognise(payload: Payload) -> int:
    head = payload.head_text
    alerts = '"wx:Alert"' in head or ('"messageType"' in head and '"areaDesc"' in head)
    return 95 if alerts and '"Feature' in head else 0


def rows(payload: Payload, source: Source) -> Iterable[dict[str, Any]]:
    """Features, and a dict for each message that one takes back."""
    for feature in features(payload):
        said = feature.get("properties") if isinstance(feature, dict) else None
        taken_back = list(_taken_back(said)) if isinstance(said, dict) else []
        if not taken_back or text(said or {}, "messageType").lower() != "cancel":
            yield feature
        yield from taken_back


def _taken_back(said: dict[str, Any]) -> Iterator[dict[str, Any]]:
    kind = text(said, "messageType").lower()
    for reference in said.get("references") or () if kind in ("update", "cancel") else ():
        told = reference if isinstance(reference, dict) else {"identifier": reference}
        reason = f"{kind} by {text(said, 'sender')}: {text(said, 'headline')}".removesuffix(": ")
        yield {
            "sender": text(told, "sender"),
            "identifier": text(told, "identifier"),
            "status": text(said, "status"),
            "sent": text(said, "sent"),
            "reason": reason,
        }


def record(row: Any, context: Context) -> Record | Retract:
    if "identifier" in row:
        return Retract(kind="alert", source_ref=_key(row), reason=row["reason"], version_time=instant(row, "sent"))
    said = row["properties"]
    if text(said, "messageType").lower() not in ("alert", "update"):
        raise Refusal("messageType", "is neither Alert nor Update, and it takes nothing back", said.get("messageType"))
    sent = instant(said, "sent")
    if sent is None:
        raise Refusal("sent", "is empty")
    times, unread = {name: _time(said, name) for name in TIMES}, {name: said.get(name) for name in TIMES}
    lon, lat, wkb = place_of(row.get("geometry"))
    actual = text(said, "status").lower() == "actual"
    mark = "" if actual else f"{text(said, 'status')}: "
    headline = text(said, "headline")
    codes = said.get("geocode") or {}
    return Alert(
        source_ref=_key({**said, "identifier": needed(said, "id")}),
        title=mark + (headline or text(said, "event")),
        description=text(said, "description"),
        category=mark + text(said, "event"),
        severity=SEVERITY.get(text(said, "severity").lower(), Severity.unknown),
        event_time=_time(said, "effective") or sent,
        version_time=sent,
        lon=lon,
        lat=lat,
        wkb=wkb,
        place=text(said, "areaDesc"),
        attributes=flat(
            {**said, **{name: None if times[name] and name != "ends" else unread[name] for name in TIMES}}, OWN
        ),
        urgency=text(said, "urgency"),
        certainty=text(said, "certainty"),
        cap_severity=text(said, "severity"),
        msg_type=text(said, "messageType"),
        status=text(said, "status"),
        scope=text(said, "scope", "Public"),
        sender=text(said, "sender"),
        effective=_time(said, "effective"),
        onset=times["onset"],
        expires=times["expires"] or (None if text(said, "expires") else times["ends"]),
        headline=headline,
        instruction=text(said, "instruction"),
        area_desc=text(said, "areaDesc"),
        language=text(said, "language", "en-US"),
        geocodes=tuple(f"{name}={code}" for name, values in codes.items() for code in values),
        web=text(said, "web") or text(said, "@id"),
    )


def _time(said: dict[str, Any], name: str) -> datetime | None:
    try:
        return instant(said, name)
    except Refusal:
        return None


def _key(said: dict[str, Any]) -> str:
    status = needed(said, "status").lower()
    return ",".join([needed(said, "sender"), needed(said, "identifier"), *([] if status == "actual" else [status])])


FEED = Feed(
    name="nws",
    title="US National Weather Service warnings (GeoJSON)",
    kinds=("alert",),
    formats=("geojson", "json"),
    media_types=("application/geo+json", "application/json"),
    recognise=recognise,
    rows=rows,
    record=record,
)
