import asyncio
from datetime import timedelta

import pytest

from adapters.ports.errors import NotFound, PermissionDenied, Unreachable
from adapters.runtime.clock import ManualClock
from controller.decision.planning.plan import Action
from controller.decision.planning.reason_codes import ReasonCode
from controller.demand.pool_group import Budget
from controller.store.sqlite_file import StoreError
from forecasting.demand import minute_of
from tests.builders import NOON
from tests.fakes import steady
from tests.patience import PATIENCE_SECONDS
from tests.worlds import world

MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock():
    return ManualClock(NOON)


async def test_a_tick_raises_every_pool_to_its_demand(clock, tmp_path):
    async with world(clock, tmp_path, {"a": steady(3), "b": steady(7)}) as here:
        report = await here.tick()

        assert {name: lever.writes for name, lever in here.levers.items()} == {"a": [3], "b": [7]}
        assert (report.planned, report.written, report.busy) == (2, 2, 0)


async def test_shadow_writes_do_not_count_as_writes(clock, tmp_path):
    async with world(clock, tmp_path, {"a": steady(3)}, mode="shadow") as here:
        report = await here.tick()

        assert (here.fleet.plans["a"].action, report.written) == (Action.WRITE, 0)


@pytest.mark.parametrize("method", ["traits", "read", "write"])
async def test_a_pool_whose_provider_hangs_delays_no_other(clock, tmp_path, method):
    async with world(clock, tmp_path, {"slow": steady(3), "good": steady(3)}) as here:
        here.levers["slow"].hanging.add(method)
        tick = asyncio.create_task(here.fleet.tick())
        await here.until(lambda: "good" in here.fleet.plans)
        assert here.levers["good"].writes == [3]
        assert not tick.done()

        await here.drive(tick)
        here.sources[0].traffic["good"] = steady(9)
        await clock.advance(3 * MINUTE)
        tick = asyncio.create_task(here.fleet.tick())
        await here.until(lambda: here.fleet.plans["good"].target == 9)

        assert (await here.drive(tick)).busy == 1
        assert here.levers["good"].writes == [3, 9]


async def test_one_write_is_in_flight_per_pool(clock, tmp_path):
    async with world(clock, tmp_path, {"slow": steady(3)}) as here:
        here.levers["slow"].hanging.add("write")
        for _ in range(4):
            await here.drive(asyncio.create_task(here.fleet.tick()))

        assert here.levers["slow"].most_in_flight == 1
        assert here.levers["slow"].writes == [3]


async def test_a_pool_that_cannot_be_planned_stops_no_other(clock, tmp_path):
    async with world(clock, tmp_path, {"bad": steady(3), "good": steady(3)}) as here:
        await here.tick()

        def broken(*_, **__):
            raise RuntimeError("ours")

        here.fleet.reconcilers["bad"].plan = broken
        here.sources[0].traffic["good"] = steady(9)
        await clock.advance(3 * MINUTE)
        await here.tick()

        assert here.levers["good"].writes == [3, 9]
        assert here.fleet.faults["bad"] == "RuntimeError: ours"


async def test_a_source_that_hangs_delays_no_other_region(clock, tmp_path):
    async with world(clock, tmp_path, {"a": steady(3)}, {"b": steady(3)}) as here:
        here.sources[0].hanging = True
        tick = asyncio.create_task(here.fleet.tick())
        await here.until(lambda: here.levers["b"].writes == [3])

        assert not tick.done()
        await here.drive(tick)
        await here.until(lambda: "a" in here.fleet.plans)
        assert here.fleet.plans["a"].action is Action.HOLD


@pytest.mark.parametrize("fault", [
    NotFound("function agent does not exist: correct the policy"), PermissionDenied("credentials have expired: renew them"),
    Unreachable("https://lambda.example: connection refused"), ZeroDivisionError("ours"),
])
async def test_a_failing_pool_has_an_error_and_the_others_work(clock, tmp_path, fault):
    async with world(clock, tmp_path, {"bad": steady(3), "good": steady(3)}) as here:
        here.levers["bad"].failing["read"] = fault
        await here.tick()
        await here.tick()

        assert here.levers["good"].writes == [3]
        assert here.levers["bad"].writes == []
        said = here.fleet.faults.get("bad", "") + "".join(plan.text for name, plan in here.fleet.plans.items() if name == "bad")
        assert str(fault) in said


async def test_a_source_that_fails_holds_its_pools_and_not_the_others(clock, tmp_path):
    async with world(clock, tmp_path, {"a": steady(3)}, {"b": steady(3)}) as here:
        here.sources[0].broken = Unreachable("monitoring does not answer")
        await here.tick()

        assert here.fleet.plans["a"].reasons[-1].code is ReasonCode.METRICS_MISSING
        assert here.levers["b"].writes == [3]


async def test_a_bug_in_a_source_affects_only_its_pools(clock, tmp_path):
    async with world(clock, tmp_path, {"a": steady(3)}, {"b": steady(3)}) as here:
        here.sources[0].broken = ZeroDivisionError("ours")
        await here.tick()

        assert here.levers["b"].writes == [3]


