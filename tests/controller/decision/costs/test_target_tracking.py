"""Target tracking over a fleet, compared with that of backtests."""

from dataclasses import replace

import numpy as np
import pytest

from controller.decision.costs.baselines import target_tracking
from controller.decision.costs.bill import judged_demand, ready_of
from controller.decision.costs.cost_model import CostTerms
from controller.decision.costs.target_tracking import TargetTracker
from forecasting.demand import DemandSeries

TERMS = CostTerms(idle=1.0, warm_busy=2.0, on_demand=10.0, init_seconds=8.0, cold_start_cost_usd=0.05, metric_delay=2,
                  lead_time=2, keep_alive=6)


def followed(peaks, terms):
    tracked = TargetTracker(len(peaks))
    delay, lead = (np.array([getattr(each, span) for each in terms]) for span in ("metric_delay", "lead_time"))
    return np.stack([tracked.advance(column, delay, lead) for column in peaks.T], axis=1)


@pytest.mark.parametrize(("delay", "lead"), [(0, 0), (2, 2), (3, 1), (1, 5)])
def test_each_pool_has_the_capacity_of_the_backtest(delay, lead):
    rng = np.random.default_rng(5)
    minute = np.arange(900)
    peaks = np.stack([rng.poisson(4 + 3 * np.sin(minute / 90)), rng.poisson(0.3, 900), np.where(minute % 200 < 40, 30, 2)])
    terms = replace(TERMS, metric_delay=delay, lead_time=lead)
    ready = followed(peaks.astype(float), [terms] * 3)
    warm = lead + 2  # a backtest has nothing ready before its first request is through
    for row, peak in zip(ready, peaks.astype(np.float32), strict=True):
        load = judged_demand(DemandSeries(0, peak, peak, peak))
        assert row[warm:].tolist() == ready_of(target_tracking(load, terms), lead)[warm:].tolist()


def test_pools_with_different_timing_are_independent():
    peaks = np.repeat(np.where(np.arange(60) < 20, 1.0, 9.0)[None], 2, axis=0)
    quick, slow = replace(TERMS, metric_delay=0, lead_time=0), replace(TERMS, metric_delay=5, lead_time=5)
    ready = followed(peaks, [quick, slow])

    assert np.argmax(ready[1] > 2) - np.argmax(ready[0] > 2) == 10


def test_unknown_minutes_change_no_alarm():
    ready = followed(np.array([[8.0] * 40 + [np.nan] * 60]), [TERMS])[0]

    assert ready[40] > 8
    assert set(ready[50:]) == {ready[-1]}
