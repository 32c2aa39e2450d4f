"""A TAK server's map is kept as one viewer may see the picture, over real sockets, and read by pytak."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from configparser import ConfigParser
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

import app
from dashboard.outgoing import cot
from dashboard.outgoing.board import states
from dashboard.outgoing.tak import Sending
from data import audit
from data.access import Precision, Tlp
from data.accounts import Profile
from data.certificates import make_server
from data.identity import Identity
from data.marks import BadTerms
from data.outputs import CotOut, cot_out_of
from data.picture import Picture
from data.readings import Readings
from data.records import (
    KINDS,
    Entry,
    Incident,
    Record,
    Retract,
    Sensitivity,
    Severity,
    Track,
    blake,
    encoder,
)
from data.settings import Settings, Source, span_s
from data.sharing_changes import add_agreement, revoke_agreement, set_source_mark
from data.store import Batch, Store, open_store
from data.tls import server_context
from tests.pictures import chunks
from tests.tak_server import TakServer, tak_server

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns of what it could do with further packages
    import pytak

NOW = datetime.now(UTC)
ROOT = Path(__file__).parent.parent
OPEN = {"sensitivity": Sensitivity.low, "releasable_to": ("mission",)}
SOURCES = (
    Source("monitor", "acled", agency="MON", title="Conflict monitor", grade="C2", **OPEN),
    Source("fleet", "cot", agency="LOG", **OPEN),
    Source("clinics", "table", agency="MOH"),
    Source("advice", "table", agency="MON", tlp=Tlp.red, **OPEN),
    Source("coarse", "table", agency="MOH", precision=Precision.km5, **OPEN),
)


@dataclass
class Mission:
    settings: Settings
    store: Store
    picture: Picture
    readings: Readings

    def put(self, source: str, *records: Record) -> None:
        known = self.settings.sources[source]
        stamp = {"source": source, "agency": known.agency, "sensitivity": known.sensitivity}
        marked = [msgspec.structs.replace(one, **stamp, releasable_to=known.releasable_to) for one in records]
        self._append(source, chunks(iter(marked)))

    def take_back(self, source: str, kind: str, ref: str) -> None:
        gone = Retract(kind=kind, source_ref=ref, reason="said its source")
        body = encoder.encode(gone)
        entry = Entry(1, KINDS[kind].number, ref, blake(body), None, None, None, None, None, body, retracted=True)
        self._append(source, [[entry]])

    def _append(self, source: str, parts: Iterable[Sequence[Entry]]) -> None:
        received = int(datetime.now(UTC).timestamp() * 1e6)
        self.store.append(Batch(source, "test", "test.json", "00", received, parts))

    def exports(self) -> list[audit.Entry]:
        self.readings.flush()
        return audit.entries(self.store, act="export")


@pytest.fixture
def mission(tmp_path: Path) -> Iterator[Mission]:
    settings = Settings(
        home=tmp_path,
        database_url=f"sqlite:///{tmp_path / 'commonground.sqlite'}",
        sources={source.name: source for source in SOURCES},
        agencies={"WHO": "", "MOH": "", "MON": "", "LOG": ""},
    )
    store = open_store(settings.database_url)
    picture = Picture(store, app._sharing(store, settings))
    yield Mission(settings, store, picture, Readings(store))
    store.close()


@contextmanager
def sending(mission: Mission, server: TakServer, told: str = "agency:WHO", **more: Any) -> Iterator[Sending]:
    out = replace(CotOut("brigade", "127.0.0.1", server.port, False, told), **more)
    mission.settings = replace(mission.settings, cot_out=(out,))
    (begun,) = app._sending(mission.settings, mission.store, mission.picture, mission.readings)
    try:
        yield begun
    finally:
        begun.stop()


def clash(ref: str, **said: Any) -> Incident:
    told = {
        "category": "Armed clash",
        "severity": Severity.severe,
        "event_time": NOW - timedelta(hours=3),
        "grade": "C2",
    }
    return Incident(**{"source_ref": ref, "title": f"Clash {ref}", "lon": 30.123456, "lat": 5.654321, **told, **said})


def unit(ref: str, **said: Any) -> Track:
    told = {"category": "a-f-G-U-C", "callsign": ref, "event_time": NOW, "stale": NOW + timedelta(minutes=10)}
    moving = {"course_deg": 90.0, "speed_m_s": 12.5, "accuracy_m": 5.0, "altitude_m": 400.0, "how": "m-g"}
    return Track(**{"source_ref": ref, "lon": 31.0, "lat": 6.0, **told, **moving, **said})


def test_pytak_reads_tracks_and_incidents_as_they_are(mission: Mission) -> None:
    mission.put("monitor", clash("one", description="Shots <near> the bridge &\x07 ford"))
    mission.put("fleet", unit("ROVER 1"))
    events: list[bytes] = []

    async def listen(port: int, ready: Callable[[], None]) -> None:
        config = ConfigParser()
        config["cot"] = {"COT_URL": f"tcp://127.0.0.1:{port}", "TAK_PROTO": "0"}
        reader, writer = await pytak.protocol_factory(config["cot"])
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        receiver = pytak.RXWorker(queue, config["cot"], reader)
        ready()
        async with asyncio.timeout(30):
            while len(events) < 2:
                await receiver.run_once()
                event = await queue.get()
                if b't-x-c-t"' not in event:
                    events.append(event)
        writer.close()

    with tak_server() as server:
        begun: list[Any] = []

        def ready() -> None:
            begun.append(sending(mission, server))
            begun[0].__enter__()

        try:
            asyncio.run(listen(server.port, ready))
        finally:
            begun[0].__exit__(None, None, None)
        found = {told.get("type"): told for told in server.map.values()}
    assert sorted(re.search(rb'type="([^"]+)"', event)[1] for event in events) == [b"a-f-G-U-C", b"a-u-X-i-o"]  # type: ignore[index]
    track, incident = found["a-f-G-U-C"], found["a-u-X-i-o"]
    assert (track.get("how"), incident.get("how")) == ("m-r", "h-e")
    assert dict(track.find("point").attrib) == {
        "lat": "6.000000",
        "lon": "31.000000",
        "hae": "400.0",
        "ce": "5.0",
        "le": "9999999.0",
    }
    assert dict(track.find("detail/track").attrib) == {"course": "90.0", "speed": "12.5"}
    assert datetime.fromisoformat(track.get("stale")) == (NOW + timedelta(minutes=10)).replace(
        microsecond=NOW.microsecond // 1000 * 1000
    )
    remarks = incident.findtext("detail/remarks")
    assert "Shots <near> the bridge & ford" in remarks
    assert "Source: Conflict monitor (MON). Grade: C2." in remarks
    assert f"{NOW - timedelta(hours=3):%d%H%MZ%b%y}".upper() + ", 3 h before this was sent." in remarks
    assert "Severity: severe." in remarks
    assert incident.find("detail/contact").get("callsign") == "Clash one"
    sent, stale = (datetime.fromisoformat(incident.get(name)) for name in ("time", "stale"))
    assert stale - sent == timedelta(minutes=15)


def test_only_what_the_viewer_may_see_and_take_out_is_sent(mission: Mission) -> None:
    mission.put("monitor", clash("open"), clash("nowhere", lon=None, lat=None))
    mission.put("clinics", clash("owner's"))
    mission.put("advice", clash("for eyes only"))
    mission.put("coarse", clash("coarse", title="a place that is withheld"))
    mission.put("fleet", unit("old", event_time=NOW - timedelta(hours=2), stale=NOW - timedelta(hours=1)))
    with tak_server() as server, sending(mission, server):
        server.until(lambda: len(server.map) == 2)
        mission.put("monitor", clash("last", title="Last"))
        server.until(lambda: "Last" in server.callsigns())
        (coarse,) = (told for told in server.map.values() if told.find("point").get("ce") == "3600.0")
        everything = " ".join(cot.etree.tostring(told, encoding="unicode") for told in server.heard)
    assert server.callsigns() >= {"Clash open", "Last"}
    assert len(server.map) == 3
    assert "Place released to 5 km." in coarse.findtext("detail/remarks")
    assert coarse.find("point").get("lon") != "30.123456"
    for hidden in ("owner's", "eyes only", "withheld", "nowhere", "old", '30.123456" hae="9999999.0" ce="3600'):
        assert f'"{hidden}' not in everything
        assert f"Clash {hidden}" not in everything


def test_revised_moves_retracted_and_filtered_out_are_deleted(mission: Mission) -> None:
    mission.put("monitor", clash("moves"), clash("ends"), clash("calms"))
    filters = cot_out_of(
        {"name": "x", "address": "tcp://h:1", "as": "agency:WHO", "filter": "severity=serious&window=7d"}, span_s
    ).filters
    with tak_server() as server, sending(mission, server, filters=filters):
        server.until(lambda: len(server.map) == 3)
        (uid,) = (
            uid for uid, told in server.map.items() if told.find("detail/contact").get("callsign") == "Clash moves"
        )
        mission.put("monitor", clash("moves", lat=5.7), clash("calms", severity=Severity.minor))
        mission.take_back("monitor", "incident", "ends")
        server.until(
            lambda: server.callsigns() == {"Clash moves"} and server.map[uid].find("point").get("lat") == "5.700000"
        )
        deleted = [told for told in server.heard if told.get("type") == "t-x-d-d"]
    assert len(deleted) == 2
    assert {told.find("detail/link").get("type") for told in deleted} == {"a-u-X-i-o"}
    assert all(told.find("detail/__forcedelete") is not None for told in deleted)


def test_an_agreement_that_is_revoked_is_revoked_on_their_map(mission: Mission) -> None:
    mission.put("clinics", clash("shared"))
    mission.put("monitor", clash("open"))
    terms = {
        "grantor": "MOH",
        "grantees": ["WHO"],
        "from": "2020-01-01",
        "to": "2100-01-01",
        "maximum_sensitivity": "high",
    }
    add_agreement(mission.store, mission.settings, "admin", {"name": "MOH-WHO", **terms})
    with tak_server() as server, sending(mission, server):
        server.until(lambda: server.callsigns() == {"Clash open"})  # nothing above moderate, unless said
    Identity(mission.store).add(
        Profile("gateway", "service", agency="WHO", clearance=Sensitivity.severe, roles=("export",)), "test"
    )
    with tak_server() as server, sending(mission, server, "account:gateway", clearance=Sensitivity.high):
        server.until(lambda: len(server.map) == 2)
        revoke_agreement(mission.store, mission.settings, "admin", "MOH-WHO", "ended")
        took = server.until(lambda: server.callsigns() == {"Clash open"})
        assert took < 5
        Identity(mission.store).disable("gateway", "test")
        server.until(lambda: not server.map)
    (state,) = states(mission.settings.home, mission.settings.cot_out)
    exported = mission.exports()
    assert {entry.who for entry in exported} == {"cot_out brigade"}
    clauses = {entry.clause for entry in exported}
    assert "agreement 'MOH-WHO' of MOH; as account:gateway" in clauses
    uids = {f"CommonGround.{one}" for entry in exported for one in json.loads(entry.details)["ids"]}
    assert uids == {told.get("uid") for told in server.heard if told.get("type") == "a-u-X-i-o"}
    assert (state.state, state.shown, state.deleted) == ("stopped", 0, 2)
    assert state.last_error == "There is no account 'gateway' that may be used."


def test_what_may_no_longer_be_exported_is_taken_back(mission: Mission) -> None:
    mission.put("monitor", clash("open"))
    with tak_server() as server, sending(mission, server):
        server.until(lambda: len(server.map) == 1)
        set_source_mark(
            mission.store,
            mission.settings,
            "admin",
            "monitor",
            {"sensitivity": "low", "releasable_to": ["mission"], "tlp": "red"},
        )
        server.until(lambda: not server.map)


def test_a_lost_connection_is_made_again_and_deletions_are_said_again(mission: Mission) -> None:
    mission.put("monitor", clash("stays"), clash("ends"))
    with tak_server() as server:
        with sending(mission, server):
            server.until(lambda: len(server.map) == 2)
            server.close()
            mission.take_back("monitor", "incident", "ends")
            server.open()
            server.until(lambda: server.callsigns() == {"Clash stays"})
            assert server.connections == 2
        mission.take_back("monitor", "incident", "stays")  # while nobody sends
        with sending(mission, server):
            server.until(lambda: not server.map)


def test_a_server_that_is_away_or_takes_nothing_is_told_and_blocks_nobody(mission: Mission) -> None:
    with tak_server() as server:
        server.close()
        with sending(mission, server):
            server.until(lambda: states(mission.settings.home, mission.settings.cot_out)[0].state == "failed")
            mission.put("monitor", clash("meanwhile"))
            server.open()
            server.until(lambda: server.callsigns() == {"Clash meanwhile"})
            server.until(lambda: states(mission.settings.home, mission.settings.cot_out)[0].state == "connected")
        (state,) = states(mission.settings.home, mission.settings.cot_out)
    assert (state.state, state.shown) == ("stopped", 1)


def test_over_tls_the_server_has_to_be_the_one_it_says(mission: Mission, tmp_path: Path) -> None:
    mission.put("monitor", clash("open"))
    keys = make_server(tmp_path / "theirs", "takserver", ["takserver"], NOW)
    ours = mission.settings.home / "secrets"
    ours.mkdir()
    (ours / "brigade.ca").write_bytes(keys.authority.read_bytes())
    context = server_context(keys)
    context.verify_mode = ssl.CERT_NONE
    with tak_server(context) as server:
        with sending(mission, server, tls=True):
            server.until(lambda: states(mission.settings.home, mission.settings.cot_out)[0].state == "failed")
        (state,) = states(mission.settings.home, mission.settings.cot_out)
        assert "does not hold" in state.last_error
        assert server.heard == []
        with sending(mission, server, tls=True, server_name="takserver"):
            server.until(lambda: len(server.map) == 1)


def test_the_newest_are_sent_where_there_are_too_many(mission: Mission) -> None:
    mission.put("monitor", *(clash(f"{n}", event_time=NOW - timedelta(hours=n)) for n in range(1, 6)))
    with tak_server() as server, sending(mission, server, most=2):
        server.until(lambda: server.callsigns() == {"Clash 1", "Clash 2"})
        mission.put("monitor", clash("0"))
        mission.put("monitor", clash("0", event_time=NOW))
        server.until(lambda: server.callsigns() == {"Clash 0", "Clash 1"})


@pytest.mark.parametrize(
    ("told", "profile", "said"),
    [
        ("agency:NSO", {}, "There is no agency 'NSO'."),
        ("account:nobody here", {}, "There is no account 'nobody here' that may be used."),
        ("account:gateway", {"agency": "*"}, "The account 'gateway' is not of one agency."),
        ("account:gateway", {"agency": "WHO"}, "may not take anything out; give it the role export."),
    ],
)
def test_nobody_is_sent_out_who_may_not_be(mission: Mission, told: str, profile: dict[str, Any], said: str) -> None:
    mission.put("monitor", clash("open"))
    if profile:
        Identity(mission.store).add(Profile("gateway", "service", **profile), "test")
    with tak_server() as server:
        with sending(mission, server, told):
            server.until(lambda: any(event.get("type") == "t-x-c-t" for event in server.heard))
            server.until(lambda: said in states(mission.settings.home, mission.settings.cot_out)[0].last_error)
        assert server.map == {}


BASE = {"name": "brigade", "address": "tls://tak.example.org:8089", "as": "agency:LOG"}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"address": "https://x"}, "use tcp://HOST:PORT or tls://HOST:PORT"),
        ({"as": "LOG"}, "whose view is sent"),
        ({"collections": ["feedback"]}, "use a list of tracks, incidents"),
        ({"filter": "severty=critical"}, "NAME=VALUE"),
        ({"filter": "severity=dire"}, "severity"),
        ({"most": 0}, "a number from 1"),
        ({"stale": "1s"}, "use a span"),
        ({"name": "../x"}, "no file's"),
        ({"colour": "red"}, "'colour' is not a setting"),
    ],
)
def test_settings_that_would_send_something_else_are_refused(told: dict[str, Any], said: str) -> None:
    assert cot_out_of(BASE, span_s).address == "tls://tak.example.org:8089"
    with pytest.raises(BadTerms, match=re.escape(said)):
        cot_out_of({**BASE, **told}, span_s)


def test_every_type_that_is_sent_is_in_the_document() -> None:
    text = (ROOT / "docs" / "tak.md").read_text(encoding="utf-8")
    types = {*cot.INCIDENTS, cot.INCIDENT, cot.REPORT, cot.SITE, cot.HOSPITAL}
    assert {told for told in types if f"`{told}`" not in text} == set()
