"""The register of contacts of the exercise: entries as the agencies' own people would have written them; numbers are invented."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from data import contacts
from data.store import Store
from data.written import Change, write
from ingest.exercise.world import build

WHO = "exercise"
ENTRIES = (
    ("MOH", "Health", "", "Health cluster coordination", "lead", True, "Decides on mobile clinics and the measles campaign."),
    ("MOH", "Nutrition", "", "Nutrition desk", "lead", True, ""),
    ("WASH", "Water, Sanitation and Hygiene", "", "WASH cluster duty desk", "lead", True, ""),
    ("LOG", "Food Security", "", "Food pipeline and convoys", "lead", True, "Convoy requests until 1400 local."),
    ("DTM", "Camp Coordination and Management", "", "Site management duty", "lead", True, ""),
    ("DTM", "Shelter and Non-Food Items", "", "Shelter desk", "co_lead", False, ""),
    ("COORD", "Protection", "", "Protection focal desk", "lead", True, "Cases by the referral pathway, never by this number."),
    ("COORD", "", "", "Inter-cluster coordination", "information", False, "3W forms and deadlines."),
    ("CEA", "", "", "Feedback service desk", "information", False, ""),
    ("FORCE", "", 0, "CIMIC liaison, north sector", "liaison", False, "Deconfliction of movements."),
    ("FORCE", "", 4, "CIMIC liaison, east sector", "liaison", False, "Deconfliction of movements."),
    ("JOC", "", "", "Joint operations centre, watch officer", "liaison", False, "Day and night."),
)  # fmt: skip
"""Agency, sector, province (its place in the list, or everywhere), office, role, whether it decides, note. None for education."""


def write_register(store: Store, now: datetime, seed: int) -> int:
    """Write the entries, each as its agency's; how many."""
    provinces = build(seed).levels[1]
    changes = []
    for number, (agency, sector, province, office, role, decides, note) in enumerate(ENTRIES):
        told = {
            "sector": sector,
            "area": provinces[province].pcode if isinstance(province, int) else "",
            "office": office,
            "role": role,
            "decides": decides,
            "phone": f"+999 555 01{10 + number}",
            "email": f"duty.{agency.casefold()}@mission.example",
            "note": note,
        }
        made = contacts.change(agency, WHO, told, None, 0, exercise=True).record
        kept = now - timedelta(days=3 + 7 * number % 40)
        changes.append(Change(msgspec.structs.replace(made, source_ref=f"contact-{number + 1:02d}", event_time=kept)))
    return len(write(store, WHO, "contacts.import", changes))
