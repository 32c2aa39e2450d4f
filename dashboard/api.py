"""The JSON that the pages and scripts read: status, counts, KPIs, layers, one record, one cell, quarantine."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import shapely
from starlette.requests import Request
from starlette.responses import Response

from dashboard.admin import access_of
from dashboard.answer import NOT_FOUND, answer
from dashboard.attachments import of_report
from dashboard.basemap import basemap
from dashboard.features import changes, own_properties, properties
from dashboard.kpi import kpi_list
from dashboard.kpis import all_kpis
from dashboard.looking import VIEW_AS
from dashboard.marking import mark_text
from dashboard.noted import note_read
from dashboard.rights import runs
from dashboard.services import Services
from dashboard.words import language, say
from data.access import EVERY_AGENCY, Mark, Viewer, decide
from data.filters import BadFilter, Filters, parse
from data.quarantine_rows import cells_of
from data.records import COLLECTIONS, KINDS, SHARED
from data.seen import Item, Seen
from data.sharing import Sharing
from layers.features import View
from layers.layer import all_layers, layer_list
from layers.tiles import BadCell, pick

FILTER_NAMES = (
    "from",
    "to",
    "window",
    "datetime",
    "bbox",
    "area",
    "category",
    "severity",
    "agency",
    "source",
    "q",
    "actor",
    "grade",
    "polygon",
    "radius",
    "as_known_at",
    VIEW_AS,
)
RAW_SHOWN = 4_000
GROUPS_SHOWN = 200
CLOSED_MOST = 50


def asked(services: Services, request: Request, own: tuple[str, ...] = ()) -> tuple[Seen, Filters, dict[str, str]]:
    """What the request's viewer may see, the request's filters, and its query. Raises `BadFilter`, `Refused`."""
    query = dict(request.query_params)
    filters = parse(query, own)
    return services.picture.seen_by(services.viewer(request), filters.as_known_at), filters, query


def health(services: Services, request: Request) -> Response:
    seen = services.picture.seen_by(services.viewer(request))
    return answer(request, {"status": "ok", "revision": seen.revision})


def status(services: Services, request: Request) -> Response:
    seen, _, _ = asked(services, request)
    records = {name: len(seen.rows(kind.name)) for name, kind in COLLECTIONS.items()}
    return answer(request, {**summary(services, seen.viewer, seen), "records": records})


def summary(services: Services, viewer: Viewer, seen: Seen) -> dict[str, Any]:
    """The freshness of every source this viewer may know of; also what `/live` repeats."""
    states = known_states(services, viewer)
    told = {
        "revision": seen.revision,
        "now": datetime.now(UTC).replace(microsecond=0),
        "sources": [_plain(state) if owns(services, seen, state) else _from_outside(seen, state) for state in states],
    }
    # To whom the picture is sent on is for those to know who run the place.
    return {**told, "outputs": [_plain(state) for state in services.outputs()]} if runs(viewer) else told


def known_states(services: Services, viewer: Viewer) -> list[Any]:
    """The states of the sources this viewer may know of: those of whose records any could be released to them."""
    states = services.states()
    if viewer.agency == EVERY_AGENCY:
        return list(states)
    sharing = services.picture.sharing
    return [
        state
        for state in states
        if any(decide(viewer, mark, sharing.agreements).permit for mark in _marks(services, sharing, state))
    ]


def owns(services: Services, seen: Seen, state: Any) -> bool:
    """Whether a source is this viewer's own: what counts or quotes its records whatever their marks is for them alone."""
    return any(seen.viewer.owns(mark.agency) for mark in _marks(services, seen.sharing, state))


def _marks(services: Services, sharing: Sharing, state: Any) -> list[Mark]:
    """How a source's records are marked, whatever single ones say of themselves."""
    source = services.settings.source(state.name, state.feed)
    agency = source.agency if state.name in services.settings.sources else state.agency
    stamped = Mark(agency, source.sensitivity, source.releasable_to)
    return [sharing.mark_of(state.name, stamped, collection) for collection in SHARED]


COUNTED = ("accepted", "rejected", "refused", "recent_payloads", "recent_rows", "recent_rejected")


def _from_outside(seen: Seen, state: Any) -> dict[str, Any]:
    """A source as others than its owner know it: heard of through the records they see, nothing counted or quoted."""
    newest = seen.heard.get(state.name)
    observed = None if newest is None else _moment(newest)
    counted = dict.fromkeys(COUNTED)
    found = {**_plain(state), "last_observed": observed, "last_error": "", "reason": "", **counted}
    if found.get("ailment") == "rubbish":  # what it sends its owner is between the two
        failing = found["state"] == "failed"
        found |= {"ailment": "stopped" if failing else "", "cause": "silent" if failing else ""}
        found["ailing_since"] = found["failing_since"]
    return found


def _plain(state: Any) -> dict[str, Any]:
    return asdict(state) if is_dataclass(state) and not isinstance(state, type) else dict(state)


