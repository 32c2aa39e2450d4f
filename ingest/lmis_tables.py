"""The tables of OpenLMIS (version 3) and the reasons of stock movements it brings along."""

from __future__ import annotations

from collections.abc import Iterable

TABLES = {
    "facility_types": "id code name displayorder active",
    "programs": "id code name periodsskippable",
    "geographic_levels": "id code name levelnumber",
    "geographic_zones": "id code name levelid parentid",
    "orderables": "id code fullproductname netcontent",
    "lots": "id lotcode expirationdate tradeitemid",
    "trade_items": "id manufactureroftradeitem",
    "nodes": "id isrefdatafacility referenceid",
    "organizations": "id name disabled",
    "stock_card_line_item_reasons": "id name reasontype reasoncategory",
    "processing_periods": "id name startdate enddate processingscheduleid",
    "supply_lines": "id supervisorynodeid supplyingfacilityid programid",
    "stock_cards": "id facilityid orderableid programid origineventid",
    "requisitions": "id facilityid programid processingperiodid status emergency",
    "status_changes": "id requisitionid status authorid",
    "stock_adjustments": "id requisitionlineitemid reasonid quantity",
    "ideal_stock_amounts": "id facilityid commoditytypeid processingperiodid amount",
    "physical_inventories": "id facilityid programid isdraft stockeventid",
    "physical_inventory_line_items": "id orderableid quantity physicalinventoryid",
    "stock_events": "id facilityid programid processeddate userid",
    "stock_event_line_items": "id stockeventid orderableid quantity",
    "facilities": "id code name geographiczoneid typeid",
    "calculated_stocks_on_hand": "id stockonhand occurreddate stockcardid",
    "stock_card_line_items": "id stockcardid quantity reasonid occurreddate",
    "requisition_line_items": "id requisitionid orderableid stockonhand",
}
"""Every table, by the columns that tell it from the others; of several that match, the one with the most."""
STOCK = ("calculated_stocks_on_hand", "stock_card_line_items", "requisition_line_items")
BUILT_IN = {
    "b5c27da7-bdda-4790-925a-9484c5dfb594": {"name": "Consumed", "reasontype": "DEBIT"},
    "313f2f5f-0c22-4626-8c49-3554ef763de3": {"name": "Receipts", "reasontype": "CREDIT"},
    "e3fc3cf3-da18-44b0-a220-77c985202e06": {"name": "Transfer In", "reasontype": "CREDIT"},
    "84eb13c3-3e54-4687-8a5f-a9f20dcd0dac": {"name": "Beginning Balance Excess", "reasontype": "CREDIT"},
    "f8bb41e2-ab43-4781-ae7a-7bf3b5116b82": {"name": "Beginning Balance Insufficiency", "reasontype": "DEBIT"},
    "d3fc3cf3-da18-44b0-a220-77c985202e06": {"name": "Overstock", "reasontype": "CREDIT"},
    "d4fc3cf3-da18-44b0-a220-77c985202e06": {"name": "Understock", "reasontype": "DEBIT"},
}
"""Reasons that OpenLMIS creates itself, with ids fixed in its migrations: exports of the table often lack them."""
USED = ("consum", "issue", "dispens", "transfer")
"""In the name of a DEBIT reason: it left to be used. Any other DEBIT is a loss."""


def plain_name(column: str) -> str:
    """Exports spell a column `reasonId`, `reasonid` or `reason_id`."""
    return column.strip().lower().replace("_", "")


def table_of(header: Iterable[str]) -> str:
    """Which table has these columns; empty where none has."""
    names = {plain_name(column) for column in header}
    matching = [table for table, columns in TABLES.items() if names.issuperset(columns.split())]
    return max(matching, key=lambda table: len(TABLES[table].split()), default="")
