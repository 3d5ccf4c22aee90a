"""What providers are told ahead, on a fleet at work."""

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
from controller.decision.planning.dead_man_schedule import MOST_PENDING, with_pending
from controller.decision.planning.overrides import Kind, Override
from controller.decision.planning.pool_state import PoolState
from controller.decision.planning.reasons import ReasonCode
from controller.decision.planning.state_transitions import without_future_instants
from controller.fleet.dead_man_switch import DeadManSwitch
from controller.fleet.fleet import YIELD_EVERY
from controller.fleet.shutdown import cancel_fallback, is_released, release_pool
from controller.forecasts.rotation import CapacityForecast
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


async def test_while_the_daemon_lives_nothing_fires_and_few_calls_are_made(clock, tmp_path):
    traffic = {f"p{at}": steady(5) for at in range(30)}
    async with fleet_of(clock, tmp_path, traffic) as here:
        await live(here, clock, 120)

        for lever in here.levers.values():
            assert 8 <= len(lever.orders) <= 13
            assert {order.most for _, *orders in lever.orders for order in orders} == {1}
        later = [at for lever in here.levers.values() for at, *_ in lever.orders[1:]]
        assert max(map(later.count, later)) <= 15


async def test_the_order_is_the_floor_in_force_and_never_nothing(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}, min=3) as here:
        await live(here, clock, 2)

        assert [order.most for order in here.levers["a"].armed] == [3]


async def test_the_plan_of_the_next_hours_is_ordered_and_then_the_floor(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}, min=1) as here:
        await live(here, clock, 1, plan=rising)

        at = NOON + timedelta(minutes=30)
        ordered = [(order.at - at, order.most, order.least) for order in here.levers["a"].armed]
        assert ordered == [*((timedelta(minutes=30 * slot), 3 + 2 * slot, 3 + 2 * slot) for slot in range(6)),
                           (timedelta(hours=3), 1, 0)]
        assert here.fleet.reconcilers["a"].state.scheduled_fallback == tuple((order.at, order.most)
                                                                             for order in here.levers["a"].armed)


async def test_once_the_plan_is_known_it_is_ordered_without_waiting(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        men = await live(here, clock, 2)
        assert len(here.levers["a"].armed) == 1
        await live(here, clock, 4, DeadManSwitch(here.fleet, clock, here.store, rising))

        assert [len(orders) for _, *orders in here.levers["a"].orders] == [1, 8]
        assert men.errors == {}


@pytest.mark.parametrize("why", ["budget", "limits", "pause"])
async def test_nothing_is_ordered_to_rise_where_money_is_limited_or_an_operator_steers(clock, tmp_path, why):
    budget = {"budget_usd_per_month": 500.0} if why == "budget" else {}
    async with fleet_of(clock, tmp_path, {"a": steady(5)}, **budget) as here:
        await here.tick()
        if why == "limits":
            here.fleet.limiter.limits = Limits(usd_per_hour=9.0)
        if why == "pause":
            here.fleet.reconcilers["a"].overrides = (Override(Kind.PAUSE, NOON + timedelta(hours=1), "ana", "a test"),)
        await live(here, clock, 1, plan=rising)

        assert [(order.most, order.least) for order in here.levers["a"].armed] == [(3, 0), (5, 0), (1, 0)]


async def test_once_an_operator_steers_what_was_told_to_rise_is_so_no_more(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        men = await live(here, clock, 2, plan=rising)
        assert here.levers["a"].armed[-2].least
        here.fleet.reconcilers["a"].overrides = (Override(Kind.PAUSE, NOON + timedelta(hours=1), "ana", "a test"),)
        await live(here, clock, 3, men)

        assert len(here.levers["a"].orders) == 2
        assert not any(order.least for order in here.levers["a"].armed)


async def test_what_an_earlier_process_ordered_is_taken_back_where_its_store_is_lost_and_nothing_is_set(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(0)}) as here:
        lever = here.levers["a"]
        lever.armed = (ScheduledChange(NOON + timedelta(minutes=20), 3, 3),)
        await live(here, clock, 40)

        assert (lever.paper.requested, lever.disarmed) == (0, 1)


async def test_shadow_pools_and_what_stoker_has_not_set_are_told_nothing(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(0)}) as here:
        await live(here, clock, 3)
        assert here.levers["a"].orders == []
    async with fleet_of(clock, tmp_path / "..", {"a": steady(5)}, mode="shadow") as here:
        await live(here, clock, 3)
        assert here.levers["a"].orders == []


async def test_what_fell_while_no_daemon_lived_is_no_foreign_write_and_is_raised_again(clock, tmp_path):
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


async def test_wherever_on_the_plan_a_daemon_comes_back_it_takes_what_it_finds_for_its_own(clock, tmp_path):
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


async def test_what_was_done_as_ordered_and_is_taken_for_ours_is_told_to_whoever_leads_next(clock, tmp_path):
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


async def test_what_could_not_be_shared_is_shared_with_a_later_step(clock, tmp_path):
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


