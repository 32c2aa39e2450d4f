"""Files that hold no records, or records in a form that is not read: what they are, and what to send in their place.

Asked only when no feed knows a payload, and told from its first bytes and words alone: this runs
in the server itself, where nothing of strangers is opened.
"""

from __future__ import annotations

import re

from ingest.feed import Payload
from ingest.line_lists import of_persons
from ingest.sheets import preview

BYTES: tuple[tuple[bytes, int, str], ...] = (
    (b"OSMHeader", 4, "is OpenStreetMap data in PBF, which is not read; export what is needed of it as GeoJSON or GeoPackage"
                      " (for example ogr2ogr out.gpkg in.osm.pbf, or osmium export in.osm.pbf -o out.geojson)"),
    (b"%PDF", 0, "is a PDF, which holds pages and no rows; ask for the table behind it (Excel, CSV)"),
    (b"\x89PNG", 0, "is a picture (PNG), no data; imagery with its position is read as GeoTIFF"),
    (b"\xff\xd8\xff", 0, "is a picture (JPEG), no data; imagery with its position is read as GeoTIFF"),
    (b"GIF8", 0, "is a picture (GIF), no data"),
    (b"{\\rtf", 0, "is a text document (RTF), no table; save its table as Excel or CSV"),
    (b"7z\xbc\xaf\x27\x1c", 0, "is a 7z archive; send what is in it, or a zip"),
    (b"Rar!", 0, "is a RAR archive; send what is in it, or a zip"),
    (b"fgb\x03fgb", 0, "is FlatGeobuf, which is not read; save it as GeoPackage or GeoJSON"),
    (b"Obj\x01", 0, "is Avro, which is not read; save it as CSV or Parquet"),
    (b"\x1f\x8b", 0, "is compressed with gzip; send it unpacked, or in a zip"),
)  # fmt: skip
A_PART = "is one part of a shapefile; send all its parts (.shp, .shx, .dbf, .prj) together in one zip"
WORDS: tuple[tuple[str, str], ...] = (
    (r"\A\W*(?:tag|hashtag)\W.*(?:description|example)", "is a list of HXL tags, not of records"),
    (r"\A\W*(?:file\W+)?(?:field|column|name|variable)\W+(?:type\W+)?(?:description|definition|label)",
     "describes the columns of other files and holds no records itself; send the files it describes"),
    (r"\A\W*Location\W+Administrative level\W+.*Metadata",
     "is metadata about boundaries and holds no records; send the boundaries"),
    (r"\A\W*event,\s*node,\s*start,\s*end",
     "is the audit log of a form (what a telephone did while it was filled in), no records; send the submissions"),
    (r"\A\W*tableId\W+dataType", "is a list of columns of GDELT, not of its events"),
    (r"\A\W*\d{14}-T?\d+\t\d{14}\t",
     "is GDELT's knowledge graph, which is about articles, not events; send GDELT's events (export)"),
    (r"\A\d{6,}\t\d{14}\t\d{14}\t", "is GDELT's list of mentions, which is about articles; send GDELT's events (export)"),
    (r"\A\W*GKGRECORDID|\A\W*GLOBALEVENTID\W+EventTimeDate",
     "is about articles of GDELT, not events; send GDELT's events (export)"),
    (r'"categories"\s*:\s*\[[^\]]*"layers"', "is the list of EONET's categories, not of events; ask for /events"),
    (r'"(?:dataset_date|package_creator|has_showcases|creator_user_id)"\s*:',
     "describes a dataset on HDX and holds no records itself; send the dataset's files"),
    (r"\A\s*(?:PROJCS|GEOGCS|PROJCRS|GEOGCRS)\[", A_PART),
    (r"\A\s*(?:UTF-?8|ISO-?8859-?\d+|ANSI \d+|(?:cp|CP)?\d{3,5})\s*\Z", A_PART),
    (r"\A[\s,;]*\d{4}-\d\d-\d\d[,;]\s*-?[\d.]+\s*(?:\n|\Z)",
     "has days and numbers without headings, so nobody can know of what or where; give its columns names, with the place"),
    (r"\A[^\n]*,[^\n]*\n?\s*\Z", "has one line only, so no rows"),
)  # fmt: skip


def what_it_is(payload: Payload) -> str:
    """Why a payload that no feed knows is not read, and the remedy; empty where nothing can be told."""
    head = payload.head
    for sign, at, told in BYTES:
        if head[at : at + len(sign) + 12].find(sign) in (range(13) if at else (0,)):
            return told
    if head.startswith(b"\x00\x00\x27\x0a") or _is_dbf(head):
        return A_PART
    if b"\x00" in head[:4096] and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ""
    if not head.startswith((b"PK", b"\xd0\xcf", b"PAR1")) and any(
        of_persons(table.header) for table in preview(payload)
    ):
        return (
            "is a list of persons, which is read only as counts; send counts, or say which columns are whose in"
            " commonground.toml"
        )
    text = payload.head_text.lstrip("\ufeff")[:20_000]
    return next((told for pattern, told in WORDS if re.search(pattern, text, re.IGNORECASE)), "")


def _is_dbf(head: bytes) -> bool:
    """dBASE III header: version, date of the last change, lengths that fit each other."""
    if len(head) < 33 or head[0] not in (0x03, 0x83, 0x8B) or not (1 <= head[2] <= 12 and 1 <= head[3] <= 31):
        return False
    size = int.from_bytes(head[8:10], "little")
    return size > 32 and (size - 33) % 32 in (0, 8) and head[size - 1 : size] in (b"\r", b"\x00", b"")
