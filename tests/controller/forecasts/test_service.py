"""Whose turn it is to be looked at, and how much of a core that takes."""

import asyncio
import contextlib
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest

from adapters.runtime.clock import ManualClock
from controller.forecasts.capacity_forecast import AHEAD_MINUTES, SAID, Step
from controller.forecasts.service import AGAIN, EVERY, FAILED_SECONDS, SHARE, Forecasts
from controller.forecasts.worker_tasks import Ahead
from controller.store.sqlite_file import StoreError
from tests.builders import NOON
from tests.fakes import FakeSource, steady
from tests.worlds import world

NAMES = [f"pool-{number}" for number in range(6)]
COST = 4.0


class Counted:
    """Workers that take `COST` seconds of the clock for each plan, of which they note whose it was, and when."""

    def __init__(self, clock):
        self.clock, self.looked = clock, []

    async def run(self, work, history, pool, terms, standing):
        self.looked.append((pool.name, self.clock.monotonic()))
        self.clock.set(self.clock.now() + timedelta(seconds=COST))
        return Ahead([Step(history.end_minute, 1)], np.full((AHEAD_MINUTES, len(SAID)), 3, np.float32))

    async def close(self):
        pass


@contextlib.asynccontextmanager
async def looking(folder, names=NAMES, follow=True):
    clock = ManualClock(NOON)
    source = FakeSource(dict.fromkeys(names, steady(2)), history=timedelta(hours=26))
    async with world(clock, folder, dict.fromkeys(names), sources=[source]) as here:
        if follow:
            await here.tick()
        jobs = Counted(clock)
        forecasts = Forecasts(here.fleet, here.store, clock, jobs)
        task = asyncio.create_task(forecasts.rotate())
        try:
            yield here, forecasts, jobs
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await forecasts.close()


async def pass_by(clock, span):
    """Let time pass a second at a time, with turns for the store's thread."""
    end = clock.now() + span
    while clock.now() < end:
        await clock.advance(timedelta(seconds=1))
        await asyncio.sleep(0.002)


async def test_every_pool_has_its_turn_once_in_a_quarter_of_an_hour(tmp_path):
    async with looking(tmp_path) as (here, _, jobs):
        await pass_by(here.clock, timedelta(minutes=5))
        first = [name for name, _ in jobs.looked]
        await pass_by(here.clock, EVERY)

    assert sorted(first) == NAMES
    assert [name for name, _ in jobs.looked] == first * 2


async def test_looking_takes_no_more_than_its_share_of_a_core(tmp_path):
    async with looking(tmp_path) as (here, _, jobs):
        await pass_by(here.clock, timedelta(minutes=2))

    begun = [at for _, at in jobs.looked]
    assert len(begun) >= 5
    assert all(later - earlier >= COST / SHARE for earlier, later in pairwise(begun))


async def test_who_is_asked_for_goes_first_and_last_asked_first_of_all(tmp_path):
    async with looking(tmp_path) as (here, forecasts, jobs):
        forecasts.want("pool-4")
        forecasts.want("pool-5")
        forecasts.want("pool-4")
        await pass_by(here.clock, timedelta(seconds=70))
        forecasts.want("pool-4")  # looked at just now
        await pass_by(here.clock, timedelta(seconds=70))

    assert [name for name, _ in jobs.looked] == ["pool-5", "pool-4", *NAMES[:4]]


async def test_a_pool_that_is_asked_for_while_it_is_looked_at_is_not_looked_at_twice(tmp_path):
    async with looking(tmp_path) as (here, forecasts, jobs):
        run = jobs.run

        async def asked_for(work, history, pool, *more):
            forecasts.want(pool.name)
            return await run(work, history, pool, *more)
        jobs.run = asked_for
        await pass_by(here.clock, timedelta(minutes=2))

    assert sorted(name for name, _ in jobs.looked) == NAMES


async def test_a_clock_that_is_put_back_holds_nobody_up(tmp_path):
    async with looking(tmp_path, NAMES[:1]) as (here, forecasts, jobs):
        await pass_by(here.clock, timedelta(seconds=30))
        here.clock.set(here.clock.now() - timedelta(hours=5))
        assert forecasts._next() == NAMES[0]
        assert len(jobs.looked) == 1


async def test_nothing_is_planned_before_demand_was_followed_and_soon_after(tmp_path):
    async with looking(tmp_path, NAMES[:1], follow=False) as (here, forecasts, jobs):
        await pass_by(here.clock, timedelta(minutes=1))
        assert not jobs.looked
        assert "take turns" in forecasts.tell("pool-0", here.clock.now()).reason
        await here.tick()
        here.fleet.regions[0].followed_at, followed = None, here.fleet.regions[0].followed_at
        await pass_by(here.clock, timedelta(seconds=20))
        assert "not followed yet" in forecasts.tell("pool-0", here.clock.now()).reason
        here.fleet.regions[0].followed_at = followed
        await pass_by(here.clock, AGAIN)

    assert [name for name, _ in jobs.looked] == ["pool-0"]


@pytest.mark.parametrize(("fault", "reason"), [
    (StoreError("the disk is full"), "the disk is full"), (KeyError("x"), "log says why")])
async def test_a_fault_costs_one_turn(tmp_path, fault, reason):
    async with looking(tmp_path) as (here, forecasts, jobs):
        load, faults = here.store.store.load_demand, [fault]

        def once(*arguments):
            if faults:
                raise faults.pop()
            return load(*arguments)
        here.store.store.load_demand = once
        await pass_by(here.clock, timedelta(minutes=5))
        told = forecasts.tell(NAMES[0], here.clock.now())

    assert [name for name, _ in jobs.looked] == NAMES[1:]
    assert jobs.looked[0][1] >= FAILED_SECONDS
    assert (told.pairs, reason in told.reason) == (None, True)
