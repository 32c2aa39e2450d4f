"""The OpenAPI 3.0 definition of the whole machine interface but `/ogc`, which has its own (`/ogc/api`).

A route that is served and not told here fails a test. Acts need no word: every one takes and gives JSON in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dashboard.answer import CODES, answer
from dashboard.downloads import MEDIA
from dashboard.mending import XLSX
from dashboard.openapi import EVERYBODYS, OPENAPI
from dashboard.services import Services
from dashboard.words import LANGUAGES
from data.records import COLLECTIONS
from layers.layer import all_layers

JSON = "application/json"
CSV = "text/csv"
PBF = "application/vnd.mapbox-vector-tile"
EVENTS = "text/event-stream"
REASONS = {
    200: "Done, or what was asked for",
    204: "Nothing there",
    304: "You hold the same already",
    400: "Something in it cannot be understood",
    401: "Nobody is signed in, or the token is not known",
    403: "Not yours to ask or do",
    404: "Nothing that you may see",
    409: "Somebody was quicker, or it is not what it was",
    413: "Too large",
    415: "Not in this form",
    422: "Cannot be done as it was told",
    429: "Too much at once; see Retry-After",
    503: "Not now; see Retry-After",
}


@dataclass(frozen=True)
class Told:
    """What is said of a route that reads."""

    summary: str
    parameters: tuple[str, ...] = ()
    """Of `PARAMETERS`; those in the path are known from it."""
    gives: tuple[str, ...] = (JSON,)
    statuses: tuple[int, ...] = (200, 304, 400, 401, 403, 404)


FILTERS = (
    *("bbox", "datetime", "category", "agency", "source", "from", "to", "window", "area", "severity", "q"),
    *("actor", "grade", "polygon", "radius"),
)
VIEW = (*FILTERS, "as_known_at", "view_as", "lang")
READERS: Mapping[str, Told] = {
    "/healthz": Told("Whether it serves, and the revision"),
    "/api/openapi.json": Told("This definition", gives=(OPENAPI,)),
    "/api/status": Told("Records of every kind, and how fresh every source is", ("as_known_at", "view_as")),
    "/api/counts": Told("Counts by area, period and coded column", ("collection", "by", *VIEW)),
    "/api/kpis": Told("Figures, each with the address of the records behind it", VIEW),
    "/api/layers": Told("Layers of the map with their legends", ("metric", "item", "goal", "closed", *VIEW)),
    "/api/pick": Told("What a cell of the map stands for", ("layer", "cell", *VIEW)),
    "/api/community": Told("Feedback by theme, channel and area, and how much of it is answered", ("channel", *VIEW)),
    "/api/activities": Told("Sectors by areas: in need, targeted, reached, and who is there", VIEW),
    "/api/activities/cell": Told("The activities of one sector in one area, and whom to ask", ("sector", *VIEW)),
    "/api/activities/export": Told(
        "The sectors by areas as a file with HXL tags", ("format", *VIEW), (XLSX, CSV), (200, 400, 401, 403, 404)
    ),
    "/api/contacts/export": Told("The register of contacts as a file", VIEW, (CSV,), (200, 400, 401, 403, 404)),
    "/api/objectives": Told("Objectives with results, tasks and measures, and how each stands", VIEW),
    "/api/objectives/measure": Told(
        "One measure: by area, its readings, before and after a date", ("record", "at", *VIEW)
    ),
    "/api/risks": Told("The register of risks, and which are raised", VIEW),
    "/api/risks/one": Told("One risk with its history and crossings", ("record", *VIEW)),
    "/api/supply": Told("Days of supply, ranges and probabilities of running out", ("item", "horizon", *VIEW)),
    "/api/supply/rows": Told("Further rows of the same", ("item", "horizon", "sort", "offset", "limit", *VIEW)),
    "/api/supply/site": Told("One site: stock, forecast and what is on its way", ("record", "item", "horizon", *VIEW)),
    "/api/supply/moves": Told("What could be moved, as a proposal to discuss", ("item", "horizon", *VIEW)),
    "/api/supply/moves.xlsx": Told(
        "The same as a sheet", ("item", "horizon", *VIEW), (XLSX,), (200, 400, 401, 403, 404)
    ),
    "/api/quarantine": Told("Refused rows by source and reason", ("source", "lang")),
    "/api/quarantine/rows": Told(
        "Refused rows of one group, with the cell at fault", ("source", "feed", "reason", "after")
    ),
    "/api/quarantine/export": Told(
        "Refused rows of a source as a workbook for the partner", ("source",), (XLSX,), (200, 400, 401, 403, 404)
    ),
    "/api/batches": Told("The newest payloads of a source, and how its tables are read", ("source",)),
    "/api/attachments/{id}": Told("A photo of a report", (), ("image/jpeg", "image/png", "image/webp")),
    "/api/records/{id}": Told("One record with its versions and provenance", ("as_known_at", "view_as", "lang")),
    "/api/records/{id}/nearby": Told(
        "Units, sites, stocks and routes near a record, with distance and age", ("km", "as_known_at", "view_as", "lang")
    ),
    "/api/export/{collection}": Told(
        "The records under the filters as a file",
        ("format", *VIEW),
        tuple(MEDIA.values()),
        (200, 400, 401, 403, 404, 503),
    ),
    "/api/wall": Told(
        "The scenes of a wall, where it is in them, and the walls one may steer", ("scene", "held", "lang")
    ),
    "/api/alerts": Told("Alerts issued here, and what may be issued", ("view_as",)),
    "/api/views": Told("Views saved by oneself, and shared within one's agency", ("view_as",)),
    "/api/incidents": Told(
        "Incidents under the filters: totals, facets, trend, comparison, changes, first rows",
        ("since", "show", "sort", *VIEW),
    ),
    "/api/incidents/rows": Told("Further rows of the same", ("since", "show", "sort", "offset", "limit", *VIEW)),
    "/api/incidents/brief.pdf": Told(
        "What the incidents page shows as one page of PDF",
        ("since", *VIEW),
        ("application/pdf",),
        (200, 400, 401, 403, 404),
    ),
    "/api/incidents/patterns": Told(
        "Surges and clusters under the filters, computed in the background",
        ("wait", *VIEW),
        (JSON,),
        (200, 304, 400, 401, 403, 404, 503),
    ),
    "/api/access": Told(
        "People by travel time, closures, who loses access and what runs dry first", ("goal", "closed", *VIEW)
    ),
    "/api/access/ways": Told(
        "How one gets from one site to care, a hospital or a hub", ("site", "goal", "closed", *VIEW)
    ),
    "/api/health": Told("Health facilities, disease counts, thresholds and surges", ("closed", *VIEW)),
    "/api/watch": Told(
        "What lies with whom, overdue first, and the escalation matrix", ("as_known_at", "view_as", "lang")
    ),
    "/api/watch/count": Told("How much is open, overdue and one's own", ("as_known_at", "view_as")),
    "/api/watch/states": Told("Every record that is or was in somebody's hands", ("as_known_at", "view_as")),
    "/api/watch/log": Told("What people did and what befell the picture", ("since", "as_known_at", "view_as")),
    "/api/watch/handover": Told("What has changed since a watch began", ("since", "as_known_at", "view_as", "lang")),
    "/api/watch/same": Told("Pairs of reports that may be of one event, or were judged", ("judged", *VIEW)),
    "/api/watch/records/{id}": Told("How one record is handled", ("as_known_at", "view_as", "lang")),
    "/api/triage": Told("Stories of posts by what was made of them", ("state", "view_as", "lang")),
    "/api/triage/waiting": Told("How many posts wait", ("view_as",)),
    "/api/triage/places": Told("Places of the gazetteer by name", ("q", "view_as")),
    "/api/upload": Told("Files brought in by people, and what may be brought in", ("lang",)),
    "/api/admin": Told("What is administered", ("lang",)),
    "/api/admin/audit": Told("The check of the audit log's chain"),
    "/api/view-as": Told("What another would see, and what is withheld from them", VIEW),
    "/cap/atom": Told("Alerts issued here, as an Atom feed of CAP messages", ("view_as",), ("application/atom+xml",)),
    "/cap/{identifier}.xml": Told("One CAP 1.2 message as it was issued", ("view_as",), ("application/cap+xml",)),
    "/tiles/{layer}/{revision}/{z}/{x}/{y}.pbf": Told(
        "A vector tile of a layer", ("metric", "item", "goal", "closed", *VIEW), (PBF,), (200, 204, 304, 400, 401, 404)
    ),
    "/basemap/{version}/{z}/{x}/{y}": Told("A vector tile of the base map", (), (PBF,), (200, 204, 304, 401, 404)),
    "/imagery/{id}/{version}/{z}/{x}/{y}": Told(
        "A tile of an overlay", ("view_as",), ("image/webp", "image/png", "image/jpeg"), (200, 204, 304, 400, 401, 404)
    ),
    "/live": Told("What changes, as server-sent events", ("view_as",), (EVENTS,), (200, 400, 401, 403)),
}
SENDERS: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "/api/ingest/{feed}": ("A payload of a source, read by a feed", ("source_sent",), "application/octet-stream"),
    "/api/reports": ("One field report", ("source_sent", "idempotency"), JSON),
    "/api/reports/photo": ("A photo of a field report", ("source_sent", "idempotency"), "image/jpeg"),
    "/api/upload/file": ("A file to look at before it is brought in", ("id", "name"), "application/octet-stream"),
    "/api/upload/preview": ("What a file would come to", (), JSON),
}
"""Routes that take a payload: what, parameters, media type of the body."""


def _query(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema or {"type": "string"},
    }


def _parameters() -> dict[str, dict[str, Any]]:
    found = {name: dict(told) for name, told in EVERYBODYS.items() if name not in ("view", "limit", "offset")}
    view = EVERYBODYS["view"]["schema"]["properties"]
    for name, told in view.items():
        if name not in found:
            schema = {key: value for key, value in told.items() if key != "description"}
            found[name] = _query(name, told["description"], **schema)
    return found | {
        "view_as": _query("view_as", "as whom to look: a name that /api/admin offers"),
        "lang": _query("lang", "the language of what is said", type="string", enum=list(LANGUAGES)),
        "collection": _query("collection", "whose records", type="string", enum=list(COLLECTIONS)),
        "by": _query(
            "by", "columns with commas: adm0_pcode..adm3_pcode, day, week, month, category, severity, source, agency"
        ),
        "layer": _query("layer", "a layer of the map", type="string", enum=list(all_layers())),
        "cell": _query("cell", "zoom/x/y of a cell"),
        "scene": _query("scene", "the scene a wall stands at"),
        "held": _query("held", "whether it is held there"),
        "km": _query("km", "within this distance", type="number", minimum=0, exclusiveMinimum=True, maximum=250),
        "wait": _query("wait", "seconds to wait for what is computed", type="number", minimum=0, maximum=10),
        "since": _query("since", "what changed since this time (RFC 3339)"),
        "show": _query("show", "only these of what changed", type="string", enum=["new", "revised", "retracted"]),
        "sort": _query("sort", "order of the rows"),
        "horizon": _query("horizon", "days ahead", type="string", enum=["30", "60", "90"]),
        "sector": _query("sector", "a sector (IASC cluster)"),
        "channel": _query("channel", "by which channel it was said"),
        "at": _query("at", "before and after this time (RFC 3339)"),
        "record": {**_query("id", "the public id of a record"), "name": "id"},
        "offset": _query("offset", "rows to pass over", type="integer", minimum=0),
        "limit": _query("limit", "rows a page", type="integer", minimum=1, maximum=200),
        "state": _query("state", "which stories", type="string", enum=["open", "promoted", "discarded"]),
        "judged": _query("judged", "which pairs", type="string", enum=["open", "linked", "refused"]),
        "goal": _query("goal", "where one wants to get: care, hospital or hub"),
        "closed": _query("closed", "ids of routes whose closure is tried, with commas; written nowhere"),
        "site": _query("site", "the id of a site"),
        "metric": _query("metric", "which figure a layer of areas shows"),
        "item": _query("item", "of which item"),
        "format": _query("format", "of the file", type="string", enum=["csv", "geojson", "xlsx", "gpkg", "parquet"]),
        "source_sent": {**_query("source", "whose it is"), "name": "source"},
        "idempotency": {**_query("Idempotency-Key", "the report's own key"), "in": "header"},
        "feed": _query("feed", "a feed's name"),
        "reason": _query("reason", "a reason of refusal, as it is told"),
        "after": _query("after", "the id of the last row of the page before", type="integer", minimum=0),
        "id": _query("id", "of files that were sent before, to which this one belongs"),
        "name": _query("name", "of the file"),
    }


def document(base: str, mission: str, acts: Iterable[str]) -> dict[str, Any]:
    """The definition, with `base` as its server; `acts` are the paths of all acts."""
    paths: dict[str, Any] = {}
    for path, told in READERS.items():
        good = {media: {"schema": {"type": "object"} if media == JSON else {}} for media in told.gives}
        paths[path] = {"get": _operation("get", path, told.summary, told.parameters, told.statuses, good)}
    taken = (200, 400, 401, 403, 404, 413, 415, 422, 429, 503)
    for path, (summary, names, media) in SENDERS.items():
        body = {"type": "object"} if media == JSON else {"type": "string", "format": "binary"}
        made = _operation("post", path, summary, names, taken, {JSON: {"schema": {"type": "object"}}})
        paths[path] = {"post": {**made, "requestBody": {"required": True, "content": {media: {"schema": body}}}}}
    for path in sorted(acts):
        summary = f"Act: {path.removeprefix('/api/').replace('/', ', ').replace('-', ' ')}"
        told_of = (200, 400, 401, 403, 404, 409, 413, 415, 422)
        made = _operation("post", path, summary, ("lang",), told_of, {JSON: {"schema": {"type": "object"}}})
        content = {JSON: {"schema": {"type": "object"}}}
        paths[path] = {"post": {**made, "requestBody": {"required": True, "content": content}}}
    refused = {
        "type": "object",
        "required": ["code", "description"],
        "properties": {
            "code": {"type": "string", "enum": sorted({*CODES.values(), "failed"})},
            "description": {"type": "string"},
        },
    }
    return {
        "openapi": "3.0.3",
        "info": {
            "title": mission,
            "version": "1.0.0",
            "description": "Everything but /ogc, which tells of itself at /ogc/api.",
        },
        "servers": [{"url": base}],
        "security": [{}, {"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": {"refused": refused},
            "parameters": _parameters(),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def served(services: Services, acts: Iterable[str], request: Request) -> Response:
    services.viewer(request)
    base = str(request.url.replace(path="", query="", fragment="")).rstrip("/")
    return answer(request, document(base, services.settings.mission.name, acts), OPENAPI)


def _operation(
    method: str,
    path: str,
    summary: str,
    names: Iterable[str],
    statuses: Iterable[int],
    good: Mapping[str, Any],
) -> dict[str, Any]:
    inside = [part.partition("}")[0] for part in path.split("{")[1:]]
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}} for name in inside
    ]
    parameters += [{"$ref": f"#/components/parameters/{name}"} for name in names]
    responses: dict[str, Any] = {}
    for status in statuses:
        responses[str(status)] = {"description": REASONS[status]}
        if status == 200:
            responses["200"]["content"] = dict(good)
        elif status >= 400:
            responses[str(status)]["content"] = {JSON: {"schema": {"$ref": "#/components/schemas/refused"}}}
    name = "".join(letter if letter.isalnum() else "_" for letter in path.strip("/"))
    return {"operationId": f"{method}_{name}", "summary": summary, "parameters": parameters, "responses": responses}
