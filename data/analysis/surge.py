"""Surges: areas where more was reported in the newest period than their own past would lead one to expect.

Short series: EARS C2 (Hutwagner et al., Journal of Urban Health 80, 2003): mean and standard deviation of seven periods, the
two before the newest left out, so that a slow rise does not hide itself. Its alarm is three standard deviations above; that is
written here as the chance of such a count, by Student's t of the six degrees of freedom the baseline has.
Long series: after Farrington (Journal of the Royal Statistical Society A 159, 1996) and Noufaily et al. (Statistics in Medicine
32, 2013): a quasi-Poisson regression with trend on the same weeks of earlier years (three to either side), past surges weighed
down, the last half year left out, and a negative binomial threshold.

Both say how many false alarms are to be expected among the areas that were tested: with many areas there are always some.
Limits: late reports make the newest period look calm; a change of how something is reported looks like a surge; nothing here
says what comes next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BASELINE = 7
GUARD = 2
C2_DEVIATIONS = 3.0
YEAR_WEEKS = 52
HALF_WINDOW = 3
LEFT_OUT = 26
LONG = 2 * YEAR_WEEKS
"""From so many weeks on there is a year to compare with beyond the half that is left out."""
ALPHA = 0.005
HIGH_RESIDUAL = 2.58
"""A past week further above its own fit than this was a surge itself and counts for less (Noufaily et al., 3.2)."""
PASSES = 3
"""One very high week widens the spread by which it is judged; looked at again it no longer hides itself."""
ROUNDS = 25


@dataclass(frozen=True)
class Surge:
    """One entry per area, shape (n,). NaN where there was no past to compare with: unknown, never calm."""

    method: Literal["EARS C2", "Farrington"]
    observed: Floats
    expected: Floats
    threshold: Floats
    """The largest count that is no alarm."""
    alarm: NDArray[np.bool_]
    tested: int
    false_alarms: float
    """How many alarms are to be expected among the areas tested if nothing is going on anywhere."""


def detect(counts: NDArray[np.int64]) -> Surge:
    """Which areas stand out in the last period. `counts` has shape (areas, periods); weeks are told from days by nobody here.

    Two years of weeks or more are read by Farrington's method, anything shorter by EARS C2. Raises `ValueError`.
    """
    if counts.ndim != 2:
        raise ValueError(f"counts need the shape (areas, periods), not {counts.shape}")
    if (counts < 0).any():
        raise ValueError("counts must not be negative")
    return farrington(counts) if counts.shape[1] > LONG else ears_c2(counts)


def ears_c2(counts: NDArray[np.int64]) -> Surge:
    """EARS C2 of the last period; the deviation is never below that of a Poisson count with the same mean, or of one case."""
    from scipy.stats import t as student

    observed = counts[:, -1].astype(np.float64) if counts.shape[1] else np.full(len(counts), np.nan)
    past = counts[:, max(0, counts.shape[1] - 1 - GUARD - BASELINE) : max(0, counts.shape[1] - 1 - GUARD)]
    if past.shape[1] < BASELINE:
        nothing = np.full(len(counts), np.nan)
        return Surge("EARS C2", observed, nothing, nothing, np.zeros(len(counts), np.bool_), 0, 0.0)
    mean = past.mean(axis=1)
    deviation = np.maximum(past.std(axis=1, ddof=1), np.sqrt(np.maximum(mean, 1.0)))
    threshold = np.floor(mean + C2_DEVIATIONS * deviation)
    # Mean of seven and the newest both vary, so the distance has this share of deviations (prediction interval).
    chance = float(student.sf(C2_DEVIATIONS / np.sqrt(1 + 1 / BASELINE), BASELINE - 1))
    return Surge("EARS C2", observed, mean, threshold, observed > threshold, len(counts), chance * len(counts))


def farrington(counts: NDArray[np.int64], alpha: float = ALPHA) -> Surge:
    """Farrington's method for the last week of each area. Areas whose comparable weeks knew nothing at all stay unknown."""
    weeks = counts.shape[1]
    reference = _comparable(weeks)
    observed = counts[:, -1].astype(np.float64)
    expected, threshold = np.full(len(counts), np.nan), np.full(len(counts), np.nan)
    for area in range(len(counts)):
        fitted = _fit(counts[area, reference].astype(np.float64), reference.astype(np.float64) - (weeks - 1))
        if fitted is not None:
            expected[area], threshold[area] = fitted[0], _quantile(*fitted, alpha)
    tested = int(np.isfinite(threshold).sum())
    with np.errstate(invalid="ignore"):
        return Surge("Farrington", observed, expected, threshold, observed > threshold, tested, alpha * tested)


