"""What may be used and what may run out: quantiles of use, when stock ends, and how likely it ends within a horizon.

Range. The use of a coming month is drawn from the pair's own last `MONTHS` months with a report, months that knew a stock-out
left out (use was then what there was, not what was needed); newer months weigh more (half-life `HALF_LIFE` months). When the
stock ends if nothing arrives is read off `PATHS` such sequences, drawn with a fixed seed: the same data give the same answer.
Probability. A regularised logistic regression over the features of `features`, all of months up to the origin, fitted on every
site and item the viewer may see, on origins whose outcome is known by now.
Both are scored on the newest origins, which the scored fit never saw. Too little data gives no figure (`NaN`), never a guess.

Limits: use that was never reported is not known; no season is modelled; what is on its way is not in either figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
MONTHS = 18
HALF_LIFE = 9.0
LEAST_MONTHS = 6
"""Fewer uncensored months give no range."""
LEAST_ROWS, LEAST_OUTCOMES = 200, 20
"""Fewer rows, or fewer stock-outs or spared among them, give no probability."""
FIRST_ORIGIN = 6
HELD_BACK = 4
"""Newest origins on which the track record is taken."""
PATHS = 400
ALERT_SHARE = 0.2
LOW, MIDDLE, HIGH = 0.1, 0.5, 0.9
FEATURES = (
    "stock", "cover_3", "cover_6", "use_3", "use_12", "unsteady", "no_use", "rising", "dry_3", "dry_12", "silent",
    "received_3", "since_received", "site_dry", "item_dry",
)  # fmt: skip


@dataclass(frozen=True)
class Series:
    """Months of n sites and items side by side: arrays of shape (n, months), NaN where nobody reported.

    `used` units in the month, `stock` at its end; `site`, `item` (n,) numbers of what each row is of.
    """

    used: Floats
    stock: Floats
    site: NDArray[np.int64]
    item: NDArray[np.int64]

    def until(self, months: int) -> Series:
        return Series(self.used[:, :months], self.stock[:, :months], self.site, self.item)


@dataclass(frozen=True)
class Track:
    """How the figures did on origins they were not made with. NaN where it cannot be told."""

    coverage: float = np.nan
    """Share of months whose use lay within the 80 % range."""
    months: int = 0
    brier: float = np.nan
    auc: float = np.nan
    base: float = np.nan
    """How often what was in stock ran out within the horizon."""
    caught: float = np.nan
    """Of those that ran out, the share among the fifth with the highest probability."""
    rows: int = 0


@dataclass(frozen=True)
class Chance:
    """`probability` (n,) NaN where none is given; `drivers` (n, 3) indices into FEATURES, most pressing first, -1 for none;
    `why` is empty, or the reason why nobody gets one: "thin"."""

    probability: Floats
    drivers: NDArray[np.int64]
    track: Track
    why: str = ""


def censored(series: Series) -> Bools:
    """Months that ended without stock, or began without any and ended with use of nothing: their use is not need."""
    before = np.hstack([np.full((len(series.stock), 1), np.nan), series.stock[:, :-1]])
    return (series.stock <= 0) | ((before <= 0) & (np.nan_to_num(series.used) <= 0))


def weights(series: Series) -> Floats:
    """How much each month counts as a sample of the coming ones, shape (n, months): 0 not at all."""
    months = series.used.shape[1]
    back = np.arange(months)[::-1]
    fades = np.where(back < MONTHS, 0.5 ** (back / HALF_LIFE), 0.0)
    good = np.isfinite(series.used) & ~censored(series)
    return np.where(good, fades, 0.0)


def quantiles(used: Floats, weight: Floats, levels: tuple[float, ...] = (LOW, MIDDLE, HIGH)) -> Floats:
    """Weighted quantiles of each row, shape (n, levels), interpolated between samples; NaN for fewer than `LEAST_MONTHS`."""
    order = np.argsort(np.where(weight > 0, used, np.inf), axis=1)
    value, mass = np.take_along_axis(used, order, 1), np.take_along_axis(weight, order, 1)
    total = mass.sum(axis=1, keepdims=True)
    count = (mass > 0).sum(axis=1)
    middle = np.divide(np.cumsum(mass, axis=1) - mass / 2, total, out=np.ones_like(mass), where=total > 0)
    found = np.full((len(used), len(levels)), np.nan)
    for row in np.flatnonzero(count >= LEAST_MONTHS):
        n = count[row]
        found[row] = np.interp(levels, middle[row, :n], value[row, :n])
    return found


def lasting(stock: Floats, series: Series, days: int = 365, seed: int = 7) -> tuple[Floats, Floats]:
    """Days until each stock ends if nothing arrives at the 10th, 50th and 90th percentile, shape (n, 3), inf beyond `days`;
    and what is left on the last of every tenth day at those percentiles, shape (n, days // 10 + 1, 3). NaN: too few months."""
    n, steps = len(stock), days // 10 + 1
    weight = weights(series)
    ends, left = np.full((n, 3), np.nan), np.full((n, steps, 3), np.nan)
    months = -(-days // 30) + 1
    at = np.arange(steps) * 10 / 30.4375
    whole, part = at.astype(int), at % 1
    for row in np.flatnonzero((weight > 0).sum(axis=1) >= LEAST_MONTHS):
        if not np.isfinite(stock[row]):
            continue
        rng = np.random.default_rng(seed)
        good = np.flatnonzero(weight[row])
        drawn = rng.choice(series.used[row, good], (PATHS, months), p=weight[row, good] / weight[row, good].sum())
        gone = np.hstack([np.zeros((PATHS, 1)), np.cumsum(drawn, axis=1)])
        path = gone[:, whole] + (gone[:, whole + 1] - gone[:, whole]) * part
        left[row] = np.quantile(np.maximum(stock[row] - path, 0.0), (LOW, MIDDLE, HIGH), axis=0).T
        month = np.argmax(gone >= stock[row], axis=1)
        over = gone[np.arange(PATHS), month]
        under = gone[np.arange(PATHS), np.maximum(month - 1, 0)]
        share = np.divide(stock[row] - under, over - under, out=np.zeros(PATHS), where=over > under)
        reached = np.where(gone[:, -1] >= stock[row], np.maximum(month - 1 + share, 0.0) * 30.4375, np.inf)
        reached = np.where(stock[row] <= 0, 0.0, np.where(reached > days, np.inf, reached))
        ends[row] = np.quantile(reached, (LOW, MIDDLE, HIGH), axis=0, method="higher")
    return ends, left


def features(series: Series) -> Floats:
    """Of each row at the end of the last month of `series`, shape (n, len(FEATURES)): of these months alone."""
    used, stock = series.used, series.stock
    dry = np.where(np.isfinite(stock), stock <= 0, np.nan)
    last = _newest(stock)
    arrived = np.diff(stock, axis=1) + used[:, 1:]
    came = np.where(np.isfinite(arrived), arrived > np.maximum(1.0, 0.05 * np.abs(stock[:, 1:])), False)
    months = used.shape[1]
    since = np.where(came.any(axis=1), np.argmax(came[:, ::-1], axis=1), months)
    mean_3, mean_6, mean_12 = (_mean(used[:, -n:]) for n in (3, 6, 12))
    steady = _spread(used[:, -12:]) / np.maximum(mean_12, 0.1)
    columns = (
        np.log1p(last),
        np.log1p(np.minimum(last / np.maximum(mean_3, 0.1), 60)),
        np.log1p(np.minimum(last / np.maximum(mean_6, 0.1), 60)),
        np.log1p(mean_3),
        np.log1p(mean_12),
        np.minimum(steady, 4.0),
        _mean(np.where(np.isfinite(used[:, -12:]), used[:, -12:] <= 0, np.nan)),
        np.clip(np.log((mean_3 + 0.5) / (mean_12 + 0.5)), -2, 2),
        _mean(dry[:, -3:]),
        _mean(dry[:, -12:]),
        1 - np.isfinite(stock[:, -6:]).mean(axis=1),
        came[:, -3:].mean(axis=1),
        np.log1p(np.minimum(since, 12)),
        _of_others(series.site, _mean(dry[:, -3:])),
        _of_others(series.item, _mean(dry[:, -3:])),
    )
    return np.column_stack([np.nan_to_num(column) for column in columns])


def outcome(series: Series, origin: int, ahead: int) -> Floats:
    """Whether what was in stock at the end of month `origin` - 1 is out at the end of one of the `ahead` months after: 1, 0,
    or NaN where it was not in stock or nobody reported."""
    held = _newest(series.stock[:, max(0, origin - 2) : origin])
    coming = series.stock[:, origin : origin + ahead]
    out = (coming <= 0).any(axis=1)
    told = np.isfinite(coming).all(axis=1) | out
    return np.where((held > 0) & told, out.astype(np.float64), np.nan)


def chance(series: Series, ahead: int, on_hand: Floats | None = None) -> Chance:
    """How likely each row, in stock now, is out at the end of a month within `ahead` months. `on_hand` (n,): the newest count,
    where there is one later than the last month's end; NaN where not."""
    n, months = series.used.shape
    none = Chance(np.full(n, np.nan), np.full((n, 3), -1), Track(), "thin")
    origins = range(FIRST_ORIGIN, months - ahead + 1)
    if not origins:
        return none
    rows = {origin: (features(series.until(origin)), outcome(series, origin, ahead)) for origin in origins}
    held = list(origins)[-HELD_BACK:]
    # What is fitted for scoring ends before the first scored origin's outcomes begin.
    early = [rows[origin] for origin in origins if origin + ahead <= held[0]]
    track = score(early, [rows[origin] for origin in held])
    fitted = fit([*rows.values()])
    if fitted is None:
        return none
    latest = series.stock.copy()
    if on_hand is not None:
        latest[:, -1] = np.where(np.isfinite(on_hand), on_hand, latest[:, -1])
    now = features(Series(series.used, latest, series.site, series.item))
    scale, model = fitted
    scaled = scale.transform(now)
    probability = model.predict_proba(scaled)[:, 1]
    push = scaled * model.coef_[0]
    order = np.argsort(-push, axis=1)[:, :3]
    drivers = np.where(np.take_along_axis(push, order, 1) > 0.05, order, -1)
    held_now = _newest(latest[:, -2:])
    probability = np.where(held_now > 0, probability, np.nan)
    return Chance(probability, drivers, track)


def score(early: list[tuple[Floats, Floats]], late: list[tuple[Floats, Floats]]) -> Track:
    """The probabilities of a fit on `early` rows beside the outcomes of `late` ones."""
    fitted = fit(early)
    told, truth = (np.concatenate([pair[at] for pair in late]) for at in (0, 1))
    known = np.isfinite(truth)
    if fitted is None or not known.any():
        return Track()
    scale, model = fitted
    probability, truth = model.predict_proba(scale.transform(told[known]))[:, 1], truth[known]
    alerted = np.argsort(-probability, kind="stable")[: int(np.ceil(ALERT_SHARE * len(truth)))]
    return Track(
        brier=float(np.mean((probability - truth) ** 2)),
        auc=auc(probability, truth),
        base=float(truth.mean()),
        caught=float(truth[alerted].sum() / truth.sum()) if truth.any() else np.nan,
        rows=len(truth),
    )


def covered(series: Series) -> tuple[float, int]:
    """Share of the last `HELD_BACK` months with uncensored use that lay within the 80 % range told from the months before."""
    inside, told = 0, 0
    dry = censored(series)
    for origin in range(max(FIRST_ORIGIN, series.used.shape[1] - HELD_BACK), series.used.shape[1]):
        before = series.until(origin)
        low, _, high = quantiles(before.used, weights(before)).T
        use = np.where(dry[:, origin], np.nan, series.used[:, origin])
        known = np.isfinite(use) & np.isfinite(low)
        inside += int(((use >= low) & (use <= high) & known).sum())
        told += int(known.sum())
    return (inside / told if told else np.nan), told


def auc(probability: Floats, truth: Floats) -> float:
    """Area under the receiver's operating curve: how often one that ran out was given more than one that did not."""
    from scipy.stats import rankdata

    out, spared = int(truth.sum()), int((truth == 0).sum())
    if not out or not spared:
        return np.nan
    return float((rankdata(probability)[truth == 1].sum() - out * (out + 1) / 2) / (out * spared))


def fit(pairs: list[tuple[Floats, Floats]]) -> Any:
    """A scale and a model (scikit-learn), or None for too little to learn from."""
    if not pairs:
        return None
    told, truth = (np.concatenate([pair[at] for pair in pairs]) for at in (0, 1))
    known = np.isfinite(truth)
    told, truth = told[known], truth[known]
    if len(truth) < LEAST_ROWS or min(truth.sum(), (1 - truth).sum()) < LEAST_OUTCOMES:
        return None
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]  # loaded where it is needed alone
    from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]

    scale = StandardScaler().fit(told)
    return scale, LogisticRegression(C=0.1, max_iter=500).fit(scale.transform(told), truth)


def _newest(values: Floats) -> Floats:
    """The last value of each row that is there; NaN where none is."""
    there = np.isfinite(values)
    at = values.shape[1] - 1 - np.argmax(there[:, ::-1], axis=1)
    return np.where(there.any(axis=1), values[np.arange(len(values)), at], np.nan)


def _mean(values: Floats) -> Floats:
    there = np.isfinite(values)
    total = np.where(there, values, 0.0).sum(axis=1)
    mean = np.divide(total, there.sum(axis=1), out=np.full(len(values), np.nan), where=there.any(axis=1))
    return np.asarray(mean, np.float64)


def _spread(values: Floats) -> Floats:
    return np.sqrt(_mean((values - _mean(values)[:, None]) ** 2))


def _of_others(group: NDArray[np.int64], values: Floats) -> Floats:
    """Mean over the other rows of each row's group."""
    there = np.isfinite(values)
    total = np.bincount(group, np.where(there, values, 0.0))[group] - np.where(there, values, 0.0)
    count = np.bincount(group, there)[group] - there
    return np.asarray(np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0), np.float64)
