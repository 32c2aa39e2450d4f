"""Field reports as JSON: one object, or a list of them, under the names of the report record (`title`, `event_time`, `lon`, ...).

What the report page and `POST /api/reports` send. `source_ref` is the sender's own key of the report: the same key again,
after a lost answer or an edit, is the same report. A field with another name is kept in `attributes`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from data.records import Record, Report, Severity
from ingest.feed import Context, Feed, Payload, Refusal, Source, decode_text
from ingest.handling import own_mark
from ingest.values import instant, lon_lat, needed, text

PRECISIONS = ("exact", "near", "adm3", "adm2", "adm1", "adm0", "")
OWN = frozenset(Report.__struct_fields__) - {
    "adm_names",
    "wkb",
    "source",
    "agency",
    "sensitivity",
    "releasable_to",
    "exercise",
}
"""What a report says itself. Whose it is and how it is marked is the source's to say; `own` can only raise that."""


def recognise(payload: Payload) -> int:
    head = payload.head_text.lstrip()
    told = all(f'"{name}"' in head for name in ("source_ref", "title"))
    reports = any(f'"{name}"' in head for name in ("reporter", "form", "needs"))
    return 70 if head[:1] in ("{", "[") and told and reports else 0


def rows(payload: Payload, source: Source) -> Iterable[Any]:
    try:
        found = json.loads(decode_text(payload.read()))
    except RecursionError:
        raise ValueError(f"{payload.name} is nested too deeply to be reports") from None
    if not isinstance(found, (dict, list)):
        raise ValueError(f"{payload.name} is neither a report nor a list of them")
    yield from found if isinstance(found, list) else [found]


def record(row: Any, context: Context) -> Record:
    severity, precision = text(row, "severity", "unknown"), text(row, "place_precision")
    if severity not in Severity.__members__:
        raise Refusal("severity", f"is not one of {', '.join(Severity.__members__)}", severity)
    if precision not in PRECISIONS:
        raise Refusal("place_precision", f"is not one of {', '.join(PRECISIONS[:-1])}", precision)
    title, description = text(row, "title"), text(row, "description")
    if not title and not description:
        raise Refusal("title", "is empty, and so is the description; one of them says what was seen")
    lon, lat = lon_lat(row, "lon", "lat")
    zone = context.source.timezone
    return Report(
        source_ref=needed(row, "source_ref"),
        title=title,
        description=description,
        category=text(row, "category"),
        severity=Severity[severity],
        event_time=instant(row, "event_time", zone),
        version_time=instant(row, "version_time", zone),
        lon=lon,
        lat=lat,
        place=text(row, "place"),
        adm_pcode=text(row, "adm_pcode") or None,
        place_precision=precision,  # type: ignore[arg-type]
        grade=text(row, "grade", "F6"),
        attributes=_others(row),
        reporter=text(row, "reporter"),
        form=text(row, "form"),
        needs=text(row, "needs"),
        own=own_mark({f"own.{part}": value for part, value in _object(row, "own").items()}),
    )


def _others(row: Mapping[str, Any]) -> dict[str, str | int | float | bool | None]:
    others = {**{name: value for name, value in row.items() if name not in OWN}, **_object(row, "attributes")}
    return {
        str(name): value if isinstance(value, (str, int, float, bool)) else json.dumps(value, ensure_ascii=False)
        for name, value in others.items()
        if value not in (None, "")
    }


def _object(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = row.get(name) or {}
    if not isinstance(found, dict):
        raise Refusal(name, "is not an object", found)
    return found


FEED = Feed(
    name="report",
    title="Field reports (JSON)",
    kinds=("report",),
    formats=("json",),
    media_types=("application/json",),
    recognise=recognise,
    rows=rows,
    record=record,
)
