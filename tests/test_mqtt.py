"""An MQTT subscription against a real Mosquitto: nothing is acknowledged before it is durable, whoever dies in between."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from data import quarantine
from data.certificates import PASSWORD, make_client, make_server
from data.settings import BadSettings, Settings
from data.store import Store
from data.tls import keys_of
from ingest.run import start
from tests import servers
from tests.test_sources import GOLDEN, settings_of, started, state, store, titles, until

__all__ = ["store"]

ROOT = Path(__file__).resolve().parent.parent
QUAKES = (GOLDEN / "usgs/summary.geojson").read_bytes()


def location(tst: int = 1_795_197_600, lat: float = -11.2) -> bytes:
    told = {"_type": "location", "tid": "am", "tst": tst, "lat": lat, "lon": 171.5, "acc": 9, "batt": 80}
    return json.dumps(told).encode()


@contextmanager
def publisher(broker: servers.Address) -> Iterator[mqtt.Client]:
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.connect(*broker)
    client.loop_start()
    yield client
    client.disconnect()
    client.loop_stop()


def publish(broker: servers.Address, *messages: tuple[str, bytes], retain: bool = False) -> None:
    """On return the broker has them (QoS 1)."""
    with publisher(broker) as client:
        for topic, content in messages:
            client.publish(topic, content, qos=1, retain=retain).wait_for_publish(20)


def source_at(home: Path, broker: servers.Address, topic: str, feed: str = "auto", more: str = "") -> Settings:
    return settings_of(home, feed, f"mqtt://{broker.host}:{broker.port}/{topic}", more)


def test_messages_of_several_feeds_are_read_and_repeated_ones_change_nothing(
    store: Store, home: Path, mosquitto: servers.Address
) -> None:
    settings = source_at(home, mosquitto, "one/#")
    publish(mosquitto, ("one/owntracks/amina/phone", location()), retain=True)
    with started(store, settings):
        until(lambda: titles(store, "track") == {"amina/phone"})
        publish(mosquitto, ("one/quakes", QUAKES), ("other", location()))
        until(lambda: titles(store, "incident"))
        revision = store.revision()
        publish(mosquitto, ("one/owntracks/amina/phone", location()), ("one/quakes", QUAKES), ("one/nothing", b""))
        publish(mosquitto, ("one/owntracks/jonas/phone", location()))
        until(lambda: len(titles(store, "track")) == 2)
        assert store.revision() == revision + 1
    assert state(store, settings).state == "fresh"
    with started(store, settings):  # the retained one comes again
        publish(mosquitto, ("one/owntracks/sara/phone", location()))
        until(lambda: len(titles(store, "track")) == 3)
    assert store.revision() == revision + 2
    assert {row["feed"] for row in quarantine.entries(store.reader)} == {"usgs"}, "rows of its own that it refuses"


def test_rubbish_is_kept_and_spoils_nothing_beside_it(store: Store, home: Path, mosquitto: servers.Address) -> None:
    settings = source_at(home, mosquitto, "two/#")
    with started(store, settings):
        until(lambda: state(store, settings).last_tried)  # subscribed
        publish(mosquitto, ("two/x", b"\x00\xff\x13 no data"))
        until(lambda: state(store, settings).state == "failed")
        assert "is recognised by no feed" in state(store, settings).last_error
        publish(mosquitto, ("two/u/d", location()), ("two/x", b"<html>"), ("two/u/e", location()))
        until(lambda: titles(store, "track") == {"u/d", "u/e"})
    raws = [row["raw"] for row in quarantine.entries(store.reader)]
    assert sorted(raws) == [b"\x00\xff\x13 no data", b"<html>"]
    named = source_at(home, mosquitto, "three/#", "owntracks")
    with started(store, named):
        publish(mosquitto, ("three/u/d", b"low battery"), ("three/u/g", location()), retain=True)
        until(lambda: "u/g" in titles(store, "track"))
    (row,) = [row for row in quarantine.entries(store.reader) if row["feed"] == "owntracks"]
    assert row["reason"] == "_type: is missing; this is no message of OwnTracks"
    assert b"low battery" in row["raw"]


DIES = """
import os, sys, threading
from ingest.mqtt_listener import Broker, subscribed
subscribed(Broker("127.0.0.1", int(sys.argv[1]), "four/#", sys.argv[2]), lambda told: os._exit(9), threading.Event(), print)
"""


def test_what_a_process_had_when_it_died_comes_again(store: Store, home: Path, mosquitto: servers.Address) -> None:
    settings = source_at(home, mosquitto, "four/#")
    with started(store, settings):
        until(lambda: state(store, settings).last_tried)  # our session stands at the broker
    from data import health

    client_id = health.validators(store, "s")["client_id"]
    publish(mosquitto, ("four/a/b", location()))  # while nobody is there
    arguments = [sys.executable, "-c", DIES, str(mosquitto.port), client_id]
    died = subprocess.run(arguments, cwd=ROOT, capture_output=True, check=False, timeout=120)
    assert died.returncode == 9, died.stderr
    assert store.revision() == 0
    with started(store, settings):
        until(lambda: titles(store, "track") == {"a/b"})
    assert store.revision() == 1


def test_what_cannot_be_stored_is_not_acknowledged(store: Store, home: Path, mosquitto: servers.Address) -> None:
    from ingest.mqtt_listener import Broker, subscribed

    tried: list[bytes] = []
    stopping = threading.Event()
    broker = Broker(*mosquitto, "five/#", "common-ground-five")

    def cannot(messages: object) -> None:
        tried.append(messages[0].content)  # type: ignore[index]
        if len(tried) == 2:
            stopping.set()
        raise OSError("the disk is full")

    up = threading.Event()
    thread = threading.Thread(target=subscribed, args=(broker, cannot, stopping, up.set))
    thread.start()
    assert up.wait(60)
    publish(mosquitto, ("five/a", b"1"))
    thread.join(60)
    assert tried == [b"1", b"1"]
    heard: list[bytes] = []
    stopping.clear()

    def takes(messages: object) -> None:
        heard.extend(each.content for each in messages)  # type: ignore[attr-defined]
        stopping.set()

    subscribed(broker, takes, stopping, lambda: None)
    assert heard == [b"1"]
    publish(mosquitto, ("five/b", b"2"))
    stopping.clear()
    subscribed(broker, takes, stopping, lambda: None)
    assert heard == [b"1", b"2"], "what was acknowledged does not come again"


def test_a_broker_may_be_down_at_the_start_and_go_and_come_back(store: Store, home: Path, tmp_path: Path) -> None:
    at, kept = servers.Address("127.0.0.1", servers.free_port()), tmp_path / "broker"
    kept.mkdir()
    settings = source_at(home, at, "+/phone", "owntracks")
    try:
        servers.find(servers.MOSQUITTO)
    except servers.Absent as absent:
        pytest.skip(str(absent))
    with started(store, settings):
        until(lambda: state(store, settings).state == "failed")
        assert state(store, settings).last_error.endswith("cannot be reached: Connection refused.")
        with servers.mosquitto(kept, at.port):
            until(lambda: state(store, settings).state == "never")
            publish(at, ("a/phone", location()))
            until(lambda: state(store, settings).state == "fresh")
        until(lambda: state(store, settings).state == "failed")
    with servers.mosquitto(kept, at.port):
        publish(at, ("b/phone", location()))  # our session outlived the broker and us
        with started(store, settings):
            until(lambda: len(titles(store, "track")) == 2)


def failure(store: Store, settings: Settings) -> str:
    """What is said of a source that cannot be heard."""
    before = state(store, settings).last_tried
    with started(store, settings):
        until(lambda: state(store, settings).state == "failed" and state(store, settings).last_tried != before)
    return state(store, settings).last_error


def test_a_broker_that_wants_a_password_gets_it_from_the_secrets(store: Store, home: Path, tmp_path: Path) -> None:
    salt = b"0123456789ab"
    hashed = base64.b64encode(hashlib.pbkdf2_hmac("sha512", b"swordf\xc3\xads", salt, 101)).decode()
    passwords = tmp_path / "passwords"
    passwords.write_text(f"ops:$7$101${base64.b64encode(salt).decode()}${hashed}\n")
    passwords.chmod(0o600)
    access = tmp_path / "access"
    access.write_text("user ops\ntopic read mine/#\n")
    access.chmod(0o600)
    options = f"password_file {passwords}\nacl_file {access}\nallow_anonymous false\n"
    try:
        with servers.mosquitto(settings=options) as broker:
            settings = source_at(home, broker, "mine/#")
            login = home / "secrets" / "s.login"
            login.parent.mkdir(mode=0o700)
            assert "put `user:` and `password:` into secrets/<source>.login" in failure(store, settings)
            login.write_text("user: ops\npassword: swordfís\n")
            login.chmod(0o644)
            assert failure(store, settings).endswith("is open to others on this machine (mode 644); chmod 600 it.")
            login.chmod(0o600)
            with started(store, settings):
                until(lambda: state(store, settings).state == "never")
            assert "swordf" not in repr(state(store, settings))
    except servers.Absent as absent:
        pytest.skip(str(absent))


@pytest.mark.parametrize(
    "address",
    ["mqtt://h", "mqtt://h/", "mqtt://h/a/#/b", "mqtt://h/a+/b", "mqtt://u:p@h/a", "mqtt://h:99999/a", "mqtts:///a"],
)
def test_an_address_that_is_no_subscription_is_said_at_the_start(store: Store, home: Path, address: str) -> None:
    with pytest.raises(BadSettings, match="use mqtt://HOST:PORT/TOPIC/FILTER/#") as error:
        start(store, settings_of(home, "owntracks", address))
    assert "p@" not in str(error.value)


# paho leaves the socket of a handshake that failed to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_over_tls_both_sides_show_who_they_are(store: Store, home: Path, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    made = make_server(tmp_path, "broker", ["127.0.0.1"], now)
    key, certificate, _ = pkcs12.load_key_and_certificates(
        make_client(tmp_path, "broker", "us", now)[0], PASSWORD.encode()
    )
    assert key is not None
    assert certificate is not None
    port = servers.free_port()
    options = f"listener {port} 127.0.0.1\ncafile {made.authority}\ncertfile {made.certificate}\nkeyfile {made.key}\n"
    options += "require_certificate true\n"
    settings = settings_of(home, "auto", f"mqtts://127.0.0.1:{port}/tls/#")
    ours = keys_of(home, "s")
    ours.key.parent.mkdir(mode=0o700)
    try:
        with servers.mosquitto(settings=options) as plain:
            assert "is not trusted" in failure(store, settings), "its CA is none of this machine's"
            ours.authority.write_bytes(made.authority.read_bytes())
            assert "broke off" in failure(store, settings) or "is not trusted" in state(store, settings).last_error
            ours.key.touch(0o600)
            pem = serialization.Encoding.PEM
            ours.key.write_bytes(
                key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())  # type: ignore[union-attr]
            )
            ours.certificate.write_bytes(certificate.public_bytes(pem))
            with started(store, settings):
                until(lambda: state(store, settings).state == "never")
                publish(plain, ("tls/a/phone", location()))
                until(lambda: titles(store, "track") == {"a/phone"})
    except servers.Absent as absent:
        pytest.skip(str(absent))