def counts(services: Services, request: Request) -> Response:
    name = request.query_params.get("collection", "incidents")
    if name not in COLLECTIONS:
        raise BadFilter(f"collection: '{name[:40]}' is not one of {', '.join(COLLECTIONS)}.")
    kind = COLLECTIONS[name]
    seen, filters, query = asked(services, request, kind.codes)
    by = [part for part in query.get("by", "").split(",") if part]
    if len(set(by)) != len(by):
        raise BadFilter("by: names a column twice.")
    found = seen.counts(kind.name, filters, by)
    told = {"columns": found.columns, "rows": found.rows, "total": found.total, "revision": seen.revision}
    if found.repeated:  # "29, of 31 reports": two of them are of events that others tell of too
        told |= {"reports": found.total + found.repeated, "repeated": found.repeated}
    if found.fewer_than is not None:
        told |= {"fewer_than": found.fewer_than, "incomplete": found.incomplete}
    return answer(request, told)


def kpis(services: Services, request: Request) -> Response:
    seen, filters, query = asked(services, request)
    listed = kpi_list(
        all_kpis(),
        seen,
        filters,
        {name: query[name] for name in FILTER_NAMES if query.get(name)},
        known_states(services, seen.viewer),
        services.settings.thresholds,
        language(query.get("lang")),
        query.get("lists", "").split(","),
    )
    return answer(request, {"revision": seen.revision, "as_of": as_of(seen), "kpis": listed})


def as_of(seen: Seen) -> datetime | None:
    """When the newest thing in this viewer's picture was received."""
    return _received_at(seen, seen.revision).replace(microsecond=0) if seen.revision else None


def layers(services: Services, request: Request) -> Response:
    seen, filters, query = asked(services, request)
    view = view_of(services, query)
    mission = services.settings.mission
    base = basemap(services.settings.home)
    zone = ZoneInfo(mission.timezone)
    offset = datetime.now(zone).utcoffset()
    listed = layer_list(seen, filters, known_states(services, seen.viewer), view)
    return answer(
        request,
        {
            "revision": seen.revision,
            "as_of": as_of(seen),
            "mission": {
                "name": mission.name,
                "bbox": mission.bbox or extent(seen),
                "exercise": mission.exercise,
                "banner": "EXERCISE" if mission.exercise else "",
                "marking": mark_text(seen, filters, view.lang, mission.marking),
                "timezone": mission.timezone,
                "utc_offset_min": round(offset.total_seconds() / 60) if offset else 0,
                "country": mission.country,
                "basemap": None if base is None else base.told,
            },
            "layers": [_in_collections(layer) for layer in listed],
        },
    )


def _in_collections(layer: dict[str, Any]) -> dict[str, Any]:
    """A layer with its kinds named as everywhere else in this interface, so that `/live` says which layers moved."""
    return {**layer, "kind": ",".join(KINDS[kind].collection for kind in layer["kind"].split(","))}


def view_of(services: Services, query: Mapping[str, str]) -> View:
    return View(
        language(query.get("lang")),
        query.get("metric", ""),
        query.get("item", ""),
        query.get("goal", ""),
        closed_of(query),
        services.settings.speeds,
    )


def closed_of(query: Mapping[str, str]) -> tuple[str, ...]:
    """Ids of the routes whose closure is tried, each once, in a fixed order."""
    return tuple(sorted({part.strip() for part in query.get("closed", "").split(",") if part.strip()})[:CLOSED_MOST])


def extent(seen: Seen) -> tuple[float, float, float, float] | None:
    """Where the boundaries lie that this viewer may see, by the highest of their levels (west, south, east, north)."""
    rows = seen.rows("boundary")
    levels = seen.column("boundary", "level")[rows]
    shapes = [seen.geometry("boundary", row) for row in rows[levels == levels.min(initial=np.inf)]]
    boxes = [box for shape in shapes if shape and np.isfinite(box := _bounds(shape)).all()]
    if not boxes:
        return None
    west, south, east, north = zip(*boxes, strict=True)
    return min(west), min(south), max(east), max(north)


@lru_cache(maxsize=4_096)
def _bounds(wkb: bytes) -> tuple[float, float, float, float]:
    box: tuple[float, float, float, float] = shapely.from_wkb(wkb).bounds
    return box


def picked(services: Services, request: Request) -> Response:
    seen, filters, query = asked(services, request)
    layer = all_layers().get(query.get("layer", ""))
    if layer is None:
        raise BadFilter(f"layer: '{query.get('layer', '')[:40]}' is not one of {', '.join(all_layers())}.")
    cell = query.get("cell") or "/".join(query.get(part, "") for part in ("z", "x", "y"))
    try:
        return answer(request, pick(seen, layer, filters, cell, view_of(services, query)))
    except BadCell as error:
        raise BadFilter(str(error)) from None


def record(services: Services, request: Request) -> Response:
    """One record as the drawer shows it."""
    seen, _, query = asked(services, request)
    item = seen.find(request.path_params["id"])
    if item is None:
        raise NOT_FOUND
    note_read(services, seen, [item])
    lang = language(query.get("lang"))
    return answer(request, {**drawer(seen, item, lang), "access": access_of(services, seen, item, lang)})


