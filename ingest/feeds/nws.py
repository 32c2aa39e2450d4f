"""Warnings of the US National Weather Service as GeoJSON (api.weather.gov/alerts), one feature per CAP message.

The key is what the same message has as CAP: its sender and identifier. An Update takes back the messages in its
`references`, one row each, as does a Cancel, which is no warning itself (see the feed cap). `sent` says which version is
the newer. Most messages carry no outline but codes of zones and counties; they are kept as `geocodes`.

A time that cannot be read does not cost a warning: `onset` and `expires` then stay among the attributes as they came,
and the warning, having no end that anybody knows, is shown until it is taken back. `ends` stands for an `expires` that
is not said.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from data.records import Alert, Record, Retract, Severity
from ingest.cap_messages import SEVERITY
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.nws_messages import OWN, TIMES, key_of, taken_back_by, time_of
from ingest.objects import features, flat, place_of
from ingest.values import instant, needed, text


def recognise(payload: Payload) -> int:
    head = payload.head_text
    alerts = '"wx:Alert"' in head or ('"messageType"' in head and '"areaDesc"' in head)
    return 95 if alerts and '"Feature' in head else 0


def rows(payload: Payload, source: Source) -> Iterable[dict[str, Any]]:
    """Features, and a dict for each message that one takes back."""
    for feature in features(payload):
        said = feature.get("properties") if isinstance(feature, dict) else None
        taken_back = list(taken_back_by(said)) if isinstance(said, dict) else []
        if not taken_back or text(said or {}, "messageType").lower() != "cancel":
            yield feature
        yield from taken_back


def record(row: Any, context: Context) -> Record | Retract:
    if "identifier" in row:
        return Retract(kind="alert", source_ref=key_of(row), reason=row["reason"], version_time=instant(row, "sent"))
    said = row["properties"]
    if text(said, "messageType").lower() not in ("alert", "update"):
        raise Refusal("messageType", "is neither Alert nor Update, and it takes nothing back", said.get("messageType"))
    sent = instant(said, "sent")
    if sent is None:
        raise Refusal("sent", "is empty")
    times, unread = {name: time_of(said, name) for name in TIMES}, {name: said.get(name) for name in TIMES}
    lon, lat, wkb = place_of(row.get("geometry"))
    actual = text(said, "status").lower() == "actual"
    mark = "" if actual else f"{text(said, 'status')}: "
    headline = text(said, "headline")
    codes = said.get("geocode") or {}
    return Alert(
        source_ref=key_of({**said, "identifier": needed(said, "id")}),
        title=mark + (headline or text(said, "event")),
        description=text(said, "description"),
        category=mark + text(said, "event"),
        severity=SEVERITY.get(text(said, "severity").lower(), Severity.unknown),
        event_time=time_of(said, "effective") or sent,
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
        effective=time_of(said, "effective"),
        onset=times["onset"],
        expires=times["expires"] or (None if text(said, "expires") else times["ends"]),
        headline=headline,
        instruction=text(said, "instruction"),
        area_desc=text(said, "areaDesc"),
        language=text(said, "language", "en-US"),
        geocodes=tuple(f"{name}={code}" for name, values in codes.items() for code in values),
        web=text(said, "web") or text(said, "@id"),
    )


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
