"""Events that GDELT codes from the world's news: its 1.0 and 2.0 event files (no header, tab-separated), also zipped,
and tables with its column names.

The key is `GLOBALEVENTID`; `DATEADDED` says which record of it is the newer. Nobody has read these reports: an event is
what a program made of a sentence, so its grade stays F6 unless the source says otherwise. The place is where the action
was (`ActionGeo`), as good as its type: 1 a country, 2 and 5 a state or province, 3 and 4 a town. Category and severity
follow the CAMEO root code; words, demands and cooperation have no severity, for they are no harm. Event files are told
by their 57, 58 or 61 columns of known shape, and the mentions and knowledge-graph files of GDELT are not events.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from io import TextIOWrapper
from typing import Any, Literal

from data.records import Incident, Record, Severity
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.gdelt_columns import COLUMNS, NEW
from ingest.objects import headings
from ingest.sheets import kind_of, plain, tables
from ingest.values import instant, lon_lat, needed, text
from ingest.workbooks import DAMAGE, check_zip

ROOTS = (
    *("public statement", "appeal", "intent to cooperate", "consultation", "diplomatic cooperation"),
    *("material cooperation", "aid", "yielding", "investigation", "demand", "disapproval", "rejection", "threat"),
    *("protest", "show of force", "reduced relations", "coercion", "assault", "fighting", "mass violence"),
)
"""CAMEO root codes 01 to 20."""
HARM = {13: 1, 14: 1, 15: 1, 16: 1, 17: 2, 18: 3, 19: 3, 20: 4}
Precision = Literal["near", "adm1", "adm0", ""]
PRECISION: dict[str, Precision] = {"1": "adm0", "2": "adm1", "3": "near", "4": "near", "5": "adm1"}
NAMES = {name.lower(): name for name in NEW}
OWN = frozenset(
    {"GLOBALEVENTID", "SQLDATE", "DATEADDED", "MonthYear", "Year", "FractionDate", "Actor1Name", "Actor2Name"}
)
OWN |= {"ActionGeo_Lat", "ActionGeo_Long", "ActionGeo_FullName", "ActionGeo_Type"}
LINE = re.compile(r"\d+\t\d{8}\t\d{6}\t\d{4}\t\d{4}\.\d+\t")


def recognise(payload: Payload) -> int:
    if LINE.match(payload.head_text) or (kind_of(payload) == "zip" and _zipped(payload)):
        return 95
    return 90 if any(names >= {"globaleventid", "sqldate", "eventrootcode"} for names in headings(payload)) else 0


def _zipped(payload: Payload) -> bool:
    try:
        with payload.open() as stream, zipfile.ZipFile(stream) as archive:
            check_zip(payload.name, archive)
            with archive.open(archive.infolist()[0]) as inside:
                return bool(LINE.match(inside.read(4_096).decode("utf-8", "replace")))
    except (*DAMAGE, ValueError, IndexError):
        return False


def _unzip(payload: Payload) -> Iterator[str]:
    try:
        with payload.open() as stream, zipfile.ZipFile(stream) as archive:
            check_zip(payload.name, archive)
            for entry in archive.infolist():
                with archive.open(entry) as inside, TextIOWrapper(inside, "utf-8", errors="replace") as lines:
                    yield from lines
    except DAMAGE as error:
        raise ValueError(f"{payload.name} is a damaged or encrypted zip file: {error}") from None


def rows(payload: Payload, source: Source) -> Iterable[Any]:
    """Lines as they stand, or rows by their column names."""
    if LINE.match(payload.head_text):
        with payload.open() as stream, TextIOWrapper(stream, "utf-8", errors="replace") as lines:
            yield from (line for line in lines if line.strip())
    elif kind_of(payload) == "zip" and _zipped(payload):
        yield from (line for line in _unzip(payload) if line.strip())
    else:
        for table in tables(payload):
            yield from (plain(row) for row in table.rows)


def record(row: Any, context: Context) -> Record:
    if isinstance(row, str):
        cells = row.rstrip("\r\n").split("\t")
        if len(cells) not in COLUMNS:
            raise Refusal("row", "does not have the 57, 58 or 61 columns of a GDELT event", len(cells))
        row = dict(zip(COLUMNS[len(cells)], cells, strict=True))
    said = {NAMES.get(name.lower(), name): value for name, value in row.items() if value not in (None, "")}
    root = text(said, "EventRootCode").zfill(2)
    number = int(root) if root.isdecimal() and 1 <= int(root) <= 20 else 0
    actors = [text(said, name) for name in ("Actor1Name", "Actor2Name")]
    lon, lat = lon_lat(said, "ActionGeo_Long", "ActionGeo_Lat")
    what = ROOTS[number - 1] if number else "event"
    return Incident(
        source_ref=needed(said, "GLOBALEVENTID").removesuffix(".0"),
        title=f"{what.capitalize()}: {' – '.join(a.title() for a in actors if a)}"
        if any(actors)
        else what.capitalize(),
        category=what,
        sub_event_type=text(said, "EventCode"),
        severity=Severity(HARM.get(number, 0)),
        event_time=_moment(said, "SQLDATE"),
        version_time=_moment(said, "DATEADDED"),
        lon=lon,
        lat=lat,
        place=text(said, "ActionGeo_FullName"),
        place_precision=PRECISION.get(text(said, "ActionGeo_Type"), "") if lon is not None else "",
        actor1=actors[0],
        actor2=actors[1],
        attributes={name: value for name, value in said.items() if name not in OWN},
    )


def _moment(said: dict[str, Any], name: str) -> datetime | None:
    """`20261105` or `20261105141500`, UTC."""
    digits = text(said, name).removesuffix(".0")
    if not re.fullmatch(r"\d{8}(\d{6})?", digits):
        return instant(said, name)
    return instant({name: f"{digits[:8]}T{digits[8:] or '000000'}Z"}, name)


FEED = Feed(
    name="gdelt",
    title="GDELT events (tab-separated, zip, CSV)",
    kinds=("incident",),
    formats=("csv", "tsv", "zip"),
    media_types=("text/tab-separated-values", "text/csv", "application/zip"),
    recognise=recognise,
    rows=rows,
    record=record,
)
