"""Learned state of a selector, restored into another one."""

from copy import deepcopy
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from controller.decision.costs.cost_model import CostTerms
from controller.decision.selection.selector import CandidateSelector
from tests.controller.decision.selection.test_provisional_scores import of_pools
from tests.controller.decision.selection.test_selector import DAY, FIRST, TERMS

SEVERAL = [TERMS, replace(TERMS, warm_hit_rate=0.95), replace(TERMS, lead_time=5, billing_step=4), replace(TERMS, stay_warm=True)]
LEARNED = 2 * DAY + 37  # within an hour, a block and a quarter


def trained(minutes: int = LEARNED) -> CandidateSelector:
    """Return a selector of its own that has learned so many minutes."""
    return deepcopy(learned(minutes))


@cache
def learned(minutes: int) -> CandidateSelector:
    selector = CandidateSelector(SEVERAL)
    selector.advance(*of_pools(minutes, range(len(SEVERAL))), FIRST)
    return selector


def attributes(thing: object, path: str = "") -> dict[str, object]:
    """All arrays and whole numbers that an object is made of, by path, except for what is derived from the rest."""
    if isinstance(thing, np.ndarray | int | float | CostTerms | None):
        return {path: thing}
    inner = thing if isinstance(thing, dict) else dict(enumerate(thing)) if isinstance(thing, list | tuple) else vars(thing)
    return {place: value for name, each in inner.items() if name not in {"_provisional", "_bases", "inputs"}
            for place, value in attributes(each, f"{path}/{name}").items()}


def same(one: object, other: object) -> bool:
    return np.array_equal(one, other, equal_nan=True) if isinstance(one, np.ndarray) else one == other


def test_every_attribute_is_restored():
    first, second = trained(), CandidateSelector(SEVERAL)
    second.restore(deepcopy(first.state()))
    before, after = attributes(first), attributes(second)

    assert before.keys() == after.keys()
    assert [path for path in before if not same(before[path], after[path])] == []


def test_a_restored_selector_shares_no_array_with_the_state():
    first, second = trained(), CandidateSelector(SEVERAL)
    state = deepcopy(first.state())
    second.restore(state)
    second.advance(*of_pools(DAY, range(len(SEVERAL))), FIRST + LEARNED)

    assert all(np.array_equal(array, state[name], equal_nan=True) for name, array in first.state().items())


def test_a_selector_without_history_is_restored():
    second = trained()
    second.restore(CandidateSelector(SEVERAL).state())

    assert attributes(second)["/_cohorts/0/1/_next"] is None


def test_a_part_of_a_cohort_is_that_of_its_pools_alone():
    terms = [TERMS, replace(TERMS, cold_start_cost_usd=0.2), replace(TERMS, warm_hit_rate=0.95)]
    rows = of_pools(LEARNED, range(3))
    whole, alone = CandidateSelector(terms), CandidateSelector(terms[1:])
    whole.advance(*rows, FIRST)
    alone.advance(*(kind[1:] for kind in rows), FIRST)
    part, expected = attributes(whole._cohorts[0][1].part(np.array([1, 2]))), attributes(alone._cohorts[0][1])

    assert part.keys() == expected.keys()
    assert [path for path in part if not same(part[path], expected[path])] == []


@pytest.mark.parametrize("damage", [
    lambda state: state.pop("cohort-0/scores/amounts"), lambda state: state.pop("cohort-0/signals/peak"),
    lambda state: state.update({"cohort-0/known": state["cohort-0/known"].astype(np.float32)}),
    lambda state: state.update({"cohort-0/leader": state["cohort-0/leader"][:0]}),
])
def test_a_state_that_does_not_fit_is_refused(damage):
    state = trained(DAY).state()
    damage(state)

    with pytest.raises((KeyError, ValueError)):
        CandidateSelector(SEVERAL).restore(state)
