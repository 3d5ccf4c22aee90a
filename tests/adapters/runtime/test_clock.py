"""The system clock, the scaled clock and the manual clock."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from adapters.runtime.clock import ManualClock, ScaledClock, SystemClock, at_work, wait_at_most
from adapters.runtime.rate_limit import TokenBucket
from tests.patience import PATIENCE_SECONDS

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ROUNDING = 1e-5
"""Seconds: instants are whole microseconds."""


def stall(seconds: float) -> None:
    """Block the event loop, as a long computation does."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


def test_the_system_clock_is_in_utc():
    assert SystemClock().now().utcoffset() == timedelta(0)


def test_a_scaled_clock_starts_at_start_and_never_decreases():
    clock = ScaledClock(START, 3600)
    readings = [clock.now() for _ in range(1000)]

    assert readings == sorted(readings)
    assert readings[0] >= START


async def test_a_scaled_sleep_is_shorter_by_the_factor():
    clock, began = ScaledClock(START, 6000), time.monotonic()
    await clock.sleep(600)

    assert clock.now() >= START + timedelta(minutes=10)
    assert time.monotonic() - began >= 0.09


async def test_at_work_the_clock_stands_still_at_any_speed_of_the_machine():
    clock = ScaledClock(START, 1_000_000)
    with clock.at_work():
        before = clock.now()
        await asyncio.sleep(0.02)
        stall(0.02)

        assert clock.now() == before


async def test_work_that_is_the_first_use_of_a_clock_begins_exactly_at_its_start():
    clock = ScaledClock(START, 1_000_000)
    stall(0.01)
    with clock.at_work():
        assert clock.now() == START


async def test_a_sleep_at_work_takes_its_real_time_and_the_clock_then_shows_exactly_its_end():
    clock = ScaledClock(START, 1_000_000)
    with clock.at_work():
        before = clock.now()
        await asyncio.sleep(0.1)  # real time before the sleep is no part of it
        began = time.monotonic()
        await clock.sleep(0.05)
        passed = clock.now() - before
        await asyncio.sleep(0.02)

        assert time.monotonic() - began >= 0.05
        assert passed == clock.now() - before == timedelta(seconds=0.05)


async def test_a_sleep_of_others_does_not_make_the_clock_pass_at_work_but_wakes_before_a_later_one_of_the_work():
    clock, woken = ScaledClock(START, 1), []

    async def other() -> None:
        await clock.sleep(0.01)
        woken.append(clock.now())

    task = asyncio.create_task(other())
    await asyncio.sleep(0)
    with clock.at_work():
        before = clock.now()
        await asyncio.sleep(0.05)
        assert (woken, clock.now()) == ([], before)
        await clock.sleep(0.03)
        assert len(woken) == 1
        assert before < woken[0] < clock.now()
    await task


async def test_a_limit_of_a_wait_does_not_make_the_clock_pass_at_work():
    clock, machine = ScaledClock(START, 1_000_000), SystemClock()
    with clock.at_work():
        before = clock.now()
        await wait_at_most(clock, [asyncio.create_task(machine.sleep(0.05))], 0.01)

        assert clock.now() == before


async def test_sleepers_with_one_deadline_wake_one_by_one_in_the_order_in_which_they_began():
    clock, woken = ScaledClock(START, 1_000_000), []

    async def sleeper(number: int) -> None:
        await clock.sleep(600)
        woken.append((number, clock.now()))

    with clock.at_work():
        began = clock.now()
        tasks = [asyncio.create_task(sleeper(number)) for number in range(20)]
        await asyncio.sleep(0)
    await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE_SECONDS)

    assert woken == [(number, began + timedelta(minutes=10)) for number in range(20)]


async def test_code_that_follows_a_sleep_reads_the_deadline_exactly():
    clock = ScaledClock(START, 1_000_000)
    with clock.at_work():
        due = clock.now() + timedelta(minutes=7)
        rest = (due - clock.now()).total_seconds()
    await asyncio.wait({asyncio.create_task(clock.sleep(rest))})
    stall(0.01)

    assert clock.now() == due


