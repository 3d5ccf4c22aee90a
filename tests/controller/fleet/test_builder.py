from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.aws.settings import LambdaPingSettings
from adapters.ports.lever import KeepAliveSeen, Traits
from adapters.runtime.clock import ManualClock
from adapters.simulated import ShadowLever
from config.model.schedule import Schedule
from controller.decision.costs import cost_model
from controller.decision.planning.pool_state.state import PoolState
from controller.fleet import builder
from controller.fleet.decision_log import DecisionLog
from tests.builders import NOON, pool_policy
from tests.fakes import FakeLever, FakeProviders, FakeSource, steady
from tests.worlds import policy_of

SCHEDULE = Schedule(cron="0 8 * * *", timezone="UTC", duration=timedelta(hours=1), min=2)
TOP = LambdaPingSettings(kind="lambda-ping", region="us-east-1", function="agent", alias="live", handler="stoker", opted_in=True)


@pytest.fixture
def clock():
    return ManualClock(NOON)


async def assembled(store, clock, levers=None, **changes):
    providers = FakeProviders([(FakeSource({"a": steady(3)}), ("a",))], clock, {"a": FakeLever(clock)} | (levers or {}))
    policy = policy_of([pool_policy(name="a", **changes)])
    return await builder.assemble(policy, providers, store, clock, DecisionLog(store)), providers


async def test_no_provider_is_called_before_the_first_tick(store, clock):
    _, providers = await assembled(store, clock)

    assert providers.levers["a"].calls == []
    assert providers.groups[0][0].collections == 0


async def test_a_shadow_pool_gets_a_lever_that_cannot_write_and_an_active_one_the_real_one(store, clock):
    shadow, _ = await assembled(store, clock, mode="shadow")
    active, _ = await assembled(store, clock)

    assert isinstance(shadow.reconcilers["a"].lever, ShadowLever)
    assert isinstance(active.reconcilers["a"].lever, FakeLever)


async def test_state_and_lead_times_are_restored(store, clock):
    store.store.save_state("a", PoolState(written=4))
    for minute, seconds in enumerate((100.0, 120.0, 140.0)):
        store.store.record_lead_time("a", 3, seconds, NOON + timedelta(minutes=minute))
    fleet, _ = await assembled(store, clock)

    assert fleet.reconcilers["a"].state.written == 4
    assert fleet.reconcilers["a"].lead_time == timedelta(seconds=120)


async def test_measured_values_replace_assumed_ones(store, clock):
    for minute in range(3):
        store.store.record_lead_time("a", 3, 400.0, NOON + timedelta(minutes=minute))
    fleet, _ = await assembled(store, clock, memory_mb=None)
    region, reconciler = fleet.region_of["a"], fleet.reconcilers["a"]
    before = region.terms_now()["a"]
    reconciler._learn(Traits(memory_mb=2048), NOON)
    after = region.terms_now()["a"]

    assert before.lead_time == 7
    assert after.idle == pytest.approx(2 * before.idle)


@pytest.mark.parametrize(("changes", "pools", "minutes"), [
    ({"min": 0}, 1, 10), ({"min": 1}, 1, 1), ({"min": 1}, 45, 1), ({"min": 1}, 46, 2), ({"min": 1}, 10_000, 10),
    ({"schedules": (SCHEDULE,)}, 45, 1),
])
def test_pools_with_a_floor_are_read_every_minute_while_the_budget_allows_it(changes, pools, minutes):
    assert builder.read_interval(pool_policy(**changes), pools) == timedelta(minutes=minutes)


async def test_a_measured_keep_alive_survives_a_restart(store, clock):
    fleet, _ = await assembled(store, clock)
    seen = KeepAliveSeen(timedelta(minutes=11), timedelta(minutes=9), None, 40, "units")
    fleet.reconcilers["a"]._learn(Traits(keep_alive=seen), NOON)
    await builder.save_measured(fleet, store, NOON)
    again, _ = await assembled(store, clock)
    again.reconcilers["a"]._learn(Traits(keep_alive=replace(seen, observations=1)), NOON)

    assert again.reconcilers["a"].traits.keep_alive == seen
    assert again.region_of["a"].terms_now()["a"].keep_alive == again.keep_alive("a").span // timedelta(minutes=1) == 11


async def test_what_only_pings_measure_is_used_for_both_layers(store, clock):
    fleet, _ = await assembled(store, clock, top=TOP)
    seen = KeepAliveSeen(timedelta(minutes=11), timedelta(minutes=9), None, 40, "units")
    fleet.tops["a"]._learn(Traits(init_seconds=2.5, keep_alive=seen), NOON)
    terms = fleet.region_of["a"].terms_now()["a"]

    assert (terms.init_seconds, terms.keep_alive) == (2.5, 11)
    assert terms.top == cost_model.top_terms_of(TOP, terms.on_demand / 60, 2.5)
    assert fleet.keep_alive("a").span == timedelta(minutes=11)


class LastingLever(FakeLever):
    """Lever that stores the life with which it has to continue."""

    life = None

    def resume_life(self, life):
        self.life = life


async def test_a_learned_life_of_pinged_units_changes_costs_and_survives_a_restart(store, clock):
    fleet, _ = await assembled(store, clock, top=TOP)
    assert fleet.region_of["a"].terms_now()["a"].top.pings.lasting_minutes == 120
    fleet.tops["a"]._learn(Traits(pinged_life=timedelta(hours=5)), NOON)
    fleet.tops["a"]._learn(Traits(), NOON)
    await builder.save_measured(fleet, store, NOON)
    lever = LastingLever(clock)
    again, _ = await assembled(store, clock, {"a:pings": lever}, top=TOP, mode="active")

    for each in (fleet, again):
        terms = each.region_of["a"].terms_now()["a"]
        assert terms.top == cost_model.top_terms_of(TOP, terms.on_demand / 60, terms.init_seconds, timedelta(hours=5))
        assert each.tops["a"].usd_per_unit_minute == pytest.approx(terms.top.idle)
    assert lever.life == timedelta(hours=5)


@pytest.mark.parametrize("body", [b"", b"[]", b"{broken", b'{"a": 5}'])
async def test_a_snapshot_of_another_format_is_ignored(store, clock, body):
    store.store.save_blob(builder.MEASURED, body, NOON)
    fleet, _ = await assembled(store, clock)

    assert fleet.regions[0].collector.metric_delay == timedelta(minutes=2)
