"""Who may see what: the one place.

Default deny. Unmarked means owner-only (a source without marks is high and released to nobody). A viewer without an agency
sees nothing. The rule is written once, for one mark (`decide`), and used for columns by deciding each distinct mark once.
Sensitivity levels: OCHA Data Responsibility Guidelines (2021). Releasability: originator control, by agency or to the mission.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.records import Sensitivity

MISSION = "mission"
"""In `releasable_to`: every agency that is part of the mission."""
EVERY_AGENCY = "*"


@dataclass(frozen=True)
class Mark:
    """How one record is marked: whose it is, how sensitive, and to whom its owner released it."""

    agency: str
    sensitivity: Sensitivity = Sensitivity.high
    releasable_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class Viewer:
    """Who is asking. `in_mission` is false for a guest, to whom only releases by name apply."""

    name: str
    agency: str = ""
    clearance: Sensitivity = Sensitivity.low
    in_mission: bool = True


@dataclass(frozen=True)
class Decision:
    permit: bool
    clause: str
    """Which sentence of the rule decided, in words a person can read."""


LOCAL_OPERATOR = Viewer("operator", EVERY_AGENCY, Sensitivity.severe)
"""Whoever sits at a machine without accounts: it serves loopback only, and the database file is theirs already."""
NOBODY = Viewer("nobody", "", Sensitivity.low, in_mission=False)


def decide(viewer: Viewer, mark: Mark) -> Decision:
    """Whether `viewer` may see what carries `mark`, and by which clause."""
    if not viewer.agency:
        return Decision(False, "no agency: sees nothing")
    if mark.sensitivity > viewer.clearance:
        return Decision(False, f"{mark.sensitivity.name} is above a clearance of {viewer.clearance.name}")
    if viewer.agency in (mark.agency, EVERY_AGENCY):
        return Decision(True, "its owner")
    if viewer.agency in mark.releasable_to:
        return Decision(True, f"released to {viewer.agency} by its owner")
    if viewer.in_mission and MISSION in mark.releasable_to:
        return Decision(True, "released to the mission by its owner")
    return Decision(False, "not released by its owner")


def permitted(viewer: Viewer, marks: Sequence[Mark]) -> NDArray[np.bool_]:
    """`decide` for each distinct mark: boolean, shape (len(marks),). Indexed with a column of mark codes it is a mask."""
    return np.array([decide(viewer, mark).permit for mark in marks], dtype=np.bool_)
