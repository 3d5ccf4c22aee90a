"""Invented traffic: what requests make of a minute, and that each habit is what it is called."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.demo.traffic import Span, bursty, fan_out, hourly, office_hours, series_of
from forecasting.demand import minute_of

MONDAY = minute_of(datetime(2026, 3, 2, tzinfo=UTC))
WEEK = Span(MONDAY, 7 * 1440)


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_two_overlapping_requests_make_a_peak_of_2():
    series = series_of(Span(0, 2), np.array([10.0, 20.0]), np.array([30.0, 70.0]))

    assert series.peak.tolist() == [2, 1]
    assert series.busy.tolist() == pytest.approx([(30 + 40) / 60, 30 / 60])
    assert series.invocations.tolist() == [2, 0]


def test_one_that_starts_as_another_ends_takes_its_place():
    series = series_of(Span(0, 1), np.array([0.0, 30.0]), np.array([30.0, 30.0]))

    assert series.peak.tolist() == [1]
    assert series.busy.tolist() == pytest.approx([1.0])


requests = st.lists(st.tuples(st.floats(0, 599), st.floats(0.5, 900)), max_size=40)


@given(requests)
def test_average_never_exceeds_peak_and_total_work_is_preserved(made):
    starts, lengths = np.array([start for start, _ in made]), np.array([length for _, length in made])
    series = series_of(Span(0, 30), starts, lengths)

    assert (series.busy <= series.peak + 1e-4).all()
    assert series.invocations.sum() == len(made)
    assert float(series.busy.sum()) * 60 == pytest.approx(float(lengths.sum()), rel=1e-3, abs=1e-2)


@given(requests, st.integers(0, 599))
def test_no_instant_holds_more_than_its_minutes_peak(made, second):
    starts, lengths = np.array([start for start, _ in made]), np.array([length for _, length in made])
    series = series_of(Span(0, 30), starts, lengths)
    in_flight = int(((starts <= second) & (second < starts + lengths)).sum())

    assert in_flight <= series.peak[second // 60]


def test_office_hours_are_on_workdays_between_nine_and_six():
    series = office_hours(WEEK, rng())
    hour, work = WEEK.hour, WEEK.workday > 0
    open_ = work & (hour >= 10) & (hour < 17)

    assert series.busy[open_].mean() > 20 * series.busy[work & (hour < 7)].mean()
    assert series.busy[~work].mean() < 1


def test_the_batch_fans_out_at_its_minute_on_workdays_only():
    series = fan_out(WEEK, rng(), timedelta(hours=9, minutes=15), 36)
    started = np.flatnonzero(series.invocations > 20)

    assert (started % 1440).tolist() == [9 * 60 + 15] * 5
    assert series.peak.max() >= 25
    assert series.peak[5 * 1440 :].max() == 0


def test_bursts_stand_out_of_the_swell():
    series = bursty(WEEK, rng())

    assert np.quantile(series.peak, 0.99) > 4 * max(1, np.median(series.peak))


@pytest.mark.parametrize("habit", [office_hours, bursty, lambda span, chance: fan_out(span, chance, timedelta(hours=9), 20)])
def test_the_same_seed_makes_the_same_traffic(habit):
    one, other, another = habit(WEEK, rng(3)), habit(WEEK, rng(3)), habit(WEEK, rng(4))

    assert (one.peak == other.peak).all()
    assert (one.peak != another.peak).any()


def test_a_batch_starts_every_hour_of_the_working_day_only():
    series = hourly(WEEK, rng(), 5, 16)
    began = np.flatnonzero((series.peak > 8) & (np.concatenate([[0.0], series.peak[:-1]]) == 0))

    assert (began % 60 == 5).all()
    assert set((began // 60 % 24).tolist()) == set(range(9, 17))
    assert set((began // 1440).tolist()) == set(range(5))
