"""Billed units, compared with the meter of the emulator."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sandbox.aws.lambda_.provisioned_capacity import ProvisionedCapacity, Status
from controller.accounting.paid_units import Change, Paid
from forecasting.demand import minute_of
from tests.builders import NOON

MINUTES = 512
MINUTE, STEP = timedelta(minutes=1), timedelta(minutes=5)
MS_PER_MINUTE = 60_000


class Read:
    """Pool with provisioned concurrency, read once a minute and before and after each write."""

    def __init__(self):
        self.real, self.paid, self.at, self.noted = ProvisionedCapacity(), Paid(1, MINUTES), 0, minute_of(NOON)

    def read(self):
        self.real.settle(self.at)
        failed = self.real.status is Status.FAILED
        now, end = self.instant(self.at), max(self.noted, minute_of(self.instant(self.at)) + 1)
        requested = self.real.available if failed else self.real.requested
        change = Change((self.instant(self.real.modified),), STEP, failed)
        self.paid.note(self.noted, end, *(np.array([units], float) for units in (self.real.available, requested)), now,
                       lambda _: change)
        self.noted = end

    def instant(self, at):
        return NOON + timedelta(milliseconds=at)

    def until(self, at):
        for minute in range(self.at // MS_PER_MINUTE + 1, at // MS_PER_MINUTE + 1):
            self.at = minute * MS_PER_MINUTE
            self.read()
        self.at = at
        self.read()

    def write(self, units, preparation=0, init_fails=False):
        if units:
            self.real.put(units, self.at, preparation, init_fails=init_fails)
        else:
            self.real.delete(self.at)
        self.read()

    def minutes(self):
        return sum(self.paid.units(minute, np.zeros(1))[0] for minute in range(minute_of(NOON), self.noted))

    def metered(self):
        return self.real.meter.billed_unit_ms(self.at) / MS_PER_MINUTE


write = st.tuples(st.integers(0, 9 * MS_PER_MINUTE), st.integers(0, 12), st.integers(0, 4 * MS_PER_MINUTE), st.booleans())


@given(st.lists(write, max_size=30))
def test_billed_units_equal_the_emulators_for_any_writes(writes):
    pool = Read()
    pool.read()
    for pause, units, preparation, init_fails in writes:
        pool.until(pool.at + pause)
        pool.write(units, preparation, init_fails)
    pool.until(pool.at + 1)
    pool.write(0)

    assert pool.minutes() == pytest.approx(pool.metered())


def test_allocated_units_are_billed_from_the_request():
    pool = Read()
    pool.read()
    pool.until(30_000)
    pool.write(4, preparation=2 * MS_PER_MINUTE)
    pool.until(2 * MS_PER_MINUTE)
    assert pool.minutes() == 0

    pool.until(10 * MS_PER_MINUTE)
    assert pool.minutes() == pytest.approx(4 * 10.5)  # the minute of the last reading is counted whole
    assert abs(pool.minutes() - pool.metered()) <= 4 * 5


def test_units_before_the_first_reading_are_not_billed_again():
    paid, first = Paid(1, MINUTES), minute_of(NOON)
    four, none = np.array([4.0]), np.array([0.0])
    paid.note(first, first + 1, four, four, NOON, lambda _: Change((NOON - 62 * MINUTE,), STEP))
    paid.note(first + 1, first + 2, none, none, NOON + MINUTE, lambda _: Change((None,), STEP))

    assert [paid.units(minute, none)[0] for minute in (first, first + 1)] == [4, 4 * 2]  # 65 are billed for these 63 minutes


def test_units_without_a_billing_step_are_billed_while_ready():
    paid, first = Paid(1, MINUTES), minute_of(NOON)
    paid.note(first, first + 1, np.array([1.0]), np.array([3.0]), NOON, lambda _: Change((), timedelta(0)))

    assert paid.units(first, np.array([1.0])).tolist() == [1]
