"""The machine interface: every route of CONTRACT.md's HTTP table, and the server that carries it and the pages."""

from __future__ import annotations

import gc
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from dashboard import (
    account_page,
    activities,
    acts,
    admin,
    api,
    api_document,
    attachments,
    basemap,
    brief,
    community,
    downloads,
    getting_there,
    handling,
    health_services,
    imagery,
    incidents,
    linking,
    lite,
    live,
    map_tiles,
    mending,
    nearby,
    objectives,
    ogc,
    own_alerts,
    patterns,
    receive,
    report,
    risks,
    sheets,
    sign_in_page,
    static,
    supply,
    supply_moves,
    supply_site,
    triage,
    upload,
    views,
    wall,
    watch,
)
from dashboard.answer import NOT_FOUND, Answering, refusal
from dashboard.callbacks import Callbacks
from dashboard.frame import ASSETS, assets_version, make_dash
from dashboard.guard import LOOPBACK_NAMES, Guard, content_policy
from dashboard.oidc import Oidc
from dashboard.services import Services
from dashboard.throttle import Throttle

Reader = Callable[[Services, Request], Response]
READERS: dict[str, Reader] = {
    "/healthz": api.health,
    "/api/status": api.status,
    "/api/counts": api.counts,
    "/api/kpis": api.kpis,
    "/api/layers": api.layers,
    "/api/pick": api.picked,
    "/api/quarantine": api.quarantined,
    **mending.READERS,
    "/api/admin": admin.overview,
    "/api/admin/audit": admin.chain,
    "/api/view-as": admin.view_as,
    "/api/upload": upload.overview,
    "/api/records/{id}": api.record,
    "/api/records/{id}/nearby": nearby.nearby,
    "/api/views": views.listed,
    "/api/incidents/brief.pdf": brief.brief,
    "/api/incidents": incidents.overview,
    "/api/incidents/rows": incidents.table,
    "/api/incidents/patterns": patterns.found,
    "/api/watch": watch.overview,
    "/api/watch/count": watch.count,
    "/api/watch/states": watch.states,
    "/api/watch/log": watch.log,
    "/api/watch/handover": watch.handover,
    "/api/watch/same": linking.same,
    "/api/watch/records/{id}": handling.record,
    "/api/community": community.overview,
    "/api/activities": activities.overview,
    "/api/activities/cell": activities.cell,
    "/api/activities/export": activities.download,
    "/api/contacts/export": activities.register,
    "/api/supply": supply.overview,
    "/api/supply/rows": supply.table,
    "/api/supply/site": supply_site.site,
    "/api/supply/moves": supply_moves.moves,
    "/api/supply/moves.xlsx": supply_moves.sheet,
    "/api/access": getting_there.overview,
    "/api/access/ways": getting_there.ways,
    "/api/health": health_services.overview,
    "/api/triage": triage.queue,
    "/api/triage/waiting": triage.waiting,
    "/api/triage/places": triage.places,
    "/api/export/{collection}": downloads.download,
    "/tiles/{layer}/{revision}/{z}/{x}/{y}.pbf": map_tiles.tile,
    "/basemap/{version}/{z}/{x}/{y}": basemap.tile,
    "/api/alerts": own_alerts.overview,
    "/api/wall": wall.overview,
    "/cap/atom": own_alerts.atom,
    "/cap/{identifier}.xml": own_alerts.one_message,
    "/imagery/{id}/{version}/{z}/{x}/{y}": imagery.tile,
    **report.READERS,
    **lite.READERS,
    **sheets.READERS,
    "/api/attachments/{id}": attachments.photo,
    **objectives.READERS,
    **risks.READERS,
    "/ogc": ogc.landing,
    "/ogc/": ogc.landing,
    "/ogc/api": ogc.api,
    "/ogc/conformance": ogc.conformance,
    "/ogc/collections": ogc.collections,
    "/ogc/collections/{collection}": ogc.collection,
    "/ogc/collections/{collection}/queryables": ogc.queryables,
    "/ogc/collections/{collection}/items": ogc.items,
    "/ogc/collections/{collection}/items/{fid}": ogc.item,
}
OURS = (
    "api",
    "cap",
    "ogc",
    "report",
    "lite",
    "tiles",
    "basemap",
    "imagery",
    "live",
    "assets",
    "healthz",
    "sign-in",
    "sign-out",
    "account",
)
"""First parts of addresses where the pages' catch-all must not answer with a page."""


