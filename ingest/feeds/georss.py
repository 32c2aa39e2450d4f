"""Events from any RSS or Atom list that says where: GeoRSS Simple, GeoRSS GML, and the W3C `geo:lat` and `geo:long`.

The key is the entry's `id` or `guid`, else its link, else what it is called and when; `updated` says which version of it
is the newer. Keys reach as far as one list: lists that nobody named a source for are sources of their own. Every way of
saying a place is latitude first. Several places of one entry are one shape, of its areas where it has any, else of its
lines, else of its points; an entry without a place is kept. What such a list is about nobody can know, so that its
entries have no severity; `severity` of the source (minor to critical) gives them one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Any

from data.records import Incident, Record, Severity
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.georss_places import place_of
from ingest.markup import elements, texts
from ingest.published import time_of
from ingest.values import text

SPACES = re.compile(r"georss\.org/georss|www\.w3\.org/2003/01/geo/|opengis\.net/gml")
USED = re.compile(r"<(?:\w+:)?(?:point|line|polygon|box|circle|where|lat)\b")
NAMED = re.compile(r"<(?:\w+:)?(?:link|guid|id)\b")
KEYS, TIMES, VERSIONS = ("id", "guid"), ("published", "pubDate", "issued", "date"), ("updated", "modified")
WORDS = ("description", "summary", "content", "encoded")
OWN = frozenset({*KEYS, *TIMES, *VERSIONS, *WORDS, "title", "link", "lat", "long", "lon", "category"})
OWN |= {"point", "line", "polygon", "box", "circle"}


def recognise(payload: Payload) -> int:
    head = payload.head_text
    if not SPACES.search(head) or not re.search(r"<(?:\w+:)?(?:item|entry)\b", head):
        return 0
    if USED.search(head):
        return 70
    return 45 if NAMED.search(head) else 65  # entries that nothing names are no news that could be triaged


def rows(payload: Payload, source: Source) -> Iterable[Any]:
    severity = str(source.options.get("severity", "unknown"))
    if severity not in Severity.__members__:
        raise ValueError(
            f"severity of source {source.name} is {severity!r}; allowed are {', '.join(Severity.__members__)}"
        )
    yield from elements(payload, ("item", "entry"))


def record(row: Any, context: Context) -> Record:
    said = texts(row)
    links = [child.get("href") for child in row.iterchildren("{*}link") if child.get("href")]
    link = said.get("link") or next(iter(links), "")
    own = (text(said, "title"), next((said[name] for name in TIMES if name in said), ""))
    if not any((*own, link, *(said.get(name) for name in KEYS))):
        raise Refusal("title", "is empty, and so are id, link and time: nothing tells this entry from another")
    digest = hashlib.blake2b(repr(own).encode(), digest_size=8).hexdigest()
    terms = [child.get("term") or child.get("label") for child in row.iterchildren("{*}category")]
    categories = [term for term in (*terms, *said.get("category", "").split("; ")) if term]
    words = [
        " ".join(" ".join(child.itertext()).split()) for name in WORDS for child in row.iterchildren(f"{{*}}{name}")
    ]
    others = {name: value for name, value in said.items() if name not in OWN}
    if len(categories) > 1:
        others["categories"] = "; ".join(categories)
    updated = time_of(said, VERSIONS, context)
    lon, lat, wkb = place_of(row)
    return Incident(
        source_ref=next((said[name] for name in KEYS if name in said), "") or link or digest,
        title=own[0] or next((word[:120] for word in words if word), "") or link,
        description=next((word for word in words if word), ""),
        category=categories[0] if categories else "",
        severity=Severity[str(context.source.options.get("severity", "unknown"))],
        event_time=time_of(said, TIMES, context) or updated,
        version_time=updated,
        lon=lon,
        lat=lat,
        wkb=wkb,
        attributes={**others, **({"link": link} if link else {})},
    )


FEED = Feed(
    name="georss",
    title="Events with places (GeoRSS, Atom, RSS)",
    kinds=("incident",),
    formats=("rss", "atom", "xml"),
    media_types=("application/rss+xml", "application/atom+xml", "application/xml", "text/xml"),
    recognise=recognise,
    rows=rows,
    record=record,
    keys="list",
)
