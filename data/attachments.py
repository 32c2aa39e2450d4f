"""Photos that belong to a report: the file in the home folder, and a record of it that is marked as the report is.

The file is on the disk before the record is, so that every record has its file. It lies under its own SHA-256 and is never
changed. Without `keep` it is written anew from its pixels, so that where, when and with what it was taken is not in it.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import struct
import warnings
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa
from PIL import Image, ImageOps

from data.records import KINDS, Attachment, Entry, Report, decode
from data.seen import public_id
from data.store import Store
from data.tables import head, version
from data.written import Change, Overtaken, write

FOLDER = "attachments"
MOST_BYTES = 3 << 20
MOST_PIXELS = 40_000_000
SIDE_PX = 2_400
"""Longest side of what is written anew."""
TYPES = {"JPEG": ("image/jpeg", "jpg"), "PNG": ("image/png", "png"), "WEBP": ("image/webp", "webp")}
"""What is taken, by what it is and not by what it is called: format -> media type, ending."""
UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    LookupError,
    TypeError,
    ArithmeticError,
    MemoryError,
    struct.error,
    Warning,
    Image.DecompressionBombError,
)
"""How decoders fail on what is no picture."""
UNSAID = (0, None, None, None, None, None, b"")
"""Of an entry that is only to be known by its key."""
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class CannotAttach(ValueError):
    """Why not, in one sentence."""


def report_id(store: Store, source: str, ref: str) -> str:
    """Public id of the report that a source names by a key."""
    return public_id(store.record_id(source, _entry(ref)))


def attach(store: Store, home: Path, who: str, source: str, ref: str, content: bytes, keep: bool) -> tuple[str, int]:
    """Keep a photo of the report with this key: (public id of the attachment, revision). The same again changes nothing.

    Raises `CannotAttach`, OSError.
    """
    content, media_type, width, height = _picture(content, keep)
    digest = hashlib.sha256(content).hexdigest()
    about = store.record_id(source, _entry(ref))
    with store.reader.connect() as connection:
        query = (
            sa.select(version.c.body)
            .join(head, head.c.current_seq == version.c.seq)
            .where(head.c.record_id == about, sa.not_(head.c.retracted))
        )
        body = connection.execute(query).scalar()
    report = None if body is None else decode(body)
    if not isinstance(report, Report):
        raise CannotAttach("There is no report with this key; send the report first.")
    _keep(home, digest, content)
    made = Attachment(
        source_ref=f"{ref} {digest[:16]}",
        title=report.title,
        event_time=report.event_time,
        about=public_id(about),
        sha256=digest,
        media_type=media_type,
        size_bytes=len(content),
        width_px=width,
        height_px=height,
        located=keep,
        source=report.source,
        agency=report.agency,
        sensitivity=report.sensitivity,
        releasable_to=report.releasable_to,
        exercise=report.exercise,
        own=report.own,
    )
    identity = public_id(store.record_id(source, Entry(1, KINDS["attachment"].number, made.source_ref, *UNSAID)))
    with suppress(Overtaken):  # it is there already
        write(store, who, "attachment.add", [Change(made)], details={"about": made.about, "sha256": digest})
    return identity, store.revision()


def file_of(home: Path, sha256: str) -> Path | None:
    """The file of a digest, or None where it is not there."""
    path = home / FOLDER / sha256
    return path if _DIGEST.match(sha256) and path.is_file() else None


def ending(media_type: str) -> str:
    return next((end for told, end in TYPES.values() if told == media_type), "bin")


def _entry(ref: str) -> Entry:
    return Entry(1, KINDS["report"].number, ref, *UNSAID)


def _picture(content: bytes, keep: bool) -> tuple[bytes, str, int, int]:
    """The bytes that are kept, what they are, width and height in pixels. Raises `CannotAttach`."""
    if len(content) > MOST_BYTES:
        raise CannotAttach(f"The photo has {len(content):,} bytes; at most {MOST_BYTES:,} are taken.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(content), formats=tuple(TYPES))
            if picture.width * picture.height > MOST_PIXELS:
                raise CannotAttach(f"The photo has more than {MOST_PIXELS:,} pixels; send it smaller.")
            told = TYPES[str(picture.format)][0]
            picture.load()
            if keep:
                return content, told, picture.width, picture.height
            plain = ImageOps.exif_transpose(picture).convert("RGB")
    except CannotAttach:
        raise
    except UNREADABLE:
        raise CannotAttach("This is no photo that can be read; send a JPEG, PNG or WebP.") from None
    plain.thumbnail((SIDE_PX, SIDE_PX))
    # Pixels alone: what came beside them (EXIF, XMP, comments) is left behind.
    bare = Image.frombytes("RGB", plain.size, plain.tobytes())
    out = io.BytesIO()
    bare.save(out, "JPEG", quality=85)
    return out.getvalue(), "image/jpeg", bare.width, bare.height


def _keep(home: Path, digest: str, content: bytes) -> None:
    """On the disk, whole, under its digest."""
    folder = home / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / digest
    if path.is_file():
        return
    part = folder / f".{digest}.{os.getpid()}.part"
    try:
        with part.open("xb") as file:
            part.chmod(0o600)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    entry = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)
