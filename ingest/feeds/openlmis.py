"""OpenLMIS (version 3) stock and requisitions: the tables of its services as CSV, told apart by their columns.

Tables that others point into are kept as `Reference` (attributes under the columns' names in lower case, without
underscores); facilities are sites; stock on cards, movements and requisition lines are supply levels, whose
`site_ref` is the facility's id. One item at one site may lie on several cards, one for each lot
(`attributes.stockcardid`): what is on hand is their sum. A row that points to one not loaded yet is refused and can be
replayed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import shapely

from data.records import Record, Reference, Site
from data.settings import Source
from ingest import lmis_stock
from ingest.feed import Context, Feed, Payload
from ingest.lmis_stock import rest
from ingest.lmis_tables import STOCK, plain_name, table_of
from ingest.sheets import plain, preview, tables
from ingest.values import needed, shape, text


def _of(payload: Payload) -> str:
    return next((name for table in preview(payload) if (name := table_of(table.header))), "")


def recognise(payload: Payload) -> int:
    return 92 if _of(payload) else 0


def precedence(payload: Payload) -> int:
    name = _of(payload)
    return -10 if name in STOCK else -20 if name == "facilities" else -30


def rows(payload: Payload, source: Source) -> Iterable[dict[str, Any]]:
    found = False
    for table in tables(payload):
        if not (name := table_of(table.header)):
            continue
        found = True
        for row in table.rows:
            yield {"table": name, **{plain_name(column): cell for column, cell in plain(row).items()}}
    if not found:
        raise ValueError(f"{payload.name} is no table of OpenLMIS that is read here: its columns match none of them")


def record(row: dict[str, Any], context: Context) -> Record:
    match row["table"]:
        case "facilities":
            return _facility(row, context)
        case "calculated_stocks_on_hand":
            return lmis_stock.stock(row, context)
        case "stock_card_line_items":
            return lmis_stock.movement(row, context)
        case "requisition_line_items":
            return lmis_stock.requisition_line(row, context)
        case _:
            return _reference(row)


def _reference(row: dict[str, Any]) -> Reference:
    wkb = None
    if boundary := text(row, "boundary"):
        _, _, wkb = shape(shapely.from_wkt(boundary))
    return Reference(
        source_ref=f"{row['table']}/{needed(row, 'id').lower()}",
        title=next((title for key in ("name", "fullproductname", "lotcode", "code") if (title := text(row, key))), ""),
        table=row["table"],
        wkb=wkb,
        attributes=rest(row),
    )


def _facility(row: dict[str, Any], context: Context) -> Site:
    point = shapely.from_wkt(text(row, "location")) if text(row, "location") else None
    lon, lat, _ = shape(point, "location") if point is not None else (None, None, None)
    kind = context.references.get(("facility_types", f"facility_types/{text(row, 'typeid').lower()}"), {})
    names: list[str] = []
    zone = text(row, "geographiczoneid").lower()
    while zone and len(names) < 6:  # from the zone up to the country
        found = context.references.get(("geographic_zones", f"geographic_zones/{zone}"), {})
        names.insert(0, text(found, "name"))
        zone = text(found, "parentid").lower()
    return Site(
        source_ref=needed(row, "id").lower(),
        title=needed(row, "name"),
        description=text(row, "description"),
        category=text(kind, "name"),
        lon=lon,
        lat=lat,
        adm_names=tuple(names[1:4]) if any(names) else (),
        place_precision="exact" if lon is not None else "",
        # `active` says that the stock system expects reports from it, not that patients find it open.
        functionality="unknown",
        attributes=rest(row),
    )


FEED = Feed(
    name="openlmis",
    title="OpenLMIS stock, requisitions and facilities (CSV)",
    kinds=("reference", "site", "supply"),
    formats=("csv",),
    media_types=("text/csv",),
    recognise=recognise,
    rows=rows,
    record=record,
    precedence=precedence,
)
