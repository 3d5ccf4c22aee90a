"""Distribution of work over the minutes in which it ran."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.aws.cloudwatch.run_on import LONGEST_REQUEST, least_at_work, may_still_run, spread
from tests.adapters.aws.cloudwatch.test_demand_rows import metrics

NAN = np.nan
MINUTES = 20


def over(work, most, least=None, idle=None):
    columns = [np.array(each, float) for each in (work, [0] * len(work) if least is None else least, most)]
    return spread(*columns, columns[2] == 0 if idle is None else np.array(idle, bool)).tolist()


def test_work_below_the_peak_stays_in_its_minute():
    assert over([0.5, 2, 0], [1, 2, 0]) == [0.5, 2, 0]


def test_work_continues_through_unknown_minutes():
    assert over([4, 0, 0, 0, 0], [1, NAN, 1, 1, 0]) == pytest.approx([1, NAN, 1, 1, 0], nan_ok=True)


def test_work_is_reserved_for_minutes_with_a_known_minimum():
    """10 requests start at once: one runs for 4 min, and the others may end within the first minute."""
    assert over([10, 0, 0, 0], [10, 9, 1, 1], [0, 1, 1, 0]) == [8, 1, 1, 0]
    assert over([0, 0, 0], [5, 4, 1], [4, 1, 0]) == [4, 1, 0], "though no duration is published yet"


def test_remaining_work_is_dropped_in_an_idle_minute():
    assert over([9, 0, 1], [1, 0, 2]) == [1, 0, 1]
    assert over([3, 0, 0], [1, 0, 2], idle=[0, 0, 0]) == [1, 0, 2], "but where nothing but own pings can be seen"


def test_requests_of_a_later_peak_ran_through_the_minute():
    peak, begun = np.array([33, 33, 33, 26, 1, 1, 0.0]), np.array([33, 0, 5, 7, NAN, NAN, NAN])

    assert least_at_work(peak, begun).tolist() == [0, 28, 14, 0, 1, 0, 0]


def test_a_request_may_run_for_as_long_as_lambda_allows():
    begun = np.zeros(LONGEST_REQUEST + 5, bool)
    begun[1] = True

    assert np.flatnonzero(may_still_run(begun)).tolist() == list(range(1, LONGEST_REQUEST + 1))


REQUESTS = st.lists(st.tuples(st.integers(0, 60 * 8), st.integers(1, 60 * 10)), min_size=1, max_size=30)


@given(REQUESTS)
def test_once_all_durations_are_published_no_work_is_lost_and_none_is_counted_twice(requests):
    count, most, mean = metrics(requests, MINUTES)
    peak, work = np.nan_to_num(most), np.nan_to_num(count * mean) / 60
    busy = spread(work, least_at_work(peak, count), peak, peak == 0)
    least = [sum(begins <= 60 * minute and begins + lasts >= 60 * minute + 60 for begins, lasts in requests)
             for minute in range(MINUTES)]

    assert busy.sum() == pytest.approx(work.sum())
    assert (busy <= peak + 1e-9).all()
    assert (least_at_work(peak, count) <= least).all()
    assert (np.cumsum(busy) <= np.cumsum(work) + 1e-9).all(), "none is done before it began"
