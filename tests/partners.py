"""A small mission of agencies that share little with each other, served; for tests of who gets what."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

import app
from dashboard.http import make_server
from dashboard.live import Hub
from data import audit
from data.accounts import Profile
from data.picture import Picture
from data.records import Sensitivity
from data.settings import Mission, Settings, Source
from data.store import Store, open_store
from tests.site import Site, incident, land, served

LOW, MODERATE, HIGH, SEVERE = Sensitivity
SOURCES = (
    Source("log", "table", agency="JOC", title="Incident log", sensitivity=MODERATE),
    Source("open", "acled", agency="MON", sensitivity=LOW, releasable_to=("mission",)),
    Source("intel", "table", agency="INTEL", sensitivity=HIGH, personal_fields=("description",)),
)
PEOPLE = {
    "ada": Profile("ada", agency="JOC", clearance=MODERATE, roles=("admin",)),
    "lia": Profile("lia", agency="JOC", clearance=HIGH, roles=("sharing",)),
    "ivo": Profile("ivo", agency="INTEL", clearance=SEVERE, roles=("sharing", "approve")),
    "wim": Profile("wim", agency="WFP", clearance=MODERATE),
    "hall": Profile("hall", "display", agency="JOC", clearance=MODERATE),
}
RECORDS = {"log": 4, "open": 3, "intel": 2}
AREAS = 3
DAY = timedelta(days=1)


@dataclass
class Run:
    """A served site, and a token for each of `PEOPLE`."""

    site: Site
    store: Store
    tokens: dict[str, str]

    def get(self, who: str, path: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}
        return httpx.get(self.site.url + path, headers=headers, timeout=60)

    def told(self, who: str, path: str = "/api/admin") -> dict[str, Any]:
        answer = self.get(who, path)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def post(self, who: str, path: str, body: Any, **headers: str) -> httpx.Response:
        if who:
            headers["Authorization"] = f"Bearer {self.tokens[who]}"
        answer = httpx.post(self.site.url + path, json=body, headers=headers, timeout=60)
        self.site.picture.catch_up()
        return answer

    def done(self, who: str, path: str, body: Any) -> dict[str, Any]:
        answer = self.post(who, path, body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def acts(self) -> int:
        """How much was ever done."""
        return audit.head(self.store).seq

    def incidents(self, who: str, tail: str = "") -> int:
        total = self.told(who, f"/api/counts?collection=incidents{tail}")["total"]
        assert isinstance(total, int)
        return total


@contextmanager
def running(home: Path) -> Iterator[Run]:
    """A mission of four agencies that share little, served with its pages."""
    settings = Settings(
        home=home,
        database_url=f"sqlite:///{home / 'commonground.sqlite'}",
        mission=Mission("Test mission", marking="UNCLASSIFIED"),
        sources={source.name: source for source in SOURCES},
        agencies={"JOC": "Joint Operations Centre", "WFP": "World Food Programme"},
    )
    store = open_store(settings.database_url)
    picture = Picture(store, app._sharing(store, settings))
    services = app._services(settings, store, picture)
    site = Site(home, services, store, picture, Hub(services, wait_s=0.2))
    site.put(land(), "areas", "NSO", releasable_to=("mission",))
    number = 0
    for source in SOURCES:
        count = RECORDS[source.name]
        records = [incident(number + each, description="a name") for each in range(count)]
        site.put(records, source.name, source.agency, own=None)
        number += count
    identity = services.identity
    for profile in PEOPLE.values():
        identity.add(profile, "test")
    tokens = {name: identity.make_token(name, name, "test") for name in PEOPLE}
    try:
        with served(make_server(services, site.hub)) as site.url:
            yield Run(site, store, tokens)
    finally:
        site.hub.stop()
        store.close()


def agreement(name: str = "A1", grantor: str = "JOC", **terms: Any) -> dict[str, Any]:
    """The body of a request for an agreement that holds from yesterday for three weeks."""
    today = datetime.now(UTC)
    period = {"from": (today - DAY).isoformat(), "to": (today + 20 * DAY).isoformat()}
    return {"agreement": {"name": name, "grantor": grantor, "grantees": ["WFP"], **period, **terms}}
