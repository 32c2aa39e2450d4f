"""Forecasts of use and of stock-outs on the Côte d'Ivoire stock cards (156 sites, monthly), rolling origins, 3 months ahead.

python bench/forecast.py [STOCK.csv]

The series is stock_distributed of a site and product; months without a row since its first are counted as no use (the stock
cards drop items that did not move). A second table leaves them unknown. MASE: mean absolute error over the mean absolute
difference to twelve months before, up to the origin; series whose scale is 0 are left out; mean over series, origins and months.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from data.analysis import forecast
from data.analysis.forecast import Series

CIV = Path(__file__).resolve().parent.parent.parent / "shared/fixtures/supply/civ_lmis_stock_2016-01_2019-03.csv"
AHEAD = 3
LEAST_ACTIVE = 6
"""Months with use that a series needs, over the whole time."""


def main(path: Path) -> None:
    rows = pd.read_csv(path)
    rows["month"] = (rows.year - rows.year.min()) * 12 + rows.month - 1
    months = int(rows["month"].max()) + 1

    def matrix(name: str) -> pd.DataFrame:
        wide = rows.pivot_table(index=["site_code", "product_code"], columns="month", values=name, aggfunc="sum")
        return wide.reindex(columns=range(months))

    used, stock = matrix("stock_distributed"), matrix("stock_end")
    site = pd.factorize(used.index.get_level_values(0))[0].astype(np.int64)
    item = pd.factorize(used.index.get_level_values(1))[0].astype(np.int64)
    whole = Series(used.to_numpy(), stock.to_numpy(), site, item)
    first = np.argmax(np.isfinite(whole.used), axis=1)
    filled = np.where(np.arange(months) < first[:, None], np.nan, np.nan_to_num(whole.used))
    origins = range(27, months - AHEAD + 1)
    active = (whole.used > 0).sum(axis=1) >= LEAST_ACTIVE
    print(
        f"{len(rows):,} rows, {len(used):,} series, {months} months; origins {origins[0]} to {origins[-1]}, {AHEAD} months ahead"
    )
    for name, values in (("no row: no use", filled), ("no row: unknown", whole.used)):
        table(
            f"use, {name}, {active.sum()} series with use in {LEAST_ACTIVE} months or more",
            values[active],
            whole.stock[active],
            origins,
        )
    outs(whole, origins)


def table(title: str, used: np.ndarray, stock: np.ndarray, origins: range) -> None:
    names = (
        "seasonal naive",
        "last value",
        "3-month mean",
        "median of 6",
        "TSB",
        "last 18, equal weights",
        "Common Ground",
    )
    errors: dict[str, list[np.ndarray]] = {name: [] for name in names}
    crps: dict[str, list[np.ndarray]] = {name: [] for name in names[5:]}
    inside: dict[str, list[np.ndarray]] = {name: [] for name in names[5:]}
    for origin in origins:
        past, coming = used[:, :origin], used[:, origin : origin + AHEAD]
        scale = np.nanmean(np.abs(past[:, 12:] - past[:, :-12]), axis=1)
        scale = np.where(scale > 0, scale, np.nan)[:, None]
        series = Series(past, np.full_like(past, np.nan), np.zeros(len(past), np.int64), np.zeros(len(past), np.int64))
        ours = forecast.weights(series)
        equal = np.where((ours > 0), 1.0, 0.0)
        point = {
            "seasonal naive": past[:, -12 : -12 + AHEAD],
            "last value": pd.DataFrame(past).ffill(axis=1).to_numpy()[:, -1:],
            "3-month mean": np.nanmean(past[:, -3:], axis=1)[:, None],
            "median of 6": np.nanmedian(past[:, -6:], axis=1)[:, None],
            "TSB": tsb(past)[:, None],
        }
        for name, weight in (("last 18, equal weights", equal), ("Common Ground", ours)):
            low, middle, high = forecast.quantiles(past, weight).T
            point[name] = middle[:, None]
            for month in range(AHEAD):
                use = coming[:, month]
                crps[name].append(_crps(past, weight, use))
                inside[name].append(np.where(np.isfinite(use) & np.isfinite(low), (use >= low) & (use <= high), np.nan))
        for name, told in point.items():
            errors[name].append(np.abs(told - coming) / scale)
    print(f"\n{title}\n| method | MASE | CRPS | 80 % coverage |\n|---|---|---|---|")
    for name in names:
        more = (
            (f"{np.nanmean(np.concatenate(crps[name])):.2f}", f"{np.nanmean(np.concatenate(inside[name])):.3f}")
            if name in crps
            else ("", "")
        )
        print(f"| {name} | {np.nanmean(np.concatenate(errors[name])):.3f} | {more[0]} | {more[1]} |")


def tsb(past: np.ndarray, alpha: float = 0.1, beta: float = 0.1) -> np.ndarray:
    """Teunter, Syntetos and Babai (2011): smoothed chance of use times smoothed size."""
    chance = np.nanmean(past[:, :6] > 0, axis=1)
    size = np.nanmean(np.where(past > 0, past, np.nan)[:, :12], axis=1)
    size = np.nan_to_num(size)
    for month in range(6, past.shape[1]):
        use = past[:, month]
        there, any_ = np.isfinite(use), use > 0
        chance = np.where(there, chance + beta * (any_ - chance), chance)
        size = np.where(any_, np.where(size > 0, size + alpha * (use - size), use), size)
    return np.asarray(chance * size)


def _crps(past: np.ndarray, weight: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Of a weighted sample: E|X - y| - E|X - X'| / 2."""
    total = weight.sum(axis=1, keepdims=True)
    share = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)[:, -forecast.MONTHS :]
    sample = np.nan_to_num(past[:, -forecast.MONTHS :])
    off = (share * np.abs(sample - use[:, None])).sum(axis=1)
    apart = np.einsum("ni,nj,nij->n", share, share, np.abs(sample[:, :, None] - sample[:, None, :]))
    return np.where(total[:, 0] > 0, off - apart / 2, np.nan)


