"""The dead man's switch of a whole fleet."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.ports.errors import Unreachable
from adapters.ports.lease_store import Unfenced
from adapters.ports.lever import ScheduledChange
from adapters.runtime.clock import ManualClock
from config.model.dead_man import DeadMan
from config.model.limits import Limits
from controller.decision.planning.dead_man.schedule import MOST_PENDING, with_pending
from controller.decision.planning.overrides_in_force import Kind, Override
from controller.decision.planning.pool_state.state import PoolState
from controller.decision.planning.pool_state.transitions import without_future_instants
from controller.decision.planning.reason_codes import ReasonCode
from controller.fleet.dead_man_switch import DeadManSwitch
from controller.fleet.fleet import YIELD_EVERY
from controller.fleet.shutdown import cancel_fallback, is_released, release_pool
from controller.forecasts.refresh_rotation import CapacityForecast
from controller.leadership.handover import read_handover
from controller.leadership.leader_term import LeaderTerm
from tests.builders import NOON, observation
from tests.fakes import Decaying, FakeLease, FakeLever, steady
from tests.worlds import world

MINUTE = timedelta(minutes=1)
HALF_HOUR = DeadMan(after=timedelta(minutes=30))


@pytest.fixture
def clock():
    return ManualClock(NOON)


def fleet_of(clock, folder, traffic, **changes):
    levers = {name: Decaying(clock) for name in traffic}
    return world(clock, folder, traffic, levers=levers, **({"dead_man": HALF_HOUR} | changes))


def rising(name, now):
    """A plan of six hours, a unit more each quarter."""
    return CapacityForecast([[15 * at, at] for at in range(24)], None, now)


def unknown(name, now):
    return CapacityForecast(None, "not looked at yet", None)


class Nowhere:
    """A store that takes no time, for tests in which calls do."""

    async def save_state(self, pool, state):
        """Kept by nobody."""


async def renewed(here, men):
    """A round of calls that take a while of the clock's time."""
    await here.drive(asyncio.create_task(men.renew()))


async def live(here, clock, minutes, men=None, plan=unknown):
    men = men or DeadManSwitch(here.fleet, clock, here.store, plan)
    for _ in range(minutes):
        await here.tick()
        await men.renew()
        await clock.advance(MINUTE)
        assert not any(lever.fire_if_due() for lever in here.levers.values())
    return men


async def test_while_the_daemon_runs_no_fallback_runs_and_few_calls_are_made(clock, tmp_path):
    traffic = {f"p{at}": steady(5) for at in range(30)}
    async with fleet_of(clock, tmp_path, traffic) as here:
        await live(here, clock, 120)

        for lever in here.levers.values():
            assert 8 <= len(lever.orders) <= 13
            assert {order.most for _, *orders in lever.orders for order in orders} == {1}
        later = [at for lever in here.levers.values() for at, *_ in lever.orders[1:]]
        assert max(map(later.count, later)) <= 15


async def test_the_fallback_is_the_floor_in_force_and_never_zero(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}, min=3) as here:
        await live(here, clock, 2)

        assert [order.most for order in here.levers["a"].armed] == [3]


async def test_the_plan_of_the_next_hours_is_scheduled_and_then_the_floor(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}, min=1) as here:
        await live(here, clock, 1, plan=rising)

        at = NOON + timedelta(minutes=30)
        ordered = [(order.at - at, order.most, order.least) for order in here.levers["a"].armed]
        assert ordered == [*((timedelta(minutes=30 * slot), 3 + 2 * slot, 3 + 2 * slot) for slot in range(6)),
                           (timedelta(hours=3), 1, 0)]
        assert here.fleet.reconcilers["a"].state.scheduled_fallback == tuple((order.at, order.most)
                                                                             for order in here.levers["a"].armed)


