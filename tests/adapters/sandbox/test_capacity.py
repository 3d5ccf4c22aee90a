"""The bill of provisioned concurrency."""

from adapters.sandbox.capacity import Meter, ProvisionedCapacity, Status

MINUTE = 60_000


def test_every_unit_is_billed_in_started_spans_of_five_minutes() -> None:
    meter = Meter()
    meter.configure(4, 0)
    assert meter.billed_unit_ms(1) == 4 * 5 * MINUTE
    meter.configure(0, 6 * MINUTE)
    assert meter.billed_unit_ms(60 * MINUTE) == 4 * 10 * MINUTE


def test_the_units_added_last_go_first() -> None:
    meter = Meter()
    meter.configure(2, 0)
    meter.configure(5, 10 * MINUTE)
    meter.configure(2, 11 * MINUTE)
    assert meter.billed_unit_ms(11 * MINUTE) == 3 * 5 * MINUTE + 2 * 15 * MINUTE


def test_ready_time_is_what_could_serve() -> None:
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
