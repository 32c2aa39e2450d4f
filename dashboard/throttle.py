"""How often one may try to sign in: buckets that refill, per account, per address, and per both."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address

KEPT = 20_000
"""Buckets and known places that are remembered; the oldest go first."""


@dataclass(frozen=True)
class Bucket:
    """So many tries at once, then one every so many seconds."""

    tries: int
    every_s: float


HERE = Bucket(5, 30.0)
"""Of one account from one address."""
ACCOUNT = Bucket(25, 30.0)
"""Of one account from all addresses it never signed in from: many addresses are no way around `HERE`."""
ADDRESS = Bucket(40, 3.0)
"""Of one address, whatever the accounts. An office may sit behind one."""


@dataclass
class Throttle:
    """Safe to use from many threads; forgotten when the server ends."""

    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _left: OrderedDict[tuple[str, ...], tuple[float, float]] = field(default_factory=OrderedDict)
    _known: OrderedDict[tuple[str, str], None] = field(default_factory=OrderedDict)

    def take(self, name: str, address: str) -> float:
        """Take one try of everything it counts against: 0, or the seconds to wait where there is none (none is taken)."""
        with self._lock:
            now = self.clock()
            buckets = self._buckets(name, address)
            left = {key: self._refilled(key, bucket, now) for key, bucket in buckets.items()}
            wait = max((1.0 - left[key]) * bucket.every_s for key, bucket in buckets.items())
            if wait > 0:
                return wait
            for key in buckets:
                self._put(key, left[key] - 1.0, now)
            return 0.0

    def give_back(self, name: str, address: str) -> None:
        """The try was right: it counts for nothing, and so do those before it from here."""
        with self._lock:
            now = self.clock()
            for key, bucket in self._buckets(name, address).items():
                full = key[0] == "here"
                self._put(key, bucket.tries if full else min(bucket.tries, self._refilled(key, bucket, now) + 1), now)
            self._known[name, network(address)] = None
            self._known.move_to_end((name, network(address)))
            while len(self._known) > KEPT:
                self._known.popitem(last=False)

    def _buckets(self, name: str, address: str) -> dict[tuple[str, ...], Bucket]:
        place = network(address)
        found = {("here", name, place): HERE, ("address", place): ADDRESS}
        if (name, place) not in self._known:  # who guesses from elsewhere cannot shut its owner out
            found["account", name] = ACCOUNT
        return found

    def _refilled(self, key: tuple[str, ...], bucket: Bucket, now: float) -> float:
        left, at = self._left.get(key, (float(bucket.tries), now))
        return min(float(bucket.tries), left + (now - at) / bucket.every_s)

    def _put(self, key: tuple[str, ...], left: float, now: float) -> None:
        self._left[key] = (left, now)
        self._left.move_to_end(key)
        while len(self._left) > KEPT:
            self._left.popitem(last=False)


def network(address: str) -> str:
    """What counts as one address: of IPv6 the network of 64 bits, which one customer has all of."""
    try:
        told = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(told, IPv6Address):
        return str(told.ipv4_mapped) if told.ipv4_mapped else f"{IPv6Address(int(told) >> 64 << 64)}/64"
    return str(told)
