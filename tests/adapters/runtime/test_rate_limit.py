"""Rate limit: number and order of admitted calls, and refused ones."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ports.errors import Throttled
from adapters.runtime.clock import ManualClock
from adapters.runtime.rate_limit import TokenBucket
from tests.builders import NOON


def waiting(bucket, count, **how):
    return [asyncio.create_task(bucket.take(**how)) for _ in range(count)]


async def turn():
    for _ in range(5):
        await asyncio.sleep(0)


def done(tasks):
    """Return the number of admitted calls, without refused ones."""
    return sum(task.done() and not task.cancelled() and task.exception() is None for task in tasks)


async def test_a_burst_passes_at_once_and_the_rest_at_the_rate():
    clock = ManualClock(NOON)
    bucket = TokenBucket(clock, rate=4, burst=8)
    tasks = waiting(bucket, 20)
    await turn()
    at_once = done(tasks)
    await clock.advance(timedelta(seconds=1.01))
    second = done(tasks)
    await clock.advance(timedelta(seconds=2.01))

    assert (at_once, second, done(tasks)) == (8, 12, 20)


async def test_calls_are_admitted_in_order():
    clock, order = ManualClock(NOON), []
    bucket = TokenBucket(clock, rate=1, burst=1)

    async def one(name):
        await bucket.take()
        order.append(name)

    tasks = [asyncio.create_task(one(name)) for name in "abc"]
    await turn()
    await clock.advance(timedelta(seconds=5))
    await asyncio.gather(*tasks)

    assert order == ["a", "b", "c"]


async def test_an_urgent_call_is_admitted_before_waiting_ones():
    clock = ManualClock(NOON)
    bucket = TokenBucket(clock, rate=1, burst=1)
    await bucket.take()
    others = waiting(bucket, 5)
    await turn()
    urgent = waiting(bucket, 1, urgent=True)
    await turn()
    await clock.advance(timedelta(seconds=1.1))

    assert (done(urgent), done(others)) == (1, 0)
    bucket.close()
    await asyncio.gather(*others, return_exceptions=True)


async def test_a_call_that_would_wait_too_long_is_throttled():
    clock = ManualClock(NOON)
    bucket = TokenBucket(clock, rate=2, burst=1)
    await bucket.take()
    with pytest.raises(Throttled) as caught:
        await bucket.take(patience=0.3)

    assert caught.value.retry_after == timedelta(seconds=0.5)


async def test_a_cancelled_call_uses_no_token():
    clock = ManualClock(NOON)
    bucket = TokenBucket(clock, rate=1, burst=1)
    await bucket.take()
    gone, stays = waiting(bucket, 1), waiting(bucket, 1)
    await turn()
    gone[0].cancel()
    await turn()
    await clock.advance(timedelta(seconds=1.1))

    assert done(stays) == 1


async def test_after_a_pause_calls_are_admitted_at_the_rate():
    clock = ManualClock(NOON)
    bucket = TokenBucket(clock, rate=4, burst=8)
    bucket.pause(timedelta(seconds=10))
    tasks = waiting(bucket, 3)
    await turn()
    await clock.advance(timedelta(seconds=9.9))
    during = done(tasks)
    await clock.advance(timedelta(seconds=0.7))

    assert (during, done(tasks)) == (0, 3)


@pytest.mark.parametrize(("named", "seconds"), [(timedelta(seconds=10), 10), (None, 1)])
async def test_a_throttled_call_pauses_the_bucket(named, seconds):
    bucket = TokenBucket(ManualClock(NOON), rate=4, burst=8)
    async with bucket.turn():
        pass
    unpaused = bucket.wait()
    with pytest.raises(Throttled, match="slow down"):
        async with bucket.turn():
            raise Throttled("slow down", named)

    assert (unpaused, bucket.wait()) == (0, seconds)


async def test_a_call_refused_by_the_bucket_does_not_pause_it():
    bucket = TokenBucket(ManualClock(NOON), rate=4, burst=1)
    await bucket.take()
    before = bucket.wait()
    with pytest.raises(Throttled):
        async with bucket.turn(patience=0.1):
            raise AssertionError("it was not its turn")

    assert bucket.wait() == before == 0.25


def test_a_bucket_that_admits_nothing_is_refused():
    with pytest.raises(ValueError, match="rate above 0"):
        TokenBucket(ManualClock(NOON), rate=0, burst=1)


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(0, 6)), max_size=20), st.floats(0.5, 10), st.integers(1, 10))
def test_never_more_than_burst_and_rate_allow(steps, rate, burst):
    async def play():
        clock = ManualClock(NOON)
        bucket = TokenBucket(clock, rate, burst)
        tasks = []
        for pause, calls in steps:
            tasks += waiting(bucket, calls)
            await turn()
            await clock.advance(timedelta(seconds=pause))
            assert done(tasks) <= burst + rate * clock.monotonic() + 1e-3
        bucket.close()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(play())
