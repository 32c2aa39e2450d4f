"""Stock reports as sheets: one item at one site and day or month a row, whatever program or country keeps them.

Columns are found by what they are called. A list of items (code and name) names the items of reports that give codes alone. The
key is site, item and lot with the day or month, so that a corrected report revises. A count below zero is refused: what is
missing from a shelf is not minus something on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from data.records import Record, SupplyLevel
from ingest import stock_items
from ingest.feed import Context, Feed, Payload, Refusal, Source
from ingest.headings import area_columns, area_of, called, pick
from ingest.sheets import Table, distinct, plain, preview, rows_of
from ingest.stock_words import COLUMNS
from ingest.values import number, text
from ingest.written import moment, month_first, position

FIGURES = ("on_hand", "amc", "consumed", "received", "losses", "stockout_days")
YEAR, MONTH = ("year", "annee", "ano"), ("month", "mois", "mes", "month_number")


def recognise(payload: Payload) -> int:
    return max((_score(table) for table in preview(payload)), default=0)


def _score(table: Table) -> int:
    if table.tags or pick(table.header, ("stockcardid", "orderableid")):
        return 0
    if stock_items.is_list(table):
        return 70
    has = called(table.header, COLUMNS).keys()
    if "on_hand" not in has or "item" not in has:
        return 0
    if has & {"amc", "consumed", "stockout_days"} and "site" in has:
        return 88
    return 80 if "site" in has else 60 if has & {"amc", "consumed", "received", "stockout_days", "expiry"} else 0


def rows(payload: Payload, source: Source) -> Iterable[dict[str, Any]]:
    seen: dict[str, list[int]] = {}
    return rows_of(
        payload,
        _score,
        lambda table: _levels(table, seen),
        "has no stock report: an item and the stock on hand, best with the site",
    )


def _levels(table: Table, seen: dict[str, list[int]]) -> Iterator[dict[str, Any]]:
    if stock_items.is_list(table):
        yield from stock_items.rows(table)
        return
    columns = called(table.header, COLUMNS)
    year, month = pick(table.header, YEAR), pick(table.header, MONTH)
    listed = list(table.rows)
    order = month_first(row.get(columns.get("date", "")) for row in listed)
    for row in listed:
        said = f"{text(row, month)}/{text(row, year)}" if year and month else text(row, columns.get("date", ""))
        site, item, lot = (text(row, columns.get(what, "")) for what in ("site", "item", "lot"))
        key = "/".join(part for part in (site, item, lot, said) if part)
        yield {
            "key": distinct(key, row, seen),
            "columns": columns,
            "day": said,
            "monthly": bool(year and month),
            "order": order,
            "cells": row,
        }


def record(row: dict[str, Any], context: Context) -> Record:
    if "listed" in row:
        return stock_items.record(row)
    columns, cells = row["columns"], row["cells"]
    said = {what: text(cells, columns.get(what, "")) for what in COLUMNS}
    if not said["item"]:
        raise Refusal(columns["item"], "is empty, so nobody knows what is on the shelf")
    said["item_name"] = said["item_name"] or stock_items.name_of(said["item"], context)
    figures: dict[str, Any] = {what: number(cells, columns.get(what, "")) for what in FIGURES}
    if all(value is None for value in figures.values()):
        raise Refusal(columns["on_hand"], "is empty, as are the other figures")
    if below := [what for what, value in figures.items() if value is not None and value < 0]:
        raise Refusal(columns[below[0]], "is below zero", figures[below[0]])
    zone = context.source.timezone
    day = moment({"day": row["day"]}, "day", zone, row["order"]) if row["day"] else None
    end = _month_end(day) if day and row["monthly"] else None
    lon, lat = position(cells, columns.get("lon", ""), columns.get("lat", ""))
    areas = area_columns(tuple(cells))
    pcode, names = area_of(cells, areas)
    return SupplyLevel(
        source_ref=row["key"],
        title=f"{said['item_name'] or said['item']}: on hand",
        category=said["category"] or "on hand",
        event_time=end or day,
        lon=lon,
        lat=lat,
        place="" if said["site"] else said["site_name"],
        adm_pcode=pcode,
        adm_names=names,
        place_precision="exact" if lon is not None else "",
        site_ref=said["site"],
        site_name=said["site_name"],
        item=said["item"],
        item_name=said["item_name"],
        card=said["lot"],
        unit=said["unit"],
        period_start=day if end else None,
        period_end=end,
        expiry=moment(cells, columns.get("expiry", ""), zone),
        attributes=plain(cells, areas.used(cells)),
        stock_on_hand=figures.pop("on_hand"),
        **figures,
    )


def _month_end(first: datetime) -> datetime:
    return (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)


FEED = Feed(
    name="stock",
    title="Stock reports (Excel, CSV)",
    kinds=("supply", "reference"),
    formats=("xlsx", "xls", "csv"),
    media_types=("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "text/csv"),
    recognise=recognise,
    rows=rows,
    record=record,
    keys="list",
    precedence=lambda payload: -10 if any(map(stock_items.is_list, preview(payload))) else 0,
)
