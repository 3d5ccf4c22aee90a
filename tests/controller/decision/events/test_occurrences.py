"""Baseline demand, and demand without the uplift of events."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.model.event import Event
from controller.decision.events.baseline import BaselineDemand, baseline_demand, without_event_uplift
from controller.decision.events.occurrences import AFTERMATH, EventWindow, event_windows
from forecasting.demand import MINUTES_PER_DAY, DemandSeries, minute_of
from tests.builders import NOON
from tests.examples import examples

MONDAY = minute_of(NOON) // MINUTES_PER_DAY * MINUTES_PER_DAY  # a midnight
LAUNCH = Event.model_validate({"name": "launch", "start": "2026-03-11T12:00", "duration": "2h", "factor": 8, "lead": "15m"})


def series(peak: np.ndarray, first: int = MONDAY) -> DemandSeries:
    peak = peak.astype(np.float32)
    return DemandSeries(first, peak, peak / 2, peak * 3)


def days(count: int, level: float = 4.0) -> np.ndarray:
    return np.full(count * MINUTES_PER_DAY, level)


def minute(day: int, hour: int, after: int = 0) -> int:
    return MONDAY + day * MINUTES_PER_DAY + hour * 60 + after


def test_a_window_has_its_minutes_and_is_prepared_before_its_start():
    [window] = event_windows((LAUNCH,), MONDAY, MONDAY + 14 * MINUTES_PER_DAY)

    assert (window.ready, window.start, window.end) == (minute(9, 11, 45), minute(9, 12), minute(9, 14))
    assert window.learned_until == minute(9, 0)


def test_the_baseline_depends_on_time_of_day_and_weekend():
    at = np.arange(14 * MINUTES_PER_DAY)
    noonish = (at % MINUTES_PER_DAY) // 60 == 12
    weekend = at // MINUTES_PER_DAY % 7 >= 5
    baseline = baseline_demand((), series(np.where(weekend, 2, np.where(noonish, 9, 4))), MONDAY + 14 * MINUTES_PER_DAY)

    assert baseline.at(np.array([minute(14, 12, 30), minute(14, 3), minute(19, 12, 30)])).tolist() == [9, 4, 2]


def test_the_baseline_excludes_events_and_single_outliers():
    peak = days(14)
    daily = Event.model_validate({"name": "batch", "cron": "0 12 * * *", "duration": "1h", "factor": 5})
    for day in range(14):
        peak[minute(day, 12) - MONDAY : minute(day, 13) - MONDAY] = 20
    peak[minute(3, 3) - MONDAY : minute(3, 5) - MONDAY] = 50
    baseline = baseline_demand((daily,), series(peak), MONDAY + 14 * MINUTES_PER_DAY)

    assert np.unique(baseline.peak).tolist() == [4]


def test_demand_after_the_midnight_changes_nothing():
    peak = days(14)
    early = baseline_demand((), series(peak), MONDAY + 9 * MINUTES_PER_DAY)
    peak[9 * MINUTES_PER_DAY:] = 99

    assert baseline_demand((), series(peak), MONDAY + 9 * MINUTES_PER_DAY).peak.tolist() == early.peak.tolist()


def test_without_known_minutes_the_baseline_is_unknown_and_a_gap_is_no_zero():
    peak = days(14)
    midnight = MONDAY + 14 * MINUTES_PER_DAY
    assert np.isnan(baseline_demand((), series(peak * np.nan), midnight).peak).all()
    for day in range(14):
        peak[minute(day, 12) - MONDAY : minute(day, 18) - MONDAY] = np.nan

    assert np.unique(baseline_demand((), series(peak), midnight).peak).tolist() == [4]


def test_rules_read_at_most_the_baseline_during_an_event():
    peak = days(10)
    during = slice(minute(9, 12) - MONDAY, minute(9, 14) - MONDAY)
    peak[during] = 40
    peak[minute(9, 14) - MONDAY : minute(9, 14, 30) - MONDAY] = 30
    came = series(peak)
    spells = event_windows((LAUNCH,), MONDAY, came.end_minute)
    baseline = baseline_demand((LAUNCH,), came, spells[0].learned_until)
    calm = without_event_uplift(spells, lambda _: baseline, (came.peak, came.busy, came.invocations), MONDAY)

    assert [float(kind[during].max()) for kind in calm] == [4, 2, 12]
    after = minute(9, 14) - MONDAY
    assert calm[0][after : after + 30].tolist() == [4] * AFTERMATH + [30] * (30 - AFTERMATH)
    assert calm[0][: during.start].tolist() == came.peak[: during.start].tolist()


@pytest.mark.parametrize("baseline", [np.nan, 50.0])
def test_demand_up_to_the_baseline_or_without_one_is_unchanged(baseline):
    came = series(days(10))
    spells = event_windows((LAUNCH,), MONDAY, came.end_minute)
    nothing = BaselineDemand(np.full((2, 288), baseline, np.float32))

    calm = without_event_uplift(spells, lambda _: nothing, (came.peak, came.busy, came.invocations), MONDAY)
    assert calm[0].tolist() == came.peak.tolist()


@examples(60)
@given(cut=st.integers(1, 59), level=st.floats(0, 30, width=32), raised=st.floats(0, 300, width=32), gap=st.booleans())
def test_removing_uplift_does_not_depend_on_the_division_and_never_adds(cut, level, raised, gap):
    peak = np.full(60, raised, np.float32)
    peak[30:40] = np.nan if gap else raised
    window = EventWindow(MONDAY + 5, MONDAY + 10, MONDAY + 45, "launch", "launch", 3.0, None)
    baseline = BaselineDemand(np.full((2, 288), level, np.float32))
    rows = peak, peak / 2, peak
    whole = without_event_uplift([window], lambda _: baseline, rows, MONDAY)
    parts = [without_event_uplift([window], lambda _: baseline, tuple(each[at] for each in rows), MONDAY + (at.start or 0))
             for at in (slice(0, cut), slice(cut, 60))]

    joined = [np.concatenate(two) for two in zip(*parts, strict=True)]
    assert all(np.array_equal(one, other, equal_nan=True) for one, other in zip(joined, whole, strict=True))
    assert not (whole[0] > peak).any()
    assert np.array_equal(np.isnan(whole[0]), np.isnan(peak))


def test_a_quiet_day_is_unchanged():
    peak = days(10)
    holiday = Event.model_validate({"name": "holiday", "start": "2026-03-11", "duration": "1d", "factor": 0.4})
    came = series(peak)
    spells = event_windows((holiday,), MONDAY, came.end_minute)

    assert spells[0].lowers
    assert without_event_uplift(spells, lambda _: BaselineDemand(np.full((2, 288), 1.0, np.float32)), (came.peak, came.busy,
                                                                                                       came.invocations),
                                MONDAY)[0].tolist() == peak.tolist()


def test_windows_of_a_day_start_before_it_if_they_cross_midnight():
    nightly = Event.model_validate({"name": "batch", "cron": "0 22 * * *", "duration": timedelta(hours=4), "size": 3})

    assert [window.start for window in event_windows((nightly,), MONDAY, MONDAY + 60)] == [minute(-1, 22)]
