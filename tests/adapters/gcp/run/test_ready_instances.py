"""Ready instances of a minimum by minute."""

from datetime import timedelta

from adapters.gcp.run.ready_instances import ReadyInstances
from forecasting.demand import minute_of
from tests.builders import NOON

START, FIRST = timedelta(seconds=10), minute_of(NOON)
MINUTE = timedelta(minutes=1)


def floor_of(*asked: tuple[int, int]) -> ReadyInstances:
    """Return a minimum that was 0 and becomes `units` at `seconds` after noon, for each pair."""
    floor = ReadyInstances(START)
    floor.set_minimum(0, NOON - timedelta(hours=1))
    for units, seconds in asked:
        floor.set_minimum(units, NOON + timedelta(seconds=seconds))
    return floor


def minutes_of(floor: ReadyInstances, now: int) -> dict[int, int]:
    return {minute - FIRST: units for minute, units in floor.by_minute(NOON + now * MINUTE).items()}


def test_an_instance_is_ready_in_a_minute_if_it_started_in_its_first_half():
    floor = floor_of((4, 15), (9, 60 + 25))
    floor.add_counts({FIRST: 4, FIRST + 1: 9, FIRST + 2: 9})

    assert minutes_of(floor, 2) == {0: 4, 1: 4, 2: 9}


def test_instances_that_requests_started_do_not_count_for_a_later_minimum():
    floor = floor_of((5, 60 + 40))
    floor.add_counts({FIRST: 5, FIRST + 1: 5})

    assert floor.newest(NOON + 2 * MINUTE) == 0


def test_ready_is_limited_by_the_count():
    floor = floor_of((6, 5))
    floor.add_counts({FIRST: 2, FIRST + 1: 3})

    assert minutes_of(floor, 3) == {0: 2, 1: 3, 2: 3, 3: 3}
    assert floor.newest(NOON + 3 * MINUTE) == 3


def test_minutes_without_a_count_have_the_units_that_can_have_started():
    floor = floor_of((2, 5), (8, 2 * 60 + 5))
    floor.add_counts({FIRST: 2, FIRST + 1: 2})
    expected = minutes_of(floor, 3)
    floor.add_counts({FIRST + 2: 7, FIRST + 3: 8})

    assert expected == {0: 2, 1: 2, 2: 8, 3: 8}
    assert minutes_of(floor, 3) == {0: 2, 1: 2, 2: 7, 3: 8}


def test_a_lowered_minimum_limits_ready_units():
    floor = floor_of((9, 5), (2, 3 * 60), (8, 4 * 60))
    floor.add_counts({FIRST + 1: 9, FIRST + 2: 9})

    assert floor.newest(NOON + 4 * MINUTE + START) == 2


def test_without_a_recent_count_nothing_is_reported():
    floor = floor_of((4, 5))
    floor.add_counts({FIRST + 1: 4})

    assert floor.newest(NOON + timedelta(hours=1)) is None
    assert floor.by_minute(NOON + timedelta(hours=1)) == {}


def test_a_constant_and_fully_counted_minimum_needs_no_correction():
    floor = floor_of((4, 5))
    floor.add_counts(dict.fromkeys(range(FIRST + 28, FIRST + 32), 4))
    steady = minutes_of(floor, 32)
    floor.add_counts({FIRST + 32: 3})

    assert steady == {}
    assert minutes_of(floor, 32)[32] == 3


def test_the_highest_minimum_includes_the_one_at_the_start_of_the_minute():
    floor = ReadyInstances(timedelta(seconds=30))
    floor.set_minimum(2, NOON)
    floor.set_minimum(5, NOON + timedelta(seconds=90))
    floor.set_minimum(3, NOON + timedelta(seconds=100))
    minute = minute_of(NOON)

    assert [floor.highest_minimum(each) for each in range(minute - 1, minute + 4)] == [0, 2, 5, 3, 3]
