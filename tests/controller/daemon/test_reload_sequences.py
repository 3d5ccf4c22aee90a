"""A sequence of reloads ends as a restart with the last policy does: the plans of pools that no reload changed are the same."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.runtime.clock import ManualClock
from config.model.policy import Objective
from controller.daemon.runtime import build
from controller.daemon.settings import Settings
from controller.http.auth import BearerAuth
from controller.http.published_state import PublishedState
from controller.store.async_store import AsyncStore
from controller.store.state_store import Store
from tests.builders import NOON, alias_of, pool_policy
from tests.fakes import FakeLever, FakeProviders, FakeSource
from tests.worlds import policy_of

MINUTE = timedelta(minutes=1)
UNCHANGED = ("a", "b")
OTHERS = ("c", "d", "e")
TRAFFIC = {name: (lambda minute, at=at: float((minute * (at + 3)) % 7 + (minute // 60) % 3)) for at, name in
           enumerate((*UNCHANGED, *OTHERS))}
CHANGES = ({"max": 3}, {"mode": "shadow"}, {"objective": Objective(cold_start_cost_usd=2.0)}, {"min": 1}, {"memory_mb": 512})
"""Changes of a pool; none of them concerns the others."""

KINDS = ("add", "remove", *range(len(CHANGES)))
steps = st.lists(st.tuples(st.sampled_from(OTHERS), st.sampled_from(KINDS)), min_size=1, max_size=4)


def pool(name, changes=()):
    return pool_policy(name=name, lever=alias_of(name), **dict(changes))


def after(policy, step):
    """The policy after a step: a pool is added, removed or changed."""
    name, what = step
    pools = {each.name: each for each in policy.pools}
    if what == "remove":
        pools.pop(name, None)
    elif what == "add" or name not in pools:
        pools.setdefault(name, pool(name))
    else:
        pools[name] = pool(name, CHANGES[what])
    return policy.model_copy(update={"pools": tuple(pools.values())})


@asynccontextmanager
async def running(folder, policy, clock, levers):
    """The runtime of a daemon without HTTP, whose ticks are made by hand."""
    source = FakeSource(TRAFFIC, history=timedelta(hours=3))
    options = Settings(policy, FakeProviders([(source, tuple(TRAFFIC))], clock, levers), clock)
    store = AsyncStore(Store(folder / "stoker.db"))
    try:
        published = PublishedState(policy, clock, store, MINUTE, options.providers.calls, BearerAuth(None))
        yield await build(options, store, published, "http://127.0.0.1:0")
    finally:
        await store.close()


async def ticked(runtime, clock, count):
    """Run ticks a minute apart; return the plans of the pools that never change, without the times of the run."""
    plans = []
    for _ in range(count):
        await clock.advance(MINUTE)
        await runtime.tick.run()
        plans.append({name: shown(runtime.components.fleet.plans[name]) for name in UNCHANGED})
    return plans


def shown(plan):
    return plan.target, plan.action, [(reason.code, reason.text) for reason in plan.reasons]


@settings(deadline=None, max_examples=2)
@given(steps)
def test_plans_of_unchanged_pools_are_those_of_a_daemon_with_the_last_policy(tmp_path_factory, steps):
    asyncio.run(compared(tmp_path_factory.mktemp("reload"), tmp_path_factory.mktemp("plain"), steps))


async def compared(reloading, plain, steps):
    first = policy_of([pool(name) for name in (*UNCHANGED, "c")])
    clock, last, seen = ManualClock(NOON), first, []
    async with running(reloading, first, clock, {name: FakeLever(clock) for name in TRAFFIC}) as runtime:
        seen += await ticked(runtime, clock, 3)
        for step in steps:
            last = after(last, step)
            await runtime.reloader.change(lambda _, policy=last: policy, "test")
            seen += await ticked(runtime, clock, 2)
        seen += await ticked(runtime, clock, 3)
        assert runtime.components.policy.counts["refused"] == 0
    clock = ManualClock(NOON)
    async with running(plain, last, clock, {name: FakeLever(clock) for name in TRAFFIC}) as runtime:
        expected = await ticked(runtime, clock, len(seen))

    assert seen == expected
