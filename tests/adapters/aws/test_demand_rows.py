"""From metrics to demand: what is zero, what is unknown, and where long work is booked."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.aws.demand_rows import Points, alive, demand, proved
from adapters.minutes import SILENCE

NAN = np.nan


def points(invocations, concurrency, duration_ms=None, throttles=None, first=1000):
    n = len(invocations)
    columns = (invocations, concurrency, duration_ms, throttles)
    return Points(first, *(np.array([NAN] * n if each is None else each, float) for each in columns))


def everywhere(n):
    return np.ones(n, bool)


def test_an_absent_point_is_zero_where_telemetry_is_proved_and_unknown_elsewhere():
    rows = demand(points([5, NAN, NAN], [2, NAN, NAN], [6000, NAN, NAN]), np.array([True, True, False]), None)

    assert rows.peak.tolist()[:2] == [2, 0]
    assert rows.invocations.tolist()[:2] == [5, 0]
    assert np.isnan(rows.peak[2])
    assert np.isnan(rows.busy[2])


def test_a_present_point_is_known_whatever_is_proved():
    rows = demand(points([5], [2], [6000]), np.array([False]), None)

    assert (rows.peak[0], rows.busy[0], rows.invocations[0]) == (2, 0.5, 5)


def test_the_newest_minute_of_an_alias_that_was_at_work_is_not_taken_for_idle_at_once():
    at_work = points([5, 5, NAN], [2, 2, NAN], [6000, 6000, NAN])
    quiet = points([NAN, NAN, NAN], [NAN, NAN, NAN])

    assert demand(at_work, everywhere(3), None, newest=1002).known.tolist() == [True, True, False]
    assert demand(at_work, everywhere(3), None, newest=1003).known.tolist() == [True, True, True]
    assert demand(quiet, everywhere(3), None, newest=1002).peak.tolist() == [0, 0, 0]


def test_busy_is_never_above_the_peak_and_what_is_over_goes_on():
    """One request of four minutes: all its time is booked in the minute in which it began."""
    rows = demand(points([1, NAN, NAN, NAN, NAN], [1, 1, 1, 1, NAN], [240_000, NAN, NAN, NAN, NAN]), everywhere(5), None)

    assert rows.busy.tolist() == [1, 1, 1, 1, 0]


def test_what_is_over_ends_where_nothing_runs():
    rows = demand(points([9, NAN, 1], [1, NAN, 1], [60_000, NAN, 6_000]), everywhere(3), None)

    assert rows.busy.tolist() == pytest.approx([1, 0, 0.1])


def test_a_missing_duration_is_the_last_known_one():
    rows = demand(points([2, 2, 2], [3, 3, 3], [30_000, NAN, NAN]), everywhere(3), 1.0)

    assert rows.busy.tolist() == [1, 1, 1]


def test_with_no_duration_at_all_the_peak_is_taken():
    assert demand(points([2], [3]), everywhere(1), None).busy.tolist() == [3]
    assert demand(points([2], [3]), everywhere(1), 30_000).busy.tolist() == [1]


def test_a_minute_whose_peak_is_not_published_yet_is_unknown():
    rows = demand(points([2, 4], [3, NAN], [30_000, 30_000]), everywhere(2), None)

    assert rows.known.tolist() == [True, False]


def test_where_the_peak_is_never_published_it_is_made_of_the_work():
    rows = demand(points([2, 9], [NAN, NAN], [1_000, 20_000]), everywhere(2), None)

    assert rows.peak.tolist() == [1, 3]


def test_what_was_throttled_away_was_wanted_too():
    rows = demand(points([4, NAN], [2, NAN], [30_000, NAN], [6, 3]), everywhere(2), None)

    assert rows.peak.tolist() == [2 + 3, 2]
    assert rows.invocations.tolist() == [10, 3]


def test_between_two_points_of_the_region_telemetry_was_alive():
    region = np.array([100, 105, 130])

    assert proved(region, 98, 132).tolist() == [
        100 <= minute <= 105 or minute == 130 for minute in range(98, 132)
    ]


def test_nothing_newer_than_the_region_is_proved():
    assert not proved(np.array([100, 101, 102]), 103, 110).any()
    assert not proved(np.array([], np.int64), 0, 10).any()


@given(st.sets(st.integers(0, 200), max_size=60), st.integers(0, 100), st.integers(1, 100))
def test_a_proved_minute_lies_between_two_near_points(region, first, length):
    minutes = np.array(sorted(region), np.int64)
    for minute, proof in zip(range(first, first + length), proved(minutes, first, first + length), strict=True):
        before, after = [m for m in region if m <= minute], [m for m in region if m >= minute]
        assert proof == bool(before and after and min(after) - max(before) <= SILENCE)


def test_a_region_that_never_misses_a_minute_and_falls_silent_is_broken():
    dense = np.arange(0, 100)

    assert alive(dense, 105) is True
    assert alive(dense, 140) is False


def test_a_quiet_region_cannot_tell():
    assert alive(np.array([0, 30, 60]), 140) is None
    assert alive(np.array([], np.int64), 140) is None


CELL = st.one_of(st.just(NAN), st.floats(0, 1e4))


ROWS = st.lists(st.tuples(CELL, CELL, CELL, CELL, st.booleans()), min_size=1, max_size=40)


@given(ROWS, st.one_of(st.none(), st.floats(0, 1e6)))
def test_rows_are_lawful_for_any_metrics(cells, usual_ms):
    columns = [np.array(column, float) for column in zip(*cells, strict=True)]
    rows = demand(Points(0, *columns[:4]), columns[4].astype(bool), usual_ms)

    known = rows.known
    assert (np.isnan(rows.busy) == ~known).all()
    assert (np.isnan(rows.invocations) == ~known).all()
    assert (rows.busy[known] >= 0).all()
    assert (rows.busy[known] <= rows.peak[known] * (1 + 1e-6)).all()
