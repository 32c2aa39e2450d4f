"""Every way in and out is known and classed; nothing that is withheld comes out of any, in bodies, headers, files or logs."""

from __future__ import annotations

import io
import logging
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
import pyarrow.parquet
import pytest

from dashboard import live
from dashboard.export import export
from data.access import LOCAL_OPERATOR, NOBODY, Viewer
from data.accounts import Profile
from data.filters import Filters
from data.records import COLLECTIONS, KINDS, Sensitivity, Severity
from data.seen import public_id
from data.store import Batch
from data.tokens import make_service
from tests.canaries import PARTNER, SOURCES, Full, filled, full, kept_back
from tests.doors import FOLLOW, Asked, doors, records
from tests.inprocess import Client, client_of
from tests.pictures import entry
from tests.worlds import stamped

Class = Literal["public", "released", "role", "token"]
"""Answers anybody alike; answers with what its viewer may see; asks for a right; takes from a source's token alone."""
ROUTES: dict[str, Class] = {
    "GET /healthz": "released",
    "GET /assets/{path:path}": "public",
    "GET /assets": "public",
    "GET /basemap/{version}/{z}/{x}/{y}": "public",
    "GET /imagery/{id}/{version}/{z}/{x}/{y}": "released",
    "GET /sign-in": "public",
    "POST /sign-in": "public",
    "GET /sign-out": "public",
    "POST /sign-out": "public",
    "GET /account": "role",
    "POST /account": "role",
    "GET /api/status": "released",
    "GET /api/counts": "released",
    "GET /api/kpis": "released",
    "GET /api/layers": "released",
    "GET /api/pick": "released",
    "GET /api/quarantine": "released",
    "GET /api/quarantine/rows": "role",
    "GET /api/quarantine/export": "role",
    "GET /api/batches": "role",
    "POST /api/quarantine/edit": "role",
    "POST /api/quarantine/replay": "role",
    "POST /api/quarantine/discard": "role",
    "POST /api/quarantine/mapping": "role",
    "POST /api/batches/foresee": "role",
    "POST /api/batches/undo": "role",
    "GET /api/records/{id}": "released",
    "GET /api/records/{id}/nearby": "released",
    "GET /api/views": "released",
    "POST /api/views/save": "role",
    "POST /api/views/remove": "role",
    "GET /api/incidents": "released",
    "GET /api/incidents/rows": "released",
    "GET /api/incidents/brief.pdf": "role",
    "GET /api/incidents/patterns": "released",
    "GET /api/watch": "released",
    "GET /api/watch/count": "released",
    "GET /api/watch/states": "released",
    "GET /api/watch/log": "released",
    "GET /api/watch/handover": "released",
    "GET /api/watch/same": "released",
    "GET /api/watch/records/{id}": "released",
    "POST /api/watch/handle": "role",
    "POST /api/watch/link": "role",
    "POST /api/watch/handover/give": "role",
    "POST /api/watch/handover/take": "role",
    "GET /api/objectives": "released",
    "GET /api/objectives/measure": "released",
    "GET /api/risks": "released",
    "GET /api/risks/one": "released",
    "POST /api/objectives/save": "role",
    "POST /api/objectives/reading": "role",
    "POST /api/objectives/withdraw": "role",
    "POST /api/assessments/write": "role",
    "POST /api/assessments/sign": "role",
    "POST /api/risks/save": "role",
    "GET /api/community": "released",
    "GET /api/activities": "released",
    "GET /api/activities/cell": "released",
    "GET /api/activities/export": "role",
    "GET /api/contacts/export": "role",
    "POST /api/contacts/save": "role",
    "POST /api/contacts/take-back": "role",
    "POST /api/contacts/import": "role",
    "GET /api/access": "released",
    "GET /api/access/ways": "released",
    "GET /api/health": "released",
    "GET /api/supply": "released",
    "GET /api/supply/rows": "released",
    "GET /api/supply/site": "released",
    "GET /api/supply/moves": "released",
    "GET /api/supply/moves.xlsx": "role",
    "GET /api/triage": "released",
    "GET /api/triage/waiting": "released",
    "GET /api/triage/places": "released",
    "POST /api/triage/promote": "role",
    "POST /api/triage/discard": "role",
    "POST /api/triage/reopen": "role",
    "POST /api/triage/apart": "role",
    "GET /api/export/{collection}": "role",
    "GET /tiles/{layer}/{revision}/{z}/{x}/{y}.pbf": "released",
    "GET /live": "released",
    "GET /api/openapi.json": "public",
    "GET /api/alerts": "released",
    "GET /api/wall": "released",
    "POST /api/wall/steer": "role",
    "GET /cap/atom": "released",
    "GET /cap/{identifier}.xml": "released",
    "GET /lite/sheet": "role",
    "GET /lite/sheet/{collection}": "role",
    "POST /lite/sheet/compare": "role",
    "POST /lite/sheet/accept": "role",
    "GET /lite/incidents": "released",
    "GET /lite/supply": "released",
    "GET /lite/activities": "released",
    "GET /report": "public",
    "GET /report/worker.mjs": "public",
    "GET /report/manifest.webmanifest": "public",
    "GET /report/places": "released",
    "GET /ogc": "released",
    "GET /ogc/": "released",
    "GET /ogc/api": "public",
    "GET /ogc/conformance": "public",
    "GET /ogc/collections": "released",
    "GET /ogc/collections/{collection}": "released",
    "GET /ogc/collections/{collection}/queryables": "public",
    "GET /ogc/collections/{collection}/items": "released",
    "GET /ogc/collections/{collection}/items/{fid}": "released",
    "GET /api/admin": "role",
    "GET /api/admin/audit": "role",
    "GET /api/view-as": "role",
    "POST /api/admin/accounts/add": "role",
    "POST /api/admin/accounts/change": "role",
    "POST /api/admin/accounts/disable": "role",
    "POST /api/admin/accounts/password": "role",
    "POST /api/admin/tokens/make": "role",
    "POST /api/admin/tokens/revoke": "role",
    "POST /api/admin/marks/foresee": "role",
    "POST /api/admin/marks/set": "role",
    "POST /api/admin/agreements/foresee": "role",
    "POST /api/admin/agreements/add": "role",
    "POST /api/admin/agreements/foresee-revocation": "role",
    "POST /api/admin/agreements/revoke": "role",
    "POST /api/admin/glass/open": "role",
    "POST /api/admin/glass/agree": "role",
    "POST /api/admin/glass/close": "role",
    "POST /api/alerts/preview": "role",
    "POST /api/alerts/issue": "role",
    "GET /api/upload": "role",
    "POST /api/upload/file": "role",
    "POST /api/upload/look": "role",
    "POST /api/upload/preview": "role",
    "POST /api/upload/count": "role",
    "POST /api/upload/commit": "role",
    "POST /api/upload/discard": "role",
    "POST /api/ingest/{feed}": "token",
    "POST /api/reports": "token",
    "POST /api/reports/photo": "token",
    "GET /api/attachments/{id}": "released",
    "GET /": "public",
    "GET /{path:path}": "public",
    "GET /_dash-layout": "public",
    "GET /_dash-dependencies": "public",
    "GET /_dash-component-suites/{package_name}/{fingerprinted_path:path}": "public",
    "GET /_reload-hash": "public",
    "GET /_favicon.ico": "public",
    "POST /_dash-update-component": "released",
}
CALLBACKS: dict[str, Class] = {
    "cg-page.children": "released",
    "cg-table.children": "released",
    FOLLOW: "public",
}
"""Those that run in the server; the others run in the browser."""
BY_OPENNESS = {
    "GET /healthz",
    "GET /assets",
    "GET /assets/{path:path}",
    "GET /report/worker.mjs",
    "GET /sign-in",
    "POST /sign-in",
}
"""What answers before anybody has signed in."""


