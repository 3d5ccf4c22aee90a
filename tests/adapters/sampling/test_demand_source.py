"""Samples are taken in the background, at fixed instants, and a collection waits for none but the first."""

import asyncio
from datetime import timedelta

import numpy as np
import pytest

from adapters.pinging.pinged import Pinged
from adapters.ports.errors import Malformed, Unreachable
from adapters.runtime.clock import ManualClock
from adapters.sampling.demand_source import SampledDemand
from forecasting.demand import minute_of
from tests.builders import NOON

MINUTE = timedelta(minutes=1)


class FakeGauges:
    """Numbers that a test sets; `asked`: seconds of the minute of each round."""

    spent_usd = 0.0

    def __init__(self, clock):
        self.clock, self.number, self.asked, self.free = clock, 3.0, [], asyncio.Event()
        self.free.set()

    async def read(self, pools):
        self.asked.append(self.clock.now().timestamp() % 60)
        await self.free.wait()
        if isinstance(self.number, RuntimeError):
            raise self.number
        return dict.fromkeys(pools, self.number)

    def usd_per_sample(self):
        return 1e-6


@pytest.fixture
async def source():
    clock = ManualClock(NOON)
    made = SampledDemand("redis", FakeGauges(clock), clock, ("a",), 10.0, {"a": Pinged()})
    yield made
    await made.close()


async def collect(source):
    now = source._clock.now()
    return (await source.collect(["a"], {"a": now - timedelta(days=14)}, now.replace(second=0, microsecond=0)))["a"]


async def test_samples_keep_their_distance_to_the_border_of_a_minute(source):
    await collect(source)
    await source._clock.advance(MINUTE)

    assert source._gauges.asked == [0, 5, 15, 25, 35, 45, 55]


async def test_minutes_are_read_without_asking_the_server(source):
    await collect(source)
    await source._clock.advance(3 * MINUTE)
    asked = len(source._gauges.asked)
    found = await collect(source)

    assert found.series.peak.tolist() == [3, 3, 3]
    assert (found.error, found.alive) == (None, True)
    assert len(source._gauges.asked) == asked
    assert source._pinged["a"].usage.busy(minute_of(source._clock.now())) == 3


async def test_a_server_that_hangs_delays_no_later_collection(source):
    await collect(source)
    await source._clock.advance(2 * MINUTE)
    source._gauges.free.clear()
    await source._clock.advance(2 * MINUTE)
    found = await collect(source)

    assert found.series.known.tolist() == [True, True, False, False]


async def test_an_error_is_reported_until_a_minute_is_known_again(source):
    await collect(source)
    await source._clock.advance(MINUTE)
    source._gauges.number = Unreachable("down")
    await source._clock.advance(MINUTE)
    failing = await collect(source)
    source._gauges.number = 2.0
    await source._clock.advance(timedelta(seconds=20))
    recovering = await collect(source)
    await source._clock.advance(2 * MINUTE)
    recovered = await collect(source)

    assert (failing.alive, str(failing.error)) == (False, "down")
    assert str(recovering.error) == "down"
    assert (recovered.alive, recovered.error) == (True, None)
    assert np.isnan(recovered.series.peak[1])


async def test_one_impossible_number_makes_its_minute_unknown(source):
    await collect(source)
    await source._clock.advance(timedelta(seconds=30))
    source._gauges.number = Malformed("negative")
    await source._clock.advance(timedelta(seconds=10))
    source._gauges.number = 2.0
    await source._clock.advance(MINUTE)
    found = await collect(source)

    assert str(found.error) == "negative"
    assert not found.series.known.any()


async def test_a_fault_of_the_reader_ends_no_later_collection(source):
    await collect(source)
    source._gauges.number = RuntimeError("a defect")
    await source._clock.advance(MINUTE)
    with pytest.raises(RuntimeError, match="a defect"):
        await collect(source)
    source._gauges.number = 2.0
    await collect(source)
    await source._clock.advance(2 * MINUTE)

    assert (await collect(source)).series.known.any()


async def test_what_samples_cost_does_not_depend_on_the_interval_of_collections(source):
    assert source.monthly_cost_usd(2, MINUTE) == source.monthly_cost_usd(2, 5 * MINUTE) == pytest.approx(2 * 262800 * 1e-6)
