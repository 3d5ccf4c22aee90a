"""The limits of a whole fleet."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from adapters.runtime.clock import ManualClock
from config.model.limits import Limits
from controller.decision.planning.allocation import ChangeBudget
from controller.decision.planning.fleet_limits import FleetLimits
from controller.decision.planning.plan import Action
from controller.decision.planning.reason_codes import ReasonCode
from controller.decision.planning.record.decision_record import inputs_body, plan_body, replayed
from controller.demand.pool_group import Budget
from forecasting.demand import minute_of
from tests.builders import NOON
from tests.fakes import FakeLever, steady
from tests.worlds import world

MINUTE = timedelta(minutes=1)
UNIT_USD_AN_HOUR = 4.1667e-6 * 3600


@pytest.fixture
def clock():
    return ManualClock(NOON)


@asynccontextmanager
async def limited(clock, folder, traffic, held=None, more=(), budget=None, **limits):
    levers = {name: FakeLever(clock, requested=(held or {}).get(name, 0)) for region in (traffic, *more) for name in region}
    async with world(clock, folder, traffic, *more, levers=levers, budget=budget) as here:
        old, fleet = here.fleet.limiter, here.fleet
        fleet.limiter = FleetLimits(Limits(**limits), old._region_of)
        for name, each in fleet.reconcilers.items():
            fleet.limiter.expect(name, active=each.policy.mode == "active", units=0, price=each.usd_per_unit_minute)
        yield here


def requested(here):
    return {name: lever.paper.requested for name, lever in here.levers.items()}


async def test_no_more_pools_than_allowed_change_in_a_tick_and_the_largest_raise_goes_first(clock, tmp_path):
    traffic = {"a": steady(3), "b": steady(9), "c": steady(5)}
    async with limited(clock, tmp_path, traffic, pools_per_tick=1) as here:
        changed = []
        for _ in range(4):
            before = len(here.order)
            await here.tick(MINUTE)
            changed.append(here.order[before:])

        assert [len(each) for each in changed] == [1, 1, 1, 0]
        assert sorted(here.order) == [("a", 3), ("b", 9), ("c", 5)]
        assert changed[1] == [("b", 9)] or changed[0] == [("b", 9)]


async def test_what_waits_says_so_with_its_numbers_and_can_be_replayed(clock, tmp_path):
    async with limited(clock, tmp_path, {"a": steady(3), "b": steady(9)}, pools_per_tick=1) as here:
        await here.tick()
        name = next(name for name in "ab" if not here.levers[name].writes)
        plan, made = here.fleet.plans[name], here.fleet.inputs[name]["decision"]
        record = json.loads(json.dumps({**plan_body(plan), "inputs": inputs_body(made)}))

        assert (plan.action, plan.reasons[-1].code) == (Action.HOLD, ReasonCode.FLEET_CHANGES)
        assert "pools_per_tick 1" in plan.text
        assert record["inputs"]["bounds"]
        kept, again = replayed(record)
        assert kept == again


async def test_a_change_that_is_too_large_for_a_tick_is_done_in_parts(clock, tmp_path):
    async with limited(clock, tmp_path, {"a": steady(30)}, units_per_tick=8) as here:
        await here.minutes(5)

        assert here.levers["a"].writes == [8, 16, 24, 30]


async def again(here, name):
    """Run a step of a pool between two ticks."""
    assert here.fleet.immediate_steps.request(name, lambda: None)
    await here.fleet.stepping[name]


async def test_a_step_between_two_ticks_uses_what_the_tick_has_left(clock, tmp_path):
    async with limited(clock, tmp_path, {"a": steady(30)}, units_per_tick=8) as here:
        await here.tick(MINUTE)
        await again(here, "a")
        assert here.order == [("a", 8)]
        await here.tick(MINUTE)

        assert here.order == [("a", 8), ("a", 16)]


def test_a_pool_that_changes_again_counts_once():
    budget = ChangeBudget(1, 8)

    assert [budget.take(5), budget.take(2), budget.take(6, again=True), budget.take(1, again=True)] == [5, None, 3, None]
    budget.give_back(3, again=True)
    assert (budget.pools, budget.units) == (0, 3)


async def test_decreases_count_like_raises_and_follow_them(clock, tmp_path):
    traffic = {"down": steady(0), "up": steady(6)}
    async with limited(clock, tmp_path, traffic, held={"down": 20}, units_per_tick=6) as here:
        for _ in range(8):
            was = requested(here)
            await here.tick(MINUTE)
            now = requested(here)
            assert sum(abs(now[name] - was[name]) for name in now) <= 6

        assert requested(here) == {"down": 0, "up": 6}
        assert [units for name, units in here.order if name == "up"] == [6]


async def test_steps_that_read_first_keep_within_the_writes_of_a_tick(clock, tmp_path):
    """All pools are read in the first tick, so that every write comes out of a step."""
    traffic = {f"p{at}": steady(5) for at in range(6)}
    async with limited(clock, tmp_path, traffic, budget=Budget(reads=9, writes=2)) as here:
        counts = []
        for _ in range(4):
            before = len(here.order)
            await here.tick(MINUTE)
            counts.append(len(here.order) - before)
            if not counts[1:]:
                waiting = [plan for plan in here.fleet.plans.values() if plan.reasons[-1].code is ReasonCode.WRITE_TURN]
                assert len(waiting) == 4

        assert counts == [2, 2, 2, 0]
        recorded = [made["action"] for name in traffic for made in here.store.store.decisions(name)]
        assert recorded == ["write"] * 6  # that somebody waits for the provider is no decision


async def test_a_limit_counts_over_regions_and_a_hanging_one_takes_nothing_away(clock, tmp_path):
    async with limited(clock, tmp_path, {"a": steady(3)}, more=({"b": steady(9)},), pools_per_tick=1) as here:
        here.levers["a"].hanging.add("read")
        for _ in range(3):
            await here.drive(asyncio.create_task(here.fleet.tick()))
            await clock.advance(MINUTE)

        assert here.levers["b"].writes == [9]


async def test_the_fleet_never_costs_more_than_its_hour(clock, tmp_path):
    limit = 12 * UNIT_USD_AN_HOUR
    traffic = {f"p{at}": steady(5) for at in range(5)}
    async with limited(clock, tmp_path, traffic, usd_per_hour=limit) as here:
        for _ in range(6):
            await here.tick(MINUTE)
            assert sum(requested(here).values()) * UNIT_USD_AN_HOUR <= limit

        assert sum(requested(here).values()) >= 10
        lowered = [plan for plan in here.fleet.plans.values() if any(r.code is ReasonCode.FLEET_BUDGET for r in plan.reasons)]
        assert lowered
        assert "rank" in lowered[0].text
        report = here.fleet.limiter.report(clock.now())
        assert report["usd_per_hour"]["used"] == pytest.approx(sum(requested(here).values()) * UNIT_USD_AN_HOUR, abs=1e-6)
        assert report["pools_lowered"] == len(lowered)


@pytest.mark.parametrize(("pings", "units"), [(0, 5), (4, 4), (7, 1), (9, 0)])
async def test_pings_of_upper_layers_use_a_part_of_the_hour(clock, tmp_path, pings, units):
    async with limited(clock, tmp_path, {"a": steady(5), "b": steady(0)}, usd_per_hour=9 * UNIT_USD_AN_HOUR) as here:
        here.fleet.limiter.note_pings(["b"], np.array([pings * UNIT_USD_AN_HOUR]))
        for _ in range(3):
            await here.tick(MINUTE)
        report = here.fleet.limiter.report(clock.now())

    assert requested(here)["a"] == units
    used = (units + pings) * UNIT_USD_AN_HOUR
    assert report["usd_per_hour"]["used"] == pytest.approx(used, abs=1e-6)
    assert report["usd_per_hour_wanted"] == pytest.approx((5 + pings) * UNIT_USD_AN_HOUR, abs=1e-6)


@pytest.mark.parametrize(("written", "intent", "minutes", "counted"), [
    (8, None, 1, True), (None, 8, 30, True), (8, None, 5, False)], ids=["not shown yet", "no answer came", "long since"])
async def test_no_pool_rises_into_the_room_of_an_unread_write(clock, tmp_path, written, intent, minutes, counted):
    async with limited(clock, tmp_path, {"a": steady(0), "b": steady(9)}, usd_per_hour=10 * UNIT_USD_AN_HOUR) as here:
        await here.tick()
        a, b = (here.fleet.inputs[name]["decision"] for name in "ab")
        now = a.seen.now
        state = replace(a.state, written=written, written_at=now - minutes * MINUTE, intent=intent)
        unseen = replace(a, state=state, plan=replace(a.plan, requested=0, target=0, action=Action.KEEP))
        rises = replace(b, plan=replace(b.plan, requested=0, target=9, action=Action.WRITE))

        (bound,) = here.fleet.limiter.admit([unseen, rises], now).get("b", ()) or (None,)

        assert (bound is not None and bound.high <= 2) is counted


async def test_units_above_a_new_limit_are_released_step_by_step(clock, tmp_path):
    async with limited(clock, tmp_path, {"a": steady(50)}, held={"a": 50}, usd_per_hour=10 * UNIT_USD_AN_HOUR) as here:
        seen = []
        for _ in range(60):
            await here.tick(MINUTE)
            seen.append(requested(here)["a"])

        assert all(0 <= before - after <= max(1, before // 10) for before, after in zip([50, *seen], seen, strict=False))
        assert 8 <= seen[-1] <= 10


async def test_money_limits_lower_no_pool_without_metrics(clock, tmp_path):
    async with limited(clock, tmp_path, {"a": steady(9)}, held={"a": 9}, usd_per_hour=2 * UNIT_USD_AN_HOUR) as here:
        here.sources[0].silent["a"] = None
        for _ in range(5):
            await here.tick(MINUTE)

        assert here.levers["a"].writes == []


async def test_what_a_month_has_cost_leaves_less_for_the_rest_of_it(clock, tmp_path):
    month = 744 * 10 * UNIT_USD_AN_HOUR
    async with limited(clock, tmp_path, {"a": steady(20)}, usd_per_month=month) as here:
        await here.minutes(3)
        before = requested(here)["a"]
        here.fleet.limiter.note_spent(["a"], np.array([month]))
        await here.minutes(40)

        assert 0 < before <= 10
        assert requested(here)["a"] == 0


async def test_money_limits_lower_no_pool_with_unknown_minutes(clock, tmp_path):
    async with limited(clock, tmp_path, {"a": steady(4)}, {"a": 4}, usd_per_hour=10) as here:
        await here.minutes(2)
        lost = clock.now() - MINUTE
        here.sources[0].traffic["a"] = lambda minute: float("nan") if minute >= minute_of(lost) else 4.0
        await here.minutes(3)
        assert here.fleet.region_of["a"].collector.unknown_minutes("a", clock.now()) > 0

        here.fleet.limiter = FleetLimits(Limits(usd_per_hour=UNIT_USD_AN_HOUR), here.fleet.limiter._region_of)
        here.fleet.limiter.expect("a", active=True, units=4, price=here.fleet.reconcilers["a"].usd_per_unit_minute)
        await here.minutes(2)

        assert requested(here) == {"a": 4}
