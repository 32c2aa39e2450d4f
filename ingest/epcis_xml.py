"""EPCIS events in XML (1.1 to 2.0), brought into the names they have in JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lxml import etree

from ingest.feed import Payload
from ingest.markup import elements, local_name

EVENTS = ("ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent")
QUANTITY_EVENT = "QuantityEvent"
HOLDERS = frozenset(("extension", "baseExtension"))
"""Version 1 keeps within these what version 2 has beside the rest."""
LISTS = {
    "epcList": "epc",
    "childEPCs": "epc",
    "inputEPCList": "epc",
    "outputEPCList": "epc",
    "persistentDisposition": "",
}
TYPED = {"bizTransactionList": "bizTransaction", "sourceList": "source", "destinationList": "destination"}


def events(payload: Payload) -> Iterator[dict[str, Any]]:
    """Each event as a dict of what stands in it."""
    for element in elements(payload, (*EVENTS, QUANTITY_EVENT)):
        yield {"type": local_name(element), **_content(element)}


def _content(element: etree._Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for child in element:
        name = local_name(child)
        if name in HOLDERS:
            found |= _content(child)
        elif name in TYPED:
            found[name] = [{"type": str(each.get("type") or ""), TYPED[name]: _words(each)} for each in child]
        elif LISTS.get(name):
            found[name] = [_words(each) for each in child]
        elif name.endswith(("QuantityList", "quantityList")):
            found[name] = [_content(each) for each in child]
        elif len(child) or child.attrib:
            inside = _content(child)
            attributes = {str(key).rpartition("}")[2]: str(value) for key, value in child.attrib.items()}
            said = {**attributes, **inside, **({"value": _words(child)} if not len(child) and _words(child) else {})}
            before = found.get(name)
            found[name] = said if before is None else [*(before if isinstance(before, list) else [before]), said]
        elif words := _words(child):
            found[name] = f"{found[name]}; {words}" if name in found else words
    return found


def _words(element: etree._Element) -> str:
    return " ".join((element.text or "").split())
