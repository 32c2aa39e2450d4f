"""Prices of food at markets: WFP's tables (CSV, JSON answers of its API), HAPI's, and matrices of months by markets.

One row is the price of one commodity at one market in one month. The key is the market, the commodity, the unit, the kind
of price and the day, by WFP's numbers where it gives them, so that a corrected price revises. The indicator is the
commodity, the unit of the value is currency per unit (`SSP/KG`); the price in dollars, and whether WFP saw it (`actual`),
put it together (`aggregate`) or forecast it, stay among the attributes. A price of 0 is one that nobody recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ingest.feed import Feed, Payload, Refusal, Source
from ingest.figures import Row, day, indicator, month_of, months_first, where
from ingest.headings import LATITUDE, LONGITUDE, AreaColumns, area_columns, bare, pick
from ingest.objects import headings
from ingest.price_matrix import is_matrix, priced
from ingest.sheets import Table, distinct, kind_of, plain, tables
from ingest.values import number, text

COLUMNS: dict[str, tuple[str, ...]] = {
    "commodity": ("commodity_name", "commodityname", "cmname", "cm_name", "commodity"),
    "price": ("commodityprice", "mp_price", "price"),
    "market": ("market_name", "marketname", "mktname", "mkt_name", "market"),
    "currency": ("currency_code", "currencyname", "cur_name", "currency"),
    "unit": ("commodityunitname", "um_name", "unit"),
    "kind": ("price_type", "pricetypename", "pt_name", "pricetype", "ptid"),
    "start": ("commoditypricedate", "reference_period_start", "date"),
    "end": ("reference_period_end",),
    "month": ("mp_month",),
    "year": ("mp_year",),
    "market_id": ("market_id", "market_code", "marketid", "mktid", "mkt_id"),
    "commodity_id": ("commodity_id", "commodity_code", "commodityid", "cmid", "cm_id"),
    "category": ("commodity_category", "category"),
    "country": ("location_code", "countryiso3", "country", "adm0_name", "countryname"),
    "lat": LATITUDE[:-1],  # not `y` and `x`, which in prices are a year and a time
    "lon": LONGITUDE[:-1],
}
KEPT = ("kind", "month", "year", "market_id", "commodity_id", "country")
"""Read, and kept among the attributes as well."""
OLD_AREAS = {"admname": 1, "admin1": 1, "admin2": 2}


def recognise(payload: Payload) -> int:
    if any(_is_ours(names) for names in headings(payload)):
        return 93
    return 90 if kind_of(payload) in ("csv", "xlsx", "xls") and is_matrix(payload) else 0


def _is_ours(names: Iterable[str]) -> bool:
    names = set(names)
    return all(names & {*COLUMNS[part]} for part in ("commodity", "price", "market")) and bool(
        names & {*COLUMNS["currency"], *COLUMNS["unit"]}
    )


def rows(payload: Payload, source: Source) -> Iterable[Row]:
    if kind_of(payload) in ("csv", "xlsx", "xls") and is_matrix(payload):
        yield from priced(payload)
        return
    found = False
    for table in tables(payload):
        if _is_ours(bare(name) for name in table.header):
            found = True
            yield from _prices(table, payload, source)
    if not found:
        raise ValueError(f"{payload.name} has no table with market, commodity, price and its currency or unit")


def _prices(table: Table, payload: Payload, source: Source) -> Iterator[Row]:
    own = {part: pick(table.header, words) or "" for part, words in COLUMNS.items()}
    order = months_first(payload, [own["start"]], source)
    areas = area_columns(table.header)
    named = {level: name for name in table.header if (level := OLD_AREAS.get(bare(name)))}
    # WFP numbers countries and areas in its own way: `adm0Code`, `adm1id`.
    pcodes = {level: name for level, name in areas.pcodes.items() if level and not bare(name).endswith("id")}
    areas = AreaColumns(pcodes, {**named, **areas.names}, areas.other_names)
    used = {name for part, name in own.items() if part not in KEPT}
    seen: dict[str, list[int]] = {}
    for row in table.rows:
        said = {part: text(row, name) for part, name in own.items()}
        start: Any = row.get(own["start"])
        if own["month"] and not own["start"]:
            start = month_of(f"{said['month']}/{said['year']}") or f"{said['month']}/{said['year']}"
        key = _key(said, start, order)
        yield {
            **where(row, areas, said["country"]),
            "key": distinct(key, row, seen),
            "indicator": said["commodity"],
            "title": said["commodity"],
            "category": "food prices" + (f" / {said['kind']}" if said["kind"] and not said["kind"].isdigit() else ""),
            "value": recorded(row.get(own["price"])),
            "unit": "/".join(part for part in (said["currency"], said["unit"]) if part),
            "start": start,
            "end": row.get(own["end"]) or start,
            "place": said["market"],
            "site": said["market_id"],
            "lon": row.get(own["lon"]),
            "lat": row.get(own["lat"]),
            "month_first": order,
            "attributes": plain(row, used | areas.used(row)),
        }


def _key(said: dict[str, str], start: Any, order: bool | None) -> str:
    try:
        moment = day({"start": start}, "start", "UTC", order)
        on = moment.date().isoformat() if moment else ""
    except Refusal:
        on = str(start)
    market = said["market_id"] or f"{said['country']}:{said['market']}"
    return ":".join((market, said["commodity_id"] or said["commodity"], said["unit"], said["kind"], on))


def recorded(price: Any) -> Any:
    try:
        return None if number({"price": price}, "price") == 0 else price
    except ValueError:
        return price


FEED = Feed(
    name="food_prices",
    title="Food prices by market (WFP, HAPI)",
    kinds=("indicator",),
    formats=("csv", "json", "xlsx"),
    media_types=("text/csv", "application/json", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    recognise=recognise,
    rows=rows,
    record=indicator,
)
