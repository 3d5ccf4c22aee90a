"""Demand from metrics: which minutes are zero or unknown, and the minutes of long work."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.aws.cloudwatch.demand_rows import UNCOUNTED, Points, Unread, demand, has_no_peak, present
from adapters.pinging.own_traffic import OwnTraffic

NAN = np.nan


def points(invocations, concurrency, duration_ms=None, throttles=None, first=1000):
    n = len(invocations)
    columns = (invocations, concurrency, duration_ms, throttles)
    return Points(first, *(np.array([NAN] * n if each is None else each, float) for each in columns))


def everywhere(n):
    return np.ones(n, bool)


def rows_of(made, proof=None, usual_ms=None, counted=None, **given):
    """Return the demand of points; by default, every minute is proved and has a point of the region's Invocations."""
    n = len(made.invocations)
    proof, counted = (everywhere(n) if each is None else np.asarray(each, bool) for each in (proof, counted))
    return demand(made, proof, counted, usual_ms, **given)


def test_an_absent_point_is_zero_only_in_a_proved_minute():
    rows = rows_of(points([5, NAN, NAN], [2, NAN, NAN], [6000, NAN, NAN]), [True, True, False])

    assert rows.peak.tolist()[:2] == [2, 0]
    assert rows.invocations.tolist()[:2] == [5, 0]
    assert np.isnan(rows.peak[2])
    assert np.isnan(rows.busy[2])


def test_a_present_point_is_known_without_proof():
    rows = rows_of(points([5], [2], [6000]), [False])

    assert (rows.peak[0], rows.busy[0], rows.invocations[0]) == (2, 0.5, 5)


def test_the_newest_minute_of_a_busy_alias_is_not_idle_at_once():
    at_work = points([5, 5, NAN], [2, 2, NAN], [6000, 6000, NAN])
    quiet = points([NAN, NAN, NAN], [NAN, NAN, NAN])

    assert rows_of(at_work, newest=1002).known.tolist() == [True, True, False]
    assert rows_of(at_work, newest=1003).known.tolist() == [True, True, True]
    assert rows_of(quiet, newest=1002).peak.tolist() == [0, 0, 0]


def test_busy_is_at_most_the_peak_and_the_rest_moves_to_later_minutes():
    """One request of 4 min, which CloudWatch counts in the minute of its start."""
    rows = rows_of(points([1, NAN, NAN, NAN, NAN], [1, 1, 1, 1, NAN], [240_000, NAN, NAN, NAN, NAN]))

    assert rows.busy.tolist() == [1, 1, 1, 1, 0]


def test_remaining_work_ends_in_an_idle_minute():
    rows = rows_of(points([9, NAN, 1], [1, NAN, 1], [60_000, NAN, 6_000]))

    assert rows.busy.tolist() == pytest.approx([1, 0, 0.1])


def test_work_continues_in_an_unknown_minute():
    """Four requests of 195 s, 13 unit minutes: 4 of them are in the unknown minute, so that one is left."""
    rows = rows_of(points([4, NAN, NAN, NAN, NAN], [4, 4, NAN, 4, NAN], [195_000, NAN, NAN, NAN, NAN]), [1, 1, 0, 1, 1])

    assert rows.busy.tolist() == pytest.approx([4, 4, NAN, 1, 0], nan_ok=True)


BATCH = points([33, NAN, 5, NAN, NAN, NAN], [33, 33, 33, 3, 1, NAN], [170_000, NAN, 60_000, NAN, NAN, NAN])


def test_work_of_a_long_batch_is_counted_exactly_once():
    busy = rows_of(BATCH, runs_on=True).busy

    assert busy.sum() == pytest.approx(33 * 170 / 60 + 5)
    assert busy[3] >= 1, "the request that runs alone after it ran through it"


def test_long_requests_count_before_their_durations_are_published():
    early = replace(BATCH, duration_ms=np.array([2_000, NAN, 1_000, NAN, NAN, NAN]))

    assert (rows_of(early, runs_on=True).busy[:5] >= [0, 28, 0, 1, 0]).all()


def test_a_missing_duration_is_the_last_known_one():
    rows = rows_of(points([2, 2, 2], [3, 3, 3], [30_000, NAN, NAN]), usual_ms=1.0)

    assert rows.busy.tolist() == [1, 1, 1]


