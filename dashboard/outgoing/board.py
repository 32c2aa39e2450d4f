"""What stands on another system's map by our doing, and how sending to it goes; kept in the home, so that a restart forgets
nothing it has to take back, and `status` can tell while the app runs."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data.outputs import CotOut

FOLDER = "outgoing"
SILENT_S = 20.0
"""A running app writes its state more often than this."""


@dataclass
class Board:
    """`shown`: uid -> type. `gone`: uid -> (type, when it was deleted, Unix seconds), said again after a lost connection."""

    file: Path
    shown: dict[str, str] = field(default_factory=dict)
    gone: dict[str, tuple[str, float]] = field(default_factory=dict)

    def save(self) -> None:
        """Whole or not at all; before anything is sent."""
        _write(self.file, {"shown": self.shown, "gone": self.gone})

    def forget(self, before: float) -> None:
        """What was deleted so long ago that their map has dropped it by itself."""
        self.gone = {uid: (kind, at) for uid, (kind, at) in self.gone.items() if at >= before}


def board_of(home: Path, name: str) -> Board:
    """As the last process left it."""
    told = _read(_file(home, name, "map"))
    gone = {uid: (str(kind), float(at)) for uid, (kind, at) in told.get("gone", {}).items()}
    return Board(_file(home, name, "map"), dict(told.get("shown", {})), gone)


@dataclass(frozen=True)
class OutState:
    """How sending to one system goes."""

    name: str
    address: str
    viewer: str
    state: str = "never"
    """connected, failed, stopped (no app is running), never."""
    since: str = ""
    last_error: str = ""
    shown: int = 0
    left_out: int = 0
    """Fit to be sent, and beyond the most that may be on their map."""
    sent: int = 0
    deleted: int = 0
    written: float = 0.0


def write_state(home: Path, state: OutState) -> None:
    """Raises `OSError`."""
    _write(_file(home, state.name, "state"), asdict(state))


def states(home: Path, outputs: tuple[CotOut, ...]) -> list[OutState]:
    """Every output of the settings, by name."""
    return [_state(home, out) for out in sorted(outputs, key=lambda out: out.name)]


def _state(home: Path, out: CotOut) -> OutState:
    told = _read(_file(home, out.name, "state"))
    current = {"name": out.name, "address": out.address, "viewer": out.viewer}
    found = OutState(**{**{key: told[key] for key in OutState.__dataclass_fields__ if key in told}, **current})
    if found.written and time.time() - found.written > SILENT_S:
        at = datetime.fromtimestamp(found.written, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return OutState(**{**asdict(found), "state": "stopped", "since": at})
    return found


def _file(home: Path, name: str, what: str) -> Path:
    return home / FOLDER / f"{name}.{what}.json"


def _read(file: Path) -> dict[str, Any]:
    try:
        told = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _write(file: Path, told: dict[str, Any]) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.part")
    with suppress(FileNotFoundError):
        part.unlink()
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        json.dump(told, out, separators=(",", ":"))
    part.replace(file)
