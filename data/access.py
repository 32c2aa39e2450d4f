"""Who may see what, under which agreement: the one place.

Read `decide` from top to bottom: first what bars a viewer whatever anybody agreed, then every way by which the owner may have
released the record; nothing else permits. What is permitted comes with obligations. Default deny: a record without a mark is
high and its owner's alone, a viewer without an agency sees nothing.

Sources: OCHA Data Responsibility Guidelines (2021) for the sensitivity levels; FIRST TLP 2.0 (2022) as handling advice;
originator control, releasability and compartments as in allied marking practice; agreements as in an information-sharing
protocol or MoU: parties, collections, purpose, period, precision. `docs/access.md` is the same rule in prose.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from functools import reduce
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from data.records import Sensitivity

MISSION = "mission"
"""In `releasable_to`: every agency that is part of the mission."""
EVERY_AGENCY = "*"
NO_PURPOSE = "-"
"""What remains of purposes that have none in common: nobody acts for it."""
DISPLAY_CAP = Sensitivity.moderate
"""A wall is read by whoever walks past it: nothing above this is shown there, whatever the display was given."""
GLASS_HOURS = 4


class Precision(IntEnum):
    """How finely a place is released; each is a fixed set of cells, so asking again or elsewhere tells no more."""

    exact = 0
    km1 = 1
    km5 = 2
    adm3 = 3
    adm2 = 4
    none = 5


class Tlp(IntEnum):
    """Traffic Light Protocol 2.0 (FIRST, 2022), with `unstated` for no advice."""

    unstated = 0
    clear = 1
    green = 2
    amber = 3
    amber_strict = 4
    red = 5


class Consent(IntEnum):
    """Of the people a record is about."""

    not_needed = 0
    given = 1
    withdrawn = 2


@dataclass(frozen=True)
class Mark:
    """How a record, an attachment or a derived figure is marked: whose it is, and to whom its owner releases it, how."""

    agency: str
    """The owner; empty where a figure was made from several owners' records."""
    sensitivity: Sensitivity = Sensitivity.high
    releasable_to: tuple[str, ...] = ()
    collection: str = ""
    """Which collection the record is in; agreements name collections."""
    originator_control: bool = False
    """Only the owner itself releases it, by name: neither "the mission" nor anybody's onward sharing counts."""
    compartments: tuple[str, ...] = ()
    """A viewer must be read into every one."""
    tlp: Tlp = Tlp.unstated
    purposes: tuple[str, ...] = ()
    """For what it may be used; empty: for anything the mission does."""
    consent: Consent = Consent.not_needed
    personal_fields: tuple[str, ...] = ()
    """Names of fields, and of the partner's other columns, that tell of persons."""
    precision: Precision = Precision.exact
    """The finest at which others than its owner get its place."""
    minimum_count: int = 1
    """Above 1: others than its owner get it counted only, in cells of at least this many."""
    retention: str = ""
    """Class of the mission's retention schedule; empty: kept."""


@dataclass(frozen=True)
class Agreement:
    """What one agency grants others: an information-sharing protocol, MoU or letter, and the hash of what was signed."""

    name: str
    grantor: str
    grantees: tuple[str, ...]
    starts: datetime
    ends: datetime
    """Exclusive."""
    collections: tuple[str, ...] = ()
    """Empty: all."""
    purposes: tuple[str, ...] = ()
    """Empty: any."""
    maximum_sensitivity: Sensitivity = Sensitivity.moderate
    minimum_precision: Precision = Precision.exact
    """Places are released no finer than this."""
    minimum_count: int = 1
    onward: tuple[str, ...] = ()
    """Agencies to which the grantees may pass it on."""
    personal_data: bool = False
    export: bool = True
    sha256: str = ""
    """Of the signed document."""
    title: str = ""
    revoked_at: datetime | None = None

    def holds(self, now: datetime) -> bool:
        return self.starts <= now < self.ends and (self.revoked_at is None or now < self.revoked_at)


@dataclass(frozen=True)
class BreakGlass:
    """An emergency opening of one agency's records for one person; the agency is told, and `second` agreed where severe."""

    owner: str
    reason: str
    starts: datetime
    ends: datetime
    """At most `GLASS_HOURS` after `starts`."""
    maximum_sensitivity: Sensitivity = Sensitivity.high
    second: str = ""

    def holds(self, now: datetime) -> bool:
        severe_alone = self.maximum_sensitivity is Sensitivity.severe and not self.second
        longest = self.starts + timedelta(hours=GLASS_HOURS)
        return bool(self.reason) and not severe_alone and self.starts <= now < min(self.ends, longest)


