"""The cluster scan beside published results, and beside pictures of which it is known whether a cluster is in them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.analysis.scan import space_time, spatial

BENCHMARKS = Path(__file__).resolve().parent.parent.parent / "shared" / "benchmarks"


def test_leukaemia_in_new_york_reads_as_published() -> None:
    """Likelihood ratios 11.577255 and 9.019716: whole cases, degrees taken as a plane, at most a tenth of those at risk."""
    if not BENCHMARKS.is_dir():
        pytest.skip("the reference problems are not beside this checkout")
    with (BENCHMARKS / "nydf.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    cases, population, lon, lat = (
        np.array([float(row[name]) for row in rows]) for name in ("cases", "population", "longitude", "latitude")
    )
    first, second = spatial(np.floor(cases), population, lon, lat, simulations=199, largest_share=0.1)[:2]
    assert (first.log_likelihood_ratio, first.observed) == (pytest.approx(11.577255, abs=1e-6), 85)
    assert (second.log_likelihood_ratio, second.observed) == (pytest.approx(9.019716, abs=1e-6), 38)
    assert (round(first.expected, 2), round(second.expected, 2)) == (49.71, 17.79)
    assert first.p <= second.p <= 0.05
    assert not set(first.places) & set(second.places)


def test_brain_cancer_in_new_mexico_shows_no_excess_around_los_alamos() -> None:
    """The published reading of the sample (Kulldorff et al., American Journal of Public Health 88(9), 1998)."""
    folder = BENCHMARKS / "satscan"
    if not folder.is_dir():
        pytest.skip("the reference problems are not beside this checkout")
    places = [line.split() for line in (folder / "nm.geo").read_text().splitlines() if line.strip()]
    names = [name for name, *_ in places]
    lat, lon = (np.array([float(place[at]) for place in places]) for at in (1, 2))
    told = [line.split() for line in (folder / "nm.cas").read_text().splitlines() if line.strip()]
    people = [line.split() for line in (folder / "nm.pop").read_text().splitlines() if line.strip()]
    strata = {(age, sex): 0.0 for _, _, _, age, sex in people}
    cases, at_risk, of_stratum = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0), dict(strata)
    for name, amount, _, age, sex in told:
        cases[name] += float(amount)
        of_stratum[age, sex] += float(amount)
    for _, _, amount, age, sex in people:
        strata[age, sex] += float(amount)
    for name, _, amount, age, sex in people:  # expected at the state's rate of each age and sex
        at_risk[name] += float(amount) * of_stratum[age, sex] / strata[age, sex]
    x_km, y_km = lon * 111.32 * np.cos(np.radians(34.5)), lat * 111.32
    expected = np.array([at_risk[name] for name in names])
    found = spatial(np.array([cases[name] for name in names]), expected, x_km, y_km, simulations=199)
    there = [cluster for cluster in found if names.index("LosAlamos") in cluster.places]
    assert all(cluster.p > 0.05 for cluster in there)
    assert sum(cluster.observed for cluster in found) <= len(told) + sum(int(line[1]) - 1 for line in told)


def picture(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.poisson(2.0, (60, 40)), rng.uniform(0, 300, 60), rng.uniform(0, 300, 60)


def test_a_cluster_that_was_put_in_is_found_with_its_window_and_not_before() -> None:
    cases, x, y = picture(4)
    near = np.argsort(np.hypot(x - 100, y - 100))[:5]
    assert space_time(cases, x, y, longest=6, simulations=99)[0].p > 0.05
    cases[near, -3:] += 8
    first = space_time(cases, x, y, longest=6, simulations=99)[0]
    assert first.p == 0.01
    assert (first.first, first.last) == (-3, -1)
    assert set(near) <= set(first.places)
    assert first.ratio > 2


def test_false_alarms_are_as_rare_as_p_says() -> None:
    """Of calm pictures about one in ten has a p of at most 0.1: with 60, 15 or more would come up once in 3,000 tries."""
    lowest = [space_time(*picture(seed), longest=4, simulations=39)[0].p for seed in range(100, 160)]
    assert sum(p <= 0.1 for p in lowest) < 15


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_places_given_in_another_order_are_the_same_clusters(seed: int) -> None:
    cases, x, y = picture(seed)
    shuffled = np.random.default_rng(seed).permutation(len(cases))
    one = spatial(cases.sum(axis=1) * 1.0, np.full(60, 7.0), x, y, simulations=1)
    other = spatial(cases.sum(axis=1)[shuffled] * 1.0, np.full(60, 7.0), x[shuffled], y[shuffled], simulations=1)
    assert {frozenset(c.places) for c in one[:1]} == {frozenset(int(shuffled[p]) for p in c.places) for c in other[:1]}


def test_nothing_reported_is_no_cluster_and_nonsense_is_refused() -> None:
    zero, ones = np.zeros(5), np.ones(5)
    assert spatial(zero, ones, ones, np.arange(5.0)) == []
    with pytest.raises(ValueError, match="one shape"):
        spatial(zero, np.ones(4), ones, ones)
    with pytest.raises(ValueError, match="must not be negative"):
        spatial(-ones, ones, ones, ones)
    with pytest.raises(ValueError, match="finite"):
        spatial(ones, ones, ones * np.nan, ones)
    with pytest.raises(ValueError, match="a window has from 1 to 2 of 3 periods"):
        space_time(np.ones((5, 3), np.int64), ones, np.arange(5.0), longest=3)
