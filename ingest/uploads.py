"""What a person does with files they dropped: look at them, see what they would come to, and commit them.

Whoever calls asks first who may file under which source. Short work is answered at once; a whole pass over a large file, and a
commit, go on in a thread of their own and are asked for again until they are done.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from data import audit, health
from data.places import Places
from data.settings import Settings, Source
from data.sharing import announce
from data.sharing_changes import CannotShare, set_source_mark
from data.source_options import BadOptions, options_set, set_options, with_options
from data.store import Store
from ingest import staging
from ingest.examine import Asked, Findings, examine, references_in
from ingest.feed import Feed, Payload
from ingest.feeds import all_feeds
from ingest.guard import Unreadable, Usage
from ingest.intake import Misuse, Result, feed_of, source_of, take_in
from ingest.outline import TABULAR, FieldOf, fields_of
from ingest.staging import CannotStage, NotStaged, Owner, Staged

FIRST_ROWS = 500
"""A preview reads no more of a file that is larger than `WHOLE_BYTES`."""
WHOLE_BYTES = 1 << 20
PATIENCE_S = 1.5
"""Work done within this is answered with its outcome; other work with how far it is."""
KEPT_S = 900.0
BUSY_S = 20.0
MOST_PREVIEWS, MOST_COUNTS = 2, 1
"""Read at once, so that the workers are never all taken from what arrives by itself."""
REMEMBERED = 32


class Choice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person chose for one file. `options` are what they set for the feed, in place of what the source has; they are
    kept for the source."""

    file: int
    feed: str
    source: str
    agency: str = ""
    """Of a source that is not known yet."""
    options: dict[str, Any] = {}


@dataclass
class Job:
    """Work that goes on by itself. `outcome` is there once it is over."""

    owner: Owner
    usage: Usage = field(default_factory=Usage)
    over: threading.Event = field(default_factory=threading.Event)
    outcome: Any = None
    error: str = ""
    file: str = ""
    rows: int = 0
    at: float = field(default_factory=time.monotonic)

    def told(self) -> dict[str, Any]:
        self.over.wait(PATIENCE_S)
        if not self.over.is_set():
            return {"state": "running", "rows": self.rows or self.usage.rows, "file": self.file}
        return {"state": "failed", "error": self.error} if self.error else {"state": "done", "outcome": self.outcome}