def drawer(seen: Seen, item: Item, lang: str) -> dict[str, Any]:
    told = properties(item)
    known = item.record
    fields = [
        {"label": _label(lang, name), "name": name, "value": _shown(told[name])}
        for name in own_properties(item.kind)
        if told[name] not in (None, (), {})
    ]
    if told["description"]:
        fields.insert(0, {"label": _label(lang, "description"), "name": "description", "value": told["description"]})
    fields += [{"label": name, "name": name, "value": value} for name, value in known.attributes.items()]
    provenance = seen.provenance(item)
    return {
        "id": told["id"],
        "collection": KINDS[item.kind].collection,
        "title": told["title"] or told["category"],
        "kind": item.kind,
        "when": known.event_time,
        "place": {
            "name": told["place"],
            "pcodes": [pcode for pcode in item.pcodes if pcode],
            "names": [name for name in item.area_names if name],
            "lon": known.lon,
            "lat": known.lat,
            "precision": told["place_precision"],
        },
        "severity": told["severity"],
        "category": told["category"],
        "grade": told["grade"],
        "sensitivity": told["sensitivity"],
        "agency": told["agency"],
        "source": told["source"],
        "source_ref": told["source_ref"],
        "event_time": known.event_time,
        "received_at": item.received_at,
        "exercise": known.exercise,
        "revision": item.revision,
        "fields": fields,
        "photos": of_report(seen, item),
        "history": history(seen, seen.history(item)),
        "provenance": {
            "feed": provenance["feed"],
            "batch": provenance["revision"],
            "payload": provenance["payload"],
            "row": provenance["row"],
            "sha256": provenance["sha256"],
        },
    }


def history(seen: Seen, versions: Sequence[Item]) -> list[dict[str, Any]]:
    """Each version with what it changed, oldest first, and when it was taken back in between."""
    listed: list[dict[str, Any]] = []
    before: Item | None = None
    ended = None
    for version in versions:
        begun, until = (int(seen.column(version.kind, name)[version.row]) for name in ("rev_from", "rev_to"))
        late = until == begun  # older than what was known when it arrived: kept, never shown
        if ended is not None and ended < begun and not late:
            listed.append(_version(ended, _received_at(seen, ended), [], retracted=True))
        told = list(changes(before, version)) if before else []
        listed.append({**_version(version.revision, version.received_at, told), "late": late})
        if not late:
            before, ended = version, until
    return listed


def _version(
    revision: int, received_at: datetime, told: list[dict[str, Any]], retracted: bool = False
) -> dict[str, Any]:
    return {"revision": revision, "received_at": received_at, "changes": told, "retracted": retracted, "late": False}


def _received_at(seen: Seen, revision: int) -> datetime:
    commit = seen.commits[bisect_left(seen.commits, revision, key=lambda commit: commit.revision)]
    return datetime.fromtimestamp(commit.received_us / 1e6, UTC)


def _label(lang: str, name: str) -> str:
    key = f"field.{name}"
    told = say(lang, key)
    return name.replace("_", " ").capitalize() if told == key else told


def _shown(value: Any) -> Any:
    """A value as the drawer prints it: one text, number or boolean."""
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {part:g}" for name, part in value.items())
    return value


def quarantined(services: Services, request: Request) -> Response:
    """Open rejects by reason, each with one example, for those whose source they are of: a refused row bears no mark."""
    seen = services.picture.seen_by(services.viewer(request))
    known = {state.name for state in known_states(services, seen.viewer) if owns(services, seen, state)}
    source = request.query_params.get("source")
    everybody = seen.viewer.agency == EVERY_AGENCY
    groups = [
        group
        for group in services.quarantine_groups()
        if (source is None or group["source"] == source) and (everybody or group["source"] in known)
    ]
    return answer(request, {"groups": [_group(services, group) for group in groups[:GROUPS_SHOWN]]})


def _group(services: Services, group: Mapping[str, Any]) -> dict[str, Any]:
    example = services.quarantine_entry(int(group["example_id"]))
    told = {
        "source": group["source"],
        "feed": group["feed"],
        "reason": group["reason"],
        "count": group["count"],
        "first_seen": _moment(group["first_seen_us"]),
        "last_seen": _moment(group["last_seen_us"]),
        "example": None,
    }
    if example is not None:
        cells = cells_of(example["raw"]) if example["row"] is not None else None
        written = (f"{name}: {value}" for name, value in (cells or {}).items() if value not in (None, ""))
        raw = " · ".join(written) or example["raw"].decode("utf-8", "replace")
        told["example"] = {
            "id": group["example_id"],
            "row": example["row"],
            "payload": example["payload"],
            "detail": example["detail"],
            "raw": raw if len(raw) <= RAW_SHOWN else raw[:RAW_SHOWN] + "…",
        }
    return told


def _moment(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / 1e6, UTC)
