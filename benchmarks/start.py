"""Time from start to the first plan of every pool, with stored history.

    python benchmarks/start.py [POOLS] [DAYS]

Limit: 10 s for 1,000 pools with 14 days of minutes each. The fake provider answers immediately. With a real provider, its request
limits add time, and a pool holds its capacity until it was read.
"""

import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import structlog
from status import Providers

from adapters.kinds import policy_kinds
from adapters.runtime.clock import ManualClock
from config.model.policy import Assume, Policy, PoolPolicy
from controller.daemon.daemon import Daemon
from controller.decision.planning.reason_codes import ReasonCode
from controller.demand.pool_group import Budget
from controller.fleet import builder
from controller.store.state_dir import STORE_NAME
from controller.store.state_store import Store
from forecasting.demand import DemandSeries, minute_of


def fill(path: Path, names: tuple[str, ...], end: int, days: int) -> None:
    """Store `days` of synthetic daily traffic of every pool."""
    rng, minutes = np.random.Generator(np.random.PCG64(7)), np.arange(days * 1440)
    shape = 10 * (1 + np.sin(minutes / 1440 * 2 * np.pi))
    with Store(path) as store:
        for at in range(0, len(names), 100):
            batch = {}
            for name in names[at:at + 100]:
                rows = rng.poisson(shape).astype(np.float32)
                batch[name] = DemandSeries(end - len(rows), rows, rows * np.float32(0.8), rows)
            store.save_demands(batch)


async def main(pools: int, days: int) -> None:
    names = tuple(f"pool-{number:05}" for number in range(pools))
    kind = policy_kinds().levers["lambda-provisioned-concurrency"]
    lever = kind(kind="lambda-provisioned-concurrency", region="us-east-1", function="agent", alias="live")
    policy = Policy.model_construct(
        version=1, assume=Assume(),
        pools=tuple(PoolPolicy(name=name, lever=lever, max=50, memory_mb=1024) for name in names))
    clock = ManualClock(datetime.now(UTC).replace(second=5, microsecond=0))
    with tempfile.TemporaryDirectory() as folder:
        start_at = time.perf_counter()
        fill(Path(folder) / STORE_NAME, names, minute_of(clock.now()) - 1, days)
        print(f"(filling the store took {time.perf_counter() - start_at:.1f} s)")
        for text in ("without a stored selector state", "after a clean shutdown", "after another clean shutdown"):
            await start(policy, names, clock, folder, text)


async def start(policy: Policy, names: tuple[str, ...], clock: ManualClock, folder: str, text: str) -> None:
    """Run a daemon until every pool has its first plan, and print the time."""
    start_at = time.perf_counter()
    service, stop = Daemon(policy, Providers(clock, names, 60), clock, Path(folder), port=0), asyncio.Event()
    builder.BUDGETS = {"lambda-provisioned-concurrency": Budget(len(names), len(names))}
    running = asyncio.create_task(service.run(stop))
    while not planned(service, len(names)):
        if running.done():
            await running
        clock.set(clock.now() + timedelta(milliseconds=10))
        await asyncio.sleep(0.01)
    print(f"{len(names)} pools, {text}: {time.perf_counter() - start_at:.1f} s from start to every pool's first plan")
    stop.set()
    await running
    clock.set(clock.now() + timedelta(minutes=1))


def planned(service: Daemon, pools: int) -> bool:
    """Return whether every pool has a plan from a proposal."""
    if service.runtime is None or len(service.runtime.components.fleet.plans) < pools:
        return False
    return all(plan.reasons[0].code is ReasonCode.PROPOSED for plan in service.runtime.components.fleet.plans.values())


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    arguments = [int(each) for each in sys.argv[1:]]
    asyncio.run(main(*(arguments + [1_000, 14][len(arguments):])))
