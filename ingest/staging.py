"""Files that were dropped on the page of uploads and wait there for a person: bytes in the home folder, nothing read of them.

Each drop is a folder `staged/<random>` of one person, gone after a day. A name is kept to be shown and never becomes a path.
What a file is, is asked of the feeds in the guarded worker (`ingest.guard`); nothing is parsed in this process.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
import shutil
import threading
import time
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import msgspec

from data.settings import Settings
from ingest.feed import Payload
from ingest.guard import Unreadable, outline_of, printable, scores
from ingest.outline import Sheet

KEPT_S = 24 * 3_600
SWEEP_EVERY_S = 600.0
FILE_BYTES = 512 << 20
MOST_FILES = 64
PERSON_BYTES = 2 << 30
"""Of everything one person has waiting."""
DISK_LEFT_BYTES = 1 << 30
SAMPLED_BYTES = 4 << 20
"""Of a list of lines larger than this, previews read a sample from its beginning."""
SAMPLE_BYTES = 1 << 20
SHAPEFILE = (".shp", ".shx", ".dbf", ".prj", ".cpg")
ID = re.compile(r"[A-Za-z0-9_-]{22}")
log = logging.getLogger(__name__)
_changing = threading.Lock()


class CannotStage(ValueError):
    """Why a file is not taken, in one sentence."""


class NotStaged(LookupError):
    """There is no such drop of this person: never was, is another's, or is gone."""


class Owner(msgspec.Struct, frozen=True):
    name: str
    agency: str


class Candidate(msgspec.Struct, frozen=True):
    """A feed, how surely a file is its own (0-100), and when among several files it is read, lowest first."""

    feed: str
    score: int
    place: int


class Staged(msgspec.Struct, frozen=True):
    """One file of a drop. `candidates` and `sheets` are told once somebody has looked at it."""

    number: int
    name: str
    size: int
    sha256: str
    looked: bool = False
    candidates: tuple[Candidate, ...] = ()
    """Surest first; those that are not sure at all are left out."""
    places: dict[str, int] = {}
    sheets: tuple[Sheet, ...] = ()
    error: str = ""
    """Why nothing can read it."""


@dataclass
class Incoming:
    """A file on its way in: `write` as bytes come, then `done`, or `drop`."""

    folder: Path
    number: int
    name: str
    stream: BinaryIO
    room: int
    size: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    def write(self, part: bytes) -> None:
        """Raises `CannotStage` where it grows too large."""
        self.size += len(part)
        if self.size > self.room:
            raise CannotStage(
                f"{self.name} is larger than {self.room:,} bytes, the most that is taken; send it in parts."
            )
        self.stream.write(part)
        self.digest.update(part)

    def done(self) -> Staged:
        self.stream.close()
        if not self.size:
            self.drop()
            raise CannotStage(f"{self.name} is empty.")
        staged = Staged(self.number, self.name, self.size, self.digest.hexdigest())
        _sample(self.folder, staged)
        _write(self.folder, staged)
        return staged

    def drop(self) -> None:
        self.stream.close()
        for file in self.folder.glob(f"{self.number}.*"):
            file.unlink(missing_ok=True)


def begin(settings: Settings, owner: Owner, staged: str, name: str) -> tuple[str, Incoming]:
    """Make room for one file, in a new drop or (where `staged` names one of theirs) a further one of it.

    Raises `CannotStage`, and `NotStaged` for a drop that is not theirs.
    """
    shown = PurePosixPath(printable(name).replace("\\", "/")).name.strip()[-200:] or "file"
    root = settings.home / "staged"
    with _changing:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        room = min(FILE_BYTES, PERSON_BYTES - _held(root, owner), shutil.disk_usage(root).free - DISK_LEFT_BYTES)
        if room <= 0:
            raise CannotStage("Too much is waiting already; commit or discard what you brought before.")
        if staged:
            folder = _folder(settings, owner, staged)
        else:
            staged = secrets.token_urlsafe(16)
            folder = root / staged
            folder.mkdir(mode=0o700)
            (folder / "owner.json").write_bytes(msgspec.json.encode(owner))
        number = 1 + max((int(file.stem) for file in folder.glob("*.bin")), default=-1)
        if number >= MOST_FILES:
            raise CannotStage(f"At most {MOST_FILES} files are taken at once; commit these first.")
        stream = (folder / f"{number}.bin").open("xb")
    return staged, Incoming(folder, number, shown, stream, room)


def listed(settings: Settings, owner: Owner, staged: str) -> list[Staged]:
    """The files of a drop in the order they came. Raises `NotStaged`."""
    return list(_files(_folder(settings, owner, staged)))


def look(settings: Settings, owner: Owner, staged: str) -> list[Staged]:
    """The files of a drop with what each was recognised as; parts of one shapefile become one. Raises `NotStaged`."""
    folder = _folder(settings, owner, staged)
    with _changing:
        _join_shapefiles(folder)
    found = []
    for one in _files(folder):
        seen = one if one.looked else _looked(folder, one)
        if seen is not one:
            _write(folder, seen)
        found.append(seen)
    return found


