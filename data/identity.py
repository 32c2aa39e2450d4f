"""Who is asking: sessions and tokens behind one door with a short memory, and every change of an account behind the same.

What is known of a session or token is remembered for a second, so that a page's many requests cost one look-up; a change made
here is forgotten at once, one made by another process (the command line) within that second.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from data import accounts, passwords, sessions, tokens
from data.access import BreakGlass, Viewer
from data.accounts import Account, Profile
from data.sessions import How, Session
from data.store import Store
from data.tokens import Token

REMEMBERED_S = 1.0
REMEMBERED = 4_096
"""Secrets; beyond that all are forgotten at once."""
log = logging.getLogger(__name__)
T = TypeVar("T")


def _none_opened(name: str) -> tuple[BreakGlass, ...]:
    return ()


class Identity:
    """Safe to use from many threads. `opened` gives what an account has broken the glass of."""

    def __init__(self, store: Store, opened: Callable[[str], tuple[BreakGlass, ...]] = _none_opened) -> None:
        self.store = store
        self._opened = opened
        self._memory: dict[tuple[str, bytes], tuple[float, Any]] = {}
        self._changes = 0
        self._noting: set[bytes] = set()
        self._lock = threading.Lock()

    def people(self) -> bool:
        """Whether people sign in here; until there is a person's account, this machine is the operator's."""
        return self._remembered("people", b"", lambda: accounts.any_person(self.store))

    def session(self, cookie: str) -> Session | None:
        """The session of a cookie that lasts, or None."""
        key = tokens.digest(cookie)
        found = self._remembered("session", key, lambda: sessions.find(self.store, key, datetime.now(UTC)))
        now = datetime.now(UTC)
        if found is not None and now - found.seen > sessions.NOTED_EVERY:
            with self._lock:
                begun = key in self._noting
                self._noting.add(key)
            if not begun:  # and not on the way of the request: a write waits its turn
                threading.Thread(target=self._note_seen, args=(key, now), daemon=True).start()
        return found

    def viewer(self, found: Session) -> Viewer:
        return found.account.viewer(self._opened(found.account.name))

    def token(self, secret: str) -> Token | None:
        """The token with this secret that holds, or None."""
        key = tokens.digest(secret)
        found = self._remembered("token", key, lambda: tokens.find(self.store, key, datetime.now(UTC)))
        return None if found is None else tokens.token_of(*found, self._opened(found[0].name))

    def remembered_token(self, secret: str) -> Token | None:
        """The same where it was asked for within the last second, else None: nothing is looked up, so nobody waits."""
        with self._lock:
            at, found = self._memory.get(("token", tokens.digest(secret)), (0.0, None))
        if found is None or time.monotonic() - at >= REMEMBERED_S:
            return None
        account, sources = found
        return tokens.token_of(account, sources, self._opened(account.name))

    def named(self, name: str) -> Viewer | None:
        """Whom an account stands for."""
        found = accounts.named(self.store, name)
        return None if found is None or found.disabled else found.viewer(self._opened(found.name))

    def check(self, name: str, password: str) -> Account | None:
        """The account, where the password is its own and it may sign in. The work is the same for a name that is unknown."""
        kept = accounts.password_hash(self.store, name)
        right = passwords.matches(kept, password)
        found = accounts.named(self.store, name)
        if not right or found is None or not found.usable(datetime.now(UTC)):
            return None
        if passwords.outdated(kept):
            accounts.refresh_hash(self.store, name, passwords.rehashed(password))
        return found

    def failed(self, name: str, clause: str) -> None:
        sessions.failed(self.store, name, clause)

    def begin_session(self, of: Account, how: How, user_agent: str = "", instead_of: str = "") -> str:
        """A new session; returns what its cookie holds. `instead_of` is the cookie the browser came with."""
        secret = sessions.begin(self.store, of, how, user_agent, instead_of)
        self.forget()
        return secret

    def end_session(self, cookie: str) -> None:
        if (found := self.session(cookie)) is not None:
            sessions.end(self.store, found.key, found.account.name)
            self.changed()

    def end_other_sessions(self, found: Session) -> None:
        sessions.end_others(self.store, found.account, found.key)
        self.changed()

    def sessions_of(self, name: str) -> list[Session]:
        return sessions.of_account(self.store, name)

    def accounts(self) -> list[Account]:
        return accounts.listed(self.store)

    def account(self, name: str) -> Account | None:
        return accounts.named(self.store, name)

    def of_subject(self, issuer: str, subject: str) -> Account | None:
        """The account that an identity provider vouches for."""
        return accounts.of_subject(self.store, issuer, subject)

    def add(self, profile: Profile, who: str, password: str = "", issuer: str = "", subject: str = "") -> Account:
        """Raises `data.accounts.BadAccount` and `data.passwords.WeakPassword`, as the following do."""
        made = accounts.add(self.store, profile, who, password, issuer, subject)
        self.changed()
        return made

    def change(self, profile: Profile, who: str) -> Account:
        made = accounts.change(self.store, profile, who)
        self.changed()
        return made

    def disable(self, name: str, who: str, disabled: bool = True) -> Account:
        found = accounts.disable(self.store, name, who, disabled)
        self.changed()
        return found

    def set_password(self, name: str, password: str, who: str, keep: bytes = b"") -> None:
        accounts.set_password(self.store, name, password, who, keep)
        self.changed()

    def make_token(
        self, of: str, name: str, who: str, sources: Sequence[str] = (), expires: datetime | None = None
    ) -> str:
        """The secret of a new token, which is kept nowhere. Raises `data.tokens.BadToken`."""
        return tokens.make(self.store, of, name, who, sources, expires)

    def revoke_token(self, number: int, who: str) -> None:
        """Raises `data.tokens.BadToken`."""
        tokens.revoke(self.store, number, who)
        self.changed()

    def tokens_of(self, name: str = "") -> list[tokens.Issued]:
        return tokens.issued(self.store, name)

    def changed(self) -> None:
        """Something of an account is not what it was: nothing goes by what is remembered of it, and open pages ask anew."""
        self.forget()
        with self.store.changed:
            self.store.changed.notify_all()

    def forget(self) -> None:
        with self._lock:
            self._changes += 1
            self._memory.clear()

    def _note_seen(self, key: bytes, now: datetime) -> None:
        try:
            sessions.note_seen(self.store, key, now)
        except Exception:
            log.exception("That a session is in use could not be noted; it is tried again at the next request.")
        finally:
            with self._lock:
                self._noting.discard(key)
                self._memory.pop(("session", key), None)

    def _remembered(self, what: str, key: bytes, look_up: Callable[[], T]) -> T:
        now = time.monotonic()
        with self._lock:
            at, known = self._memory.get((what, key), (0.0, None))
            changes = self._changes
        if at and now - at < REMEMBERED_S:
            found: T = known
            return found
        told = look_up()
        with self._lock:
            if len(self._memory) >= REMEMBERED:
                self._memory.clear()
            if changes == self._changes:
                self._memory[what, key] = (now, told)
        return told