async def test_an_end_amid_a_call_says_that_it_may_be_under_way(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        await here.tick()
        men = DeadManSwitch(here.fleet, clock, here.store, unknown)
        here.levers["a"].seconds = 100
        telling = asyncio.create_task(men.renew())
        await here.levers["a"].asked.wait()

        assert await men.close() is False
        assert await men.close() is True
        telling.cancel()


async def test_an_end_that_cannot_take_orders_back_is_no_end(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}, on_exit="floor") as here:
        await live(here, clock, 3)
        each = here.fleet.reconcilers["a"]

        async def refuse():
            raise Unreachable("no answer")
        here.levers["a"].disarm = refuse
        plan = (await release_pool(each, clock)).plan

        assert not is_released(plan)
        assert "could not be cancelled: no answer" in plan.text


async def test_what_a_provider_that_cannot_be_reached_does_meanwhile_is_nobody_elses_doing(clock, tmp_path):
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


async def test_a_round_that_takes_long_leaves_the_rest_to_the_next(clock, tmp_path):
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


async def test_where_there_are_more_pools_than_calls_who_was_told_is_put_off_before_another_is_told(clock, tmp_path):
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


async def test_where_calls_do_not_suffice_to_put_off_in_time_it_is_told_once(clock, tmp_path, capsys):
    async with fleet_of(clock, tmp_path, {f"p{at}": steady(5) for at in range(40)}) as here:
        men = await live(here, clock, 30, DeadManSwitch(here.fleet, clock, Nowhere(), unknown))
        assert "fallback-late" not in capsys.readouterr().out
        for lever in here.levers.values():
            lever.seconds = 3600
        for _ in range(40):
            await renewed(here, men)
            await clock.advance(MINUTE)

        assert capsys.readouterr().out.count("fallback-late") == 1


