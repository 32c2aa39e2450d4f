"""Filled forms of ODK, Kobo, Ona and Enketo: XML, zip (of a device or an export), CSV, JSON; and the forms themselves.

A filled form is a report whose category is its form. An edit (`deprecatedID`) is a newer version of what it replaces: the key is
the instanceID of the first. Each edit also leaves a row saying what it replaced, so that edits are followed across payloads and
in whatever order they come. A form (XLSForm or XForm) gives the labels of questions and choices to what is read after it.
Its place is the first geopoint, trace or shape. What identifies the telephone is not kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from data.records import Record, Reference, Report, Retract
from ingest import forms
from ingest.answers import CLOCK, labelled, place_of, times_of
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.form_kinds import is_filled, is_form, is_xlsform, score_of_export
from ingest.form_rows import read_rows
from ingest.sheets import kind_of, preview
from ingest.values import instant, shape


def recognise(payload: Payload) -> int:
    kind = kind_of(payload)
    if kind == "zip":
        return 90 if any(is_form(each) or is_filled(each) for each in forms.in_zip(payload, looking=True)) else 0
    if kind in ("xlsx", "xls"):
        found = preview(payload)
        return 95 if is_xlsform(found) else max((score_of_export(table) for table in found), default=0)
    if kind == "json":
        head = payload.head_text
        told = ('"_xform_id_string"', '"_submission_time"', '"meta/instanceID"', '"__system"', '"formhub/uuid"')
        return 90 if any(word in head for word in told) else 0
    if kind == "csv":
        return max((score_of_export(table) for table in preview(payload)), default=0)
    return 95 if forms.XFORM.search(payload.head_text) else is_filled(payload)


def rows(payload: Payload, source: Source) -> Iterable[dict[str, Any]]:
    """Labels of forms first; of an edit two rows: what it replaced, and itself."""
    for row in read_rows(payload, source):
        if row.get("was") and row.get("id") and row["was"] != row["id"]:
            yield {"replaced": row["was"], "by": row["id"]}
        yield row


def record(row: dict[str, Any], context: Context) -> Record | Retract:
    if "label" in row:
        return _label(row)
    if "replaced" in row:
        # What was once said to be the first stays it: records stand under it.
        known = context.references.get(("edited", row["replaced"])) or {}
        told = {"replaced by": row["by"], "first": known.get("first") or _first_of(row["replaced"], context)}
        return Reference(source_ref=row["replaced"], table="edited", attributes=told)
    if row.get("encrypted"):
        raise Refusal("encrypted", "is encrypted with the key of its form; decrypt it there and send it again")
    if all(path.rpartition("/")[2].lower() in CLOCK for path in row["said"]):
        raise Refusal("said", "has no answer in it")
    content = json.dumps([row["form"], row["said"]], sort_keys=True).encode()
    identifier = row["id"] or hashlib.blake2b(content, digest_size=16).hexdigest()
    before = context.references.get(("edited", row["was"])) or {}
    first = str(before.get("first") or identifier)
    happened, changed = times_of(row, context)
    if row.get("deleted"):
        when = instant(row, "deleted")
        return Retract(kind="report", source_ref=first, reason="deleted by its source", version_time=when)
    if later := context.references.get(("edited", identifier)):
        if later.get("first") != first:  # the edit of this edit came before it, and stands by itself
            return Retract(kind="report", source_ref=first, reason="edited since", version_time=changed)
        if changed is None:
            raise Refusal("instanceID", "was edited since, and the edit is here; this is the older version", identifier)
    said, shown = labelled(row["form"], row["said"], context), place_of(row["form"], row["said"], context)
    lon, lat, wkb = shape(shown) if shown is not None else (None, None, None)
    return Report(
        source_ref=first,
        title=row["title"] or row["form"],
        category=row["form"],
        form=row["form"],
        reporter=row["reporter"],
        event_time=happened,
        version_time=changed,
        lon=lon,
        lat=lat,
        wkb=wkb,
        place_precision="exact" if lon is not None else "",
        attributes=dict(said),
    )


def _first_of(replaced: str, context: Context) -> str:
    """The instanceID of the first version of what was replaced."""
    for (table, _), told in context.references.items():
        if table == "edited" and told.get("replaced by") == replaced:
            return str(told.get("first") or replaced)
    return replaced


def _label(row: dict[str, Any]) -> Record:
    if "choice" in row:
        if not row["choice"] or not row["list"]:
            raise Refusal("name", "is empty, or its list is")
        return Reference(
            source_ref=f"{row['form']}/{row['list']}={row['choice']}", table="choice", title=row["label"],
            attributes={"label": row["label"]},
        )  # fmt: skip
    if not row["question"]:
        raise Refusal("name", "is empty")
    told = {name: row[name] for name in ("label", "type", "list")}
    return Reference(
        source_ref=f"{row['form']}/{row['question']}", table="question", title=row["label"], attributes=told
    )


FEED = Feed(
    name="openrosa",
    title="ODK, Kobo and Ona submissions and forms",
    kinds=("report", "reference"),
    formats=("xml", "zip", "csv", "json", "xlsx", "xls"),
    media_types=("application/xml", "text/xml", "application/zip", "text/csv", "application/json"),
    recognise=recognise,
    rows=rows,
    record=record,
    precedence=lambda payload: -40 if is_form(payload) or is_xlsform(preview(payload)) else 0,
)
