"""Engines for SQLite and PostgreSQL, the one-writer lock, and migrations.

SQLite before 3.51.3 can corrupt its WAL when two connections write or checkpoint at the same instant (sqlite.org/wal.html,
"The WAL-reset bug"), and many Pythons bundle one. So whoever writes holds a lock file, and nobody else checkpoints.
"""

from __future__ import annotations

import fcntl
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.engine import Connection, Engine

from data.tables import counter

PAGE_BYTES = 16_384
"""A record of an incident is about 1 kB: pages of 4 kB stand a quarter empty, and a million rows took a quarter longer."""
WAL_BYTES = 64 << 20
"""Of WAL, until it is moved into the database; bounds what a reader must look through and what a crash must replay. Counted in
pages that wait, not by the size of the file, which stays: at four times as often or at every commit the moving would be felt."""


@contextmanager
def exclusive(lock_path: Path | None) -> Iterator[None]:
    if lock_path is None:
        yield
        return
    with lock_path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)


def connect(url: str) -> tuple[Engine, Engine, Path | None]:
    """Writer engine, reader engine and, on SQLite, the writer's lock file, of a database brought to its newest form."""
    parsed = sa.make_url(url)
    lock: Path | None = None
    if parsed.get_backend_name() == "sqlite":
        path = Path(parsed.database or "")
        path.parent.mkdir(parents=True, exist_ok=True)
        writer, reader = _sqlite(parsed, "IMMEDIATE", 1), _sqlite(parsed, "DEFERRED", 8)
        lock = path.with_suffix(path.suffix + ".lock")
    else:
        writer = reader = sa.create_engine(parsed, pool_pre_ping=True)
    with exclusive(lock), writer.connect() as connection:
        migrate(connection)
    return writer, reader, lock


def migrate(connection: Connection) -> None:
    with connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(4711)"))  # two servers starting at once
        config = Config()
        config.set_main_option("script_location", str(files("data") / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if connection.execute(sa.select(counter.c.id)).first() is None:
            connection.execute(counter.insert(), {"id": 1, "revision": 0, "seq": 0, "secret": secrets.token_bytes(32)})


def _sqlite(url: sa.URL, begin: str, connections: int) -> Engine:
    engine = sa.create_engine(
        url, pool_size=connections, max_overflow=8, connect_args={"timeout": 60, "check_same_thread": False}
    )

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver must not begin transactions on its own
        for pragma in (
            f"page_size={PAGE_BYTES}",  # of a database not yet made
            "journal_mode=WAL",
            "synchronous=FULL",
            "fullfsync=1",
            # Done by whoever commits, still under the writer's lock, and PASSIVE: it waits for no reader.
            f"wal_autocheckpoint={WAL_BYTES // PAGE_BYTES if begin == 'IMMEDIATE' else 0}",
            f"journal_size_limit={WAL_BYTES}",
            "mmap_size=268435456",
            "cache_size=-65536",
            "temp_store=MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {begin}")

    return engine
