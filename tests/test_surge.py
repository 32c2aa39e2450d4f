"""Surges against series of which it is known whether there is one, and how often a calm one rings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.analysis.surge import detect, ears_c2, farrington

RNG = np.random.default_rng(20)


def test_the_length_of_the_series_chooses_the_method() -> None:
    assert detect(RNG.poisson(3, (4, 30))).method == "EARS C2"
    assert detect(RNG.poisson(3, (4, 130))).method == "Farrington"


@pytest.mark.parametrize("weeks", [30, 130, 260])
def test_a_surge_is_seen_and_only_where_it_is(weeks: int) -> None:
    counts = RNG.poisson(4, (6, weeks))
    counts[:, -1] = 4
    counts[2, -1] = 25
    found = detect(counts)
    assert found.alarm.tolist() == [False, False, True, False, False, False]
    assert found.threshold[2] < 25
    assert 1 < found.expected[2] < 9


@pytest.mark.parametrize("mean", [0.3, 1.0, 3.0, 10.0])
def test_calm_areas_ring_no_oftener_than_is_said(mean: float) -> None:
    """Poisson series; of 4,000 areas by C2 and 1,000 by Farrington, with room for four standard errors."""
    for found in (ears_c2(RNG.poisson(mean, (4_000, 20))), farrington(RNG.poisson(mean, (1_000, 160)))):
        assert found.alarm.sum() <= found.false_alarms + 4 * np.sqrt(found.false_alarms)


def test_a_surge_of_last_year_does_not_hide_this_years() -> None:
    counts = RNG.poisson(5, (1, 200))
    counts[0, -1] = 30
    expected = farrington(counts).expected[0]
    counts[0, 200 - 1 - 52] = 80
    found = farrington(counts)
    assert found.alarm[0]
    assert found.expected[0] < 2 * expected


def test_no_past_is_unknown_and_not_calm() -> None:
    short = ears_c2(np.array([[1, 2, 9]]))
    silent = farrington(np.zeros((1, 150), np.int64))
    for found in (short, silent):
        assert np.isnan(found.expected).all()
        assert found.tested == 0
        assert found.false_alarms == 0
        assert not found.alarm.any()


@given(st.integers(0, 1_000), st.sampled_from([25, 140]))
@settings(max_examples=40, deadline=None)
def test_the_newest_count_never_moves_its_own_threshold(seed: int, weeks: int) -> None:
    counts = np.random.default_rng(seed).poisson(3, (3, weeks))
    other = counts.copy()
    other[:, -1] += 50
    np.testing.assert_array_equal(detect(counts).threshold, detect(other).threshold)


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(areas, periods\)"):
        detect(np.zeros(5, np.int64))
    with pytest.raises(ValueError, match="negative"):
        detect(np.full((2, 30), -1))
