"""What the serving process does by the clock: announce what began or ended, sign the audit log, erase what is past its time."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from data import retention, seal
from data.in_force import announce_due
from data.settings import Settings
from data.store import Store

LOOK_EVERY_S = 2.0
"""What ends by time alone is gone from open pages within five seconds."""
SIGN_EVERY_S = 60.0
ERASE_EVERY_S = 600.0
"""How often it is asked whether something is past its time; while there is, a step is taken at every look."""
log = logging.getLogger(__name__)


@dataclass
class Keeper:
    """One thread; `start` and `stop`."""

    store: Store
    settings: Settings
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        announce_due(self.store, self.settings, datetime.now(UTC))
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; the audit log is signed as it stands."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            seal.sign_head(self.store, self.settings.home)

    def _run(self) -> None:
        broken = False
        sign_at = erase_at = 0.0
        while not self._stopping.wait(LOOK_EVERY_S):
            try:
                now, ticks = datetime.now(UTC), time.monotonic()
                announce_due(self.store, self.settings, now)
                if ticks >= erase_at and not retention.step(self.store, self.settings, now):
                    erase_at = ticks + ERASE_EVERY_S
                if ticks >= sign_at:
                    seal.sign_head(self.store, self.settings.home)
                    sign_at = ticks + SIGN_EVERY_S
                broken = False
            except Exception:
                # Whatever the reason (a full disk, a server that restarts): one line, and it goes on trying.
                if not broken:
                    log.exception("What is due cannot be done; trying again every two seconds.")
                broken = True