@dataclass(frozen=True)
class Viewer:
    """Who is asking: a person, a display or a service. `in_mission` is false for a guest, released to by name only.

    Roles say what somebody may do (`admin`, `export`, ...), never what they may see.
    """

    name: str
    agency: str = ""
    clearance: Sensitivity = Sensitivity.low
    in_mission: bool = True
    kind: Literal["person", "display", "service"] = "person"
    component: str = ""
    """Military, police, UN, NGO, government or host authority."""
    roles: tuple[str, ...] = ()
    compartments: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    opened: tuple[BreakGlass, ...] = ()
    looking: Viewer | None = None
    """Who looks as this viewer would ("View as"); they get what both may see, on the terms of both, and take nothing out."""

    def owns(self, agency: str) -> bool:
        """Whether what is an agency's own is theirs: the operator's all of it; while looking, what is both's."""
        return self.agency in (EVERY_AGENCY, agency) and (self.looking is None or self.looking.owns(agency))


@dataclass(frozen=True)
class Obligations:
    """What comes with a permission."""

    hidden: tuple[str, ...] = ()
    """Fields withheld."""
    precision: Precision = Precision.exact
    minimum_count: int = 1
    """Above 1: never shown as a record, only counted, and a cell of fewer reads "fewer than"."""
    no_export: bool = False
    watermark: bool = False
    log: bool = False

    @property
    def alters(self) -> bool:
        """Whether what is released differs from what is known."""
        return bool(self.hidden) or self.precision is not Precision.exact or self.minimum_count > 1


@dataclass(frozen=True)
class Decision:
    permit: bool
    clause: str
    """Which sentence of the rule decided, in words a person can read."""
    obligations: Obligations = Obligations()


LOCAL_OPERATOR = Viewer("operator", EVERY_AGENCY, Sensitivity.severe)
"""Whoever sits at a machine without accounts: it serves loopback only, and the database file is theirs already."""
NOBODY = Viewer("nobody", "", Sensitivity.low, in_mission=False)


def decide(viewer: Viewer, mark: Mark, agreements: Sequence[Agreement] = (), now: datetime | None = None) -> Decision:
    """Whether `viewer` may see what carries `mark`, by which clause, and with which obligations."""
    now = now or datetime.now(UTC)
    if viewer.looking is not None:
        own = decide(viewer.looking, mark, agreements, now)
        return _both(own, decide(replace(viewer, looking=None), mark, agreements, now))
    if not viewer.agency:
        return _deny("no agency: sees nothing")
    if viewer.valid_from is not None and now < viewer.valid_from:
        return _deny("the account is not valid yet")
    if viewer.valid_until is not None and now >= viewer.valid_until:
        return _deny("the account is no longer valid")
    if mark.consent is Consent.withdrawn:
        return _deny("consent was withdrawn")
    missing = sorted(set(mark.compartments) - set(viewer.compartments))
    if missing and viewer.agency != EVERY_AGENCY:
        return _deny(f"not read into {missing[0]}")
    if viewer.kind == "display" and mark.sensitivity > DISPLAY_CAP:
        return _deny(f"{mark.sensitivity.name} is above what a display shows")
    ordinary = _ordinary(viewer, mark, agreements, now)
    glass = _glass(viewer, mark, now)
    return min((way for way in (ordinary, glass) if way.permit), key=_burden, default=ordinary)


def _both(own: Decision, other: Decision) -> Decision:
    """What is left to somebody who looks as another would: only what both may see, with the duties of both."""
    if not own.permit:
        return own
    if not other.permit:
        return other
    one, two = own.obligations, other.obligations
    return replace(
        other,
        obligations=Obligations(
            hidden=_united(one.hidden, two.hidden),
            precision=max(one.precision, two.precision),
            minimum_count=max(one.minimum_count, two.minimum_count),
            no_export=True,
            watermark=one.watermark or two.watermark,
            log=one.log or two.log,
        ),
    )


def _ordinary(viewer: Viewer, mark: Mark, agreements: Sequence[Agreement], now: datetime) -> Decision:
    """The rule without break-glass. Of several grants the one that asks least is taken."""
    if mark.sensitivity > viewer.clearance:
        return _deny(f"{mark.sensitivity.name} is above a clearance of {viewer.clearance.name}")
    if viewer.agency == EVERY_AGENCY:
        return _permit(viewer, mark, "sees for every agency", Obligations())
    if viewer.agency == mark.agency:
        return _permit(viewer, mark, "its owner", Obligations())
    if mark.purposes and not set(mark.purposes) & set(viewer.purposes):
        return _deny(f"only for {', '.join(mark.purposes)}")
    marked = Obligations(mark.personal_fields, mark.precision, mark.minimum_count)
    found = []
    if viewer.agency in mark.releasable_to:
        found.append(_permit(viewer, mark, f"released to {viewer.agency} by its owner", marked))
    elif viewer.in_mission and MISSION in mark.releasable_to and not mark.originator_control:
        found.append(_permit(viewer, mark, "released to the mission by its owner", marked))
    for agreement in agreements:
        if clause := _covers(agreement, viewer, mark, now):
            terms = Obligations(
                () if agreement.personal_data else mark.personal_fields,
                max(mark.precision, agreement.minimum_precision),
                max(mark.minimum_count, agreement.minimum_count),
                no_export=not agreement.export,
            )
            found.append(_permit(viewer, mark, clause, terms))
    return min(found, key=_burden, default=_deny("not released by its owner"))


