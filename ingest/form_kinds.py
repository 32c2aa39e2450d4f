"""Whether a payload is a form, a filled form, or an export of filled forms."""

from __future__ import annotations

import re

from ingest import forms
from ingest.feed import Payload
from ingest.headings import words
from ingest.sheets import Table, preview

ROOT = re.compile(
    r"\A\W*(?:<\?[^<]*\?>\s*|<!--.*?-->\s*)*<([\w:.-]+)((?:\s+[\w:.-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*)\s*>", re.DOTALL
)


OTHERS = words("event events alert feed rss gpx kml dataValueSet adx html svg Placemark manifest")


def score_of_export(table: Table) -> int:
    names = {name.strip() for name in table.header}
    exported = names & {*forms.SUBMITTED} and names & {*forms.IDS}
    return 90 if exported or names & {"meta/instanceID", "PARENT_KEY"} else 0


def is_form(payload: Payload) -> bool:
    return bool(forms.XFORM.search(payload.head_text))


def is_xlsform(found: tuple[Table, ...]) -> bool:
    heads = [
        {name.strip().lower() for name in table.header} for table in found if table.sheet.strip().lower() == "survey"
    ]
    return any({"type", "name"} <= head for head in heads)


def is_filled(payload: Payload) -> int:
    root = ROOT.match(payload.head_text)
    if payload.name.lower().endswith(".csv"):
        return score_of_export(next(iter(preview(payload)), Table("", (), (), ())))
    if root is None or root[1].rpartition(":")[2] in OTHERS or not re.search(r"\sid\s*=", root[2]):
        return 0
    if re.search(r"opendatakit|openrosa|instanceID", payload.head_text):
        return 90
    return 0 if "xmlns" in root[2] else 40
