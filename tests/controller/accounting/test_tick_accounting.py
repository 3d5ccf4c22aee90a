"""What a tick adds to the ledger, and what the limits of the fleet count."""

from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from adapters.aws.settings import LambdaPingSettings
from adapters.ports.errors import Unreachable
from adapters.ports.lever import Phase, PingRounds, PingsSent
from adapters.runtime.clock import ManualClock
from config.model.policy import Assume
from controller.accounting.ledger import NAMES
from controller.accounting.tick_accounting import account_for, account_terms, open_accounts, paid_units, update_spent
from controller.decision.costs.cost_model import pings_of
from controller.fleet.builder import pool_terms
from forecasting.demand import minute_of
from tests.builders import NOON, capacity
from tests.fakes import FakeLever, steady, until
from tests.services import serving
from tests.worlds import policy_of, world

MINUTE = timedelta(minutes=1)
TOP = LambdaPingSettings(kind="lambda-ping", region="us-east-1", function="agent", alias="live", handler="stoker", opted_in=True)


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


class Accounted:
    """A fleet of one pool with two layers, and its accounts."""

    def __init__(self, play, accounts):
        self.play, self.fleet, self.accounts = play, play.fleet, accounts

    async def minutes(self, count):
        for _ in range(count):
            await self.play.tick()
            await account_for(self.fleet, self.accounts, policy_of(()), self.play.clock, None)
            await self.play.clock.advance(MINUTE)

    @property
    def sums(self):
        return dict(zip(NAMES, self.accounts.each[0].ever[0].tolist(), strict=True))


@asynccontextmanager
async def layered(folder, levers=None, **changes):
    """Demand of 5 units until 90 min before noon, then of 1: a base of 1 unit, and 5 above it by pings."""
    clock = ManualClock(NOON)
    levers = {"agent": FakeLever(clock), "agent:pings": FakeLever(clock)} | (levers or {})
    traffic = {"agent": until(NOON - timedelta(minutes=90), 5, 1)}
    async with world(clock, folder, traffic, levers=levers, top=TOP, **({"mode": "active", "min": 1} | changes)) as play:
        yield Accounted(play, await open_accounts(play.fleet, play.store, clock))


@pytest.mark.parametrize("mode", ["active", "shadow"])
async def test_the_bill_has_the_pings_of_a_layer_and_limits_count_them(tmp_path, mode):
    async with layered(tmp_path, mode=mode) as here:
        await here.minutes(30)
        base, top, sums = here.fleet.reconcilers["agent"], here.fleet.tops["agent"], here.sums
        update_spent(here.fleet, here.accounts)
        spent, hourly = here.fleet.limiter._spent.sum(), here.fleet.limiter._pings.sum()
        price = pool_terms(base, Assume(), MINUTE, top).pinged_idle

    assert (base.capacity.ready, top.capacity.ready) == (1, 5)
    pinged = sums["ping_usd"] / price
    assert pinged == pytest.approx(round(pinged))
    assert 5 * 8 <= pinged <= 5 * sums["minutes"]
    assert spent == pytest.approx(sums["warm_unit_minutes"] * base.usd_per_unit_minute + sums["ping_usd"])
    assert hourly == pytest.approx(5 * price * 60)


async def test_pings_that_cannot_be_read_count_as_none(tmp_path):
    async with layered(tmp_path) as here:
        here.play.levers["agent:pings"].failing["read"] = Unreachable("no answer")
        await here.minutes(26)

    assert here.sums["ping_usd"] == 0
    assert here.sums["warm_unit_minutes"] > 0


class PingingLever(FakeLever):
    """Lever whose rounds have learned a pause and a hold."""

    def rounds(self):
        return PingRounds(timedelta(minutes=10), timedelta(milliseconds=20), 9, 99, 0.0, 1.0, 2.0)


async def test_accounts_use_the_learned_pause_and_hold_of_the_pings_and_decisions_do_not(tmp_path):
    lever = PingingLever(ManualClock(NOON))
    async with layered(tmp_path, {"agent:pings": lever}) as here:
        lever.clock = here.play.clock
        await here.minutes(30)
        base, top = here.fleet.reconcilers["agent"], here.fleet.tops["agent"]
        decided = pool_terms(base, Assume(), MINUTE, top).top
        terms = account_terms(base, top, Assume(), MINUTE)

    pings = terms.top.pings
    assert decided.pings == pings_of(TOP)
    assert (pings.a_minute, pings.seconds) == (0.1, pytest.approx(0.02, rel=0.05))
    assert terms.top.idle == pytest.approx(pings.usd_per_minute(terms.on_demand / 60, terms.init_seconds, 0.2e-6))
    assert terms.top.idle < decided.idle
    pinged = here.sums["ping_usd"] / terms.top.idle
    assert pinged == pytest.approx(round(pinged))
    assert pinged > 0


class CountingLever(FakeLever):
    """Lever that sends 3 pings every 4 min, with 6 s of unit time, from its sixth minute on."""

    def pings_sent(self):
        first, now = minute_of(NOON) + 5, minute_of(self.clock.now())
        return first, {minute: PingsSent(3, 6.0) for minute in range(first, now + 1, 4)}


async def test_the_bill_has_the_pings_of_a_layer_that_were_sent(tmp_path):
    lever = CountingLever(ManualClock(NOON))
    async with layered(tmp_path, {"agent:pings": lever}) as here:
        lever.clock = here.play.clock
        await here.minutes(40)
        base, top = here.fleet.reconcilers["agent"], here.fleet.tops["agent"]
        terms = pool_terms(base, Assume(), MINUTE, top)
        end = here.accounts.each[0].pending_from()

    rounds = len(range(minute_of(NOON) + 5, end, 4))
    each = 3 * 0.2e-6 + 6 / 60 * terms.on_demand
    earlier = 5 * 5 * terms.pinged_idle
    assert rounds >= 5
    assert rounds * each <= here.sums["ping_usd"] <= rounds * each + earlier + 1e-12
    assert here.sums["bill_usd"] >= here.sums["ping_usd"] + here.sums["warm_usd"]