def _covers(agreement: Agreement, viewer: Viewer, mark: Mark, now: datetime) -> str:
    """The clause by which an agreement releases the mark to the viewer, or nothing."""
    if not mark.agency or agreement.grantor != mark.agency or not agreement.holds(now):
        return ""
    if agreement.collections and mark.collection not in agreement.collections:
        return ""
    if agreement.purposes and not set(agreement.purposes) & set(viewer.purposes):
        return ""
    if mark.sensitivity > agreement.maximum_sensitivity:
        return ""
    if viewer.agency in agreement.grantees:
        return f"agreement '{agreement.name}' of {agreement.grantor}"
    if viewer.agency in agreement.onward and not mark.originator_control:
        return f"onward sharing under agreement '{agreement.name}' of {agreement.grantor}"
    return ""


def _glass(viewer: Viewer, mark: Mark, now: datetime) -> Decision:
    """Break-glass lifts release, purpose and clearance; never consent, compartments, a display's cap or an account's end."""
    for glass in viewer.opened:
        # What was made from several owners' records has no owner, so no owner's glass opens it.
        owned = bool(mark.agency) and glass.owner == mark.agency
        applies = viewer.kind == "person" and owned and glass.holds(now)
        if applies and mark.sensitivity <= glass.maximum_sensitivity:
            duties = Obligations(mark.personal_fields, no_export=True, watermark=True, log=True)
            return _permit(viewer, mark, f"break-glass: {glass.reason}", duties)
    return _deny("no glass is broken")


def _deny(clause: str) -> Decision:
    return Decision(False, clause)


def _permit(viewer: Viewer, mark: Mark, clause: str, obligations: Obligations) -> Decision:
    return Decision(True, clause, _handling(viewer, mark, obligations))


def _handling(viewer: Viewer, mark: Mark, given: Obligations) -> Obligations:
    """What the handling advice, the level and a display add, for everybody."""
    display = viewer.kind == "display"
    return replace(
        given,
        hidden=tuple(sorted({*given.hidden, *(mark.personal_fields if display else ())})),
        no_export=given.no_export or display or mark.tlp is Tlp.red,
        watermark=given.watermark or mark.tlp >= Tlp.amber,
        log=given.log or mark.sensitivity >= Sensitivity.high,
    )


def _burden(decision: Decision) -> tuple[int, int, int, bool]:
    duties = decision.obligations
    return duties.minimum_count, duties.precision, len(duties.hidden), duties.no_export


def permitted(
    viewer: Viewer, marks: Sequence[Mark], agreements: Sequence[Agreement] = (), now: datetime | None = None
) -> NDArray[np.bool_]:
    """`decide` for each distinct mark: boolean, shape (len(marks),). Indexed with a column of mark codes it is a mask."""
    return np.array([decide(viewer, mark, agreements, now).permit for mark in marks], dtype=np.bool_)


def join(marks: Iterable[Mark]) -> Mark | None:
    """The mark of what was made from parts: nobody may see it who may not see every part. None of nothing."""
    return reduce(_join, marks) if (marks := list(marks)) else None


def _join(one: Mark, other: Mark) -> Mark:
    owner = one.agency if one.agency == other.agency else ""
    return Mark(
        agency=owner,
        sensitivity=max(one.sensitivity, other.sensitivity),
        releasable_to=_common(_released(one, owner), _released(other, owner)),
        collection=one.collection if one.collection == other.collection else "",
        originator_control=one.originator_control or other.originator_control,
        compartments=_united(one.compartments, other.compartments),
        tlp=max(one.tlp, other.tlp),
        purposes=_common(one.purposes, other.purposes) or (NO_PURPOSE,)
        if one.purposes and other.purposes
        else one.purposes or other.purposes,
        consent=max(one.consent, other.consent),
        personal_fields=_united(one.personal_fields, other.personal_fields),
        precision=max(one.precision, other.precision),
        minimum_count=max(one.minimum_count, other.minimum_count),
        retention=one.retention if one.retention == other.retention else "",
    )


def _released(mark: Mark, owner: str) -> tuple[str, ...]:
    """To whom a part is released, its owner among them where the whole has another."""
    return mark.releasable_to if owner or not mark.agency else _united(mark.releasable_to, (mark.agency,))


def _united(one: Iterable[str], other: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*one, *other}))


def _common(one: Iterable[str], other: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(one) & set(other)))


def changes_after(viewer: Viewer, agreements: Sequence[Agreement], now: datetime) -> datetime | None:
    """When the passing of time alone next changes a decision for this viewer; None: never."""
    moments = [viewer.valid_from, viewer.valid_until]
    for agreement in agreements:
        moments += [agreement.starts, agreement.ends, agreement.revoked_at]
    for glass in viewer.opened:
        moments += [glass.starts, glass.ends, glass.starts + timedelta(hours=GLASS_HOURS)]
    if viewer.looking is not None:
        moments.append(changes_after(viewer.looking, agreements, now))
    return min((moment for moment in moments if moment is not None and moment > now), default=None)
