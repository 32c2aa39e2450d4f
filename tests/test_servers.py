"""The servers the other tests lean on are the real ones, and they come and go."""

import queue
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
import sqlalchemy

from tests import servers


def test_postgres_answers_with_postgis(postgres_url: str) -> None:
    engine = sqlalchemy.create_engine(postgres_url)
    with engine.connect() as link:
        version = link.execute(sqlalchemy.text("SELECT postgis_lib_version()")).scalar_one()
        metres = link.execute(
            sqlalchemy.text("SELECT ST_Distance('POINT(0 0)'::geography, 'POINT(1 0)'::geography)")
        ).scalar_one()
    engine.dispose()
    assert int(version.split(".")[0]) >= 3
    assert metres == pytest.approx(111_319.49, abs=0.01)


def test_every_database_is_fresh(postgres: servers.Postgres) -> None:
    with postgres.database() as first, postgres.database() as second:
        assert first != second
        engine = sqlalchemy.create_engine(first)
        with engine.begin() as link:
            link.execute(sqlalchemy.text("CREATE TABLE mark (n integer)"))
        engine.dispose()
        engine = sqlalchemy.create_engine(second)
        assert not sqlalchemy.inspect(engine).has_table("mark")
        engine.dispose()


def test_mosquitto_carries_a_message(mosquitto: servers.Address) -> None:
    heard: queue.Queue[bytes] = queue.Queue()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _userdata, message: heard.put(message.payload)
    client.on_subscribe = lambda client, *_: client.publish("reports/field", b"bridge out", qos=1)
    client.connect(*mosquitto)
    client.subscribe("reports/#", qos=1)
    client.loop_start()
    assert heard.get(timeout=20) == b"bridge out"
    client.loop_stop()
    client.disconnect()


def test_nats_introduces_itself_and_carries_a_message(nats: servers.Address) -> None:
    with socket.create_connection(nats, timeout=20) as link, link.makefile("rwb") as lines:
        assert lines.readline().startswith(b'INFO {"server_id"')
        lines.write(b'CONNECT {"verbose":false}\r\nSUB reports.> 1\r\nPUB reports.field 10\r\nbridge out\r\nPING\r\n')
        lines.flush()
        assert lines.readline() == b"MSG reports.field 1 10\r\n"
        assert lines.readline() == b"bridge out\r\n"


@pytest.mark.parametrize("server", [servers.mosquitto, servers.nats, servers.postgres])
def test_a_server_is_gone_after_use(
    server: Callable[[], AbstractContextManager[servers.Address | servers.Postgres]],
) -> None:
    try:
        with server() as address:
            assert servers.listening(address.port)
    except servers.Absent as absent:
        pytest.skip(str(absent))
    assert not servers.listening(address.port)


def test_an_absent_server_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    need = servers.Need("Teapot", ("teapotd",), (), ("teapot-server",))
    with pytest.raises(servers.Absent, match=r"Teapot is not on this machine: .*make servers.* installs teapot-server"):
        servers.find(need)
