import asyncio
import contextlib
from collections import Counter
from datetime import timedelta

import numpy as np
import pytest

from adapters.ports.errors import PermissionDenied, Throttled, Unreachable
from adapters.runtime.clock import ManualClock
from config.model.notify import Sink
from controller.notifications.delivery import AN_HOUR, LONGEST_SECONDS, TRIES, WAITING, SinkDelivery
from controller.notifications.notice import Change, notice_of
from tests.builders import NOON


class Scripted:
    """Takes messages, or fails as told first; notes when each try came."""

    def __init__(self, clock):
        self.clock, self.failures, self.tries, self.taken = clock, [], [], []

    async def post(self, name, url, body, headers):
        self.tries.append(self.clock.monotonic())
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append(headers["Idempotency-Key"])


def notice(at):
    return notice_of("fault", "active", [Change(f"pool-{at}", "fault", "x")], NOON, "s")


@contextlib.asynccontextmanager
async def delivering(sink=None):
    clock = ManualClock(NOON)
    poster = Scripted(clock)
    sink = sink or Sink(name="ops", kind="webhook", url="https://x.example")
    courier = SinkDelivery(sink, "https://x.example", None, "s", poster, clock, np.random.default_rng(3))
    task = asyncio.create_task(courier.run())
    try:
        yield courier, poster, clock
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def pass_by(clock, seconds, step=1.0):
    for _ in range(int(seconds / step)):
        await clock.advance(timedelta(seconds=step))
        await asyncio.sleep(0)


async def test_messages_come_in_order_and_a_second_apart():
    async with delivering() as (courier, poster, clock):
        courier.take(notice(at) for at in range(3))
        await pass_by(clock, 10, 0.5)

    assert poster.taken == [notice(at).id for at in range(3)]
    assert all(np.diff(poster.tries) >= 1)
    assert courier.outcomes == Counter({"delivered": 3})


async def test_a_failure_is_tried_again_later_and_later_and_with_the_same_id():
    async with delivering() as (courier, poster, clock):
        poster.failures = [Unreachable("no")] * 6
        courier.take([notice(1), notice(2)])
        await pass_by(clock, 120)

    waits = np.diff(poster.tries[:7])
    assert all(2.0**at / 2 <= wait <= 2.0**at + 1.5 for at, wait in enumerate(waits))
    assert poster.taken == [notice(1).id, notice(2).id]
    assert courier.outcomes == Counter({"retried": 6, "delivered": 2})


async def test_a_receiver_that_asks_for_a_pause_gets_it():
    async with delivering() as (courier, poster, clock):
        poster.failures = [Throttled("slow", timedelta(seconds=40))]
        courier.take([notice(1)])
        await pass_by(clock, 60)

    assert np.diff(poster.tries)[0] >= 40


async def test_it_is_given_up_after_so_many_tries_and_the_next_has_its_turn():
    async with delivering() as (courier, poster, clock):
        poster.failures = [Unreachable("no")] * TRIES
        courier.take([notice(1), notice(2)])
        await pass_by(clock, TRIES * LONGEST_SECONDS, 10)

    assert poster.taken == [notice(2).id]
    assert (courier.outcomes["given-up"], courier.outcomes["delivered"]) == (1, 1)


async def test_what_will_not_pass_is_not_tried_again():
    async with delivering() as (courier, poster, clock):
        poster.failures = [PermissionDenied("revoked")]
        courier.take([notice(1)])
        await pass_by(clock, 60)

    assert len(poster.tries) == 1
    assert courier.outcomes == Counter({"refused": 1})


async def test_the_queue_is_bounded_and_the_oldest_gives_way():
    async with delivering() as (courier, poster, _):
        poster.failures = [Unreachable("no")] * 3
        courier.take(notice(at) for at in range(WAITING + 10))
        assert (len(courier.waiting), courier.outcomes["dropped"]) == (WAITING, 10)
        assert courier.waiting[0].id == notice(10).id


async def test_an_hour_has_so_many_messages_at_most():
    async with delivering() as (courier, poster, clock):
        courier.take(notice(at) for at in range(AN_HOUR + 5))
        await pass_by(clock, 600, 1)
        assert len(poster.taken) == AN_HOUR
        await pass_by(clock, 3200, 10)

    assert len(poster.taken) == AN_HOUR + 5


async def test_a_sink_is_told_only_what_it_wants():
    async with delivering(Sink(name="ops", kind="webhook", url="https://x.example", reasons=("started",))) as (courier, _, _):
        courier.take([notice(1)])

    assert not courier.waiting


@pytest.mark.parametrize("count", [1, 5])
async def test_idle_is_told_once_all_is_delivered(count):
    async with delivering() as (courier, _, clock):
        courier.take(notice(at) for at in range(count))
        assert not courier.idle.is_set()
        await pass_by(clock, 20)
        assert courier.idle.is_set()
