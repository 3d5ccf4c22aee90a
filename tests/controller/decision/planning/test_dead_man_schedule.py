from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from adapters.ports.lever import Order
from config.model.dead_man import DeadMan
from config.model.schedule import Schedule
from controller.decision.planning.dead_man_schedule import SLOT, about_to_tell, has_told, last_orders
from controller.decision.planning.pool_state import PoolState
from forecasting.demand import minute_of
from tests.builders import NOON, pool_policy

MINUTE = timedelta(minutes=1)
HALF_HOUR, THREE_HOURS = timedelta(minutes=30), timedelta(hours=3)


def pool(follow=THREE_HOURS, **changes):
    return pool_policy(dead_man=DeadMan(after=HALF_HOUR, follow=follow), **({"min": 2, "max": 50} | changes))


def planned(*units, begin=NOON):
    return [(minute_of(begin) + 15 * at, each) for at, each in enumerate(units)]


def test_it_follows_the_most_of_each_half_hour_and_ends_at_the_floor():
    orders = last_orders(pool(timedelta(hours=1)), NOON + 10 * MINUTE, planned(5, 6, 9, 4, 7, 7, 1, 1))

    assert orders == (Order(NOON + 10 * MINUTE, 6, 6), Order(NOON + 30 * MINUTE, 9, 9), Order(NOON + 60 * MINUTE, 7, 7),
                      Order(NOON + 90 * MINUTE, 2))


def test_what_does_not_change_is_not_said_again():
    orders = last_orders(pool(), NOON, planned(*[8] * 24))

    assert orders == (Order(NOON, 8, 8), Order(NOON + THREE_HOURS, 2))


def test_without_a_plan_or_when_told_to_it_goes_straight_to_the_floor():
    at = NOON + HALF_HOUR
    assert last_orders(pool(), at, []) == (Order(at, 2),)
    assert last_orders(pool(), at, planned(9, 9)) == (Order(at, 2),)  # over by then
    assert last_orders(pool(timedelta(0)), NOON, planned(*[9] * 24)) == (Order(NOON, 2),)
    assert last_orders(pool_policy(), at, planned(*[9] * 24)) == ()


def test_where_nothing_may_rise_a_floor_that_begins_later_is_not_cut_either():
    begins = Schedule(cron="30 12 * * *", timezone="UTC", duration=timedelta(hours=1), min=4)
    orders = last_orders(pool(schedules=(begins,)), NOON, planned(*[20] * 8), most=3)

    assert [(order.most, order.least) for order in orders] == [(3, 0), (4, 0), (3, 0), (2, 0)]


def test_it_ends_where_the_plan_ends():
    orders = last_orders(pool(), NOON, planned(5, 5, 8, 8, 3))

    assert orders == (Order(NOON, 5, 5), Order(NOON + HALF_HOUR, 8, 8), Order(NOON + 2 * HALF_HOUR, 2))


def test_what_was_told_stands_where_the_plan_has_hardly_moved():
    first, _, third, fourth = (NOON + at * HALF_HOUR for at in range(4))
    told = ((first, 20), (fourth, 3), (fourth + HALF_HOUR, 2))
    orders = last_orders(pool(timedelta(hours=2)), first, planned(21, 21, 22, 22, 25, 25, 4, 4), told=told)

    assert orders == (Order(first, 20, 20), Order(third, 25, 25), Order(fourth, 3, 3), Order(fourth + HALF_HOUR, 2))
    bound = last_orders(pool(timedelta(hours=2), max=15), first, planned(*[21] * 8), told=told)
    assert [order.most for order in bound] == [15, 2]


def test_with_money_limited_nothing_rises():
    orders = last_orders(pool(), NOON, planned(4, 4, 20, 20), most=6)

    assert orders[:2] == (Order(NOON, 4), Order(NOON + HALF_HOUR, 6))
    assert all(order.least == 0 for order in orders)


def test_the_floor_and_ceiling_of_then_bind():
    quiet = Schedule(name="quiet", cron="0 13 * * *", duration=timedelta(hours=2), timezone="UTC", max=3)
    orders = last_orders(pool(schedules=(quiet,)), NOON, planned(*[9] * 24))

    assert orders == (Order(NOON, 9, 9), Order(NOON + timedelta(hours=1), 3, 3), Order(NOON + THREE_HOURS, 2))


def test_nobody_is_ever_left_with_nothing():
    orders = last_orders(pool(min=0), NOON, planned(0, 0, 0, 0))

    assert {(order.most, order.least) for order in orders} == {(1, 0)}


@given(st.lists(st.integers(0, 90), max_size=24), st.integers(0, 360), st.integers(-60, 400), st.none() | st.integers(0, 90))
def test_orders_are_in_order_within_bounds_and_the_last_is_the_floor(units, follow, late, most):
    at = NOON + late * MINUTE
    orders = last_orders(pool(follow * MINUTE), at, planned(*units), most)

    instants = [order.at for order in orders]
    assert instants == sorted(set(instants))
    assert instants[0] == at
    assert instants[-1] < at + follow * MINUTE + SLOT
    assert orders[-1] == Order(instants[-1], 2)
    for order in orders:
        assert 1 <= order.most <= 50
        assert order.least in (0, order.most)
        assert most is None or order.most <= max(1, most) or order == orders[-1]


def test_what_was_tried_to_tell_last_is_remembered_however_often_it_was_tried():
    state = PoolState(written=5, written_at=NOON)
    for minute in range(150):
        now = NOON + minute * MINUTE
        state = about_to_tell(state, [Order(now + HALF_HOUR, 3)], now)

    assert (now + HALF_HOUR, 3) in state.telling
    assert len(state.telling) < 60


def test_what_may_have_been_done_and_was_not_seen_is_doubted_and_nothing_else():
    state = PoolState(written=5, written_at=NOON - 10 * MINUTE, decays=((NOON, 3), (NOON + HALF_HOUR, 1)))
    later = [Order(NOON + HALF_HOUR, 3)]
    known = replace(state, written_at=NOON + 3 * MINUTE)

    assert has_told(state, later, NOON + MINUTE).doubts == ((NOON, 3),)
    assert has_told(known, later, NOON + 4 * MINUTE).doubts == ()
    assert has_told(state, later, NOON + 20 * MINUTE).doubts == ()
    assert has_told(state, later, NOON - 10 * MINUTE).doubts == ()
