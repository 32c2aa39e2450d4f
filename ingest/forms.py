"""Forms and filled forms of the OpenRosa family (ODK, Kobo, Ona, Enketo): the answers by path, and the labels of a form.

Answers are `group/question` -> text; where a group or question comes several times, `group[2]/question`. A filled form is a
dict: `form`, `id` (its instanceID), `was` (the deprecatedID of an edit), `submitted`, `title`, `reporter`, `said`.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from lxml import etree

from ingest.feed import HEAD_BYTES, Payload, decode_text
from ingest.headings import words
from ingest.markup import local_name
from ingest.sheets import Table
from ingest.values import text
from ingest.workbooks import DAMAGE, check_zip

XFORM = re.compile(r"<(?:\w+:)?html\b[^<>]*xforms")
_PARSER = etree.XMLParser(
    resolve_entities=False, load_dtd=False, no_network=True, remove_comments=True, remove_pis=True
)
LOOKED_AT = 40
"""Entries of a zip whose beginnings tell what it is."""
ASKED = ("input", "select", "select1", "upload", "trigger", "range")
IDS = ("meta/instanceID", "instanceID", "_uuid", "KEY", "__id", "meta/instanceId")
WAS = ("meta/deprecatedID", "deprecatedID", "meta/deprecatedId")
SUBMITTED = ("_submission_time", "SubmissionDate", "__system/submissionDate", "submissionDate")
REPORTER = ("_submitted_by", "SubmitterName", "__system/submitterName", "username", "meta/userID")
FORM = ("_xform_id_string", "_xform_id", "FormID")
NAME = ("meta/instanceName", "instanceName")
DEVICE = frozenset(
    words(
        "deviceid device_id imei subscriberid subscriber_id simserial simid sim_serial phonenumber phone_number email"
        " meta/deviceID __system/submitterId __system/deviceId SubmitterID DeviceID"
    )
)
"""What identifies a telephone, not what was seen; it is not kept."""
PLUMBING = frozenset(
    words(
        "formhub/uuid _attachments _bamboo_dataset_id _geolocation __version__ meta/rootUuid _xform_id _index _parent_index"
    )
)


def parsed(content: bytes) -> etree._Element:
    """The root element. Raises ValueError where it is no well-formed XML or declares a document type."""
    if b"<orx:" in content and b"xmlns:orx" not in content:
        content = re.sub(rb"(<(?![?!])[^\s<>/]+)", rb'\1 xmlns:orx="http://openrosa.org/xforms"', content, count=1)
    try:
        root = etree.fromstring(content.lstrip(b"\xef\xbb\xbf \t\r\n"), _PARSER)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"it is not well-formed XML: {error.msg}") from None
    if root.getroottree().docinfo.doctype:
        raise ValueError("it declares a document type (DOCTYPE); send it without")
    return root


def filled_in(root: etree._Element) -> dict[str, Any]:
    """A filled form out of its XML."""
    said: dict[str, str] = {}
    _collect(root, "", said)
    told = {str(name): value for name, value in root.attrib.items()}
    found = of_row(said, str(told.get("id", "")) or local_name(root))
    found["id"] = found["id"] or bare_id(told.get("instanceID", ""))
    found["submitted"] = found["submitted"] or told.get("submissionDate", "")
    if told.get("encrypted") == "yes":
        found["encrypted"] = True
    return found


def _collect(element: etree._Element, path: str, said: dict[str, str]) -> None:
    children = [child for child in element if isinstance(child.tag, str)]
    often = Counter(local_name(child) for child in children)
    count: Counter[str] = Counter()
    for child in children:
        name = local_name(child)
        count[name] += 1
        here = f"{path}/{name}" if path else name
        here = f"{here}[{count[name]}]" if often[name] > 1 else here
        if len(child):
            _collect(child, here, said)
        elif child.text and child.text.strip():
            said[here] = child.text.strip()


def of_row(row: Mapping[str, Any], form: str) -> dict[str, Any]:
    """A filled form out of answers by path (of its XML, a line of CSV, or flat JSON)."""
    said = {str(name): text(row, name) for name in row if text(row, name) and name not in DEVICE | PLUMBING}
    said = {name: value for name, value in said.items() if name.rpartition("/")[2] not in DEVICE and value != "n/a"}
    first = {key: next((said[name] for name in names if said.get(name)), "") for key, names in _PARTS.items()}
    own = {name for names in _PARTS.values() for name in names}
    return {
        "form": first["form"] or form,
        "id": bare_id(text(row, "meta/rootUuid")) or bare_id(first["id"]),
        "was": "" if text(row, "meta/rootUuid") else bare_id(first["was"]),
        **{key: first[key] for key in ("submitted", "reporter", "title")},
        "said": {name: value for name, value in said.items() if name not in own},
    }


_PARTS = {"id": IDS, "was": WAS, "submitted": SUBMITTED, "reporter": REPORTER, "form": FORM, "title": NAME}


def bare_id(said: str) -> str:
    return said.strip().removeprefix("uuid:")


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Answers by path out of nested JSON; geometries (GeoJSON) become what OpenRosa writes: `lat lon alt; …`."""
    if isinstance(value, dict):
        if isinstance(places := value.get("coordinates"), list) and value.get("type") in (
            "Point",
            "LineString",
            "Polygon",
        ):
            listed = [places] if value["type"] == "Point" else places[0] if value["type"] == "Polygon" else places
            said = [f"{p[1]} {p[0]}" for p in listed if isinstance(p, list) and len(p) > 1]
            yield path, "; ".join(f"{place} 0 0" for place in said)
            return
        for key, item in value.items():
            # Kobo repeats the whole path in each key of a repeat.
            within = str(key).removeprefix(re.sub(r"\[\d+\]", "", path) + "/") if path else str(key)
            yield from flat(item, f"{path}/{within}" if path else within)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for number, item in enumerate(value, start=1):
            yield from flat(item, f"{path}[{number}]")
    elif isinstance(value, list):
        yield path, "; ".join(str(item) for item in value if item is not None)
    elif value not in (None, ""):
        yield path, value