async def test_a_new_plan_is_scheduled_at_once(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        men = await live(here, clock, 2)
        assert len(here.levers["a"].armed) == 1
        await live(here, clock, 4, DeadManSwitch(here.fleet, clock, here.store, rising))

        assert [len(orders) for _, *orders in here.levers["a"].orders] == [1, 8]
        assert men.errors == {}


@pytest.mark.parametrize("why", ["budget", "limits", "pause"])
async def test_the_fallback_raises_nothing_under_money_limits_and_overrides(clock, tmp_path, why):
    budget = {"budget_usd_per_month": 500.0} if why == "budget" else {}
    async with fleet_of(clock, tmp_path, {"a": steady(5)}, **budget) as here:
        await here.tick()
        if why == "limits":
            here.fleet.limiter.limits = Limits(usd_per_hour=9.0)
        if why == "pause":
            here.fleet.reconcilers["a"].overrides = (Override(Kind.PAUSE, NOON + timedelta(hours=1), "ana", "a test"),)
        await live(here, clock, 1, plan=rising)

        assert [(order.most, order.least) for order in here.levers["a"].armed] == [(3, 0), (5, 0), (1, 0)]


async def test_an_override_replaces_a_fallback_that_raises(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        men = await live(here, clock, 2, plan=rising)
        assert here.levers["a"].armed[-2].least
        here.fleet.reconcilers["a"].overrides = (Override(Kind.PAUSE, NOON + timedelta(hours=1), "ana", "a test"),)
        await live(here, clock, 3, men)

        assert len(here.levers["a"].orders) == 2
        assert not any(order.least for order in here.levers["a"].armed)


async def test_a_fallback_of_a_lost_store_is_cancelled_where_nothing_is_set(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(0)}) as here:
        lever = here.levers["a"]
        lever.armed = (ScheduledChange(NOON + timedelta(minutes=20), 3, 3),)
        await live(here, clock, 40)

        assert (lever.paper.requested, lever.disarmed) == (0, 1)


async def test_shadow_pools_and_unset_pools_get_no_fallback(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(0)}) as here:
        await live(here, clock, 3)
        assert here.levers["a"].orders == []
    async with fleet_of(clock, tmp_path / "..", {"a": steady(5)}, mode="shadow") as here:
        await live(here, clock, 3)
        assert here.levers["a"].orders == []


