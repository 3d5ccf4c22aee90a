"""Choice of a base and a top together."""

from dataclasses import replace

import numpy as np
import pytest

from controller.decision.costs.cost_model import CostTerms, Pings, TopTerms
from controller.decision.selection.candidates import CANDIDATES, NOTHING
from controller.decision.selection.layers.levels import LEVELS, LIMITS, TOPS, UNTRAINED, RequestRate
from controller.decision.selection.layers.top_basis import PingBasis, TopBasis
from controller.decision.selection.objective_cohort import ObjectiveCohort
from controller.decision.selection.selector import CandidateSelector
from controller.decision.selection.weighting import ENSEMBLE
from tests.controller.decision.selection.test_selector import DAY, FIRST, TERMS, noisy, rows

PINGS = Pings(a_minute=0.25, seconds=0.1, lasting_minutes=120.0)
LAYERED = replace(TERMS, top=TopTerms(PINGS.usd_per_minute(1.66667e-5, 8.0, 0.2e-6), PINGS))


def bursts(minutes: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Demand of a pool that sleeps between bursts of up to 6 requests."""
    rng = np.random.default_rng(seed)
    peak = np.where(rng.random(minutes) < 1 / 90, rng.integers(1, 7, minutes), 0).astype(np.float32)
    return rows(peak), rows(peak * np.float32(0.1)), rows(peak)


def test_a_pool_that_sleeps_between_bursts_is_kept_warm_by_pings_alone():
    choice = CandidateSelector([LAYERED]).advance(*bursts(5 * DAY), FIRST)

    assert (choice.target[0, 3 * DAY :] == 0).all()
    assert (choice.level[0, 3 * DAY :] >= 6).all()


def test_a_pool_of_one_lever_has_no_level():
    assert not CandidateSelector([TERMS]).advance(*bursts(3 * DAY), FIRST).level.any()


def test_no_pings_run_in_a_pool_with_many_requests_and_steady_demand():
    peak = np.full(4 * DAY, 8.0, np.float32)
    demand = rows(peak), rows(peak), rows(peak * 50_000)
    choice = CandidateSelector([LAYERED]).advance(*demand, FIRST)

    assert not choice.level[0, 2 * DAY :].any()
    assert (choice.target[0, 2 * DAY :] == 8).all()


def test_the_choice_does_not_depend_on_how_minutes_are_divided_into_calls():
    history = noisy(3 * DAY, seed=2, gaps=0.05)
    whole = CandidateSelector([LAYERED]).advance(*history, FIRST)
    selector = CandidateSelector([LAYERED])
    parts = [selector.advance(*(row[:, first : first + 501] for row in history), FIRST + first)
             for first in range(0, 3 * DAY, 501)]

    np.testing.assert_array_equal(np.concatenate([part.level for part in parts], axis=1), whole.level)
    np.testing.assert_array_equal(np.concatenate([part.target for part in parts], axis=1), whole.target)


def test_learned_state_of_layers_can_be_stored_and_restored():
    history = noisy(3 * DAY, seed=4)
    before, after = CandidateSelector([LAYERED, TERMS]), CandidateSelector([LAYERED, TERMS])
    both = tuple(np.repeat(row, 2, axis=0) for row in history)
    before.advance(*(row[:, : 2 * DAY] for row in both), FIRST)
    after.restore({name: array.copy() for name, array in before.state().items()})
    rest = tuple(row[:, 2 * DAY :] for row in both)

    for one, other in zip(before.advance(*rest, FIRST + 2 * DAY), after.advance(*rest, FIRST + 2 * DAY), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_preview_chooses_what_a_learned_minute_chooses():
    history = noisy(2 * DAY + 40, seed=6)
    selector, whole = CandidateSelector([LAYERED]), CandidateSelector([LAYERED]).advance(*history, FIRST)
    selector.advance(*(row[:, : 2 * DAY + 5] for row in history), FIRST)
    seen = selector.preview(*(row[:, 2 * DAY + 5 :] for row in history), FIRST + 2 * DAY + 5)

    assert seen.level[0, 0] == whole.level[0, -1]


@pytest.mark.parametrize("make", [noisy, bursts])
def test_each_objective_of_a_layered_pool_gets_the_choices_of_a_selector_of_its_own(make):
    history = make(3 * DAY, 5)
    objectives = [replace(LAYERED, cold_start_cost_usd=0.002), LAYERED, replace(LAYERED, warm_hit_rate=0.99)]
    together = ObjectiveCohort(objectives).advance(*(np.repeat(row, 3, axis=0) for row in history), FIRST)
    for at, terms in enumerate(objectives):
        alone = CandidateSelector([terms]).advance(*history, FIRST)
        for name in alone._fields:
            np.testing.assert_array_equal(getattr(together, name)[at], getattr(alone, name)[0])


def test_the_basis_of_the_top_gives_the_level_by_hand():
    history = noisy(3 * DAY, seed=8)
    selector = CandidateSelector([LAYERED])
    choice = selector.advance(*history, FIRST)
    basis = selector.bases()[0].detach()

    assert basis.top is not None
    assert basis.top.level == choice.level[0, -1]
    assert basis.target == choice.target[0, -1]
    assert TopBasis.of_body(basis.top.body()) == basis.top
    assert sum(basis.top.weights.values()) <= basis.total == basis.top.total


def test_the_bill_of_a_candidate_is_that_of_its_cheapest_pair():
    alone, layered = CandidateSelector([TERMS]), CandidateSelector([LAYERED])
    for selector in (alone, layered):
        selector.advance(*bursts(3 * DAY), FIRST)
    nothing = CANDIDATES.index(NOTHING)

    assert layered.costs(0).bills[nothing] < 0.2 * alone.costs(0).bills[nothing]
    assert layered.costs(0).bills[ENSEMBLE] < alone.costs(0).bills[ENSEMBLE]


def test_the_rate_of_requests_is_the_mean_of_the_known_minutes():
    rate = RequestRate(1)
    first = rate.advance(rows(np.array([10, np.nan, 20], np.float32)))
    second = rate.advance(rows(np.array([np.nan] * 5, np.float32)))

    np.testing.assert_array_equal(first, [[10, 10, 15]])
    np.testing.assert_array_equal(second, [[15, 15, 20, 20, np.nan]])


def test_pings_need_a_known_rate_of_requests():
    history = bursts(3 * DAY)
    history[2][0, -10:] = np.nan
    assert CandidateSelector([LAYERED]).advance(*history, FIRST).level[0, -1] == 0


@pytest.mark.parametrize(("basis", "text"), [
    (TopBasis((4, 6, 9, 14), {TOPS.index((LEVELS[2], 100.0)): 3000, TOPS.index((LEVELS[3], 20.0)): 1000}, 4000, 12.0),
     ("11 units in total: max(maximum of the last 7 days, maximum of the last 24 h) = 9, below 100 requests per minute, weight "
      "75.0 %; mean of 2 rules 10.2; 100.0 % of the weight wants pings at 12 requests per minute")),
    (TopBasis((4, 6, 9, 14), {TOPS.index((LEVELS[2], 10.0)): 3000}, 4000, 12.0),
     "no pings: 0.0 % of the weight wants them at 12 requests per minute, 50.0 % is needed"),
])
def test_the_text_of_a_level_has_the_numbers_it_was_computed_from(basis, text):
    assert basis.text == text


def test_the_text_of_pinged_units_has_the_numbers_they_were_computed_from():
    top = TopBasis((9, 9, 9, 14), {UNTRAINED: 1}, 1, 0.0)

    assert PingBasis(top, 3, 4, 100, 1 / 30, 2000).text.endswith(
        "9 - 3 of the base = 6, + 1 that may have stopped unseen (3.3 %) = 7")
    assert PingBasis(top, 3, 4, 8, 1 / 30, 2000).text.endswith(
        "= 7, limited to 4 by the ceiling 8 of both layers less 4 of the base")
    assert LIMITS[-1] == np.inf


def test_terms_of_other_pools_are_unchanged():
    assert isinstance(TERMS, CostTerms)
    assert TERMS.top is None
