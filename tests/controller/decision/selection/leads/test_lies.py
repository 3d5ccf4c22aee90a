"""A useless or wrong signal costs little, and a failing one never lowers capacity."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.decision.costs.bill import bill_of, judged_demand
from controller.decision.costs.cost_model import CostTerms
from controller.decision.selection.choice import Choice
from controller.decision.selection.leads.lead_scores import BUDGET
from controller.decision.selection.leads.lead_selector import LeadSelector
from controller.decision.selection.selector import CandidateSelector
from forecasting.demand import DemandSeries, Floats
from tests.controller.decision.selection.leads.lies import LIES
from tests.examples import examples

DAY, DAYS, FIRST, AHEAD = 1440, 5, 28_401_120, 6
TERMS = CostTerms(idle=4.1667e-6 * 60, warm_busy=9.7222e-6 * 60, on_demand=1.66667e-5 * 60, init_seconds=8.0,
                  cold_start_cost_usd=0.05, metric_delay=2, lead_time=2, keep_alive=6)
PRICES = (0.01, 0.05, 0.25)
LEARNING = 0.03
"""Share of the cost without warm capacity that a lie may cost in addition to the budget, before and until it is judged."""


def traffic(kind: str) -> tuple[DemandSeries, Floats]:
    """Return demand of 5 days, and a signal that has a third of it `AHEAD` minutes earlier."""
    rng, minutes = np.random.default_rng(3), DAYS * DAY + AHEAD
    of_day = np.sin(np.arange(minutes) / DAY * 2 * np.pi) + 1
    if kind == "daily":
        peak = rng.poisson(3 * of_day)
    else:
        starts = np.flatnonzero(rng.random(minutes) < 0.012 * of_day)
        peak = np.zeros(minutes, np.int64)
        for at in starts:
            peak[at : at + rng.integers(2, 15)] += rng.integers(1, 9)
    peak = peak.astype(np.float32)
    return DemandSeries(FIRST, peak[:-AHEAD], peak[:-AHEAD] * np.float32(0.4), peak[:-AHEAD] * 3), peak[AHEAD:] / 3


@cache
def without_leads(kind: str, price: float) -> tuple[DemandSeries, Floats, CostTerms, Choice]:
    demand, signal = traffic(kind)
    terms = replace(TERMS, cold_start_cost_usd=price)
    return demand, signal, terms, CandidateSelector([terms]).advance(*rows(demand), FIRST)


def rows(demand: DemandSeries) -> tuple[Floats, Floats, Floats]:
    return demand.peak[None], demand.busy[None], demand.invocations[None]


def with_signal(demand: DemandSeries, signal: Floats, terms: CostTerms, choice: Choice, delay: int) -> Choice:
    selector = LeadSelector([terms], [(delay,)])
    seen = np.concatenate((signal, np.full(selector.ahead, np.nan, np.float32)))
    return selector.advance(choice, *rows(demand), {0: seen[None]}, FIRST)


def cost(demand: DemandSeries, terms: CostTerms, target: np.ndarray) -> float:
    """Return the cost beyond serving everything on demand without cold starts, in USD."""
    requested = np.concatenate((np.zeros(terms.metric_delay), target))[: len(demand)]
    return bill_of(judged_demand(demand), requested.astype(np.int64), terms).extra_usd


@examples(30, deadline=None)
@given(st.sampled_from(["daily", "bursts"]), st.sampled_from(PRICES), st.sampled_from(LIES), st.integers(0, 99),
       st.sampled_from([0, 2, 5]))
def test_a_lie_costs_at_most_the_budget_and_one_period_of_learning(kind, price, lie, seed, delay):
    demand, signal, terms, choice = without_leads(kind, price)
    lying = lie(signal, np.random.default_rng(seed))
    result = with_signal(demand, lying, terms, choice, delay)
    without, nothing = (cost(demand, terms, target) for target in (choice.target[0], np.zeros(len(demand))))

    assert cost(demand, terms, result.target[0]) <= without + BUDGET * abs(without) + LEARNING * nothing


@pytest.mark.parametrize(("kind", "price", "least"), [("bursts", 0.01, 0.9), ("bursts", 0.05, 0.95)])
def test_a_true_signal_lowers_the_cost(kind, price, least):
    demand, signal, terms, choice = without_leads(kind, price)
    result = with_signal(demand, signal, terms, choice, 1)

    assert cost(demand, terms, result.target[0]) < least * cost(demand, terms, choice.target[0])


@examples(20, deadline=None)
@given(st.sampled_from(["daily", "bursts"]), st.sampled_from(PRICES), st.integers(2 * DAY, 5 * DAY - 200), st.integers(0, 99))
def test_a_signal_that_fails_never_lowers_capacity(kind, price, fails, seed):
    demand, signal, terms, choice = without_leads(kind, price)
    failing, minutes = signal.copy(), np.arange(len(signal))
    failing[fails:] = np.nan
    holes = np.random.default_rng(seed).random(len(signal)) < 0.2
    failing[holes] = np.nan
    result = with_signal(demand, failing, terms, choice, 1)
    unknown = np.isnan(np.concatenate((failing[1:], [np.nan])))

    assert (result.target[0, unknown] >= choice.target[0, unknown]).all()
    assert (result.target[0, minutes >= fails + 60] == choice.target[0, minutes >= fails + 60]).all()