PLANS = (
    "/api/objectives/save",
    "/api/objectives/reading",
    "/api/objectives/withdraw",
    "/api/assessments/",
    "/api/risks/save",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Full, Client]]:
    with full(tmp_path_factory.mktemp("canaries")) as found:
        client = client_of(found.services)
        yield found, client
        client.close()


def routes_of(client: Client) -> set[str]:
    """Every route of the server but those that answer "nothing here"."""
    found = set()
    client.get("/")  # Dash completes its routes when it is first asked

    def walk(routes: Any, before: str = "") -> None:
        for route in routes:
            inner = getattr(route, "original_router", None) or getattr(route, "router", None) or route
            if getattr(inner, "routes", None):
                walk(inner.routes, before + getattr(route, "path", ""))
            elif getattr(route, "methods", None) and getattr(route.endpoint, "__name__", "") != "_nothing":
                found.update(f"{method} {before}{route.path}" for method in route.methods - {"HEAD", "OPTIONS"})

    walk(client.app.app.app.routes)  # type: ignore[attr-defined]
    return found


def test_every_route_is_classed(site: tuple[Full, Client]) -> None:
    found = routes_of(site[1])
    assert found <= set(ROUTES), "a new route: say here who gets what of it"
    assert len(found) > 40


def test_every_callback_is_classed(site: tuple[Full, Client]) -> None:
    told = site[1].get("/_dash-dependencies").json()
    assert {one["output"] for one in told if one["clientside_function"] is None} == set(CALLBACKS)


