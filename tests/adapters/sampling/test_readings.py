"""Reads end in time, whatever a client library does when it is cancelled, and only numbers are numbers."""

import asyncio
from decimal import Decimal

import pytest

from adapters.ports.errors import Malformed, NotFound, Unreachable
from adapters.sampling.readings import Readings, number_of
from tests.patience import PATIENCE_SECONDS


def late(key):
    return Unreachable(f"{key} is late")


async def test_each_read_succeeds_or_fails_alone():
    async def read(key):
        if key == "gone":
            raise NotFound("gone")
        return 4.0

    found = await Readings(2, PATIENCE_SECONDS).each(["a", "gone", "b"], read, late)

    assert (found["a"], found["b"]) == (4.0, 4.0)
    assert isinstance(found["gone"], NotFound)


async def test_a_read_that_ignores_its_cancellation_is_not_waited_for():
    free = asyncio.Event()

    async def read(key):
        if key == "stubborn":
            try:
                await asyncio.Event().wait()
            finally:
                await free.wait()
        return 1.0

    readings = Readings(4, 0.05)
    found = await readings.each(["stubborn", "a"], read, late)
    free.set()
    await readings.close()

    assert str(found["stubborn"]) == "stubborn is late"
    assert found["a"] == 1.0


async def test_no_more_reads_than_allowed_run_at_once():
    running, most = 0, 0

    async def read(key):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return 0.0

    await Readings(3, PATIENCE_SECONDS).each(list(range(20)), read, late)

    assert most == 3


async def test_a_defect_is_no_error_of_the_server():
    async def read(key):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Readings(3, PATIENCE_SECONDS).each(["a"], read, late)


@pytest.mark.parametrize("value", [3, 3.0, "3", b"3", Decimal(3), "3e0", "+3"])
def test_numbers_are_read(value):
    assert number_of(value, "here", "correct it") == 3


@pytest.mark.parametrize("value", [-1, "nan", float("inf"), True, "", "1_0", "0x1", "3 jobs", 2e9, b"\xff", "9" * 400, "٣"])
def test_nothing_else_is_a_number(value):
    with pytest.raises(Malformed, match=r"here: .*unknown: correct it"):
        number_of(value, "here", "correct it")