def labels_of_xlsform(tables: list[Table], fallback: str) -> Iterator[dict[str, Any]]:
    """The questions and choices of an XLSForm, each with its label in the form's default language."""
    by_name = {table.sheet.strip().lower(): [_lower(row) for row in table.rows] for table in tables}
    settings = next(iter(by_name.get("settings", [])), {})
    form = text(settings, "form_id") or text(settings, "id_string") or fallback
    language = text(settings, "default_language")
    groups: list[str] = []
    for row in by_name["survey"]:
        kind, name = text(row, "type").lower().replace("_", " "), text(row, "name")
        if kind.startswith("end "):
            groups = groups[:-1]
            continue
        if kind:
            listed = re.match(r"(?:select (?:one|multiple|all that apply)(?: from)?|rank) (\S+)", kind)
            asked = text(row, "type").split()
            yield {
                "form": form,
                "question": "/".join([*groups, name]) if name else "",
                "type": kind.split()[0] if not listed else "select",
                "list": next((word for word in asked if listed and word.lower().replace("_", " ") == listed[1]), ""),
                "label": _label(row, language),
            }
        if kind.startswith("begin ") and name:
            groups = [*groups, name]
    for sheet in ("choices", "external_choices"):
        for row in by_name.get(sheet, []):
            choices = next((text(row, key) for key in ("list_name", "list name", "list") if text(row, key)), "")
            name = text(row, "name") or text(row, "value")
            yield {"form": form, "list": choices, "choice": name, "label": _label(row, language)}


def _lower(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name.strip().lower(): cell for name, cell in row.items()}


