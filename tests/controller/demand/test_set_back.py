"""Restart after the clock was set back: stored minutes are in the future."""

from datetime import timedelta

import numpy as np
import pytest

from controller.decision.planning.observation import DataFreshness
from controller.demand.collector import DemandCollector
from forecasting.demand import minute_of
from tests.builders import NOON
from tests.fakes import FakeSource, steady, until

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DELAY = timedelta(minutes=2)


@pytest.fixture
async def source(store):
    """What was collected at noon is stored."""
    source = FakeSource({"a": steady(3), "b": steady(5)})
    await DemandCollector(source, ["a", "b"], store, DELAY).collect(NOON)
    return source


async def restarted(source, store, now):
    collector = DemandCollector(source, ["a", "b"], store, DELAY)
    await collector.load(now)
    return collector


@pytest.mark.parametrize("back", [HOUR, 13 * HOUR])
async def test_future_minutes_are_never_fresh(source, store, back):
    now = NOON - back
    collector = await restarted(source, store, now)
    assert collector.freshness("a", now) == (DataFreshness.LATE, -back)

    for _ in range(30):
        now += MINUTE
        await collector.collect(now)
        assert collector.freshness("a", now)[0] is DataFreshness.LATE


async def test_future_minutes_outside_the_window_are_not_confused_with_the_day_before(source, store):
    now = NOON - 13 * HOUR
    collector = await restarted(source, store, now)
    collector.day.peak[:] = 7

    assert collector.latest("a") is None
    peak, newest = collector.recent("a", 60)
    assert np.isnan(peak).all()
    assert newest == minute_of(NOON) - 1
    assert (await collector.rows(minute_of(NOON) - 2, minute_of(NOON)))[0].tolist() == [[3, 3], [5, 5]]


async def test_after_the_clock_is_corrected_a_lost_minute_is_checked_with_earlier_ones(source, store):
    collector = await restarted(source, store, NOON - HOUR)
    await collector.collect(NOON - HOUR)
    source.inferred, source.traffic["a"] = True, until(NOON + MINUTE, 3, 0)
    await collector.collect(NOON + 2 * MINUTE)

    assert collector.latest("a")[0] == 3
    assert collector.day.newest[0] == minute_of(NOON)
