"""What a tick adds to the ledger, and what the limits of the fleet count."""

from datetime import timedelta

import pytest

from adapters.ports.lever import Phase
from adapters.runtime.clock import ManualClock
from controller.accounting.tick_accounting import paid_units
from forecasting.demand import minute_of
from tests.builders import NOON, capacity
from tests.fakes import FakeLever, steady
from tests.services import serving


async def test_capacity_of_others_is_billed_and_counts_against_no_limit(tmp_path):
    clock = ManualClock(NOON)
    lever = FakeLever(clock)
    lever.others = 3
    async with serving(tmp_path, clock, levers={"a": lever}, traffic={"a": steady(0)}, mode="active") as here:
        await here.ticks(26)
        _, body = await here.json("/v1/pools/a")
        price = here.components.fleet.reconcilers["a"].usd_per_unit_minute
        spent = here.components.fleet.limiter._spent.sum()

    today = body["accounts"]["actual"]["today"]
    minutes = today["others_unit_minutes"] / 3
    assert minutes >= 8
    assert today["warm_unit_minutes"] == today["others_unit_minutes"]
    assert body["actual_others_bill_month_usd"] == body["actual_bill_today_usd"] == pytest.approx(3 * minutes * price, rel=1e-3)
    assert body["actual_saved_today_usd"] == 0
    assert spent == 0


async def test_provisioned_concurrency_is_billed_from_the_request(tmp_path):
    clock = ManualClock(NOON)
    async with serving(tmp_path, clock, levers={"a": FakeLever(clock, timedelta(minutes=4))}, traffic={"a": steady(0)},
                       mode="active", min=2) as here:
        await here.ticks(26)
        _, body = await here.json("/v1/pools/a")
        spent, price = here.components.fleet.limiter._spent.sum(), here.components.fleet.reconcilers["a"].usd_per_unit_minute

    today = body["accounts"]["actual"]["today"]
    assert today["minutes"] >= 8
    assert today["warm_unit_minutes"] == pytest.approx(2 * today["minutes"])
    assert spent == pytest.approx(2 * (today["minutes"] - 1) * price), "limits are updated before a tick adds its minute"


def test_units_whose_allocation_failed_are_not_billed():
    assert paid_units(capacity(8, ready=3)) == 8
    assert paid_units(capacity(8, ready=3, phase=Phase.FAILED)) == 3


async def test_in_shadow_the_maximum_of_both_is_counted(tmp_path):
    clock = ManualClock(NOON)
    lever = FakeLever(clock)
    lever.others = 3
    async with serving(tmp_path, clock, levers={"a": lever}, traffic={"a": steady(2)}, mode="shadow", min=2) as here:
        await here.ticks(6)
        _, body = await here.json("/v1/pools/a")

    assert (body["simulated_requested"], body["kept_by_others"]) == (2, 3)
    assert body["simulated_usd_per_hour"] == pytest.approx(3 * body["others_usd_per_hour"] / 3)
    assert lever.writes == []


class CountedLever(FakeLever):
    """Lever whose provider reports later that no unit was ready."""

    def counted(self):
        return dict.fromkeys(range(minute_of(NOON), minute_of(self.clock.now()) + 1), 0)


async def test_late_provider_counts_correct_readings(tmp_path):
    clock = ManualClock(NOON)
    lever = CountedLever(clock)
    async with serving(tmp_path, clock, levers={"a": lever}, traffic={"a": steady(2)}, mode="active", min=2) as here:
        await here.ticks(26)
        _, body = await here.json("/v1/pools/a")

    assert body["actual_ready"] == 2
    today = body["accounts"]["actual"]["today"]
    assert today["minutes"] >= 8
    assert today["idle_unit_minutes"] == today["warm_unit_minutes"]
    assert today["on_demand_usd"] > 0, "of the units that are paid for none served"


async def test_a_pool_that_changes_its_mode_at_a_restart_has_both_kinds_apart(tmp_path):
    clock = ManualClock(NOON)
    async with serving(tmp_path, clock, traffic={"a": steady(3)}, mode="shadow") as here:
        await here.ticks(26)
        _, shadow = await here.json("/v1/pools/a")
    async with serving(tmp_path, clock, traffic={"a": steady(3)}, mode="active") as here:
        _, status = await here.json("/status")
        (pool,) = status["pools"]
        _, metrics, _ = await here.get("/metrics")

    assert shadow["simulated_bill_today_usd"] > 0
    assert "actual_bill_today_usd" not in shadow
    assert pool["simulated_bill_today_usd"] >= shadow["simulated_bill_today_usd"]
    assert (pool["actual_bill_today_usd"], pool.get("simulated_requested")) == (0, None)
    assert status["totals"]["simulated"]["bill_today_usd"] == pool["simulated_bill_today_usd"]
    assert (status["totals"]["simulated"]["pools"], status["totals"]["actual"]["bill_today_usd"]) == (0, 0)
    assert b'stoker_simulated_bill_month_usd{pool="a",mode="shadow"}' in metrics
    assert b'stoker_simulated_ready_units{pool="a"' not in metrics
