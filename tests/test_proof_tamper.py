"""Ten thousand requests nobody's page would send: forged stores, hidden callbacks, tampered ids, addresses out of every mould.
None of them breaks the server, and none tells the partner more than the partner's own page would."""

from __future__ import annotations

import json
import logging
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard.kpis import all_kpis
from data.access import NOBODY
from data.records import COLLECTIONS
from data.seen import public_id
from layers.layer import all_layers
from tests.canaries import PARTNER, Full, full, kept_back
from tests.doors import FOLLOW
from tests.inprocess import Answer, Client, client_of

REQUESTS = 10_000
SEED = int(os.environ.get("COMMONGROUND_SEED", "20261120"))
OUTPUTS = (
    "cg-page.children",
    "cg-table.children",
    FOLLOW,
    "cg-table.data-asked",
    "cg-drawer.children",
    "..a.b...c.d..",
    "",
    "x",
)
COMPONENTS = (
    "url",
    "address",
    "cg-table",
    "cg-mantine",
    "store-viewer",
    "session",
    "words-told",
    '{"type":"x","index":1}',
)
PROPERTIES = ("pathname", "search", "data", "data-asked", "value", "children", "n_clicks", "__class__")
WORDS = (
    *(
        "",
        "/",
        "/wall",
        "/admin",
        "/feeds",
        "?table=critical",
        "?table=__init__",
        "?lang=xx",
        "?as_known_at=2026-13-45",
    ),
    *(
        "?view_as=agency:Intel",
        "?view_as=account:root",
        "' OR 1=1 --",
        "../../etc/passwd",
        "\x00",
        "\ud800",
        "<script>",
        "%00",
    ),
    *("9" * 400, "-1", "NaN", "1e309", "0x10", "٣", "a" * 5_000, "*", "mission", "Intel", "hidden", "severe", "null"),
)
QUERY = (
    *(
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
        "as_known_at",
    ),
    *(
        "limit",
        "offset",
        "kpi",
        "by",
        "collection",
        "layer",
        "cell",
        "metric",
        "item",
        "lang",
        "view_as",
        "z",
        "x",
        "y",
    ),
    *(
        "fatalities",
        "sub_event_type",
        "adm1_pcode",
        "sensitivity",
        "exercise",
        "table",
        "viewer",
        "clearance",
        "compartments",
    ),
)
VALUES = (
    *("2026-11-20T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "7d", "9999y", "0h", "all", "30,5,31,7"),
    *(
        "180,-90,-180,90",
        "nan,nan,nan,nan",
        "1e400,0,0,0",
        "30,5,0,31,7,9",
        "XT",
        "XT01",
        "critical",
        "unknown",
        "Intel",
    ),
    *("hidden", "withdrawn", "0/8/6", "3/65/54", "99/0/0", "-1/-1/-1", "1/1", "agency:Intel", "incidents", "day,week"),
    *("adm2_pcode,category", "source,agency,sub_event_type", "time", "mark", "1000000", "0", "true"),
)
METHODS = ("GET", "GET", "GET", "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")


def anything(rng: random.Random, depth: int = 0) -> Any:
    """A value of any shape JSON has."""
    kind = rng.randrange(9 if depth < 3 else 6)
    if kind < 3:
        return rng.choice(WORDS)
    if kind < 6:
        return rng.choice((None, True, False, 0, -1, 2**63, 1.5, 1e308, [], {}))
    if kind == 6:
        return [anything(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {
        rng.choice((*COMPONENTS, *PROPERTIES, "props", "type", "namespace")): anything(rng, depth + 1) for _ in range(3)
    }


def text(rng: random.Random) -> Any:
    return rng.choice(WORDS) if rng.random() < 0.8 else anything(rng)


def part(rng: random.Random) -> Any:
    if rng.random() < 0.05:
        return anything(rng)
    told = {"id": rng.choice(COMPONENTS), "property": rng.choice(PROPERTIES), "value": text(rng)}
    if rng.random() < 0.1:
        told.pop(rng.choice(list(told)))
    return told


def callback(rng: random.Random) -> bytes:
    """A body for the callback route: mostly in its form, with anything in its places."""
    output = rng.choice(OUTPUTS)
    if rng.random() < 0.5:  # the page's own callbacks, with forged values
        output, inputs, state = rng.choice(
            (
                ("cg-page.children", [("url", "pathname")], [("url", "search")]),
                ("cg-table.children", [("cg-table", "data-asked")], []),
                (FOLLOW, [("address", "data")], []),
            )
        )
        body: Any = {
            "output": output,
            "outputs": outputs(output),
            "inputs": [{"id": name, "property": prop, "value": address(rng)} for name, prop in inputs],
            "state": [{"id": name, "property": prop, "value": address(rng)} for name, prop in state],
            "changedPropIds": [f"{name}.{prop}" for name, prop in inputs],
        }
    else:
        body = {
            "output": output,
            "outputs": rng.choice((outputs(output), anything(rng))),
            "inputs": [part(rng) for _ in range(rng.randrange(4))],
            "state": [part(rng) for _ in range(rng.randrange(3))],
            "changedPropIds": rng.choice(([], ["url.pathname"], anything(rng))),
        }
    for _ in range(rng.randrange(3)):
        if rng.random() < 0.25:
            body.pop(rng.choice(list(body)), None)
        elif rng.random() < 0.1:
            body[rng.choice(list(body) or ["x"])] = anything(rng)
        if not body:
            break
    if rng.random() < 0.03:
        return rng.choice((b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 5_000))
    return json.dumps(body).encode()


def outputs(output: str) -> Any:
    if output.startswith(".."):
        return [outputs(each) for each in output.strip(".").split("...")]
    name, _, prop = output.rpartition(".")
    return {"id": name, "property": prop}


def address(rng: random.Random) -> Any:
    """A query as an address carries it, or something else."""
    if rng.random() < 0.3:
        return text(rng)
    kpi = rng.choice(all_kpis()).id
    pairs = [f"{rng.choice(QUERY)}={rng.choice(VALUES)}" for _ in range(rng.randrange(4))]
    return "?" + "&".join([f"table={kpi}", *pairs])


def path(rng: random.Random, ids: list[str]) -> str:
    collection, layer = rng.choice((*COLLECTIONS, "nothing")), rng.choice((*all_layers(), "nothing"))
    revision = rng.choice(("latest", "0", "1", "5", "99999", "-1", "x", "9" * 30))
    z, x, y = (rng.choice(("0", "3", "4", "14", "22", "-1", "x", "9" * 12)) for _ in range(3))
    found = rng.choice(
        (
            *(
                "/healthz",
                "/api/status",
                "/api/counts",
                "/api/kpis",
                "/api/layers",
                "/api/pick",
                "/api/quarantine",
                "/ogc",
            ),
            *("/api/admin", "/api/admin/audit", "/api/view-as", "/ogc/collections", "/account", "/sign-in", "/live/x"),
            f"/api/counts?collection={collection}",
            f"/api/pick?layer={layer}",
            f"/api/records/{rng.choice((*ids, 'x', '0' * 16, 'g' * 16, '-' + '1' * 15))}",
            f"/tiles/{layer}/{revision}/{z}/{x}/{y}.pbf",
            f"/ogc/collections/{collection}",
            f"/ogc/collections/{collection}/items",
            f"/ogc/collections/{collection}/items",
            f"/ogc/collections/{collection}/items/{rng.choice(ids)}",
            "/" + "/".join(rng.choice(("api", "..", "%2e%2e", "assets", "_dash-layout", "", "%00")) for _ in range(3)),
        )
    )
    pairs = "&".join(f"{rng.choice(QUERY)}={rng.choice(VALUES)}" for _ in range(rng.randrange(4)))
    return found + ("&" if "?" in found else "?") * bool(pairs) + pairs.replace("+", "%2B").replace(" ", "%20")


def forged(rng: random.Random) -> dict[str, str]:
    """Headers by which somebody might pass for somebody else."""
    given = {
        "cookie": "commonground=forged; viewer=Intel",
        "x-forwarded-user": "root",
        "x-viewer": "Intel",
        "accept-encoding": "identity",
        "if-none-match": '"x"',
        "last-event-id": "0",
        "accept": "text/html",
    }
    return {
        name: given[name]
        for name in rng.sample(list(given), rng.randrange(3))
        if name != "cookie" or rng.random() < 0.5
    }


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Full, Client, list[str]]]:
    with full(tmp_path_factory.mktemp("tamper"), ("title", "reporter", "fatalities")) as found:
        client = client_of(found.services)
        ids = [public_id(int(one)) for table in found.services.picture.tables.values() for one in table["id"]]
        yield found, client, ids
        client.close()


def test_ten_thousand_tampered_requests(site: tuple[Full, Client, list[str]], caplog: pytest.LogCaptureFixture) -> None:
    found, client, ids = site
    rng = random.Random(SEED)
    words = [secret.word.encode() for secret in kept_back(found, ("title", "reporter", "fatalities"))]
    caplog.set_level(logging.ERROR)
    kinds: list[Callable[[], tuple[str, Answer]]] = [
        lambda: sent(client, rng),
        lambda: asked(client, rng, ids),
    ]
    statuses: dict[int, int] = {}
    for number in range(REQUESTS):
        client.current.show(found.services, PARTNER if number % 10 else NOBODY)
        what, answer = kinds[number % 2]()
        assert answer.status < 500, (SEED, number, what, answer.body[:300], caplog.text[-2_000:])
        told = repr(answer.headers).encode() + answer.body
        # One search for what all these words share, then for each: few answers hold it.
        if b"cnry" in told or b"3133" in told or b"30.7" in told:
            leaked = [word for word in words if word in told]
            assert not leaked, (SEED, number, what, leaked)
        statuses[answer.status] = statuses.get(answer.status, 0) + 1
    assert statuses[200] > REQUESTS // 10, "many of them were nearly right"
    assert sum(count for status, count in statuses.items() if status >= 400) > REQUESTS // 10
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def sent(client: Client, rng: random.Random) -> tuple[str, Answer]:
    body = callback(rng)
    return repr(body), client.request("POST", "/_dash-update-component", body, forged(rng))


def asked(client: Client, rng: random.Random, ids: list[str]) -> tuple[str, Answer]:
    to = path(rng, ids)
    method = rng.choice(METHODS)
    body = callback(rng) if method in ("POST", "PUT", "PATCH") else b""
    return f"{method} {to}", client.request(method, to, body, forged(rng))


def test_a_forged_store_gets_what_its_viewer_gets(site: tuple[Full, Client, list[str]]) -> None:
    """What a page says of who it is counts for nothing: the answer is the same to the byte."""
    found, client, _ = site
    client.current.show(found.services, PARTNER)
    plain = client.callback("cg-page.children", [("url", "pathname", "/")], [("url", "search", "")])
    assert plain.status == 200
    forged_state = [
        ("url", "search", ""),
        ("session", "data", {"agency": "*", "clearance": 3}),
        ("viewer", "data", "root"),
    ]
    again = client.callback("cg-page.children", [("url", "pathname", "/")], forged_state[:1])
    assert again.body == plain.body
    tampered = client.callback("cg-page.children", [("url", "pathname", "/")], forged_state)
    assert tampered.status < 500
    assert b"cnryhidden" not in tampered.body


def test_a_leak_would_be_noticed(site: tuple[Full, Client, list[str]], tmp_path: Path) -> None:
    """The same requests as somebody who may see it all do hold the words that are searched for."""
    from data.access import LOCAL_OPERATOR

    found, client, ids = site
    client.current.show(found.services, LOCAL_OPERATOR)
    rng = random.Random(SEED)
    words = [secret.word.encode() for secret in kept_back(found, ("title", "reporter", "fatalities"))]
    heard: set[bytes] = set()
    for number in range(600):
        _, answer = (sent(client, rng), asked(client, rng, ids))[number % 2]
        heard.update(word for word in words if word in answer.body)
    assert len(heard) > 100
