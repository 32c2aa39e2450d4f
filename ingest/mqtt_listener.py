"""A subscription at an MQTT broker (3.1.1): what is published under a topic filter, acknowledged once it is durable.

The session at the broker is ours and stays when we are gone: what is published meanwhile with QoS 1 waits there. A message is
acknowledged after `deliver` has returned, never before, so whatever ends this process between the two, it comes again. While a
batch is being delivered nothing more is read, which holds the broker back. QoS 0 makes no promise on the way to us; from here
on it is treated alike. An empty message clears a retained one and says nothing else.
"""

from __future__ import annotations

import logging
import re
import select
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from data.settings import BadSettings, Source
from ingest.fetch import Unheard, secret_lines

log = logging.getLogger(__name__)

PORTS = {"mqtt": 1883, "mqtts": 8883}
ADDRESS = re.compile(r"(mqtts?)://(\[[0-9A-Fa-f:.]+\]|[^/@:\[\]]+)(?::(\d{1,5}))?/(.+)\Z", re.DOTALL)
FILTER = re.compile(r"(?:(?:[^+#\0]*|\+)/)*(?:[^+#/\0]*|\+|#)\Z")
"""A wildcard is a whole level, and `#` the last."""
KEEP_ALIVE_S = 60
ANSWER_S = 20.0
"""For the broker to answer to a connection and a subscription."""
BATCH_MESSAGES = 200
BATCH_BYTES = 8 << 20
LONGEST_RETRY_S = 30.0


@dataclass(frozen=True)
class Message:
    topic: str
    content: bytes


Deliver = Callable[[Sequence[Message]], None]


@dataclass(frozen=True)
class Broker:
    """Where to subscribe, to what, and as whom. `client_id` names our session at the broker."""

    host: str
    port: int
    topic: str
    client_id: str = ""
    earlier_topic: str = ""
    """What this session was subscribed to before, where that was something else."""
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)


def place_of(source: Source) -> tuple[str, str, int, str]:
    """Scheme, host, port and topic filter of an address. Raises `BadSettings`; `#` is a wildcard here, no fragment."""
    found = ADDRESS.match(source.address)
    if found is None or not FILTER.match(found[4]) or not 0 < int(found[3] or 1) < 65_536:
        raise BadSettings(
            f"source '{source.name}' has the address '{source.address.partition('@')[2] or source.address}'; "
            "use mqtt://HOST:PORT/TOPIC/FILTER/# (user and password go into secrets/<source>.login)."
        )
    scheme, host, port, topic = found.groups()
    return scheme, host.strip("[]"), int(port or PORTS[scheme]), topic


def login_of(home: Path, source_name: str) -> tuple[str | None, str | None]:
    """User and password from the lines `user: …` and `password: …` of `secrets/<source>.login`; Nones where it is not."""
    found = dict.fromkeys(("user", "password"))
    told: dict[str, str | None] = dict(found)
    for line in secret_lines(home, source_name, ".login"):
        name, colon, value = line.partition(":")
        if not colon or name.strip().lower() not in found:
            raise Unheard(f"secrets/{source_name}.login has a line that is neither `user: NAME` nor `password: WORD`.")
        told[name.strip().lower()] = value.strip()
    return told["user"], told["password"]


def subscribed(broker: Broker, deliver: Deliver, stopping: threading.Event, up: Callable[[], None]) -> None:
    """Pass on what is published until stopping; `up` is called when the subscription stands.

    `deliver` may raise: then the same messages come to it again, after 1 s, 2 s and so on up to 30 s. Raises `Unheard` where
    the broker cannot be reached, refuses us, or the connection is lost.
    """
    session = _Session(broker)
    try:
        session.open(stopping)
        if not stopping.is_set():
            up()
        while not stopping.is_set():
            session.move(0.1 if not session.waiting else 0.0)
            if session.waiting and (session.full or not session.readable()):
                _deliver(session, deliver, stopping)
    finally:
        session.close()


