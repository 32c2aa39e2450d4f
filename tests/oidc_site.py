"""A mission whose people sign in at an identity provider, and a browser of few words that does it over HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import unescape
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx

from tests import mission
from tests.oidc_provider import PASSWORD, Running, running_provider
from tests.program import Served, command
from tests.servers import free_port

CALLBACK = "/sign-in/oidc/callback"
SETTINGS = """
[agencies]
JOC = "Joint Operations Centre"

[[source]]
name = "log"
feed = "table"
kind = "incident"
agency = "JOC"
sensitivity = "moderate"
columns = {{ source_ref = "Serial" }}

[oidc]
issuer = "{issuer}"
client_id = "common-ground"
redirect_uri = "{url}/sign-in/oidc/callback"
title = "Mission identity"
userinfo = true
guests = ["PRESS"]

[oidc.agency]
claim = "org"
values = {{ "Joint Operations Centre" = "JOC", "Logistics" = "LOG", "Press pool" = "PRESS" }}

[oidc.roles]
claim = ["realm", "roles"]
values = {{ "cg-export" = "export", "cg-sharing" = "sharing" }}

[oidc.clearance]
claim = "level"
values = {{ confidential = "moderate", secret = "high" }}

[oidc.compartments]
claim = "groups"
values = {{ "/protection/gbv" = "GBV" }}

[oidc.purposes]
claim = "groups"
values = {{ "/response" = "response" }}

[oidc.component]
claim = "service"
values = {{ ngo = "NGO" }}
"""
WATCH = {
    "preferred_username": "Wanda",
    "name": "Wanda Officer",
    "email": "wanda@joc.example",
    "org": "Joint Operations Centre",
    "level": "confidential",
    "realm": {"roles": ["cg-export", "offline_access"]},
    "groups": ["/response"],
}


@dataclass
class Browser:
    """A browser of few words: it keeps cookies and follows nothing by itself."""

    url: str
    issuer: str
    client: httpx.Client

    def begin(self, wanted: str = "") -> str:
        """Leave for the provider; its address."""
        query = f"?{urlencode({'next': wanted})}" if wanted else ""
        answer = self.client.get(f"{self.url}/sign-in/oidc{query}")
        assert answer.status_code == 303, answer.text
        assert answer.headers["cache-control"] == "private, no-store"
        assert answer.headers["location"].startswith(f"{self.issuer}/authorize?")
        return str(answer.headers["location"])

    def login(self, address: str, name: str, password: str = PASSWORD) -> str:
        """Fill in the provider's form; the address it sends the browser back to."""
        form = self.client.get(address)
        assert form.status_code == 200, form.text
        fields = {key: unescape(value) for key, value in re.findall(r'name="(\w+)" value="([^"]*)"', form.text)}
        answer = self.client.post(address, data={**fields, "name": name, "password": password})
        assert answer.status_code == 303
        back = str(answer.headers["location"])
        assert back.startswith(f"{self.url}{CALLBACK}?")
        return back

    def sign_in(self, name: str, password: str = PASSWORD, wanted: str = "") -> httpx.Response:
        return self.client.get(self.login(self.begin(wanted), name, password))

    def incidents(self) -> int | None:
        """How many incidents it is shown; None where it is not signed in."""
        answer = self.client.get(f"{self.url}/ogc/collections/incidents/items?limit=1")
        return int(answer.json()["numberMatched"]) if answer.status_code == 200 else None


@dataclass
class Mission:
    server: Served
    provider: Running
    clients: list[httpx.Client] = field(default_factory=list)
    places: Iterator[int] = field(default_factory=count)

    def browser(self, place: str = "") -> Browser:
        """One at an address of its own, behind a proxy on this machine."""
        place = place or f"2001:db8:{next(self.places):x}::1"
        self.clients.append(httpx.Client(timeout=60, headers={"X-Forwarded-For": place}))
        return Browser(self.server.url, self.provider.issuer, self.clients[-1])

    def accounts(self) -> dict[str, dict[str, Any]]:
        listed = command(self.server.home, "account", "list", "--json")
        return {told["name"]: told for told in map(json.loads, listed.stdout.splitlines())}


@contextmanager
def with_provider(home: Path) -> Iterator[Mission]:
    """A mission with thirteen incidents of the operations centre, one local administrator, and a provider."""
    home.mkdir()
    port, url = free_port(), f"http://127.0.0.1:{free_port()}"
    with running_provider(port, f"{url}{CALLBACK}") as provider:
        write_settings(home, SETTINGS.format(issuer=provider.issuer, url=url), provider.secret)
        added = command(home, "account", "add", "root", "--agency", "JOC", stdin=b"a lantern over the harbour wall\n")
        assert added.returncode == 0, added.stderr
        log = home.parent / "log.csv"
        log.write_bytes(mission.log(mission.LOG, datetime.now(UTC)))
        assert command(home, "ingest", "table", log, "--source", "log").returncode == 0
        server = Served(home, port=int(url.rpartition(":")[2]))
        try:
            server.start()
            yield Mission(server, provider)
        finally:
            server.stop()


@contextmanager
def honest(there: Mission) -> Iterator[Mission]:
    """The same for one test: the provider is honest again, and the browsers are closed in the end."""
    there.provider.told(wanda=WATCH, zoe={**WATCH, "preferred_username": "zoe"})
    try:
        yield there
    finally:
        while there.clients:
            there.clients.pop().close()


def write_settings(home: Path, settings: str, secret: str) -> None:
    (home / "commonground.toml").write_text(settings, encoding="utf-8")
    (home / "secrets").mkdir(mode=0o700, exist_ok=True)
    (home / "secrets" / "oidc-client-secret").write_text(f"{secret}\n", encoding="utf-8")
