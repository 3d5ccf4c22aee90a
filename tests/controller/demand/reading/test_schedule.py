"""Which part of a pool's demand is read when, and what that costs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ports.demand_source import Part
from adapters.ports.read_prices import LAMBDA, ReadPrices
from controller.demand.reading.intervals import LATELY, QUARTER, UNWANTED, UNWOKEN
from controller.demand.reading.schedule import ReadState, reads_of
from forecasting.demand import DemandSeries
from tests.examples import examples

FIRST = 29_000_160
MONTH = 730 * 60
DELAY = 2
UNWAKENABLE = ReadPrices(4, 4, 4)


def demand_of(peak):
    peak = np.asarray(peak, np.float32)
    return DemandSeries(FIRST, peak, peak / 2, peak)


def reads(peak, units, trusted=True, prices=LAMBDA, delay=DELAY):
    rows = len(peak)
    return reads_of(demand_of(peak), np.asarray(units, float), np.zeros(rows), np.full(rows, trusted), delay, prices)


def per_month(metrics):
    return metrics.mean() * MONTH * LAMBDA.usd


def steps(result, first=200):
    """Return the minutes between two reads, after the beginning."""
    return np.diff(np.flatnonzero(result.metrics[first:])).tolist()


def test_a_pool_without_demand_and_units_is_read_four_times_an_hour_for_3_cents_a_month():
    result = reads(np.zeros(UNWANTED + 3000), np.zeros(UNWANTED + 3000))

    assert set(steps(result, UNWANTED + 20)) == {QUARTER}
    assert per_month(result.metrics[UNWANTED + 20 :]) == pytest.approx(0.029, abs=0.001)


def test_a_sleeping_pool_is_read_as_soon_as_its_demand_can_be():
    peak, rises = np.zeros(UNWANTED + 600), UNWANTED + 433
    peak[rises:] = 4
    result = reads(peak, np.zeros(len(peak)))

    assert result.newest[rises + DELAY] == rises


def test_a_sleeping_pool_that_nothing_wakes_is_read_every_5_minutes():
    rows = np.zeros(UNWANTED + 600)
    assert set(steps(reads(rows, rows, prices=UNWAKENABLE), UNWANTED + 20)) == {UNWOKEN}


def test_a_pool_that_is_never_warmed_is_read_once_a_quarter_whole():
    result = reads(np.full(UNWANTED + 2000, 3.0), np.zeros(UNWANTED + 2000))

    assert set(steps(result, UNWANTED + 20)) == {QUARTER}
    assert set(result.metrics[UNWANTED + 20 :]) == {0.0, LAMBDA.whole}


def test_the_peak_is_read_more_often_while_it_exceeds_the_units():
    units = np.where(np.arange(600) % 10 < 5, 3.0, 4.0)

    assert max(steps(reads(np.full(600, 5.0), np.full(600, 3.0)))) == 2
    assert set(steps(reads(np.full(600, 5.0), units))) == {1}, "and each minute while they change"


def test_a_peak_above_no_units_for_two_hours_is_not_urgent():
    assert max(steps(reads(np.full(900, 5.0), np.zeros(900)), LATELY + 30)) == 3


def test_the_peak_is_read_at_once_after_a_change_and_less_often_later():
    units = np.where(np.arange(600) < 300, 3.0, 5.0)
    result = reads(np.full(600, 2.0), units)
    at = np.flatnonzero(result.metrics)
    seen = int(np.argmax(result.newest >= 300))
    gaps = np.diff(at[at >= seen])

    assert gaps[0] == 1
    assert max(gaps[1:7]) == 2
    assert max(gaps[10:]) == 3
    assert np.mean(gaps[10:]) > 2.5


def test_each_minute_is_read_until_rules_can_be_compared():
    result = reads(np.full(200, 2.0), np.full(200, 3.0), trusted=False)

    assert set(np.diff(np.flatnonzero(result.metrics))) == {1}
    assert set(result.metrics[2:]) == {LAMBDA.each_minute}


def test_everything_is_read_once_a_quarter_by_all_pools_at_one_minute():
    one, other = reads(np.full(900, 2.0), np.full(900, 3.0)), reads(np.full(900, 9.0), np.full(900, 3.0))
    whole = [np.flatnonzero(each.metrics == LAMBDA.whole)[1:] for each in (one, other)]

    assert whole[0].tolist() == whole[1].tolist()
    assert set(np.diff(whole[0])) == {QUARTER}
    assert set((FIRST + whole[0] - DELAY) % QUARTER) == {0}


def test_a_failed_read_is_repeated_in_the_next_minute():
    state = ReadState(read_until=FIRST, whole_until=FIRST)
    state.decided(FIRST, (2.0, 0.0), 1.0, active=True, trusted=True, wakes=True)
    assert state.part(FIRST + 1, DELAY) is None
    state.retry = True

    assert state.part(FIRST + 1, DELAY) is Part.ALL
    assert state.waited(FIRST + 9, DELAY) == 1


def test_a_clock_that_is_set_back_reads_at_once():
    state = ReadState(read_until=FIRST, whole_until=FIRST)
    state.decided(FIRST, (2.0, 0.0), 1.0, active=True, trusted=True, wakes=True)

    assert state.part(FIRST - 30, DELAY) is Part.ALL


def test_a_pool_whose_reading_does_not_pay_waits():
    start = FIRST + DELAY
    state = ReadState(read_until=start, whole_until=start)
    state.decided(start, (2.0, 0.0), 9.0, active=True, trusted=False, wakes=True, slowed=True)

    assert {state.part(start + at, DELAY) for at in range(1, QUARTER)} == {None}
    assert state.part(start + QUARTER, DELAY) is Part.ALL


traffic = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 90)), min_size=1, max_size=12)


@given(traffic, traffic, st.integers(0, 4), st.booleans())
@examples(40)
def test_every_minute_is_read_in_time_and_none_before_it_is_readable(peaks, wanted, delay, wakes):
    peak = np.repeat(*np.array(peaks).T)[:600]
    units = np.resize(np.repeat(*np.array(wanted).T), len(peak))
    result = reads(peak, units, prices=LAMBDA if wakes else UNWAKENABLE, delay=delay)
    at = np.arange(len(peak))

    assert (result.newest <= np.maximum(at - delay, -1)).all()
    assert (np.diff(result.newest) >= 0).all()
    assert (at - delay - result.newest < QUARTER + 1)[delay + 1 :].all()
    assert (result.metrics[np.flatnonzero(np.diff(result.newest)) + 1] > 0).all(), "nothing is known without a read"


def test_a_pool_that_had_units_in_the_last_week_does_not_wait_because_a_rule_may_propose_them_again_before_any_demand():
    units = np.zeros(UNWANTED)
    units[1440:1500] = 4
    result = reads(np.zeros(UNWANTED), units)

    assert max(steps(result)) == 3


def test_after_a_start_a_pool_without_demand_for_a_day_sleeps_after_two_hours():
    state = ReadState()
    for at in range(LATELY + 1):
        assert not state.asleep
        state.decided(FIRST + at, (0.0, 0.0), 0.0, active=False, trusted=True, wakes=True, idle_day=True)

    assert state.asleep
