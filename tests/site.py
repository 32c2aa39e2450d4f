"""A served site over a real store: the services `app.py` makes, uvicorn in a thread, and a client that speaks HTTP to it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import shapely
import uvicorn
from fastapi import FastAPI

import app
from dashboard.guard import Guard, content_policy
from dashboard.http import routes
from dashboard.live import Hub
from dashboard.receive import Limits
from dashboard.services import Services
from data.picture import Picture
from data.records import Boundary, Incident, OwnMark, Record, Sensitivity, Severity
from data.settings import Mission, Settings, Source
from data.store import Batch, Store, open_store
from data.tokens import local_token, make_service
from tests.pictures import chunks
from tests.servers import free_port


@dataclass
class Site:
    """`client` is the operator's; `as_bearer` speaks with a token."""

    home: Path
    services: Services
    store: Store
    picture: Picture
    hub: Hub
    version: str = "a1b2"
    url: str = ""
    client: httpx.Client = field(default_factory=httpx.Client)

    def get(self, path: str, token: str = "", **headers: str) -> httpx.Response:
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return self.client.get(self.url + path, headers=headers)

    def put(self, records: Iterable[Record], source: str, agency: str, **marks: object) -> int:
        """Append records through the store, marked as given, and return the revision."""
        told = {"sensitivity": Sensitivity.low, "releasable_to": (), **marks}
        # Of a source that the settings know a record bears the settings' marks; what it says itself can only raise them.
        own = OwnMark(sensitivity=told["sensitivity"], releasable_to=told["releasable_to"])
        marked = (
            msgspec.structs.replace(record, source=source, agency=agency, **{"own": own, **told}) for record in records
        )
        received = int(datetime.now(UTC).timestamp() * 1e6)
        tally = self.store.append(Batch(source, "test", f"{source}.json", "00", received, chunks(marked)))
        self.picture.catch_up()
        return tally.revision

    def token(self, name: str, *sources: str, agency: str = "", clearance: Sensitivity = Sensitivity.severe) -> str:
        return make_service(self.store, name, "test", sources, agency, clearance)

    @property
    def ingest_token(self) -> str:
        return local_token(self.store, self.home)


SOURCES = (
    Source("usgs", "usgs", agency="USGS", sensitivity=Sensitivity.low, releasable_to=("mission",)),
    Source("secret", "usgs", agency="Intel", sensitivity=Sensitivity.severe),
    Source("reports", "report", agency="JOC", sensitivity=Sensitivity.moderate, exercise=True),
)


@contextmanager
def site(home: Path, limits: Limits | None = None, sources: Iterable[Source] = SOURCES, **hub: float) -> Iterator[Site]:
    """A site on an existing home; the picture holds what is in its store."""
    settings = Settings(
        home=home,
        database_url=f"sqlite:///{home / 'commonground.sqlite'}",
        mission=Mission("Test mission", marking="UNCLASSIFIED", exercise=True, timezone="Africa/Nairobi"),
        sources={source.name: source for source in sources},
    )
    store = open_store(settings.database_url)
    picture = Picture(store, app._sharing(store, settings))
    picture.catch_up()
    services = app._services(settings, store, picture)
    found = Site(home, services, store, picture, Hub(services, **{"wait_s": 0.2, **hub}))  # type: ignore[arg-type]
    server = FastAPI(openapi_url=None)
    server.include_router(routes(services, found.hub, limits, lambda: found.version))
    try:
        guarded = Guard(server, True, lambda: content_policy([]), services.identity)
        with served(guarded) as found.url, httpx.Client(timeout=60) as client:
            found.client = client
            yield found
    finally:
        store.close()


@contextmanager
def served(application: object) -> Iterator[str]:
    """Serve an ASGI application on a free port in a thread."""
    port = free_port()
    config = uvicorn.Config(application, port=port, log_level="error", timeout_graceful_shutdown=2)  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=30)


NOW = datetime.now(UTC).replace(microsecond=0)
SEVERITIES = list(Severity)


def incident(number: int, **said: Any) -> Incident:
    return Incident(
        **{
            "source_ref": f"i{number}",
            "title": f"Event {number}",
            "category": ("clash", "looting", "protest")[number % 3],
            "severity": SEVERITIES[number % 6],
            "event_time": NOW - timedelta(hours=7 * number),
            "lon": 30 + (number % 10) * 0.35,
            "lat": 5 + (number // 10) * 0.35,
            "fatalities": number % 4,
            "attributes": {"note": f"=1+{number}"},
            **said,
        }
    )


def land() -> list[Boundary]:
    """A country with a western and an eastern half."""
    boxes = {"XT": (29, 4, 34, 10), "XT01": (29, 4, 31.5, 10), "XT02": (31.5, 4, 34, 10)}
    return [
        Boundary(
            source_ref=code,
            title=f"Area {code}",
            pcode=code,
            level=0 if code == "XT" else 1,
            parent_pcode="" if code == "XT" else "XT",
            wkb=shapely.to_wkb(shapely.box(*box)),
            lon=(box[0] + box[2]) / 2,
            lat=7.0,
        )
        for code, box in boxes.items()
    ]


def quake(reference: str, magnitude: float = 5.5, **said: Any) -> bytes:
    properties = {
        "mag": magnitude,
        "place": "Bor",
        "time": int(NOW.timestamp() * 1000),
        "updated": 1,
        "type": "earthquake",
        "title": "M",
        **said,
    }
    return json.dumps(
        {
            "type": "Feature",
            "id": reference,
            "geometry": {"type": "Point", "coordinates": [30.5, 7.5, 10]},
            "properties": properties,
        }
    ).encode()


def bearer(found: Site, token: str = "") -> dict[str, str]:
    return {"Authorization": f"Bearer {token or found.ingest_token}", "Content-Type": "application/json"}
