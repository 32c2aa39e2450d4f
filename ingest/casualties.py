"""How severe an incident is by the number of people it killed: one rule for every feed that counts them."""

from __future__ import annotations

from data.records import Severity

BY_DEATHS = ((25, Severity.critical), (5, Severity.severe), (1, Severity.serious))
"""1 or more: serious; 5 or more (the threshold of the PITF Worldwide Atrocities Dataset): severe; 25 or more (UCDP's
threshold for an armed conflict, there over a year): critical."""


def by_deaths(killed: int | None) -> Severity:
    """Unknown where nobody was killed, or nobody said so: what happened then tells how severe it was."""
    return next((severity for floor, severity in BY_DEATHS if (killed or 0) >= floor), Severity.unknown)
