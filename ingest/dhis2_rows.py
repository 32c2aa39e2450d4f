"""Data values of DHIS2 as rows, out of JSON, XML (data value sets, ADX) and CSV."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ingest.dhis2 import names_in
from ingest.feed import Payload, decode_text
from ingest.headings import bare, words
from ingest.markup import elements, local_name
from ingest.sheets import lines

COLUMNS = words(
    "dataElement period orgUnit categoryOptionCombo attributeOptionCombo value storedBy lastUpdated comment followup deleted"
)
"""Of a CSV, in DHIS2's own order, which is what counts where there is no heading."""


CALLED = {
    **{name.lower(): name for name in COLUMNS},
    "timestamp": "lastUpdated",
    "categoryoption": "categoryOptionCombo",
}


KEY = COLUMNS[:5]


DEFINED = frozenset((*COLUMNS, *words("dataSet completeDate created annotation")))


PERSONS = frozenset(("storedBy", "completedBy"))


def of_json(payload: Payload) -> Iterator[Any]:
    document = json.loads(decode_text(payload.read()))
    if isinstance(document, dict) and "dataValues" not in document:
        yield from names_in(document)
        return
    listed = document.get("dataValues") if isinstance(document, dict) else document
    if not isinstance(listed, list):
        raise ValueError(f"{payload.name} has no list `dataValues`")
    common = (
        {name: document.get(name) for name in (*KEY, "dataSet", "completeDate")} if isinstance(document, dict) else {}
    )
    for row in listed:
        yield {**{k: v for k, v in common.items() if v}, **row} if isinstance(row, dict) else row


def of_xml(payload: Payload) -> Iterator[dict[str, Any]]:
    """Of each value its attributes, with those of the group or set it stands in."""
    for element in elements(payload, ("dataValue",)):
        said = dict(element.attrib)
        for up in element.iterancestors():
            said = {**{k: v for k, v in up.attrib.items() if not k.startswith("{") and k != "exported"}, **said}
        for child in element:
            said.setdefault(local_name(child), (child.text or "").strip())
        yield {CALLED.get(str(name).lower(), str(name)): value for name, value in said.items()}


def of_csv(payload: Payload) -> Iterator[dict[str, Any]]:
    header: tuple[str, ...] = ()
    for line in lines(payload):
        # Some exports put spaces between the comma and the quote, which then is no quote to a reader.
        cells = [cell.strip().strip('"').strip() for cell in line]
        if not header:
            known = [CALLED.get(bare(cell).replace("_", ""), cell) for cell in cells]
            header = tuple(known) if "dataElement" in known else COLUMNS
            if "dataElement" in known:
                continue
        if any(cells):
            yield {name: cell for name, cell in zip(header, cells, strict=False) if cell}
