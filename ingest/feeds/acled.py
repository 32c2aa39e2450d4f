"""Political violence and protest events as ACLED gives them out: CSV exports, API answers (JSON), workbooks of them.

One row is one event on one day at one place. The key is `event_id_cnty`; `data_id`, which ACLED renumbered with every
release until it dropped it in 2023, serves only where there is no other. ACLED is a living dataset: a later export
revises earlier rows, and `timestamp` (seconds since 1970) says which version of an event is the newer.

Its "deleted" answer lists keys with a `deleted_timestamp`: those events are taken back.

Aggregates made from ACLED (HDX and HAPI: counts per area and month) are no events: the feed conflict_counts reads them.

Severity is a rule of this feed, for ACLED has none: the worse of what kind of event it was and how many were killed.
    kind    battles, explosions, violence against civilians, riots: moderate; protests, strategic developments: minor;
            sexual violence, abduction, chemical weapon, suicide bomb, force against protesters: serious
    killed  1 or more: serious; 5 or more (the threshold of the PITF Worldwide Atrocities Dataset): severe;
            25 or more (UCDP's threshold for an armed conflict, there over a year): critical
ACLED writes 0 both for nobody killed and for nothing said of deaths (codebook, "Reported fatalities").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

from data.records import Incident, Record, Retract
from ingest.acled_words import MISFIT, NAMED, NOT_EVENTS, PRECISION, is_event_table, names_of, severity_of
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.sheets import HEADER_WITHIN, csv_rows, is_tag_row, kind_of, plain, preview, tables
from ingest.values import instant, lon_lat, needed, whole

Row = dict[str, Any]


def recognise(payload: Payload) -> int:
    if kind_of(payload) == "json":
        head = payload.head_text
        return 95 if '"event_id_cnty"' in head and ('"event_date"' in head or '"deleted_timestamp"' in head) else 0
    return 95 if any(is_event_table(names_of(table.header)) for table in preview(payload)) else 0


def rows(payload: Payload, source: Source) -> Iterable[Row]:
    if kind_of(payload) == "csv":
        yield from _from_csv(csv_rows(payload))
        return
    found = False
    for table in tables(payload):
        names = names_of(table.header)
        if is_event_table(names):
            found = True
            own = dict(zip(table.header, names, strict=True))
            for row in table.rows:
                cells = ((own[name], value) for name, value in plain(row).items() if value != "NA")
                yield {name: str(value) if name in NAMED else value for name, value in cells}
    if not found:
        raise ValueError(NOT_EVENTS)


def _from_csv(lines: Iterator[list[str]]) -> Iterator[Row]:
    """The lines of a csv as dicts without their blank cells. Written for speed: a history has a million lines."""
    names = next((names for line in islice(lines, HEADER_WITHIN) if is_event_table(names := names_of(line))), None)
    if names is None:
        raise ValueError(NOT_EVENTS)
    width = len(names)
    first = [line for line in islice(lines, 1) if not is_tag_row([cell or None for cell in line])]
    for line in chain(first, lines):
        row: Row = {name: cell for name, cell in zip(names, line, strict=False) if cell and cell != "NA"}
        if len(line) == width:
            yield row
        elif row:
            yield {**row, MISFIT: f"{len(line)} for {width}"}


def record(row: Row, context: Context) -> Record | Retract:
    if MISFIT in row:
        raise Refusal("row", "does not have one cell per column (a comma outside quotes, or cut off)", row[MISFIT])
    if "deleted_timestamp" in row:
        deleted, key = instant(row, "deleted_timestamp"), needed(row, "event_id_cnty")
        return Retract(kind="incident", source_ref=key, reason="deleted by ACLED", version_time=deleted)
    if "event_date" not in row:
        raise Refusal("event_date", "is empty")
    get = row.get
    event_type, sub_event_type = get("event_type", "").strip(), get("sub_event_type", "").strip()
    fatalities = whole(row, "fatalities")
    lon, lat = lon_lat(row, "longitude", "latitude")
    what = sub_event_type or event_type or "Event"
    names = (get("admin1", "").strip(), get("admin2", "").strip(), get("admin3", "").strip())
    return Incident(
        source_ref=get("event_id_cnty", "").strip() or needed(row, "data_id"),
        title=f"{what}, {fatalities:,} killed" if fatalities else what,
        description=get("notes", "").strip(),
        category=event_type,
        severity=severity_of(event_type, sub_event_type, fatalities),
        event_time=instant(row, "event_date", context.source.timezone),
        version_time=instant(row, "timestamp"),
        lon=lon,
        lat=lat,
        place=get("location", "").strip(),
        adm_names=names if any(names) else (),
        place_precision=PRECISION.get(get("geo_precision", "").strip(), "adm0") if lon is not None else "",
        attributes={name: value for name, value in row.items() if name not in NAMED},
        sub_event_type=sub_event_type,
        actor1=get("actor1", "").strip(),
        actor2=get("actor2", "").strip(),
        fatalities=fatalities,
    )


FEED = Feed(
    name="acled",
    title="ACLED events (CSV, JSON, Excel)",
    kinds=("incident",),
    formats=("csv", "json", "xlsx"),
    media_types=("text/csv", "application/json", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    recognise=recognise,
    rows=rows,
    record=record,
)
