"""OGC API - Features 1.0 (OGC 17-069r4): every collection for GIS programs and scripts.

Everybody's filters (`from`, `window`, `area`, `severity`, ...) work here too. A page of a listing names the revision it was cut
from in its `next` link, so that the pages of one listing add up while the picture moves.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from dashboard.answer import NOT_FOUND, answer
from dashboard.api import FILTER_NAMES
from dashboard.features import ENUMS, feature
from dashboard.kpi import rows_behind
from dashboard.kpis import all_kpis
from dashboard.noted import note_read
from dashboard.openapi import GEOJSON, LIMIT, LIMIT_MOST, OPENAPI, document, own_filters
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
)
PAGE_VIEW = frozenset({"at", "layers", "theme", "lang", "record", "kpi", "metric", "item", "table"})
"""What an address of ours may carry for the screen; it selects nothing."""
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
    return answer(request, {"conformsTo": CONFORMS_TO})


def api(services: Services, request: Request) -> Response:
    services.viewer(request)
    return answer(request, document(_base(request), services.settings.mission.name, TITLES), OPENAPI)


def collections(services: Services, request: Request) -> Response:
    seen = services.picture.seen_by(services.viewer(request))
    base = _base(request)
    return answer(
        request,
        {
            "links": [_link(f"{base}/collections", "self", "application/json", "this document")],
            "collections": [_collection(seen, base, name) for name in COLLECTIONS],
        },
    )


def collection(services: Services, request: Request) -> Response:
    name = _name(request)
    seen = services.picture.seen_by(services.viewer(request))
    return answer(request, _collection(seen, _base(request), name))


def items(services: Services, request: Request) -> Response:
    """One page of a collection, newest first."""
    name = _name(request)
    kind = COLLECTIONS[name]
    query = dict(request.query_params)
    own = own_filters(kind)
    if (
        unknown := query.keys()
        - own.keys()
        - set(FILTER_NAMES)
        - PAGE_VIEW
        - {"limit", "offset", "f", "crs", "bbox-crs"}
    ):
        raise BadFilter(f"{min(unknown)[:40]}: is not a parameter of {name}; those of its own are {', '.join(own)}.")
    _check_format(query)
    limit, offset = _number(query, "limit", LIMIT, 1), _number(query, "offset", 0, 0)
    limit = min(limit, LIMIT_MOST)
    filters = parse(query, kind.codes)
    seen = services.picture.seen_by(services.viewer(request), filters.as_known_at)
    filters = _whole_names(seen, kind, filters, query)
    if asked := query.get("kpi"):
        rows = rows_behind(all_kpis(), asked, kind.name, seen, filters, services.settings.thresholds)
    else:
        rows = seen.rows(kind.name, filters)
    rows = _with_own(seen, kind, rows, query)
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
    _check_format(query)
    filters = parse({"as_known_at": query.get("as_known_at", "")})
    seen = services.picture.seen_by(services.viewer(request), filters.as_known_at)
    found = seen.find(request.path_params["fid"])
    if found is None or found.kind != COLLECTIONS[name].name:
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
            told["from"] = _rfc3339(since)
        told["as_known_at"] = _rfc3339(moment)
    return f"{base}/items?{urlencode(told)}"


def revision_time(seen: Seen, revision: int | None = None) -> datetime | None:
    """A time as of which a revision (by default that of `seen`) was the newest known; None before the first."""
    wanted = seen.revision if revision is None else revision
    index = bisect_right(seen.commits, wanted, key=lambda commit: commit.revision)
    if not index:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=seen.commits[index - 1].committed_us)


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


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


def _whole_names(seen: Seen, kind: Kind, filters: Filters, query: Mapping[str, str]) -> Filters:
    """A text that is a name as it stands is that name, commas and all; only others are lists."""

    def whole(name: str, parts: tuple[str, ...]) -> tuple[str, ...]:
        return (query[name],) if len(parts) > 1 and query[name] in seen.released_labels(kind.name, name) else parts

    return replace(
        filters,
        category=whole("category", filters.category),
        source=whole("source", filters.source),
        agency=whole("agency", filters.agency),
        codes=tuple((name, whole(name, parts)) for name, parts in filters.codes),
    )


def _with_own(seen: Seen, kind: Kind, rows: Rows, query: Mapping[str, str]) -> Rows:
    """The rows that also match the properties that are not filters of every view."""
    for name in own_filters(kind):
        text = query.get(name, "")
        if not text or name in kind.codes:
            continue
        if name.startswith("adm"):
            wanted = {part.strip().upper() for part in text.split(",")}
            chosen = np.array([*(area.pcode.upper() in wanted for area in seen.places.areas), False], np.bool_)
            rows = rows[chosen[seen.areas(kind.name, rows, int(name[3]))]]
        elif name == "exercise":
            if text not in ("true", "false"):
                raise BadFilter(f"exercise: '{text[:40]}' is not true or false.")
            rows = rows[seen.column(kind.name, "exercise")[rows] == (text == "true")]
        elif name == "sensitivity":
            if text not in ENUMS["sensitivity"]:
                raise BadFilter(f"sensitivity: '{text[:40]}' is not one of {', '.join(ENUMS['sensitivity'])}.")
            fits = np.array([mark.sensitivity.name == text for mark in seen.marks], np.bool_)
            rows = rows[fits[seen.column(kind.name, "mark")[rows]]] if len(rows) else rows
        else:
            rows = rows[seen.column(kind.name, name)[rows] == _value(name, text)]
    return rows


def _value(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BadFilter(f"{name}: '{text[:40]}' is not a number.") from None


def _collection(seen: Seen, base: str, name: str) -> dict[str, Any]:
    kind = COLLECTIONS[name]
    here = f"{base}/collections/{name}"
    extent: dict[str, Any] = {}
    rows = seen.rows(kind.name)
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
        ],
    }