def _comparable(weeks: int) -> NDArray[np.int64]:
    """The same weeks of earlier years, three to either side, none of the last half year."""
    years = range(1, weeks // YEAR_WEEKS + 2)
    near = [weeks - 1 - year * YEAR_WEEKS + shift for year in years for shift in range(-HALF_WINDOW, HALF_WINDOW + 1)]
    return np.array(sorted({week for week in near if 0 <= week < weeks - 1 - LEFT_OUT}), np.int64)


def _fit(past: Floats, when: Floats) -> tuple[float, float, float] | None:
    """(mean now, dispersion, variance of the log mean) of a quasi-Poisson regression; None where the past knows nothing.

    The trend stays only where it is significant and does not promise more than was ever seen (Farrington 1996, 3.3).
    """
    if len(past) <= 2 * HALF_WINDOW or not past.any():
        return None
    for trend in (True, False):
        design = np.column_stack((np.ones(len(past)), when)) if trend else np.ones((len(past), 1))
        mean, dispersion, covariance, slope = _regress(past, design, np.ones(len(past)))
        for _ in range(PASSES):
            weights = _weighed_down(past, mean, dispersion, design, covariance)
            mean, dispersion, covariance, slope = _regress(past, design, weights)
        now = float(np.exp(np.clip(slope[0], -30, 30)))  # the newest week stands at 0
        significant = trend and abs(slope[1]) > 1.96 * np.sqrt(covariance[1, 1])
        if not trend or (significant and now <= past.max()):
            return now, dispersion, float(covariance[0, 0])
    return None


def _regress(past: Floats, design: Floats, weights: Floats) -> tuple[Floats, float, Floats, Floats]:
    """Weighted quasi-Poisson regression with log link, by iteratively reweighted least squares (McCullagh and Nelder, 2.5)."""
    slope = np.zeros(design.shape[1])
    slope[0] = np.log(max(float(np.average(past, weights=weights)), 0.1))
    for _ in range(ROUNDS):
        mean = np.exp(np.clip(design @ slope, -30, 30))
        working = design @ slope + (past - mean) / mean
        information = design.T @ (design * (weights * mean)[:, None])
        step = np.linalg.pinv(information) @ (design.T @ (weights * mean * working))
        if np.abs(step - slope).max() < 1e-8:
            slope = step
            break
        slope = step
    mean = np.exp(np.clip(design @ slope, -30, 30))
    spare = max(len(past) - design.shape[1], 1)
    dispersion = max(float((weights * (past - mean) ** 2 / mean).sum()) / spare, 1.0)
    information = design.T @ (design * (weights * mean)[:, None])
    return mean, dispersion, dispersion * np.linalg.pinv(information), slope


def _weighed_down(past: Floats, mean: Floats, dispersion: float, design: Floats, covariance: Floats) -> Floats:
    """Weights that let past surges count for less: 1 / residual² of those above the limit, by Anscombe residuals."""
    leverage = np.clip(np.einsum("ij,jk,ik->i", design, covariance / dispersion, design) * mean, 0, 0.99)
    residual = 1.5 * (past ** (2 / 3) - mean ** (2 / 3)) / (mean ** (1 / 6) * np.sqrt(dispersion * (1 - leverage)))
    weights = np.where(residual > HIGH_RESIDUAL, 1.0 / np.maximum(residual, HIGH_RESIDUAL) ** 2, 1.0)
    return np.asarray(weights * len(past) / weights.sum())


def _quantile(mean: float, dispersion: float, log_variance: float, alpha: float) -> float:
    """The count that is passed with probability `alpha`, the mean itself being uncertain (Noufaily et al., 3.4)."""
    from scipy.stats import nbinom, poisson

    spread = dispersion + mean * log_variance  # variance over mean: of the counts, and of not knowing their mean
    if spread <= 1.0 + 1e-9:
        return float(poisson.isf(alpha, mean))
    return float(nbinom.isf(alpha, mean / (spread - 1.0), 1.0 / spread))
