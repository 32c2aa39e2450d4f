"""Filled forms and labels as rows, out of XML, zip, exports (CSV, Excel) and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from ingest import forms
from ingest.feed import Payload, Source, decode_text
from ingest.form_kinds import is_filled, is_form, is_xlsform, score_of_export
from ingest.sheets import kind_of, preview, tables


def read_rows(payload: Payload, source: Source) -> Iterator[dict[str, Any]]:
    kind = kind_of(payload)
    form = str(source.options.get("form") or PurePosixPath(payload.name).stem)
    if kind == "zip":
        held = forms.in_zip(payload)
        exports = [each for each in held if each.name.lower().endswith(".csv")]
        inner = [each for each in exports if "PARENT_KEY" in each.head_text.partition("\n")[0]]
        below = forms.repeats_of(inner)
        for each in sorted((each for each in held if each not in inner), key=lambda each: not is_form(each)):
            if is_form(each) or is_filled(each):
                for row in read_rows(each, source):
                    row.get("said", {}).update(below.get(row.get("id", ""), {}))
                    yield row
    elif kind in ("xlsx", "xls") and is_xlsform(preview(payload)):
        yield from forms.labels_of_xlsform(list(tables(payload)), form)
    elif kind == "json":
        for item in listed_in(json.loads(decode_text(payload.read()))):
            said = dict(forms.flat(item))
            deleted = isinstance(item, dict) and (item.get("__system") or {}).get("deletedAt")
            yield {**forms.of_row(said, form), **({"deleted": str(deleted)} if deleted else {})}
    elif kind in ("csv", "xlsx", "xls"):
        for table in (each for each in tables(payload) if kind == "csv" or score_of_export(each)):
            yield from (forms.of_row({name.strip(): cell for name, cell in row.items()}, form) for row in table.rows)
    else:
        root = forms.parsed(payload.read())
        yield from forms.labels_of_xform(root) if is_form(payload) else [forms.filled_in(root)]


def listed_in(document: Any) -> list[Any]:
    found = document if isinstance(document, list) else [document]
    if isinstance(document, dict):
        found = next((document[name] for name in ("results", "value") if isinstance(document.get(name), list)), found)
    return found
