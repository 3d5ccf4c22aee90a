"""Time of a reload of the policy, from the changed policy in memory to its use, and the longest stop of the event loop meanwhile.

    python benchmarks/reload.py [POOLS]

Limit: 1 s of processor time for 10,000 pools of which one has changed, and no tick is skipped: one is due during each reload.
Reading and validating the file comes before that, in a thread beside the ticks, and is measured separately. The fake provider
answers immediately. Other processes of the machine lengthen the elapsed time, not the processor time.
"""

import asyncio
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from status import Providers

from adapters.kinds import policy_kinds
from adapters.runtime.clock import ManualClock
from config.loading.loader import load_policy
from config.model.policy import Objective, Policy, PoolPolicy
from controller.daemon.daemon import Daemon
from controller.metrics.tick_counters import Ended

LIMIT_SECONDS = 1.0
LEVER = "{{kind: lambda-provisioned-concurrency, region: us-east-1, function: {0}, alias: live}}"
POOL = "  - {{name: {0}, lever: " + LEVER + ", max: 50}}\n"


class Never:
    """Scheduler that runs no job: ticks are made by hand."""

    def every(self, name, interval, job):
        pass

    def start(self):
        pass

    def stop(self):
        pass


class Subsets(Providers):
    """Providers whose sources have only the pools that are asked for."""

    def sources(self, pools):
        asked = {pool.name for pool in pools}
        return [(source, tuple(name for name in names if name in asked)) for source, names in super().sources(pools)]


async def main(pools: int) -> None:
    names = tuple(f"pool-{number:05}" for number in range(pools))
    clock = ManualClock(datetime.now(UTC).replace(second=5, microsecond=0))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "policy.yaml"
        file.write_text("version: 1\npools:\n" + "".join(POOL.format(name) for name in names))
        began = time.perf_counter()
        policy = load_policy(file, policy_kinds())
        print(f"read and validate a file of {pools} pools: {time.perf_counter() - began:.2f} s of processor time in a thread")
        extra = tuple(pool.model_copy(update={"name": "added", "lever": pool.lever.model_copy(update={"function": "added"})})
                      for pool in policy.pools[:1])
        service, stop = Daemon(policy, Subsets(clock, (*names, "added"), 60), clock, Path(folder), port=0,
                               scheduler=Never()), asyncio.Event()
        running = asyncio.create_task(service.run(stop))
        while service.runtime is None or service.runtime.components.fleet.last is None:
            if running.done():
                await running
            await asyncio.sleep(0.05)
        while service.runtime.tick.running or not (Path(folder) / "learned-0.npz").exists():  # written after the first tick
            await asyncio.sleep(0.05)
        slowest = 0.0
        for text, change in (
            ("a ceiling", with_first(policy, max=40)),
            ("an objective", with_first(policy, max=40, objective=Objective(cold_start_cost_usd=1.0))),
            ("the mode", with_first(policy, max=40, mode="active", objective=Objective(cold_start_cost_usd=1.0))),
            ("a pool is added", policy.model_copy(update={"pools": policy.pools + extra})),
            ("a pool is removed", policy),
        ):
            seconds = await reloaded(service, clock, change, text)
            slowest = max(slowest, seconds)
        skipped = service.runtime.published.ticks.ended[Ended.SKIPPED]
        print(f"ticks skipped: {skipped}; slowest reload {slowest:.2f} s, limit {LIMIT_SECONDS:g} s")
        stop.set()
        await running
    sys.exit(skipped > 0 or slowest > LIMIT_SECONDS)


def with_first(policy: Policy, **changes: object) -> Policy:
    """Return the policy with changes of its first pool."""
    first: PoolPolicy = policy.pools[0].model_copy(update=changes)
    return policy.model_copy(update={"pools": (first, *policy.pools[1:])})


async def reloaded(service: Daemon, clock: ManualClock, policy: Policy, text: str) -> float:
    """Use a policy, then run a tick. Print and return the seconds until the policy was in use."""
    stops, used, began, cpu = [0.0], [], time.perf_counter(), time.process_time()

    async def watched() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            after = time.perf_counter()
            stops.append(after - before - 0.005)
            if service.runtime.policy is policy:
                used.append((after - began, time.process_time() - cpu))

    watch = asyncio.create_task(watched())
    reload = asyncio.create_task(service.runtime.reloader.change(lambda _: policy, "benchmark"))
    clock.set(clock.now() + timedelta(minutes=1))
    while not reload.done() and service.runtime.policy is not policy:
        await asyncio.sleep(0.005)
    tick = asyncio.create_task(service.runtime.tick.run())
    await reload
    used.append((time.perf_counter() - began, time.process_time() - cpu))
    total = time.perf_counter() - began
    watch.cancel()
    with suppress(asyncio.CancelledError):
        await watch
    elapsed, seconds = used[0]
    await tick
    print(f"{text}: in use after {seconds:.2f} s of processor time ({elapsed:.2f} s elapsed), pages after {total:.2f} s, longest "
          f"stop of the event loop {max(stops):.2f} s")
    return seconds


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    asyncio.run(main(*(int(each) for each in sys.argv[1:] or ["10000"])))
