"""A reload changes the sinks of a running daemon; what waits for a sink that stays is not lost."""

import asyncio

import pytest
from numpy.random import PCG64, Generator

from adapters.runtime.clock import ManualClock
from config.model.notify import Sink
from controller.notifications.notifier import notifier_for
from controller.store.async_store import AsyncStore
from controller.store.state_store import Store
from tests.builders import NOON, pool_policy
from tests.worlds import policy_of


def sink(name, **changes):
    return Sink(**({"name": name, "kind": "webhook", "url": "http://127.0.0.1:9/hook"} | changes))


@pytest.fixture
async def notifier(tmp_path):
    policy = policy_of([pool_policy()]).model_copy(update={"notify": (sink("stays"), sink("goes"))})
    store, clock = AsyncStore(Store(tmp_path / "stoker.db")), ManualClock(NOON)
    opened = notifier_for(policy, clock, Generator(PCG64(1)))(store)
    yield opened
    for task in opened._tasks:
        task.cancel()
    await asyncio.gather(*opened._tasks, return_exceptions=True)
    await opened._poster.close()
    await store.close()


async def test_other_sinks_are_used_and_waiting_notices_stay(notifier):
    await notifier.start()
    notifier.notify("started", "Stoker has started")
    await notifier.follow((sink("stays", reasons=("started",)), sink("new")))

    assert [each.sink.name for each in notifier.deliveries] == ["stays", "new"]
    assert [[notice.code for notice in each.waiting] for each in notifier.deliveries] == [["started"], []]


async def test_equal_sinks_stay_as_they_are(notifier):
    await notifier.start()
    before = notifier.deliveries
    await notifier.follow((sink("stays"), sink("goes")))

    assert notifier.deliveries is before


async def test_without_sinks_nothing_is_sent_and_a_later_one_receives(notifier):
    await notifier.start()
    await notifier.follow(())
    notifier.notify("started", "Stoker has started")
    await notifier.follow((sink("later"),))
    notifier.notify("stopping", "Stoker is stopping")

    assert [[notice.code for notice in each.waiting] for each in notifier.deliveries] == [["stopping"]]
