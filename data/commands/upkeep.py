"""`commonground backup`, `restore`, `verify` and `audit`: keeping what is known, and showing that it is whole."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data import audit as audit_log
from data import seal, upkeep
from data.settings import Settings
from data.store import Store, open_store


def arguments(command: Callable[..., Any]) -> None:
    """Add these commands to the command line."""
    command(backup).add_argument("file", metavar="FILE")
    command(restore).add_argument("file", metavar="FILE")
    command(verify)
    parts = command(audit, as_json=True)
    parts.add_argument("action", choices=("list", "export", "verify", "key"))
    parts.add_argument("file", metavar="FILE", nargs="?")
    parts.add_argument("--after", metavar="NUMBER", type=int, default=0, help="entries after this one only")
    parts.add_argument("--key", metavar="KEY", help="the public key that an exported log is to be signed by")
    parts.add_argument("--limit", metavar="COUNT", type=int, default=50, help="how many entries are listed")


def backup(settings: Settings, asked: argparse.Namespace) -> int:
    """Copy everything into one file while the app runs."""
    store = open_store(settings.database_url)
    try:
        upkeep.backup(store, settings.home, Path(asked.file))
    except upkeep.CannotDo as error:
        return _refuse(str(error))
    finally:
        store.close()
    print(f"{asked.file}: {Path(asked.file).stat().st_size:,} bytes")
    return 0


def restore(settings: Settings, asked: argparse.Namespace) -> int:
    """Put a backup into an empty home."""
    try:
        upkeep.restore(Path(asked.file), settings.home)
    except upkeep.CannotDo as error:
        return _refuse(str(error))
    print(f"{settings.home}: restored from {asked.file}")
    return 0


def verify(settings: Settings, asked: argparse.Namespace) -> int:
    """Are the log and the audit log whole, and readable as they were written?"""
    store = open_store(settings.database_url)
    try:
        faults = list(upkeep.verify(store, settings.home))
        revision, entries = store.revision(), audit_log.head(store).seq
    finally:
        store.close()
    whole = f"whole: every version up to revision {revision:,} and {entries:,} audit entries read as they were written"
    print("\n".join(faults) or whole)
    return 1 if faults else 0


def audit(settings: Settings, asked: argparse.Namespace) -> int:
    """The audit log: listed, as a signed file for others (`export`), such a file checked (`verify`), or the key."""
    if asked.action == "verify":
        return _check(asked)
    if asked.action == "export" and (not asked.file or Path(asked.file).exists() or asked.after < 0):
        return _refuse("name a new file: audit export FILE [--after NUMBER].")
    store = open_store(settings.database_url)
    try:
        if asked.action == "key":
            print(seal.public_key(settings.home))
        elif asked.action == "export":
            head = _export(store, settings.home, Path(asked.file), asked.after)
            print(f"{asked.file}: entries {asked.after + 1:,} to {head.seq:,}")
        else:
            for entry in reversed(audit_log.entries(store, limit=asked.limit)):
                print(json.dumps(entry._asdict()) if asked.json else _line(entry))
    except ValueError as error:
        return _refuse(f"{error}.")
    except OSError as error:
        return _refuse(f"{asked.file} cannot be written: {error.strerror or error}.")
    finally:
        store.close()
    return 0


def _export(store: Store, home: Path, file: Path, after: int) -> seal.Signed:
    """Write the file; it appears only when it is whole."""
    part = file.with_name(f".{file.name}.part")
    try:
        with part.open("w", encoding="utf-8") as out:
            head = seal.export(store, home, out, after)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return head


def _check(asked: argparse.Namespace) -> int:
    if not asked.file or not Path(asked.file).is_file():
        return _refuse("name the file to check: audit verify FILE [--key KEY].")
    with Path(asked.file).open(encoding="utf-8", errors="replace") as lines:
        faults = list(seal.check_export(lines, asked.key))
    print("\n".join(faults) or f"{asked.file}: whole, and signed by the key it names")
    return 1 if faults else 0


def _line(entry: audit_log.Entry) -> str:
    when = datetime.fromtimestamp(entry.time_us / 1e6, UTC)
    parts = (entry.who, entry.act, entry.subject, entry.clause, "" if entry.details == "{}" else entry.details)
    return f"{entry.seq:>8}  {when:%Y-%m-%d %H:%M:%SZ}  {'  '.join(part for part in parts if part)}"


def _refuse(sentence: str) -> int:
    print(f"commonground: {sentence}", file=sys.stderr)
    return 2
