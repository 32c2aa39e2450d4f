"""What logistics has on its way to the sites, as a list of waybills: planned, on the road, overdue, and lately received."""

from __future__ import annotations

from datetime import datetime, timedelta

from ingest.exercise import workbook
from ingest.exercise.clock import local_date
from ingest.exercise.sites import WAREHOUSE
from ingest.exercise.stock import ITEMS, cards, simulate, stocked
from ingest.exercise.workbook import Cell
from ingest.exercise.world import random

HEADER = (
    "Waybill No.", "Line", "Commodity", "Quantity dispatched", "Unit", "From", "To", "Dispatch date", "ETA", "Date received",
    "Status", "Transporter",
)  # fmt: skip
CARRIERS = ("Harbour Haulage", "Upland Transport", "UN Food Agency fleet", "Blue Lantern fleet")


def waybills(seed: int, now: datetime) -> bytes:
    """A workbook with a line for each of what was sent, is planned or came in the last month."""
    rng, today = random(seed, 98), local_date(now)
    course = simulate(seed, today)
    sites, every = stocked(seed), cards(seed)
    hubs = [site for site in sites if site.kind == WAREHOUSE]
    rows: list[list[Cell]] = [list(HEADER)]
    last = course.on_hand[-1]
    for number, card in enumerate(every):
        site, item = sites[card.site], ITEMS[card.item]
        low = last[number] < 1.3 * card.rate
        if site.kind == WAREHOUSE or rng.random() > (0.5 if low else 0.06):
            continue
        hub = hubs[int(rng.integers(len(hubs)))]
        amount = int(-(-max(3 * card.rate - last[number], card.rate) // item.pack) * item.pack)
        fate = rng.random()
        sent = today - timedelta(days=int(rng.integers(1, 12)))
        due = sent + timedelta(days=int(rng.integers(4, 26)))
        if fate < 0.25:  # planned, a third of it without a date
            day = None if rng.random() < 0.34 else today + timedelta(days=int(rng.integers(6, 40)))
            state: list[Cell] = [None, _day(day), None, "Planned"]
        elif fate < 0.8:
            state = [_day(sent), _day(due), None, "In transit" if due >= today else "In transit, overdue"]
        elif fate < 0.95:
            came = min(today, due)
            state = [_day(sent), _day(due), _day(came), "Received"]
        else:
            state = [_day(sent), _day(due), None, "Cancelled: road closed"]
        rows.append(
            [
                f"WB-{today:%y%m}-{len(rows):04d}",
                1,
                item.name,
                amount,
                item.unit,
                hub.name,
                site.name,
                *state,
                CARRIERS[int(rng.integers(len(CARRIERS)))],
            ]
        )
    return workbook.xlsx([("Waybills", rows)], now)


def _day(day: object) -> str | None:
    return None if day is None else str(day)
