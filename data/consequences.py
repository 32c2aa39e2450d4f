"""What a change of sharing would change for whom, before it is done: the rule itself, asked before and after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from data.access import Agreement, Decision, Mark, Obligations, Viewer, decide
from data.accounts import Account
from data.records import Sensitivity

Kind = Literal["agency", "display", "account"]
Turn = Literal["gains", "loses", "less", "more"]


@dataclass(frozen=True)
class Party:
    """Somebody the rule is asked about: an account, or whoever of an agency may see most."""

    kind: Kind
    name: str
    viewer: Viewer


@dataclass(frozen=True)
class Step:
    """How records of one source and collection are shared before and after."""

    source: str
    before: Mark
    after: Mark
    count: int = 0
    """Records of them, as far as whoever asks may know."""


@dataclass(frozen=True)
class Change:
    """What one party would get else than now."""

    party: Party
    turn: Turn
    before: Decision
    after: Decision
    sources: tuple[str, ...]
    collections: tuple[str, ...]
    count: int


def agency_party(agency: str, accounts: Iterable[Account], now: datetime) -> Party:
    """Whoever of an agency may see most: the highest clearance among its people's accounts and every purpose they have.

    Of an agency without accounts: somebody of the mission, cleared to moderate. Read into no compartment in either case.
    """
    people = [
        one.profile
        for one in accounts
        if one.profile.agency == agency and one.profile.kind == "person" and one.usable(now)
    ]
    return Party(
        "agency",
        agency,
        Viewer(
            name=f"anybody of {agency}",
            agency=agency,
            clearance=max((one.clearance for one in people), default=Sensitivity.moderate),
            in_mission=any(one.in_mission for one in people) if people else True,
            purposes=tuple(sorted({purpose for one in people for purpose in one.purposes})),
        ),
    )


def changes(
    parties: Sequence[Party],
    steps: Sequence[Step],
    before: Sequence[Agreement],
    after: Sequence[Agreement],
    now: datetime,
) -> list[Change]:
    """What would be decided differently, alike sources and collections told together; parties in their order."""
    found: dict[tuple[Party, Decision, Decision], list[Step]] = {}
    for party in parties:
        for step in steps:
            was = decide(party.viewer, step.before, before, now)
            will = decide(party.viewer, step.after, after, now)
            if turn(was, will):
                found.setdefault((party, was, will), []).append(step)
    return list(_changes(found))


def _changes(found: dict[tuple[Party, Decision, Decision], list[Step]]) -> Iterator[Change]:
    for (party, was, will), steps in found.items():
        turned = turn(was, will)
        if turned:
            sources = tuple(sorted({step.source for step in steps}))
            collections = tuple(sorted({step.before.collection for step in steps}))
            yield Change(party, turned, was, will, sources, collections, sum(step.count for step in steps))


def turn(before: Decision, after: Decision) -> Turn | None:
    """Which way a decision went; None where the same is seen on the same terms, whatever the clause."""
    if before.permit != after.permit:
        return "gains" if after.permit else "loses"
    if not after.permit or before.obligations == after.obligations:
        return None
    return "more" if _weight(after.obligations) < _weight(before.obligations) else "less"


def _weight(duties: Obligations) -> tuple[int, int, int, int]:
    handled = duties.no_export + duties.watermark + duties.log
    return duties.minimum_count, int(duties.precision), len(duties.hidden), handled