async def test_what_a_leader_before_told_to_rise_rises_no_more_once_an_operator_steers(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        await live(here, clock, 3, plan=rising)
        assert any(order.least for order in here.levers["a"].armed)
        here.fleet.reconcilers["a"].overrides = (Override(Kind.PAUSE, NOON + timedelta(hours=9), "ana", "a test"),)
        await DeadManSwitch(here.fleet, clock, here.store, rising).renew()

        assert not any(order.least for order in here.levers["a"].armed)


async def test_a_leader_tells_nothing_about_a_pool_that_nobody_has_set(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        await here.tick()
        each = here.fleet.reconcilers["a"]
        each.state, each.term = PoolState(), LeaderTerm(FakeLease(), 1)
        await DeadManSwitch(here.fleet, clock, here.store, rising).renew()

        assert here.levers["a"].orders == []


async def test_who_leads_no_more_tells_nothing(clock, tmp_path, capsys):
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


async def test_what_was_told_as_another_began_to_lead_is_left_to_that_one_to_remember(clock, tmp_path):
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


async def test_what_somebody_else_sets_is_not_undone_by_what_was_ordered_before(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        men = await live(here, clock, 3, plan=rising)
        here.levers["a"].foreign(2)
        await live(here, clock, 50, men)

        assert (here.levers["a"].paper.requested, here.levers["a"].armed) == (2, ())
        await live(here, clock, 30, men)
        assert here.levers["a"].armed


async def test_while_readings_fail_it_is_put_off_all_the_same(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        men = await live(here, clock, 3)
        for _ in range(60):
            here.fleet.reconcilers["a"].error = Unreachable("no answer")
            await men.renew()
            await clock.advance(MINUTE)
            assert not here.levers["a"].fire_if_due()


async def test_an_after_that_was_made_shorter_holds_at_once(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}, dead_man=DeadMan(after=timedelta(days=1))) as here:
        await live(here, clock, 2)
        levers = here.levers
    async with world(clock, tmp_path, {"a": steady(5)}, levers=levers, dead_man=HALF_HOUR) as here:
        await live(here, clock, 2)

        assert levers["a"].armed[0].at - clock.now() <= timedelta(minutes=30)


async def test_a_number_that_was_ordered_before_our_last_write_is_somebody_elses(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        await live(here, clock, 3)
        lever, each = here.levers["a"], here.fleet.reconcilers["a"]
        each.state = replace(each.state, scheduled_fallback=((clock.now() - timedelta(hours=2), 2),))
        lever.foreign(2)
        await here.minutes(12)

        assert each.state.foreign_since is not None


async def test_who_leads_anew_takes_nothing_for_known_that_another_may_have_ordered(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        men = await live(here, clock, 30)
        lever, each = here.levers["a"], here.fleet.reconcilers["a"]
        assert (lever.forgot, len(lever.orders) > 2) == (1, True)
        each.term = LeaderTerm(FakeLease(), 7)
        await clock.advance(15 * MINUTE)
        await men.renew()
        assert lever.forgot == 2


async def test_a_change_to_another_number_is_still_somebody_elses(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        await live(here, clock, 3)
        here.levers["a"].foreign(2)
        await live(here, clock, 12)

        assert here.fleet.plans["a"].reasons[-1].code is ReasonCode.FOREIGN_WRITE


async def test_who_stands_by_orders_nothing_and_who_leads_puts_off_what_another_ordered(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        await live(here, clock, 2)
        each, lever = here.fleet.reconcilers["a"], here.levers["a"]
        told = len(lever.orders)
        each.state = replace(each.state, scheduled_fallback=())

        each.term = LeaderTerm(FakeLease("another leads"))
        await DeadManSwitch(here.fleet, clock, here.store, unknown).renew()
        assert len(lever.orders) == told
        each.term = LeaderTerm(FakeLease(), 7)
        await DeadManSwitch(here.fleet, clock, here.store, unknown).renew()
        assert len(lever.orders) == told + 1


async def test_a_provider_that_refuses_is_asked_again_and_told_once(clock, tmp_path, capsys):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        here.levers["a"].refuses = Unreachable("no answer")
        men = await live(here, clock, 5)
        assert men.errors == {"a": "no answer"}
        here.levers["a"].refuses = None
        await live(here, clock, 2, men)

        assert here.levers["a"].armed
        assert capsys.readouterr().out.count("fallback-failed") == 1


async def test_taken_out_of_the_policy_the_order_is_taken_back(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        await live(here, clock, 3)
        levers = here.levers
    async with world(clock, tmp_path, {"a": steady(5)}, levers=levers) as here:
        await live(here, clock, 2)

        assert (levers["a"].armed, levers["a"].disarmed) == ((), 1)
        assert here.fleet.reconcilers["a"].state.scheduled_fallback == ()


async def test_an_end_that_releases_takes_the_order_back_and_one_that_holds_does_not(clock, tmp_path):
    traffic = {"release": steady(5), "hold": steady(5)}
    async with fleet_of(clock, tmp_path, traffic) as here:
        each = here.fleet.reconcilers["release"]
        each.policy = each.policy.model_copy(update={"on_exit": "release"})
        await live(here, clock, 3)
        await here.fleet.close(leave=True)

        assert here.levers["release"].disarmed == 1
        assert here.levers["hold"].armed


@pytest.mark.parametrize("remembered", [True, False])
async def test_an_end_takes_back_also_what_was_cut_short_and_later_what_it_did_not_get_to(clock, tmp_path, remembered):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}, on_exit="release") as here:
        await live(here, clock, 3)
        each, lever = here.fleet.reconcilers["a"], here.levers["a"]
        if remembered:
            each.state = replace(each.state, written=None)
        else:
            each.state = replace(each.state, scheduled_fallback=())
        await here.fleet.close(leave=True)

        assert (lever.disarmed, each.state.scheduled_fallback) == (1, ())


def test_a_clock_that_was_set_back_does_not_bring_an_order_forward():
    state = PoolState(written=5, scheduled_fallback=((NOON + timedelta(minutes=30), 1),))

    assert without_future_instants(state, observation()).scheduled_fallback == state.scheduled_fallback


async def test_a_lever_without_scheduled_actions_is_sent_nothing(clock, tmp_path):
    async with world(clock, tmp_path, {"a": steady(5)}, levers={"a": FakeLever(clock)}, dead_man=HALF_HOUR) as here:
        await here.tick()
        await DeadManSwitch(here.fleet, clock, here.store, rising).renew()

        assert here.fleet.reconcilers["a"].state.pending_fallback == ()


async def test_what_was_being_told_when_the_daemon_was_killed_is_its_own_when_it_is_done(clock, tmp_path):
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


async def test_what_was_done_right_before_it_was_put_off_is_nobody_elses(clock, tmp_path):
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


async def test_what_was_tried_to_tell_is_remembered_within_limits(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        here.levers["a"].refuses = Unreachable("no answer")
        await live(here, clock, 150, plan=rising)
        state = here.fleet.reconcilers["a"].state

        assert len(state.pending_fallback) == MOST_PENDING - 1, "what was to be done is forgotten once it would have been seen"
        here.levers["a"].refuses = None
        await live(here, clock, 1, DeadManSwitch(here.fleet, clock, here.store, rising))
        assert here.fleet.reconcilers["a"].state.pending_fallback == ()


async def test_orders_that_may_stand_are_taken_back_though_no_answer_told_of_them(clock, tmp_path):
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


async def test_what_is_told_while_the_fleet_is_planned_is_not_forgotten_by_a_plan_of_before(clock, tmp_path):
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


async def test_a_pool_whose_calls_take_long_delays_no_other(clock, tmp_path):
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


async def test_an_end_cuts_short_what_is_being_told(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        await here.tick()
        men, lever = DeadManSwitch(here.fleet, clock, Nowhere(), unknown), here.levers["a"]
        lever.seconds = 1200
        await renewed(here, men)
        await men.close()
        await clock.advance(timedelta(hours=1))

        assert lever.orders == []