async def test_a_sleeper_waits_during_work_and_continues_fast_after_it():
    clock, woke = ScaledClock(START, 100_000), asyncio.Event()

    async def sleeper() -> None:
        await clock.sleep(3600)
        woke.set()

    with clock.at_work():
        task = asyncio.create_task(sleeper())
        await asyncio.sleep(0.1)

        assert not woke.is_set(), "an hour at the machine's speed"
    await asyncio.wait_for(task, PATIENCE_SECONDS)


async def test_nested_work_ends_with_the_outer_block():
    clock = ScaledClock(START, 1_000_000)
    with clock.at_work():
        with clock.at_work():
            pass
        before = clock.now()
        await asyncio.sleep(0.01)

        assert clock.now() - before < timedelta(seconds=60)


async def test_a_slow_machine_makes_the_clock_late_and_skips_no_sleeper():
    clock, woken = ScaledClock(START, 1_000), []

    async def sleeper(seconds: int) -> None:
        began = clock.now()
        await clock.sleep(seconds)
        woken.append((seconds, (clock.now() - began).total_seconds()))

    tasks = [asyncio.create_task(sleeper(seconds)) for seconds in (300, 60, 120)]
    await asyncio.sleep(0)
    stall(0.5)  # 500 seconds at this speed

    assert clock.now() - START < timedelta(seconds=300), "no deadline is passed before its sleeper has woken"
    await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE_SECONDS)
    assert [seconds for seconds, _ in woken] == [60, 120, 300]
    assert all(seconds <= slept for seconds, slept in woken)


async def test_a_cancelled_sleeper_delays_no_other_and_makes_no_jump():
    clock = ScaledClock(START, 1_000_000)
    task = asyncio.create_task(clock.sleep(60))
    await asyncio.sleep(0)
    stall(0.02)  # hours at this speed
    cancelled = time.monotonic()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    passed = clock.now() - START

    assert passed <= timedelta(seconds=60 + (time.monotonic() - cancelled) * clock.factor)
    await asyncio.wait_for(clock.sleep(3600), PATIENCE_SECONDS)


async def test_at_work_accepts_any_clock():
    scaled, manual = ScaledClock(START, 60), ManualClock(START)
    with at_work(scaled), at_work(scaled), at_work(manual), at_work(SystemClock()):
        during = scaled.rate

    assert (during, scaled.rate) == (1.0, 60)
    assert manual.now() == START


def test_a_factor_of_0_is_refused():
    with pytest.raises(ValueError, match="above 0, got 0"):
        ScaledClock(START, 0)


async def test_manual_sleepers_wake_in_order_of_their_deadlines():
    clock, woken = ManualClock(START), []

    async def sleeper(seconds: int) -> None:
        await clock.sleep(seconds)
        woken.append((seconds, clock.now()))

    tasks = [asyncio.create_task(sleeper(seconds)) for seconds in (30, 10, 20)]
    await asyncio.sleep(0)
    await clock.advance(timedelta(seconds=25))

    assert woken == [(seconds, START + timedelta(seconds=seconds)) for seconds in (10, 20)]
    assert clock.now() == START + timedelta(seconds=25)
    for task in tasks:
        task.cancel()


async def test_a_new_task_starts_to_sleep_before_time_passes():
    clock = ManualClock(START)
    first = asyncio.create_task(clock.sleep(5))
    await asyncio.sleep(0)
    late = asyncio.create_task(clock.sleep(30))
    await clock.advance(timedelta(seconds=29))
    assert (first.done(), late.done()) == (True, False)

    await clock.advance(timedelta(seconds=2))
    assert late.done()


async def test_set_wakes_no_sleeper():
    clock = ManualClock(START)
    task = asyncio.create_task(clock.sleep(10))
    await asyncio.sleep(0)
    clock.set(START + timedelta(hours=1))
    await asyncio.sleep(0)

    assert not task.done()
    assert clock.monotonic() == 3600
    task.cancel()


async def test_a_wait_for_a_rate_limit_at_work_takes_real_time_and_the_clock_stands_still():
    clock, began = ScaledClock(START, 1_000_000), time.monotonic()
    with clock.at_work():
        bucket = TokenBucket(clock, 20.0, 1.0, "calls")
        for _ in range(3):
            await bucket.take()

        assert clock.now() == START
    assert time.monotonic() - began >= 0.1
