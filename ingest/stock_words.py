"""What partners call the columns of a stock report; of several that are there, the first in the list is taken."""

from __future__ import annotations

from ingest.headings import LATITUDE, LONGITUDE, words

COLUMNS = {
    "site": words(
        "site_code facility_code facility_id site_id warehouse_code hf_code code_site store_code site facility"
        " warehouse facility_name site_name warehouse_name store health_facility depot entrepot formation_sanitaire"
    ),
    "site_name": words(
        "facility_name site_name warehouse_name health_facility store_name facility warehouse site nom_du_site"
    ),
    "item": words(
        "product_code item_code sku commodity_code material_code code_produit item product commodity material"
        " item_name product_name designation produit article drug medicine"
    ),
    "item_name": words(
        "product_name item_name item_description commodity_name description designation product item commodity produit"
    ),
    "category": words("product_type item_group commodity_group category program programme product_category group"),
    "lot": words("lot batch lot_number batch_number batch_no lot_no"),
    "unit": words("unit uom unit_of_measure unite packaging"),
    "on_hand": words(
        "stock_on_hand soh closing_balance closing_stock stock_end ending_balance balance on_hand quantity_on_hand"
        " qty_on_hand current_stock physical_stock physical_count stock_balance stock_final stock_disponible sdu"
        " stock_disponible_utilisable available_stock stock_level free_stock"
    ),
    "amc": words(
        "average_monthly_consumption amc cmm consommation_moyenne_mensuelle avg_monthly_consumption monthly_consumption"
    ),
    "consumed": words(
        "stock_distributed quantity_dispensed dispensed consumed consumption issued quantity_issued distributed"
        " quantity_consumed stock_issued quantite_distribuee consommation"
    ),
    "received": words("stock_received quantity_received received receipts quantite_recue qty_received"),
    "losses": words("losses stock_losses quantity_lost wastage expired_and_lost pertes"),
    "stockout_days": words(
        "stock_stockout_days stockout_days stock_out_days days_out_of_stock days_stocked_out jours_de_rupture"
    ),
    "expiry": words("expiry expiry_date expiration_date exp_date date_de_peremption peremption"),
    "date": words(
        "date report_date stock_date date_of_report reporting_date as_of count_date date_rapport period"
        " reporting_period month_year mois periode"
    ),
    "lat": LATITUDE,
    "lon": LONGITUDE,
}
