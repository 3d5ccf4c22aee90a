"""Allocation and billed time of provisioned concurrency."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from adapters.sandbox.aws.lambda_.provisioned_capacity import Meter, ProvisionedCapacity, Status

MINUTE = 60_000


def test_every_unit_is_billed_in_started_spans_of_five_minutes() -> None:
    meter = Meter()
    meter.configure(4, 0)
    assert meter.billed_unit_ms(1) == 4 * 5 * MINUTE
    meter.configure(0, 6 * MINUTE)
    assert meter.billed_unit_ms(60 * MINUTE) == 4 * 10 * MINUTE


def test_prepaid_time_is_the_rest_of_each_started_step() -> None:
    meter = Meter()
    meter.configure(4, 0)
    assert meter.prepaid_unit_ms(MINUTE) == 4 * 4 * MINUTE
    assert meter.prepaid_unit_ms(5 * MINUTE) == 0
    meter.configure(1, 6 * MINUTE)
    assert meter.prepaid_unit_ms(8 * MINUTE) == (1 + 3) * 2 * MINUTE, "removed units are billed to the end of the step"
    assert meter.prepaid_unit_ms(12 * MINUTE) == 1 * 3 * MINUTE


def test_the_units_added_last_are_removed_first() -> None:
    meter = Meter()
    meter.configure(2, 0)
    meter.configure(5, 10 * MINUTE)
    meter.configure(2, 11 * MINUTE)
    assert meter.billed_unit_ms(11 * MINUTE) == 3 * 5 * MINUTE + 2 * 15 * MINUTE


def test_ready_time_counts_available_units() -> None:
    capacity = ProvisionedCapacity()
    capacity.put(10, 0, 2 * MINUTE, init_fails=False)
    capacity.settle(10 * MINUTE)
    capacity.delete(10 * MINUTE)
    assert capacity.meter.ready_unit_ms(20 * MINUTE) == 10 * (8 * MINUTE - 100)
    assert capacity.meter.billed_unit_ms(20 * MINUTE) == 10 * 10 * MINUTE


def test_units_are_allocated_at_six_thousand_a_minute_after_the_preparation() -> None:
    capacity = ProvisionedCapacity()
    capacity.put(3_000, 0, MINUTE, init_fails=False)
    assert capacity.allocated(MINUTE) == 0
    assert capacity.allocated(MINUTE + 15_000) == 1_500
    capacity.settle(MINUTE + 29_999)
    assert (capacity.available, capacity.status) == (0, Status.IN_PROGRESS)
    capacity.settle(MINUTE + 30_000)
    assert (capacity.available, capacity.status) == (3_000, Status.READY)


def test_units_that_fail_to_start_are_not_billed() -> None:
    capacity = ProvisionedCapacity()
    capacity.put(5, 0, MINUTE, init_fails=True)
    capacity.settle(2 * MINUTE)
    assert capacity.status is Status.FAILED
    assert capacity.meter.billed_unit_ms(60 * MINUTE) == 0


steps = st.lists(
    st.tuples(st.sampled_from(["put", "put that fails", "delete", "wait"]), st.integers(1, 500), st.integers(0, 400_000)),
    max_size=40,
)


def stepped(capacity: ProvisionedCapacity, steps: list[tuple[str, int, int]]) -> Iterator[int]:
    """Yield the instant after each step."""
    now = 0
    for what, units, span in steps:
        if what == "delete":
            capacity.delete(now)
        elif what != "wait":
            capacity.put(units, now, 90_000, init_fails=what != "put")
        now += span
        yield now


@given(steps)
def test_no_unit_serves_unbilled(steps: list[tuple[str, int, int]]) -> None:
    capacity = ProvisionedCapacity()
    for now in stepped(capacity, steps):
        capacity.settle(now)
        assert 0 <= capacity.available <= capacity.allocated(now) <= max(capacity.requested, capacity.available)
        assert capacity.available <= capacity.requested or capacity.status is Status.IN_PROGRESS
        assert capacity.meter.billed_unit_ms(now) >= capacity.meter.ready_unit_ms(now)


@given(steps)
def test_the_last_requested_units_become_available(steps: list[tuple[str, int, int]]) -> None:
    capacity = ProvisionedCapacity()
    now = [0, *stepped(capacity, steps)][-1]
    capacity.put(6, now, 90_000, init_fails=False)
    capacity.put(7, now, 90_000, init_fails=False)  # the second: a repeat of what fails by now would fail with it
    capacity.settle(now + 200_000)
    assert capacity.available == capacity.requested == 7
    capacity.delete(now + 300_000)
    assert (capacity.available, capacity.requested, capacity.exists) == (0, 0, False)
