"""`commonground quarantine`: what was refused, listed, mended, sent back to the partner, read again or discarded."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data import mending, quarantine_file
from data import quarantine as kept
from data.quarantine_rows import cells_of, with_cells
from data.settings import Settings
from data.source_options import with_options
from data.store import Store, open_store

Replay = Callable[..., list[Any]]
"""(store, settings, ids, source, feed, reason, who) -> results, which `tell` can say."""
Tell = Callable[[Any], str]
WHO = "command line"


def arguments(command: Callable[..., Any], replay: Replay, tell: Tell) -> None:
    """Add the command to the command line; reading again is the business of ingest, and is given."""

    def quarantine(settings: Settings, asked: argparse.Namespace) -> int:
        """Rejected rows: reasons with counts, rows whole, mended, for the partner, read again, or discarded."""
        store = open_store(settings.database_url)
        try:
            if asked.action == "replay":
                found = replay(store, settings, asked.ids, asked.source, None, asked.reason, WHO)
                for result in found:
                    print(json.dumps(result) if asked.json else tell(result), flush=True)
                return 0
            return ACTIONS[asked.action](store, settings, asked)
        except (mending.CannotMend, ValueError) as error:
            return _refuse(str(error))
        except OSError as error:
            return _refuse(f"{error.filename or asked.out} cannot be used: {error.strerror or error}.")
        finally:
            store.close()

    parts = command(quarantine, as_json=True)
    parts.add_argument("action", choices=("list", "show", "replay", "edit", "export", "discard"))
    parts.add_argument("ids", metavar="ID", nargs="*", type=int)
    parts.add_argument("--source", metavar="NAME")
    parts.add_argument("--reason", metavar="TEXT", help="only what was refused for this reason, as it is listed")
    parts.add_argument(
        "--row", metavar="FILE", help="edit: the mended row, as show prints it, or its cells; - is input"
    )
    parts.add_argument("--out", metavar="FILE", help="export: the workbook to write")
    parts.add_argument("--why", metavar="TEXT", help="discard: why these rows will never be read")


def listed(store: Store, settings: Settings, asked: argparse.Namespace) -> int:
    for group in kept.groups(store.reader, asked.source):
        told = f"{group['count']:>8,} x {group['source']}: {group['reason']} "
        print(json.dumps(group) if asked.json else f"{told}(one of them: quarantine show {group['example_id']})")
    return 0


def show(store: Store, settings: Settings, asked: argparse.Namespace) -> int:
    found = kept.entries(store.reader, ids=asked.ids, source=asked.source, reason=asked.reason)
    if not found:
        return _refuse("nothing in quarantine matches.")
    for entry in found:
        _print(entry, asked.json)
    return 0


def edit(store: Store, settings: Settings, asked: argparse.Namespace) -> int:
    if len(asked.ids) != 1 or not asked.row:
        return _refuse("name one row and the file that holds it mended: quarantine edit ID --row FILE|-.")
    text = sys.stdin.buffer.read() if asked.row == "-" else Path(asked.row).read_bytes()
    entry = kept.entry(store.reader, asked.ids[0])
    cells = None if entry is None or cells_of(entry["raw"]) is None else _cells(text)
    row = text.strip(b"\r\n") if entry is None or cells is None else with_cells(entry["raw"], cells)
    _print(mending.edit(store, WHO, asked.ids[0], row), asked.json)
    return 0


def export(store: Store, settings: Settings, asked: argparse.Namespace) -> int:
    if not asked.source or not asked.out:
        return _refuse("name the source and the file: quarantine export --source NAME --out FILE.xlsx.")
    columns = dict(with_options(store, settings.source(asked.source, "")).options.get("columns") or {})
    count = quarantine_file.write(store.reader, asked.source, Path(asked.out), columns)
    print(json.dumps({"file": asked.out, "rows": count}) if asked.json else f"{asked.out}: {count:,} rows")
    return 0


def discard(store: Store, settings: Settings, asked: argparse.Namespace) -> int:
    count = mending.discard(store, WHO, asked.why or "", asked.ids, asked.source, None, asked.reason)
    print(json.dumps({"discarded": count}) if asked.json else f"{count:,} discarded")
    return 0


ACTIONS: Mapping[str, Callable[[Store, Settings, argparse.Namespace], int]] = {
    "list": listed,
    "show": show,
    "edit": edit,
    "export": export,
    "discard": discard,
}


def _cells(text: bytes) -> dict[str, Any] | None:
    """Heading -> cell, where that is what was written; None where it is the whole row."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "$table" not in found else None


def _print(entry: Mapping[str, Any], as_json: bool) -> None:
    told = {
        name: value.decode("utf-8", "replace") if isinstance(value, bytes) else value for name, value in entry.items()
    }
    if as_json:
        print(json.dumps(told))
        return
    first_seen = datetime.fromtimestamp(entry["first_seen_us"] / 1e6, UTC)
    print(
        f"{told['id']}: {told['source']}, {told['payload']}, {told['detail']} (first seen {first_seen:%Y-%m-%d %H:%MZ})"
    )
    print(told["raw"])
    if told["edited"] is not None:
        print(f"mended by {told['edited_by']}:\n{told['edited']}")


def _refuse(sentence: str) -> int:
    print(f"commonground: {sentence}", file=sys.stderr)
    return 2
