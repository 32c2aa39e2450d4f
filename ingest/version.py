"""Which code read a payload: a digest of the feed's file and of the files of ingest that it uses.

It stands beside every reject, so that one sees whether the feed has changed since a row was refused.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

from ingest.feeds import all_feeds

_HERE = Path(__file__).resolve().parent
_IMPORT = re.compile(r"^\s*from ingest(?:\.(\w+))? import \(?([^()#]*)", re.MULTILINE)


@cache
def feed_version(name: str) -> str:
    """Twelve hexadecimal digits, the same wherever the code is; empty for what is no feed (`auto`)."""
    feed = all_feeds().get(name)
    if feed is None:
        return ""
    digest = hashlib.blake2b(digest_size=6)
    for file in sorted(_files(_HERE / "feeds" / f"{feed.record.__module__.rpartition('.')[2]}.py", set())):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _files(file: Path, found: set[Path]) -> set[Path]:
    """The file and every file of ingest it imports, however far."""
    if file in found or not file.is_file():
        return found
    found.add(file)
    for module, names in _IMPORT.findall(file.read_text(encoding="utf-8")):
        for name in [module] if module else names.replace(",", " ").split():
            _files(_HERE / f"{name}.py", found)
    return found