async def test_readings_keep_within_the_budget_and_reach_every_pool(clock, tmp_path):
    names = [f"pool-{number}" for number in range(10)]
    async with world(clock, tmp_path, dict.fromkeys(names, steady(0)), budget=Budget(reads=4, writes=2)) as here:
        reads = []
        for _ in range(3):
            before = sum(lever.calls.count("read") for lever in here.levers.values())
            await here.tick()
            reads.append(sum(lever.calls.count("read") for lever in here.levers.values()) - before)

        assert reads == [4, 4, 2]


async def test_writes_keep_within_the_budget_and_the_largest_raise_goes_first(clock, tmp_path):
    traffic = {"small": steady(0), "large": steady(0), "middle": steady(0)}
    async with world(clock, tmp_path, traffic, budget=Budget(reads=10, writes=1)) as here:
        await here.tick()
        here.sources[0].traffic |= {"small": steady(2), "large": steady(30), "middle": steady(9)}
        await clock.advance(MINUTE)
        for _ in range(3):
            await here.tick(MINUTE)

        assert here.order == [("large", 30), ("middle", 9), ("small", 2)]


async def test_a_pool_that_waits_for_its_first_reading_is_no_decision(clock, tmp_path):
    async with world(clock, tmp_path, {"a": steady(3), "b": steady(3)}, budget=Budget(reads=1, writes=1)) as here:
        await here.tick()
        waiting = {plan.reasons[-1].code for plan in here.fleet.plans.values()}

        assert ReasonCode.NOT_READ in waiting
        assert len(here.store.store.decisions()) == 1


async def test_a_decision_is_stored_before_it_is_shown(clock, tmp_path):
    async with world(clock, tmp_path, {"a": steady(3)}) as here:
        seen = []
        record = here.store.store.record_decisions

        def watch(batch):
            seen.append("a" in here.fleet.plans)
            return record(batch)
        here.store.store.record_decisions = watch
        await here.tick()

        assert seen == [False]
        assert "a" in here.fleet.plans


async def test_a_failing_store_prevents_writes_and_the_fleet_continues(clock, tmp_path):
    async with world(clock, tmp_path, {"a": steady(3)}) as here:
        save = here.store.store.save_intent

        def full(*_):
            raise StoreError("the disk is full")
        here.store.store.save_intent = full
        await here.tick()
        assert here.levers["a"].writes == []
        assert here.fleet.store_error == "the disk is full"

        here.store.store.save_intent = save
        await here.tick()
        assert here.levers["a"].writes == [3]


async def test_the_store_error_ends_when_demand_is_stored_again(clock, tmp_path):
    async with world(clock, tmp_path, {"a": steady(3)}, mode="shadow") as here:
        await here.minutes(5)
        save = here.store.store.save_demands

        def full(*_):
            raise StoreError("the disk is full")
        here.store.store.save_demands = full
        await here.minutes(2)
        assert here.fleet.store_error == "the disk is full"

        here.store.store.save_demands = save
        await here.minutes(2)
        assert here.fleet.store_error is None


async def test_demand_is_stored_once_the_store_works_again(clock, tmp_path):
    async with world(clock, tmp_path, {"a": steady(3)}, mode="shadow") as here:
        await here.minutes(5)
        save, first = here.store.store.save_demands, minute_of(clock.now()) - 3

        def full(*_):
            raise StoreError("the disk is full")
        here.store.store.save_demands = full
        await here.minutes(40)
        here.store.store.save_demands = save
        await here.minutes(3)

        assert here.store.store.load_demand("a", first, minute_of(clock.now()) - 2).known.all()


@pytest.mark.parametrize("fails", ["save_state", "record_decisions", "record_lead_time"])
async def test_a_write_is_displayed_and_recorded_although_the_store_failed(clock, tmp_path, fails):
    async with world(clock, tmp_path, {"a": steady(3)}) as here:
        await here.tick(MINUTE)
        store = here.store.store
        works = getattr(store, fails)

        def full(*_):
            raise StoreError("the disk is full")
        here.sources[0].traffic["a"] = steady(9)
        await clock.advance(2 * MINUTE)
        setattr(store, fails, full)
        for _ in range(3):
            await here.tick(MINUTE)
        assert here.levers["a"].writes == [3, 9]
        assert here.fleet.plans["a"].target == 9
        assert here.fleet.reconcilers["a"].state.written == 9

        setattr(store, fails, works)
        await here.minutes(3)
        assert 9 in [made["target"] for made in store.decisions("a") if made["action"] == "write"]
        assert (store.load_states()["a"].written, store.load_states()["a"].intent) == (9, None)
        assert here.levers["a"].writes == [3, 9]


async def test_closing_waits_for_a_write_in_progress(clock, tmp_path):
    async with world(clock, tmp_path, {"a": steady(3)}) as here:
        gate = asyncio.Event()
        lever = here.levers["a"]
        call = lever._call

        async def slow(name):
            if name == "write":
                await gate.wait()
            await call(name)
        lever._call = slow
        tick = asyncio.create_task(here.fleet.tick())
        await here.until(lambda: lever.in_flight == 1)
        closing = asyncio.create_task(here.fleet.close())
        await asyncio.sleep(0)
        gate.set()
        await asyncio.wait_for(closing, PATIENCE_SECONDS)
        await tick

        state = here.store.store.load_states()["a"]
        assert (state.written, state.intent) == (3, None)


async def test_a_pool_without_a_source_is_refused_at_once(clock, tmp_path):
    with pytest.raises(ValueError, match="orphan"):
        async with world(clock, tmp_path, {"a": steady(3)}, orphans=["orphan"]):
            pass
