"""Every way by which anything of the picture gets out: addresses, callbacks of pages, live events, files.

A door is asked of a site and answers with everything it said, as bytes that can be compared and searched.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dashboard import live
from dashboard.export import WRITERS, export
from dashboard.kpis import all_kpis
from dashboard.services import Services
from data.filters import Filters
from data.records import COLLECTIONS
from layers.layer import all_layers
from tests.inprocess import Client


@dataclass(frozen=True)
class Asked:
    """A site and somebody who asks it."""

    client: Client
    services: Services
    ids: tuple[str, ...]
    """Public ids of every record there is, hidden or not."""
    folder: Path


Door = Callable[[Asked], bytes]


def doors(now: datetime) -> dict[str, Door]:
    """Name -> door; every route that shows something of the picture and every callback is behind at least one of them."""
    since = (now - timedelta(hours=100)).isoformat().replace("+00:00", "Z")
    then = (now - timedelta(hours=47) + timedelta(seconds=2.5)).isoformat().replace("+00:00", "Z")
    found: dict[str, Door] = {path: _got(path) for path in addresses(since, then)}
    for path, search in itertools.product(("/", "/wall", "/feeds", "/nowhere"), ("", f"?as_known_at={then}&lang=fr")):
        found[f"callback {path}{search}"] = _called(
            "cg-page.children", ("url", "pathname", path), ("url", "search", search)
        )
    for kpi in all_kpis():
        search = f"?table={kpi.id}&window=y"
        found[f"callback {search}"] = _called(
            "cg-table.children", ("cg-table", "data-asked", f"?table={kpi.id}&window=1y")
        )
    found["callback follow"] = _called(FOLLOW, ("address", "data", f"?window=7d&category=clash&as_known_at={then}"))
    found["live hello"] = lambda asked: _varying(live.Hub(asked.services).hello(_page(asked)))
    found["live status"] = lambda asked: live.Hub(asked.services).status(_viewer(asked))
    for known in ("0", "1", "2", "3", "x"):
        found[f"live after {known}"] = lambda asked, known=known: repr(  # type: ignore[misc]
            live.resume(asked.services, _viewer(asked), known)
        ).encode()
    for format_ in ("csv", "geojson", "parquet"):
        found[f"export {format_}"] = lambda asked, format_=format_: exported(asked, format_)  # type: ignore[misc]
    return found


FOLLOW = (
    "..word-area.value...word-window.value...word-severity.value...word-category.value...word-agency.value"
    "...word-q.value...word-as_known_at.value...word-window.data...words-told.data.."
)


def addresses(since: str, then: str) -> Iterator[str]:
    yield from ("/healthz", "/api/status", "/api/layers", "/api/layers?window=7d&lang=ar", "/api/kpis?window=28d")
    yield from (f"/api/kpis?as_known_at={then}", f"/api/layers?as_known_at={then}", "/api/quarantine")
    yield from ("/api/quarantine/rows?source=src0", "/api/batches?source=src0", "/api/quarantine/export?source=src0")
    yield from ("/api/layers?metric=people_in_need", "/api/layers?metric=incidents&item=item%201")
    yield from (
        "/api/views",
        "/api/incidents",
        "/api/incidents?window=1y&sort=severity",
        "/api/incidents/rows?limit=200&sort=received",
    )
    yield "/api/incidents/patterns?wait=10&severity=minor"
    for shown in ("new", "revised", "retracted"):
        yield f"/api/incidents?since={then}&show={shown}&category=clash"
    for filters in ("actor=canary", "grade=B2", "polygon=29,4,32,4,32,10,29,10", "radius=30.3,5.3,90"):
        yield f"/ogc/collections/incidents/items?limit=1000&{filters}"
    yield from ("/api/community", "/api/community?window=28d&channel=cnry", f"/api/community?as_known_at={then}")
    yield from ("/api/activities", f"/api/activities?as_known_at={then}", "/api/activities/cell?sector=hea&area=XT0101")
    yield from ("/api/health", "/api/health?area=XT01", f"/api/health?as_known_at={then}", "/api/access?goal=hub")
    yield from ("/api/access", f"/api/access?goal=hospital&as_known_at={then}")
    yield from ("/api/triage", f"/api/triage?state=promoted&as_known_at={then}", "/api/triage?state=discarded")
    yield from (
        "/api/objectives",
        f"/api/objectives?as_known_at={then}&lang=fr",
        "/api/risks",
        f"/api/risks?as_known_at={then}",
    )
    yield from ("/api/triage/waiting", "/api/triage/places?q=cnry", "/api/triage/places?q=west")
    for name, kind in COLLECTIONS.items():
        yield f"/api/counts?collection={name}"
        yield f"/api/counts?collection={name}&by=category,adm1_pcode"
        yield f"/api/counts?collection={name}&by=severity,week,source&from={since}"
        yield f"/api/counts?collection={name}&by=agency,month,adm2_pcode&area=XT01"
        for code in kind.codes:
            yield f"/api/counts?collection={name}&by={code}"
        yield f"/ogc/collections/{name}"
        yield f"/ogc/collections/{name}/items?limit=1000"
        yield f"/ogc/collections/{name}/items?limit=1000&q=alpha"
        yield f"/ogc/collections/{name}/items?limit=1000&bbox=30.05,5.05,30.5,5.5&severity=moderate"
        yield f"/ogc/collections/{name}/items?limit=2&offset=1&as_known_at={then}"
    yield from ("/api/watch", "/api/watch/count", "/api/watch/states", f"/api/watch/handover?since={since}")
    yield from (f"/api/watch/log?since={since}", "/api/watch/same", "/api/watch/same?judged=linked&window=1y")
    yield from ("/api/alerts", "/cap/atom", "/api/wall", "/api/wall?lang=ar")
    yield from ("/ogc", "/ogc/api", "/ogc/conformance", "/ogc/collections", "/ogc/collections/nothing")
    for query in (
        "area=XT0101",
        "source=src0",
        "agency=red,blue",
        "category=clash,flood",
        "window=7d",
        "q=bravo%20flood",
    ):
        yield f"/ogc/collections/incidents/items?limit=1000&{query}"
    for query in ("adm1_pcode=XT01", "sensitivity=high", "exercise=false", "fatalities=3", "sub_event_type=a"):
        yield f"/ogc/collections/incidents/items?limit=1000&{query}"
    for kpi in all_kpis():
        collection = next(name for name, kind in COLLECTIONS.items() if kind.name == kpi.kind)
        yield f"/ogc/collections/{collection}/items?limit=1000&window=28d&kpi={kpi.id}"
    for layer, address in itertools.product(all_layers(), ("0/0/0", "3/4/3", "8/149/124", "14/9562/7957")):
        yield f"/tiles/{layer}/latest/{address}.pbf"
    for layer in ("incidents", "sites", "areas"):
        yield f"/tiles/{layer}/2/3/4/3.pbf?window=1y"
        yield f"/api/pick?layer={layer}&cell=3/65/54&window=1y"
        yield f"/api/pick?layer={layer}&cell=0/8/6"


def records(asked: Asked) -> Iterator[tuple[str, bytes]]:
    """Every record by its id, through both doors, whether it may be seen or not."""
    for public in (*asked.ids, "0123456789abcdef"):
        for path in (
            f"/api/records/{public}",
            f"/api/records/{public}?lang=fr",
            f"/api/records/{public}/nearby?km=250",
            f"/api/watch/records/{public}",
        ):
            yield path, _got(path)(asked)
        for path in (f"/api/objectives/measure?id={public}", f"/api/risks/one?id={public}"):
            yield path, _got(path)(asked)
        for path in (f"/api/access?closed={public}", f"/api/access/ways?site={public}&goal=hub"):
            yield path, _got(path)(asked)
        for name in ("incidents", "sites"):
            path = f"/ogc/collections/{name}/items/{public}"
            yield path, _got(path)(asked)


def exported(asked: Asked, format_: str) -> bytes:
    """Every collection written to a file and read back."""
    seen = asked.services.picture.seen_by(_viewer(asked))
    told = []
    for name in COLLECTIONS:
        file = asked.folder / f"{name}.{format_}"
        export(seen, name, Filters(), format_, file)  # type: ignore[arg-type]
        told.append(file.read_bytes())
        file.unlink()
    return b"\n".join(told)


assert set(WRITERS) == {"geojson", "csv", "xlsx", "gpkg", "parquet"}


def _got(path: str) -> Door:
    return lambda asked: repr(asked.client.get(quote(path, safe="/?&=,:%+")).told).encode()


def _called(output: str, *parts: tuple[str, str, Any]) -> Door:
    inputs = list(parts[:1])
    return lambda asked: repr(asked.client.callback(output, inputs, list(parts[1:])).told).encode()


def _viewer(asked: Asked) -> Any:
    return asked.services.viewer(None)  # type: ignore[arg-type]


def _page(asked: Asked) -> Any:
    seen = asked.services.picture.seen_by(_viewer(asked))
    return live.Page(_viewer(asked), None, None, seen.revision)  # type: ignore[arg-type]


def _varying(event: bytes) -> bytes:
    """Without the moment the server started."""
    import re

    return re.sub(rb'"server_started":"[^"]*"', b"", event)


def moment() -> datetime:
    return datetime.now(UTC)