def _deliver(session: _Session, deliver: Deliver, stopping: threading.Event) -> None:
    batch, session.waiting = session.waiting, []
    pause = 1.0
    while True:
        try:
            deliver([Message(each.topic, bytes(each.payload)) for each in batch if each.payload])
        except Exception as error:  # noqa: BLE001 (whatever it is, the messages are still here)
            log.warning("%d messages could not be delivered, trying again in %.0f s: %s", len(batch), pause, error)
        else:
            break
        if stopping.wait(pause):
            return  # not acknowledged: the broker has them still
        pause = min(2 * pause, LONGEST_RETRY_S)
    for message in batch:
        session.client.ack(message.mid, message.qos)


class _Session:
    """One connection. Everything happens in the thread that calls; nothing is read but in `move`."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.waiting: list[mqtt.MQTTMessage] = []
        self.refused = ""
        self._stands = False
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=broker.client_id, clean_session=False, manual_ack=True
        )
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_message = lambda _client, _data, message: self.waiting.append(message)
        if broker.user is not None:
            client.username_pw_set(broker.user, broker.password)
        if broker.tls is not None:
            client.tls_set_context(broker.tls)
        self.client = client

    @property
    def full(self) -> bool:
        return (
            len(self.waiting) >= BATCH_MESSAGES or sum(len(message.payload) for message in self.waiting) >= BATCH_BYTES
        )

    def open(self, stopping: threading.Event) -> None:
        """Connect and subscribe. What waited at the broker may come first; it is kept for `waiting`."""
        at = f"{self.broker.host}:{self.broker.port}"
        try:
            self.client.connect(self.broker.host, self.broker.port, KEEP_ALIVE_S)
        except ssl.SSLError as error:
            raise Unheard(f"the broker {at} is not trusted, or does not speak TLS: {error.reason or error}.") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise Unheard(f"the broker {at} cannot be reached: {reason}.") from None
        deadline = time.monotonic() + ANSWER_S
        while not self._stands and not stopping.is_set():
            self.move(0.1)
            if time.monotonic() > deadline:
                raise Unheard(f"the broker {at} does not answer as an MQTT broker.")

    def readable(self) -> bool:
        sock: Any = self.client.socket()
        if sock is None:
            return False
        if isinstance(sock, ssl.SSLSocket) and sock.pending():
            return True
        return bool(self._polled(sock, 0.0) & select.POLLIN)

    def move(self, wait_s: float) -> None:
        """Read and write what there is, waiting at most so long for something. Raises `Unheard` where the line is down."""
        sock: Any = self.client.socket()
        code = MQTTErrorCode.MQTT_ERR_NO_CONN
        if sock is not None:
            ready = select.POLLIN if self.readable() else self._polled(sock, wait_s)
            code = self.client.loop_read() if ready & ~select.POLLOUT else MQTTErrorCode.MQTT_ERR_SUCCESS
            if code == MQTTErrorCode.MQTT_ERR_SUCCESS and self.client.want_write():
                code = self.client.loop_write()
            if code == MQTTErrorCode.MQTT_ERR_SUCCESS:
                code = self.client.loop_misc()
        if self.refused:
            raise Unheard(self.refused)
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise Unheard(f"the broker {self.broker.host}:{self.broker.port} broke off: {mqtt.error_string(code)}")

    def _polled(self, sock: Any, wait_s: float) -> int:
        poll = select.poll()  # not select(): a busy server has more than 1,024 files open
        poll.register(sock, select.POLLIN | (select.POLLOUT if self.client.want_write() else 0))
        return sum(event for _, event in poll.poll(wait_s * 1_000))

    def close(self) -> None:
        self.client.disconnect()
        if (sock := self.client.socket()) is not None:
            sock.close()

    def _connected(self, client: mqtt.Client, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if code.is_failure:
            remedy = "; put `user:` and `password:` into secrets/<source>.login in the home folder" * (
                str(code) in ("Not authorized", "Bad user name or password")
            )
            self.refused = f"the broker {self.broker.host}:{self.broker.port} refuses us: {code}{remedy}."
            return
        if self.broker.earlier_topic not in ("", self.broker.topic):
            client.unsubscribe(self.broker.earlier_topic)
        client.subscribe(self.broker.topic, qos=1)

    def _subscribed(self, _client: mqtt.Client, _data: Any, _mid: int, codes: Sequence[Any], _properties: Any) -> None:
        if any(code.is_failure for code in codes):
            self.refused = f"the broker does not let us read {self.broker.topic}; its access list has to allow it."
            return
        self._stands = True
