import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.ports.errors import Conflict, Limit, Misconfigured, OutcomeUnknown, PermissionDenied, QuotaExceeded, Throttled
from adapters.ports.lever import Traits
from adapters.runtime.clock import ManualClock
from adapters.simulated import ShadowLever, SimulatedCapacity
from controller.decision.planning.observation import DataFreshness, DemandView, Proposal
from controller.decision.planning.plan import Action
from controller.decision.planning.pool_state.state import METER_EVERY, PoolState, state_key
from controller.decision.planning.reason_codes import ReasonCode
from controller.fleet.reconciler import Reconciler
from tests.builders import NOON, pool_policy
from tests.fakes import FakeLever

MINUTE = timedelta(minutes=1)


class Notebook:
    """Memory that keeps what was saved, in order."""

    def __init__(self):
        self.said, self.states, self.leads = [], {}, []

    async def save_intent(self, pool, target, at):
        self.said.append(("intent", target))

    async def save_state(self, pool, state):
        self.said.append(("state", state.written))
        self.states[pool] = state

    async def save_lead_time(self, pool, target, seconds, at):
        self.leads.append((target, seconds))


@pytest.fixture
def clock():
    return ManualClock(NOON)


@pytest.fixture
def lever(clock):
    return FakeLever(clock)


@pytest.fixture
def notebook():
    return Notebook()


@pytest.fixture
def make(clock, lever, notebook):
    def make(policy=None, state=None, **more):
        return Reconciler(policy or pool_policy(), more.pop("lever", lever), clock, notebook, state or PoolState(),
                          timedelta(minutes=10), lambda traits: 0.001 * (traits.memory_mb or 0), **more)
    return make


def wants(units):
    return DemandView(DataFreshness.FRESH, settled=True, data_age=MINUTE, proposal=Proposal(units, "rule"))


async def step(pool, demand, **more):
    """The plan of a step, after its write."""
    return (await pool.step(demand, **more)).plan


async def test_the_intent_is_stored_before_a_write_and_the_state_after_it(make, lever, notebook):
    plan = await step(make(), wants(5))

    assert (plan.action, lever.writes) == (Action.WRITE, [5])
    assert notebook.said == [("state", None), ("intent", 5), ("state", 5)]


async def test_a_fallback_stored_during_a_write_is_kept(make, notebook):
    pool, ordered, notes = make(), ((NOON, 3),), (notebook.save_state, notebook.save_intent)

    def beside(keep):
        async def kept(*given):
            await keep(*given)
            pool.accept_state(replace(pool.state, scheduled_fallback=(*pool.state.scheduled_fallback, *ordered)))
        return kept

    notebook.save_state, notebook.save_intent = map(beside, notes)
    await step(pool, wants(5))

    assert (pool.state.written, pool.state.intent, set(pool.state.scheduled_fallback)) == (5, None, {*ordered})
    assert len(pool.state.scheduled_fallback) == 3


async def test_the_outcome_of_a_write_is_stored_before_the_next_write(make, lever, notebook, clock):
    pool = make()
    lever.failing["write"] = OutcomeUnknown("no answer")
    await step(pool, wants(5))
    lever.foreign(5)  # it had happened
    lever.failing.clear()
    await clock.advance(MINUTE)
    await step(pool, wants(8))

    assert lever.writes == [8]
    assert notebook.said == [("state", None), ("intent", 5), ("state", 5), ("intent", 8), ("state", 8)]


async def test_an_unchanged_target_makes_no_call(make, lever, clock):
    pool = make()
    await step(pool, wants(5))
    await clock.advance(3 * MINUTE)
    await step(pool, wants(5))
    calls = list(lever.calls)
    for _ in range(5):
        await clock.advance(MINUTE)
        await step(pool, wants(5))

    assert lever.calls == calls


async def test_capacity_is_read_again_when_its_reading_is_old(make, lever, clock):
    pool = make()
    await step(pool, wants(0))
    await clock.advance(timedelta(minutes=10))
    await step(pool, wants(0))

    assert lever.calls.count("read") == 2


