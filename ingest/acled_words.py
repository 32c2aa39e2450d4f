"""What ACLED and the files made from it say: precision, kinds of event, columns, and rows of plain CSV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from data.records import Severity
from ingest.casualties import by_deaths

Precision = Literal["exact", "near", "adm1", "adm0", ""]
PRECISION: dict[str, Precision] = {"1": "exact", "2": "near", "3": "adm1", "": ""}
"""Codebook, "Spatial precision codes": 1 a town; 2 near one or part of a region; 3 a larger region, placed at a natural
feature or the provincial capital. A few strategic developments hold for a country: any other code is taken as that."""


BY_KIND = {
    "battles": Severity.moderate,
    "explosions/remote violence": Severity.moderate,
    "violence against civilians": Severity.moderate,
    "riots": Severity.moderate,
    "protests": Severity.minor,
    "strategic developments": Severity.minor,
    "sexual violence": Severity.serious,
    "abduction/forced disappearance": Severity.serious,
    "chemical weapon": Severity.serious,
    "suicide bomb": Severity.serious,
    "excessive force against protesters": Severity.serious,
}


NAMED = frozenset(
    {"event_id_cnty", "event_date", "event_type", "sub_event_type", "actor1", "actor2", "fatalities", "notes"}
    | {"admin1", "admin2", "admin3", "location", "latitude", "longitude", "geo_precision", "timestamp"}
    | {"deleted_timestamp"}
)
"""Columns that have a field of their own; all others become attributes."""


MISFIT = "cells for columns"


NOT_EVENTS = (
    "there is no table with event_id_cnty, event_date and event_type: send ACLED's event rows"
    " (a summary per area and month is read by conflict_counts)"
)


def names_of(header: Sequence[object]) -> list[str]:
    """Column names as in the codebook, whatever their case and spacing; others as they stand, none twice."""
    names: dict[str, None] = {}
    for number, cell in enumerate(header, start=1):
        own = str(cell or "").strip('\ufeff \t"') or f"column {number}"
        known = own.lower().replace(" ", "_")
        name = known if known in NAMED or known == "data_id" else own
        names[name if name not in names else f"{name} ({number})"] = None
    return list(names)


def is_event_table(names: Sequence[str]) -> bool:
    """Of events, or (ACLED's "deleted" answer) of the keys of events that were none."""
    if "deleted_timestamp" in names:
        return "event_id_cnty" in names
    return "event_date" in names and "event_type" in names and ("event_id_cnty" in names or "data_id" in names)


def severity_of(event_type: str, sub_event_type: str, fatalities: int | None) -> Severity:
    by_kind = BY_KIND.get(sub_event_type.lower()) or BY_KIND.get(event_type.lower(), Severity.unknown)
    return max(by_kind, by_deaths(fatalities))
