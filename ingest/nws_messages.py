"""What a message of the US National Weather Service takes back, its times and its key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ingest.feed import Refusal
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


def taken_back_by(said: dict[str, Any]) -> Iterator[dict[str, Any]]:
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


def time_of(said: dict[str, Any], name: str) -> datetime | None:
    try:
        return instant(said, name)
    except Refusal:
        return None


def key_of(said: dict[str, Any]) -> str:
    status = needed(said, "status").lower()
    return ",".join([needed(said, "sender"), needed(said, "identifier"), *([] if status == "actual" else [status])])
