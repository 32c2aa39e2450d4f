"""A source that is an MQTT subscription: kept up for good, and every message read by the feed that is its own."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import groupby

from data import health
from data.settings import Settings, Source
from data.store import Store
from data.tls import BadKeys, client_context, keys_of
from ingest import mqtt_listener
from ingest.feed import Feed, Payload
from ingest.feeds import all_feeds
from ingest.fetch import Unheard
from ingest.guard import Unreadable
from ingest.intake import AUTO, keep_unreadable, take_in
from ingest.mqtt_listener import Broker, Message, subscribed
from ingest.recognise import recognise
from ingest.schedule import LONGEST_DEAF_S, LOOK_EVERY_S, Running, backoff, broken

log = logging.getLogger(__name__)


def keep_subscribed(running: Running, settings: Settings, source: Source) -> None:
    """Subscribe, and again whenever the line is down, until stopping."""
    store, failures = running.store, 0

    def up() -> None:
        nonlocal failures
        log.info("source %s is %s", source.name, "heard again" if failures else "subscribed")
        failures = 0
        health.record_reachable(store, source, datetime.now(UTC))

    deliver = partial(_deliver, store, settings, source)
    wait_s = 0.0
    while not running.stopping.wait(wait_s):
        try:
            subscribed(_broker(store, settings, source), deliver, running.stopping, up)
        except Exception as error:  # noqa: BLE001 (whatever it is, the next try may succeed)
            broken(store, source, error, first=not failures)
            failures += 1
        wait_s = min(backoff(LOOK_EVERY_S, failures), LONGEST_DEAF_S)


def _broker(store: Store, settings: Settings, source: Source) -> Broker:
    """The broker with what is in the secrets folder now; our session's name there is made once and kept."""
    scheme, host, port, topic = mqtt_listener.place_of(source)
    known = health.validators(store, source.name)
    session = {"client_id": known.get("client_id") or f"common-ground-{uuid.uuid4().hex}", "topic": topic}
    health.record_validators(store, source, session)
    health.flush(store)  # a name that is forgotten is a session nobody ends
    user, password = mqtt_listener.login_of(settings.home, source.name)
    try:
        tls = client_context(keys_of(settings.home, source.name)) if scheme == "mqtts" else None
    except BadKeys as error:
        raise Unheard(str(error)) from None
    return Broker(host, port, topic, session["client_id"], known.get("topic", ""), user, password, tls)


def _deliver(store: Store, settings: Settings, source: Source, messages: Sequence[Message]) -> None:
    """On return all of it is durable. Raises what the store raises."""
    try:
        for feed, group in groupby(messages, lambda message: _feed_of(settings, store, source, message)):
            if feed is None:
                continue
            if feed.messages == "together":
                payload = Payload(source.address, content=_together(list(group)))
                take_in(store, settings, payload, feed, source)
            else:
                for message in group:
                    take_in(store, settings, _payload(source, message), feed, source)
    except Exception as error:
        broken(store, source, error, first=False)
        raise


def _feed_of(settings: Settings, store: Store, source: Source, message: Message) -> Feed | None:
    """The feed that reads a message; None where none does, and it is in quarantine."""
    if source.feed != AUTO:
        return all_feeds()[source.feed]
    payload = _payload(source, message)
    try:
        return recognise(payload)
    except Unreadable as error:
        keep_unreadable(store, settings, payload, AUTO, source, error, datetime.now(UTC))
        return None


def _payload(source: Source, message: Message) -> Payload:
    return Payload(f"{source.name}: {message.topic}", content=message.content)


def _together(messages: Sequence[Message]) -> bytes:
    """A line for each message; what it says is only wrapped here, and read where it can do no harm."""
    told = ({"topic": each.topic, "message": each.content.decode("utf-8", "replace")} for each in messages)
    return "\n".join(map(json.dumps, told)).encode() + b"\n"
