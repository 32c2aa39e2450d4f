"""The access rule, sentence by sentence, and the proof that these sentences would notice if any of it were lost: every small
wrong that can be put into it is found by one of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import data.access
from tests.mutants import Mutant, compiled, mutants
from tests.rule_cases import CASES

RULE = Path(data.access.__file__)
FUNCTIONS = (
    "decide",
    "_both",
    "_ordinary",
    "_covers",
    "_glass",
    "_handling",
    "_burden",
    "_permit",
    "_deny",
    "permitted",
    "join",
    "_join",
    "_released",
    "_united",
    "_common",
    "holds",
    "alters",
    "changes_after",
)
"""Everything in the rule that decides."""
SAME: dict[str, str] = {}
"""Changes that are no wrong, each with the reason."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__.removeprefix("case_"))
def test_the_rule(case: Callable[[Any], None]) -> None:
    case(data.access)


def test_every_wrong_in_the_rule_is_noticed() -> None:
    all_mutants = list(mutants(RULE, FUNCTIONS))
    assert len(all_mutants) > 250
    survivors = [mutant.name for mutant in all_mutants if mutant.name not in SAME and not noticed(mutant)]
    assert not survivors, "\n".join(survivors)
    assert set(SAME) <= {mutant.name for mutant in all_mutants}, "what is excused is still there"
    assert all(SAME.values()), "every excuse has a reason"


def noticed(mutant: Mutant) -> bool:
    module = compiled(mutant.tree, data.access)
    return any(fails(case, module) for case in CASES)


def fails(case: Callable[[Any], None], module: Any) -> bool:
    try:
        case(module)
    except Exception:  # noqa: BLE001 - a rule that crashes is noticed too
        return True
    return False


def test_functions_of_the_rule_are_all_mutated() -> None:
    defined = {
        name
        for name, value in vars(data.access).items()
        if callable(value) and getattr(value, "__module__", "") == "data.access" and not isinstance(value, type)
    }
    assert defined <= set(FUNCTIONS), "a new function of the rule is to be mutated too"
