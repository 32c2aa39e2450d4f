"""The OpenAPI 3.0 definition of the features that are served, built from the kinds of record themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboard.features import COMMON, ENUMS, own_properties
from dashboard.kpis import all_kpis
from data.records import COLLECTIONS, Kind

OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
GEOJSON = "application/geo+json"
SCHEMA = "application/schema+json"
LIMIT, LIMIT_MOST = 100, 10_000


def own_filters(kind: Kind) -> dict[str, str]:
    """Parameters beside everybody's: name -> type. Equality; a comma lists alternatives of texts."""
    found = {f"adm{level}_pcode": "string" for level in range(4)}
    found |= {"sensitivity": "string", "exercise": "boolean"}
    found |= dict.fromkeys((name for name in kind.codes if name != "grade"), "string")
    return found | dict.fromkeys(kind.numbers, "number")


def queryables_of(kind: Kind) -> dict[str, Any]:
    """What a kind's features can be asked by for equality, each as JSON Schema. `severity` is not among them: in every
    address of ours it means that or worse."""
    found = {"category": "string", "source": "string", "agency": "string", **own_filters(kind)}
    told: dict[str, Any] = {name: {"title": name.replace("_", " "), "type": of} for name, of in found.items()}
    for name in told.keys() & ENUMS.keys():
        told[name]["enum"] = ENUMS[name]
    return {**told, "geometry": {"title": "geometry", "format": "geometry-any", "x-ogc-role": "primary-geometry"}}


