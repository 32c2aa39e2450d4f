"""What partners call the columns of a list of shipments."""

from __future__ import annotations

from ingest.headings import LATITUDE, LONGITUDE, words

COLUMNS = {
    "code": words(
        "waybill waybill_no waybill_number waybill_ref consignment consignment_no consignment_number shipment shipment_id"
        " shipment_no shipment_number shipment_ref shipment_reference delivery_note delivery_note_no gdn_no gdn dispatch_no"
        " dispatch_id convoy_no tracking_number bordereau no_bordereau lettre_de_voiture"
    ),
    "line": words("line line_no line_number item_no lot batch batch_no"),
    "item": words(
        "commodity item item_name product product_name item_description description_of_goods goods cargo article material"
        " designation produit"
    ),
    "quantity": words(
        "quantity qty quantity_dispatched qty_dispatched dispatched_quantity quantity_sent qty_sent quantity_shipped"
        " qty_shipped net_mt mt tonnage weight_mt net_weight weight quantite"
    ),
    "received": words(
        "quantity_received qty_received received_quantity received_qty quantity_delivered quantite_recue"
    ),
    "lost": words("quantity_lost qty_lost losses lost damaged quantity_damaged missing pertes"),
    "unit": words("unit uom unit_of_measure units packaging unite"),
    "origin": words(
        "origin from from_location dispatch_point loading_point departure departure_location source origine"
    ),
    "destination": words(
        "destination to to_location delivery_point final_destination discharge_point arrival_location consignee_location"
        " delivery_location"
    ),
    "sent": words(
        "dispatch_date date_dispatched departure_date ship_date date_shipped loading_date date_sent etd date_depart"
    ),
    "due": words(
        "eta expected_arrival expected_arrival_date expected_date planned_delivery planned_delivery_date due_date"
    ),
    "arrived": words(
        "arrival_date date_received delivery_date date_delivered received_date ata date_arrived date_arrivee"
    ),
    "status": words("shipment_status delivery_status status statut etat"),
    "lat": (*words("destination_lat destination_latitude dest_lat"), *LATITUDE),
    "lon": (*words("destination_lon destination_longitude dest_lon"), *LONGITUDE),
}


DAYS = ("arrived", "sent", "due")
GONE = ("cancel", "annul", "lost", "perdu", "ملغ")
THERE = ("received", "delivered", "arrived", "completed", "reçu", "recu", "livré", "livre", "وصل", "استلم")
UNDER_WAY = (
    "transit",
    "dispatched",
    "shipped",
    "loaded",
    "confirmed",
    "en route",
    "expédié",
    "confirmé",
    "مؤكد",
    "الطريق",
)
"""What a status says, wherever one of these is in it: taken back, there, left."""
