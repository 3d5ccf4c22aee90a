from datetime import timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from controller.decision.planning.allocation import (
    PATIENCE,
    AllocationInputs,
    ChangeBudget,
    ChangeRequest,
    allowed,
    softened,
    within_tick_limits,
)
from tests.builders import NOON
from tests.examples import examples

MINUTE = timedelta(minutes=1)


@st.composite
def fleets(draw, held=True):
    pools = draw(st.integers(1, 8))
    def numbers(low, high):
        return draw(st.lists(st.integers(low, high), min_size=pools, max_size=pools))
    want, have, floor = (np.array(numbers(0, 60), np.int64) for _ in range(3))
    price = np.array(numbers(0, 20)) / 100
    value = np.array([np.nan if each == 0 else each / 4 - 2 for each in numbers(0, 20)])
    have = have if held else np.zeros(pools, np.int64)
    shown = np.maximum(have - np.array(numbers(0, 9)), 0)
    return AllocationInputs(want, shown, have, np.minimum(floor, want), price, value)


def cost(stakes, units):
    return float((units * stakes.price).sum())


@given(fleets(held=False), st.floats(0.01, 100))
def test_the_limit_is_never_exceeded_unless_floors_alone_exceed_it(stakes, limit):
    granted = allowed(stakes, limit)

    assert cost(stakes, granted) <= max(limit, cost(stakes, stakes.floor)) + 1e-6
    assert (granted >= stakes.floor).all()
    assert (granted <= stakes.want).all()


@given(fleets(), st.floats(0.01, 100))
def test_held_units_are_released_slowly_and_no_pool_rises_into_missing_room(stakes, limit):
    granted = allowed(stakes, limit)
    held = stakes.held

    assert (granted >= np.minimum(stakes.want, np.minimum(stakes.shown, held - np.maximum(1, held // 10)))).all()
    raised = np.maximum(held, granted)
    kept = np.maximum(held, stakes.floor)
    assert cost(stakes, raised) <= max(limit, cost(stakes, kept)) + 1e-6


@given(fleets(), st.floats(0.01, 100))
def test_no_pool_rises_to_unread_units_while_the_fleet_costs_too_much(stakes, limit):
    granted = allowed(stakes, limit)
    rises = granted > np.maximum(stakes.shown, stakes.floor)

    assert not rises.any() or cost(stakes, np.maximum(stakes.held, stakes.floor)) <= limit


@given(fleets(), st.floats(0.01, 100), st.floats(0, 50))
def test_a_higher_limit_lowers_no_pool(stakes, limit, more):
    assert (allowed(stakes, limit + more) >= allowed(stakes, limit)).all()


@given(fleets(held=False), st.floats(0.01, 100))
def test_no_pool_exceeds_its_floor_while_a_pool_with_higher_savings_lacks_units(stakes, limit):
    granted, worth = allowed(stakes, limit), np.nan_to_num(stakes.value)
    lacking = [at for at in range(len(granted)) if granted[at] < stakes.want[at] and stakes.price[at] > 0]
    for at in lacking:
        less = (worth < worth[at]) & (stakes.price > 0)
        assert (granted[less] == stakes.floor[less]).all()


@given(fleets(held=False), st.floats(0.1, 100))
def test_there_is_no_cliff_a_little_less_limit_takes_little_away(stakes, limit):
    before, after = (cost(stakes, allowed(stakes, each)) for each in (limit, limit * 0.99))

    assert before - after <= 0.01 * limit + float(stakes.price.max()) + 1e-6


@given(st.floats(0, 1000), st.floats(0, 1000), st.floats(0.01, 100))
def test_a_larger_request_is_granted_no_less_and_below_the_knee_in_full(wanted, other, limit):
    low, high = sorted((wanted, other))

    assert softened(low, limit) <= softened(high, limit) + 1e-9
    assert softened(high, limit) <= limit + 1e-9
    assert softened(min(low, 0.8 * limit), limit) == min(low, 0.8 * limit)


def test_the_pool_with_the_lowest_savings_shrinks_first_and_before_the_limit():
    nothing, one = np.array([0, 0]), np.array([1, 1])
    stakes = AllocationInputs(np.array([10, 10]), nothing, nothing, one, one.astype(float), np.array([3.0, 0.5]))

    assert allowed(stakes, 26).tolist() == [10, 10]
    assert allowed(stakes, 20).tolist() == [10, 8]
    assert allowed(stakes, 12).tolist() == [10, 1]
    assert allowed(stakes, 6).tolist() == [4, 1]
    assert allowed(stakes, 1).tolist() == [1, 1]


def turn(pool, change, waited=0):
    return ChangeRequest(pool, change, NOON - waited * MINUTE)


def test_raises_precede_decreases_and_the_largest_is_first():
    turns = [turn("fall", -90), turn("small", 1), turn("large", 9)]

    assert [each.pool for each in within_tick_limits(turns, NOON)] == ["large", "small", "fall"]


@examples(50)
@given(st.integers(1, 5), st.integers(1, 20), st.lists(st.integers(-30, 30).filter(bool), min_size=1, max_size=12))
def test_no_pool_waits_for_ever(pools, units, changes):
    left = {f"p{at}": change for at, change in enumerate(changes)}
    since = dict.fromkeys(left, NOON)
    rounds = 0
    while left and rounds < 1000:
        now, ledger, rounds = NOON + rounds * MINUTE, ChangeBudget(pools, units), rounds + 1
        rival = ChangeRequest("always the largest raise", 1_000_000, now)
        for each in within_tick_limits([rival, *(ChangeRequest(name, change, since[name]) for name, change in left.items())],
                                       now):
            granted = ledger.take(each.change)
            if each.pool in left and granted is not None:
                left[each.pool] -= granted
                since[each.pool] = now
        left = {name: change for name, change in left.items() if change}

    assert not left
    assert rounds <= (len(changes) + sum(map(abs, changes))) * (PATIENCE // MINUTE + 2)