async def test_a_fallback_that_ran_is_no_foreign_write_and_capacity_is_raised_again(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        await live(here, clock, 3)
        levers = here.levers
    await clock.advance(timedelta(hours=1))
    assert levers["a"].fire_if_due()
    assert levers["a"].paper.requested == 1
    async with world(clock, tmp_path, {"a": steady(5)}, levers=levers, dead_man=HALF_HOUR) as here:
        men = await live(here, clock, 2)

        assert levers["a"].paper.requested == 5
        assert here.fleet.reconcilers["a"].state.foreign_since is None
        await live(here, clock, 60, men)


async def test_a_restart_takes_any_step_of_the_fallback_for_its_own_write(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        await live(here, clock, 3, plan=rising)
        levers = here.levers
    await clock.advance(timedelta(minutes=100))
    assert levers["a"].fire_if_due()
    assert levers["a"].paper.requested == 7
    async with world(clock, tmp_path, {"a": steady(5)}, levers=levers, dead_man=HALF_HOUR) as here:
        men = await live(here, clock, 3)
        assert here.fleet.reconcilers["a"].state.foreign_since is None
        assert levers["a"].paper.requested == 5
        await live(here, clock, 60, men)


async def test_a_step_of_the_fallback_that_ran_is_published_for_the_next_leader(clock, tmp_path):
    lease, slow = FakeLease(), {"scale_down_delay": timedelta(minutes=30)}
    async with fleet_of(clock, tmp_path, {"a": steady(5)}, **slow) as here:
        await live(here, clock, 3, plan=rising)
        levers = here.levers
    await clock.advance(timedelta(minutes=100))
    levers["a"].fire_if_due()
    assert levers["a"].paper.requested == 7
    async with world(clock, tmp_path, {"a": steady(5)}, levers=levers, dead_man=HALF_HOUR, **slow) as here:
        here.fleet.term = LeaderTerm(lease, 2)
        await here.tick()
        assert levers["a"].paper.requested == 7, "what was wanted meanwhile is not known: not lowered yet"

    left = read_handover(lease.published).last_writes["a"]
    assert (left.target, left.before, left.number) == (7, 7, 2)


async def test_a_write_that_could_not_be_published_is_published_with_a_later_step(clock, tmp_path):
    lease, slow = FakeLease(), {"scale_down_delay": timedelta(hours=3)}
    keep = lease.publish

    async def away(number, texts):
        raise Unfenced("the lease store is away")

    async with fleet_of(clock, tmp_path, {"a": steady(5)}, **slow) as here:
        await live(here, clock, 3, plan=rising)
        levers = here.levers
    await clock.advance(timedelta(minutes=100))
    levers["a"].fire_if_due()
    async with world(clock, tmp_path, {"a": steady(5)}, levers=levers, dead_man=HALF_HOUR, **slow) as here:
        here.fleet.term, lease.publish = LeaderTerm(lease, 2), away
        await here.tick()
        assert here.fleet.reconcilers["a"].state.written == 7
        lease.publish = keep
        await live(here, clock, 30)

    assert read_handover(lease.published).last_writes["a"].target == 7


async def test_closing_during_a_call_returns_false(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        await here.tick()
        men = DeadManSwitch(here.fleet, clock, here.store, unknown)
        here.levers["a"].seconds = 100
        telling = asyncio.create_task(men.renew())
        await here.levers["a"].asked.wait()

        assert await men.close() is False
        assert await men.close() is True
        telling.cancel()


async def test_a_release_fails_where_the_fallback_cannot_be_cancelled(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}, on_exit="floor") as here:
        await live(here, clock, 3)
        each = here.fleet.reconcilers["a"]

        async def refuse():
            raise Unreachable("no answer")
        here.levers["a"].disarm = refuse
        plan = (await release_pool(each, clock)).plan

        assert not is_released(plan)
        assert "could not be cancelled: no answer" in plan.text


async def test_a_fallback_that_runs_at_an_unreachable_provider_is_no_foreign_write(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        lever = here.levers["a"]
        men = await live(here, clock, 2, plan=rising)
        lever.refuses = Unreachable("no answer")
        for _ in range(110):
            await clock.advance(MINUTE)
            lever.fire_if_due()
            await here.tick()
            await men.renew()
            assert here.fleet.reconcilers["a"].state.foreign_since is None

        assert len(lever.armed) < 6
        assert lever.paper.requested == 5


async def test_a_long_round_leaves_the_rest_to_the_next_round(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {f"p{at}": steady(5) for at in range(12)}) as here:
        await here.tick()
        men = DeadManSwitch(here.fleet, clock, Nowhere(), unknown)
        for lever in here.levers.values():
            lever.seconds = 30
        await renewed(here, men)
        begun = sum(bool(lever.orders) for lever in here.levers.values())
        await renewed(here, men)

        assert 4 <= begun < 12
        assert sum(bool(lever.orders) for lever in here.levers.values()) > begun


async def test_renewals_precede_first_fallbacks(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {f"p{at}": steady(5) for at in range(80)}) as here:
        men = DeadManSwitch(here.fleet, clock, Nowhere(), unknown)
        for lever in here.levers.values():
            lever.seconds = 240  # four pools at once, and no more in a round
        for _ in range(40):
            await here.tick()
            await renewed(here, men)
            await clock.advance(MINUTE)
            assert not any(lever.fire_if_due() for lever in here.levers.values())
        assert 30 < sum(bool(lever.orders) for lever in here.levers.values()) < 80


async def test_late_renewals_are_logged_once(clock, tmp_path, capsys):
    async with fleet_of(clock, tmp_path, {f"p{at}": steady(5) for at in range(40)}) as here:
        men = await live(here, clock, 30, DeadManSwitch(here.fleet, clock, Nowhere(), unknown))
        assert "fallback-late" not in capsys.readouterr().out
        for lever in here.levers.values():
            lever.seconds = 3600
        for _ in range(40):
            await renewed(here, men)
            await clock.advance(MINUTE)

        assert capsys.readouterr().out.count("fallback-late") == 1


async def test_an_override_replaces_a_raising_fallback_of_the_leader_before(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        await live(here, clock, 3, plan=rising)
        assert any(order.least for order in here.levers["a"].armed)
        here.fleet.reconcilers["a"].overrides = (Override(Kind.PAUSE, NOON + timedelta(hours=9), "ana", "a test"),)
        await DeadManSwitch(here.fleet, clock, here.store, rising).renew()

        assert not any(order.least for order in here.levers["a"].armed)


async def test_a_leader_sets_no_fallback_for_an_unset_pool(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        await here.tick()
        each = here.fleet.reconcilers["a"]
        each.state, each.term = PoolState(), LeaderTerm(FakeLease(), 1)
        await DeadManSwitch(here.fleet, clock, here.store, rising).renew()

        assert here.levers["a"].orders == []


async def test_a_daemon_without_the_lease_sends_no_fallback(clock, tmp_path, capsys):
    class Followed(FakeLease):
        async def publish(self, number, texts):
            raise Unfenced("another leads")

    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        await here.tick()
        here.fleet.reconcilers["a"].term = LeaderTerm(Followed(), 1)
        men = DeadManSwitch(here.fleet, clock, here.store, unknown)
        await men.renew()

        assert (here.levers["a"].orders, here.fleet.reconcilers["a"].state.scheduled_fallback) == ([], ())
        assert "dead-man" not in capsys.readouterr().out


async def test_a_fallback_sent_as_the_leader_changed_is_not_stored(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        await here.tick()
        each, lever = here.fleet.reconcilers["a"], here.levers["a"]
        each.term, lever.seconds = LeaderTerm(FakeLease(), 1), 20
        men = DeadManSwitch(here.fleet, clock, here.store, unknown)
        telling = asyncio.create_task(men.renew())
        await lever.asked.wait()
        each.start_term(LeaderTerm(FakeLease("bob leads")))
        await here.drive(telling)

        assert lever.orders
        assert (each.state.scheduled_fallback, each.state.pending_fallback) == ((), ())


async def test_a_foreign_write_cancels_the_fallback(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        men = await live(here, clock, 3, plan=rising)
        here.levers["a"].foreign(2)
        await live(here, clock, 50, men)

        assert (here.levers["a"].paper.requested, here.levers["a"].armed) == (2, ())
        await live(here, clock, 30, men)
        assert here.levers["a"].armed


async def test_a_fallback_is_renewed_while_readings_fail(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        men = await live(here, clock, 3)
        for _ in range(60):
            here.fleet.reconcilers["a"].error = Unreachable("no answer")
            await men.renew()
            await clock.advance(MINUTE)
            assert not here.levers["a"].fire_if_due()


async def test_a_shorter_after_applies_at_once(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}, dead_man=DeadMan(after=timedelta(days=1))) as here:
        await live(here, clock, 2)
        levers = here.levers
    async with world(clock, tmp_path, {"a": steady(5)}, levers=levers, dead_man=HALF_HOUR) as here:
        await live(here, clock, 2)

        assert levers["a"].armed[0].at - clock.now() <= timedelta(minutes=30)


async def test_units_scheduled_before_the_last_write_are_a_foreign_write(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        await live(here, clock, 3)
        lever, each = here.levers["a"], here.fleet.reconcilers["a"]
        each.state = replace(each.state, scheduled_fallback=((clock.now() - timedelta(hours=2), 2),))
        lever.foreign(2)
        await here.minutes(12)

        assert each.state.foreign_since is not None


async def test_a_new_term_discards_the_known_schedule(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        men = await live(here, clock, 30)
        lever, each = here.levers["a"], here.fleet.reconcilers["a"]
        assert (lever.forgot, len(lever.orders) > 2) == (1, True)
        each.term = LeaderTerm(FakeLease(), 7)
        await clock.advance(15 * MINUTE)
        await men.renew()
        assert lever.forgot == 2


async def test_other_units_than_scheduled_are_a_foreign_write(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        await live(here, clock, 3)
        here.levers["a"].foreign(2)
        await live(here, clock, 12)

        assert here.fleet.plans["a"].reasons[-1].code is ReasonCode.FOREIGN_WRITE


async def test_a_standby_sends_nothing_and_a_leader_renews_the_fallback_of_another(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        await live(here, clock, 2)
        each, lever = here.fleet.reconcilers["a"], here.levers["a"]
        sent = len(lever.orders)
        each.state = replace(each.state, scheduled_fallback=())

        each.term = LeaderTerm(FakeLease("another leads"))
        await DeadManSwitch(here.fleet, clock, here.store, unknown).renew()
        assert len(lever.orders) == sent
        each.term = LeaderTerm(FakeLease(), 7)
        await DeadManSwitch(here.fleet, clock, here.store, unknown).renew()
        assert len(lever.orders) == sent + 1


async def test_a_refused_fallback_is_tried_again_and_logged_once(clock, tmp_path, capsys):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        here.levers["a"].refuses = Unreachable("no answer")
        men = await live(here, clock, 5)
        assert men.errors == {"a": "no answer"}
        here.levers["a"].refuses = None
        await live(here, clock, 2, men)

        assert here.levers["a"].armed
        assert capsys.readouterr().out.count("fallback-failed") == 1


async def test_removing_dead_man_from_the_policy_cancels_the_fallback(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        await live(here, clock, 3)
        levers = here.levers
    async with world(clock, tmp_path, {"a": steady(5)}, levers=levers) as here:
        await live(here, clock, 2)

        assert (levers["a"].armed, levers["a"].disarmed) == ((), 1)
        assert here.fleet.reconcilers["a"].state.scheduled_fallback == ()


async def test_a_release_cancels_the_fallback_and_a_hold_keeps_it(clock, tmp_path):
    traffic = {"release": steady(5), "hold": steady(5)}
    async with fleet_of(clock, tmp_path, traffic) as here:
        each = here.fleet.reconcilers["release"]
        each.policy = each.policy.model_copy(update={"on_exit": "release"})
        await live(here, clock, 3)
        await here.fleet.close(leave=True)

        assert here.levers["release"].disarmed == 1
        assert here.levers["hold"].armed


@pytest.mark.parametrize("remembered", [True, False])
async def test_a_release_also_cancels_fallbacks_of_unknown_state(clock, tmp_path, remembered):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}, on_exit="release") as here:
        await live(here, clock, 3)
        each, lever = here.fleet.reconcilers["a"], here.levers["a"]
        if remembered:
            each.state = replace(each.state, written=None)
        else:
            each.state = replace(each.state, scheduled_fallback=())
        await here.fleet.close(leave=True)

        assert (lever.disarmed, each.state.scheduled_fallback) == (1, ())


def test_setting_the_clock_back_keeps_the_fallback():
    state = PoolState(written=5, scheduled_fallback=((NOON + timedelta(minutes=30), 1),))

    assert without_future_instants(state, observation()).scheduled_fallback == state.scheduled_fallback


async def test_a_lever_without_scheduled_actions_is_sent_nothing(clock, tmp_path):
    async with world(clock, tmp_path, {"a": steady(5)}, levers={"a": FakeLever(clock)}, dead_man=HALF_HOUR) as here:
        await here.tick()
        await DeadManSwitch(here.fleet, clock, here.store, rising).renew()

        assert here.fleet.reconcilers["a"].state.pending_fallback == ()


async def test_a_fallback_sent_during_a_kill_is_stored_as_pending(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}, min=3) as here:
        await here.tick()
        lever = here.levers["a"]
        lever.seconds = 3600
        killed = asyncio.create_task(DeadManSwitch(here.fleet, clock, here.store, rising).renew())
        await lever.asked.wait()
        killed.cancel()
        state = here.store.store.load_states()["a"]

    assert state.scheduled_fallback == ()
    assert (state.pending_fallback[0], state.pending_fallback[-1]) == ((NOON + HALF_HOUR.after, 3),
                                                                       (NOON + timedelta(hours=3, minutes=30), 3))


async def test_a_fallback_that_ran_right_before_its_renewal_is_no_foreign_write(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}, min=3) as here:
        men = await live(here, clock, 1, plan=rising)
        each, lever = here.fleet.reconcilers["a"], here.levers["a"]
        await clock.advance(HALF_HOUR.after - MINUTE)
        lever.foreign(lever.armed[0].most)  # it runs after capacity was read
        await men.renew()
        assert each.state.scheduled_fallback[0][0] > clock.now()
        await live(here, clock, 1, men)  # it is looked for at once
        assert lever.paper.requested == 5

        await live(here, clock, 12, men)
        assert each.state.foreign_since is None


async def test_the_number_of_pending_changes_is_limited(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        here.levers["a"].refuses = Unreachable("no answer")
        await live(here, clock, 150, plan=rising)
        state = here.fleet.reconcilers["a"].state

        assert len(state.pending_fallback) == MOST_PENDING - 1, "what was to be done is forgotten once it would have been seen"
        here.levers["a"].refuses = None
        await live(here, clock, 1, DeadManSwitch(here.fleet, clock, here.store, rising))
        assert here.fleet.reconcilers["a"].state.pending_fallback == ()


async def test_pending_fallbacks_are_cancelled(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}, min=3) as here:
        await here.tick()
        each, lever = here.fleet.reconcilers["a"], here.levers["a"]
        each.state = with_pending(each.state, [ScheduledChange(NOON + HALF_HOUR.after, 3)], NOON)
        assert each.state.scheduled_fallback == ()
        men = DeadManSwitch(here.fleet, clock, here.store, unknown)
        each.policy = each.policy.model_copy(update={"dead_man": None})
        await men.renew()

        assert (lever.disarmed, each.state.pending_fallback) == (1, ())
        each.state = with_pending(each.state, [ScheduledChange(NOON + HALF_HOUR.after, 3)], NOON)
        await cancel_fallback(each, clock)
        assert (lever.disarmed, each.state.pending_fallback) == (2, ())


async def test_a_fallback_stored_during_planning_is_kept(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {f"p{at}": steady(5) for at in range(YIELD_EVERY + 10)}) as here:
        for _ in range(7):
            await here.tick()
            await clock.advance(MINUTE)
        first, last = here.fleet.reconcilers["p0"], here.fleet.reconcilers[f"p{YIELD_EVERY + 5}"]
        plan = last.plan

        def beside(*given, **named):
            first.accept_state(replace(first.state, scheduled_fallback=((NOON, 3),)))
            return plan(*given, **named)
        last.plan = beside
        await here.tick()

        assert first.state.scheduled_fallback == ((NOON, 3),)


async def test_a_pool_with_slow_calls_delays_no_other(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {f"p{at}": steady(5) for at in range(6)}) as here:
        await here.tick()
        men, slow = DeadManSwitch(here.fleet, clock, Nowhere(), unknown), here.levers["p0"]
        slow.seconds = 1200
        for _ in range(15):
            await renewed(here, men)
            await clock.advance(MINUTE)
        others = [lever for lever in here.levers.values() if lever is not slow]

        assert all(len(lever.orders) >= 2 for lever in others)
        assert slow.orders == []
        await renewed(here, men)
        await clock.advance(timedelta(minutes=10))
        assert len(slow.orders) == 1, "its calls go on, and are made once"


async def test_closing_cancels_calls(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        await here.tick()
        men, lever = DeadManSwitch(here.fleet, clock, Nowhere(), unknown), here.levers["a"]
        lever.seconds = 1200
        await renewed(here, men)
        await men.close()
        await clock.advance(timedelta(hours=1))

        assert lever.orders == []
