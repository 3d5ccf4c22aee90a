"""Replays under many objectives: each is that of a backtest with that objective, and shared work changes nothing."""

from dataclasses import replace

import numpy as np
import pytest

from config.model.policy import Assume
from controller.backtest.objective_replays import ObjectiveReplays, frontier_of
from controller.backtest.objective_settings import OWN, SEVEN
from controller.backtest.replay import replay
from controller.decision.costs import baselines
from controller.decision.costs.bill import Bill, bill_of, judged_demand
from controller.decision.selection import timing_cohort
from forecasting.demand import DemandSeries, minute_of
from tests.builders import NOON
from tests.controller.backtest.test_replay import TERMS, policy

MINUTES = 3 * 1440
PEAK = np.random.default_rng(2).poisson(8 + 7 * np.sin(np.arange(MINUTES) / 229)).astype(np.float32)
DEMAND = DemandSeries(minute_of(NOON), PEAK, PEAK / 5, PEAK * 10)
LOAD = judged_demand(DEMAND, 1440)


@pytest.fixture(scope="module")
def replays() -> ObjectiveReplays:
    return ObjectiveReplays(policy(max=50), DEMAND, TERMS, Assume(), LOAD)


@pytest.mark.parametrize("at", SEVEN)
def test_each_point_is_the_backtest_with_its_setting(replays, at):
    terms = replays.settings[at].terms(TERMS)
    alone = replay(policy(max=50), DEMAND, terms, Assume())

    assert replays.bill(at) == bill_of(LOAD, alone.target, terms)


def test_the_replay_of_the_policy_is_that_of_a_backtest_with_its_reasons(replays):
    alone = replay(policy(max=50), DEMAND, TERMS, Assume())

    assert replays.replay(OWN).target.tolist() == alone.target.tolist()
    assert replays.replay(OWN).reasons == alone.reasons


def test_a_frontier_gets_more_points_where_it_meets_target_tracking():
    tracking = bill_of(LOAD, baselines.target_tracking(LOAD, TERMS), TERMS)
    _, coarse = frontier_of(policy(max=50), DEMAND, TERMS, Assume(), LOAD, None)
    _, fine = frontier_of(policy(max=50), DEMAND, TERMS, Assume(), LOAD, tracking)

    assert len(coarse.points) == 7
    assert set(coarse.points) < set(fine.points)
    low, high = (coarse.cheapest_within(tracking.cold_starts), fine.cheapest_within(tracking.cold_starts))
    assert low is not None
    assert high is not None
    assert high.bill_usd <= low.bill_usd
    assert high.cold_starts <= tracking.cold_starts


def test_progress_adds_up_to_the_minutes_of_the_history():
    done = []
    ObjectiveReplays(policy(max=50), DEMAND, TERMS, Assume(), LOAD, progress=done.append)

    assert sum(done) == pytest.approx(MINUTES)
    assert len(done) > 7


def test_a_warm_hit_rate_has_a_frontier_of_rates():
    terms = replace(TERMS, warm_hit_rate=0.95)
    _, found = frontier_of(policy(max=50), DEMAND, terms, Assume(), LOAD, None)

    assert {point.setting.key for point in found.points} == {"warm_hit_rate"}
    assert found.points[0].cold_starts > found.points[-1].cold_starts
    assert found.points[0].bill_usd < found.points[-1].bill_usd


def test_signals_and_proposals_are_calculated_once_for_all_settings(monkeypatch):
    calls = []
    calculate = timing_cohort.proposals
    monkeypatch.setattr(timing_cohort, "proposals", lambda signals: calls.append(1) or calculate(signals))
    ObjectiveReplays(policy(max=50), DEMAND, TERMS, Assume(), LOAD)

    assert len(calls) == MINUTES / 1440  # as many as for one setting: one for each day


def test_higher_settings_are_replayed_until_one_has_as_few_cold_starts_as_target_tracking():
    cheap = replace(TERMS, cold_start_cost_usd=0.0005)
    coarse = frontier_of(policy(max=50), DEMAND, cheap, Assume(), LOAD, None)[1]
    fewest = min(point.cold_starts for point in coarse.points)
    _, found = frontier_of(policy(max=50), DEMAND, cheap, Assume(), LOAD, Bill(cold_starts=fewest - 1))
    match = found.cheapest_within(fewest - 1)

    assert coarse.cheapest_within(fewest - 1) is None
    assert match is not None
    assert match.factor > 39.1
