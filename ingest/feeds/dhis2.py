"""DHIS2 aggregate data: dataValueSets as JSON, XML and CSV (with and without a heading), and ADX (IHE QRPH 2015).

One data value is one indicator: `indicator` is the data element, `site_ref` the organisation unit, as DHIS2 names them. The
key is what DHIS2 itself holds one value for: data element, period, organisation unit and both category option combinations;
a newer `lastUpdated` wins, and `deleted` takes back. Names and places of units and elements come from a metadata export
that was read before. Who stored a value is a person and is not kept. A value that is no
number (text, a file) is kept among the attributes; yes and no are 1 and 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from data.records import Indicator, Record, Retract
from ingest.dhis2 import UID, name_of, named, period
from ingest.dhis2_rows import DEFINED, KEY, PERSONS, of_csv, of_json, of_xml
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.sheets import kind_of, top_lines
from ingest.values import instant, number, text

METADATA = re.compile(r'"(?:organisationUnits|dataElements|categoryOptionCombos)"\s*:\s*\[\s*\{')
TRUE, FALSE = ("true", "t", "yes"), ("false", "f", "no")


def recognise(payload: Payload) -> int:
    head = payload.head_text.lstrip()
    if re.search(r"<(?:\w+:)?(?:dataValueSet|adx)[\s>]", head[:2_048]):
        return 95
    if METADATA.search(head) and head[:1] == "{" and '"dataValues"' not in head:
        return 85
    if head[:1] == "{" and '"dataValues"' in head and '"dataElement"' in head:
        return 90 if '"period"' in head and not re.search(r'"(?:events|programStage|trackedEntit\w+)"', head) else 0
    if kind_of(payload) not in ("csv", "xlsx", "xls"):
        return 0
    first = next(iter(top_lines(payload)), [])
    cells = [cell.strip().strip('"').lower() for cell in first]
    if "dataelement" in cells and "period" in cells:
        return 90
    uids = len(cells) > 5 and bool(UID.match(first[0].strip())) and bool(UID.match(first[2].strip()))
    return 80 if uids and re.fullmatch(r"\d{4}[\dWQSB-]*", cells[1]) else 0


def rows(payload: Payload, source: Source) -> Iterable[Any]:
    head = payload.head_text.lstrip()
    found = (
        of_xml(payload)
        if head.startswith("<")
        else of_json(payload)
        if head.startswith(("{", "["))
        else of_csv(payload)
    )
    for row in found:
        yield {k: v for k, v in row.items() if k not in PERSONS} if isinstance(row, dict) else row


def record(row: Any, context: Context) -> Record | Retract:
    if not isinstance(row, dict):
        raise Refusal("row", "is not a data value")
    if "names" in row:
        return name_of(row)
    key = [named(row, name) for name in KEY]
    key[1] = re.sub(r"^(\d{4})-(\d\d)(?:-(\d\d))?$", r"\1\2\3", key[1])  # 2017-01 and 201701 are one month
    for name, said in zip(KEY[:3], key[:3], strict=True):
        if not said:
            raise Refusal(name, "is empty")
    # In ADX every attribute that it does not define is a category of the figure.
    groups = {str(name): text(row, name) for name in row if "/P" in text(row, "period") and name not in DEFINED}
    ref = ":".join((*key, *(f"{name}={value}" for name, value in sorted(groups.items())))).rstrip(":")
    changed = instant(row, "lastUpdated", context.source.timezone) or instant(row, "created", context.source.timezone)
    if text(row, "deleted").lower() == "true":
        return Retract(kind="indicator", source_ref=ref, reason="deleted by its source", version_time=changed)
    start, end = period(row, "period")
    said = text(row, "value")
    value = 1.0 if said.lower() in TRUE else 0.0 if said.lower() in FALSE else _figure(said)
    own = {*KEY, "value", "lastUpdated", "deleted"}
    rest: dict[str, Any] = {str(name): text(row, name) for name in row if name not in own and text(row, name)}
    rest |= {name: said for name, said in zip(KEY[3:], key[3:], strict=True) if said}
    element, unit = (context.references.get(("dhis2", each)) or {} for each in (key[0], key[2]))
    where = str(unit.get("name") or "")
    return Indicator(
        source_ref=ref,
        title=", ".join(part for part in (str(element.get("name") or key[0]), where, text(row, "period")) if part),
        description=text(row, "comment") or text(row, "annotation"),
        category=named(row, "dataSet") or "DHIS2",
        indicator=key[0],
        value=value,
        event_time=end,
        version_time=changed,
        period_start=start,
        period_end=end,
        site_ref=key[2],
        lon=unit.get("lon"),
        lat=unit.get("lat"),
        place=where,
        place_precision="near" if unit.get("lon") is not None else "",
        attributes={**rest, **({"value": said} if value is None and said else {})},
    )


def _figure(said: str) -> float | None:
    try:
        return number({"value": said}, "value")
    except Refusal:
        return None  # of a text data element


FEED = Feed(
    name="dhis2",
    title="DHIS2 aggregate data (dataValueSets, ADX)",
    kinds=("indicator", "reference"),
    formats=("json", "xml", "csv"),
    media_types=("application/json", "application/xml", "application/adx+xml", "text/csv"),
    recognise=recognise,
    rows=rows,
    record=record,
    precedence=lambda payload: -40 if METADATA.search(payload.head_text) else 0,
)