def file_of(settings: Settings, owner: Owner, staged: str, number: int) -> tuple[Staged, Payload, Payload | None]:
    """One file, its payload under the name it came with, and where it is large its beginning. Raises `NotStaged`."""
    folder = _folder(settings, owner, staged)
    one = _read(folder / f"{int(number)}.json")
    if one is None:
        raise NotStaged(staged)
    cut = folder / f"{one.number}.sample"
    sample = Payload(one.name, path=cut) if cut.exists() else None
    return one, Payload(one.name, path=folder / f"{one.number}.bin"), sample


def discard(settings: Settings, owner: Owner, staged: str) -> None:
    """Throw a drop away. Raises `NotStaged`."""
    shutil.rmtree(_folder(settings, owner, staged), ignore_errors=True)


def sweep(settings: Settings) -> None:
    """Throw away every drop that is past its day."""
    root = settings.home / "staged"
    for folder in root.iterdir() if root.is_dir() else ():
        if not _fresh(folder):
            shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Sweeper:
    """One thread that sweeps; `start` and `stop`."""

    settings: Settings
    _stopping: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        threading.Thread(target=self._run, name="sweeps staged files", daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()

    def _run(self) -> None:
        while True:
            try:
                sweep(self.settings)
            except OSError:
                log.exception("Staged files cannot be swept; trying again in ten minutes.")
            if self._stopping.wait(SWEEP_EVERY_S):
                return


# -------------------- folders


def _folder(settings: Settings, owner: Owner, staged: str) -> Path:
    folder = settings.home / "staged" / staged
    if not ID.fullmatch(staged) or _owner(folder) != owner or not _fresh(folder):
        raise NotStaged(staged)
    return folder


def _owner(folder: Path) -> Owner | None:
    try:
        return msgspec.json.decode((folder / "owner.json").read_bytes(), type=Owner)
    except (OSError, msgspec.DecodeError):
        return None


def _fresh(folder: Path) -> bool:
    try:
        return time.time() - (folder / "owner.json").stat().st_mtime < KEPT_S
    except OSError:
        return False


def _held(root: Path, owner: Owner) -> int:
    """Bytes this person has waiting."""
    mine = [folder for folder in root.iterdir() if _owner(folder) == owner]
    return sum(file.stat().st_size for folder in mine for file in folder.glob("*.bin"))


def _files(folder: Path) -> Iterator[Staged]:
    for file in sorted(folder.glob("[0-9]*.json"), key=lambda file: int(file.stem)):
        if (one := _read(file)) is not None:
            yield one


def _read(file: Path) -> Staged | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Staged)
    except (OSError, msgspec.DecodeError):
        return None


def _write(folder: Path, one: Staged) -> None:
    part = folder / f"{one.number}.part"
    part.write_bytes(msgspec.json.encode(one))
    part.replace(folder / f"{one.number}.json")


def _sample(folder: Path, one: Staged) -> None:
    """Of a large list of lines its beginning, up to the end of a line, as a file of its own."""
    if one.size <= SAMPLED_BYTES:
        return
    with (folder / f"{one.number}.bin").open("rb") as stream:
        head = stream.read(SAMPLE_BYTES)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if b"\x00" in head or start in (b"<", b"{", b"[", b"%") or b"\n" not in head:
        return
    (folder / f"{one.number}.sample").write_bytes(head[: head.rindex(b"\n") + 1])


def _join_shapefiles(folder: Path) -> None:
    """Parts of one shapefile that were dropped side by side become one zip, as they would have come."""
    groups: dict[str, dict[str, Staged]] = defaultdict(dict)
    for one in _files(folder):
        name = PurePosixPath(one.name)
        if name.suffix.lower() in SHAPEFILE:
            groups[name.stem.casefold()].setdefault(name.suffix.lower(), one)
    for parts in groups.values():
        if ".shp" not in parts or len(parts) < 2:
            continue
        main = parts[".shp"]
        stem = PurePosixPath(main.name).stem
        joined = folder / f"{main.number}.zip"
        with zipfile.ZipFile(joined, "w") as archive:
            for suffix, one in parts.items():
                archive.write(folder / f"{one.number}.bin", f"{stem}{suffix}")
        content = joined.read_bytes()
        for one in parts.values():
            (folder / f"{one.number}.json").unlink(missing_ok=True)
            if one is not main:
                (folder / f"{one.number}.bin").unlink(missing_ok=True)
        joined.replace(folder / f"{main.number}.bin")
        _write(folder, Staged(main.number, f"{stem}.zip", len(content), hashlib.sha256(content).hexdigest()))


def _looked(folder: Path, one: Staged) -> Staged:
    """What the feeds say of a file, and how its tables look."""
    payload = Payload(one.name, path=folder / f"{one.number}.bin")
    sample = folder / f"{one.number}.sample"
    try:
        told = scores(payload)
    except Unreadable as error:
        return msgspec.structs.replace(one, looked=True, error=str(error))
    try:
        sheets = outline_of(Payload(one.name, path=sample) if sample.exists() else payload)
    except Unreadable:
        sheets = []  # no table, whatever else it is
    sure = sorted((found for found in told if found[1] > 0), key=lambda found: (-found[1], found[0]))
    return msgspec.structs.replace(
        one,
        looked=True,
        candidates=tuple(Candidate(*found) for found in sure),
        places={feed: place for feed, _, place in told if place},
        sheets=tuple(sheets),
    )
