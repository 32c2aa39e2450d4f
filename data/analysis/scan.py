"""Clusters in space and time: where, and in which window, more happened than the rest of the picture would lead one to expect.

Method: the scan statistic of Kulldorff. Purely spatial with a population at risk: Poisson model (Kulldorff, A spatial scan
statistic, Communications in Statistics 26(6), 1997). Where nobody knows the population at risk of what is counted: the
space-time permutation model, which compares each place with itself at other times (Kulldorff et al., PLoS Medicine 2(3), 2005).
Circles are centred on the places and hold at most half of what is expected; p by Monte Carlo (Dwass 1957), so the smallest p
that can be read is 1 / (simulations + 1). Secondary clusters are those that share no place with a likelier one.

Limits: circles only, so long thin clusters (along a road) show as round ones; late reports make the newest periods look
calm; a cluster describes what was reported, says nothing of causes, and nothing of what comes next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SIMULATIONS = 999
LARGEST_SHARE = 0.5
"""Of everything expected, at most this much lies in one circle."""
BATCH_CELLS = 4_000_000
"""Simulated values held at a time: 32 MB."""


@dataclass(frozen=True)
class Cluster:
    """`places`: indices of the places inside, nearest to the centre first.

    Periods are `first` up to and with `last`, counted back from the end (-1 is the last).
    """

    centre: int
    places: tuple[int, ...]
    radius_km: float
    first: int
    last: int
    observed: float
    expected: float
    log_likelihood_ratio: float
    p: float

    @property
    def ratio(self) -> float:
        """Observed over expected."""
        return self.observed / self.expected


@dataclass(frozen=True)
class _Circles:
    """All circles, once: `order` (n, k) places by distance from each centre; `usable` (n, k) where a circle may end there."""

    order: NDArray[np.int64]
    distance_km: Floats
    usable: NDArray[np.bool_]


def spatial(
    cases: Floats,
    population: Floats,
    x_km: Floats,
    y_km: Floats,
    simulations: int = SIMULATIONS,
    seed: int = 1,
    largest_share: float = LARGEST_SHARE,
) -> list[Cluster]:
    """Poisson scan over places of one period, likeliest first. All arrays have shape (n,); `x_km`, `y_km` in one plane.

    Cases may be fractions (shares of cases known to a larger area only); the simulations then draw their rounded total.
    Raises `ValueError` where shapes differ, nobody is at risk, or a number is negative or not finite.
    """
    _check(cases, population, x_km, y_km)
    total = float(cases.sum())
    if total <= 0:
        return []
    share = population / population.sum()
    rng = np.random.default_rng(seed)

    def draw(amount: int) -> Floats:
        return np.asarray(rng.multinomial(round(total), share, size=amount)[:, :, None], np.float64)

    circles = _circles(x_km, y_km, share * total, largest_share)
    return _clusters(circles, cases[:, None], (share * total)[:, None], draw, simulations, longest=1)


def space_time(
    cases: NDArray[np.int64],
    x_km: Floats,
    y_km: Floats,
    longest: int,
    simulations: int = SIMULATIONS,
    seed: int = 1,
) -> list[Cluster]:
    """Space-time permutation scan for clusters that are still going on: windows that end with the last period.

    `cases` has shape (n, periods), whole numbers; a window has at most `longest` periods. Likeliest first. Raises `ValueError`.
    """
    _check(cases.sum(axis=1).astype(np.float64), np.ones(len(cases)), x_km, y_km)
    if not 0 < longest < cases.shape[1]:
        raise ValueError(
            f"longest is {longest}: a window has from 1 to {cases.shape[1] - 1} of {cases.shape[1]} periods"
        )
    total = int(cases.sum())
    if total == 0:
        return []
    by_place, by_period = cases.sum(axis=1), cases.sum(axis=0)
    place_of = np.repeat(np.arange(len(cases)), by_place)
    period_of = np.repeat(np.arange(cases.shape[1]), by_period)
    rng = np.random.default_rng(seed)

    def draw(amount: int) -> Floats:
        drawn = np.empty((amount, *cases.shape))
        for one in drawn:  # the same cases at the same places, each given another's time
            flat = place_of * cases.shape[1] + rng.permutation(period_of)
            one[:] = np.bincount(flat, minlength=cases.size).reshape(cases.shape)
        return drawn

    expected = np.outer(by_place, by_period) / total
    circles = _circles(x_km, y_km, expected.sum(axis=1), LARGEST_SHARE)
    return _clusters(circles, cases.astype(np.float64), expected, draw, simulations, longest)


def _clusters(
    circles: _Circles,
    cases: Floats,
    expected: Floats,
    draw: Callable[[int], Floats],
    simulations: int,
    longest: int,
) -> list[Cluster]:
    found = _likeliest(circles, cases, expected, longest)
    if not found:
        return []
    ceilings = _ceilings(circles, expected, draw, simulations, longest)
    return [_told(circles, one, ceilings) for one in found]


def _circles(x_km: Floats, y_km: Floats, expected: Floats, largest_share: float) -> _Circles:
    distance = np.hypot(x_km[:, None] - x_km, y_km[:, None] - y_km)
    order = np.argsort(distance, axis=1, kind="stable")
    distance = np.take_along_axis(distance, order, axis=1)
    within = np.cumsum(expected[order], axis=1) <= largest_share * expected.sum() * (1 + 1e-12)
    # A circle takes all places at its rim or none of them.
    rim = np.append(
        distance[:, 1:] > distance[:, :-1] * (1 + 1e-12) + 1e-12, np.ones((len(order), 1), np.bool_), axis=1
    )
    widest = max(int(np.count_nonzero(within, axis=1).max()), 1)
    return _Circles(order[:, :widest], distance[:, :widest], (within & rim)[:, :widest])


def _ratio(inside: Floats, expected: Floats, total: float) -> Floats:
    """Log-likelihood ratio of more inside than expected, given the total; 0 where there is not more (Kulldorff 1997, eq. 1)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        within = inside * np.log(inside / expected)
        outside = np.where(inside < total, (total - inside) * np.log((total - inside) / (total - expected)), 0.0)
    return np.where((inside > expected) & (expected > 0), within + outside, 0.0)