def outs(series: Series, origins: range) -> None:
    """Each origin scored by a fit on those whose outcome was known by then."""
    rows = {
        origin: (forecast.features(series.until(origin)), forecast.outcome(series, origin, AHEAD))
        for origin in range(forecast.FIRST_ORIGIN, origins[-1] + 1)
    }
    told, truth, cover = [], [], []
    for origin in origins:
        fitted = forecast.fit([rows[at] for at in rows if at + AHEAD <= origin])
        feats, out = rows[origin]
        known = np.isfinite(out)
        scale, model = fitted
        told.append(model.predict_proba(scale.transform(feats[known]))[:, 1])
        truth.append(out[known])
        cover.append(-feats[known, forecast.FEATURES.index("cover_6")])
    p, y, c = map(np.concatenate, (told, truth, cover))
    top = np.argsort(-p, kind="stable")[: int(0.2 * len(y))]
    print(f"\nstock-out within {AHEAD} months of what is in stock: {len(y):,} cases, base rate {y.mean():.3f}")
    print("| method | AUC | Brier | caught at a 20 % alert rate |\n|---|---|---|---|")
    print(
        f"| months of stock | {forecast.auc(c, y):.3f} | | {y[np.argsort(-c, kind='stable')[: len(top)]].sum() / y.sum():.3f} |"
    )
    print(f"| base rate | 0.500 | {np.mean((y.mean() - y) ** 2):.3f} | 0.200 |")
    print(f"| Common Ground | {forecast.auc(p, y):.3f} | {np.mean((p - y) ** 2):.3f} | {y[top].sum() / y.sum():.3f} |")


if __name__ == "__main__":
    with np.errstate(all="ignore"):
        import warnings

        warnings.simplefilter("ignore", RuntimeWarning)
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else CIV)
