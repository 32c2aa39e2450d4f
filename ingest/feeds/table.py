"""Any table (csv, tsv, xls, xlsx, JSON rows) by a mapping in the settings of its source, or by its HXL tags.

    [[source]]
    name = "districts"
    feed = "table"
    kind = "indicator"
    template = "{District P-code}-{Week}"        # where no column is a key
    [source.columns]
    value = "#affected+infected"                 # an HXL tag, or
    adm_pcode = "District P-code"                # a heading, or
    indicator = { value = "measles" }            # the same for every row, or
    severity = { column = "Level", words = { Red = "critical", Amber = "serious" } }

Fields are those of the kind of record, `adm1_name` to `adm3_name`, `geometry` (WKT), `disaggregation.<group>`, and what a row
says of its own handling (`own.sensitivity`, `own.tlp`, `own.consent`, see `ingest.handling`). Without
a key the record's is made of what it is about (place, time, who, what), not of what was counted. Of fields that are not
mapped, those with a usual HXL tag are read by it; all other columns become attributes. Whether 8/1/2014 is in January or
in August is told by the other days of its column, or by `month_first` of the source.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import shapely

from data.marks import in_confidence
from data.records import KINDS, Record
from data.settings import Source
from ingest import hxl
from ingest.feed import Context, Feed, Payload, Refusal
from ingest.fields import read
from ingest.handling import own_mark
from ingest.mapping import check_settings, columns_of, told
from ingest.sheets import preview, tables
from ingest.table_rows import OTHERS, PLACES, guessed, orders_of, said_by
from ingest.values import number, shape, text
from ingest.written import position


def recognise(payload: Payload) -> int:
    best = 0
    for table in preview(payload):
        if tags := table.tagged():
            bases = {hxl.modern(tag).split("+")[0] for tag in tags}
            if not all(PLACES.match(base) for base in bases):
                best = max(best, 30 if bases & OTHERS else 50 if hxl.kind_of_tags(tags) == "report" else 60)
    return best


def rows(payload: Payload, source: Source) -> Iterable[dict[str, Any]]:
    columns, orders = columns_of(source), orders_of(payload, source)
    read_one, missing = False, []
    for table in tables(payload):
        tags = table.tagged()
        where = f"sheet {table.sheet}" if table.sheet else "the table"
        kind = str(source.options.get("kind") or (hxl.kind_of_tags(tags) if tags else ""))
        if not (columns or tags) or not kind:
            missing.append(f"{where} has no row of HXL tags")
            continue
        check_settings(kind, columns, source)
        try:
            ways = [told(way, columns, table) for way in hxl.mapped(tags, kind, columns)]
        except LookupError as error:
            missing.append(f"{where} has no column {error.args[0]!r} (it has {', '.join(table.header)})")
            continue
        read_one = True
        yield from said_by(table, ways, str(source.options.get("template", "")), orders.get(table.sheet, {}))
    if not read_one:
        raise ValueError(f"{payload.name}: {'; '.join(missing)}; say in `columns` of source {source.name} what is what")


def record(row: dict[str, Any], context: Context) -> Record:
    kind, said = row["kind"], dict(row["said"])
    for name, parts in [(name, parts) for name, parts in said.items() if isinstance(parts, list)]:
        figures = [number({name: part}, name) for part in parts]
        said[name] = None if None in figures else sum(figure for figure in figures if figure is not None)
    rest = dict(row["rest"])
    fields = read(kind, said, context.source.timezone, row["orders"], guessed(kind, context), rest)
    fields["lon"], fields["lat"] = position(said, "lon", "lat")
    if text(said, "geometry"):
        fields["lon"], fields["lat"], fields["wkb"] = shape(shapely.from_wkt(text(said, "geometry")))
    names = [text(said, f"adm{level}_name") for level in (1, 2, 3)]
    fields["adm_names"] = tuple(names[: max((level for level, name in enumerate(names, 1) if name), default=0)])
    groups = {name.partition(".")[2]: name for name in said if name.startswith("disaggregation.")}
    if kind == "indicator":
        fields["disaggregation"] = {
            key: count for key, name in groups.items() if (count := number(said, name)) is not None
        }
        fields.setdefault("event_time", fields.get("period_end") or fields.get("period_start"))
    if kind == "activity":
        fields.setdefault("event_time", fields.get("start"))
    if kind == "site" and not (fields.get("title") or text(said, "source_ref")):
        raise Refusal("title", "neither name nor code is said")
    area = next((name for name in (fields.get("place"), *reversed(names)) if name), "")
    subject = next((fields[name] for name in ("indicator", "activity", "category", "form") if fields.get(name)), kind)
    title = ", ".join(part for part in (str(subject).replace("_", " "), area) if part)
    fields.setdefault("title", title[:1].upper() + title[1:])
    fields["own"] = own_mark(said)
    if fields.get("sensitive"):
        fields["own"] = in_confidence(fields["own"])
    return KINDS[kind].type(**{**fields, "source_ref": row["key"], "attributes": rest})


FEED = Feed(
    name="table",
    title="Any table by HXL tags or a mapping (Excel, CSV, JSON rows)",
    kinds=tuple(KINDS),
    formats=("csv", "tsv", "xlsx", "xls", "json", "zip"),
    media_types=(
        "text/csv",
        "text/tab-separated-values",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.ms-excel",
        "application/json",
        "application/zip",
    ),
    recognise=recognise,
    rows=rows,
    record=record,
    keys="list",
)