def test_without_any_duration_busy_is_the_peak():
    assert rows_of(points([2], [3])).busy.tolist() == [3]
    assert rows_of(points([2], [3]), usual_ms=30_000).busy.tolist() == [1]


def test_a_minute_whose_peak_is_not_published_yet_has_requests_and_no_peak():
    rows = rows_of(points([2, 4], [3, NAN], [30_000, 30_000]))

    assert rows.known.tolist() == [True, False]
    assert rows.invocations.tolist() == [2, 4]


def test_an_unpublished_peak_is_calculated_from_the_work():
    rows = rows_of(points([2, 9], [NAN, NAN], [1_000, 20_000]), peakless=True)

    assert rows.peak.tolist() == [1, 3]


def test_a_temporarily_missing_peak_is_unknown():
    made = points([2] * 20, [NAN] * 20, [60_000] * 20)

    assert not rows_of(made).known.any()
    assert has_no_peak(made) is None
    assert has_no_peak(points([2] * UNCOUNTED, [NAN] * UNCOUNTED)) is True
    assert has_no_peak(points([2] * UNCOUNTED, [NAN] * (UNCOUNTED - 1) + [1])) is False


def test_without_invocations_busy_keeps_its_share_of_the_peak():
    """A busy of zero would lower all decisions that use it."""
    made = points([30, 30, NAN, NAN, NAN], [4, 4, 4, 6, 2], [4_000, 4_000, NAN, NAN, NAN])

    assert rows_of(made, counted=[1, 1, 0, 0, 0]).busy.tolist() == [2, 2, 2, 3, 1]
    assert rows_of(made).busy.tolist() == [2, 2, 0, 3, 1], "the first may be the end of what began before"
    assert rows_of(points([30] * 15 + [NAN], [4] * 16, [4_000] * 16)).busy.tolist() == [2] * 16, "but not where one always begins"
    assert rows_of(points([NAN], [3]), counted=[0]).busy.tolist() == [3]


def test_a_minute_with_only_a_duration_or_throttles_is_not_idle():
    made = points([NAN, NAN, NAN], [NAN, NAN, NAN], [6000, NAN, NAN], [NAN, 0, NAN])

    assert rows_of(made).known.tolist() == [False, False, True]
    assert not present(made).any()


def test_throttled_requests_are_demand():
    rows = rows_of(points([4, NAN], [2, NAN], [30_000, NAN], [6, 3]))

    assert rows.peak.tolist() == [2 + 3, 2]
    assert rows.invocations.tolist() == [10, 3]


def test_a_throttled_request_needs_at_most_one_unit():
    assert rows_of(points([4], [4], [600_000], [3])).peak.tolist() == [4 + 3]


CELL = st.one_of(st.just(NAN), st.floats(0, 1e4))
ROWS = st.lists(st.tuples(CELL, CELL, CELL, CELL, st.booleans(), st.booleans()), min_size=1, max_size=40)


@given(ROWS, st.one_of(st.none(), st.floats(0, 1e6)))
def test_rows_are_valid_for_any_metrics(cells, usual_ms):
    columns = [np.array(column, float) for column in zip(*cells, strict=True)]
    rows = demand(Points(0, *columns[:4]), columns[4].astype(bool), columns[5].astype(bool), usual_ms)

    known = rows.known
    assert (np.isnan(rows.busy) == ~known).all()
    assert not np.isnan(rows.invocations[known]).any()
    assert (rows.busy[known] >= 0).all()
    assert (rows.busy[known] <= rows.peak[known] * (1 + 1e-6)).all()


