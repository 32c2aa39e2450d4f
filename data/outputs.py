"""`[[cot_out]]` of the settings: a TAK server that is sent what one account or agency may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from data.filters import EVERYTHING, BadFilter, Filters, parse
from data.marks import BadTerms
from data.records import Sensitivity
from data.tls import NAME

OWN_UID = "CommonGround."
"""Begins the uid of whatever is sent; what comes back under it is not read."""
SENT = ("tracks", "incidents", "alerts", "reports", "sites")
FILTERS = ("from", "to", "window", "bbox", "area", "category", "severity", "agency", "source", "q")
KEYS = ("name", "address", "as", "clearance", "collections", "filter", "most", "stale", "server_name")


@dataclass(frozen=True)
class CotOut:
    """Where to, as whom, what of it."""

    name: str
    host: str
    port: int
    tls: bool
    viewer: str
    """`account:NAME` or `agency:NAME`: what they may see and take out is sent, nothing else."""
    clearance: Sensitivity = Sensitivity.moderate
    """Nothing above this is sent, whatever they may see: whoever has their map reads it."""
    collections: tuple[str, ...] = ("tracks", "incidents")
    filters: Filters = EVERYTHING
    most: int = 2_000
    """On their map at one time, the newest."""
    stale_s: float = 900.0
    """After which their map may drop what it has not heard of again; everything is sent again in a third of this."""
    server_name: str = ""
    """To be found in the server's certificate; empty: the host."""

    @property
    def address(self) -> str:
        return f"{'tls' if self.tls else 'tcp'}://{self.host}:{self.port}"


def cot_out_of(told: Mapping[str, Any], seconds_of: Any) -> CotOut:
    """From a table of the settings; `seconds_of` reads a span like "15min". Raises `BadTerms`."""
    for key in told:
        if key not in KEYS:
            raise BadTerms(f"'{key}' is not a setting; allowed are {', '.join(KEYS)}")
    name = told.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise BadTerms("the name is missing or is no file's; use letters, digits, spaces, '.', '-' and '_'")
    parts = urlsplit(str(told.get("address", "")))
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme not in ("tcp", "tls") or not parts.hostname or not port:
        raise BadTerms(f"the address is '{told.get('address', '')}'; use tcp://HOST:PORT or tls://HOST:PORT")
    viewer = told.get("as")
    if not isinstance(viewer, str) or not viewer.startswith(("account:", "agency:")) or viewer.endswith(":"):
        raise BadTerms(f'as is {viewer!r}; say whose view is sent: "agency:NAME" or "account:NAME"')
    clearance = told.get("clearance", CotOut.clearance.name)
    if clearance not in Sensitivity.__members__:
        raise BadTerms(f"clearance is {clearance!r}; use {', '.join(Sensitivity.__members__)}")
    collections = told.get("collections", list(CotOut.collections))
    if not isinstance(collections, list) or not collections or not set(map(str, collections)) <= set(SENT):
        raise BadTerms(f"collections is {collections!r}; use a list of {', '.join(SENT)}")
    most, stale = told.get("most", CotOut.most), told.get("stale", "15min")
    if isinstance(most, bool) or not isinstance(most, int) or not 1 <= most <= 20_000:
        raise BadTerms(f"most is {most!r}; use a number from 1 to 20000")
    stale_s = seconds_of(stale) if isinstance(stale, str) else None
    if stale_s is None or not 60 <= stale_s <= 86_400:
        raise BadTerms(f'stale is {stale!r}; use a span from "1min" to "24h"')
    return CotOut(
        name=name,
        host=parts.hostname,
        port=port,
        tls=parts.scheme == "tls",
        viewer=viewer,
        clearance=Sensitivity[clearance],
        collections=tuple(dict.fromkeys(collections)),
        filters=_filters(told.get("filter", "")),
        most=most,
        stale_s=stale_s,
        server_name=str(told.get("server_name", "")),
    )


def _filters(told: Any) -> Filters:
    """A filter that is misspelt would send more than was meant, so it is refused."""
    if not isinstance(told, str):
        raise BadTerms(f'filter is {told!r}; write it as in page addresses: "severity=serious&window=7d"')
    pairs = parse_qsl(told, keep_blank_values=True)
    unknown = [key for key, value in pairs if key not in FILTERS or not value]
    if unknown or (told.strip() and not pairs):
        raise BadTerms(f"filter is {told!r}; use NAME=VALUE&… with {', '.join(FILTERS)}")
    try:
        return parse(dict(pairs))
    except BadFilter as error:
        raise BadTerms(f"in filter {str(error).rstrip('.')}") from None
