from datetime import timedelta

from controller.measured import ENOUGH, ENOUGH_COLLECTIONS, DelayMeter, median_span


def test_the_median_is_not_moved_by_one_bad_raise():
    assert median_span([60, 70, 900]) == timedelta(seconds=70)


def test_too_few_measurements_prove_nothing():
    assert median_span([60] * (ENOUGH - 1)) is None


def test_a_delay_is_the_median_over_pools_and_then_over_collections():
    meter = DelayMeter()
    for _ in range(ENOUGH_COLLECTIONS):
        meter.note([2, 2, 15])
    meter.note([9])

    assert meter.delay == timedelta(minutes=2)


def test_a_collection_that_brought_nothing_new_measures_nothing():
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
