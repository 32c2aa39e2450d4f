"""Mixed-integer programmes with several objectives, each in turn: what is best by the first stays so for those after it.

Solved by HiGHS through `scipy.optimize.milp`. Terms are built by name; a proposal that the solver did not prove best within
its time is refused, not shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

SECONDS = 20.0
SLACK = 1e-7
"""How far, in shares of its own size, a later objective may let an earlier one slip: rounding, no more."""


class Unsolved(ValueError):
    """No proposal: the sentence says why."""


@dataclass
class Programme:
    """Variables with bounds, and linear rows over them; every row is `low <= sum(coefficient * variable) <= high`."""

    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)
    rows: list[tuple[float, float]] = field(default_factory=list)
    terms: list[tuple[int, int, float]] = field(default_factory=list)
    """(row, variable, coefficient)."""

    def variable(self, low: float = 0.0, high: float = np.inf, whole: bool = False) -> int:
        """Add a variable; its number."""
        self.low.append(low)
        self.high.append(high)
        self.whole.append(whole)
        return len(self.low) - 1

    def row(self, terms: Mapping[int, float], low: float = -np.inf, high: float = np.inf) -> None:
        self.terms.extend((len(self.rows), number, value) for number, value in terms.items() if value)
        self.rows.append((low, high))


def solve(
    programme: Programme, objectives: Sequence[Mapping[int, float]], seconds: float = SECONDS
) -> NDArray[np.float64]:
    """Values of the variables that make each objective least, in turn: shape (variables,). Raises `Unsolved`."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    count = len(programme.low)
    rows = list(programme.rows)
    terms = list(programme.terms)
    values = np.zeros(count)
    for objective in objectives:
        cost = np.zeros(count)
        cost[list(objective)] = list(objective.values())
        constraints = []
        if rows:
            row, column, value = zip(*terms, strict=True) if terms else ((), (), ())
            matrix = csr_array((value, (row, column)), shape=(len(rows), count))
            constraints = [LinearConstraint(matrix, *map(np.array, zip(*rows, strict=True)))]
        found = milp(
            cost,
            integrality=np.array(programme.whole, np.int64),
            bounds=Bounds(np.array(programme.low), np.array(programme.high)),
            constraints=constraints,
            options={"time_limit": seconds, "mip_rel_gap": 0.0},
        )
        if found.x is None or found.status != 0:
            raise Unsolved(f"no best proposal was found within {seconds:g} s: {found.message}")
        values = np.asarray(found.x, np.float64)
        best = float(cost @ values)
        terms.extend((len(rows), number, weight) for number, weight in objective.items() if weight)
        rows.append((-np.inf, best + SLACK * max(1.0, abs(best))))
    return values
