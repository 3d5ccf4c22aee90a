"""Selector of one demand under several objectives: the same choices as one selector for each."""

from dataclasses import replace

import numpy as np
import pytest

from controller.decision.selection.objective_cohort import ObjectiveCohort
from controller.decision.selection.selector import CandidateSelector
from tests.controller.decision.selection.test_selector import DAY, FIRST, TERMS, noisy

OBJECTIVES = [replace(TERMS, cold_start_cost_usd=0.002), TERMS, replace(TERMS, cold_start_cost_usd=1.0),
              replace(TERMS, warm_hit_rate=0.9), replace(TERMS, warm_hit_rate=0.999)]


@pytest.mark.parametrize("gaps", [0.0, 0.1])
def test_each_objective_gets_the_choices_of_a_selector_of_its_own(gaps):
    history = noisy(3 * DAY, seed=5, gaps=gaps)
    cohort = ObjectiveCohort(OBJECTIVES)
    parts = [cohort.advance(*(np.repeat(row[:, first : first + 700], len(OBJECTIVES), axis=0) for row in history), FIRST + first)
             for first in range(0, 3 * DAY, 700)]

    targets = []
    for at, terms in enumerate(OBJECTIVES):
        alone = CandidateSelector([terms]).advance(*history, FIRST)
        for name in alone._fields:
            np.testing.assert_array_equal(np.concatenate([getattr(part, name)[at] for part in parts]), getattr(alone, name)[0])
        targets.append(alone.target[0].sum())
    assert len(set(targets)) == len(targets)  # else the objectives would not differ
