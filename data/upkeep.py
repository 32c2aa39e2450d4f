"""Backup, restore and verification of the system of record."""

from __future__ import annotations

import re
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from data import retention, seal
from data.attachments import FOLDER
from data.records import COLLECTIONS, blake
from data.seal import HEADS
from data.store import Store
from data.tables import commit_log, counter, erasure, head, version

DATABASE = "commonground.sqlite"
SETTINGS = "commonground.toml"
CHUNK = 10_000
PHOTO = re.compile(rf"{FOLDER}/[0-9a-f]{{64}}\Z")


class CannotDo(ValueError):
    """Why not, and what to do instead, in one sentence."""


def backup(store: Store, home: Path, file: Path) -> None:
    """Copy the database (while it is in use), the settings and the audit log's signed heads into one zip file.

    The file appears only when it is whole.
    """
    if store.reader.dialect.name != "sqlite":
        raise CannotDo("backup copies the embedded database; back a PostgreSQL server up with pg_dump --format=custom.")
    if file.exists():
        raise CannotDo(f"{file} exists already; name a new file.")
    # Read before the database is: a head signed meanwhile would look as if the log had been cut short.
    heads = (home / HEADS).read_bytes() if (home / HEADS).exists() else b""
    with tempfile.TemporaryDirectory(dir=file.resolve().parent) as folder:
        copy = Path(folder) / DATABASE
        with store.reader.connect() as connection, sqlite3.connect(copy) as target:
            driver: Any = connection.connection.driver_connection
            driver.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")
        part = Path(folder) / "backup.zip"
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
            archive.write(copy, DATABASE)
            if (home / SETTINGS).exists():
                archive.write(home / SETTINGS, SETTINGS)
            if heads:
                archive.writestr(HEADS, heads)
            # After the database: a photo is on the disk before its record is.
            for photo in sorted((home / FOLDER).glob("[0-9a-f]*")):
                archive.write(photo, f"{FOLDER}/{photo.name}", zipfile.ZIP_STORED)
        part.replace(file)


def restore(file: Path, home: Path) -> None:
    """Put a backup into an empty home; never over anything."""
    if home.exists() and any(home.iterdir()):
        raise CannotDo(f"{home} is not empty; restore into a new COMMONGROUND_HOME.")
    try:
        with zipfile.ZipFile(file) as archive:
            if DATABASE not in archive.namelist():
                raise CannotDo(f"{file} is not a backup of Common Ground: it holds no {DATABASE}.")
            home.mkdir(parents=True, exist_ok=True)
            for name in (DATABASE, SETTINGS, HEADS):
                if name in archive.namelist():
                    archive.extract(name, home)
            for name in archive.namelist():
                if PHOTO.match(name):
                    archive.extract(name, home)
    except (zipfile.BadZipFile, OSError) as error:
        raise CannotDo(f"{file} cannot be read as a backup: {error}.") from None


def verify(store: Store, home: Path | None = None) -> Iterator[str]:
    """One sentence per fault found in the log and in the audit log, with the heads kept in `home`; nothing where all is whole."""
    with store.reader.connect() as connection:
        if connection.dialect.name == "sqlite":
            for (line,) in connection.exec_driver_sql("PRAGMA integrity_check"):
                if line != "ok":
                    yield f"the database file is damaged: {line}."
        at = connection.execute(sa.select(counter.c.revision, counter.c.seq)).one()
        logged = connection.execute(
            sa.select(sa.func.count(), sa.func.max(commit_log.c.revision), sa.func.max(commit_log.c.last_seq))
        ).one()
        if logged[0] and (logged[0] != at.revision or logged[1] != at.revision):
            yield f"{at.revision} revisions were counted but {logged[0]} commits are logged; one is missing."
        count, newest = connection.execute(sa.select(sa.func.count(), sa.func.max(version.c.seq))).one()
        if count != at.seq or (newest or 0) != at.seq:
            yield f"{at.seq} versions were counted but {count} are in the log; {at.seq - count} are missing."
        lost = connection.execute(
            sa.select(sa.func.count())
            .select_from(head.outerjoin(version, version.c.seq == head.c.last_seq))
            .where(version.c.seq.is_(None))
        ).scalar_one()
        if lost:
            yield f"{lost} records point to a version that is not in the log."
        part, whole = erasure.alias(), erasure.alias()
        digest = sa.func.coalesce(whole.c.digest, part.c.digest, version.c.digest).label("digest")
        written = (
            sa.select(version.c.seq, digest, version.c.body, version.c.wkb)
            .outerjoin(part, sa.and_(part.c.seq == version.c.seq, sa.not_(part.c.whole)))
            .outerjoin(whole, sa.and_(whole.c.seq == version.c.seq, whole.c.whole))
            .order_by(version.c.seq)
        )
        for row in connection.execution_options(yield_per=CHUNK).execute(written):
            if blake(row.body, row.wkb or b"") != row.digest:
                yield f"version {row.seq} does not read as it was written; restore it from a backup."
        yield from retention.unlogged(connection)
    yield from seal.verify(store, home)


def counts(store: Store) -> dict[str, int]:
    """Current records per collection (for the operator of this machine, who holds the file)."""
    query = sa.select(head.c.kind, sa.func.count()).where(sa.not_(head.c.retracted)).group_by(head.c.kind)
    with store.reader.connect() as connection:
        of_kind = {int(kind): int(count) for kind, count in connection.execute(query)}
    return {collection: of_kind.get(kind.number, 0) for collection, kind in COLLECTIONS.items()}
