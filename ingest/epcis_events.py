"""Events of EPCIS within their documents, and what they say of goods and places."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ingest.epcis_xml import EVENTS
from ingest.values import text

QUANTITIES = ("quantityList", "childQuantityList", "outputQuantityList", "inputQuantityList")


ITEMS = ("epcList", "childEPCs", "outputEPCList", "inputEPCList")


GEO = re.compile(r"geo:(-?\d+(?:\.\d+)?),(-?\d+(?:\.\d+)?)")


def events_in(document: Any) -> Iterator[Any]:
    if isinstance(document, list):
        yield from document
    elif isinstance(document, dict):
        body = document.get("epcisBody", document)
        body = body if isinstance(body, dict) else {}
        results = body.get("queryResults")
        found = results.get("resultsBody") if isinstance(results, dict) else body
        if isinstance(found, dict) and isinstance(found.get("eventList"), list):
            yield from found["eventList"]
        elif isinstance(body.get("event"), dict):
            yield body["event"]
        elif text(document, "type") in EVENTS:
            yield document


def place_of(row: dict[str, Any], name: str) -> str:
    said = row.get(name)
    return text(said, "id") if isinstance(said, dict) else text(row, name)


def goods_of(row: dict[str, Any]) -> str:
    """What it was about, in words: `200.5 KGM urn:…, 2 items`."""
    listed = [each for name in QUANTITIES for each in row.get(name) or [] if isinstance(each, dict)]
    said = [" ".join(filter(None, (text(q, "quantity"), text(q, "uom"), text(q, "epcClass")))) for q in listed[:3]]
    items = sum(len(row[name]) for name in ITEMS if isinstance(row.get(name), list))
    said += [f"{items} item{'s' if items != 1 else ''}"] if items else []
    return ", ".join([*said, *(["…"] if len(listed) > 3 else [])])


def flat_of(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from flat_of(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and value:
        plain = all(isinstance(item, str) for item in value)
        yield name, "; ".join(value) if plain else json.dumps(value, ensure_ascii=False)
    elif value not in (None, "", []):
        yield name, value