def _label(row: Mapping[str, Any], language: str) -> str:
    """The label in the default language, else without one, else in English, else in the first."""
    labels = {
        str(key): text(row, key) for key in row if re.match(r"label(?:\s*::?\s*\S|$)", str(key).strip(), re.IGNORECASE)
    }
    wanted = [name for name in labels if language and language.lower() in name.lower()]
    english = [name for name in labels if re.search(r"english|\(en\)|::?en\b", name, re.IGNORECASE)]
    return next((labels[name] for name in (*wanted, *(n for n in labels if ":" not in n), *english, *labels)), "")


def labels_of_xform(root: etree._Element) -> Iterator[dict[str, Any]]:
    """The questions and choices of a form as devices load it (XForm), each with its label."""
    everything = list(root.iter(etree.Element))
    models = [e for e in everything if local_name(e) == "instance" and len(e) and e[0].get("id")]
    form = str(models[0][0].get("id")) if models else ""
    spoken: dict[str, str] = {}
    for each in (e for e in everything if local_name(e) == "translation"):
        for entry in each:
            spoken.setdefault(str(entry.get("id")), " ".join("".join(str(part) for part in entry.itertext()).split()))
    types = {_path(e.get("nodeset", "")): e.get("type", "") for e in everything if local_name(e) == "bind"}
    asked = [
        e
        for e in everything
        if e.get("ref") and local_name(e) in ("input", "select", "select1", "upload", "trigger", "range")
    ]
    for question in asked:
        path = _path(str(question.get("ref")))
        kind = str(types.get(path) or local_name(question)).rpartition(":")[2]
        listed = path if local_name(question).startswith("select") else ""
        yield {"form": form, "question": path, "type": kind, "list": listed, "label": _words(question, spoken)}
        for item in (e for e in question if local_name(e) == "item"):
            value = next((str(e.text or "") for e in item if local_name(e) == "value"), "")
            yield {"form": form, "list": path, "choice": value, "label": _words(item, spoken)}


def _path(ref: str) -> str:
    return "/".join(ref.strip("/").split("/")[1:])


def _words(element: etree._Element, spoken: Mapping[str, str]) -> str:
    label = next((child for child in element if local_name(child) == "label"), None)
    if label is None:
        return ""
    found = re.search(r"itext\('([^']+)'\)", str(label.get("ref") or ""))
    return spoken.get(found[1], "") if found else " ".join("".join(str(part) for part in label.itertext()).split())


def in_zip(payload: Payload, looking: bool = False) -> list[Payload]:
    """What a zip holds of forms, filled forms and exports: .xml and .csv; where only `looking`, the beginnings of some."""
    try:
        with payload.open() as stream, zipfile.ZipFile(stream) as archive:
            check_zip(payload.name, archive)
            names = [name for name in archive.namelist() if name.lower().endswith((".xml", ".csv"))]
            names = [name for name in names if not name.startswith("__MACOSX")]
            found = []
            for name in names[:LOOKED_AT] if looking else names:
                with archive.open(name) as entry:
                    found.append(Payload(name, content=entry.read(HEAD_BYTES if looking else -1)))
            return found
    except DAMAGE as error:
        raise ValueError(f"{payload.name} is a damaged or encrypted zip file: {error}") from None


def repeats_of(exports: list[Payload]) -> dict[str, dict[str, str]]:
    """Of the repeat tables in an export (PARENT_KEY): key of the filled form -> its answers by path."""
    found: dict[str, dict[str, str]] = {}
    count: Counter[tuple[str, str]] = Counter()
    for export in exports:
        name = PurePosixPath(export.name).stem.rpartition("-")[2]
        for row in csv.DictReader(io.StringIO(decode_text(export.read()), newline="")):
            top = str(row.get("PARENT_KEY") or "").partition("/")[0]
            count[top, name] += 1
            answers = {key: value for key, value in row.items() if key and key not in ("PARENT_KEY", "KEY") and value}
            path = f"{name}[{count[top, name]}]"
            found.setdefault(bare_id(top), {}).update({f"{path}/{key}": str(value) for key, value in answers.items()})
    return found