def test_what_is_public_is_the_same_for_everybody(site: tuple[Full, Client]) -> None:
    found, client = site
    paths = [route.partition(" ")[2] for route, of in ROUTES.items() if of == "public" and route.startswith("GET")]
    concrete = ["/nowhere" if "{" in path else path for path in paths]
    concrete += ["/wall", "/feeds", "/?q=x", "/basemap/1/0/0/0", "/imagery/x/0/0/0/0", "/assets/main.mjs"]
    for path in concrete:
        told = []
        for viewer in (NOBODY, PARTNER, LOCAL_OPERATOR):
            client.current.show(found.services, viewer)
            status, headers, body = client.get(path).told
            # Dash gives every page that is loaded a random name of its own.
            told.append((status, [one for one in headers if one[0] != "etag"], re.sub(rb'"end_id":"[^"]*"', b"", body)))
        assert told[0] == told[1] == told[2], path


def test_after_the_first_account_nothing_answers_who_is_not_signed_in(tmp_path: Path) -> None:
    with full(tmp_path) as found:
        identity = found.services.identity
        identity.add(Profile("root", agency="UN", roles=("admin",)), "test", "correct horse battery staple 9")
        identity.changed()
        client = client_of(found.services)
        for route, of in ROUTES.items():
            method, _, path = route.partition(" ")
            for name, value in (("{collection}", "incidents"), ("{layer}", "incidents"), ("{revision}", "latest")):
                path = path.replace(name, value)
            path = path.replace("{z}/{x}/{y}", "0/0/0").replace("{feed}", "auto").replace("{path:path}", "main.mjs")
            path = path.replace("{fid}", "0" * 16).replace("{id}", "0" * 16).replace("{version}", "1")
            answer = client.request(method, path, b"{}" if method == "POST" else b"")
            assert ("cnry" in repr(answer)) is False
            if route in BY_OPENNESS:
                assert answer.status < 500, route
            else:
                assert answer.status == 401, (route, of, answer.status)
        assert client.get("/healthz").json()["revision"] == 0
        page = client.get("/?q=1", accept="text/html")
        assert page.status == 303
        assert page.headers["location"].startswith("/sign-in?next=")
        client.close()


def test_rights_are_asked_for(tmp_path: Path) -> None:
    """A program of a partner, an account without roles and a display get no further than "nothing here" or "not yours"."""
    with full(tmp_path) as found:
        secret = make_service(found.store, "program", "test", (), "unhcr", Sensitivity.severe)
        client = client_of(found.services)
        for route, of in ROUTES.items():
            method, _, path = route.partition(" ")
            if of != "role" or not path.startswith(
                ("/api/admin/", "/api/upload", "/api/triage/", "/api/watch/", *PLANS)
            ):
                continue
            told = b'{"name":"x","agency":"Intel","kind":"person","source":"hidden","roles":["admin"]}'
            answer = client.request(
                method, path, told if method == "POST" else b"", {"authorization": f"Bearer {secret}"}
            )
            assert answer.status in (403, 404, 422), (route, answer.status, answer.body)
            assert b"cnry" not in answer.body
        for path in ("/api/ingest/usgs?source=hidden", "/api/reports?source=hidden"):
            body = b'{"title":"x"}'
            assert client.request("POST", path, body, {"authorization": f"Bearer {secret}"}).status == 403
            assert client.request("POST", path, body, {"authorization": "Bearer cg_wrong"}).status == 401
        client.close()


WITHHELD = (
    "reporter",
    "title",
    "description",
    "fatalities",
    "actor1",
    "callsign",
    "organisation",
    "operator",
    "headline",
)