def routes(
    services: Services,
    hub: live.Hub | None = None,
    limits: receive.Limits | None = None,
    version: Callable[[], str] = assets_version,
) -> APIRouter:
    """Every route of the machine interface. Include it before the pages, whose catch-all takes everything.

    `version` is that of the assets, under which browsers keep them for good.
    """
    hub = hub or live.Hub(services)

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        hub.start()
        try:
            yield
        finally:
            hub.stop()

    router = APIRouter(lifespan=lifespan)
    gate = receive.Gate(limits or receive.limits_of(services.settings))
    following = receive.Following(services.picture)
    # Routes are tried in order: what comes by the thousand is first.
    router.routes.append(Route("/api/ingest/{feed}", receive.ingest(services, gate, following), methods=["POST"]))
    router.routes.append(Route("/api/reports", receive.reports(services, gate, following), methods=["POST"]))
    router.routes.append(Route("/api/reports/photo", receive.photos(services, gate, following), methods=["POST"]))
    for path, reader in READERS.items():
        router.routes.append(Route(path, Answering(partial(reader, services)), methods=["GET"]))
    assets = Answering(partial(static.asset, ASSETS, version))
    router.routes.append(Route("/assets/{path:path}", assets, methods=["GET"]))
    router.routes.append(Route("/live", live.endpoint(hub), methods=["GET"]))
    router.routes.append(Route("/lite/sheet/compare", sheets.comparing(services), methods=["POST"]))
    router.routes.append(Route("/lite/sheet/accept", sheets.accepting(services), methods=["POST"]))
    router.routes.append(Route("/api/upload/file", upload.receiving(services), methods=["POST"]))
    router.routes.append(Route("/api/upload/preview", upload.previewing(services), methods=["POST"]))
    every = {**acts.ACTS, **mending.ACTS, **upload.ACTS, **objectives.ACTS, **risks.ACTS}
    definition = Answering(partial(api_document.served, services, tuple(every)))
    router.routes.append(Route("/api/openapi.json", definition, methods=["GET"]))
    for path, act in every.items():
        router.routes.append(Route(path, acts.endpoint(services, act), methods=["POST"]))
    throttle = Throttle()
    router.routes.extend(sign_in_page.routes(services, throttle))
    router.routes.extend(account_page.routes(services, throttle))
    if services.settings.oidc is not None:
        show = partial(sign_in_page.page, services)
        router.routes.extend(Oidc(services.settings.oidc, services.identity, show).routes())
    for first in OURS:
        router.routes.append(Route(f"/{first}", _nothing, methods=ALL))
        router.routes.append(Route(f"/{first}/{{path:path}}", _nothing, methods=ALL))
    return router


ALL = ["GET", "POST", "PUT", "PATCH", "DELETE"]


async def _nothing(request: Request) -> Response:
    return refusal(NOT_FOUND)


def make_server(services: Services, hub: live.Hub | None = None) -> ASGIApp:
    """The whole server: machine interface, pages, and the guard around both."""
    app = FastAPI(title=services.settings.mission.name, openapi_url=None, docs_url=None, redoc_url=None)
    app.include_router(routes(services, hub))
    dash = make_dash(app, services)
    policies: list[str] = []

    def policy() -> str:
        if not policies:  # Dash knows its inline scripts once its layout is set
            policies.append(content_policy(dash.csp_hashes()))
        return policies[0]

    checked = Callbacks(app, dash.callback_map)
    return Guard(checked, services.settings.host in LOOPBACK_NAMES, policy, services.identity)


class _Server(uvicorn.Server):
    """Ends the event streams when it is asked to end: it waits for open connections, and they never close by themselves."""

    def __init__(self, config: uvicorn.Config, hub: live.Hub) -> None:
        super().__init__(config)
        self.hub = hub

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # In a thread: this runs inside a signal handler, where a lock that is held would be waited for for ever.
        threading.Thread(target=self.hub.stop).start()
        super().handle_exit(sig, frame)


def run(services: Services) -> None:
    """Serve at the settings' host and port until the process is asked to end."""
    hub = live.Hub(services)
    settings = services.settings
    config = uvicorn.Config(
        make_server(services, hub),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        timeout_graceful_shutdown=3,
        server_header=False,
    )
    # What is there now stays: the collector need not look through all of it again and again while thousands of requests pass.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    _Server(config, hub).run()
