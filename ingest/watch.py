"""Files that appear in a folder: each is given out once it has stopped growing, and again when it has changed."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ingest.feed import Payload
from ingest.guard import Unreadable
from ingest.intake import sha256

SETTLED_S = 2.0
"""A file is whole when neither its size nor its time has moved for this long."""
UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart", ".swp", "~")

Stamp = tuple[int, int]
"""Modification time in nanoseconds, and size in bytes."""


@dataclass
class Folder:
    """What is known of a watched folder. `read` is what was read: name -> (stamp, sha256), and outlives the process."""

    path: Path
    read: dict[str, tuple[Stamp, str]] = field(default_factory=dict)
    _since: dict[str, tuple[Stamp, float]] = field(default_factory=dict)
    _given: dict[str, tuple[Stamp, str]] = field(default_factory=dict)

    def ready(self) -> list[Payload]:
        """Files to be read now, by name; call `done` for each that was. Raises OSError where the folder cannot be listed."""
        now = time.monotonic()
        stamps = _stamps(self.path)
        self.read = {name: known for name, known in self.read.items() if name in stamps}
        self._since = {
            name: (stamp, since[1] if (since := self._since.get(name)) and since[0] == stamp else now)
            for name, stamp in stamps.items()
            if name not in self.read or self.read[name][0] != stamp
        }
        settled = sorted(name for name, (_, since) in self._since.items() if now - since >= SETTLED_S)
        known = {digest for _, digest in self.read.values()}
        found = []
        self._given = {}
        for name in settled:
            payload = Payload(name, path=self.path / name)
            try:
                given = (stamps[name], sha256(payload))
            except Unreadable:
                given = (stamps[name], "")  # reading it will say why
            if given[1] in known:
                self.read[name] = given  # the same bytes under another name or time
            else:
                self._given[name] = given
                found.append(payload)
        return found

    def done(self, payload: Payload) -> None:
        """The payload was read, or is in quarantine."""
        self.read[payload.name] = self._given[payload.name]

    def memory(self) -> dict[str, list[int | str]]:
        """`read` as JSON holds it."""
        return {name: [stamp[0], stamp[1], digest] for name, (stamp, digest) in self.read.items()}


def folder_of(path: Path, memory: Mapping[str, list[int | str]]) -> Folder:
    """A folder with what `memory` said was read before."""
    read = {name: ((int(at[0]), int(at[1])), str(at[2])) for name, at in memory.items() if len(at) == 3}
    return Folder(path, read)


def _stamps(folder: Path) -> dict[str, Stamp]:
    found: dict[str, Stamp] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name.lower().endswith(UNFINISHED):
                continue
            if entry.is_file(follow_symlinks=False):
                stat = entry.stat(follow_symlinks=False)
                found[entry.name] = (stat.st_mtime_ns, stat.st_size)
    return found
