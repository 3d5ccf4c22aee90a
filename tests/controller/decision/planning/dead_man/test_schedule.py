from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from adapters.ports.lever import ScheduledChange
from config.model.dead_man import DeadMan
from config.model.schedule import Schedule
from controller.decision.planning.dead_man.schedule import SLOT, scheduled_changes, with_confirmed, with_pending
from controller.decision.planning.pool_state.state import PoolState
from forecasting.demand import minute_of
from tests.builders import NOON, pool_policy

MINUTE = timedelta(minutes=1)
HALF_HOUR, THREE_HOURS = timedelta(minutes=30), timedelta(hours=3)


FLOOR = 2


def pool(follow=THREE_HOURS, **changes):
    return pool_policy(dead_man=DeadMan(after=HALF_HOUR, follow=follow), **({"min": FLOOR, "max": 50} | changes))


def planned(*units, begin=NOON):
    return [(minute_of(begin) + 15 * at, each) for at, each in enumerate(units)]


def test_the_schedule_has_the_maximum_of_each_half_hour_and_ends_at_the_floor():
    orders = scheduled_changes(pool(timedelta(hours=1)), NOON + 10 * MINUTE, planned(5, 6, 9, 4, 7, 7, 1, 1))

    assert orders == (ScheduledChange(NOON + 10 * MINUTE, 6, 6), ScheduledChange(NOON + 30 * MINUTE, 9, 9),
                      ScheduledChange(NOON + 60 * MINUTE, 7, 7),
                      ScheduledChange(NOON + 90 * MINUTE, 2))


def test_equal_steps_are_merged():
    orders = scheduled_changes(pool(), NOON, planned(*[8] * 24))

    assert orders == (ScheduledChange(NOON, 8, 8), ScheduledChange(NOON + THREE_HOURS, 2))


def test_without_a_plan_the_schedule_is_the_floor():
    at = NOON + HALF_HOUR
    assert scheduled_changes(pool(), at, []) == (ScheduledChange(at, 2),)
    assert scheduled_changes(pool(), at, planned(9, 9)) == (ScheduledChange(at, 2),)  # over by then
    assert scheduled_changes(pool(timedelta(0)), NOON, planned(*[9] * 24)) == (ScheduledChange(NOON, 2),)
    assert scheduled_changes(pool_policy(), at, planned(*[9] * 24)) == ()


def test_a_later_floor_is_not_cut_where_nothing_may_rise():
    begins = Schedule(cron="30 12 * * *", timezone="UTC", duration=timedelta(hours=1), min=4)
    orders = scheduled_changes(pool(schedules=(begins,)), NOON, planned(*[20] * 8), most=3)

    assert [(order.most, order.least) for order in orders] == [(3, 0), (4, 0), (3, 0), (2, 0)]


def test_the_schedule_ends_where_the_plan_ends():
    orders = scheduled_changes(pool(), NOON, planned(5, 5, 8, 8, 3))

    assert orders == (ScheduledChange(NOON, 5, 5), ScheduledChange(NOON + HALF_HOUR, 8, 8), ScheduledChange(NOON + 2 * HALF_HOUR,
                                                                                                            2))


def test_scheduled_units_are_kept_where_the_plan_is_nearly_the_same():
    first, _, third, fourth = (NOON + at * HALF_HOUR for at in range(4))
    previous = ((first, 20), (fourth, 3), (fourth + HALF_HOUR, 2))
    orders = scheduled_changes(pool(timedelta(hours=2)), first, planned(21, 21, 22, 22, 25, 25, 4, 4), scheduled=previous)

    assert orders == (ScheduledChange(first, 20, 20), ScheduledChange(third, 25, 25), ScheduledChange(fourth, 3, 3),
                      ScheduledChange(fourth + HALF_HOUR, 2))
    bound = scheduled_changes(pool(timedelta(hours=2), max=15), first, planned(*[21] * 8), scheduled=previous)
    assert [order.most for order in bound] == [15, 2]


def test_with_money_limited_nothing_rises():
    orders = scheduled_changes(pool(), NOON, planned(4, 4, 20, 20), most=6)

    assert orders[:2] == (ScheduledChange(NOON, 4), ScheduledChange(NOON + HALF_HOUR, 6))
    assert all(order.least == 0 for order in orders)


def test_the_floor_and_ceiling_in_force_at_each_step_apply():
    quiet = Schedule(name="quiet", cron="0 13 * * *", duration=timedelta(hours=2), timezone="UTC", max=3)
    orders = scheduled_changes(pool(schedules=(quiet,)), NOON, planned(*[9] * 24))

    assert orders == (ScheduledChange(NOON, 9, 9), ScheduledChange(NOON + timedelta(hours=1), 3, 3),
                      ScheduledChange(NOON + THREE_HOURS, 2))


def test_every_step_keeps_at_least_one_unit():
    orders = scheduled_changes(pool(min=0), NOON, planned(0, 0, 0, 0))

    assert {(order.most, order.least) for order in orders} == {(1, 0)}


@given(st.lists(st.integers(0, 90), max_size=24), st.integers(0, 360), st.integers(-60, 400), st.none() | st.integers(0, 90))
def test_steps_are_in_order_within_bounds_and_the_last_is_the_floor(units, follow, late, most):
    at = NOON + late * MINUTE
    orders = scheduled_changes(pool(follow * MINUTE), at, planned(*units), most)

    instants = [order.at for order in orders]
    assert instants == sorted(set(instants))
    assert instants[0] == at
    assert instants[-1] < at + follow * MINUTE + SLOT
    assert orders[-1] == ScheduledChange(instants[-1], 2)
    for order in orders:
        assert 1 <= order.most <= 50
        assert order.least in (0, order.most)
        assert most is None or order.most <= max(FLOOR, most), "a limit does not cut the floor, 2 in this policy"
        assert most is None or order.least == 0, "with a limit nothing is raised"


def test_the_last_sent_changes_stay_pending_after_many_attempts():
    state = PoolState(written=5, written_at=NOON)
    for minute in range(150):
        now = NOON + minute * MINUTE
        state = with_pending(state, [ScheduledChange(now + HALF_HOUR, 3)], now)

    assert (now + HALF_HOUR, 3) in state.pending_fallback
    assert len(state.pending_fallback) < 60


def test_unread_changes_that_may_have_run_become_unconfirmed_writes():
    state = PoolState(written=5, written_at=NOON - 10 * MINUTE, scheduled_fallback=((NOON, 3), (NOON + HALF_HOUR, 1)))
    later = [ScheduledChange(NOON + HALF_HOUR, 3)]
    known = replace(state, written_at=NOON + 3 * MINUTE)

    assert with_confirmed(state, later, NOON + MINUTE).unconfirmed_writes == ((NOON, 3),)
    assert with_confirmed(known, later, NOON + 4 * MINUTE).unconfirmed_writes == ()
    assert with_confirmed(state, later, NOON + 20 * MINUTE).unconfirmed_writes == ()
    assert with_confirmed(state, later, NOON - 10 * MINUTE).unconfirmed_writes == ()
