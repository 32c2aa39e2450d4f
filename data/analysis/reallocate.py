"""What could be moved: a proposal to even out the stock of one item between sites. To discuss; nothing here moves anything.

Method: a mixed-integer programme with three objectives, each kept when the next is sought (lexicographic): raise the lowest
coverage in months; then serve the most weighted need up to the target; then the least cost. Constraints: givers keep a
minimum, receivers have room, what expires soon goes only where it is used in time, closed ways and stock that its owner does
not let go are left out, packs are whole. What binds is found by lifting each kind of constraint in turn and solving again.

Limits: consumption is what was used, which a stock-out hides; costs are those the mission states; several items that share
a truck are not planned together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from data.analysis.solver import SECONDS, Programme, Unsolved, solve

Floats = NDArray[np.float64]
FEW_PACKS = 100
"""Where nobody could give more packs than this they are solved as whole; else as fractions, then rounded down: a pack in a
hundred is less than anybody knows of the stock."""
SMALLEST_GAIN = 0.005
"""Of a month: lifting a constraint that gains no more than this does not bind."""
Kind = Literal["minimum kept", "room", "expiry", "ways", "owner", "pack"]
KINDS: tuple[Kind, ...] = ("minimum kept", "room", "expiry", "ways", "owner", "pack")


@dataclass(frozen=True)
class Sites:
    """One item at n sites; every array has shape (n,), units of the item unless said."""

    stock: Floats
    """Usable and unexpired."""
    use: Floats
    """Units per month; NaN or 0: unknown, such a site neither gives nor gets."""
    capacity: Floats
    """The most that can be held; inf where nobody said."""
    expiring: Floats
    """Of the stock: what expires within `expiry_months`."""
    expiry_months: Floats
    priority: Floats
    """Weight of a unit served there; 1 for all where nothing was agreed."""
    releasable: NDArray[np.bool_]
    """Whether its owner lets stock go from here."""


@dataclass(frozen=True)
class Terms:
    """What was agreed for the proposal. `cost` (n, n) per unit from row to column, inf where there is no open way."""

    cost: Floats
    target_months: float = 3.0
    keep_months: float = 2.0
    """Givers stay at or above this."""
    pack: float = 1.0
    """Units that travel together."""
    trip_cost: float = 0.0
    """Of every pair of sites that is used at all."""
    seconds: float = SECONDS
    """For each of the programmes that are solved."""


@dataclass(frozen=True)
class Move:
    giver: int
    receiver: int
    units: float
    cost: float
    survives: bool | None
    """Whether it is also proposed if demand is at its 10th and at its 90th percentile; None: that could not be worked out."""


@dataclass(frozen=True)
class Proposal:
    """`coverage` and `before` in months, `unmet` in units to the target, shape (n,), NaN where use is unknown."""

    moves: tuple[Move, ...]
    before: Floats
    coverage: Floats
    unmet: Floats
    cost: float
    binding: tuple[tuple[Kind, float], ...]
    """Kinds of constraint that hold the lowest coverage down, with the months it would reach without each; NaN: what it would
    reach could not be worked out in time, so whether it binds is not known."""


def propose(sites: Sites, terms: Terms, low: Floats | None = None, high: Floats | None = None) -> Proposal:
    """A proposal for one item. `low`, `high`: use at its 10th and 90th percentile, for whether a move survives.

    Raises `ValueError` for shapes that do not fit, `data.analysis.solver.Unsolved` where no best proposal was found.
    """
    n = len(sites.stock)
    if terms.cost.shape != (n, n):
        raise ValueError(f"cost has the shape {terms.cost.shape}; {n} sites need ({n}, {n})")
    units = _solved(sites, terms)
    others = [_or_nothing(replace(sites, use=use), terms) for use in (low, high) if use is not None]
    moves = tuple(
        Move(
            int(giver),
            int(receiver),
            float(units[giver, receiver]),
            float(units[giver, receiver] * terms.cost[giver, receiver] + terms.trip_cost),
            _survives(others, int(giver), int(receiver)),
        )
        for giver, receiver in np.argwhere(units > 0)
    )
    known = _known(sites)
    after = sites.stock + units.sum(axis=0) - units.sum(axis=1)
    use = np.where(known, sites.use, np.nan)
    return Proposal(
        moves=moves,
        before=sites.stock / use,
        coverage=after / use,
        unmet=np.maximum(terms.target_months * use - after, 0.0),
        cost=sum(move.cost for move in moves),
        binding=tuple(_binding(sites, terms, float(np.min((after / use)[known], initial=np.inf)))),
    )


def _or_nothing(sites: Sites, terms: Terms) -> Floats | None:
    try:
        return _solved(sites, terms)
    except Unsolved:
        return None


def _survives(others: list[Floats | None], giver: int, receiver: int) -> bool | None:
    told = [None if other is None else bool(other[giver, receiver] > 0) for other in others]
    return False if False in told else None if None in told else True


def _known(sites: Sites) -> NDArray[np.bool_]:
    return np.isfinite(sites.use) & (sites.use > 0) & np.isfinite(sites.stock)


def _solved(sites: Sites, terms: Terms) -> Floats:
    """Units from row to column: shape (n, n)."""
    n = len(sites.stock)
    known = _known(sites)
    moved = np.zeros((n, n))
    spare = np.where(known, np.maximum(sites.stock - terms.keep_months * sites.use, 0.0), 0.0)
    open_ = (
        np.isfinite(terms.cost) & known[:, None] & known & sites.releasable[:, None] & (spare >= terms.pack)[:, None]
    )
    np.fill_diagonal(open_, False)
    arcs = [(int(i), int(j)) for i, j in np.argwhere(open_)]
    if not arcs:
        return moved
    programme = Programme()
    most = {arc: np.floor(spare[arc[0]] / terms.pack) for arc in arcs}
    whole = max(most.values()) <= FEW_PACKS
    packs = {arc: programme.variable(0, most[arc], whole=whole) for arc in arcs}
    trips = {arc: programme.variable(0, 1, whole=True) for arc in arcs} if terms.trip_cost else {}
    for arc, trip in trips.items():
        programme.row({packs[arc]: 1.0, trip: -most[arc]}, high=0.0)
    lowest = programme.variable(-np.inf, terms.target_months)
    served = {int(j): programme.variable(0, terms.target_months * sites.use[j]) for j in np.flatnonzero(known)}
    for j in served:
        change = {packs[arc]: terms.pack * ((arc[1] == j) - (arc[0] == j)) for arc in arcs if j in arc}
        stock = float(sites.stock[j])
        programme.row({**change, lowest: -sites.use[j]}, low=-stock)
        programme.row({**change, served[j]: -1.0}, low=-stock)
        out = {packs[arc]: terms.pack for arc in arcs if arc[0] == j}
        if out:
            programme.row(out, high=float(spare[j]))
        into = {packs[arc]: terms.pack for arc in arcs if arc[1] == j}
        if into and np.isfinite(sites.capacity[j]):
            programme.row(into, high=float(max(sites.capacity[j] - stock, 0.0)))
        if into:
            _expiry(programme, sites, terms, packs, j)
    cost = {packs[arc]: float(terms.cost[arc] * terms.pack) for arc in arcs}
    cost.update(dict.fromkeys(trips.values(), terms.trip_cost))
    need = {number: -float(sites.priority[j]) for j, number in served.items()}
    values = solve(programme, ({lowest: -1.0}, need, cost), terms.seconds)
    for arc, number in packs.items():
        count = float(values[number])
        moved[arc] = (round(count) if whole else np.floor(count + 1e-6)) * terms.pack
    return moved


def _expiry(programme: Programme, sites: Sites, terms: Terms, packs: dict[tuple[int, int], int], j: int) -> None:
    """What comes from a giver whose stock all expires soon is used here, after what is here already, before it expires."""
    for (i, receiver), number in packs.items():
        if receiver != j or sites.expiring[i] <= 0:
            continue
        in_time = max(sites.use[j] * sites.expiry_months[i] - sites.stock[j], 0.0)
        lasting = max(sites.stock[i] - sites.expiring[i], 0.0)
        programme.row({number: terms.pack}, high=float(in_time + lasting))


def _binding(sites: Sites, terms: Terms, reached: float) -> list[tuple[Kind, float]]:
    known = _known(sites)
    found = []
    for kind in KINDS if reached < terms.target_months else ():
        units = _or_nothing(*LIFT[kind](sites, terms))
        if units is None:
            found.append((kind, np.nan))
            continue
        after = sites.stock + units.sum(axis=0) - units.sum(axis=1)
        without = float(np.min(after[known] / sites.use[known], initial=np.inf))
        if without > reached + SMALLEST_GAIN:
            found.append((kind, without))
    return sorted(found, key=lambda one: -np.nan_to_num(one[1], nan=-1.0))


def _ways(terms: Terms) -> Floats:
    dearest = float(np.max(terms.cost[np.isfinite(terms.cost)], initial=1.0))
    return np.where(np.isfinite(terms.cost), terms.cost, dearest * 10)


LIFT: dict[Kind, Callable[[Sites, Terms], tuple[Sites, Terms]]] = {
    "minimum kept": lambda sites, terms: (sites, replace(terms, keep_months=0.0)),
    "room": lambda sites, terms: (replace(sites, capacity=np.full_like(sites.stock, np.inf)), terms),
    "expiry": lambda sites, terms: (replace(sites, expiring=np.zeros_like(sites.stock)), terms),
    "ways": lambda sites, terms: (sites, replace(terms, cost=_ways(terms))),
    "owner": lambda sites, terms: (replace(sites, releasable=np.ones_like(sites.releasable)), terms),
    "pack": lambda sites, terms: (sites, replace(terms, pack=min(terms.pack, 1.0))),
}
