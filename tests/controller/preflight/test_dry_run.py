from datetime import timedelta

import pytest

from adapters.ports.errors import NotFound, Throttled, Unreachable
from adapters.push.demand_source import PushDemand
from adapters.push.settings import PushSettings
from adapters.runtime.clock import ManualClock
from controller.cli.setup.plan import plan_json, show
from controller.preflight.dry_run import preview
from tests.builders import NOON, pool_policy
from tests.fakes import FakeLever, FakeProviders, FakeSource, steady
from tests.patience import PATIENCE_SECONDS
from tests.services import FELL, PINGS
from tests.worlds import policy_of


@pytest.fixture
def clock():
    return ManualClock(NOON)


def providers_of(clock, **traffic):
    return FakeProviders([(FakeSource(traffic), tuple(traffic))], clock, {name: FakeLever(clock) for name in traffic})


def pools(*names, **changes):
    return policy_of([pool_policy(name=name, **changes) for name in names])


async def test_a_dry_run_plans_every_pool_and_writes_nothing(clock):
    providers = providers_of(clock, a=steady(3), b=steady(0))
    shown = await preview(pools("a", "b"), providers, clock)

    assert [(each.plan.pool, each.plan.target, each.changes) for each in shown] == [("a", 3, True), ("b", 0, False)]
    assert all("write" not in lever.calls for lever in providers.levers.values())
    assert providers.closed


async def test_the_price_of_a_month_is_that_of_the_capacity(clock):
    shown = await preview(pools("a", memory_mb=1024), providers_of(clock, a=steady(3)), clock)

    # 3 units of 1 GB at 4.1667e-6 USD per GB-second, for 730 hours
    assert shown[0].usd_per_month_then == pytest.approx(3 * 4.1667e-6 * 730 * 3600, rel=1e-6)
    assert shown[0].usd_per_month_now == 0


async def test_an_unreadable_pool_is_shown_with_its_error(clock):
    providers = providers_of(clock, a=steady(3), b=steady(3))
    providers.levers["b"].failing["read"] = NotFound("function agent does not exist: correct the policy")
    shown = {each.plan.pool: each for each in await preview(pools("a", "b"), providers, clock)}

    assert shown["a"].plan.target == 3
    assert "does not exist" in str(shown["b"].error)


async def test_missing_metrics_are_an_error_and_change_nothing(clock):
    providers = providers_of(clock, a=steady(3))
    providers.groups[0][0].broken = Unreachable("monitoring does not answer")
    shown = await preview(pools("a"), providers, clock)

    assert (shown[0].changes, str(shown[0].error)) == (False, "monitoring does not answer")


async def test_demand_that_only_a_daemon_can_receive_is_no_error_and_is_held(clock):
    push = PushDemand({"a": PushSettings(kind="push")}, clock)
    providers = FakeProviders([(push, ("a",))], clock, {"a": FakeLever(clock)})
    (shown,) = await preview(pools("a"), providers, clock)

    assert (shown.changes, shown.error) == (False, None)


async def test_a_throttled_read_is_retried_after_the_providers_delay(clock):
    import asyncio
    providers = providers_of(clock, a=steady(3))
    lever = providers.levers["a"]
    lever.failing["read"] = Throttled("slow down", timedelta(seconds=2))
    task = asyncio.create_task(preview(pools("a"), providers, clock))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while lever.calls.count("read") < 1:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        lever.failing.clear()
        while not task.done():
            await asyncio.sleep(0.005)
            await clock.advance(timedelta(seconds=1))

    assert task.result()[0].plan.target == 3


async def test_pings_are_planned_after_their_base(clock):
    providers = providers_of(clock, a=FELL)
    base, pings = await preview(pools("a", min=1, top=PINGS), providers, clock)

    assert [(each.plan.pool, each.plan.target, each.changes) for each in (base, pings)] == [("a", 1, True), ("a:pings", 5, True)]
    assert "5 - 1 of the base = 4, + 1 that may have stopped unseen" in pings.plan.text
    assert 0 < pings.usd_per_month_then < base.usd_per_month_then
    assert [lever.writes for lever in providers.levers.values()] == [[], []]


async def test_an_error_of_the_pings_is_shown_on_their_row_and_one_of_demand_on_that_of_the_pool(clock):
    providers = providers_of(clock, a=FELL)
    providers.levers["a:pings"] = FakeLever(clock)
    providers.levers["a:pings"].failing["read"] = NotFound("the function takes no pings")
    base, pings = await preview(pools("a", min=1, top=PINGS), providers, clock)
    blind = providers_of(clock, a=FELL)
    blind.groups[0][0].broken = Unreachable("monitoring does not answer")
    of_demand = await preview(pools("a", min=1, top=PINGS), blind, clock)

    assert (base.error, str(pings.error)) == (None, "the function takes no pings")
    assert [str(each.error) for each in of_demand] == ["monitoring does not answer", "None"]


async def test_simulated_pings_of_a_daemon_are_the_start_of_their_plan(clock):
    providers = providers_of(clock, a=FELL)
    shown = await preview(pools("a", min=1, top=PINGS, mode="shadow"), providers, clock, simulated={"a": 1, "a:pings": 5})

    assert [(each.plan.pool, each.readings.simulated.requested, each.changes) for each in shown] == [
        ("a", 1, False), ("a:pings", 5, False)]


async def test_the_printed_plan_counts_the_pool_once_and_names_its_layer(clock, capsys):
    shown = await preview(pools("a", min=1, top=PINGS), providers_of(clock, a=FELL), clock)
    show(shown, None, "table")

    printed = capsys.readouterr().out
    assert [line.split()[0] for line in printed.splitlines() if line.split()[1:2] == ["active"]] == ["a", "a:pings"]
    assert "1 of 1 pool would change" in printed
    assert [plan_json(each).get("layer_of") for each in shown] == [None, "a"]
