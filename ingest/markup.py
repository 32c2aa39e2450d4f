"""XML of strangers, read safely and as a stream: no DOCTYPE (so no entities), no network, no bottomless nesting."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from lxml import etree

from ingest.feed import Payload

BLOCK_BYTES = 65_536
# Byte order marks, once, twice, or put through UTF-8 twice, and white space: not allowed before XML, and met there.
_BEFORE = re.compile(rb"\A(?:\xef\xbb\xbf|\xc3\xaf\xc2\xbb\xc2\xbf|\s)+")


def elements(payload: Payload, names: Collection[str]) -> Iterator[etree._Element]:
    """The outermost elements with one of these local names, whatever their namespace, in the order of the document.

    Each is emptied when the next is asked for, so that memory holds one. Raises ValueError where the payload is no
    well-formed XML, or declares a document type: no format of the field needs one, and every entity attack does.
    """
    parser = etree.XMLPullParser(
        events=("start", "end"),
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    outermost: etree._Element | None = None
    try:
        for block in _blocks(payload):
            parser.feed(block)
            for event, element in parser.read_events():
                if event == "start":
                    if element.getparent() is None and element.getroottree().docinfo.doctype:
                        raise ValueError(f"{payload.name} declares a document type (DOCTYPE); send it without")
                    if outermost is None and local_name(element) in names:
                        outermost = element
                elif outermost is not None and element is outermost:
                    yield outermost
                    outermost.clear()
                    outermost = None
        parser.close()
    except etree.XMLSyntaxError as error:
        raise ValueError(f"{payload.name} is not well-formed XML: {error.msg}") from None


def _blocks(payload: Payload) -> Iterator[bytes]:
    with payload.open() as stream:
        yield _BEFORE.sub(b"", stream.read(BLOCK_BYTES))
        while block := stream.read(BLOCK_BYTES):
            yield block


def local_name(element: etree._Element) -> str:
    """`entry` of `{http://www.w3.org/2005/Atom}entry`."""
    return str(element.tag).rpartition("}")[2]


def texts(element: etree._Element) -> dict[str, str]:
    """Local name -> text of the children without children, its lines trimmed; of a repeated one all texts, split by `; `."""
    found: dict[str, str] = {}
    for child in element:
        content = "\n".join(line.strip() for line in (child.text or "").strip().splitlines())
        if content and not len(child):
            name = local_name(child)
            found[name] = f"{found[name]}; {content}" if name in found else content
    return found