def document(base: str, mission: str, titles: Mapping[str, str]) -> dict[str, Any]:
    """The definition, with `base` as its server."""
    paths: dict[str, Any] = {
        "/": _get("landing", "Landing page", _json("What there is and where")),
        "/conformance": _get("conformance", "Conformance classes", _json("The classes")),
        "/collections": _get("collections", "Collections", _json("The collections")),
        "/api": _get(
            "api",
            "This definition",
            {"200": {"description": "OpenAPI 3.0", "content": {OPENAPI: {"schema": {"type": "object"}}}}},
        ),
    }
    schemas: dict[str, Any] = {
        "exception": {
            "type": "object",
            "required": ["code", "description"],
            "properties": {"code": {"type": "string"}, "description": {"type": "string"}},
        },
        "link": {
            "type": "object",
            "required": ["href", "rel"],
            "properties": {name: {"type": "string"} for name in ("href", "rel", "type", "title")},
        },
    }
    for name, kind in COLLECTIONS.items():
        schemas[name] = _schema(kind)
        paths[f"/collections/{name}"] = _get(
            f"{name}.collection", titles[name], {**_json("The collection"), **_errors("404")}
        )
        paths[f"/collections/{name}/queryables"] = _get(
            f"{name}.queryables",
            f"{titles[name]}: what they can be asked by",
            {
                "200": {"description": "A JSON Schema", "content": {SCHEMA: {"schema": {"type": "object"}}}},
                **_errors("404"),
            },
        )
        paths[f"/collections/{name}/items"] = {
            "get": {
                "operationId": f"{name}.items",
                "summary": f"{titles[name]}: one page, newest first",
                "tags": [name],
                "parameters": [_ref(part) for part in EVERYBODYS if part != "as_known_at"]
                + [_own(*part) for part in own_filters(kind).items()]
                + _kpi(kind.name),
                "responses": {"200": _features(name), **_errors("400", "401")},
            }
        }
        paths[f"/collections/{name}/items/{{featureId}}"] = {
            "get": {
                "operationId": f"{name}.item",
                "summary": f"{titles[name]}: one",
                "tags": [name],
                "parameters": [
                    {"name": "featureId", "in": "path", "required": True, "schema": {"type": "string"}},
                    _ref("as_known_at"),
                ],
                "responses": {
                    "200": {
                        "description": "The feature",
                        "content": {GEOJSON: {"schema": {"$ref": f"#/components/schemas/{name}"}}},
                    },
                    **_errors("400", "401", "404"),
                },
            }
        }
    return {
        "openapi": "3.0.3",
        "info": {
            "title": mission,
            "version": "1.0.0",
            "description": "OGC API - Features 1.0 over what the viewer may see. `severity` means that severity or worse.",
        },
        "servers": [{"url": base}],
        "security": [{}, {"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": EVERYBODYS,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _query(name: str, description: object, **schema: Any) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema or {"type": "string"},
        "style": "form",
        "explode": False,
    }


_NUMBERS = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6}
_TEXTS = {"type": "array", "items": {"type": "string"}}
_VIEW: Mapping[str, Any] = {
    "from": {"type": "string", "description": "not before this time (RFC 3339)"},
    "to": {"type": "string", "description": "before this time (RFC 3339)"},
    "window": {"type": "string", "description": "back from now: 24h, 7d, 4w, 6m, 1y or all"},
    "area": {"type": "string", "description": "in the area with this P-code, of any level"},
    "severity": {"type": "string", "enum": ENUMS["severity"], "description": "this severity or worse"},
    "q": {
        "type": "string",
        "description": "every one of these words in title, place, category, description or reference",
    },
    "actor": {"type": "string", "description": "names one of these as a side (a list with commas); of incidents"},
    "grade": {
        "type": "string",
        "pattern": "^[A-Fa-f][1-6]?$",
        "description": "this Admiralty code or better, source and information both; of incidents, alerts and reports",
    },
    "polygon": {"type": "string", "description": "inside lon,lat,lon,lat,... (degrees, 3 to 200 corners)"},
    "radius": {"type": "string", "description": "within lon,lat,km of a place"},
    "as_known_at": {"type": "string", "description": "the picture as it was known at this time (RFC 3339)"},
}
EVERYBODYS: Mapping[str, Any] = {
    "bbox": _query("bbox", "west,south,east,north in degrees", **_NUMBERS),
    "datetime": _query("datetime", "a time, or an interval with / and .. for an open end (RFC 3339)"),
    "limit": _query("limit", "features a page", type="integer", minimum=1, maximum=LIMIT_MOST, default=LIMIT),
    "offset": _query("offset", "features to pass over", type="integer", minimum=0, default=0),
    "category": _query("category", "one of these", **_TEXTS),
    "agency": _query("agency", "one of these", **_TEXTS),
    "source": _query("source", "one of these", **_TEXTS),
    # One object whose members are parameters of their own (style form, explode): a parameter that has the name of a
    # property means equality to OGC clients, and `severity` means "or worse" in every address of ours.
    "view": {
        **_query("view", "the filters of a view, each a parameter of its own", type="object", properties=_VIEW),
        "explode": True,
    },
    "as_known_at": _query("as_known_at", _VIEW["as_known_at"]["description"]),
}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/parameters/{name}"}


def _kpi(kind: str) -> list[dict[str, Any]]:
    """The parameter that selects the records behind a KPI, for collections that have one."""
    known = [kpi.id for kpi in all_kpis() if kpi.kind == kind]
    told = "only the records that this KPI's figure is made of, under the other filters"
    return [_query("kpi", told, type="string", enum=known)] if known else []


def _own(name: str, kind: str) -> dict[str, Any]:
    if name in ENUMS:
        return _query(name, "exactly this", type="string", enum=ENUMS[name])
    return _query(name, "one of these", **_TEXTS) if kind == "string" else _query(name, "exactly this", type=kind)


def _property(name: str, kind: str) -> dict[str, Any]:
    if name in ENUMS:
        return {"type": "string", "enum": ENUMS[name]}
    if kind == "date-time":
        return {"type": "string", "format": "date-time", "nullable": True}
    if kind == "array":
        return {"type": "array", "items": {"type": "string"}}
    if kind == "object":
        return {"type": "object", "additionalProperties": {"type": "number"}}
    return {"type": kind, "nullable": True}


def _schema(kind: Kind) -> dict[str, Any]:
    named = {name: _property(name, of) for name, of in {**COMMON, **own_properties(kind.name)}.items()}
    named["attributes"] = {"type": "object", "description": "the partner's other columns, under the partner's names"}
    return {
        "type": "object",
        "required": ["type", "id", "geometry", "properties"],
        "properties": {
            "type": {"type": "string", "enum": ["Feature"]},
            "id": {"type": "string"},
            "geometry": {"type": "object", "nullable": True},
            "properties": {"type": "object", "required": list(COMMON), "properties": named},
            "links": {"type": "array", "items": {"$ref": "#/components/schemas/link"}},
        },
    }


def _features(name: str) -> dict[str, Any]:
    schema = {
        "type": "object",
        "required": ["type", "features", "numberMatched", "numberReturned", "links"],
        "properties": {
            "type": {"type": "string", "enum": ["FeatureCollection"]},
            "features": {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}},
            "numberMatched": {"type": "integer"},
            "numberReturned": {"type": "integer"},
            "links": {"type": "array", "items": {"$ref": "#/components/schemas/link"}},
        },
    }
    return {"description": "One page", "content": {GEOJSON: {"schema": schema}}}


def _get(operation: str, summary: str, responses: Mapping[str, Any]) -> dict[str, Any]:
    return {"get": {"operationId": operation, "summary": summary, "responses": responses}}


def _json(description: str) -> dict[str, Any]:
    return {"200": {"description": description, "content": {"application/json": {"schema": {"type": "object"}}}}}


def _errors(*statuses: str) -> dict[str, Any]:
    told = {"application/json": {"schema": {"$ref": "#/components/schemas/exception"}}}
    reasons = {
        "400": "A parameter cannot be understood",
        "401": "The token is not known",
        "404": "Nothing that you may see",
    }
    return {status: {"description": reasons[status], "content": told} for status in statuses}
