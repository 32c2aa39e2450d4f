"""KML 2.0 to 2.3 and KMZ: each placemark a report ("drawing") with its geometry, its folder and its extended data.

The key is the placemark's id, else a digest of folder, name and geometry. A time stamp, the begin of a time span, or the
last moment of a gx:Track is its time, where that is not yet to come. Of an overlay the place is kept, as a report
"overlay". Links to elsewhere are not followed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from lxml import etree

from data.records import Record, Report, Retract
from ingest import kml
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.markup import elements, local_name, texts
from ingest.sheets import distinct
from ingest.values import shape
from ingest.written import moment

READ = ("Placemark", *kml.OVERLAYS, *kml.GEOMETRIES)
TIMED, WHEN = ("TimeStamp", "TimeSpan", "Track", "MultiTrack"), ("when", "begin", "end")
OWN = frozenset(("name", "description", "styleUrl", "visibility", "open", "Snippet", "snippet"))


def recognise(payload: Payload) -> int:
    if payload.head.startswith(b"PK\x03\x04"):
        try:
            return 90 if all(_is_kml(each) for each in kml.documents(payload)) else 0
        except ValueError:
            return 0
    return 90 if _is_kml(payload) else 0


def _is_kml(payload: Payload) -> bool:
    return bool(kml.ROOT.search(payload.head_text[:4_096]))


def rows(payload: Payload, source: Source) -> Iterable[dict[str, Any]]:
    seen: dict[str, list[int]] = {}
    found = False
    for document in kml.documents(payload):
        for element in elements(kml.declared(document), READ):
            found = True
            folders = [name for up in element.iterancestors() if (name := texts(up).get("name"))]
            deleted = any(local_name(up) == "Delete" for up in element.iterancestors())
            said = etree.tostring(element, encoding="unicode", with_tail=False)
            key = element.get("id") or element.get("targetId") or _digest(element, folders)
            key = distinct(key, {"": said}, seen)
            yield {"key": key, "folder": " / ".join(reversed(folders)), "deleted": deleted, "placemark": element}
    if not found:
        raise ValueError(f"{payload.name} has no placemark (links to other files are not followed; send those files)")


def _digest(element: etree._Element, folders: list[str]) -> str:
    places = [
        each.text for each in element.iter(etree.Element) if local_name(each) in ("coordinates", "coord", "longitude")
    ]
    about = repr((folders, texts(element).get("name"), places))
    return hashlib.blake2b(about.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def record(row: dict[str, Any], context: Context) -> Record | Retract:
    element = row["placemark"]
    if row["deleted"]:
        return Retract(kind="report", source_ref=row["key"], reason="deleted by its sender")
    said = texts(element)
    shown = kml.geometry(element)
    if shown is None and not (said.get("name") or said.get("description")):
        raise Refusal("geometry", "is missing, and nothing else is said")
    lon, lat, wkb = shape(shown) if shown is not None else (None, None, None)
    attributes = {name: value for name, value in said.items() if name not in OWN}
    extended = kml.child(element, "ExtendedData")
    for data in extended.iter(etree.Element) if extended is not None else ():
        if (name := data.get("name")) and local_name(data) in ("Data", "SimpleData"):
            value = kml.words(data, "value") if local_name(data) == "Data" else (data.text or "").strip()
            attributes[name] = f"{attributes[name]}; {value}" if name in attributes else value
    times = [
        each for up in element if local_name(up) in TIMED for each in up.iter(etree.Element) if local_name(each) in WHEN
    ]
    spoken = {local_name(each): " ".join((each.text or "").split()) for each in times}
    said_at = next((spoken[name] for name in WHEN if spoken.get(name)), "")
    when = moment({"when": said_at}, "when", context.source.timezone)
    planned = when is not None and when > context.latest_observed
    return Report(
        source_ref=row["key"],
        title=said.get("name", "") or row["folder"].rpartition(" / ")[2] or "Placemark",
        description=said.get("description", ""),
        category="overlay" if local_name(element) in kml.OVERLAYS else "drawing",
        form=row["folder"],
        event_time=None if planned else when,
        lon=lon,
        lat=lat,
        wkb=wkb,
        place_precision="exact" if lon is not None else "",
        attributes={
            **attributes,
            **{name: value for name, value in spoken.items() if value and (planned or name != "when")},
        },
    )


FEED = Feed(
    name="kml",
    title="KML and KMZ: drawings and places",
    kinds=("report",),
    formats=("kml", "kmz"),
    media_types=("application/vnd.google-earth.kml+xml", "application/vnd.google-earth.kmz"),
    recognise=recognise,
    rows=rows,
    record=record,
    keys="list",
)