async def test_an_old_reading_is_repeated_right_before_a_write(make, lever, clock):
    pool = make()
    await step(pool, wants(0))
    await clock.advance(timedelta(minutes=5))
    lever.foreign(7)
    plan = await step(pool, wants(7))

    assert (plan.action, lever.writes) == (Action.KEEP, [])


async def test_a_write_that_is_not_shown_yet_is_read_at_every_tick(make, lever, clock):
    pool = make()
    await step(pool, wants(5))
    lever.foreign(2)  # what a lagging reading shows, or somebody was quick
    await clock.advance(MINUTE)
    plan = await step(pool, wants(9))
    assert (plan.action, pool.read_due(clock.now()), lever.writes) == (Action.HOLD, True, [5])

    lever.foreign(5)
    await clock.advance(MINUTE)
    plan = await step(pool, wants(9))

    assert (plan.action, lever.writes) == (Action.WRITE, [5, 9])


async def test_setting_the_clock_back_does_not_make_a_reading_newer(make, lever, clock):
    pool = make()
    await step(pool, wants(5))
    await clock.advance(5 * MINUTE)
    clock.set(clock.now() - timedelta(hours=1))
    lever.calls.clear()

    assert pool.read_due(clock.now())
    await step(pool, wants(9), read=False)
    assert lever.calls[-2:] == ["read", "write"]


async def test_setting_the_clock_back_by_the_elapsed_time_does_not_make_a_reading_newer(make, lever, clock, monkeypatch):
    pool = make()
    await step(pool, wants(5))
    await clock.advance(11 * MINUTE)
    clock.set(clock.now() - timedelta(seconds=11 * 60 - 20))
    monkeypatch.setattr(clock, "monotonic", lambda: 11 * 60.0)  # which nobody sets
    lever.calls.clear()

    assert pool.read_due(clock.now())
    await step(pool, wants(9), read=False)
    assert lever.calls[-2:] == ["read", "write"]


async def test_an_unknown_outcome_is_read_before_the_next_write(make, lever, clock):
    pool = make()
    lever.failing["write"] = OutcomeUnknown("no answer")
    plan = await step(pool, wants(5))
    assert (plan.action, plan.reasons[-1].code) == (Action.HOLD, ReasonCode.WRITE_FAILED)

    lever.foreign(5)  # it had happened
    lever.failing.clear()
    await clock.advance(MINUTE)
    plan = await step(pool, wants(5))

    assert (plan.action, lever.writes, pool.state.written, pool.state.intent) == (Action.KEEP, [], 5, None)


async def test_a_write_that_never_returns_times_out_and_is_read(make, lever, clock):
    pool = make(call_timeout_seconds=0.02)
    lever.hanging.add("write")
    plan = await step(pool, wants(5))
    assert "outcome-unknown" in plan.text

    lever.hanging.clear()
    await clock.advance(MINUTE)
    plan = await step(pool, wants(5))

    assert (plan.action, lever.writes) == (Action.KEEP, [5])


async def test_a_reading_that_never_returns_is_capacity_unknown(make, lever):
    lever.hanging.add("read")

    plan = await step(make(call_timeout_seconds=0.02), wants(5))

    assert (plan.action, plan.reasons[-1].code) == (Action.HOLD, ReasonCode.CAPACITY_UNKNOWN)
    assert "no answer within" in plan.text


async def test_a_throttled_write_is_planned_again(make, lever, clock):
    pool = make()
    lever.failing["write"] = Throttled("slow down")
    held = await step(pool, wants(5))
    lever.failing.clear()
    await clock.advance(MINUTE)
    plan = await step(pool, wants(5))

    assert (held.action, plan.action, lever.writes) == (Action.HOLD, Action.WRITE, [5])


async def test_the_last_reading_counts_for_an_hour_while_readings_are_throttled(make, lever, clock):
    pool = make()
    await step(pool, wants(0))
    lever.failing["read"] = Throttled("slow down")
    await clock.advance(timedelta(minutes=11))
    assert (await step(pool, wants(0))).action is Action.KEEP
    assert pool.read_due(clock.now())

    await clock.advance(timedelta(hours=1))
    assert (await step(pool, wants(0))).reasons[-1].code is ReasonCode.CAPACITY_UNKNOWN


