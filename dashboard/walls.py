"""Where each wall is in its scenes. Nothing ticks here: what it shows follows from a turn and the clock, on all screens alike."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from data.scenes import Scene

FILE = "walls.json"
SECOND_ORDERS_S = 600.0
"""Steps of one person at one wall within so long of each other are one entry in the audit log."""


@dataclass(frozen=True)
class Turn:
    """`scene` is shown from `since` (Unix seconds); the others follow it in turn, unless it is `held`."""

    scene: str = ""
    held: bool = False
    since: float = 0.0
    who: str = ""


@dataclass(frozen=True)
class Heard:
    """What a wall last told of itself, and when (Unix seconds)."""

    scene: str
    held: bool
    at: float


def shown(scenes: Sequence[Scene], turn: Turn, now: float) -> Scene:
    """The scene of a turn at a time. `assets/scenes.mjs` computes the same."""
    first = next((place for place, scene in enumerate(scenes) if scene.id == turn.scene), 0)
    if turn.held or len(scenes) == 1:
        return scenes[first]
    left = math.fmod(max(0.0, now - turn.since), sum(scene.seconds for scene in scenes))
    for scene in (*scenes[first:], *scenes[:first]):
        if left < scene.seconds:
            return scene
        left -= scene.seconds
    return scenes[first]


@dataclass
class Walls:
    """Kept in the home, so that a restart goes on where it was; `note` writes to the audit log: (who, wall, scene, held)."""

    home: Path | None = None
    note: Callable[[str, str, str, bool], None] = lambda who, wall, scene, held: None
    followers: list[Callable[[str, Turn], None]] = field(default_factory=list)
    """Told of every order: (wall, turn)."""
    heard: dict[str, Heard] = field(default_factory=dict)
    _turns: dict[str, Turn] = field(default_factory=dict)
    _noted: dict[str, tuple[str, bool, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        if self.home is None:
            return
        with suppress(OSError, ValueError, TypeError, AttributeError):  # without it walls begin anew
            told = json.loads((self.home / FILE).read_text(encoding="utf-8"))
            self._turns = {name: Turn(**turn) for name, turn in told.items()}

    def turn(self, wall: str) -> Turn:
        return self._turns.get(wall, Turn())

    def steer(self, wall: str, scene: str, held: bool, who: str) -> Turn:
        """The scene begins now."""
        now = time.time()
        with self._lock:
            before = self.turn(wall)
            turn = Turn(scene, held, max(now, before.since + 0.001), who)
            self._turns[wall] = turn
            self._save()
            last = self._noted.get(wall)
            new = last is None or last[:2] != (who, held) or now - last[2] > SECOND_ORDERS_S
            self._noted[wall] = (who, held, now)
        if new:
            self.note(who, wall, scene, held)
        for follower in list(self.followers):
            follower(wall, turn)
        return turn

    def hear(self, wall: str, scene: str, held: bool) -> None:
        self.heard[wall] = Heard(scene, held, time.time())

    def forget_scenes(self, known: set[str]) -> None:
        """Turns at scenes that the settings no longer have begin anew."""
        with self._lock:
            self._turns = {
                name: turn if turn.scene in known else replace(turn, scene="", held=False)
                for name, turn in self._turns.items()
            }

    def _save(self) -> None:
        if self.home is None:
            return
        file = self.home / FILE
        new = file.with_suffix(".new")
        new.write_text(json.dumps({name: asdict(turn) for name, turn in self._turns.items()}), encoding="utf-8")
        new.replace(file)
