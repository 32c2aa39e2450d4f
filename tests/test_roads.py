"""The road network beside networkx on random cuts, and on small maps that can be read by eye."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from data.analysis.roads import NOWHERE, Network, Speed, band, build, lost, path, reach, second, snap

KM = 1 / 111.32
"""Degrees of a kilometre, near the equator."""


def line(*points: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString([(x * KM, y * KM) for x, y in points])


def grid(size: int = 6) -> Network:
    """Streets a kilometre apart, each one line from end to end, so that crossings have to be found."""
    lines = [line((0, y), (size - 1, y)) for y in range(size)] + [line((x, 0), (x, size - 1)) for x in range(size)]
    return build(lines, ["primary", "track"] * size)


def test_lines_meet_where_they_cross_end_on_each_other_and_nearly_do() -> None:
    network = build([line((0, 0), (10, 0)), line((5, -5), (5, 5)), line((8, 0.03), (8, 4))], ["primary"] * 3)
    assert len(np.unique(network.components())) == 1
    assert sorted(np.bincount(np.concatenate((network.a, network.b))).tolist()) == [1, 1, 1, 1, 1, 3, 4]
    assert network.length_m.sum() == pytest.approx(24_000, rel=0.01)
    apart = build([line((0, 0), (10, 0)), line((8, 0.2), (8, 4))], ["primary"] * 2)
    assert len(np.unique(apart.components())) == 2


def test_every_answer_is_a_band_of_two_speeds() -> None:
    network = build([line((0, 0), (30, 0))], ["secondary"])
    (quick,), (slow,) = (network.minutes(rains, {"secondary": Speed(60, 15)}) for rains in (False, True))
    assert (quick, slow) == (pytest.approx(30, rel=0.01), pytest.approx(120, rel=0.01))
    assert [band(minutes) for minutes in (5, 45, 90, 250, 900, np.inf)] == [
        "under 30 min",
        "30-60 min",
        "1-2 h",
        "4-8 h",
        "over 8 h",
        "no way",
    ]


def test_a_closed_bridge_shows_who_is_cut_off_and_whose_way_is_longer() -> None:
    # Two banks; a bridge in the middle and another far to the east; a village that only the first bridge serves.
    banks = [line((0, 0), (40, 0)), line((10, 1), (40, 1))]
    network = build([*banks, line((10, 0), (10, 1)), line((40, 0), (40, 1))], ["primary"] * 4)
    clinic, far = snap(network, np.array([0.0, 10 * KM]), np.array([0.0, 1 * KM]))[0]
    minutes = network.minutes(False)
    bridge = network.road == 2
    before, after = (reach(network, minutes, np.array([clinic]), closed) for closed in (None, bridge))
    cut, longer = lost(before, after)
    assert not cut.any()
    assert longer[far] == pytest.approx(60, rel=0.05)
    assert path(network, after, int(far))[-1] == clinic
    cut, _ = lost(before, reach(network, minutes, np.array([clinic]), bridge | (network.road == 3)))
    assert cut[far]
    assert not cut[clinic]


@given(seed=st.integers(0, 100_000))
@settings(max_examples=60, deadline=None)
def test_times_agree_with_networkx_on_random_cuts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = grid()
    minutes = network.minutes(bool(seed % 2)) * rng.uniform(0.5, 2, len(network.a))
    closed = rng.random(len(network.a)) < 0.3
    targets = rng.choice(len(network.lon), 3, replace=False)
    graph = nx.Graph()
    graph.add_nodes_from(range(len(network.lon)))
    for a, b, weight, shut in zip(network.a, network.b, minutes, closed, strict=True):
        if not shut and (not graph.has_edge(a, b) or graph[a][b]["weight"] > weight):
            graph.add_edge(a, b, weight=weight)
    ours = reach(network, minutes, targets, closed)
    theirs = nx.multi_source_dijkstra_path_length(graph, set(targets.tolist()))
    np.testing.assert_allclose(ours.minutes, [theirs.get(node, np.inf) for node in range(len(network.lon))])
    again = second(network, minutes, targets, ours, closed)
    for node in range(0, len(network.lon), 7):
        others = set(targets.tolist()) - {int(ours.target[node])}
        expected = nx.multi_source_dijkstra_path_length(graph, others).get(node, np.inf) if others else np.inf
        if ours.target[node] != NOWHERE:
            assert again.minutes[node] == pytest.approx(expected)
        way = path(network, ours, node)
        assert (not way) == (ours.target[node] == NOWHERE)
        assert sum(graph[a][b]["weight"] for a, b in pairwise(way)) == pytest.approx(ours.minutes[node] if way else 0)


def test_no_roads_and_no_targets_are_no_way() -> None:
    empty = build([], [])
    assert snap(empty, np.array([1.0]), np.array([1.0]))[0].tolist() == [NOWHERE]
    nothing = reach(grid(2), grid(2).minutes(False), np.empty(0, np.int64))
    assert not np.isfinite(nothing.minutes).any()
    with pytest.raises(ValueError, match="give each line one"):
        build([line((0, 0), (1, 0))], [])
