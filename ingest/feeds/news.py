"""News from RSS (0.91 to 2.0, RDF) and Atom, for the triage queue: headlines and summaries whose places nobody has given.

The key is the entry's `id` or `guid`, else its link. `updated` says which version is the newer; without it a changed text is a
new version all the same. Markup becomes plain text. Pictures, sound and film are kept as addresses and never fetched. The
outlet is what the list calls itself; a byline is not kept, an outlet answers for what it prints. Lists with places (GeoRSS) are
read by `georss`, lists of warnings by `cap`, GDACS by its own feed; of a list that declares GeoRSS and uses none of it the
entries are news.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from lxml import etree

from data.records import Post, Record
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.feeds.cap import INDEX
from ingest.markup import elements, texts
from ingest.published import plain_text, site_of, time_of, web_address

LIST = re.compile(r"<(?:rss|(?:\w+:)?feed|rdf:RDF)\b")
ENTRY = re.compile(r"<(?:\w+:)?(?:item|entry)\b")
OUTLET = re.compile(r"<(?:channel|(?:\w+:)?feed)\b.*?<(?:\w+:)?title[^>]*>(.*?)</(?:\w+:)?title>", re.DOTALL)
LANGUAGE = re.compile(
    r"<(?:dc:)?language>\s*([A-Za-z-]{2,12})\s*<|<(?:\w+:)?(?:feed|rss)\b[^>]*\bxml:lang=[\"']([A-Za-z-]+)"
)
CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
MEDIA = ("{*}enclosure", "{http://search.yahoo.com/mrss/}content", "{http://search.yahoo.com/mrss/}group/{*}content")
WORDS = ("encoded", "content", "description", "summary")


def recognise(payload: Payload) -> int:
    head = payload.head_text
    if not LIST.search(head) or not ENTRY.search(head):
        return 0
    return 0 if INDEX.search(head) else 60  # lists of warnings and of places are told more surely by their own feeds


def rows(payload: Payload, source: Source) -> Iterable[Any]:
    head = payload.head_text
    about = OUTLET.search(ENTRY.split(head, maxsplit=1)[0])
    language = LANGUAGE.search(head)
    outlet = plain_text(CDATA.sub(r"\1", about[1])) if about else ""
    spoken = (language[1] or language[2] or "") if language else ""
    for element in elements(payload, ("item", "entry")):
        element.set("outlet", element.findtext("{*}source") or outlet)
        element.set("spoken", element.get("{http://www.w3.org/XML/1998/namespace}lang") or spoken)
        yield element


def record(row: Any, context: Context) -> Record:
    said = texts(row)
    links = list(_links(row))
    link = next((found for rel, found in links if rel == "alternate"), "") or web_address(said.get("guid"))
    title = plain_text(_inner(row, "title"))
    told = [words for name in WORDS if (words := plain_text(_inner(row, name)))]
    if not title and not told:
        raise Refusal("title", "is empty, and so is the text")
    key = said.get("id") or said.get("guid") or link
    if not key:
        raise Refusal("guid", "is missing, and so is the link; nothing tells this entry from another")
    media = [found for rel, found in links if rel == "enclosure"]
    media += [web_address(found.get("url")) for path in MEDIA for found in row.iterfind(path)]
    shortest = min(told, key=len, default="")
    told_by = said.get("creator", "") or said.get("author", "")
    return Post(
        source_ref=key,
        title=title,
        description=shortest if len(shortest) >= 80 or not told else max(told, key=len)[:4_000],
        event_time=time_of(said, ("published", "pubDate", "issued", "date"), context)
        or time_of(said, ("updated",), context),
        version_time=time_of(said, ("updated", "modified"), context),
        language=row.get("spoken") or "",
        outlet=row.get("outlet") or site_of(link) or context.source.title,
        link=link,
        media=tuple(dict.fromkeys(found for found in media if found)),
        attributes={"sections": terms} if (terms := _terms(row, told_by)) else {},
    )


def _links(row: Any) -> Iterator[tuple[str, str]]:
    """(relation, address) of every link that is one of the web."""
    for child in row.iterchildren("{*}link"):
        if found := web_address(child.get("href") or child.text):
            yield child.get("rel") or "alternate", found


def _inner(row: Any, name: str) -> str:
    """An element as it was written: text, CDATA, or the markup of Atom's `xhtml`."""
    for child in row.iterchildren(f"{{*}}{name}"):
        if not child.tag.startswith("{http://search.yahoo.com/mrss/}"):
            return etree.tostring(child, encoding="unicode", with_tail=False) if len(child) else child.text or ""
    return ""


def _terms(row: Any, byline: str) -> str:
    found = (plain_text(child.get("term") or child.text or "") for child in row.iterchildren("{*}category"))
    return "; ".join(dict.fromkeys(term for term in found if term and term != byline))


FEED = Feed(
    name="news",
    title="News (RSS, Atom) for triage",
    kinds=("post",),
    formats=("rss", "atom", "xml"),
    media_types=("application/rss+xml", "application/atom+xml", "application/xml", "text/xml"),
    recognise=recognise,
    rows=rows,
    record=record,
    keys="list",
)