def _windows(values: Floats, longest: int) -> Floats:
    """Sums over the last 1, 2, ... `longest` periods: shape (..., n, periods) -> (..., n, longest)."""
    return np.cumsum(values[..., ::-1][..., :longest], axis=-1)


def _likeliest(
    circles: _Circles, cases: Floats, expected: Floats, longest: int
) -> list[tuple[float, int, int, int, float, float]]:
    """(ratio, centre, places, periods, observed, expected) of the clusters that share no place, likeliest first."""
    total = float(cases.sum())
    inside = np.cumsum(_windows(cases, longest)[circles.order], axis=1)
    due = np.cumsum(_windows(expected, longest)[circles.order], axis=1)
    ratio = np.where(circles.usable[:, :, None], _ratio(inside, due, total), 0.0)
    taken = np.zeros(len(cases), np.bool_)
    found = []
    for flat in np.argsort(-ratio, axis=None, kind="stable"):
        centre, last, periods = (int(part) for part in np.unravel_index(flat, ratio.shape))
        if ratio[centre, last, periods] <= 0:
            break
        members = circles.order[centre, : last + 1]
        if taken[members].any():
            continue
        taken[members] = True
        at = (centre, last, periods)
        found.append((float(ratio[at]), centre, last + 1, periods + 1, float(inside[at]), float(due[at])))
    return found


def _ceilings(
    circles: _Circles, expected: Floats, draw: Callable[[int], Floats], simulations: int, longest: int
) -> Floats:
    """The highest ratio of each simulated picture, ascending: shape (simulations,)."""
    n, widest = circles.order.shape
    due = np.cumsum(_windows(expected, longest)[circles.order], axis=1)
    batch = max(1, BATCH_CELLS // (n * widest * longest))
    highest = []
    for start in range(0, simulations, batch):
        drawn = draw(min(batch, simulations - start))
        inside = np.cumsum(_windows(drawn, longest)[:, circles.order], axis=2)
        ratio = _ratio(inside, due[None], float(drawn[0].sum()))
        ratio *= circles.usable[None, :, :, None]
        highest.append(ratio.reshape(len(drawn), -1).max(axis=1))
    return np.sort(np.concatenate(highest))


def _told(circles: _Circles, one: tuple[float, int, int, int, float, float], ceilings: Floats) -> Cluster:
    ratio, centre, places, periods, observed, expected = one
    as_high = len(ceilings) - int(np.searchsorted(ceilings, ratio, side="left"))
    return Cluster(
        centre=centre,
        places=tuple(int(place) for place in circles.order[centre, :places]),
        radius_km=float(circles.distance_km[centre, places - 1]),
        first=-periods,
        last=-1,
        observed=observed,
        expected=expected,
        log_likelihood_ratio=ratio,
        p=(as_high + 1) / (len(ceilings) + 1),
    )


def _check(cases: Floats, population: Floats, x_km: Floats, y_km: Floats) -> None:
    shapes = {values.shape for values in (cases, population, x_km, y_km)}
    if len(shapes) != 1 or cases.ndim != 1 or not len(cases):
        raise ValueError(f"cases, population, x_km and y_km need one shape (n,), not {sorted(shapes)}")
    if not all(np.isfinite(values).all() for values in (cases, population, x_km, y_km)):
        raise ValueError("cases, population and places must be finite numbers; leave out places that are not known")
    if (cases < 0).any() or (population < 0).any() or population.sum() <= 0:
        raise ValueError("cases and population must not be negative, and somebody must be at risk")
