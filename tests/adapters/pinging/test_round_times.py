"""Rounds start within the pause, at random seconds, and not while users are expected."""

from datetime import timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from adapters.pinging.round_times import LONGEST_WAIT, next_round
from adapters.pinging.usage_pattern import UsagePattern
from forecasting.demand import DemandSeries, minute_of
from tests.builders import NOON

MINUTE = timedelta(minutes=1)
START = minute_of(NOON)


def known(peak, first: int, busy=None) -> DemandSeries:
    column = np.asarray(peak, np.float32)
    return DemandSeries(first, column, column / 2 if busy is None else np.asarray(busy, np.float32), column * 10)


def with_users(daily, days: int = 1) -> UsagePattern:
    """Return a pattern with `daily(minute of the day)` users on each of the `days` before noon."""
    usage = UsagePattern()
    minutes = np.arange(START - days * 1440, START)
    usage.note(known([daily(int(minute) % 1440) for minute in minutes], int(minutes[0])))
    return usage


@given(st.integers(0, 59), st.integers(2, 60), st.integers(0, 10_000))
def test_a_round_starts_within_the_last_third_of_the_pause(second, pause, seed):
    last = NOON + timedelta(seconds=second)
    at = next_round(last, pause * MINUTE, 20, UsagePattern(), np.random.default_rng(seed))

    assert last + 0.69 * pause * MINUTE <= at <= last + pause * MINUTE


def test_rounds_of_two_pools_start_at_different_seconds():
    rounds = {next_round(NOON, 5 * MINUTE, 20, UsagePattern(), np.random.default_rng(seed)) for seed in range(100)}

    assert len({at.replace(microsecond=0) for at in rounds}) > 40


def test_a_round_starts_in_a_minute_without_users():
    busy_minutes = with_users(lambda minute: 5.0 if minute % 5 in (4, 0) else 0.0, days=2)
    taken = [next_round(NOON, 10 * MINUTE, 20, busy_minutes, np.random.default_rng(seed)) for seed in range(50)]

    assert {minute_of(at) % 5 for at in taken} == {2, 3}, "12:07 to 12:09 are left, of which 12:09 has users"


def test_of_minutes_with_equal_peaks_a_round_starts_in_that_with_usually_fewer_users():
    usage = UsagePattern()
    for day in range(1, 4):
        first = START - day * 1440 + 7
        usage.note(known([3.0, 3.0, 0.0 if day > 1 else 3.0, 3.0], first))
    times = [next_round(NOON, 10 * MINUTE, 20, usage, np.random.default_rng(seed)) for seed in range(30)]

    assert {minute_of(at) - START for at in times} == {9}


def test_no_round_starts_in_an_expected_peak():
    noon_rush = with_users(lambda minute: 30.0 if 720 <= minute < 740 else 1.0, days=3)
    taken = [next_round(NOON, 5 * MINUTE, 20, noon_rush, np.random.default_rng(seed)) for seed in range(20)]

    assert {minute_of(at) - START for at in taken} == {20}


def test_a_permanent_peak_delays_a_round_by_a_limited_time():
    always = with_users(lambda minute: 30.0)
    at = next_round(NOON, 5 * MINUTE, 20, always, np.random.default_rng(0))

    assert minute_of(at) - START <= LONGEST_WAIT + 5


def test_demand_of_the_last_7_days_is_expected_and_older_demand_is_not():
    usage = UsagePattern()
    usage.note(known([9.0], START - 6 * 1440))
    assert usage.expected(START) == 9.0
    usage.note(known([0.0], START + 2 * 1440))
    assert usage.expected(START + 3 * 1440) == 0.0


def test_units_in_use_in_all_recent_minutes_are_busy():
    usage = UsagePattern()
    usage.note(known([9.0, 9.0, 9.0], START - 3, busy=[6.4, 5.9, 7.0]))

    assert usage.busy(START) == 5
    assert usage.busy(START + 60) == 0, "the newest minute is stale"


def test_nothing_is_expected_without_known_demand():
    usage = UsagePattern()

    assert (usage.expected(START), usage.busy(START), usage.last_peak(1, START - 60)) == (0.0, 0, None)


def test_the_newest_minute_with_enough_users_is_found():
    usage = UsagePattern()
    usage.note(known([25.0, 20.0, 19.0, np.nan], START - 4))

    assert usage.last_peak(20, START - 10) == START - 3
    assert usage.last_peak(20, START - 2) is None
    assert usage.last_peak(26, START - 10) is None


def test_a_peak_that_becomes_unknown_is_not_expected():
    usage, minute = UsagePattern(), START - 1440
    usage.note(known([9.0], minute))
    assert (usage.expected(START), usage.last_peak(9, minute)) == (9, minute)

    usage.note(DemandSeries(minute, *(np.array([value], np.float32) for value in (np.nan, 1.0, 90))))
    assert (usage.expected(START), usage.last_peak(9, minute), usage.busy(minute)) == (0, None, 0)
