from datetime import timedelta

import numpy as np

from controller.decision.costs.measurements import (
    ENOUGH,
    ENOUGH_COLLECTIONS,
    SETTLING_COLLECTIONS,
    DelayMeter,
    SettlingMeter,
    median_span,
    ready_after,
)
from forecasting.demand import minute_of
from tests.builders import NOON


def test_one_slow_raise_does_not_change_the_median():
    assert median_span([60, 70, 900]) == timedelta(seconds=70)


def test_too_few_measurements_give_no_median():
    assert median_span([60] * (ENOUGH - 1)) is None


def test_a_delay_is_the_median_over_pools_and_then_over_collections():
    meter = DelayMeter()
    for _ in range(ENOUGH_COLLECTIONS):
        meter.note([2, 2, 15])
    meter.note([9])

    assert meter.delay == timedelta(minutes=2)


def test_a_collection_without_new_data_adds_no_measurement():
    meter = DelayMeter()
    for _ in range(ENOUGH_COLLECTIONS):
        meter.note([])

    assert meter.delay is None


def test_a_delay_is_at_least_a_minute_and_rounded_up():
    meter = DelayMeter()
    for age in (0, 0, 0, 0, 0, 0, 0, 0, 0, 0):
        meter.note([age])
    assert meter.delay == timedelta(minutes=1)

    meter = DelayMeter()
    for _ in range(ENOUGH_COLLECTIONS):
        meter.note([2, 3])
    assert meter.delay == timedelta(minutes=3)


def test_a_raise_ends_when_units_were_counted_not_when_the_count_was_read():
    noon = minute_of(NOON)
    counted = {noon - 1: 9, noon: 2, noon + 1: 6, noon + 2: 7}

    assert ready_after(lambda: counted, 6, NOON + timedelta(seconds=20), 300.0) == 100.0
    assert ready_after(lambda: counted, 9, NOON + timedelta(seconds=20), 300.0) == 300.0, "never counted"
    assert ready_after(lambda: dict.fromkeys(counted, 9), 6, NOON + timedelta(seconds=20), 300.0) == 40.0, "not before the write"
    assert ready_after(None, 6, NOON, 300.0) == 300.0


def test_minutes_are_settled_at_the_age_at_which_at_most_a_thousandth_still_changes():
    meter = SettlingMeter(15)
    for at in range(200):
        meter.note(np.array([2] * 10 + [7] * (at % 25 == 0)), 10)

    assert meter.minutes == 7
    for _ in range(SETTLING_COLLECTIONS):
        meter.note(np.array([2] * 10), 10)
    assert meter.minutes == 2


def test_without_enough_collections_all_minutes_that_are_read_again_are_unsettled():
    meter = SettlingMeter(15)
    meter.note(np.array([2] * 999), 999)
    assert meter.minutes == 15

    meter.note(np.array([2]), 1)
    assert meter.minutes == 2
