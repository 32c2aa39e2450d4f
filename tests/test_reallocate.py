"""The proposal beside enumeration of everything that could be moved, and the solver beside published optima."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.analysis.reallocate import Sites, Terms, propose
from data.analysis.solver import Programme, Unsolved, solve

ORLIB = Path(__file__).resolve().parent.parent.parent / "shared" / "benchmarks" / "orlib_cap"
PROBLEMS = sorted(ORLIB.glob("*.txt")) if ORLIB.is_dir() else []


@pytest.mark.skipif(not PROBLEMS, reason="the reference problems are not beside this checkout")
@pytest.mark.parametrize("file", PROBLEMS, ids=lambda file: file.stem)
def test_published_optima_of_warehouse_location(file: Path) -> None:
    numbers = iter(float(word) for word in file.read_text().split())
    m, n = int(next(numbers)), int(next(numbers))
    places = [(next(numbers), next(numbers)) for _ in range(m)]
    demands, costs = [], []
    for _ in range(n):
        demands.append(next(numbers))
        costs.append([next(numbers) for _ in range(m)])
    programme = Programme()
    opened = [programme.variable(0, 1, whole=True) for _ in range(m)]
    share = [[programme.variable(0, 1) for _ in range(m)] for _ in range(n)]
    for j in range(n):
        programme.row(dict.fromkeys(share[j], 1.0), 1.0, 1.0)
        for i in range(m):
            programme.row({share[j][i]: 1.0, opened[i]: -1.0}, high=0.0)
    for i, (capacity, _) in enumerate(places):
        programme.row({**{share[j][i]: demands[j] for j in range(n)}, opened[i]: -capacity}, high=0.0)
    cost = {opened[i]: fixed for i, (_, fixed) in enumerate(places)}
    cost |= {share[j][i]: costs[j][i] for j in range(n) for i in range(m)}
    values = solve(programme, [cost])
    published = float(file.with_name(file.name + ".opt").read_text().split()[-1])
    assert sum(weight * values[number] for number, weight in cost.items()) == pytest.approx(published, rel=1e-6)


def of(stock: list[float], use: list[float], **more: list[float]) -> Sites:
    n = len(stock)
    told = {"capacity": [np.inf] * n, "expiring": [0.0] * n, "expiry_months": [99.0] * n, "priority": [1.0] * n, **more}
    return Sites(
        stock=np.array(stock),
        use=np.array(use),
        releasable=np.array(told.pop("releasable", [True] * n), np.bool_),
        **{name: np.array(values, np.float64) for name, values in told.items()},
    )


def ways(n: int) -> np.ndarray:
    return np.abs(np.subtract.outer(np.arange(n), np.arange(n))).astype(np.float64) + 1


def every_move() -> np.ndarray:
    """Up to four packs of two units on each of the six ways between three sites: shape (15625, 3, 3), units."""
    packs = np.array(list(product(range(5), repeat=6)), np.float64)
    units = np.zeros((len(packs), 9))
    units[:, [1, 2, 3, 5, 6, 7]] = 2 * packs
    return units.reshape(-1, 3, 3)


EVERY_MOVE = every_move()


@given(
    stock=st.lists(st.integers(0, 9), min_size=3, max_size=3),
    use=st.lists(st.integers(1, 4), min_size=3, max_size=3),
    priority=st.lists(st.sampled_from([1.0, 2.0]), min_size=3, max_size=3),
    keep=st.sampled_from([1.0, 2.0]),
)
@settings(max_examples=60, deadline=None)
def test_a_proposal_is_the_best_of_everything_that_could_be_moved(
    stock: list[int], use: list[int], priority: list[float], keep: float
) -> None:
    sites = of([float(each) for each in stock], [float(each) for each in use], priority=priority)
    terms = Terms(ways(3), target_months=4.0, keep_months=keep, pack=2.0)
    found = propose(sites, terms)
    spare = np.maximum(sites.stock - keep * sites.use, 0)
    units = EVERY_MOVE[(EVERY_MOVE.sum(axis=2) <= spare).all(axis=1)]
    after = sites.stock + units.sum(axis=1) - units.sum(axis=2)
    lowest = np.minimum(4.0, (after / sites.use).min(axis=1)).round(6)
    served = (sites.priority * np.minimum(after, 4.0 * sites.use)).sum(axis=1).round(6)
    best = max(zip(lowest, served, -(units * terms.cost).sum(axis=(1, 2)), strict=True))
    reached = float((sites.priority * np.minimum(found.coverage * sites.use, 4.0 * sites.use)).sum())
    assert best == pytest.approx((min(4.0, float(found.coverage.min())), reached, -found.cost), abs=1e-4)


def test_nothing_appears_or_is_lost_and_givers_keep_their_minimum() -> None:
    sites = of([100.0, 3.0, 0.0, 40.0], [10.0, 5.0, 4.0, 10.0])
    found = propose(sites, Terms(ways(4), target_months=3.0, keep_months=2.0))
    assert (found.coverage * sites.use).sum() == pytest.approx(sites.stock.sum())
    givers = {move.giver for move in found.moves}
    assert givers <= {0, 3}
    assert all(found.coverage[giver] >= 2.0 for giver in givers)
    assert found.coverage.min() == pytest.approx(3.0)
    assert not found.unmet.any()
    assert found.binding == ()


def test_what_binds_is_named_with_what_it_would_bring() -> None:
    shut = ways(2)
    shut[0, 1] = np.inf
    cases = {
        "ways": (of([60.0, 0.0], [10.0, 10.0]), Terms(shut)),
        "owner": (of([60.0, 0.0], [10.0, 10.0], releasable=[False, True]), Terms(ways(2))),
        "room": (of([60.0, 0.0], [10.0, 10.0], capacity=[99.0, 10.0]), Terms(ways(2))),
        "minimum kept": (of([30.0, 0.0], [10.0, 10.0]), Terms(ways(2), keep_months=2.0)),
        "expiry": (of([60.0, 0.0], [10.0, 10.0], expiring=[60.0, 0.0], expiry_months=[0.5, 9.0]), Terms(ways(2))),
        "pack": (of([60.0, 0.0], [10.0, 10.0]), Terms(ways(2), pack=25.0)),
    }
    for kind, (sites, terms) in cases.items():
        found = propose(sites, terms)
        assert kind in dict(found.binding), kind
        assert dict(found.binding)[kind] > found.coverage.min()


def test_a_site_whose_use_is_unknown_neither_gives_nor_gets() -> None:
    found = propose(of([50.0, 0.0, 500.0], [10.0, 10.0, np.nan]), Terms(ways(3)))
    assert {site for move in found.moves for site in (move.giver, move.receiver)} == {0, 1}
    assert np.isnan(found.coverage[2])
    assert np.isnan(found.unmet[2])


def test_moves_that_hang_on_todays_demand_are_told_apart() -> None:
    sites = of([40.0, 5.0], [10.0, 10.0])
    firm = propose(sites, Terms(ways(2)), low=np.array([9.0, 9.0]), high=np.array([11.0, 11.0]))
    assert [move.survives for move in firm.moves] == [True]
    shaky = propose(sites, Terms(ways(2)), low=np.array([9.0, 1.0]), high=np.array([30.0, 11.0]))
    assert [move.survives for move in shaky.moves] == [False]


def test_what_cannot_be_solved_is_refused() -> None:
    programme = Programme()
    x = programme.variable(0, 1)
    programme.row({x: 1.0}, low=2.0)
    with pytest.raises(Unsolved, match="no best proposal"):
        solve(programme, [{x: 1.0}])
    with pytest.raises(ValueError, match="need"):
        propose(of([1.0, 2.0], [1.0, 1.0]), Terms(ways(3)))