def metrics(requests, minutes):
    """What CloudWatch has of `requests` (second of the start, seconds), a minute a row: count, most at once and mean seconds."""
    count, most, mean = np.full(minutes, NAN), np.full(minutes, NAN), np.full(minutes, NAN)
    edges = sorted([(at, 1) for at, _ in requests] + [(at + lasts, -1) for at, lasts in requests])
    for minute in range(minutes):
        begun = [lasts for at, lasts in requests if at // 60 == minute]
        before = sum(step for at, step in edges if at <= 60 * minute)
        levels = before + np.cumsum([0, *(step for at, step in edges if 60 * minute < at < 60 * minute + 60)])
        if levels.max() > 0:
            most[minute] = levels.max()
        if begun:
            count[minute], mean[minute] = len(begun), np.mean(begun)
    return count, most, mean


MINUTES = 6
USERS = st.lists(st.tuples(st.integers(0, 60 * MINUTES - 61), st.integers(1, 400)), max_size=25)
BURSTS = st.dictionaries(st.integers(0, MINUTES - 2), st.tuples(st.integers(1, 20), st.integers(5, 50)), min_size=1, max_size=4)


@given(USERS, BURSTS, st.integers(0, MINUTES), st.floats(1, 400_000))
def test_own_pings_are_never_demand(users, bursts, read, usual_ms):
    """`read`: minutes with known durations; the newest minutes have none and use an older mean."""
    ledger, pings = OwnTraffic(), []
    for minute, (count, second) in bursts.items():
        ledger.note(1000 + minute, count, 1.0 * count)
        pings += [(60 * minute + second, 1)] * count
    count, most, mean = metrics(users + pings, MINUTES)
    mean[read:] = NAN
    theirs, truth, _ = (np.nan_to_num(each) for each in metrics(users, MINUTES))
    made = points(count, most, mean * 1000)
    rows = ledger.bounded(rows_of(made, usual_ms=usual_ms, own=ledger.own(1000, MINUTES)))

    assert rows.invocations.tolist() == theirs.tolist()
    assert (rows.peak[rows.known] <= truth[rows.known]).all()
    untouched = [minute for minute in range(MINUTES) if minute not in bursts]
    assert rows.peak[untouched].tolist() == truth[untouched].tolist()


def test_users_work_continues_after_a_minute_of_mostly_pings():
    """20 requests of 150 s; 40 of the 60 requests in flight in the second minute are pings."""
    ledger = OwnTraffic()
    ledger.note(1001, 40, 4.0)
    made = points([20, 40, NAN, NAN], [20, 60, 20, NAN], [150_000, 100, NAN, NAN])
    rows = ledger.bounded(rows_of(made, own=ledger.own(1000, 4), runs_on=True))

    assert rows.busy.tolist() == pytest.approx([20, 20, 10, 0])


def test_pings_do_not_make_a_peak_of_an_alias_without_one():
    ledger = OwnTraffic()
    ledger.note(1001, 20, 2.0)
    made = points([2, 20], [NAN, NAN], [120_000, NAN])
    rows = ledger.bounded(rows_of(made, own=ledger.own(1000, 2), peakless=True))

    assert rows.peak.tolist() == [4, 0]


def test_the_work_of_users_is_the_sum_without_the_time_of_pings():
    """20 pings of 100 ms and 2 requests of 1 min: the mean of a minute without pings must not apply to pings."""
    ledger = OwnTraffic()
    ledger.note(1001, 20, 2.0)
    rows = rows_of(points([2, 22, 22], [2, 20, 20], [60_000, (2 * 60_000 + 2_000) / 22, NAN]), own=ledger.own(1000, 3))

    assert rows.busy.tolist() == pytest.approx([2, 2, 20])
    assert rows.invocations.tolist() == [2, 2, 22]


def test_a_long_request_in_a_minute_of_only_pings_is_work():
    ledger = OwnTraffic()
    ledger.note(1002, 20, 2.0)
    made = points([1, NAN, 20, NAN], [1, 1, 21, 1], [60_000, NAN, 100, NAN])
    rows = ledger.bounded(rows_of(made, own=ledger.own(1000, 4)))

    assert rows.busy[2:].tolist() == [1, 1]


def test_minutes_without_their_requests_leave_the_work_before_them_as_it_is():
    """The peak of such a minute would otherwise look like requests that had all started earlier, and hold their work back."""
    read = [20, 24, 22, 18], [10, 14, 12, 11], [31_000, 30_000, 32_000, 29_000]
    before = rows_of(points(*read), runs_on=True)
    later = [each + [NAN] * 3 for each in read[::2]]
    rows = rows_of(points(later[0], [*read[1], 12, 13, 11], later[1]), runs_on=True,
                   unread=Unread(np.array([False] * 4 + [True] * 3), 0.5))

    assert rows.busy.tolist()[:4] == before.busy.tolist()
    assert rows.busy.tolist()[4:] == [6, 6.5, 5.5]
    assert np.isnan(rows.invocations[4:]).all()
