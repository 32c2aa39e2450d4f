"""Forecasts of use and stock-outs: nothing of the future gets in, thin data give nothing, and the figures are the plain ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.access import LOCAL_OPERATOR
from data.analysis import forecast
from data.analysis.forecast import Series
from data.analysis.pipeline import pipeline
from data.analysis.stock_history import KEPT, history
from data.analysis.supply import supply
from data.records import Record, Report, Site, SupplyLevel
from tests.pictures import picture_of

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)


def stocks(n: int = 120, months: int = 30, seed: int = 1) -> Series:
    """Sites that use at a steady rate and are supplied late now and then."""
    rng = np.random.default_rng(seed)
    rate = rng.lognormal(3, 0.6, n)
    used, stock = np.empty((n, months)), np.empty((n, months))
    held = rate * rng.uniform(0.5, 3, n)
    for month in range(months):
        need = rng.poisson(rate)
        used[:, month] = np.minimum(need, held)
        held = held - used[:, month] + np.where(rng.random(n) < 0.45, rate * 2, 0)
        stock[:, month] = held.round()
    used[rng.random(used.shape) < 0.05] = np.nan
    return Series(used, stock, np.arange(n) // 4, np.arange(n) % 4)


def test_the_future_changes_neither_features_nor_ranges_nor_probabilities() -> None:
    whole = stocks()
    rng = np.random.default_rng(2)
    for origin in (12, 20, 27):
        other = Series(whole.used.copy(), whole.stock.copy(), whole.site, whole.item)
        other.used[:, origin:] = rng.integers(0, 900, other.used[:, origin:].shape)
        other.stock[:, origin:] = rng.integers(0, 900, other.stock[:, origin:].shape)
        one, same = whole.until(origin), other.until(origin)
        assert np.array_equal(forecast.features(one), forecast.features(same))
        assert np.array_equal(
            forecast.lasting(one.stock[:, -1], one)[0], forecast.lasting(same.stock[:, -1], same)[0], True
        )
        assert np.array_equal(forecast.chance(one, 1).probability, forecast.chance(same, 1).probability, True)
    moved = forecast.outcome(other, 27, 3)
    assert not np.array_equal(moved, forecast.outcome(whole, 27, 3), True)  # the targets did change


def test_what_the_track_record_scores_was_not_learned_from() -> None:
    series = stocks(months=30)
    ahead = 2
    first = 30 - ahead - forecast.HELD_BACK + 1
    told = forecast.chance(series, ahead).track
    early = [(forecast.features(series.until(at)), forecast.outcome(series, at, ahead))
             for at in range(forecast.FIRST_ORIGIN, first - ahead + 1)]  # fmt: skip
    late = [
        (forecast.features(series.until(at)), forecast.outcome(series, at, ahead))
        for at in range(first, first + forecast.HELD_BACK)
    ]
    assert forecast.score(early, late) == replace(told, coverage=pytest.approx(np.nan, nan_ok=True))
    assert told.brier < told.base * (1 - told.base)
    assert told.auc > 0.6
    assert told.caught > forecast.ALERT_SHARE


def test_thin_data_give_no_figure() -> None:
    few = Series(np.full((3, 5), 4.0), np.full((3, 5), 9.0), np.arange(3), np.arange(3))
    found = forecast.chance(few, 1)
    assert found.why == "thin"
    assert np.isnan(found.probability).all()
    assert np.isnan(forecast.lasting(np.full(3, 9.0), few)[0]).all()
    dry = Series(np.full((1, 12), 4.0), np.zeros((1, 12)), np.zeros(1, np.int64), np.zeros(1, np.int64))
    assert np.isnan(forecast.lasting(np.array([9.0]), dry)[0]).all()  # every month knew a stock-out


def test_steady_use_runs_out_when_a_pocket_calculator_says() -> None:
    steady = Series(np.full((1, 18), 30.4375), np.full((1, 18), 99.0), np.zeros(1, np.int64), np.zeros(1, np.int64))
    ends, left = forecast.lasting(np.array([60.0]), steady)
    assert ends[0] == pytest.approx([60, 60, 60], abs=0.5)
    assert left[0, 3] == pytest.approx([30, 30, 30], abs=0.5)
    none = Series(np.zeros((1, 18)), np.full((1, 18), 99.0), np.zeros(1, np.int64), np.zeros(1, np.int64))
    assert np.isinf(forecast.lasting(np.array([60.0]), none)[0]).all()  # not within a year, and no date is made up


def cards() -> list[Record]:
    rng = np.random.default_rng(5)
    told: list[Record] = []
    for site in ("A", "B"):
        for back in range(1, 12):
            end = (
                pd.Timestamp("2026-11-01", tz="UTC") - pd.DateOffset(months=back - 1) - pd.Timedelta(hours=1)
            ).to_pydatetime()
            if (site, back) == ("B", 4):
                continue
            told.extend(
                SupplyLevel(source_ref=f"{site}{back}{share}", site_ref=site, item="ORS", category="use",
                            consumed=float(rng.integers(5, 90)) * share, event_time=end)
                for share in (0.4, 0.6)
            )  # fmt: skip
            told.append(SupplyLevel(source_ref=f"{site}{back}", site_ref=site, item="ORS", item_name="Salts",
                                    stock_on_hand=float(rng.integers(0, 3) * 40), event_time=end))  # fmt: skip
    return told


def test_months_are_what_pandas_makes_of_the_reports(tmp_path: Path) -> None:
    reports = cards()
    seen = replace(picture_of(tmp_path, reports).seen_by(LOCAL_OPERATOR), now=NOW)
    found = supply(seen)
    series = history(seen, found).series
    frame = pd.DataFrame(
        [(r.site_ref, r.event_time.strftime("%Y-%m"), r.consumed, r.stock_on_hand) for r in reports],  # type: ignore[attr-defined, union-attr]
        columns=["site", "month", "used", "stock"],
    )
    months = [str(month) for month in pd.period_range(end="2026-10", periods=KEPT, freq="M")]
    used = frame.groupby(["site", "month"]).used.sum(min_count=1).unstack().reindex(columns=months)
    held = frame.dropna(subset="stock").set_index(["site", "month"]).stock.unstack().reindex(columns=months)
    names = [seen.labels("supply", "site_ref")[code] for code in seen.column("supply", "site_ref")[found.rows]]
    assert series.used == pytest.approx(used.loc[names].to_numpy(), nan_ok=True)
    assert series.stock == pytest.approx(held.loc[names].to_numpy(), nan_ok=True)


def test_lots_past_their_expiry_are_no_stock_and_what_expires_before_use_is_told(tmp_path: Path) -> None:
    def lot(card: str, stock: float, days: int) -> SupplyLevel:
        return SupplyLevel(source_ref=card, site_ref="A", item="VAX", card=card, stock_on_hand=stock, amc=30.4375,
                           event_time=NOW - timedelta(days=1), expiry=NOW + timedelta(days=days))  # fmt: skip

    seen = replace(
        picture_of(tmp_path, [lot("x", 50, -3), lot("y", 40, 10), lot("z", 20, 40)]).seen_by(LOCAL_OPERATOR), now=NOW
    )
    found = supply(seen)
    assert (found.stock[0], found.expired[0]) == (60, 50)
    assert found.days[0] == pytest.approx(60)
    # Ten days use ten of the forty; the thirty days after use the twenty.
    assert found.wasting[0] == pytest.approx(30)
    assert found.expiring[0] == 60


def test_what_is_on_its_way_is_found_by_names_and_what_came_is_not(tmp_path: Path) -> None:
    def line(ref: str, item: str, to: str, state: str, due: str = "") -> Report:
        told = {"shipment.item": item, "shipment.destination": to, "shipment.state": state, "shipment.quantity": 9.0}
        return Report(source_ref=ref, category="shipment", attributes={**told, "shipment.due": due})

    records = [
        Site(source_ref="A", title="Port clinic", lon=1.0, lat=1.0),
        *cards(),
        line("1", "salts", "PORT  Clinic", "confirmed", "2026-11-10T00:00:00+00:00"),
        line("2", "ORS", "B", "planned"),
        line("3", "ORS", "B", "arrived"),
        line("4", "Rope", "B", "planned"),
    ]
    seen = replace(picture_of(tmp_path, records).seen_by(LOCAL_OPERATOR), now=NOW)
    found = supply(seen)
    told = pipeline(seen, found, {"ORS": "Salts"})
    assert told.unmatched == 1
    (late,), (planned,) = (told.coming[at] for at in (0, 1))
    assert (late.confirmed, late.late, planned.confirmed, planned.due) == (True, True, False, None)
