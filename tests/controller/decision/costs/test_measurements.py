from datetime import timedelta

import numpy as np
import pytest

from adapters.ports.lever import KeepAliveSeen, Traits
from controller.decision.costs.keep_alive import ENOUGH as ENOUGH_UNITS
from controller.decision.costs.measurements import (
    ENOUGH,
    ENOUGH_COLLECTIONS,
    SETTLING_COLLECTIONS,
    DelayMeter,
    SettlingMeter,
    learned,
    median_span,
    ready_after,
    traits_of_layers,
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


def seen(units, minutes):
    return KeepAliveSeen(timedelta(minutes=minutes), None, None, units, "units")


@pytest.mark.parametrize(("base", "top", "used"), [
    (None, None, None), (None, 5.0, 5.0), (3.0, 5.0, 3.0), (0.0, 5.0, 0.0), (3.0, None, 3.0),
])
def test_pings_measure_the_initialisation_that_the_base_does_not(base, top, used):
    both = traits_of_layers(Traits(memory_mb=512, init_seconds=base), Traits(memory_mb=1, init_seconds=top))
    assert (both.init_seconds, both.memory_mb) == (used, 512)
    assert traits_of_layers(Traits(init_seconds=base), None).init_seconds == base


@pytest.mark.parametrize(("base", "top", "minutes"), [
    (None, seen(ENOUGH_UNITS, 5), 5), (seen(ENOUGH_UNITS - 1, 9), seen(ENOUGH_UNITS, 5), 5),
    (seen(ENOUGH_UNITS, 9), seen(ENOUGH_UNITS, 5), 9), (seen(1, 9), None, 9),
])
def test_pings_measure_the_keep_alive_that_the_base_does_not(base, top, minutes):
    both = traits_of_layers(Traits(keep_alive=base), Traits(keep_alive=top))
    assert both.keep_alive.typical == timedelta(minutes=minutes)


@pytest.mark.parametrize(("seen", "before", "used"), [
    (140, None, 120), (150, None, 150), (90, None, 90), (None, None, None), (None, 300, 300), (350, 300, 300), (361, 300, 361)])
def test_the_life_of_pinged_units_changes_by_a_fifth_or_not_at_all(seen, before, used):
    seen, before, used = (None if minutes is None else timedelta(minutes=minutes) for minutes in (seen, before, used))

    assert learned(Traits(pinged_life=seen), Traits(pinged_life=before), None).pinged_life == used
