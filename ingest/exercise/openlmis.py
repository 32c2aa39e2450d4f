"""The stock as tables of an OpenLMIS database dump: reference data, stock cards, their lines, and stock on hand."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import numpy as np

from ingest.exercise import stock
from ingest.exercise.clock import ZONE, local_date, start_of
from ingest.exercise.stock import ITEMS, REASONS, Movement, cards, stocked, uid
from ingest.exercise.world import build, random

Row = Sequence[object]
USER, PROGRAM = uid("user", "storekeeper"), uid("program", "essential supplies")


def tables(seed: int, now: datetime) -> list[tuple[str, bytes]]:
    """File names and contents, look-up tables first."""
    movements = list(stock.history(seed, now))
    return [
        ("referencedata.facility_types.csv", _types()),
        ("referencedata.geographic_zones.csv", _zones(seed)),
        ("referencedata.facilities.csv", _facilities(seed)),
        ("referencedata.orderables.csv", _orderables()),
        ("referencedata.lots.csv", _lots(seed, now)),
        ("stockmanagement.nodes.csv", _nodes(seed)),
        ("stockmanagement.stock_card_line_item_reasons.csv", _reasons()),
        ("stockmanagement.stock_cards.csv", _cards(seed)),
        ("stockmanagement.stock_card_line_items.csv", line_items(seed, movements)),
        ("stockmanagement.calculated_stocks_on_hand.csv", on_hand(seed, movements)),
    ]


def _csv(header: str, rows: Iterable[Row]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header.split(","))
    writer.writerows(rows)
    return out.getvalue().encode()


def _types() -> bytes:
    kinds = sorted({kind for item in ITEMS for kind in item.kinds})
    rows = [
        (uid("type", kind), "true", kind.replace(" ", "_").upper(), "", place, kind) for place, kind in enumerate(kinds)
    ]
    return _csv("id,active,code,description,displayorder,name", rows)


def _zones(seed: int) -> bytes:
    world = build(seed)
    rows = [
        (uid("zone", area.pcode), "", area.pcode, "", "", area.name, uid("level", area.level),
         uid("zone", area.parent) if area.level else "", "")
        for level in world.levels[:3]
        for area in level
    ]  # fmt: skip
    return _csv("id,catchmentpopulation,code,latitude,longitude,name,levelid,parentid,boundary", rows)


def _facilities(seed: int) -> bytes:
    world = build(seed)
    rows = [
        (uid("facility", site.code), str(site.status != "closed").lower(), site.code, "", "", "true", "", "", site.name, "true",
         uid("zone", world.area_of(site.cell, 2).pcode), uid("operator", site.owner), uid("type", site.kind), "",
         f"POINT({site.lon:.5f} {site.lat:.5f})" if site.lon is not None else "")
        for site in stocked(seed)
    ]  # fmt: skip
    header = "id,active,code,comment,description,enabled,godowndate,golivedate,name,openlmisaccessible"
    return _csv(f"{header},geographiczoneid,operatedbyid,typeid,extradata,location", rows)


def _orderables() -> bytes:
    rows = [
        (uid("orderable", item.code), item.code, uid("dispensable", item.unit), item.name, item.pack, 1, "false",
         f"{item.group}; unit: {item.unit}", "", 1)
        for item in ITEMS
    ]  # fmt: skip
    header = "id,code,dispensableid,fullproductname,netcontent,packroundingthreshold,roundtozero,description"
    return _csv(f"{header},extradata,versionnumber", rows)


def _nodes(seed: int) -> bytes:
    rows = [(uid("node", site.code), "true", uid("facility", site.code)) for site in stocked(seed)]
    return _csv("id,isRefDataFacility,referenceId", rows)


def _reasons() -> bytes:
    rows = [(uid("reason", name), name, name, category, kind, "false") for name, category, kind in REASONS]
    return _csv("id,name,description,reasoncategory,reasontype,isfreetextallowed", rows)


def _lots(seed: int, now: datetime) -> bytes:
    """One lot for each card; one in seven expires within four months."""
    rng, today = random(seed, 99), local_date(now)
    soon = rng.random(len(cards(seed))) < 1 / 7
    days = np.where(soon, rng.integers(20, 120, len(soon)), rng.integers(200, 800, len(soon))).tolist()
    rows = [
        (_lot(seed, number), f"L{number:05d}", "true", (today + timedelta(days=left)).isoformat(),
         uid("trade", ITEMS[card.item].code))
        for number, (card, left) in enumerate(zip(cards(seed), days, strict=True))
    ]  # fmt: skip
    return _csv("id,lotcode,active,expirationdate,tradeitemid", rows)


def _lot(seed: int, card: int) -> str:
    return uid("lot", card_id(seed, card))


def _cards(seed: int) -> bytes:
    rows = [
        (card_id(seed, number), uid("facility", stocked(seed)[card.site].code), _lot(seed, number),
         uid("orderable", ITEMS[card.item].code), PROGRAM, uid("event", number))
        for number, card in enumerate(cards(seed))
    ]  # fmt: skip
    return _csv("id,facilityId,lotId,orderableId,programId,originEventId", rows)


def card_id(seed: int, card: int) -> str:
    one = cards(seed)[card]
    return uid("card", stocked(seed)[one.site].code, ITEMS[one.item].code)


def line_items(seed: int, movements: Iterable[Movement]) -> bytes:
    """The lines of stock cards; quantities have no sign, it follows from the reason."""
    reason_id = {name: uid("reason", name) for name, _, _ in REASONS} | {"": ""}
    card_ids = {number: card_id(seed, number) for number in range(len(cards(seed)))}
    rows = (
        (uid("line", it.card, it.day, it.reason, it.quantity, it.on_hand), "", "", it.day.isoformat(), _processed(it), "",
         "", "", USER, "", uid("event", it.card, it.day), reason_id[it.reason], it.quantity, "", card_ids[it.card])
        for it in movements
    )  # fmt: skip
    header = "id,destinationFreeText,documentNumber,occurredDate,processedDate,reasonFreeText,signature,sourceFreeText"
    return _csv(f"{header},userId,destinationId,originEventId,reasonId,quantity,sourceId,stockCardId", rows)


def on_hand(seed: int, movements: Iterable[Movement], typed: datetime | None = None) -> bytes:
    """Stock on hand after the last movement of each day of each card; `typed` is when it was, else the next day."""
    last: dict[tuple[int, str], Movement] = {}
    for movement in movements:
        last[movement.card, movement.day.isoformat()] = movement
    rows = (
        (uid("soh", card, day), it.on_hand, day, _stamp(typed) if typed else _processed(it), card_id(seed, card))
        for (card, day), it in last.items()
    )
    return _csv("id,stockonhand,occurreddate,processeddate,stockcardid", rows)


def _processed(it: Movement) -> str:
    """When the line was typed in: the next day."""
    moment = start_of(it.day) + timedelta(hours=28, minutes=(it.card * 7) % 360)
    return _stamp(moment)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S.0")
