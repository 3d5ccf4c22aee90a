"""Order in which pools are planned, and share of a core that the rotation uses."""

import asyncio
import contextlib
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from structlog.testing import capture_logs

from adapters.runtime.clock import ManualClock
from controller.forecasts import refresh_rotation
from controller.forecasts.capacity_forecast import AHEAD_MINUTES, SCORED_LEVELS, Step
from controller.forecasts.refresh_rotation import AGAIN, EVERY, FAILED_SECONDS, SHARE, ForecastRotation
from controller.forecasts.worker_tasks import PlanAhead
from controller.store.sqlite_file import StoreError
from tests.builders import NOON
from tests.fakes import FakeSource, steady
from tests.worlds import STORE_CALLS, world

NAMES = [f"pool-{number}" for number in range(6)]
COST = 4.0


class Counted:
    """Workers whose every plan takes `COST` seconds of the clock; `looked` lists pool and start of each."""

    def __init__(self, clock):
        self.clock, self.looked = clock, []

    async def run(self, work, history, pool, terms, weights):
        self.looked.append((pool.name, self.clock.monotonic()))
        self.clock.set(self.clock.now() + timedelta(seconds=COST))
        return PlanAhead([Step(history.end_minute, 1)], np.full((AHEAD_MINUTES, len(SCORED_LEVELS)), 3, np.float32))

@contextlib.asynccontextmanager
async def looking(folder, names=NAMES, follow=True):
    clock = ManualClock(NOON)
    source = FakeSource(dict.fromkeys(names, steady(2)), history=timedelta(hours=26))
    async with world(clock, folder, dict.fromkeys(names), sources=[source]) as here:
        if follow:
            await here.tick()
        jobs = Counted(clock)
        rotation = ForecastRotation(here.fleet, here.store, clock, jobs)
        task = asyncio.create_task(rotation.run())
        try:
            yield here, rotation, jobs
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def pass_by(here, span):
    """Advance the clock a second at a time, each after the store has caught up."""
    end = here.clock.now() + span
    while here.clock.now() < end:
        await here.clock.advance(timedelta(seconds=1))
        for _ in range(STORE_CALLS):
            await here.store.run(int)


async def test_every_pool_is_planned_once_every_15_min(tmp_path):
    async with looking(tmp_path) as (here, _, jobs):
        await pass_by(here, timedelta(minutes=5))
        first = [name for name, _ in jobs.looked]
        await pass_by(here, EVERY)

    assert sorted(first) == NAMES
    assert [name for name, _ in jobs.looked] == first * 2


async def test_a_daemon_without_the_fitted_model_logs_it_once(tmp_path, monkeypatch):
    monkeypatch.setattr(refresh_rotation, "can_fit", lambda: False)
    with capture_logs() as lines:
        async with looking(tmp_path) as (here, _, jobs):
            await pass_by(here, timedelta(minutes=2))

    assert [line["event"] for line in lines].count("forecast-without-model") == 1
    assert jobs.looked


async def test_rotation_uses_at_most_its_share_of_a_core(tmp_path):
    async with looking(tmp_path) as (here, _, jobs):
        await pass_by(here, timedelta(minutes=2))

    starts = [at for _, at in jobs.looked]
    assert len(starts) >= 5
    assert all(later - earlier >= COST / SHARE for earlier, later in pairwise(starts))


async def test_requested_pools_are_planned_first_the_last_requested_before_others(tmp_path):
    async with looking(tmp_path) as (here, rotation, jobs):
        rotation.request("pool-4")
        rotation.request("pool-5")
        rotation.request("pool-4")
        await pass_by(here, timedelta(seconds=70))
        rotation.request("pool-4")  # planned just now
        await pass_by(here, timedelta(seconds=70))

    assert [name for name, _ in jobs.looked] == ["pool-5", "pool-4", *NAMES[:4]]


async def test_a_pool_requested_during_its_run_is_not_planned_again(tmp_path):
    async with looking(tmp_path) as (here, rotation, jobs):
        run = jobs.run

        async def asked_for(work, history, pool, *more):
            rotation.request(pool.name)
            return await run(work, history, pool, *more)
        jobs.run = asked_for
        await pass_by(here, timedelta(minutes=2))

    assert sorted(name for name, _ in jobs.looked) == NAMES


async def test_a_clock_set_back_delays_no_pool(tmp_path):
    async with looking(tmp_path, NAMES[:1]) as (here, rotation, jobs):
        await pass_by(here, timedelta(seconds=30))
        here.clock.set(here.clock.now() - timedelta(hours=5))
        assert rotation._next() == NAMES[0]
        assert len(jobs.looked) == 1


async def test_a_pool_is_planned_within_a_minute_after_its_demand_is_processed(tmp_path):
    async with looking(tmp_path, NAMES[:1], follow=False) as (here, rotation, jobs):
        await pass_by(here, timedelta(minutes=1))
        assert not jobs.looked
        assert "pending" in rotation.capacity_forecast("pool-0", here.clock.now()).reason
        await here.tick()
        here.fleet.regions[0].followed_at, followed = None, here.fleet.regions[0].followed_at
        await pass_by(here, timedelta(seconds=20))
        assert "no demand has been processed" in rotation.capacity_forecast("pool-0", here.clock.now()).reason
        here.fleet.regions[0].followed_at = followed
        await pass_by(here, AGAIN)

    assert [name for name, _ in jobs.looked] == ["pool-0"]


@pytest.mark.parametrize(("fault", "reason"), [
    (StoreError("the disk is full"), "the disk is full"), (KeyError("x"), "see the daemon's log")])
async def test_a_failure_costs_one_run(tmp_path, fault, reason):
    async with looking(tmp_path) as (here, rotation, jobs):
        load, faults = here.store.store.load_demand, [fault]

        def once(*arguments):
            if faults:
                raise faults.pop()
            return load(*arguments)
        here.store.store.load_demand = once
        await pass_by(here, timedelta(minutes=5))
        forecast = rotation.capacity_forecast(NAMES[0], here.clock.now())

    assert [name for name, _ in jobs.looked] == NAMES[1:]
    assert jobs.looked[0][1] >= FAILED_SECONDS
    assert (forecast.pairs, reason in forecast.reason) == (None, True)
