"""Reported demand beside the metrics of another source."""

import asyncio
from datetime import timedelta

import numpy as np
import pytest

from adapters.ports.demand_source import Telemetry
from adapters.ports.errors import Throttled
from adapters.ports.reports import Report
from adapters.push.demand_source import PushDemand
from adapters.push.hindsight import PushWithMetrics, with_hindsight
from adapters.runtime.clock import ManualClock
from forecasting.demand import DemandSeries, minute_of
from tests.builders import NOON, PUSHED

AT = minute_of(NOON)
SECOND = timedelta(seconds=1)


def series(*peaks, first=AT):
    values = np.array(peaks, np.float32)
    return DemandSeries(first, values, values / 2, values * 10)


def test_metrics_replace_reported_minutes_and_reports_fill_the_rest():
    told = with_hindsight(Telemetry(series(3, 4, 5)), Telemetry(series(2, np.nan, first=AT - 1)))

    assert told.series.first_minute == AT - 1
    np.testing.assert_array_equal(told.series.peak, [2, 3, 4, 5])
    told = with_hindsight(Telemetry(series(3, 4, 5)), Telemetry(series(9, 8)))
    np.testing.assert_array_equal(told.series.peak, [9, 8, 5])
    np.testing.assert_array_equal(told.corrected, [True, True, False])


def test_a_minute_that_the_metrics_correct_does_not_count_as_the_delay_of_the_source():
    told = with_hindsight(Telemetry(series(3, 4, 5)), Telemetry(series(9, 8)))

    assert told.own(np.array([AT, AT + 1, AT + 2])).tolist() == [AT + 2]


def test_a_zero_without_a_point_replaces_no_reported_demand():
    told = with_hindsight(Telemetry(series(3, 4)), Telemetry(series(0, 0), absent=np.array([True, False])))

    np.testing.assert_array_equal(told.series.peak, [3, 0])


def test_the_error_of_the_metrics_is_shown_and_removes_no_reported_minute():
    told = with_hindsight(Telemetry(series(3, 4)), Telemetry(DemandSeries.empty(0), error=Throttled("slow down")))

    np.testing.assert_array_equal(told.series.peak, [3, 4])
    assert isinstance(told.error, Throttled)


class Metrics:
    kind = "cloudwatch-lambda"

    def __init__(self):
        self.asked, self.answer, self.going = [], Telemetry(series(1)), asyncio.Event()
        self.going.set()

    async def collect(self, pools, since, until):
        self.asked.append(since["a"])
        await self.going.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return dict.fromkeys(pools, self.answer)

    def monthly_cost_usd(self, pools, interval):
        return 1.5 * pools


@pytest.fixture
async def both():
    clock, metrics = ManualClock(NOON - timedelta(minutes=1)), Metrics()
    push = PushDemand({"a": PUSHED}, clock)
    source = PushWithMetrics(push, metrics, clock)
    for number in range(1, 13):
        push.accept("a", Report("web", number, in_flight=2))
        await clock.advance(10 * SECOND)
    yield source, metrics, clock
    await source.close()


async def test_metrics_that_hang_delay_reports_by_10_s_and_come_later(both):
    source, metrics, clock = both
    metrics.going.clear()
    until = clock.now().replace(second=0)
    collecting = asyncio.create_task(source.collect(["a"], {"a": NOON}, until))
    await clock.advance(10 * SECOND)
    told = (await collecting)["a"]
    assert told.series.peak.tolist() == [2]
    assert "no answer within 10 s" in str(told.error)

    metrics.going.set()
    told = (await source.collect(["a"], {"a": NOON}, until))["a"]
    assert (told.series.peak.tolist(), len(metrics.asked), told.error) == ([1], 1, None)


async def test_what_failed_to_be_read_is_read_later_from_the_same_minute_on(both):
    source, metrics, clock = both
    earlier, until = NOON - timedelta(days=14), clock.now().replace(second=0)
    metrics.answer = Throttled("slow down")
    await source.collect(["a"], {"a": earlier}, until)
    await source.collect(["a"], {"a": NOON}, until)
    metrics.answer = Telemetry(series(1))
    await source.collect(["a"], {"a": NOON}, until)
    await source.collect(["a"], {"a": NOON}, until)

    assert metrics.asked == [earlier, earlier, earlier, NOON]


async def test_reading_costs_what_the_metrics_cost(both):
    assert both[0].monthly_cost_usd(2, timedelta(minutes=1)) == 3.0
    assert both[0].spent_usd == 0.0
