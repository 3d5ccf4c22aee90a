"""Baselines: their rules, no use of future demand, and equality with an independent calculation."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from controller.decision.costs import baselines
from controller.decision.costs.bill import JudgedDemand, bill_of, judged_demand
from controller.decision.costs.cost_model import CostTerms
from forecasting.demand import DemandSeries

TERMS = CostTerms(4.1667e-6 * 60, 9.7222e-6 * 60, 1.66667e-5 * 60, 8.0, 0.05, 2, 2, 6)
REFEREE = Path(__file__).resolve().parents[5] / "shared" / "score" / "score.py"


def load(peak: np.ndarray, start: int = 0) -> JudgedDemand:
    peak = np.asarray(peak, np.float32)
    return judged_demand(DemandSeries(0, peak, peak * np.float32(0.5), peak), start)


def busy_days(days: int, seed: int = 3) -> np.ndarray:
    rng, minute = np.random.default_rng(seed), np.arange(days * 1440)
    return rng.poisson(6 + 5 * np.sin(2 * np.pi * minute / 1440)).astype(float)


def test_target_tracking_rises_after_three_minutes_and_falls_after_fifteen():
    target = baselines.target_tracking(load([10] * 10 + [0] * 30), TERMS)
    assert target[:4].tolist() == [1, 1, 1, 1]
    assert target[4] == 2  # three readings above, two minutes late; usage beyond all of it reads as 100 %
    falls = np.flatnonzero(np.diff(target) < 0)
    assert falls[0] + 1 == 10 + 2 + 14


def test_target_tracking_always_keeps_one_unit():
    assert baselines.target_tracking(load(np.zeros(100)), TERMS).min() == 1


def test_tuning_uses_only_minutes_before_the_accounting_starts():
    peak = busy_days(3)
    changed = peak.copy()
    changed[2880:] = 0
    one, other = (baselines.tuned_tracking(load(values, 2880), TERMS) for values in (peak, changed))
    assert one[:2880].tolist() == other[:2880].tolist()


def test_tuning_costs_no_more_than_the_default_on_its_own_minutes():
    past = load(busy_days(2))
    tuned = baselines.tuned_tracking(load([*busy_days(2).tolist(), 0.0], 2880), TERMS)[:2880]
    costs = [bill_of(past, target, TERMS).extra_usd for target in (tuned, baselines.target_tracking(past, TERMS))]
    assert costs[0] <= costs[1]


def test_without_a_warm_up_tuned_tracking_is_the_default():
    quiet = load(busy_days(1))
    assert baselines.tuned_tracking(quiet, TERMS).tolist() == baselines.target_tracking(quiet, TERMS).tolist()


def test_predictive_scaling_needs_a_day_and_then_only_adds_to_tracking():
    demand = load(busy_days(3))
    tracked, predicted = baselines.target_tracking(demand, TERMS), baselines.predictive_scaling(demand, TERMS)
    assert predicted[:1440].tolist() == tracked[:1440].tolist()
    assert (predicted >= tracked).all()
    assert (predicted[1440:] > tracked[1440:]).any()


def test_predictive_scaling_has_an_hour_ready_five_minutes_before_it():
    day = np.zeros(1440)
    day[600:660] = 7
    predicted = baselines.predictive_scaling(load(np.tile(day, 2)), TERMS)
    assert predicted[1440 + 594] == 1
    assert predicted[1440 + 595] == 10  # 7 at 70 %


@pytest.mark.parametrize("name", [name for name in baselines.BASELINES if name != "aws-target-tracking-tuned"])
def test_no_baseline_uses_future_demand(name):
    peak = busy_days(3)
    later = peak.copy()
    later[3000:] += 50
    one, other = (baselines.BASELINES[name](load(values), TERMS) for values in (peak, later))
    assert one[:3000].tolist() == other[:3000].tolist()


@pytest.mark.parametrize("name", baselines.BASELINES)
@pytest.mark.parametrize("minutes", [0, 1, 3, 59, 1441])
def test_every_baseline_accepts_a_history_of_any_length(name, minutes):
    target = baselines.BASELINES[name](load(np.ones(minutes)), TERMS)
    assert len(target) == minutes
    assert target.dtype == np.int64


def test_the_best_constant_costs_no_more_than_any_other_of_the_curve():
    demand = load(busy_days(1))
    best = baselines.compare(demand, TERMS)["best-constant*"]
    assert best.extra_usd == min(bill.extra_usd for _, bill in baselines.constants(demand, TERMS))


@pytest.mark.skipif(not REFEREE.exists(), reason="the referee is not on this machine")
@pytest.mark.parametrize("trace", ["nasa_jul95_d0_14", "sg_m_large_007_d0_14", "hw_priv_f4_d0_5"])
def test_an_independent_calculation_gives_the_same_baselines(trace, monkeypatch):
    """On traces without gaps: to the referee an unknown minute is idle and cools. In each minute it bills the average."""
    from adapters.demand.history_file import read_history

    monkeypatch.setattr("controller.decision.costs.bill.work_above", lambda busy, _, ready, __: np.maximum(busy - ready, 0.0))

    spec = importlib.util.spec_from_file_location("referee", REFEREE)
    judge = importlib.util.module_from_spec(spec)
    sys.modules["referee"] = judge
    spec.loader.exec_module(judge)
    path = REFEREE.parent.parent / "traces" / f"{trace}.csv.gz"
    theirs = judge.read_demand(path)
    start = judge.warm_up(theirs, None)
    ours = judged_demand(read_history(path), start)
    nothing = bill_of(ours, np.zeros(len(ours), np.int64), TERMS)
    bills = baselines.compare(ours, TERMS)
    off = judge.score(theirs, np.zeros(len(ours)), judge.Terms(), start)["cost_usd"]
    expected = {name: judge.score(theirs, target, judge.Terms(), start)["cost_usd"] / off
                for name, target in judge.peers(theirs, judge.Terms()).items()}
    expected["without-stoker"] = expected.pop("on-demand")
    expected["best-constant*"] = judge.best_constant(theirs, judge.Terms(), start) / off
    # to rounding: a series is float32, and a ceiling at an exact multiple may go either way
    assert {name: bills[name].relative_to(nothing) for name in expected} == pytest.approx(expected, abs=1e-5)
