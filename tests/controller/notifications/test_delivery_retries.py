"""Delivery to one sink: order, retries, rate limits and the queue."""

import asyncio
import contextlib
from collections import Counter
from datetime import timedelta

import numpy as np
import pytest

from adapters.ports.errors import PermissionDenied, Throttled, Unreachable
from adapters.runtime.clock import ManualClock
from config.model.notify import Sink
from controller.notifications.delivery_retries import LONGEST_SECONDS, MOST_PER_HOUR, QUEUE_LIMIT, TRIES, SinkDelivery
from controller.notifications.notice import notice_of
from controller.notifications.sending_rules import Change
from tests.builders import NOON


class Scripted:
    """Poster that raises the errors in `failures` first, then accepts; records the time of each try."""

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
    delivery = SinkDelivery(sink, "https://x.example", None, "s", poster, clock, np.random.default_rng(3))
    task = asyncio.create_task(delivery.run())
    try:
        yield delivery, poster, clock
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def pass_by(clock, seconds, step=1.0):
    for _ in range(int(seconds / step)):
        await clock.advance(timedelta(seconds=step))
        await asyncio.sleep(0)


async def test_messages_are_sent_in_order_at_least_1_s_apart():
    async with delivering() as (delivery, poster, clock):
        delivery.enqueue(notice(at) for at in range(3))
        await pass_by(clock, 10, 0.5)

    assert poster.taken == [notice(at).id for at in range(3)]
    assert all(np.diff(poster.tries) >= 1)
    assert delivery.outcomes == Counter({"delivered": 3})


async def test_retries_back_off_exponentially_with_the_same_id():
    async with delivering() as (delivery, poster, clock):
        poster.failures = [Unreachable("no")] * 6
        delivery.enqueue([notice(1), notice(2)])
        await pass_by(clock, 120)

    waits = np.diff(poster.tries[:7])
    assert all(2.0**at / 2 <= wait <= 2.0**at + 1.5 for at, wait in enumerate(waits))
    assert poster.taken == [notice(1).id, notice(2).id]
    assert delivery.outcomes == Counter({"retried": 6, "delivered": 2})


async def test_retry_after_is_respected():
    async with delivering() as (delivery, poster, clock):
        poster.failures = [Throttled("slow", timedelta(seconds=40))]
        delivery.enqueue([notice(1)])
        await pass_by(clock, 60)

    assert np.diff(poster.tries)[0] >= 40


async def test_a_notice_is_dropped_after_12_tries_and_the_next_is_sent():
    async with delivering() as (delivery, poster, clock):
        poster.failures = [Unreachable("no")] * TRIES
        delivery.enqueue([notice(1), notice(2)])
        await pass_by(clock, TRIES * LONGEST_SECONDS, 10)

    assert poster.taken == [notice(2).id]
    assert (delivery.outcomes["given-up"], delivery.outcomes["delivered"]) == (1, 1)


async def test_a_refused_notice_is_not_retried():
    async with delivering() as (delivery, poster, clock):
        poster.failures = [PermissionDenied("revoked")]
        delivery.enqueue([notice(1)])
        await pass_by(clock, 60)

    assert len(poster.tries) == 1
    assert delivery.outcomes == Counter({"refused": 1})


async def test_a_full_queue_drops_the_oldest():
    async with delivering() as (delivery, poster, _):
        poster.failures = [Unreachable("no")] * 3
        delivery.enqueue(notice(at) for at in range(QUEUE_LIMIT + 10))
        assert (len(delivery.waiting), delivery.outcomes["dropped"]) == (QUEUE_LIMIT, 10)
        assert delivery.waiting[0].id == notice(10).id


async def test_at_most_60_messages_are_sent_per_hour():
    async with delivering() as (delivery, poster, clock):
        delivery.enqueue(notice(at) for at in range(MOST_PER_HOUR + 5))
        await pass_by(clock, 600, 1)
        assert len(poster.taken) == MOST_PER_HOUR
        await pass_by(clock, 3200, 10)

    assert len(poster.taken) == MOST_PER_HOUR + 5


async def test_a_sink_receives_only_its_reasons():
    async with delivering(Sink(name="ops", kind="webhook", url="https://x.example", reasons=("started",))) as (delivery, _, _):
        delivery.enqueue([notice(1)])

    assert not delivery.waiting


@pytest.mark.parametrize("count", [1, 5])
async def test_idle_is_set_when_the_queue_is_empty(count):
    async with delivering() as (delivery, _, clock):
        delivery.enqueue(notice(at) for at in range(count))
        assert not delivery.idle.is_set()
        await pass_by(clock, 20)
        assert delivery.idle.is_set()
