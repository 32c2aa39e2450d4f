"""OGC API - Features 1.0 (OGC 17-069r4): every collection for GIS programs and scripts.

Everybody's filters (`from`, `window`, `area`, `severity`, ...) work here too. A page of a listing names the revision it was cut
from in its `next` link, so that the pages of one listing add up while the picture moves.

A program with a token takes home what it reads, so it is given what may leave in a file; a page of ours, in its reader's
session, shows what that reader may see.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from dashboard.answer import NOT_FOUND, answer
from dashboard.features import feature
from dashboard.looking import VIEW_AS
from dashboard.noted import note_read
from dashboard.openapi import GEOJSON, LIMIT, LIMIT_MOST, OPENAPI, SCHEMA, document, queryables_of
from dashboard.selection import chosen, refuse_unknown, revision_time, rfc3339
from dashboard.services import Services
from data.columns import NO_TIME
from data.filters import BadFilter, Filters, parse
from data.records import COLLECTIONS, Kind
from data.seen import Rows, Seen

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
GREGORIAN = "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"
CONFORMS_TO = (
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables-query-parameters",
)
QUERYABLE = "http://www.opengis.net/def/rel/ogc/1.0/queryables"
"""The relation of a link (Part 3)."""
TITLES = {
    "incidents": "Incidents",
    "alerts": "Alerts (CAP)",
    "reports": "Field reports",
    "supply": "Supply levels",
    "indicators": "Indicators",
    "feedback": "Community feedback",
    "activities": "Activities (3W/4W)",
    "sites": "Sites",
    "tracks": "Units and vehicles",
    "routes": "Routes and crossings",
    "boundaries": "Administrative boundaries",
}


def landing(services: Services, request: Request) -> Response:
    services.viewer(request)
    _only(request)
    base = _base(request)
    return answer(
        request,
        {
            "title": services.settings.mission.name,
            "description": "What this viewer may see of the common picture, as features.",
            "links": [
                _link(base, "self", "application/json", "this page"),
                _link(f"{base}/api", "service-desc", OPENAPI, "the API definition (OpenAPI 3.0)"),
                _link(f"{base}/conformance", "conformance", "application/json", "conformance classes"),
                _link(f"{base}/collections", "data", "application/json", "collections"),
            ],
        },
    )


def conformance(services: Services, request: Request) -> Response:
    services.viewer(request)
    _only(request)
    return answer(request, {"conformsTo": CONFORMS_TO})


def api(services: Services, request: Request) -> Response:
    services.viewer(request)
    _only(request)
    return answer(request, document(_base(request), services.settings.mission.name, TITLES), OPENAPI)


def collections(services: Services, request: Request) -> Response:
    seen = services.picture.seen_by(services.viewer(request))
    _only(request)
    base = _base(request)
    return answer(
        request,
        {
            "links": [_link(f"{base}/collections", "self", "application/json", "this document")],
            "collections": [_collection(seen, request, base, name) for name in COLLECTIONS],
        },
    )


def collection(services: Services, request: Request) -> Response:
    name = _name(request)
    seen = services.picture.seen_by(services.viewer(request))
    _only(request)
    return answer(request, _collection(seen, request, _base(request), name))


def queryables(services: Services, request: Request) -> Response:
    """OGC API - Features Part 3 (19-079r2), 6: what a collection can be asked by, as a JSON Schema."""
    name = _name(request)
    services.viewer(request)
    _only(request)
    told = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{_base(request)}/collections/{name}/queryables",
        "type": "object",
        "title": TITLES[name],
        "properties": queryables_of(COLLECTIONS[name]),
        "additionalProperties": False,
    }
    return answer(request, told, SCHEMA)


def items(services: Services, request: Request) -> Response:
    """One page of a collection, newest first."""
    name = _name(request)
    kind = COLLECTIONS[name]
    query = dict(request.query_params)
    refuse_unknown(kind, query, ("limit", "offset", "f", "crs", "bbox-crs"))
    _check_format(query)
    limit, offset = _number(query, "limit", LIMIT, 1), _number(query, "offset", 0, 0)
    limit = min(limit, LIMIT_MOST)
    filters = parse(query, kind.codes)
    seen = services.picture.seen_by(services.viewer(request), filters.as_known_at)
    rows = _leaving(seen, kind, request, chosen(services, seen, kind, filters, query))
    listed = seen.items(kind.name, seen.newest(kind.name, rows, limit, offset))
    note_read(services, seen, listed)
    features = [feature(item) for item in listed]
    base = f"{_base(request)}/collections/{name}"
    links = [_link(str(request.url), "self", GEOJSON, "this page")]
    if offset + limit < len(rows):
        links.append(_link(_page(base, seen, filters, query, limit, offset + limit), "next", GEOJSON, "the next page"))
    if offset:
        back = max(0, offset - limit)
        links.append(
            _link(_page(base, seen, filters, query, min(limit, offset), back), "prev", GEOJSON, "the page before")
        )
    links.append(_link(base, "collection", "application/json", TITLES[name]))
    return answer(
        request,
        {
            "type": "FeatureCollection",
            "features": features,
            "numberMatched": len(rows),
            "numberReturned": len(features),
            "links": links,
        },
        GEOJSON,
        headers={"Content-Crs": f"<{CRS84}>"},
    )


def item(services: Services, request: Request) -> Response:
    """One feature, with its links in the header too."""
    name = _name(request)
    query = dict(request.query_params)
    _only(request, "as_known_at", "crs")
    _check_format(query)
    filters = parse({"as_known_at": query.get("as_known_at", "")})
    seen = services.picture.seen_by(services.viewer(request), filters.as_known_at)
    found = seen.find(request.path_params["fid"])
    if (
        found is None
        or found.kind != COLLECTIONS[name].name
        or (_taken(request) and seen.why(found).obligations.no_export)
    ):
        raise NOT_FOUND
    note_read(services, seen, [found])
    told = feature(found)
    base = f"{_base(request)}/collections/{name}"
    here = f"{base}/items/{told['id']}"
    told["links"] = [
        _link(here, "self", GEOJSON, "this feature"),
        _link(base, "collection", "application/json", TITLES[name]),
    ]
    header = ", ".join(f'<{link["href"]}>; rel="{link["rel"]}"; type="{link["type"]}"' for link in told["links"])
    return answer(request, told, GEOJSON, headers={"Content-Crs": f"<{CRS84}>", "Link": header})


def _taken(request: Request) -> bool:
    """Whether what is answered leaves: a program with a token reads it, not a page."""
    return "authorization" in request.headers


def _leaving(seen: Seen, kind: Kind, request: Request, rows: Rows) -> Rows:
    return seen.exportable(kind.name, rows) if _taken(request) else rows


def _only(request: Request, *names: str) -> None:
    """Raises `BadFilter` of a parameter that means nothing here."""
    if unknown := request.query_params.keys() - {"f", VIEW_AS, *names}:
        raise BadFilter(f"{min(unknown)[:40]}: is not a parameter of this address.")
    _check_format(request.query_params)


def _name(request: Request) -> str:
    name: str = request.path_params["collection"]
    if name not in COLLECTIONS:
        raise NOT_FOUND
    return name


def _base(request: Request) -> str:
    return str(request.url.replace(path="/ogc", query="", fragment=""))


def _link(href: str, rel: str, media_type: str, title: str) -> dict[str, str]:
    return {"href": href, "rel": rel, "type": media_type, "title": title}


def _page(base: str, seen: Seen, filters: Filters, query: Mapping[str, str], limit: int, offset: int) -> str:
    """The address of another page of the same listing: as known at the revision of this one, its window held still."""
    told = {**query, "limit": str(limit), "offset": str(offset)}
    moment = revision_time(seen)
    if moment is not None and filters.as_known_at is None:
        since, _ = filters.span(seen.now)
        if filters.window is not None and since is not None:
            told.pop("window")
            told["from"] = rfc3339(since)
        told["as_known_at"] = rfc3339(moment)
    return f"{base}/items?{urlencode(told)}"


def _number(query: Mapping[str, str], name: str, default: int, least: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 12 or int(text) < least:
        raise BadFilter(f"{name}: '{text[:40]}' is not a whole number of at least {least}.")
    return int(text)


def _check_format(query: Mapping[str, str]) -> None:
    if query.get("f", "json") not in ("json", "geojson"):
        raise BadFilter(f"f: '{query['f'][:40]}' is not served here; use json.")
    for name in ("crs", "bbox-crs"):
        if query.get(name, CRS84) != CRS84:
            raise BadFilter(f"{name}: only {CRS84} is served.")


def _collection(seen: Seen, request: Request, base: str, name: str) -> dict[str, Any]:
    kind = COLLECTIONS[name]
    here = f"{base}/collections/{name}"
    extent: dict[str, Any] = {}
    rows = _leaving(seen, kind, request, seen.rows(kind.name))
    lon, lat = (seen.column(kind.name, part)[rows] for part in ("lon", "lat"))
    placed = np.isfinite(lon)
    if placed.any():
        west, south, east, north = lon[placed].min(), lat[placed].min(), lon[placed].max(), lat[placed].max()
        extent["spatial"] = {"bbox": [[float(west), float(south), float(east), float(north)]], "crs": CRS84}
    times = seen.column(kind.name, "time")[rows]
    times = times[times != NO_TIME]
    if len(times):
        ends = [datetime.fromtimestamp(int(end) / 1e6, UTC) for end in (times.min(), times.max())]
        extent["temporal"] = {"interval": [ends], "trs": GREGORIAN}
    return {
        "id": name,
        "title": TITLES[name],
        "itemType": "feature",
        "extent": extent,
        "crs": [CRS84],
        "storageCrs": CRS84,
        "links": [
            _link(here, "self", "application/json", TITLES[name]),
            _link(f"{here}/items", "items", GEOJSON, TITLES[name]),
            _link(f"{here}/queryables", QUERYABLE, SCHEMA, "what it can be asked by"),
        ],
    }