class Uploads:
    """The drops of every person, over one store."""

    NOT_THERE = NotStaged
    REFUSED = (CannotStage, Misuse, BadOptions, CannotShare)
    MOST_FILES = staging.MOST_FILES

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(MOST_PREVIEWS)
        self._counts = threading.BoundedSemaphore(MOST_COUNTS)
        self._references: dict[Any, dict[tuple[str, str], dict[str, Any]]] = {}

    def feeds(self) -> list[Feed]:
        return list(all_feeds().values())

    def fields(self) -> dict[str, list[FieldOf]]:
        """See `ingest.outline.fields_of`."""
        return {kind: fields_of(kind) for kind in TABULAR}

    def owner(self, name: str, agency: str) -> Owner:
        return Owner(name, agency)

    def choice(self, told: Any) -> Choice:
        """A choice as it was sent. Raises `msgspec.ValidationError`."""
        return msgspec.convert(told, Choice)

    def usage(self) -> Usage:
        """By which a preview can be ended."""
        return Usage()

    def begin(self, owner: Owner, staged: str, name: str) -> tuple[str, staging.Incoming]:
        """See `ingest.staging.begin`."""
        return staging.begin(self.settings, owner, staged, name)

    def look(self, owner: Owner, staged: str) -> list[Staged]:
        """See `ingest.staging.look`."""
        return staging.look(self.settings, owner, staged)

    def discard(self, owner: Owner, staged: str) -> None:
        """Throw a drop away and end what reads it. Raises `NotStaged`."""
        staging.discard(self.settings, owner, staged)
        self._end(f"{staged}/")

    def source_name(self, feed: str, name: str) -> str:
        """Under which name a file of a feed is filed where nobody says one, as the command line does."""
        return source_of(self.settings, feed_of(feed), None, Payload(name)).name

    def preview(
        self, owner: Owner, staged: str, choices: Sequence[Choice], number: int, places: Places, usage: Usage
    ) -> Findings:
        """What one file of a drop would come to as it is chosen: all of it where it is small, else its first rows.

        `usage.stop` ends it. Raises `NotStaged`, `CannotStage`, `Misuse`, and `Unreadable` where it was ended.
        """
        one, payload, sample = staging.file_of(self.settings, owner, staged, number)
        most = None if one.size <= WHOLE_BYTES else FIRST_ROWS
        if not self._room.acquire(timeout=BUSY_S):
            raise CannotStage("Too many files are being looked at; try again in a moment.")
        try:
            asked = self._asked(owner, staged, choices, number, usage)
            asked = replace(asked, payload=sample or payload, most_rows=most, cut=sample is not None)
            return examine(self.store, asked, places, usage)
        finally:
            self._room.release()

    def count(
        self, owner: Owner, staged: str, choices: Sequence[Choice], number: int, places: Places
    ) -> dict[str, Any]:
        """The same of every row of a file: begun where it has not, and told when it is over. Raises as `preview` does."""
        staging.file_of(self.settings, owner, staged, number)
        key = f"{staged}/count/{number}/{msgspec.json.encode(sorted(choices, key=lambda one: one.file)).decode()}"

        def run(job: Job) -> Findings:
            with self._counts:
                return examine(self.store, self._asked(owner, staged, choices, number, job.usage), places, job.usage)

        with self._lock:
            job = self._jobs.get(key)
        if job is None:
            self._end(f"{staged}/count/")  # of what was chosen before
            job = self._start(key, owner, run)
        return job.told()

    def commit(self, owner: Owner, staged: str, choices: Sequence[Choice]) -> dict[str, Any]:
        """Take the files in by the ordinary door, those that others need first; told when it is over.

        Raises `NotStaged`, `Misuse`.
        """
        key = f"{staged}/commit"
        with self._lock:
            job = self._jobs.get(key)
        if job is not None:
            if job.owner != owner:
                raise NotStaged(staged)
            return job.told()
        files = {one.number: one for one in staging.listed(self.settings, owner, staged)}
        for choice in choices:
            if choice.file not in files:
                raise NotStaged(staged)
            self._source(choice)
        self._end(f"{staged}/count/")
        ordered = sorted(choices, key=lambda one: (files[one.file].places.get(one.feed, 0), one.file))

        def run(job: Job) -> list[Result]:
            self._register(owner, choices)
            results = {choice.file: self._commit_one(owner, staged, choice, job) for choice in ordered}
            health.flush(self.store)
            staging.discard(self.settings, owner, staged)
            return [results[choice.file] for choice in choices]

        return self._start(key, owner, run).told()

    def _commit_one(self, owner: Owner, staged: str, choice: Choice, job: Job) -> Result:
        _, payload, _ = staging.file_of(self.settings, owner, staged, choice.file)
        job.file = payload.name

        def progress(name: str, rows: int) -> None:
            job.rows = rows

        source = self._source(choice)
        result = take_in(self.store, self.settings, payload, feed_of(choice.feed), source, progress)
        told = {
            name: result[name] for name in ("feed", "read", "accepted", "revised", "retracted", "rejected", "revision")
        }
        with self.store.transaction() as connection:
            audit.append(
                connection, "payload.upload", owner.name, source.name, details={"payload": payload.name, **told}
            )
        return result

    def _register(self, owner: Owner, choices: Sequence[Choice]) -> None:
        """Whose a new source is, and how sources are read from now on; before anything is filed under them."""
        for choice in {choice.source: choice for choice in choices}.values():
            if choice.agency:
                set_source_mark(self.store, self.settings, owner.name, choice.source, {"agency": choice.agency})
                announce(self.store, (choice.agency,))  # nothing was shared before, so nothing else says it is there
            if choice.agency or choice.options:
                told = {**options_set(self.store, choice.source), **choice.options}
                set_options(self.store, self.settings, owner.name, choice.source, told, choice.feed)

    def _asked(self, owner: Owner, staged: str, choices: Sequence[Choice], number: int, usage: Usage) -> Asked:
        """One file as it was chosen, with the look-up rows that stored payloads and earlier files of the drop bring."""
        by_file = {choice.file: choice for choice in choices}
        if number not in by_file:
            raise Misuse("say what the file is, and under which source to file it.")
        chosen = by_file[number]
        feed, source = feed_of(chosen.feed), self._source(chosen)
        one, payload, _ = staging.file_of(self.settings, owner, staged, number)
        asked = Asked(payload, feed, source, one.sha256)
        if "reference" not in feed.kinds:
            return asked
        found: dict[tuple[str, str], Mapping[str, Any]] = dict(self.store.references(source.name))
        files = {each.number: each for each in staging.listed(self.settings, owner, staged)}
        place = (one.places.get(feed.name, 0), number)
        for each in sorted(files.values(), key=lambda each: (each.places.get(feed.name, 0), each.number)):
            other = by_file.get(each.number)
            if other is None or (other.feed, other.source) != (chosen.feed, chosen.source):
                continue
            if (each.places.get(feed.name, 0), each.number) >= place:
                break
            found |= self._references_of(owner, staged, each, replace(asked, references=dict(found)), usage)
        return replace(asked, references=found)

    def _references_of(
        self, owner: Owner, staged: str, one: Staged, asked: Asked, usage: Usage
    ) -> Mapping[tuple[str, str], Mapping[str, Any]]:
        key = (one.sha256, asked.feed.name, asked.source)
        digest = repr(key)
        with self._lock:
            known = self._references.get(digest)
        if known is None:
            _, payload, _ = staging.file_of(self.settings, owner, staged, one.number)
            known = references_in(replace(asked, payload=payload), usage)
            with self._lock:
                while len(self._references) >= REMEMBERED:
                    self._references.pop(next(iter(self._references)))
                self._references[digest] = known
        return known

    def _source(self, choice: Choice) -> Source:
        """The source a file is filed under, as it would be read. Raises `Misuse`."""
        feed = feed_of(choice.feed)
        known = with_options(self.store, source_of(self.settings, None, choice.source))
        if choice.source in self.settings.sources and known.feed not in (feed.name, "auto", ""):
            raise Misuse(f"source '{choice.source}' is read with the feed {known.feed}, not {feed.name}.")
        agency = choice.agency or known.agency
        options = {**known.options, **{name: value for name, value in choice.options.items() if value is not None}}
        return replace(known, feed=feed.name, agency=agency, options=options)

    def _start(self, key: str, owner: Owner, run: Callable[[Job], Any]) -> Job:
        job = Job(owner)

        def work() -> None:
            try:
                job.outcome = run(job)
            except (Misuse, Unreadable, NotStaged, ValueError) as error:
                job.error = str(error) or "These files are gone; drop them again."
            except Exception as error:
                job.error = f"This could not be finished ({type(error).__name__}); the fault is in the server's log."
                raise
            finally:
                job.over.set()

        with self._lock:
            old = [name for name, one in self._jobs.items() if time.monotonic() - one.at > KEPT_S and one.over.is_set()]
            for name in old:
                del self._jobs[name]
            if key in self._jobs:
                return self._jobs[key]
            self._jobs[key] = job
        threading.Thread(target=work, name=f"upload {key[:40]}", daemon=True).start()
        return job

    def _end(self, prefix: str) -> None:
        """End counts that nobody asks for any more; a commit that has begun is never ended."""
        with self._lock:
            ended = [name for name in self._jobs if name.startswith(prefix) and "/commit" not in name]
            jobs = [self._jobs.pop(name) for name in ended]
        for job in jobs:
            job.usage.stop()
