"""Progress against a line, and differences around a date: against hand-worked values and series whose truth is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from data.analysis.before_after import compare, step_of
from data.analysis.progress import Way, expected, state, together

DAY0 = datetime(2026, 1, 1, tzinfo=UTC)
WAY = Way(40.0, DAY0, 80.0, DAY0 + timedelta(days=100), cadence_days=30)
DAY50 = DAY0 + timedelta(days=50)


@pytest.mark.parametrize(
    ("actual", "told"),
    [(60, "on_track"), (56, "on_track"), (55.9, "at_risk"), (50, "at_risk"), (49.9, "off_track"), (90, "on_track")],
)
def test_a_figure_is_judged_by_its_line_at_this_date(actual: float, told: str) -> None:
    assert expected(WAY, DAY50) == 60
    assert state(WAY, actual, DAY50, DAY50) == told


def test_what_should_fall_is_judged_the_other_way_and_a_level_is_held() -> None:
    falling = Way(80.0, DAY0, 40.0, DAY0 + timedelta(days=100))
    assert [state(falling, at, DAY50, DAY50) for at in (30, 60, 64.1, 70.1)] == [
        "on_track", "on_track", "at_risk", "off_track",
    ]  # fmt: skip
    held = Way(15.0, DAY0, 15.0, DAY0 + timedelta(days=100))
    assert [state(held, at, DAY50, DAY50) for at in (20, 13.5, 12, 11)] == [
        "on_track", "on_track", "at_risk", "off_track",
    ]  # fmt: skip
    ceiling = Way(None, None, 1.0, None, "down")
    assert [state(ceiling, at, DAY50, DAY50) for at in (0.4, 1.2, 1.3)] == ["on_track", "at_risk", "off_track"]


def test_silence_is_not_reported_and_never_on_track() -> None:
    assert state(WAY, None, None, DAY50) == "not_reported"
    assert state(WAY, 60, DAY50 - timedelta(days=31), DAY50) == "not_reported"
    assert state(Way(), 60, DAY50, DAY50) == "not_reported"
    assert together([]) == "not_reported"
    assert together(["on_track", "not_reported"]) == "not_reported"
    assert together(["on_track", "at_risk", "off_track"]) == "off_track"
    assert together(["on_track"], overdue=True) == "at_risk"


def test_the_error_is_that_of_newey_and_west() -> None:
    """Worked out apart from the code, by the textbook's sums over pairs of periods."""
    values = np.array([3.0, 5, 4, 6, 5, 7, 9, 8, 11, 10, 9, 12, 13])
    at, n = 6, 13
    found = step_of(values, at)
    assert found is not None
    assert found.before == pytest.approx(5.0)
    assert found.after == pytest.approx(values[6:].mean())
    lag = int(4 * (n / 100) ** (2 / 9))
    rest = values - np.where(np.arange(n) < at, 5.0, values[6:].mean())
    # The step's own weight on each period: -1/6 before, +1/7 after.
    weight = np.where(np.arange(n) < at, -1 / 6, 1 / 7) * rest
    total = sum(
        (1 - abs(i - j) / (lag + 1)) * weight[i] * weight[j] for i in range(n) for j in range(n) if abs(i - j) <= lag
    )
    assert found.lag == lag == 2
    assert found.error == pytest.approx(np.sqrt(total * n / (n - 2)))
    assert found.low < found.difference < found.high


def test_a_step_passes_and_noise_a_trend_or_a_step_of_all_areas_does_not() -> None:
    rng = np.random.default_rng(3)
    noise = rng.normal(20, 2, 120)
    others = [rng.normal(20, 2, 120) for _ in range(25)]
    stepped = noise + np.where(np.arange(120) >= 104, 12, 0)
    assert compare(stepped, 104, others).verdict == "passes_placebo"
    assert compare(noise, 104, others).verdict == "no_difference"
    trend = noise + np.arange(120)
    assert compare(trend, 104).verdict == "fails_placebo", "a trend differs at every date"
    everywhere = [one + np.where(np.arange(120) >= 104, 12, 0) for one in others]
    assert compare(stepped, 104, everywhere).verdict == "fails_placebo"


def test_the_placebo_keeps_its_share_where_nothing_happens() -> None:
    """Of series without any step about a twentieth of those may pass that look different at all."""
    rng = np.random.default_rng(11)
    passed = 0
    for _ in range(120):
        shocks = rng.normal(0, 1, 120)
        series = np.empty(120)
        series[0] = shocks[0]
        for k in range(1, 120):
            series[k] = 0.5 * series[k - 1] + shocks[k]
        passed += compare(series, 104).verdict == "passes_placebo"
    assert passed <= 12


def test_too_little_says_so() -> None:
    assert compare(np.arange(10.0), 5).verdict == "too_short"
    short = np.array([1.0, 1, 2, 1, 2, 1, 9, 9, 8, 9, 9, 8])
    assert compare(short, 6).verdict == "untested"
    gaps = np.full(30, np.nan)
    assert compare(gaps, 15).verdict == "too_short"
    with pytest.raises(ValueError, match="same periods"):
        compare(np.arange(30.0), 15, [np.arange(29.0)])