async def test_no_write_follows_an_old_reading_that_could_not_be_repeated(make, lever, clock):
    pool = make()
    await step(pool, wants(0))
    lever.failing["read"] = Throttled("slow down")
    await clock.advance(timedelta(minutes=5))
    held = await step(pool, wants(5))
    lever.failing.clear()
    plan = await step(pool, wants(5))

    assert (held.action, plan.action, lever.writes) == (Action.HOLD, Action.WRITE, [5])


async def test_a_throttled_reading_does_not_resolve_an_intent(make, lever, clock):
    pool = make()
    await step(pool, wants(0))
    lever.failing["write"] = OutcomeUnknown("no answer")
    await step(pool, wants(5))
    lever.failing = {"read": Throttled("slow down")}
    await clock.advance(MINUTE)
    plan = await step(pool, wants(5))

    assert (plan.action, pool.state.intent, lever.writes) == (Action.HOLD, 5, [])


async def test_a_quota_error_limits_the_next_target(make, lever):
    pool = make()
    lever.failing["write"] = QuotaExceeded("too many", allowed=3)
    await step(pool, wants(5))
    lever.failing.clear()
    plan = await step(pool, wants(5))

    assert (plan.target, lever.writes) == (3, [3])


async def test_a_quota_error_names_the_limit_in_the_next_plan(make, lever):
    pool = make()
    lever.failing["write"] = QuotaExceeded("too many", 3, Limit("account-concurrency", "3 units are left", "raise L-B99A9384"))
    await step(pool, wants(5))
    lever.failing.clear()

    assert "3 units are left, so at most 3 units: raise L-B99A9384" in (await step(pool, wants(5))).text


async def test_a_limit_that_reduces_a_target_is_read_again_within_minutes(make, lever, clock):
    """The operator may have raised it; one that does not is looked at hourly."""
    pool = make()
    lever.facts = replace(lever.facts, allowed=3)
    await step(pool, wants(5))
    lever.facts = replace(lever.facts, allowed=9)
    await clock.advance(timedelta(minutes=12))
    plan = await step(pool, wants(5))
    asked = lever.calls.count("traits")
    await clock.advance(timedelta(minutes=12))
    await step(pool, wants(5))

    assert (plan.target, lever.writes) == (5, [3, 5])
    assert lever.calls.count("traits") == asked


async def test_expired_credentials_delay_a_write_no_longer_than_they_are_expired(make, lever, clock):
    """No reading works meanwhile either, so each tick reads, and none writes before one has worked."""
    pool = make()
    await step(pool, wants(0))
    lever.failing = {"write": Misconfigured("the credentials have expired")}
    await clock.advance(timedelta(seconds=20))
    await step(pool, wants(5))
    lever.failing["read"] = Misconfigured("the credentials have expired")
    await clock.advance(MINUTE)
    await step(pool, wants(5))
    written, lever.failing = lever.calls.count("write"), {}
    await clock.advance(MINUTE)

    assert (await step(pool, wants(5))).action is Action.WRITE
    assert (written, lever.writes) == (1, [5])


async def test_a_refusal_waits_for_the_next_reading(make, lever, clock):
    pool = make()
    lever.failing["write"] = Conflict("deployment in progress")
    await step(pool, wants(5))
    await clock.advance(timedelta(seconds=20))
    plan = await step(pool, wants(5))
    assert (plan.reasons[-1].code, lever.calls.count("write")) == (ReasonCode.BLOCKED, 1)

    lever.failing.clear()
    await clock.advance(timedelta(minutes=10))
    assert (await step(pool, wants(5))).action is Action.WRITE


async def test_errors_are_plans_not_exceptions(make, lever):
    lever.failing["traits"] = PermissionDenied("lambda:GetFunction is not allowed: grant it")

    plan = await step(make(), wants(5))

    assert "grant it" in plan.text
    assert lever.writes == []