@pytest.mark.parametrize(
    "viewer", [PARTNER, replace(PARTNER, kind="display", name="wall"), NOBODY], ids=lambda one: one.name
)
def test_no_canary_comes_out(tmp_path: Path, caplog: pytest.LogCaptureFixture, viewer: Viewer) -> None:
    caplog.set_level(logging.DEBUG)
    with full(tmp_path, WITHHELD) as found:
        client = client_of(found.services)
        ids = tuple(public_id(int(one)) for table in found.services.picture.tables.values() for one in table["id"])
        said = dict(said_by_all_doors(found, client, viewer, ids))
        secrets = kept_back(found, WITHHELD) if viewer.agency else list(found.secrets)
        assert len(secrets) > 300
        for name, told in said.items():
            for secret in secrets:
                assert secret.word.encode() not in told, (name, secret)
        logged = "\n".join(record.getMessage() for record in caplog.records)
        assert not [secret for secret in found.secrets if secret.word in logged]
        assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
        # And it would be noticed: the operator is told nearly all of it through the same doors.
        everything = b"".join(dict(said_by_all_doors(found, client, LOCAL_OPERATOR, ids)).values())
        # All but what nobody is told: of withdrawn consent, and the names of areas as a partner wrote them.
        there = [one for one in secrets if one.source != "withdrawn" and one.field != "adm_names"]
        heard = [secret for secret in there if secret.word.encode() in everything]
        assert len(heard) > 0.8 * len(there), [secret for secret in there if secret not in heard]
        client.close()


def test_a_commit_of_hidden_records_moves_nothing(tmp_path: Path) -> None:
    """No byte, no revision, no ETag and no event: by what a partner sees it did not happen."""
    with full(tmp_path, WITHHELD) as found:
        client = client_of(found.services)
        client.current.show(found.services, PARTNER)
        asked = Asked(client, client.current, (), found.folder)  # type: ignore[arg-type]
        ways = doors(datetime.now(UTC))
        before = found.services.picture.seen_by(PARTNER).revision
        told = {name: door(asked) for name, door in ways.items()}
        source = SOURCES["hidden"]
        more = [
            stamped(source, filled(kind, "hidden", 90 + n)[0])
            for n, kind in enumerate(KINDS.values())
            if kind.collection
        ]
        more = [
            msgspec.structs.replace(one, source_ref=f"more {one.source_ref}", severity=Severity.critical)
            for one in more
        ]
        entries = [entry(row, one) for row, one in enumerate(more, start=1)]
        found.store.append(Batch("hidden", "test", "more.json", "99", 99, [entries]))
        found.services.picture.catch_up()
        assert found.services.picture.seen_by(LOCAL_OPERATOR).revision > before
        assert found.services.picture.seen_by(PARTNER).revision == before
        assert live.news(found.services, PARTNER, before) == (before, b"")
        for name, door in ways.items():
            assert without_ages(door(asked)) == without_ages(told[name]), name
        client.close()


AGES = re.compile(rb'"(?:age_s|now|fade|age|from|until|to|since)":("[^"]*"|[\d.]+)|etag[^)]*\)')


def without_ages(told: bytes) -> bytes:
    """Without what goes by the clock alone."""
    return AGES.sub(b"", told)


def said_by_all_doors(found: Full, client: Client, viewer: Viewer, ids: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    client.current.show(found.services, viewer)
    asked = Asked(client, client.current, ids, found.folder)  # type: ignore[arg-type]
    for name, door in doors(datetime.now(UTC)).items():
        yield name, door(asked)
    yield from records(asked)
    yield from files(found, viewer)


def files(found: Full, viewer: Viewer) -> Iterator[tuple[str, bytes]]:
    """What exports in packed formats hold, unpacked."""
    seen = found.services.picture.seen_by(viewer)
    for name in COLLECTIONS:
        for format_ in ("xlsx", "gpkg", "parquet"):
            file = found.folder / f"{name}.{format_}"
            export(seen, name, Filters(), format_, file)  # type: ignore[arg-type]
            content = file.read_bytes()
            if format_ == "xlsx":
                with zipfile.ZipFile(io.BytesIO(content)) as packed:
                    content = b"".join(packed.read(part) for part in packed.namelist())
            elif format_ == "parquet":
                content = repr(pyarrow.parquet.read_table(file).to_pylist()).encode()
            yield file.name, content


def test_withheld_and_absent_answer_alike(site: tuple[Full, Client]) -> None:
    found, client = site
    client.current.show(found.services, PARTNER)
    table = found.services.picture.tables["incident"]
    hidden = [public_id(int(one)) for one in table["id"]][:4]
    for path in ("/api/records/{}", "/ogc/collections/incidents/items/{}"):
        told: set[Any] = {client.get(path.format(each)).told for each in (*hidden, "0123456789abcdef", "nonsense")}
        assert len(told) == 1
        assert next(iter(told))[0] == 404


def test_an_unclassed_route_would_be_noticed(site: tuple[Full, Client]) -> None:
    found = routes_of(site[1])
    for route in ("GET /api/status", "POST /_dash-update-component", "GET /tiles/{layer}/{revision}/{z}/{x}/{y}.pbf"):
        assert route in found
