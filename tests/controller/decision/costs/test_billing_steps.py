"""Billed units, compared with the meter of the emulator."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from adapters.sandbox.aws.lambda_.provisioned_capacity import BILLING_STEP_MS, Meter
from controller.decision.costs.billing_steps import Layers, change, rest
from tests.builders import NOON

writes = st.lists(st.tuples(st.integers(0, 30 * 60_000), st.integers(0, 12)), max_size=30)


@given(writes)
def test_units_are_billed_as_by_the_emulator(series):
    meter, layers, at, paid = Meter(), [], 0, 0
    for pause, units in [*series, (1, 0)]:
        at += pause
        meter.configure(units, at)
        paid += sum(count * (at - since + rest(at - since, BILLING_STEP_MS)) for since, count in change(layers, units, at))

    assert paid == meter.billed_unit_ms(at)


def test_the_units_added_last_are_removed_first():
    layers: Layers[int] = []
    change(layers, 3, 0)
    change(layers, 5, 7)

    assert change(layers, 2, 9) == [(7, 2), (0, 1)]
    assert layers == [(0, 2)]


def test_durations_are_rounded_up_to_whole_steps():
    step = timedelta(minutes=5)
    assert rest(timedelta(minutes=6), step) == timedelta(minutes=4)
    assert rest(NOON - NOON, step) == rest(step, step) == timedelta(0)
