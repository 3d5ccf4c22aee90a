"""Which candidate of a leading signal is followed, by what it has cost, the choice, and what was followed."""

from dataclasses import replace

import numpy as np
import pytest

from controller.decision.costs.cost_model import CostTerms
from controller.decision.selection.leads.lead_candidates import CHOICE
from controller.decision.selection.leads.lead_ratios import QUANTILES
from controller.decision.selection.leads.lead_scores import CANDIDATES, FOLLOWED, NOTHING, OF_CHOICE, LeadScores
from controller.decision.selection.scoring import DECAY

TERMS = CostTerms(idle=1.0, warm_busy=0.0, on_demand=0.0, init_seconds=0.0, cold_start_cost_usd=1.0, metric_delay=2, lead_time=2,
                  keep_alive=6)
RATIO = np.ones((len(QUANTILES), 1, 1, 1))
COLD = 2


def scores(choice=100.0, best=90.0, followed=100.0, nothing=400.0, terms=TERMS):
    """Scores of one pool by discounted cold starts at 1 USD each; the other candidates have cost as much as nothing."""
    made = LeadScores([terms], 1, 1)
    amounts = made._scores.amounts
    amounts[COLD] = nothing / DECAY
    amounts[COLD, [NOTHING, OF_CHOICE, FOLLOWED, CANDIDATES + 3], 0] = np.array([nothing, choice, followed, best]) / DECAY
    return made


def followed(made, ratio=RATIO):
    rules = made.close_quarter(ratio)
    return int(rules.best[0]), int(rules.followed[0])


def test_a_candidate_is_followed_if_it_has_cost_at_least_two_percent_less_than_the_choice():
    assert followed(scores(best=97.0)) == (3, 3)
    assert followed(scores(best=98.5)) == (3, CHOICE)


def test_a_share_is_of_at_least_a_tenth_of_the_cost_without_warm_capacity():
    assert followed(scores(choice=1.0, best=0.5, followed=1.0)) == (3, CHOICE)  # 2 % of 40 USD is more than 0.5 USD


def test_nothing_is_followed_while_what_was_followed_has_cost_over_one_percent_more_than_the_choice():
    assert followed(scores(followed=100.9)) == (3, 3)
    assert followed(scores(followed=101.1)) == (3, CHOICE)


def test_a_candidate_that_has_recently_cost_more_than_the_choice_is_not_followed():
    made = scores()
    made._recent[:, 0] = 50.0
    made._recent[CANDIDATES + 3, 0] = 61.0
    assert followed(made) == (3, CHOICE)
    made._recent[CANDIDATES + 3, 0] = 55.0
    assert followed(made) == (3, 3)


@pytest.mark.parametrize(("rate", "expected"), [(None, 3), (0.99, CHOICE)])
def test_with_a_warm_hit_rate_a_candidate_with_more_cold_starts_is_not_followed(rate, expected):
    made = scores(terms=replace(TERMS, warm_hit_rate=rate))
    made._scores.amounts[0, OF_CHOICE] = 20.0  # the choice costs more by idle units
    made._scores.amounts[COLD, CANDIDATES + 3] = 101.0 / DECAY
    assert followed(made) == (3, expected)


def test_nothing_is_best_before_a_ratio_is_known():
    assert followed(scores(), np.full_like(RATIO, np.nan)) == (CHOICE, CHOICE)


def test_the_limit_of_forecasts_is_the_highest_demand_which_is_forgotten_slowly():
    made = LeadScores([TERMS], 1, 1)
    units, rows = np.zeros((1, 1), np.float32), np.full((1, 1), 9, np.float32)
    made.add(units, units, np.zeros((1, made.rules - CANDIDATES, 1), np.float32), (rows, rows, rows))

    assert made.close_quarter(RATIO).highest[0] == 9
    limits = [made.close_quarter(RATIO).highest[0] for _ in range(4 * 96)]
    assert limits[10] == 9
    assert limits[-1] == 5  # 4.5, rounded up
