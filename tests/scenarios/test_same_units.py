"""The daemon and the backtest, on the same rows and terms, ask for the same units minute by minute."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from adapters.runtime.clock import ManualClock
from config.model.policy import Assume, Objective
from controller.backtest.replay import replay
from controller.fleet.builder import pool_terms
from forecasting.demand import DemandSeries, minute_of
from tests.builders import NOON
from tests.fakes import BilledSource, FakeSource
from tests.worlds import world

DAYS, PLAYED, LEAD_IN = 4, 120, 10
FIRST = minute_of(NOON) - DAYS * 1440


def waves(minute: int) -> float:
    """Up and down within the hour, with a wobble."""
    return float(abs(minute % 60 - 30) // 3 + minute * 7919 % 4)


def batches(minute: int) -> float:
    """Twenty at once for five minutes at twenty past each hour, otherwise idle."""
    return 20.0 if 20 <= minute % 60 < 25 else 0.0


async def requested(tmp_path, clock, source, traffic, price):
    """The units that a daemon requests each minute, the policy of its pool, and its cost terms at the end."""
    changes = {"mode": "active", "max": 50, "objective": Objective(cold_start_cost_usd=price)}
    async with world(clock, tmp_path, {"agent": traffic}, sources=[source], **changes) as play:
        asked = []
        for _ in range(PLAYED):
            await play.tick()
            asked.append(play.levers["agent"].paper.requested)
            await clock.advance(timedelta(minutes=1))
        reconciler, intake = play.fleet.reconcilers["agent"], play.fleet.region_of["agent"].collector
        terms = pool_terms(reconciler, Assume(), intake.metric_delay)
    return asked, reconciler.policy, terms


def demand_of(traffic):
    """The demand of the history and of the minutes played."""
    peak = np.array([traffic(minute) for minute in range(FIRST, FIRST + DAYS * 1440 + PLAYED)], np.float32)
    return DemandSeries(FIRST, peak, peak * np.float32(0.8), peak * 10)


@pytest.mark.parametrize(("traffic", "price"), [(waves, 0.01), (batches, 0.25)])
async def test_the_daemon_requests_the_same_units_as_the_backtest(tmp_path, traffic, price):
    clock, source = ManualClock(NOON), FakeSource({"agent": traffic}, delay=2, history=timedelta(days=DAYS))
    asked, policy, terms = await requested(tmp_path, clock, source, traffic, price)
    free = replace(terms, reads=None)  # this source is
    told = replay(policy, demand_of(traffic), free, Assume()).target[DAYS * 1440 :].tolist()

    assert max(told) > 0
    assert asked[LEAD_IN:] == told[LEAD_IN:]


@pytest.mark.parametrize(("traffic", "price"), [(waves, 0.01), (batches, 0.25)])
async def test_the_daemon_reads_and_requests_as_the_backtest(tmp_path, traffic, price):
    clock, source = ManualClock(NOON), BilledSource({"agent": traffic}, delay=2, history=timedelta(days=DAYS))
    asked, policy, terms = await requested(tmp_path, clock, source, traffic, price)
    done = replay(policy, demand_of(traffic), terms, Assume())
    reads = int(np.count_nonzero(done.read_usd[DAYS * 1440 + LEAD_IN :]))

    assert len(source.asked) < PLAYED
    assert sum(bool(each) for each in source.asked[-reads:]) == reads
    assert np.mean(np.array(asked[LEAD_IN:]) == done.target[DAYS * 1440 + LEAD_IN :]) > 0.9
