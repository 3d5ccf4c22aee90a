"""Users who arrive during a round, with real pings to the sandbox, which reuses environments in the hardest order."""

import dataclasses
from datetime import timedelta

import numpy as np
import pytest

from adapters.ports.lever import MeasuresRounds
from forecasting.demand import DemandSeries, minute_of
from tests.adapters.conformance.ping_stage import PingStage, ping_pool
from tests.builders import NOON, demands

MINUTE = timedelta(minutes=1)
UNITS, MINUTES = 12, 360
HOLD_MS = 1000


@pytest.fixture
async def stage():
    async with PingStage() as built:
        yield built


def users(start) -> DemandSeries:
    """Return 40 short requests a minute, of which up to 3 run at once."""
    return DemandSeries(minute_of(start), np.full(MINUTES, 3, np.float32), np.full(MINUTES, 0.3, np.float32),
                        np.full(MINUTES, 40, np.float32))


async def pinged(stage, **settings):
    """Keep 12 units warm for 6 h. Return the sandbox's counts and what the lever measured."""
    stage.sandbox.add_function("served", users(NOON), keep_alive=(6 * MINUTE, 6 * MINUTE), lifetime=(10 * 60 * MINUTE,) * 2)
    lever = stage.lever(resource="served", hold_ms=HOLD_MS, **settings)
    assert isinstance(lever, MeasuresRounds)
    (source, _), = stage._providers[-1].sources(demands(ping_pool("served")))
    await lever.write(UNITS)
    since = NOON - timedelta(hours=1)
    for _ in range(MINUTES // 5):
        await stage.passes(5 * MINUTE)
        await source.collect(["served"], {"served": since}, stage.clock.now())
        since = stage.clock.now() - 15 * MINUTE
    return stage.sandbox.hosted("served").driver, lever


async def test_a_learned_hold_lets_fewer_users_wait(stage):
    """Both start with a hold of 1 s; only that of Stoker's helper can change."""
    stage.sandbox.settings = dataclasses.replace(stage.sandbox.settings, ping_hold_ms=HOLD_MS)
    fixed, lever = await pinged(stage, handler="custom", payload={"warmer": True})
    async with PingStage() as other:
        learned, with_hold = await pinged(other)
        proved = await with_hold.read()

    assert lever.rounds().hold == timedelta(milliseconds=HOLD_MS)
    assert fixed.totals.cold_starts_during_pings >= 10
    assert learned.totals.cold_starts_during_pings <= 0.2 * fixed.totals.cold_starts_during_pings
    assert with_hold.rounds().hold < timedelta(milliseconds=10)
    assert with_hold.rounds().blackout_seconds < 0.1 * lever.rounds().blackout_seconds
    assert fixed.totals.cold_starts_during_pings <= lever.rounds().blackout_requests, "units beyond the target serve the others"
    assert (proved.ready, proved.detail) == (UNITS, ""), "all units are still proved"


async def test_partial_bursts_reach_the_same_half_and_a_whole_one_reaches_all(stage):
    lever = stage.lever()
    await lever.write(8)
    await stage.passes(MINUTE)
    names = []
    for count in (4, 4, 8):
        answers = await lever._pinger.burst(count, 0.05)
        names.append({answer.unit for answer in answers})
        await stage.passes(timedelta(seconds=1))

    assert names[0] == names[1]
    assert [len(each) for each in names] == [4, 4, 8]
    assert names[0] < names[2]


async def test_the_first_ping_of_a_round_is_not_held(stage):
    lever = stage.lever(hold_ms=HOLD_MS)
    await lever.keeper.rounds.canary()
    totals = stage.sandbox.hosted("agent").driver.totals

    assert (totals.pings, totals.ping_ms) == (1, 0)