async def test_the_lead_time_is_the_median_of_recent_raises(make, lever, clock, notebook):
    pool = make()
    for units in (1, 2, 3):
        await step(pool, wants(units))
        for _ in range(3):
            await clock.advance(timedelta(seconds=50))
            await step(pool, wants(units))

    assert notebook.leads == [(1, 150.0), (2, 150.0), (3, 150.0)]
    assert pool.lead_time == timedelta(seconds=150)


async def test_two_raises_do_not_make_a_lead_time_yet(make):
    assert make(lead_seconds=[30.0, 40.0]).lead_time is None


async def test_simulated_capacity_has_no_lead_time(make, lever, clock, notebook):
    shadow = ShadowLever(lever, clock, timedelta(minutes=1))
    pool = make(pool_policy(mode="shadow"), lever=shadow)
    for _ in range(4):
        await step(pool, wants(4))
        await clock.advance(MINUTE)

    assert pool.capacity.ready == 4
    assert notebook.leads == []
    assert "write" not in lever.calls


async def test_the_price_follows_the_providers_memory(make, lever):
    lever.facts = Traits(memory_mb=3008)
    pool = make(pool_policy(memory_mb=None))
    await pool.read()

    assert pool.usd_per_unit_minute == pytest.approx(3.008)


async def test_the_policys_memory_takes_precedence_over_the_providers(make, lever):
    lever.facts = Traits(memory_mb=3008)
    pool = make(pool_policy(memory_mb=512))
    await pool.read()

    assert pool.traits.memory_mb == 512


async def test_spending_alone_is_stored_every_15_minutes(make, clock, notebook):
    pool = make()
    await step(pool, wants(0))
    saved = len(notebook.said)
    for _ in range(METER_EVERY // MINUTE - 1):
        await clock.advance(MINUTE)
        await step(pool, wants(0))
    assert len(notebook.said) == saved

    await clock.advance(MINUTE)
    await step(pool, wants(0))
    assert len(notebook.said) == saved + 1


async def test_a_state_that_could_not_be_stored_is_stored_next_time(make, clock, notebook):
    pool = make()
    kept = notebook.save_state

    async def full(pool, state):
        raise OSError("disk full")
    notebook.save_state = full
    with pytest.raises(OSError, match="disk full"):
        await step(pool, wants(5))
    notebook.save_state = kept
    await step(pool, wants(5))

    assert notebook.states["agent"].written == 5


async def test_cancelling_a_write_keeps_its_intent(make, lever, notebook):
    pool = make()
    lever.hanging.add("write")
    step = asyncio.create_task(pool.step(wants(5)))
    while not lever.writes:  # noqa: ASYNC110
        await asyncio.sleep(0)
    step.cancel()
    await asyncio.gather(step, return_exceptions=True)

    assert (pool.state.intent, notebook.said) == (5, [("state", None), ("intent", 5)])
    assert pool.read_due(NOON)


def test_shadow_and_active_do_not_share_a_state():
    assert state_key(pool_policy()) != state_key(pool_policy(mode="shadow"))


class WrongClock(ManualClock):
    """Its wall clock shows `behind` less than it should."""

    behind = timedelta(0)

    def now(self):
        return super().now() - self.behind


async def test_setting_the_clock_back_makes_no_lead_time_negative(notebook):
    clock = WrongClock(NOON)
    lever = FakeLever(clock, lead_time=timedelta(0))
    lever.paper = SimulatedCapacity(timedelta(seconds=100))
    pool = Reconciler(pool_policy(), lever, clock, notebook, PoolState(), timedelta(minutes=10), lambda traits: 0.0)
    await step(pool, wants(3))
    clock.behind = timedelta(seconds=40)
    await clock.advance(timedelta(seconds=150))
    await step(pool, wants(3))

    assert notebook.leads == [(3, 150.0)]


async def test_spending_is_stored_in_time_after_the_clock_was_set_back(notebook):
    clock = WrongClock(NOON)
    pool = Reconciler(pool_policy(), FakeLever(clock), clock, notebook, PoolState(), timedelta(minutes=10), lambda traits: 0.01)
    await step(pool, wants(0))
    clock.behind = timedelta(hours=3)
    saved = len(notebook.said)
    await clock.advance(METER_EVERY)
    await step(pool, wants(0))

    assert len(notebook.said) == saved + 1
