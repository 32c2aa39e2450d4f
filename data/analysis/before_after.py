"""Whether a figure differs after a date, how sure that is, and whether the same is found where nothing is said to have happened.

Method. The difference of means after and before a date, by least squares on a step, with the covariance of Newey and West
(Econometrica 55, 1987; Bartlett weights, lag by Newey and West 1994: 4 (n/100)^(2/9)), which allows for periods that resemble
their neighbours, and a 95 % interval by Student's t. Placebo tests (Abadie, Diamond and Hainmueller, JASA 105, 2010): the same
estimate at every earlier date that leaves as many periods on both sides before the real one, and at the same date in other
areas. All of them take as many periods before as after, so that a slow rise is as far at every date. The share of placebos at
least as far from zero, in units of their own standard error, the date itself counted in, is the placebo p.

Limits: a trend, a season or another event at the same date looks like a step; areas are not alike; earlier dates overlap, so
their p is rough. A difference that passes is not shown to be caused by anything: no group was chosen by lot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Verdict = Literal["too_short", "no_difference", "fails_placebo", "untested", "passes_placebo"]
FEWEST, LONGEST = 6, 26
"""Periods on either side: with fewer nothing is estimated, more are left out."""
ALPHA, PLACEBO_ALPHA = 0.05, 0.05
FEWEST_PLACEBOS = 19
"""With fewer no share can fall to `PLACEBO_ALPHA`."""


@dataclass(frozen=True)
class Step:
    """One estimate: means before and after, their difference, its standard error and 95 % interval, in the figure's unit."""

    before: float
    after: float
    difference: float
    error: float
    low: float
    high: float
    lag: int

    @property
    def distance(self) -> float:
        """From zero, in standard errors."""
        return abs(self.difference) / self.error if self.error > 0 else (np.inf if self.difference else 0.0)


@dataclass(frozen=True)
class Placebos:
    """How many were tried, and which share of them (with the date itself) lies at least as far from zero; None: too few."""

    tried: int
    p: float | None
    differences: tuple[float, ...] = ()


@dataclass(frozen=True)
class Compared:
    verdict: Verdict
    step: Step | None
    dates: Placebos
    areas: Placebos


def step_of(values: Floats, at: int) -> Step | None:
    """The step of a series between `values[:at]` and `values[at:]`. NaN: not reported, left out. None where it is too short."""
    from scipy.stats import t as student

    after = np.arange(len(values)) >= at
    told = ~np.isnan(values)
    y, post = values[told], after[told].astype(np.float64)
    if min(np.count_nonzero(post == 0), np.count_nonzero(post)) < FEWEST:
        return None
    n = len(y)
    design = np.column_stack((np.ones(n), post))
    inverse = np.linalg.inv(design.T @ design)
    levels = inverse @ design.T @ y
    scores = design * (y - design @ levels)[:, None]
    lag = min(int(4 * (n / 100) ** (2 / 9)), n - 3)
    middle = scores.T @ scores
    for k in range(1, lag + 1):
        shifted = scores[k:].T @ scores[:-k]
        middle += (1 - k / (lag + 1)) * (shifted + shifted.T)
    variance = float((inverse @ middle @ inverse)[1, 1]) * n / (n - 2)
    error = float(np.sqrt(max(variance, 0.0)))
    reach = float(student.ppf(1 - ALPHA / 2, n - 2)) * error
    first, difference = float(levels[0]), float(levels[1])
    return Step(first, first + difference, difference, error, difference - reach, difference + reach, lag)


def compare(values: Floats, at: int, others: Sequence[Floats] = ()) -> Compared:
    """The step of `values` (one per period, oldest first) at index `at`, and its placebos.

    `others` are the same periods of other areas. As many periods are taken before the date as lie after it, at most `LONGEST`;
    nothing of what came after the real date is in a placebo at an earlier one. Raises `ValueError`.
    """
    if values.ndim != 1 or not 0 <= at <= len(values):
        raise ValueError("values are one figure per period, and the date lies among them")
    if any(len(one) != len(values) for one in others):
        raise ValueError("other areas need the same periods")
    span = min(at, len(values) - at, LONGEST)
    real = around(values, at, span)
    if real is None:
        return Compared("too_short", None, Placebos(0, None), Placebos(0, None))
    earlier = [around(values, when, span) for when in range(span, at - span + 1)]
    dates = _placebos(real, [one for one in earlier if one is not None])
    areas = _placebos(real, [one for other in others if (one := around(other, at, span)) is not None])
    return Compared(_verdict(real, dates, areas), real, dates, areas)


def around(values: Floats, at: int, span: int) -> Step | None:
    """The step at a date with `span` periods on either side."""
    return step_of(values[at - span : at + span], span)


def _placebos(real: Step, tried: Sequence[Step]) -> Placebos:
    told = tuple(one.difference for one in tried)
    if len(tried) < FEWEST_PLACEBOS:
        return Placebos(len(tried), None, told)
    as_far = sum(one.distance >= real.distance for one in tried)
    return Placebos(len(tried), (1 + as_far) / (1 + len(tried)), told)


def _verdict(real: Step, dates: Placebos, areas: Placebos) -> Verdict:
    if real.low <= 0 <= real.high:
        return "no_difference"
    told = [one.p for one in (dates, areas) if one.p is not None]
    if not told:
        return "untested"
    return "passes_placebo" if max(told) <= PLACEBO_ALPHA else "fails_placebo"
