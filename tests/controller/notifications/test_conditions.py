"""Conditions of a fleet that are sent."""

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.ports.errors import QuotaExceeded, Unreachable
from adapters.runtime.clock import ManualClock
from controller.demand.pool_group import Budget
from controller.leadership.leader_term import LeaderTerm
from controller.notifications.conditions import current_conditions
from controller.notifications.notice import DAEMON
from tests.builders import NOON
from tests.fakes import FakeLease, steady
from tests.services import FELL, PINGS
from tests.worlds import world

MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock():
    return ManualClock(NOON)


def codes(here, name, clock):
    current = current_conditions(here.fleet, clock.now())[name]
    return None if current is None else {key.code for key in current}


async def test_a_pool_without_a_plan_or_a_reading_is_unknown(tmp_path, clock):
    async with world(clock, tmp_path, {"a": steady(3), "b": steady(3)}, budget=Budget(reads=1, writes=5)) as here:
        assert codes(here, "a", clock) is None
        await here.tick(MINUTE)
        known = [codes(here, name, clock) for name in "ab"]

    assert sorted(known, key=str) == [None, set()] or sorted(known, key=str) == [set(), None]


async def test_a_healthy_pool_has_no_conditions(tmp_path, clock):
    async with world(clock, tmp_path, {"a": steady(3)}) as here:
        await here.minutes(4)

        assert codes(here, "a", clock) == set()
        assert current_conditions(here.fleet, clock.now())[DAEMON] == {}


async def test_each_obstacle_is_a_condition_of_its_code(tmp_path, clock):
    async with world(clock, tmp_path, {"a": steady(30), "b": steady(3), "c": steady(3), "d": steady(30)},
                     budget_usd_per_month=1000) as here:
        here.levers["a"].failing["write"] = Unreachable("no")
        here.levers["b"].owner = "Application Auto Scaling"
        here.levers["c"].failing["read"] = Unreachable("no")
        here.levers["d"].failing["write"] = QuotaExceeded("full", allowed=4)
        await here.minutes(3)
        current = {name: codes(here, name, clock) for name in "abcd"}

    assert current["a"] == {"write-failed"}
    assert current["b"] == {"other-autoscaler"}
    assert current["c"] == {"capacity-unknown"}
    assert "quota-reached" in current["d"]


async def test_budget_near_is_one_condition_per_month(tmp_path, clock):
    async with world(clock, tmp_path, {"a": steady(3)}, budget_usd_per_month=100) as here:
        await here.tick(MINUTE)
        one = here.fleet.reconcilers["a"]
        one.state = replace(one.state, month="2026-03", spent_usd=89.0)
        assert "budget-near" not in codes(here, "a", clock)
        one.state = replace(one.state, spent_usd=90.0)
        key, = (key for key in current_conditions(here.fleet, clock.now())["a"] if key.code == "budget-near")
        assert key.about == "2026-03"
        assert current_conditions(here.fleet, clock.now())["a"][key] == (
            "90.00 of 100 USD of 2026-03 are spent on warm capacity (bill, without cold-start cost)")
        one.state = replace(one.state, month="2026-02")
        assert "budget-near" not in codes(here, "a", clock)


async def test_a_budget_of_a_pool_in_shadow_mode_would_have_been_spent(tmp_path, clock):
    async with world(clock, tmp_path, {"a": steady(3)}, budget_usd_per_month=100, mode="shadow") as here:
        await here.tick(MINUTE)
        one = here.fleet.reconcilers["a"]
        one.state = replace(one.state, month="2026-03", spent_usd=90.0)
        texts = [text for key, text in current_conditions(here.fleet, clock.now())["a"].items() if key.code == "budget-near"]

    assert texts == ["90.00 of 100 USD of 2026-03 would have been spent on warm capacity (bill, without cold-start cost)"]


async def test_faults_and_store_errors_are_redacted(tmp_path, clock):
    async with world(clock, tmp_path, {"a": steady(3)}) as here:
        await here.tick(MINUTE)
        here.fleet.faults["a"] = "ValueError: token=hunter2"
        here.fleet.store_error = "password=hunter2"
        current = current_conditions(here.fleet, clock.now())

    assert {key.code for key in current["a"]} == {"fault"}
    assert {key.code for key in current[DAEMON]} == {"store-failing"}
    assert "hunter2" not in str(current)


async def test_a_standby_knows_no_pool_conditions(tmp_path, clock):
    async with world(clock, tmp_path, {"a": steady(3)}) as here:
        here.levers["a"].owner = "Application Auto Scaling"
        await here.minutes(2)
        here.fleet.term = LeaderTerm(FakeLease("another daemon leads"))
        assert codes(here, "a", clock) is None
        here.fleet.term = LeaderTerm(FakeLease(), 3)
        assert codes(here, "a", clock) == {"other-autoscaler"}


async def test_pings_that_fail_are_conditions_of_their_pool(tmp_path, clock):
    async with world(clock, tmp_path, {"a": FELL}, top=PINGS) as here:
        here.levers["a:pings"].failing["write"] = Unreachable("the function was refused")
        await here.minutes(3)
        current = current_conditions(here.fleet, clock.now())

    assert set(current) == {"a", DAEMON}
    ((key, text),) = current["a"].items()
    assert (key.pool, key.code) == ("a", "write-failed")
    assert text.startswith("pings: ")
    assert "the function was refused" in text


async def test_a_condition_of_both_layers_names_each(tmp_path, clock):
    async with world(clock, tmp_path, {"a": FELL}, top=PINGS) as here:
        await here.minutes(3)
        for name in ("a", "a:pings"):
            here.levers[name].failing["read"] = Unreachable(f"{name} is away")
        await here.minutes(30)
        here.fleet.faults["a:pings"] = "ValueError: token=hunter2"
        current = {key.code: text for key, text in current_conditions(here.fleet, clock.now())["a"].items()}

    assert "a is away; pings: its capacity could not be read: a:pings is away" in current["capacity-unknown"]
    assert current["fault"].startswith("pings: its step failed: ValueError")
    assert "hunter2" not in current["fault"]


async def test_a_budget_is_spent_by_both_layers(tmp_path, clock):
    async with world(clock, tmp_path, {"a": FELL}, top=PINGS, budget_usd_per_month=100) as here:
        await here.minutes(3)
        for each, spent in ((here.fleet.reconcilers["a"], 80.0), (here.fleet.tops["a"], 11.0)):
            each.state = replace(each.state, month="2026-03", spent_usd=spent)
        texts = [text for key, text in current_conditions(here.fleet, clock.now())["a"].items() if key.code == "budget-near"]

    assert texts == ["91.00 of 100 USD of 2026-03 are spent on warm capacity (bill, without cold-start cost)"]
