"""Supply levels from OpenLMIS: stock on a card, its movements, and the lines of requisitions.

What a movement means comes from its reason: CREDIT was received; DEBIT was consumed or issued or, as an adjustment, lost.
Without a reason, a source received and a destination issued; with neither it is a count of the shelf, which sets the stock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data.records import SupplyLevel
from ingest.feed import Context
from ingest.lmis_tables import BUILT_IN, USED
from ingest.values import instant, needed, number, text


def rest(row: Mapping[str, Any]) -> dict[str, Any]:
    """All the row says, for the attributes."""
    return {name: cell for name, cell in row.items() if name not in ("table", "boundary")}


def _pointed(row: Mapping[str, Any], name: str, table: str, context: Context) -> Mapping[str, Any]:
    """The row of `table` that a column points to; refused where it is blank or not loaded."""
    return context.look_up(table, f"{table}/{needed(row, name).lower()}", name)


def _item(row: Mapping[str, Any], context: Context) -> dict[str, Any]:
    product = _pointed(row, "orderableid", "orderables", context)
    return {"item": needed(product, "code"), "item_name": text(product, "fullproductname")}


def _on_card(row: dict[str, Any], context: Context) -> dict[str, Any]:
    """Where and what a stock card is of."""
    card = _pointed(row, "stockcardid", "stock_cards", context)
    lot = _pointed(card, "lotid", "lots", context) if text(card, "lotid") else {}
    return {
        **_item(card, context),
        "source_ref": needed(row, "id").lower(),
        "site_ref": needed(card, "facilityid").lower(),
        "card": needed(row, "stockcardid").lower(),
        "expiry": instant(lot, "expirationdate"),
        "event_time": instant(row, "occurreddate", context.source.timezone),
        "version_time": instant(row, "processeddate", context.source.timezone),
        "attributes": {**rest(row), "lot": text(lot, "lotcode"), "program": text(card, "programid")},
    }


def stock(row: dict[str, Any], context: Context) -> SupplyLevel:
    card = _on_card(row, context)
    return SupplyLevel(
        title=f"{card['item_name'] or card['item']}: on hand",
        category="on hand",
        stock_on_hand=number(row, "stockonhand"),
        **card,
    )


def movement(row: dict[str, Any], context: Context) -> SupplyLevel:
    card, quantity = _on_card(row, context), number(row, "quantity")
    ref = text(row, "reasonid").lower()
    reason = BUILT_IN.get(ref) or (_pointed(row, "reasonid", "stock_card_line_item_reasons", context) if ref else {})
    name, credit = text(reason, "name"), text(reason, "reasontype").upper() == "CREDIT"
    used = any(word in name.lower() for word in USED)
    if reason:
        said = "received" if credit else "consumed" if used else "losses"
    else:
        said = "received" if text(row, "sourceid") else "consumed" if text(row, "destinationid") else "stock_on_hand"
    card["attributes"]["reason"] = name
    figures: dict[str, Any] = {said: quantity}
    return SupplyLevel(
        title=f"{card['item_name'] or card['item']}: {name or ('counted' if said == 'stock_on_hand' else said)}",
        category="count" if said == "stock_on_hand" else "movement",
        **figures,
        **card,
    )


def requisition_line(row: dict[str, Any], context: Context) -> SupplyLevel:
    requisition = _pointed(row, "requisitionid", "requisitions", context)
    period = _pointed(requisition, "processingperiodid", "processing_periods", context)
    start, end = (instant(period, name, context.source.timezone) for name in ("startdate", "enddate"))
    changed = instant(requisition, "modifieddate") or instant(requisition, "createddate")
    adjusted = number(row, "totallossesandadjustments")  # signed: what was lost is below zero
    average, months = number(row, "averageconsumption"), number(requisition, "numberofmonthsinperiod")  # of a period
    item = _item(row, context)
    return SupplyLevel(
        source_ref=needed(row, "id").lower(),
        title=f"{item['item_name'] or item['item']}: requisition for {text(period, 'name')}",
        category="requisition",
        # A requisition may be sent before its period is over; it then says how things were that day.
        event_time=min((moment for moment in (changed, end) if moment), default=None),
        version_time=changed,
        site_ref=needed(requisition, "facilityid").lower(),
        stock_on_hand=number(row, "stockonhand"),
        amc=average / months if average is not None and months else None,
        consumed=number(row, "totalconsumedquantity"),
        received=number(row, "totalreceivedquantity"),
        losses=None if adjusted is None or adjusted > 0 else -adjusted + 0.0,
        period_start=start,
        period_end=end,
        stockout_days=number(row, "totalstockoutdays"),
        attributes={**rest(row), "requisition_status": text(requisition, "status")},
        **item,
    )
